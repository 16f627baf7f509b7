//! Which node made the first number that is not finite.

use serde::Serialize;
use triaxis_engine::{Arena, NodeId, Plan, Value};

use super::{Trainer, draw, resident, step};
use crate::error::{Error, Result};

/// What made a step end the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// A loss or gradient that was not finite.
    NotFinite,
    /// Gradients that f16 did not hold, whatever the loss was scaled by.
    EveryScale,
}

/// The step at which numbers left the finite, and the pictures of its batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suspects {
    /// The optimizer step.
    pub step: u64,
    /// The epoch, from 0.
    pub epoch: u64,
    /// The batch of the epoch, from 0.
    pub batch: usize,
    /// The first value that was not finite, by its path in the network.
    pub what: String,
    /// The pictures of the batch, in its order.
    pub pictures: Vec<Suspect>,
}

/// A picture of the batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suspect {
    /// Its index in the training data.
    pub index: u32,
    /// Its file, or what else it is called.
    pub name: String,
    /// The name of its class.
    pub class: String,
}

impl Trainer {
    /// The step at which numbers last left the finite, and the pictures of its batch; told once.
    pub fn take_suspects(&mut self) -> Option<Suspects> {
        self.suspects.take()
    }

    /// The error for a batch of the epoch in progress whose loss or gradients were not finite, naming the first node at
    /// fault: the batch is run again with every value kept. Such a step changes no weight, so these are the weights
    /// that made it.
    pub(super) fn diagnose(&mut self, batch: usize, cause: Cause) -> Error {
        let help = match cause {
            Cause::NotFinite => {
                "Checkpoints are as they were before. Lower --lr, lengthen --warmup-epochs or give --clip-grad, and \
                 begin anew under another --experiment"
            }
            Cause::EveryScale => {
                "The loss was scaled down to 1e-4, step by step, and f16 still did not hold its gradients. Checkpoints are \
                 as they were before. Lower --lr or train without --amp, and begin anew under another --experiment"
            }
        };
        let what = match self.first_non_finite(batch) {
            Ok(Some(what)) => what,
            // Without the memory for it, or where a later step repaired it.
            Ok(None) | Err(_) => "the training loss".into(),
        };
        // Losses arrive some steps late.
        let step = self.step - (self.batch - batch - 1) as u64;
        let epoch = self.epoch as u64;
        self.suspects = Some(Suspects {
            step,
            epoch,
            batch,
            what: what.clone(),
            pictures: self.pictures_of(batch),
        });
        Error::Diverged {
            step,
            epoch,
            what,
            help: help.into(),
        }
    }

    /// The pictures of a batch of the epoch in progress; none where they cannot be read again.
    fn pictures_of(&self, batch: usize) -> Vec<Suspect> {
        let Some(Ok(pictures)) = self.loader.epoch(self.epoch as u32, batch).next() else {
            return Vec::new();
        };
        let suspect = |&index: &u32| {
            let at = index as usize;
            let class = self.data.classes().get(self.data.label(at));
            Suspect {
                index,
                name: self.data.name(at),
                class: class.cloned().unwrap_or_default(),
            }
        };
        pictures.indices.iter().map(suspect).collect()
    }

    fn first_non_finite(&mut self, batch: usize) -> Result<Option<String>> {
        for (name, _, numbers) in self.train.export(&Arena::Parameters)? {
            if !numbers.iter().all(|x| x.is_finite()) {
                return Ok(Some(name));
            }
        }
        let Some(pictures) = self.loader.epoch(self.epoch as u32, batch).next() else {
            return Ok(None);
        };
        let pictures = pictures?;
        let drawn = draw::training_from(
            &*self.model,
            &self.recipe,
            [self.recipe.batch_size, self.side],
            self.source(),
        )?;
        let update = drawn
            .graph
            .nodes()
            .find(|&id| !drawn.graph.node(id).op.updates().is_empty() && past(&drawn, id));
        let nodes: Vec<NodeId> = drawn
            .graph
            .nodes()
            .take_while(|&id| Some(id) != update)
            .collect();
        let outputs: Vec<Value> = nodes
            .iter()
            .flat_map(|&id| drawn.graph.node(id).outputs.clone())
            .collect();
        let plan = Plan::compile(&self.gpu, &drawn.graph, &outputs)?;
        plan.initialise(self.recipe.seed)?;
        plan.copy_arena(&Arena::Parameters, &self.train, &Arena::Parameters)?;
        plan.copy_arena(&Arena::Buffers, &self.train, &Arena::Buffers)?;
        for state in self.train.graph().states() {
            plan.write(state, &self.train.read(state)?)?;
        }
        let kept = std::mem::replace(&mut self.train, plan);
        let step = self.step - (self.batch - batch) as u64;
        let step = std::mem::replace(&mut self.step, step);
        let here = std::mem::replace(&mut self.batch, batch);
        let found = self.run_and_search(&pictures, &nodes);
        self.train = kept;
        (self.step, self.batch) = (step, here);
        found
    }

    fn run_and_search(
        &mut self,
        pictures: &crate::data::Batch,
        nodes: &[NodeId],
    ) -> Result<Option<String>> {
        let (plan, drawn) = (&self.train, &self.train_drawn);
        if let Some(data) = drawn.data {
            resident::write(plan, data, pictures, |_| true)?;
        }
        step::write(plan, drawn, &self.recipe, pictures, self.place())?;
        self.train.run()?;
        for &id in nodes {
            let node = self.train.graph().node(id).clone();
            for value in &node.outputs {
                if !self.train.read(*value)?.iter().all(|x| x.is_finite()) {
                    return Ok(Some(node.path()));
                }
            }
        }
        Ok(None)
    }
}

/// Whether a node stands behind the loss: only the update does, running statistics move before it.
fn past(drawn: &draw::Drawn, id: NodeId) -> bool {
    drawn
        .graph
        .node(id)
        .inputs
        .iter()
        .any(|&x| *drawn.graph.kind(x) == triaxis_engine::Kind::Arena(Arena::Gradients))
}
