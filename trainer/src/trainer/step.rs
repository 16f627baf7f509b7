//! What is written into a plan before it runs: pictures, rates, keys of randomness, partners.

use triaxis_engine::{Plan, Value};

use super::draw::{Drawn, StepInputs};
use super::mixing::{self, Mix};
use crate::data::{Batch, Key};
use crate::error::Result;
use crate::recipe::{OnDevice, Recipe};
use crate::schedule::{Position, ema_alpha, learning_rate};

/// Which batch of a run, and what it is to its update.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// From 0.
    pub(crate) epoch: u32,
    /// Its number in the epoch, from 0.
    pub(crate) batch: usize,
    /// Side of the pictures, in pixels.
    pub(crate) side: usize,
    /// What the learning rate is multiplied by.
    pub(crate) rate: f64,
    /// Its part in its update.
    pub(crate) part: Part,
    /// Updates done so far.
    #[cfg_attr(
        not(feature = "fail-points"),
        expect(dead_code, reason = "faults are told by it")
    )]
    pub(crate) step: u64,
}

/// What a batch is to its update.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// The update's place.
    pub(crate) position: Position,
    /// Whether it is the first of the update, its share, whether it is the last, 0: see
    /// [`triaxis_engine::ops::accumulate`].
    pub(crate) numbers: [f32; 4],
}

impl Part {
    /// What a batch of an epoch is to its update. The last update of an epoch is of what is left.
    pub(crate) fn of(recipe: &Recipe, epoch: usize, batch: usize, batches: usize) -> Self {
        let each = recipe.grad_accum_steps;
        let (step, nth) = (batch / each, batch % each);
        let of = each.min(batches - (step * each).min(batches)).max(1);
        Self {
            position: Position {
                epoch,
                step,
                steps: batches.div_ceil(each),
            },
            numbers: [
                f32::from(u8::from(nth == 0)),
                1.0 / of as f32,
                f32::from(u8::from(nth + 1 == of)),
                0.0,
            ],
        }
    }
}

/// Writes pictures, unless the device keeps them, and labels; padding does not count.
pub(super) fn write_batch(plan: &Plan, drawn: &Drawn, batch: &Batch) -> Result<()> {
    if drawn.data.is_none() {
        plan.write_raw(drawn.pictures, &batch.images)?;
    }
    plan.write_u32(drawn.labels, &batch.labels)?;
    let counts = |i| if i < batch.valid { 1.0 } else { 0.0 };
    plan.write(
        drawn.weights,
        &(0..batch.labels.len()).map(counts).collect::<Vec<f32>>(),
    )?;
    Ok(())
}

/// Writes all that a training step reads: the batch, and what depends on its place.
///
/// # Errors
///
/// A batch that is not of the drawn shape.
pub(crate) fn write(
    plan: &Plan,
    drawn: &Drawn,
    recipe: &Recipe,
    batch: &Batch,
    place: Place,
) -> Result<()> {
    write_batch(plan, drawn, batch)?;
    match drawn.step {
        Some(step) => write_inputs(plan, step, recipe, batch, place),
        None => Ok(()),
    }
}

fn write_inputs(
    plan: &Plan,
    step: StepInputs,
    recipe: &Recipe,
    batch: &Batch,
    place: Place,
) -> Result<()> {
    let Part { position, numbers } = place.part;
    if let Some(part) = step.part {
        plan.write(part, &numbers)?;
    }
    let rate = learning_rate(recipe, position) * place.rate;
    plan.write(step.rate, &[rate as f32])?;
    if let Some(rate) = step.average {
        let alpha = ema_alpha(recipe, position).unwrap_or(0.0);
        plan.write(rate, &[alpha as f32])?;
    }
    write_randomness(plan, step.table, recipe, batch, place)?;
    let Some(mixing) = step.mixing else {
        return Ok(());
    };
    let mix = Mix::draw(
        recipe,
        mixing::Place {
            epoch: place.epoch,
            batch: place.batch as u32,
            pictures: batch.labels.len() as u32,
            side: place.side as u32,
        },
    );
    plan.write_u32(mixing.partner, &mix.partners)?;
    if let Some(input) = mixing.share {
        let share = mix.share as f32;
        #[cfg(feature = "fail-points")]
        let share = crate::faults::share(place.step, share);
        plan.write(input, &[share])?;
    }
    if let Some(rectangle) = mixing.rectangle {
        plan.write(mixing.target, &[mix.target as f32])?;
        plan.write_u32(rectangle, &mix.rectangle)?;
    }
    Ok(())
}

/// Writes what random operators are keyed by, and what is done to each picture where that is not alike for all.
pub(super) fn write_randomness(
    plan: &Plan,
    table: Option<Value>,
    recipe: &Recipe,
    batch: &Batch,
    place: Place,
) -> Result<()> {
    let (seed, Place { epoch, side, .. }) = (recipe.seed, place);
    if let Some(random) = plan.graph().random_inputs() {
        plan.write_u32(random.key, &[seed as u32, (seed >> 32) as u32, epoch, 0])?;
        plan.write_u32(random.indices, &batch.indices)?;
    }
    if let (Some(table), OnDevice::Each(each)) = (table, recipe.on_device()) {
        let rows = batch.indices.iter().flat_map(|&index| {
            let drawn = each.draw(side, Key { seed, epoch, index });
            drawn.rows(each.erasing.count)
        });
        plan.write(table, &rows.collect::<Vec<f32>>())?;
    }
    Ok(())
}
