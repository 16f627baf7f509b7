//! The length of all gradients together. Kernels: `shaders/ops/gradient_norm.wgsl`. Test:
//! `tests/ops/gradient_norm.rs`.

use std::ops::Range;

use super::arenas::{Allowed, expect, window, windows};
use super::node_path;
use super::sum_rows::PartialSums;
use crate::{Arena, Dispatch, Error, Graph, In, LaunchContext, Op, Out, Result, Shape, Value};

const FILE: &str = "ops/gradient_norm";

/// What is made of the gradients' norm.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GradientNorm {
    /// Longer gradients are scaled down to this length (Pascanu et al. 2013, <https://arxiv.org/abs/1211.5063>).
    pub max_norm: Option<f32>,
    /// The input of [`super::accumulate`]: where its third number is 0, the sum goes on.
    pub due: Option<Value>,
}

/// Measures the pinned gradients of all trainable parameters: `[1, 1, 1, 4]`, which optimizers and averages read,
///
/// 1. the L2 norm of the finite ones, unscaled;
/// 2. how many are not finite;
/// 3. what to multiply them by: `min(1, max_norm / (norm + 1e-6))`, as PyTorch does; 1 without a `max_norm`; divided by
///    the loss's scale, where the gradients have one ([`crate::Gradients::scaled_by`]);
/// 4. go: 1; 0 where a gradient or the norm is not finite, so that nothing may be updated; -1 where a sum of several
///    batches goes on, and nothing is due yet.
///
/// Gradients are those of [`Graph::pin_gradients`]; from now on no parameter can be added.
///
/// # Errors
///
/// [`Error::Graph`] for a `max_norm` that is not above 0, or where no parameter is trainable.
pub fn gradient_norm(g: &mut Graph, options: GradientNorm) -> Result<Value> {
    if let Some(max_norm) = options.max_norm {
        expect(g, "gradient_norm", "max_norm", max_norm, Allowed::Positive)?;
    }
    let gradients = g.arena(Arena::Gradients);
    let [_, plain] = g.decay_ranges();
    let numbers = 0..plain.end;
    if numbers.is_empty() {
        return Err(Error::Graph(format!(
            "{}: no parameter is trainable, expected one or more",
            node_path(g, "gradient_norm")
        )));
    }
    let inputs: Vec<Value> = [gradients]
        .into_iter()
        .chain(g.gradient_scale)
        .chain(options.due)
        .collect();
    g.apply_one(Norm { options, numbers }, &inputs)
}

#[derive(Debug)]
struct Norm {
    options: GradientNorm,
    /// The trainable parameters' gradients.
    numbers: Range<usize>,
}

impl Op for Norm {
    fn name(&self) -> &'static str {
        "gradient_norm"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let due = usize::from(self.options.due.is_some());
        let (scale, due) = inputs[1..].split_at(inputs.len() - 1 - due);
        if scale.iter().any(|&scale| scale != Shape::scalar()) {
            return Err("a scale of one number".into());
        }
        match due.iter().all(|&due| due == Shape::vector(4)) {
            true => Ok(vec![Shape::vector(4)]),
            false => Err("an input of accumulate, of four numbers".into()),
        }
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let vec4s = self.numbers.len() / 4;
        // A workgroup sums a block of 64 threads times `depth` vec4s, 256 KiB at most.
        let depth = vec4s.div_ceil(cx.limits.threads_wanted()).clamp(1, 256);
        let block = 64 * depth;
        let partials = PartialSums::new(cx, 1, vec4s.div_ceil(block) * 64, 1);
        for numbers in windows(cx.limits, &self.numbers, block * 4) {
            let vec4s = numbers.len() / 4;
            cx.push(
                Dispatch::new(FILE, "gradient_norm_part")
                    .params(&[vec4s, depth, numbers.start / 4 / block * 64])
                    .bind(window(In(0), &numbers))
                    .bind(partials.slot.touching(vec4s.div_ceil(block) * 64))
                    .workgroups(vec4s.div_ceil(block))
                    .work(numbers.len()),
            );
        }
        let left = partials.reduced(cx);
        let due = self.options.due.is_some();
        let scaled = cx.inputs.len() > 1 + usize::from(due);
        let entry = match (scaled, due) {
            (false, false) => "gradient_norm",
            (true, false) => "gradient_norm_unscaled",
            (false, true) => "gradient_norm_due",
            (true, true) => "gradient_norm_unscaled_due",
        };
        let mut dispatch = Dispatch::new(FILE, entry)
            .params(&[left.rows])
            .param_f32(self.options.max_norm.unwrap_or(0.0))
            .bind(left.slot)
            .bind(Out(0));
        if scaled {
            dispatch = dispatch.bind_at(2, In(1));
        }
        if due {
            dispatch = dispatch.bind_at(3, In(cx.inputs.len() - 1));
        }
        cx.push(dispatch.threads(1));
    }
}
