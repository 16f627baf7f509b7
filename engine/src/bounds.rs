//! What a network must move through memory at least, to hold beside what a plan moves.

use std::collections::{HashMap, HashSet};

use crate::ops::Activation;
use crate::{Graph, Kind, Meaning, Mode, Node, NodeId, Precision, Value};

/// What the bounds are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoundOptions {
    /// A training step or an evaluation.
    pub mode: Mode,
    /// How activations are stored.
    pub precision: Precision,
    /// Images that share one reading of the parameters.
    pub batch: usize,
}

/// Bytes an image that three ways to run a network move, the operands of convolutions each counted once without padding.
///
/// With `i` and `o`, the numbers that a convolution reads and writes for an image, *conv* moves in training `i + o`
/// forward, `2i + 2o` for the gradient of the input and `i + 2o` for that of the weight (the raw output is read along
/// with its gradient, since batch norm and activation are computed anew), `3o` more where squeeze-and-excite follows and
/// `2o` for a residual sum. Every parameter is read three times as it is stored, and gradient, momentum and master copy
/// take another 20 bytes a step. In inference it moves `i + o`, `o` for a residual, and every parameter once.
///
/// They are bounds for networks of convolutions, batch norms, activations, gates and sums; what other operators move is
/// left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// One kernel a convolution, all that surrounds it done on the way; three in training.
    pub conv: u64,
    /// In training, one pass over the operands for both gradients; in inference, the expansion computed anew inside the
    /// spatial convolution that follows it.
    pub block: u64,
    /// Every operator a kernel of its own; in inference batch norms are folded.
    pub unfused: u64,
}

impl Bounds {
    /// The bounds of a network that was drawn for evaluation, of any number of images.
    pub fn of(graph: &Graph, options: &BoundOptions) -> Self {
        let layers = Layers::new(graph);
        let mut sum = Numbers::default();
        for id in graph.nodes() {
            sum.add(match options.mode {
                Mode::Train => layers.training(id),
                Mode::Evaluate | Mode::Measure => layers.inference(id),
            });
        }
        let bytes = match options.precision {
            Precision::F32 => 4,
            Precision::F16 => 2,
        };
        let each = match options.mode {
            Mode::Train => 3 * bytes + 20,
            Mode::Evaluate | Mode::Measure => bytes,
        };
        let share = graph.complexity().params * each / options.batch.max(1) as u64;
        Self {
            conv: sum.conv * bytes + share,
            block: sum.block * bytes + share,
            unfused: sum.unfused * bytes + share,
        }
    }
}

/// Numbers that are moved for an image.
#[derive(Clone, Copy, Debug, Default)]
struct Numbers {
    conv: u64,
    block: u64,
    unfused: u64,
}

impl Numbers {
    fn add(&mut self, other: Self) {
        self.conv += other.conv;
        self.block += other.block;
        self.unfused += other.unfused;
    }
}

/// A graph, and which of its convolutions stand where that matters.
struct Layers<'a> {
    graph: &'a Graph,
    /// Convolutions whose output goes through squeeze-and-excite.
    excited: HashSet<NodeId>,
    /// Spatial convolutions that read what a pointwise one made for them alone, and that one.
    expanded: HashMap<NodeId, NodeId>,
}

impl<'a> Layers<'a> {
    fn new(graph: &'a Graph) -> Self {
        let mut layers = Self {
            graph,
            excited: HashSet::new(),
            expanded: HashMap::new(),
        };
        let mut readers: HashMap<Value, usize> = HashMap::new();
        for id in graph.nodes() {
            for &x in &graph.node(id).inputs {
                *readers.entry(x).or_default() += 1;
            }
        }
        for id in graph.nodes() {
            let node = graph.node(id);
            let gate = node.op.meaning() == Meaning::Gate;
            if gate {
                layers.excited.extend(layers.source(node, |_| true));
            } else if layers.kernel(node).is_some_and(|kernel| kernel > 1) {
                let pointwise = layers
                    .source(node, |x| readers[&x] == 1)
                    .filter(|&id| layers.kernel(graph.node(id)) == Some(1));
                layers.expanded.extend(pointwise.map(|from| (id, from)));
            }
        }
        layers
    }

    /// The side of a convolution's kernel.
    fn kernel(&self, node: &Node) -> Option<usize> {
        match node.op.meaning() {
            Meaning::Conv2d(_) | Meaning::Depthwise(_) => {
                Some(self.graph.shape(node.inputs[1]).n())
            }
            _ => None,
        }
    }

    /// The convolution that made the first input of `node`, but for batch norm, bias and activation behind it; `None`
    /// where a value on the way is not as wanted.
    fn source(&self, node: &Node, wanted: impl Fn(Value) -> bool) -> Option<NodeId> {
        let mut x = node.inputs[0];
        loop {
            let Kind::Output(id) = *self.graph.kind(x) else {
                return None;
            };
            let maker = self.graph.node(id);
            match maker.op.meaning() {
                _ if !wanted(x) => return None,
                Meaning::Conv2d(_) | Meaning::Depthwise(_) => return Some(id),
                Meaning::BatchNorm { .. } | Meaning::Bias | Meaning::Activation(_) => {
                    x = maker.inputs[0];
                }
                _ => return None,
            }
        }
    }

    /// What a node reads first and what it makes, in numbers for an image.
    fn numbers(&self, id: NodeId) -> [u64; 2] {
        let node = self.graph.node(id);
        let of_image = |&value: &Value| self.graph.shape(value).with_n(1).count() as u64;
        [&node.inputs, &node.outputs].map(|values| values.first().map_or(0, of_image))
    }

    fn training(&self, id: NodeId) -> Numbers {
        let [i, o] = self.numbers(id);
        let (fused, unfused) = match self.graph.node(id).op.meaning() {
            Meaning::Conv2d(_) | Meaning::Depthwise(_) => {
                let excited = if self.excited.contains(&id) { 3 * o } else { 0 };
                return Numbers {
                    conv: (i + o) + (2 * i + 2 * o) + (i + 2 * o) + excited,
                    block: 3 * (i + o) + excited,
                    unfused: 3 * (i + o),
                };
            }
            // Forward: statistics, then normalised; backward: sums, then the gradient.
            Meaning::BatchNorm { activation } if activation != Activation::Identity => {
                (0, 8 * o + 5 * o)
            }
            Meaning::BatchNorm { .. } => (0, 8 * o),
            Meaning::Activation(_) => (0, 5 * o),
            Meaning::Gate => (0, 8 * o),
            Meaning::Add => (2 * o, 5 * o),
            _ => (0, 0),
        };
        Numbers {
            conv: fused,
            block: fused,
            unfused,
        }
    }

    fn inference(&self, id: NodeId) -> Numbers {
        let [i, o] = self.numbers(id);
        let (fused, unfused) = match self.graph.node(id).op.meaning() {
            Meaning::Conv2d(_) | Meaning::Depthwise(_) => {
                let within = self.expanded.values().any(|&from| from == id);
                let read = match self.expanded.get(&id) {
                    Some(&from) => self.numbers(from)[0],
                    None => i,
                };
                return Numbers {
                    conv: i + o,
                    block: if within { 0 } else { read + o },
                    unfused: i + o,
                };
            }
            Meaning::BatchNorm { activation } if activation != Activation::Identity => (0, 2 * o),
            Meaning::Activation(_) => (0, 2 * o),
            Meaning::Gate => (0, 3 * o),
            Meaning::Add => (o, 3 * o),
            _ => (0, 0),
        };
        Numbers {
            conv: fused,
            block: fused,
            unfused,
        }
    }
}

#[cfg(test)]
mod tests;
