//! From a file's nodes to layers, in running order.

use std::collections::{BTreeMap, HashMap};

use triaxis_engine::ops::Activation;
use triaxis_engine::{Graph as Drawing, Kind, Mode, Shape, Value};
use triaxis_models::{Layer, LayerOp, Style};

use super::about::Pictures;
use super::made::{Call, Features, Made, Refusal, Squash, Taken, expected};
use super::message::{Graph, Node, shown};
use super::names::Names;
use super::tensor::Tensor;
use crate::checkpoint::NamedTensor;

/// Most layers: the longest networks have some thousand.
const MOST_LAYERS: usize = 1 << 12;

/// A node that is nothing that a network here computes.
#[derive(Debug, PartialEq)]
pub(super) struct Refused {
    pub(super) node: String,
    pub(super) operator: String,
    pub(super) expected: String,
}

/// What the nodes come to.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// If there are any, the rest means nothing.
    pub(super) refused: Vec<Refused>,
    pub(super) layers: Vec<Layer>,
    pub(super) tensors: Vec<NamedTensor>,
    pub(super) classes: usize,
    pub(super) notes: Vec<String>,
}

/// A graph on its way to layers.
pub(super) struct Walk<'a> {
    /// Version of ONNX's operators.
    pub(super) opset: i64,
    /// Images that the file computes at once, where it says.
    pub(super) images: Option<usize>,
    pub(super) names: Names,
    made: HashMap<&'a str, Made<'a>>,
    drawing: Drawing,
    /// The images, then what each layer makes, of one image.
    values: Vec<Value>,
    layers: Vec<Layer>,
    /// The parameters of each layer.
    tensors: Vec<Vec<NamedTensor>>,
    refused: Vec<Refused>,
    /// Tensors that were not stored as f32, by how they were.
    converted: BTreeMap<&'static str, usize>,
    /// Numbers that layers may still read: a file's tensors may be read again and again, but not without an end.
    left: usize,
}

/// A parameter out of the file.
pub(super) struct Weight<'a> {
    /// What it is of its layer: `weight`, `bias`.
    end: &'static str,
    /// What the file calls it.
    called: &'a str,
    pub(super) sides: Vec<usize>,
    pub(super) data: Vec<f32>,
}

impl<'a> Walk<'a> {
    /// For a file of so many bytes.
    pub(super) fn new(opset: i64, bytes: usize, pictures: &Pictures<'a>) -> Self {
        let mut drawing = Drawing::new(Mode::Evaluate);
        let side = pictures.side;
        let images = drawing.input("images", [1, side, side, 3]);
        let input = match pictures.channels_last {
            true => Made::ChannelsLast,
            false => Made::Features(Features {
                index: 0,
                flat: false,
            }),
        };
        Self {
            opset,
            images: pictures.images,
            names: Names::default(),
            made: HashMap::from([(pictures.name, input)]),
            drawing,
            values: vec![images],
            layers: Vec::new(),
            tensors: Vec::new(),
            refused: Vec::new(),
            converted: BTreeMap::new(),
            // Tensors of equal numbers may be one in the file, as those of fresh batch norms are.
            left: bytes.max(1 << 16),
        }
    }

    /// Goes through all nodes. The error says what is wrong with the file.
    pub(super) fn graph(mut self, graph: &Graph<'a>) -> Result<Walked, String> {
        for tensor in &graph.tensors {
            self.name(tensor.name, Made::Constant(tensor.clone()))?;
        }
        for node in &graph.nodes {
            self.node(node)?;
        }
        let [output] = &graph.outputs[..] else {
            return Err(format!(
                "it has {} outputs, expected the logits alone",
                graph.outputs.len()
            ));
        };
        let mut notes = Vec::new();
        let logits = match self.made.get(output.name).cloned() {
            None => return Err(format!("no node makes its output {}", shown(output.name))),
            Some(Made::Features(features)) => features,
            Some(Made::Squashed {
                of,
                by: Squash::Sigmoid,
                name,
            }) => self.squashed(of, name).map_err(|refusal| match refusal {
                Refusal::Unsupported(what) | Refusal::Broken(what) => what,
            })?,
            Some(Made::Probabilities(features)) => {
                notes.push("the softmax at its end is left out: the outputs are logits".into());
                features
            }
            Some(_) if !self.refused.is_empty() => Features {
                index: 0,
                flat: false,
            },
            Some(_) => {
                let name = shown(output.name);
                return Err(format!("its output {name} is not computed from pictures"));
            }
        };
        for (format, count) in &self.converted {
            notes.push(format!(
                "{count} tensors are converted from {format} to F32"
            ));
        }
        let Shape([_, h, w, classes]) = self.shape(logits);
        let refused = std::mem::take(&mut self.refused);
        if refused.is_empty() && (logits.index == 0 || h * w != 1) {
            return Err(format!(
                "its output has {h}×{w}×{classes} numbers of an image, expected a number for each class"
            ));
        }
        let (layers, tensors) = self.needed(logits.index);
        Ok(Walked {
            refused,
            layers,
            tensors,
            classes,
            notes,
        })
    }

