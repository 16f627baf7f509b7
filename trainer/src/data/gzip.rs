//! Gzip archives, unpacked into memory only as far as their content says that it goes.

use std::{fs::File, io::Read, path::Path};

use flate2::read::MultiGzDecoder;

use super::DataError;

/// The most bytes that an archive may unpack to: 4 GiB.
pub(super) const MAX_UNPACKED: u64 = 4 << 30;

/// Unpacks the archive at `path`. `length` tells from the first `head` bytes how long all of them should be; no more
/// than one byte beyond that, and none beyond [`MAX_UNPACKED`], is unpacked.
pub(super) fn unpack(
    path: &Path,
    head: usize,
    length: impl Fn(&[u8]) -> Option<u64>,
) -> Result<Vec<u8>, DataError> {
    let file = File::open(path).map_err(|source| DataError::Read {
        path: path.to_owned(),
        source,
    })?;
    unpack_from(file, head, length).map_err(|fault| match fault {
        Fault::Broken(error) => DataError::Container {
            path: path.to_owned(),
            found: format!("cannot be unpacked: {error}"),
            expected: "a whole gzip archive".into(),
        },
        Fault::TooLarge(length) => DataError::TooLarge {
            path: path.to_owned(),
            found: format!("{length} bytes unpacked"),
            cap: format!("{MAX_UNPACKED} bytes"),
        },
    })
}

enum Fault {
    Broken(std::io::Error),
    TooLarge(u64),
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(error)
    }
}

fn unpack_from(
    packed: impl Read,
    head: usize,
    length: impl Fn(&[u8]) -> Option<u64>,
) -> Result<Vec<u8>, Fault> {
    let mut content = MultiGzDecoder::new(packed);
    let mut bytes = Vec::new();
    content.by_ref().take(head as u64).read_to_end(&mut bytes)?;
    // What has no length is not what it should be; the reader of the bytes says why.
    let Some(length) = length(&bytes) else {
        return Ok(bytes);
    };
    if length > MAX_UNPACKED {
        return Err(Fault::TooLarge(length));
    }
    let rest = (length + 1).saturating_sub(bytes.len() as u64);
    content.take(rest).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, io};

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    /// Counts what is read.
    struct Counted<'a>(&'a [u8], &'a Cell<usize>);

    impl Read for Counted<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            // Little at a time, so that what is read ahead does not count for much.
            let most = buffer.len().min(256);
            let read = self.0.read(&mut buffer[..most])?;
            self.1.set(self.1.get() + read);
            Ok(read)
        }
    }

    #[test]
    fn a_bomb_is_unpacked_no_further_than_it_says_itself() {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        io::copy(&mut io::repeat(7).take(64 << 20), &mut packed).unwrap();
        let packed = packed.finish().unwrap();
        assert!(packed.len() < 100_000, "{} bytes", packed.len());
        let read = Cell::new(0);
        let bytes = unpack_from(Counted(&packed, &read), 4, |head| {
            assert_eq!(head, [7; 4]);
            Some(5000)
        });
        assert_eq!(bytes.ok().map(|bytes| bytes.len()), Some(5001));
        assert!(
            read.get() < packed.len() / 10,
            "{} bytes were read",
            read.get()
        );
        // One that says it is larger than anything is not unpacked at all.
        let read = Cell::new(0);
        let refused = unpack_from(Counted(&packed, &read), 4, |_| Some(MAX_UNPACKED + 1));
        assert!(matches!(refused, Err(Fault::TooLarge(_))));
        assert!(read.get() <= 2 * 256, "{} bytes were read", read.get());
    }

    #[test]
    fn an_archive_that_breaks_off_is_told() {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        io::copy(&mut io::repeat(7).take(5000), &mut packed).unwrap();
        let packed = packed.finish().unwrap();
        let whole = unpack_from(&packed[..], 4, |_| Some(5000));
        assert_eq!(whole.ok(), Some(vec![7; 5000]));
        for cut in [0, 5, packed.len() / 2, packed.len() - 9] {
            let refused = unpack_from(&packed[..cut], 4, |_| Some(5000));
            assert!(matches!(refused, Err(Fault::Broken(_))), "at {cut}");
        }
    }
}
