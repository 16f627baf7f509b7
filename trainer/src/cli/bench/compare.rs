//! `triaxis bench compare`.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use triaxis_engine::{AdapterKind, Gpu, Precision};

use super::super::device::Device;
use super::super::print;
use super::{Tally, cases};
use crate::bench::compare::{Found, Peer, Question, Ratio, Running, find};
use crate::bench::{self, Case, Form, Row, RowFile};
use crate::error::{Error, Result};
use crate::recipe::Recipe;

/// The networks that peers are measured on unless told otherwise: all of them are in the peers' script.
const MODELS: [&str; 4] = ["efficientnet_b0", "regnety_040", "regnetz_040", "resnet50"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Suite {
    /// Pictures in, logits out
    Infer,
    /// Whole training steps
    Train,
}

#[derive(Debug, Args)]
pub(super) struct Compare {
    /// What is measured; may be repeated [default: both]
    #[arg(long, value_enum)]
    suite: Vec<Suite>,
    /// Network: a name of `triaxis models` or a TOML file; may be repeated
    #[arg(long, default_values = MODELS)]
    model: Vec<String>,
    /// Images of a batch; may be repeated
    #[arg(short, long, value_name = "IMAGES", default_values_t = [8], value_parser = clap::value_parser!(u16).range(1..))]
    batch_size: Vec<u16>,
    /// Side of the images, pixels [default: the network's]
    #[arg(long, value_name = "PIXELS")]
    img_size: Option<usize>,
    /// f16: training in mixed precision, inference with activations stored so
    #[arg(long, conflicts_with = "no_fuse")]
    amp: bool,
    /// Rounds, in each of which Triaxis and then every peer is measured
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Runs of a round
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Minutes in all, of which every case gets its share: then no round of it begins, and a peer that is not done is stopped
    #[arg(long, value_name = "MINUTES", default_value_t = 60.0)]
    minutes: f64,
    /// A peer of your own, which prints rows of the same columns; may be repeated. In COMMAND, {suite}, {model},
    /// {resolution}, {batch}, {precision}, {runs}, {adapter} and {kind} stand for what is asked
    #[arg(long, value_name = "NAME=COMMAND", value_parser = Peer::parse)]
    peer: Vec<Peer>,
    /// Only the peer of this name, of those found and given; may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// The Python whose packages are peers
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: String,
    /// Append the ratios to this file, too, under a header if it is new
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    csv: Option<PathBuf>,
    /// Append the rows of every round, ours and the peers', to this file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    rows: Option<PathBuf>,
    /// Print one JSON document on standard output [default: CSV, on a terminal a table]
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    device: Device,
}

/// What all cases share.
struct Session<'a> {
    options: &'a Compare,
    bench: bench::Bench,
    peers: Vec<Peer>,
    deadline: Instant,
    rows: Option<RowFile<Row>>,
    /// Of our own rows.
    tally: Tally,
}

impl Compare {
    pub(super) fn run(&self) -> Result<()> {
        if !(self.minutes > 0.0 && self.minutes <= 1e5) {
            return Err(Error::config(
                "--minutes",
                format!("{} is no time", self.minutes),
                "Give minutes above 0, 100,000 at most",
            ));
        }
        let mut file = self
            .csv
            .as_deref()
            .map(RowFile::<Ratio>::open)
            .transpose()?;
        let rows = self.rows.as_deref();
        let rows = rows.map(|path| RowFile::open_by("--rows", path));
        let rows = rows.transpose()?;
        let cases = cases(&self.model, self.img_size, &self.batch_size)?;
        let gpu = self.device.open()?;
        let (bench, kind) = (bench::Bench::new(&gpu)?, gpu.limits().kind);
        drop(gpu);
        note(&bench.machine.to_string());
        let found = find(&self.python)?;
        let mut session = Session {
            peers: self.chosen(&found)?,
            options: self,
            bench,
            deadline: Instant::now(),
            rows,
            tally: Tally::default(),
        };
        let suites = [Suite::Infer, Suite::Train];
        let wanted = |suite: &Suite| self.suite.is_empty() || self.suite.contains(suite);
        let all: Vec<_> = suites
            .into_iter()
            .filter(wanted)
            .flat_map(|suite| cases.iter().map(move |case| (suite, case)))
            .collect();
        let end = Instant::now() + Duration::from_secs_f64(60.0 * self.minutes);
        let mut ratios = Vec::new();
        for (i, &(suite, case)) in all.iter().enumerate() {
            let left = end.saturating_duration_since(Instant::now());
            session.deadline = Instant::now() + left / (all.len() - i) as u32;
            let of_case = session.measure(suite, case, kind)?;
            if let Some(file) = &mut file {
                file.append(&of_case)?;
            }
            ratios.extend(of_case);
        }
        match (self.json, stdout().is_terminal()) {
            (true, _) => print::json(&ratios)?,
            (false, true) => print::text(&table(&ratios))?,
            (false, false) => {
                note(&table(&ratios));
                let rows = RowFile::<Ratio>::lines(&ratios);
                print::text(&format!("{}\n{rows}", RowFile::<Ratio>::header()))?;
            }
        }
        session.tally.outcome()?;
        self.given_answered(&ratios)
    }