    fn node(&mut self, node: &Node<'a>) -> Result<(), String> {
        let mut call = Call {
            node,
            inputs: Vec::new(),
        };
        for &name in &node.inputs {
            let made = match name {
                "" => None,
                name => Some(self.made.get(name).cloned().ok_or_else(|| {
                    let (node, name) = (shown(node.called()), shown(name));
                    format!("{node} reads {name}, which nothing before it makes")
                })?),
            };
            call.inputs.push(made);
        }
        let made = match self.operator(&call) {
            Ok(made) => made,
            Err(Refusal::Broken(problem)) => return Err(problem),
            Err(Refusal::Unsupported(expected)) => {
                self.refused.push(Refused {
                    node: shown(node.called()),
                    operator: match node.domain {
                        "" => shown(node.op),
                        domain => shown(&format!("{domain}.{}", node.op)),
                    },
                    expected,
                });
                Made::Unknown
            }
        };
        let mut made = Some(made);
        for &output in node.outputs.iter().filter(|name| !name.is_empty()) {
            // Further outputs are of training, and of no use here.
            self.name(output, made.take().unwrap_or(Made::Unknown))?;
        }
        Ok(())
    }

    fn name(&mut self, name: &'a str, made: Made<'a>) -> Result<(), String> {
        match self.made.insert(name, made) {
            None => Ok(()),
            Some(_) => Err(format!("two values are named {}", shown(name))),
        }
    }

    /// The shape of features, of one image.
    pub(super) fn shape(&self, of: Features) -> Shape {
        self.drawing.shape(self.values[of.index])
    }

    /// An input that is computed from the pictures.
    pub(super) fn features(&mut self, call: &Call<'_, 'a>, input: usize) -> Taken<Features> {
        match call.input(input)? {
            Made::Features(features) => Ok(*features),
            Made::Squashed {
                of,
                by: Squash::Sigmoid,
                name,
            } => {
                // Another reader may have made a layer of it already.
                let known = call.node.inputs.get(input).copied().unwrap_or_default();
                if let Some(Made::Features(features)) = self.made.get(known) {
                    return Ok(*features);
                }
                let features = self.squashed(*of, name.clone())?;
                self.made.insert(known, Made::Features(features));
                Ok(features)
            }
            Made::Squashed { .. } => {
                expected("a hard sigmoid only in a product with what it reads")
            }
            Made::Padded { .. } => expected("zeros only around what a convolution reads"),
            Made::Probabilities(_) => expected("a softmax only at the end"),
            Made::ChannelsLast => expected("pictures as [N, 3, h, w]"),
            Made::Constant(_) | Made::Few(_) | Made::Unknown => expected("features, no constant"),
        }
    }

    /// An input that is features as `[N, c, h, w]`.
    pub(super) fn image(&mut self, call: &Call<'_, 'a>, input: usize) -> Taken<Features> {
        let features = self.features(call, input)?;
        match features.flat {
            false => Ok(features),
            true => expected("features as [N, c, h, w]"),
        }
    }

    /// The layer of a sigmoid.
    fn squashed(&mut self, of: Features, name: String) -> Taken<Features> {
        let kind = Activation::Sigmoid;
        self.layer(name, &[of], LayerOp::Activation { kind }, Vec::new())
    }

