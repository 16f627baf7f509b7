//! The same batch, run again and again.

use std::time::Instant;

use triaxis_engine::{Gpu, NodeId, Plan, Profile, Shape};

use super::kernels::{Phase, kernels};
use super::row::Work;
use super::{
    Bench, Kernels, Row, Settings, Times, extremes, median, quantile, round, thread_cpu_seconds,
};
use crate::error::{Error, Result};
use crate::random::Stream;

/// A batch that can be run any number of times.
pub(super) trait Batch {
    /// The plan that runs.
    fn plan(&mut self) -> &mut Plan;

    /// Writes what the next run reads.
    fn write(&mut self) -> Result<()>;

    /// Waits for the result.
    fn finish(&mut self) -> Result<()>;

    /// What of the result is not finite, after [`Batch::finish`].
    fn not_finite(&self) -> Result<Option<&'static str>>;

    /// What a node of the plan's graph is for.
    fn phase(&self, node: NodeId) -> Phase;
}

/// Makes the batch, runs it, and tells: a row for the whole, then one for each kernel where that was asked for, the longest
/// first.
///
/// # Errors
///
/// A device that is too small or lost, a result that is not finite.
pub(super) fn measure<B: Batch>(
    gpu: &Gpu,
    bench: &Bench,
    settings: &Settings,
    begun: Row,
    make: impl FnOnce() -> Result<B>,
) -> Result<Vec<Row>> {
    let images = settings.runs * begun.batch;
    let begun = begun.on(bench);
    let begin = Instant::now();
    let mut batch = make()?;
    run(&mut batch)?;
    let first = begin.elapsed().as_secs_f64();
    refuse_not_finite(&begun.case, &batch)?;
    // Once more before anything counts.
    run(&mut batch)?;
    let (mut times, mut parts) = (Times::default(), Vec::new());
    for _ in 0..settings.runs {
        parts.push(times.add(|| run(&mut batch))?);
    }
    let stream = Instant::now();
    for _ in 0..settings.runs {
        batch.write()?;
        batch.plan().run()?;
    }
    gpu.wait()?;
    let stream = stream.elapsed().as_secs_f64();

    let plan = batch.plan();
    let record = || {
        let before = thread_cpu_seconds()?;
        plan.record();
        Some(thread_cpu_seconds()? - before)
    };
    let record_cpu: Vec<f64> = (0..settings.runs).filter_map(|_| record()).collect();
    let work = Work {
        multiply_adds: plan.schedule().launches().map(|(_, d)| d.work).sum(),
        bytes: plan.traffic().total(),
        images: begun.batch,
    };
    let middle = median(&times.wall).unwrap_or(f64::NAN);
    let ms = |seconds: Option<f64>| seconds.map(|s| round(1e3 * s));
    let ends = extremes(&times.wall);
    let encode: Vec<f64> = parts.iter().map(|part| part.encode).collect();
    let encode_cpu: Vec<f64> = parts.iter().filter_map(|part| part.encode_cpu).collect();
    let waited: f64 = parts.iter().map(|part| part.wait).sum();
    let whole = Row {
        median_ms: ms(Some(middle)),
        min_ms: ms(ends.map(|(least, _)| least)),
        max_ms: ms(ends.map(|(_, most)| most)),
        p95_ms: ms(quantile(&times.wall, 0.95)),
        cpu_median_ms: ms(median(&times.cpu)),
        first_ms: ms(Some(first)),
        reps: settings.runs,
        stream_images_per_s: Some(round(images as f64 / stream)),
        encode_ms: ms(median(&encode)),
        encode_cpu_ms: ms(median(&encode_cpu)),
        record_cpu_ms: ms(median(&record_cpu)),
        wait_share: Some(round(waited / times.wall.iter().sum::<f64>())),
        memory_bytes: Some(plan.memory().total()),
        submits: Some(plan.submits()),
        dispatches: Some(plan.schedule().dispatches()),
        ..begun.clone().rates(middle, work)
    };
    let mut rows = vec![whole];
    if settings.kernels == Kernels::Apart {
        let profiles: Result<Vec<Profile>> =
            (0..settings.runs).map(|_| Ok(plan.profile()?)).collect();
        let phase = |node| batch.phase(node);
        rows.extend(kernels(bench, &begun, &profiles?, phase));
    }
    Ok(rows)
}

/// Refuses to time what has gone wrong.
pub(super) fn refuse_not_finite(case: &str, batch: &(impl Batch + ?Sized)) -> Result<()> {
    match batch.not_finite()? {
        None => Ok(()),
        Some(what) => Err(Error::Device {
            problem: format!("{case}: {what} not finite, so that times would mean nothing"),
            help: "Run `triaxis doctor`, which checks the kernels on this adapter".into(),
        }),
    }
}

/// What the host does in a run besides writing, in seconds.
pub(super) struct Parts {
    /// Encodes and submits.
    encode: f64,
    /// Of that, what the processor worked on it in this thread.
    encode_cpu: Option<f64>,
    /// Waits for the device.
    wait: f64,
}

/// Writes, submits and waits.
pub(super) fn run(batch: &mut (impl Batch + ?Sized)) -> Result<Parts> {
    batch.write()?;
    let (begin, cpu) = (Instant::now(), thread_cpu_seconds());
    batch.plan().run()?;
    let encode = begin.elapsed().as_secs_f64();
    let encode_cpu = cpu.and_then(|before| Some(thread_cpu_seconds()? - before));
    let begin = Instant::now();
    batch.finish()?;
    Ok(Parts {
        encode,
        encode_cpu,
        wait: begin.elapsed().as_secs_f64(),
    })
}

/// Random bytes for a picture of this shape; the padding is zero.
pub(super) fn random_pictures(shape: Shape) -> Vec<u8> {
    let mut random = Stream::new(0, 0, 0, "pictures");
    let (c, stride) = (shape.c(), shape.c4() * 4);
    let byte = |i| match i % stride < c {
        true => random.bits() as u8,
        false => 0,
    };
    (0..shape.pixels() * stride).map(byte).collect()
}
