//! `engine::ops::accumulate`: a sum of one batch as a case, then several batches and an update.

use triaxis::engine::ops::accumulate;
use triaxis::engine::{Arena, Graph, Result, Value};

use super::gradient_norm::{MANY, parameters};
use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    vec![Case {
        name: "accumulate one batch".into(),
        inputs: vec![
            Input::random([1, 1, 2, 32]).constant(),
            Input::of([1, 1, 1, 4], vec![1.0, 0.25, 1.0, 0.0]).constant(),
        ],
        apply: Box::new(accumulated),
        reference: Box::new(|v| v[0].iter().map(|x| 0.25 * x).collect()),
        differences: Differences::None,
    }]
}

/// 4.4 million numbers, whatever the batch.
pub fn timed(_: usize) -> Vec<Case> {
    let part = Input::of([1, 1, 1, 4], vec![1.0, 0.25, 1.0, 0.0]);
    vec![Case {
        name: "accumulate 4.4 million".into(),
        inputs: MANY
            .map(Input::random)
            .into_iter()
            .chain([part])
            .map(Input::constant)
            .collect(),
        apply: Box::new(accumulated),
        reference: Box::new(|v| v[..2].concat().iter().map(|x| 0.25 * x).collect()),
        differences: Differences::None,
    }]
}

/// Sums the gradients that stand before the last input, the part; gives all gradients.
fn accumulated(g: &mut Graph, v: &[Value]) -> Result<Value> {
    let (part, grads) = v.split_last().expect("a part is given");
    let (_, gradients) = parameters(g, grads)?;
    accumulate(g, &gradients, *part)?;
    Ok(g.arena(Arena::Gradients))
}

#[cfg(test)]
mod tests {
    use triaxis::engine::ops::{GradientNorm, Sgd, sgd};
    use triaxis::engine::{Mode, Plan};

    use super::*;
    use crate::ops::gradient_norm::SMALL;
    use crate::{TOLERANCE, gpu, random};

    #[test]
    fn accumulate_matches_reference() {
        crate::check_all(&cases());
    }

    #[test]
    fn three_batches_make_one_update_by_their_mean_and_the_next_sum_begins_anew() {
        let mut g = Graph::new(Mode::Train);
        let grads: Vec<Value> = (0..)
            .zip(SMALL)
            .map(|(i, shape)| g.input(&format!("g{i}"), shape))
            .collect();
        let (part, rate) = (g.input("part", [1, 1, 1, 4]), g.input("rate", [1, 1, 1, 1]));
        let (made, gradients) = parameters(&mut g, &grads).unwrap();
        accumulate(&mut g, &gradients, part).unwrap();
        let norm = GradientNorm {
            due: Some(part),
            ..GradientNorm::default()
        };
        let options = Sgd {
            momentum: 0.0,
            nesterov: false,
            norm,
            ..Sgd::default()
        };
        sgd(&mut g, &gradients, rate, options).unwrap();
        let mut plan = Plan::compile(gpu(), &g, &[]).unwrap();
        plan.initialise(0).unwrap();
        plan.write(rate, &[0.5]).unwrap();
        let mut expected: Vec<Vec<f64>> = made
            .iter()
            .map(|&p| vec![0.5; g.shape(p).count()])
            .collect();
        // The first sum holds a number that is not finite: its update is left out, the next one knows nothing of it.
        for update in 0..3u32 {
            for batch in 0..3u32 {
                let before: Vec<Vec<f32>> = made.iter().map(|&p| plan.read(p).unwrap()).collect();
                for (i, &dx) in grads.iter().enumerate() {
                    let seed = 100 * update + 10 * batch + i as u32;
                    let mut numbers = random(seed, expected[i].len());
                    if update > 0 {
                        for (x, dx) in expected[i].iter_mut().zip(&numbers) {
                            *x -= 0.5 * dx / 3.0;
                        }
                    } else if batch == 1 {
                        numbers[0] = f64::INFINITY;
                    }
                    let numbers: Vec<f32> = numbers.iter().map(|&x| x as f32).collect();
                    plan.write(dx, &numbers).unwrap();
                }
                let first = f32::from(u8::from(batch == 0));
                let last = f32::from(u8::from(batch == 2));
                plan.write(part, &[first, 1.0 / 3.0, last, 0.0]).unwrap();
                plan.run().unwrap();
                let after: Vec<Vec<f32>> = made.iter().map(|&p| plan.read(p).unwrap()).collect();
                assert_eq!(
                    before == after,
                    batch < 2 || update == 0,
                    "{update} {batch}"
                );
            }
            for (&p, expected) in made.iter().zip(&expected) {
                for (got, expected) in plan.read(p).unwrap().iter().zip(expected) {
                    assert!(
                        (f64::from(*got) - expected).abs() < TOLERANCE,
                        "{got}, expected {expected} after update {update}"
                    );
                }
            }
        }
    }

    #[test]
    fn accumulate_refuses_a_part_of_one_number() {
        let mut g = Graph::new(Mode::Train);
        let (dx, part) = (g.input("dx", [1, 1, 1, 4]), g.input("part", [1, 1, 1, 1]));
        let error = accumulated(&mut g, &[dx, part]).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("accumulate expects a part of four numbers"),
            "{error}"
        );
    }
}
