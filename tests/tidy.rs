//! The rules that no compiler holds: one name leads to an operator's four places, layers stay layers, texts stay tidy.
//!
//! Each rule is a function from a tree of files to the list of what breaks it, so that a test can also hand it a tree
//! that is wrong and see it object.

mod rules;
mod tree;

use rules::*;
use tree::{Tree, code_of, has_word};

#[track_caller]
fn assert_none(wrong: &[String], rule: &str) {
    assert!(wrong.is_empty(), "{rule}:\n  {}", wrong.join("\n  "));
}

#[test]
fn every_operator_has_its_kernels_its_launch_and_its_cases() {
    assert_none(
        &operators_without_their_places(&Tree::of_project()),
        "one name leads to an operator's places",
    );
}

#[test]
fn entry_points_carry_their_operators_name() {
    assert_none(
        &entry_points_of_another_name(&Tree::of_project()),
        "file, operator and entry point share a name",
    );
}

#[test]
fn only_gpu_and_plan_name_wgpu() {
    let allowed = [
        "engine/src/gpu/",
        "engine/src/plan/",
        "tests/",
        // A project of its own.
        "benches/peers/burn/",
    ];
    let outside = |path: &str| !allowed.iter().any(|prefix| path.starts_with(prefix));
    assert_none(
        &code_lines_naming(&Tree::of_project(), "wgpu", outside),
        "the rest of the project does not know wgpu",
    );
}

#[test]
fn unsafe_code_is_in_one_module() {
    let outside = |path: &str| path != "engine/src/gpu/trusted.rs";
    let wrong = code_lines_naming(&Tree::of_project(), "unsafe", outside);
    assert_none(
        &wrong,
        "what the compiler cannot check is in engine/src/gpu/trusted.rs alone",
    );
}

#[test]
fn no_crate_depends_on_one_above_it() {
    assert_none(
        &crates_that_reach_up(&Tree::of_project()),
        "shaders <- engine <- models <- trainer, search <- trainer",
    );
}

#[test]
fn kernels_are_tidy() {
    assert_none(
        &untidy_wgsl(&Tree::of_project()),
        "WGSL has no formatter, so it has these rules",
    );
}

#[test]
fn no_test_is_switched_off() {
    assert_none(
        &ignored_tests(&Tree::of_project()),
        "a test that does not run holds nothing",
    );
}

#[test]
fn files_hold_no_trace_of_the_machine_they_were_written_on() {
    assert_none(
        &traces_of_a_machine(&Tree::of_project()),
        "no registry's host, no home folder",
    );
}

#[test]
fn a_kernel_alone_is_missed_in_its_two_other_places() {
    let tree = Tree::from_texts(&[
        ("shaders/ops/relu.wgsl", ""),
        ("shaders/ops/conv2d_tiled.wgsl", ""),
        (
            "engine/src/ops/mod.rs",
            "mod conv2d;\nmod ghost;\nmod window;\n\npub use conv2d::conv2d;\n",
        ),
        ("engine/src/ops/conv2d.rs", ""),
        ("engine/src/ops/ghost.rs", ""),
        ("tests/ops/conv2d.rs", ""),
        ("tests/ops/ghost.rs", ""),
    ]);
    let wrong = operators_without_their_places(&tree);
    assert_eq!(wrong.len(), 3, "{wrong:?}");
    assert!(wrong[0].contains("ghost.wgsl"), "{wrong:?}");
    assert!(
        wrong[1].contains("engine/src/ops/relu.rs") && wrong[2].contains("tests/ops/relu.rs"),
        "{wrong:?}"
    );
}

#[test]
fn a_misnamed_entry_point_is_noticed() {
    let text = "@compute @workgroup_size(64)\nfn relu_grad() {}\n@compute @workgroup_size(64)\nfn clamp() {}\nfn helper() {}\n";
    let tree = Tree::from_texts(&[("shaders/ops/relu_tiled.wgsl", text)]);
    let wrong = entry_points_of_another_name(&tree);
    assert!(
        wrong.len() == 1 && wrong[0].contains("`clamp`"),
        "{wrong:?}"
    );
}

#[test]
fn words_count_in_code_but_not_in_comments_or_strings() {
    let word = "unsafe";
    for (line, counts) in [
        ("    unsafe { read() }", true),
        (r#"let s = "\"unsafe"; // unsafe"#, false),
        (r#"let s = "safe // not"; unsafe {}"#, true),
        ("#![forbid(unsafe_code)]", false),
    ] {
        assert_eq!(has_word(&code_of(line), word), counts, "{line}");
    }
}

#[test]
fn a_dependency_on_an_upper_layer_is_noticed() {
    let tree = Tree::from_texts(&[
        (
            "search/Cargo.toml",
            "[package]\nname = \"triaxis-search\"\n",
        ),
        (
            "shaders/Cargo.toml",
            "[package]\nname = \"triaxis-shaders\"\n",
        ),
        (
            "engine/Cargo.toml",
            "[dependencies]\ntriaxis-search.workspace = true\ntriaxis-shaders.workspace = true\nwgpu.workspace = true\n",
        ),
        (
            "models/Cargo.toml",
            "[dependencies.triaxis]\nworkspace = true\n",
        ),
        (
            "trainer/Cargo.toml",
            "[dependencies]\ntriaxis-engine = { path = \"../engine\" }\nwgpu = \"30\"\n",
        ),
    ]);
    let wrong = crates_that_reach_up(&tree);
    assert_eq!(wrong.len(), 3, "{wrong:?}");
    assert!(
        wrong[0].contains("`triaxis-engine` may not depend on `triaxis-search`")
            && wrong[1].starts_with("models/Cargo.toml")
            && wrong[2].contains("wgpu"),
        "{wrong:?}"
    );
}

#[test]
fn tabs_long_lines_and_trailing_space_are_noticed() {
    let long = "x".repeat(WGSL_COLUMNS + 1);
    let text = format!("\tlet a = 1;\nlet b = 2; \n{long}\n\n");
    assert_eq!(
        untidy_wgsl(&Tree::from_texts(&[("shaders/a.wgsl", &text)])).len(),
        4
    );
}
