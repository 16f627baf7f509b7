//! Where a path leads: to a file, a folder of files, a run, or something that must not be opened.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use triaxis_models::Spec;

use super::{Weights, card, hub, sharded};
use crate::checkpoint::{self, Origin, Pointer, TensorFile, tensors};
use crate::data::Preprocess;
use crate::error::{Error, Result};
use crate::import;
use crate::output::parent;
use crate::recipe::Recipe;
use crate::report::TRIALS;
use crate::trainer::WeightKind;

/// Endings under which Python's pickles go about.
const PICKLES: [&str; 6] = ["pth", "pt", "bin", "pkl", "ckpt", "pyth"];
/// Names of weights in a folder, the first that is there counts.
const IN_FOLDERS: [&str; 2] = ["model.safetensors", sharded::INDEX];

/// Files of weights in a checkpoint.
const PARTS: [&str; 3] = ["model.safetensors", "ema.safetensors", "swa.safetensors"];

pub(super) fn read(path: &Path) -> Result<Weights> {
    if path.to_str().is_some_and(|p| p.starts_with(hub::SCHEME)) {
        return read(&hub::fetch(path)?);
    }
    if path.is_dir() {
        return folder(path);
    }
    if let Some(pointer) = [Pointer::Best, Pointer::Last]
        .into_iter()
        .find(|p| path.is_file() && path.file_name().is_some_and(|name| name == p.name()))
    {
        let run = path.parent().unwrap_or(Path::new(""));
        return snapshot(&checkpoint::follow(run, pointer)?);
    }
    refuse_others(path)?;
    if import::is_onnx(path) {
        return import::onnx(path);
    }
    let file = match path.extension().is_some_and(|e| e == "json") {
        true => sharded::read(path)?,
        false => tensors::read(path)?,
    };
    Ok(of_file(path, file))
}

fn folder(path: &Path) -> Result<Weights> {
    if path.join("MANIFEST.json").is_file() {
        return snapshot(path);
    }
    for pointer in [Pointer::Best, Pointer::Last] {
        if path.join(pointer.name()).is_file() {
            let place = checkpoint::follow(path, pointer)?;
            let mut weights = snapshot(&place)?;
            let name = place.file_name().unwrap_or_default().to_string_lossy();
            let note = format!("{} is {name}", pointer.name());
            weights.notes.insert(0, note);
            return Ok(weights);
        }
    }
    match IN_FOLDERS.iter().find(|name| path.join(name).is_file()) {
        Some(name) => read(&path.join(name)),
        None if path.join(TRIALS).is_file() => Err(Error::checkpoint(
            path,
            "holds trials, each with weights of its own",
            "Give the folder of one, which is named for its seed, as seed-1",
        )),
        None => Err(Error::checkpoint(
            path,
            "holds no weights",
            format!(
                "Expected a folder of `triaxis train`, {}: give one, or a .safetensors file",
                IN_FOLDERS.join(" or ")
            ),
        )),
    }
}

/// One of our checkpoints. Where an average of the weights was the best, that is taken; each can be had as a file of the
/// checkpoint.
fn snapshot(directory: &Path) -> Result<Weights> {
    let snapshot = checkpoint::load(directory)?;
    let best = snapshot.state.best.map(|best| best.weights);
    let average = match best {
        Some(WeightKind::Ema) => snapshot.ema,
        Some(WeightKind::Swa) => snapshot.swa.map(|swa| swa.mean),
        Some(WeightKind::Raw) | None => None,
    };
    let (tensors, note) = match (best, average) {
        (Some(best), Some(average)) => (
            average,
            Some(format!("{} is used: it did best", best.words())),
        ),
        _ => (snapshot.model, None),
    };
    Ok(Weights {
        path: directory.to_owned(),
        tensors,
        notes: note.into_iter().collect(),
        ..told(directory, snapshot.origin)
    })
}

/// What a checkpoint tells of its network, but for the tensors.
fn told(directory: &Path, origin: Origin) -> Weights {
    // A checkpoint that was moved away from its run has no recipe, and needs none.
    let place = fs::canonicalize(directory).ok();
    let recipe = place.and_then(|place| Recipe::load(&place.parent()?.join("args.toml")).ok());
    Weights {
        classes: origin.classes,
        preprocess: origin.preprocess.or_else(|| {
            let side = recipe.as_ref().and_then(|r| r.img_size);
            side.map(Preprocess::trained)
        }),
        model: recipe.map(|r| r.model),
        network: origin.network.and_then(|text| Spec::from_toml(&text).ok()),
        ..Weights::default()
    }
}

