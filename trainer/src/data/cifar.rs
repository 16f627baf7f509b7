//! CIFAR-10 and CIFAR-100 as binary batches (<https://www.cs.toronto.edu/~kriz/cifar.html>): records of one or two label
//! bytes and 3072 bytes of pixels, 32×32, the red plane first.

use std::path::{Path, PathBuf};

use super::{DataError, decode::read_capped, memory::Memory};

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;
/// More than the names of a hundred classes take.
const LARGEST_NAMES: u64 = 1 << 16;
/// The ten classes, in label order.
const CIFAR_10: [&str; 10] = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
];

/// The folder that holds the batches: `root` itself, or the one that the archive unpacks to.
pub(super) fn find(root: &Path) -> Option<PathBuf> {
    ["", "cifar-10-batches-bin", "cifar-100-binary"]
        .iter()
        .map(|name| root.join(name))
        .find(|folder| {
            folder.join("data_batch_1.bin").is_file() || folder.join("train.bin").is_file()
        })
}

/// Training pictures, validation pictures where `test_batch.bin` or `test.bin` is there, and notes.
pub(super) fn load(folder: &Path) -> Result<(Memory, Option<Memory>, Vec<String>), DataError> {
    let mut notes = Vec::new();
    let hundred = folder.join("train.bin").is_file();
    let (train, test) = if hundred {
        (vec![folder.join("train.bin")], folder.join("test.bin"))
    } else {
        let batch = |i| folder.join(format!("data_batch_{i}.bin"));
        let batches: Vec<PathBuf> = (1..=5).map(batch).filter(|path| path.is_file()).collect();
        if batches.len() < 5 {
            notes.push(format!(
                "{} holds {} of the five training batches",
                folder.display(),
                batches.len()
            ));
        }
        (batches, folder.join("test_batch.bin"))
    };
    let classes = classes(folder, hundred);
    let mut training = Memory::new(folder, classes.clone(), SIDE, SIDE, 3);
    for path in &train {
        read(path, hundred, &mut training)?;
    }
    if !test.is_file() {
        return Ok((training, None, notes));
    }
    let mut validation = Memory::new(folder, classes, SIDE, SIDE, 3);
    read(&test, hundred, &mut validation)?;
    Ok((training, Some(validation), notes))
}

fn read(path: &Path, hundred: bool, into: &mut Memory) -> Result<(), DataError> {
    let bytes = super::decode::read_capped(path, 1 << 30)?;
    let labels = if hundred { 2 } else { 1 };
    let record = labels + 3 * PLANE;
    if bytes.is_empty() || bytes.len() % record != 0 {
        return Err(DataError::Container {
            path: path.to_owned(),
            found: format!("{} bytes", bytes.len()),
            expected: format!("a whole number of records of {record} bytes"),
        });
    }
    let file = into.file(path, &bytes);
    for (row, record) in bytes.chunks_exact(record).enumerate() {
        let (label, planes) = record.split_at(labels);
        // CIFAR-100 has the coarse label first, the fine one second.
        let label = usize::from(label[labels - 1]);
        let pixels = (0..PLANE).flat_map(|i| [planes[i], planes[PLANE + i], planes[2 * PLANE + i]]);
        into.push(file, row, label, pixels)?;
    }
    Ok(())
}

/// Names from the file beside the batches where it fits, else the known ones, else numbers.
fn classes(folder: &Path, hundred: bool) -> Vec<String> {
    let (count, file) = if hundred {
        (100, "fine_label_names.txt")
    } else {
        (10, "batches.meta.txt")
    };
    let text = read_capped(&folder.join(file), LARGEST_NAMES).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let names: Vec<String> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    if names.len() == count {
        names
    } else if hundred {
        (0..count).map(|label| label.to_string()).collect()
    } else {
        CIFAR_10.map(str::to_owned).to_vec()
    }
}
