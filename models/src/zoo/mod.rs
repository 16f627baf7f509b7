//! The published networks by name: timm's names where it has them, the papers' otherwise.

mod efficientnet;
mod regnet;
mod resnet;
mod scaled;
mod status;

pub use status::Status;

use crate::error::similar;
use crate::{Error, Line, Network, RegNet, Result, Scaling, Spec};

/// A network that [`zoo`] knows.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// Other names of it: the papers', torchvision's.
    pub aliases: &'static [&'static str],
    /// Where its numbers come from.
    pub status: Status,
    source: Source,
}

/// What an entry is drawn from. Plain data, so that finding a name builds nothing.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// All but the name.
    Spec(fn() -> Spec),
    /// A RegNet for 224 pixels from its line.
    Line(fn(Line) -> RegNet, Line),
    /// Fast scaling of the entry of that name.
    Scaled { base: &'static str, factor: f64 },
}

impl Entry {
    /// The network, for the 1000 classes of ImageNet, at the resolution that it was published for. It drops nothing:
    /// dropout and drop-path are a recipe's choice ([`Network::set_drop`]).
    ///
    /// # Errors
    ///
    /// Those of [`Spec::scaled`].
    pub fn spec(&self) -> Result<Spec> {
        let spec = match self.source {
            Source::Spec(spec) => spec(),
            Source::Line(net, line) => imagenet(224, Network::RegNet(net(line))),
            Source::Scaled { base, factor } => zoo(base)?.scaled(Scaling::fast(factor))?,
        };
        Ok(Spec {
            name: self.name.into(),
            ..spec
        })
    }

    /// For a scaled network: the name of its base, and the factor of multiply-adds that fast scaling was asked for.
    pub fn scaled_from(&self) -> Option<(&'static str, f64)> {
        match self.source {
            Source::Scaled { base, factor } => Some((base, factor)),
            Source::Spec(_) | Source::Line(..) => None,
        }
    }

    /// Whether this is its name or one of its aliases, in upper or lower case.
    fn is_named(&self, name: &str) -> bool {
        std::iter::once(&self.name)
            .chain(self.aliases)
            .any(|known| known.eq_ignore_ascii_case(name))
    }

    const fn spec_of(
        name: &'static str,
        aliases: &'static [&'static str],
        spec: fn() -> Spec,
    ) -> Self {
        Self {
            name,
            aliases,
            status: Status::Released,
            source: Source::Spec(spec),
        }
    }

    const fn status(self, status: Status) -> Self {
        Self { status, ..self }
    }
}

/// Without a name yet.
fn imagenet(resolution: usize, network: Network) -> Spec {
    Spec {
        name: String::new(),
        resolution,
        num_classes: 1000,
        network,
    }
}

/// All networks that have a name, family by family, small to large.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    [
        efficientnet::ENTRIES,
        regnet::ENTRIES,
        resnet::ENTRIES,
        scaled::ENTRIES,
    ]
    .into_iter()
    .flatten()
}

/// The entry of that name or alias, in upper or lower case.
///
/// # Errors
///
/// [`Error::UnknownModel`] with the names that are spelled like it.
pub fn entry(name: &str) -> Result<&'static Entry> {
    entries().find(|entry| entry.is_named(name)).ok_or_else(|| {
        let known = entries().flat_map(|e| [&[e.name], e.aliases].concat());
        Error::UnknownModel {
            name: name.into(),
            similar: similar(name, known),
        }
    })
}

/// The published network of that name or alias, as [`Entry::spec`] says.
///
/// # Errors
///
/// Those of [`entry`].
pub fn zoo(name: &str) -> Result<Spec> {
    entry(name)?.spec()
}

/// The names of all [`entries`], without their aliases.
pub fn names() -> Vec<String> {
    entries().map(|entry| entry.name.into()).collect()
}

#[cfg(test)]
mod tests;
