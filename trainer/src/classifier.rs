//! A trained network that is asked what pictures show.

mod measure;

use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use triaxis_engine::ops::Augment;
use triaxis_engine::{Gpu, Graph, InferenceOptions, Plan, Precision, Value};
use triaxis_models::Spec;

use crate::data::{Picture, Preprocess, Views, fit_views};
use crate::drawing::compiled;
use crate::error::{Error, Result};
use crate::trainer::draw;
use crate::weights::{FitOptions, Weights};
pub use measure::{Measured, Measurement, softmax};

/// How a [`Classifier`] is made.
#[derive(Clone, Debug)]
pub struct ClassifierOptions {
    /// Pictures that are computed at once; a smaller number is filled up. More are faster and take more memory.
    pub batch_size: usize,
    /// How pictures are prepared; [`Classifier::preprocess_for`] where left out.
    pub preprocess: Option<Preprocess>,
    /// Which squares of each picture are looked at; their logits are averaged.
    pub views: Views,
    /// What the outputs are called; the classes that the weights name, or else the outputs' numbers, where empty.
    pub labels: Vec<String>,
    /// How far the weights may differ from the network.
    pub fit: FitOptions,
    /// How activations are stored.
    pub precision: Precision,
}

impl Default for ClassifierOptions {
    /// One picture at a time, its middle, with weights that fit.
    fn default() -> Self {
        Self {
            batch_size: 1,
            preprocess: None,
            views: Views::Centre,
            labels: Vec::new(),
            fit: FitOptions::default(),
            precision: Precision::F32,
        }
    }
}

/// What a picture may show.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Top {
    /// The network's output, from 0.
    pub index: usize,
    /// What that output is called.
    pub label: String,
    /// Between 0 and 1; over all outputs they add up to 1.
    pub probability: f64,
}

/// A network with its weights on a device, compiled once for one number of pictures.
///
/// Threads may share it: pictures are prepared in the thread that asks, and the device computes one batch at a time.
///
/// ```no_run
/// use std::path::Path;
/// use triaxis::{Classifier, ClassifierOptions, Gpu, Weights, data, models};
///
/// let gpu = Gpu::open(&Default::default())?;
/// let spec = models::zoo("efficientnet_b0")?;
/// let weights = Weights::load(Path::new("model.safetensors"))?;
/// let classifier = Classifier::open(&gpu, &spec, &weights, ClassifierOptions::default())?;
/// let picture = data::read_picture(Path::new("cat.jpg"))?;
/// for top in &classifier.classify(&[picture], 5)?[0] {
///     println!("{:5.1} %  {}", 100.0 * top.probability, top.label);
/// }
/// # Ok::<(), triaxis::Error>(())
/// ```
#[derive(Debug)]
pub struct Classifier {
    plan: Mutex<Plan>,
    pictures: Value,
    logits: Value,
    /// Squares that one run of the plan computes.
    squares: usize,
    preprocess: Preprocess,
    views: Views,
    labels: Vec<String>,
    notes: Vec<String>,
}

impl Classifier {
    /// Compiles `spec` for `gpu` and puts `weights` into it.
    ///
    /// # Errors
    ///
    /// [`Error::Mismatch`] where the weights are another network's, [`Error::Config`] for labels or numbers that cannot
    /// be, or a device that is too small.
    pub fn open(
        gpu: &Gpu,
        spec: &Spec,
        weights: &Weights,
        options: ClassifierOptions,
    ) -> Result<Self> {
        let ClassifierOptions {
            batch_size,
            preprocess,
            views,
            mut labels,
            fit,
            precision,
        } = options;
        if batch_size == 0 {
            let help = "Give 1 or more";
            return Err(Error::config("--batch-size", "it is 0", help));
        }
        let preprocess = preprocess.unwrap_or_else(|| Self::preprocess_for(spec, weights));
        preprocess.check()?;
        if labels.is_empty() && weights.classes.len() == spec.num_classes {
            labels.clone_from(&weights.classes);
        }
        if labels.is_empty() {
            labels = (0..spec.num_classes).map(|i| i.to_string()).collect();
        } else if labels.len() != spec.num_classes {
            return Err(Error::config(
                "labels",
                format!(
                    "there are {}, the network tells {} classes apart",
                    labels.len(),
                    spec.num_classes
                ),
                "Give one label a line, in the order of the network's outputs",
            ));
        }
        let fitted = weights.fit(spec, &fit)?;
        let squares = batch_size.saturating_mul(views.count());
        let side = preprocess.size;
        let normalise = Augment {
            mean: preprocess.mean,
            std: preprocess.std,
            ..Augment::default()
        };
        let options = InferenceOptions { precision };
        let drawn = draw::inference(spec, [squares, side], normalise, &options)?;
        let (g, inference) = (drawn.graph, drawn.fused);
        let Some(pictures) = inference.value(drawn.pictures) else {
            return Err(Error::config(
                "--model",
                format!("{} reads no pictures", spec.name),
                "Give a network whose output depends on its input",
            ));
        };
        let plan = compiled(gpu, &inference.graph, &inference.keep)?;
        inference.load(&plan, |name| {
            fitted.numbers(name).or_else(|| first_numbers(&g, name))
        })?;
        Ok(Self {
            plan: Mutex::new(plan),
            pictures,
            logits: inference.keep[0],
            squares,
            preprocess,
            views,
            labels,
            notes: fitted.notes,
        })
    }

