//! A trainer's whole state, to and from a checkpoint.

use std::path::Path;

use triaxis_engine::{Arena, Plan};

use super::position::Cut;
use super::swa::WeightSum;
use super::{Mishaps, Trainer, WeightKind};
use crate::checkpoint::{Best, NamedTensor, Origin, Snapshot, State, Swa, compare};
use crate::data::Fingerprint;
use crate::error::{Error, Result};
use crate::report::{EpochRow, Evaluation};
use crate::weights::Fitted;

impl Trainer {
    /// Everything that is needed to go on as if training had never stopped.
    ///
    /// # Errors
    ///
    /// A lost device.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let mut optimizer = Vec::new();
        for arena in self.optimizer_arenas() {
            let named = |(name, shape, data): (String, _, _)| NamedTensor {
                name: slot(&arena, &name),
                shape,
                data,
            };
            optimizer.extend(self.train.export(&arena)?.into_iter().map(named));
        }
        for state in self.train.graph().states() {
            let shape = self.train.graph().shape(state);
            let name = format!("state.{}", self.train.graph().name(state));
            optimizer.push(NamedTensor {
                name,
                shape: shape.0.into(),
                data: self.train.read(state)?,
            });
        }
        let mut snapshot = Snapshot {
            model: self.weights()?,
            optimizer,
            ema: match self.has_ema() {
                true => Some(self.weights_of(WeightKind::Ema)?),
                false => None,
            },
            swa: match self.swa.epochs {
                0 => None,
                _ => Some(Swa {
                    mean: self.weights_of(WeightKind::Swa)?,
                    sum: self.swa.tensors.clone(),
                }),
            },
            state: State {
                step: self.step,
                epoch: self.epoch as u64,
                batch: self.batch as u64,
                swa_epochs: self.swa.epochs,
                best: self.best.clone(),
                rows: self.rows.clone(),
                ..State::default()
            },
            origin: Origin {
                recipe: self.recipe.hash(),
                network: self.model.description(),
                classes: self.classes.clone(),
                code: env!("CARGO_PKG_VERSION").into(),
                adapter: Some(format!(
                    "{} {}",
                    self.gpu.info().name,
                    self.gpu.info().driver
                )),
                preprocess: Some(self.recipe.preprocess(self.side)),
                data: self.data_fingerprints().into(),
            },
        };
        self.mishaps.save(&mut snapshot);
        self.cut().save(&mut snapshot.state);
        Ok(snapshot)
    }

    /// What tells whether the data is that of a checkpoint: of training, and of validation.
    pub fn data_fingerprints(&self) -> [Fingerprint; 2] {
        [&self.loader, &self.eval_loader].map(|loader| loader.data().fingerprint())
    }

    /// The weights and running statistics, under PyTorch's names, in its order of numbers.
    ///
    /// # Errors
    ///
    /// A lost device.
    pub fn weights(&self) -> Result<Vec<NamedTensor>> {
        self.weights_of(WeightKind::Raw)
    }

    fn weights_of(&self, kind: WeightKind) -> Result<Vec<NamedTensor>> {
        let [parameters, buffers] = kind.arenas();
        let mut weights = tensors(&self.train, &parameters)?;
        weights.extend(tensors_of_buffers(&self.train, &buffers)?);
        Ok(weights)
    }

    /// Puts these weights in the place of the random ones that training would begin from; their average begins there, too.
    ///
    /// # Errors
    ///
    /// A lost device.
    pub fn begin_from(&mut self, weights: &Fitted) -> Result<()> {
        weights.write(&self.train)?;
        self.begin_average()
    }

    /// Goes on from a snapshot; `path` names it in errors. With another batch size or other data than its own, the epoch in
    /// progress goes on where about as many pictures are done and an update begins.
    ///
    /// # Errors
    ///
    /// [`Error::Mismatch`] for a snapshot of another network or optimizer, [`Error::Data`] for other classes,
    /// [`Error::Checkpoint`] for a state that no run has. Nothing has changed then.
    pub fn restore(&mut self, snapshot: &Snapshot, path: &Path) -> Result<()> {
        if snapshot.origin.classes != self.classes {
            return Err(Error::data(
                path,
                format!(
                    "it was trained on the classes {}, the data has {}",
                    listed(&snapshot.origin.classes),
                    listed(&self.classes)
                ),
                "Give the data it was trained on, or another --experiment",
            ));
        }
        if let Some(problem) = snapshot.state.problem() {
            return Err(Error::checkpoint(path, problem, "Resume from another one"));
        }
        let unreadable = |error| {
            let help = "Use the version of triaxis that wrote it, or a later one";
            Error::checkpoint(path, format!("its state cannot be read: {error}"), help)
        };
        let mishaps = Mishaps::of(snapshot).map_err(unreadable)?;
        let before = Cut::of(&snapshot.state).map_err(unreadable)?;
        let own = self.snapshot()?;
        expect_same(path, &own.model, &snapshot.model)?;
        expect_same(path, &own.optimizer, &snapshot.optimizer)?;
        expect_same(
            path,
            own.ema.as_deref().unwrap_or(&[]),
            snapshot.ema.as_deref().unwrap_or(&[]),
        )?;
        self.expect_swa(&own.model, snapshot, path)?;
        for (kind, tensors) in [
            (WeightKind::Raw, Some(&snapshot.model)),
            (WeightKind::Ema, snapshot.ema.as_ref()),
            (WeightKind::Swa, snapshot.swa.as_ref().map(|swa| &swa.mean)),
        ] {
            for tensor in tensors.into_iter().flatten() {
                self.import(&kind.arenas(), &tensor.name, &tensor.data)?;
            }
        }
        for arena in self.optimizer_arenas() {
            for tensor in &snapshot.optimizer {
                if let Some(name) = tensor.name.strip_prefix(&slot(&arena, "")) {
                    self.import(std::slice::from_ref(&arena), name, &tensor.data)?;
                }
            }
        }
        for state in self.train.graph().states() {
            let name = format!("state.{}", self.train.graph().name(state));
            if let Some(tensor) = snapshot.optimizer.iter().find(|t| t.name == name) {
                self.train.write(state, &tensor.data)?;
            }
        }
        let State {
            step,
            epoch,
            batch,
            best,
            rows,
            ..
        } = snapshot.state.clone();
        let accumulated = self.recipe.grad_accum_steps;
        let before = before.unwrap_or(self.cut());
        let batch = self.cut().translate(before, batch as usize, accumulated);
        (self.step, self.epoch, self.batch) = (step, epoch as usize, batch);
        (self.best, self.rows) = (best, rows);
        self.mishaps = mishaps;
        self.swa = WeightSum::of(snapshot);
        Ok(())
    }

    /// Adds the outcome of the epoch in progress, which is done by that; whether it is the best so far.
    pub fn record(&mut self, row: EpochRow) -> bool {
        let (weights, Evaluation { top1, .. }) = row.best();
        let better = self.best.as_ref().is_none_or(|best| top1 > best.top1);
        if better {
            self.best = Some(Best {
                epoch: row.epoch,
                top1,
                weights,
            });
        }
        self.rows.push(row);
        self.epoch += 1;
        self.batch = 0;
        better
    }

    /// The outcome of every epoch done.
    pub fn rows(&self) -> &[EpochRow] {
        &self.rows
    }

    /// The best evaluation so far.
    pub fn best(&self) -> Option<&Best> {
        self.best.as_ref()
    }

    /// What the optimizer keeps for every parameter. A sum of several batches is not among it: it is complete wherever a
    /// run may stop.
    fn optimizer_arenas(&self) -> Vec<Arena> {
        let kept = |arena: &&Arena| matches!(arena, Arena::OfParameters(name) if !["average", "swa", "accumulated"].contains(name));
        self.train.arenas().filter(kept).cloned().collect()
    }

    fn import(&self, arenas: &[Arena], name: &str, data: &[f32]) -> Result<()> {
        for arena in arenas {
            if self.train.import(arena, name, data)? {
                break;
            }
        }
        Ok(())
    }
}

