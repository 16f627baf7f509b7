//! `engine::ops::soft_targets`.

use triaxis::engine::DType;
use triaxis::engine::ops::{SoftTargets, soft_targets};

use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    vec![
        case(vec![0.0], 1, 0.0),
        case(vec![2.0, 0.0, 1.0], 3, 0.25),
        // 10 is no class.
        case(vec![9.0, 10.0, 4.0, 0.0, 3.0], 10, 0.1),
        case((0..40).map(|i| f64::from(i) * 24.0).collect(), 1000, 0.1),
    ]
}

/// 1000 classes, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    let labels = (0..n).map(|i| (i * 7 % 1000) as f64).collect();
    vec![case(labels, 1000, 0.1)]
}

fn case(labels: Vec<f64>, classes: usize, smoothing: f32) -> Case {
    Case {
        name: format!("soft_targets {classes} classes"),
        inputs: vec![Input::whole([labels.len(), 1, 1, 1], DType::U32, labels)],
        apply: Box::new(move |g, v| soft_targets(g, v[0], SoftTargets { classes, smoothing })),
        reference: Box::new(move |v| {
            v[0].iter()
                .flat_map(|&label| targets(label as usize, classes, smoothing.into()))
                .collect()
        }),
        differences: Differences::None,
    }
}

/// One image's targets.
fn targets(label: usize, classes: usize, smoothing: f64) -> Vec<f64> {
    let off = smoothing / classes as f64;
    (0..classes)
        .map(|c| off + if c == label { 1.0 - smoothing } else { 0.0 })
        .collect()
}

#[cfg(test)]
mod tests {
    use triaxis::engine::{DType, Graph, Mode, Plan, ops};

    use crate::golden_recipe::{numbers, recipe};
    use crate::gpu;

    #[test]
    fn soft_targets_matches_reference() {
        crate::check_all(&super::cases());
    }

    #[test]
    fn smooth_labels_are_those_of_pycls() {
        let mut g = Graph::new(Mode::Train);
        let labels = g.input_of("labels", [3, 1, 1, 1], DType::U32);
        let options = ops::SoftTargets {
            classes: 5,
            smoothing: 0.1,
        };
        let t = ops::soft_targets(&mut g, labels, options).unwrap();
        let mut plan = Plan::compile(gpu(), &g, &[t]).unwrap();
        plan.write_u32(labels, &[0, 3, 4]).unwrap();
        plan.run().unwrap();
        let expected = numbers(&recipe()["smooth_labels_C5_eps0.1"]);
        for (got, expected) in plan.read(t).unwrap().iter().zip(expected) {
            assert!((got - expected).abs() < 1e-7, "{got}, expected {expected}");
        }
    }

    #[test]
    fn soft_targets_refuses_labels_that_are_no_whole_numbers_and_too_much_smoothing() {
        let mut g = Graph::new(Mode::Train);
        let x = g.input("x", [3, 1, 1, 1]);
        let labels = g.input_of("labels", [3, 1, 1, 1], DType::U32);
        let refused = |g: &mut Graph, labels, smoothing| {
            let options = ops::SoftTargets {
                classes: 5,
                smoothing,
            };
            ops::soft_targets(g, labels, options)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refused(&mut g, x, 0.1),
            "soft_targets: x is F32, expected U32"
        );
        assert_eq!(
            refused(&mut g, labels, 1.0),
            "soft_targets: smoothing is 1, expected a number of 0 or more and less than 1"
        );
    }
}
