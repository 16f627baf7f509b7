//! Graphs for inference: what follows a convolution is done in its kernel.
//!
//! Batch norm and bias are folded into weights ([`Fold`]: as data, applied when weights are loaded); activation,
//! residual sum and the gate of squeeze-and-excite run in the convolution's kernel ([`crate::ops::conv2d_fused`]), and a
//! depthwise convolution's also makes the mean that squeeze-and-excite begins with.

mod chain;
mod fold;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub use fold::{Fold, FoldStep};

use crate::graph::Randomness;
use crate::ops::{FusedInputs, conv2d_fused, conv2d_fused_mean};
use crate::plan::live_nodes;
use crate::{
    Arena, Error, Graph, Init, Kind, Layout, Mode, Node, NodeId, ParameterOptions, Plan, Result,
    Shape, Value,
};
use chain::{Chain, Readers};

/// How an inference graph is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InferenceOptions {
    /// How activations are stored.
    pub precision: Precision,
}

/// How activations are stored. Sums are f32 in any case, and so is what the caller writes and keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// As f32.
    #[default]
    F32,
    /// As f16: half the memory and traffic on every adapter; see [`Graph::store_halves`].
    F16,
}

/// A graph for inference, made of an evaluation graph.
///
/// ```
/// use triaxis_engine::{Graph, Gpu, Inference, Mode, ParameterOptions, Layout, Plan, ops};
///
/// let mut g = Graph::new(Mode::Evaluate);
/// let x = g.input("x", [1, 4, 4, 3]);
/// let options = ParameterOptions { layout: Layout::Conv, ..ParameterOptions::default() };
/// let y = g.scope("conv", |g| {
///     let w = g.parameter("weight", [1, 1, 3, 2], options)?;
///     let b = g.parameter("bias", [1, 1, 1, 2], ParameterOptions::default())?;
///     let y = ops::conv2d(g, x, w, ops::Conv2d::default())?;
///     ops::bias(g, y, b)
/// })?;
/// let y = ops::activation(&mut g, y, ops::Activation::Relu)?;
///
/// let inference = Inference::new(&g, &[y], &Default::default())?;
/// let gpu = Gpu::open(&Default::default())?;
/// let mut plan = Plan::compile(&gpu, &inference.graph, &inference.keep)?;
/// assert_eq!(plan.schedule().dispatches(), 1);
/// inference.load(&plan, |name| match name {
///     "conv.weight" => Some(vec![1.0; 6]),
///     "conv.bias" => Some(vec![0.5, -4.0]),
///     _ => None,
/// })?;
/// plan.write(inference.value(x).expect("x is read"), &[1.0; 48])?;
/// plan.run()?;
/// assert_eq!(plan.read(inference.keep[0])?[..2], [3.5, 0.0]);
/// # Ok::<(), triaxis_engine::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Inference {
    /// The graph. Its parameters have the names that they had; a bias that was not there has its weight's name with
    /// `.bias`.
    pub graph: Graph,
    /// The values to keep, in the order in which they were asked for.
    pub keep: Vec<Value>,
    /// How the parameters that differ from those of the graph before are made.
    pub folds: Vec<Fold>,
    values: HashMap<Value, Value>,
}

