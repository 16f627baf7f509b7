use std::{
    io::{Cursor, Read},
    path::Path,
};

use flate2::{Compression, write::ZlibEncoder};
use image::{DynamicImage, ImageFormat};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use super::{encode, png, sample};
use crate::data::{
    DataError, MAX_SIDE, Picture, PictureFormat, decode, decode::png_decoder, read_picture, sniff,
};

const PATH: &str = "pictures/some file";

fn decoded(bytes: &[u8]) -> Picture {
    decode(bytes, Path::new(PATH)).unwrap()
}

fn refused(bytes: &[u8]) -> DataError {
    let error = decode(bytes, Path::new(PATH)).unwrap_err();
    assert!(error.to_string().contains(PATH), "{error}");
    assert_eq!(error.exit_code(), 3);
    assert!(error.is_one_picture());
    error
}

fn written(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A smooth picture, which JPEG keeps within a few steps.
fn smooth(width: usize, height: usize) -> Picture {
    let rgb = (0..width * height)
        .flat_map(|i| {
            let (x, y) = (i % width, i / width);
            [(40 + 2 * x) as u8, (200 - y) as u8, (60 + x + y) as u8]
        })
        .collect();
    Picture { width, height, rgb }
}

fn jpeg(picture: &Picture, change: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 95);
    change(&mut encoder);
    let (width, height) = (picture.width as u16, picture.height as u16);
    encoder
        .encode(&picture.rgb, width, height, ColorType::Rgb)
        .unwrap();
    bytes
}

fn assert_close(got: &Picture, expected: &Picture, tolerance: u8) {
    assert_eq!((got.width, got.height), (expected.width, expected.height));
    for (i, (a, b)) in got.rgb.iter().zip(&expected.rgb).enumerate() {
        assert!(
            a.abs_diff(*b) <= tolerance,
            "byte {i}: got {a}, expected {b}"
        );
    }
}

/// A little-endian TIFF header with one tag: orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    bytes.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

#[test]
fn lossless_formats_keep_every_pixel() {
    let picture = sample(13, 7);
    for format in [
        ImageFormat::Png,
        ImageFormat::Bmp,
        ImageFormat::Tiff,
        ImageFormat::WebP,
    ] {
        assert_eq!(decoded(&encode(&picture, format)), picture, "{format:?}");
    }
}

#[test]
fn jpeg_decodes_baseline_progressive_subsampled_and_with_restarts() {
    let picture = smooth(45, 37);
    for bytes in [
        jpeg(&picture, |_| {}),
        jpeg(&picture, |encoder| encoder.set_progressive(true)),
        jpeg(&picture, |encoder| {
            encoder.set_sampling_factor(SamplingFactor::F_2_2);
        }),
        jpeg(&picture, |encoder| encoder.set_restart_interval(3)),
    ] {
        assert_close(&decoded(&bytes), &picture, 10);
    }
}

#[test]
fn jpeg_grey_cmyk_and_ycck_decode_to_rgb() {
    let (width, height) = (16_u16, 16_u16);
    let encode = |data: &[u8], kind| {
        let mut bytes = Vec::new();
        Encoder::new(&mut bytes, 98)
            .encode(data, width, height, kind)
            .unwrap();
        decoded(&bytes)
    };
    let grey = encode(&[90; 256], ColorType::Luma);
    assert!(grey.rgb.iter().all(|value| value.abs_diff(90) <= 2));
    // The encoder inverts as Adobe does: half cyan, no magenta, all yellow, a fifth of black.
    let ink = [128, 0, 255, 51].repeat(256);
    for kind in [ColorType::Cmyk, ColorType::CmykAsYcck] {
        let picture = encode(&ink, kind);
        let pixel = &picture.rgb[..3];
        // (255 - ink) × (255 - black) / 255.
        for (got, expected) in pixel.iter().zip([102_u8, 204, 0]) {
            assert!(got.abs_diff(expected) <= 4, "{kind:?}: {pixel:?}");
        }
    }
}

