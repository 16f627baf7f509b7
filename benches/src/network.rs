//! Whole networks: a training step and the evaluation of a batch, as the trainer draws them.

use std::time::Instant;

use clap::Args;
use triaxis::Recipe;
use triaxis::draw::{self, Drawn};
use triaxis::engine::{
    Gpu, Inference, InferenceOptions, Layout, Plan, Precision, Profile, ProfileRow,
};
use triaxis::models::Spec;
use triaxis::random::Stream;
use triaxis::schedule::{Position, ema_alpha, learning_rate};

use crate::error::{Error, Result};
use crate::kernels::random_bytes;
use crate::machine::{Machine, cpu_seconds};
use crate::output::Output;
use crate::row::{Row, Work, round};
use crate::table;
use crate::times::{Times, median};

/// Which network, at which size, how often.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Network: a name of `triaxis models` or a TOML file
    #[arg(long, default_value = "efficientnet_b0")]
    pub(crate) model: String,
    /// Images of a batch
    #[arg(short, long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) batch_size: u16,
    /// Side of the images, pixels [default: the network's]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) img_size: Option<u16>,
    /// Steps that are measured, after the runs that warm up; with --profile as many again
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) steps: u16,
    /// Steps before the first measurement
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) warmup: u16,
    /// Measure and list every kernel too
    #[arg(long)]
    pub(crate) profile: bool,
}

/// What is done with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Pictures in, weights changed.
    Training,
    /// Pictures in, loss and hits out, as the trainer evaluates.
    Inference,
    /// The same by a fused graph that stores activations so.
    Fused(Precision),
}

/// The form of the graph that infers.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Form {
    /// Fuse what surrounds convolutions into their kernels
    #[arg(long)]
    fused: bool,
    /// Store activations as f16; implies --fused
    #[arg(long)]
    f16: bool,
}

impl Form {
    pub(crate) fn kind(self) -> Kind {
        match (self.fused, self.f16) {
            (_, true) => Kind::Fused(Precision::F16),
            (true, false) => Kind::Fused(Precision::F32),
            (false, false) => Kind::Inference,
        }
    }
}

impl Kind {
    fn suite(self) -> &'static str {
        match self {
            Self::Training => "train",
            Self::Inference | Self::Fused(_) => "infer",
        }
    }

    fn precision(self) -> &'static str {
        match self {
            Self::Fused(Precision::F16) => "f16",
            _ => "f32",
        }
    }

    /// The end of the case's name.
    fn form(self) -> String {
        let fused = if matches!(self, Self::Fused(_)) {
            "fused_"
        } else {
            ""
        };
        format!("{fused}{}", self.precision())
    }
}

/// Measures and tells.
///
/// # Errors
///
/// A network that cannot be, a device that is too small, rows that cannot be written, [`Error::NotFinite`].
pub(crate) fn run(
    gpu: &Gpu,
    machine: &Machine,
    kind: Kind,
    options: &Options,
    output: &mut Output,
) -> Result<()> {
    let rows = measure(gpu, machine, kind, Spec::find(&options.model)?, options)?;
    table::network(&rows[0]);
    if options.profile {
        table::profile(&rows[1..]);
    }
    output.push(rows)
}

