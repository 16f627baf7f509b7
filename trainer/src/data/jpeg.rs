//! JPEG, strictly: a photograph that breaks off is an error, not a photograph with a grey tail.

use image::{DynamicImage, RgbImage, metadata::Orientation};
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

use super::{
    Picture,
    decode::{Fault, check_size, upright},
};

/// Scans in a progressive file. Real ones have about ten; each one costs a pass over the picture, so thousands are an attack.
const MAX_SCANS: usize = 100;

/// Decodes a JPEG to upright RGB. CMYK is taken as Adobe writes it, inverted, as Pillow does.
pub(super) fn decode(bytes: &[u8]) -> Result<Picture, Fault> {
    let (width, height) = survey(bytes)?;
    check_size(width, height)?;
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX)
        .jpeg_set_max_scans(MAX_SCANS)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let rgb = decoder.decode().map_err(Fault::damaged)?;
    let (width, height) = decoder
        .dimensions()
        .ok_or_else(|| Fault::damaged("has no frame header"))?;
    let orientation = decoder
        .exif()
        .and_then(|chunk| Orientation::from_exif_chunk(chunk))
        .unwrap_or(Orientation::NoTransforms);
    let image = RgbImage::from_raw(width as u32, height as u32, rgb)
        .ok_or_else(|| Fault::damaged("has fewer pixels than its header says"))?;
    Ok(upright(DynamicImage::ImageRgb8(image), orientation))
}

/// Walks the markers (ITU-T T.81, annex B) to the end of the image and returns width and height.
///
/// The decoder's strict mode misses a file cut within its last row of blocks or between two progressive scans; a walk that
/// must meet the end marker does not. Thumbnails lie inside segments, so their end markers are stepped over.
fn survey(bytes: &[u8]) -> Result<(usize, usize), Fault> {
    let cut = || Fault::damaged("breaks off before its end");
    let mut size = None;
    let mut scans = 0;
    let mut at = 2;
    loop {
        // The next marker: entropy-coded data, its stuffed zeros and its restart markers are passed over.
        let marker = loop {
            match *bytes.get(at..at + 2).ok_or_else(cut)? {
                [0xFF, 0xFF] => at += 1,
                [0xFF, marker] if marker != 0 && !(0xD0..=0xD7).contains(&marker) => break marker,
                _ => at += 1,
            }
        };
        at += 2;
        match marker {
            0xD9 => break,
            0x01 | 0xD8 => continue,
            _ => {}
        }
        let length = match *bytes.get(at..at + 2).ok_or_else(cut)? {
            [high, low] => usize::from(u16::from_be_bytes([high, low])),
            _ => return Err(cut()),
        };
        let segment = bytes.get(at..at + length.max(2)).ok_or_else(cut)?;
        match marker {
            // Frame headers: precision, height, width. The decoder takes the first and finds a second too late.
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) && size.is_some() => {
                return Err(Fault::damaged("has two frame headers"));
            }
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                let &[_, _, _, h1, h0, w1, w0, ..] = segment else {
                    return Err(Fault::damaged("has a frame header that is too short"));
                };
                let side = |high, low| usize::from(u16::from_be_bytes([high, low]));
                size = Some((side(w1, w0), side(h1, h0)));
            }
            0xDA => scans += 1,
            _ => {}
        }
        at += length.max(2);
    }
    match (size, scans) {
        (_, 0) => Err(Fault::damaged("has no picture data")),
        (_, scans) if scans > MAX_SCANS => Err(Fault::damaged(format!(
            "has {scans} scans, over the cap of {MAX_SCANS}"
        ))),
        (None, _) => Err(Fault::damaged("has no frame header")),
        (Some(size), _) => Ok(size),
    }
}
