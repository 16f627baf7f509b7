//! Networks out of ONNX files: our own again, and PyTorch's beside what ONNX Runtime computed.

use triaxis::Weights;
use triaxis::checkpoint::NamedTensor;
use triaxis::explain::{ExplainOptions, Explainer, Wanted};
use triaxis::export::{BatchNorms, OnnxOptions, onnx};
use triaxis::features::{ExtractOptions, Extractor, layers};
use triaxis::models::Spec;

use super::file::Tensors;
use super::run::{channels_last, largest_difference};

/// Logits may be off by this part of the largest.
const LOGITS: f64 = 1e-4;

/// The weights of a network, out of a run's tensors.
fn weights(spec: &Spec, tensors: &Tensors) -> Vec<NamedTensor> {
    let g = spec.drawn().unwrap();
    let parameters = g.parameters().iter().map(|p| {
        let shape = p.options.layout.file_shape(g.shape(p.value));
        (p.name.clone(), shape)
    });
    let buffers = g.buffers().iter();
    let buffers = buffers.map(|b| (b.name.clone(), vec![g.shape(b.value).count()]));
    let tensor = |(name, shape): (String, Vec<usize>)| NamedTensor {
        data: tensors.f32s(&format!("state.{name}")),
        name,
        shape,
    };
    parameters.chain(buffers).map(tensor).collect()
}

/// The logits of images as PyTorch keeps them.
fn logits(spec: &Spec, weights: &[NamedTensor], images: &[f32]) -> Vec<f32> {
    let side = spec.resolution;
    let count = images.len() / (3 * side * side);
    let options = ExtractOptions {
        layers: vec![layers(spec).unwrap().pop().unwrap().name],
        batch_size: count,
    };
    let mut extractor = Extractor::new(crate::gpu(), spec, weights, &options).unwrap();
    let images = channels_last(images, [count, side, side, 3]);
    let mut found = extractor.extract(&images).unwrap();
    let logits = found.swap_remove(0);
    assert_eq!(logits.shape, [count, spec.num_classes]);
    logits.data
}

#[track_caller]
fn assert_close(what: &str, got: &[f32], expected: &[f64]) {
    let largest = expected.iter().fold(1.0, |m: f64, x| m.max(x.abs()));
    let off = largest_difference(got, expected);
    println!("{what}: logits differ by {off:.1e} of {largest:.2}");
    assert!(off <= LOGITS * largest, "{what}: logits differ by {off:e}");
}

#[test]
fn what_is_exported_comes_back_as_the_same_network() {
    let folder = tempfile::tempdir().unwrap();
    for (spec, tensors) in super::small::networks() {
        let (mut ours, images) = (weights(&spec, &tensors), tensors.f32s("input"));
        let expected: Vec<f64> = logits(&spec, &ours, &images)
            .iter()
            .map(|&x| f64::from(x))
            .collect();
        ours.sort_by(|a, b| a.name.cmp(&b.name));
        for batch_norms in [BatchNorms::Folded, BatchNorms::Kept] {
            let options = OnnxOptions {
                batch_norms,
                metadata: Vec::new(),
            };
            let path = folder.path().join("file.onnx");
            std::fs::write(&path, onnx(&spec, &ours, &options).unwrap()).unwrap();
            let read = Weights::load(&path).unwrap();
            let network = read.network.unwrap();
            let what = format!("{}, {batch_norms:?}", spec.name);
            assert_eq!(network.name, spec.name);
            assert_eq!(network.resolution, spec.resolution);
            assert_eq!(network.num_classes, spec.num_classes);
            assert_eq!(
                Spec::from_toml(&network.to_toml()).unwrap(),
                network,
                "{what}"
            );
            if batch_norms == BatchNorms::Kept {
                let names = |tensors: &[NamedTensor]| -> Vec<String> {
                    tensors.iter().map(|t| t.name.clone()).collect()
                };
                assert_eq!(names(&read.tensors), names(&ours), "{what}");
                assert!(read.tensors == ours, "{what}: a tensor differs");
                let [ours, theirs] = [&spec, &network].map(|s| s.complexity().unwrap());
                assert_eq!(ours.params, theirs.params, "{what}");
                assert_eq!(ours.flops, theirs.flops, "{what}");
            }
            let got = logits(&network, &read.tensors, &images);
            assert_close(&what, &got, &expected);
        }
    }
}

/// The logarithm of each image's softmax.
fn log_softmax(logits: &[f32], classes: usize) -> Vec<f32> {
    let of_image = |logits: &[f32]| {
        let sum: f64 = logits.iter().map(|&x| f64::from(x).exp()).sum();
        let log = |&x: &f32| (f64::from(x) - sum.ln()) as f32;
        logits.iter().map(log).collect::<Vec<f32>>()
    };
    logits.chunks_exact(classes).flat_map(of_image).collect()
}

#[test]
fn networks_that_pytorch_exported_compute_what_onnx_runtime_does() {
    let tensors = Tensors::load("onnx_logits.safetensors");
    let images = tensors.f32s("images");
    for (name, known) in [
        (
            "resnet",
            ["maxpool", "layer1", "layer2.0.downsample.1", "fc"],
        ),
        (
            "efficientnet",
            [
                "features.0.0",
                "features.1.block.2.fc1",
                "features.2",
                "classifier.1",
            ],
        ),
        (
            "mobilenet",
            [
                "features.1.block.1.0",
                "features.2",
                "features.3.2",
                "classifier",
            ],
        ),
    ] {
        let read = Weights::load(&super::path(&format!("onnx_{name}.onnx"))).unwrap();
        let network = read.network.unwrap();
        assert_eq!(network.name, format!("onnx_{name}"));
        assert_eq!((network.resolution, network.num_classes), (32, 10));
        let found = layers(&network).unwrap();
        for layer in known {
            assert!(found.iter().any(|l| l.name == layer), "{name}: no {layer}");
        }
        let mut got = logits(&network, &read.tensors, &images);
        if name == "mobilenet" {
            got = log_softmax(&got, 10);
            let noted = read.notes.iter().any(|note| note.contains("softmax"));
            assert!(noted, "{:?}", read.notes);
        }
        assert_close(name, &got, tensors.get(name));
        // All three end in a mean and a linear layer, by which their features are explained.
        let options = ExplainOptions::default();
        let gpu = crate::gpu();
        let mut explainer = Explainer::new(gpu, &network, &read.tensors, &options).unwrap();
        let image = channels_last(&images[..3 * 32 * 32], [1, 32, 32, 3]);
        let explained = explainer.explain(&image, &Wanted::Top(1)).unwrap();
        assert!(explained.maps[0].sides[0] > 1, "{name}");
    }
}
