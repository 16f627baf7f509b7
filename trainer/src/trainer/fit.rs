//! The largest batch that fits into a device's memory, and what to do where nothing does.

use std::path::Path;

use triaxis_engine::{AdapterKind, Error as EngineError, Gpu, Schedule};
use triaxis_models::Model;

use super::Trainer;
use super::draw::{self, Drawn, Measuring};
use super::measure::{self, Measure};
use crate::error::Error;
use crate::recipe::Recipe;

/// The part of a run's plans that it takes besides them: pictures on their way, kernels.
const SPARE: u64 = 16;

/// The largest batch below the recipe's whose training and evaluation take no more than `available` bytes, found by
/// laying plans out without a GPU; `None` where not even one of a single image fits.
pub fn largest_batch(
    gpu: &Gpu,
    model: &dyn Model,
    recipe: &Recipe,
    side: usize,
    available: u64,
) -> Option<usize> {
    let fits = |batch_size: usize| {
        let smaller = Recipe {
            batch_size,
            ..recipe.clone()
        };
        needed(gpu, model, &smaller, side).is_ok_and(|bytes| bytes <= available)
    };
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

/// The recipe's images an update as batches that fit into the device's memory: images a batch, the largest number that
/// divides them and that `pictures` fill, and batches an update.
///
/// # Errors
///
/// On a software driver without a memory limit, and where not even one image fits.
pub fn batch_that_fits(
    gpu: &Gpu,
    model: &dyn Model,
    recipe: &Recipe,
    pictures: usize,
) -> Result<(usize, usize), Error> {
    let side = recipe.img_size.unwrap_or_else(|| model.resolution());
    let images = recipe.images_an_update();
    let most = images.min(pictures.max(1));
    let (mut limit, mut least) = (gpu.memory_limit(), 0);
    for batch in (1..=most).rev().filter(|&b| images.is_multiple_of(b)) {
        let split = Recipe {
            batch_size: batch,
            grad_accum_steps: images / batch,
            ..recipe.clone()
        };
        let bytes = match needed(gpu, model, &split, side) {
            Ok(bytes) => bytes,
            Err(error) if least == 0 => return Err(error.into()),
            // A batch norm needs more than one number.
            Err(_) => break,
        };
        // No smaller batch needs more, so it is enough to know whether that much is there.
        let known = match limit {
            Some(limit) => limit,
            None => available(gpu, bytes)?,
        };
        if bytes <= known {
            return Ok((batch, images / batch));
        }
        limit = Some(known);
        least = bytes;
    }
    let error = EngineError::OutOfMemory {
        what: "training and evaluation".into(),
        needed: least,
        available: limit.unwrap_or(0),
        adapter: gpu.info().name.clone(),
    };
    Err(with_advice(error, gpu, model, recipe, side))
}

/// What a device without a memory limit gives of as much as is `wanted`, less what a run takes besides its plans.
fn available(gpu: &Gpu, wanted: u64) -> Result<u64, Error> {
    if gpu.limits().kind == AdapterKind::Cpu {
        return Err(Error::config(
            "--auto-batch",
            format!(
                "how much memory {} has is not known, so nothing can be fitted to it",
                gpu.info().name
            ),
            "Give --memory-limit, in MiB",
        ));
    }
    let spare = wanted / SPARE;
    Ok(gpu.free_memory(wanted + spare)?.saturating_sub(spare))
}

/// Bytes that a trainer by this recipe takes.
fn needed(gpu: &Gpu, model: &dyn Model, recipe: &Recipe, side: usize) -> Compiled<u64> {
    let batch = recipe.batch_size;
    let train = draw::training(model, recipe, batch, side)?;
    let eval = draw::evaluation(model, recipe, batch, side)?;
    let measure = measure::drawn(model, recipe, batch, side)?;
    bytes(gpu, [&train, &eval], measure.as_ref())
}

/// What the engine makes, or its error.
pub(super) type Compiled<T> = Result<T, EngineError>;

/// Refuses training and evaluation that together take more than the device's memory limit, before any is taken.
pub(super) fn expect_memory(
    gpu: &Gpu,
    plans: [&Drawn; 2],
    measure: Option<&Measuring>,
) -> Compiled<()> {
    let Some(limit) = gpu.memory_limit() else {
        return Ok(());
    };
    match bytes(gpu, plans, measure)? {
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
fn bytes(gpu: &Gpu, plans: [&Drawn; 2], measure: Option<&Measuring>) -> Compiled<u64> {
    let mut sum = 0;
    for drawn in plans {
        let schedule = Schedule::new(&drawn.graph, &drawn.kept(), gpu.limits())?;
        sum += schedule.memory().total();
    }
    if let Some(drawn) = measure {
        let schedule = Schedule::new(&drawn.graph, &[], gpu.limits())?;
        sum += schedule.memory().total();
    }
    Ok(sum)
}

/// The engine's error; for plans that are larger than the memory there is, with the largest batch that fits.
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
    // What ran out was not asked for by a plan.
    if *needed == 0 {
        return error.into();
    }
    // A driver that reports no budget has given less than was asked for.
    let budget = if *available > 0 {
        *available
    } else {
        needed / 2
    };
    let less = less(recipe);
    let help = match largest_batch(gpu, model, recipe, side, budget) {
        Some(batch) => {
            let parts = recipe.images_an_update().div_ceil(batch);
            format!(
                "The largest batch that fits is {batch}: give --batch-size {batch}, with --grad-accum-steps {parts} for about as many \
                 images an update, or --auto-batch, which finds both; {less} takes less, too"
            )
        }
        None => format!("Not even a batch of 1 fits: give {less}, or a smaller network"),
    };
    Error::Device {
        problem: format!("batch size {}: {error}", recipe.batch_size),
        help,
    }
}

/// Options of which each makes the plans smaller and is not in force.
fn less(recipe: &Recipe) -> String {
    let mut options = Vec::new();
    if !recipe.amp {
        options.push("--amp");
    }
    if !recipe.grad_checkpointing {
        options.push("--grad-checkpointing");
    }
    options.push("a smaller --img-size");
    options.join(" or ")
}

impl Trainer {
    /// The error for a device that has no memory left in the middle of a run, although it had enough at its start; `kept` is
    /// the checkpoint to go on from.
    pub(crate) fn exhausted(&self, error: &EngineError, kept: Option<&Path>) -> Error {
        let mut held = self.train.memory().total() + self.eval.memory().total();
        held += self.measure.as_ref().map_or(0, Measure::bytes);
        let Recipe {
            batch_size,
            grad_accum_steps,
            ..
        } = self.recipe;
        let half = batch_size.div_ceil(2);
        let kept = match kept {
            Some(kept) => format!("{} is whole", kept.display()),
            None => "There is no checkpoint yet".into(),
        };
        Error::Device {
            problem: format!(
                "step {}: {error}, beside {:.1} MiB that this run holds",
                self.step,
                held as f64 / f64::from(1 << 20)
            ),
            help: format!(
                "{kept}: end what else holds GPU memory and give the same command again, or go on with less by --force and \
                 --batch-size {half} --grad-accum-steps {}, or {}",
                2 * grad_accum_steps,
                less(&self.recipe)
            ),
        }
    }
}
