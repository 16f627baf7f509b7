//! `triaxis info`.

mod parameters;
mod traffic;

use clap::Args;
use serde::Serialize;
use triaxis_engine::{Error as EngineError, Graph};
use triaxis_models::Spec;

use super::models::{COUNTING, Summary, drawn};
use super::print;
use crate::error::{Error, Result};
use crate::import;
use crate::recipe::Recipe;
use crate::trainer::schedules;

/// Options of `triaxis info`.
#[derive(Debug, Args)]
pub(super) struct Info {
    /// Network: a name of `triaxis models`, a TOML or an ONNX file
    model: String,
    /// Side of the images, pixels [default: the network's]
    #[arg(long, value_name = "PIXELS")]
    img_size: Option<usize>,
    /// Classes [default: the network's]
    #[arg(long)]
    num_classes: Option<usize>,
    /// Images a step, for what training and evaluating take of memory and move through it
    #[arg(short, long, default_value_t = Recipe::default().batch_size)]
    batch_size: usize,
    /// Costs layer by layer
    #[arg(long)]
    layers: bool,
    /// Print the layers alone, as CSV
    #[arg(long, conflicts_with_all = ["json", "traffic", "amp", "parameters"])]
    csv: bool,
    #[command(flatten)]
    counting: traffic::Options,
    #[command(flatten)]
    parameters: parameters::ParameterOptions,
    /// Print JSON on standard output
    #[arg(long)]
    json: bool,
}

/// What is known of a network without any GPU.
#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    summary: Summary,
    memory: Memory,
    traffic: Traffic,
    #[serde(skip_serializing_if = "Option::is_none")]
    layers: Option<Vec<Layer>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Vec<parameters::Row>>,
}

/// Bytes of GPU memory under WebGPU's default limits; none for a network that those do not allow.
#[derive(Debug, Serialize)]
struct Memory {
    batch_size: usize,
    train: Option<u64>,
    evaluate: Option<u64>,
    #[serde(skip)]
    problem: Option<String>,
}

/// Bytes that kernels read and write for one image of the batch, its share of the weights' and the optimizer's included.
#[derive(Debug, Default, Serialize)]
struct Traffic {
    train: Option<u64>,
    evaluate: Option<u64>,
    /// Of the plan that --traffic asks for.
    #[serde(flatten)]
    counted: Option<traffic::Counted>,
}

/// What stands under one path of the network.
#[derive(Debug, Serialize)]
struct Layer {
    layer: String,
    /// Rows, columns and channels of its last output.
    shape: [usize; 3],
    flops: u64,
    params: u64,
    acts: u64,
}

impl Info {
    pub(super) fn run(&self) -> Result<()> {
        let mut spec = import::find(&self.model)?;
        spec.resolution = self.img_size.unwrap_or(spec.resolution);
        spec.num_classes = self.num_classes.unwrap_or(spec.num_classes);
        spec.check()?;
        if self.batch_size == 0 {
            return Err(Error::config("--batch-size", "it is 0", "Give 1 or more"));
        }
        if self.csv {
            return print::text(&csv(&layers(&drawn(&spec)?))?);
        }
        let (memory, mut traffic) = self.plans(&spec)?;
        traffic.counted = self.counting.count(&spec, self.batch_size)?;
        let report = Report {
            summary: Summary::of(&spec)?,
            memory,
            traffic,
            layers: self
                .layers
                .then(|| drawn(&spec))
                .transpose()?
                .map(|g| layers(&g)),
            parameters: self.parameters.rows(&spec)?,
        };
        if self.json {
            print::json(&report)
        } else {
            print::text(&text(&report))
        }
    }

    /// Those of the default recipe, which differ from others' by the optimizer's state alone.
    fn plans(&self, spec: &Spec) -> Result<(Memory, Traffic)> {
        let mut memory = Memory {
            batch_size: self.batch_size,
            train: None,
            evaluate: None,
            problem: None,
        };
        let mut traffic = Traffic::default();
        let recipe = Recipe {
            amp: self.counting.amp,
            ..Recipe::default()
        };
        let batch = self.batch_size;
        match schedules(spec, &recipe, batch, &traffic::card()) {
            Ok(plans) => {
                [memory.train, memory.evaluate] =
                    plans.each_ref().map(|plan| Some(plan.memory().total()));
                [traffic.train, traffic.evaluate] =
                    plans.map(|plan| Some(plan.traffic().total() / batch as u64));
            }
            Err(error @ (EngineError::Limit { .. } | EngineError::Shape { .. })) => {
                memory.problem = Some(error.to_string());
            }
            Err(error) => return Err(error.into()),
        }
        Ok((memory, traffic))
    }
}

