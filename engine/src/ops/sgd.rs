//! Stochastic gradient descent. Kernels: `shaders/ops/sgd.wgsl`. Test: `tests/ops/sgd.rs`.

use super::arenas::{Allowed, Group, expect, expect_scalars, groups, window, windows};
use super::gradient_norm::{GradientNorm, gradient_norm};
use crate::{Arena, Dispatch, Gradients, Graph, In, LaunchContext, Op, Result, Shape, Value};

/// How [`sgd`] updates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// The share of the last step that the next one keeps; 0 or more, below 1.
    pub momentum: f32,
    /// Whether a step looks ahead of its momentum.
    pub nesterov: bool,
    /// Taken from the parameters that decay, as `weight_decay · x` added to their gradients.
    pub weight_decay: f32,
    /// What is made of the length of all gradients.
    pub norm: GradientNorm,
}

impl Default for Sgd {
    /// pycls' defaults: momentum 0.9 with Nesterov's look-ahead, no decay, no clipping.
    fn default() -> Self {
        Self {
            momentum: 0.9,
            nesterov: true,
            weight_decay: 0.0,
            norm: GradientNorm::default(),
        }
    }
}

/// Updates every trainable parameter by stochastic gradient descent with momentum, as PyTorch does it:
/// `g + weight_decay · x → g`, `momentum · b + g → b`, `x - rate · b → x`, with Nesterov's look-ahead
/// `x - rate · (g + momentum · b) → x` (Sutskever et al. 2013, <https://proceedings.mlr.press/v28/sutskever13.html>).
///
/// `rate` is one number, `[1, 1, 1, 1]`. `b` is [`Arena::OfParameters`]`("momentum")`. Gives the result of
/// [`gradient_norm`]: where its go is 0, nothing is updated.
///
/// # Errors
///
/// [`crate::Error::Graph`] for an option out of its range or a parameter that the loss does not depend on,
/// [`crate::Error::Shape`] for a rate of another shape.
pub fn sgd(g: &mut Graph, gradients: &Gradients, rate: Value, options: Sgd) -> Result<Value> {
    expect(g, "sgd", "momentum", options.momentum, Allowed::Fraction)?;
    expect(
        g,
        "sgd",
        "weight_decay",
        options.weight_decay,
        Allowed::NotNegative,
    )?;
    g.pin_gradients(gradients)?;
    let norm = gradient_norm(g, options.norm)?;
    let mut inputs = vec![
        g.arena(Arena::Parameters),
        norm,
        rate,
        g.arena(Arena::Gradients),
    ];
    if options.momentum > 0.0 {
        inputs.push(g.arena(Arena::OfParameters("momentum")));
    }
    let groups = groups(g, options.weight_decay);
    g.apply(Update { options, groups }, &inputs)?;
    Ok(norm)
}

#[derive(Debug)]
struct Update {
    options: Sgd,
    groups: Vec<Group>,
}

impl Op for Update {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        expect_scalars(inputs[2], inputs[1])?;
        Ok(Vec::new())
    }

    fn updates(&self) -> Vec<usize> {
        if self.options.momentum > 0.0 {
            vec![0, 4]
        } else {
            vec![0]
        }
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let moves = self.options.momentum > 0.0;
        for group in &self.groups {
            for numbers in windows(cx.limits, &group.numbers, 64) {
                let mut dispatch =
                    Dispatch::new("ops/sgd", if moves { "sgd" } else { "sgd_plain" })
                        .params(&[numbers.len() / 4])
                        .param_f32(group.decay)
                        .param_f32(group.rate)
                        .param_f32(self.options.momentum)
                        .params(&[usize::from(self.options.nesterov)])
                        .bind(window(In(0), &numbers))
                        .bind(In(1))
                        .bind(In(2))
                        .bind(window(In(3), &numbers));
                if moves {
                    dispatch = dispatch.bind(window(In(4), &numbers));
                }
                cx.push(dispatch.threads(numbers.len() / 4).work(numbers.len()));
            }
        }
    }
}
