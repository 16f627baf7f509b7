//! Bytes nobody vouches for, to pixels or to an error that says what is wrong with them.
//!
//! The format is what the first bytes say; the file's name is for messages only. Sizes are checked in the header, before memory
//! is taken. Pixels come as Pillow's `convert("RGB")` gives them: grey is repeated, palettes are looked up, CMYK is multiplied
//! out, 16 bits are rounded to 8, and an alpha channel is dropped without compositing. EXIF orientation is applied (JPEG, PNG,
//! WebP, TIFF). Of an animation, the first picture counts.

use std::{
    fs::File,
    io::{Cursor, Read},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use image::{
    DynamicImage, ImageDecoder, ImageResult, Limits,
    codecs::{
        bmp::BmpDecoder, gif::GifDecoder, png::PngDecoder, tiff::TiffDecoder, webp::WebPDecoder,
    },
};

use super::{DataError, Picture, jpeg};

/// The longest side that is decoded, in pixels.
pub const MAX_SIDE: usize = 16_384;
/// The largest picture that is decoded, in pixels: 64 Mi.
pub const MAX_PIXELS: usize = 64 << 20;
/// The largest file that is read as one picture, in bytes: 256 MiB.
pub const MAX_FILE_BYTES: u64 = 256 << 20;

/// The most bytes that are unpacked of what lies beside a picture in its file: 32 MiB.
const MAX_BESIDE: u64 = 32 << 20;

/// The picture formats that are read.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum PictureFormat {
    /// JPEG, baseline or progressive.
    Jpeg,
    /// PNG.
    Png,
    /// GIF.
    Gif,
    /// Windows bitmap.
    Bmp,
    /// WebP, lossy or lossless.
    WebP,
    /// TIFF.
    Tiff,
}

impl PictureFormat {
    /// The format's usual name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Gif => "GIF",
            Self::Bmp => "BMP",
            Self::WebP => "WebP",
            Self::Tiff => "TIFF",
        }
    }
}

/// The format that the first bytes announce.
#[must_use]
pub fn sniff(bytes: &[u8]) -> Option<PictureFormat> {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    if starts(b"\xFF\xD8\xFF") {
        Some(PictureFormat::Jpeg)
    } else if starts(b"\x89PNG\r\n\x1A\n") {
        Some(PictureFormat::Png)
    } else if starts(b"GIF87a") || starts(b"GIF89a") {
        Some(PictureFormat::Gif)
    } else if starts(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some(PictureFormat::WebP)
    } else if starts(b"II*\0") || starts(b"MM\0*") {
        Some(PictureFormat::Tiff)
    } else if starts(b"BM") && bytes.len() >= 26 {
        Some(PictureFormat::Bmp)
    } else {
        None
    }
}

/// Reads and decodes the picture at `path`.
///
/// # Errors
///
/// Where the file cannot be read, is over [`MAX_FILE_BYTES`], or [`decode`] refuses it.
pub fn read_picture(path: &Path) -> Result<Picture, DataError> {
    decode(&read_capped(path, MAX_FILE_BYTES)?, path)
}

