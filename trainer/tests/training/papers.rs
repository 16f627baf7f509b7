//! `triaxis search scaling` and `ablation`, and what `figures` and `tables` make of ledgers and rows.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::browser::{pictures_seen, seen};
use crate::pictures::class_folders;
use crate::support::{Place, Ran, run};

/// A command in this folder.
fn triaxis(place: &Place, words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_triaxis"));
    command
        .current_dir(place.path())
        .args(words.split_whitespace());
    command
}

/// A search of the demo's network on a few pictures.
fn search(place: &Place, words: &str) -> Command {
    let fixed = "--recipe plain.toml --model specs/demo.toml --lr-base-size 0 --batch-size 16 --epochs 1 \
                 --data-dir synthetic:120 --classes 3";
    triaxis(place, &format!("search {words} {fixed}"))
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error} in {}", ran.stdout))
}

/// Strategies at two factors, each with two seeds, in `papers.ledger`.
fn scaled(place: &Place) -> Value {
    let words = "scaling --strategy w,dwr --factors 1,2 --trials 2 --ledger papers.ledger --out scaled --json";
    json(&run(search(place, words)).done())
}

#[test]
fn scaled_networks_are_trained_with_several_seeds_and_told_as_mean_and_deviation() {
    let place = Place::new();
    let report = scaled(&place);
    let networks = report["networks"].as_array().unwrap();
    let names: Vec<&str> = networks
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["demo", "demo-w-2", "demo-dwr-2"]);
    assert_eq!(report["trials"].as_array().unwrap().len(), 6);
    for one in networks {
        let errors: Vec<f64> = one["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e.as_f64().unwrap())
            .collect();
        let mean = one["error"].as_f64().unwrap();
        assert!((mean - (errors[0] + errors[1]) / 2.0).abs() < 1e-9, "{one}");
        // Of a sample of two: half the difference times the root of two.
        let deviation = (errors[0] - errors[1]).abs() / 2f64.sqrt();
        assert!(
            (one["deviation"].as_f64().unwrap() - deviation).abs() < 1e-9,
            "{one}"
        );
        let seeds = one["seeds"].as_array().unwrap();
        assert_eq!(
            seeds[1].as_u64().unwrap() - seeds[0].as_u64().unwrap(),
            1,
            "{one}"
        );
    }
    let curves: Vec<&Value> = report["trials"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| &t["outcome"]["curve"])
        .collect();
    assert_ne!(curves[0], curves[3], "another seed is another training");
    let svg = fs::read_to_string(place.path().join("scaled/errors.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("dwr"), "{svg}");
    pictures_seen(&place.path().join("scaled"), &["errors.svg"]);
    // The same command with one trial more trains three more.
    let words =
        "scaling --strategy w,dwr --factors 1,2 --trials 3 --ledger papers.ledger --out scaled";
    let more = run(search(&place, words)).done();
    assert!(
        more.stderr.contains("trial 9 of 9") && !more.stderr.contains("trial 6 of"),
        "{more}"
    );
    assert!(
        more.stdout.contains("±") && more.stdout.contains("dwr ×2"),
        "{more}"
    );
}

#[test]
fn an_ablation_shrinks_one_dimension_at_a_time_to_equal_flops() {
    let place = Place::new();
    let words = "ablation --strategy w,r,dwr --target-flops 600k --ledger a.ledger --out a --json";
    let report = json(&run(search(&place, words)).done());
    let networks = report["networks"].as_array().unwrap();
    assert_eq!(networks.len(), 3, "{report}");
    for one in networks {
        let flops = one["flops"].as_f64().unwrap();
        assert!((flops / 600e3 - 1.0).abs() < 0.15, "{one}");
        assert!(
            one["error"].is_number() && one["target"] == 600_000,
            "{one}"
        );
    }
    let of = |axis: &str| {
        networks
            .iter()
            .map(|one| one[axis].as_f64().unwrap())
            .collect::<Vec<f64>>()
    };
    assert!(
        of("depth")[..2] == [1.0, 1.0] && of("width")[1] == 1.0 && of("resolution")[0] == 1.0,
        "{report}"
    );
    let words = "ablation --strategy w,r,dwr --target-flops 600k --ledger a.ledger --out a";
    let told = run(search(&place, words)).done();
    assert!(
        told.stdout.contains("demo scaled to 600,000 multiply-adds")
            && told.stdout.contains("than the best"),
        "{told}"
    );
    let refused = run(search(
        &place,
        "ablation --strategy r --target-flops 10 --ledger b.ledger",
    ));
    refused.refused(2, &["demo by r alone does not come to 10"]);
    assert!(
        !place.path().join("b.ledger").exists(),
        "nothing is begun that cannot be"
    );
}

#[test]
fn figures_and_tables_show_what_a_ledger_and_rows_hold() {
    let place = Place::new();
    scaled(&place);
    let bench = "bench scaling --model specs/demo.toml --strategy w,dwr --factors 1,2 --batch-size 4 --runs 1 --csv rows.csv";
    run(triaxis(&place, bench)).done();
    let all = "figures --ledger papers.ledger --rows rows.csv --out out --json";
    let written = json(&run(triaxis(&place, all)).done());
    assert_eq!(written.as_array().unwrap().len(), 11);
    let read = |name: &str| fs::read_to_string(place.path().join("out").join(name)).unwrap();
    for number in ["1", "2", "4", "5", "6", "7", "8", "9", "10", "11", "12"] {
        let svg = read(&format!("figure-{number}.svg"));
        assert!(svg.starts_with("<svg") && !svg.contains("NaN"), "{number}");
        let csv = read(&format!("figure-{number}.csv"));
        assert!(
            csv.starts_with("source,network,base,strategy,s,pixels,flops,params,acts,error,"),
            "{csv}"
        );
        // What was measured is in every figure that is not of other networks.
        assert_eq!(csv.contains("\nours: "), number != "10", "{number}: {csv}");
    }
    let error = read("figure-6.csv");
    let row = error
        .lines()
        .find(|line| line.starts_with("ours: scaling,demo-dwr-2,demo,dwr,2,"))
        .unwrap();
    let cells: Vec<&str> = row.split(',').collect();
    assert!(
        cells[9].parse::<f64>().is_ok() && cells[11] == "2" && cells[12] == "1",
        "{row}"
    );
    let time = read("figure-2.csv");
    assert!(time.contains(",demo-w-2,demo,w,2,"), "{time}");
    let page = read("papers.html");
    assert!(
        page.contains("demo, ours: scaling") && page.contains("Table R1"),
        "{page}"
    );
    assert!(
        page.contains("To fill it: <code>triaxis"),
        "what is missing is told"
    );
    assert!(
        !page.contains("src=") && !page.contains("href="),
        "the page needs nothing else"
    );
    seen(
        &place.path().join("out/papers.html"),
        &["<svg", "<tr", "<h2", "<h3", "<text", "</footer>"],
    );

    let gains = run(triaxis(
        &place,
        "tables gains --ledger papers.ledger --ledger papers.ledger --json",
    ))
    .done();
    let gains = json(&gains);
    for row in gains["rows"].as_array().unwrap() {
        assert_eq!(row["gain"], 0.0, "a study gains nothing over itself: {row}");
    }
    run(triaxis(&place, "tables gains --ledger papers.ledger"))
        .refused(2, &["1 ledgers are given"]);
    run(triaxis(&place, "tables 8 --ledger none.ledger")).refused(4, &["there is no such ledger"]);
    run(triaxis(&place, "figures --rows plain.toml")).refused(2, &["no columns suite and case"]);
}

#[test]
fn a_page_of_nothing_measured_says_what_would_fill_it() {
    let place = Place::new();
    run(triaxis(&place, "figures --out out")).done();
    let page = fs::read_to_string(place.path().join("out/papers.html")).unwrap();
    assert_eq!(
        page.matches("Nothing of this was measured here").count(),
        12,
        "{page}"
    );
    seen(
        &place.path().join("out/papers.html"),
        &["<svg", "<tr", "<text"],
    );
    place.write("no.png", "no picture");
    run(triaxis(&place, "figures --heat-maps no.png")).refused(2, &["it is no PNG file"]);
}

#[test]
fn several_networks_look_at_the_same_pictures_side_by_side() {
    let place = Place::new();
    for seed in ["1", "2"] {
        run(place.tiny(&format!("--epochs 1 --seed {seed} --experiment net{seed}"))).done();
    }
    class_folders(&place, "photos", &["a"], 2);
    let cam =
        "cam --weights output/net1 --beside output/net2 --size 20 --output maps --json photos/a";
    let maps = json(&run(triaxis(&place, cam)).done());
    let maps = maps.as_array().unwrap();
    assert_eq!(maps.len(), 4, "two networks, two pictures");
    let read =
        |i: usize, key: &str| fs::read(place.path().join(maps[i][key].as_str().unwrap())).unwrap();
    assert_eq!(maps[0]["image"], maps[2]["image"]);
    assert_ne!(
        read(0, "map"),
        read(2, "map"),
        "another network sees otherwise"
    );
    // In each row of the grid a picture and two maps: 20 pixels, and a gap around each.
    let grid =
        image::load_from_memory(&fs::read(place.path().join("maps/grid.png")).unwrap()).unwrap();
    let gap = grid.height() - 2 * 20;
    assert!(
        gap.is_multiple_of(3) && grid.width() == 3 * 20 + gap / 3 * 4,
        "{}×{}",
        grid.width(),
        grid.height()
    );
    run(triaxis(
        &place,
        "figures --heat-maps maps/grid.png --out out",
    ))
    .done();
    let page = fs::read_to_string(place.path().join("out/papers.html")).unwrap();
    assert!(page.contains(
        "<img alt=\"TinyNet's Figure 4: where networks look\" src=\"data:image/png;base64,"
    ));
    run(triaxis(
        &place,
        "cam --weights output/net1 --beside none photos/a",
    ))
    .refused(4, &["none"]);
}
