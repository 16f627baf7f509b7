//! `engine::ops::softmax_cross_entropy`: few classes and many, soft targets of any sum, huge logits.

use triaxis::engine::ops::softmax_cross_entropy;

use crate::{Case, Differences, Input, random};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    vec![
        case("one class", 1, 1, 4.0, Differences::All),
        case("6 classes", 3, 6, 4.0, Differences::All),
        case("10 classes", 1, 10, 4.0, Differences::All),
        case("logits to 400", 3, 20, 800.0, Differences::All),
        case("1001 classes", 37, 1001, 8.0, Differences::Some(40)),
    ]
}

/// 1000 classes, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    vec![case("1000 classes", n, 1000, 8.0, Differences::Some(1))]
}

fn case(name: &str, n: usize, c: usize, spread: f64, differences: Differences) -> Case {
    let logits = random(3, n * c).iter().map(|x| spread * x).collect();
    let targets = random(4, n * c).iter().map(|x| x + 0.5).collect();
    Case {
        name: format!("softmax_cross_entropy {name}"),
        inputs: vec![
            Input::of([n, 1, 1, c], logits),
            Input::of([n, 1, 1, c], targets).constant(),
        ],
        apply: Box::new(|g, v| softmax_cross_entropy(g, v[0], v[1])),
        reference: Box::new(move |v| reference(&v[0], &v[1], c)),
        differences,
    }
}

/// Each image's loss in f64.
pub fn reference(logits: &[f64], targets: &[f64], classes: usize) -> Vec<f64> {
    logits
        .chunks(classes)
        .zip(targets.chunks(classes))
        .map(|(x, t)| {
            let largest = x.iter().copied().fold(f64::MIN, f64::max);
            let sum: f64 = x.iter().map(|x| (x - largest).exp()).sum();
            x.iter()
                .zip(t)
                .map(|(x, t)| t * (sum.ln() + largest - x))
                .sum()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use triaxis::engine::{Graph, Mode, Plan, gradients, ops};

    use crate::golden_recipe::{numbers, recipe};
    use crate::{TOLERANCE, gpu};

    #[test]
    fn softmax_cross_entropy_matches_reference_and_its_differences() {
        crate::check_all(&super::cases());
    }

    #[test]
    fn softmax_cross_entropy_of_smooth_targets_is_torchs() {
        let recipe = recipe();
        let soft = &recipe["soft_ce"];
        let mut g = Graph::new(Mode::Train);
        let (x, t) = (g.input("x", [3, 1, 1, 5]), g.input("t", [3, 1, 1, 5]));
        let loss = ops::softmax_cross_entropy(&mut g, x, t).unwrap();
        let dy = g.input("dy", [3, 1, 1, 1]);
        let dx = gradients(&mut g, loss, dy).unwrap()[x];
        let mut plan = Plan::compile(gpu(), &g, &[loss, dx]).unwrap();
        plan.write(x, &numbers(&soft["logits"])).unwrap();
        plan.write(t, &numbers(&recipe["smooth_labels_C5_eps0.1"]))
            .unwrap();
        plan.write(dy, &[1.0 / 3.0; 3]).unwrap();
        plan.run().unwrap();
        let mean = plan.read(loss).unwrap().iter().sum::<f32>() / 3.0;
        let expected = soft["loss"].as_f64().unwrap();
        assert!((f64::from(mean) - expected).abs() < TOLERANCE, "{mean}");
        for (got, expected) in plan.read(dx).unwrap().iter().zip(numbers(&soft["grad"])) {
            assert!((got - expected).abs() < 1e-6, "{got}, expected {expected}");
        }
    }

    #[test]
    fn a_logit_that_is_not_finite_makes_the_loss_so() {
        let mut g = Graph::new(Mode::Train);
        let (x, t) = (g.input("x", [3, 1, 1, 6]), g.input("t", [3, 1, 1, 6]));
        let loss = ops::softmax_cross_entropy(&mut g, x, t).unwrap();
        let mut plan = Plan::compile(gpu(), &g, &[loss]).unwrap();
        let mut logits = [0.5; 18];
        (logits[2], logits[7]) = (f32::NAN, f32::INFINITY);
        plan.write(x, &logits).unwrap();
        plan.write(t, &[1.0 / 6.0; 18]).unwrap();
        plan.run().unwrap();
        let got = plan.read(loss).unwrap();
        assert!(
            !got[0].is_finite() && !got[1].is_finite() && got[2].is_finite(),
            "{got:?}"
        );
    }

    #[test]
    fn softmax_cross_entropy_refuses_targets_of_other_classes() {
        let mut g = Graph::new(Mode::Train);
        let (x, t) = (g.input("x", [3, 1, 1, 5]), g.input("t", [3, 1, 1, 6]));
        let error = ops::softmax_cross_entropy(&mut g, x, t).unwrap_err();
        assert_eq!(
            error.to_string(),
            "softmax_cross_entropy expects logits and targets of one shape, n×1×1×classes, got 3×1×1×5 3×1×1×6"
        );
    }
}