/// The whole file, unless it is larger than `cap`.
pub(super) fn read_capped(path: &Path, cap: u64) -> Result<Vec<u8>, DataError> {
    let failed = |source| DataError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let too_large = |length| DataError::TooLarge {
        path: path.to_owned(),
        found: format!("{length} bytes"),
        cap: format!("{cap} bytes"),
    };
    if length > cap {
        return Err(too_large(length));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    // A file may grow between the two calls.
    file.take(cap + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > cap {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}

/// Decodes a picture, whatever its format; `path` is for messages.
///
/// # Errors
///
/// Where the bytes are no picture, break off, contradict themselves, or announce a picture larger than [`MAX_SIDE`] or [`MAX_PIXELS`].
pub fn decode(bytes: &[u8], path: &Path) -> Result<Picture, DataError> {
    let Some(format) = sniff(bytes) else {
        return Err(DataError::NotAPicture {
            path: path.to_owned(),
            found: describe(bytes),
        });
    };
    // The decoders are other people's; should one panic on hostile bytes, the file is damaged and nothing else is.
    let result = catch_unwind(AssertUnwindSafe(|| match format {
        PictureFormat::Jpeg => jpeg::decode(bytes),
        PictureFormat::Png => {
            png_is_whole(bytes)?;
            finish(png_decoder(bytes))
        }
        PictureFormat::Gif => finish(GifDecoder::new(Cursor::new(bytes))),
        PictureFormat::Bmp => finish(BmpDecoder::new(Cursor::new(bytes))),
        PictureFormat::WebP => {
            webp_is_whole(bytes)?;
            finish(WebPDecoder::new(Cursor::new(bytes)))
        }
        PictureFormat::Tiff => finish(TiffDecoder::new(Cursor::new(bytes))),
    }))
    .unwrap_or_else(|_| Err(Fault::damaged("the decoder gave up on it")));
    result.map_err(|fault| match fault {
        Fault::Damaged(reason) => DataError::Damaged {
            path: path.to_owned(),
            format: format.name(),
            reason,
        },
        Fault::TooLarge { width, height } => DataError::TooLarge {
            path: path.to_owned(),
            found: format!("{width}×{height} pixels"),
            cap: format!("{MAX_SIDE} pixels a side and {MAX_PIXELS} in all"),
        },
    })
}

/// What is wrong with a picture, before its path is known.
pub(super) enum Fault {
    Damaged(String),
    TooLarge { width: usize, height: usize },
}

impl Fault {
    pub(super) fn damaged(reason: impl ToString) -> Self {
        Self::Damaged(reason.to_string())
    }
}

/// Refuses sizes over the caps, and empty pictures.
pub(super) fn check_size(width: usize, height: usize) -> Result<(), Fault> {
    if width == 0 || height == 0 {
        return Err(Fault::damaged(format!("{width}×{height} pixels")));
    }
    if width > MAX_SIDE || height > MAX_SIDE || width * height > MAX_PIXELS {
        return Err(Fault::TooLarge { width, height });
    }
    Ok(())
}

/// Pixels, turned upright.
pub(super) fn upright(
    mut image: DynamicImage,
    orientation: image::metadata::Orientation,
) -> Picture {
    image.apply_orientation(orientation);
    let rgb = image.into_rgb8();
    Picture {
        width: rgb.width() as usize,
        height: rgb.height() as usize,
        rgb: rgb.into_raw(),
    }
}

fn limits() -> Limits {
    let mut limits = Limits::no_limits();
    // Four 16-bit channels of the largest picture, and as much again to work in. Sides are checked by `check_size`, which says more.
    limits.max_alloc = Some(MAX_PIXELS as u64 * 16);
    limits
}

/// A reader of a PNG that unpacks no more of what lies beside the picture, such as a colour profile, than [`MAX_BESIDE`].
pub(super) fn png_decoder(bytes: &[u8]) -> ImageResult<PngDecoder<Cursor<&[u8]>>> {
    let mut limits = limits();
    limits.max_alloc = Some(MAX_BESIDE);
    PngDecoder::with_limits(Cursor::new(bytes), limits)
}

fn finish(decoder: ImageResult<impl ImageDecoder>) -> Result<Picture, Fault> {
    let mut decoder = decoder.map_err(Fault::damaged)?;
    let (width, height) = decoder.dimensions();
    check_size(width as usize, height as usize)?;
    decoder.set_limits(limits()).map_err(Fault::damaged)?;
    // Orientation is a courtesy of the file: metadata that cannot be read does not cost the picture.
    let orientation = decoder
        .orientation()
        .unwrap_or(image::metadata::Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder).map_err(Fault::damaged)?;
    Ok(upright(image, orientation))
}

/// Walks the chunks to `IEND`: the decoder stops caring once it has the last row. An oversized header is told apart on the way.
fn png_is_whole(bytes: &[u8]) -> Result<(), Fault> {
    let word = |at: usize| {
        let four = bytes.get(at..at + 4)?;
        Some(u32::from_be_bytes(four.try_into().ok()?) as usize)
    };
    if let (Some(width), Some(height)) = (word(16), word(20)) {
        check_size(width, height)?;
    }
    let mut at = 8;
    loop {
        // Length, type, data, check sum.
        let (Some(length), Some(kind)) = (word(at), bytes.get(at + 4..at + 8)) else {
            return Err(Fault::damaged("breaks off before its end"));
        };
        at = at.saturating_add(length).saturating_add(12);
        if at > bytes.len() {
            return Err(Fault::damaged("breaks off before its end"));
        }
        if kind == b"IEND" {
            return Ok(());
        }
    }
}

/// A WebP file says its own length.
fn webp_is_whole(bytes: &[u8]) -> Result<(), Fault> {
    match bytes.get(4..8).and_then(|four| four.try_into().ok()) {
        Some(four) if u64::from(u32::from_le_bytes(four)) + 8 <= bytes.len() as u64 => Ok(()),
        _ => Err(Fault::damaged("breaks off before its end")),
    }
}

fn describe(bytes: &[u8]) -> &'static str {
    let head = &bytes[..bytes.len().min(512)];
    if bytes.is_empty() {
        "an empty file"
    } else if bytes.iter().all(|&byte| byte == 0) {
        "a file of zeros"
    } else if head.starts_with(b"\xFF\xD8")
        || head.starts_with(b"\x89PNG")
        || head.starts_with(b"GIF8")
    {
        "a file that breaks off in its first bytes"
    } else if head
        .iter()
        .all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | 32..=126))
    {
        "text"
    } else {
        "an unknown format"
    }
}
