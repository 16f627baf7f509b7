//! Scaled networks equal those that pycls's scaler makes, and the paper's table.

use serde_json::Value as Json;
use triaxis::engine::Complexity;
use triaxis::models::{Scaling, Spec, Strategy, zoo};

/// The networks that others are scaled from, by the names of the golden files.
fn base(name: &str) -> Spec {
    let ours = match name {
        "EN-B0" => "efficientnet_b0",
        "RegNetY-500MF" => "regnety_500mf",
        "RegNetY-4GF" => "regnety_4gf",
        "RegNetZ-500MF" => "regnetz_500mf",
        // The same body with timm's head.
        "RegNetZ-500MF-h1024" => "regnetz_005",
        "RegNetZ-4GF" => "regnetz_4gf",
        other => panic!("no network is called {other}"),
    };
    zoo(ours).unwrap()
}

/// Our name of a pycls type: its plain letters leave groups alone unless `g` is one of them.
fn of_pycls(kind: &str) -> Strategy {
    let plain = kind.chars().all(|c| "dwr".contains(c));
    let name = if plain && kind.contains('w') {
        format!("{kind} (g fixed)")
    } else {
        kind.to_owned()
    };
    name.parse().unwrap()
}

/// A row's columns as a network would have to have them.
fn check(spec: &Spec, scaling: &Scaling, row: &Json, what: &str) {
    let stages = spec.network.stages();
    let numbers = |of: fn(&triaxis::models::Stage) -> usize| {
        Json::from(stages.iter().map(of).collect::<Vec<_>>())
    };
    assert_eq!(row["depths"], numbers(|s| s.depth), "{what}");
    assert_eq!(row["widths"], numbers(|s| s.width), "{what}");
    let groups = match &row["group_ws"] {
        Json::Null => Json::from(vec![1; stages.len()]),
        groups => groups.clone(),
    };
    assert_eq!(groups, numbers(|s| s.group_width), "{what}");
    assert_eq!(row["resolution"], spec.resolution, "{what}");
    let test_size = scaling.resolution(256).unwrap();
    assert_eq!(row["test_scale_size"], test_size, "{what}");
    assert_eq!(row["stem_w"], spec.network.stem_width(), "{what}");
    assert_eq!(row["head_w"], spec.network.head_width(), "{what}");
    let c = spec.complexity().unwrap();
    assert_eq!(
        [&row["flops"], &row["params"], &row["acts"]],
        [c.flops, c.params, c.acts],
        "{what}"
    );
}

#[test]
fn every_scaled_network_is_the_one_that_pycls_makes() {
    let rows = super::json("scaled.json");
    assert_eq!(rows.len(), 395);
    for (name, row) in &rows {
        let base = base(row["base"].as_str().unwrap());
        let s = row["s"].as_f64().unwrap();
        let strategy: Strategy = row["strategy"].as_str().unwrap().parse().unwrap();
        let pycls = of_pycls(row["pycls_scaling_type"].as_str().unwrap());
        for (strategy, by) in [(strategy, "strategy"), (pycls, "pycls_scaling_type")] {
            let scaling = strategy.at(s);
            let spec = base.scaled(scaling).unwrap();
            check(&spec, &scaling, row, &format!("{name} by {by}"));
        }
    }
}

/// In the paper's units and digits: 10⁹ multiply-adds, 10⁶ parameters, 10⁶ activations.
fn rounded(c: Complexity) -> [String; 3] {
    [(c.flops, 1e9), (c.params, 1e6), (c.acts, 1e6)]
        .map(|(count, unit)| format!("{:.1}", count as f64 / unit))
}

#[test]
fn fast_scaling_makes_table_8() {
    let counts = super::json("complexity.json");
    let published = super::json("scaled_published.json");
    assert_eq!(published.len(), 13);
    let mut windows = 0;
    for (name, row) in &published {
        let from = name
            .split([' ', '-'])
            .take_while(|part| !part.starts_with(['>', 'x']));
        let from = from.collect::<Vec<_>>().join("-");
        let base = base(&from);
        let counted = |s: f64| {
            let spec = base.scaled(Scaling::fast(s)).unwrap();
            (spec.resolution, spec.complexity().unwrap())
        };
        let (resolution, c) = counted(row["s"].as_f64().unwrap());
        let expected = &counts[name]["counts"][0];
        assert_eq!(expected["resolution"], resolution, "{name}");
        assert_eq!(
            [&expected["flops"], &expected["params"], &expected["acts"]],
            [c.flops, c.params, c.acts],
            "{name}"
        );
        let paper = row["paper"].as_array().unwrap();
        let paper = [0, 1, 2].map(|i: usize| format!("{:.1}", paper[i].as_f64().unwrap()));
        let Some(window) = row["window"].as_array() else {
            assert_ne!(rounded(c), paper, "{name}: the text's round factor misses");
            continue;
        };
        for s in window {
            let (_, c) = counted(s.as_f64().unwrap());
            assert_eq!(rounded(c), paper, "{name} at {s}");
        }
        windows += 1;
    }
    assert_eq!(windows, 8);
}
