//! Options of the data: what is put up with, and what is followed.

use clap::{Args, ValueEnum};

use crate::checkpoint::Origin;
use crate::cli::links::Links;
use crate::data::Fingerprint;
use crate::error::{Error, Result};
use crate::recipe::{DamagedPictures, Recipe, Residence};

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OnDamaged {
    /// Leave them out, up to 1 % of a split
    Skip,
    /// Stop at the first
    Fail,
    /// Show grey in their place under the same label, up to 1 % of a split: each epoch and evaluation counts the same pictures
    Gray,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum When {
    /// Where nothing is done to them on the host, and they take no more than a quarter of --memory-limit or, without it, of
    /// the largest binding
    Auto,
    /// Each batch is uploaded
    Never,
}

/// What the recipe holds.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Data")]
pub(super) struct DataRecipeOptions {
    /// What to do about pictures that cannot be used [default: skip]
    #[arg(long, value_enum)]
    on_damaged: Option<OnDamaged>,
    /// Whether training pictures stay in GPU memory; does not change the result [default: auto]
    #[arg(long, value_enum, value_name = "WHEN")]
    resident_data: Option<When>,
}

impl DataRecipeOptions {
    pub(super) fn apply(&self, recipe: &mut Recipe) {
        if let Some(given) = self.on_damaged {
            recipe.data.damaged = match given {
                OnDamaged::Skip => DamagedPictures::Skip,
                OnDamaged::Fail => DamagedPictures::Fail,
                OnDamaged::Gray => DamagedPictures::Gray,
            };
        }
        if let Some(given) = self.resident_data {
            recipe.data.resident = match given {
                When::Auto => Residence::Auto,
                When::Never => Residence::Never,
            };
        }
    }
}

/// What decides whether data is taken, but nothing about the numbers.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Data")]
pub(in crate::cli) struct DataFlags {
    /// Do not go on with a run whose data has changed since its last checkpoint
    #[arg(long)]
    strict_data: bool,
    #[command(flatten)]
    pub(in crate::cli) links: Links,
}

impl DataFlags {
    /// What is to be said where the data is not that of a checkpoint.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] with the same words where the data must not change.
    pub(in crate::cli) fn compare(
        &self,
        place: &str,
        before: &Origin,
        now: &[Fingerprint],
    ) -> Result<Option<String>> {
        let named = ["training", "validation"].into_iter();
        let pairs = named.zip(before.data.iter().zip(now));
        let changes: Vec<String> = pairs
            .filter(|(_, (before, now))| before != now)
            .map(|(split, (before, now))| {
                let words =
                    |f: &Fingerprint| format!("{} pictures of {} bytes", f.pictures, f.bytes);
                match words(before) == words(now) {
                    true => {
                        format!("{split} has as many pictures under other names, labels or sizes")
                    }
                    false => format!("{split} had {}, now {}", words(before), words(now)),
                }
            })
            .collect();
        if changes.is_empty() {
            return Ok(None);
        }
        let problem = format!(
            "the data has changed since the last checkpoint: {}",
            changes.join("; ")
        );
        match self.strict_data {
            true => Err(Error::data(
                place,
                problem,
                "Give the data as it was, or leave out --strict-data",
            )),
            false => Ok(Some(problem)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(pictures: usize, bytes: u64, hash: &str) -> Fingerprint {
        let hash = hash.into();
        Fingerprint {
            pictures,
            bytes,
            hash,
        }
    }

    #[test]
    fn data_that_changed_is_told_or_refused() {
        let origin = |data: &[Fingerprint]| Origin {
            data: data.to_vec(),
            ..Origin::default()
        };
        let (train, validation) = (print(9, 900, "a"), print(3, 300, "b"));
        let now = [train.clone(), validation.clone()];
        let told = |strict_data, before: &[Fingerprint]| {
            let flags = DataFlags {
                strict_data,
                ..DataFlags::default()
            };
            flags.compare("data", &origin(before), &now)
        };
        // A checkpoint of before fingerprints were kept says nothing.
        for same in [&now[..], &[]] {
            assert_eq!(told(true, same).unwrap(), None);
        }
        let text = told(false, &[print(8, 800, "c"), validation.clone()])
            .unwrap()
            .unwrap();
        assert!(
            text.contains("training had 8 pictures of 800 bytes, now 9 pictures of 900 bytes")
                && !text.contains("validation"),
            "{text}"
        );
        let error = told(true, &[train, print(3, 300, "x")]).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        let text = error.to_string();
        assert!(
            text.contains("validation has as many pictures") && text.contains("--strict-data"),
            "{text}"
        );
    }
}