/// A row for the whole, then one for each kernel where a profile was asked for.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn measure(
    gpu: &Gpu,
    machine: &Machine,
    kind: Kind,
    mut spec: Spec,
    options: &Options,
) -> Result<Vec<Row>> {
    let begin = cpu_seconds();
    let n = usize::from(options.batch_size);
    let side = options.img_size.map_or(spec.resolution, usize::from);
    spec.resolution = side;
    let recipe = Recipe {
        batch_size: n,
        ..Recipe::default()
    };
    let drawn = match kind {
        Kind::Training => draw::training(&spec, &recipe, n, side)?,
        Kind::Inference | Kind::Fused(_) => draw::evaluation(&spec, n, side)?,
    };
    let compiling = Instant::now();
    let mut step = Step::new(gpu, kind, drawn, recipe, spec.num_classes)?;
    eprintln!("compiled in {:.1} s", compiling.elapsed().as_secs_f64());

    let case = format!("{}_r{side}_b{n}_{}", spec.name, kind.form());
    let mut first = Times::default();
    first.add(|| step.run_and_wait())?;
    for _ in 1..options.warmup {
        step.run_and_wait()?;
    }
    let mut times = Times::default();
    for _ in 0..options.steps {
        times.add(|| step.run_and_wait())?;
    }
    let mut stream = Times::default();
    stream.add(|| {
        for _ in 0..options.steps {
            step.run()?;
        }
        Ok(gpu.wait()?)
    })?;
    step.expect_finite(&case)?;

    let mut profiles = Vec::new();
    for _ in 0..if options.profile { options.steps } else { 0 } {
        profiles.push(step.plan.profile()?);
    }
    let ms = |seconds: Option<f64>| seconds.map(|s| round(s * 1e3));
    let work = Work {
        multiply_adds: step.plan.schedule().launches().map(|(_, d)| d.work).sum(),
        bytes: step.plan.traffic().total(),
        images: n,
    };
    let streamed = f64::from(options.steps) * n as f64 / stream.wall[0];
    let spent = begin.zip(cpu_seconds()).map(|(from, to)| round(to - from));
    let whole = Row {
        cpu_median_ms: ms(median(&times.cpu)),
        first_ms: ms(first.wall.first().copied()),
        stream_images_per_s: Some(round(streamed)),
        memory_mib: Some(round(
            step.plan.memory().total() as f64 / f64::from(1 << 20),
        )),
        submits: Some(step.plan.submits()),
        dispatches: Some(step.plan.schedule().dispatches()),
        cpu_seconds: spent,
        clock: "wall clock".into(),
        precision: kind.precision().into(),
        ..Row::new(machine, kind.suite(), &case, &times.wall, work)
    };
    let mut rows = vec![whole];
    rows.extend(kernels(machine, kind, &case, &profiles));
    Ok(rows)
}

/// A row for each kernel of each node; one that was split into ranges counts once.
fn kernels(machine: &Machine, kind: Kind, case: &str, profiles: &[Profile]) -> Vec<Row> {
    let Some(first) = profiles.first() else {
        return Vec::new();
    };
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let same = |a: &ProfileRow, b: &ProfileRow| a.path == b.path && a.kernel == b.kernel;
    for (i, row) in first.rows.iter().enumerate() {
        match groups.iter_mut().find(|g| same(&first.rows[g[0]], row)) {
            Some(group) => group.push(i),
            None => groups.push(vec![i]),
        }
    }
    let row = |group: Vec<usize>| {
        let sum = |p: &Profile| group.iter().map(|&i| p.rows[i].seconds).sum();
        let seconds: Vec<f64> = profiles.iter().map(sum).collect();
        let work = Work {
            multiply_adds: group.iter().map(|&i| first.rows[i].work).sum(),
            bytes: group.iter().map(|&i| first.rows[i].bytes).sum(),
            images: 0,
        };
        let ProfileRow { path, kernel, .. } = &first.rows[group[0]];
        Row {
            kernel: format!("{path}/{kernel}"),
            clock: first.clock.into(),
            precision: kind.precision().into(),
            dispatches: Some(group.len()),
            ..Row::new(
                machine,
                format!("{}.kernel", kind.suite()),
                case,
                &seconds,
                work,
            )
        }
    };
    groups.into_iter().map(row).collect()
}

