//! `engine::ops::mixup`: permutations, images that are their own partner, one that is the partner of several.

use triaxis::engine::DType;
use triaxis::engine::ops::mixup;

use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    vec![
        case("one image", [1, 1, 1, 1], vec![0.0], 0.25, Differences::All),
        case(
            "a permutation",
            [3, 5, 7, 6],
            vec![2.0, 0.0, 1.0],
            0.3,
            Differences::All,
        ),
        case(
            "a partner of three",
            [4, 1, 3, 10],
            vec![1.0, 1.0, 1.0, 3.0],
            0.75,
            Differences::All,
        ),
        case(
            "pictures",
            [5, 33, 40, 3],
            vec![4.0, 2.0, 3.0, 0.0, 1.0],
            0.6,
            Differences::None,
        ),
    ]
}

/// Pictures of 224 pixels a side and the targets of 1000 classes, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    let case = |name, shape| {
        let partner = (0..n).rev().map(|i| i as f64).collect();
        case(name, shape, partner, 0.3, Differences::None)
    };
    vec![
        case("3_224", [n, 224, 224, 3]),
        case("1000_1", [n, 1, 1, 1000]),
    ]
}

fn case(
    name: &str,
    shape: [usize; 4],
    partner: Vec<f64>,
    lambda: f64,
    differences: Differences,
) -> Case {
    Case {
        name: format!("mixup {name}"),
        inputs: vec![
            Input::random(shape),
            Input::whole([shape[0], 1, 1, 1], DType::U32, partner),
            Input::of([1, 1, 1, 1], vec![lambda]).constant(),
        ],
        apply: Box::new(|g, v| mixup(g, v[0], v[1], v[2])),
        reference: Box::new(move |v| {
            let image = shape[1] * shape[2] * shape[3];
            (0..v[0].len())
                .map(|i| {
                    let other = v[1][i / image] as usize * image + i % image;
                    v[2][0] * v[0][i] + (1.0 - v[2][0]) * v[0][other]
                })
                .collect()
        }),
        differences,
    }
}

#[cfg(test)]
mod tests {
    use triaxis::engine::{DType, Graph, Limits, Mode, Plan, ops};

    use crate::golden_recipe::{numbers, recipe};
    use crate::gpu;

    #[test]
    fn mixup_matches_reference_and_its_differences() {
        crate::check_all(&super::cases());
    }

    #[test]
    fn mixed_smooth_labels_and_their_loss_are_those_of_pycls() {
        let recipe = recipe();
        let mut g = Graph::new(Mode::Train);
        let t = g.input("t", [3, 1, 1, 5]);
        let partner = g.input_of("partner", [3, 1, 1, 1], DType::U32);
        let lambda = g.input("lambda", [1, 1, 1, 1]);
        let mixed = ops::mixup(&mut g, t, partner, lambda).unwrap();
        let logits = g.input("logits", [3, 1, 1, 5]);
        let losses = ops::softmax_cross_entropy(&mut g, logits, mixed).unwrap();
        let mut plan = Plan::compile(gpu(), &g, &[mixed, losses]).unwrap();
        plan.write(logits, &numbers(&recipe["soft_ce"]["logits"]))
            .unwrap();
        plan.write(t, &numbers(&recipe["smooth_labels_C5_eps0.1"]))
            .unwrap();
        plan.write_u32(partner, &[2, 0, 1]).unwrap();
        plan.write(lambda, &[0.3]).unwrap();
        plan.run().unwrap();
        let golden = &recipe["mixup_m0.3_perm201_labels"];
        let expected = numbers(&golden["labels"]);
        for (got, expected) in plan.read(mixed).unwrap().iter().zip(expected) {
            assert!((got - expected).abs() < 1e-6, "{got}, expected {expected}");
        }
        let loss = plan.read(losses).unwrap().iter().sum::<f32>() / 3.0;
        let expected = numbers(&golden["loss"])[0];
        assert!(
            (loss - expected).abs() < 1e-5,
            "{loss}, expected {expected}"
        );
    }

    #[test]
    fn a_batch_beyond_one_binding_is_refused_by_name() {
        let mut g = Graph::new(Mode::Train);
        let x = g.input("x", [8, 256, 256, 3]);
        let partner = g.input_of("partner", [8, 1, 1, 1], DType::U32);
        let lambda = g.input("lambda", [1, 1, 1, 1]);
        let y = ops::mixup(&mut g, x, partner, lambda).unwrap();
        let small = gpu().with_limits(Limits {
            binding: 4 << 20,
            ..*gpu().limits()
        });
        let error = Plan::compile(&small, &g, &[y]).unwrap_err().to_string();
        assert!(
            error.starts_with("mixup: a kernel reads 8 MiB at once where 4 MiB are allowed"),
            "{error}"
        );
    }
}
