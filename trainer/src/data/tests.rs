mod check;
mod containers;
mod decode;
mod fit;
mod folders;
mod loader;
mod parquet;
mod preprocess;
mod shards;
mod synthetic;

use std::{fs, path::Path};

use super::Picture;

/// A picture in which every pixel differs from its neighbours.
fn sample(width: usize, height: usize) -> Picture {
    let rgb = (0..width * height)
        .flat_map(|i| {
            let (x, y) = (i % width, i / width);
            [(x * 7 + y) as u8, (y * 11 + x) as u8, (x * y + 40) as u8]
        })
        .collect();
    Picture { width, height, rgb }
}

fn encode(picture: &Picture, format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let image = image::RgbImage::from_raw(
        picture.width as u32,
        picture.height as u32,
        picture.rgb.clone(),
    )
    .unwrap();
    image::DynamicImage::ImageRgb8(image)
        .write_to(&mut bytes, format)
        .unwrap();
    bytes.into_inner()
}

fn png(picture: &Picture) -> Vec<u8> {
    encode(picture, image::ImageFormat::Png)
}

/// A picture whose first pixel is its number.
fn numbered(number: usize) -> Picture {
    let mut picture = sample(5, 5);
    picture.rgb[0] = number as u8;
    picture.rgb[1] = (number >> 8) as u8;
    picture
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// `counts.len()` classes `a`, `b`, … with so many pictures each, all different.
fn class_folders(root: &Path, counts: &[usize]) {
    let mut number = 0;
    for (class, &count) in counts.iter().enumerate() {
        let name = char::from(b'a' + class as u8).to_string();
        for i in 0..count {
            write(
                &root.join(&name).join(format!("{i:03}.png")),
                &png(&numbered(number)),
            );
            number += 1;
        }
    }
}

fn shown(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
