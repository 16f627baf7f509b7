mod drawing;
mod pillow;
mod policies;
mod timm;

use crate::data::Picture;

/// A picture by formula, of strong colours.
fn sample(width: usize, height: usize) -> Picture {
    let rgb = (0..width * height)
        .flat_map(|i| {
            let (x, y) = (i % width, i / width);
            [(x * 17 + y) as u8, (y * 11 + x) as u8, (x * y + 40) as u8]
        })
        .collect();
    Picture { width, height, rgb }
}