impl Inference {
    /// Makes a graph that computes the values in `keep` as `graph` does, up to rounding. They are not fused away, nor is
    /// what is read more than once.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] for a training graph.
    pub fn new(graph: &Graph, keep: &[Value], options: &InferenceOptions) -> Result<Self> {
        if graph.mode() != Mode::Evaluate {
            return Err(Error::Graph(
                "a training graph is no graph for inference: draw it for evaluation".into(),
            ));
        }
        let live = live_nodes(graph, keep);
        let readers = Readers::new(graph, &live, keep);
        let mut claimed: HashSet<NodeId> = HashSet::new();
        let mut chains: HashMap<NodeId, Chain<'_>> = HashMap::new();
        for &head in &live {
            if let Some(chain) = Chain::new(graph, &readers, head, &claimed) {
                claimed.extend(&chain.nodes);
                chains.insert(chain.tail, chain);
            }
        }
        let mut new = Self {
            graph: Graph::new(Mode::Evaluate),
            keep: Vec::new(),
            folds: Vec::new(),
            values: HashMap::new(),
        };
        for id in needed(graph, keep, &live, &chains, &claimed) {
            match chains.get(&id) {
                Some(chain) => new.fuse(graph, chain)?,
                None => new.copy(graph, graph.node(id))?,
            }
        }
        new.keep = keep
            .iter()
            .map(|&v| new.map(graph, v))
            .collect::<Result<_>>()?;
        if options.precision == Precision::F16 {
            let g = &mut new.graph;
            let inputs = g.values().filter(|&v| *g.kind(v) == Kind::Input);
            let exact: Vec<Value> = inputs.chain(new.keep.iter().copied()).collect();
            g.store_halves(&exact);
        }
        if let Some(random) = graph.random_inputs() {
            let mapped = [random.key, random.indices].map(|v| new.value(v));
            if let [Some(key), Some(indices)] = mapped {
                new.graph.randomness = Some(Randomness { key, indices });
            }
        }
        Ok(new)
    }

    /// What a value of the graph before is in this one: `None` for what nothing reads or what was fused away.
    pub fn value(&self, original: Value) -> Option<Value> {
        self.values.get(&original).copied()
    }

    /// All parameters and buffers of the graph, made from those of the graph before, which `tensor` finds by name:
    /// `(name, shape, numbers)` in the files' order.
    ///
    /// # Errors
    ///
    /// As [`Fold::apply`].
    pub fn tensors(
        &self,
        mut tensor: impl FnMut(&str) -> Option<Vec<f32>>,
    ) -> Result<Vec<crate::Exported>> {
        let mut made: HashMap<String, Vec<f32>> = HashMap::new();
        for fold in &self.folds {
            made.extend(fold.apply(&mut tensor)?);
        }
        let g = &self.graph;
        let parameters = g
            .parameters()
            .iter()
            .map(|p| (&p.name, p.value, p.options.layout));
        let buffers = g
            .buffers()
            .iter()
            .map(|b| (&b.name, b.value, Layout::Vector));
        let export = |(name, value, layout): (&String, Value, Layout)| {
            let shape = layout.file_shape(g.shape(value));
            let numbers = match made.remove(name) {
                Some(numbers) => numbers,
                None => {
                    let count = Shape::vector(layout.file_count(g.shape(value)));
                    fold::find(&mut tensor, name, count)?
                }
            };
            Ok((name.clone(), shape, numbers))
        };
        parameters.chain(buffers).map(export).collect()
    }

    /// Begins a plan of this graph: its weights from those of the graph before, its state as [`Plan::initialise`] does.
    ///
    /// # Errors
    ///
    /// As [`Inference::tensors`], or the device's errors.
    pub fn load(&self, plan: &Plan, tensor: impl FnMut(&str) -> Option<Vec<f32>>) -> Result<()> {
        let tensors = self.tensors(tensor)?;
        plan.initialise(0)?;
        for (name, _, numbers) in tensors {
            if !plan.import(&Arena::Parameters, &name, &numbers)? {
                plan.import(&Arena::Buffers, &name, &numbers)?;
            }
        }
        Ok(())
    }

    /// The value in the new graph; what lasts or is written by the caller is declared when it is first read.
    fn map(&mut self, graph: &Graph, old: Value) -> Result<Value> {
        if let Some(new) = self.value(old) {
            return Ok(new);
        }
        let (name, shape) = (graph.name(old), graph.shape(old));
        let g = &mut self.graph;
        let new = match graph.kind(old) {
            Kind::Input => g.input_of(name, shape, graph.dtype(old)),
            Kind::Parameter(i) => {
                let options = ParameterOptions {
                    init: Init::Constant(0.0),
                    ..graph.parameters()[*i].options
                };
                g.parameter(name, shape, options)?
            }
            Kind::Buffer(i) => g.buffer(name, shape, graph.buffers()[*i].init)?,
            Kind::State(first) => g.state(name, shape, *first),
            Kind::Arena(_) | Kind::Output(_) => {
                return Err(Error::Graph(format!(
                    "{name} has no place in a graph for inference: draw it without an optimizer"
                )));
            }
        };
        self.values.insert(old, new);
        Ok(new)
    }

