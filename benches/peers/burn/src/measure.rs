//! Rounds of runs, and the row that `triaxis bench compare` reads of each.

use std::time::Instant;

/// Times of one round, milliseconds a run.
#[derive(Debug)]
pub struct Round {
    /// From the device's opening to the end of the first run: kernels are compiled and the fastest are looked for in it.
    /// Only of the first round.
    pub first: Option<f64>,
    /// Of each run, the least first.
    pub wall: Vec<f64>,
    /// Processor time of all threads, the least first.
    pub processor: Vec<f64>,
}

/// Runs `work`, which ends when the device has done it, `runs` times.
pub fn round(first: Option<f64>, runs: usize, mut work: impl FnMut()) -> Round {
    let (mut wall, mut processor) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let (begin, used) = (Instant::now(), processor_ms());
        work();
        wall.push(begin.elapsed().as_secs_f64() * 1e3);
        processor.push(processor_ms() - used);
    }
    wall.sort_by(f64::total_cmp);
    processor.sort_by(f64::total_cmp);
    Round {
        first,
        wall,
        processor,
    }
}

/// The columns of [`Case::row`].
pub const HEADER: &str = "suite,case,device,median_ms,min_ms,max_ms,cpu_median_ms,first_ms,reps,images_per_s,\
                          model,resolution,batch,precision,clock,adapter,driver,backend,version";

/// What is measured.
#[derive(Debug)]
pub struct Case<'a> {
    pub suite: &'a str,
    pub model: &'a str,
    pub resolution: usize,
    pub batch: usize,
    pub precision: &'a str,
    /// Where, as burn names it.
    pub adapter: String,
}

impl Case<'_> {
    /// A line of CSV.
    pub fn row(&self, round: &Round) -> String {
        let Self {
            suite,
            model,
            resolution,
            batch,
            precision,
            adapter,
        } = self;
        let compiler = if cfg!(feature = "vulkan") {
            "spirv"
        } else {
            "wgsl"
        };
        let (wall, median) = (&round.wall, median(&round.wall));
        let first = round
            .first
            .map_or(String::new(), |first| format!("{first:.1}"));
        format!(
            "{suite},{model}_r{resolution}_b{batch}_{precision},burn-{VERSION}-{compiler},{median:.4},{:.4},{:.4},{:.4},\
             {first},{},{:.4},{model},{resolution},{batch},{precision},wall clock,\"{adapter}\",,wgpu,{VERSION}",
            wall[0],
            wall[wall.len() - 1],
            self::median(&round.processor),
            wall.len(),
            *batch as f64 / median * 1e3,
        )
    }
}

const VERSION: &str = "0.22.1";

/// Of numbers in order.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        (sorted[middle - 1] + sorted[middle]) / 2.0
    }
}

/// Processor time of this process so far, milliseconds.
fn processor_ms() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 * 1e-6
}
