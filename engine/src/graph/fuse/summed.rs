//! Gradients that are added up where they lie, and kernels that would bind too many buffers for that.

use std::sync::Arc;

use super::{Graph, Kind, NodeId, Readers, Value};
use crate::Meaning;
use crate::ops::GradCoefficients;
use crate::plan::live_nodes;

impl Graph {
    /// Has convolutions add the gradient of what they read to the one that came another way, in its place.
    pub(super) fn summed(&mut self, keep: &[Value]) {
        for id in live_nodes(self, keep) {
            let node = self.node(id);
            let ([a, b], &[sum]) = (&node.inputs[..], &node.outputs[..]) else {
                continue;
            };
            let (a, b) = (*a, *b);
            if node.op.meaning() != Meaning::Add || a == b {
                continue;
            }
            // Anew for each: a node that takes over a sum reads what it did not read before.
            let readers = self.readers(keep);
            for [made, other] in [[a, b], [b, a]] {
                if self.takes_over(id, [made, other, sum], &readers) {
                    break;
                }
            }
        }
    }

    /// Lets the maker of `made` make the `sum` of it and `other`, which node `id` made, in the place of `other`.
    fn takes_over(
        &mut self,
        NodeId(id): NodeId,
        [made, other, sum]: [Value; 3],
        readers: &Readers<'_>,
    ) -> bool {
        let (&Kind::Output(NodeId(maker)), &Kind::Output(NodeId(before))) =
            (self.kind(made), self.kind(other))
        else {
            return false;
        };
        let one = self.dtype(made) == self.dtype(sum) && self.dtype(other) == self.dtype(sum);
        let kept = self.stays(made, readers.keep) || self.stays(other, readers.keep);
        let ready = before < maker && self.last_read(other, id, readers) < maker;
        if !one || kept || !ready || !readers.sole(made) || self.nodes[maker].outputs != [made] {
            return false;
        }
        let node = &self.nodes[maker];
        let Some(op) = node.op.added(node.inputs.len()) else {
            return false;
        };
        let node = &mut self.nodes[maker];
        node.op = op;
        node.inputs.push(other);
        node.outputs = vec![sum];
        self.values[sum.0].kind = Kind::Output(NodeId(maker));
        self.nodes[id].outputs.clear();
        true
    }

    /// The last node but `except` that reads `value`, or will instead of the gradient of a batch norm that is made of it.
    fn last_read(&self, value: Value, except: usize, readers: &Readers<'_>) -> usize {
        let of = |&id: &usize| {
            let node = &self.nodes[id];
            let passed_on = match node.op.meaning() {
                Meaning::BatchNormGradInput { .. } => &node.outputs[..],
                _ => &[],
            };
            let later = passed_on
                .iter()
                .map(|&y| self.last_read(y, except, readers));
            later.fold(id, usize::max)
        };
        let nodes = readers.nodes.get(&value).map_or(&[][..], Vec::as_slice);
        let others = nodes.iter().filter(|&&id| id != except);
        others.map(of).max().unwrap_or(0)
    }

    /// Lets kernels that would bind more than eight buffers find two sets of coefficients in one.
    pub(super) fn joined(&mut self, keep: &[Value]) {
        for NodeId(id) in live_nodes(self, keep) {
            let node = &self.nodes[id];
            let Some(([first, second], op)) = node.op.joined() else {
                continue;
            };
            let (first, second) = (node.inputs[first], node.inputs[second]);
            let Kind::Output(NodeId(maker)) = *self.kind(first) else {
                continue;
            };
            let Meaning::BatchNormGradCoefficients { count } = self.nodes[maker].op.meaning()
            else {
                continue;
            };
            let made = GradCoefficients {
                count,
                with_another: true,
            };
            let node = &mut self.nodes[maker];
            node.op = Arc::new(made);
            node.inputs.push(second);
            let shapes: Vec<_> = self.nodes[maker]
                .inputs
                .iter()
                .map(|v| self.shape(*v))
                .collect();
            let shape = self.nodes[maker]
                .op
                .shapes(&shapes)
                .expect("the first set was there before");
            self.values[first.0].shape = shape[0];
            self.nodes[id].op = op;
        }
    }
}
