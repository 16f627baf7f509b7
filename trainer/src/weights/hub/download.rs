//! Fetching by the `hf-hub` crate, into the cache that Python's tools use, too (`HF_HOME`), from `HF_ENDPOINT` where set.

use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use hf_hub::api::sync::{Api, ApiBuilder};
use hf_hub::{Cache, Repo, RepoType};
use sha2::{Digest, Sha256};

use super::{Address, Error, Path, PathBuf, Result};

const WEIGHTS: &str = "model.safetensors";
/// What says how pictures are prepared; weights can do without.
const CARD: &str = "config.json";

pub(super) fn fetch(path: &Path, address: Address) -> Result<PathBuf> {
    Hub {
        cache: Cache::from_env(),
        api: ApiBuilder::from_env(),
    }
    .fetch(path, address)
}

/// Where files are kept, and where they come from.
struct Hub {
    cache: Cache,
    api: ApiBuilder,
}

impl Hub {
    fn fetch(self, path: &Path, address: Address) -> Result<PathBuf> {
        let Address { model, revision } = address;
        let repo = Repo::with_revision(model.clone(), RepoType::Model, revision);
        let refuse = |problem: String| {
            Error::checkpoint(
                path,
                problem,
                format!(
                    "Check the name and the network, or fetch {WEIGHTS} of {model} by other means and give its path"
                ),
            )
        };
        let unreadable =
            |file: &Path, e: io::Error| refuse(format!("{} cannot be read: {e}", file.display()));
        if let Some(file) = self.cache.repo(repo.clone()).get(WEIGHTS) {
            match is_whole(&file) {
                Ok(true) => return Ok(file),
                Ok(false) => remove(&file).map_err(|e| unreadable(&file, e))?,
                Err(e) => return Err(unreadable(&file, e)),
            }
        }
        let failed = |e: String| refuse(format!("cannot be fetched: {e}"));
        let api = self.api.with_progress(false).build();
        let api = api.map_err(|e| failed(e.to_string()))?;
        drop(download(&api, &repo, CARD));
        let file = download(&api, &repo, WEIGHTS).map_err(failed)?;
        match is_whole(&file) {
            Ok(true) => Ok(file),
            Ok(false) => {
                remove(&file).map_err(|e| unreadable(&file, e))?;
                Err(failed("what came is damaged, and was removed again".into()))
            }
            Err(e) => Err(unreadable(&file, e)),
        }
    }
}

/// Fetches one file. Servers are not trusted: the name that they give it must be one, and the library may give up.
fn download(api: &Api, repo: &Repo, name: &str) -> Result<PathBuf, String> {
    let fetch = || {
        let files = api.repo(repo.clone());
        let url = files.url(name);
        let metadata = api.metadata(&url).map_err(|e| e.to_string())?;
        let plain = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        if !plain(metadata.etag()) || !plain(metadata.commit_hash()) {
            return Err(format!("{url} is answered with a name that is none"));
        }
        files.download(name).map_err(|e| e.to_string())
    };
    let given_up = |_| Err("the answer makes no sense".into());
    catch_unwind(AssertUnwindSafe(fetch)).unwrap_or_else(given_up)
}

/// Removes a file of the cache: the link and what it leads to.
fn remove(file: &Path) -> io::Result<()> {
    let stored = file.canonicalize()?;
    fs::remove_file(file)?;
    match stored.exists() {
        true => fs::remove_file(stored),
        false => Ok(()),
    }
}

/// Whether a file in the cache has the SHA-256 that it is stored under; files under other names are not checked.
fn is_whole(file: &Path) -> io::Result<bool> {
    let stored = file.canonicalize()?;
    let name = stored.file_name().unwrap_or_default().to_string_lossy();
    if name.len() != 64 || !name.chars().all(|c| c.is_ascii_hexdigit()) {
        return Ok(true);
    }
    let mut hash = Sha256::new();
    io::copy(&mut File::open(&stored)?, &mut hash)?;
    let hash: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
    Ok(hash == *name)
}

#[cfg(unix)]
#[cfg(test)]
mod tests;
