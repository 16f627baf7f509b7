//! Whole networks against numbers that other programs computed: PyTorch's logits, losses, activations, batch-norm
//! buffers and gradients, timm's names and shapes, pycls's counts. `golden/README.md` says where each comes from.

mod classify;
mod complexity;
mod file;
mod formula;
mod full;
mod import;
mod names;
mod run;
mod scaled;
mod small;

use std::path::PathBuf;

use serde_json::Value as Json;

/// A file of `tests/golden`.
fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "golden", name]
        .iter()
        .collect()
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap_or_else(|e| panic!("{}: {e}", path(name).display()))
}

/// The object that a JSON file holds.
fn json(name: &str) -> serde_json::Map<String, Json> {
    serde_json::from_slice(&bytes(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn numbers(list: &Json) -> Vec<f64> {
    let list = list.as_array().expect("a list of numbers");
    list.iter().map(|x| x.as_f64().expect("a number")).collect()
}
