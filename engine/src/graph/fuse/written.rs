//! What those do besides who write a value: they finish it for the only ones that read it, and leave sums of it.

use std::sync::Arc;

use super::{Graph, Kind, NodeId, Value};
use crate::graph::ValueInfo;
use crate::ops::{Activation, NormalisedGradSums};
use crate::plan::live_nodes;
use crate::{DType, Following, Meaning, Reading, Shape};

impl Graph {
    /// Has sums go through a ReLU, or back through it, before they are written.
    pub(super) fn followed(&mut self, keep: &[Value]) {
        let readers = self.readers(keep).nodes;
        for NodeId(id) in live_nodes(self, keep) {
            let node = &self.nodes[id];
            // The input and the output of a ReLU tell its derivative alike.
            let (sum, by, others) = match (node.op.meaning(), &node.inputs[..]) {
                (Meaning::Activation(Activation::Relu), &[sum]) => {
                    let others = readers.get(&sum).map_or(&[][..], |by| by);
                    let going_back = |&&by: &&usize| {
                        let reader = &self.nodes[by];
                        let back = Meaning::ActivationGrad(Activation::Relu);
                        reader.op.meaning() == back
                            && reader.inputs[0] == sum
                            && reader.inputs[1] != sum
                    };
                    let rest: Vec<usize> = others.iter().copied().filter(|&by| by != id).collect();
                    if rest.iter().filter(going_back).count() < rest.len() {
                        continue;
                    }
                    (sum, Following::Activation(Activation::Relu), rest)
                }
                (Meaning::ActivationGrad(Activation::Relu), &[_, sum]) => {
                    if readers.get(&sum).is_none_or(|by| by.len() != 1) {
                        continue;
                    }
                    (sum, Following::Derivative(Activation::Relu), Vec::new())
                }
                _ => continue,
            };
            let Kind::Output(NodeId(maker)) = *self.kind(sum) else {
                continue;
            };
            let made = &self.nodes[maker];
            let Some(op) = made.op.followed(by, made.inputs.len()) else {
                continue;
            };
            let appended: Vec<Value> = match by {
                Following::Activation(_) => Vec::new(),
                Following::Derivative(_) => vec![node.inputs[0]],
            };
            let late =
                |&v: &Value| matches!(*self.kind(v), Kind::Output(NodeId(by)) if by >= maker);
            let result = node.outputs[0];
            let formats = [sum, result].into_iter().chain(appended.iter().copied());
            let differ = formats.map(|v| self.dtype(v)).any(|d| d != self.dtype(sum));
            if self.stays(sum, keep) || appended.iter().any(late) || differ {
                continue;
            }
            self.nodes[id].outputs.clear();
            self.nodes[maker].op = op;
            self.nodes[maker].inputs.extend(appended);
            self.nodes[maker].outputs = vec![result];
            self.values[result.0].kind = Kind::Output(NodeId(maker));
            for other in others {
                self.nodes[other].inputs[0] = result;
            }
        }
    }

    /// Has convolutions make the statistics of what they write.
    pub(super) fn measured(&mut self, keep: &[Value]) {
        for NodeId(id) in live_nodes(self, keep) {
            let node = &self.nodes[id];
            if node.op.meaning() != Meaning::BatchNormStatistics {
                continue;
            }
            let (x, statistics) = (node.inputs[0], node.outputs[0]);
            let Kind::Output(maker) = *self.kind(x) else {
                continue;
            };
            if let Some(op) = self.node(maker).op.with_statistics() {
                self.nodes[id].outputs.clear();
                let NodeId(at) = maker;
                self.nodes[at].op = op;
                self.nodes[at].outputs.push(statistics);
                self.values[statistics.0].kind = Kind::Output(maker);
            }
        }
    }

    /// Has the pass that makes the gradient of an excitation leave what the batch norm that is excited needs besides.
    pub(super) fn excited_at_once(&mut self, keep: &[Value]) {
        let readers = self.readers(keep).nodes;
        for NodeId(id) in live_nodes(self, keep) {
            let node = &self.nodes[id];
            let Meaning::ExcitedGradSums { activation, pixels } = node.op.meaning() else {
                continue;
            };
            let &[x, coefficients, dy, excitation, squeezed] = &node.inputs[..] else {
                continue;
            };
            let makes_scale = |&&by: &&usize| {
                let by = &self.nodes[by];
                by.op.meaning() == Meaning::GateGradScale && by.inputs == [x, dy, coefficients]
            };
            let by = readers.get(&dy).and_then(|by| by.iter().find(makes_scale));
            let Some((&by, op)) =
                by.and_then(|by| Some((by, self.nodes[*by].op.with_moments(activation)?)))
            else {
                continue;
            };
            let [n, _, _, c] = self.shape(x).0;
            let moments = Value(self.values.len());
            self.values.push(ValueInfo {
                name: String::new(),
                shape: Shape([n, 1, 4, c]),
                dtype: DType::F32,
                kind: Kind::Output(NodeId(by)),
            });
            self.nodes[by].op = op;
            self.nodes[by].outputs.push(moments);
            let node = &mut self.nodes[id];
            node.op = Arc::new(NormalisedGradSums { pixels });
            node.inputs = vec![moments, coefficients, excitation, squeezed];
        }
    }

    /// Has convolutions' gradients end in the batch norms that their inputs are the results of.
    pub(super) fn ended(&mut self, keep: &[Value]) {
        let readers = self.readers(keep).nodes;
        for NodeId(id) in live_nodes(self, keep) {
            let node = &self.nodes[id];
            let Meaning::BatchNormGradSums { activation } = node.op.meaning() else {
                continue;
            };
            let ([x, coefficients, dy], [dgamma, dbeta]) = (&node.inputs[..], &node.outputs[..])
            else {
                continue;
            };
            let [x, coefficients, dy] = [*x, *coefficients, *dy];
            let sums = [*dgamma, *dbeta];
            // What it is behind an activation nobody else may read.
            let wanted = activation != Activation::Identity && self.stays(dy, keep);
            let Kind::Output(NodeId(maker)) = *self.kind(dy) else {
                continue;
            };
            // What the maker is to read must be there before.
            let late = |v: Value| matches!(*self.kind(v), Kind::Output(NodeId(by)) if by >= maker);
            if wanted || late(x) || late(coefficients) || self.dtype(x) != self.dtype(dy) {
                continue;
            }
            // Without an activation nothing changes for those that read the gradient.
            let going_on = match activation {
                Activation::Identity => None,
                _ => {
                    let others = readers.get(&dy).map_or(&[][..], |by| by);
                    let mut others = others.iter().copied().filter(|&by| by != id);
                    let (Some(other), None) = (others.next(), others.next()) else {
                        continue;
                    };
                    let node = &self.nodes[other];
                    let op = match node.inputs.starts_with(&[x, coefficients, dy]) {
                        true => node.op.reading(2, Reading::Ended, node.inputs.len()),
                        false => None,
                    };
                    let Some(op) = op else { continue };
                    Some((other, op))
                }
            };
            let made = &self.nodes[maker];
            let Some(made) = made.op.ending(activation, made.inputs.len()) else {
                continue;
            };
            if let Some((other, op)) = going_on {
                self.nodes[other].op = op;
            }
            self.nodes[id].outputs.clear();
            let maker_node = &mut self.nodes[maker];
            maker_node.op = made;
            maker_node.inputs.extend([x, coefficients]);
            maker_node.outputs.extend(sums);
            for sum in sums {
                self.values[sum.0].kind = Kind::Output(NodeId(maker));
            }
        }
    }
}