/// The first classes of a list, and how many there are.
fn listed(classes: &[String]) -> String {
    const MOST: usize = 12;
    let names: Vec<String> = classes
        .iter()
        .take(MOST)
        .map(|c| format!("`{c}`"))
        .collect();
    match classes.len() {
        count if count > MOST => format!("{} and {} more", names.join(", "), count - MOST),
        _ => names.join(", "),
    }
}

fn slot(arena: &Arena, name: &str) -> String {
    match arena {
        Arena::OfParameters(slot) | Arena::OfBuffers(slot) => format!("{slot}.{name}"),
        Arena::Parameters | Arena::Gradients | Arena::Buffers => name.into(),
    }
}

fn tensors(plan: &Plan, arena: &Arena) -> Result<Vec<NamedTensor>> {
    let named = |(name, shape, data)| NamedTensor { name, shape, data };
    Ok(plan.export(arena)?.into_iter().map(named).collect())
}

/// Running statistics, of which a network may have none.
fn tensors_of_buffers(plan: &Plan, arena: &Arena) -> Result<Vec<NamedTensor>> {
    if plan.graph().buffers().is_empty() {
        Ok(Vec::new())
    } else {
        tensors(plan, arena)
    }
}

pub(super) fn expect_same<T>(
    path: &Path,
    own: &[NamedTensor],
    found: &[NamedTensor<T>],
) -> Result<()> {
    let list = |tensors: &[NamedTensor]| {
        tensors
            .iter()
            .map(|t| (t.name.clone(), t.shape.clone()))
            .collect::<Vec<_>>()
    };
    compare(&list(own), found).map_err(|mismatch| Error::Mismatch {
        path: path.into(),
        mismatch,
    })
}
