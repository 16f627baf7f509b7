//! A small network with known weights, asked in several ways.

use std::thread;

use triaxis_engine::Mode;
use triaxis_models::Model;

use super::*;
use crate::checkpoint::NamedTensor;
use crate::random::Stream;

/// Two classes more than a top-5 has, and weights that are random but the same everywhere.
fn network() -> (Spec, Weights) {
    let spec = Spec::from_toml(
        "name = \"small\"\nresolution = 16\nnum_classes = 7\n\n[network.regnet]\n\
         stem = { width = 8, kernel = 3, stride = 2 }\nbottleneck = 1.0\n\
         stages = [{ depth = 1, width = 8, group_width = 8 }]\n",
    )
    .unwrap();
    let mut g = Graph::new(Mode::Evaluate);
    let images = g.input("images", [1, 16, 16, 3]);
    spec.forward(&mut g, images).unwrap();
    let mut random = Stream::new(1, 0, 0, "weights");
    let mut tensor = |name: &str, shape: Vec<usize>| NamedTensor {
        name: name.into(),
        data: (0..shape.iter().product())
            .map(
                |_: usize| match name.contains("bn.") && !name.ends_with("running_mean") {
                    true => random.range(0.5, 1.5),
                    false => random.range(-0.5, 0.5),
                },
            )
            .collect(),
        shape,
    };
    let mut tensors = Vec::new();
    for p in g.parameters() {
        let shape = p.options.layout.file_shape(g.shape(p.value));
        tensors.push(tensor(&p.name, shape));
    }
    for b in g.buffers() {
        tensors.push(tensor(&b.name, vec![g.shape(b.value).count()]));
    }
    let weights = Weights {
        tensors,
        ..Weights::default()
    };
    (spec, weights)
}

fn pictures(count: usize) -> Vec<Picture> {
    let picture = |i: usize| Picture {
        width: 20 + i,
        height: 18,
        rgb: (0..(20 + i) * 18 * 3)
            .map(|k| (k * (i + 3) * 37 % 251) as u8)
            .collect(),
    };
    (0..count).map(picture).collect()
}

fn open(options: ClassifierOptions) -> Classifier {
    let (spec, weights) = network();
    let gpu = Gpu::open(&Default::default()).unwrap();
    Classifier::open(&gpu, &spec, &weights, options).unwrap()
}

#[test]
fn any_number_of_pictures_gets_the_logits_that_each_alone_gets() {
    let one = open(ClassifierOptions::default());
    let three = open(ClassifierOptions {
        batch_size: 3,
        ..ClassifierOptions::default()
    });
    assert!(three.logits(&[]).unwrap().is_empty());
    let pictures = pictures(7);
    let alone: Vec<Vec<f32>> = pictures
        .iter()
        .map(|p| one.logits(std::slice::from_ref(p)).unwrap().remove(0))
        .collect();
    assert!(alone[0] != alone[1], "pictures differ");
    for count in [1, 3, 5, 7] {
        let together = three.logits(&pictures[..count]).unwrap();
        assert_eq!(together.len(), count);
        for (a, b) in together.iter().flatten().zip(alone.iter().flatten()) {
            assert!((a - b).abs() < 1e-5, "{a} and {b} of {count}");
        }
    }
}

#[test]
fn halves_tell_the_same_within_a_hundredth_of_the_logits_range() {
    let whole = open(ClassifierOptions::default());
    let halves = open(ClassifierOptions {
        precision: Precision::F16,
        ..ClassifierOptions::default()
    });
    let pictures = pictures(5);
    let (a, b) = (
        whole.logits(&pictures).unwrap(),
        halves.logits(&pictures).unwrap(),
    );
    assert!(a != b, "f16 rounds");
    for (a, b) in a.iter().zip(&b) {
        let of = |f: fn(f32, f32) -> f32| a.iter().copied().reduce(f).unwrap();
        let range = of(f32::max) - of(f32::min);
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() <= 0.01 * range, "{a} and {b} of {range}");
        }
    }
}