    fn copy(&mut self, graph: &Graph, node: &Node) -> Result<()> {
        let inputs = node
            .inputs
            .iter()
            .map(|&x| self.map(graph, x))
            .collect::<Result<Vec<_>>>()?;
        let op = Arc::clone(&node.op);
        let made = self
            .graph
            .within(&node.scope, |g| g.apply_shared(op, &inputs))?;
        self.values.extend(node.outputs.iter().copied().zip(made));
        Ok(())
    }

    fn fuse(&mut self, graph: &Graph, chain: &Chain<'_>) -> Result<()> {
        let x = self.map(graph, chain.x)?;
        let residual = chain.residual.map(|v| self.map(graph, v)).transpose()?;
        let gate = chain.gate.map(|v| self.map(graph, v)).transpose()?;
        let shape = graph.shape(chain.weight_value);
        let fold = Fold {
            weight: chain.weight.name.clone(),
            bias: bias_name(graph, chain),
            steps: chain.steps.clone(),
            shape: in_files(chain.layout, shape),
        };
        let init = Init::Constant(0.0);
        let options = ParameterOptions {
            layout: chain.layout,
            init,
            ..chain.weight.options
        };
        let weight = self.graph.parameter(&fold.weight, shape, options)?;
        let vector = ParameterOptions {
            init,
            ..ParameterOptions::default()
        };
        let bias = self
            .graph
            .parameter(&fold.bias, Shape::vector(shape.c()), vector)?;
        let inputs = FusedInputs {
            x,
            weight,
            bias,
            residual,
            gate,
        };
        let scope = &graph.node(chain.head).scope;
        let fused = chain.fused;
        let y = self.graph.within(scope, |g| match chain.mean {
            None => Ok([Some(conv2d_fused(g, inputs, fused)?), None]),
            Some(_) => Ok(conv2d_fused_mean(g, inputs, fused)?.map(Some)),
        })?;
        let made = [Some(chain.output), chain.mean].into_iter().zip(y);
        self.values
            .extend(made.filter_map(|(old, new)| old.zip(new)));
        self.folds.push(fold);
        Ok(())
    }
}

/// The nodes and chains' tails that what is kept or lasts depends on, in running order.
fn needed(
    graph: &Graph,
    keep: &[Value],
    live: &[NodeId],
    chains: &HashMap<NodeId, Chain<'_>>,
    claimed: &HashSet<NodeId>,
) -> Vec<NodeId> {
    let mut wanted: HashSet<Value> = keep.iter().copied().collect();
    let mut nodes = Vec::new();
    for &id in live.iter().rev() {
        let node = graph.node(id);
        match chains.get(&id) {
            Some(chain) => wanted.extend(chain.reads()),
            None if claimed.contains(&id) => continue,
            None if node.op.updates().is_empty()
                && !node.outputs.iter().any(|y| wanted.contains(y)) =>
            {
                continue;
            }
            None => wanted.extend(&node.inputs),
        }
        nodes.push(id);
    }
    nodes.reverse();
    nodes
}

/// The weight's name with `.bias`; where a tensor that is not folded in has that name, another one.
fn bias_name(graph: &Graph, chain: &Chain<'_>) -> String {
    let weight = &chain.weight.name;
    let mut name = format!("{}.bias", weight.strip_suffix(".weight").unwrap_or(weight));
    let folded = |name: &String| chain.steps.contains(&FoldStep::Bias(name.clone()));
    while graph.find(&name).is_some() && !folded(&name) {
        name.push_str("_folded");
    }
    name
}

/// `[out, in / groups, kh, kw]`, of a linear layer's weight too.
fn in_files(layout: Layout, shape: Shape) -> [usize; 4] {
    let [kh, kw, rows, cout] = shape.0;
    match layout {
        Layout::Bundled { count, .. } => [cout, rows / count, kh, kw],
        _ => [cout, rows, kh, kw],
    }
}
