//! What happens to gradients before a step: they are summed over batches, and clipped.

use triaxis_engine::DType::F32;
use triaxis_engine::ops::{self, Clip, GradientNorm, LossScale, Scale, Sgd};
use triaxis_engine::{
    Gradients, Graph, Init, Layout, ParameterOptions, Result, Shape, Value, gradients,
};

use super::case::{Case, Input, TOLERANCE, random};

const COUNT: usize = 70;

/// All of them.
pub(super) fn gradient_cases() -> Vec<Case> {
    const SHARE: f64 = 0.125;
    let value = Clip::Value { limit: 0.125 };
    let adaptive = Clip::Adaptive {
        share: SHARE as f32,
        eps: 1e-3,
    };
    let clipped = |name, layout, options, reference: fn(&[f64]) -> Vec<f64>| Case {
        name,
        inputs: vec![gradient()],
        apply: Box::new(move |g, v| {
            let (x, grads) = drawn(g, v[0], layout)?;
            ops::clip(g, &grads, options, |_| true)?;
            step(g, &grads, GradientNorm::default())?;
            Ok(x)
        }),
        reference: Box::new(move |v| reference(&v[0]).iter().map(|dx| 0.5 - dx).collect()),
        tolerance: TOLERANCE,
    };
    vec![
        summed("gradients of two batches", 1.0, |dx| 0.5 - 0.5 * dx),
        summed("no step before the last batch", 0.0, |_| 0.5),
        scaled("gradients of a scaled loss", false, |dx| 0.5 - 0.5 * dx),
        scaled("a sum of such gradients", true, |dx| 0.5 - 0.25 * dx),
        clipped("gradients clipped by value", Layout::Vector, value, |dx| {
            dx.iter().map(|dx| dx.clamp(-0.125, 0.125)).collect()
        }),
        clipped(
            "gradients clipped by output",
            Layout::Conv,
            adaptive,
            |dx| {
                let most = 0.5 * SHARE;
                dx.iter().map(|dx| dx.clamp(-most, most)).collect()
            },
        ),
        clipped(
            "gradients clipped as a whole",
            Layout::Vector,
            adaptive,
            |dx| {
                let weights = 0.5 * (COUNT as f64).sqrt();
                let length = dx.iter().map(|dx| dx * dx).sum::<f64>().sqrt();
                let factor = (SHARE * weights / length).min(1.0);
                dx.iter().map(|dx| factor * dx).collect()
            },
        ),
    ]
}

/// A half of a batch's gradient, in a sum that ends with it or goes on.
fn summed(name: &'static str, last: f64, stepped: fn(f64) -> f64) -> Case {
    Case {
        name,
        inputs: vec![
            gradient(),
            Input::given(Shape::vector(4), F32, vec![1.0, 0.5, last, 0.0]),
        ],
        apply: Box::new(|g, v| {
            let (x, grads) = drawn(g, v[0], Layout::Vector)?;
            ops::accumulate(g, &grads, v[1])?;
            step(g, &grads, due(v[1]))?;
            Ok(x)
        }),
        reference: Box::new(move |v| v[0].iter().map(|&dx| stepped(dx)).collect()),
        tolerance: TOLERANCE,
    }
}

/// Gradients of a loss that was doubled, alone or in a sum; statistics that are kept beside them.
fn scaled(name: &'static str, sums: bool, stepped: fn(f64) -> f64) -> Case {
    Case {
        name,
        inputs: vec![
            gradient(),
            Input::given(Shape::vector(4), F32, vec![1.0, 0.5, 1.0, 0.0]),
        ],
        apply: Box::new(move |g, v| {
            let options = LossScale {
                first: 2.0,
                ..LossScale::default()
            };
            let (x, grads) = drawn(g, v[0], Layout::Vector)?;
            g.buffer("mean", Shape::vector(COUNT), Init::Constant(2.0))?;
            let scale = Scale::new(g, options);
            let grads = grads.scaled_by(scale.value);
            let mut norm = GradientNorm::default();
            if sums {
                ops::accumulate(g, &grads, v[1])?;
                norm = due(v[1]);
            }
            let norm = step(g, &grads, norm)?;
            ops::keep(g, norm)?;
            ops::loss_scale(g, scale, norm)?;
            Ok(x)
        }),
        reference: Box::new(move |v| v[0].iter().map(|&dx| stepped(dx)).collect()),
        tolerance: TOLERANCE,
    }
}

fn due(part: Value) -> GradientNorm {
    GradientNorm {
        due: Some(part),
        ..GradientNorm::default()
    }
}

fn gradient() -> Input {
    Input::given(Shape::vector(COUNT), F32, random(1, COUNT))
}

/// A parameter that begins as 0.5, and gradients of which its own is `dx`.
fn drawn(g: &mut Graph, dx: Value, layout: Layout) -> Result<(Value, Gradients)> {
    let options = ParameterOptions {
        init: Init::Constant(0.5),
        layout,
        ..ParameterOptions::default()
    };
    let x = g.parameter("x", g.shape(dx), options)?;
    let y = ops::gate(g, dx, x)?;
    let one = g.state("one", g.shape(y), 1.0);
    let grads = gradients(g, y, one)?;
    Ok((x, grads))
}

/// Takes the gradients off their parameters; their norm.
fn step(g: &mut Graph, grads: &Gradients, norm: GradientNorm) -> Result<Value> {
    let rate = g.state("rate", Shape::scalar(), 1.0);
    let options = Sgd {
        momentum: 0.0,
        nesterov: false,
        norm,
        ..Sgd::default()
    };
    ops::sgd(g, grads, rate, options)
}
