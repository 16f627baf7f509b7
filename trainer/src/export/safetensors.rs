//! Safetensors files under the names of public checkpoints.

use half::f16;
use triaxis_models::{Model, Naming, Spec};

use crate::checkpoint::{NamedTensor, tensors};
use crate::drawing::Drawing;
use crate::error::{Error, Result};

/// How weights are written as safetensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SafetensorsOptions {
    /// Whose names the tensors get. pycls reads images as blue, green, red: for it the first convolution is reversed.
    pub naming: Naming,
    /// How numbers are stored.
    pub precision: Precision,
}

impl Default for SafetensorsOptions {
    /// timm's names, which are ours, and the numbers as they are.
    fn default() -> Self {
        Self {
            naming: Naming::Timm,
            precision: Precision::F32,
        }
    }
}

/// How numbers are stored in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits, as they were trained.
    #[default]
    F32,
    /// 16 bits, rounded to the nearest.
    F16,
}

/// The bytes of a safetensors file of `spec` with `weights`: its parameters and running statistics under its own names.
///
/// Counters of batches (`num_batches_tracked`) are left out: PyTorch, timm and torchvision do not ask for them, even
/// where they load strictly.
///
/// # Errors
///
/// [`Error::Mismatch`] for weights of another network, [`Error::Config`] for a network that the convention has no names
/// for, or a number that 16 bits cannot hold.
pub fn safetensors(
    spec: &Spec,
    weights: &[NamedTensor],
    options: &SafetensorsOptions,
) -> Result<Vec<u8>> {
    let drawing = Drawing::of(spec, 1)?;
    drawing.expect(spec, weights)?;
    let naming = options.naming;
    let rename = |tensor: &NamedTensor| {
        let name = naming.from_ours(&spec.network, &tensor.name);
        let name = name.ok_or_else(|| {
            Error::config(
                spec.name(),
                format!("{naming} has no name for {}", tensor.name),
                "Use timm's names, which every network has",
            )
        })?;
        Ok(NamedTensor {
            name,
            ..tensor.clone()
        })
    };
    let mut renamed = weights.iter().map(rename).collect::<Result<Vec<_>>>()?;
    if naming == Naming::Pycls {
        let first = drawing.graph.parameters().first();
        let place = weights
            .iter()
            .position(|t| first.is_some_and(|p| p.name == t.name));
        if let Some(place) = place {
            renamed[place].reverse_colours();
        }
    }
    let encoded = match options.precision {
        Precision::F32 => tensors::encode(&renamed),
        Precision::F16 => {
            fits_16_bits(&renamed)?;
            tensors::encode_f16(&renamed)
        }
    };
    encoded.map_err(|problem| Error::config(spec.name(), problem, "Rename one of the layers"))
}

fn fits_16_bits(weights: &[NamedTensor]) -> Result<()> {
    for tensor in weights {
        let lost = |x: &&f32| x.is_finite() && !f16::from_f32(**x).is_finite();
        if let Some(x) = tensor.data.iter().find(lost) {
            return Err(Error::config(
                &tensor.name,
                format!("it holds {x}, numbers of 16 bits end at {}", f16::MAX),
                "Store 32 bits",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawing::tests::weights;
    use triaxis_models::zoo;

    fn read(bytes: &[u8]) -> Vec<NamedTensor> {
        tensors::parse(bytes).unwrap().tensors
    }

    #[test]
    fn what_is_written_is_read_again() {
        let spec = zoo("regnety_004").unwrap();
        let mut weights = weights(&spec);
        weights.sort_by(|a, b| a.name.cmp(&b.name));
        let options = SafetensorsOptions::default();
        assert_eq!(
            read(&safetensors(&spec, &weights, &options).unwrap()),
            weights
        );
        let options = SafetensorsOptions {
            precision: Precision::F16,
            ..options
        };
        let bytes = safetensors(&spec, &weights, &options).unwrap();
        let file = tensors::parse(&bytes).unwrap();
        assert_eq!(file.converted["F16"], weights.len());
        for (half, whole) in file.tensors.iter().zip(&weights) {
            assert_eq!((&half.name, &half.shape), (&whole.name, &whole.shape));
            let close = |(a, b): (&f32, &f32)| (a - b).abs() <= b.abs() / 2048.0;
            assert!(
                half.data.iter().zip(&whole.data).all(close),
                "{}",
                half.name
            );
        }
    }

    #[test]
    fn a_number_beyond_16_bits_is_named() {
        let spec = zoo("resnet18").unwrap();
        let mut weights = weights(&spec);
        weights[3].data[0] = 70_000.0;
        let options = SafetensorsOptions {
            precision: Precision::F16,
            ..SafetensorsOptions::default()
        };
        let error = safetensors(&spec, &weights, &options)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with(&format!("{}: it holds 70000", weights[3].name)),
            "{error}"
        );
    }

    #[test]
    fn pycls_gets_its_names_and_its_order_of_colours() {
        let spec = zoo("regnety_004").unwrap();
        let mut weights = weights(&spec);
        weights[0].data = (0..weights[0].data.len()).map(|i| i as f32).collect();
        assert_eq!(weights[0].name, "stem.conv.weight");
        let options = SafetensorsOptions {
            naming: Naming::Pycls,
            ..SafetensorsOptions::default()
        };
        let file = read(&safetensors(&spec, &weights, &options).unwrap());
        let of = |name: &str| file.iter().find(|t| t.name == name).unwrap();
        let stem = &of("stem.conv.weight").data;
        assert_eq!(
            [stem[0], stem[9], stem[18], stem[27]],
            [18.0, 9.0, 0.0, 45.0]
        );
        assert_eq!(of("s1.b1.f.a.weight").shape, [48, 32, 1, 1]);
    }
}
