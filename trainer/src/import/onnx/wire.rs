//! Protocol buffers' wire format (<https://protobuf.dev/programming-guides/encoding/>), read where it lies: nothing is copied, and
//! no length is believed that is not there.

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// Whole numbers, signed ones as their two's complement.
    Number(u64),
    /// 64 bits, little-endian.
    Eight([u8; 8]),
    /// 32 bits, little-endian.
    Four([u8; 4]),
    /// Text, bytes, a message, or numbers packed one behind the other.
    Bytes(&'a [u8]),
}

/// The fields of a message, one after the other: number and value. After an error there are none.
#[derive(Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Result<(u64, Value<'a>), String> {
        let key = number(&mut self.0)?;
        let value = match key & 7 {
            0 => Value::Number(number(&mut self.0)?),
            1 => Value::Eight(self.array()?),
            2 => {
                let length = number(&mut self.0)?;
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Four(self.array()?),
            kind => return Err(format!("a field is of the unknown kind {kind}")),
        };
        match key >> 3 {
            0 => Err("a field has the number 0".into()),
            field => Ok((field, value)),
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let left = self.0.len();
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or_else(|| format!("a field claims {length} bytes where {left} are left"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let taken = self.take(N)?;
        Ok(taken.try_into().expect("as many were taken"))
    }
}

/// Takes a number off the front: seven bits a byte, the lowest first.
fn number(bytes: &mut &[u8]) -> Result<u64, String> {
    let mut number = 0u64;
    for place in 0..10 {
        let Some((&byte, rest)) = bytes.split_first() else {
            return Err("it breaks off within a number".into());
        };
        *bytes = rest;
        // The tenth byte has room for one bit.
        if place == 9 && byte > 1 {
            break;
        }
        number |= u64::from(byte & 0x7F) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err("a number has more than 64 bits".into())
}

impl<'a> Value<'a> {
    /// The bytes of a message.
    pub(super) fn message(self) -> Result<&'a [u8], String> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err("a number stands where a message is expected".into()),
        }
    }

    /// A text.
    pub(super) fn text(self) -> Result<&'a str, String> {
        std::str::from_utf8(self.message()?).map_err(|_| "a name is no UTF-8 text".into())
    }

    /// A whole number.
    pub(super) fn int(self) -> Result<i64, String> {
        match self {
            Self::Number(number) => Ok(number.cast_signed()),
            _ => Err("no whole number stands where one is expected".into()),
        }
    }

    /// A number of 32 bits.
    pub(super) fn float(self) -> Result<f32, String> {
        match self {
            Self::Four(bytes) => Ok(f32::from_le_bytes(bytes)),
            _ => Err("no 32-bit number stands where one is expected".into()),
        }
    }

    /// Adds the whole numbers of a repeated field, packed or not, to `list`, which may grow to `most`.
    pub(super) fn ints(self, list: &mut Vec<i64>, most: usize) -> Result<(), String> {
        match self {
            Self::Bytes(mut packed) => {
                while !packed.is_empty() {
                    push(list, number(&mut packed)?.cast_signed(), most)?;
                }
                Ok(())
            }
            single => push(list, single.int()?, most),
        }
    }

    /// The same of 32-bit numbers.
    pub(super) fn floats(self, list: &mut Vec<f32>, most: usize) -> Result<(), String> {
        match self {
            Self::Bytes(packed) => {
                let (numbers, rest) = packed.as_chunks();
                if !rest.is_empty() {
                    return Err("packed 32-bit numbers break off".into());
                }
                numbers
                    .iter()
                    .try_for_each(|bytes| push(list, f32::from_le_bytes(*bytes), most))
            }
            single => push(list, single.float()?, most),
        }
    }

    /// The same of 64-bit numbers, as 32-bit ones.
    pub(super) fn doubles(self, list: &mut Vec<f32>, most: usize) -> Result<(), String> {
        match self {
            Self::Bytes(packed) => {
                let (numbers, rest) = packed.as_chunks();
                if !rest.is_empty() {
                    return Err("packed 64-bit numbers break off".into());
                }
                numbers
                    .iter()
                    .try_for_each(|bytes| push(list, f64::from_le_bytes(*bytes) as f32, most))
            }
            Self::Eight(bytes) => push(list, f64::from_le_bytes(bytes) as f32, most),
            _ => Err("no 64-bit number stands where one is expected".into()),
        }
    }
}

/// Adds to a list that may grow to `most`.
pub(super) fn push<T>(list: &mut Vec<T>, item: T, most: usize) -> Result<(), String> {
    if list.len() >= most {
        return Err(format!("a list has more than the {most} entries expected"));
    }
    list.push(item);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &[u8]) -> Result<Vec<(u64, Value<'_>)>, String> {
        Fields(bytes).collect()
    }

    #[test]
    fn fields_of_every_kind_are_told_by_number_and_value() {
        // 1: 300, 2: "hi", 3: 1.0 in 32 bits, 4: in 64 bits, 5: -1.
        let bytes = [
            &[
                0x08, 0xAC, 0x02, 0x12, 2, b'h', b'i', 0x1D, 0, 0, 0x80, 0x3F,
            ][..],
            &[0x21, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F, 0x28],
            &[0xFF; 9],
            &[1],
        ]
        .concat();
        let found = fields(&bytes).unwrap();
        assert_eq!(found[0], (1, Value::Number(300)));
        assert_eq!(found[1].1.text(), Ok("hi"));
        assert_eq!(found[2].1.float(), Ok(1.0));
        let mut doubles = Vec::new();
        found[3].1.doubles(&mut doubles, 1).unwrap();
        assert_eq!(doubles, [1.0]);
        assert_eq!((found[4].0, found[4].1.int()), (5, Ok(-1)));
        assert!(found[4].1.text().is_err() && found[1].1.int().is_err());
    }

    #[test]
    fn repeated_numbers_may_be_packed_and_are_counted() {
        let mut ints = vec![7];
        Value::Bytes(&[1, 0xAC, 0x02]).ints(&mut ints, 4).unwrap();
        Value::Number(5).ints(&mut ints, 4).unwrap();
        assert_eq!(ints, [7, 1, 300, 5]);
        assert!(Value::Number(5).ints(&mut ints, 4).is_err());
        let mut floats = Vec::new();
        let ones = [0, 0, 0x80, 0x3F, 0, 0, 0x80, 0x3F];
        Value::Bytes(&ones).floats(&mut floats, 2).unwrap();
        assert_eq!(floats, [1.0, 1.0]);
        assert!(Value::Bytes(&ones[..7]).floats(&mut floats, 9).is_err());
        assert!(Value::Bytes(&ones[..4]).floats(&mut floats, 2).is_err());
    }

    #[test]
    fn what_is_cut_off_or_claims_more_than_is_there_is_refused() {
        for (bytes, words) in [
            (&[0x08][..], "breaks off"),
            (&[0x08, 0x80], "breaks off"),
            (&[0x12, 3, 1, 2], "3 bytes where 2 are left"),
            (&[0x1D, 0, 0], "claims 4 bytes"),
            (&[0x21, 0], "claims 8 bytes"),
            (&[0x13], "unknown kind 3"),
            (&[0x02, 0], "number 0"),
            (
                &[
                    0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1,
                ],
                "bytes where 0 are left",
            ),
            (
                &[
                    0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2,
                ],
                "more than 64 bits",
            ),
        ] {
            let error = fields(bytes).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
