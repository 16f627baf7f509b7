//! Class activation maps and features of networks on a device.

use triaxis::checkpoint::NamedTensor;
use triaxis::engine::{self, Graph, Init, Value, ops};
use triaxis::explain::{ExplainOptions, Explainer, Method, Wanted};
use triaxis::features::{ExtractOptions, Extractor};
use triaxis::models::layers::{Conv, Style, conv, conv_norm_act, linear};
use triaxis::{Error, Gpu, Model};

fn gpu() -> Gpu {
    Gpu::open(&Default::default()).expect("an adapter: scripts/setup installs one")
}

/// A pointwise convolution, a mean, a linear layer: every number of its maps can be told.
struct Plain;

impl Model for Plain {
    fn name(&self) -> &str {
        "plain"
    }

    fn resolution(&self) -> usize {
        3
    }

    fn num_classes(&self) -> usize {
        2
    }

    fn forward(&self, g: &mut Graph, images: Value) -> engine::Result<Value> {
        let x = conv(g, "conv", images, Conv::to(2), &Style::default())?;
        let x = ops::global_avg_pool(g, x)?;
        linear(g, "fc", x, 2, Init::Constant(0.0))
    }
}

fn tensor(name: &str, shape: &[usize], data: Vec<f32>) -> NamedTensor {
    NamedTensor {
        name: name.into(),
        shape: shape.into(),
        data,
    }
}

fn plain_weights() -> Vec<NamedTensor> {
    vec![
        // Channel 0 is red minus green, channel 1 twice blue.
        tensor(
            "conv.weight",
            &[2, 3, 1, 1],
            vec![1.0, -1.0, 0.0, 0.0, 0.0, 2.0],
        ),
        tensor("fc.weight", &[2, 2], vec![3.0, -1.0, 0.5, 4.0]),
        tensor("fc.bias", &[2], vec![10.0, 20.0]),
    ]
}

/// 3×3 pixels, no two alike.
fn image() -> Vec<f32> {
    (0..27).map(|i| ((i * 7) % 27) as f32 / 8.0).collect()
}

#[test]
fn cam_is_the_classifiers_weights_times_the_features() {
    let mut explainer =
        Explainer::new(&gpu(), &Plain, &plain_weights(), &ExplainOptions::default()).unwrap();
    let explanation = explainer
        .explain(&image(), &Wanted::These(vec![1, 0]))
        .unwrap();
    let pixels: Vec<[f32; 3]> = image().chunks(3).map(|p| [p[0], p[1], p[2]]).collect();
    for (map, [w0, w1]) in explanation.maps.iter().zip([[0.5, 4.0], [3.0, -1.0]]) {
        let expected = pixels.iter().map(|[r, g, b]| w0 * (r - g) + w1 * 2.0 * b);
        assert_eq!(map.sides, [3, 3]);
        for (got, expected) in map.data.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-5, "{got}, expected {expected}");
        }
    }
    // A map's mean is the logit without its bias.
    let mean = explanation.maps[1].data.iter().sum::<f32>() / 9.0;
    assert!((explanation.logits[0] - 10.0 - mean).abs() < 1e-5);
    let top = explainer.explain(&image(), &Wanted::Top(1)).unwrap();
    assert_eq!(
        top.maps[0].class,
        usize::from(top.logits[1] > top.logits[0])
    );
}

/// A network with all that stands between features and logits in the families.
struct Small;

impl Model for Small {
    fn name(&self) -> &str {
        "small"
    }

    fn resolution(&self) -> usize {
        10
    }

    fn num_classes(&self) -> usize {
        5
    }

    fn forward(&self, g: &mut Graph, images: Value) -> engine::Result<Value> {
        let style = Style::silu();
        let first = Conv {
            kernel: 3,
            stride: 2,
            ..Conv::to(8)
        };
        let x = conv_norm_act(g, ["conv1", "bn1"], images, first, &style)?;
        let x = conv_norm_act(g, ["conv2", "bn2"], x, Conv::to(6), &style)?;
        let x = ops::global_avg_pool(g, x)?;
        linear(g, "head", x, 5, Init::Constant(0.0))
    }
}

