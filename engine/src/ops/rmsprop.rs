//! RMSProp. Kernel: `shaders/ops/rmsprop.wgsl`. Test: `tests/ops/rmsprop.rs`.

use super::arenas::{Allowed, Group, expect, expect_scalars, groups, window, windows};
use super::gradient_norm::{GradientNorm, gradient_norm};
use crate::{Arena, Dispatch, Gradients, Graph, In, LaunchContext, Op, Result, Shape, Value};

/// How [`rmsprop`] updates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// The share of the mean square that a step keeps; 0 or more, below 1.
    pub alpha: f32,
    /// The share of the last step that the next one keeps; 0 or more, below 1.
    pub momentum: f32,
    /// Added to the mean square, inside of the root; above 0.
    pub eps: f32,
    /// Taken from the parameters that decay, as `weight_decay · x` added to their gradients.
    pub weight_decay: f32,
    /// What is made of the length of all gradients.
    pub norm: GradientNorm,
}

impl Default for RmsProp {
    /// What EfficientNet was trained with, without decay and clipping.
    fn default() -> Self {
        Self {
            alpha: 0.9,
            momentum: 0.9,
            eps: 1e-3,
            weight_decay: 0.0,
            norm: GradientNorm::default(),
        }
    }
}

/// Updates every trainable parameter by RMSProp in TensorFlow's form, which timm calls `rmsproptf`:
/// `g + weight_decay · x → g`, `s + (1 - alpha) · (g² - s) → s`,
/// `momentum · b + rate · g / √(s + eps) → b`, `x - b → x`, with `s` 1 at first.
///
/// PyTorch's form differs in three ways: its `s` begins at 0, epsilon stands outside of the root, and the rate is not
/// part of what momentum carries on. `rate` is one number, `[1, 1, 1, 1]`. `s` is
/// [`Arena::OfParameters`]`("mean_square")`, `b` `("momentum")`. Gives the result of [`gradient_norm`]: where its go
/// is 0, nothing is updated.
///
/// # Errors
///
/// As [`super::sgd`].
pub fn rmsprop(
    g: &mut Graph,
    gradients: &Gradients,
    rate: Value,
    options: RmsProp,
) -> Result<Value> {
    for (name, value, range) in [
        ("alpha", options.alpha, Allowed::Fraction),
        ("momentum", options.momentum, Allowed::Fraction),
        ("eps", options.eps, Allowed::Positive),
        ("weight_decay", options.weight_decay, Allowed::NotNegative),
    ] {
        expect(g, "rmsprop", name, value, range)?;
    }
    g.pin_gradients(gradients)?;
    let norm = gradient_norm(g, options.norm)?;
    let inputs = [
        g.arena(Arena::Parameters),
        norm,
        rate,
        g.arena(Arena::Gradients),
        g.arena_from(Arena::OfParameters("mean_square"), 1.0),
        g.arena(Arena::OfParameters("momentum")),
    ];
    let groups = groups(g, options.weight_decay);
    g.apply(Update { options, groups }, &inputs)?;
    Ok(norm)
}

#[derive(Debug)]
struct Update {
    options: RmsProp,
    groups: Vec<Group>,
}

impl Op for Update {
    fn name(&self) -> &'static str {
        "rmsprop"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        expect_scalars(inputs[2], inputs[1])?;
        Ok(Vec::new())
    }

    fn updates(&self) -> Vec<usize> {
        vec![0, 4, 5]
    }

    fn launch(&self, cx: &mut LaunchContext) {
        for group in &self.groups {
            for numbers in windows(cx.limits, &group.numbers, 64) {
                cx.push(
                    Dispatch::new("ops/rmsprop", "rmsprop")
                        .params(&[numbers.len() / 4])
                        .param_f32(group.decay)
                        .param_f32(group.rate)
                        .param_f32(1.0 - self.options.alpha)
                        .param_f32(self.options.momentum)
                        .param_f32(self.options.eps)
                        .bind(window(In(0), &numbers))
                        .bind(In(1))
                        .bind(In(2))
                        .bind(window(In(3), &numbers))
                        .bind(window(In(4), &numbers))
                        .bind(window(In(5), &numbers))
                        .threads(numbers.len() / 4)
                        .work(numbers.len()),
                );
            }
        }
    }
}
