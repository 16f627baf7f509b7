//! The graphs of a training step and of an evaluation.

mod inputs;
mod update;

use triaxis_engine::ops::{
    self, Augment, GradientNorm, LossScale, Scale, SoftTargets, accumulate, accuracy, augment,
    average, average_buffers, cutmix, mean, mixup, soft_targets, softmax_cross_entropy,
};
use triaxis_engine::{
    DType, Graph, Inference, InferenceOptions, Mode, ParameterRole, Result, Shape, Value, gradients,
};
use triaxis_models::Model;

use super::WeightKind;
use super::tune::{Tuning, block};
use crate::recipe::{ModelEma, Recipe};
use inputs::{augmented, given, inputs, mixing};
pub(super) use update::weight_decay;
use update::{clipped, optimizer};

/// A graph with the values that are written and read around a run.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// The whole of it.
    pub graph: Graph,
    /// `[n, side, side, 3]` bytes.
    pub pictures: Value,
    /// `[m, side, side, 3]` bytes: all pictures of the data set, where the device keeps them and takes `pictures` from there.
    pub data: Option<Value>,
    /// `[n, 1, 1, 1]` classes.
    pub labels: Value,
    /// `[n, 1, 1, 1]`: 1 counts, 0 is padding.
    pub weights: Value,
    /// Sums over the batches so far, see [`accuracy`].
    pub sums: Value,
    /// `[n, 1, 1, classes]`: what the network says.
    pub logits: Value,
    /// The mean loss of the batch.
    pub loss: Value,
    /// What only training writes.
    pub step: Option<StepInputs>,
    /// What the loss is multiplied by, in training with mixed precision.
    pub scale: Option<Scale>,
}

impl Drawn {
    /// What is read after a run.
    pub fn kept(&self) -> Vec<Value> {
        let read = match self.step {
            Some(step) => step.norm,
            None => self.logits,
        };
        vec![self.loss, read]
    }
}

/// What a training step is given besides its pictures.
#[derive(Clone, Copy, Debug)]
pub struct StepInputs {
    /// Learning rate.
    pub rate: Value,
    /// What the step makes of it: [`gradient_norm`](triaxis_engine::ops::gradient_norm()).
    pub norm: Value,
    /// Share of the new weights in their average.
    pub average: Option<Value>,
    /// What is done to each picture, where that is not alike for all: the table of [`augment_each`](triaxis_engine::ops::augment_each()).
    pub table: Option<Value>,
    /// With whom pictures are mixed, and how.
    pub mixing: Option<Mixing>,
    /// The batch's part in its update, see [`accumulate`]; `None` where each batch is one.
    pub part: Option<Value>,
}

/// What a batch is mixed by.
#[derive(Clone, Copy, Debug)]
pub struct Mixing {
    /// Partner of each picture.
    pub partner: Value,
    /// What is kept of each picture where there is mixup.
    pub share: Option<Value>,
    /// What is kept of each target: the same, unless rectangles are drawn.
    pub target: Value,
    /// The rectangle that is the partner's, where rectangles are drawn.
    pub rectangle: Option<Value>,
}

/// A graph that measures the statistics of batch norms.
#[derive(Clone, Debug)]
pub struct Measuring {
    /// The whole of it.
    pub graph: Graph,
    /// `[n, side, side, 3]` bytes.
    pub pictures: Value,
    /// Share of the batch in the mean: 1, then a half, a third.
    pub rate: Value,
    /// As [`StepInputs::table`].
    pub table: Option<Value>,
}

/// Where a step has its pictures from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// They are written before each step.
    #[default]
    Written,
    /// The device keeps a data set of so many, and each is written once.
    Kept(usize),
}

/// Draws a whole step: pictures, network, loss, gradients, update, average, counts.
///
/// # Errors
///
/// The engine's, naming the node whose inputs do not fit.
pub fn training(model: &dyn Model, recipe: &Recipe, batch: usize, side: usize) -> Result<Drawn> {
    training_from(model, recipe, [batch, side], Source::Written)
}