/// The network's nodes, those of one path together, with the parameters that are named by that path.
fn layers(g: &Graph) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    for id in g.nodes() {
        let node = g.node(id);
        let at = match layers.iter().position(|l| l.layer == node.scope) {
            Some(at) => at,
            None => {
                layers.push(Layer {
                    layer: node.scope.clone(),
                    shape: [0; 3],
                    flops: 0,
                    params: 0,
                    acts: 0,
                });
                layers.len() - 1
            }
        };
        let (layer, cost) = (&mut layers[at], g.cost(node));
        layer.flops += cost.flops;
        layer.acts += cost.acts;
        if let Some(&y) = node.outputs.last() {
            let [_, h, w, c] = g.shape(y).0;
            layer.shape = [h, w, c];
        }
    }
    for parameter in g.parameters() {
        // A node may compute several layers at once: their parameters are those of the path above.
        let above = |path: &str| path.rsplit_once('.').map_or("", |(above, _)| above).len();
        let mut scope = &parameter.name[..above(&parameter.name)];
        while !scope.is_empty() && !layers.iter().any(|l| l.layer == scope) {
            scope = &scope[..above(scope)];
        }
        if let Some(layer) = layers.iter_mut().find(|l| l.layer == scope) {
            layer.params += g.shape(parameter.value).count() as u64;
        }
    }
    layers.retain(|l| l.flops + l.params + l.acts > 0);
    layers
}

/// The layers with a heading.
fn csv(layers: &[Layer]) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |error: csv::Error| Error::config("--csv", error.to_string(), "Use --json");
    let heading = [
        "layer", "height", "width", "channels", "flops", "params", "acts",
    ];
    writer.write_record(heading).map_err(failed)?;
    for l in layers {
        let [h, w, c] = l.shape;
        let row = (&l.layer, h, w, c, l.flops, l.params, l.acts);
        writer.serialize(row).map_err(failed)?;
    }
    let bytes = writer
        .into_inner()
        .expect("writing to memory does not fail");
    Ok(String::from_utf8(bytes).expect("names and numbers are text"))
}

fn text(report: &Report) -> String {
    let Report {
        summary,
        memory,
        traffic,
        layers,
        parameters,
    } = report;
    let mut text = String::new();
    if let Some(counted) = &traffic.counted {
        text = counted.text() + "\n";
    }
    if let Some(layers) = layers {
        let row = |l: &Layer| {
            let [h, w, c] = l.shape;
            let [flops, params, acts] = [l.flops, l.params, l.acts].map(print::count);
            [l.layer.clone(), format!("{h}×{w}×{c}"), flops, params, acts]
        };
        let rows: Vec<_> = layers.iter().map(row).collect();
        let heading = ["layer", "output", "flops", "params", "acts"];
        text += &(print::table(heading, &rows) + "\n");
    }
    if let Some(rows) = parameters {
        text += &(parameters::text(rows) + "\n");
    }
    let Summary {
        model,
        resolution,
        num_classes,
        flops,
        params,
        acts,
    } = summary;
    text += &format!("{model}: {resolution}×{resolution} pixels, {num_classes} classes\n");
    for (name, n) in [("flops", flops), ("params", params), ("acts", acts)] {
        text += &format!("  {name:<9} {:>15}\n", print::count(*n));
    }
    let batch = memory.batch_size;
    let images = if batch == 1 { "image" } else { "images" };
    for (name, bytes) in [("train", memory.train), ("evaluate", memory.evaluate)] {
        if let Some(bytes) = bytes {
            text += &format!(
                "  {name:<9} {:>15} of GPU memory for {batch} {images}\n",
                print::bytes(bytes)
            );
        }
    }
    for (name, bytes) in [("train", traffic.train), ("evaluate", traffic.evaluate)] {
        if let Some(bytes) = bytes {
            text += &format!(
                "  {name:<9} {:>15} moved for each image\n",
                print::bytes(bytes)
            );
        }
    }
    if let Some(problem) = &memory.problem {
        text += &format!("  {batch} {images} at once: {problem}\n");
    }
    text + "\n" + COUNTING
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_add_up_to_the_network() {
        for name in ["efficientnet_b0", "regnety_004", "resnet18"] {
            let spec = triaxis_models::zoo(name).unwrap();
            let (whole, layers) = (Summary::of(&spec).unwrap(), layers(&drawn(&spec).unwrap()));
            let sum = |number: fn(&Layer) -> u64| layers.iter().map(number).sum::<u64>();
            assert_eq!(
                [sum(|l| l.flops), sum(|l| l.params), sum(|l| l.acts)],
                [whole.flops, whole.params, whole.acts],
                "{name}"
            );
            assert!(layers.iter().all(|l| l.shape.iter().all(|&side| side > 0)));
        }
    }
}
