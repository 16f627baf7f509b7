//! `triaxis tune`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::bench::cases;
use super::device::Device;
use super::pictures::tell;
use super::print;
use super::target;
use crate::error::Result;
use crate::output::plain_name;
use crate::recipe::Recipe;
use crate::tune::{Measured, MeasuredEdge, MeasuredOutputs, Measurements, Tuned};

/// Options of `triaxis tune`.
#[derive(Debug, Args)]
pub(super) struct Tune {
    /// Networks: names of `triaxis models` or TOML files
    #[arg(default_values = ["efficientnet_b0", "regnety_040", "regnetz_040", "resnet50"])]
    model: Vec<String>,
    /// Images of a batch; may be repeated
    #[arg(short, long, value_name = "IMAGES", default_values_t = [64], value_parser = clap::value_parser!(u16).range(1..))]
    batch_size: Vec<u16>,
    /// Side of the images, pixels [default: the network's]
    #[arg(long, value_name = "PIXELS")]
    img_size: Option<usize>,
    /// Mixed precision
    #[arg(long)]
    amp: bool,
    /// Runs of each variant, of which the fastest counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Where the table is written [default: tune/ADAPTER.toml]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    device: Device,
}

#[derive(Serialize)]
struct Document {
    file: PathBuf,
    table: Tuned,
    #[serde(flatten)]
    measured: Measurements,
}

impl Tune {
    pub(super) fn run(&self) -> Result<()> {
        let cases = cases(&self.model, self.img_size, &self.batch_size)?;
        let gpu = self.device.open()?;
        let file = self.file(&gpu.info().name);
        target::made_file("--out", &file, &self.model)?;
        let recipe = Recipe {
            amp: self.amp,
            ..Recipe::default()
        };
        tell(&format!("measuring on {}", gpu.info().name));
        let mut line = |line: &str| tell(&format!("  {line}"));
        let (table, measured) = Tuned::measure(&gpu, &cases, &recipe, self.runs.into(), &mut line)?;
        table.save(&file)?;
        if self.json {
            return print::json(&Document {
                file,
                table,
                measured,
            });
        }
        let told = [
            told(&measured.classes),
            told_edges(&measured.edges),
            measured.outputs.map_or_else(String::new, told_outputs),
        ];
        print::text(&format!("{}{}", told.concat(), file.display()))
    }

    /// Where the table of this adapter is written.
    fn file(&self, adapter: &str) -> PathBuf {
        let own = || PathBuf::from(format!("tune/{}.toml", plain_name(adapter)));
        self.out.clone().unwrap_or_else(own)
    }
}

fn told(classes: &[Measured]) -> String {
    let line = |class: &Measured| {
        let number = |ms: f64| format!("{ms:.3}");
        let chosen = match class.chosen == class.by_kind {
            true => "as it was".to_owned(),
            false => class.chosen.clone(),
        };
        [
            class.class.clone(),
            number(class.blocked_ms),
            class.shared_ms.map_or("-".into(), number),
            number(class.tiled_ms),
            class.cooperative_ms.map_or("-".into(), number),
            chosen,
        ]
    };
    let lines: Vec<_> = classes.iter().map(line).collect();
    let heads = [
        "convolutions",
        "blocked ms",
        "shared ms",
        "tiled ms",
        "cooperative ms",
        "runs",
    ];
    print::table(heads, &lines)
}

/// Nothing where nothing was measured.
fn told_edges(edges: &[MeasuredEdge]) -> String {
    if edges.is_empty() {
        return String::new();
    }
    let line = |edge: &MeasuredEdge| {
        [
            edge.class.clone(),
            format!("{:.3}", edge.fused_ms),
            format!("{:.3}", edge.stored_ms),
            if edge.stored { "stored" } else { "as it was" }.to_owned(),
        ]
    };
    let lines: Vec<_> = edges.iter().map(line).collect();
    let heads = [
        "batch norms, gates, gradients",
        "step ms, read at once",
        "step ms, stored",
        "are",
    ];
    print::table(heads, &lines)
}

fn told_outputs(outputs: MeasuredOutputs) -> String {
    format!(
        "outputs of convolutions that can be made without: {} (steps take {:.3} ms without, {:.3} ms with them)\n",
        if outputs.kept { "kept" } else { "as it was" },
        outputs.forgotten_ms,
        outputs.kept_ms
    )
}
