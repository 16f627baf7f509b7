//! A network as a list of layers, for what was not made here: files of other programs say layers, not stages.

mod layer;

use serde::{Deserialize, Serialize};
use triaxis_engine::{Error, Graph, Result, Shape, Value, ops};

use crate::check::{self, Checked, within};
use crate::layers::Style;
pub use layer::{Layer, LayerOp, Margin};

/// Most layers: the longest networks of the zoo have some thousand.
const MOST_LAYERS: usize = 8_192;

/// A network that is a list of layers, each of which says what it reads.
///
/// ```
/// use triaxis_models::Spec;
///
/// let spec = Spec::from_toml(r#"
///     name = "three-layers"
///     resolution = 32
///     num_classes = 10
///
///     [[network.imported.layers]]
///     name = "conv1"
///     inputs = [0]
///     op = { conv = { width = 16, kernel = 3, stride = 2, padding = { pixels = 1 }, bias = true } }
///
///     [[network.imported.layers]]
///     inputs = [1]
///     op = "global_avg_pool"
///
///     [[network.imported.layers]]
///     name = "fc"
///     inputs = [2]
///     op = { linear = { width = 10, bias = true } }
/// "#)?;
/// assert_eq!(Spec::from_toml(&spec.to_toml())?, spec);
/// assert_eq!(spec.complexity()?.params, 16 * 28 + 10 * 17);
/// # Ok::<(), triaxis_models::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imported {
    /// How batch norms move in training and how first weights are drawn; activations and padding are each layer's own.
    #[serde(default)]
    pub style: Style,
    /// Share of what the last linear layer reads that is dropped in training.
    #[serde(default)]
    pub dropout: f64,
    /// The layers in running order; the last one makes the logits.
    pub layers: Vec<Layer>,
}

impl Imported {
    /// Draws all before the last mean over an image: the last features, `[n, h, w, c]`. Without such a mean, all before the
    /// last layer.
    ///
    /// # Errors
    ///
    /// The engine's; [`Error::Graph`] for layers that make no network.
    pub fn features(&self, g: &mut Graph, images: Value) -> Result<Value> {
        let is_mean = |layer: &Layer| layer.op == LayerOp::GlobalAvgPool;
        let last = self.layers.len().saturating_sub(1);
        let end = self.layers.iter().rposition(is_mean).unwrap_or(last);
        let values = self.draw(g, images, end, None)?;
        let input = self.layers.get(end).and_then(|layer| layer.inputs.first());
        Ok(input
            .and_then(|&input| values.get(input).copied())
            .unwrap_or(images))
    }

    /// Draws the network: logits, `[n, 1, 1, classes]`.
    ///
    /// # Errors
    ///
    /// As [`Imported::features`].
    pub fn forward(&self, g: &mut Graph, images: Value, classes: usize) -> Result<Value> {
        let values = self.draw(g, images, self.layers.len(), Some(classes))?;
        let logits = values.last().copied().unwrap_or(images);
        let Shape([_, h, w, c]) = g.shape(logits);
        if [h, w, c] != [1, 1, classes] {
            return Err(Error::Graph(format!(
                "the last layer makes {h}×{w}×{c} numbers of an image, expected 1×1×{classes}: one a class"
            )));
        }
        Ok(logits)
    }

    /// Draws the first `count` layers: the images, then what each layer makes. The head is as wide as said.
    fn draw(
        &self,
        g: &mut Graph,
        images: Value,
        count: usize,
        classes: Option<usize>,
    ) -> Result<Vec<Value>> {
        self.check().map_err(Error::Graph)?;
        let head = self.head();
        let mut values = vec![images];
        for (index, layer) in self.layers.iter().take(count).enumerate() {
            let mut layer = layer.clone();
            let mut xs: Vec<Value> = layer.inputs.iter().map(|&input| values[input]).collect();
            if head == Some(index) {
                if let (LayerOp::Linear { width, .. }, Some(classes)) = (&mut layer.op, classes) {
                    *width = classes;
                }
                if self.dropout > 0.0 {
                    xs[0] = ops::dropout(g, xs[0], self.dropout as f32)?;
                }
            }
            values.push(layer.draw(g, &xs, &self.style)?);
        }
        Ok(values)
    }

    /// The place of the linear layer that makes the logits, if one does: nothing but a bias may follow.
    fn head(&self) -> Option<usize> {
        let is_bias = |layer: &Layer| layer.op == LayerOp::Bias;
        let last = self.layers.iter().rposition(|layer| !is_bias(layer))?;
        matches!(self.layers[last].op, LayerOp::Linear { .. }).then_some(last)
    }

    /// Channels of the first convolution; 0 where there is none.
    pub(crate) fn stem_width(&self) -> usize {
        let width = |layer: &Layer| match layer.op {
            LayerOp::Conv { width, .. } => Some(width),
            _ => None,
        };
        self.layers.iter().find_map(width).unwrap_or(0)
    }

    /// Pixels of an image's side for one of what any layer makes, at most.
    pub(crate) fn stride(&self) -> usize {
        let mut strides = vec![1];
        for layer in &self.layers {
            let before = layer.inputs.iter().filter_map(|&input| strides.get(input));
            let before: usize = before.copied().max().unwrap_or(1);
            strides.push(before.saturating_mul(layer.op.stride()));
        }
        strides.into_iter().max().unwrap_or(1)
    }

    pub(crate) fn check(&self) -> Checked {
        self.style.check()?;
        within("dropout", self.dropout, &check::RATE)?;
        let count = self.layers.len();
        within("the number of layers", count, &(1..=MOST_LAYERS))?;
        for (index, layer) in self.layers.iter().enumerate() {
            layer.check(&format!("layers[{index}]"))?;
            if let Some(input) = layer.inputs.iter().find(|&&input| input > index) {
                return Err(format!(
                    "layers[{index}] reads {input}, expected 0 to {index}: the images, or what a layer before it makes"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
