//! The largest batch that fits into a device's memory.

use triaxis_engine::{Error as EngineError, Gpu, Schedule};
use triaxis_models::Model;

use super::draw::{self, Drawn};
use crate::error::Error;
use crate::recipe::Recipe;

/// The largest batch below the recipe's whose training and evaluation take no more than `available` bytes, found by
/// laying plans out without a GPU; `None` where not even one of a single image fits.
pub fn largest_batch(
    gpu: &Gpu,
    model: &dyn Model,
    recipe: &Recipe,
    side: usize,
    available: u64,
) -> Option<usize> {
    let needed = |batch: usize| {
        let train = draw::training(model, recipe, batch, side)?;
        let eval = draw::evaluation(model, batch, side)?;
        bytes(gpu, [&train, &eval])
    };
    let fits = |batch: usize| needed(batch).is_ok_and(|bytes| bytes <= available);
    let (mut fitting, mut beyond) = (0, recipe.batch_size);
    while beyond - fitting > 1 {
        let middle = fitting.midpoint(beyond);
        if fits(middle) {
            fitting = middle;
        } else {
            beyond = middle;
        }
    }
    (fitting > 0).then_some(fitting)
}

/// Refuses training and evaluation that together take more than the device's memory limit, before any is taken.
pub(super) fn expect_memory(gpu: &Gpu, plans: [&Drawn; 2]) -> Result<(), EngineError> {
    let Some(limit) = gpu.memory_limit() else {
        return Ok(());
    };
    match bytes(gpu, plans)? {
        needed if needed > limit => Err(EngineError::OutOfMemory {
            what: "training and evaluation".into(),
            needed,
            available: limit,
            adapter: gpu.info().name.clone(),
        }),
        _ => Ok(()),
    }
}

/// Bytes that these plans take, laid out without a GPU.
fn bytes(gpu: &Gpu, plans: [&Drawn; 2]) -> Result<u64, EngineError> {
    let mut sum = 0;
    for drawn in plans {
        let schedule = Schedule::new(&drawn.graph, &drawn.kept(), gpu.limits())?;
        sum += schedule.memory().total();
    }
    Ok(sum)
}

/// The engine's error; for memory that is not there, with the largest batch that fits.
pub(super) fn with_advice(
    error: EngineError,
    gpu: &Gpu,
    model: &dyn Model,
    recipe: &Recipe,
    side: usize,
) -> Error {
    let EngineError::OutOfMemory {
        needed, available, ..
    } = &error
    else {
        return error.into();
    };
    // A driver that reports no budget has given less than was asked for.
    let budget = if *available > 0 {
        *available
    } else {
        needed / 2
    };
    let help = match largest_batch(gpu, model, recipe, side, budget) {
        Some(batch) => format!(
            "The largest batch that fits is {batch}: give --batch-size {batch}, or a smaller --img-size"
        ),
        None => "Not even a batch of 1 fits: give a smaller --img-size or network".into(),
    };
    Error::Device {
        problem: format!("batch size {}: {error}", recipe.batch_size),
        help,
    }
}
