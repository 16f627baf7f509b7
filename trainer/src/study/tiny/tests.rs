//! Which networks are tried, and what is learnt from them.

use triaxis_models::{Spec, zoo};

use super::*;
use crate::ledger::{Outcome, Planned, State, Trial};

/// Two stages of inverted bottlenecks: quick to count.
fn base() -> Spec {
    Spec::from_toml(
        r#"
        name = "base"
        resolution = 64
        num_classes = 10

        [network.efficientnet]
        stem = { width = 16, kernel = 3, stride = 2 }
        head = 64
        stages = [
            { depth = 3, width = 32, kernel = 3, stride = 1, expansion = 2 },
            { depth = 4, width = 64, kernel = 3, stride = 2, expansion = 2 },
        ]
        "#,
    )
    .unwrap()
}

fn sampling() -> Sampling {
    Sampling {
        base: base(),
        multipliers: (0.35, 1.35),
        shares: (0.1, 1.0),
        seed: 3,
    }
}

fn share(spec: &Spec) -> f64 {
    spec.complexity().unwrap().flops as f64 / base().complexity().unwrap().flops as f64
}

#[test]
fn networks_are_different_lie_in_the_band_and_follow_from_the_seed() {
    let networks = sampling().at_random(40, &[]).unwrap();
    for (i, one) in networks.iter().enumerate() {
        assert!((0.1..=1.0).contains(&share(&one.spec)), "{one:?}");
        assert!(one.at.iter().all(|x| (0.35..=1.35).contains(x)), "{one:?}");
        let same = |other: &&Candidate| {
            other.spec.network == one.spec.network && other.spec.resolution == one.spec.resolution
        };
        assert!(
            !networks[..i].iter().any(|other| same(&other)),
            "{one:?} twice"
        );
    }
    // More trials begin with the same ones: a study can be made longer.
    assert_eq!(sampling().at_random(50, &[]).unwrap()[..40], networks);
    let other = Sampling {
        seed: 4,
        ..sampling()
    };
    assert_ne!(other.at_random(40, &[]).unwrap(), networks);
}

#[test]
fn an_empty_band_names_what_lies_around_it() {
    let narrow = Sampling {
        shares: (0.5, 0.500_001),
        ..sampling()
    };
    let error = narrow.at_random(5, &[]).unwrap_err();
    let text = error.to_string();
    assert_eq!(error.exit_code(), 2);
    let nearest = text
        .split("the nearest outside have ")
        .nth(1)
        .expect("they are named");
    let shares: Vec<f64> = nearest
        .split([' ', '.', '\n'])
        .collect::<Vec<_>>()
        .windows(2)
        .filter(|pair| pair[0] == "0")
        .map(|pair| format!("0.{}", pair[1]).parse().unwrap())
        .collect();
    assert_eq!(shares.len(), 2, "{text}");
    assert!(
        shares[0] <= 0.5 && shares[1] >= 0.5 && shares[1] - shares[0] < 0.1,
        "{text}"
    );

    for (multipliers, shares) in [
        ((0.5, 0.5), (0.1, 1.0)),
        ((0.5, 1.0), (-1.0, 1.0)),
        ((0.5, f64::NAN), (0.1, 1.0)),
    ] {
        let wrong = Sampling {
            multipliers,
            shares,
            ..sampling()
        };
        let text = wrong.at_random(1, &[]).unwrap_err().to_string();
        assert!(text.contains("is no range"), "{text}");
    }
}

#[test]
fn children_are_new_and_another_generation_has_others() {
    let networks = sampling().at_random(10, &[]).unwrap();
    let known: Vec<Spec> = networks.iter().map(|one| one.spec.clone()).collect();
    let tried: Vec<([f64; 3], [f64; 2])> = networks
        .iter()
        .map(|one| (one.at, [100.0 * (1.0 - one.at[2] / 2.0), share(&one.spec)]))
        .collect();
    let children = sampling().children(&tried, 10, 1, &known).unwrap();
    assert_eq!(children.len(), 10);
    for child in &children {
        let same = |other: &&Spec| {
            other.network == child.spec.network && other.resolution == child.spec.resolution
        };
        assert!(!known.iter().any(|other| same(&other)), "{child:?}");
    }
    assert_eq!(
        children,
        sampling().children(&tried, 10, 1, &known).unwrap()
    );
    assert_ne!(
        children,
        sampling().children(&tried, 10, 2, &known).unwrap()
    );
}