#[test]
fn png_grey_16_bit_palette_and_alpha_decode_to_rgb() {
    let grey = image::GrayImage::from_fn(3, 2, |x, y| image::Luma([(x * 50 + y) as u8]));
    let got = decoded(&written(grey, ImageFormat::Png));
    assert_eq!(got.rgb[3..9], [50, 50, 50, 100, 100, 100]);

    let deep =
        image::ImageBuffer::from_fn(3, 2, |x, _| image::Rgb([x as u16 * 0x4141, 0xFFFF, 0x00FF]));
    let got = decoded(&written(DynamicImage::ImageRgb16(deep), ImageFormat::Png));
    assert_eq!(got.rgb[3..6], [0x41, 0xFF, 0x01]);

    // Alpha is dropped: the colour under a transparent pixel stays.
    let clear = image::RgbaImage::from_pixel(2, 2, image::Rgba([10, 20, 30, 0]));
    assert_eq!(
        decoded(&written(clear, ImageFormat::Png)).rgb,
        [10, 20, 30].repeat(4)
    );

    let mut palette = header(2, 1);
    palette.extend([(b"PLTE", vec![1, 2, 3, 200, 100, 50])]);
    // One row, filter 0, two pixels of 8 bits: stored without compression.
    palette.extend([(b"IDAT", zlib(&[0, 1, 0])), (b"IEND", vec![])]);
    assert_eq!(decoded(&chunks(&palette)).rgb, [200, 100, 50, 1, 2, 3]);
}

/// The header chunk of an 8-bit palette picture.
fn header(width: u32, height: u32) -> Vec<(&'static [u8; 4], Vec<u8>)> {
    let sizes = [width.to_be_bytes(), height.to_be_bytes()].concat();
    vec![(b"IHDR", [&sizes[..], &[8, 3, 0, 0, 0]].concat())]
}

fn chunks(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1A\n".to_vec();
    for (kind, data) in chunks {
        bytes.extend((data.len() as u32).to_be_bytes());
        bytes.extend(*kind);
        bytes.extend(data);
        bytes.extend(crc(&[*kind, &data[..]].concat()).to_be_bytes());
    }
    bytes
}

/// CRC-32 as PNG has it.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            crc >> 1 ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

/// One stored block.
fn zlib(data: &[u8]) -> Vec<u8> {
    let length = data.len() as u16;
    let (a, b) = data.iter().fold((1_u32, 0_u32), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    let mut bytes = vec![0x78, 0x01, 1];
    bytes.extend(length.to_le_bytes());
    bytes.extend((!length).to_le_bytes());
    bytes.extend(data);
    bytes.extend((b << 16 | a).to_be_bytes());
    bytes
}

#[test]
fn exif_orientation_turns_the_picture_upright() {
    let picture = smooth(24, 16);
    let straight = decoded(&jpeg(&picture, |_| {}));
    let turned = decoded(&jpeg(&picture, |encoder| {
        encoder.add_exif_metadata(&exif(6)).unwrap();
    }));
    assert_eq!((turned.width, turned.height), (16, 24));
    let pixel = |picture: &Picture, x: usize, y: usize| {
        let at = 3 * (y * picture.width + x);
        picture.rgb[at..at + 3].to_vec()
    };
    // A quarter turn clockwise: the lower left corner comes to the upper left.
    assert_eq!(pixel(&turned, 0, 0), pixel(&straight, 0, 15));
    assert_eq!(pixel(&turned, 15, 23), pixel(&straight, 23, 0));

    let picture = sample(3, 2);
    let mut bytes = png(&picture);
    let mut chunk = 26_u32.to_be_bytes().to_vec();
    let body = [&b"eXIf"[..], &exif(3)].concat();
    chunk.extend(&body);
    chunk.extend(crc(&body).to_be_bytes());
    // After the header chunk: 8 bytes of signature, 25 of header.
    bytes.splice(33..33, chunk);
    let mut half_turn = picture.rgb.chunks_exact(3).rev().flatten().copied();
    assert!(decoded(&bytes).rgb.into_iter().eq(half_turn.by_ref()));
}

#[test]
fn format_is_told_by_content() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.jpg");
    std::fs::write(&path, png(&sample(5, 7))).unwrap();
    assert_eq!(read_picture(&path).unwrap(), sample(5, 7));
    assert_eq!(sniff(&png(&sample(1, 1))), Some(PictureFormat::Png));
    assert_eq!(sniff(b"BM"), None);
}

