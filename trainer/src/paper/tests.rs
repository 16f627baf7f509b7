use triaxis_models::zoo;

use super::published::{Published, TABLE_5, TABLE_6, TABLE_7, TABLE_8, TINYNETS};
use super::*;
use crate::table::{Cell, Format};

/// What of a row comes out otherwise than the paper prints it.
fn departures(published: &Published) -> Vec<String> {
    let entries = candidates(published.model).unwrap();
    entries
        .iter()
        .filter_map(|(which, entry)| {
            let ours = counts::rounded(&entry.spec().unwrap().complexity().unwrap());
            let theirs = published.counts();
            (ours != theirs)
                .then(|| format!("{}{which}: {ours:?}, printed {theirs:?}", published.model))
        })
        .collect()
}

#[test]
fn every_row_of_tables_5_6_and_8_is_the_papers_after_rounding() {
    let all = || TABLE_5.iter().chain(&TABLE_6).chain(&TABLE_8);
    assert_eq!(all().count(), 22);
    let wrong: Vec<String> = all().flat_map(departures).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_count_that_is_a_tenth_off_is_noticed() {
    let published = Published {
        acts: 6.8,
        ..TABLE_5[0]
    };
    let wrong = departures(&published);
    assert_eq!(wrong, ["EN-B0: [0.4, 5.3, 6.7], printed [0.4, 5.3, 6.8]"]);
    // The paper's nominal factors do not give its counts.
    let nominal = zoo("regnetz_500mf")
        .unwrap()
        .scaled(triaxis_models::Scaling::fast(8.0))
        .unwrap();
    assert_eq!(
        counts::rounded(&nominal.complexity().unwrap()),
        [3.9, 41.0, 18.9]
    );
}

#[test]
fn every_table_has_its_rows_in_every_format() {
    let rows = [3, 4, 3, 4, 6, 7, 11, 10, 5, 7];
    for (name, rows) in TABLES.iter().zip(rows) {
        let table = table(name, &Evidence::default()).unwrap();
        assert_eq!(table.rows.len(), rows, "table {name}");
        assert!(
            table
                .rows
                .iter()
                .all(|row| row.len() == table.columns.len()),
            "table {name}"
        );
        let keys: std::collections::BTreeSet<_> = table.columns.iter().map(|c| &c.key).collect();
        assert_eq!(keys.len(), table.columns.len(), "table {name}");
        for format in [
            Format::Text,
            Format::Markdown,
            Format::Csv,
            Format::Latex,
            Format::Json,
            Format::Html,
        ] {
            assert!(table.render(format).lines().count() > rows, "table {name}");
        }
    }
}

#[test]
fn differences_from_the_paper_are_nought_in_every_column() {
    for name in ["5", "6", "7", "8"] {
        let table = table(name, &Evidence::default()).unwrap();
        for cost in ["flops", "params", "acts"] {
            let cells = table.column(&format!("difference_{cost}")).unwrap();
            for cell in cells {
                assert!(
                    matches!(cell, Cell::Difference(value, _) if value.abs() < 1e-9),
                    "{cell:?}"
                );
            }
        }
    }
}

#[test]
fn theory_is_written_as_the_papers_powers_of_s() {
    for (name, expected) in [
        ("1", vec!["s s s^1/2", "s s^0 s"]),
        (
            "2",
            vec!["s s s^3/4", "s s^1/2 s^3/4", "s s^1/2 s", "s s^2/3 s^5/6"],
        ),
        ("3", vec!["s s s", "s s 1", "s s s^1/2"]),
        (
            "4",
            vec!["s s^1/2 s", "s s^2/3 s^5/6", "s s^9/10 s^3/5", "s s s^1/2"],
        ),
    ] {
        let text = table(name, &Evidence::default())
            .unwrap()
            .render(Format::Text);
        for row in expected {
            let words: Vec<String> = row
                .replace("s^0", "1")
                .split(' ')
                .map(str::to_owned)
                .collect();
            let found = text.lines().any(|line| {
                let cells: Vec<&str> = line.split_whitespace().collect();
                cells.windows(3).any(|three| three == words)
            });
            assert!(found, "{row} is not in\n{text}");
        }
    }
}

#[test]
fn networks_grow_nearly_as_theory_says() {
    for (name, apart) in [("1", 0.1), ("2", 0.1), ("3", 0.1), ("4", 0.1)] {
        let table = table(name, &Evidence::default()).unwrap();
        let (theory, measured) = (
            table.column("theory_acts").unwrap(),
            table.column("measured_acts").unwrap(),
        );
        for (theory, measured) in theory.into_iter().zip(measured) {
            let (Cell::Power(theory), Cell::Number(measured, _)) = (theory, measured) else {
                panic!("{theory:?} {measured:?}");
            };
            assert!(
                (theory - measured).abs() < apart,
                "table {name}: {theory} {measured}"
            );
        }
    }
}

#[test]
fn the_search_table_repeats_rows_of_the_others() {
    let known = || TABLE_6.iter().chain(&TABLE_8);
    assert!(
        TABLE_7
            .iter()
            .all(|name| known().any(|row| row.model == *name))
    );
}

#[test]
fn tinynets_are_b0_times_their_multipliers() {
    let base = zoo("efficientnet_b0").unwrap();
    for tiny in TINYNETS {
        let [depth, width, resolution] = tiny.multipliers;
        let spec = base
            .scaled(triaxis_models::Scaling::tiny(depth, width, resolution))
            .unwrap();
        let known = zoo(tiny.model).unwrap();
        assert_eq!(
            (&spec.network, spec.resolution),
            (&known.network, known.resolution),
            "{}",
            tiny.model
        );
        let flops = spec.complexity().unwrap().flops as f64 / 1e6;
        assert!(
            (flops / tiny.flops - 1.0).abs() < 0.02,
            "{}: {flops}",
            tiny.model
        );
    }
}

#[test]
fn activations_grow_with_flops_as_the_figures_slopes_say() {
    let expected = [
        ("efficientnet_b0", "w", 0.514),
        ("efficientnet_b0", "d", 0.944),
        ("efficientnet_b0", "r", 1.003),
        ("efficientnet_b0", "dw", 0.716),
        ("efficientnet_b0", "dwr", 0.798),
        ("efficientnet_b0", "dWr", 0.607),
        ("regnetz_500mf", "w", 0.498),
        ("regnetz_500mf", "dwr", 0.785),
        ("regnetz_500mf", "dWr", 0.575),
    ];
    let wrong: Vec<String> = expected
        .iter()
        .filter_map(|(base, strategy, expected)| {
            let steps = steps(&zoo(base).unwrap(), &strategy.parse().unwrap()).unwrap();
            let points: Vec<_> = steps
                .iter()
                .map(|step| (step.counted.flops as f64, step.counted.acts as f64))
                .collect();
            let slope = slope(&points);
            ((slope - expected).abs() > 0.01)
                .then(|| format!("{base} {strategy}: {slope:.4}, expected {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_slope_of_a_power_is_its_exponent() {
    let points: Vec<_> = [1.0, 3.0, 10.0].map(|x: f64| (x, 7.0 * x.powf(0.6))).into();
    assert!((slope(&points) - 0.6).abs() < 1e-12);
}

#[test]
fn names_that_are_no_table_or_figure_are_refused_with_those_that_are() {
    let error = table("9", &Evidence::default()).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert_eq!(
        error.to_string(),
        "triaxis tables: there is no table `9`. It is one of 1, 2, 3, 4, 5, 6, 7, 8, r1, phi, gains."
    );
    let error = figure("3", &Evidence::default()).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("one of 1, 2, 4"), "{error}");
}

/// A trained and a timed network by hand.
fn evidence() -> Evidence {
    let spec = zoo("efficientnet_b0").unwrap();
    let counts = spec.complexity().unwrap();
    let counts = [counts.flops, counts.params, counts.acts].map(|count| count as f64);
    let mut small = spec.clone();
    small.resolution = 64;
    small.num_classes = 10;
    small.network.set_drop(0.2, 0.1);
    Evidence {
        trained: vec![Trained {
            study: ("a".into(), "scaling".into()),
            data: "9 pictures".into(),
            name: "efficientnet_b0".into(),
            spec: small,
            way: None,
            counts,
            epochs: 3,
            errors: vec![30.0, 31.0, 32.0],
        }],
        timed: vec![Timed {
            name: "efficientnet_b0".into(),
            suite: "train".into(),
            way: None,
            pixels: 224,
            counts,
            ms: 0.1,
            adapter: "a GPU".into(),
        }],
    }
}

#[test]
fn a_ledgers_networks_stand_beside_the_papers_in_their_row() {
    let table = table("5", &evidence()).unwrap();
    let of = |key: &str| table.column(key).unwrap()[0].clone();
    assert_eq!(of("model"), Cell::from("EN-B0"));
    assert_eq!(of("ours_pixels"), Cell::Count(64));
    assert_eq!(
        [of("ours_epochs"), of("ours_trials")],
        [Cell::Count(3), Cell::Count(3)]
    );
    assert_eq!(
        [of("ours_error"), of("ours_deviation")],
        [Cell::Number(31.0, 2), Cell::Number(1.0, 2)]
    );
    let Cell::Number(minutes, _) = of("ours_minutes") else {
        panic!("{table:?}")
    };
    assert!((minutes - 0.1 * 1_281_167.0 / 60_000.0).abs() < 1e-9);
    // Other networks were not measured, and a table of none says so.
    assert_eq!(*table.column("ours_error").unwrap()[1], Cell::Absent);
    let other = super::table("8", &evidence()).unwrap();
    assert!(other.notes.last().unwrap().starts_with("None of these"));
}

#[test]
fn every_figure_has_panels_and_points_without_evidence() {
    for name in FIGURES {
        let figure = figure(name, &Evidence::default()).unwrap();
        assert!(!figure.ours && !figure.fill.is_empty(), "{name}");
        assert!(
            figure
                .panels
                .panels
                .iter()
                .any(|panel| !panel.curves.is_empty()),
            "{name}"
        );
        assert!(figure.points.rows.len() >= 3, "{name}");
        for panel in &figure.panels.panels {
            for curve in &panel.curves {
                assert!(
                    curve.points.iter().all(|p| p.0 > 0.0 && p.1.is_finite()),
                    "{name}: {curve:?}"
                );
            }
        }
        let keys: Vec<&str> = figure
            .points
            .columns
            .iter()
            .map(|c| c.key.as_str())
            .collect();
        assert_eq!(
            keys[..5],
            ["source", "network", "base", "strategy", "s"],
            "{name}"
        );
    }
}

#[test]
fn activations_tell_the_time_of_the_papers_networks_best() {
    let figure = figure("2", &Evidence::default()).unwrap();
    let r: Vec<f64> = figure.panels.panels[..3]
        .iter()
        .map(|panel| {
            panel
                .title
                .split(['=', '['])
                .nth(1)
                .unwrap()
                .trim()
                .parse()
                .unwrap()
        })
        .collect();
    // Flops, parameters, activations: as the paper finds.
    assert!(r[2] > r[0] && r[0] > r[1] && r[2] > 0.9, "{r:?}");
}

#[test]
fn what_a_study_gains_is_told_beside_the_nearest_flops() {
    let ours = evidence();
    let mut others = evidence();
    others.trained[0].errors = vec![35.0];
    others.trained[0].counts[0] *= 1.1;
    let table = gains(&ours, &others);
    assert_eq!(*table.column("gain").unwrap()[0], Cell::Difference(4.0, 2));
    assert_eq!(table.notes.len(), 1);
    others.trained[0].data = "8 pictures".into();
    assert_eq!(gains(&ours, &others).notes.len(), 2);
}
