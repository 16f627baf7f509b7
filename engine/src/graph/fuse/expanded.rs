//! Expansions that are computed within the depthwise convolutions that read them.

use std::sync::Arc;

use super::{Graph, NodeId, Value};
use crate::Limits;
use crate::ops::Expanded;
use crate::plan::live_nodes;

impl Graph {
    /// Has depthwise convolutions of an inference graph compute what the pointwise ones before them made for them alone,
    /// where moving that takes longer than computing parts of it more than once.
    pub(crate) fn expanded(&mut self, keep: &[Value], limits: &Limits) {
        let readers = self.readers(keep);
        for NodeId(id) in live_nodes(self, keep) {
            let node = &self.nodes[id];
            let Some(&between) = node.inputs.first() else {
                continue;
            };
            let Some(maker) = self.made_by(between).filter(|_| readers.sole(between)) else {
                continue;
            };
            let (&[x, expand, ..], &[_, weight, ..]) = (&maker.inputs[..], &node.inputs[..]) else {
                continue;
            };
            let weights = [expand, weight].map(|w| self.shape(w));
            let pair = [
                (maker.op.meaning(), weights[0]),
                (node.op.meaning(), weights[1]),
            ];
            let Some(op) = Expanded::of(pair) else {
                continue;
            };
            let shapes = [self.shape(x), self.shape(between), weights[1]];
            let same_pixels = shapes[0].0[..3] == shapes[1].0[..3];
            let bytes = self.dtype(between).vec4_bytes();
            if same_pixels && op.pays(limits, shapes, bytes) {
                let inputs = [&maker.inputs[..3], &node.inputs[1..]].concat();
                self.nodes[id].op = Arc::new(op);
                self.nodes[id].inputs = inputs;
            }
        }
    }
}
