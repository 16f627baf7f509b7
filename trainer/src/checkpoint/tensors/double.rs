//! Files of f64 alone, which keep every bit: sums that are gone on with.

use std::borrow::Cow;
use std::io::Read;

use safetensors::tensor::Dtype;

use super::{Fault, NamedTensor, checked, deserialized, each, encode_as};

/// As [`super::encode`], of f64.
pub(in crate::checkpoint) fn encode_f64(tensors: &[NamedTensor<f64>]) -> Result<Vec<u8>, String> {
    encode_as(Dtype::F64, tensors, |data: &[f64]| {
        Cow::Borrowed(bytemuck::cast_slice(data))
    })
}

/// As [`super::read_from`], of a file of f64 alone; ordered by name.
pub(in crate::checkpoint) fn read_f64_from(
    source: impl Read,
    length: u64,
) -> Result<Vec<NamedTensor<f64>>, Fault> {
    let (_, bytes) = checked(source, length)?;
    let file = deserialized(&bytes)?;
    let mut tensors = Vec::new();
    for (name, view) in file.iter() {
        if view.dtype() != Dtype::F64 {
            return Err(format!("{name} is stored as {}, expected F64", view.dtype()).into());
        }
        tensors.push(NamedTensor {
            name: name.to_owned(),
            shape: view.shape().to_vec(),
            data: each(view.data(), f64::from_le_bytes),
        });
    }
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tensors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(name: &str, data: &[f64]) -> NamedTensor<f64> {
        NamedTensor {
            name: name.into(),
            shape: vec![data.len()],
            data: data.to_vec(),
        }
    }

    #[test]
    fn sums_keep_every_bit_and_files_of_f32_are_refused() {
        let sums = [
            sum("b", &[0.1 + 0.2, -0.0, f64::MIN_POSITIVE, 1e300]),
            sum("a", &[1.0 + f64::EPSILON]),
        ];
        let bytes = encode_f64(&sums).unwrap();
        let read = |bytes: &[u8]| match read_f64_from(bytes, bytes.len() as u64) {
            Ok(tensors) => Ok(tensors),
            Err(Fault::Damaged(problem)) => Err(problem),
            Err(Fault::Unreadable(error)) => panic!("{error}"),
        };
        let found = read(&bytes).unwrap();
        let [second, first] = sums;
        assert_eq!(found[0], first);
        let bits = |t: &NamedTensor<f64>| t.data.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&found[1]), bits(&second));

        let single = NamedTensor {
            name: "a".into(),
            shape: vec![1],
            data: vec![1.0f32],
        };
        let problem = read(&super::super::encode(&[single]).unwrap()).unwrap_err();
        assert_eq!(problem, "a is stored as F32, expected F64");
        let problem = read(&bytes[..bytes.len() - 1]).unwrap_err();
        assert!(problem.contains("bytes"), "{problem}");
    }
}
