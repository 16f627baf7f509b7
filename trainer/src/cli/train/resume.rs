//! Whether a run goes on from what its folder holds.

use std::path::Path;

use crate::checkpoint::{CheckpointStore, Snapshot};
use crate::error::{Error, Result};
use crate::recipe::{Difference, Recipe};

/// A checkpoint to go on from, with what is to be said about it.
pub(super) type Resumed = (Snapshot, Vec<String>);

/// What to do about a recipe that has changed since the run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changes {
    /// Only more epochs and the like.
    Safe,
    /// Whatever the user says.
    Forced,
}

/// The newest whole checkpoint of `directory`, or `None` where a run begins.
///
/// # Errors
///
/// A recipe with changes that are not allowed, all of which are named; checkpoints of which none is whole.
pub(super) fn resume_from(
    store: &mut CheckpointStore,
    directory: &Path,
    recipe: &Recipe,
    allowed: Changes,
) -> Result<Option<Resumed>> {
    let Some((snapshot, mut notes)) = store.latest()? else {
        return Ok(None);
    };
    if snapshot.origin.recipe == recipe.hash() {
        return Ok(Some((snapshot, notes)));
    }
    let path = directory.join("args.toml");
    let changes = match Recipe::load(&path) {
        Ok(before) => before.differences(recipe),
        Err(_) if allowed == Changes::Forced => Vec::new(),
        Err(error) => {
            return Err(Error::config(
                path.display().to_string(),
                format!("what the run's recipe was cannot be told: {error}"),
                "Give --force to go on by the recipe of this command, or another --experiment",
            ));
        }
    };
    let told = |changes: &mut dyn Iterator<Item = &Difference>| {
        let lines: Vec<String> = changes.map(|change| format!("\n  {change}")).collect();
        lines.concat()
    };
    if allowed == Changes::Safe && !changes.iter().all(Difference::is_safe) {
        let unsafe_ones = told(&mut changes.iter().filter(|change| !change.is_safe()));
        return Err(Error::config(
            directory.display().to_string(),
            format!(
                "the recipe has changed since the run, which is at step {}, began:{unsafe_ones}\nThat is another run",
                snapshot.state.step
            ),
            "Give the options of its start, --force to go on all the same, or another --experiment",
        ));
    }
    if !changes.is_empty() {
        let changes = told(&mut changes.iter());
        notes.push(format!(
            "the recipe has changed since the run began:{changes}"
        ));
    }
    Ok(Some((snapshot, notes)))
}
