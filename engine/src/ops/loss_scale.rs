//! Dynamic scaling of the loss. Kernel: `shaders/ops/loss_scale.wgsl`. Test: `tests/ops/loss_scale.rs`.

use super::arenas::{Allowed, expect};
use crate::{Dispatch, Graph, In, LaunchContext, Op, Result, Shape, Value};

/// How the loss's scale follows the gradients, so that f16 holds the small ones and the large ones (Micikevicius et al.
/// 2018, <https://arxiv.org/abs/1710.03740>).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossScale {
    /// The scale of the first step; a power of two changes no digit.
    pub first: f32,
    /// What the scale is multiplied by after `interval` good steps in a row; 1 or more.
    pub growth: f32,
    /// What it is multiplied by after a step whose gradients were not finite; more than 0 and less than 1.
    pub backoff: f32,
    /// Good steps in a row; 1 or more.
    pub interval: u32,
}

impl Default for LossScale {
    /// Those of PyTorch's `GradScaler`.
    fn default() -> Self {
        Self {
            first: 65_536.0,
            growth: 2.0,
            backoff: 0.5,
            interval: 2000,
        }
    }
}

/// What a loss's scale is made of. Both are state: a plan keeps them from run to run, and a checkpoint has them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The scale, one number: the gradient of the loss to begin [`crate::gradients`] from.
    pub value: Value,
    /// `[1, 1, 1, 4]`: good steps since the scale last changed, steps that were not taken, 0, 0.
    pub steps: Value,
    /// What it follows the gradients by; [`loss_scale`] refuses what is out of its range.
    pub options: LossScale,
}

impl Scale {
    /// A scale that begins as `options` say.
    pub fn new(g: &mut Graph, options: LossScale) -> Self {
        Self {
            options,
            value: g.state("loss_scale", Shape::scalar(), options.first),
            steps: g.state("loss_scale.steps", Shape::vector(4), 0.0),
        }
    }
}

/// Makes the scale of the next step, from the `norm` of [`super::gradient_norm`]: gradients of a loss that was scaled so
/// are unscaled there where they say so, [`crate::Gradients::scaled_by`].
///
/// # Errors
///
/// [`crate::Error::Graph`] for an option out of its range, [`crate::Error::Shape`] for another norm or scale.
pub fn loss_scale(g: &mut Graph, scale: Scale, norm: Value) -> Result<()> {
    let (node, options) = ("loss_scale", scale.options);
    expect(g, node, "first", options.first, Allowed::Positive)?;
    expect(g, node, "growth", options.growth, Allowed::OneOrMore)?;
    expect(g, node, "backoff", options.backoff, Allowed::Between)?;
    expect(g, node, "interval", options.interval, Allowed::OneOrMore)?;
    g.apply(Follow(options), &[norm, scale.value, scale.steps])?;
    Ok(())
}

#[derive(Debug)]
struct Follow(LossScale);

impl Op for Follow {
    fn name(&self) -> &'static str {
        "loss_scale"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        match inputs == [Shape::vector(4), Shape::scalar(), Shape::vector(4)] {
            true => Ok(Vec::new()),
            false => {
                Err("a gradient norm of four numbers, a scale of one and its counts of four".into())
            }
        }
    }

    fn updates(&self) -> Vec<usize> {
        vec![1, 2]
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let LossScale {
            growth,
            backoff,
            interval,
            ..
        } = self.0;
        cx.push(
            Dispatch::new("ops/loss_scale", "loss_scale")
                .param_f32(interval as f32)
                .param_f32(growth)
                .param_f32(backoff)
                .bind(In(0))
                .bind(In(1))
                .bind(In(2))
                .threads(1),
        );
    }
}
