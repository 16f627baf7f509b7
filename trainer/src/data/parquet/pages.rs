//! A Parquet file whose pages are looked at before they are unpacked: a reader of them makes room for as much as a page's header
//! says, whatever the page holds.

use std::{
    fs::File,
    io::{self, Chain, Cursor, Read},
};

use ::parquet::{
    errors::ParquetError,
    file::reader::{ChunkReader, Length},
};
use bytes::Bytes;

use crate::data::MAX_FILE_BYTES;

/// Bytes that a byte packed by Snappy unpacks to at most: three stand for a copy of 64
/// (<https://github.com/google/snappy/blob/main/format_description.txt>).
const MOST_FROM_ONE: u64 = 22;
/// Largest page, unpacked: the largest picture, and as much before it.
const MAX_PAGE_BYTES: u64 = 2 * MAX_FILE_BYTES;
/// Of a header, enough for its first three numbers.
const HEAD: u64 = 18;

/// The file.
pub(super) struct Pages(pub(super) File);

impl Length for Pages {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl ChunkReader for Pages {
    type T = FromHeader<<File as ChunkReader>::T>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let mut rest = self.0.get_read(start)?;
        let mut head = Vec::new();
        rest.by_ref().take(HEAD).read_to_end(&mut head)?;
        Ok(FromHeader {
            bytes: Cursor::new(head).chain(rest),
            is_read: false,
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        self.0.get_bytes(start, length)
    }
}

/// A page from its header on. Only headers are read so: what is packed is taken whole, though its reader may have asked for this
/// before.
pub(super) struct FromHeader<R> {
    bytes: Chain<Cursor<Vec<u8>>, R>,
    is_read: bool,
}

impl<R: Read> Read for FromHeader<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if !self.is_read {
            self.is_read = true;
            check(self.bytes.get_ref().0.get_ref())
                .map_err(|problem| io::Error::new(io::ErrorKind::InvalidData, problem))?;
        }
        self.bytes.read(to)
    }
}

/// Refuses a page that claims to unpack to more than it can or may.
fn check(head: &[u8]) -> Result<(), String> {
    let Some([unpacked, packed]) = sizes(head) else {
        return Err("a page's header does not begin with its kind and its sizes".into());
    };
    if unpacked > MOST_FROM_ONE.saturating_mul(packed).min(MAX_PAGE_BYTES) {
        return Err(format!(
            "a page of {packed} bytes claims to unpack to {unpacked}"
        ));
    }
    Ok(())
}

/// What a page's header says of its bytes, unpacked and packed. By thrift's compact protocol its first three fields are 32-bit
/// numbers: the page's kind, and these.
fn sizes(head: &[u8]) -> Option<[u64; 2]> {
    let mut bytes = head.iter().copied();
    let mut number = || {
        const NEXT_FIELD_I32: u8 = 0x15;
        if bytes.next() != Some(NEXT_FIELD_I32) {
            return None;
        }
        let mut zigzag = 0u64;
        for group in 0..5 {
            let byte = bytes.next()?;
            zigzag |= u64::from(byte & 0x7F) << (7 * group);
            if byte & 0x80 == 0 {
                let is_negative = zigzag & 1 == 1;
                return (!is_negative).then_some(zigzag / 2);
            }
        }
        None
    };
    number()?;
    Some([number()?, number()?])
}