    /// Refuses a peer of --peer that failed in every case. One that is merely found here may know none of them.
    fn given_answered(&self, ratios: &[Ratio]) -> Result<()> {
        for Peer { name, .. } in &self.peer {
            let of_it = ratios.iter().filter(|ratio| ratio.peer == *name);
            let of_it: Vec<&Ratio> = of_it.collect();
            let failed = |ratio: &&Ratio| ratio.rounds == 0 && !ratio.problem.is_empty();
            if let Some(first) = of_it.first().filter(|_| of_it.iter().all(failed)) {
                return Err(Error::config(
                    format!("--peer {name}"),
                    format!("it measured nothing: {}", first.problem),
                    "Give a command that prints rows as `triaxis bench` does, of the case that is asked",
                ));
            }
        }
        Ok(())
    }

    /// The peers that were asked for and are here; of the others a line says how to get them.
    fn chosen(&self, found: &Found) -> Result<Vec<Peer>> {
        let all = || self.peer.iter().chain(&found.ready);
        let mut known: Vec<&str> = all().map(|peer| peer.name.as_str()).collect();
        known.extend(found.missing.iter().map(|(name, _)| name.as_str()));
        if let Some(unknown) = self
            .only
            .iter()
            .find(|name| !known.contains(&name.as_str()))
        {
            return Err(Error::config(
                "--only",
                format!("no peer is called {unknown}"),
                format!("There are {}", known.join(", ")),
            ));
        }
        let wanted = |name: &String| self.only.is_empty() || self.only.contains(name);
        for (name, how) in found.missing.iter().filter(|(name, _)| wanted(name)) {
            note(&format!("{name}: not here; {how}"));
        }
        let peers: Vec<Peer> = all().filter(|peer| wanted(&peer.name)).cloned().collect();
        let names: Vec<&str> = peers.iter().map(|peer| peer.name.as_str()).collect();
        note(&format!("peers: {}", names.join(", ")));
        Ok(peers)
    }
}

