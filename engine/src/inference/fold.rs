//! How a fused convolution's weight and bias are made of the tensors of the graph before.

use crate::{Error, Result, Shape};

/// How the weight and the bias of a convolution in an inference graph are made: of the weight that it had before, and
/// of what was added to its sums or normalised them, in running order.
#[derive(Clone, Debug, PartialEq)]
pub struct Fold {
    /// The weight's name, before and after: `conv_stem.weight`.
    pub weight: String,
    /// The new bias's name: `conv_stem.bias`.
    pub bias: String,
    /// What is folded in, first to last.
    pub steps: Vec<FoldStep>,
    /// The weight in files, `[out, in / groups, kh, kw]`.
    pub shape: [usize; 4],
}

/// One thing that is folded into a convolution.
#[derive(Clone, Debug, PartialEq)]
pub enum FoldStep {
    /// A parameter is added to each channel.
    Bias(String),
    /// Each channel is normalised: `(y - mean) / √(variance + eps) · gamma + beta`, by the names of the tensors.
    BatchNorm {
        /// The factor.
        gamma: String,
        /// The summand.
        beta: String,
        /// The running mean.
        mean: String,
        /// The running variance.
        variance: String,
        /// Added to the variance.
        eps: f32,
    },
}

impl Fold {
    /// Makes the weight and the bias, in the files' order, from the tensors that `tensor` finds by name, in the files'
    /// order. Computed in f64 and rounded once.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] for a tensor that is not there, [`Error::Length`] for one of another size.
    pub fn apply(
        &self,
        tensor: &mut dyn FnMut(&str) -> Option<Vec<f32>>,
    ) -> Result<[(String, Vec<f32>); 2]> {
        let channels = self.shape[0];
        let mut get = |name: &str, shape: Shape| find(tensor, name, shape);
        let weight = get(&self.weight, Shape(self.shape))?;
        let mut vector = |name: &str| get(name, Shape::vector(channels));
        let (mut factor, mut shift) = (vec![1.0; channels], vec![0.0; channels]);
        for step in &self.steps {
            match step {
                FoldStep::Bias(name) => {
                    let summands = vector(name)?;
                    shift
                        .iter_mut()
                        .zip(summands)
                        .for_each(|(b, x)| *b += f64::from(x));
                }
                FoldStep::BatchNorm {
                    gamma,
                    beta,
                    mean,
                    variance,
                    eps,
                } => {
                    let [gamma, beta, mean, variance] = [
                        vector(gamma)?,
                        vector(beta)?,
                        vector(mean)?,
                        vector(variance)?,
                    ];
                    for c in 0..channels {
                        let deviation = (f64::from(variance[c]) + f64::from(*eps)).sqrt();
                        let scale = f64::from(gamma[c]) / deviation;
                        factor[c] *= scale;
                        shift[c] = (shift[c] - f64::from(mean[c])) * scale + f64::from(beta[c]);
                    }
                }
            }
        }
        let each = (weight.len() / channels.max(1)).max(1);
        let scaled = weight.chunks(each).zip(&factor);
        let weight = scaled.flat_map(|(w, f)| w.iter().map(move |&w| (f64::from(w) * f) as f32));
        Ok([
            (self.weight.clone(), weight.collect()),
            (self.bias.clone(), shift.iter().map(|&x| x as f32).collect()),
        ])
    }
}

/// A tensor by its name, of the expected size.
pub(super) fn find(
    tensor: &mut dyn FnMut(&str) -> Option<Vec<f32>>,
    name: &str,
    shape: Shape,
) -> Result<Vec<f32>> {
    let numbers = tensor(name).ok_or_else(|| {
        Error::Graph(format!(
            "the weights lack {name}: load those of this network"
        ))
    })?;
    match numbers.len() == shape.count() {
        true => Ok(numbers),
        false => Err(Error::Length {
            name: name.into(),
            shape,
            expected: shape.count(),
            got: numbers.len(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold() -> Fold {
        Fold {
            weight: "conv.weight".into(),
            bias: "conv.bias".into(),
            steps: vec![
                FoldStep::Bias("conv.bias".into()),
                FoldStep::BatchNorm {
                    gamma: "bn.weight".into(),
                    beta: "bn.bias".into(),
                    mean: "bn.running_mean".into(),
                    variance: "bn.running_var".into(),
                    eps: 1.0,
                },
            ],
            shape: [2, 1, 1, 2],
        }
    }

    fn tensor(name: &str) -> Option<Vec<f32>> {
        Some(match name {
            "conv.weight" => vec![1.0, 2.0, 3.0, 4.0],
            "conv.bias" => vec![0.5, -0.5],
            "bn.weight" => vec![2.0, 6.0],
            "bn.bias" => vec![0.25, -0.25],
            "bn.running_mean" => vec![1.5, 0.5],
            "bn.running_var" => vec![3.0, 8.0],
            _ => return None,
        })
    }

    #[test]
    fn bias_and_batch_norm_fold_into_weight_and_bias() {
        // Factors 2 / √(3 + 1) = 1 and 6 / √(8 + 1) = 2; (0.5 - 1.5)·1 + 0.25 and (-0.5 - 0.5)·2 - 0.25.
        let [weight, bias] = fold().apply(&mut tensor).unwrap();
        assert_eq!(weight, ("conv.weight".into(), vec![1.0, 2.0, 6.0, 8.0]));
        assert_eq!(bias, ("conv.bias".into(), vec![-0.75, -2.25]));
    }

    #[test]
    fn a_tensor_that_is_missing_or_of_another_size_is_named() {
        let lacks = fold().apply(&mut |name| tensor(name).filter(|_| name != "bn.bias"));
        assert!(lacks.unwrap_err().to_string().contains("lack bn.bias"));
        let short = fold().apply(&mut |name| tensor(name).map(|x| x[..1].to_vec()));
        let error = short.unwrap_err().to_string();
        assert_eq!(error, "conv.weight holds 4 numbers (2×1×1×2), got 1");
    }
}
