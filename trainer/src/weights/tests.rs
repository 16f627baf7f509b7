//! Files that fit, files that do not, and files that mean harm.

use std::fs;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use triaxis_models::{Model, Naming, Spec, engine};

use super::*;
use crate::checkpoint::{CheckpointStore, Origin, Snapshot, Standing, State, tensors};

/// A network of one stage, with the tensors that fit it: 1, 2, 3, … in each.
fn small() -> (Spec, Vec<NamedTensor>) {
    let spec = Spec::from_toml(
        "name = \"small\"\nresolution = 16\nnum_classes = 4\n\n[network.regnet]\n\
         stem = { width = 8, kernel = 3, stride = 2 }\nbottleneck = 1.0\n\
         stages = [{ depth = 1, width = 8, group_width = 8 }]\n",
    )
    .unwrap();
    let mut g = engine::Graph::new(engine::Mode::Evaluate);
    let images = g.input("images", [1, 16, 16, 3]);
    spec.forward(&mut g, images).unwrap();
    let numbered = |name: &str, shape: Vec<usize>| NamedTensor {
        name: name.into(),
        data: (1..=shape.iter().product())
            .map(|i: usize| i as f32)
            .collect(),
        shape,
    };
    let parameters = g.parameters().iter();
    let parameters =
        parameters.map(|p| numbered(&p.name, p.options.layout.file_shape(g.shape(p.value))));
    let buffers = g.buffers().iter();
    let buffers = buffers.map(|b| numbered(&b.name, vec![g.shape(b.value).count()]));
    let mut all: Vec<NamedTensor> = parameters.chain(buffers).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    (spec, all)
}

fn of(tensors: Vec<NamedTensor>) -> Weights {
    Weights {
        path: "w.safetensors".into(),
        tensors,
        ..Weights::default()
    }
}

fn save(path: &Path, tensors: &[NamedTensor]) {
    fs::write(path, tensors::encode(tensors).unwrap()).unwrap();
}

fn refusal(path: &Path) -> String {
    let error = Weights::load(path).unwrap_err();
    assert_eq!(error.exit_code(), 4, "{error}");
    error.to_string()
}

#[test]
fn a_file_of_the_network_fits_whole() {
    let (spec, tensors) = small();
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("w.safetensors");
    let mut file = tensors.clone();
    file.push(NamedTensor {
        name: "stem.bn.num_batches_tracked".into(),
        shape: vec![],
        data: vec![7.0],
    });
    save(&path, &file);
    let fitted = Weights::load(&path)
        .unwrap()
        .fit(&spec, &FitOptions::default())
        .unwrap();
    assert_eq!(fitted.tensors, tensors);
    assert!(fitted.notes.is_empty(), "{:?}", fitted.notes);
}

#[test]
fn every_floating_point_format_is_read_and_said() {
    let place = tempfile::tempdir().unwrap();
    let numbers = [1.0f32, -0.5, 0.25];
    let bytes_of = |dtype| -> Vec<u8> {
        let each = |x: f32| match dtype {
            Dtype::F16 => half::f16::from_f32(x).to_le_bytes().to_vec(),
            Dtype::BF16 => half::bf16::from_f32(x).to_le_bytes().to_vec(),
            _ => f64::from(x).to_le_bytes().to_vec(),
        };
        numbers.into_iter().flat_map(each).collect()
    };
    for dtype in [Dtype::F16, Dtype::BF16, Dtype::F64] {
        let bytes = bytes_of(dtype);
        let view = TensorView::new(dtype, vec![3], &bytes).unwrap();
        let path = place.path().join("w.safetensors");
        fs::write(&path, safetensors::serialize([("x", view)], None).unwrap()).unwrap();
        let weights = Weights::load(&path).unwrap();
        assert_eq!(weights.tensors[0].data, numbers);
        assert!(weights.notes[0].contains(&format!("from {dtype} to F32")));
    }
}

