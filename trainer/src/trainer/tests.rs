//! What a recipe does to a small network, seen from its weights.

mod averages;

use std::path::Path;

use triaxis_engine::ops::{self, Activation};
use triaxis_engine::{AdapterKind, GpuOptions, Init, Limits, ParameterOptions, Value};
use triaxis_models::Spec;
use triaxis_models::layers::{Conv, Style, conv, linear};

use super::*;
use crate::checkpoint::NamedTensor;
use crate::data::{DataOptions, open};
use crate::recipe::{ClipMode, DecayEma, ModelEma, Optimizer, Schedule, Sgd};
use crate::report::EpochRow;

const SIDE: usize = 8;

/// A convolution and a classifier, without batch norm.
struct Plain;

impl Model for Plain {
    fn name(&self) -> &str {
        "plain"
    }

    fn resolution(&self) -> usize {
        SIDE
    }

    fn num_classes(&self) -> usize {
        10
    }

    fn forward(&self, g: &mut Graph, images: Value) -> triaxis_engine::Result<Value> {
        let layer = Conv {
            kernel: 3,
            stride: 2,
            ..Conv::to(12)
        };
        let x = conv(g, "conv", images, layer, &Style::silu())?;
        let x = ops::activation(g, x, Activation::Silu)?;
        let x = ops::global_avg_pool(g, x)?;
        linear(g, "classifier", x, 10, Init::Normal { std: 0.1 })
    }
}

/// Inverted bottlenecks with batch norm; `momentum` of its running statistics.
fn normed(momentum: f64) -> Spec {
    let text = format!(
        "name = \"normed\"\nresolution = {SIDE}\nnum_classes = 10\n\n[network.efficientnet]\n\
         stem = {{ width = 6, kernel = 3, stride = 1 }}\nhead = 0\nstyle = {{ momentum = {momentum} }}\n\
         stages = [{{ depth = 2, width = 6, kernel = 3, stride = 1, expansion = 2, squeeze = 0.5 }}]\n"
    );
    Spec::from_toml(&text).unwrap()
}

fn recipe() -> Recipe {
    Recipe {
        batch_size: 8,
        epochs: 3,
        lr: 0.5,
        lr_base_size: None,
        warmup_epochs: 0.0,
        weight_decay: Some(0.0),
        smoothing: 0.0,
        mixup: 0.0,
        opt: Optimizer::Sgd(Sgd {
            momentum: 0.0,
            nesterov: false,
        }),
        sched: Schedule::Constant,
        model_ema: ModelEma::Off,
        workers: 1,
        ..Recipe::default()
    }
}

/// A trainer of `images` pictures.
fn trainer(model: impl Model + 'static, images: usize, recipe: &Recipe) -> Trainer {
    let gpu = Gpu::open(&GpuOptions::default()).unwrap();
    let options = DataOptions {
        synthetic_side: SIDE,
        ..DataOptions::default()
    };
    let data = open(&format!("synthetic:{images}"), &options).unwrap();
    Trainer::new(&gpu, model, &data, recipe).unwrap()
}

fn epoch(trainer: &mut Trainer) {
    trainer.train_epoch(|_| Flow::Continue).unwrap().unwrap();
    let epoch = trainer.epoch() as u64;
    trainer.record(EpochRow {
        epoch,
        ..EpochRow::default()
    });
}

/// The largest difference between two lists of the same tensors, in those whose names `of` accepts.
fn difference(a: &[NamedTensor], b: &[NamedTensor], of: impl Fn(&str) -> bool) -> f64 {
    let mut largest = 0.0f64;
    for (a, b) in a.iter().zip(b) {
        assert_eq!(a.name, b.name);
        if of(&a.name) {
            let apart = a
                .data
                .iter()
                .zip(&b.data)
                .map(|(x, y)| f64::from(x - y).abs());
            largest = apart.fold(largest, f64::max);
        }
    }
    largest
}

