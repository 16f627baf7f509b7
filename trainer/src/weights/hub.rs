//! Weights on the Hugging Face Hub: `hf://OWNER/NAME`, or `hf://OWNER/NAME@REVISION`.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// What addresses on the Hub begin with.
pub(super) const SCHEME: &str = "hf://";

/// A place on the Hub.
#[derive(Debug, PartialEq)]
struct Address {
    /// `timm/efficientnet_b0.ra_in1k`.
    model: String,
    /// A branch, a tag or a commit.
    revision: String,
}

/// Fetches the weights at `path`, which begins with [`SCHEME`], unless they are in the cache; where they are then.
pub(super) fn fetch(path: &Path) -> Result<PathBuf> {
    let text = path.to_str().and_then(|text| text.strip_prefix(SCHEME));
    let Some(address) = text.and_then(Address::parse) else {
        return Err(Error::checkpoint(
            path,
            "is no address on the Hub",
            "Give hf://OWNER/NAME, such as hf://timm/efficientnet_b0.ra_in1k",
        ));
    };
    download::fetch(path, address)
}

impl Address {
    /// Names are letters, digits, dots, dashes and underscores; what may be read as a path is none.
    fn parse(text: &str) -> Option<Self> {
        let (model, revision) = text.split_once('@').unwrap_or((text, "main"));
        let (owner, name) = model.split_once('/')?;
        let is_name = |part: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            !part.is_empty() && !part.starts_with('.') && part.chars().all(allowed)
        };
        [owner, name, revision]
            .into_iter()
            .all(is_name)
            .then(|| Self {
                model: model.into(),
                revision: revision.into(),
            })
    }
}

#[cfg(not(feature = "hub"))]
mod download {
    use super::{Address, Error, Path, PathBuf, Result};

    pub(super) fn fetch(path: &Path, address: Address) -> Result<PathBuf> {
        let Address { model, revision } = address;
        Err(Error::checkpoint(
            path,
            "cannot be fetched: this binary was built without the cargo feature `hub`",
            format!(
                "Build it with --features hub, or fetch model.safetensors of {model} ({revision}) from the Hub \
                 and give its path"
            ),
        ))
    }
}

#[cfg(feature = "hub")]
mod download {
    use std::fs::File;
    use std::io;

    use hf_hub::api::sync::ApiBuilder;
    use hf_hub::{Cache, Repo, RepoType};
    use sha2::{Digest, Sha256};

    use super::{Address, Error, Path, PathBuf, Result};

    const WEIGHTS: &str = "model.safetensors";
    /// What says how pictures are prepared; weights can do without.
    const CARD: &str = "config.json";

    pub(super) fn fetch(path: &Path, address: Address) -> Result<PathBuf> {
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
        let cached = Cache::from_env().repo(repo.clone()).get(WEIGHTS);
        let file = match cached {
            Some(file) => file,
            None => {
                let api = ApiBuilder::from_env().with_progress(false).build();
                let api = api.map_err(|e| refuse(format!("cannot be fetched: {e}")))?;
                let repo = api.repo(repo);
                drop(repo.get(CARD));
                repo.get(WEIGHTS)
                    .map_err(|e| refuse(format!("cannot be fetched: {e}")))?
            }
        };
        match is_whole(&file) {
            Ok(true) => Ok(file),
            Ok(false) => Err(refuse(format!(
                "the copy in the cache, {}, is damaged: delete it",
                file.display()
            ))),
            Err(e) => Err(refuse(format!("{} cannot be read: {e}", file.display()))),
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

    #[cfg(all(test, unix))]
    mod tests {
        use super::*;

        #[test]
        fn a_copy_must_have_the_hash_that_it_is_stored_under() {
            let place = tempfile::tempdir().unwrap();
            // Of the three letters, from FIPS 180-2.
            let name = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
            let blob = place.path().join(name);
            std::fs::write(&blob, "abc").unwrap();
            let link = place.path().join("model.safetensors");
            std::os::unix::fs::symlink(&blob, &link).unwrap();
            assert!(is_whole(&link).unwrap());
            std::fs::write(&blob, "xyz").unwrap();
            assert!(!is_whole(&link).unwrap());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_an_owner_a_name_and_perhaps_a_revision() {
        let address = Address::parse("timm/resnet50.a1_in1k").unwrap();
        assert_eq!(address.revision, "main");
        let address = Address::parse("timm/resnet50.a1_in1k@v1.0").unwrap();
        assert_eq!(
            (address.model.as_str(), address.revision.as_str()),
            ("timm/resnet50.a1_in1k", "v1.0")
        );
        for wrong in [
            "", "timm", "timm/", "/x", "a/b/c", "a/..", "../b", "a/b@../c", "a b/c",
        ] {
            assert_eq!(Address::parse(wrong), None, "{wrong}");
        }
    }
}
