//! The policies' tables and timm's strings.

use std::collections::BTreeMap;

use crate::{
    data::{
        Policy,
        augment::{
            operation::{Operation, Step},
            policy::Row,
            tables::{CIFAR10, ORIGINAL, V0},
        },
    },
    random::Stream,
};

fn policy(text: &str) -> Policy {
    text.parse()
        .unwrap_or_else(|why: [String; 2]| panic!("{text}: {why:?}"))
}

/// What is drawn for `count` pictures, one list each.
fn drawn(text: &str, count: u32) -> Vec<Vec<Step>> {
    let policy = policy(text);
    (0..count)
        .map(|index| policy.draw(&mut Stream::new(11, 0, index, "auto_augment")))
        .collect()
}

/// The operator's name without its number.
fn name(step: &Step) -> String {
    let text = format!("{step:?}");
    text.split('(').next().unwrap().to_owned()
}

/// Of each operator: how many rows' places hold it, its probabilities and its levels summed, in tenths.
fn sums(rows: &[Row]) -> String {
    let mut sums = BTreeMap::new();
    for (operation, probability, level) in rows.iter().flatten() {
        let sum = sums.entry(format!("{operation:?}")).or_insert([0_u32; 3]);
        sum[0] += 1;
        sum[1] += u32::from(*probability);
        sum[2] += u32::from(*level);
    }
    let each = |(name, [n, p, l]): (String, [u32; 3])| format!("{name} {n} {p} {l}");
    sums.into_iter().map(each).collect::<Vec<_>>().join(", ")
}

/// The sums were taken over the tables of timm 1.0.31 (`auto_augment_policy_v0`, `_original`; pycls has the first, too) and of
/// torchvision 0.20.1 (`AutoAugmentPolicy.CIFAR10`).
#[test]
fn policies_hold_what_their_papers_and_codes_hold() {
    assert_eq!(
        sums(&V0),
        "AutoContrast 2 10 9, Color 9 50 37, Equalize 12 80 55, Invert 1 4 9, Posterize 2 12 8, Rotate 7 46 39, \
         ShearX 2 2 9, ShearY 4 26 14, Solarize 8 46 41, SolarizeAdd 2 14 10, TranslateY 1 8 9"
    );
    assert_eq!(
        sums(&ORIGINAL),
        "AutoContrast 2 12 10, Color 6 38 18, Contrast 2 20 16, Equalize 17 112 102, Invert 3 18 16, \
         PosterizeOriginal 5 28 32, Rotate 6 36 45, Sharpness 1 4 7, ShearX 1 6 5, Solarize 7 36 36"
    );
    assert_eq!(
        sums(&CIFAR10),
        "AutoContrast 7 50 0, Brightness 4 23 25, Color 5 29 27, Contrast 2 8 13, Equalize 9 47 0, Invert 3 2 0, \
         PosterizeOriginal 1 3 7, Rotate 1 7 2, Sharpness 5 28 24, ShearY 2 7 15, Solarize 4 19 18, TranslateX 2 8 17, \
         TranslateY 5 34 39"
    );
}

/// The rows that `tests/golden/policies.py` reads out of these libraries; the sums above hold which `Posterize` each has.
#[test]
fn policies_are_those_of_timm_and_torchvision_row_by_row() {
    let policies = [("v0", V0), ("original", ORIGINAL), ("cifar10", CIFAR10)];
    let text = include_str!("../../../../tests/golden/policies.txt");
    let mut expected = text.lines();
    for (policy, rows) in policies {
        for (i, row) in rows.into_iter().enumerate() {
            let one = |(operation, probability, level): (Operation, u8, u8)| {
                let name = format!("{operation:?}");
                let name = name.strip_suffix("Original").unwrap_or(&name);
                format!("{name} {:.1} {level}", f64::from(probability) / 10.0)
            };
            let got = format!("{policy}: {}", row.map(one).join(", "));
            assert_eq!(expected.next(), Some(&got[..]), "row {i} of {policy}");
        }
    }
    assert_eq!(expected.next(), None);
}

