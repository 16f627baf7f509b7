//! The peers that run on this machine.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::Peer;
use crate::error::{Error, Result};

/// Carried by the binary, so that a machine needs it and Python alone.
const SCRIPTS: [(&str, &str); 2] = [
    (
        "peers.py",
        include_str!("../../../../benches/peers/peers.py"),
    ),
    (
        "networks.py",
        include_str!("../../../../benches/peers/networks.py"),
    ),
];

/// What all peers of ours take.
const OPTIONS: &str = "--suite {suite} --model {model} --img-size {resolution} --batch-size {batch} \
                       --precision {precision} --runs {runs}";

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// Peers that run here.
    pub ready: Vec<Peer>,
    /// Names of the others, and how to get them.
    pub missing: Vec<(String, String)>,
    /// Where the scripts lie for as long as they are needed.
    _scripts: TempDir,
}

/// Asks a Python which of its packages are peers, and looks for `peer-burn` beside this program and on the path.
///
/// # Errors
///
/// A folder for temporary files that cannot be written.
pub fn find(python: &str) -> Result<Found> {
    let folder = tempfile::tempdir()
        .map_err(|e| Error::unwritten("TMPDIR", "write", &env::temp_dir(), None, e))?;
    for (name, text) in SCRIPTS {
        let path = folder.path().join(name);
        fs::write(&path, text).map_err(|e| Error::unwritten("TMPDIR", "write", &path, None, e))?;
    }
    let script = folder.path().join("peers.py").display().to_string();
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let (mut ready, mut missing) = (Vec::new(), Vec::new());
    match list(python, &script) {
        Ok(known) => {
            for (name, state) in known {
                if state != "ready" {
                    missing.push((name, state));
                    continue;
                }
                let begin = [python.to_owned(), script.clone(), name.clone()];
                let adapter = ["--adapter", "{adapter}"].map(str::to_owned);
                ready.push(Peer {
                    name,
                    command: [&begin[..], &words(OPTIONS), &adapter].concat(),
                });
            }
        }
        Err(problem) => missing.extend(names().map(|name| (name.to_owned(), problem.clone()))),
    }
    match beside_or_on_path("peer-burn") {
        Some(path) => {
            let begin = [path.display().to_string()];
            ready.push(Peer {
                name: "burn".into(),
                command: [&begin[..], &words(OPTIONS), &words("--kind {kind}")].concat(),
            });
        }
        None => missing.push((
            "burn".into(),
            "build benches/peers/burn and put peer-burn beside triaxis or on the path".into(),
        )),
    }
    Ok(Found {
        ready,
        missing,
        _scripts: folder,
    })
}

/// The peers' names where no Python can tell them: keys of the script's table, whose values begin with a list.
fn names() -> impl Iterator<Item = &'static str> {
    let key = |line: &'static str| Some(line.strip_prefix("    \"")?.split_once("\": ([")?.0);
    SCRIPTS[0].1.lines().filter_map(key)
}

/// Names, and `ready` or how to get them.
fn list(python: &str, script: &str) -> Result<Vec<(String, String)>, String> {
    let how = "install Python 3 and name it by --python";
    let done = Command::new(python)
        .args([script, "list"])
        .stdin(Stdio::null())
        .output();
    let done = done.map_err(|error| format!("{how} ({python}: {error})"))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        let last = said.lines().last().unwrap_or_default();
        return Err(format!("{how} ({python}: {}: {last})", done.status));
    }
    let text = String::from_utf8_lossy(&done.stdout);
    let known = text.lines().filter_map(|line| line.split_once('\t'));
    Ok(known
        .map(|(name, state)| (name.to_owned(), state.to_owned()))
        .collect())
}

fn beside_or_on_path(name: &str) -> Option<PathBuf> {
    let beside = env::current_exe().ok()?.parent().map(Path::to_owned);
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = beside.into_iter().chain(env::split_paths(&path));
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    folders
        .map(|folder| folder.join(&file))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_have_names_without_a_python() {
        let found = find("a-python-that-is-not-there").unwrap();
        let missing = |name: &str| found.missing.iter().any(|(known, _)| known == name);
        let all = ["torch-cpu", "torch-cuda-nchw-compile", "ncnn-vulkan"];
        assert!(all.into_iter().all(missing), "{:?}", found.missing);
        let how = &found.missing[0].1;
        assert!(how.contains("a-python-that-is-not-there"), "{how}");
        let script = SCRIPTS[0].1;
        let table = script
            .split_once("PEERS = {")
            .unwrap()
            .1
            .split_once("\n}")
            .unwrap()
            .0;
        assert_eq!(names().count(), table.trim().lines().count());
    }
}
