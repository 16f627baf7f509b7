//! Sentences of made-up rankings.

use triaxis_models::zoo;

use super::*;
use crate::advise::{Basis, Candidate, Cost, Expected, Family, Quantity, Rule};

fn one(name: &str, family: Family, error: f64, step: f64, bytes: u64) -> Evaluated {
    let spec = zoo(name).unwrap();
    Evaluated {
        candidate: Candidate {
            spec: spec.clone(),
            family,
            base: name.into(),
            rule: Rule::AsPublished,
            factor: 1.0,
        },
        spec,
        cost: Cost {
            flops: 1_000_000,
            step_seconds: Some(step),
            moved_bytes: Some(bytes),
            ..Cost::default()
        },
        expected: Some(Expected {
            error,
            deviation: 0.4,
            basis: Basis::Interpolated,
        }),
    }
}

#[test]
fn each_place_has_its_reason() {
    let ranking = Ranking {
        fitting: vec![
            one("regnetz_500mf", Family::RegNetZ, 22.0, 0.19, 100),
            one("regnety_500mf", Family::RegNetY, 24.0, 0.10, 80),
        ],
        beyond: vec![one(
            "efficientnet_b1",
            Family::EfficientNet,
            21.8,
            0.38,
            131,
        )],
    };
    let budget = Budget(vec![(Quantity::StepTime, 0.2)]);
    let first = reason(&ranking, 0, &budget);
    for part in [
        "The least error predicted of all that fit, 2.0 points less than the best regnety (regnety_500mf)",
        "it takes 95 % of the step time allowed, which binds",
        "efficientnet_b1, about as good, does as many multiply-adds, moves 31 % more bytes and takes 380 ms a step, 2.00 \
         times as long",
    ] {
        assert!(first.contains(part), "{part:?} is not in {first:?}");
    }
    let second = reason(&ranking, 1, &budget);
    assert!(
        second.starts_with("2.0 points behind regnetz_500mf, with 47 % less time a step"),
        "{second}"
    );
    assert!(
        second.contains("it takes 50 % of the step time allowed"),
        "{second}"
    );
    for text in [first, second] {
        assert!(
            text.ends_with('.') && text.matches(". ").count() == 0,
            "one sentence: {text}"
        );
    }
}

#[test]
fn a_family_without_known_errors_says_so() {
    let mut unknown = one("regnetx_004", Family::RegNetX, 0.0, 0.1, 1);
    unknown.expected = None;
    let ranking = Ranking {
        fitting: vec![unknown],
        beyond: Vec::new(),
    };
    let text = reason(&ranking, 0, &Budget::default());
    assert!(
        text.starts_with("No error of its family is known"),
        "{text}"
    );
}
