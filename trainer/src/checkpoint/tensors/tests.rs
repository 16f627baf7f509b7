use super::*;

fn tensor(name: &str, shape: &[usize], data: &[f32]) -> NamedTensor {
    NamedTensor {
        name: name.into(),
        shape: shape.to_vec(),
        data: data.to_vec(),
    }
}

/// A file of a header as given and `data` bytes of zeros.
fn file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

fn refused(bytes: &[u8], word: &str) {
    let problem = parse(bytes).expect_err(word);
    assert!(problem.contains(word), "{word:?} is not in {problem:?}");
}

#[test]
fn tensors_survive_the_file_whatever_their_order() {
    let a = tensor(
        "b.weight",
        &[2, 3],
        &[1.0, -0.0, f32::MIN_POSITIVE, f32::MAX, 1e-45, 0.1],
    );
    let b = tensor("a.count", &[], &[7.0]);
    let c = tensor("empty", &[0, 4], &[]);
    let bytes = encode(&[a.clone(), b.clone(), c.clone()]).unwrap();
    assert_eq!(bytes, encode(&[c.clone(), a.clone(), b.clone()]).unwrap());
    let contents = parse(&bytes).unwrap();
    assert_eq!(contents.tensors, [b, a.clone(), c]);
    assert_eq!(contents.tensors[1].data[1].to_bits(), a.data[1].to_bits());
    assert_eq!(contents.metadata["format"], "pt");
    assert!(contents.converted.is_empty());
}

#[test]
fn other_formats_become_f32_and_are_counted() {
    let header = r#"{"d":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},
        "i":{"dtype":"I64","shape":[],"data_offsets":[8,16]},
        "h":{"dtype":"F16","shape":[1],"data_offsets":[16,18]},
        "b":{"dtype":"BF16","shape":[1],"data_offsets":[18,20]}}"#;
    let mut bytes = file(header, 0);
    bytes.extend(0.5f64.to_le_bytes());
    bytes.extend((-3i64).to_le_bytes());
    bytes.extend(half::f16::from_f32(1.5).to_le_bytes());
    bytes.extend(half::bf16::from_f32(-2.0).to_le_bytes());
    let contents = parse(&bytes).unwrap();
    let values: Vec<(&str, f32)> = contents
        .tensors
        .iter()
        .map(|t| (t.name.as_str(), t.data[0]))
        .collect();
    assert_eq!(values, [("b", -2.0), ("d", 0.5), ("h", 1.5), ("i", -3.0)]);
    assert_eq!(contents.converted.len(), 4);
    refused(
        &file(
            r#"{"x":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}}"#,
            1,
        ),
        "BOOL",
    );
}

#[test]
fn headers_that_lie_about_their_length_are_refused() {
    refused(&[1, 2, 3], "at least 8");
    refused(&u64::MAX.to_le_bytes(), "more than");
    refused(&(LARGEST_HEADER as u64 + 1).to_le_bytes(), "more than");
    refused(&100u64.to_le_bytes(), "in all");
    refused(&file("not json", 0), "cannot be read");
    refused(&file("", 0), "cannot be read");
}

