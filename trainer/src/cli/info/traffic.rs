//! `triaxis info --traffic`: the bytes that a plan moves, beside the least that the network could.

use clap::{Args, ValueEnum};
use serde::Serialize;
use triaxis_engine::{BoundOptions, Bounds, Limits, Mode, Precision, Schedule};
use triaxis_models::Spec;

use super::super::models::drawn;
use super::super::print;
use crate::error::Result;
use crate::recipe::Recipe;
use crate::trainer::{inference_schedule, training_schedule};

/// Those of a graphics card: by WebGPU's own, a binding is so small that large batches are cut into pieces or do not fit.
pub(super) fn card() -> Limits {
    Limits {
        binding: (1 << 31) - 256,
        ..Limits::default()
    }
}

/// What to count.
#[derive(Debug, Args)]
#[command(next_help_heading = "Traffic")]
pub(super) struct Options {
    /// Bytes that kernels move, node by node, beside the least that the network could do with
    #[arg(long)]
    pub(super) traffic: bool,
    /// What is run: a training step, or inference with fused kernels
    #[arg(long, value_enum, default_value = "train", requires = "traffic")]
    mode: Phase,
    /// Store activations as f16
    #[arg(long)]
    pub(super) amp: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Phase {
    Train,
    Infer,
}

/// Bytes for one image of the batch, its share of the weights' and the optimizer's included.
#[derive(Debug, Serialize)]
pub(super) struct Counted {
    mode: &'static str,
    precision: &'static str,
    bytes_per_image: u64,
    /// With what neighbouring tiles read again, in the kernels that tell.
    bytes_per_image_with_rereads: u64,
    conv_bound_bytes_per_image: u64,
    block_bound_bytes_per_image: u64,
    unfused_bytes_per_image: u64,
    dispatches: usize,
    pipelines: usize,
    peak_memory_bytes: u64,
    nodes: Vec<Node>,
}

/// What one node moves.
#[derive(Debug, Serialize)]
struct Node {
    node: String,
    dispatches: usize,
    bytes_per_image: u64,
    rereads_per_image: Option<u64>,
}

impl Options {
    /// Counts, where that was asked for.
    pub(super) fn count(&self, spec: &Spec, batch: usize) -> Result<Option<Counted>> {
        if !self.traffic {
            return Ok(None);
        }
        let side = spec.resolution;
        let limits = card();
        let amp = self.amp;
        let precision = if amp { Precision::F16 } else { Precision::F32 };
        let (mode, schedule) = match self.mode {
            Phase::Train => {
                let recipe = Recipe {
                    amp,
                    ..Recipe::default()
                };
                let schedule = training_schedule(spec, &recipe, batch, &limits)?;
                (Mode::Train, schedule)
            }
            Phase::Infer => {
                let schedule = inference_schedule(spec, [batch, side], precision, &limits)?;
                (Mode::Evaluate, schedule)
            }
        };
        let options = BoundOptions {
            mode,
            precision,
            batch,
        };
        let bounds = Bounds::of(&drawn(spec)?, &options);
        Ok(Some(Counted::new(&schedule, bounds, &options)))
    }
}

impl Counted {
    fn new(schedule: &Schedule, bounds: Bounds, options: &BoundOptions) -> Self {
        let (traffic, batch) = (schedule.traffic(), options.batch as u64);
        let nodes = traffic.nodes().into_iter().map(|node| Node {
            node: node.path,
            dispatches: node.dispatches,
            bytes_per_image: node.bytes / batch,
            rereads_per_image: node.rereads.map(|bytes| bytes / batch),
        });
        Self {
            mode: match options.mode {
                Mode::Train => "train",
                Mode::Evaluate | Mode::Measure => "infer",
            },
            precision: match options.precision {
                Precision::F32 => "f32",
                Precision::F16 => "f16",
            },
            bytes_per_image: traffic.total() / batch,
            bytes_per_image_with_rereads: (traffic.total() + traffic.rereads()) / batch,
            conv_bound_bytes_per_image: bounds.conv,
            block_bound_bytes_per_image: bounds.block,
            unfused_bytes_per_image: bounds.unfused,
            dispatches: schedule.dispatches(),
            pipelines: schedule.pipelines(),
            peak_memory_bytes: schedule.memory().total(),
            nodes: nodes.collect(),
        }
    }

    /// A table of the nodes, then the sums beside the bounds.
    pub(super) fn text(&self) -> String {
        let row = |n: &Node| {
            let again = n.rereads_per_image.map_or(String::new(), print::count);
            let bytes = print::count(n.bytes_per_image);
            [n.node.clone(), n.dispatches.to_string(), bytes, again]
        };
        let rows: Vec<_> = self.nodes.iter().map(row).collect();
        let heading = ["node", "kernels", "bytes an image", "read again"];
        let mut text = print::table(heading, &rows) + "\n";
        text += &format!(
            "Bytes for each image ({}, {}):\n",
            self.mode, self.precision
        );
        let moved = self.bytes_per_image;
        for (name, bytes) in [
            ("moved", moved),
            ("with re-reads", self.bytes_per_image_with_rereads),
            ("conv bound", self.conv_bound_bytes_per_image),
            ("block bound", self.block_bound_bytes_per_image),
            ("unfused", self.unfused_bytes_per_image),
        ] {
            let megabytes = bytes as f64 / 1e6;
            let ratio = moved as f64 / bytes.max(1) as f64;
            text += &format!("  {name:<13} {megabytes:>9.2} MB");
            text += &match bytes == moved {
                true => "\n".to_owned(),
                false => format!("  moved is {ratio:.2} of it\n"),
            };
        }
        text += &format!(
            "  {} kernels a run by {} pipelines, {} of GPU memory\n",
            self.dispatches,
            self.pipelines,
            print::bytes(self.peak_memory_bytes)
        );
        text + NOTE + "\n"
    }
}

const NOTE: &str = "\
Each kernel's operands count once, padding and partial sums included; what is updated in place, as it is
read and as it is written. `read again` is what neighbouring tiles read anew, where the launcher knows. The bounds count the operands of convolutions without padding:
`conv` one kernel a convolution, `block` the gradients of input and weight in one (in inference the
expansion recomputed), `unfused` a kernel for every operator.
";

#[cfg(test)]
mod tests {
    use triaxis_engine::AdapterKind;

