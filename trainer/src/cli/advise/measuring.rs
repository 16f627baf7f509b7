//! Measuring the adapter, once.

use std::io::{Write, stderr};
use std::path::{Path, PathBuf};

use clap::Args;
use triaxis_engine::Gpu;

use crate::advise::{Measured, Meter, Phase, Place, Point, Run, Thoroughness, runs};
use crate::cli::target::{self, NOTHING};
use crate::error::{Error, Result};

/// How the adapter is measured.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Measuring")]
pub(super) struct Measuring {
    /// File that keeps what was measured; made where there is none [default: advise/ADAPTER.toml]
    #[arg(long, value_name = "FILE")]
    measured: Option<PathBuf>,
    /// Measure again, in place of what the file holds
    #[arg(long)]
    remeasure: bool,
    /// Measure a few tiny runs, in seconds: predictions may be far off
    #[arg(long)]
    pub(super) quick: bool,
    /// Measure, then compare predictions with scaled networks that are not among those measured for them
    #[arg(long)]
    pub(super) check: bool,
    /// Append the comparisons of --check to this file, under a header if it is new
    #[arg(long, value_name = "FILE", requires = "check")]
    pub(super) csv: Option<PathBuf>,
}

impl Measuring {
    pub(super) fn thoroughness(&self) -> Thoroughness {
        match self.quick {
            true => Thoroughness::Quick,
            false => Thoroughness::Full,
        }
    }

    /// The file, and what it holds of this adapter.
    pub(super) fn open(&self, gpu: &Gpu) -> Result<(PathBuf, Measured)> {
        let place = Place::of(gpu);
        let path = self.measured.clone().unwrap_or_else(|| place.file());
        let known = match Measured::load(&path)? {
            None => Measured::empty(place),
            // What another adapter has measured is never replaced.
            Some(known) if self.remeasure && known.place.adapter == place.adapter => {
                match known.expect(&place, &path) {
                    Ok(()) => known,
                    Err(_) => Measured::empty(place),
                }
            }
            Some(known) => {
                known.expect(&place, &path)?;
                known
            }
        };
        Ok((path, known))
    }

    /// What was measured of these phases, now or before.
    pub(super) fn measured(&self, gpu: &Gpu, phases: &[Phase], amp: bool) -> Result<Measured> {
        let (path, mut measured) = self.open(gpu)?;
        let mut changed = false;
        for &phase in phases {
            if !self.remeasure && !measured.of(phase, amp).is_empty() {
                continue;
            }
            check(&path)?;
            let runs = runs(phase, self.thoroughness())?;
            measured.replace(points(gpu, (phase, amp), &runs, self.thoroughness())?);
            changed = true;
        }
        if changed {
            save(&measured, &path)?;
        }
        Ok(measured)
    }
}

/// Refuses a file that cannot be kept, before the minute of measuring.
pub(super) fn check(path: &Path) -> Result<()> {
    target::made_file("--measured", path, NOTHING)
}

/// Measures runs of one phase, and says so.
pub(super) fn points(
    gpu: &Gpu,
    (phase, amp): (Phase, bool),
    runs: &[Run],
    thoroughness: Thoroughness,
) -> Result<Vec<Point>> {
    let what = match phase {
        Phase::Train => "training steps",
        Phase::Infer => "inferences",
    };
    note(&format!(
        "measuring {} {what} on {}",
        runs.len(),
        gpu.info().name
    ));
    let mut meter = Meter::new(gpu, phase, amp, thoroughness)?;
    for run in runs {
        let (name, side, batch) = (
            &run.case.spec.name,
            run.case.spec.resolution,
            run.case.batch,
        );
        let fits = match meter.measure(run)? {
            Some(_) => "",
            None => ": does not fit",
        };
        note(&format!("  {name}, {side} pixels, batch {batch}{fits}"));
    }
    Ok(meter.finish())
}

/// Keeps what was measured, unless nothing was.
pub(super) fn save(measured: &Measured, path: &Path) -> Result<()> {
    if measured.points.is_empty() {
        return Ok(());
    }
    measured.save(path)?;
    note(&format!("measurements are kept in {}", path.display()));
    Ok(())
}

/// A line on standard error; nobody to tell if that is gone.
pub(super) fn note(text: &str) {
    let _ = writeln!(stderr(), "{text}");
}

/// Too little was measured to compare with.
pub(super) fn nothing_measured(gpu: &Gpu) -> Error {
    Error::Device {
        problem: format!("none of the runs to measure fits {}", gpu.info().name),
        help: "Give more memory with --memory-limit, or another --adapter".into(),
    }
}