#[test]
fn empty_text_zeros_and_noise_are_not_pictures() {
    for (bytes, found) in [
        (&b""[..], "an empty file"),
        (b"<html>404 not found</html>", "text"),
        (&[0; 100], "a file of zeros"),
        (b"\xFF\xD8", "breaks off"),
        (b"\x01\x02\x03\xFE\xDC", "unknown"),
    ] {
        let error = refused(bytes);
        assert!(matches!(error, DataError::NotAPicture { .. }));
        assert!(error.to_string().contains(found), "{error}");
    }
}

#[test]
fn truncated_pictures_are_errors_at_every_twentieth() {
    let picture = smooth(60, 50);
    let gif = written(
        image::RgbaImage::from_fn(60, 50, |x, y| {
            image::Rgba([x as u8 * 4, y as u8 * 5, 0, 255])
        }),
        ImageFormat::Gif,
    );
    let files = [
        ("jpeg", jpeg(&picture, |_| {})),
        (
            "progressive",
            jpeg(&picture, |encoder| encoder.set_progressive(true)),
        ),
        (
            "restarts",
            jpeg(&picture, |encoder| encoder.set_restart_interval(2)),
        ),
        ("png", png(&picture)),
        ("bmp", encode(&picture, ImageFormat::Bmp)),
        ("webp", encode(&picture, ImageFormat::WebP)),
        ("tiff", encode(&picture, ImageFormat::Tiff)),
        ("gif", gif),
    ];
    for (name, bytes) in files {
        decode(&bytes, Path::new(name)).unwrap();
        for twentieth in 0..20 {
            let cut = &bytes[..bytes.len() * twentieth / 20];
            let error = decode(cut, Path::new(name)).expect_err(name);
            assert!(error.is_one_picture(), "{name} at {twentieth}/20: {error}");
        }
    }
}

/// The decoder's own strict mode lets these pass.
#[test]
fn jpeg_with_two_frame_headers_is_an_error() {
    let bytes = jpeg(&smooth(16, 16), |_| {});
    let at = bytes.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
    let length = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
    let header = &bytes[at..at + 2 + length];
    // The first one announces 4 billion pixels, the second is the true one.
    let mut large = header.to_vec();
    large[5..9].copy_from_slice(&[0xFF; 4]);
    let mut two = bytes[..at].to_vec();
    two.extend(large);
    two.extend(&bytes[at..]);
    let text = refused(&two).to_string();
    assert!(text.contains("two frame headers"), "{text}");
}

#[test]
fn jpeg_cut_in_its_last_bytes_is_an_error() {
    for progressive in [false, true] {
        let bytes = jpeg(&smooth(60, 50), |encoder| {
            encoder.set_progressive(progressive);
        });
        for cut in 1..40 {
            let error = refused(&bytes[..bytes.len() - cut]);
            assert!(
                matches!(error, DataError::Damaged { format: "JPEG", .. }),
                "{error}"
            );
        }
    }
}

#[test]
fn flipped_bytes_never_panic_and_never_change_the_claimed_size() {
    let picture = smooth(30, 20);
    let files = [
        jpeg(&picture, |_| {}),
        png(&picture),
        encode(&picture, ImageFormat::Bmp),
        encode(&picture, ImageFormat::WebP),
        encode(&picture, ImageFormat::Tiff),
        encode(&picture, ImageFormat::Gif),
    ];
    for bytes in files {
        let step = (bytes.len() / 150).max(1);
        for at in (0..bytes.len()).step_by(step) {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x55;
            if let Ok(picture) = decode(&bytes, Path::new(PATH)) {
                assert_eq!(picture.rgb.len(), picture.width * picture.height * 3);
            }
        }
    }
}

#[test]
fn pictures_over_the_caps_are_refused_before_memory_is_taken() {
    for (width, height) in [
        (65_535, 65_535),
        (u32::MAX >> 1, 1),
        (1, 20_000),
        (16_000, 16_000),
        (0, 5),
    ] {
        let bomb = header(width, height);
        let bomb = chunks(&[bomb, vec![(b"IDAT", zlib(&[0; 100])), (b"IEND", vec![])]].concat());
        let error = refused(&bomb);
        let empty = width == 0;
        assert_eq!(
            matches!(error, DataError::TooLarge { .. }),
            !empty,
            "{error}"
        );
    }
    let mut large = jpeg(&smooth(16, 16), |_| {});
    let frame = large
        .windows(2)
        .position(|two| two == [0xFF, 0xC0])
        .unwrap();
    large[frame + 5..frame + 9].fill(0xFF);
    assert!(matches!(refused(&large), DataError::TooLarge { .. }));

    let mut bmp = encode(&sample(2, 2), ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&(MAX_SIDE as u32 + 1).to_le_bytes());
    assert!(matches!(refused(&bmp), DataError::TooLarge { .. }));
    let mut gif = encode(&sample(2, 2), ImageFormat::Gif);
    gif[6..10].fill(0xFF);
    assert!(matches!(refused(&gif), DataError::TooLarge { .. }));
}

