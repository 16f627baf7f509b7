//! `tract-oracle FOLDER`: in each folder inside, runs `folded.onnx` and `kept.onnx` on `images.npy` (`[n, 3, r, r]`) and
//! prints how far the outputs are from `logits.npy` (`[n, classes]`) at most.

use std::path::{Path, PathBuf};

use ndarray::{Array2, Array4};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{bail, format_err};

fn largest_difference(folder: &Path, file: &str) -> TractResult<f32> {
    let images: Array4<f32> = ndarray_npy::read_npy(folder.join("images.npy"))?;
    let logits: Array2<f32> = ndarray_npy::read_npy(folder.join("logits.npy"))?;
    let shape = images.shape().to_vec();
    let model = tract_onnx::onnx()
        .model_for_path(folder.join(file))?
        .with_input_fact(0, f32::fact(&shape).into())?
        .into_optimized()?
        .into_runnable()?;
    let input = Tensor::from_shape(
        &shape,
        images
            .as_slice()
            .ok_or_else(|| format_err!("images.npy is not row-major"))?,
    )?;
    let outputs = model.run(tvec!(input.into()))?;
    let output = outputs[0].to_array_view::<f32>()?;
    if output.shape() != logits.shape() {
        bail!(
            "{file} gives {:?}, expected {:?}",
            output.shape(),
            logits.shape()
        );
    }
    let differences = output.iter().zip(logits.iter()).map(|(a, b)| (a - b).abs());
    // A number that is not one must not pass for a small difference.
    Ok(differences.fold(
        0.0,
        |worst, d| if d.is_nan() || d > worst { d } else { worst },
    ))
}

fn main() -> TractResult<()> {
    let Some(root) = std::env::args().nth(1) else {
        bail!("give the folder that tests/oracles/export.py made");
    };
    let entries = std::fs::read_dir(&root)?;
    let mut folders: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    for folder in folders {
        let name = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let folded = largest_difference(&folder, "folded.onnx")?;
        let kept = largest_difference(&folder, "kept.onnx")?;
        println!("{name}: folded {folded:.1e}, kept {kept:.1e}");
    }
    Ok(())
}