/// What is told beside a file of tensors: by the checkpoint that it is a part of, or by timm's card.
fn beside(path: &Path) -> Weights {
    let directory = parent(path);
    // Of a damaged checkpoint, a part that is whole can still be read, by itself.
    if path
        .file_name()
        .is_some_and(|name| PARTS.iter().any(|part| name == *part))
        && directory.join("MANIFEST.json").is_file()
        && let Ok(snapshot) = checkpoint::load(directory)
    {
        return told(directory, snapshot.origin);
    }
    let card = card::beside(path);
    Weights {
        preprocess: card.as_ref().and_then(|c| c.preprocess),
        model: card.and_then(|c| c.model),
        ..Weights::default()
    }
}

fn of_file(path: &Path, file: TensorFile) -> Weights {
    let converted = file
        .converted
        .iter()
        .filter(|(format, _)| !format.starts_with('I'))
        .map(|(format, count)| format!("{count} tensors are converted from {format} to F32"));
    Weights {
        path: path.to_owned(),
        notes: converted.collect(),
        tensors: file.tensors,
        ..beside(path)
    }
}

/// Refuses what is no weights file of ours to read, by its first bytes and its ending, with what to do.
fn refuse_others(path: &Path) -> Result<()> {
    let unreadable = |e: std::io::Error| {
        Error::checkpoint(
            path,
            format!("cannot be read: {e}"),
            "Give a .safetensors or .onnx file, or a folder of `triaxis train`",
        )
    };
    let mut start = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(64).read_to_end(&mut start).map_err(unreadable)?;
    let extension = path.extension().map(|e| e.to_ascii_lowercase());
    let ends_so = extension.is_some_and(|e| PICKLES.iter().any(|p| e == *p));
    // Six zeros would be the rest of a short safetensors header's length.
    let pickled = matches!(start[..], [0x80, 2..=5, ..]) && start.get(2..8) != Some(&[0; 6]);
    if ends_so || pickled || start.starts_with(b"PK\x03\x04") {
        return Err(Error::checkpoint(
            path,
            "is a Python pickle, which may run any program when it is opened",
            format!("Convert it once, where PyTorch is: {}", conversion(path)),
        ));
    }
    if start.starts_with(b"version https://git-lfs") {
        return Err(Error::checkpoint(
            path,
            "is a pointer of Git LFS, not the file itself",
            "Fetch it with `git lfs pull`",
        ));
    }
    Ok(())
}

/// The one line that turns a pickle into a safetensors file: of timm, torchvision (bare) and pycls (`model_state`).
fn conversion(path: &Path) -> String {
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    format!(
        "python -c \"import sys, torch, safetensors.torch as s; \
         d = torch.load(sys.argv[1], map_location='cpu', weights_only=True); \
         d = d.get('model_state', d.get('state_dict', d)); \
         s.save_file({{k: v.clone().contiguous() for k, v in d.items()}}, sys.argv[2])\" {} {}",
        quoted(path),
        quoted(&path.with_extension("safetensors"))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{Best, CheckpointStore, NamedTensor, Snapshot, Standing, Swa};
    use crate::report::EpochRow;

    #[test]
    fn of_a_checkpoints_averages_the_best_is_taken_and_each_can_be_asked_for() {
        let place = tempfile::tempdir().unwrap();
        let tensor = |x| NamedTensor {
            name: "fc.bias".into(),
            shape: vec![1],
            data: vec![x],
        };
        let mut store = CheckpointStore::open(place.path()).unwrap();
        for (step, weights, number, note) in [
            (1, WeightKind::Raw, 1.0, None),
            (2, WeightKind::Ema, 2.0, Some("(EMA) is used")),
            (3, WeightKind::Swa, 3.0, Some("(SWA) is used")),
        ] {
            let mut snapshot = Snapshot {
                model: vec![tensor(1.0)],
                ema: Some(vec![tensor(2.0)]),
                swa: Some(Swa {
                    mean: vec![tensor(3.0)],
                    sum: Vec::new(),
                }),
                ..Snapshot::default()
            };
            (snapshot.state.step, snapshot.state.swa_epochs) = (step, 1);
            snapshot.state.rows = vec![EpochRow::default()];
            snapshot.state.best = Some(Best {
                epoch: 0,
                top1: 50.0,
                weights,
            });
            snapshot.origin.classes = vec!["cat".into(), "dog".into()];
            let checkpoint = store.save(&snapshot, Standing::Best).unwrap();
            let found = read(&checkpoint).unwrap();
            assert_eq!(found.tensors[0].data, [number], "{weights:?}");
            assert_eq!(found.notes.len(), usize::from(note.is_some()));
            assert!(note.is_none_or(|note| found.notes[0].contains(note)));
            for (part, number) in PARTS.into_iter().zip([1.0, 2.0, 3.0]) {
                let found = read(&checkpoint.join(part)).unwrap();
                assert_eq!(found.tensors[0].data, [number], "{part}");
                assert_eq!(found.classes, ["cat", "dog"], "{part}");
            }
        }
    }
}
