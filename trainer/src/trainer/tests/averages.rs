//! The moving average of the weights and the mean of epochs, alone and beside each other.

use super::*;

/// Both averages, the mean from the second epoch on.
fn both() -> Recipe {
    Recipe {
        model_ema: ModelEma::Decay(DecayEma {
            decay: 0.5,
            warmup: false,
        }),
        swa_start: Some(1),
        epochs: 4,
        ..recipe()
    }
}

#[test]
fn the_mean_of_epochs_is_that_of_f64_and_goes_on_after_a_restart() {
    let recipe = Recipe {
        precise_bn: 16,
        ..both()
    };
    let mut whole = trainer(normed(0.1), 32, &recipe);
    let mut sums: Vec<Vec<f64>> = Vec::new();
    let mut resumed = trainer(normed(0.1), 32, &recipe);
    for done in 1..=4 {
        epoch(&mut whole);
        let snapshot = whole.snapshot().unwrap();
        assert!(snapshot.ema.is_some(), "after {done} epochs");
        assert_eq!(snapshot.swa.is_some(), done > 1, "after {done} epochs");
        if done > 1 {
            let weights = whole.weights().unwrap();
            sums.resize(weights.len(), Vec::new());
            let mean = snapshot.swa.unwrap().mean;
            for ((sum, tensor), mean) in sums.iter_mut().zip(&weights).zip(&mean) {
                sum.resize(tensor.data.len(), 0.0);
                let each = sum.iter_mut().zip(&tensor.data);
                each.for_each(|(sum, &x)| *sum += f64::from(x));
                // Running statistics are measured instead.
                if !tensor.name.contains("running") {
                    let expected = sum.iter().map(|sum| (sum / f64::from(done - 1)) as f32);
                    let expected: Vec<f32> = expected.collect();
                    assert_eq!((&mean.name, &mean.data), (&tensor.name, &expected));
                }
            }
        }
        if done == 2 {
            let snapshot = whole.snapshot().unwrap();
            resumed.restore(&snapshot, Path::new("here")).unwrap();
        }
    }
    epoch(&mut resumed);
    epoch(&mut resumed);
    assert!(whole.snapshot().unwrap() == resumed.snapshot().unwrap());
    let all = whole.evaluate_all(|_| Flow::Continue).unwrap().unwrap();
    for evaluation in [Some(all.raw), all.ema, all.swa] {
        assert!(evaluation.is_some_and(|e| e.loss.is_finite()), "{all:?}");
    }
}

#[test]
fn each_average_is_beside_the_other_what_it_is_alone() {
    let both = Recipe {
        epochs: 2,
        ..both()
    };
    let ema = Recipe {
        swa_start: None,
        ..both.clone()
    };
    let swa = Recipe {
        model_ema: ModelEma::Off,
        ..both.clone()
    };
    let [both, ema, swa] = [both, ema, swa].map(|recipe| {
        let mut trainer = trainer(normed(0.1), 32, &recipe);
        trainer.fit(|_| {}).unwrap();
        trainer.snapshot().unwrap()
    });
    assert!(both.model == ema.model && both.model == swa.model);
    assert!(both.ema.is_some() && both.ema == ema.ema && swa.ema.is_none());
    assert!(both.swa.is_some() && both.swa == swa.swa && ema.swa.is_none());
    let rows = &both.state.rows;
    let evaluated: Vec<[bool; 2]> = rows
        .iter()
        .map(|row| [row.ema.is_some(), row.swa.is_some()])
        .collect();
    assert_eq!(evaluated, [[true, false], [true, true]]);
    for (row, (ema, swa)) in rows.iter().zip(ema.state.rows.iter().zip(&swa.state.rows)) {
        assert_eq!((row.eval, row.eval), (ema.eval, swa.eval));
        assert_eq!((row.ema, row.swa), (ema.ema, swa.swa));
    }
}

#[test]
fn a_mean_that_does_not_tell_its_epochs_or_that_the_recipe_has_not_is_refused() {
    let mut with = trainer(Plain, 32, &both());
    (0..2).for_each(|_| epoch(&mut with));
    let good = with.snapshot().unwrap();
    assert_eq!(good.state.swa_epochs, 1);
    let refused = |trainer: &mut Trainer, snapshot: &crate::checkpoint::Snapshot| {
        let error = trainer.restore(snapshot, Path::new("here")).unwrap_err();
        assert_eq!(error.exit_code(), 4, "{error}");
        error.to_string()
    };
    let mut forged = good.clone();
    forged.state.swa_epochs = 0;
    let text = refused(&mut with, &forged);
    assert!(text.contains("of how many epochs"), "{text}");
    let mut forged = good.clone();
    forged.swa.as_mut().unwrap().sum.pop();
    let text = refused(&mut with, &forged);
    assert!(text.contains("1 missing"), "{text}");
    let without = Recipe {
        swa_start: None,
        ..both()
    };
    let text = refused(&mut trainer(Plain, 32, &without), &good);
    assert!(text.contains("extra"), "{text}");
    with.restore(&good, Path::new("here")).unwrap();
}