fn small_weights() -> Vec<NamedTensor> {
    let mut seed = 1u32;
    let mut numbers = |count: usize, from: f32, to: f32| -> Vec<f32> {
        let mut number = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            from + (to - from) * (seed >> 8) as f32 / (1 << 24) as f32
        };
        (0..count).map(|_| number()).collect()
    };
    let mut weights = vec![
        tensor("conv1.weight", &[8, 3, 3, 3], numbers(216, -0.4, 0.4)),
        tensor("conv2.weight", &[6, 8, 1, 1], numbers(48, -0.6, 0.6)),
        tensor("head.weight", &[5, 6], numbers(30, -1.0, 1.0)),
        tensor("head.bias", &[5], numbers(5, -1.0, 1.0)),
    ];
    for (norm, c) in [("bn1", 8), ("bn2", 6)] {
        let mut vector = |name, from, to| {
            weights.push(tensor(
                &format!("{norm}.{name}"),
                &[c],
                numbers(c, from, to),
            ));
        };
        vector("weight", 0.5, 1.5);
        vector("bias", -0.3, 0.3);
        vector("running_mean", -0.3, 0.3);
        vector("running_var", 0.5, 1.5);
    }
    weights
}

fn picture() -> Vec<f32> {
    (0..300)
        .map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0)
        .collect()
}

#[test]
fn grad_cam_of_the_last_features_is_cam_up_to_a_constant() {
    let gpu = gpu();
    let maps = |method| {
        let options = ExplainOptions {
            method,
            layer: None,
        };
        let mut explainer = Explainer::new(&gpu, &Small, &small_weights(), &options).unwrap();
        explainer
            .explain(&picture(), &Wanted::These(vec![0, 1, 2, 3, 4]))
            .unwrap()
            .maps
    };
    let (cam, grad_cam) = (maps(Method::Cam), maps(Method::GradCam));
    let mut above = 0;
    for (cam, grad_cam) in cam.iter().zip(&grad_cam) {
        assert_eq!(cam.sides, [5, 5]);
        let scale = cam.data.iter().fold(0.0, |m: f32, x| m.max(x.abs()));
        for (a, b) in cam.data.iter().zip(&grad_cam.data) {
            assert!(
                (a.max(0.0) - 25.0 * b).abs() < 1e-5 * scale,
                "{a} and 25 · {b}"
            );
            above += usize::from(*a > 0.0);
        }
    }
    assert!(above > 10, "{above} places of 125 speak for a class");
    // All places have the same gradient here, so the plusses change no channel's sign.
    let plus_plus = maps(Method::GradCamPlusPlus);
    assert!(
        plus_plus
            .iter()
            .all(|m| m.data.iter().all(|x| x.is_finite() && *x >= 0.0))
    );
    assert!(plus_plus.iter().any(|m| m.data.iter().any(|x| *x > 0.0)));
}

