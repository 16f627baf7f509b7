//! Whether a run goes on from what its folder holds.

use std::path::Path;

use triaxis_models::Spec;

use crate::checkpoint::{CheckpointStore, Snapshot};
use crate::error::{Error, Result};
use crate::recipe::{Difference, Recipe, network_differences};

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
/// A recipe or a network with changes that are not allowed, all of which are named; checkpoints of which none is whole.
pub(super) fn resume_from(
    store: &mut CheckpointStore,
    directory: &Path,
    recipe: &Recipe,
    spec: &Spec,
    allowed: Changes,
) -> Result<Option<Resumed>> {
    let Some((snapshot, mut notes)) = store.latest()? else {
        return Ok(None);
    };
    let network = snapshot.origin.network.as_deref().map(Spec::from_toml);
    let network = network.and_then(std::result::Result::ok);
    let of_network = network.map(|before| network_differences(&before, spec));
    let mut changes = match snapshot.origin.recipe == recipe.hash() {
        true => Vec::new(),
        false => of_recipe(directory, recipe, allowed)?,
    };
    if let Some(of_network) = of_network {
        // A description may stand elsewhere: what it says counts.
        changes.retain(|change| change.name != "model");
        changes.extend(of_network);
    }
    let told = |changes: &mut dyn Iterator<Item = &Difference>| {
        let lines: Vec<String> = changes.map(|change| format!("\n  {change}")).collect();
        lines.concat()
    };
    if allowed == Changes::Safe && !changes.iter().all(Difference::is_safe) {
        let unsafe_ones = told(&mut changes.iter().filter(|change| !change.is_safe()));
        return Err(Error::config(
            directory.display().to_string(),
            format!(
                "recipe or network have changed since the run, which is at step {}, began:{unsafe_ones}\nThat is another run",
                snapshot.state.step
            ),
            "Give the options of its start (args.toml and network.toml there are as they were), --force to go on all the same, \
             or another --experiment",
        ));
    }
    if !changes.is_empty() {
        let changes = told(&mut changes.iter());
        notes.push(format!(
            "recipe or network have changed since the run began:{changes}"
        ));
    }
    Ok(Some((snapshot, notes)))
}

/// What has changed against the recipe that lies in the run's folder.
fn of_recipe(directory: &Path, recipe: &Recipe, allowed: Changes) -> Result<Vec<Difference>> {
    let path = directory.join("args.toml");
    match Recipe::load(&path) {
        Ok(before) => Ok(before.differences(recipe)),
        Err(_) if allowed == Changes::Forced => Ok(Vec::new()),
        Err(error) => Err(Error::config(
            path.display().to_string(),
            format!("what the run's recipe was cannot be told: {error}"),
            "Give --force to go on by the recipe of this command, or another --experiment",
        )),
    }
}
