//! Tensors of a safetensors file.

use std::collections::BTreeMap;

use safetensors::{Dtype, SafeTensors};

/// Names, shapes and numbers, as f64.
pub(super) struct Tensors(BTreeMap<String, (Vec<usize>, Vec<f64>)>);

impl Tensors {
    pub(super) fn load(name: &str) -> Self {
        let bytes = super::bytes(name);
        let file = SafeTensors::deserialize(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        let tensor = |(name, view): (String, safetensors::tensor::TensorView<'_>)| {
            let numbers = match view.dtype() {
                Dtype::F32 => floats::<4>(view.data(), |b| f64::from(f32::from_le_bytes(b))),
                Dtype::F64 => floats::<8>(view.data(), f64::from_le_bytes),
                other => panic!("{name} is {other:?}"),
            };
            (name, (view.shape().to_vec(), numbers))
        };
        Self(file.tensors().into_iter().map(tensor).collect())
    }

    /// A tensor's numbers.
    pub(super) fn get(&self, name: &str) -> &[f64] {
        let found = self.0.get(name);
        &found.unwrap_or_else(|| panic!("no tensor {name}")).1
    }

    /// The same in f32.
    pub(super) fn f32s(&self, name: &str) -> Vec<f32> {
        self.get(name).iter().map(|&x| x as f32).collect()
    }

    /// The tensors whose names begin so: the rest of the name, the numbers.
    pub(super) fn under(&self, prefix: &str) -> impl Iterator<Item = (&str, &[f64])> {
        self.0
            .iter()
            .filter_map(move |(name, (_, x))| Some((name.strip_prefix(prefix)?, &x[..])))
    }
}

fn floats<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    let (chunks, rest) = bytes.as_chunks::<N>();
    assert!(rest.is_empty(), "half a number at the end");
    chunks.iter().map(|&b| number(b)).collect()
}