#[test]
fn what_differs_is_told_in_a_table_and_only_partial_goes_on() {
    let (spec, mut tensors) = small();
    let gone = tensors.remove(0);
    tensors[0].shape.push(2);
    let repeated = tensors[0].data.repeat(2);
    tensors[0].data = repeated;
    let misshapen = tensors[0].name.clone();
    tensors.push(NamedTensor {
        name: "stranger".into(),
        shape: vec![1],
        data: vec![0.0],
    });
    let weights = of(tensors.clone());
    let error = weights.fit(&spec, &FitOptions::default()).unwrap_err();
    assert_eq!(error.exit_code(), 4);
    let text = error.to_string();
    for part in ["expected", "found", &gone.name, &misshapen, "stranger"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let options = FitOptions {
        partial: true,
        ..FitOptions::default()
    };
    let fitted = weights.fit(&spec, &options).unwrap();
    assert_eq!(fitted.tensors.len(), tensors.len() - 2);
    assert!(
        fitted.notes[0].starts_with("2 tensors keep their initial values")
            && fitted.notes[0].contains(&gone.name)
            && fitted.notes[1] == "1 tensors of the file are left out: stranger",
        "{:?}",
        fitted.notes
    );
}

#[test]
fn another_number_of_classes_keeps_the_body() {
    let (mut spec, tensors) = small();
    let weights = of(tensors.clone());
    assert_eq!(weights.num_classes(&spec).unwrap(), Some(4));
    spec.num_classes = 7;
    assert_eq!(weights.num_classes(&spec).unwrap(), Some(4));
    weights.fit(&spec, &FitOptions::default()).unwrap_err();
    let options = FitOptions {
        new_head: true,
        ..FitOptions::default()
    };
    let fitted = weights.fit(&spec, &options).unwrap();
    assert_eq!(fitted.tensors.len(), tensors.len() - 2);
    assert!(
        fitted.notes[0].contains("tells 4 classes apart")
            && fitted.notes[0].contains("begins anew, for 7"),
        "{:?}",
        fitted.notes
    );
    // A body that does not fit is refused all the same, and so is half a classifier.
    spec.num_classes = 4;
    let half: Vec<NamedTensor> = tensors
        .into_iter()
        .filter(|t| t.name != "head.fc.bias")
        .collect();
    let error = of(half).fit(&spec, &options).unwrap_err().to_string();
    assert!(error.contains("head.fc.bias"), "{error}");
}

#[test]
fn sides_of_one_at_the_end_do_not_count() {
    let (spec, mut tensors) = small();
    let expected = tensors.clone();
    for tensor in &mut tensors {
        match tensor.shape[..] {
            [_, _] => tensor.shape.extend([1, 1]),
            [_, _, 1, 1] => tensor.shape.truncate(2),
            _ => {}
        }
    }
    assert_ne!(tensors, expected);
    let fitted = of(tensors).fit(&spec, &FitOptions::default()).unwrap();
    assert_eq!(fitted.tensors, expected);
}

#[test]
fn shards_are_joined_and_must_be_as_their_index_says() {
    let (_, tensors) = small();
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let (first, second) = tensors.split_at(5);
    save(&at("a.safetensors"), first);
    save(&at("b.safetensors"), second);
    let index = |entries: &[(&str, &str)]| {
        let mut map: serde_json::Map<String, serde_json::Value> = Default::default();
        for (part, name) in [(first, "a.safetensors"), (second, "b.safetensors")] {
            map.extend(part.iter().map(|t| (t.name.clone(), name.into())));
        }
        map.extend(entries.iter().map(|&(k, v)| (k.to_owned(), v.into())));
        let text = serde_json::json!({"metadata": {"total_size": 1}, "weight_map": map});
        fs::write(at(sharded::INDEX), text.to_string()).unwrap();
    };
    index(&[]);
    // The index, or the folder that it is in.
    assert_eq!(Weights::load(&at(sharded::INDEX)).unwrap().tensors, tensors);
    assert_eq!(Weights::load(place.path()).unwrap().tensors, tensors);

    for (entry, part) in [
        (("ghost", "a.safetensors"), "ghost is in a.safetensors"),
        (
            (first[0].name.as_str(), "b.safetensors"),
            "is in a.safetensors",
        ),
        (("x", "../a.safetensors"), "expected files beside the index"),
        (("x", "/etc/passwd"), "expected files beside the index"),
        (("x", ".."), "expected files beside the index"),
    ] {
        index(&[entry]);
        let text = refusal(&at(sharded::INDEX));
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
    fs::write(at(sharded::INDEX), "{\"weight_map\": 3}").unwrap();
    assert!(refusal(&at(sharded::INDEX)).contains("no index of weights"));
}

#[test]
fn pickles_are_refused_by_content_and_by_name_with_the_line_that_converts() {
    let place = tempfile::tempdir().unwrap();
    let cases: [(&str, &[u8]); 4] = [
        ("a.pth", b"anything"),
        ("it's.safetensors", b"PK\x03\x04archive/data.pkl"),
        (
            "c.safetensors",
            b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02",
        ),
        ("pytorch_model.BIN", b""),
    ];
    for (name, bytes) in cases {
        let path = place.path().join(name);
        fs::write(&path, bytes).unwrap();
        let text = refusal(&path);
        assert!(
            text.contains("Python pickle") && text.contains("weights_only=True"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1);
    }
    // A safetensors file whose header is 640 bytes long begins as pickles of protocol 2 do.
    let path = place.path().join("w.safetensors");
    let header = format!(
        "{:640}",
        "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}"
    );
    let file = [&640u64.to_le_bytes()[..], header.as_bytes(), &[0; 4]].concat();
    fs::write(&path, file).unwrap();
    assert_eq!(Weights::load(&path).unwrap().tensors[0].data, [0.0]);
}

#[test]
fn files_that_mean_harm_are_refused_at_once() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("w.safetensors");
    let file = |header: &str, data: usize| {
        let length = header.len() as u64;
        [&length.to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat()
    };
    let entry = |name: &str, shape: &str, begin: usize, end: usize| {
        format!(
            "\"{name}\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":[{begin},{end}]}}"
        )
    };
    let empty: Vec<String> = (0..1_700_000)
        .map(|i| entry(&i.to_string(), "[0]", 0, 0))
        .collect();
    let some = empty[..100_000].join(",");
    let nan = [
        &file(&format!("{{{}}}", entry("x", "[1]", 0, 4)), 0)[..],
        &f32::NAN.to_le_bytes(),
    ]
    .concat();
    let cases: [(&str, Vec<u8>); 12] = [
        ("0 bytes", Vec::new()),
        ("announces a header", u64::MAX.to_le_bytes().to_vec()),
        (
            "announces a header",
            [&1000u64.to_le_bytes()[..], b"{}"].concat(),
        ),
        (
            "more than the",
            file(&format!("{{{}}}", empty.join(",")), 0),
        ),
        ("more than 65536 tensors", file(&format!("{{{some}}}"), 0)),
        (
            "two entries are named x",
            file(
                &format!(
                    "{{{},{}}}",
                    entry("x", "[1]", 0, 4),
                    entry("x", "[1]", 4, 8)
                ),
                8,
            ),
        ),
        (
            "overlaps",
            file(
                &format!(
                    "{{{},{}}}",
                    entry("x", "[1]", 0, 4),
                    entry("y", "[1]", 0, 4)
                ),
                4,
            ),
        ),
        (
            "leaves a hole",
            file(&format!("{{{}}}", entry("x", "[1]", 4, 8)), 8),
        ),
        (
            "belong to no tensor",
            file(&format!("{{{}}}", entry("x", "[1]", 0, 4)), 8),
        ),
        (
            "its shape is",
            file(
                &format!(
                    "{{{}}}",
                    entry("x", "[4294967296,4294967296,4294967296]", 0, 0)
                ),
                0,
            ),
        ),
        (
            "version https://git-lfs",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0".to_vec(),
        ),
        ("not finite", nan),
    ];
    for (part, bytes) in cases {
        fs::write(&path, &bytes).unwrap();
        let text = refusal(&path);
        let part = if part.starts_with("version") {
            "Git LFS"
        } else {
            part
        };
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
}

#[test]
fn numbers_that_are_not_finite_are_taken_only_where_one_asks_for_them() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("w.safetensors");
    for number in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let tensor = NamedTensor {
            name: "fc.bias".into(),
            shape: vec![2],
            data: vec![1.0, number],
        };
        save(&path, &[tensor]);
        let text = refusal(&path);
        assert!(
            text.contains("fc.bias holds a number that is not finite")
                && text.contains("--allow-nonfinite"),
            "{text}"
        );
        let options = LoadOptions {
            allow_non_finite: true,
        };
        let weights = Weights::load_with(&path, &options).unwrap();
        assert_eq!(weights.tensors[0].data[1].to_bits(), number.to_bits());
        assert!(weights.notes[0].contains("fc.bias"), "{:?}", weights.notes);
    }
}

