//! Compiled pipelines, kept in a file from one run to the next where the backend gives them out: Vulkan's does.
//!
//! A file that is damaged, cut short, of another adapter, driver or version is not looked into and is replaced.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::trusted;

/// Begins every file; the digit counts formats.
const MAGIC: &[u8; 8] = b"TRIAXPC1";

/// Bytes of a checksum.
const CHECKSUM: usize = blake3::OUT_LEN;

/// More than any network needs: a larger file is not ours.
const LARGEST: u64 = 256 << 20;

/// Which folder: `off` for none.
const VARIABLE: &str = "TRIAXIS_PIPELINE_CACHE";

/// The pipelines of a device and their file.
#[derive(Debug)]
pub(super) struct Stored {
    cache: wgpu::PipelineCache,
    file: PathBuf,
    /// Whose pipelines: adapter, driver, version.
    owner: String,
    /// Whether there are some that the file lacks.
    grown: AtomicBool,
}

impl Stored {
    /// The pipelines that a device of this adapter left in `folder`, else an empty cache; `None` where there is no folder
    /// or the backend has no cache.
    pub(super) fn open(
        device: &wgpu::Device,
        adapter: &wgpu::AdapterInfo,
        folder: Option<PathBuf>,
    ) -> Option<Self> {
        if !device.features().contains(wgpu::Features::PIPELINE_CACHE) {
            return None;
        }
        let wgpu::AdapterInfo {
            name,
            vendor,
            device: id,
            driver,
            driver_info,
            ..
        } = adapter;
        let version = env!("CARGO_PKG_VERSION");
        let owner = format!("{version}\n{name}\n{vendor:x}:{id:x}\n{driver}\n{driver_info}");
        let key = blake3::hash(owner.as_bytes()).to_hex();
        let file = folder?.join(format!("pipelines-{}.bin", &key[..16]));
        let bytes = read(&file).unwrap_or_default();
        let cache = trusted::pipeline_cache(device, unpacked(&bytes, &owner))?;
        Some(Self {
            cache,
            file,
            owner,
            grown: AtomicBool::new(false),
        })
    }

    /// What pipelines are made with.
    pub(super) fn cache(&self) -> &wgpu::PipelineCache {
        &self.cache
    }

    /// Says that a pipeline was made.
    pub(super) fn grow(&self) {
        self.grown.store(true, Ordering::Relaxed);
    }

    /// Writes what the file lacks. A full disk or a folder that may not be written costs the next run some time, no more.
    pub(super) fn save(&self) {
        if self.grown.swap(false, Ordering::Relaxed)
            && let Some(data) = self.cache.get_data()
        {
            let _ = write(&self.file, &packed(&data, &self.owner));
        }
    }
}

/// The folder that `wanted` or the environment name, else the user's for such files; `None` for no cache.
pub(super) fn folder(wanted: Option<&Path>) -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|text| !text.is_empty());
    let of_user = || {
        let (base, below) = match std::env::consts::OS {
            "windows" => (variable("LOCALAPPDATA"), ""),
            "macos" => (variable("HOME"), "Library/Caches"),
            _ => match variable("XDG_CACHE_HOME") {
                Some(base) => (Some(base), ""),
                None => (variable("HOME"), ".cache"),
            },
        };
        let folder = PathBuf::from(base?).join(below).join("triaxis");
        folder.is_absolute().then_some(folder)
    };
    match (wanted, variable(VARIABLE)) {
        (Some(folder), _) => Some(folder.into()),
        (None, Some(text)) if text == "off" => None,
        (None, Some(text)) => Some(text.into()),
        (None, None) => of_user(),
    }
}

/// A file: magic, checksum of all that follows, length of the owner, owner, data.
fn packed(data: &[u8], owner: &str) -> Vec<u8> {
    let length = u32::try_from(owner.len()).expect("names are short");
    let rest = [&length.to_le_bytes()[..], owner.as_bytes(), data].concat();
    [&MAGIC[..], blake3::hash(&rest).as_bytes(), &rest].concat()
}

