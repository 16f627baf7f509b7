//! A case's graph, and which part of it each kernel belongs to.

use std::collections::HashSet;

use triaxis::engine::{Graph, Mode, NodeId, ProfileRow, Value, gradients};
use triaxis_tests::{Case, Differences};

use crate::error::Result;

/// The forward part.
pub(crate) const FORWARD: &str = "ops.forward";
/// What only the gradient of the first input needs.
pub(crate) const DGRAD: &str = "ops.dgrad";
/// What only the gradients of the other inputs need: weights, in a convolution.
pub(crate) const WGRAD: &str = "ops.wgrad";
/// What both need.
pub(crate) const GRAD: &str = "ops.grad";
/// The parts in running order.
pub(crate) const PARTS: [&str; 4] = [FORWARD, GRAD, DGRAD, WGRAD];

/// A case as a graph, forward and gradients.
pub(crate) struct Drawn {
    pub(crate) graph: Graph,
    /// The inputs' values, in the case's order.
    pub(crate) inputs: Vec<Value>,
    /// The gradient that comes in, where the case has gradients.
    pub(crate) dy: Option<Value>,
    /// Output and gradients.
    pub(crate) kept: Vec<Value>,
    /// Path and part of every node, in running order.
    nodes: Vec<(String, &'static str)>,
}

/// Draws a case.
///
/// # Errors
///
/// The engine's, for a case that cannot be.
pub(crate) fn draw(case: &Case) -> Result<Drawn> {
    let mut graph = Graph::new(Mode::Train);
    let inputs: Vec<Value> = (0..)
        .zip(&case.inputs)
        .map(|(i, x)| graph.input_of(&format!("x{i}"), x.shape, x.dtype))
        .collect();
    let y = (case.apply)(&mut graph, &inputs)?;
    let forward = graph.nodes().count();
    let mut kept = vec![y];
    let (mut dy, mut first, mut others) = (None, Vec::new(), Vec::new());
    if case.differences != Differences::None {
        let value = graph.input("dy", graph.shape(y));
        let grads = gradients(&mut graph, y, value)?;
        dy = Some(value);
        for (i, (&x, input)) in inputs.iter().zip(&case.inputs).enumerate() {
            if let Some(dx) = grads.get(x).filter(|_| input.differentiable) {
                kept.push(dx);
                if i == 0 { &mut first } else { &mut others }.push(dx);
            }
        }
    }
    let (of_first, of_others) = (needed(&graph, &first), needed(&graph, &others));
    let part = |(i, id): (usize, NodeId)| {
        let has = |set: &HashSet<NodeId>| set.contains(&id);
        let part = match (i < forward, has(&of_first), has(&of_others)) {
            (true, ..) => FORWARD,
            (_, true, false) => DGRAD,
            (_, false, true) => WGRAD,
            (..) => GRAD,
        };
        (graph.node(id).path(), part)
    };
    let nodes = graph.nodes().enumerate().map(part).collect();
    Ok(Drawn {
        graph,
        inputs,
        dy,
        kept,
        nodes,
    })
}

/// The nodes that these values depend on.
fn needed(graph: &Graph, values: &[Value]) -> HashSet<NodeId> {
    let mut wanted: Vec<Value> = values.to_vec();
    let mut needed = HashSet::new();
    for id in graph.nodes().rev() {
        let node = graph.node(id);
        if node.outputs.iter().any(|y| wanted.contains(y)) {
            wanted.extend(&node.inputs);
            needed.insert(id);
        }
    }
    needed
}

impl Drawn {
    /// The part that each of a profile's kernels belongs to. Both are in running order; nodes that nothing needs have
    /// no kernels.
    pub(crate) fn parts(&self, rows: &[ProfileRow]) -> Vec<&'static str> {
        let mut at = 0;
        rows.iter()
            .map(|row| {
                let ahead = self.nodes[at..]
                    .iter()
                    .position(|(path, _)| *path == row.path);
                at += ahead.unwrap_or(0);
                self.nodes.get(at).map_or(GRAD, |(_, part)| part)
            })
            .collect()
    }
}
