use std::collections::BTreeSet;

use triaxis_engine::{Graph, Limits, Schedule, Value};

use super::*;

/// Entry points of a graph's kernels in all variants.
fn launched(graph: &Graph, keep: &[Value]) -> BTreeSet<&'static str> {
    let mut entries = BTreeSet::new();
    let all = Limits {
        subgroup: 8,
        ..Limits::default()
    };
    for (_, limits) in variants(&all) {
        let schedule = Schedule::new(graph, keep, &limits).unwrap();
        entries.extend(
            schedule
                .launches()
                .map(|(_, dispatch)| dispatch.kernel.entry),
        );
    }
    entries
}

#[test]
fn the_self_test_runs_every_kernel_there_is() {
    let mut reached = BTreeSet::new();
    for stored in [DType::F32, DType::F16] {
        let step = training::step(stored).unwrap();
        reached.extend(launched(&step.graph, &[step.loss]));
    }
    for case in cases() {
        let drawn = case.draw().unwrap();
        reached.extend(launched(&drawn.graph, &drawn.kept()));
    }
    let entry = |text: &'static str| text.split_once("fn ")?.1.split('(').next();
    // Nobody reads what those of `bench/` compute: they show how fast an adapter multiplies.
    let all: BTreeSet<&str> = triaxis_shaders::SOURCES
        .iter()
        .filter(|(name, _)| !name.starts_with("bench/"))
        .flat_map(|(_, text)| text.split("@compute").skip(1).filter_map(entry))
        .collect();
    // Those for matrix units are tried as a device that has them opens: `engine/src/gpu/matrices.rs`.
    let elsewhere = |entry: &&&str| entry.starts_with("conv2d_cooperative");
    let missed: Vec<_> = all
        .difference(&reached)
        .filter(|entry| !elsewhere(entry))
        .collect();
    assert!(
        all.len() > 40 && missed.is_empty(),
        "not tested: {missed:?}"
    );
}

#[test]
fn a_reference_that_disagrees_is_a_fault_with_place_and_numbers() {
    let gpu = Gpu::open(&Default::default()).expect("a driver answers (`make test` installs one)");
    let mut case = cases::layers().swap_remove(0);
    let right = examine(&case, "tiled", &gpu);
    assert!(right.is_ok() && right.error.is_some(), "{right:?}");
    let reference = case.reference;
    case.reference = Box::new(move |v| {
        let mut y = reference(v);
        y[3] += 0.01;
        y
    });
    let wrong = examine(&case, "tiled", &gpu);
    assert!(wrong.error.unwrap() > 0.005, "{wrong:?}");
    assert!(wrong.fault.unwrap().starts_with("output, number 3: "));
}
