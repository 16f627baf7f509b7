//! What the random operators share.

use crate::{Error, Graph, Mode, Result, philox};

/// How `op`, added now, drops numbers at `rate`; `None` where it drops nothing.
pub(super) fn drop(g: &Graph, op: &str, rate: f32) -> Result<Option<Drop>> {
    let path = match g.path() {
        "" => op.into(),
        scope => format!("{scope}.{op}"),
    };
    if !(0.0..1.0).contains(&rate) {
        return Err(Error::Graph(format!(
            "{path} drops at a rate of {rate}: give one from 0 to less than 1"
        )));
    }
    let drops = g.mode() == Mode::Train && rate > 0.0;
    Ok(drops.then(|| Drop {
        rate,
        name: philox::hash(&path),
    }))
}

/// A random choice of what is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drop {
    /// The share that is dropped.
    pub rate: f32,
    /// The hash of the node's path.
    pub name: u32,
}

impl Drop {
    /// What is kept is multiplied by this, so that the mean stays.
    pub(super) fn factor(self) -> f32 {
        1.0 / (1.0 - self.rate)
    }
}
