//! One file an operator: its cases and a plain reference. To add one, copy `add`.

use triaxis::engine::ops::{Padding, Pool};

use crate::Case;

pub mod accumulate;
pub mod accuracy;
pub mod activation;
pub mod adamw;
pub mod add;
pub mod augment;
pub mod augment_each;
pub mod average;
pub mod avg_pool;
pub mod batch_norm;
pub mod bias;
pub mod bundle;
pub mod clip;
pub mod column_sum;
pub mod conv2d;
pub mod cutmix;
pub mod depthwise;
pub mod drop_path;
pub mod dropout;
pub mod excite;
pub mod expand_depthwise;
pub mod fused;
pub mod gate;
pub mod gather;
pub mod global_avg_pool;
pub mod gradient_norm;
pub mod keep;
pub mod loss_scale;
pub mod max_pool;
pub mod mean;
pub mod mixup;
pub mod rmsprop;
pub mod scale;
pub mod sgd;
pub mod soft_targets;
pub mod softmax_cross_entropy;
pub mod sum;

/// Every case of every operator.
pub fn all() -> Vec<Case> {
    let cases: &[fn() -> Vec<Case>] = &[
        accumulate::cases,
        accuracy::cases,
        activation::cases,
        adamw::cases,
        add::cases,
        augment::cases,
        augment_each::cases,
        average::cases,
        avg_pool::cases,
        batch_norm::cases,
        bias::cases,
        bundle::cases,
        clip::cases,
        column_sum::cases,
        conv2d::cases,
        cutmix::cases,
        depthwise::cases,
        drop_path::cases,
        dropout::cases,
        excite::cases,
        expand_depthwise::cases,
        fused::cases,
        gate::cases,
        gather::cases,
        global_avg_pool::cases,
        gradient_norm::cases,
        keep::cases,
        loss_scale::cases,
        max_pool::cases,
        mean::cases,
        mixup::cases,
        rmsprop::cases,
        scale::cases,
        sgd::cases,
        soft_targets::cases,
        softmax_cross_entropy::cases,
        sum::cases,
    ];
    cases.iter().flat_map(|cases| cases()).collect()
}

/// Every number of `y`, of images of `[pixels, channels]`, times half the sum of its channel over its image: what cases
/// of kernels that leave means compare, so that both outputs count and no pixel is too small to be missed.
fn times_half_of_its_sum(y: &[f64], [pixels, c]: [usize; 2]) -> Vec<f64> {
    let sum = |i: usize| -> f64 {
        let image = &y[i / (pixels * c) * pixels * c..][..pixels * c];
        image.iter().skip(i % c).step_by(c).sum()
    };
    (0..y.len()).map(|i| y[i] * sum(i) / 2.0).collect()
}

/// First pixel's padding and number of outputs along one side: what TensorFlow's and PyTorch's documentation say.
fn window(side: usize, kernel: usize, stride: usize, padding: Padding) -> (usize, usize) {
    match padding {
        Padding::Symmetric(p) => (p, (side + 2 * p - kernel) / stride + 1),
        Padding::Same if side.is_multiple_of(stride) => {
            (kernel.saturating_sub(stride) / 2, side / stride)
        }
        Padding::Same => (kernel.saturating_sub(side % stride) / 2, side / stride + 1),
    }
}

/// What `pool` makes of the pixels under each of its windows, in reading order.
fn pooled(
    x: &[f64],
    [n, h, w, c]: [usize; 4],
    pool: Pool,
    of_pixels: impl Fn(&[f64]) -> f64,
) -> Vec<f64> {
    let (top, oh) = window(h, pool.kernel, pool.stride, pool.padding);
    let (left, ow) = window(w, pool.kernel, pool.stride, pool.padding);
    let mut y = Vec::with_capacity(n * oh * ow * c);
    for at in 0..n * oh * ow * c {
        let (image, oy) = (at / c / ow / oh, at / c / ow % oh);
        let (ox, channel) = (at / c % ow, at % c);
        let mut pixels = Vec::new();
        for tap in 0..pool.kernel * pool.kernel {
            let iy = (oy * pool.stride + tap / pool.kernel).wrapping_sub(top);
            let ix = (ox * pool.stride + tap % pool.kernel).wrapping_sub(left);
            if iy < h && ix < w {
                pixels.push(x[((image * h + iy) * w + ix) * c + channel]);
            }
        }
        y.push(of_pixels(&pixels));
    }
    y
}

#[cfg(test)]
mod tests {
    use triaxis::engine::{Error, Graph, Limits, Mode, ParameterOptions, Schedule};

    use super::*;

    #[test]
    fn a_side_of_0_or_beyond_counting_is_refused_by_every_operator() {
        for case in all() {
            for (side, length) in (0..4).flat_map(|side| [(side, 0), (side, usize::MAX)]) {
                let mut g = Graph::new(Mode::Train);
                let mut shapes = case.inputs.iter().map(|x| (x.shape, x.dtype));
                let (mut first, dtype) = shapes.next().expect("a case has an input");
                first.0[side] = length;
                let rest = shapes.map(|(shape, dtype)| g.input_of("x", shape, dtype));
                let rest: Vec<_> = rest.collect();
                let xs: Vec<_> = [g.input_of("first", first, dtype)]
                    .into_iter()
                    .chain(rest)
                    .collect();
                let error = (case.apply)(&mut g, &xs).expect_err(&case.name);
                assert!(
                    matches!(error, Error::Shape { .. } | Error::Graph(_)),
                    "{}: {error}",
                    case.name
                );
            }
        }
    }

    #[test]
    fn an_input_or_a_parameter_that_no_memory_can_be_laid_out_for_is_refused_by_name() {
        for shape in [[1, 0, 2, 4], [usize::MAX, 2, 2, 4]] {
            let mut g = Graph::new(Mode::Train);
            let options = ParameterOptions::default();
            let error = g.parameter("weight", shape, options).unwrap_err();
            let error = error.to_string();
            assert!(error.starts_with("weight expects tensors"), "{error}");
            g.input("stray", shape);
            let error = Schedule::new(&g, &[], &Limits::default()).unwrap_err();
            let error = error.to_string();
            assert!(error.starts_with("stray expects tensors"), "{error}");
        }
    }
}
