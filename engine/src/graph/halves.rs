//! Which values are stored as f16.

use std::collections::HashSet;

use super::{Graph, Kind, Node, Value};
use crate::DType;

impl Graph {
    /// Stores activations and their gradients as f16: every value that is computed or written by the caller, that all
    /// kernels around it can read and write so, and that is not in `exact`. Sums stay f32, and so do gradients of
    /// parameters and what an image has one number a channel of (pooled features, the gates of squeeze-and-excite). What
    /// kernels read together has one format, so an exact value may keep others exact: in a training graph all of them,
    /// from an exact image on.
    ///
    /// Memory and traffic halve on every adapter, with or without f16 arithmetic. Numbers beyond 65,504 become infinite.
    pub fn store_halves(&mut self, exact: &[Value]) {
        let mut halves: HashSet<Value> = self.values().collect();
        halves.retain(|&v| {
            let free = matches!(self.kind(v), Kind::Input | Kind::Output(_));
            free && self.dtype(v) == DType::F32 && !self.pinned.contains_key(&v)
        });
        for v in exact {
            halves.remove(v);
        }
        // What a kernel can only read or write as f32.
        for node in &self.nodes {
            let able = node.op.halves();
            let others = |values: &[Value], able: &[usize]| {
                let unable = (0..values.len()).filter(|i| !able.contains(i));
                unable.map(|i| values[i]).collect::<Vec<_>>()
            };
            let unable = [
                others(&node.inputs, &able.inputs),
                others(&node.outputs, &able.outputs),
            ];
            for v in unable.iter().flatten() {
                halves.remove(v);
            }
        }
        // What must have the format of a value that is f32: until nothing changes any more.
        let mut before = usize::MAX;
        while halves.len() < before {
            before = halves.len();
            for node in &self.nodes {
                for together in groups(node) {
                    if together.iter().any(|v| !halves.contains(v)) {
                        for v in &together {
                            halves.remove(v);
                        }
                    }
                }
            }
        }
        for value in halves {
            self.values[value.0].dtype = DType::F16;
        }
    }

    /// Whether anything that is computed is stored as f16.
    pub(crate) fn stores_halves(&self) -> bool {
        self.values()
            .any(|v| self.dtype(v) == DType::F16 && matches!(self.kind(v), Kind::Output(_)))
    }

    /// The formats of the activations that a node's kernels read and write.
    pub(crate) fn formats(&self, node: &Node) -> [DType; 2] {
        let able = node.op.halves();
        let of = |values: &[Value], able: &[usize]| able.first().map(|&i| self.dtype(values[i]));
        let reads = of(&node.inputs, &able.inputs);
        let writes = of(&node.outputs, &able.outputs);
        match able.apart {
            true => [reads, writes].map(Option::unwrap_or_default),
            // Whatever is there was given one format.
            false => [reads.or(writes).unwrap_or_default(); 2],
        }
    }
}

/// The values of a node that have one format.
fn groups(node: &Node) -> Vec<Vec<Value>> {
    let able = node.op.halves();
    let pick = |values: &[Value], able: &[usize]| -> Vec<Value> {
        // A node that has become part of another has no outputs.
        able.iter()
            .filter_map(|&i| values.get(i).copied())
            .collect()
    };
    let (inputs, outputs) = (
        pick(&node.inputs, &able.inputs),
        pick(&node.outputs, &able.outputs),
    );
    match able.apart {
        true => vec![inputs, outputs],
        false => vec![[inputs, outputs].concat()],
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::{self, Activation, Conv2d};
    use crate::{DType, Graph, Kind, Mode, Value};

    fn conv(g: &mut Graph, x: Value, weight: Value) -> Value {
        ops::conv2d(g, x, weight, Conv2d::default()).unwrap()
    }

    #[test]
    fn what_is_exact_keeps_what_is_read_with_it_exact() {
        let mut g = Graph::new(Mode::Evaluate);
        let (x, other) = (g.input("x", [1, 2, 2, 4]), g.input("other", [1, 2, 2, 4]));
        let w = g.state("w", [1, 1, 4, 4], 1.0);
        let a = conv(&mut g, x, w);
        let b = ops::activation(&mut g, a, Activation::Relu).unwrap();
        let c = ops::add(&mut g, b, other).unwrap();
        let d = conv(&mut g, c, w);
        let formats = |exact: &[Value]| {
            let mut g = g.clone();
            g.store_halves(exact);
            [x, other, w, a, b, c, d].map(|v| g.dtype(v) == DType::F16)
        };
        // Weights never are; a convolution writes in any format, the sum reads and writes in one.
        assert_eq!(formats(&[]), [true, true, false, true, true, true, true]);
        assert_eq!(
            formats(&[x, d]),
            [false, true, false, true, true, true, false]
        );
        assert_eq!(
            formats(&[other]),
            [true, false, false, false, false, false, true]
        );
    }

    #[test]
    fn losses_and_states_stay_f32() {
        let mut g = Graph::new(Mode::Evaluate);
        let (x, t) = (g.input("x", [2, 1, 1, 4]), g.input("t", [2, 1, 1, 4]));
        let loss = ops::softmax_cross_entropy(&mut g, x, t).unwrap();
        g.store_halves(&[]);
        assert!([x, t, loss].iter().all(|&v| g.dtype(v) == DType::F32));
        assert!(matches!(g.kind(loss), Kind::Output(_)));
    }
}
