//! The rules themselves: each takes a tree of files and returns what breaks it, in words.

use super::tree::{Tree, code_of, has_word};
use std::collections::BTreeSet;

/// The crates, and what else of the project each may use. `triaxis-tests` and `triaxis-benches` see all.
const CRATES: [(&str, &str, &[&str]); 5] = [
    ("search", "triaxis-search", &[]),
    ("shaders", "triaxis-shaders", &[]),
    ("engine", "triaxis-engine", &["triaxis-shaders"]),
    ("models", "triaxis-models", &["triaxis-engine"]),
    (
        "trainer",
        "triaxis",
        &[
            "triaxis-engine",
            "triaxis-models",
            "triaxis-search",
            "triaxis-shaders",
        ],
    ),
];

/// Modules of `engine/src/ops` that hold what several operators share.
const NO_OPERATORS: [&str; 9] = [
    "arenas", "ending", "entry", "fused", "random", "sum_rows", "summand", "tests", "window",
];

/// Endings of kernel files that are another way to compute the same operator, or one of its passes, and share its other places.
const VARIANTS: [&str; 9] = [
    "_tiled",
    "_blocked",
    "_narrow",
    "_first",
    "_shared",
    "_cooperative",
    "_normalised",
    "_gram",
    "_grad_weight",
];

/// The longest line of WGSL that still fits beside another file.
pub(super) const WGSL_COLUMNS: usize = 120;

/// `path:line` of every line of Rust code that names `word`, in files that `elsewhere` accepts.
pub(super) fn code_lines_naming(
    tree: &Tree,
    word: &str,
    elsewhere: impl Fn(&str) -> bool,
) -> Vec<String> {
    tree.with_extension("rs")
        .filter(|(path, _)| elsewhere(path))
        .flat_map(|(path, text)| {
            text.lines()
                .enumerate()
                .map(move |(i, line)| (path, i + 1, line))
        })
        .filter(|(_, _, line)| has_word(&code_of(line), word))
        .map(|(path, number, line)| format!("{path}:{number}: {}", line.trim()))
        .collect()
}

/// The operator that a kernel file computes: its name without the ending of a variant.
fn operator_of(kernel: &str) -> &str {
    VARIANTS
        .iter()
        .find_map(|variant| kernel.strip_suffix(variant))
        .unwrap_or(kernel)
}

/// Names of the compute entry points of a WGSL text.
fn entry_points(wgsl: &str) -> Vec<&str> {
    wgsl.split("@compute")
        .skip(1)
        .filter_map(|after| {
            after
                .split_once("fn ")?
                .1
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
        })
        .collect()
}

pub(super) fn operators_without_their_places(tree: &Tree) -> Vec<String> {
    let kernels = tree.names("shaders/ops", "wgsl");
    let operators: BTreeSet<_> = kernels
        .iter()
        .map(|kernel| operator_of(kernel).to_owned())
        .collect();
    let module = tree.text("engine/src/ops/mod.rs").unwrap_or("");
    let launched: BTreeSet<_> = module
        .lines()
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
        .filter(|name| !NO_OPERATORS.contains(name))
        .map(str::to_owned)
        .collect();

    let mut wrong = Vec::new();
    for name in operators.union(&launched) {
        if !operators.contains(name) {
            wrong.push(format!(
                "operator `{name}` has no kernels: write shaders/ops/{name}.wgsl"
            ));
        }
        for (path, what) in [
            (
                format!("engine/src/ops/{name}.rs"),
                "its shape rule, cost, launch and gradient",
            ),
            (
                format!("tests/ops/{name}.rs"),
                "its cases and f64 reference",
            ),
        ] {
            if tree.text(&path).is_none() {
                wrong.push(format!("operator `{name}` lacks {what}: write {path}"));
            }
        }
    }
    wrong
}

pub(super) fn entry_points_of_another_name(tree: &Tree) -> Vec<String> {
    tree.with_extension("wgsl")
        .filter_map(|(path, text)| {
            Some((
                path.strip_prefix("shaders/ops/")?.strip_suffix(".wgsl")?,
                text,
            ))
        })
        .flat_map(|(kernel, text)| {
            entry_points(text)
                .into_iter()
                .map(move |entry| (kernel, entry))
        })
        .filter(|(kernel, entry)| !entry.starts_with(operator_of(kernel)))
        .map(|(kernel, entry)| {
            format!(
                "shaders/ops/{kernel}.wgsl: entry point `{entry}` should begin with `{}`",
                operator_of(kernel)
            )
        })
        .collect()
}

