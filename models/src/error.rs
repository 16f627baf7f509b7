use std::path::PathBuf;

/// What this crate refuses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that the zoo does not know.
    #[error("no model is named `{name}`: {}`triaxis models` lists all names, and a path that ends in .toml names a file", suggestion(.similar))]
    UnknownModel {
        /// The name.
        name: String,
        /// Names that are spelled much like it, best first.
        similar: Vec<String>,
    },
    /// A description that does not say a network.
    #[error("{}{what}", place(.path.as_ref(), *.line))]
    Spec {
        /// The file, if it came from one.
        path: Option<PathBuf>,
        /// The line, counted from 1, where one is to blame.
        line: Option<usize>,
        /// What is wrong and what was expected.
        what: String,
    },
    /// A file that cannot be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The engine refused a drawing.
    #[error(transparent)]
    Engine(#[from] crate::engine::Error),
}

impl Error {
    /// A description that says no network, from no file.
    pub(crate) fn spec(what: impl Into<String>) -> Self {
        Self::Spec {
            path: None,
            line: None,
            what: what.into(),
        }
    }
}

/// This crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

fn suggestion(similar: &[String]) -> String {
    match similar {
        [] => String::new(),
        [name] => format!("did you mean `{name}`? "),
        [names @ .., last] => format!("did you mean `{}` or `{last}`? ", names.join("`, `")),
    }
}

fn place(path: Option<&PathBuf>, line: Option<usize>) -> String {
    match (path, line) {
        (Some(path), Some(line)) => format!("{}, line {line}: ", path.display()),
        (Some(path), None) => format!("{}: ", path.display()),
        (None, Some(line)) => format!("line {line}: "),
        (None, None) => String::new(),
    }
}

/// The candidates spelled most like `name`, best first: at most three, none that differs in more than half.
pub(crate) fn similar<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<String> {
    let name = name.to_lowercase();
    let mut scored: Vec<(f64, &str)> = candidates
        .map(|c| {
            (
                strsim::normalized_damerau_levenshtein(&name, &c.to_lowercase()),
                c,
            )
        })
        .filter(|(score, _)| *score > 0.5)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.iter().take(3).map(|(_, c)| (*c).into()).collect()
}
