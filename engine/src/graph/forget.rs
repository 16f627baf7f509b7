//! Outputs of convolutions that nothing needs on the way back.

use std::collections::HashMap;

use super::{Graph, Kind, Node, NodeId, Value};
use crate::ops::{
    Activation, GradCoefficients, GramGradGamma, GramGradWeight, GramWeights, column_sum, gate,
    global_avg_pool, pointwise, scale,
};
use crate::plan::live_nodes;
use crate::{Meaning, Op, Result, Shape};

/// A batch norm behind a pointwise convolution, whose result goes into a sum and through a ReLU. Nodes by their index.
#[derive(Debug)]
struct Forgotten {
    /// What the convolution reads, and its weight.
    x: Value,
    weight: Value,
    /// The convolution's output, the coefficients of the batch norm, and the gradient of its result.
    output: Value,
    coefficients: Value,
    dz: Value,
    /// What the ReLU wrote.
    after: Value,
    /// dgamma and dbeta, and who makes them; who makes the output's gradient of these, and the convolution's gradients.
    grad_sums: usize,
    grad_norm: usize,
    grad_input: usize,
    grad_weight: usize,
    dgamma: Value,
    dbeta: Value,
    means: Means,
    /// dbeta of a batch norm of the same `dz` that is made before.
    same: Option<Value>,
}

/// The mean of each image's channels of what the convolution reads.
#[derive(Clone, Copy, Debug)]
enum Means {
    /// To be made.
    Made,
    /// Known of what is gated, and the gates.
    Gated([Value; 2]),
}

/// What is known of a place once its input's gradient is made.
struct Known {
    products: Value,
    of_gradient: Value,
}

impl Graph {
    /// Has the way back go without the outputs of pointwise convolutions that become, through a batch norm, a summand of
    /// what goes through a ReLU. Their ReLU's output is kept for the next block anyway, and of the output itself only
    /// sums are needed, which two products of small matrices have: the gradient of the weight by that of the batch norm's result,
    /// and the Gram matrix of what the convolution reads. It is done where less is moved by it. Pictures, too, are made
    /// once more instead of kept.
    ///
    /// Numbers stay equal up to rounding. It stands before [`Graph::fuse`], which keeps what is read from being written.
    /// Plans do both by themselves where [`crate::Limits::forget`] says so.
    pub fn forget(&mut self, keep: &[Value]) {
        self.remake();
        let found = self.forgettable(keep);
        if found.is_empty() {
            return;
        }
        let by = |node: fn(&Forgotten) -> usize| -> HashMap<usize, usize> {
            let places = found.iter().enumerate();
            places.map(|(i, place)| (node(place), i)).collect()
        };
        let sums = by(|place| place.grad_sums);
        let norms = by(|place| place.grad_norm);
        let (inputs, weights) = (by(|place| place.grad_input), by(|place| place.grad_weight));
        let mut known: HashMap<usize, Known> = HashMap::new();
        for (id, node) in std::mem::take(&mut self.nodes).into_iter().enumerate() {
            let scope = node.scope.clone();
            let made: Result<()> = self.within(&scope, |g| {
                if let Some(&i) = sums.get(&id) {
                    g.sum_of_gradient(&found[i], node)?;
                } else if let Some(&i) = inputs.get(&id) {
                    known.insert(i, g.gradient_of_input(&found[i], &node)?);
                } else if let Some(&i) = weights.get(&id) {
                    g.gradient_of_weight(&found[i], &known[&i], &node)?;
                } else if !norms.contains_key(&id) {
                    g.again(node);
                }
                Ok(())
            });
            made.expect("shapes are those of the convolution");
        }
    }

    /// The places whose output need not be kept.
    fn forgettable(&self, keep: &[Value]) -> Vec<Forgotten> {
        let mut readers: HashMap<Value, Vec<usize>> = HashMap::new();
        for NodeId(id) in live_nodes(self, keep) {
            for &x in &self.nodes[id].inputs {
                readers.entry(x).or_default().push(id);
            }
        }
        let mut found: Vec<Forgotten> = (0..self.nodes.len())
            .filter_map(|id| self.forgettable_at(id, &readers, keep))
            .collect();
        for place in &mut found {
            let sums = |id: &&usize| {
                let activation = Activation::Identity;
                self.nodes[**id].op.meaning() == Meaning::BatchNormGradSums { activation }
            };
            let first = readers[&place.dz].iter().filter(sums).min();
            let before = first.filter(|&&id| id < place.grad_sums);
            place.same = before.map(|&id| self.nodes[id].outputs[1]);
        }
        found
    }

