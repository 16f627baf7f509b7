//! What an epoch ends with: the mean of the weights of several, and running statistics counted anew.

use triaxis_engine::{Arena, Gpu, Plan};

use super::draw::{self, Measuring};
use super::{Trainer, WeightKind, fit, step};
use crate::error::Result;
use crate::recipe::Recipe;

/// Images that a mean of weights is measured on where the recipe does not say: as many as pycls takes.
const IMAGES: usize = 8192;

/// A network that runs as in training, for the statistics of its batch norms.
pub(super) struct Measure {
    plan: Plan,
    drawn: Measuring,
    images: usize,
}

/// Images that the running statistics are measured on after each epoch, if they are.
pub(super) fn images(recipe: &Recipe) -> Option<usize> {
    match (recipe.precise_bn, recipe.swa_start) {
        (0, Some(_)) => Some(IMAGES),
        (0, None) => None,
        (images, _) => Some(images),
    }
}

impl Measure {
    /// Bytes that it holds on the device.
    pub(super) fn bytes(&self) -> u64 {
        self.plan.memory().total()
    }

    /// Compiles it where the recipe asks for it and the network has running statistics.
    pub(super) fn new(
        gpu: &Gpu,
        drawn: Option<Measuring>,
        recipe: &Recipe,
    ) -> fit::Compiled<Option<Self>> {
        let (Some(drawn), Some(images)) = (drawn, images(recipe)) else {
            return Ok(None);
        };
        let plan = Plan::compile(gpu, &drawn.graph, &[])?;
        plan.initialise(recipe.seed)?;
        Ok(Some(Self {
            plan,
            drawn,
            images,
        }))
    }
}

impl Trainer {
    /// Ends an epoch: averages its weights if the recipe says so, then measures the running
    /// statistics.
    pub(super) fn end_epoch(&mut self) -> Result<()> {
        if self
            .recipe
            .swa_start
            .is_some_and(|start| self.epoch >= start)
        {
            self.add_to_mean()?;
        }
        if self.recipe.precise_bn > 0 {
            self.measure(WeightKind::Raw)?;
        }
        for weights in self.averages() {
            // The mean of epochs' weights has no statistics but those that are measured for it.
            if self.recipe.precise_bn > 0 || weights == WeightKind::Swa {
                self.measure(weights)?;
            }
        }
        Ok(())
    }

    /// Puts the means of batch means and of unbiased batch variances, over the first images of the epoch, in
    /// the place of the running statistics.
    fn measure(&mut self, weights: WeightKind) -> Result<()> {
        let Some(mut measure) = self.measure.take() else {
            return Ok(());
        };
        let done = self.measure_on(&mut measure, weights);
        self.measure = Some(measure);
        done
    }

    fn measure_on(&self, measure: &mut Measure, weights: WeightKind) -> Result<()> {
        let [parameters, buffers] = weights.arenas();
        let plan = &mut measure.plan;
        plan.copy_arena(&Arena::Parameters, &self.train, &parameters)?;
        plan.copy_arena(&Arena::Buffers, &self.train, &buffers)?;
        let epoch = self.epoch as u32;
        let batches = measure
            .images
            .div_ceil(self.recipe.batch_size)
            .min(self.loader.batches());
        for (i, batch) in self.loader.epoch(epoch, 0).take(batches).enumerate() {
            let batch = batch?;
            plan.write_raw(measure.drawn.pictures, &batch.images)?;
            plan.write(measure.drawn.rate, &[1.0 / (i + 1) as f32])?;
            step::write_randomness(
                plan,
                measure.drawn.table,
                &self.recipe,
                &batch,
                self.place(),
            )?;
            plan.run()?;
        }
        let measured = Arena::OfBuffers("average");
        self.train.copy_arena(&buffers, plan, &measured)?;
        Ok(())
    }
}

/// The drawing to measure by, where the recipe asks for it and the network has running statistics.
pub(super) fn drawn(
    model: &dyn triaxis_models::Model,
    recipe: &Recipe,
    batch: usize,
    side: usize,
) -> triaxis_engine::Result<Option<Measuring>> {
    if images(recipe).is_none() {
        return Ok(None);
    }
    let drawn = draw::measuring(model, recipe, batch, side)?;
    Ok((!drawn.graph.buffers().is_empty()).then_some(drawn))
}
