//! Mixed precision: half the memory, the losses of f32, steps that f16 does not hold are left out, and resuming loses nothing of
//! it.

use std::fs;
use std::path::Path;

use triaxis::checkpoint::{NamedTensor, Snapshot};
use triaxis::data::{DataOptions, Split, open};
use triaxis::engine::{Gpu, Limits};
use triaxis::models::{Spec, zoo};
use triaxis::random::Stream;
use triaxis::report::EpochRow;
use triaxis::{Flow, Recipe, Trainer, WeightKind, memory_needed};

use crate::support::{NETWORK, Place, run};

const EPOCHS: usize = 2;
/// Steps of an epoch.
const STEPS: usize = 20;
/// No gradient of the tiny network is so small that f16 would hold it times this.
const TOO_LARGE: f32 = (1u64 << 36) as f32;

/// Everything random on, in a recipe that can be asked for either precision.
fn recipe(amp: bool, workers: usize) -> Recipe {
    let text = "lr = 0.05\nlr_base_size = 0\nwarmup_epochs = 1.0\nsched_on_updates = true\nmixup = 0.2\ncrop_padding = 2\n\
                drop = 0.2\ndrop_path = 0.3\nclip_grad = 5.0\nbatch_size = 8\n\
                model_ema = { name = \"decay\", decay = 0.9 }\n";
    let recipe = Recipe::parse(text, "everything.toml").unwrap();
    Recipe {
        amp,
        workers,
        epochs: EPOCHS,
        ..recipe
    }
}

struct Bench {
    gpu: Gpu,
    spec: Spec,
    data: Split,
}

impl Bench {
    fn new() -> Self {
        let options = DataOptions {
            synthetic_side: 12,
            ..DataOptions::default()
        };
        Self {
            gpu: Gpu::open(&Default::default()).unwrap(),
            spec: Spec::from_toml(NETWORK).unwrap(),
            data: open(&format!("synthetic:{}", STEPS * 8), &options).unwrap(),
        }
    }

    fn trainer(&self, recipe: &Recipe) -> Trainer {
        let mut spec = self.spec.clone();
        spec.network.set_drop(recipe.drop, recipe.drop_path);
        Trainer::new(&self.gpu, spec, &self.data, recipe).unwrap()
    }
}

fn restore(trainer: &mut Trainer, snapshot: &Snapshot) {
    trainer.restore(snapshot, Path::new("a snapshot")).unwrap();
}

/// Begins with a scale that is far too large.
fn raise_scale(trainer: &mut Trainer) {
    let mut snapshot = trainer.snapshot().unwrap();
    let scale = |t: &&mut NamedTensor| t.name == "state.loss_scale";
    snapshot.optimizer.iter_mut().find(scale).unwrap().data = vec![TOO_LARGE];
    restore(trainer, &snapshot);
}

/// Trains what is left, step by step, and shows the state after each.
fn finish(trainer: &mut Trainer, mut watch: impl FnMut(&Trainer)) -> Snapshot {
    while trainer.epoch() < EPOCHS {
        let sums = loop {
            let sums = trainer.train_epoch(|_| Flow::Stop).unwrap();
            watch(trainer);
            if let Some(sums) = sums {
                break sums;
            }
        };
        let eval = trainer.evaluate(WeightKind::Raw, |_| Flow::Continue);
        trainer.record(EpochRow {
            epoch: trainer.epoch() as u64,
            train_loss: sums.loss(),
            eval: eval.unwrap().unwrap(),
            ema: None,
            swa: None,
            lr: trainer.learning_rate(),
            recipe: String::new(),
        });
    }
    trainer.snapshot().unwrap()
}

#[test]
fn a_run_resumed_after_any_step_ends_in_the_same_bits() {
    let bench = Bench::new();
    for amp in [false, true] {
        let mut whole = bench.trainer(&recipe(amp, 3));
        if amp {
            raise_scale(&mut whole);
        }
        let mut after = Vec::new();
        let end = finish(&mut whole, |trainer| {
            after.push(trainer.snapshot().unwrap());
        });
        assert_eq!(after.len(), EPOCHS * STEPS);
        let missed = whole.scaling().unwrap().map(|s| s.missed);
        assert_eq!(missed.is_some(), amp);
        assert!(
            missed.is_none_or(|steps| (5..35).contains(&steps)),
            "{missed:?}"
        );
        let mut steps: Vec<u32> = (0..after.len() as u32).collect();
        Stream::new(3, 0, 0, "steps").shuffle(&mut steps);
        for (i, &step) in steps.iter().take(20).enumerate() {
            let mut resumed = bench.trainer(&recipe(amp, [1, 3][i % 2]));
            restore(&mut resumed, &after[step as usize]);
            assert!(
                finish(&mut resumed, |_| {}) == end,
                "from step {}",
                step + 1
            );
        }
    }
}