#[test]
fn a_run_its_checkpoints_and_its_pointers_are_weights() {
    let (spec, tensors) = small();
    let place = tempfile::tempdir().unwrap();
    let mut store = CheckpointStore::open(place.path()).unwrap();
    let snapshot = |step, model: &[NamedTensor]| Snapshot {
        model: model.to_vec(),
        state: State {
            step,
            ..State::default()
        },
        origin: Origin {
            classes: ["a", "b", "c", "d"].map(String::from).to_vec(),
            ..Origin::default()
        },
        ..Snapshot::default()
    };
    store.save(&snapshot(1, &tensors), Standing::Best).unwrap();
    let mut later = tensors.clone();
    later[0].data[0] = -1.0;
    store.save(&snapshot(2, &later), Standing::Newest).unwrap();
    for (path, expected) in [
        ("", &tensors),
        ("best", &tensors),
        ("last", &later),
        ("checkpoint-000001", &tensors),
        ("checkpoint-000002", &later),
        ("checkpoint-000002/model.safetensors", &later),
    ] {
        let weights = Weights::load(&place.path().join(path)).unwrap();
        assert_eq!(&weights.tensors, expected, "{path}");
        assert_eq!(weights.classes.len(), 4, "{path}");
        weights.fit(&spec, &FitOptions::default()).unwrap();
    }
    let missing = refusal(&place.path().join("checkpoint-000009"));
    assert!(missing.contains("checkpoint-000009"), "{missing}");
    fs::create_dir(place.path().join("empty")).unwrap();
    assert!(refusal(&place.path().join("empty")).contains("holds no weights"));
}

