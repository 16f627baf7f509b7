//! Pictures of every kind train; damaged ones are left out, counted and named.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat};
use jpeg_encoder::{ColorType, Encoder};

use crate::support::{Place, run};

fn shades(width: u32, height: u32) -> image::RgbImage {
    image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([(20 * x) as u8, (10 * y) as u8, 99])
    })
}

pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    written(shades(width, height), ImageFormat::Png)
}

/// Class folders with pictures, a different one each.
pub(crate) fn class_folders(place: &Place, folder: &str, classes: &[&str], pictures: usize) {
    for class in classes {
        for i in 0..pictures {
            place.write(
                &format!("{folder}/{class}/{i:03}.png"),
                png(8 + i as u32 % 5, 8 + i as u32 % 3),
            );
        }
    }
}

fn written(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn jpeg(colours: ColorType, channels: usize, exif: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 90);
    if let Some(exif) = exif {
        encoder.add_exif_metadata(exif).unwrap();
    }
    let numbers: Vec<u8> = (0..9 * 7 * channels).map(|i| (i * 37) as u8).collect();
    encoder.encode(&numbers, 9, 7, colours).unwrap();
    bytes
}

/// A bitmap that claims 65,535 × 65,535 pixels: twelve gigabytes once decoded.
fn huge() -> Vec<u8> {
    let mut bytes = written(image::RgbImage::new(2, 2), ImageFormat::Bmp);
    bytes[18..26].copy_from_slice(&[0xFF, 0xFF, 0, 0, 0xFF, 0xFF, 0, 0]);
    bytes
}

#[test]
fn grey_16_bit_palette_alpha_cmyk_and_rotated_pictures_train() {
    let place = Place::new();
    class_folders(&place, "data/train", &["cat", "dog"], 4);
    class_folders(&place, "data/val", &["cat", "dog"], 2);
    let deep = image::ImageBuffer::from_fn(9, 7, |x, y| {
        image::Rgb([4000u16 * x as u16, 9 * y as u16, 65_000])
    });
    let alpha = image::RgbaImage::from_fn(9, 7, |x, y| image::Rgba([x as u8, y as u8, 7, 128]));
    let grey = image::GrayImage::from_fn(9, 7, |x, y| image::Luma([(x * y) as u8]));
    // A little-endian TIFF header with one tag: turned by 90 degrees.
    let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let kinds = [
        (
            "deep.png",
            written(DynamicImage::ImageRgb16(deep), ImageFormat::Png),
        ),
        ("alpha.png", written(alpha, ImageFormat::Png)),
        ("grey.png", written(grey, ImageFormat::Png)),
        ("palette.gif", written(shades(9, 9), ImageFormat::Gif)),
        ("turned.jpg", jpeg(ColorType::Rgb, 3, Some(exif))),
        ("grey.jpg", jpeg(ColorType::Luma, 1, None)),
        ("print.jpg", jpeg(ColorType::Cmyk, 4, None)),
        // The content tells the format.
        ("really-a-png.jpg", png(9, 9)),
    ];
    for (name, bytes) in kinds {
        place.write(&format!("data/train/dog/{name}"), bytes);
    }
    // Of 16 pictures, one damaged would be more than 1 %: all of them have been decoded.
    let ran = run(place.tiny("--data-dir data --batch-size 16 --epochs 1")).done();
    assert!(!ran.stderr.contains("decoded"), "{ran}");
}

#[test]
fn damaged_pictures_are_left_out_counted_and_named_up_to_1_percent() {
    let place = Place::new();
    class_folders(&place, "data/train", &["cat", "dog"], 198);
    class_folders(&place, "data/val", &["cat", "dog"], 4);
    let whole = png(12, 12);
    place.write("data/train/cat/empty.png", b"");
    place.write("data/train/cat/text.jpg", b"This is not a picture.");
    place.write("data/train/dog/cut.png", &whole[..whole.len() / 2]);
    place.write("data/train/dog/huge.bmp", huge());
    let ran = run(place.tiny("--data-dir data --epochs 1")).done();
    assert!(!ran.stderr.contains("panicked"), "{ran}");
    for words in [
        "4 pictures could not be decoded",
        "empty.png",
        "text.jpg",
        "cut.png",
        "huge.bmp",
    ] {
        assert!(ran.stderr.contains(words), "{words:?} is missing: {ran}");
    }

    place.write("data/train/dog/fifth.png", &whole[..40]);
    run(place.tiny("--data-dir data --epochs 1 --experiment more")).refused(
        3,
        &["5 of 401 pictures", "more than 1 %", "triaxis data check"],
    );
}