    fn forgettable_at(
        &self,
        id: usize,
        readers: &HashMap<Value, Vec<usize>>,
        keep: &[Value],
    ) -> Option<Forgotten> {
        let identity = Activation::Identity;
        let node = &self.nodes[id];
        let (&[output, coefficients, dz, dgamma, dbeta], &[dy]) =
            (&node.inputs[..], &node.outputs[..])
        else {
            return None;
        };
        if node.op.meaning()
            != (Meaning::BatchNormGradInput {
                activation: identity,
            })
        {
            return None;
        }
        let made_by = |value: Value| match *self.kind(value) {
            Kind::Output(NodeId(id)) => Some(&self.nodes[id]),
            _ => None,
        };
        let reading = |value: Value| readers.get(&value).map_or(&[][..], Vec::as_slice);
        // The convolution.
        let convolution = made_by(output)?;
        let &[x, weight] = &convolution.inputs[..] else {
            return None;
        };
        let Meaning::Conv2d(conv) = convolution.op.meaning() else {
            return None;
        };
        let [k, _, cin, cout] = self.shape(weight).0;
        let same_pixels = self.shape(x).0[..3] == self.shape(output).0[..3];
        if k != 1 || conv.groups != 1 || conv.stride != 1 || !same_pixels {
            return None;
        }
        // On the way there: the batch norm, the sum and its ReLU.
        let applies = |&&id: &&usize| {
            let op = &self.nodes[id].op;
            op.meaning()
                == (Meaning::BatchNorm {
                    activation: identity,
                })
        };
        let normalised = self.nodes[*reading(output).iter().find(applies)?].outputs[0];
        let &[sum] = reading(normalised) else {
            return None;
        };
        if self.nodes[sum].op.meaning() != Meaning::Add {
            return None;
        }
        let sum = self.nodes[sum].outputs[0];
        let relu =
            |&&id: &&usize| self.nodes[id].op.meaning() == Meaning::Activation(Activation::Relu);
        let after = self.nodes[*reading(sum).iter().find(relu)?].outputs[0];
        let back = made_by(dz)?;
        let through = back.op.meaning() == Meaning::ActivationGrad(Activation::Relu);
        // On the way back: the sums, and the convolution's gradients.
        let &Kind::Output(NodeId(grad_sums)) = self.kind(dgamma) else {
            return None;
        };
        let (mut grad_input, mut grad_weight) = (None, None);
        for &id in reading(dy) {
            match &self.nodes[id].inputs[..] {
                [w, of] if (*w, *of) == (weight, dy) => grad_input = Some(id),
                [of_x, of] if (*of_x, *of) == (x, dy) => grad_weight = Some(id),
                _ => return None,
            }
        }
        let formats = [output, dz, after, x].map(|value| self.dtype(value));
        let kept = [output, normalised, dy]
            .iter()
            .any(|value| keep.contains(value) || self.pinned.contains_key(value));
        let means = self.means_of(x, readers)?;
        let moves_less = match means {
            // 8i + 2o numbers a pixel instead of 3i + 5o: the Gram matrix and the means read the input, and its own product is
            // written.
            Means::Made => 3 * cout > 5 * cin,
            // 4i + 2o instead of 2i + 5o.
            Means::Gated(_) => cin <= cout,
        };
        let usual =
            back.inputs[0] == sum && through && self.nodes[grad_sums].outputs == [dgamma, dbeta];
        if grad_input >= grad_weight || !usual || kept || !moves_less || formats != [formats[0]; 4]
        {
            return None;
        }
        Some(Forgotten {
            x,
            weight,
            output,
            coefficients,
            dz,
            after,
            grad_sums,
            grad_norm: id,
            grad_input: grad_input?,
            grad_weight: grad_weight?,
            dgamma,
            dbeta,
            means,
            same: None,
        })
    }

    /// Where the means of `x` come from; `None` for a gate whose input has no known ones.
    fn means_of(&self, x: Value, readers: &HashMap<Value, Vec<usize>>) -> Option<Means> {
        let Kind::Output(NodeId(id)) = *self.kind(x) else {
            return Some(Means::Made);
        };
        let maker = &self.nodes[id];
        if maker.op.meaning() != Meaning::Gate {
            return Some(Means::Made);
        }
        let of_gated = readers.get(&maker.inputs[0])?.iter();
        let mut pools =
            of_gated.filter(|&&id| self.nodes[id].op.meaning() == Meaning::GlobalAvgPool);
        let means = self.nodes[*pools.next()?].outputs[0];
        Some(Means::Gated([means, maker.inputs[1]]))
    }