/// Each of 25 rows is drawn for one picture in 25, and `TranslateY` stands in one of them, with probability 0.8, at level 9 of
/// 0.45 of the side.
#[test]
fn auto_augment_draws_rows_evenly_and_operators_by_their_probability() {
    let drawn = drawn("v0", 25_000);
    let moves: Vec<f64> = drawn
        .iter()
        .flatten()
        .filter_map(|step| match step {
            Step::TranslateY(share) => Some(*share),
            _ => None,
        })
        .collect();
    // Four deviations of a binomial count around 800.
    assert!((690..910).contains(&moves.len()), "{}", moves.len());
    assert!(
        moves
            .iter()
            .all(|share| (share.abs() - 0.405).abs() < 1e-12)
    );
    let down = moves.iter().filter(|share| **share < 0.0).count();
    assert!((300..500).contains(&down), "{down} of {}", moves.len());
    // 3.34 operators of a level that is drawn stand in a row or two: the sum of all probabilities over 25 rows.
    let applied = drawn.iter().map(Vec::len).sum::<usize>() as f64 / 25_000.0;
    assert!((applied - 298.0 / 250.0).abs() < 0.02, "{applied}");
}

#[test]
fn rand_augment_draws_two_of_fifteen_with_one_half_and_levels_around_nine() {
    let drawn = drawn("rand-m9-mstd0.5-inc1", 30_000);
    let mut counts = BTreeMap::new();
    for step in drawn.iter().flatten() {
        *counts.entry(name(step)).or_insert(0_u32) += 1;
    }
    assert_eq!(counts.len(), 15, "{counts:?}");
    // 2 × 30,000 × 0.5 draws over 15 operators; χ² of 14 degrees of freedom is below 36.1 in 999 of 1,000 cases.
    let chi2: f64 = counts
        .values()
        .map(|&n| (f64::from(n) - 2000.0).powi(2) / 2000.0)
        .sum();
    assert!(chi2 < 36.1, "{chi2}: {counts:?}");
    let levels: Vec<f64> = drawn
        .iter()
        .flatten()
        .filter_map(|step| match step {
            Step::Rotate(degrees) => Some(degrees.abs() / 3.0),
            _ => None,
        })
        .collect();
    let count = levels.len() as f64;
    let mean = levels.iter().sum::<f64>() / count;
    let deviation = (levels.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / count).sqrt();
    assert!(
        (mean - 9.0).abs() < 0.05 && (deviation - 0.5).abs() < 0.05,
        "{mean} {deviation}"
    );
    assert!(levels.iter().all(|level| *level <= 10.0));
}

/// The level that an operator's number came from, of 10, where numbers tell it.
fn level(step: &Step) -> Option<f64> {
    match step {
        Step::Rotate(degrees) => Some(degrees.abs() / 3.0),
        Step::ShearX(share) | Step::ShearY(share) => Some(share.abs() / 0.03),
        Step::TranslateX(share) | Step::TranslateY(share) => Some(share.abs() / 0.045),
        Step::Color(factor)
        | Step::Contrast(factor)
        | Step::Brightness(factor)
        | Step::Sharpness(factor) => Some((f64::from(*factor) - 0.1) / 0.18),
        _ => None,
    }
}

