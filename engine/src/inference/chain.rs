//! Which nodes become one: a convolution, what follows it, and the gate before it.

use std::collections::{HashMap, HashSet};

use super::fold::FoldStep;
use crate::ops::{Activation, Conv2d, FusedConv2d};
use crate::{Graph, Kind, Layout, Meaning, Node, NodeId, Parameter, Value};

/// The nodes that read each value, and what must stay as it is.
pub(super) struct Readers {
    nodes: HashMap<Value, Vec<NodeId>>,
    kept: HashSet<Value>,
}

impl Readers {
    pub(super) fn new(graph: &Graph, live: &[NodeId], keep: &[Value]) -> Self {
        let mut nodes: HashMap<Value, Vec<NodeId>> = HashMap::new();
        for &id in live {
            for &x in &graph.node(id).inputs {
                nodes.entry(x).or_default().push(id);
            }
        }
        Self {
            nodes,
            kept: keep.iter().copied().collect(),
        }
    }

    /// The nodes that read `value`.
    fn of(&self, value: Value) -> &[NodeId] {
        self.nodes.get(&value).map_or(&[], Vec::as_slice)
    }

    /// The node that alone reads `value`, once, where nobody else wants it.
    fn sole(&self, value: Value) -> Option<NodeId> {
        match self.nodes.get(&value).map(Vec::as_slice) {
            Some(&[reader]) if !self.kept.contains(&value) => Some(reader),
            _ => None,
        }
    }
}

/// A convolution and the nodes that its kernel takes over.
#[derive(Debug)]
pub(super) struct Chain<'a> {
    /// The convolution's input, before the gate.
    pub x: Value,
    /// The weight as files hold it.
    pub weight: &'a Parameter,
    /// How the kernels want it.
    pub layout: Layout,
    /// The weight as the kernels read it: bundled, where they want that.
    pub weight_value: Value,
    /// What is folded into it, first to last.
    pub steps: Vec<FoldStep>,
    pub fused: FusedConv2d,
    pub residual: Option<Value>,
    pub gate: Option<Value>,
    /// The convolution.
    pub head: NodeId,
    /// The last node that is taken over: it makes `output`.
    pub tail: NodeId,
    pub output: Value,
    /// The mean of that over an image, where the kernel makes it.
    pub mean: Option<Value>,
    /// All nodes that are taken over.
    pub nodes: Vec<NodeId>,
}

impl<'a> Chain<'a> {
    /// The chain that begins at `head`, if that is a convolution and there is something to take over. Nodes in
    /// `claimed` belong to another chain.
    pub(super) fn new(
        graph: &'a Graph,
        readers: &Readers,
        head: NodeId,
        claimed: &HashSet<NodeId>,
    ) -> Option<Self> {
        let node = graph.node(head);
        let x = node.inputs[0];
        let (conv, gateable) = match node.op.meaning() {
            Meaning::Conv2d(conv) => (conv, true),
            Meaning::Depthwise(depthwise) => {
                let conv = Conv2d {
                    stride: depthwise.stride,
                    padding: depthwise.padding,
                    groups: graph.shape(x).c(),
                };
                (conv, false)
            }
            _ => return None,
        };
        let weight_value = node.inputs[1];
        let mut nodes = vec![head];
        // A weight that something else reads, too, is not folded.
        readers.sole(weight_value)?;
        let (weight, layout) = match made_by(graph, weight_value) {
            None => (parameter(graph, weight_value)?, None),
            Some((id, bundle)) => {
                let Meaning::Bundle { count, group_out } = bundle.op.meaning() else {
                    return None;
                };
                nodes.push(id);
                readers.sole(bundle.inputs[0])?;
                let layout = Layout::Bundled { count, group_out };
                (parameter(graph, bundle.inputs[0])?, Some(layout))
            }
        };
        let mut chain = Self {
            x,
            weight,
            layout: layout.unwrap_or(weight.options.layout),
            weight_value,
            steps: Vec::new(),
            fused: FusedConv2d {
                conv,
                ..FusedConv2d::default()
            },
            residual: None,
            gate: None,
            head,
            tail: head,
            output: node.outputs[0],
            mean: None,
            nodes,
        };
        if gateable {
            chain.take_gate(graph, readers);
        }
        while let Some(reader) = readers
            .sole(chain.output)
            .filter(|id| !claimed.contains(id))
        {
            if !chain.take(graph, readers, graph.node(reader)) {
                break;
            }
            chain.nodes.push(reader);
            chain.tail = reader;
            chain.output = graph.node(reader).outputs[0];
        }
        if !gateable {
            chain.take_mean(graph, readers, claimed);
        }
        (chain.nodes.len() > 1).then_some(chain)
    }

