//! Trials: one run after the other that differ in their seeds, and what they have in common.

mod results;

use super::{Start, Train, Trial};
use crate::checkpoint::Pointer;
use crate::cli::pictures::tell;
use crate::cli::print::{self, counted};
use crate::cli::stop::Stop;
use crate::error::{Error, Result};
use crate::output::OutputLock;
use crate::recipe::Recipe;
use results::{Outcome, Results};

/// More would be no trials any more.
const MOST: usize = 1000;

impl Train {
    /// Trains with one seed after the other. Each trial is a run of its own, in a folder of its own: the same command goes on
    /// with the one that was interrupted, and leaves those that are done as they are. One that diverges ends no other; its
    /// error is the command's, at its end.
    pub(super) fn trials(&self, start: &Start) -> Result<()> {
        let directory = &start.directory;
        let seeds = seeds(start.recipe.seed, self.run.trials)?;
        if directory.join(Pointer::Last.name()).exists() {
            return Err(Error::config(
                directory.display().to_string(),
                "a run lies in this folder, and trials would lie among its checkpoints",
                "Give another --experiment, or leave out --trials",
            ));
        }
        // Held to the end: what is made of all trials has one writer.
        let _lock = OutputLock::acquire(directory)?;
        let stop = Stop::listen(self.run.time_limit)
            .map_err(|e| Error::disk("listen to signals", directory, None, e))?;
        let done = results::done(directory);
        let mut results = Results {
            model: start.spec.name.clone(),
            seeds: seeds.clone(),
            ended: Vec::new(),
        };
        let mut first = None;
        for (place, &seed) in seeds.iter().enumerate() {
            let folder = directory.join(results::folder(seed));
            let is_known = done.contains(&seed);
            let trained = self.train(Start {
                recipe: Recipe {
                    seed,
                    ..start.recipe.clone()
                },
                directory: folder.clone(),
                trial: Some(Trial {
                    title: format!("trial {} of {}: seed {seed}", place + 1, seeds.len()),
                    stop: stop.clone(),
                    is_known,
                }),
                ..start.clone()
            });
            let outcome = match trained {
                Ok(rows) => Outcome::Done(rows),
                Err(error @ Error::Diverged { .. }) => {
                    let message = error.to_string();
                    if !self.quiet {
                        tell(&format!("seed {seed} diverged: {message}"));
                    }
                    first.get_or_insert((seed, error));
                    Outcome::Diverged(message)
                }
                Err(error) => return Err(error),
            };
            let is_done = matches!(outcome, Outcome::Done(_));
            results.ended.push((seed, outcome));
            if is_known {
                // It took no time: the next takes a step whatever was asked for, or little time would lead nowhere.
                continue;
            }
            results.write(directory)?;
            if place + 1 < seeds.len() && is_done && stop.requested() {
                return Err(Error::Stopped { checkpoint: folder });
            }
        }
        let table = results.write(directory)?;
        if self.json {
            print::text(&results.json())?;
        } else if !self.quiet {
            print::text(&results.line())?;
            print::text(&table.display().to_string())?;
        }
        match first {
            None => Ok(()),
            Some((seed, error)) => {
                let failed = results.diverged().len();
                let trials = counted(seeds.len(), "trial", "trials");
                Err(among_trials(
                    error,
                    &format!("That was seed {seed}; of {trials} {failed} diverged"),
                ))
            }
        }
    }
}

/// The seeds of so many trials.
fn seeds(first: u64, trials: usize) -> Result<Vec<u64>> {
    if trials > MOST {
        return Err(Error::config(
            "--trials",
            format!("{trials} are more than {MOST}"),
            "Give fewer",
        ));
    }
    let last = first.saturating_add(trials as u64 - 1);
    // A recipe's file holds no larger number.
    if last > i64::MAX as u64 {
        return Err(Error::config(
            "--seed",
            format!("the last of {trials} trials would have the seed {last}, beyond 2^63 - 1"),
            "Give a smaller one",
        ));
    }
    Ok((first..=last).collect())
}

/// The error of a trial that diverged, with what is said of the others.
fn among_trials(error: Error, others: &str) -> Error {
    match error {
        Error::Diverged {
            step,
            epoch,
            what,
            help,
        } => Error::Diverged {
            step,
            epoch,
            what,
            help: format!("{}. {others}", help.trim_end_matches('.')),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_follow_each_other_and_end_where_a_recipes_do() {
        let largest = i64::MAX as u64;
        assert_eq!(seeds(5, 3).unwrap(), [5, 6, 7]);
        assert_eq!(seeds(largest - 1, 2).unwrap(), [largest - 1, largest]);
        assert_eq!(seeds(0, MOST).unwrap().len(), MOST);
        for (first, trials, option) in [
            (largest, 2, "--seed"),
            (u64::MAX, 3, "--seed"),
            (0, MOST + 1, "--trials"),
            (0, usize::MAX, "--trials"),
        ] {
            let error = seeds(first, trials).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{error}");
            assert!(error.to_string().starts_with(option), "{error}");
        }
    }
}
