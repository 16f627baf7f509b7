//! `triaxis bench --profile`: kernels by their time, and as a Chrome trace.

use std::fs;

use serde_json::Value;

use crate::support::{Place, Ran, run};

/// The rows of a command that went well, and the trace that it wrote.
fn profiled(place: &Place, options: &str, without: &str) -> (Ran, Vec<Value>, Value) {
    let words = format!("bench {options} --profile --trace trace.json --json");
    let mut command = place.program(&words);
    command.env("TRIAXIS_WITHOUT", without);
    let ran = run(command).done();
    let rows = serde_json::from_str(&ran.stdout).unwrap();
    let trace = fs::read_to_string(place.path().join("trace.json")).unwrap();
    (ran, rows, serde_json::from_str(&trace).unwrap())
}

fn events<'a>(trace: &'a Value, kind: &str) -> Vec<&'a Value> {
    let events = trace["traceEvents"].as_array().unwrap();
    events.iter().filter(|event| event["ph"] == kind).collect()
}

#[track_caller]
fn number(value: &Value, key: &str) -> f64 {
    value[key]
        .as_f64()
        .unwrap_or_else(|| panic!("{key} in {value}"))
}

#[test]
fn kernels_stand_by_their_time_and_their_launches_in_the_order_of_running() {
    let place = Place::new();
    let (_, rows, trace) = profiled(&place, "training --model tiny.toml -b 4 --runs 2", "");
    let (whole, kernels) = rows.split_first().unwrap();
    for key in ["place", "time_share", "cumulative_share"] {
        assert!(whole[key].is_null(), "{key} in {whole}");
    }
    let times: Vec<f64> = kernels.iter().map(|row| number(row, "median_ms")).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
    let total: f64 = times.iter().sum();
    let mut so_far = 0.0;
    for (row, ms) in kernels.iter().zip(&times) {
        so_far += ms;
        let shares = [("time_share", *ms), ("cumulative_share", so_far)];
        for (key, part) in shares {
            let difference = number(row, key) - part / total;
            assert!(difference.abs() < 1e-4, "{key} in {row}");
        }
    }

    let launches = events(&trace, "X");
    assert_eq!(launches.len() as f64, number(whole, "dispatches"));
    let mut end = 0.0;
    for (place, event) in launches.iter().enumerate() {
        // Each begins where the one before it ends.
        let [begin, length] = ["ts", "dur"].map(|key| number(event, key));
        assert!((begin - end).abs() < 1e-6, "{event}");
        assert!(length >= 0.0, "{event}");
        end = begin + length;
        let args = &event["args"];
        assert_eq!(args["place"], place, "{event}");
        let [node, kernel] = ["node", "kernel"].map(|key| args[key].as_str().unwrap());
        assert_eq!(event["name"], format!("{node}/{kernel}"), "{event}");
        assert!(number(args, "bytes") > 0.0, "{event}");
        assert!(args["workgroups"].is_u64(), "{event}");
        assert!(event["pid"] == 1 && event["tid"] == 1, "{event}");
    }
    assert!((end / 1e3 - total).abs() < 2e-6, "{end} µs, {total} ms");
    for row in kernels {
        let of_row = |event: &&&Value| event["name"] == row["kernel"];
        let of_row: Vec<_> = launches.iter().filter(of_row).collect();
        assert_eq!(of_row.len() as f64, number(row, "dispatches"), "{row}");
        let sum: f64 = of_row.iter().map(|event| number(event, "dur")).sum();
        let difference = sum - 1e3 * number(row, "median_ms");
        // Ends are whole nanoseconds.
        assert!(difference.abs() < 2e-3 * of_row.len() as f64, "{row}");
        assert_eq!(of_row[0]["args"]["place"], row["place"], "{row}");
    }
    let mut phases: Vec<&str> = launches
        .iter()
        .map(|event| event["cat"].as_str().unwrap())
        .collect();
    phases.dedup();
    assert_eq!(phases, ["forward", "backward", "update"]);

    let names: Vec<&str> = events(&trace, "M")
        .iter()
        .map(|event| event["args"]["name"].as_str().unwrap())
        .collect();
    assert!(names[0].starts_with(whole["adapter"].as_str().unwrap()));
    assert!(names[1].contains(whole["case"].as_str().unwrap()));
}

#[test]
fn each_batch_is_a_thread_and_the_clock_is_told() {
    let place = Place::new();
    let options = "models --model tiny.toml -b 1 -b 2 --runs 1";
    let (ran, rows, trace) = profiled(&place, options, "timestamp-query");
    assert!(ran.stderr.contains("no timestamp queries"), "{ran}");
    assert_eq!(trace["otherData"]["clock"], "wall clock");
    let names = events(&trace, "M");
    let threads: Vec<&Value> = names.iter().map(|event| &event["tid"]).collect();
    assert_eq!(threads, [0, 1, 2]);
    for (thread, case) in [(1, "tiny_r12_b1_fused_f32"), (2, "tiny_r12_b2_fused_f32")] {
        let name = names[thread]["args"]["name"].as_str().unwrap();
        assert!(name.contains(case), "{name}");
        let of_case = rows.iter().filter(|row| row["case"] == case);
        let total: f64 = of_case
            .filter(|row| row["kernel"] != "")
            .map(|row| number(row, "median_ms"))
            .sum();
        let of_thread = events(&trace, "X");
        let of_thread = of_thread.iter().filter(|event| event["tid"] == thread);
        let sum: f64 = of_thread.map(|event| number(event, "dur")).sum();
        assert!((sum / 1e3 - total).abs() < 2e-6, "{sum} µs, {total} ms");
    }
    // Nothing but inference here.
    let only = |event: &&Value| event["cat"] == "forward";
    assert!(events(&trace, "X").iter().all(only));
}
