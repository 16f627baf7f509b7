//! Training pictures that stay in the device's memory: each is uploaded when the first batch has it.
//!
//! That is possible where the host does nothing to them that differs from epoch to epoch (`--augment gpu`, or nothing but moves
//! and flips), and worth its memory where all of them are small.

use triaxis_engine::{Gpu, Plan, Value};
use triaxis_models::Model;

use super::Trainer;
use super::draw::{self, Drawn, Source};
use crate::data::Batch;
use crate::error::Result;
use crate::recipe::{Recipe, Residence};

/// Bytes that a pixel takes on the device.
const PIXEL: u64 = 4;

/// The step of a device that keeps the data's `pictures`; `None` where the recipe is against it, or where they take more than
/// a quarter of the memory limit, or, without one, of the largest binding.
pub(super) fn drawn(
    gpu: &Gpu,
    model: &dyn Model,
    recipe: &Recipe,
    [batch, side]: [usize; 2],
    pictures: usize,
) -> Result<Option<Drawn>> {
    let limits = gpu.limits();
    let room = gpu.memory_limit().unwrap_or(limits.binding) / 4;
    let bytes = pictures as u64 * (side * side) as u64 * PIXEL;
    if recipe.data.resident == Residence::Never
        || bytes > room.min(limits.buffer)
        || recipe.on_host()?.is_some()
    {
        return Ok(None);
    }
    let source = Source::Kept(pictures);
    Ok(Some(draw::training_from(
        model,
        recipe,
        [batch, side],
        source,
    )?))
}

/// Writes those pictures of a batch that are `wanted` to where they stand in the data set.
pub(super) fn write(
    plan: &Plan,
    data: Value,
    batch: &Batch,
    mut wanted: impl FnMut(usize) -> bool,
) -> Result<()> {
    let bytes = batch.images.len() / batch.indices.len().max(1);
    for (&index, picture) in batch.indices.iter().zip(batch.images.chunks_exact(bytes)) {
        if wanted(index as usize) {
            plan.write_images(data, index as usize, picture)?;
        }
    }
    Ok(())
}

impl Trainer {
    /// How many pictures stay in the device's memory, and their bytes; `None` where each batch is uploaded.
    pub fn resident(&self) -> Option<(usize, u64)> {
        let shape = self.train_drawn.graph.shape(self.train_drawn.data?);
        Some((shape.n(), shape.pixels() as u64 * PIXEL))
    }

    /// Where the training step has its pictures from.
    pub(super) fn source(&self) -> Source {
        match self.resident() {
            Some((pictures, _)) => Source::Kept(pictures),
            None => Source::Written,
        }
    }

    /// Uploads the pictures of a batch that the device does not have, where it keeps them.
    pub(super) fn upload(&mut self, batch: &Batch) -> Result<()> {
        let Some(data) = self.train_drawn.data else {
            return Ok(());
        };
        let (uploaded, loader) = (&mut self.uploaded, &self.loader);
        write(&self.train, data, batch, |index| {
            let is_new = !uploaded[index];
            // What stands in for a damaged picture may be the picture in the next epoch, should it be readable again.
            uploaded[index] = uploaded[index] || !loader.is_damaged(index);
            is_new
        })
    }
}