/// The fused form of an evaluation, with random weights.
fn fused(gpu: &Gpu, drawn: Drawn, precision: Precision) -> Result<(Plan, Drawn)> {
    let Drawn { graph, .. } = &drawn;
    let fused = Inference::new(graph, &[drawn.loss], &InferenceOptions { precision })?;
    let plan = Plan::compile(gpu, &fused.graph, &fused.keep)?;
    fused.load(&plan, |name| {
        let value = graph.find(name)?;
        let parameter = graph.parameters().iter().find(|p| p.name == name);
        let layout = parameter.map_or(Layout::Vector, |p| p.options.layout);
        let shape = layout.file_shape(graph.shape(value));
        let (count, fan) = (shape.iter().product(), shape[1..].iter().product::<usize>());
        // Factors and variances of 1; weights whose sums are as large as what they read.
        Some(match shape.len() {
            1 if name.ends_with("weight") || name.ends_with("var") => vec![1.0; count],
            1 => vec![0.0; count],
            _ => triaxis_tests::random(1, count)
                .iter()
                .map(|x| (x * (24.0 / fan as f64).sqrt()) as f32)
                .collect(),
        })
    })?;
    let read = |value| fused.value(value).unwrap_or(value);
    let drawn = Drawn {
        pictures: read(drawn.pictures),
        labels: read(drawn.labels),
        weights: read(drawn.weights),
        sums: read(drawn.sums),
        loss: fused.keep[0],
        step: None,
        graph: fused.graph.clone(),
    };
    Ok((plan, drawn))
}

/// A plan with a batch of random pictures, written anew before every run as the trainer does.
struct Step {
    plan: Plan,
    drawn: Drawn,
    recipe: Recipe,
    pictures: Vec<u8>,
    labels: Vec<u32>,
    done: usize,
}

impl Step {
    fn new(gpu: &Gpu, kind: Kind, drawn: Drawn, recipe: Recipe, classes: usize) -> Result<Self> {
        let (plan, drawn) = match kind {
            Kind::Fused(precision) => fused(gpu, drawn, precision)?,
            Kind::Training | Kind::Inference => {
                let plan = Plan::compile(gpu, &drawn.graph, &[drawn.loss])?;
                plan.initialise(recipe.seed)?;
                (plan, drawn)
            }
        };
        let mut random = Stream::new(recipe.seed, 0, 0, "labels");
        let labels = (0..recipe.batch_size)
            .map(|_| random.below(classes as u32))
            .collect();
        Ok(Self {
            pictures: random_bytes(drawn.graph.shape(drawn.pictures)),
            labels,
            plan,
            drawn,
            recipe,
            done: 0,
        })
    }

    fn run(&mut self) -> Result<()> {
        let (plan, drawn) = (&self.plan, &self.drawn);
        plan.write_raw(drawn.pictures, &self.pictures)?;
        plan.write_u32(drawn.labels, &self.labels)?;
        plan.write(drawn.weights, &vec![1.0; self.labels.len()])?;
        self.write_step()?;
        self.done += 1;
        Ok(self.plan.run()?)
    }

    fn run_and_wait(&mut self) -> Result<()> {
        self.run()?;
        Ok(self.plan.gpu().wait()?)
    }

    /// What only training reads: rates, the key of randomness, partners.
    fn write_step(&self) -> Result<()> {
        let plan = &self.plan;
        let Some(step) = self.drawn.step else {
            return Ok(());
        };
        let n = self.labels.len() as u32;
        // Early in the warm-up: the pictures show nothing that could be learned.
        let position = Position {
            epoch: 0,
            step: self.done,
            steps: 10_000,
        };
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
        if let Some((partner, lambda)) = step.mixup {
            plan.write_u32(partner, &(0..n).rev().collect::<Vec<u32>>())?;
            plan.write(lambda, &[0.7])?;
        }
        Ok(())
    }

    fn expect_finite(&self, case: &str) -> Result<()> {
        let loss = self.plan.read(self.drawn.loss)?;
        let sums = self.plan.read(self.drawn.sums)?;
        if loss.iter().chain(&sums).all(|x| x.is_finite()) {
            return Ok(());
        }
        Err(Error::NotFinite {
            case: case.into(),
            what: "the loss".into(),
        })
    }
}
