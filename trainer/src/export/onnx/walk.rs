//! From our nodes to ONNX's, in running order. `operators.rs` writes those that take more than a line, `weights.rs` finds
//! what they read.

mod operators;
mod weights;

use std::collections::{HashMap, HashSet};

use triaxis_engine::ops::Divisor;
use triaxis_engine::{Meaning, Node, NodeId, Shape, Value};
use triaxis_models::Model;

use super::build::Builder;
use super::proto::{self, Attribute, ValueInfo};
use super::{BatchNorms, IMAGES, LOGITS};
use crate::checkpoint::NamedTensor;
use crate::drawing::Drawing;
use crate::error::{Error, Result};

/// A graph on its way to a file.
pub(super) struct Walk<'a> {
    drawing: &'a Drawing,
    weights: HashMap<&'a str, &'a NamedTensor>,
    batch_norms: BatchNorms,
    /// Who reads a value, of the nodes that the logits depend on.
    readers: HashMap<Value, Vec<NodeId>>,
    /// What stands in the file for a value.
    made: HashMap<Value, Made>,
    /// Biases and batch norms that a convolution before them has taken in.
    taken_in: HashSet<NodeId>,
    file: Builder,
}

/// A value in the file.
#[derive(Clone)]
struct Made {
    name: String,
    /// Whether it is `[N, c]`, as linear layers have it, instead of `[N, c, h, w]`.
    flat: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        drawing: &'a Drawing,
        weights: &'a [NamedTensor],
        batch_norms: BatchNorms,
    ) -> Self {
        let images = Made {
            name: IMAGES.into(),
            flat: false,
        };
        Self {
            drawing,
            weights: weights.iter().map(|t| (t.name.as_str(), t)).collect(),
            batch_norms,
            readers: HashMap::new(),
            made: HashMap::from([(drawing.images, images)]),
            taken_in: HashSet::new(),
            file: Builder::new(&[IMAGES, LOGITS]),
        }
    }

    /// Goes through all nodes that the logits depend on.
    pub(super) fn graph(mut self, model: &dyn Model) -> Result<proto::Graph> {
        let g = &self.drawing.graph;
        let mut live = HashSet::from([self.drawing.logits]);
        for id in g.nodes().rev() {
            let node = g.node(id);
            if node.outputs.iter().any(|y| live.contains(y)) {
                for &x in &node.inputs {
                    live.insert(x);
                    self.readers.entry(x).or_default().push(id);
                }
            }
        }
        for id in g.nodes() {
            if g.node(id).outputs.iter().any(|y| live.contains(y)) {
                self.node(id)?;
            }
        }
        let side = model.resolution();
        let classes = g.shape(self.drawing.logits).c();
        self.finish(self.drawing.logits)?;
        let input = ValueInfo::images(IMAGES, &[3, side, side]);
        let output = ValueInfo::images(LOGITS, &[classes]);
        Ok(self.file.graph(model.name(), input, output))
    }

    /// The logits become `[N, classes]` under their name.
    fn finish(&mut self, logits: Value) -> Result<()> {
        let Shape([_, h, w, _]) = self.shape(logits);
        if h * w != 1 {
            return Err(Error::config(
                self.drawing.graph.name(logits),
                format!("the logits are {h}×{w} pixels, expected one"),
                "End the network with a mean over the image",
            ));
        }
        let flat = self.flat(logits)?;
        match flat == IMAGES {
            true => {
                let name = self.file.node("", "Identity", &[IMAGES], vec![]);
                self.file.rename(&name, LOGITS);
            }
            false => self.file.rename(&flat, LOGITS),
        }
        Ok(())
    }

    fn node(&mut self, id: NodeId) -> Result<()> {
        let drawing = self.drawing;
        let node = drawing.graph.node(id);
        let (scope, x) = (node.scope.as_str(), node.inputs[0]);
        let y = match node.op.meaning() {
            // Read by those that need them, as the parameters that they are made of.
            Meaning::Bundle { .. } | Meaning::BatchNormCoefficients { .. } => return Ok(()),
            Meaning::Conv2d(conv) => {
                let window = (conv.stride, conv.padding);
                self.convolution(node, window, conv.groups)?
            }
            Meaning::Depthwise(conv) => {
                let window = (conv.stride, conv.padding);
                self.convolution(node, window, self.shape(x).c())?
            }
            Meaning::BatchNorm { activation } => {
                let y = match self.taken_in.contains(&id) {
                    true => self.made(x)?,
                    false => self.batch_norm(node)?,
                };
                self.activation(scope, y, activation)
            }
            Meaning::Bias if self.taken_in.contains(&id) => self.made(x)?,
            Meaning::Bias => {
                let (x, bias) = (self.made(x)?, self.vector(node.inputs[1])?);
                let c = bias.data.len();
                let sides = if x.flat { vec![c] } else { vec![c, 1, 1] };
                let bias = self.file.tensor(&bias.name, &sides, &bias.data);
                self.add_node(scope, "Add", &x, &[&bias], vec![])
            }
            Meaning::Activation(kind) => {
                let x = self.made(x)?;
                self.activation(scope, x, kind)
            }
            Meaning::Excite(between) => self.excite(node, between)?,
            Meaning::Gate => self.binary(node, "Mul")?,
            Meaning::Add => self.binary(node, "Add")?,
            Meaning::GlobalAvgPool => {
                let x = self.image(node, x)?;
                self.add_node(scope, "GlobalAveragePool", &x, &[], vec![])
            }
            Meaning::MaxPool(pool) => self.pool(node, "MaxPool", pool, vec![])?,
            Meaning::AvgPool(pool, divisor) => {
                let padding = usize::from(divisor == Divisor::Window);
                let counted = vec![Attribute::int("count_include_pad", padding)];
                self.pool(node, "AveragePool", pool, counted)?
            }
            _ => return Err(unknown(node)),
        };
        self.made.insert(node.outputs[0], y);
        Ok(())
    }

    fn add_node(
        &mut self,
        scope: &str,
        operator: &str,
        x: &Made,
        operands: &[&str],
        attributes: Vec<Attribute>,
    ) -> Made {
        let inputs = [&[x.name.as_str()], operands].concat();
        Made {
            name: self.file.node(scope, operator, &inputs, attributes),
            flat: x.flat,
        }
    }

    /// The one node that reads `y`, if nothing else does.
    fn follower(&self, y: Value) -> Option<(NodeId, Meaning)> {
        let readers = self.readers.get(&y)?;
        match readers[..] {
            [id] if y != self.drawing.logits => {
                Some((id, self.drawing.graph.node(id).op.meaning()))
            }
            _ => None,
        }
    }

    fn shape(&self, value: Value) -> Shape {
        self.drawing.graph.shape(value)
    }

    fn made(&self, x: Value) -> Result<Made> {
        self.made.get(&x).cloned().ok_or_else(|| {
            Error::config(
                self.drawing.graph.name(x),
                "it is read as an image, and is none",
                "Export networks that compute with images and parameters alone",
            )
        })
    }

    /// A value as `[N, c, h, w]`.
    fn image(&self, node: &Node, x: Value) -> Result<Made> {
        let x = self.made(x)?;
        if x.flat {
            return Err(unknown(node));
        }
        Ok(x)
    }

    /// A value of one pixel as `[N, c]`.
    fn flat(&mut self, x: Value) -> Result<String> {
        let x = self.made(x)?;
        Ok(match x.flat {
            true => x.name,
            false => {
                let axis = vec![Attribute::int("axis", 1)];
                self.file.node("", "Flatten", &[&x.name], axis)
            }
        })
    }
}

fn unknown(node: &Node) -> Error {
    Error::config(
        node.path(),
        "this operator has no ONNX form here",
        "Export safetensors, or draw the network with convolutions, linear layers, batch norms, activations, gates, sums \
         and pools",
    )
}