#[test]
fn names_of_other_projects_are_recognised_and_pyclss_colours_reversed() {
    let (spec, tensors) = small();
    for naming in [Naming::Pycls, Naming::Torchvision] {
        let theirs = tensors.iter().map(|t| NamedTensor {
            name: naming.from_ours(&spec.network, &t.name).unwrap(),
            ..t.clone()
        });
        let weights = of(theirs.collect());
        assert_eq!(weights.num_classes(&spec).unwrap(), Some(4));
        let fitted = weights.fit(&spec, &FitOptions::default()).unwrap();
        assert_eq!(fitted.notes[0], format!("the names are {naming}'s"));
        for (got, expected) in fitted.tensors.iter().zip(&tensors) {
            let mut expected = expected.clone();
            if naming == Naming::Pycls && expected.name == "stem.conv.weight" {
                // Eight outputs of 3×3×3: the last nine taps of each come first.
                let output = |taps: &[f32]| [&taps[18..], &taps[9..18], &taps[..9]].concat();
                expected.data = expected.data.chunks(27).flat_map(output).collect();
                assert!(fitted.notes[1].contains("stem.conv.weight is reversed"));
            }
            assert_eq!(*got, expected, "{naming}");
        }
    }
}

#[test]
fn two_tensors_for_one_of_ours_are_refused() {
    let (spec, tensors) = small();
    let their = |t: &NamedTensor| NamedTensor {
        name: Naming::Pycls.from_ours(&spec.network, &t.name).unwrap(),
        ..t.clone()
    };
    let mut twice: Vec<NamedTensor> = tensors.iter().map(their).collect();
    let convolution = tensors
        .iter()
        .find(|t| t.name.ends_with("conv1.conv.weight"));
    twice.extend(convolution.cloned());
    let error = of(twice).fit(&spec, &FitOptions::default()).unwrap_err();
    assert!(
        error.to_string().contains("two of its tensors are"),
        "{error}"
    );
}
