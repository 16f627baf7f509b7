//! `engine::ops::average`: weights and running statistics, with and without a norm that may stop it.

use triaxis::engine::ops::{GradientNorm, average, gradient_norm};
use triaxis::engine::{Arena, Graph, Init, Result, Value};

use super::gradient_norm::{MANY, parameters};
use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    let shapes = [[3, 3, 2, 5], [1, 1, 1, 3]];
    vec![
        case("always", shapes, false),
        case("where a step was taken", shapes, true),
    ]
}

/// 4.4 million numbers, whatever the batch.
pub fn timed(_: usize) -> Vec<Case> {
    vec![case("4.4 million", MANY, true)]
}

fn case(name: &str, shapes: [[usize; 4]; 2], guarded: bool) -> Case {
    Case {
        name: format!("average {name}"),
        inputs: vec![
            Input::random(shapes[0]).constant(),
            Input::random(shapes[1]).constant(),
            Input::of([1, 1, 1, 1], vec![0.25]).constant(),
        ],
        apply: Box::new(move |g, v| averaged(g, &v[..2], v[2], guarded)),
        // The running statistics' arena: 10 numbers, of 64, which are 2 as long as nothing else is written.
        reference: Box::new(|v| {
            (0..64)
                .map(|i| if i < 10 { 2.0 * v[2][0] } else { 0.0 })
                .collect()
        }),
        differences: Differences::None,
    }
}

/// Averages two parameters and a running mean of 2; gives the running mean's average.
fn averaged(g: &mut Graph, grads: &[Value], rate: Value, guarded: bool) -> Result<Value> {
    let (_, gradients) = parameters(g, grads)?;
    g.buffer("running_mean", [1, 1, 1, 10], Init::Constant(2.0))?;
    g.pin_gradients(&gradients)?;
    let norm = if guarded {
        Some(gradient_norm(g, GradientNorm::default())?)
    } else {
        None
    };
    average(g, rate, norm)?;
    Ok(g.arena(Arena::OfBuffers("average")))
}

#[cfg(test)]
mod tests {
    use triaxis::engine::{Mode, Plan};

    use super::*;
    use crate::gpu;

    #[test]
    fn average_matches_reference() {
        crate::check_all(&cases());
    }

    #[test]
    fn a_rate_of_one_copies_zero_leaves_and_a_flawed_step_is_left_out() {
        let mut g = Graph::new(Mode::Train);
        let dx = g.input("dx", [1, 1, 1, 3]);
        let rate = g.input("rate", [1, 1, 1, 1]);
        averaged(&mut g, &[dx], rate, true).unwrap();
        let p = g.find("p0").unwrap();
        let mut plan = Plan::compile(gpu(), &g, &[]).unwrap();
        plan.initialise(0).unwrap();
        let mut average = vec![0.0f32; 3];
        for (x, rate_now, flawed) in [
            ([0.1, -7.3e-8, 5e20], 1.0, false),
            ([1.0, 2.0, 3.0], 0.0, false),
            ([1.0, 2.0, 3.0], 1.0, true),
            ([1.0, 2.0, 3.0], 0.5, false),
        ] {
            plan.write(p, &x).unwrap();
            plan.write(rate, &[rate_now]).unwrap();
            let slope = if flawed { f32::NAN } else { 1.0 };
            plan.write(dx, &[0.0, slope, 0.0]).unwrap();
            plan.run().unwrap();
            if !flawed {
                for (a, x) in average.iter_mut().zip(x) {
                    *a = if rate_now == 1.0 {
                        x
                    } else {
                        *a + rate_now * (x - *a)
                    };
                }
            }
            let of_parameters = plan.export(&Arena::OfParameters("average")).unwrap();
            assert_eq!(of_parameters[0].2, average);
        }
        // 1, then 0, none, and a half of what is left.
        let of_buffers = plan.export(&Arena::OfBuffers("average")).unwrap();
        assert_eq!(of_buffers[0].2, [2.0; 10]);
    }

    #[test]
    fn average_refuses_a_rate_of_two_numbers() {
        let mut g = Graph::new(Mode::Train);
        let rate = g.input("rate", [1, 1, 1, 2]);
        let error = average(&mut g, rate, None).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("average expects a rate of one number"),
            "{error}"
        );
    }
}
