//! Layers with weights: convolutions, batch norms, linear layers.

use triaxis_models::LayerOp;

use super::super::made::{Call, Features, Made, Refusal, Taken, expected};
use super::super::message::shown;
use super::super::tensor::Tensor;
use super::super::walk::{Walk, Weight};
use super::windows::{alike, margin};

impl<'a> Walk<'a> {
    pub(super) fn conv(&mut self, call: &Call<'_, 'a>) -> Taken<Made<'a>> {
        let (x, around) = match call.input(0)? {
            Made::Padded { of, pads } => (*of, *pads),
            _ => (self.image(call, 0)?, [0; 4]),
        };
        let weight = call.constant(1)?;
        let [width, _, height, kernel] = sides(weight)?;
        if height != kernel {
            return expected(format!("a square kernel, not {height}×{kernel}"));
        }
        let node = call.node;
        if node
            .ints("kernel_shape")
            .is_some_and(|k| k != [kernel as i64; 2])
        {
            let called = shown(node.called());
            return Err(Refusal::Broken(format!(
                "{called} names a kernel of another shape than its weight's, {kernel}×{kernel}"
            )));
        }
        if alike(node, "dilations", 1)? != 1 {
            return expected("dilations of 1");
        }
        let stride = alike(node, "strides", 1)?;
        let padding = margin(node, self.shape(x), [kernel, stride], around)?;
        let groups = node.int("group").unwrap_or(1);
        let Ok(groups @ 1..) = usize::try_from(groups) else {
            return expected(format!("groups of channels, not {groups}"));
        };
        let bias = call.optional(2).map(|_| call.constant(2)).transpose()?;
        let op = LayerOp::Conv {
            width,
            kernel,
            stride,
            padding,
            groups,
            bias: bias.is_some(),
        };
        let mut weights = vec![self.weight("weight", weight)?];
        if let Some(bias) = bias {
            weights.push(self.weight("bias", bias)?);
        }
        let name = self.names.layer(node, weight.name, ends(&weights));
        Ok(Made::Features(self.layer(name, &[x], op, weights)?))
    }

    pub(super) fn batch_norm(&mut self, call: &Call<'_, 'a>) -> Taken<Made<'a>> {
        let node = call.node;
        if node.int("training_mode").unwrap_or(0) != 0 {
            return expected("batch norm by running statistics, without `training_mode`");
        }
        let x = self.features(call, 0)?;
        if x.flat && self.shape(x).pixels() != 1 {
            return expected("features as [N, c, h, w], or one pixel of them");
        }
        let ends = ["weight", "bias", "running_mean", "running_var"];
        let mut weights = Vec::new();
        for (input, end) in (1..).zip(ends) {
            weights.push(self.weight(end, call.constant(input)?)?);
        }
        let eps = f64::from(node.float("epsilon").unwrap_or(1e-5));
        let gamma = call.constant(1)?.name;
        let name = self.names.layer(node, gamma, &ends);
        let op = LayerOp::BatchNorm { eps };
        Ok(Made::Features(self.layer(name, &[x], op, weights)?))
    }

    /// `A · B + C`, by one row of `A` an image.
    pub(super) fn gemm(&mut self, call: &Call<'_, 'a>) -> Taken<Made<'a>> {
        let node = call.node;
        let scales = ["alpha", "beta"].map(|name| node.float(name).unwrap_or(1.0));
        if scales != [1.0; 2] || node.int("transA").unwrap_or(0) != 0 {
            return expected("alpha and beta of 1, transA of 0");
        }
        let transposed = node.int("transB").unwrap_or(0) != 0;
        let bias = call.optional(2).map(|_| call.constant(2)).transpose()?;
        self.linear(call, transposed, bias)
    }

    pub(super) fn matmul(&mut self, call: &Call<'_, 'a>) -> Taken<Made<'a>> {
        self.linear(call, false, None)
    }

    /// A linear layer by a matrix `[in, out]`, or `[out, in]` where it is transposed already.
    fn linear(
        &mut self,
        call: &Call<'_, 'a>,
        transposed: bool,
        bias: Option<&Tensor<'a>>,
    ) -> Taken<Made<'a>> {
        let x = self.features(call, 0)?;
        if !x.flat {
            return expected("features as [N, c]");
        }
        let matrix = call.constant(1)?;
        let mut weight = self.weight("weight", matrix)?;
        let [rows, columns] = sides(matrix)?;
        if !transposed {
            weight.data = transpose(&weight.data, columns);
            weight.sides = vec![columns, rows];
        }
        let width = weight.sides[0];
        let shape = self.shape(x);
        if weight.sides[1] != shape.count() {
            let (called, count) = (shown(matrix.name), shape.count());
            return Err(Refusal::Broken(format!(
                "the tensor {called} takes {} numbers an image, it is given {count}",
                weight.sides[1]
            )));
        }
        let mut weights = vec![weight];
        if let Some(bias) = bias {
            let mut bias = self.weight("bias", bias)?;
            let before = bias.sides.iter().take_while(|&&side| side == 1).count();
            if bias.sides.len() > 1 {
                bias.sides.drain(..before.min(bias.sides.len() - 1));
            }
            weights.push(bias);
        }
        let op = LayerOp::Linear {
            width,
            bias: weights.len() > 1,
        };
        let name = self.names.layer(call.node, matrix.name, ends(&weights));
        let y = self.layer(name, &[x], op, weights)?;
        Ok(Made::Features(y))
    }

    /// A number for each channel that is added to features.
    pub(super) fn bias(
        &mut self,
        call: &Call<'_, 'a>,
        x: Features,
        tensor: &Tensor<'a>,
    ) -> Taken<Made<'a>> {
        let channels = self.shape(x).c();
        let trailing = if x.flat { 0 } else { 2 };
        let sides = &tensor.sides[..];
        // Sides before the channels' are 1 or missing, those behind are the pixels'.
        let is_vector = sides.len() > trailing && {
            let (front, behind) = sides.split_at(sides.len() - trailing);
            let (before, own) = front.split_at(front.len() - 1);
            own == [channels] && before.iter().chain(behind).all(|&side| side == 1)
        };
        if !is_vector || (x.flat && self.shape(x).pixels() != 1) {
            return expected(format!(
                "a number for each of {channels} channels, not {sides:?}"
            ));
        }
        let mut weight = self.weight("bias", tensor)?;
        weight.sides = vec![channels];
        let name = self.names.layer(call.node, tensor.name, &["bias"]);
        let y = self.layer(name, &[x], LayerOp::Bias, vec![weight])?;
        Ok(Made::Features(y))
    }
}

/// What a layer with a weight has, and perhaps a bias.
fn ends(weights: &[Weight<'_>]) -> &'static [&'static str] {
    match weights.len() {
        1 => &["weight"],
        _ => &["weight", "bias"],
    }
}

/// The sides of a tensor that has so many.
fn sides<const N: usize>(tensor: &Tensor<'_>) -> Taken<[usize; N]> {
    match <[usize; N]>::try_from(tensor.sides.as_slice()) {
        Ok(sides) => Ok(sides),
        Err(_) => expected(format!("a weight of {N} sides, not {:?}", tensor.sides)),
    }
}

/// A matrix's numbers, column after column.
fn transpose(data: &[f32], columns: usize) -> Vec<f32> {
    let column = |column: usize| data.iter().skip(column).step_by(columns.max(1)).copied();
    (0..columns).flat_map(column).collect()
}
