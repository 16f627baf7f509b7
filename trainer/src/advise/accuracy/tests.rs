//! Laws through made-up networks and through the papers' tables.

use super::*;
use crate::advise::candidate::{Line, Rule, published};

fn known(family: Family, flops: f64, error: f64) -> Known {
    Known {
        family,
        flops,
        error,
    }
}

#[test]
fn a_law_is_found_from_networks_that_follow_it() {
    let sizes = [2e7, 1e8, 5e8, 2e9, 8e9];
    let law = |floor: f64, flops: f64| floor + 6.0 * (flops / 1e9).powf(-0.4);
    let mut networks: Vec<Known> = Vec::new();
    for (family, floor) in [(Family::RegNetY, 15.0), (Family::RegNetZ, 13.0)] {
        networks.extend(sizes.map(|flops| known(family, flops, law(floor, flops))));
    }
    // One that is alone in its family stands on the others' curve.
    networks.push(known(Family::ResNet, 4e9, 21.0));
    let fit = PowerLaw::fit(&networks).unwrap();
    assert_eq!(fit.exponent, 0.4);
    assert!(
        (fit.rise - 6.0).abs() < 1e-9 && fit.deviation < 1e-9,
        "{fit:?}"
    );
    let at = |family, flops| fit.at(family, flops).unwrap();
    let z = at(Family::RegNetZ, 1e9);
    assert!((z.error - 19.0).abs() < 1e-9 && z.basis == Basis::Interpolated);
    assert_eq!(at(Family::RegNetZ, 1e7).basis, Basis::Extrapolated);
    assert_eq!(at(Family::ResNet, 1e9).basis, Basis::Extrapolated);
    assert_eq!(fit.at(Family::TinyNet, 1e9), None);
}

#[test]
fn networks_without_a_law_are_refused() {
    for networks in [
        vec![],
        vec![known(Family::ResNet, 4e9, 22.0)],
        vec![
            known(Family::ResNet, 4e9, 22.0),
            known(Family::ResNeXt, 4e9, 21.0),
        ],
        // Larger ones that err more.
        vec![
            known(Family::ResNet, 1e9, 20.0),
            known(Family::ResNet, 4e9, 30.0),
        ],
    ] {
        let error = PowerLaw::fit(&networks).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{networks:?}");
    }
}

#[test]
fn the_tables_follow_one_law_within_half_a_point() {
    for length in [Length::Once, Length::Twice, Length::FourTimes] {
        let tables = Tables::new(length).unwrap();
        let law = &tables.law;
        assert!(law.networks >= 22 && law.floors.len() == 6, "{law:?}");
        assert!(law.deviation < 0.6, "{law:?}");
        assert!((0.3..0.5).contains(&law.exponent), "{law:?}");
    }
}

#[test]
fn a_network_of_a_table_has_its_error_and_others_say_how_far_they_are() {
    let accuracy = Accuracy::Published(Tables::new(Length::Once).unwrap());
    let of = |candidate: &Candidate, spec: &Spec| {
        let expected = accuracy.expected(candidate, spec).unwrap();
        expected.map(|e| (e.basis, e.error))
    };
    let zoo = published(&Family::ALL).unwrap();
    let named = |name: &str| zoo.iter().find(|c| c.spec.name == name).unwrap();
    for (name, error) in [
        ("regnetz_4gf", 17.5),
        ("efficientnet_b3", 19.4),
        ("tinynet_c", 100.0 - 71.2),
        ("resnet50", 22.0),
    ] {
        let candidate = named(name);
        // Classes are the pictures' matter.
        let fitted = Spec {
            num_classes: 10,
            ..candidate.spec.clone()
        };
        let (basis, got) = of(candidate, &fitted).unwrap();
        assert!(
            basis == Basis::Published && (got - error).abs() < 1e-9,
            "{name}: {got}"
        );
    }
    assert_eq!(of(named("regnetx_004"), &named("regnetx_004").spec), None);
    let small = Spec {
        resolution: 64,
        ..named("regnetz_4gf").spec.clone()
    };
    let (basis, error) = of(named("regnetz_4gf"), &small).unwrap();
    assert!(
        basis == Basis::Extrapolated && (16.0..20.0).contains(&error),
        "{error}"
    );
    let line = |family, rule| {
        let rules = [Rule::named(rule).unwrap()];
        Line::all(&[family], &rules).unwrap().remove(0)
    };
    for (family, rule, factor, basis) in [
        (Family::RegNetZ, "dWr", 4.0, Basis::Interpolated),
        (Family::RegNetZ, "w", 4.0, Basis::Extrapolated),
        (Family::RegNetZ, "dWr", 0.2, Basis::Extrapolated),
        (Family::EfficientNet, "phi", 4.0, Basis::Interpolated),
        (Family::TinyNet, "tiny", 0.4, Basis::Interpolated),
        (Family::ResNet, "dWr", 1.5, Basis::Extrapolated),
    ] {
        let candidate = line(family, rule).at(factor).unwrap().unwrap();
        let got = of(&candidate, &candidate.spec).unwrap();
        assert_eq!(got.0, basis, "{family} {rule} {factor}");
    }
}
