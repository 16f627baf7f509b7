//! `engine::ops::accuracy`: ties, few classes, labels that do not exist, images that only fill a batch up.

use triaxis::engine::DType;
use triaxis::engine::ops::accuracy;

use crate::{Case, Differences, Input, random};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    vec![case(1, 1), case(3, 6), case(40, 10), case(70, 1001)]
}

/// 1000 classes, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    vec![case(n, 1000)]
}

fn case(n: usize, c: usize) -> Case {
    // Few different logits, so that many are equal.
    let logits = random(8, n * c).iter().map(|x| (6.0 * x).round()).collect();
    let labels = random(9, n)
        .iter()
        .map(|x| ((x + 0.5) * c as f64).floor())
        .collect();
    let weights = random(10, n)
        .iter()
        .map(|x| if *x < 0.3 { 1.0 } else { 0.0 })
        .collect();
    Case {
        name: format!("accuracy {n} images, {c} classes"),
        inputs: vec![
            Input::of([n, 1, 1, c], logits).constant(),
            Input::whole([n, 1, 1, 1], DType::U32, labels),
            Input::random([n, 1, 1, 1]).constant(),
            Input::of([n, 1, 1, 1], weights).constant(),
        ],
        apply: Box::new(|g, v| accuracy(g, v[0], v[1], v[2], v[3])),
        reference: Box::new(move |v| reference(v, c)),
        differences: Differences::None,
    }
}

/// The counts of one batch.
fn reference(v: &[Vec<f64>], classes: usize) -> Vec<f64> {
    let mut counts = vec![0.0; 8];
    for (i, x) in v[0].chunks(classes).enumerate() {
        let (label, loss, weight) = (v[1][i] as usize, v[2][i], v[3][i]);
        let above =
            |&(c, other): &(usize, &f64)| *other > x[label] || (*other == x[label] && c < label);
        let rank = x.iter().enumerate().filter(above).count();
        counts[0] += weight * loss;
        counts[1] += if rank < 1 { weight } else { 0.0 };
        counts[2] += if rank < 5 { weight } else { 0.0 };
        counts[3] += weight;
    }
    counts
}

#[cfg(test)]
mod tests {
    use triaxis::engine::{Graph, Mode, Plan};

    use super::*;
    use crate::gpu;

    #[test]
    fn accuracy_matches_reference() {
        crate::check_all(&cases());
    }

    #[test]
    fn batches_add_up_until_zeros_are_written() {
        let mut g = Graph::new(Mode::Evaluate);
        let x = g.input("x", [3, 1, 1, 6]);
        let labels = g.input_of("labels", [3, 1, 1, 1], DType::U32);
        let (losses, weights) = (
            g.input("losses", [3, 1, 1, 1]),
            g.input("weights", [3, 1, 1, 1]),
        );
        let counts = accuracy(&mut g, x, labels, losses, weights).unwrap();
        let mut plan = Plan::compile(gpu(), &g, &[]).unwrap();
        plan.initialise(0).unwrap();
        let mut logits = vec![0.0; 18];
        (logits[0], logits[6 + 5], logits[12 + 1]) = (1.0, 1.0, 1.0);
        plan.write(x, &logits).unwrap();
        // A top-1 hit; equal to four before it, and one above: rank 5; an image that does not count.
        plan.write_u32(labels, &[0, 4, 1]).unwrap();
        plan.write(losses, &[0.5, 2.0, f32::NAN]).unwrap();
        plan.write(weights, &[1.0, 1.0, 0.0]).unwrap();
        plan.run().unwrap();
        plan.run().unwrap();
        assert_eq!(
            plan.read(counts).unwrap(),
            [5.0, 2.0, 2.0, 4.0, 0.0, 0.0, 0.0, 0.0]
        );
        plan.write(counts, &[0.0; 8]).unwrap();
        plan.run().unwrap();
        assert_eq!(plan.read(counts).unwrap()[0], 2.5);
    }

    #[test]
    fn what_is_not_finite_or_no_class_hits_nothing() {
        let mut g = Graph::new(Mode::Evaluate);
        let x = g.input("x", [4, 1, 1, 3]);
        let labels = g.input_of("labels", [4, 1, 1, 1], DType::U32);
        let (losses, weights) = (
            g.input("losses", [4, 1, 1, 1]),
            g.input("weights", [4, 1, 1, 1]),
        );
        let counts = accuracy(&mut g, x, labels, losses, weights).unwrap();
        let mut plan = Plan::compile(gpu(), &g, &[]).unwrap();
        plan.initialise(0).unwrap();
        let mut logits = vec![-1.0; 12];
        logits[0] = f32::NAN;
        plan.write(x, &logits).unwrap();
        plan.write_u32(labels, &[0, 0, 3, u32::MAX]).unwrap();
        plan.write(losses, &[1.0, f32::INFINITY, 1.0, 1.0]).unwrap();
        plan.write(weights, &[1.0; 4]).unwrap();
        plan.run().unwrap();
        assert_eq!(
            plan.read(counts).unwrap(),
            [3.0, 0.0, 0.0, 4.0, 1.0, 0.0, 0.0, 0.0]
        );
    }

    #[test]
    fn accuracy_refuses_losses_of_another_batch() {
        let mut g = Graph::new(Mode::Evaluate);
        let x = g.input("x", [3, 1, 1, 6]);
        let labels = g.input_of("labels", [3, 1, 1, 1], DType::U32);
        let losses = g.input("losses", [2, 1, 1, 1]);
        let error = accuracy(&mut g, x, labels, losses, losses).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("accuracy expects logits n×1×1×classes"),
            "{error}"
        );
    }
}
