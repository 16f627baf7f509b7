//! The numbers of tensors, out of the file's bytes.

use super::message::{MOST_SIDES, shown};
use super::wire::{Fields, Value};

/// Most whole numbers that are wanted of a tensor: sizes and axes are few.
const MOST_INTS: usize = 64;

/// `TensorProto.DataType`: those that are read.
const FLOAT: i64 = 1;
const INT32: i64 = 6;
const INT64: i64 = 7;
const BOOL: i64 = 9;
const FLOAT16: i64 = 10;
const DOUBLE: i64 = 11;

/// A tensor in the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Tensor<'a> {
    pub(super) name: &'a str,
    /// The outermost first.
    pub(super) sides: Vec<usize>,
    format: i64,
    /// Its numbers, one behind the other.
    raw: Option<&'a [u8]>,
    /// The whole message, where numbers may also stand in fields of their own.
    message: &'a [u8],
    /// Whether the numbers are in another file.
    external: bool,
}

impl<'a> Tensor<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let mut tensor = Self {
            message: bytes,
            ..Self::default()
        };
        let mut sides = Vec::new();
        for field in Fields(bytes) {
            match field? {
                (1, value) => value.ints(&mut sides, MOST_SIDES)?,
                (2, value) => tensor.format = value.int()?,
                (8, value) => tensor.name = value.text()?,
                (9, value) => tensor.raw = Some(value.message()?),
                (13, _) => tensor.external = true,
                (14, value) => tensor.external |= value.int()? != 0,
                _ => {}
            }
        }
        let side = |&side: &i64| {
            usize::try_from(side)
                .map_err(|_| format!("the tensor {} has a side of {side}", shown(tensor.name)))
        };
        tensor.sides = sides.iter().map(side).collect::<Result<_, _>>()?;
        Ok(tensor)
    }

    /// How the numbers are stored, where that is not as f32.
    pub(super) fn converted_from(&self) -> Option<&'static str> {
        match self.format {
            FLOAT16 => Some("F16"),
            DOUBLE => Some("F64"),
            _ => None,
        }
    }

    /// Whether these are whole numbers: sizes, axes.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.format, INT32 | INT64)
    }

    /// Whether these are floating-point numbers.
    pub(super) fn is_real(&self) -> bool {
        matches!(self.format, FLOAT | FLOAT16 | DOUBLE)
    }

    /// Whether this is the truth value `false`.
    pub(super) fn is_false(&self) -> bool {
        self.format == BOOL && self.raw.is_some_and(|raw| raw == [0])
    }

    /// How many numbers there are by its sides; none for more than can be.
    pub(super) fn count(&self) -> Option<usize> {
        let mut sides = self.sides.iter();
        sides.try_fold(1usize, |count, &side| count.checked_mul(side))
    }

    /// The count, checked against what is there where that can be told at once.
    fn expected(&self, size: usize) -> Result<usize, String> {
        let name = shown(self.name);
        if self.external {
            return Err(format!(
                "the numbers of the tensor {name} are in another file, expected all in one"
            ));
        }
        let count = self.count();
        let bytes = count.and_then(|count| count.checked_mul(size));
        let (Some(count), Some(bytes)) = (count, bytes) else {
            return Err(format!("the tensor {name} claims {:?} numbers", self.sides));
        };
        match self.raw {
            Some(raw) if raw.len() != bytes => Err(format!(
                "the tensor {name} of {:?} numbers has {} bytes, expected {bytes}",
                self.sides,
                raw.len()
            )),
            // A number takes a byte at least.
            None if count > self.message.len() => Err(format!(
                "the tensor {name} claims {:?} numbers in {} bytes",
                self.sides,
                self.message.len()
            )),
            _ => Ok(count),
        }
    }

    /// The numbers as f32.
    pub(super) fn numbers(&self) -> Result<Vec<f32>, String> {
        let size = match self.format {
            FLOAT => 4,
            FLOAT16 => 2,
            DOUBLE => 8,
            other => {
                return Err(format!(
                    "the tensor {} is stored as ONNX's type {other}; FLOAT, FLOAT16 and DOUBLE can be read",
                    shown(self.name)
                ));
            }
        };
        let count = self.expected(size)?;
        let numbers: Vec<f32> = match (self.raw, self.format) {
            (Some(raw), FLOAT) => each(raw, f32::from_le_bytes),
            (Some(raw), FLOAT16) => each(raw, |b| half::f16::from_le_bytes(b).to_f32()),
            (Some(raw), _) => each(raw, |b| f64::from_le_bytes(b) as f32),
            (None, FLOAT) => {
                let mut list = Vec::new();
                self.fields(4, |value| value.floats(&mut list, count))?;
                list
            }
            (None, FLOAT16) => {
                let mut words = Vec::new();
                self.fields(5, |value| value.ints(&mut words, count))?;
                let word = |&word: &i64| half::f16::from_bits(word as u16).to_f32();
                words.iter().map(word).collect()
            }
            (None, _) => {
                let mut list = Vec::new();
                self.fields(10, |value| value.doubles(&mut list, count))?;
                list
            }
        };
        self.complete(numbers, count)
    }

    /// The few whole numbers of sizes or axes.
    pub(super) fn ints(&self) -> Result<Vec<i64>, String> {
        let (size, field) = match self.format {
            INT32 => (4, 5),
            INT64 => (8, 7),
            other => {
                return Err(format!(
                    "the tensor {} is stored as ONNX's type {other}, expected INT64 or INT32",
                    shown(self.name)
                ));
            }
        };
        let count = self.expected(size)?;
        if count > MOST_INTS {
            return Err(format!(
                "the tensor {} holds {count} sizes, expected at most {MOST_INTS}",
                shown(self.name)
            ));
        }
        let ints = match self.raw {
            Some(raw) if size == 4 => each(raw, |b| i64::from(i32::from_le_bytes(b))),
            Some(raw) => each(raw, i64::from_le_bytes),
            None => {
                let mut list = Vec::new();
                self.fields(field, |value| value.ints(&mut list, count))?;
                list
            }
        };
        self.complete(ints, count)
    }

    /// Gives each value of the message's field to `take`.
    fn fields(
        &self,
        number: u64,
        mut take: impl FnMut(Value<'a>) -> Result<(), String>,
    ) -> Result<(), String> {
        for field in Fields(self.message) {
            let (found, value) = field?;
            if found == number {
                take(value)?;
            }
        }
        Ok(())
    }

    fn complete<T>(&self, list: Vec<T>, count: usize) -> Result<Vec<T>, String> {
        match list.len() == count {
            true => Ok(list),
            false => Err(format!(
                "the tensor {} of {:?} numbers holds {}",
                shown(self.name),
                self.sides,
                list.len()
            )),
        }
    }
}

