//! The `triaxis` command.

fn main() {}
