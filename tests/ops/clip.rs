//! `engine::ops::clip`: every way on a convolution's weight and a vector.

use triaxis::engine::ops::{Clip, clip};
use triaxis::engine::{Arena, Graph, Init, Layout, ParameterOptions, Result, Value};

use super::gradient_norm::{MANY, given};
use crate::{Case, Differences, Input};

/// A convolution's weight, whose outputs are units, and a vector, which is one: in the arena with gaps behind them.
const SHAPES: [[usize; 4]; 2] = [[5, 5, 6, 5], [1, 1, 1, 7]];

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    let adaptive = |share, eps| Clip::Adaptive { share, eps };
    vec![
        case("by value", SHAPES, Clip::Value { limit: 0.125 }),
        case("adaptive", SHAPES, adaptive(0.01, 1e-3)),
        case("adaptive, short enough", SHAPES, adaptive(8.0, 1e-3)),
        case("adaptive, against epsilon", SHAPES, adaptive(0.01, 64.0)),
    ]
}

/// 4.4 million numbers, whatever the batch.
pub fn timed(_: usize) -> Vec<Case> {
    let adaptive = Clip::Adaptive {
        share: 0.01,
        eps: 1e-3,
    };
    vec![case("adaptive, 4.4 million", MANY, adaptive)]
}

fn case(name: &str, shapes: [[usize; 4]; 2], options: Clip) -> Case {
    Case {
        name: format!("clip {name}"),
        inputs: shapes.map(|s| Input::random(s).constant()).into(),
        apply: Box::new(move |g, v| clipped(g, v, options, |_| true)),
        reference: Box::new(move |v| {
            let width = shapes[0][3];
            let weight = scaled(&v[0], options, |i| i % width);
            let vector = scaled(&v[1], options, |_| 0);
            // Rows of a multiple of 4 numbers, tensors of a multiple of 64.
            let mut arena: Vec<f64> = Vec::new();
            for (numbers, c) in [(weight, width), (vector, shapes[1][3])] {
                for row in numbers.chunks(c) {
                    arena.extend(row);
                    arena.resize(arena.len().next_multiple_of(4), 0.0);
                }
                arena.resize(arena.len().next_multiple_of(64), 0.0);
            }
            arena
        }),
        differences: Differences::None,
    }
}

/// The gradients of weights of 0.5, clipped; `unit` is the unit of each.
fn scaled(grads: &[f64], options: Clip, unit: impl Fn(usize) -> usize) -> Vec<f64> {
    let clip = |(i, &dx): (usize, &f64)| match options {
        Clip::Value { limit } => dx.clamp(-f64::from(limit), f64::from(limit)),
        Clip::Adaptive { share, eps } => {
            let alike = || (0..grads.len()).filter(|&j| unit(j) == unit(i));
            let weights = 0.5 * (alike().count() as f64).sqrt();
            let length = alike().map(|j| grads[j].powi(2)).sum::<f64>().sqrt();
            let most = f64::from(share) * weights.max(f64::from(eps));
            dx * (most / length.max(1e-6)).min(1.0)
        }
    };
    grads.iter().enumerate().map(clip).collect()
}

/// Clips the gradients of `conv.weight` and `conv.bias`, which begin as 0.5; gives all gradients.
fn clipped(
    g: &mut Graph,
    grads: &[Value],
    options: Clip,
    clips: impl Fn(&str) -> bool,
) -> Result<Value> {
    let mut made = Vec::new();
    for ((name, layout), &dx) in [("conv.weight", Layout::Conv), ("conv.bias", Layout::Vector)]
        .into_iter()
        .zip(grads)
    {
        let begun = ParameterOptions {
            layout,
            init: Init::Constant(0.5),
            ..ParameterOptions::default()
        };
        made.push(g.parameter(name, g.shape(dx), begun)?);
    }
    let gradients = given(g, &made, grads)?;
    clip(g, &gradients, options, clips)?;
    Ok(g.arena(Arena::Gradients))
}

#[cfg(test)]
mod tests {
    use triaxis::engine::{Mode, Plan};

    use super::*;
    use crate::gpu;

    #[test]
    fn clip_matches_reference() {
        crate::check_all(&cases());
    }

    #[test]
    fn what_is_not_finite_stays_and_what_is_not_chosen_is_left() {
        let mut g = Graph::new(Mode::Train);
        let grads = [g.input("w", [1, 1, 1, 3]), g.input("b", [1, 1, 1, 2])];
        let limit = Clip::Value { limit: 1.0 };
        let y = clipped(&mut g, &grads, limit, |name| name == "conv.weight").unwrap();
        let mut plan = Plan::compile(gpu(), &g, &[]).unwrap();
        plan.initialise(0).unwrap();
        plan.write(grads[0], &[f32::NAN, f32::NEG_INFINITY, 7.0])
            .unwrap();
        plan.write(grads[1], &[7.0, -7.0]).unwrap();
        plan.run().unwrap();
        let got = plan.read(y).unwrap();
        assert!(got[0].is_nan() && got[1] == f32::NEG_INFINITY, "{got:?}");
        assert_eq!((got[2], &got[64..66]), (1.0, &[7.0, -7.0][..]));
    }

    #[test]
    fn clip_refuses_a_limit_of_zero() {
        let mut g = Graph::new(Mode::Train);
        let dx = g.input("dx", [1, 1, 1, 4]);
        let none = Clip::Value { limit: 0.0 };
        assert_eq!(
            clipped(&mut g, &[dx], none, |_| true)
                .unwrap_err()
                .to_string(),
            "clip: limit is 0, expected a number of more than 0"
        );
    }
}
