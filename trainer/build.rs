//! Names the commit that is built, for the rows of benchmarks: a row must not claim the commit that happens to be checked out
//! when it is measured.

use std::process::Command;

fn main() {
    // What decides the program. A commit of sources that were built before changes nothing: they stay that tree and changes.
    for folder in ["shaders", "engine", "models", "search"] {
        println!("cargo:rerun-if-changed=../{folder}");
    }
    for here in ["src", "build.rs", "Cargo.toml"] {
        println!("cargo:rerun-if-changed={here}");
    }
    let described = Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .output();
    let commit = match described {
        Ok(done) if done.status.success() => String::from_utf8_lossy(&done.stdout).into_owned(),
        // Sources without their history, or no git.
        Ok(_) | Err(_) => "unknown".to_owned(),
    };
    println!("cargo:rustc-env=TRIAXIS_COMMIT={}", commit.trim());
}
