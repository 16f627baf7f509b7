//! What a network computes on the way to its logits, by the layers' names.

#[cfg(feature = "parquet")]
pub(crate) mod parquet;

use triaxis_engine::{Gpu, Graph, Meaning, Plan, Value};
use triaxis_models::Model;

use crate::checkpoint::NamedTensor;
use crate::drawing::{Drawing, maker};
use crate::error::{Error, Result, suggestion};

/// A part of a network that has a name, and what leaves it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Layer {
    /// Its path, `blocks.2.0.bn1`, or of several layers what their paths begin with, `blocks.2`.
    pub name: String,
    /// Rows, columns and channels of its output.
    pub shape: [usize; 3],
}

/// The layers of a network, in the order in which their outputs are made.
///
/// # Errors
///
/// Those of the drawing.
pub fn layers(model: &dyn Model) -> Result<Vec<Layer>> {
    let drawing = Drawing::of(model, 1)?;
    let layer = |(name, value)| {
        let [_, h, w, c] = drawing.graph.shape(value).0;
        Layer {
            name,
            shape: [h, w, c],
        }
    };
    Ok(named(&drawing.graph).into_iter().map(layer).collect())
}

/// The output of every scope, and of what stands in none under its operator's name: that of the last node inside.
pub(crate) fn named(g: &Graph) -> Vec<(String, Value)> {
    let mut named: Vec<(String, Value)> = Vec::new();
    for id in g.nodes() {
        let node = g.node(id);
        let y = node.outputs[0];
        if let Some((_, Meaning::Bundle { .. } | Meaning::BatchNormCoefficients { .. })) =
            maker(g, y)
        {
            continue;
        }
        let scope = node.path();
        let scope = match node.scope.as_str() {
            "" => scope.as_str(),
            scope => scope,
        };
        let ends = scope.match_indices('.').map(|(end, _)| end);
        let names: Vec<&str> = ends.chain([scope.len()]).map(|end| &scope[..end]).collect();
        named.retain(|(name, _)| !names.contains(&name.as_str()));
        // The inner ones first.
        named.extend(names.into_iter().rev().map(|name| (name.to_owned(), y)));
    }
    named
}

/// The output of the layer of that name.
pub(crate) fn find(g: &Graph, name: &str) -> Result<Value> {
    let named = named(g);
    match named.iter().find(|(known, _)| known == name) {
        Some(&(_, value)) => Ok(value),
        None => {
            let near = suggestion(name, named.iter().map(|(name, _)| name.as_str()));
            Err(Error::config(name, "the network has no such layer", near))
        }
    }
}

/// Which features are wanted, and how many images go through at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtractOptions {
    /// Names of [`layers`].
    pub layers: Vec<String>,
    /// Images a run.
    pub batch_size: usize,
}

impl Default for ExtractOptions {
    fn default() -> Self {
        Self {
            layers: Vec::new(),
            batch_size: 1,
        }
    }
}

/// A network that gives the outputs of some of its layers.
#[derive(Debug)]
pub struct Extractor {
    plan: Plan,
    images: Value,
    layers: Vec<(String, Value)>,
}

impl Extractor {
    /// Compiles `model` as far as the layers need it, with `weights` under its own names. What lies between the layers is
    /// fused as [`Inference`](triaxis_engine::Inference) does it; the layers themselves are kept.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a layer that the network does not have, with the nearest name, [`Error::Mismatch`] for
    /// weights of another network, or those of [`Plan::compile`].
    pub fn new(
        gpu: &Gpu,
        model: &dyn Model,
        weights: &[NamedTensor],
        options: &ExtractOptions,
    ) -> Result<Self> {
        let drawing = Drawing::of(model, options.batch_size.max(1))?;
        drawing.expect(model, weights)?;
        let find = |name: &String| Ok((name.clone(), find(&drawing.graph, name)?));
        let layers = options
            .layers
            .iter()
            .map(find)
            .collect::<Result<Vec<_>>>()?;
        let kept: Vec<Value> = layers.iter().map(|&(_, value)| value).collect();
        let fused = drawing.fused(gpu, &kept, weights)?;
        let names = layers.into_iter().map(|(name, _)| name);
        Ok(Self {
            plan: fused.plan,
            images: fused.images,
            layers: names.zip(fused.kept).collect(),
        })
    }

