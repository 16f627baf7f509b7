//! The manifest of a checkpoint: what belongs to it, and a seal that shows any change.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Origin, Snapshot, State, Swa, tensors};

/// Name of the manifest in a checkpoint directory.
pub(super) const MANIFEST: &str = "MANIFEST.json";
/// The format that this code writes. Readers of one format refuse a later one, and leave it where it is. The second holds
/// the network and the settings of every epoch, the third two averages of the weights, and
/// the sum that one of them is made of.
const FORMAT: u32 = 3;
/// A manifest is some lines and the names of the classes.
const LARGEST: u64 = 16 << 20;
/// The state is some lines for every epoch.
const LARGEST_STATE: u64 = 64 << 20;

const MODEL: &str = "model.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const EMA: &str = "ema.safetensors";
const SWA: &str = "swa.safetensors";
const SWA_SUM: &str = "swa-sum.safetensors";
const STATE: &str = "state.json";

/// What stands between the sealed text and the seal, and after the seal. Every format keeps this ending.
const SEAL: (&str, &str) = (",\n  \"seal\": \"", "\"\n}\n");
const SEAL_LENGTH: usize = 64;

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    step: u64,
    epoch: u64,
    batch: u64,
    origin: Origin,
    parts: BTreeMap<String, Part>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Part {
    bytes: u64,
    blake3: String,
}

/// Why a checkpoint directory cannot be used.
#[derive(Debug)]
pub(super) enum Flaw {
    /// It is not what was written.
    Damaged(String),
    /// A later version of the program wrote it.
    Newer(String),
    /// The system refuses to give it.
    Unreadable(String),
}

/// The files of a checkpoint, in the order in which they are written: the manifest last.
pub(super) fn encode(snapshot: &Snapshot) -> Result<Vec<(&'static str, Vec<u8>)>, String> {
    let mut files = vec![
        (MODEL, tensors::encode(&snapshot.model)?),
        (OPTIMIZER, tensors::encode(&snapshot.optimizer)?),
    ];
    if let Some(ema) = &snapshot.ema {
        files.push((EMA, tensors::encode(ema)?));
    }
    if let Some(swa) = &snapshot.swa {
        files.push((SWA, tensors::encode(&swa.mean)?));
        files.push((SWA_SUM, tensors::encode_f64(&swa.sum)?));
    }
    files.push((
        STATE,
        serde_json::to_vec_pretty(&snapshot.state).map_err(|error| error.to_string())?,
    ));
    let parts = files
        .iter()
        .map(|(name, bytes)| {
            let blake3 = blake3::hash(bytes).to_hex().to_string();
            (
                (*name).to_owned(),
                Part {
                    bytes: bytes.len() as u64,
                    blake3,
                },
            )
        })
        .collect();
    let manifest = Manifest {
        format: FORMAT,
        step: snapshot.state.step,
        epoch: snapshot.state.epoch,
        batch: snapshot.state.batch,
        origin: snapshot.origin.clone(),
        parts,
    };
    let text = serde_json::to_string_pretty(&manifest).map_err(|error| error.to_string())?;
    let body = text
        .strip_suffix("\n}")
        .expect("a pretty-printed table ends so");
    let text = seal(body);
    if text.len() as u64 > LARGEST {
        return Err("the names of all classes take more than 16 MiB".into());
    }
    files.push((MANIFEST, text.into_bytes()));
    Ok(files)
}

fn seal(body: &str) -> String {
    let (before, after) = SEAL;
    format!(
        "{body}{before}{}{after}",
        blake3::hash(body.as_bytes()).to_hex()
    )
}