/// The most memory that this process has had, in bytes.
#[cfg(target_os = "linux")]
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB");
    kib.parse::<u64>().unwrap() << 10
}

/// One chunk of a megabyte that unpacks to a gigabyte of zeros.
#[cfg(target_os = "linux")]
fn gigabyte_of_zeros() -> Vec<u8> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    std::io::copy(&mut std::io::repeat(0).take(1 << 30), &mut packed).unwrap();
    packed.finish().unwrap()
}

/// In a process of its own, since tests beside it take memory, too.
#[cfg(target_os = "linux")]
#[test]
fn bombs_are_refused_without_the_memory_that_they_claim() {
    const ALONE: &str = "data::tests::decode::bombs_are_refused_without_the_memory_that_they_claim";
    if std::env::var_os("TRIAXIS_TEST_ALONE").is_none() {
        let alone = std::process::Command::new(std::env::current_exe().unwrap())
            .args([ALONE, "--exact"])
            .env("TRIAXIS_TEST_ALONE", "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&alone.stdout);
        assert!(
            alone.status.success() && said.contains("1 passed"),
            "{said}"
        );
        return;
    }
    let packed = gigabyte_of_zeros();
    let palette = (b"PLTE", vec![0; 3]);
    let bomb = |width, height| {
        let parts = vec![
            palette.clone(),
            (b"IDAT", packed.clone()),
            (b"IEND", vec![]),
        ];
        chunks(&[header(width, height), parts].concat())
    };
    let files: Vec<Vec<u8>> = [
        (65_535, 65_535),
        (1 << 31, 1),
        (1, 1 << 31),
        (1 << 31, 1 << 31),
    ]
    .map(|(width, height)| bomb(width, height))
    .into();
    let small = bomb(4, 3);
    let before = most_memory();
    for file in &files {
        assert!(matches!(refused(file), DataError::TooLarge { .. }));
    }
    // What lies behind the last row is not unpacked.
    match decode(&small, Path::new(PATH)) {
        Ok(picture) => assert_eq!((picture.width, picture.height), (4, 3)),
        Err(error) => assert!(error.is_one_picture(), "{error}"),
    }
    let grown = most_memory() - before;
    assert!(grown < 64 << 20, "{grown} bytes more");
}

#[test]
fn a_colour_profile_is_no_way_in_for_a_bomb() {
    use image::ImageDecoder;
    let picture = sample(4, 4);
    let with_profile = |bytes: u64| {
        let mut packed = ZlibEncoder::new(b"name\0\0".to_vec(), Compression::fast());
        std::io::copy(&mut std::io::repeat(0).take(bytes), &mut packed).unwrap();
        let body = [&b"iCCP"[..], &packed.finish().unwrap()].concat();
        let mut file = png(&picture);
        let length = (body.len() as u32 - 4).to_be_bytes();
        let chunk = [&length[..], &body, &crc(&body).to_be_bytes()].concat();
        file.splice(33..33, chunk);
        file
    };
    let profile = |file: &[u8]| {
        let mut decoder = png_decoder(file).unwrap();
        decoder.icc_profile().unwrap().map(|profile| profile.len())
    };
    let (small, bomb) = (with_profile(5000), with_profile(64 << 20));
    assert_eq!((profile(&small), profile(&bomb)), (Some(5000), None));
    // The picture itself is there.
    assert_eq!(
        (decoded(&small), decoded(&bomb)),
        (picture.clone(), picture.clone())
    );
}

#[test]
fn missing_and_oversized_files_are_errors_with_their_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gone.png");
    let error = read_picture(&path).unwrap_err();
    assert!(
        error.is_one_picture() && error.to_string().contains("gone.png"),
        "{error}"
    );
    // A sparse file: no byte of it is read.
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(crate::data::MAX_FILE_BYTES + 1).unwrap();
    assert!(matches!(
        read_picture(&path),
        Err(DataError::TooLarge { .. })
    ));
}
