//! `triaxis models`.

use clap::Args;
use serde::Serialize;
use triaxis_engine::{Complexity, Graph, Mode};
use triaxis_models::{Model, Spec, names, zoo};

use super::print;
use crate::error::Result;

/// Options of `triaxis models`.
#[derive(Debug, Args)]
pub(super) struct Models {
    /// Print JSON on standard output
    #[arg(long)]
    json: bool,
}

impl Models {
    pub(super) fn run(&self) -> Result<()> {
        let all = names()
            .iter()
            .map(|name| Summary::of(&zoo(name)?))
            .collect::<Result<Vec<Summary>>>()?;
        if self.json {
            return print::json(&all);
        }
        let row = |s: &Summary| {
            let counts = [s.flops, s.params, s.acts].map(print::count);
            let [flops, params, acts] = counts;
            [
                s.model.clone(),
                s.resolution.to_string(),
                flops,
                params,
                acts,
            ]
        };
        let rows: Vec<_> = all.iter().map(row).collect();
        let heading = ["model", "resolution", "flops", "params", "acts"];
        let table = print::table(heading, &rows);
        print::text(&format!("{table}\n{COUNTING}"))
    }
}

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