    /// Reads a tensor of the file as a parameter.
    pub(super) fn weight(&mut self, end: &'static str, tensor: &Tensor<'a>) -> Taken<Weight<'a>> {
        let data = tensor.numbers()?;
        self.left = self.left.checked_sub(data.len()).ok_or_else(|| {
            Refusal::Broken("its layers read more numbers than the file can hold".into())
        })?;
        if let Some(format) = tensor.converted_from() {
            *self.converted.entry(format).or_default() += 1;
        }
        Ok(Weight {
            end,
            called: tensor.name,
            sides: tensor.sides.clone(),
            data,
        })
    }

    /// Adds a layer that makes features as flat as those that it reads first, and draws it.
    pub(super) fn layer(
        &mut self,
        name: String,
        inputs: &[Features],
        op: LayerOp,
        weights: Vec<Weight<'a>>,
    ) -> Taken<Features> {
        if self.layers.len() >= MOST_LAYERS {
            return Err(Refusal::Broken(format!(
                "it has more than {MOST_LAYERS} layers"
            )));
        }
        let layer = Layer {
            name,
            inputs: inputs.iter().map(|input| input.index).collect(),
            op,
        };
        let xs: Vec<Value> = inputs
            .iter()
            .map(|input| self.values[input.index])
            .collect();
        let value = layer
            .draw(&mut self.drawing, &xs, &Style::default())
            .map_err(|error| Refusal::Unsupported(error.to_string()))?;
        let tensors = weights
            .into_iter()
            .map(|weight| self.named(&layer.name, weight));
        let tensors = tensors.collect::<Taken<Vec<NamedTensor>>>()?;
        self.layers.push(layer);
        self.values.push(value);
        self.tensors.push(tensors);
        Ok(Features {
            index: self.layers.len(),
            flat: inputs.first().is_some_and(|input| input.flat),
        })
    }

    /// A parameter under the name and in the shape that the drawing has for it.
    fn named(&self, layer: &str, weight: Weight<'a>) -> Taken<NamedTensor> {
        let name = format!("{layer}.{}", weight.end);
        let g = &self.drawing;
        let Some(value) = g.find(&name) else {
            return Err(Refusal::Broken(format!("no layer reads {}", shown(&name))));
        };
        let shape = match *g.kind(value) {
            Kind::Parameter(i) => g.parameters()[i].options.layout.file_shape(g.shape(value)),
            _ => vec![g.shape(value).count()],
        };
        // A linear layer of several pixels is a convolution: the same numbers in the same order.
        let count: usize = shape.iter().product();
        let flattened = match (&weight.sides[..], &shape[..]) {
            (&[out, _], &[width, _, _, _]) => out == width && weight.data.len() == count,
            _ => false,
        };
        if weight.sides != shape && !flattened {
            let (found, called) = (&weight.sides, shown(weight.called));
            return Err(Refusal::Broken(format!(
                "the tensor {called} has the sides {found:?}, {} of {} takes {shape:?}",
                weight.end,
                shown(layer)
            )));
        }
        Ok(NamedTensor {
            name,
            shape,
            data: weight.data,
        })
    }

    /// The layers that layer `last` needs, with their parameters; it is the last of them.
    fn needed(self, last: usize) -> (Vec<Layer>, Vec<NamedTensor>) {
        let mut needed = vec![false; self.layers.len() + 1];
        needed[last] = true;
        for index in (1..needed.len()).rev() {
            if needed[index] {
                let inputs = &self.layers[index - 1].inputs;
                inputs.iter().for_each(|&input| needed[input] = true);
            }
        }
        // The places of those that stay; the images are always there.
        let mut places = vec![0];
        let (mut layers, mut tensors) = (Vec::new(), Vec::new());
        for (index, (mut layer, weights)) in (1..).zip(self.layers.into_iter().zip(self.tensors)) {
            if needed[index] {
                layer
                    .inputs
                    .iter_mut()
                    .for_each(|input| *input = places[*input]);
                layers.push(layer);
                tensors.extend(weights);
            }
            places.push(layers.len());
        }
        (layers, tensors)
    }
}