#[test]
fn layouts_that_cannot_be_are_refused() {
    let two =
        |a: &str, b: &str| format!(r#"{{"a":{{"dtype":"F32",{a}}},"b":{{"dtype":"F32",{b}}}}}"#);
    let one = r#""shape":[2],"data_offsets":[0,8]"#;
    refused(
        &file(&two(one, r#""shape":[2],"data_offsets":[4,12]"#), 12),
        "overlaps",
    );
    refused(
        &file(&two(one, r#""shape":[2],"data_offsets":[12,20]"#), 20),
        "hole",
    );
    refused(
        &file(&two(one, r#""shape":[2],"data_offsets":[8,16]"#), 12),
        "of 12",
    );
    refused(
        &file(&two(one, r#""shape":[2],"data_offsets":[16,8]"#), 16),
        "16 to 8",
    );
    refused(
        &file(&two(one, r#""shape":[2],"data_offsets":[8,16]"#), 20),
        "no tensor",
    );
    refused(
        &file(&two(one, r#""shape":[3],"data_offsets":[8,16]"#), 16),
        "its shape",
    );
    refused(
        &file(&two(one, r#""shape":[-1],"data_offsets":[8,16]"#), 16),
        "cannot be read",
    );
    refused(
        &file(&two(one, r#""shape":[2],"data_offsets":[-4,4]"#), 16),
        "cannot be read",
    );
    refused(
        &file(
            &two(one, r#""shape":[1099511627776],"data_offsets":[8,8]"#),
            8,
        ),
        "its shape",
    );
    let huge = r#""shape":[4294967296,4294967296,4294967296],"data_offsets":[8,8]"#;
    refused(&file(&two(one, huge), 8), "its shape");
    refused(
        &file(
            &two(one, r#""shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[8,16]"#),
            16,
        ),
        "dimensions",
    );
}

#[test]
fn a_name_that_stands_twice_is_refused() {
    let entry = r#""a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#;
    refused(&file(&format!("{{{entry},{entry}}}"), 4), "two entries");
    assert!(
        encode(&[tensor("a", &[1], &[0.0]), tensor("a", &[1], &[1.0])])
            .unwrap_err()
            .contains("two tensors")
    );
    assert!(
        encode(&[tensor("a", &[3], &[0.0])])
            .unwrap_err()
            .contains("its shape")
    );
}

#[test]
fn more_tensors_than_any_network_has_are_refused() {
    let entries: Vec<String> = (0..=MOST_TENSORS)
        .map(|i| format!(r#""{i}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#))
        .collect();
    refused(
        &file(&format!("{{{}}}", entries.join(",")), 0),
        "more than 65536 tensors",
    );
}

#[test]
fn a_file_cut_anywhere_is_refused_and_names_itself() {
    let bytes = encode(&[tensor("a", &[5, 7], &[0.25; 35])]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    for twentieth in 0..20 {
        std::fs::write(&path, &bytes[..bytes.len() * twentieth / 20]).unwrap();
        let error = read(&path).unwrap_err();
        assert_eq!(error.exit_code(), 4);
        assert!(error.to_string().contains("model.safetensors"), "{error}");
    }
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(read(&path).unwrap().tensors[0].data, [0.25; 35]);
}

#[test]
fn a_number_that_is_not_finite_is_found_by_name() {
    let good = tensor("a", &[1], &[1.0]);
    assert_eq!(first_non_finite(std::slice::from_ref(&good)), None);
    assert_eq!(
        first_non_finite(&[good, tensor("b", &[2], &[0.0, f32::NAN])]),
        Some("b")
    );
}

/// Counts the bytes that are asked of it.
struct Counted<R>(R, u64);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1 += read as u64;
        Ok(read)
    }
}

/// Bytes that are read before a file that begins so and claims `length` bytes is refused for `word`.
fn read_before_refusal(start: &[u8], length: u64, word: &str) -> u64 {
    let rest = io::repeat(0).take(length - start.len() as u64);
    let mut source = Counted(start.chain(rest), 0);
    match read_from(&mut source, length) {
        Err(Fault::Damaged(problem)) => {
            assert!(problem.contains(word), "{word:?} is not in {problem:?}");
        }
        Err(Fault::Unreadable(error)) => panic!("{word}: {error}"),
        Ok(_) => panic!("{word}: it was read"),
    }
    source.1
}

#[test]
fn no_more_is_read_than_what_was_checked_vouches_for() {
    let large = 8u64 << 30;
    // Neither what a file claims to have nor the file itself is read where its first bytes are wrong.
    for (first, word) in [
        (u64::MAX, "announces a header of 18446744073709551615"),
        (1 << 60, "announces a header"),
        ((8 << 20) + 1, "more than the 8388608 allowed"),
    ] {
        assert_eq!(read_before_refusal(&first.to_le_bytes(), large, word), 8);
    }
    assert_eq!(
        read_before_refusal(&9u64.to_le_bytes(), 16, "but has 16 in all"),
        8
    );
    let length = (16 << 30) + 1;
    assert_eq!(
        read_before_refusal(
            &2u64.to_le_bytes(),
            length,
            "more than the 17179869184 allowed"
        ),
        8
    );
    // 1.7 million empty tensors are a header of 90 MB.
    let entries =
        1_700_000 * br#""1234567":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"#.len() as u64;
    assert_eq!(
        read_before_refusal(&entries.to_le_bytes(), large, "allowed"),
        8
    );
    // A header that does not fit the file: the header is read, the gigabytes behind it are not.
    for (entry, word) in [
        (r#""shape":[2],"data_offsets":[4,12]"#, "hole"),
        (r#""shape":[2],"data_offsets":[0,8]"#, "belong to no tensor"),
        (
            r#""shape":[1099511627776],"data_offsets":[0,0]"#,
            "its shape",
        ),
        (
            r#""shape":[1099511627776],"data_offsets":[0,4398046511104]"#,
            "lies at bytes",
        ),
        (r#""shape":[-1],"data_offsets":[0,8]"#, "cannot be read"),
    ] {
        let start = file(&format!(r#"{{"a":{{"dtype":"F32",{entry}}}}}"#), 0);
        let read = read_before_refusal(&start, large, word);
        assert_eq!(read, start.len() as u64, "{word}");
    }
}

#[test]
fn a_file_that_shrinks_while_it_is_read_is_damaged() {
    let bytes = encode(&[tensor("a", &[4], &[0.5; 4])]).unwrap();
    let short = &bytes[..bytes.len() - 3];
    match read_from(short, bytes.len() as u64) {
        Err(Fault::Damaged(problem)) => assert!(problem.contains("breaks off"), "{problem}"),
        _ => panic!("it was read"),
    }
}