#[test]
fn accumulated_batches_equal_a_large_one() {
    let large = Recipe {
        batch_size: 32,
        ..recipe()
    };
    let small = Recipe {
        grad_accum_steps: 4,
        ..recipe()
    };
    let [large, small] = [large, small].map(|recipe| {
        let mut trainer = trainer(Plain, 96, &recipe);
        let first = trainer.weights().unwrap();
        epoch(&mut trainer);
        (first, trainer.weights().unwrap())
    });
    assert!(difference(&large.0, &large.1, |_| true) > 0.01, "it learns");
    let apart = difference(&large.1, &small.1, |_| true);
    assert!(apart < 1e-6, "{apart}");
}

#[test]
fn the_last_update_of_an_epoch_is_of_what_is_left() {
    let recipe = Recipe {
        grad_accum_steps: 4,
        ..recipe()
    };
    let trainer = trainer(Plain, 50, &recipe);
    let batches = trainer.batches();
    assert_eq!(batches % 4, 2, "{batches} batches");
    let part = |batch| {
        let Part { position, numbers } = trainer.part(1, batch);
        assert_eq!((position.epoch, position.steps), (1, batches.div_ceil(4)));
        (position.step, numbers)
    };
    assert_eq!(part(0), (0, [1.0, 0.25, 0.0, 0.0]));
    assert_eq!(part(2), (0, [0.0, 0.25, 0.0, 0.0]));
    assert_eq!(part(3), (0, [0.0, 0.25, 1.0, 0.0]));
    assert_eq!(part(batches - 2), (batches / 4, [1.0, 0.5, 0.0, 0.0]));
    assert_eq!(part(batches - 1), (batches / 4, [0.0, 0.5, 1.0, 0.0]));
}

#[test]
fn a_frozen_body_keeps_its_weights_and_statistics() {
    let recipe = Recipe {
        freeze: vec!["body".into()],
        ..recipe()
    };
    let mut trainer = trainer(normed(0.1), 32, &recipe);
    let first = trainer.weights().unwrap();
    epoch(&mut trainer);
    let last = trainer.weights().unwrap();
    let is_head = |name: &str| name.starts_with("classifier.");
    assert_eq!(difference(&first, &last, |name| !is_head(name)), 0.0);
    assert!(difference(&first, &last, is_head) > 0.0);
    // Frozen parameters lie elsewhere in the training plan: the evaluation finds them.
    let eval = trainer
        .evaluate(WeightKind::Raw, |_| Flow::Continue)
        .unwrap()
        .unwrap();
    assert!(eval.loss.is_finite() && eval.loss < 10.0, "{eval:?}");
}

#[test]
fn layer_decay_divides_what_the_first_layers_learn() {
    let one_batch = |layer_decay| {
        let recipe = Recipe {
            layer_decay,
            batch_size: 16,
            ..recipe()
        };
        let mut trainer = trainer(normed(0.1), 20, &recipe);
        assert_eq!(trainer.batches(), 1);
        let first = trainer.weights().unwrap();
        epoch(&mut trainer);
        (first, trainer.weights().unwrap())
    };
    let (first, all) = one_batch(1.0);
    let (_, decayed) = one_batch(0.5);
    // The stem, two blocks, what is behind them, the classifier.
    for (name, share) in [("conv_stem.weight", 0.125), ("classifier.weight", 1.0)] {
        let of = |n: &str| n == name;
        let (whole, part) = (
            difference(&first, &all, of),
            difference(&first, &decayed, of),
        );
        assert!(
            (part / whole - share).abs() < 1e-3,
            "{name}: {part} of {whole}"
        );
    }
}

#[test]
fn every_way_of_clipping_bounds_what_a_step_changes() {
    let limit = 1e-4;
    for clip_mode in [ClipMode::Norm, ClipMode::Value, ClipMode::Agc] {
        let recipe = Recipe {
            clip_grad: Some(limit),
            clip_mode,
            batch_size: 16,
            ..recipe()
        };
        let mut trainer = trainer(Plain, 20, &recipe);
        let first = trainer.weights().unwrap();
        epoch(&mut trainer);
        let last = trainer.weights().unwrap();
        let most = recipe.lr * limit * 1.001 + 1e-7;
        let body = difference(&first, &last, |name| name.starts_with("conv."));
        let head = difference(&first, &last, |name| name.starts_with("classifier."));
        match clip_mode {
            // A share of the weights' length, which is about 3; the classifier is left alone.
            ClipMode::Agc => assert!(body < 4.0 * most && head > 10.0 * most, "{body} {head}"),
            _ => assert!(body.max(head) <= most, "{clip_mode:?}: {body} {head}"),
        }
        assert!(body > 0.0 && head > 0.0, "{clip_mode:?}");
    }
}