/// Reads and checks the checkpoint in `directory`.
pub(super) fn load(directory: &Path) -> Result<Snapshot, Flaw> {
    let manifest = read_manifest(directory)?;
    for required in [MODEL, OPTIMIZER, STATE] {
        if !manifest.parts.contains_key(required) {
            return Err(Flaw::Damaged(format!("its manifest has no {required}")));
        }
    }
    let tensors = |name: &str| {
        let part = &manifest.parts[name];
        let file = part.read(directory, name, |source| {
            tensors::read_from(source, part.bytes).map_err(|fault| flaw(name, fault))
        });
        file.map(|file| file.tensors)
    };
    let ema = match manifest.parts.contains_key(EMA) {
        true => Some(tensors(EMA)?),
        false => None,
    };
    let state = manifest.parts[STATE].read(directory, STATE, |source| {
        let mut bytes = Vec::new();
        let read = source.take(LARGEST_STATE + 1).read_to_end(&mut bytes);
        read.map_err(|error| unreadable(STATE, &error))?;
        match bytes.len() as u64 > LARGEST_STATE {
            true => Err(Flaw::Damaged(format!("{STATE} is larger than 64 MiB"))),
            false => serde_json::from_slice::<State>(&bytes)
                .map_err(|error| Flaw::Damaged(format!("{STATE}: {error}"))),
        }
    })?;
    if (state.step, state.epoch, state.batch) != (manifest.step, manifest.epoch, manifest.batch) {
        return Err(Flaw::Damaged(format!(
            "{STATE} and {MANIFEST} disagree about the step"
        )));
    }
    if let Some(problem) = state.problem() {
        return Err(Flaw::Damaged(format!("{STATE}: {problem}")));
    }
    let has = |name: &str| manifest.parts.contains_key(name);
    let swa = match (has(SWA), has(SWA_SUM), state.swa_epochs) {
        (false, false, 0) => None,
        (true, true, 1..) => {
            let part = &manifest.parts[SWA_SUM];
            let sum = part.read(directory, SWA_SUM, |source| {
                tensors::read_f64_from(source, part.bytes).map_err(|fault| flaw(SWA_SUM, fault))
            })?;
            Some(Swa {
                mean: tensors(SWA)?,
                sum,
            })
        }
        _ => {
            return Err(Flaw::Damaged(format!(
                "{STATE} and {MANIFEST} disagree about the mean of the epochs' weights"
            )));
        }
    };
    Ok(Snapshot {
        model: tensors(MODEL)?,
        optimizer: tensors(OPTIMIZER)?,
        ema,
        swa,
        state,
        origin: manifest.origin,
    })
}

