//! A report as a person reads it.

use std::fmt;

use super::{CheckReport, SplitReport};

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.path)?;
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        describe(f, "training", &self.train)?;
        describe(f, "validation", &self.validation)?;
        if !self.duplicates.is_empty() {
            writeln!(
                f,
                "\n{} validation pictures are also in training: accuracy will flatter",
                self.duplicates.len()
            )?;
        }
        let pairs = self.duplicates.iter().map(|twin| Twins {
            picture: &twin.validation,
            other: &twin.train,
            contradiction: twin.contradiction.as_ref(),
        });
        list_twins(f, "  ", pairs.collect())?;
        let verdict = match (
            self.is_unusable(),
            self.train.damaged.len() + self.validation.damaged.len(),
        ) {
            (true, _) => "more than 1 % is damaged: training would stop",
            (false, 0) => "every picture decodes",
            (false, _) => "damaged pictures will be skipped, unless --on-damaged says otherwise",
        };
        writeln!(f, "\n{verdict}")
    }
}

/// Lines of a list in the text; the JSON has all.
const SHOWN: usize = 20;

fn describe(f: &mut fmt::Formatter<'_>, title: &str, split: &SplitReport) -> fmt::Result {
    let pictures = split.fingerprint.pictures;
    writeln!(
        f,
        "\n{title}: {pictures} pictures in {} classes, {} bytes",
        split.classes.len(),
        split.fingerprint.bytes
    )?;
    let width = split
        .classes
        .iter()
        .map(|class| class.name.chars().count())
        .max()
        .unwrap_or(0);
    for class in &split.classes {
        writeln!(f, "  {:width$}  {}", class.name, class.pictures)?;
    }
    if split.imbalance > 1.0 {
        writeln!(
            f,
            "  the largest class has {:.1} times the pictures of the smallest",
            split.imbalance
        )?;
    }
    if let Some(sizes) = &split.sizes {
        let text = |[width, height]: [usize; 2]| format!("{width}×{height}");
        writeln!(
            f,
            "  sizes: {} to {}, median {}, {} different",
            text(sizes.smallest),
            text(sizes.largest),
            text(sizes.median),
            sizes.different
        )?;
    }
    if !split.formats.is_empty() {
        let text: Vec<String> = split
            .formats
            .iter()
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        writeln!(f, "  formats: {}", text.join(", "))?;
    }
    if !split.damaged.is_empty() {
        writeln!(f, "  {} cannot be decoded:", split.damaged.len())?;
    }
    for damaged in split.damaged.iter().take(SHOWN) {
        writeln!(f, "    {}", damaged.reason)?;
    }
    more(f, split.damaged.len())?;
    if !split.repeated.is_empty() {
        writeln!(
            f,
            "  {} are equal to another picture:",
            split.repeated.len()
        )?;
    }
    let pairs = split.repeated.iter().map(|twin| Twins {
        picture: &twin.picture,
        other: &twin.first,
        contradiction: twin.contradiction.as_ref(),
    });
    list_twins(f, "    ", pairs.collect())
}

/// Two equal pictures.
struct Twins<'a> {
    picture: &'a str,
    other: &'a str,
    /// The classes of the other and of the picture.
    contradiction: Option<&'a [String; 2]>,
}

/// A line for each pair; those that contradict each other come first, since the list may not be told to its end.
fn list_twins(f: &mut fmt::Formatter<'_>, indent: &str, mut all: Vec<Twins<'_>>) -> fmt::Result {
    all.sort_by_key(|twins| twins.contradiction.is_none());
    let contradictions = all.iter().filter(|twins| twins.contradiction.is_some());
    let contradictions = contradictions.count();
    if contradictions > 0 {
        writeln!(
            f,
            "{indent}the labels of {contradictions} contradict each other"
        )?;
    }
    for twins in all.iter().take(SHOWN) {
        write!(f, "{indent}{} = {}", twins.picture, twins.other)?;
        match twins.contradiction {
            Some([other, own]) => writeln!(f, ", one is `{own}`, the other `{other}`")?,
            None => writeln!(f)?,
        }
    }
    more(f, all.len())
}

fn more(f: &mut fmt::Formatter<'_>, count: usize) -> fmt::Result {
    if count > SHOWN {
        writeln!(f, "    and {} more", count - SHOWN)?;
    }
    Ok(())
}
