//! Every operator at the sizes of real layers, kernel by kernel.

use clap::Args;
use triaxis::bench::{Machine, Times, cpu_seconds, median, round};
use triaxis::engine::{DType, Gpu, Plan, Profile, ProfileRow, Shape, Value};
use triaxis::random::Stream;
use triaxis_tests::write_randomness;

use crate::error::{Error, Result};
use crate::operators::{Named, OPERATORS, named};
use crate::output::Output;
use crate::parts::{Drawn, PARTS, draw};
use crate::row::{Row, Work};
use crate::table;

/// Which cases, at which size, how often.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Only the cases whose `operator case` contains this
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Option<String>,
    /// Images of a batch
    #[arg(short, long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) batch_size: u16,
    /// Measurements of each case, after the runs that warm up
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) repeat: u16,
    /// Runs of each case before the first measurement
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) warmup: u16,
}

/// Times the cases one after the other.
///
/// # Errors
///
/// A name that no case has, rows that cannot be written, the engine's.
pub(crate) fn run(
    gpu: &Gpu,
    machine: &Machine,
    options: &Options,
    output: &mut Output,
) -> Result<()> {
    let mut none = true;
    for case in named(options.batch_size.into(), options.only.as_deref()) {
        if std::mem::take(&mut none) {
            table::kernels_header();
        }
        let rows = measure(gpu, machine, &case, options)?;
        table::kernels(&rows);
        output.push(rows)?;
    }
    if none {
        let names: Vec<&str> = OPERATORS.iter().map(|(name, _)| *name).collect();
        return Err(Error::Option {
            option: format!("--only {}", options.only.as_deref().unwrap_or_default()),
            problem: "no case has this in its name",
            help: format!("The operators are {}", names.join(", ")),
        });
    }
    Ok(())
}

/// Times one case: a row for each kernel, for each part, and for the whole.
///
/// # Errors
///
/// The engine's, and [`Error::NotFinite`].
pub(crate) fn measure(
    gpu: &Gpu,
    machine: &Machine,
    named: &Named,
    options: &Options,
) -> Result<Vec<Row>> {
    let begin = cpu_seconds();
    let drawn = draw(&named.case)?;
    let mut plan = Plan::compile(gpu, &drawn.graph, &drawn.kept)?;
    plan.initialise(0)?;
    fill(&plan, &drawn, named)?;
    let mut first = Times::default();
    first.add(|| plan.run().and_then(|()| gpu.wait()))?;
    for _ in 1..options.warmup {
        plan.run()?;
    }
    gpu.wait()?;
    let mut times = Times::default();
    let mut profiles = Vec::new();
    for _ in 0..options.repeat {
        profiles.push(times.add(|| plan.profile())?);
    }
    for &value in &drawn.kept {
        if !plan.read(value)?.iter().all(|x| x.is_finite()) {
            return Err(Error::NotFinite {
                case: named.case.name.clone(),
                what: plan.graph().name(value).into(),
            });
        }
    }
    let mut rows = rows(machine, named, &drawn, &profiles);
    let spent = begin.zip(cpu_seconds()).map(|(from, to)| to - from);
    for row in &mut rows {
        row.cpu_seconds = spent.map(round);
    }
    if let Some(all) = rows.last_mut() {
        all.cpu_median_ms = median(&times.cpu).map(|s| round(s * 1e3));
        all.first_ms = first.wall.first().map(|s| round(s * 1e3));
        all.memory_mib = Some(round(plan.memory().total() as f64 / f64::from(1 << 20)));
        all.submits = Some(plan.submits());
    }
    Ok(rows)
}

fn rows(machine: &Machine, named: &Named, drawn: &Drawn, profiles: &[Profile]) -> Vec<Row> {
    let kernels = &profiles[0].rows;
    let parts = drawn.parts(kernels);
    // Of the kernels that belong: seconds of each repeat, and the work.
    let sum = |belongs: &dyn Fn(usize) -> bool| {
        let chosen: Vec<usize> = (0..kernels.len()).filter(|&i| belongs(i)).collect();
        let seconds: Vec<f64> = profiles
            .iter()
            .map(|p| chosen.iter().map(|&i| p.rows[i].seconds).sum())
            .collect();
        let work = Work {
            multiply_adds: chosen.iter().map(|&i| kernels[i].work).sum(),
            bytes: chosen.iter().map(|&i| kernels[i].bytes).sum(),
        };
        (chosen.len(), seconds, work)
    };
    let row = |suite: String, kernel: String, belongs: &dyn Fn(usize) -> bool| {
        let (dispatches, seconds, work) = sum(belongs);
        (dispatches > 0).then(|| Row {
            op: named.op.into(),
            kernel,
            clock: profiles[0].clock.into(),
            dispatches: Some(dispatches),
            ..Row::new(machine, suite, &named.name, &seconds, work)
        })
    };
    let of_kernels = (0..kernels.len()).filter_map(|i| {
        let ProfileRow { path, kernel, .. } = &kernels[i];
        // The parts of a kernel that was split are one row, at the place of the first.
        let same = |j: usize| {
            parts[j] == parts[i] && kernels[j].path == *path && kernels[j].kernel == *kernel
        };
        if (0..i).any(same) {
            return None;
        }
        row(
            format!("{}.kernel", parts[i]),
            format!("{path}/{kernel}"),
            &same,
        )
    });
    let of_parts = PARTS
        .into_iter()
        .filter_map(|part| row(part.into(), String::new(), &|i| parts[i] == part));
    let whole = row("ops.all".into(), String::new(), &|_| true);
    of_kernels.chain(of_parts).chain(whole).collect()
}

/// Writes the case's numbers, random ones where it has none.
fn fill(plan: &Plan, drawn: &Drawn, named: &Named) -> Result<()> {
    for ((seed, &value), input) in (1..).zip(&drawn.inputs).zip(&named.case.inputs) {
        match (&input.numbers, input.dtype) {
            (Some(numbers), DType::F32 | DType::F16) => {
                let numbers: Vec<f32> = numbers.iter().map(|&x| x as f32).collect();
                plan.write(value, &numbers)?;
            }
            (Some(numbers), DType::U32) => {
                let numbers: Vec<u32> = numbers.iter().map(|&x| x as u32).collect();
                plan.write_u32(value, &numbers)?;
            }
            // Pictures.
            (_, DType::U8) => plan.write_raw(value, &random_bytes(input.shape))?,
            (None, _) => write_random(plan, value, seed)?,
        }
    }
    if let Some(dy) = drawn.dy {
        write_random(plan, dy, 99)?;
    }
    write_randomness(plan, triaxis_tests::SEED, triaxis_tests::EPOCH);
    Ok(())
}

fn write_random(plan: &Plan, value: Value, seed: u32) -> Result<()> {
    let mut random = Stream::new(0, 0, seed, "benches");
    let count = plan.graph().shape(value).count();
    let numbers: Vec<f32> = (0..count).map(|_| random.uniform() - 0.5).collect();
    Ok(plan.write(value, &numbers)?)
}

/// Random bytes as the device keeps them: each pixel filled up with zeros to a multiple of four channels.
fn random_bytes(shape: Shape) -> Vec<u8> {
    let mut random = Stream::new(0, 0, 0, "pictures");
    let (c, stride) = (shape.c(), shape.c4() * 4);
    (0..shape.pixels() * stride)
        .map(|i| {
            if i % stride < c {
                random.bits() as u8
            } else {
                0
            }
        })
        .collect()
}