    use super::*;

    /// The bounds of a network by name at its own resolution, for f16 and 256 images, in MB.
    fn megabytes(name: &str, mode: Mode) -> [f64; 3] {
        let graph = drawn(&triaxis_models::zoo(name).unwrap()).unwrap();
        let options = BoundOptions {
            mode,
            precision: Precision::F16,
            batch: 256,
        };
        let Bounds {
            conv,
            block,
            unfused,
        } = Bounds::of(&graph, &options);
        [conv, block, unfused].map(|bytes| bytes as f64 / 1e6)
    }

    // Counted by a script of its own from tables of layers. It leaves out the classifier and what squeeze-and-excite
    // computes from its means, which are less than half a percent.
    #[test]
    fn bounds_are_those_counted_from_tables_of_layers() {
        for (name, mode, expected) in [
            ("efficientnet_b0", Mode::Train, [137.003, 96.401, 290.106]),
            ("efficientnet_b0", Mode::Evaluate, [27.573, 14.025, 66.883]),
            ("resnet50", Mode::Train, [220.9, 155.1, 462.2]),
            ("resnet50", Mode::Evaluate, [54.8, 47.1, 115.3]),
        ] {
            let got = megabytes(name, mode);
            for (got, expected) in got.into_iter().zip(expected) {
                assert!(
                    (got / expected - 1.0).abs() < 0.005,
                    "{name} {mode:?}: {got} MB, expected {expected}"
                );
            }
        }
    }

    // What is kept of a step at least: what convolutions write, and each parameter, its gradient and its momentum.
    #[test]
    fn training_moves_and_keeps_little_more_than_it_must() {
        for (name, most) in [
            ("efficientnet_b0", 1.08),
            ("regnetz_4gf", 1.08),
            ("RegNetY-4GF-224", 1.13),
            ("resnet50", 1.17),
        ] {
            let spec = triaxis_models::zoo(name).unwrap();
            let recipe = Recipe {
                amp: true,
                ..Recipe::default()
            };
            let schedule = training_schedule(&spec, &recipe, 256, &card()).unwrap();
            let graph = drawn(&spec).unwrap();
            let options = BoundOptions {
                mode: Mode::Train,
                precision: Precision::F16,
                batch: 256,
            };
            let moved = schedule.traffic().total() / 256;
            let bound = Bounds::of(&graph, &options).conv;
            let share = moved as f64 / bound as f64;
            assert!(share < most, "{name}: {moved} bytes of {bound}");
            let complexity = graph.complexity();
            let kept = complexity.acts * 2 * 256 + complexity.params * 12;
            let memory = schedule.memory().total();
            let share = memory as f64 / kept as f64;
            assert!(share < 1.1, "{name}: {memory} bytes of memory for {kept}");
        }
    }

    #[test]
    fn pictures_are_made_again_where_outputs_are_forgotten() {
        let spec = triaxis_models::zoo("resnet18").unwrap();
        let made = |forget| {
            let limits = Limits { forget, ..card() };
            let schedule = training_schedule(&spec, &Recipe::default(), 8, &limits).unwrap();
            let pictures = ["augment", "mixup"];
            let of = |name: &str| {
                schedule
                    .launches()
                    .filter(|(path, _)| *path == name)
                    .count()
            };
            (pictures.map(of), schedule.memory().activations)
        };
        let ([augment, mixup], kept) = made(false);
        let ([again, mixed], forgotten) = made(true);
        // Targets are mixed as well, once.
        assert_eq!([again, mixed], [2 * augment, 2 * mixup - 1]);
        assert!(forgotten < kept, "{forgotten} of {kept} bytes");
    }

    // Each is compiled before the first step, which takes a driver a fifth of a second or more.
    #[test]
    fn a_training_plan_has_few_pipelines() {
        let mut spec = triaxis_models::zoo("efficientnet_b0").unwrap();
        spec.resolution = 64;
        let software = Limits {
            kind: AdapterKind::Cpu,
            fuse: false,
            recompute: 0,
            work: 500_000_000,
            bytes: 400_000_000,
            subgroup: 8,
            wide: true,
            ..Limits::default()
        };
        for (limits, most) in [(software, 64), (card(), 68)] {
            let schedule = training_schedule(&spec, &Recipe::default(), 16, &limits).unwrap();
            let pipelines = schedule.pipelines();
            assert!(pipelines <= most, "{:?}: {pipelines}", limits.kind);
        }
    }
}