#[test]
fn precise_statistics_are_the_means_of_the_batches_own() {
    // The weights stay as they are.
    let still = Recipe {
        lr: 1e-30,
        hflip: 0.0,
        ..recipe()
    };
    // At a momentum of 1 the running statistics are those of the last batch.
    let mut last = trainer(normed(1.0), 20, &still);
    assert_eq!(last.batches(), 2);
    last.train_epoch(|_| Flow::Stop).unwrap();
    let first_batch = last.weights().unwrap();
    epoch(&mut last);
    let second_batch = last.weights().unwrap();
    let precise = Recipe {
        precise_bn: 16,
        model_ema: ModelEma::Decay(DecayEma {
            decay: 0.5,
            warmup: false,
        }),
        ..still
    };
    let mut measured = trainer(normed(0.1), 20, &precise);
    epoch(&mut measured);
    let snapshot = measured.snapshot().unwrap();
    // Weights and average are equal, so are their statistics.
    let average = snapshot.ema.unwrap();
    assert!(difference(&snapshot.model, &average, |_| true) < 1e-6);
    let mut seen = 0;
    for ((a, b), got) in first_batch.iter().zip(&second_batch).zip(&snapshot.model) {
        for ((a, b), got) in a.data.iter().zip(&b.data).zip(&got.data) {
            let mean = 0.5 * (a + b);
            assert!(
                (mean - got).abs() < 1e-4 * (1.0 + mean.abs()),
                "{mean} {got}"
            );
            seen += usize::from(a != b);
        }
    }
    assert!(seen > 20, "batches differ in {seen} numbers");
}

#[test]
fn activations_that_are_computed_again_change_no_bit_and_save_memory() {
    let keep = Recipe {
        batch_size: 16,
        drop_path: 0.2,
        ..recipe()
    };
    let again = Recipe {
        grad_checkpointing: true,
        ..keep.clone()
    };
    let [keep, again] = [keep, again].map(|recipe| {
        let mut spec = normed(0.1);
        spec.network.set_drop(0.1, 0.2);
        let mut trainer = trainer(spec, 40, &recipe);
        epoch(&mut trainer);
        let memory = trainer.plan().memory().activations;
        (trainer.weights().unwrap(), memory)
    });
    assert!(keep.0 == again.0, "some weights differ");
    assert!(again.1 < keep.1, "{} bytes of {}", again.1, keep.1);
}

#[test]
fn the_largest_batch_that_fits_keeps_the_images_an_update() {
    let recipe = Recipe {
        batch_size: 96,
        ..recipe()
    };
    let spec = normed(0.1);
    let limits = *Gpu::open(&GpuOptions::default()).unwrap().limits();
    let total = |batch| {
        let split = Recipe {
            grad_accum_steps: 96 / batch,
            ..recipe.clone()
        };
        let needed = memory_needed(&spec, &split, batch, &limits).unwrap();
        needed.train.total() + needed.evaluate.total()
    };
    let fitted = |memory_limit, pictures| {
        let gpu = Gpu::open(&GpuOptions {
            memory_limit,
            ..GpuOptions::default()
        });
        batch_that_fits(&gpu.unwrap(), &spec, &recipe, pictures)
    };
    assert_eq!(fitted(Some(total(96)), 1000).unwrap(), (96, 1));
    assert_eq!(fitted(Some(total(96) - 1), 1000).unwrap(), (48, 2));
    assert_eq!(fitted(Some(total(24)), 1000).unwrap(), (24, 4));
    // 40 pictures fill no larger one.
    assert_eq!(fitted(Some(total(96)), 40).unwrap(), (32, 3));
    assert_eq!(fitted(Some(1), 1000).unwrap_err().exit_code(), 5);

    // Nobody said how much there is: a GPU is asked, a software driver would promise anything.
    let gpu = Gpu::open(&GpuOptions::default()).unwrap();
    let of = |kind| {
        batch_that_fits(
            &gpu.with_limits(Limits { kind, ..limits }),
            &spec,
            &recipe,
            1000,
        )
    };
    assert_eq!(of(AdapterKind::Gpu).unwrap(), (96, 1));
    assert_eq!(of(AdapterKind::Cpu).unwrap_err().exit_code(), 2);
}