#[test]
fn a_step_that_f16_does_not_hold_changes_nothing_but_the_scale() {
    let bench = Bench::new();
    let mut trainer = bench.trainer(&recipe(true, 1));
    raise_scale(&mut trainer);
    let state = |trainer: &Trainer| {
        let mut snapshot = trainer.snapshot().unwrap();
        snapshot.optimizer.retain(|t| !t.name.starts_with("state."));
        (snapshot.model, snapshot.optimizer, snapshot.ema)
    };
    let (mut before, mut scaling) = (state(&trainer), trainer.scaling().unwrap().unwrap());
    assert_eq!((scaling.scale, scaling.missed), (TOO_LARGE, 0));
    let (mut left_out, mut taken) = (0, 0);
    finish(&mut trainer, |trainer| {
        let now = (state(trainer), trainer.scaling().unwrap().unwrap());
        if now.1.missed > scaling.missed {
            assert_eq!(now.1.scale, scaling.scale / 2.0);
            assert!(now.0 == before, "a step that was left out left a trace");
            left_out += 1;
        } else {
            assert_eq!(now.1.scale, scaling.scale);
            // The running statistics, too.
            assert!(
                now.0
                    .0
                    .iter()
                    .zip(&before.0)
                    .all(|(now, before)| now != before)
            );
            taken += 1;
        }
        (before, scaling) = now;
    });
    assert!(
        left_out > 4 && taken > 4,
        "{left_out} left out, {taken} taken"
    );
}

#[test]
fn two_epochs_lose_what_they_do_in_f32_within_a_hundredth() {
    let place = Place::new();
    place.write(
        "task.toml",
        "lr = 0.3\nwarmup_epochs = 0.25\nsched_on_updates = true\nmixup = 0.0\n\
         model_ema = { name = \"decay\", decay = 0.9 }\n",
    );
    let losses = |options: &str, name: &str| -> Vec<(String, f64)> {
        let task = "--recipe task.toml --data-dir synthetic:1280 --epochs 2";
        run(place.tiny(&format!("{task} --experiment {name} {options}"))).done();
        let summary = fs::read_to_string(place.run_folder(name).join("summary.csv")).unwrap();
        let mut rows = summary.lines().map(|row| row.split(','));
        let columns: Vec<&str> = rows.next().unwrap().collect();
        let named = rows.flat_map(|row| columns.iter().zip(row));
        named
            .filter(|(column, number)| column.ends_with("_loss") && !number.is_empty())
            .map(|(column, number)| ((*column).to_owned(), number.parse().unwrap()))
            .collect()
    };
    let (whole, half) = (losses("", "whole"), losses("--amp", "half"));
    // Of training, the weights and their average, in each epoch.
    assert_eq!(whole.len(), 6, "{whole:?}");
    assert!(whole[4].1 < 2.0, "it learns: {whole:?}");
    assert_ne!(whole, half, "both are f32");
    for ((column, whole), (_, half)) in whole.iter().zip(&half) {
        assert!(
            (half / whole - 1.0).abs() < 0.01,
            "{column}: {half}, in f32 {whole}"
        );
    }
}

#[test]
fn what_f16_holds_at_no_scale_ends_with_6() {
    let place = Place::new();
    // Nothing is learnt in the first epoch; in the second, the steps are as wide as numbers go.
    place.write(
        "wild.toml",
        "lr = 1e30\nwarmup_epochs = 1.0\nwarmup_factor = 0.0\nmodel_ema = { name = \"off\" }\n",
    );
    let wild = "--recipe wild.toml --epochs 3 --amp --data-dir synthetic:640";
    run(place.tiny(wild)).refused(6, &["epoch 1", "scaled down to 1e-4", "without --amp"]);
}

#[test]
fn mixed_precision_halves_what_activations_take() {
    for name in [
        "efficientnet_b0",
        "regnety_004",
        "resnet50",
        "tinynet_e",
        "mobilenetv2_100",
    ] {
        let spec = zoo(name).unwrap();
        let bytes = |amp| {
            let recipe = Recipe {
                amp,
                ..Recipe::default()
            };
            // Where batch norms are not written, partial sums weigh more beside what is left.
            let limits = Limits {
                fuse: false,
                fuse_halves: false,
                ..Limits::default()
            };
            memory_needed(&spec, &recipe, 8, &limits).unwrap()
        };
        let (half, whole) = (bytes(true), bytes(false));
        for (what, half, whole) in [
            ("training", half.train, whole.train),
            ("evaluation", half.evaluate, whole.evaluate),
        ] {
            let [half, whole] = [half, whole].map(|memory| memory.activations);
            // Partial sums of weights' gradients stay f32.
            assert!(
                100 * half < 60 * whole,
                "{what} {name}: {half} of {whole} bytes"
            );
        }
    }
}
