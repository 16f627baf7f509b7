//! The benchmarks run, and say what can be: small sizes, a second or two.

use triaxis::bench::{Machine, RowFile};
use triaxis_tests::{gpu, ops};

use crate::kernels;
use crate::operators::{Named, OPERATORS, named};
use crate::output::Output;
use crate::row::{Row, Work};

#[track_caller]
fn assert_measured(row: &Row) {
    let times = [row.min_ms, row.median_ms, row.max_ms];
    assert!(
        times.iter().all(|ms| ms.is_finite() && *ms > 0.0) && times.is_sorted(),
        "{row:?}"
    );
    let rates = [
        row.gflop_per_s,
        row.gb_per_s,
        row.images_per_s,
        row.cpu_seconds,
        row.memory_mib,
    ];
    assert!(
        rates.iter().flatten().all(|x| x.is_finite() && *x > 0.0),
        "{row:?}"
    );
    for known in [&row.adapter, &row.driver, &row.backend, &row.commit] {
        assert!(!known.is_empty(), "{row:?}");
    }
}

#[test]
fn a_small_case_gives_finite_rows_of_its_kernels_its_parts_and_the_whole() {
    let case = ops::conv2d::cases().swap_remove(3);
    let named = Named {
        op: "conv2d",
        name: case.name.clone(),
        case,
    };
    let options = kernels::Options {
        only: None,
        batch_size: 1,
        repeat: 3,
        warmup: 1,
    };
    let rows = kernels::measure(gpu(), &Machine::of(gpu()), &named, &options).unwrap();
    rows.iter().for_each(assert_measured);
    let suites: Vec<&str> = rows.iter().map(|r| r.suite.as_str()).collect();
    for suite in ["ops.forward", "ops.dgrad", "ops.wgrad", "ops.all"] {
        assert!(suites.contains(&suite), "{suites:?}");
        let kernels = format!("{suite}.kernel");
        assert!(
            suite == "ops.all" || suites.contains(&kernels.as_str()),
            "{suites:?}"
        );
    }
    assert!(rows.iter().all(|r| r.reps == 3 && r.gb_per_s.is_some()));
}

#[test]
fn the_header_is_what_scripts_expect() {
    assert_eq!(
        RowFile::<Row>::header(),
        "suite,case,device,median_ms,min_ms,max_ms,cpu_median_ms,first_ms,reps,gflop_per_s,images_per_s,\
         gb_per_s,memory_mib,submits,dispatches,cpu_seconds,op,kernel,clock,adapter,driver,\
         backend,precision,commit,version"
    );
}

fn row(case: &str) -> Row {
    let machine = Machine {
        adapter: "a".into(),
        driver: "d".into(),
        backend: "vulkan".into(),
        commit: "c".into(),
        version: "0",
    };
    let work = Work {
        multiply_adds: 500_000_000,
        bytes: 1_000_000_000,
    };
    Row::new(&machine, "train", case, &[0.5, 0.25, 1.0], work)
}

#[test]
fn rates_follow_from_the_median_and_a_multiply_add_is_two_operations() {
    let row = row("a");
    assert_eq!(
        (row.min_ms, row.median_ms, row.max_ms),
        (250.0, 500.0, 1000.0)
    );
    assert_eq!((row.gflop_per_s, row.gb_per_s), (Some(2.0), Some(2.0)));
}

#[test]
fn every_operator_is_timed_and_no_two_cases_share_a_name() {
    let modules = include_str!("../../tests/ops/mod.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    for module in modules {
        assert!(
            OPERATORS.iter().any(|(name, _)| *name == module),
            "tests/ops/{module}.rs is not in the table of benches/src/operators.rs"
        );
    }
    let mut seen = std::collections::BTreeSet::new();
    for Named { op, name, .. } in named(1, None) {
        assert!(seen.insert((op, name.clone())), "{op} {name}");
    }
    for (op, _) in OPERATORS {
        assert!(
            seen.iter().any(|(known, _)| known == op),
            "{op} has no case"
        );
    }
}

#[test]
fn layers_that_scripts_for_other_libraries_time_have_their_names() {
    for name in [
        "stem3x3s2_3to32_224",
        "point_16to96_112",
        "point_240to80_28",
        "point_80to480_14",
        "point_1152to320_7",
        "depth3x3_96_56",
        "depth3x3s2_96_112",
        "depth5x5_240_28",
        "depth5x5_672_14",
        "dense3x3_64_56",
        "dense3x3_256_14",
        "group3x3_gw16_224_28",
        "group3x3_gw16_448_14",
    ] {
        assert!(named(1, Some(name)).any(|n| n.name == name), "{name}");
    }
}

#[test]
fn a_name_that_no_case_has_is_refused_with_the_operators() {
    let options = kernels::Options {
        only: Some("conv3d".into()),
        batch_size: 1,
        repeat: 1,
        warmup: 1,
    };
    let mut output = Output::new(None, false).unwrap();
    let error = kernels::run(gpu(), &Machine::of(gpu()), &options, &mut output).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("--only conv3d: no case has this in its name. The operators are conv2d, "),
        "{text}"
    );
    assert_eq!(error.exit_code(), 2);
}