    /// Adds a node as it was.
    fn again(&mut self, node: Node) {
        let id = NodeId(self.nodes.len());
        for output in &node.outputs {
            self.values[output.0].kind = Kind::Output(id);
        }
        self.nodes.push(node);
    }

    /// Adds a node that makes `value`.
    fn make(&mut self, value: Value, op: impl Op + 'static, inputs: &[Value]) -> Result<()> {
        let made = self.apply_one(op, inputs)?;
        self.make_instead(value, made);
        Ok(())
    }

    /// Lets the last node make `value` instead of what it made.
    fn make_instead(&mut self, value: Value, made: Value) {
        let Some(node) = self.nodes.last_mut() else {
            return;
        };
        for output in node.outputs.iter_mut().filter(|output| **output == made) {
            *output = value;
        }
        self.values[value.0].kind = Kind::Output(NodeId(self.nodes.len() - 1));
    }

    /// dbeta, the sum of `dz`. Who makes `dz` may make it, as if for a batch norm of what the ReLU wrote, which it reads anyway.
    fn sum_of_gradient(&mut self, place: &Forgotten, mut node: Node) -> Result<()> {
        if let Some(same) = place.same {
            let made = scale(self, same, 1.0)?;
            self.make_instead(place.dbeta, made);
            return Ok(());
        }
        let info = self.values[place.dgamma.0].clone();
        node.inputs[0] = place.after;
        node.outputs[0] = self.value(info.name, info.shape, info.dtype, info.kind);
        self.again(node);
        Ok(())
    }

    /// dgamma, and the gradient of what the convolution reads, which `node` made.
    fn gradient_of_input(&mut self, place: &Forgotten, node: &Node) -> Result<Known> {
        let &Forgotten {
            x,
            weight,
            output,
            coefficients,
            dz,
            dgamma,
            dbeta,
            means,
            ..
        } = place;
        let [dx] = node.outputs[..] else {
            unreachable!("the gradient of one input");
        };
        let (shape, [.., cin, _]) = (self.shape(x), self.shape(weight).0);
        let products = self.apply_one(pointwise::products(self.shape(weight)), &[x, dz])?;
        let sums = [weight, products, coefficients, dbeta];
        self.make(dgamma, GramGradGamma, &sums)?;
        let of_gradient = GradCoefficients {
            count: self.shape(output).pixels(),
            with_another: false,
        };
        let of_gradient = self.apply_one(of_gradient, &[coefficients, dgamma, dbeta])?;
        let weights = self.apply(GramWeights, &[weight, of_gradient])?;
        let [scaled, sloped, shift] = weights[..] else {
            unreachable!("two weights and a shift");
        };
        let square = Shape([1, 1, cin, cin]);
        let square = self.apply_one(pointwise::transposed(square), &[weight, sloped])?;
        let row = pointwise::transposed(Shape::vector(cin));
        let row = self.apply_one(row, &[weight, shift])?;
        if let Means::Gated(_) = means {
            let beside = pointwise::transposed_beside(shape);
            self.make(dx, beside, &[scaled, dz, x, square, row])?;
        } else {
            // Its kernel ends in the batch norm before, and binds all that it may.
            let own = self.apply_one(pointwise::product(true), &[x, square, row])?;
            self.values[own.0].dtype = self.dtype(dx);
            self.make(dx, pointwise::transposed_added(shape), &[scaled, dz, own])?;
        }
        Ok(Known {
            products,
            of_gradient,
        })
    }

    /// The gradient of the weight, which `node` made.
    fn gradient_of_weight(&mut self, place: &Forgotten, known: &Known, node: &Node) -> Result<()> {
        let &Forgotten {
            x, weight, means, ..
        } = place;
        let gram = self.apply_one(pointwise::Gram::default(), &[x])?;
        let of_output = self.apply_one(pointwise::product(false), &[gram, weight])?;
        let means = match means {
            Means::Made => global_avg_pool(self, x)?,
            Means::Gated([means, gates]) => gate(self, means, gates)?,
        };
        let means = column_sum(self, means)?;
        let [_, h, w, _] = self.shape(x).0;
        let inputs = [known.products, known.of_gradient, of_output, means];
        self.make(node.outputs[0], GramGradWeight { pixels: h * w }, &inputs)
    }
}