/// Levels are normal around 9 with deviation 0.5, cut at 10: with φ(2) = 0.053991 and Q(2) = 0.022750 their mean is
/// 9 + 0.5 (2 Q - φ), their deviation 0.489948, and a share of Q is 10.
#[test]
fn tinynets_rand_augment_draws_operators_evenly_and_levels_from_the_cut_normal() {
    const PICTURES: u32 = 100_000;
    let drawn = drawn("rand-m9-mstd0.5", PICTURES);
    let (mut operators, mut lengths) = (BTreeMap::new(), [0_u32; 3]);
    for steps in &drawn {
        lengths[steps.len()] += 1;
        for step in steps {
            *operators.entry(name(step)).or_insert(0_u32) += 1;
        }
    }
    let chi2 = |counts: &[u32], expected: &[f64]| -> f64 {
        let pairs = counts.iter().zip(expected);
        pairs
            .map(|(&n, expected)| (f64::from(n) - expected).powi(2) / expected)
            .sum()
    };
    // 999 of 1,000 cases lie below 36.1 with 14 degrees of freedom, and below 13.8 with two.
    let counts: Vec<u32> = operators.values().copied().collect();
    assert_eq!(counts.len(), 15, "{operators:?}");
    let even = chi2(&counts, &[f64::from(PICTURES) / 15.0; 15]);
    assert!(even < 36.1, "{even}: {operators:?}");
    let halves = chi2(
        &lengths,
        &[0.25, 0.5, 0.25].map(|p| p * f64::from(PICTURES)),
    );
    assert!(halves < 13.8, "{halves}: {lengths:?}");

    let levels: Vec<f64> = drawn.iter().flatten().filter_map(level).collect();
    let count = levels.len() as f64;
    assert!(count > 50_000.0, "{count}");
    assert!(levels.iter().all(|l| (0.0..=10.0 + 1e-6).contains(l)));
    let mean = levels.iter().sum::<f64>() / count;
    let deviation = (levels.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / count).sqrt();
    let cut = levels.iter().filter(|l| **l > 10.0 - 1e-6).count() as f64 / count;
    // Four standard errors each.
    let most = 4.0 / count.sqrt();
    assert!((mean - 8.995_755).abs() < 0.489_948 * most, "{mean}");
    assert!(
        (deviation - 0.489_948).abs() < 0.489_948 * most / 2.0_f64.sqrt(),
        "{deviation}"
    );
    assert!((cut - 0.022_750).abs() < 0.1491 * most, "{cut}");
}

#[test]
fn sections_of_timms_string_set_their_numbers() {
    assert_eq!(policy("rand"), policy("rand-m10-n2-p0.5-mstd0-mmax10-inc0"));
    assert!(
        drawn("rand-n3-p1", 100)
            .iter()
            .all(|steps| steps.len() == 3)
    );
    assert!(drawn("rand-p0", 100).iter().all(Vec::is_empty));
    // A deviation over 100 means any level up to m.
    let degrees = |text| -> Vec<f64> {
        let steps = drawn(text, 4000).into_iter().flatten();
        steps
            .filter_map(|step| {
                if let Step::Rotate(d) = step {
                    Some(d.abs())
                } else {
                    None
                }
            })
            .collect()
    };
    let uniform = degrees("rand-m10-mstd101");
    let mean = uniform.iter().sum::<f64>() / uniform.len() as f64;
    assert!((mean - 15.0).abs() < 2.0, "{mean}");
    assert!(
        degrees("rand-m20-mmax20")
            .iter()
            .all(|d| (d - 60.0).abs() < 1e-9)
    );
    assert!(degrees("rand-m20").iter().all(|d| (d - 30.0).abs() < 1e-9));
    // What grows with its level keeps no more than a bit at the highest.
    let bits = |text| {
        let steps = drawn(text, 4000).into_iter().flatten();
        steps
            .filter_map(|s| {
                if let Step::Posterize(b) = s {
                    Some(b)
                } else {
                    None
                }
            })
            .max()
    };
    assert_eq!(
        (bits("rand-m10"), bits("rand-m10-inc1")),
        (Some(4), Some(1))
    );
    assert_eq!((bits("original"), bits("originalr")), (Some(7), Some(2)));
}

#[test]
fn what_is_no_policy_is_refused_with_what_would_be_one() {
    let refused = |text: &str| text.parse::<Policy>().unwrap_err().join("; ");
    assert_eq!(refused("V0"), "there is no policy `V0`; Did you mean `v0`?");
    assert_eq!(
        refused("rand-m9-x3"),
        "`x3` is no section of it; A section is one of m, n, p, mstd, mmax, inc, and a number, as in mstd0.5"
    );
    assert_eq!(
        refused("rand-n2.5"),
        "`n2.5` cannot be; `n` is followed by a whole number from 1 to 16"
    );
    assert_eq!(
        refused("rand-p2"),
        "`p2` cannot be; `p` is followed by a number from 0 to 1"
    );
    assert_eq!(
        refused("v0-m9"),
        "`m9` is no section of it; A section is one of mstd, and a number, as in mstd0.5"
    );
    for text in [
        "",
        "-",
        "rand-",
        "rand-m",
        "rand-mNaN",
        "rand-m-9",
        "original-mstd",
        "vr",
        "r",
    ] {
        assert!(text.parse::<Policy>().is_err(), "{text} passed");
    }
}
