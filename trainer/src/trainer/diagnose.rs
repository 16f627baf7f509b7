//! Which node made the first number that is not finite.

use triaxis_engine::{Arena, NodeId, Plan, Value};

use super::{Trainer, draw};
use crate::error::{Error, Result};

impl Trainer {
    /// The error for a batch of the epoch in progress whose loss was not finite, naming the first node at fault: the
    /// batch is run again with every value kept. A step with a gradient that is not finite changes no weight, so
    /// these are the weights that made it.
    pub(super) fn diagnose(&mut self, batch: usize) -> Error {
        let what = match self.first_non_finite(batch) {
            Ok(Some(what)) => what,
            // Without the memory for it, or where a later step repaired it.
            Ok(None) | Err(_) => "the training loss".into(),
        };
        Error::Diverged {
            // Losses arrive some steps late.
            step: self.step - (self.batch - batch - 1) as u64,
            epoch: self.epoch as u64,
            what,
            help: "Checkpoints are as they were before. Lower --lr, lengthen --warmup-epochs or give --clip-grad, and \
                   begin anew under another --experiment"
                .into(),
        }
    }

    fn first_non_finite(&mut self, batch: usize) -> Result<Option<String>> {
        let finite = |numbers: &[f32]| numbers.iter().all(|x| x.is_finite());
        for arena in [Arena::Parameters, Arena::Buffers] {
            for (name, _, numbers) in self.train.export(&arena)? {
                if arena == Arena::Parameters && !finite(&numbers) {
                    return Ok(Some(name));
                }
            }
        }
        let Some(pictures) = self.loader.epoch(self.epoch as u32, batch).next() else {
            return Ok(None);
        };
        let drawn = draw::training(
            &*self.model,
            &self.recipe,
            self.recipe.batch_size,
            self.side,
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
        let kept = std::mem::replace(&mut self.train, plan);
        let here = std::mem::replace(&mut self.batch, batch);
        let found = self.run_and_search(&pictures?, &nodes);
        self.train = kept;
        self.batch = here;
        found
    }

    fn run_and_search(
        &mut self,
        pictures: &crate::data::Batch,
        nodes: &[NodeId],
    ) -> Result<Option<String>> {
        self.write_batch(&self.train, &self.train_drawn, pictures)?;
        self.write_step(self.epoch as u32, pictures)?;
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