/// The data of a file, where it is whole and of this owner.
fn unpacked<'a>(bytes: &'a [u8], owner: &str) -> Option<&'a [u8]> {
    let (checksum, rest) = bytes.strip_prefix(MAGIC)?.split_at_checked(CHECKSUM)?;
    if blake3::hash(rest).as_bytes() != checksum {
        return None;
    }
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (of, data) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    (of == owner.as_bytes()).then_some(data)
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = fs::File::open(file)?;
    // A pipe or a device by that name would never end.
    if file.metadata()?.is_file() {
        file.take(LARGEST).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Writes beside the file, then renames, so that no reader sees a part.
fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let aside = file.with_extension(format!("{}.tmp", std::process::id()));
    let written = fs::File::create(&aside)
        .and_then(|mut to| to.write_all(bytes).and_then(|()| to.sync_all()))
        .and_then(|()| fs::rename(&aside, file));
    if written.is_err() {
        let _ = fs::remove_file(&aside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gpu, GpuOptions, Graph, Mode, Plan, ops};

    #[test]
    fn a_file_is_read_whole_and_by_its_owner_only() {
        let file = packed(b"pipelines", "me");
        assert_eq!(unpacked(&file, "me"), Some(&b"pipelines"[..]));
        assert_eq!(unpacked(&file, "you"), None);
        for length in 0..file.len() {
            assert_eq!(unpacked(&file[..length], "me"), None, "cut to {length}");
        }
        for i in 0..file.len() {
            let mut damaged = file.clone();
            damaged[i] ^= 1;
            assert_eq!(unpacked(&damaged, "me"), None, "byte {i}");
        }
        // Whole, but with an owner that is longer than the file.
        let rest = [&u32::MAX.to_le_bytes()[..], b"me"].concat();
        let long = [&MAGIC[..], blake3::hash(&rest).as_bytes(), &rest].concat();
        assert_eq!(unpacked(&long, "me"), None);
    }

    #[test]
    fn hostile_files_are_replaced_and_change_no_result() {
        let folder = std::env::temp_dir().join(format!("triaxis-pipelines-{}", std::process::id()));
        let doubled = || {
            let options = GpuOptions {
                pipeline_cache: Some(folder.clone()),
                ..GpuOptions::default()
            };
            let gpu = Gpu::open(&options).unwrap();
            let mut g = Graph::new(Mode::Evaluate);
            let x = g.input("x", [1, 1, 1, 4]);
            let y = ops::add(&mut g, x, x).unwrap();
            let mut plan = Plan::compile(&gpu, &g, &[y]).unwrap();
            plan.write(x, &[1.0; 4]).unwrap();
            plan.run().unwrap();
            assert_eq!(plan.read(y).unwrap(), [2.0; 4]);
            gpu.inner.stored.as_ref().map(|stored| stored.file.clone())
        };
        // Only Vulkan has such a cache.
        if let Some(file) = doubled() {
            let whole = fs::read(&file).unwrap();
            let half = whole[..whole.len() / 2].to_vec();
            let mut turned = whole.clone();
            *turned.last_mut().unwrap() ^= 0x55;
            let foreign = packed(&whole, "another adapter");
            for hostile in [Vec::new(), half, turned, foreign, vec![0xff; 1 << 16]] {
                fs::write(&file, &hostile).unwrap();
                assert_eq!(doubled().as_ref(), Some(&file));
                let now = fs::read(&file).unwrap();
                assert!(now != hostile && now.starts_with(MAGIC));
            }
            let left = fs::read_dir(&folder).unwrap().count();
            assert_eq!(left, 1, "nothing but the file is left");
            // A folder by the file's name can be neither read nor replaced.
            fs::remove_file(&file).unwrap();
            fs::create_dir(&file).unwrap();
            doubled();
            fs::remove_dir_all(&folder).unwrap();
        }
    }
}
