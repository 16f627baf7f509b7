//! Training: a whole step as the trainer draws it, and the loader alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use triaxis_engine::{Gpu, Plan};

use super::measure::{Batch, measure, random_pictures};
use super::{Bench, Case, Row, Settings, round, told};
use crate::data::{Dataset, Loader, LoaderOptions};
use crate::error::Result;
use crate::random::Stream;
use crate::recipe::Recipe;
use crate::schedule::{Position, ema_alpha, learning_rate};
use crate::trainer::draw::{self, Drawn};

/// How long the loader is watched.
const WATCHED: Duration = Duration::from_secs(5);

/// Measures training steps by the default recipe on random pictures: pictures, augmentation, network, loss, gradients,
/// optimizer, averages, counts. No picture is decoded. The device should be a fresh one, so that the first step is one.
///
/// # Errors
///
/// A lost device, a loss that is not finite. A case that does not fit is a row that says so.
pub fn train(gpu: &Gpu, bench: &Bench, settings: &Settings, case: &Case) -> Result<Vec<Row>> {
    let form = match gpu.limits().fuse {
        true => "fused",
        false => "unfused",
    };
    let begun = Row::begun("train", case, form, "f32");
    let recipe = Recipe {
        batch_size: case.batch,
        ..Recipe::default()
    };
    let drawn = draw::training(&case.spec, &recipe, case.batch, case.spec.resolution);
    let measured = drawn.map_err(Into::into).and_then(|drawn| {
        measure(gpu, bench, settings, begun.clone(), || {
            Step::new(gpu, drawn, recipe, case.spec.num_classes)
        })
    });
    told(bench, begun, measured)
}

/// Images a second that a loader prepares for this case when nothing else is done, over one epoch of at most five
/// seconds.
///
/// # Errors
///
/// Data that does not fill a batch or cannot be read.
pub fn loader_rate(data: &Arc<dyn Dataset>, case: &Case, workers: Option<usize>) -> Result<f64> {
    let default = LoaderOptions::default();
    let options = LoaderOptions {
        batch: case.batch,
        side: case.spec.resolution,
        workers: workers.unwrap_or(default.workers),
        cache_bytes: 0,
        ..default
    };
    let loader = Loader::new(Arc::clone(data), options)?;
    let (begin, mut images) = (Instant::now(), 0);
    for batch in loader.epoch(0, 0) {
        images += batch?.valid;
        if begin.elapsed() > WATCHED {
            break;
        }
    }
    Ok(round(images as f64 / begin.elapsed().as_secs_f64()))
}

/// A step on one batch, whose inputs are written anew every time, as the trainer does.
struct Step {
    plan: Plan,
    drawn: Drawn,
    recipe: Recipe,
    pictures: Vec<u8>,
    labels: Vec<u32>,
    done: usize,
}

impl Step {
    fn new(gpu: &Gpu, drawn: Drawn, recipe: Recipe, classes: usize) -> Result<Self> {
        let plan = Plan::compile(gpu, &drawn.graph, &[drawn.loss])?;
        plan.initialise(recipe.seed)?;
        let mut random = Stream::new(recipe.seed, 0, 0, "labels");
        let label = |_| random.below(classes as u32);
        Ok(Self {
            labels: (0..recipe.batch_size).map(label).collect(),
            pictures: random_pictures(drawn.graph.shape(drawn.pictures)),
            plan,
            drawn,
            recipe,
            done: 0,
        })
    }
}

impl Batch for Step {
    fn plan(&mut self) -> &mut Plan {
        &mut self.plan
    }

    fn write(&mut self) -> Result<()> {
        let (plan, drawn) = (&self.plan, &self.drawn);
        plan.write_raw(drawn.pictures, &self.pictures)?;
        plan.write_u32(drawn.labels, &self.labels)?;
        plan.write(drawn.weights, &vec![1.0; self.labels.len()])?;
        let Some(step) = drawn.step else {
            return Ok(());
        };
        let n = self.labels.len() as u32;
        // Early in the warm-up: the pictures show nothing that could be learned.
        let position = Position {
            epoch: 0,
            step: self.done,
            steps: 10_000,
        };
        self.done += 1;
        plan.write(step.rate, &[learning_rate(&self.recipe, position) as f32])?;
        if let Some(rate) = step.average {
            let alpha = ema_alpha(&self.recipe, position).unwrap_or(0.0);
            plan.write(rate, &[alpha as f32])?;
        }
        if let Some(random) = plan.graph().random_inputs() {
            let seed = self.recipe.seed;
            plan.write_u32(random.key, &[seed as u32, (seed >> 32) as u32, 0, 0])?;
            plan.write_u32(random.indices, &(0..n).collect::<Vec<u32>>())?;
        }
        if let Some(mixing) = step.mixing {
            plan.write_u32(mixing.partner, &(0..n).rev().collect::<Vec<u32>>())?;
            plan.write(mixing.target, &[0.7])?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        Ok(self.plan.gpu().wait()?)
    }

    fn not_finite(&self) -> Result<Option<&'static str>> {
        let loss = self.plan.read(self.drawn.loss)?;
        let finite = loss.iter().all(|x| x.is_finite());
        Ok((!finite).then_some("the loss is"))
    }
}
