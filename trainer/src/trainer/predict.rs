//! What the network says of the validation pictures, one by one.

use triaxis_engine::Arena;

use super::{Flow, Trainer, WeightKind, step};
use crate::data::Picture;
use crate::error::Result;
use crate::report::{Answer, Predictions};

/// Bytes of a pixel in a batch: red, green, blue and nought.
const PIXEL: usize = 4;

impl Trainer {
    /// Asks the network about every validation picture; `watch` hears how many batches are done and may stop it: `None`
    /// then.
    ///
    /// # Errors
    ///
    /// Data that cannot be read, a lost device.
    pub fn predictions(
        &mut self,
        weights: WeightKind,
        mut watch: impl FnMut(usize) -> Flow,
    ) -> Result<Option<Predictions>> {
        let [parameters, buffers] = weights.arenas();
        self.eval
            .copy_arena(&Arena::Parameters, &self.train, &parameters)?;
        self.eval
            .copy_arena(&Arena::Buffers, &self.train, &buffers)?;
        let mut all = Predictions::new(&self.classes, weights);
        let side = self.side;
        for (done, batch) in self.eval_loader.epoch(0, 0).enumerate() {
            let batch = batch?;
            step::write_batch(&self.eval, &self.eval_drawn, &batch)?;
            self.eval.run()?;
            let logits = self.eval.read(self.eval_drawn.logits)?;
            let answers = logits.chunks_exact(self.classes.len().max(1));
            for (at, logits) in answers.take(batch.valid).enumerate() {
                let class = batch.labels[at];
                all.add(Answer { class, logits }, || {
                    let pixels = side * side * PIXEL;
                    let rgb = batch.images[at * pixels..][..pixels].chunks_exact(PIXEL);
                    let picture = Picture {
                        width: side,
                        height: side,
                        rgb: rgb
                            .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
                            .collect(),
                    };
                    (self.eval_data.name(batch.indices[at] as usize), picture)
                });
            }
            if watch(done + 1) == Flow::Stop {
                return Ok(None);
            }
        }
        Ok(Some(all))
    }
}
