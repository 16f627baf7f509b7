//! What can be wrong with a data set.

use std::{fmt::Write as _, io, path::PathBuf};

use super::Tolerance;

/// Why data could not be used: what, where, what was expected and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// No such file or folder.
    #[error(
        "{} does not exist; give a folder of class folders, tar archives, Parquet files, CIFAR binary batches or IDX files, or `synthetic`",
        path.display()
    )]
    Missing {
        /// What was asked for.
        path: PathBuf,
    },
    /// The operating system refused to read a file or folder.
    #[error("{} cannot be read: {source}; check that it is still there and that you may read it", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder that holds no data in a layout we know.
    #[error("{}: {found}; expected {expected}", path.display())]
    Layout {
        /// The folder.
        path: PathBuf,
        /// What is there.
        found: String,
        /// What should be there, and what to do.
        expected: String,
    },
    /// Symbolic links that lead back to a folder above, or out of the data set.
    #[error("{} is a symbolic link {problem}; {advice}", path.display())]
    Link {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        problem: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// Fewer than two classes have pictures.
    #[error(
        "{} has pictures of {} only; a classifier needs at least two classes, one folder each",
        path.display(),
        match class { Some(name) => format!("one class, `{name}`,"), None => "no class".into() }
    )]
    TooFewClasses {
        /// The training data.
        path: PathBuf,
        /// The only class, if there is one.
        class: Option<String>,
    },
    /// Validation has classes that training lacks.
    #[error(
        "{} has classes that training lacks: {}; training has {}; rename or move the folders so that both agree",
        path.display(), list(extra), list(training)
    )]
    ForeignClasses {
        /// The validation data.
        path: PathBuf,
        /// Classes only in validation.
        extra: Vec<String>,
        /// The classes of training.
        training: Vec<String>,
    },
    /// A label that names no class.
    #[error(
        "{}, row {row}: label {label} is out of range; expected 0 to {}; the file is damaged or belongs to another data set",
        path.display(), classes.saturating_sub(1)
    )]
    Label {
        /// The file.
        path: PathBuf,
        /// Which record, from 0.
        row: usize,
        /// The label found.
        label: usize,
        /// How many classes there are.
        classes: usize,
    },
    /// A file of many pictures that is not what it should be.
    #[error("{}: {found}; expected {expected}; fetch or make the file again", path.display())]
    Container {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// A file whose first bytes are those of no picture format we read.
    #[error("{}: {found}, not a picture; expected JPEG, PNG, GIF, BMP, WebP or TIFF; remove or replace it", path.display())]
    NotAPicture {
        /// The file.
        path: PathBuf,
        /// What the first bytes look like.
        found: &'static str,
    },
    /// A picture that breaks off or contradicts itself.
    #[error("{}: damaged {format}: {reason}; fetch it again or remove it", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The format its first bytes claim.
        format: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// A picture or file over our caps, refused before memory was taken.
    #[error("{}: {found}, over the cap of {cap}; make it smaller or remove it", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How large it is.
        found: String,
        /// What is allowed.
        cap: String,
    },
    /// More pictures than tolerated cannot be decoded.
    #[error(
        "{damaged} of {pictures} pictures cannot be decoded, {tolerance}: {}; \
         `triaxis data check` lists them all: repair or remove them",
        examples.join("; ")
    )]
    TooManyDamaged {
        /// How many were found so far.
        damaged: usize,
        /// How many pictures the data set has.
        pictures: usize,
        /// What was put up with.
        tolerance: Tolerance,
        /// The first few, each with its path and reason.
        examples: Vec<String>,
    },
    /// Reading a picture ran into a fault of the program.
    #[error(
        "reading `{sample}` failed inside the program: {reason}; remove this picture to go on, and please report it with the file"
    )]
    Panicked {
        /// The picture's name.
        sample: String,
        /// The panic's message.
        reason: String,
    },
    /// Options that cannot be met.
    #[error("{option}: {problem}; {advice}")]
    Option {
        /// The option, with its value.
        option: String,
        /// Why it cannot be met.
        problem: String,
        /// What to do.
        advice: String,
    },
}

impl DataError {
    /// The process's exit code: 3 for data, 2 for an option that cannot be met.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Option { .. } => 2,
            _ => 3,
        }
    }

    /// Whether this concerns one picture, so that training may go on without it.
    #[must_use]
    pub fn is_one_picture(&self) -> bool {
        matches!(
            self,
            Self::Read { .. }
                | Self::NotAPicture { .. }
                | Self::Damaged { .. }
                | Self::TooLarge { .. }
        )
    }
}

/// Names for a message: at most twelve, then how many more.
pub(crate) fn list(names: &[String]) -> String {
    let mut text = String::new();
    for (i, name) in names.iter().take(12).enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        write!(text, "{comma}`{name}`").expect("writing to a string cannot fail");
    }
    if names.len() > 12 {
        write!(text, " and {} more", names.len() - 12).expect("writing to a string cannot fail");
    }
    if names.is_empty() {
        "none".into()
    } else {
        text
    }
}
