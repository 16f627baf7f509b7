//! The project's files as texts, and lines of Rust without what they only say.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Text files of the project by their path from its root, with `/` between folders.
pub(super) struct Tree(Vec<(String, String)>);

impl Tree {
    /// What git tracks or would offer to, or all files where there is no git (a source archive).
    pub(super) fn of_project() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("this crate is a folder of the workspace");
        let mut paths = listed_by_git(root).unwrap_or_else(|| walk(root));
        paths.sort();
        let files: Vec<_> = paths
            .into_iter()
            .filter_map(|path| {
                let text = fs::read_to_string(root.join(&path)).ok()?; // pictures and weights are not text
                Some((path, text))
            })
            .collect();
        assert!(
            files.iter().any(|(path, _)| path == "Cargo.toml"),
            "{} holds no project",
            root.display()
        );
        Self(files)
    }

    pub(super) fn from_texts(files: &[(&str, &str)]) -> Self {
        Self(
            files
                .iter()
                .map(|(path, text)| (path.to_string(), text.to_string()))
                .collect(),
        )
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    pub(super) fn with_extension<'a>(
        &'a self,
        extension: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.iter()
            .filter(move |(path, _)| Path::new(path).extension().is_some_and(|e| e == extension))
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.iter().find(|(p, _)| *p == path).map(|(_, text)| text)
    }

    /// Names of the files `folder/<name>.<extension>`.
    pub(super) fn names(&self, folder: &str, extension: &str) -> BTreeSet<String> {
        self.with_extension(extension)
            .map(|(path, _)| Path::new(path))
            .filter(|path| path.parent() == Some(Path::new(folder)))
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
            .collect()
    }
}

fn listed_by_git(root: &Path) -> Option<Vec<String>> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root)
        .output()
        .ok()?;
    let text = String::from_utf8(listed.stdout)
        .ok()
        .filter(|_| listed.status.success())?;
    let paths: Vec<_> = text
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
        .collect();
    // A source archive unpacked inside some other repository: git answers, but not about these files.
    paths
        .iter()
        .any(|path| path == "Cargo.toml")
        .then_some(paths)
}

fn walk(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))
            .into_iter()
            .flatten()
            .flatten()
        {
            let path = folder.join(entry.file_name());
            let generated = ["target", "output", ".git"]
                .iter()
                .any(|name| path == Path::new(name));
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !generated => folders.push(path),
                Ok(kind) if kind.is_file() => found.push(path.to_string_lossy().replace('\\', "/")),
                _ => {}
            }
        }
    }
    found
}

/// A line of Rust without its comment and without what its string literals say.
pub(super) fn code_of(line: &str) -> String {
    let mut code = String::new();
    let mut quoted = false;
    let line = line.replace("'\"'", ""); // the one character that would open a string
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if quoted => _ = chars.next(),
            '"' => quoted = !quoted,
            '/' if !quoted && chars.peek() == Some(&'/') => break,
            _ if !quoted => code.push(c),
            _ => {}
        }
    }
    code
}

/// Whether `code` has `word` by itself, not as a part of a longer name.
pub(super) fn has_word(code: &str, word: &str) -> bool {
    code.split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|w| w == word)
}