impl Session<'_> {
    /// Round after round: ours, then every peer's.
    fn measure(&mut self, suite: Suite, case: &Case, kind: AdapterKind) -> Result<Vec<Ratio>> {
        let options = self.options;
        let question = Question {
            suite: match suite {
                Suite::Infer => "infer",
                Suite::Train => "train",
            },
            model: case.spec.name.clone(),
            resolution: case.spec.resolution,
            batch: case.batch,
            precision: if options.amp { "f16" } else { "f32" },
            runs: options.runs.into(),
            adapter: self.bench.machine.adapter.clone(),
            kind: match kind {
                AdapterKind::Cpu => "cpu",
                AdapterKind::Gpu => "gpu",
            },
        };
        note(&format!("{} {}", question.suite, question.case()));
        let mut running: Vec<_> = self
            .peers
            .iter()
            .map(|peer| (Running::new(peer, &question), Vec::new(), String::new()))
            .collect();
        let mut all_ours = Vec::new();
        for done in 0..options.rounds {
            if Instant::now() >= self.deadline {
                note(&format!("  the time is over after {done} rounds"));
                break;
            }
            let ours = self.ours(suite, case)?;
            self.tally.count(&ours);
            all_ours.push(ours.clone());
            let told = |row: &Row| {
                row.median_ms
                    .map_or("-".to_owned(), |ms| format!("{ms} ms"))
            };
            note(&format!("  round {}: triaxis {}", done + 1, told(&ours)));
            let mut rows = vec![ours.clone()];
            for (peer, rounds, problem) in &mut running {
                if !problem.is_empty() {
                    continue;
                }
                match peer.round(self.deadline) {
                    Ok(row) => {
                        note(&format!("    {} {}", peer.peer.name, told(&row)));
                        rows.push(row.clone());
                        rounds.push((ours.clone(), row));
                    }
                    Err(said) => {
                        note(&format!("    {}: {said}", peer.peer.name));
                        *problem = said;
                    }
                }
            }
            if let Some(file) = &mut self.rows {
                file.append(&rows)?;
            }
            if !ours.problem.is_empty() {
                note(&format!("  not measured: {}", ours.problem));
                break;
            }
        }
        if running.is_empty() {
            return Ok(vec![Ratio::alone(&question, &all_ours)]);
        }
        let ratios = running
            .into_iter()
            .map(|(peer, rounds, problem)| Ratio::of(&question, &peer.peer.name, &rounds, problem));
        Ok(ratios.collect())
    }

    /// A round of ours, on a device that is given back after it: the memory is then the peers'.
    fn ours(&self, suite: Suite, case: &Case) -> Result<Row> {
        let gpu: Gpu = self.options.device.open()?;
        let settings = bench::Settings {
            runs: self.options.runs.into(),
            ..bench::Settings::default()
        };
        let precision = match self.options.amp {
            true => Precision::F16,
            false => Precision::F32,
        };
        let recipe = Recipe {
            amp: self.options.amp,
            ..Recipe::default()
        };
        let mut rows = match suite {
            Suite::Train => bench::train(&gpu, &self.bench, &settings, case, &recipe)?,
            Suite::Infer => {
                let form = match self.options.device.no_fuse {
                    true => Form::Unfused,
                    false => Form::Fused(precision),
                };
                bench::infer(&gpu, &self.bench, &settings, case, form)?
            }
        };
        Ok(rows.swap_remove(0))
    }
}

/// A line on standard error; nobody to tell if that is gone.
fn note(text: &str) {
    let _ = writeln!(stderr(), "{text}");
}

/// Ratios for people.
fn table(ratios: &[Ratio]) -> String {
    let heading = [
        "",
        "beside",
        "rounds",
        "ours ms",
        "its ms",
        "ratio",
        "CPU ratio",
        "stream",
        "first",
    ];
    let number = |x: Option<f64>| x.map_or("-".to_owned(), |x| format!("{x:.2}"));
    let spread = |middle: Option<f64>, ends: [Option<f64>; 2]| match (middle, ends) {
        (Some(middle), [Some(least), Some(most)]) => format!("{middle:.2} [{least:.2}, {most:.2}]"),
        _ => "-".to_owned(),
    };
    let line = |ratio: &Ratio| {
        let first = ratio.peer_first_ms.zip(ratio.ours_first_ms);
        [
            format!("{} {}", ratio.suite, ratio.case),
            ratio.peer.clone(),
            ratio.rounds.to_string(),
            number(ratio.ours_ms),
            number(ratio.peer_ms),
            spread(ratio.ratio, [ratio.ratio_min, ratio.ratio_max]),
            spread(ratio.cpu_ratio, [ratio.cpu_ratio_min, ratio.cpu_ratio_max]),
            number(ratio.stream_ratio),
            number(first.map(|(peer, ours)| peer / ours)),
        ]
    };
    let lines: Vec<_> = ratios.iter().map(line).collect();
    let mut text = print::table(heading, &lines);
    for ratio in ratios.iter().filter(|ratio| !ratio.problem.is_empty()) {
        text += &format!(
            "{} {}, {}: {}\n",
            ratio.suite, ratio.case, ratio.peer, ratio.problem
        );
    }
    text + "A ratio is the peer's time over ours, of the rounds' medians, with the least and the greatest of a round: above 1, \
            Triaxis needs less.\n"
}
