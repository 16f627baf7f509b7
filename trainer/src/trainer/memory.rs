//! What training a network takes of memory and moves through it, without a GPU.

use triaxis_engine::ops::Augment;
use triaxis_engine::{InferenceOptions, Limits, Memory, Precision, Result, Schedule};
use triaxis_models::Model;

use super::draw::{self, Drawn};
use crate::recipe::Recipe;

/// What the two plans of a trainer take, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryNeeded {
    /// The training plan's.
    pub train: Memory,
    /// The evaluation plan's.
    pub evaluate: Memory,
}

/// What training `model` by `recipe` takes beside pictures that stay on the device ([`Trainer::resident`](super::Trainer::resident)), with `batch` images a step instead of the recipe's, found by laying the
/// plans out without a GPU.
///
/// # Errors
///
/// The engine's, where the network cannot be drawn or the limits do not allow it.
pub fn memory_needed(
    model: &dyn Model,
    recipe: &Recipe,
    batch: usize,
    limits: &Limits,
) -> Result<MemoryNeeded> {
    let [train, evaluate] = schedules(model, recipe, batch, limits)?;
    Ok(MemoryNeeded {
        train: train.memory(),
        evaluate: evaluate.memory(),
    })
}

/// The plans of a training step and of an evaluation, laid out.
///
/// # Errors
///
/// As [`memory_needed`].
pub(crate) fn schedules(
    model: &dyn Model,
    recipe: &Recipe,
    batch: usize,
    limits: &Limits,
) -> Result<[Schedule; 2]> {
    let side = recipe.img_size.unwrap_or_else(|| model.resolution());
    let train = training_schedule(model, recipe, batch, limits)?;
    let evaluate = laid_out(&draw::evaluation(model, recipe, batch, side)?, limits)?;
    Ok([train, evaluate])
}

/// The plan of a training step, laid out.
///
/// # Errors
///
/// As [`memory_needed`].
pub(crate) fn training_schedule(
    model: &dyn Model,
    recipe: &Recipe,
    batch: usize,
    limits: &Limits,
) -> Result<Schedule> {
    let side = recipe.img_size.unwrap_or_else(|| model.resolution());
    laid_out(&draw::training(model, recipe, batch, side)?, limits)
}

/// The plan of a classifier that looks at `batch` pictures of this side at once, fused and laid out.
///
/// # Errors
///
/// As [`memory_needed`].
pub(crate) fn inference_schedule(
    model: &dyn Model,
    pictures: [usize; 2],
    precision: Precision,
    limits: &Limits,
) -> Result<Schedule> {
    let options = InferenceOptions { precision };
    let drawn = draw::inference(model, pictures, Augment::default(), &options)?;
    Schedule::new(&drawn.fused.graph, &drawn.fused.keep, limits)
}

fn laid_out(drawn: &Drawn, limits: &Limits) -> Result<Schedule> {
    Schedule::new(&drawn.graph, &drawn.kept(), limits)
}
