//! `engine::ops::gradient_norm`, and the graph that tests of optimizers share: parameters whose gradients are inputs.

use triaxis::engine::ops::{GradientNorm, gradient_norm};
use triaxis::engine::{
    Gradients, Graph, Init, LaunchContext, Op, ParameterOptions, Result, Shape, Value, gradients,
};

use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    vec![
        case("one number", vec![[1, 1, 1, 1]], None),
        case("clipped", vec![[3, 3, 6, 10], [1, 1, 1, 10]], Some(0.5)),
        case(
            "short enough",
            vec![[3, 3, 1, 20], [1, 1, 7, 3]],
            Some(100.0),
        ),
        case(
            "300,000 numbers",
            vec![[3, 5, 100, 200], [1, 1, 1, 1]],
            None,
        ),
        not_due(false),
        not_due(true),
    ]
}

/// Of a sum that goes on; the second input is the sum's part, the third the loss's scale.
fn not_due(scaled: bool) -> Case {
    let named = match scaled {
        true => "gradient_norm of a sum of scaled gradients that goes on",
        false => "gradient_norm of a sum that goes on",
    };
    Case {
        name: named.into(),
        inputs: vec![
            Input::random([3, 3, 6, 10]).constant(),
            Input::of([1, 1, 1, 4], vec![1.0, 0.5, 0.0, 0.0]).constant(),
            Input::of([1, 1, 1, 1], vec![8.0]).constant(),
        ],
        apply: Box::new(move |g, v| {
            let (_, mut grads) = parameters(g, &v[..1])?;
            if scaled {
                grads = grads.scaled_by(v[2]);
            }
            g.pin_gradients(&grads)?;
            let options = GradientNorm {
                due: Some(v[1]),
                ..GradientNorm::default()
            };
            gradient_norm(g, options)
        }),
        reference: Box::new(move |v| {
            let norm = v[0].iter().map(|x| x * x).sum::<f64>().sqrt();
            let scale = if scaled { v[2][0] } else { 1.0 };
            vec![norm / scale, 0.0, 1.0 / scale, -1.0]
        }),
        differences: Differences::None,
    }
}

/// 4.4 million numbers, whatever the batch.
pub fn timed(_: usize) -> Vec<Case> {
    vec![case("4.4 million", MANY.to_vec(), Some(1.0))]
}

/// Shapes of two parameters of an optimizer's case.
pub const SMALL: [[usize; 4]; 2] = [[3, 3, 6, 10], [1, 1, 1, 10]];

/// Shapes of two layers of ResNet-50, 4.4 million numbers: what optimizers are timed on.
pub const MANY: [[usize; 4]; 2] = [[3, 3, 512, 512], [1, 1, 2048, 1000]];

fn case(name: &str, shapes: Vec<[usize; 4]>, max_norm: Option<f32>) -> Case {
    Case {
        name: format!("gradient_norm {name}"),
        inputs: shapes
            .iter()
            .map(|&s| Input::random(s).constant())
            .collect(),
        apply: Box::new(move |g, v| {
            let (_, grads) = parameters(g, v)?;
            g.pin_gradients(&grads)?;
            let options = GradientNorm {
                max_norm,
                ..GradientNorm::default()
            };
            gradient_norm(g, options)
        }),
        reference: Box::new(move |v| {
            let norm = v.iter().flatten().map(|x| x * x).sum::<f64>().sqrt();
            let clip = max_norm.map_or(1.0, |max| (f64::from(max) / (norm + 1e-6)).min(1.0));
            vec![norm, 0.0, clip, 1.0]
        }),
        differences: Differences::None,
    }
}

/// Parameters `p0`, `p1`, ... of the shapes of `grads`, which are their gradients; they begin as 0.5, the first of
/// them decays.
pub fn parameters(g: &mut Graph, grads: &[Value]) -> Result<(Vec<Value>, Gradients)> {
    let mut made = Vec::new();
    for (i, &dx) in grads.iter().enumerate() {
        let options = ParameterOptions {
            init: Init::Constant(0.5),
            decay: i == 0,
            ..ParameterOptions::default()
        };
        made.push(g.parameter(&format!("p{i}"), g.shape(dx), options)?);
    }
    let grads = given(g, &made, grads)?;
    Ok((made, grads))
}

/// The gradients of a loss whose gradient of each of `parameters` is the one of `grads` at its place.
pub fn given(g: &mut Graph, parameters: &[Value], grads: &[Value]) -> Result<Gradients> {
    let grads = grads.to_vec();
    let y = g.apply_one(Given { grads }, parameters)?;
    let dy = g.input("dy", Shape::scalar());
    gradients(g, y, dy)
}

/// A loss that computes nothing.
#[derive(Debug)]
struct Given {
    grads: Vec<Value>,
}