#[test]
fn grad_cam_of_an_inner_layer_follows_the_logit() {
    let gpu = gpu();
    let layer = Some("bn1".to_owned());
    let method = Method::GradCam;
    let options = ExplainOptions { method, layer };
    let mut explainer = Explainer::new(&gpu, &Small, &small_weights(), &options).unwrap();
    let got = explainer
        .explain(&picture(), &Wanted::These(vec![2]))
        .unwrap();

    // The mean gradient of a channel is how the logit changes when the whole channel moves: beta of bn1 moves it
    // before the activation, so the features themselves are moved, through a network that begins with them.
    let options = ExtractOptions {
        layers: vec!["bn1".into()],
        batch_size: 1,
    };
    let mut extractor = Extractor::new(&gpu, &Small, &small_weights(), &options).unwrap();
    let features = extractor.extract(&picture()).unwrap().remove(0);
    assert_eq!(features.shape, [1, 8, 5, 5]);
    let weights = small_weights();
    let of = |name: &str| &weights.iter().find(|t| t.name == name).unwrap().data;
    let logit = |moved: usize, by: f64| -> f64 {
        let mut sum = f64::from(of("head.bias")[2]);
        for place in 0..25 {
            for out in 0..6 {
                let mut y = 0.0;
                for k in 0..8 {
                    let x = f64::from(features.data[k * 25 + place])
                        + if k == moved { by } else { 0.0 };
                    y += x * f64::from(of("conv2.weight")[out * 8 + k]);
                }
                let at = |name: &str| f64::from(of(&format!("bn2.{name}"))[out]);
                let y = (y - at("running_mean")) / (at("running_var") + 1e-5).sqrt() * at("weight")
                    + at("bias");
                sum += y / (1.0 + (-y).exp()) * f64::from(of("head.weight")[2 * 6 + out]) / 25.0;
            }
        }
        sum
    };
    assert!((logit(0, 0.0) - f64::from(got.logits[2])).abs() < 1e-4);
    let slope: Vec<f64> = (0..8)
        .map(|k| (logit(k, 1e-4) - logit(k, -1e-4)) / 2e-4 / 25.0)
        .collect();
    for place in 0..25 {
        let expected: f64 = (0..8)
            .map(|k| slope[k] * f64::from(features.data[k * 25 + place]))
            .sum();
        let difference = f64::from(got.maps[0].data[place]) - expected.max(0.0);
        assert!(difference.abs() < 1e-5, "place {place}: {difference}");
    }
}

#[test]
fn features_do_not_depend_on_how_many_images_go_through_at_once() {
    let gpu = gpu();
    let images: Vec<f32> = (0..3)
        .flat_map(|i| picture().into_iter().map(move |x| x + i as f32))
        .collect();
    let extract = |batch_size| {
        let layers = ["global_avg_pool", "bn1", "head"].map(String::from).into();
        let options = ExtractOptions { layers, batch_size };
        let mut extractor = Extractor::new(&gpu, &Small, &small_weights(), &options).unwrap();
        extractor.extract(&images).unwrap()
    };
    let (alone, together) = (extract(1), extract(2));
    let shapes: Vec<&[usize]> = together.iter().map(|t| t.shape.as_slice()).collect();
    assert_eq!(shapes, [&[3, 6][..], &[3, 8, 5, 5], &[3, 5]]);
    for (a, b) in alone.iter().zip(&together) {
        assert_eq!(a.data.len(), a.shape.iter().product::<usize>());
        assert!(
            a.data
                .iter()
                .zip(&b.data)
                .all(|(a, b)| (a - b).abs() < 1e-5),
            "{}",
            a.name
        );
    }
}

#[test]
fn what_cannot_be_explained_is_refused() {
    let gpu = gpu();
    let refused = |method, layer: &str, part: &str| {
        let layer = Some(layer.to_owned());
        let options = ExplainOptions { method, layer };
        let error: Error = Explainer::new(&gpu, &Small, &small_weights(), &options).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(part), "{error}");
    };
    refused(Method::Cam, "bn1", "Use Grad-CAM");
    refused(Method::GradCam, "head", "one pixel");
    refused(Method::GradCam, "bn3", "Did you mean `bn");
    let mut explainer =
        Explainer::new(&gpu, &Small, &small_weights(), &ExplainOptions::default()).unwrap();
    let error = explainer
        .explain(&picture(), &Wanted::These(vec![5]))
        .unwrap_err();
    assert!(
        error.to_string().contains("tells 5 classes apart"),
        "{error}"
    );
    let error = explainer.explain(&picture(), &Wanted::Top(0)).unwrap_err();
    assert!(error.to_string().starts_with("--topk: it is 0"), "{error}");
}
