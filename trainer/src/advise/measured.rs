//! Measurements of an adapter as they are kept in a file.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use triaxis_engine::Gpu;

use super::demand::Phase;
use super::measure::clock;
use super::time::{Point, TimeModel};
use crate::bench::page::Clock;
use crate::error::{Error, Result};
use crate::output::{plain_name, write_atomically};
use crate::recipe::Kernels;

/// The layout of files that this program writes. One that counts other amounts, or has kernels of another kind, is another.
const FORMAT: u32 = 2;
/// A file of both phases and precisions has some thirty thousand bytes.
const LARGEST: u64 = 1 << 20;

/// What was measured on an adapter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// The file's layout.
    pub format: u32,
    /// Version of Triaxis.
    pub version: String,
    /// Where.
    pub place: Place,
    /// The runs.
    #[serde(default)]
    pub points: Vec<Point>,
}

/// Where and how was measured: measurements of another place say nothing of this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The adapter.
    pub adapter: String,
    /// Its driver.
    pub driver: String,
    /// Which time counts: `wall` or `processor`.
    pub clock: String,
    /// Whether batch norms and gates were applied where they are read.
    pub fuse: bool,
    /// Whether kernels used the adapter's matrix units.
    #[serde(default)]
    pub matrix_units: bool,
    /// The table of `triaxis tune` that was in force.
    pub kernels: Kernels,
}

impl Place {
    /// Of this device as it is set up.
    pub fn of(gpu: &Gpu) -> Self {
        Self {
            adapter: gpu.info().name.clone(),
            driver: gpu.info().driver.clone(),
            clock: match clock(gpu) {
                Clock::Wall => "wall",
                Clock::Processor => "processor",
            }
            .into(),
            fuse: gpu.limits().fuse,
            matrix_units: gpu.limits().matrices.is_some(),
            kernels: Kernels::new(
                &gpu.limits().variants,
                &gpu.limits().stored,
                !gpu.limits().forget,
            ),
        }
    }

    /// Where its measurements are kept unless told otherwise: `advise/ADAPTER.toml`.
    pub fn file(&self) -> PathBuf {
        PathBuf::from(format!("advise/{}.toml", plain_name(&self.adapter)))
    }

    /// In what another differs, in words; `None` where it does not.
    fn differs(&self, other: &Self) -> Option<String> {
        let pairs = [
            ("adapter", &self.adapter, &other.adapter),
            ("driver", &self.driver, &other.driver),
            ("clock", &self.clock, &other.clock),
        ];
        let named = pairs.iter().find(|(_, here, there)| here != there);
        match named {
            Some((what, here, there)) => Some(format!("{what} {there}, and this is {here}")),
            None if self.fuse != other.fuse => Some("another --no-fuse".into()),
            None if self.matrix_units != other.matrix_units => {
                Some("another --matrix-units".into())
            }
            None if self.kernels != other.kernels => Some("another --tune".into()),
            None => None,
        }
    }
}

impl Measured {
    /// Nothing yet.
    pub fn empty(place: Place) -> Self {
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").into(),
            place,
            points: Vec::new(),
        }
    }

    /// Reads a file; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a file that cannot be read, is no measurement or a newer program's.
    pub fn load(path: &Path) -> Result<Option<Self>> {
        let wrong = |problem: String, help: &str| {
            let problem = format!("{}: {problem}", path.display());
            Error::config("--measured", problem, help)
        };
        let other = "Give a file that `triaxis advise` wrote, or a new one";
        let mut text = String::new();
        match fs::File::open(path).and_then(|file| file.take(LARGEST).read_to_string(&mut text)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(error.to_string(), other)),
            Ok(_) => {}
        }
        // Before anything else, since a newer layout may have any fields.
        #[derive(Deserialize)]
        struct Versioned {
            format: u32,
            version: String,
        }
        let told = |error: toml::de::Error| wrong(error.message().to_owned(), other);
        let Versioned { format, version } = toml::from_str(&text).map_err(told)?;
        if format > FORMAT {
            return Err(wrong(
                format!(
                    "triaxis {version} wrote it in layout {format}, and this program knows layout {FORMAT}"
                ),
                "Use that version or a newer one, or give another file; nothing was changed",
            ));
        }
        toml::from_str(&text).map(Some).map_err(told)
    }

    /// Refuses measurements of another place or program.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] that says what differs.
    pub fn expect(&self, place: &Place, path: &Path) -> Result<()> {
        let ours = env!("CARGO_PKG_VERSION");
        let differs = match place.differs(&self.place) {
            None if self.version != ours || self.format != FORMAT => Some(format!(
                "triaxis {} (layout {}), and this is {ours} (layout {FORMAT}), whose kernels may take other times",
                self.version, self.format
            )),
            other => other,
        };
        match differs {
            None => Ok(()),
            Some(differs) => Err(Error::config(
                "--measured",
                format!("{} was measured with {differs}", path.display()),
                match self.place.adapter == place.adapter {
                    true => "Give --remeasure to measure again in its place, or another file",
                    false => {
                        "Give another file: one adapter's measurements say nothing of another's"
                    }
                },
            )),
        }
    }

    /// Writes the file whole or not at all, and the folder above it.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = toml::to_string(self).expect("names and numbers fit TOML");
        let text = format!("# What `triaxis advise` measured on this adapter.\n{text}");
        let failed =
            |error| Error::unwritten("--measured", "write the measurements", path, None, error);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        write_atomically(path, text.as_bytes()).map_err(failed)
    }

    /// The points of a phase in a precision.
    pub fn of(&self, phase: Phase, amp: bool) -> Vec<&Point> {
        let wanted = |p: &&Point| p.phase == phase && p.amp == amp;
        self.points.iter().filter(wanted).collect()
    }

    /// The model of a phase in a precision; `None` where that was not measured.
    ///
    /// # Errors
    ///
    /// Those of [`TimeModel::fit`].
    pub fn model(&self, phase: Phase, amp: bool) -> Result<Option<TimeModel>> {
        let points = self.of(phase, amp);
        match points.is_empty() {
            true => Ok(None),
            false => TimeModel::fit(&points).map(Some),
        }
    }

    /// Puts points in place of what was known of their phase and precision.
    pub fn replace(&mut self, points: Vec<Point>) {
        let of = |a: &Point, b: &Point| a.phase == b.phase && a.amp == b.amp;
        self.points
            .retain(|known| !points.iter().any(|new| of(known, new)));
        self.points.extend(points);
    }
}

#[cfg(test)]
mod tests;
