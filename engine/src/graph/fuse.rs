//! Values that are never written: who reads them makes them (`expanded.rs`: in inference; `written.rs`: what who writes a
//! value does besides; `summed.rs`: gradients that are added up in place).

mod expanded;
mod summed;
mod written;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::{Graph, Kind, Node, NodeId, Value};
use crate::ops::{Activation, GradCoefficients};
use crate::plan::live_nodes;
use crate::{ConvolutionKind, DType, EdgeClass, Meaning, Reading, StoredEdges, Way};

/// What is read in place of a value, and how.
struct Source {
    value: Value,
    /// What that takes besides.
    appended: Vec<Value>,
    reading: Reading,
}

/// The live nodes that read each value, and what must stay as it is.
struct Readers<'a> {
    nodes: HashMap<Value, Vec<usize>>,
    keep: &'a [Value],
}

impl Readers<'_> {
    /// Whether one node alone reads `value`, and nobody else wants it.
    fn sole(&self, value: Value) -> bool {
        let once = self.nodes.get(&value).is_some_and(|by| by.len() == 1);
        once && !self.keep.contains(&value)
    }
}

impl Graph {
    /// Lets the readers of batch norms, gates and what leads back through squeeze-and-excite apply these as they read:
    /// the results are never in memory, and only the raw outputs of convolutions are kept for the backward pass. Where
    /// one reader's kernels cannot, or `keep` holds the value, it is written as before. Whoever writes what a batch norm, or
    /// the gradient of one, needs sums of leaves these sums, and convolutions add their inputs' gradients to what came another
    /// way. Edges of the classes in `stored` are written as before. Numbers stay equal up to rounding.
    ///
    /// Plans do this by themselves where [`crate::Limits::fuse`] says so.
    pub fn fuse(&mut self, keep: &[Value], stored: &StoredEdges) {
        // A batch norm is read through the gate that it is fused into, so gates come first.
        for find in [Self::excited, Self::gated, Self::normalised] {
            let readers = self.readers(keep);
            for id in 0..self.nodes.len() {
                let [value] = self.nodes[id].outputs[..] else {
                    continue;
                };
                let Some(source) = find(self, id, &readers) else {
                    continue;
                };
                let Some(read_by) = readers.nodes.get(&value) else {
                    continue;
                };
                let edge = self.edge(id, read_by);
                if edge.is_some_and(|class| stored.contains(class)) {
                    continue;
                }
                // A reader's kernel reads both in one format.
                if !self.stays(value, keep) && self.dtype(value) == self.dtype(source.value) {
                    self.read_instead(value, read_by, &source);
                }
            }
        }
        self.summed(keep);
        self.excited_at_once(keep);
        self.followed(keep);
        self.measured(keep);
        self.ended(keep);
        self.differentiated(keep, stored);
        self.joined(keep);
    }

    /// The classes of what [`Graph::fuse`] may leave unwritten.
    pub fn edges(&self, keep: &[Value]) -> BTreeSet<EdgeClass> {
        let readers = self.readers(keep);
        let edge = |id: usize| {
            let [value] = self.nodes[id].outputs[..] else {
                return None;
            };
            self.edge(id, readers.nodes.get(&value)?)
        };
        (0..self.nodes.len()).filter_map(edge).collect()
    }

    /// The class of what node `id` writes for those that read it, if it is of one.
    fn edge(&self, id: usize, read_by: &[usize]) -> Option<EdgeClass> {
        let node = &self.nodes[id];
        let (way, kind) = match node.op.meaning() {
            Meaning::BatchNorm { .. } | Meaning::Gate => {
                let readers = read_by.iter().map(|&by| &self.nodes[by]);
                (
                    Way::Into,
                    readers.filter_map(|node| self.convolution(node)).next()?,
                )
            }
            Meaning::BatchNormGradInput { .. } => (
                Way::BackTo,
                self.convolution(self.made_by(node.inputs[0])?)?,
            ),
            _ => return None,
        };
        let shape = self.shape(node.outputs[0]);
        EdgeClass::of(way, kind, shape.c(), shape.pixels())
    }

    fn convolution(&self, node: &Node) -> Option<ConvolutionKind> {
        match node.op.meaning() {
            Meaning::Conv2d(_) if self.shape(node.inputs[1]).n() == 1 => {
                Some(ConvolutionKind::Point)
            }
            Meaning::Conv2d(_) => Some(ConvolutionKind::Spatial),
            Meaning::Depthwise(_) => Some(ConvolutionKind::Depthwise),
            _ => None,
        }
    }