fn trial(id: i64, flops: u64, error: Option<f64>) -> Trial {
    Trial {
        id,
        study: "tiny".into(),
        kind: "tiny".into(),
        data: String::new(),
        place: 0,
        planned: Planned {
            name: String::new(),
            network: String::new(),
            recipe: String::new(),
            seed: 0,
            flops,
            params: 0,
            acts: 0,
            numbers: vec![1.0; 3],
        },
        state: State::Done,
        worker: None,
        attempts: 1,
        outcome: error.map(|top1_error| Outcome {
            top1_error,
            ..Outcome::default()
        }),
        message: None,
    }
}

#[test]
fn the_front_is_the_best_part_of_what_is_done() {
    let trials: Vec<Trial> = [
        (1, 10, Some(50.0)),
        (2, 20, Some(40.0)),
        (3, 20, Some(45.0)),
        (4, 30, Some(41.0)),
        (5, 40, Some(30.0)),
        (6, 50, Some(60.0)),
        (7, 5, None),
    ]
    .map(|(id, flops, error)| trial(id, flops, error))
    .into();
    assert_eq!(front(&trials, 0.5), [1, 2, 5]);
    assert_eq!(front(&trials, 0.01), [1, 2, 5], "3 at least");
    // The second front has both others before the last of all.
    assert_eq!(front(&trials, 5.0 / 6.0), [1, 2, 3, 4, 5]);
    assert_eq!(front(&trials[..1], 0.2), [1]);
}

/// B0 and the released TinyNets: share, depth, width, resolution.
fn released() -> Vec<Point> {
    let b0 = zoo("efficientnet_b0").unwrap().complexity().unwrap().flops as f64;
    [
        ("efficientnet_b0", 1.0, 1.0, 1.0),
        ("tinynet_a", 1.2, 1.0, 0.86),
        ("tinynet_b", 1.1, 0.75, 0.84),
        ("tinynet_c", 0.85, 0.54, 0.825),
        ("tinynet_d", 0.695, 0.54, 0.68),
        ("tinynet_e", 0.6, 0.51, 0.475),
    ]
    .map(|(name, depth, width, resolution)| Point {
        share: zoo(name).unwrap().complexity().unwrap().flops as f64 / b0,
        depth,
        width,
        resolution,
        error: 0.0,
    })
    .into()
}

#[test]
fn the_formula_of_the_released_networks_meets_any_budget_between_them() {
    let base = zoo("efficientnet_b0").unwrap();
    let formula = Formula::new(&base, &released()).unwrap();
    for flops in [30_000_000, 52_000_000, 97_000_000, 202_000_000, 300_000_000] {
        let network = formula.network(flops).unwrap();
        let off = network.flops as f64 / flops as f64 - 1.0;
        assert!(off.abs() < 0.03, "{flops}: {network:?}");
        assert_eq!(network.flops, network.spec.complexity().unwrap().flops);
        assert!((0.35..1.2).contains(&network.width), "{network:?}");
        assert!(network.depth.of_curve < network.depth.of_observation);
        let side = 224.0 * network.resolution.mean;
        assert!(
            (network.spec.resolution as f64 - side).abs() <= 4.0,
            "{network:?}"
        );
        assert!(
            (0.475..1.0).contains(&network.resolution.mean),
            "{network:?}"
        );
        assert!((0.6..1.2).contains(&network.depth.mean), "{network:?}");
    }
    let svg = curves(&formula);
    assert!(!svg.contains("NaN"), "{svg}");
    // Six networks on two curves, and the curve of the width.
    assert!(
        svg.matches("<circle").count() >= 12 && svg.matches("<path").count() == 7,
        "{svg}"
    );
}

#[test]
fn a_front_without_a_curve_and_a_budget_without_a_network_are_refused() {
    let base = zoo("efficientnet_b0").unwrap();
    let one = released()[0];
    let text = Formula::new(&base, &[one, one]).unwrap_err().to_string();
    assert!(
        text.contains("no curve goes through its 2 networks"),
        "{text}"
    );
    // What falls to nothing at a quarter of the base has no network there.
    let falling =
        [(1.0, 1.0), (0.75, 0.7), (0.5, 0.35), (0.375, 0.15)].map(|(share, resolution)| Point {
            share,
            resolution,
            ..one
        });
    let formula = Formula::new(&base, &falling).unwrap();
    let error = formula.network(40_000_000).unwrap_err().to_string();
    assert!(!error.is_empty());
    assert_eq!(formula.range(), (0.375, 1.0));
}
