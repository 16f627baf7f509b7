//! Layers as ONNX's operators.

use triaxis_engine::ops::{Activation, Padding, Pool};
use triaxis_engine::{Layout, Meaning, Node};

use super::super::BatchNorms;
use super::super::proto::Attribute;
use super::{Made, Walk, unknown};
use crate::error::Result;

/// Where a window slides.
#[derive(Clone, Copy)]
struct Window {
    kernel: usize,
    stride: usize,
    padding: Padding,
}

impl Walk<'_> {
    /// A convolution or linear layer, with the bias and the batch norm that follow.
    pub(super) fn convolution(
        &mut self,
        node: &Node,
        (stride, padding): (usize, Padding),
        groups: usize,
    ) -> Result<Made> {
        let (layout, weight) = self.weight(node)?;
        let mut follower = self.follower(node.outputs[0]);
        let mut bias: Option<(String, Vec<f32>)> = None;
        if let Some((id, Meaning::Bias)) = follower {
            let next = self.drawing.graph.node(id);
            let vector = self.vector(next.inputs[1])?;
            bias = Some((vector.name.clone(), vector.data.clone()));
            self.taken_in.insert(id);
            follower = self.follower(next.outputs[0]);
        }
        let mut data = weight.data.as_slice();
        let folded;
        if let (BatchNorms::Folded, Some((id, Meaning::BatchNorm { .. }))) =
            (self.batch_norms, follower)
        {
            let (_, norm) = self.norm(self.drawing.graph.node(id))?;
            let before = bias.as_ref().map(|(_, data)| data.as_slice());
            let (weight_data, bias_data) = norm.fold(data, before);
            let name = match bias {
                Some((name, _)) => name,
                None => of_layer(&weight.name, "bias"),
            };
            (folded, bias) = (weight_data, Some((name, bias_data)));
            data = &folded;
            self.taken_in.insert(id);
        }

        let x = node.inputs[0];
        let linear = layout == Layout::Linear && self.shape(x).pixels() == self.shape(x).n();
        let mut sides = weight.shape.clone();
        if !linear {
            // A linear layer on more than one pixel is a pointwise convolution.
            sides.resize(4, 1);
        }
        let kernel = sides.get(2).copied().unwrap_or(1);
        let weight = self.file.tensor(&weight.name, &sides, data);
        let bias = bias.map(|(name, data)| self.file.tensor(&name, &[data.len()], &data));
        let mut operands = vec![weight.as_str()];
        operands.extend(bias.as_deref());
        if linear {
            let x = Made {
                name: self.flat(x)?,
                flat: true,
            };
            let transposed = vec![Attribute::int("transB", 1)];
            return Ok(self.add_node(&node.scope, "Gemm", &x, &operands, transposed));
        }
        let window = Window {
            kernel,
            stride,
            padding,
        };
        let mut attributes = self.window(node, window);
        attributes.push(Attribute::int("group", groups));
        let x = self.image(node, x)?;
        Ok(self.add_node(&node.scope, "Conv", &x, &operands, attributes))
    }

    /// Squeeze-and-excite's layers, as convolutions of one pixel.
    pub(super) fn excite(&mut self, node: &Node, between: Activation) -> Result<Made> {
        let mut x = self.image(node, node.inputs[0])?;
        for ([weight, bias], activation) in [([1, 2], between), ([3, 4], Activation::Sigmoid)] {
            let weight = self.vector(node.inputs[weight])?;
            let bias = self.vector(node.inputs[bias])?;
            let layer = weight.name.rsplit_once('.').map_or("", |(layer, _)| layer);
            let operands = [weight, bias].map(|t| self.file.tensor(&t.name, &t.shape, &t.data));
            let operands = operands.each_ref().map(String::as_str);
            x = self.add_node(layer, "Conv", &x, &operands, vec![]);
            x = self.activation(layer, x, activation);
        }
        Ok(x)
    }

    pub(super) fn batch_norm(&mut self, node: &Node) -> Result<Made> {
        let (names, norm) = self.norm(node)?;
        let vectors = [norm.gamma, norm.beta, norm.mean, norm.variance];
        let named = names.iter().zip(vectors);
        let operands: Vec<String> = named
            .map(|(name, data)| self.file.tensor(name, &[data.len()], data))
            .collect();
        let operands: Vec<&str> = operands.iter().map(String::as_str).collect();
        let x = self.image(node, node.inputs[0])?;
        let eps = vec![Attribute::float("epsilon", norm.eps)];
        Ok(self.add_node(&node.scope, "BatchNormalization", &x, &operands, eps))
    }

    pub(super) fn activation(&mut self, scope: &str, x: Made, kind: Activation) -> Made {
        match kind {
            Activation::Identity => x,
            Activation::Relu => self.add_node(scope, "Relu", &x, &[], vec![]),
            Activation::Sigmoid => self.add_node(scope, "Sigmoid", &x, &[], vec![]),
            Activation::HardSwish => self.add_node(scope, "HardSwish", &x, &[], vec![]),
            Activation::Silu => {
                let s = self.add_node(scope, "Sigmoid", &x, &[], vec![]);
                self.add_node(scope, "Mul", &x, &[&s.name], vec![])
            }
            Activation::Relu6 => {
                let limits = [("zero", 0.0), ("six", 6.0)];
                let limits = limits.map(|(name, limit)| self.file.tensor(name, &[], &[limit]));
                let limits = [limits[0].as_str(), &limits[1]];
                self.add_node(scope, "Clip", &x, &limits, vec![])
            }
        }
    }

    pub(super) fn binary(&mut self, node: &Node, operator: &str) -> Result<Made> {
        let (a, b) = (self.made(node.inputs[0])?, self.made(node.inputs[1])?);
        match a.flat == b.flat {
            true => Ok(self.add_node(&node.scope, operator, &a, &[&b.name], vec![])),
            false => Err(unknown(node)),
        }
    }

    pub(super) fn pool(
        &mut self,
        node: &Node,
        operator: &str,
        Pool {
            kernel,
            stride,
            padding,
        }: Pool,
        mut attributes: Vec<Attribute>,
    ) -> Result<Made> {
        let window = Window {
            kernel,
            stride,
            padding,
        };
        attributes.extend(self.window(node, window));
        let x = self.image(node, node.inputs[0])?;
        Ok(self.add_node(&node.scope, operator, &x, &[], attributes))
    }

    /// Kernel, stride and padding of a node's window: rows before, columns before, rows behind, columns behind.
    fn window(&self, node: &Node, window: Window) -> Vec<Attribute> {
        let Window {
            kernel,
            stride,
            padding,
        } = window;
        let (x, y) = (self.shape(node.inputs[0]), self.shape(node.outputs[0]));
        let sides = |side: usize, out: usize| match padding {
            Padding::Symmetric(p) => [p, p],
            Padding::Same => {
                let reach = (out.saturating_sub(1) * stride + kernel).saturating_sub(side);
                [reach / 2, reach - reach / 2]
            }
        };
        let ([top, bottom], [left, right]) = (sides(x.h(), y.h()), sides(x.w(), y.w()));
        vec![
            Attribute::ints("kernel_shape", &[kernel; 2]),
            Attribute::ints("strides", &[stride; 2]),
            Attribute::ints("pads", &[top, left, bottom, right]),
        ]
    }
}

/// `conv_stem.bias` from `conv_stem.weight`.
fn of_layer(weight: &str, name: &str) -> String {
    match weight.rsplit_once('.') {
        Some((layer, _)) => format!("{layer}.{name}"),
        None => name.into(),
    }
}
