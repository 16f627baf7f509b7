//! Trials that fail by themselves, and trials whose device fails.

use triaxis_engine::{Error as EngineError, Gpu, GpuOptions};
use triaxis_models::Spec;

use super::*;
use crate::data::{DataOptions, open};
use crate::ledger::{LedgerOptions, Study};
use crate::recipe::Recipe;

const SIDE: usize = 8;

/// A study of two small networks on a device of its own that may use so many bytes.
fn study(memory_limit: Option<u64>) -> (tempfile::TempDir, Ledger, Setting) {
    let options = DataOptions {
        synthetic_side: SIDE,
        ..DataOptions::default()
    };
    let setting = Setting {
        gpu: Gpu::open(&GpuOptions {
            memory_limit,
            ..GpuOptions::default()
        })
        .unwrap(),
        data: open("synthetic:32", &options).unwrap(),
        recipe: Recipe {
            batch_size: 8,
            epochs: 1,
            warmup_epochs: 0.0,
            ..Recipe::default()
        },
    };
    let text = format!(
        "name = \"small\"\nresolution = {SIDE}\nnum_classes = 10\n\n[network.efficientnet]\n\
         stem = {{ width = 6, kernel = 3, stride = 1 }}\nhead = 0\n\
         stages = [{{ depth = 1, width = 6, kernel = 3, stride = 1, expansion = 2 }}]\n"
    );
    let planned = setting
        .planned(&Spec::from_toml(&text).unwrap(), &[])
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ledger");
    let mut ledger = Ledger::open(&path, &LedgerOptions::default()).unwrap();
    ledger
        .begin(&Study {
            name: "two".into(),
            kind: "two".into(),
            recipe: setting.recipe.to_toml(),
            data: setting.fingerprint(),
            options: String::new(),
        })
        .unwrap();
    ledger.plan("two", 0, &[planned.clone(), planned]).unwrap();
    (folder, ledger, setting)
}

fn states(ledger: &Ledger) -> Vec<State> {
    let trials = ledger.trials(None).unwrap();
    trials.iter().map(|trial| trial.state).collect()
}

#[test]
fn memory_that_runs_out_in_a_trial_gives_it_back_and_the_same_device_does_it_later() {
    let (_folder, mut ledger, setting) = study(None);
    let ended = work(&mut ledger, "two", &setting, |seen| {
        if matches!(seen, Seen::Step(..)) {
            setting.gpu.exhaust();
        }
        Flow::Continue
    });
    let error = ended.unwrap_err();
    assert!(
        matches!(error, Error::Engine(EngineError::OutOfMemory { .. })),
        "{error}"
    );
    assert_eq!(states(&ledger), [State::Waiting; 2]);
    // The last step's exhaustion was told; nothing is left of it.
    work(&mut ledger, "two", &setting, |_| Flow::Continue).unwrap();
    assert_eq!(states(&ledger), [State::Done; 2]);
}

#[test]
fn a_network_whose_plans_do_not_fit_is_a_failed_trial() {
    let (_folder, mut ledger, setting) = study(Some(1 << 10));
    work(&mut ledger, "two", &setting, |_| Flow::Continue).unwrap();
    assert_eq!(states(&ledger), [State::Failed; 2]);
}

#[test]
fn what_a_device_reports_by_itself_is_not_the_networks() {
    let adapter = || "a card".to_owned();
    let what = || "words of the driver".to_owned();
    let devices = [
        EngineError::OutOfMemory {
            what: what(),
            needed: 0,
            available: 0,
            adapter: adapter(),
        },
        EngineError::Device {
            adapter: adapter(),
            what: what(),
        },
        EngineError::DeviceLost {
            adapter: adapter(),
            reason: what(),
        },
    ];
    for error in devices {
        assert!(!is_the_networks(&Error::Engine(error)));
    }
    let too_large = EngineError::Limit {
        node: "stem.conv2d".into(),
        what: what(),
        adapter: adapter(),
    };
    assert!(is_the_networks(&Error::Engine(too_large)));
}
