//! The memory that training a network takes, without a GPU.

use triaxis_engine::{Limits, Memory, Result, Schedule};
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

/// What training `model` by `recipe` takes, with `batch` images a step instead of the recipe's, found by laying the
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
    let side = recipe.img_size.unwrap_or_else(|| model.resolution());
    let train = draw::training(model, recipe, batch, side)?;
    let evaluate = draw::evaluation(model, batch, side)?;
    let laid = |drawn: &Drawn| Schedule::new(&drawn.graph, &[drawn.loss], limits);
    Ok(MemoryNeeded {
        train: laid(&train)?.memory(),
        evaluate: laid(&evaluate)?.memory(),
    })
}
