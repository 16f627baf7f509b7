//! Whether the tensors of a file are those that a network expects.

use std::collections::BTreeMap;
use std::fmt;

use super::NamedTensor;

/// How many tensors of each kind an error lists.
const LISTED: usize = 8;

/// The tensors by which a file and a network differ. Empty where they agree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// Expected by the network, absent from the file, with the expected shape.
    pub missing: Vec<(String, Vec<usize>)>,
    /// In the file, unknown to the network, with their shape.
    pub extra: Vec<(String, Vec<usize>)>,
    /// In both, with the expected and the found shape.
    pub misshapen: Vec<(String, Vec<usize>, Vec<usize>)>,
}

impl Mismatch {
    /// Whether file and network agree.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty() && self.misshapen.is_empty()
    }
}

/// Compares names and shapes. The error lists every tensor that is missing, extra or of another shape.
pub fn compare<T>(
    expected: &[(String, Vec<usize>)],
    found: &[NamedTensor<T>],
) -> Result<(), Mismatch> {
    let mut left: BTreeMap<&str, &[usize]> = found
        .iter()
        .map(|t| (t.name.as_str(), t.shape.as_slice()))
        .collect();
    let mut mismatch = Mismatch::default();
    for (name, shape) in expected {
        match left.remove(name.as_str()) {
            None => mismatch.missing.push((name.clone(), shape.clone())),
            Some(other) if other != shape => {
                let shapes = (name.clone(), shape.clone(), other.to_vec());
                mismatch.misshapen.push(shapes);
            }
            Some(_) => {}
        }
    }
    mismatch.extra = left
        .into_iter()
        .map(|(name, shape)| (name.to_owned(), shape.to_vec()))
        .collect();
    if mismatch.is_empty() {
        Ok(())
    } else {
        Err(mismatch)
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of another shape, {} missing, {} extra. Give --model and --num-classes as they were in training.",
            self.misshapen.len(),
            self.missing.len(),
            self.extra.len()
        )?;
        let none = || "-".to_owned();
        let rows: Vec<[String; 3]> = [[
            "tensor".to_owned(),
            "expected".to_owned(),
            "found".to_owned(),
        ]]
        .into_iter()
        .chain(
            self.misshapen
                .iter()
                .take(LISTED)
                .map(|(name, a, b)| [name.clone(), dimensions(a), dimensions(b)]),
        )
        .chain(
            self.missing
                .iter()
                .take(LISTED)
                .map(|(name, shape)| [name.clone(), dimensions(shape), none()]),
        )
        .chain(
            self.extra
                .iter()
                .take(LISTED)
                .map(|(name, shape)| [name.clone(), none(), dimensions(shape)]),
        )
        .collect();
        let width = |column: usize| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let (first, second) = (width(0), width(1));
        for [name, expected, found] in &rows {
            write!(f, "\n  {name:first$}  {expected:second$}  {found}")?;
        }
        let kinds = [self.misshapen.len(), self.missing.len(), self.extra.len()];
        match kinds
            .map(|count| count.saturating_sub(LISTED))
            .iter()
            .sum::<usize>()
        {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

fn dimensions(shape: &[usize]) -> String {
    if shape.is_empty() {
        return "one number".to_owned();
    }
    shape
        .iter()
        .map(usize::to_string)
        .collect::<Vec<_>>()
        .join("×")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn found(name: &str, shape: &[usize]) -> NamedTensor {
        NamedTensor {
            name: name.into(),
            shape: shape.to_vec(),
            data: vec![0.0; shape.iter().product()],
        }
    }

    #[test]
    fn weights_of_another_network_are_told_tensor_by_tensor() {
        let expected = [
            ("fc.weight".to_owned(), vec![10, 4]),
            ("fc.bias".to_owned(), vec![10]),
            ("stem".to_owned(), vec![3]),
        ];
        let file = [
            found("stem", &[3]),
            found("fc.weight", &[1000, 4]),
            found("head", &[]),
        ];
        let mismatch = compare(&expected, &file).unwrap_err();
        assert_eq!(mismatch.missing, [("fc.bias".to_owned(), vec![10])]);
        assert_eq!(mismatch.extra, [("head".to_owned(), vec![])]);
        assert_eq!(
            mismatch.misshapen,
            [("fc.weight".to_owned(), vec![10, 4], vec![1000, 4])]
        );

        let error = Error::Mismatch {
            path: "m.safetensors".into(),
            mismatch,
        };
        assert_eq!(error.exit_code(), 4);
        let text = error.to_string();
        assert!(
            text.contains("1 of another shape, 1 missing, 1 extra"),
            "{text}"
        );
        assert!(text.contains("fc.weight  10×4      1000×4"), "{text}");
        compare(&expected[2..], &file[..1]).unwrap();
    }

    #[test]
    fn a_long_list_is_cut_and_says_so() {
        let expected: Vec<_> = (0..20).map(|i| (format!("layer.{i}"), vec![1])).collect();
        let text = compare::<f32>(&expected, &[]).unwrap_err().to_string();
        assert!(text.ends_with("and 12 more"), "{text}");
    }
}