pub(super) fn crates_that_reach_up(tree: &Tree) -> Vec<String> {
    let mut wrong = Vec::new();
    let names = CRATES.map(|(_, name, _)| name);
    for (folder, name, allowed) in CRATES {
        let path = format!("{folder}/Cargo.toml");
        let Some(text) = tree.text(&path) else {
            wrong.push(format!("{path} is missing"));
            continue;
        };
        // A crate may name itself: that is how its tests ask for features of its own.
        let others = names
            .into_iter()
            .filter(|other| *other != name && !allowed.contains(other));
        for forbidden in others.chain(["triaxis-tests", "triaxis-benches"]) {
            // Tests of a crate are in that crate or in `triaxis-tests`, so its dev-dependencies follow the rule too.
            if depends_on(text, forbidden) {
                wrong.push(format!(
                    "{path}: `{name}` may not depend on `{forbidden}`, which is not below it"
                ));
            }
        }
        if folder != "engine" && depends_on(text, "wgpu") {
            wrong.push(format!("{path}: only the engine may depend on `wgpu`"));
        }
    }
    wrong
}

/// Whether a manifest has `name = …`, `name.workspace = …` or `[dependencies.name]`.
fn depends_on(manifest: &str, name: &str) -> bool {
    manifest
        .lines()
        .map(str::trim)
        .any(|line| match line.strip_prefix('[') {
            Some(table) => table
                .trim_end_matches(']')
                .ends_with(&format!("dependencies.{name}")),
            None => line.split(['.', ' ', '=']).next() == Some(name),
        })
}

pub(super) fn untidy_wgsl(tree: &Tree) -> Vec<String> {
    let mut wrong = Vec::new();
    for (path, text) in tree.with_extension("wgsl") {
        for (i, line) in text.lines().enumerate() {
            let columns = line.chars().count();
            let faults = [
                (line.contains('\t'), "a tab".to_owned()),
                (line.ends_with([' ', '\r']), "space at the end".to_owned()),
                (
                    columns > WGSL_COLUMNS,
                    format!("{columns} columns, more than {WGSL_COLUMNS}"),
                ),
            ];
            let found = faults.into_iter().filter(|(is_there, _)| *is_there);
            wrong.extend(found.map(|(_, fault)| format!("{path}:{}: {fault}", i + 1)));
        }
        if !text.ends_with('\n') || text.ends_with("\n\n") {
            wrong.push(format!("{path}: should end with one line break"));
        }
    }
    wrong
}

/// Registries' hosts and people's home folders: what one machine was set up with, of no meaning on the next.
pub(super) fn traces_of_a_machine(tree: &Tree) -> Vec<String> {
    // Written in pieces, so that this file does not hold what it looks for.
    let hosts = [
        ["crates", "io"],
        ["pypi", "org"],
        ["pythonhosted", "org"],
        ["npmjs", "org"],
        ["debian", "org"],
        ["ubuntu", "com"],
        ["anaconda", "org"],
        ["ghcr", "io"],
        ["docker", "io"],
    ];
    let homes = [
        ["/home", "/"],
        ["/Users", "/"],
        ["/root", "/"],
        [r"\Users", r"\"],
    ];
    let mut traces: Vec<_> = hosts.iter().map(|parts| parts.join(".")).collect();
    traces.extend(homes.iter().map(|parts| parts.concat()));
    tree.iter()
        .filter(|(path, _)| !path.ends_with("Cargo.lock")) // cargo writes its registry's address there
        .flat_map(|(path, text)| {
            text.lines()
                .enumerate()
                .map(move |(i, line)| (path, i + 1, line))
        })
        .flat_map(|at| traces.iter().map(move |trace| (at, trace)))
        .filter(|((_, _, line), trace)| line.contains(trace.as_str()))
        .map(|((path, number, _), trace)| format!("{path}:{number}: {trace}"))
        .collect()
}

pub(super) fn ignored_tests(tree: &Tree) -> Vec<String> {
    tree.with_extension("rs")
        .flat_map(|(path, text)| {
            text.lines()
                .enumerate()
                .map(move |(i, line)| (path, i + 1, code_of(line)))
        })
        .filter(|(_, _, code)| code.contains('#') && has_word(code, "ignore"))
        .map(|(path, number, code)| format!("{path}:{number}: {}", code.trim()))
        .collect()
}