/// As [`training`], with pictures from `source`; the numbers are the same.
///
/// # Errors
///
/// As [`training`].
pub fn training_from(
    model: &dyn Model,
    recipe: &Recipe,
    [batch, side]: [usize; 2],
    source: Source,
) -> Result<Drawn> {
    let tuning = Tuning::new(model, recipe)?;
    let mut g = Graph::new(Mode::Train);
    g.freeze(tuning.frozen.iter().cloned());
    let (data, pictures) = given(&mut g, [batch, side], source)?;
    let (labels, weights) = inputs(&mut g, batch);
    let (mut images, table) = augmented(&mut g, recipe, pictures)?;
    let smoothing = SoftTargets {
        classes: model.num_classes(),
        smoothing: recipe.smoothing as f32,
    };
    let mut targets = soft_targets(&mut g, labels, smoothing)?;
    let mixing = mixing(&mut g, recipe, batch);
    if let Some(by) = mixing {
        if let Some(share) = by.share {
            images = mixup(&mut g, images, by.partner, share)?;
        }
        if let Some(rectangle) = by.rectangle {
            images = cutmix(&mut g, images, by.partner, rectangle)?;
        }
        targets = mixup(&mut g, targets, by.partner, by.target)?;
    }
    g.make_again(images);
    let logits = model.forward(&mut g, images)?;
    g.decay_by(|role| match role {
        ParameterRole::Weight => true,
        ParameterRole::Bias => recipe.decay_bias,
        ParameterRole::Norm => recipe.decay_norm,
    })?;
    g.rate_by(|name| tuning.rate(name))?;
    let losses = softmax_cross_entropy(&mut g, logits, targets)?;
    let loss = mean(&mut g, losses)?;
    let scale = recipe.amp.then(|| Scale::new(&mut g, LossScale::default()));
    let grads = match scale {
        Some(scale) => gradients(&mut g, loss, scale.value)?.scaled_by(scale.value),
        None => {
            let one = g.state("one", Shape::scalar(), 1.0);
            gradients(&mut g, loss, one)?
        }
    };
    let rate = g.input("rate", Shape::scalar());
    let part = (recipe.grad_accum_steps > 1).then(|| g.input("part", Shape::vector(4)));
    if let Some(part) = part {
        accumulate(&mut g, &grads, part)?;
    }
    let clipping = clipped(&mut g, recipe, &grads, &tuning)?;
    let norm = GradientNorm {
        due: part,
        ..clipping
    };
    let norm = optimizer(&mut g, recipe, &grads, rate, norm)?;
    ops::keep(&mut g, norm)?;
    if let Some(scale) = scale {
        ops::loss_scale(&mut g, scale, norm)?;
    }
    let mut averaging = None;
    if recipe.model_ema != ModelEma::Off {
        let rate = g.input("average.rate", Shape::scalar());
        average(&mut g, rate, Some(norm))?;
        averaging = Some(rate);
    }
    if recipe.swa_start.is_some() {
        // Nothing of a step: it changes at the ends of epochs.
        let [parameters, buffers] = WeightKind::Swa.arenas();
        g.arena(parameters);
        if !g.buffers().is_empty() {
            g.arena(buffers);
        }
    }
    let sums = accuracy(&mut g, logits, labels, losses, weights)?;
    let step = StepInputs {
        rate,
        norm,
        average: averaging,
        part,
        table,
        mixing,
    };
    if recipe.grad_checkpointing {
        g.recompute(loss, |scope| block(scope).map(str::to_owned));
    }
    // What is recomputed is stored as it was.
    if recipe.amp {
        g.store_halves(&[]);
    }
    Ok(Drawn {
        graph: g,
        pictures,
        data,
        labels,
        weights,
        sums,
        logits,
        loss,
        step: Some(step),
        scale,
    })
}

/// Draws the evaluation of a batch, in the recipe's precision.
///
/// # Errors
///
/// As [`training`].
pub fn evaluation(model: &dyn Model, recipe: &Recipe, batch: usize, side: usize) -> Result<Drawn> {
    let mut g = Graph::new(Mode::Evaluate);
    let (data, pictures) = given(&mut g, [batch, side], Source::Written)?;
    let (labels, weights) = inputs(&mut g, batch);
    let images = augment(&mut g, pictures, Augment::default())?;
    let targets = soft_targets(
        &mut g,
        labels,
        SoftTargets {
            classes: model.num_classes(),
            smoothing: 0.0,
        },
    )?;
    let logits = model.forward(&mut g, images)?;
    let losses = softmax_cross_entropy(&mut g, logits, targets)?;
    let loss = mean(&mut g, losses)?;
    let sums = accuracy(&mut g, logits, labels, losses, weights)?;
    if recipe.amp {
        g.store_halves(&[]);
    }
    Ok(Drawn {
        graph: g,
        pictures,
        data,
        labels,
        weights,
        sums,
        logits,
        loss,
        step: None,
        scale: None,
    })
}

/// A network that tells what pictures show, before and after its kernels were fused.
#[derive(Clone, Debug)]
pub struct DrawnInference {
    /// As drawn: pictures, network.
    pub graph: Graph,
    /// `[n, side, side, 3]` bytes, in that graph.
    pub pictures: Value,
    /// `[n, 1, 1, classes]`, in that graph.
    pub logits: Value,
    /// What runs; the logits are all that it keeps.
    pub fused: Inference,
}

/// Draws what tells classes apart: pictures, normalised as said, and the network.
///
/// # Errors
///
/// As [`training`].
pub fn inference(
    model: &dyn Model,
    [batch, side]: [usize; 2],
    normalise: Augment,
    options: &InferenceOptions,
) -> Result<DrawnInference> {
    let mut g = Graph::new(Mode::Evaluate);
    let pictures = g.input_of("pictures", [batch, side, side, 3], DType::U8);
    let images = augment(&mut g, pictures, normalise)?;
    let logits = model.forward(&mut g, images)?;
    Ok(DrawnInference {
        fused: Inference::new(&g, &[logits], options)?,
        graph: g,
        pictures,
        logits,
    })
}

/// Draws the network as it runs in training, with what measures its batch norms.
///
/// # Errors
///
/// As [`training`].
pub fn measuring(
    model: &dyn Model,
    recipe: &Recipe,
    batch: usize,
    side: usize,
) -> Result<Measuring> {
    let mut g = Graph::new(Mode::Measure);
    let pictures = g.input_of("pictures", [batch, side, side, 3], DType::U8);
    let rate = g.input("rate", Shape::scalar());
    let (images, table) = augmented(&mut g, recipe, pictures)?;
    model.forward(&mut g, images)?;
    average_buffers(&mut g, rate)?;
    if recipe.amp {
        g.store_halves(&[]);
    }
    Ok(Measuring {
        graph: g,
        pictures,
        rate,
        table,
    })
}
