//! The gradients around a pointwise convolution and the batch norm behind it, from products of matrices instead of the
//! convolution's output. Kernels: `shaders/ops/batch_norm_gram.wgsl`. Pass: [`crate::Graph::forget`]. Test: `tests/fuse.rs`.

use crate::{Dispatch, In, LaunchContext, Op, Out, Shape};

fn kernel(entry: &'static str, weight: Shape) -> Dispatch {
    let [.., cin, _] = weight.0;
    Dispatch::new("ops/batch_norm_gram", entry).params(&[cin, weight.c4()])
}

/// The weight, its products with dz, the batch norm's coefficients and dbeta to dgamma.
#[derive(Debug)]
pub(crate) struct GramGradGamma;

impl Op for GramGradGamma {
    fn name(&self) -> &'static str {
        "batch_norm_gram_grad_gamma"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![Shape::vector(inputs[0].c())])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let weight = cx.inputs[0];
        let dispatch = kernel(self.name(), weight).param_f32(0.0);
        let dispatch = (0..4).fold(dispatch, |d, i| d.bind(In(i)));
        cx.push(dispatch.bind(Out(0)).workgroups(weight.c4()));
    }
}

/// The weight and the coefficients of the batch norm's gradient to the weights that dz and the input are multiplied by,
/// transposed and by the weight, and what is added to each pixel behind the weight.
#[derive(Debug)]
pub(crate) struct GramWeights;

impl Op for GramWeights {
    fn name(&self) -> &'static str {
        "batch_norm_gram_weights"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let weight = inputs[0];
        Ok(vec![weight, weight, Shape::vector(weight.c())])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let weight = cx.inputs[0];
        let dispatch = kernel(self.name(), weight).param_f32(0.0);
        let dispatch = dispatch.bind(In(0)).bind(In(1));
        let dispatch = (0..3).fold(dispatch, |d, i| d.bind(Out(i)));
        cx.push(dispatch.threads(weight.vec4s()));
    }
}

/// The products of the input with dz, the coefficients of the batch norm's gradient, the input's Gram matrix by the weight,
/// and the sum of the input's means over the images to the weight's gradient.
#[derive(Debug)]
pub(crate) struct GramGradWeight {
    /// Pixels of an image.
    pub pixels: usize,
}

impl Op for GramGradWeight {
    fn name(&self) -> &'static str {
        "batch_norm_gram_grad_weight"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![inputs[0]])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let weight = cx.inputs[0];
        let dispatch = kernel(self.name(), weight).param_f32(self.pixels as f32);
        let dispatch = (0..4).fold(dispatch, |d, i| d.bind(In(i)));
        cx.push(dispatch.bind(Out(0)).threads(weight.vec4s()));
    }
}