fn read_manifest(directory: &Path) -> Result<Manifest, Flaw> {
    let damaged = |what: &str| Flaw::Damaged(format!("{MANIFEST} {what}"));
    let mut bytes = Vec::new();
    File::open(directory.join(MANIFEST))
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(MANIFEST, &error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(damaged("is larger than 16 MiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| damaged("is no text"))?;
    let tail = SEAL.0.len() + SEAL_LENGTH + SEAL.1.len();
    let body = text
        .len()
        .checked_sub(tail)
        .and_then(|end| text.get(..end))
        .ok_or_else(|| damaged("is cut short"))?;
    if seal(body) != text {
        return Err(damaged("does not match its seal"));
    }

    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let whole = format!("{body}\n}}");
    let Format { format } = serde_json::from_str(&whole).map_err(|_| damaged("names no format"))?;
    if format > FORMAT {
        return Err(Flaw::Newer(format!(
            "has checkpoint format {format}, this version reads up to {FORMAT}"
        )));
    }
    serde_json::from_str(&whole).map_err(|error| damaged(&format!("cannot be read: {error}")))
}

impl Part {
    /// What `read` makes of the file, which has the length and the hash of the manifest. No more of it is in memory than
    /// `read` keeps.
    fn read<T>(
        &self,
        directory: &Path,
        name: &str,
        read: impl FnOnce(&mut Hashing) -> Result<T, Flaw>,
    ) -> Result<T, Flaw> {
        let refused = |error| unreadable(name, &error);
        let path = directory.join(name);
        // Before it is opened: what is no file has no length.
        let length = fs::metadata(&path).map_err(refused)?.len();
        if length != self.bytes {
            return Err(Flaw::Damaged(format!(
                "{name} has {length} bytes, its manifest says {}",
                self.bytes
            )));
        }
        let mut source = Hashing {
            file: File::open(&path).map_err(refused)?,
            hasher: blake3::Hasher::new(),
        };
        let found = read(&mut source)?;
        if source.hasher.finalize().to_hex().as_str() != self.blake3 {
            return Err(Flaw::Damaged(format!(
                "{name} does not match the hash in its manifest"
            )));
        }
        Ok(found)
    }
}

/// A file whose bytes are hashed as they are read.
struct Hashing {
    file: File,
    hasher: blake3::Hasher,
}

impl Read for Hashing {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(into)?;
        self.hasher.update(&into[..count]);
        Ok(count)
    }
}

fn flaw(name: &str, fault: tensors::Fault) -> Flaw {
    match fault {
        tensors::Fault::Damaged(problem) => Flaw::Damaged(format!("{name} {problem}")),
        tensors::Fault::Unreadable(error) => unreadable(name, &error),
    }
}

fn unreadable(name: &str, error: &io::Error) -> Flaw {
    match error.kind() {
        io::ErrorKind::NotFound => Flaw::Damaged(format!("{name} is missing")),
        _ => Flaw::Unreadable(format!("{name} cannot be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::NamedTensor;

    #[test]
    fn parts_larger_than_any_are_refused_before_they_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let snapshot = Snapshot {
            model: Vec::new(),
            optimizer: Vec::new(),
            ema: None,
            swa: None,
            state: State::default(),
            origin: Origin::default(),
        };
        for (name, bytes) in encode(&snapshot).unwrap() {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        load(folder.path()).unwrap_or_else(|flaw| panic!("{flaw:?}"));
        let text = fs::read_to_string(folder.path().join(MANIFEST)).unwrap();
        let body = text.split(SEAL.0).next().unwrap();
        for (name, length, allowed) in [
            (MODEL, 1 << 38, "17179869184 allowed"),
            (STATE, LARGEST_STATE + 1, "larger than 64 MiB"),
        ] {
            let path = folder.path().join(name);
            let good = fs::read(&path).unwrap();
            File::create(&path).unwrap().set_len(length).unwrap();
            let mut manifest: Manifest = serde_json::from_str(&format!("{body}\n}}")).unwrap();
            manifest.parts.get_mut(name).unwrap().bytes = length;
            let forged = serde_json::to_string_pretty(&manifest).unwrap();
            let forged = seal(forged.strip_suffix("\n}").unwrap());
            fs::write(folder.path().join(MANIFEST), forged).unwrap();
            let flaw = load(folder.path()).map(|_| ());
            assert!(
                matches!(&flaw, Err(Flaw::Damaged(text)) if text.contains(allowed)),
                "{name}: {flaw:?}"
            );
            fs::write(&path, good).unwrap();
        }
    }

    #[test]
    fn what_could_not_be_read_again_is_not_written() {
        let whole = || Snapshot {
            model: Vec::new(),
            optimizer: Vec::new(),
            ema: None,
            swa: None,
            state: State::default(),
            origin: Origin::default(),
        };
        let tensor = |i: usize| NamedTensor {
            name: format!("t{i}"),
            shape: vec![0],
            data: Vec::new(),
        };
        let mut many = whole();
        many.optimizer = (0..=1 << 16).map(tensor).collect();
        assert!(encode(&many).unwrap_err().contains("65537 tensors"));
        let mut long = whole();
        long.origin.classes = (0..1 << 16).map(|i| format!("{i:0255}")).collect();
        assert!(encode(&long).unwrap_err().contains("16 MiB"));
    }

    #[test]
    fn a_manifest_of_a_later_format_is_not_damage() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join(MANIFEST),
            seal("{\n  \"format\": 4,\n  \"news\": true"),
        )
        .unwrap();
        assert!(matches!(load(folder.path()), Err(Flaw::Newer(text)) if text.contains("format 4")));
        // The same change without its seal is damage.
        std::fs::write(
            folder.path().join(MANIFEST),
            seal("{\n  \"format\": 3").replace("3", "4"),
        )
        .unwrap();
        assert!(matches!(load(folder.path()), Err(Flaw::Damaged(_))));
    }
}
