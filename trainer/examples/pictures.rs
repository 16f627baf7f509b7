//! `cargo run --example pictures FOLDER`: a picture of each class of the built-in data as a PNG file, for networks that
//! `make demo` trained.

use std::path::PathBuf;

use triaxis::data::{Dataset, Synthetic};
use triaxis::explain::png;

/// Of the pictures; the networks see them smaller.
const SIDE: usize = 256;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "pictures".into()));
    std::fs::create_dir_all(&folder)?;
    let classes = Synthetic::new(0, "validation", 0, SIDE).classes().len();
    let data = Synthetic::new(0, "validation", classes, SIDE);
    for index in 0..data.len() {
        let class = &data.classes()[data.label(index)];
        let file = folder.join(format!("{class}.png"));
        std::fs::write(&file, png(&data.picture(index)?))?;
    }
    Ok(())
}
