//! What is in a tar archive, and where: one pass over its headers. Nothing is unpacked; names are labels only.

use std::{
    cell::Cell,
    collections::HashSet,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    rc::Rc,
};

use crate::data::{DataError, folder::is_hidden};

/// The most bytes of headers in front of one file: names and the like.
const MAX_HEADERS: u64 = 1 << 20;
/// The longest name, in bytes.
const MAX_NAME: usize = 4096;
/// The most files of one archive.
const MAX_MEMBERS: usize = 1 << 26;
/// Archives are made of blocks of so many bytes.
const BLOCK: u64 = 512;

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// Its name, without `.` and empty parts.
    pub(super) name: String,
    /// Where its bytes begin in the archive.
    pub(super) offset: u64,
    /// How many they are.
    pub(super) length: u64,
}

/// The files in the archive at `path`, in its order, and how many hidden ones were left out.
///
/// # Errors
///
/// Where the archive cannot be read, breaks off, holds a name twice, or a link, a device or a name that leads out of it.
pub(super) fn members(path: &Path) -> Result<(Vec<Member>, usize), DataError> {
    scan(path).map_err(|fault| match fault {
        Fault::Refused(found) => DataError::Container {
            path: path.to_owned(),
            found,
            expected: "a whole tar archive of plain files".into(),
        },
        Fault::System(source) => DataError::Read {
            path: path.to_owned(),
            source,
        },
    })
}

enum Fault {
    Refused(String),
    System(io::Error),
}

impl From<io::Error> for Fault {
    /// What the system says has a number; all else is said of the content.
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(_) => Self::System(error),
            None => Self::Refused(escaped(&error.to_string())),
        }
    }
}

fn refused<T>(found: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Refused(found.into()))
}

fn scan(path: &Path) -> Result<(Vec<Member>, usize), Fault> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    if let Some((packing, unpacker)) = packing(&mut file)? {
        return refused(format!(
            "a {packing} archive: pictures are read from where they lie, so unpack it to the plain tar with {unpacker}"
        ));
    }
    let left = Rc::new(Cell::new(MAX_HEADERS));
    let mut archive = tar::Archive::new(Frugal {
        file: file.try_clone()?,
        left: Rc::clone(&left),
    });
    let (mut found, mut hidden, mut names) = (Vec::new(), 0, HashSet::new());
    let mut end = 0;
    for entry in archive.entries_with_seek()? {
        let entry = entry?;
        left.set(MAX_HEADERS);
        let bytes = entry.path_bytes().into_owned();
        let shown = shown(&bytes);
        let (offset, size) = (entry.raw_file_position(), entry.size());
        let kind = entry.header().entry_type();
        let (true, Some(after)) = (
            kind.is_file() || kind.is_dir() || kind.is_pax_global_extensions(),
            offset.checked_add(size),
        ) else {
            return refused(format!("{shown} is a link, a device or a file with holes"));
        };
        if after > length {
            return refused(format!("breaks off in {shown}"));
        }
        end = after.next_multiple_of(BLOCK);
        if kind.is_pax_global_extensions() {
            continue;
        }
        let Some(parts) = parts(&bytes) else {
            return refused(format!(
                "the name {shown} leads out of the archive, or is none"
            ));
        };
        if kind.is_dir() {
            continue;
        }
        if parts.iter().any(|part| is_hidden(part.as_ref())) {
            hidden += 1;
            continue;
        }
        let name = parts.join("/");
        if !names.insert(bytes) {
            return refused(format!("two files are named {shown}"));
        }
        if found.len() == MAX_MEMBERS {
            return refused(format!("more than {MAX_MEMBERS} files"));
        }
        found.push(Member {
            name,
            offset,
            length: size,
        });
    }
    // An archive ends with blocks of zeros; without them, its end is not all there.
    let mut block = Vec::new();
    file.seek(SeekFrom::Start(end))?;
    file.take(BLOCK).read_to_end(&mut block)?;
    if block.len() as u64 != BLOCK || block.iter().any(|&byte| byte != 0) {
        return refused(format!("breaks off after {} files", found.len()));
    }
    Ok((found, hidden))
}

/// How an archive that is no plain tar is packed, and what unpacks it.
fn packing(file: &mut File) -> io::Result<Option<(&'static str, &'static str)>> {
    let mut start = Vec::new();
    file.by_ref().take(4).read_to_end(&mut start)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(match &start[..] {
        [0x1F, 0x8B, ..] => Some(("gzip", "gunzip")),
        [0x28, 0xB5, 0x2F, 0xFD] => Some(("zstd", "unzstd")),
        _ => None,
    })
}

/// The parts of a name; none where it is absolute, leads up, is empty or too long.
fn parts(name: &[u8]) -> Option<Vec<String>> {
    if name.starts_with(b"/") || name.len() > MAX_NAME || name.contains(&0) {
        return None;
    }
    let text = String::from_utf8_lossy(name);
    let parts = text.split('/').filter(|part| !matches!(*part, "" | "."));
    let parts: Vec<String> = parts.map(str::to_owned).collect();
    // `./` alone is the folder that was packed.
    let leads_up = parts.iter().any(|part| part == "..");
    (!leads_up && !name.is_empty()).then_some(parts)
}

/// A name for a message.
fn shown(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    let short: String = text.chars().take(100).collect();
    format!("{short:?}")
}

/// A message that quotes the archive, for a terminal: a header may hold any bytes.
fn escaped(text: &str) -> String {
    let shown = |c: char| match c {
        '"' | '\'' => c.to_string(),
        c => c.escape_debug().to_string(),
    };
    text.chars().take(300).map(shown).collect()
}

/// A file of which only so much is read before somebody says that it may go on.
struct Frugal {
    file: File,
    left: Rc<Cell<u64>>,
}

impl Read for Frugal {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 && !buffer.is_empty() {
            return Err(io::Error::other(format!(
                "more than {MAX_HEADERS} bytes describe one file"
            )));
        }
        let most = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = self.file.read(&mut buffer[..most])?;
        self.left.set(left - read as u64);
        Ok(read)
    }
}

impl Seek for Frugal {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
