//! Labels as a classifier's targets. Kernel: `shaders/ops/soft_targets.wgsl`. Test: `tests/ops/soft_targets.rs`.

use super::arenas::{Allowed, expect};
use super::expect_dtype;
use crate::{DType, Dispatch, Graph, In, LaunchContext, Op, Out, Result, Shape, Value};

/// How labels become targets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SoftTargets {
    /// Classes that there are.
    pub classes: usize,
    /// The share of each target that is spread evenly over all classes, the label's own included; 0 or more, below 1.
    pub smoothing: f32,
}

impl Default for SoftTargets {
    fn default() -> Self {
        Self {
            classes: 1000,
            smoothing: 0.0,
        }
    }
}

/// Targets, `[n, 1, 1, classes]`, from `labels`, whole numbers `[n, 1, 1, 1]`: `1 - s + s / classes` for the label and
/// `s / classes` for all others with a smoothing of `s` (Szegedy et al. 2016, <https://arxiv.org/abs/1512.00567>).
///
/// A label that is no class has no place of its own: its targets are all `s / classes`.
///
/// # Errors
///
/// [`crate::Error::Shape`] for labels of another shape, [`crate::Error::Graph`] for labels that are not
/// [`DType::U32`] or a smoothing out of its range.
pub fn soft_targets(g: &mut Graph, labels: Value, options: SoftTargets) -> Result<Value> {
    expect(
        g,
        "soft_targets",
        "smoothing",
        options.smoothing,
        Allowed::Fraction,
    )?;
    expect_dtype(g, "soft_targets", labels, DType::U32)?;
    g.apply_one(options, &[labels])
}

impl Op for SoftTargets {
    fn name(&self) -> &'static str {
        "soft_targets"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let n = inputs[0].n();
        if inputs[0] != Shape([n, 1, 1, 1]) || self.classes == 0 {
            return Err("labels of shape n×1×1×1 and one class or more".into());
        }
        Ok(vec![Shape([n, 1, 1, self.classes])])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let off = self.smoothing / self.classes as f32;
        for images in cx.image_ranges(&[In(0), Out(0)], 0) {
            let y = cx.outputs[0].with_n(images.len());
            cx.push(
                Dispatch::new("ops/soft_targets", "soft_targets")
                    .params(&[y.vec4s(), y.c4(), y.c()])
                    .param_f32(1.0 - self.smoothing + off)
                    .param_f32(off)
                    .bind(cx.images(In(0), &images))
                    .bind(cx.images(Out(0), &images))
                    .threads(y.vec4s()),
            );
        }
    }

    fn backward(
        &self,
        _: &mut Graph,
        _: &[Value],
        _: &[Value],
        _: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>> {
        // Labels are whole numbers.
        Ok(vec![None])
    }
}
