//! `triaxis models`.

use clap::Args;
use serde::Serialize;
use triaxis_engine::{Complexity, Graph, Mode};
use triaxis_models::{Entry, Model, Spec, Status, entries};

use super::print;
use crate::error::Result;

/// Options of `triaxis models`.
#[derive(Debug, Args)]
#[command(after_long_help = format!("Status, where a network's numbers come from:\n{}", statuses()))]
pub(super) struct Models {
    /// Print JSON on standard output, with the other names of each network
    #[arg(long)]
    json: bool,
}

/// A network that is known by name.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    summary: Summary,
    aliases: &'static [&'static str],
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scaled_from: Option<ScaledFrom>,
}

#[derive(Serialize)]
struct ScaledFrom {
    model: &'static str,
    factor: f64,
}

impl Listed {
    fn of(entry: &Entry) -> Result<Self> {
        Ok(Self {
            summary: Summary::of(&entry.spec()?)?,
            aliases: entry.aliases,
            status: entry.status.to_string(),
            scaled_from: entry
                .scaled_from()
                .map(|(model, factor)| ScaledFrom { model, factor }),
        })
    }

    fn row(&self) -> [String; 6] {
        let s = &self.summary;
        let [flops, params, acts] = [s.flops, s.params, s.acts].map(print::count);
        let status = match &self.scaled_from {
            Some(ScaledFrom { model, factor }) => format!("{model} × {factor}, {}", self.status),
            None => self.status.clone(),
        };
        let resolution = s.resolution.to_string();
        [s.model.clone(), resolution, flops, params, acts, status]
    }
}

impl Models {
    pub(super) fn run(&self) -> Result<()> {
        let all = entries().map(Listed::of).collect::<Result<Vec<_>>>()?;
        if self.json {
            return print::json(&all);
        }
        let rows: Vec<_> = all.iter().map(Listed::row).collect();
        let heading = ["model", "resolution", "flops", "params", "acts", "status"];
        let table = print::table(heading, &rows);
        print::text(&format!("{table}\n{COUNTING}\n\n{}\n{NAMES}", statuses()))
    }
}

/// What each status means, a line each.
fn statuses() -> String {
    let line = |status: Status| format!("  {status:<13}  {}\n", status.meaning());
    Status::ALL.map(line).concat()
}

const NAMES: &str =
    "Names may be in upper or lower case. --json lists the papers' and torchvision's names, too.";

/// How costs are counted, for the foot of a table.
pub(super) const COUNTING: &str = "Costs are for one image. A FLOP is a multiply-add; acts are the outputs of \
                                   convolutions,\nlinear layers and max-pools, as pycls counts them.";

/// A network in numbers.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Summary {
    pub model: String,
    pub resolution: usize,
    pub num_classes: usize,
    pub flops: u64,
    pub params: u64,
    pub acts: u64,
}

impl Summary {
    /// Draws the network for one image and counts.
    pub(super) fn of(spec: &Spec) -> Result<Self> {
        let Complexity {
            flops,
            params,
            acts,
        } = drawn(spec)?.complexity();
        Ok(Self {
            model: spec.name.clone(),
            resolution: spec.resolution,
            num_classes: spec.num_classes,
            flops,
            params,
            acts,
        })
    }
}

/// The network's graph for one image.
pub(super) fn drawn(spec: &Spec) -> Result<Graph> {
    let mut g = Graph::new(Mode::Evaluate);
    let image = g.input("image", [1, spec.resolution, spec.resolution, 3]);
    spec.forward(&mut g, image)?;
    Ok(g)
}
