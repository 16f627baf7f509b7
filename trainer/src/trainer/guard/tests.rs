use triaxis_engine::{Arena, Gpu, GpuOptions};
use triaxis_models::Spec;

use super::*;
use crate::checkpoint::{CheckpointStore, Standing};
use crate::data::{self, DataOptions};
use crate::recipe::{ModelEma, Recipe};
use crate::trainer::{Flow, Suspects, memory_needed};

const NETWORK: &str = "\
name = \"tiny\"\nresolution = 12\nnum_classes = 10\n\n[network.efficientnet]\n\
stem = { width = 6, kernel = 3, stride = 2 }\nhead = 0\n\
stages = [{ depth = 1, width = 6, kernel = 3, stride = 1, expansion = 2, squeeze = 0.5 }]\n";

/// A trainer whose first step is done.
fn begun(memory_limit: Option<u64>) -> Trainer {
    let gpu = Gpu::open(&GpuOptions {
        memory_limit,
        ..GpuOptions::default()
    });
    let options = DataOptions {
        synthetic_side: 12,
        ..DataOptions::default()
    };
    let data = data::open("synthetic:64", &options).unwrap();
    let spec = Spec::from_toml(NETWORK).unwrap();
    let mut trainer = Trainer::new(&gpu.unwrap(), spec, &data, &recipe()).unwrap();
    step(&mut trainer).unwrap();
    trainer
}

fn recipe() -> Recipe {
    Recipe {
        batch_size: 16,
        epochs: 2,
        lr: 0.05,
        lr_base_size: None,
        warmup_epochs: 0.0,
        mixup: 0.0,
        model_ema: ModelEma::Off,
        ..Recipe::default()
    }
}

fn step(trainer: &mut Trainer) -> Result<()> {
    trainer.train_epoch(|_| Flow::Stop).map(drop)
}

/// Sets every number of a tensor to `x`.
fn fill(trainer: &Trainer, arena: Arena, name: &str, x: f32) {
    let tensors = trainer.train.export(&arena).unwrap();
    let (_, _, numbers) = tensors.iter().find(|(n, _, _)| n == name).unwrap();
    assert!(
        trainer
            .train
            .import(&arena, name, &vec![x; numbers.len()])
            .unwrap()
    );
}

/// Sets the gradient of the loss by itself, which every other gradient is a multiple of.
fn set_loss_gradient(trainer: &Trainer, x: f32) {
    let graph = trainer.train.graph();
    let one = graph.states().find(|&state| graph.name(state) == "one");
    trainer.train.write(one.unwrap(), &[x]).unwrap();
}