impl Op for Given {
    fn name(&self) -> &'static str {
        "given"
    }

    fn shapes(&self, _: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![Shape::scalar()])
    }

    fn launch(&self, _: &mut LaunchContext<'_>) {}

    fn backward(
        &self,
        _: &mut Graph,
        _: &[Value],
        _: &[Value],
        _: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>> {
        Ok(self.grads.iter().copied().map(Some).collect())
    }
}

#[cfg(test)]
mod tests {
    use triaxis::engine::{AdapterKind, Limits, Mode, Plan, ops};

    use super::*;
    use crate::{gpu, random};

    #[test]
    fn gradient_norm_matches_reference() {
        crate::check_all(&cases());
    }

    /// The norm's four numbers of these gradients.
    fn norm_of(
        gpu: &triaxis::engine::Gpu,
        shapes: &[[usize; 4]],
        numbers: &[Vec<f32>],
    ) -> Vec<f32> {
        let mut g = Graph::new(Mode::Train);
        let xs: Vec<Value> = (0..)
            .zip(shapes)
            .map(|(i, &s)| g.input(&format!("x{i}"), s))
            .collect();
        let (_, grads) = parameters(&mut g, &xs).unwrap();
        g.pin_gradients(&grads).unwrap();
        let y = gradient_norm(&mut g, GradientNorm::default()).unwrap();
        let mut plan = Plan::compile(gpu, &g, &[y]).unwrap();
        plan.initialise(0).unwrap();
        for (&x, numbers) in xs.iter().zip(numbers) {
            plan.write(x, numbers).unwrap();
        }
        plan.run().unwrap();
        plan.read(y).unwrap()
    }

    #[test]
    fn every_number_that_is_not_finite_is_counted_and_stops_the_step() {
        let mut numbers = vec![vec![0.0; 7 * 9], vec![0.0; 10]];
        (numbers[0][3], numbers[0][62]) = (f32::NAN, f32::INFINITY);
        (numbers[1][9], numbers[1][0]) = (f32::NEG_INFINITY, 3.0);
        let got = norm_of(gpu(), &[[1, 1, 7, 9], [1, 1, 1, 10]], &numbers);
        assert_eq!(got, [3.0, 3.0, 1.0, 0.0]);
    }

    #[test]
    fn a_norm_beyond_f32_stops_the_step() {
        let got = norm_of(gpu(), &[[1, 1, 1, 2]], &[vec![3e30, 1.0]]);
        assert!(
            got[0] == f32::INFINITY && got[1] == 0.0 && got[3] == 0.0,
            "{got:?}"
        );
    }

    #[test]
    fn windows_of_the_arena_give_the_same_bits() {
        let numbers = [random(7, 40_000).iter().map(|&x| x as f32).collect()];
        let whole = Limits {
            kind: AdapterKind::Cpu,
            ..*gpu().limits()
        };
        let cut = Limits {
            binding: 32 << 10,
            ..whole
        };
        let [whole, cut] = [whole, cut].map(|limits| {
            // The gradients are written by rows, which fit the binding.
            norm_of(&gpu().with_limits(limits), &[[100, 1, 1, 400]], &numbers)[0].to_bits()
        });
        assert_eq!(whole, cut);
    }

    #[test]
    fn gradient_norm_refuses_a_length_of_zero_and_nothing_to_measure() {
        let mut g = Graph::new(Mode::Train);
        let none = GradientNorm {
            max_norm: Some(0.0),
            ..GradientNorm::default()
        };
        assert_eq!(
            gradient_norm(&mut g, none).unwrap_err().to_string(),
            "gradient_norm: max_norm is 0, expected a number of more than 0"
        );
        assert_eq!(
            g.scope("step", |g| ops::gradient_norm(g, GradientNorm::default()))
                .unwrap_err()
                .to_string(),
            "step.gradient_norm: no parameter is trainable, expected one or more"
        );
    }

    #[test]
    fn parameters_that_share_a_gradient_or_build_on_one_each_get_a_place() {
        let mut g = Graph::new(Mode::Train);
        let shape = [1, 1, 1, 6];
        let made: Vec<Value> = ["a", "b", "c"]
            .map(|name| {
                g.parameter(name, shape, ParameterOptions::default())
                    .unwrap()
            })
            .into();
        let c = ops::scale(&mut g, made[2], 2.0).unwrap();
        let ab = ops::add(&mut g, made[0], made[1]).unwrap();
        let y = ops::add(&mut g, ab, c).unwrap();
        // As if the loss went on: the shared gradient is computed.
        let y2 = ops::scale(&mut g, y, 1.0).unwrap();
        let dy = g.input("dy", shape);
        let grads = gradients(&mut g, y2, dy).unwrap();
        g.pin_gradients(&grads).unwrap();
        let norm = gradient_norm(&mut g, GradientNorm::default()).unwrap();
        let mut plan = Plan::compile(gpu(), &g, &[norm]).unwrap();
        plan.initialise(0).unwrap();
        plan.write(dy, &[1.0, 0.0, 0.0, 0.0, 0.0, 0.0]).unwrap();
        plan.run().unwrap();
        assert_eq!(plan.read(norm).unwrap()[0], 6.0f32.sqrt());
    }
}
