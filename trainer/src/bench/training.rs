//! Training: a whole step as the trainer draws it, and the loader alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use triaxis_engine::{Gpu, Kind, NodeId, Plan};

use super::kernels::Phase;
use super::measure::{self, measure, random_pictures};
use super::{Bench, Case, Row, Settings, cpu_seconds, round, told};
use crate::data::{Batch, Dataset, Loader, LoaderOptions};
use crate::error::Result;
use crate::random::Stream;
use crate::recipe::Recipe;
use crate::trainer::draw::{self, Drawn};
use crate::trainer::step::{self, Part, Place};

/// How long the loader is watched.
const WATCHED: Duration = Duration::from_secs(5);

/// Measures training steps by a recipe on random pictures: pictures, augmentation, network, loss, gradients,
/// optimizer, averages, counts. No picture is decoded. The device should be a fresh one, so that the first step is one.
///
/// # Errors
///
/// A lost device, a loss that is not finite. A case that does not fit is a row that says so.
pub fn train(
    gpu: &Gpu,
    bench: &Bench,
    settings: &Settings,
    case: &Case,
    recipe: &Recipe,
) -> Result<Vec<Row>> {
    let limits = gpu.limits();
    let form = match limits.fuse || (recipe.amp && limits.fuse_halves) {
        true => "fused",
        false => "unfused",
    };
    let recipe = Recipe {
        batch_size: case.batch,
        ..recipe.clone()
    };
    let precision = if recipe.amp { "f16" } else { "f32" };
    let begun = Row::begun("train", case, form, precision);
    let drawn = draw::training(&case.spec, &recipe, case.batch, case.spec.resolution);
    let measured = drawn.map_err(Into::into).and_then(|drawn| {
        measure(gpu, bench, settings, begun.clone(), || {
            Step::new(gpu, drawn, recipe, case.spec.num_classes)
        })
    });
    told(bench, begun, measured)
}

/// A training step of this case, ready to run.
pub(super) fn step(gpu: &Gpu, case: &Case, recipe: &Recipe) -> Result<impl measure::Batch + use<>> {
    let recipe = Recipe {
        batch_size: case.batch,
        ..recipe.clone()
    };
    let drawn = draw::training(&case.spec, &recipe, case.batch, case.spec.resolution)?;
    Step::new(gpu, drawn, recipe, case.spec.num_classes)
}

/// How fast a loader is when nothing else is done.
#[derive(Clone, Copy, Debug)]
pub struct LoaderRate {
    /// Images a second, by the clock.
    pub per_second: f64,
    /// Images a second of processor time, where the system tells.
    pub per_cpu_second: Option<f64>,
}

/// What a loader prepares for this case as the recipe augments pictures, over one epoch of at most five seconds.
///
/// # Errors
///
/// Data that does not fill a batch or cannot be read.
pub fn loader_rate(
    data: &Arc<dyn Dataset>,
    case: &Case,
    recipe: &Recipe,
    workers: Option<usize>,
) -> Result<LoaderRate> {
    let default = LoaderOptions::default();
    let options = LoaderOptions {
        batch: case.batch,
        side: case.spec.resolution,
        workers: workers.unwrap_or(default.workers),
        cache_bytes: 0,
        augmentation: recipe.on_host()?,
        ..default
    };
    let loader = Loader::new(Arc::clone(data), options)?;
    let (begin, cpu, mut images) = (Instant::now(), cpu_seconds(), 0);
    for batch in loader.epoch(0, 0) {
        images += batch?.valid;
        if begin.elapsed() > WATCHED {
            break;
        }
    }
    let rate = |seconds: f64| round(images as f64 / seconds);
    Ok(LoaderRate {
        per_second: rate(begin.elapsed().as_secs_f64()),
        per_cpu_second: cpu.and_then(|before| Some(rate(cpu_seconds()? - before))),
    })
}

/// A step on one batch, whose inputs are written anew every time, as the trainer does.
struct Step {
    plan: Plan,
    drawn: Drawn,
    recipe: Recipe,
    batch: Batch,
    done: usize,
}

impl Step {
    fn new(gpu: &Gpu, drawn: Drawn, recipe: Recipe, classes: usize) -> Result<Self> {
        let plan = Plan::compile(gpu, &drawn.graph, &drawn.kept())?;
        plan.initialise(recipe.seed)?;
        let mut random = Stream::new(recipe.seed, 0, 0, "labels");
        let label = |_| random.below(classes as u32);
        Ok(Self {
            batch: Batch {
                images: random_pictures(drawn.graph.shape(drawn.pictures)),
                labels: (0..recipe.batch_size).map(label).collect(),
                indices: (0..recipe.batch_size as u32).collect(),
                valid: recipe.batch_size,
            },
            plan,
            drawn,
            recipe,
            done: 0,
        })
    }
}

impl measure::Batch for Step {
    fn plan(&mut self) -> &mut Plan {
        &mut self.plan
    }

    fn write(&mut self) -> Result<()> {
        // Early in the warm-up: the pictures show nothing that could be learned.
        let place = Place {
            epoch: 0,
            batch: self.done,
            side: self.drawn.graph.shape(self.drawn.pictures).h(),
            rate: 1.0,
            part: Part::of(&self.recipe, 0, self.done, 10_000),
            step: self.done as u64,
        };
        self.done += 1;
        step::write(&self.plan, &self.drawn, &self.recipe, &self.batch, place)
    }

    fn finish(&mut self) -> Result<()> {
        Ok(self.plan.gpu().wait()?)
    }

    fn not_finite(&self) -> Result<Option<&'static str>> {
        let loss = self.plan.read(self.drawn.loss)?;
        let finite = loss.iter().all(|x| x.is_finite());
        Ok((!finite).then_some("the loss is"))
    }

    fn phase(&self, node: NodeId) -> Phase {
        let made_by = |value| match *self.drawn.graph.kind(value) {
            Kind::Output(id) => Some(id),
            _ => None,
        };
        // Nodes run in their order: the network up to its loss, then the gradients up to their norm.
        let norm = self.drawn.step.and_then(|step| made_by(step.norm));
        match (made_by(self.drawn.loss), norm) {
            (Some(loss), _) if node <= loss => Phase::Forward,
            (_, Some(norm)) if node >= norm => Phase::Update,
            _ => Phase::Backward,
        }
    }
}
