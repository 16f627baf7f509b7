//! Activations computed again instead of kept (Chen et al. 2016, <https://arxiv.org/abs/1604.06174>).

use std::collections::HashMap;

use super::{Graph, Kind, Node, NodeId, Value};

impl Graph {
    /// Has the backward nodes, those behind the one that makes `y`, read activations that are computed once more, block
    /// by block, right before the first of them needs one. What crosses from one block to the next is kept, and so is what
    /// a node makes that changes something lasting (the coefficients of a batch norm), since it must not run twice.
    ///
    /// `block` names the block of a forward node, by its scope; nodes of one block that follow each other are computed
    /// again together, those without a block never. Every number stays the same: the same kernels read the same numbers,
    /// and what is random is keyed by what it is for. Call it when the graph is complete.
    pub fn recompute(&mut self, y: Value, block: impl Fn(&str) -> Option<String>) {
        let Kind::Output(NodeId(last)) = *self.kind(y) else {
            return;
        };
        let forward = last + 1;
        let inner = self.inner_values(forward, y, block);
        self.compute_again(forward, inner);
    }

    /// Says that `value` may be made once more for the way back instead of being kept: it is made cheaply of what the caller
    /// writes alone, as pictures are that were changed.
    pub fn make_again(&mut self, value: Value) {
        self.cheap.push(value);
    }

    /// Has the way back read what [`Graph::make_again`] names, and what that is made of, as it is made once more.
    pub(super) fn remake(&mut self) {
        let Some(forward) = self.turn else {
            return;
        };
        let mut inner = HashMap::new();
        let mut wanted = self.cheap.clone();
        while let Some(value) = wanted.pop() {
            let Kind::Output(NodeId(id)) = *self.kind(value) else {
                continue;
            };
            let node = &self.nodes[id];
            if id < forward && node.op.updates().is_empty() && !inner.contains_key(&value) {
                inner.extend(node.outputs.iter().map(|&v| (v, id)));
                wanted.extend(&node.inputs);
            }
        }
        self.compute_again(forward, inner);
    }

    /// Has the nodes behind the first `forward` ones read the `inner` values, each with the index of its node, as they are
    /// computed once more.
    fn compute_again(&mut self, forward: usize, inner: HashMap<Value, usize>) {
        let mut nodes = std::mem::take(&mut self.nodes);
        let backward = nodes.split_off(forward);
        let mut pass = Recompute {
            values: HashMap::new(),
            inner,
            forward: nodes.clone(),
            nodes,
        };
        for mut node in backward {
            for x in &mut node.inputs {
                *x = pass.again(self, *x);
            }
            pass.add(self, node);
        }
        self.nodes = pass.nodes;
    }

    /// The values that no node of another block reads on the way forward, each with the index of its node.
    fn inner_values(
        &self,
        forward: usize,
        y: Value,
        block: impl Fn(&str) -> Option<String>,
    ) -> HashMap<Value, usize> {
        let nodes = &self.nodes[..forward];
        // Blocks in the order of running; one that comes back is another.
        let (mut blocks, mut count, mut present) = (Vec::new(), 0usize, None);
        for node in nodes {
            let name = block(&node.scope);
            if name != present {
                count += 1;
                present.clone_from(&name);
            }
            blocks.push(name.map(|_| count));
        }
        let mut inner = HashMap::new();
        for (i, node) in nodes.iter().enumerate() {
            if blocks[i].is_some() && node.op.updates().is_empty() {
                inner.extend(node.outputs.iter().map(|&v| (v, i)));
            }
        }
        for (j, node) in nodes.iter().enumerate() {
            for x in &node.inputs {
                if inner.get(x).is_some_and(|&i| blocks[i] != blocks[j]) {
                    inner.remove(x);
                }
            }
        }
        inner.remove(&y);
        inner
    }
}

struct Recompute {
    /// What stands in for an inner value.
    values: HashMap<Value, Value>,
    inner: HashMap<Value, usize>,
    forward: Vec<Node>,
    nodes: Vec<Node>,
}

impl Recompute {
    /// The value that a backward node reads for `x`, computed again before it if need be.
    fn again(&mut self, g: &mut Graph, x: Value) -> Value {
        let Some(&made_by) = self.inner.get(&x) else {
            return x;
        };
        if let Some(&known) = self.values.get(&x) {
            return known;
        }
        let mut node = self.forward[made_by].clone();
        for input in &mut node.inputs {
            *input = self.again(g, *input);
        }
        for output in &mut node.outputs {
            let info = g.values[output.0].clone();
            let copy = Value(g.values.len());
            g.values.push(info);
            self.values.insert(*output, copy);
            *output = copy;
        }
        self.add(g, node);
        self.values[&x]
    }

    /// Adds a node behind those that are there.
    fn add(&mut self, g: &mut Graph, node: Node) {
        let id = NodeId(self.nodes.len());
        for output in &node.outputs {
            g.values[output.0].kind = Kind::Output(id);
        }
        self.nodes.push(node);
    }
}
