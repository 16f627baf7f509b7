//! Gradients clipped one by one, or against the weights. Kernels: `shaders/ops/clip.wgsl`. Test: `tests/ops/clip.rs`.

use std::ops::Range;

use super::arenas::{Allowed, expect, window, windows};
use crate::{Arena, Dispatch, Gradients, Graph, In, LaunchContext, Layout, Op, Result, Shape};

const FILE: &str = "ops/clip";

/// How gradients are clipped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clip {
    /// Each number into `-limit..limit`.
    Value {
        /// Above 0.
        limit: f32,
    },
    /// Adaptive clipping (Brock et al. 2021, <https://arxiv.org/abs/2102.06171>): the gradient of each output of a layer
    /// is no longer than `share` of the weights that make it, or of `eps` where they are shorter. A vector is one unit.
    Adaptive {
        /// Above 0; the paper has 0.01.
        share: f32,
        /// Above 0; the paper has 1e-3.
        eps: f32,
    },
}

/// Clips the gradients of the trainable parameters whose names `clips` accepts, where they lie, measured without the
/// loss's scale ([`Gradients::scaled_by`]). Lengths over several
/// parameters are [`super::gradient_norm`]'s. Numbers that are not finite stay so. Put it before the optimizer.
///
/// # Errors
///
/// [`crate::Error::Graph`] for a number that is not above 0 or a parameter that the loss does not depend on.
pub fn clip(
    g: &mut Graph,
    gradients: &Gradients,
    options: Clip,
    clips: impl Fn(&str) -> bool,
) -> Result<()> {
    match options {
        Clip::Value { limit } => expect(g, "clip", "limit", limit, Allowed::Positive)?,
        Clip::Adaptive { share, eps } => {
            expect(g, "clip", "share", share, Allowed::Positive)?;
            expect(g, "clip", "eps", eps, Allowed::Positive)?;
        }
    }
    g.pin_gradients(gradients)?;
    let offsets = g.parameter_offsets().0;
    let mut tensors = Vec::new();
    for (p, at) in g.parameters().iter().zip(offsets) {
        let shape = g.shape(p.value);
        if p.options.trainable && clips(&p.name) {
            tensors.push(Tensor {
                numbers: at..at + shape.vec4s() * 4,
                c4: shape.c4(),
                columns: p.options.layout != Layout::Vector,
            });
        }
    }
    let scale = match g.gradient_scale {
        Some(scale) => scale,
        None => g.state("clip.scale", Shape::scalar(), 1.0),
    };
    let inputs = [g.arena(Arena::Parameters), g.arena(Arena::Gradients), scale];
    g.apply(Clipping { options, tensors }, &inputs)?;
    Ok(())
}

/// A parameter's place in its arenas.
#[derive(Debug)]
struct Tensor {
    numbers: Range<usize>,
    c4: usize,
    /// Whether each channel is a unit, or all of it.
    columns: bool,
}

#[derive(Debug)]
struct Clipping {
    options: Clip,
    tensors: Vec<Tensor>,
}

impl Op for Clipping {
    fn name(&self) -> &'static str {
        "clip"
    }

    fn shapes(&self, _: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(Vec::new())
    }

    fn updates(&self) -> Vec<usize> {
        vec![1]
    }

    fn launch(&self, cx: &mut LaunchContext) {
        for tensor in &self.tensors {
            match self.options {
                Clip::Value { limit } => {
                    for numbers in windows(cx.limits, &tensor.numbers, 64) {
                        cx.push(
                            Dispatch::new(FILE, "clip_value")
                                .params(&[numbers.len() / 4])
                                .param_f32(limit)
                                .bind(window(In(1), &numbers))
                                .bind_at(2, In(2))
                                .threads(numbers.len() / 4)
                                .work(numbers.len()),
                        );
                    }
                }
                Clip::Adaptive { share, eps } => {
                    let vec4s = tensor.numbers.len() / 4;
                    let (entry, c4) = match tensor.columns {
                        true => ("clip_columns", tensor.c4),
                        false => ("clip_whole", 1),
                    };
                    cx.push(
                        Dispatch::new(FILE, entry)
                            .params(&[vec4s / c4, c4])
                            .param_f32(share)
                            .param_f32(eps)
                            .bind(window(In(0), &tensor.numbers))
                            .bind(window(In(1), &tensor.numbers))
                            .bind(In(2))
                            .workgroups(c4)
                            .work(3 * tensor.numbers.len()),
                    );
                }
            }
        }
    }
}