/// Numbers of so many bytes each.
fn each<const N: usize, T>(bytes: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks().0.iter().map(|b| number(*b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(parts: &[&[u8]]) -> Result<Vec<f32>, String> {
        let bytes = parts.concat();
        let tensor = Tensor::read(&bytes)?;
        tensor.numbers()
    }

    #[test]
    fn numbers_are_read_from_wherever_they_stand() {
        let one = 1f32.to_le_bytes();
        // [2] of FLOAT: raw, packed, single.
        let head = [0x08, 2, 0x10, 1];
        let both = [one, one].concat();
        let expected = Ok(vec![1.0, 1.0]);
        assert_eq!(read(&[&head, &[0x4A, 8], &both]), expected);
        assert_eq!(read(&[&head, &[0x22, 8], &both]), expected);
        assert_eq!(read(&[&head, &[0x25], &one, &[0x25], &one]), expected);
        // FLOAT16: raw, and as whole numbers; 1.0 is 0x3C00.
        let head = [0x08, 1, 0x10, 10];
        assert_eq!(read(&[&head, &[0x4A, 2, 0, 0x3C]]), Ok(vec![1.0]));
        assert_eq!(read(&[&head, &[0x2A, 2, 0x80, 0x78]]), Ok(vec![1.0]));
        // DOUBLE, of no sides at all.
        let two = 2f64.to_le_bytes();
        assert_eq!(read(&[&[0x10, 11, 0x4A, 8], &two]), Ok(vec![2.0]));
        assert_eq!(read(&[&[0x10, 11, 0x52, 8], &two]), Ok(vec![2.0]));
        let sizes = Tensor::read(&[0x08, 2, 0x10, 7, 0x3A, 2, 0, 5]).unwrap();
        assert_eq!(sizes.ints(), Ok(vec![0, 5]));
        assert!(sizes.is_whole() && sizes.numbers().is_err());
    }

    #[test]
    fn what_a_tensor_claims_has_to_be_there() {
        // 2^62 numbers, and a product beyond 2^64.
        let large: &[u8] = &[0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40];
        let float: &[u8] = &[0x10, 1];
        let [two, one]: [&[u8]; 2] = [&[0x08, 2], &[0x08, 1]];
        let cases: [(&[&[u8]], &str); 8] = [
            (&[large, float], "claims [4611686018427387904]"),
            (&[large, large, float], "claims ["),
            (&[&[0x08, 9], float], "claims [9] numbers in 4 bytes"),
            (
                &[two, float, &[0x4A, 4, 0, 0, 0, 0]],
                "has 4 bytes, expected 8",
            ),
            (
                &[two, float, &[0x22, 4, 0, 0, 0, 0]],
                "of [2] numbers holds 1",
            ),
            (
                &[one, float, &[0x22, 8, 0, 0, 0, 0, 0, 0, 0, 0]],
                "more than the 1 entries",
            ),
            (&[one, &[0x10, 9]], "ONNX's type 9"),
            (&[one, float, &[0x70, 1]], "in another file"),
        ];
        for (parts, words) in cases {
            let error = read(parts).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        let negative = [&[0x08][..], &[0xFF; 9], &[1, 0x10, 1]].concat();
        let error = Tensor::read(&negative).unwrap_err();
        assert!(error.contains("a side of -1"), "{error}");
    }
}
