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
mod download;

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
