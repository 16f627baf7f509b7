use super::*;

fn space() -> Space {
    Space {
        resolution: (64.0, 96.0),
        band: Band {
            flops: Some((20_000_000, 60_000_000)),
            ..Band::default()
        },
        num_classes: 10,
        head: 0,
        ..Space::default()
    }
}

#[test]
fn widths_lie_within_their_ranges_or_are_refused() {
    let at = |range: (f64, f64)| {
        let space = Space {
            group: range,
            w0: range,
            ..space()
        };
        space.check().map_err(|error| error.to_string())
    };
    assert_eq!(widths((8.0, 30.0)), [8.0, 16.0, 24.0]);
    assert_eq!(
        group_widths((2.0, 20.0)),
        [2.0, 4.0, 8.0, 16.0],
        "powers of 2, then multiples of 8"
    );
    assert!(at((10.0, 12.0)).unwrap_err().contains("--w0"));
    let narrow = Space {
        group: (3.0, 3.5),
        ..space()
    };
    let text = narrow.check().unwrap_err().to_string();
    assert!(
        text.contains("--group") && text.contains("multiple of 8"),
        "{text}"
    );
    let space = Space {
        group: (1.0, 12.0),
        ..space()
    };
    for one in space.draw(12).unwrap() {
        assert!((1.0..=12.0).contains(&one.at[4]), "{one:?}");
    }
}

#[test]
fn drawn_networks_are_different_lie_in_the_band_and_follow_from_the_seed() {
    for family in [Family::Y, Family::Z] {
        let space = Space { family, ..space() };
        let drawn = space.draw(8).unwrap();
        for (i, one) in drawn.iter().enumerate() {
            let cost = one.spec.complexity().unwrap();
            assert!((20_000_000..=60_000_000).contains(&cost.flops), "{one:?}");
            assert!((64..=96).contains(&one.spec.resolution), "{one:?}");
            assert_eq!(one.spec.resolution % 4, 0);
            let Network::RegNet(net) = &one.spec.network else {
                panic!("{one:?}");
            };
            assert_eq!(net.stages.len(), 4);
            assert_eq!(
                net.stages.iter().map(|stage| stage.depth).sum::<usize>(),
                one.at[0] as usize
            );
            assert!(
                !drawn[..i].iter().any(|other| same(&other.spec, &one.spec)),
                "{one:?} twice"
            );
        }
        assert_eq!(space.draw(3).unwrap(), drawn[..3]);
        let other = Space { seed: 1, ..space };
        assert_ne!(other.draw(8).unwrap(), drawn);
    }
}

#[test]
fn a_narrower_band_keeps_those_that_still_fit() {
    let wide = space().draw(8).unwrap();
    let narrow = Space {
        band: Band {
            flops: Some((20_000_000, 40_000_000)),
            ..Band::default()
        },
        ..space()
    };
    let fits = |one: &&Drawn| one.spec.complexity().unwrap().flops <= 40_000_000;
    let kept: Vec<Drawn> = wide.iter().filter(fits).cloned().collect();
    assert!(!kept.is_empty());
    assert_eq!(narrow.draw(kept.len()).unwrap(), kept);
}

#[test]
fn an_empty_band_names_the_nearest_networks() {
    let space = Space {
        depth: (12.0, 13.0),
        w0: (24.0, 24.0),
        wa: (36.0, 37.0),
        wm: (2.4, 2.5),
        group: (8.0, 8.0),
        resolution: (64.0, 64.0),
        family: Family::Y,
        band: Band {
            params: Some((10_000_000, 10_000_001)),
            ..Band::default()
        },
        ..space()
    };
    let error = space.draw(1).unwrap_err();
    let text = error.to_string();
    assert_eq!(error.exit_code(), 2);
    assert!(
        text.contains("the nearest outside have ") && text.contains(" params"),
        "{text}"
    );
}

#[test]
fn ranges_and_bands_that_are_none_are_refused_by_name() {
    let text = |space: Space| space.draw(1).unwrap_err().to_string();
    assert!(
        text(Space {
            depth: (20.0, 10.0),
            ..space()
        })
        .starts_with("--depth: 20..10")
    );
    assert!(
        text(Space {
            wm: (f64::NAN, 3.0),
            ..space()
        })
        .ends_with("such as 2..3.")
    );
    assert!(
        text(Space {
            resolution: (8.0, 16.0),
            ..space()
        })
        .starts_with("--resolution: 8..16 is too small")
    );
    assert!(
        text(Space {
            band: Band::default(),
            ..space()
        })
        .contains("there is no band")
    );
    let band = Band {
        acts: Some((5, 4)),
        ..Band::default()
    };
    assert!(text(Space { band, ..space() }).starts_with("--acts: 5..4 is no band"));
}