    /// Has the gradients of convolutions make what goes back through the batch norms behind them as they read.
    fn differentiated(&mut self, keep: &[Value], stored: &StoredEdges) {
        let readers = self.readers(keep);
        for id in 0..self.nodes.len() {
            let node = &self.nodes[id];
            let Meaning::BatchNormGradInput { activation } = node.op.meaning() else {
                continue;
            };
            let (dx, inputs) = (node.outputs[0], node.inputs.clone());
            let Some(read_by) = readers.nodes.get(&dx) else {
                continue;
            };
            if self
                .edge(id, read_by)
                .is_some_and(|class| stored.contains(class))
            {
                continue;
            }
            let source = Source {
                value: inputs[2],
                appended: vec![inputs[0], dx],
                reading: Reading::Differentiated(activation),
            };
            if !self.stays(dx, keep) && self.read_instead(dx, read_by, &source) {
                let count = self.shape(dx).pixels();
                let numbers = self.shape(inputs[1]);
                let node = &mut self.nodes[id];
                node.op = Arc::new(GradCoefficients {
                    count,
                    with_another: false,
                });
                node.inputs = [&inputs[1..2], &inputs[3..]].concat();
                let info = &mut self.values[dx.0];
                (info.shape, info.dtype) = (numbers, DType::F32);
            }
        }
    }

    /// Whether a value must be in memory for others than its readers.
    fn stays(&self, value: Value, keep: &[Value]) -> bool {
        keep.contains(&value) || self.pinned.contains_key(&value)
    }

    fn readers<'a>(&self, keep: &'a [Value]) -> Readers<'a> {
        let mut nodes: HashMap<Value, Vec<usize>> = HashMap::new();
        for id in live_nodes(self, keep) {
            for &x in &self.node(id).inputs {
                nodes.entry(x).or_default().push(id.0);
            }
        }
        Readers { nodes, keep }
    }

    /// Makes all of `readers` read `source` instead of `value`, if all of them can, and says so.
    fn read_instead(&mut self, value: Value, readers: &[usize], source: &Source) -> bool {
        let replace = |&id: &usize| {
            let Node { op, inputs, .. } = &self.nodes[id];
            let mut places = (0..inputs.len()).filter(|&i| inputs[i] == value);
            match (places.next(), places.next()) {
                (Some(input), None) => {
                    let op = op.reading(input, source.reading, inputs.len())?;
                    Some((id, input, op))
                }
                _ => None,
            }
        };
        let Some(made) = readers.iter().map(replace).collect::<Option<Vec<_>>>() else {
            return false;
        };
        for (id, input, op) in made {
            let reader = &mut self.nodes[id];
            reader.op = op;
            reader.inputs[input] = source.value;
            reader.inputs.extend(&source.appended);
        }
        true
    }

    fn made_by(&self, value: Value) -> Option<&Node> {
        match *self.kind(value) {
            Kind::Output(id) => Some(self.node(id)),
            _ => None,
        }
    }

    fn gated(&self, id: usize, _: &Readers<'_>) -> Option<Source> {
        let node = &self.nodes[id];
        (node.op.meaning() == Meaning::Gate).then(|| Source {
            value: node.inputs[0],
            appended: vec![node.inputs[1]],
            reading: Reading::Gated,
        })
    }

    fn normalised(&self, id: usize, _: &Readers<'_>) -> Option<Source> {
        let node = &self.nodes[id];
        match node.op.meaning() {
            // What padding becomes must be zero.
            Meaning::BatchNorm { activation } if activation != Activation::Sigmoid => {
                Some(Source {
                    value: node.inputs[0],
                    appended: vec![node.inputs[1]],
                    reading: Reading::Normalised(activation),
                })
            }
            _ => None,
        }
    }

    /// The gradient of what squeeze-and-excite reads: what came through the gate plus what came through the mean.
    fn excited(&self, id: usize, readers: &Readers<'_>) -> Option<Source> {
        let node = &self.nodes[id];
        if node.op.meaning() != Meaning::Add || !node.inputs.iter().all(|&x| readers.sole(x)) {
            return None;
        }
        let [a, b] = [self.made_by(node.inputs[0])?, self.made_by(node.inputs[1])?];
        let (gate, spread, pixels) = match (a.op.meaning(), b.op.meaning()) {
            (Meaning::Gate, Meaning::Spread { pixels }) => (a, b, pixels),
            (Meaning::Spread { pixels }, Meaning::Gate) => (b, a, pixels),
            _ => return None,
        };
        Some(Source {
            value: gate.inputs[0],
            appended: vec![gate.inputs[1], spread.inputs[0]],
            reading: Reading::Excited { pixels },
        })
    }
}