    /// Takes over the pool of squeeze-and-excite, which reads the output besides others: depthwise kernels can make it.
    fn take_mean(&mut self, graph: &Graph, readers: &Readers, claimed: &HashSet<NodeId>) {
        let pool = |id: &&NodeId| {
            graph.node(**id).op.meaning() == Meaning::GlobalAvgPool && !claimed.contains(*id)
        };
        if let Some(&id) = readers.of(self.output).iter().find(pool) {
            self.mean = Some(graph.node(id).outputs[0]);
            self.nodes.push(id);
        }
    }

    fn take_gate(&mut self, graph: &Graph, readers: &Readers) {
        let Some((id, gate)) = made_by(graph, self.x) else {
            return;
        };
        if gate.op.meaning() == Meaning::Gate && readers.sole(self.x).is_some() {
            self.x = gate.inputs[0];
            self.gate = Some(gate.inputs[1]);
            self.nodes.push(id);
        }
    }

    /// Takes over the node that reads the output, if the kernel can do what it does.
    fn take(&mut self, graph: &Graph, readers: &Readers, node: &Node) -> bool {
        let fused = &mut self.fused;
        // Sums and factors fold into the weight as long as nothing but sums and factors came before.
        let linear = self.residual.is_none() && fused.activation == Activation::Identity;
        let first = node.inputs[0] == self.output;
        match node.op.meaning() {
            Meaning::BatchNorm { activation } if linear && first => {
                let Some(step) = batch_norm(graph, node) else {
                    return false;
                };
                self.steps.push(step);
                fused.activation = activation;
            }
            Meaning::Bias if linear && first => {
                let own = readers.sole(node.inputs[1]);
                let Some(bias) = own.and_then(|_| parameter(graph, node.inputs[1])) else {
                    return false;
                };
                self.steps.push(FoldStep::Bias(bias.name.clone()));
            }
            Meaning::Activation(kind) if linear => fused.activation = kind,
            Meaning::Activation(kind)
                if self.residual.is_some() && fused.after == Activation::Identity =>
            {
                fused.after = kind;
            }
            Meaning::Add if self.residual.is_none() => {
                self.residual = Some(node.inputs[usize::from(first)]);
            }
            _ => return false,
        }
        true
    }

    /// What the fused node reads of what is computed.
    pub(super) fn reads(&self) -> impl Iterator<Item = Value> {
        [self.x].into_iter().chain(self.residual).chain(self.gate)
    }
}

/// A batch norm's tensors, by their names.
fn batch_norm(graph: &Graph, node: &Node) -> Option<FoldStep> {
    let (_, coefficients) = made_by(graph, node.inputs[1])?;
    let Meaning::BatchNormCoefficients { eps } = coefficients.op.meaning() else {
        return None;
    };
    let lasting = |&value: &Value| match graph.kind(value) {
        Kind::Parameter(_) | Kind::Buffer(_) => Some(graph.name(value).to_owned()),
        _ => None,
    };
    let names: Vec<String> = coefficients
        .inputs
        .iter()
        .map(lasting)
        .collect::<Option<_>>()?;
    let [gamma, beta, mean, variance] = names.try_into().ok()?;
    Some(FoldStep::BatchNorm {
        gamma,
        beta,
        mean,
        variance,
        eps,
    })
}

fn made_by(graph: &Graph, value: Value) -> Option<(NodeId, &Node)> {
    match *graph.kind(value) {
        Kind::Output(id) => Some((id, graph.node(id))),
        _ => None,
    }
}

fn parameter(graph: &Graph, value: Value) -> Option<&Parameter> {
    match *graph.kind(value) {
        Kind::Parameter(i) => graph.parameters().get(i),
        _ => None,
    }
}
