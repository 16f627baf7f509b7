//! AdamW. Kernels: `shaders/ops/adamw.wgsl`. Test: `tests/ops/adamw.rs`.

use super::arenas::{Allowed, Group, expect, expect_scalars, groups, window, windows};
use super::gradient_norm::{GradientNorm, gradient_norm};
use crate::{Arena, Dispatch, Gradients, Graph, In, LaunchContext, Op, Result, Shape, Value};

/// How [`adamw`] updates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// The shares of the mean and of the mean square that a step keeps; 0 or more, below 1.
    pub betas: [f32; 2],
    /// Added to the root of the mean square; above 0.
    pub eps: f32,
    /// The parameters that decay lose `rate · weight_decay` of themselves in a step.
    pub weight_decay: f32,
    /// What is made of the length of all gradients.
    pub norm: GradientNorm,
}

impl Default for AdamW {
    /// PyTorch's defaults.
    fn default() -> Self {
        Self {
            betas: [0.9, 0.999],
            eps: 1e-8,
            weight_decay: 1e-2,
            norm: GradientNorm::default(),
        }
    }
}

/// Updates every trainable parameter by Adam with decoupled weight decay (Loshchilov, Hutter 2019,
/// <https://arxiv.org/abs/1711.05101>) in its step `t`: `m + (1 - β₁) · (g - m) → m`, `s + (1 - β₂) · (g² - s) → s`,
/// `x - rate · (weight_decay · x + (m / (1 - β₁ᵗ)) / (√(s / (1 - β₂ᵗ)) + eps)) → x`.
///
/// `rate` is one number, `[1, 1, 1, 1]`. `m` is [`Arena::OfParameters`]`("mean")`, `s` `("mean_square")`; the state
/// `adamw.steps` holds `(t, 1 - β₁ᵗ, 1 - β₂ᵗ, 0)`. Gives the result of [`gradient_norm`]: where its go is 0, nothing
/// is updated and the step is not counted.
///
/// # Errors
///
/// As [`super::sgd`].
pub fn adamw(g: &mut Graph, gradients: &Gradients, rate: Value, options: AdamW) -> Result<Value> {
    for (name, value) in ["the first beta", "the second beta"]
        .into_iter()
        .zip(options.betas)
    {
        expect(g, "adamw", name, value, Allowed::Fraction)?;
    }
    expect(g, "adamw", "eps", options.eps, Allowed::Positive)?;
    expect(
        g,
        "adamw",
        "weight_decay",
        options.weight_decay,
        Allowed::NotNegative,
    )?;
    g.pin_gradients(gradients)?;
    let norm = gradient_norm(g, options.norm)?;
    let inputs = [
        g.arena(Arena::Parameters),
        norm,
        rate,
        g.arena(Arena::Gradients),
        g.arena(Arena::OfParameters("mean")),
        g.arena(Arena::OfParameters("mean_square")),
        g.state("adamw.steps", Shape::vector(4), 0.0),
    ];
    let groups = groups(g, options.weight_decay);
    g.apply(Update { options, groups }, &inputs)?;
    Ok(norm)
}

#[derive(Debug)]
struct Update {
    options: AdamW,
    groups: Vec<Group>,
}

impl Op for Update {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        expect_scalars(inputs[2], inputs[1])?;
        Ok(Vec::new())
    }

    fn updates(&self) -> Vec<usize> {
        vec![0, 4, 5, 6]
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let fresh = self.options.betas.map(|beta| 1.0 - beta);
        cx.push(
            Dispatch::new("ops/adamw", "adamw_step")
                .param_f32(fresh[0])
                .param_f32(fresh[1])
                .bind(In(6))
                .bind(In(1))
                .threads(1),
        );
        for group in &self.groups {
            for numbers in windows(cx.limits, &group.numbers, 64) {
                cx.push(
                    Dispatch::new("ops/adamw", "adamw")
                        .params(&[numbers.len() / 4])
                        .param_f32(group.decay)
                        .param_f32(group.rate)
                        .param_f32(fresh[0])
                        .param_f32(fresh[1])
                        .param_f32(self.options.eps)
                        .bind(window(In(0), &numbers))
                        .bind(In(1))
                        .bind(In(2))
                        .bind(window(In(3), &numbers))
                        .bind(window(In(4), &numbers))
                        .bind(window(In(5), &numbers))
                        .bind(In(6))
                        .threads(numbers.len() / 4)
                        .work(2 * numbers.len()),
                );
            }
        }
    }
}
