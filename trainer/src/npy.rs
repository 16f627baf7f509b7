//! NumPy's `.npy` files, version 1.0 of the format (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>).

/// The bytes of an array of f32, row-major.
pub(crate) fn encode(shape: &[usize], data: &[f32]) -> Vec<u8> {
    // A tuple of one has a comma, too.
    let sides: String = shape.iter().map(|side| format!("{side},")).collect();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({sides}), }}");
    // The numbers begin at a multiple of 64 bytes: magic word, version and length are 10.
    let padding = (64 - (10 + header.len() + 1) % 64) % 64;
    header.extend(std::iter::repeat_n(' ', padding));
    header.push('\n');
    let length = u16::try_from(header.len()).expect("a shape's digits are few");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(length.to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data.iter().flat_map(|x| x.to_le_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_header_is_as_numpy_writes_it_and_the_numbers_are_aligned() {
        let bytes = super::encode(&[2, 1], &[1.0, -2.0]);
        let header =
            b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2,1,), }";
        assert!(bytes.starts_with(header));
        assert_eq!(bytes.len(), 128 + 8);
        assert_eq!(bytes[127], b'\n');
        assert_eq!(bytes[128..], [0, 0, 128, 63, 0, 0, 0, 192]);
    }
}
