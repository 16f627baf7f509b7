//! The binary and what it says, shared by all tests.

use std::process::{Command, Output};

use serde_json::Value;

pub(crate) fn triaxis(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_triaxis"));
    command.args(arguments).env_remove("TRIAXIS_ADAPTER");
    command
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    triaxis(arguments).output().expect("the binary starts")
}

/// Exactly one JSON document.
pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e} in {output:?}"))
}

/// The one paragraph of an error, which ended with this code.
pub(crate) fn error(output: &Output, code: i32) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(
        text.starts_with("error: ") && text.trim_end().lines().count() == 1,
        "{text}"
    );
    text
}