/// The step and the value that the error names.
fn diverged(outcome: Result<()>) -> (u64, String) {
    match outcome {
        Err(error @ Error::Diverged { .. }) => {
            assert_eq!(error.exit_code(), 6);
            let Error::Diverged { step, what, .. } = error else {
                unreachable!("it has just been matched")
            };
            (step, what)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn numbers_that_are_not_finite_are_found_in_weights_activations_and_gradients() {
    type Spoil = fn(&Trainer);
    let cases: [(Spoil, &str); 3] = [
        (
            |t| fill(t, Arena::Parameters, "blocks.0.0.conv_pw.weight", f32::NAN),
            "blocks.0.0.conv_pw",
        ),
        (
            |t| fill(t, Arena::Parameters, "conv_stem.weight", 3e38),
            "conv_stem",
        ),
        (|t| set_loss_gradient(t, f32::NAN), "mean_grad"),
    ];
    for (spoil, place) in cases {
        let mut trainer = begun(None);
        spoil(&trainer);
        let spoilt = trainer.train.export(&Arena::Parameters).unwrap();
        let (step, what) = diverged(step(&mut trainer));
        assert_eq!(step, 2, "{what}");
        assert!(what.contains(place), "{what} and not {place}");
        let bits = |tensors: &[triaxis_engine::Exported]| -> Vec<u32> {
            let numbers = tensors.iter().flat_map(|(_, _, numbers)| numbers);
            numbers.map(|x| x.to_bits()).collect()
        };
        let after = trainer.train.export(&Arena::Parameters).unwrap();
        assert_eq!(bits(&spoilt), bits(&after), "{place}: a weight changed");
    }
}

#[test]
fn a_variance_that_is_not_finite_is_not_committed() {
    let trainer = begun(None);
    let folder = tempfile::tempdir().unwrap();
    let mut store = CheckpointStore::open(folder.path()).unwrap();
    store
        .save(&trainer.snapshot().unwrap(), Standing::Newest)
        .unwrap();
    fill(&trainer, Arena::Buffers, "bn1.running_var", f32::INFINITY);
    let refused = store.save(&trainer.snapshot().unwrap(), Standing::Best);
    let (step, what) = diverged(refused.map(drop));
    assert_eq!((step, what.as_str()), (1, "weight bn1.running_var"));
}

#[test]
fn the_pictures_of_the_batch_are_told_once() {
    let mut trainer = begun(None);
    let batch = trainer.loader.epoch(0, 1).next().unwrap().unwrap();
    set_loss_gradient(&trainer, f32::INFINITY);
    diverged(step(&mut trainer));
    let Suspects {
        step,
        epoch,
        batch: number,
        pictures,
        ..
    } = trainer.take_suspects().unwrap();
    assert_eq!((step, epoch, number), (2, 0, 1));
    let indices: Vec<u32> = pictures.iter().map(|p| p.index).collect();
    assert_eq!(indices, batch.indices);
    for picture in &pictures {
        assert_eq!(picture.name, trainer.data.name(picture.index as usize));
        assert!(trainer.classes.contains(&picture.class));
    }
    assert_eq!(trainer.take_suspects(), None);
}

#[test]
fn a_step_that_is_left_out_is_counted_and_changes_no_weight() {
    let mut trainer = begun(None);
    trainer.on_nan(OnNan::SkipStep);
    let weights = |t: &Trainer| t.train.export(&Arena::Parameters).unwrap();
    let before = weights(&trainer);
    set_loss_gradient(&trainer, f32::NAN);
    step(&mut trainer).unwrap();
    assert_eq!(weights(&trainer), before);
    assert_eq!(
        (trainer.mishaps().skipped, trainer.mishaps().in_a_row),
        (1, 1)
    );
    // A checkpoint remembers it.
    let snapshot = trainer.snapshot().unwrap();
    let mut other = begun(None);
    other.restore(&snapshot, "a checkpoint".as_ref()).unwrap();
    assert_eq!(other.mishaps(), trainer.mishaps());

    set_loss_gradient(&trainer, 1.0);
    step(&mut trainer).unwrap();
    assert_ne!(weights(&trainer), before);
    assert_eq!(
        (trainer.mishaps().skipped, trainer.mishaps().in_a_row),
        (1, 0)
    );
    // Too many in a row are no accident.
    trainer.mishaps.in_a_row = MOST_IN_A_ROW;
    set_loss_gradient(&trainer, f32::NAN);
    let outcome = trainer.train_epoch(|_| Flow::Continue).map(drop);
    assert_eq!(diverged(outcome).0, 4);
}

#[test]
fn going_back_halves_the_rate_three_times() {
    let mut trainer = begun(None);
    trainer.on_nan(OnNan::Rollback);
    let snapshot = trainer.snapshot().unwrap();
    let rate = trainer.learning_rate();
    for times in 1..=3 {
        assert!(trainer.may_roll_back());
        step(&mut trainer).unwrap();
        trainer
            .roll_back(&snapshot, "a checkpoint".as_ref())
            .unwrap();
        assert_eq!(trainer.step(), 1);
        assert_eq!(trainer.learning_rate(), rate / f64::from(1 << times));
    }
    assert!(!trainer.may_roll_back());
    let mut other = begun(None);
    other
        .restore(&trainer.snapshot().unwrap(), "a checkpoint".as_ref())
        .unwrap();
    assert_eq!(other.learning_rate(), rate / 8.0);
}

#[test]
fn without_memory_to_look_closer_the_loss_is_named() {
    let spec = Spec::from_toml(NETWORK).unwrap();
    let gpu = Gpu::open(&GpuOptions::default()).unwrap();
    let needed = memory_needed(&spec, &recipe(), 16, gpu.limits()).unwrap();
    let enough = needed.train.total() + needed.evaluate.total();
    let mut trainer = begun(Some(enough));
    set_loss_gradient(&trainer, f32::NAN);
    assert_eq!(
        diverged(step(&mut trainer)),
        (2, "the training loss".to_owned())
    );
}