    /// The features of `images`, `[n, r, r, 3]` and normalised, for any n: a tensor for each layer, in the order of
    /// the options, `[n, c, h, w]`, or `[n, c]` where a layer has one pixel.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for what is no whole number of images, or the device's errors.
    pub fn extract(&mut self, images: &[f32]) -> Result<Vec<NamedTensor>> {
        let shape = self.plan.graph().shape(self.images);
        let image = shape.with_n(1).count();
        if !images.len().is_multiple_of(image) {
            return Err(Error::config(
                "the images",
                format!(
                    "they are {} numbers, expected {image} an image",
                    images.len()
                ),
                "Give whole images of the network's resolution",
            ));
        }
        let n = images.len() / image;
        let mut features: Vec<NamedTensor> = self
            .layers
            .iter()
            .map(|layer| self.empty(n, layer))
            .collect();
        for batch in images.chunks(shape.count()) {
            let count = batch.len() / image;
            // What fills up the last batch is computed and not read.
            let mut padded = batch.to_vec();
            padded.resize(shape.count(), 0.0);
            self.plan.write(self.images, &padded)?;
            self.plan.run()?;
            for (tensor, &(_, value)) in features.iter_mut().zip(&self.layers) {
                let [_, h, w, c] = self.plan.graph().shape(value).0;
                let numbers = self.plan.read(value)?;
                for image in numbers.chunks_exact(h * w * c).take(count) {
                    tensor.data.extend(channels_first(image, c));
                }
            }
        }
        Ok(features)
    }

    fn empty(&self, n: usize, (name, value): &(String, Value)) -> NamedTensor {
        let [_, h, w, c] = self.plan.graph().shape(*value).0;
        NamedTensor {
            name: name.clone(),
            shape: if h * w == 1 {
                vec![n, c]
            } else {
                vec![n, c, h, w]
            },
            data: Vec::new(),
        }
    }
}

/// An image's numbers, channel after channel.
fn channels_first(image: &[f32], channels: usize) -> impl Iterator<Item = f32> + '_ {
    (0..channels).flat_map(move |c| image.iter().skip(c).step_by(channels).copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use triaxis_models::zoo;

    #[test]
    fn layers_are_named_as_they_are_drawn_and_as_they_lie_together() {
        let layers = layers(&zoo("efficientnet_b0").unwrap()).unwrap();
        let shape = |name: &str| {
            let of = |l: &&Layer| l.name == name;
            let mut found = layers.iter().filter(of);
            let shape = found.next().unwrap_or_else(|| panic!("no {name}")).shape;
            assert_eq!(found.next(), None, "{name} is there twice");
            shape
        };
        assert_eq!(shape("conv_stem"), [112, 112, 32]);
        assert_eq!(shape("blocks.1"), [56, 56, 24]);
        assert_eq!(shape("blocks.6.0.se"), [7, 7, 1152]);
        assert_eq!(shape("global_avg_pool"), [1, 1, 1280]);
        assert_eq!(shape("classifier"), [1, 1, 1000]);
        let place = |name: &str| layers.iter().position(|l| l.name == name).unwrap();
        assert!(
            place("blocks.0.0.bn2") < place("blocks.0.0") && place("blocks.0") < place("blocks.1")
        );
    }

    #[test]
    fn every_stage_is_a_layer_of_its_width() {
        for name in [
            "efficientnet_b0",
            "tinynet_e",
            "regnety_004",
            "regnetz_500mf",
            "resnet18",
            "resnet50",
        ] {
            let spec = zoo(name).unwrap();
            let layers = layers(&spec).unwrap();
            let shape = |stage: usize| {
                let path = spec.network.stage_path(stage).unwrap();
                let layer = layers.iter().find(|l| l.name == path);
                layer
                    .unwrap_or_else(|| panic!("{name} has no {path}"))
                    .shape
            };
            let mut before = shape(0);
            assert_eq!(before[2], spec.network.stem_width(), "{name}");
            let stages = spec.network.stages();
            for (number, stage) in (1..).zip(&stages) {
                let side = before[0].div_ceil(stage.stride);
                before = shape(number);
                assert_eq!(before, [side, side, stage.width], "{name}, stage {number}");
            }
            assert_eq!(spec.network.stage_path(stages.len() + 1), None, "{name}");
        }
    }

    #[test]
    fn an_unknown_layer_brings_the_nearest_one() {
        let drawing = Drawing::of(&zoo("resnet18").unwrap(), 1).unwrap();
        let error = find(&drawing.graph, "layer2.0.conv9").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(
            error.to_string().contains("Did you mean `layer2.0.conv"),
            "{error}"
        );
    }

    #[test]
    fn channels_come_first() {
        let turned: Vec<f32> = channels_first(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3).collect();
        assert_eq!(turned, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }
}