    /// How these weights want their pictures: as they were trained where that is known, else as the public weights of
    /// the network of that name, else as this project trains.
    #[must_use]
    pub fn preprocess_for(spec: &Spec, weights: &Weights) -> Preprocess {
        let published = match weights.classes.is_empty() {
            true => Preprocess::published(&spec.name),
            // Weights that name their classes are this project's.
            false => None,
        };
        weights
            .preprocess
            .or(published)
            .unwrap_or_else(|| Preprocess::trained(spec.resolution))
    }

    /// What each picture most probably shows, `count` of all classes, the likeliest first.
    ///
    /// # Errors
    ///
    /// A lost device.
    pub fn classify(&self, pictures: &[Picture], count: usize) -> Result<Vec<Vec<Top>>> {
        let logits = self.logits(pictures)?;
        Ok(logits.iter().map(|x| self.top(x, count)).collect())
    }

    /// The logits of each picture, the mean over its views.
    ///
    /// # Errors
    ///
    /// A lost device.
    pub fn logits(&self, pictures: &[Picture]) -> Result<Vec<Vec<f32>>> {
        let fit = self.preprocess.fit(self.views);
        let views = pictures.iter().flat_map(|p| fit_views(p, &fit));
        let words: Vec<u8> = views
            .flat_map(|view| view.rgb)
            .collect::<Vec<u8>>()
            .chunks_exact(3)
            .flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 0])
            .collect();
        self.logits_of_words(&words)
    }

    /// The logits of pictures that are prepared already: all views of one after the other, a word of red, green, blue
    /// and 0 a pixel, as a [`Loader`](crate::data::Loader) makes them.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for something else than whole pictures, or a lost device.
    pub fn logits_of_words(&self, words: &[u8]) -> Result<Vec<Vec<f32>>> {
        let square = 4 * self.preprocess.size * self.preprocess.size;
        let views = self.views.count();
        if !words.len().is_multiple_of(square * views) {
            return Err(Error::config(
                "pictures",
                format!("{} bytes are no whole number of pictures", words.len()),
                format!("Each takes {views} times {square} bytes"),
            ));
        }
        let mut logits = Vec::new();
        for batch in words.chunks(self.squares * square) {
            let classes = self.labels.len();
            let numbers = self.run(batch)?;
            let count = batch.len() / square * classes;
            let of_picture = numbers[..count].chunks_exact(views * classes);
            logits.extend(of_picture.map(|views| mean(views, classes)));
        }
        Ok(logits)
    }

    /// One run of the plan; what is missing of a whole batch is black.
    fn run(&self, batch: &[u8]) -> Result<Vec<f32>> {
        let whole = 4 * self.preprocess.size * self.preprocess.size * self.squares;
        // A thread that panicked here left nothing half done that the next run does not write anew.
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        if batch.len() == whole {
            plan.write_raw(self.pictures, batch)?;
        } else {
            let mut padded = batch.to_vec();
            padded.resize(whole, 0);
            plan.write_raw(self.pictures, &padded)?;
        }
        plan.run()?;
        let read = plan.read_later(self.logits)?;
        drop(plan);
        Ok(read.wait()?)
    }

    /// The `count` likeliest classes by these logits; of equal ones the first.
    #[must_use]
    pub fn top(&self, logits: &[f32], count: usize) -> Vec<Top> {
        let probabilities = softmax(logits);
        let mut order: Vec<usize> = (0..probabilities.len()).collect();
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
        let top = |index: usize| Top {
            index,
            label: self.labels.get(index).cloned().unwrap_or_default(),
            probability: probabilities[index],
        };
        order.into_iter().take(count).map(top).collect()
    }

    /// How pictures are prepared.
    #[must_use]
    pub fn preprocess(&self) -> &Preprocess {
        &self.preprocess
    }

    /// Which squares of each picture are looked at.
    #[must_use]
    pub fn views(&self) -> Views {
        self.views
    }

    /// What the outputs are called.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// What a person should know of the weights.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

/// What the weights leave out begins as it would in training.
fn first_numbers(g: &Graph, name: &str) -> Option<Vec<f32>> {
    let parameter = g.parameters().iter().find(|p| p.name == name);
    let parameter = parameter.map(|p| {
        let count = p.options.layout.file_count(g.shape(p.value));
        (p.options.init, count)
    });
    let buffer = || {
        let buffer = g.buffers().iter().find(|b| b.name == name)?;
        Some((buffer.init, g.shape(buffer.value).count()))
    };
    let (init, count) = parameter.or_else(buffer)?;
    Some(init.numbers(0, name, count))
}

/// The mean of several lists of logits, one after the other.
fn mean(lists: &[f32], classes: usize) -> Vec<f32> {
    let count = (lists.len() / classes) as f32;
    let sum = |class: usize| lists.iter().skip(class).step_by(classes).sum::<f32>();
    (0..classes).map(|class| sum(class) / count).collect()
}

#[cfg(test)]
mod tests;