#[test]
fn patience_runs_out_after_so_many_epochs_without_a_better_one() {
    let recipe = Recipe {
        patience: 2,
        epochs: 9,
        ..recipe()
    };
    let mut trainer = trainer(Plain, 20, &recipe);
    let mut stalled = Vec::new();
    for (epoch, top1) in (0..).zip([10.0, 30.0, 30.0, 20.0]) {
        trainer.record(EpochRow {
            epoch,
            eval: Evaluation {
                top1,
                ..Evaluation::default()
            },
            ..EpochRow::default()
        });
        stalled.push(trainer.stalled());
    }
    assert_eq!(stalled, [false, false, false, true]);
}

#[test]
fn a_parameter_has_one_rate_whatever_its_arena() {
    let mut g = Graph::new(Mode::Train);
    g.parameter("a", [1, 1, 1, 4], ParameterOptions::default())
        .unwrap();
    let error = g.rate_by(|_| 0.0).unwrap_err().to_string();
    assert!(
        error.contains("the rate of a is multiplied by 0"),
        "{error}"
    );
}

#[test]
fn validation_pictures_are_shown_as_the_checkpoint_says() {
    let middle = Recipe {
        crop_pct: 0.5,
        ..recipe()
    };
    let mut trainers = [recipe(), middle].map(|recipe| trainer(normed(0.1), 20, &recipe));
    let told = trainers.each_mut().map(|trainer| {
        let eval = trainer.evaluate(WeightKind::Raw, |_| Flow::Continue);
        let origin = trainer.snapshot().unwrap().origin;
        (
            eval.unwrap().unwrap().loss,
            origin.preprocess.unwrap().crop_pct,
        )
    });
    assert_eq!(told.map(|(_, crop_pct)| crop_pct), [1.0, 0.5]);
    // The same weights see other pixels.
    assert_ne!(told[0].0, told[1].0);
}

#[test]
fn an_epoch_goes_on_at_as_many_pictures_with_another_batch_or_less_data() {
    let mut whole = trainer(Plain, 64, &recipe());
    let stopped = whole.train_epoch(|done| match done.batch {
        5 => Flow::Stop,
        _ => Flow::Continue,
    });
    assert!(stopped.unwrap().is_none());
    let snapshot = whole.snapshot().unwrap();
    let halved = Recipe {
        batch_size: 4,
        grad_accum_steps: 2,
        ..recipe()
    };
    let tripled = Recipe {
        batch_size: 8,
        grad_accum_steps: 3,
        ..recipe()
    };
    for (recipe, pictures, expected) in [
        (recipe(), 64, 5),
        (halved.clone(), 64, 10),
        (tripled, 64, 3),
        (recipe(), 32, 3),
        (halved, 32, 6),
    ] {
        let mut resumed = trainer(Plain, pictures, &recipe);
        resumed.restore(&snapshot, Path::new("here")).unwrap();
        assert_eq!(resumed.batches_done(), expected);
        assert_eq!(resumed.step(), 5);
        let sums = resumed.train_epoch(|_| Flow::Continue).unwrap();
        assert!(sums.unwrap().loss().is_finite());
        assert_eq!(resumed.batches_done(), resumed.batches());
    }
}

#[test]
fn a_state_that_no_run_has_is_refused() {
    let mut trainer = trainer(Plain, 32, &recipe());
    let mut forged = trainer.snapshot().unwrap();
    forged.state.best = Some(crate::checkpoint::Best {
        epoch: 7,
        top1: 1.0,
        weights: WeightKind::Raw,
    });
    let error = trainer.restore(&forged, Path::new("here")).unwrap_err();
    assert!(error.to_string().contains("the best epoch is 7"), "{error}");
    forged.state.best = None;
    let strange = serde_json::json!("strange");
    forged.state.extra.insert("epoch".into(), strange);
    let error = trainer.restore(&forged, Path::new("here")).unwrap_err();
    assert_eq!(error.exit_code(), 4, "{error}");
}
