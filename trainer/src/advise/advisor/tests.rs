//! Which networks fit, and in which order they stand.

use super::*;
use crate::advise::{Family, Length, Misses, Rule, Share, Tables, published};

/// An adapter on which bytes are what takes time.
fn model() -> TimeModel {
    TimeModel {
        seconds_per: Demand {
            dispatches: 2e-6,
            matrix: 1e-12,
            matrix_bytes: 1e-11,
            depthwise: 1e-12,
            streamed_bytes: 1e-11,
            parameter_bytes: 1e-11,
        },
        misses: Misses {
            median: 0.05,
            most: 0.1,
            points: 9,
            networks: 3,
        },
    }
}

fn advisor(limits: &[(Quantity, f64)]) -> Advisor {
    Advisor {
        limits: Limits::default(),
        task: Task {
            recipe: Recipe {
                batch_size: 16,
                ..Recipe::default()
            },
            num_classes: 10,
            img_size: None,
            images: Some(1000),
        },
        budget: Budget(limits.to_vec()),
        train: model(),
        infer: Some(model()),
        accuracy: Accuracy::Published(Tables::new(Length::Once).unwrap()),
    }
}

fn ranked(advisor: &Advisor, families: &[Family]) -> Ranking {
    let rules = ["dWr", "tiny"].map(|name| Rule::named(name).unwrap());
    let lines = Line::all(families, &rules).unwrap();
    let zoo = published(families).unwrap();
    advisor.rank(&lines, &zoo).unwrap()
}

#[test]
fn what_fits_is_ranked_by_error_and_lines_end_at_the_limit() {
    let limit = 200e6;
    let advisor = advisor(&[(Quantity::Flops, limit)]);
    let ranking = ranked(
        &advisor,
        &[Family::TinyNet, Family::RegNetY, Family::RegNetZ],
    );
    assert!(!ranking.fitting.is_empty() && !ranking.beyond.is_empty());
    let errors: Vec<f64> = ranking
        .fitting
        .iter()
        .map(|one| one.expected.unwrap().error)
        .collect();
    assert!(
        errors.windows(2).all(|pair| pair[0] <= pair[1] + 0.1),
        "{errors:?}"
    );
    for one in &ranking.fitting {
        assert!(one.cost.flops as f64 <= limit, "{one:?}");
        assert_eq!(one.spec.num_classes, 10);
        assert_eq!(one.cost.flops, one.spec.complexity().unwrap().flops);
        let epoch = 62.0 * one.cost.step_seconds.unwrap();
        assert_eq!(
            one.cost.epoch_seconds,
            Some(epoch),
            "62 whole batches of 16"
        );
    }
    for one in &ranking.beyond {
        assert!(
            one.cost.flops as f64 > limit && one.cost.step_seconds.is_none(),
            "{one:?}"
        );
    }
    // A line is followed to within some percent of the limit.
    let lines = ranking
        .fitting
        .iter()
        .filter(|one| one.candidate.rule.name() == Some("dWr"));
    let nearest = lines
        .map(|one| one.cost.flops as f64 / limit)
        .fold(0.0, f64::max);
    assert!((0.9..=1.0).contains(&nearest), "{nearest}");
    // Threads change nothing.
    let again = ranked(
        &advisor,
        &[Family::TinyNet, Family::RegNetY, Family::RegNetZ],
    );
    let names = |ranking: &Ranking| -> Vec<String> {
        ranking
            .fitting
            .iter()
            .map(|one| one.spec.name.clone())
            .collect()
    };
    assert_eq!(names(&again), names(&ranking));
}

#[test]
fn every_quantity_can_be_limited_and_is_kept() {
    for (quantity, limit) in [
        (Quantity::StepTime, 0.02),
        (Quantity::EpochTime, 1.0),
        (Quantity::Memory, 400e6),
        (Quantity::Latency, 0.003),
        (Quantity::Params, 3e6),
    ] {
        let advisor = advisor(&[(quantity, limit)]);
        let ranking = ranked(&advisor, &[Family::TinyNet]);
        assert!(!ranking.fitting.is_empty(), "{quantity:?}");
        for one in &ranking.fitting {
            let amount = one.cost.of(quantity).unwrap();
            assert!(amount <= limit, "{quantity:?}: {amount}");
        }
        let mut best = ranking.fitting[0].clone();
        advisor.complete(&mut best).unwrap();
        let needed = memory_needed(&best.spec, &advisor.task.recipe, 16, &advisor.limits).unwrap();
        let both = needed.train.total() + needed.evaluate.total();
        assert_eq!(best.cost.memory_bytes, Some(both));
        assert!(best.cost.latency_seconds.unwrap() > 0.0);
    }
}

#[test]
fn where_nothing_fits_the_nearest_are_among_what_was_looked_at() {
    let advisor = advisor(&[(Quantity::Flops, 1000.0)]);
    let ranking = ranked(&advisor, &[Family::TinyNet]);
    assert!(ranking.fitting.is_empty());
    let least = ranking
        .beyond
        .iter()
        .map(|one| one.cost.flops)
        .min()
        .unwrap();
    // TinyNet-E, or what its rule ends with.
    assert!((20_000_000..26_000_000).contains(&least), "{least}");
    let over: Share = advisor.budget.tightest(&ranking.beyond[0].cost).unwrap();
    assert!(over.share > 1.0);
}

#[test]
fn a_line_is_followed_to_its_end() {
    let advisor = advisor(&[(Quantity::Flops, 32e6)]);
    let ranking = ranked(&advisor, &[Family::TinyNet]);
    // TinyNet-E has 24 million and is where its rule ends.
    let best = &ranking.fitting[0];
    assert_eq!(best.candidate.rule, Rule::Tiny);
    assert!(
        (26_000_000..32_000_000).contains(&best.cost.flops),
        "{best:?}"
    );
}

#[test]
fn factors_are_printed_as_they_are_meant() {
    for (factor, expected) in [
        (1.0, "1"),
        (0.123_456, "0.1235"),
        (45.678_9, "45.68"),
        (0.003_906_25, "0.003906"),
    ] {
        assert_eq!(tidy(factor).to_string(), expected);
    }
}