#[test]
fn threads_may_share_a_classifier() {
    let classifier = open(ClassifierOptions {
        batch_size: 2,
        ..ClassifierOptions::default()
    });
    let pictures = pictures(5);
    let expected = classifier.logits(&pictures).unwrap();
    thread::scope(|scope| {
        let ask = || {
            for _ in 0..4 {
                assert_eq!(classifier.logits(&pictures).unwrap(), expected);
            }
        };
        let asking: Vec<_> = (0..3).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().for_each(|t| t.join().unwrap());
    });
}

#[test]
fn logits_of_several_views_are_their_mean() {
    let pictures = pictures(3);
    let preprocess = Preprocess {
        crop_pct: 0.9,
        ..Preprocess::trained(16)
    };
    for views in [Views::Flip, Views::FiveCrop] {
        let options = |preprocess, views, batch_size| ClassifierOptions {
            preprocess: Some(preprocess),
            views,
            batch_size,
            ..ClassifierOptions::default()
        };
        // Squares that were cut already.
        let single = open(options(Preprocess::trained(16), Views::Centre, 4));
        let several = open(options(preprocess, views, 2))
            .logits(&pictures)
            .unwrap();
        for (picture, got) in pictures.iter().zip(&several) {
            let squares = fit_views(picture, &preprocess.fit(views));
            assert_eq!(squares.len(), views.count());
            let each: Vec<f32> = single.logits(&squares).unwrap().concat();
            for (a, b) in got.iter().zip(mean(&each, 7)) {
                assert!((a - b).abs() < 1e-5, "{a} and {b}");
            }
        }
    }
}

#[test]
fn the_likeliest_classes_come_first_with_their_labels() {
    let labels: Vec<String> = ["a", "b", "c", "d", "e", "f", "g"].map(Into::into).to_vec();
    let classifier = open(ClassifierOptions {
        labels: labels.clone(),
        ..ClassifierOptions::default()
    });
    let logits = [1.0, 3.0, 0.0, 3.0, -1.0, 2.0, 0.5];
    let top = classifier.top(&logits, 5);
    let order: Vec<usize> = top.iter().map(|t| t.index).collect();
    assert_eq!(order, [1, 3, 5, 0, 6]);
    assert!(top.iter().all(|t| t.label == labels[t.index]));
    let all: f64 = classifier
        .top(&logits, 100)
        .iter()
        .map(|t| t.probability)
        .sum();
    assert!((all - 1.0).abs() < 1e-12);
    let classes = classifier.classify(&pictures(2), 2).unwrap();
    assert_eq!(classes.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    assert!(classes[0][0].probability >= classes[0][1].probability);
}

#[test]
fn labels_of_another_number_and_no_batch_are_refused() {
    let (spec, weights) = network();
    let gpu = Gpu::open(&Default::default()).unwrap();
    let refuse = |options| {
        let error = Classifier::open(&gpu, &spec, &weights, options).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        error.to_string()
    };
    let text = refuse(ClassifierOptions {
        labels: vec!["only one".into()],
        ..ClassifierOptions::default()
    });
    assert!(
        text.contains("there are 1") && text.contains("7 classes"),
        "{text}"
    );
    let text = refuse(ClassifierOptions {
        batch_size: 0,
        ..ClassifierOptions::default()
    });
    assert!(text.contains("--batch-size"), "{text}");
}

#[test]
fn hits_and_losses_are_counted() {
    let mut measurement = Measurement::default();
    let logits = [0.0, 5.0, 4.0, 3.0, 2.0, 1.0];
    measurement.add(&logits, 1);
    measurement.add(&logits, 5);
    measurement.add(&logits, 0);
    let result = measurement.result();
    assert_eq!(result.images, 3);
    assert!((result.top1 - 100.0 / 3.0).abs() < 1e-12);
    assert!((result.top5 - 200.0 / 3.0).abs() < 1e-12);
    let p = softmax(&logits);
    let loss = -(p[1].ln() + p[5].ln() + p[0].ln()) / 3.0;
    assert!((result.loss - loss).abs() < 1e-12);
    // Of equal logits the first counts first.
    let mut ties = Measurement::default();
    ties.add(&[1.0, 1.0], 1);
    assert_eq!(ties.result().top1, 0.0);
}
