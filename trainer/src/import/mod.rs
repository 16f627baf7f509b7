//! Trained networks from other programs' files.

mod onnx;

use std::path::Path;

use triaxis_models::Spec;

use crate::error::{Error, Result};
use crate::weights::Weights;

/// Whether a path names an ONNX file, by its ending.
pub(crate) fn is_onnx(path: &Path) -> bool {
    let extension = path.extension();
    extension.is_some_and(|e| e.eq_ignore_ascii_case("onnx"))
}

/// Reads an ONNX file of a convolutional classifier: its weights, the network that they are of, and how it wants its pictures.
///
/// Operators of ONNX's versions 11 to 21 are taken that the families here are made of: convolutions, batch norms, the usual
/// activations, gates, sums, pools and linear layers. Nothing that the file claims is believed before its bytes are there.
///
/// # Errors
///
/// [`Error::Checkpoint`] for a file that cannot be read, is damaged, or holds what no network here computes: then with a table
/// of the nodes and what was expected.
pub fn onnx(path: &Path) -> Result<Weights> {
    onnx::read(path)
}

/// The network of that name: an ONNX file's, or as [`Spec::find`] finds it.
///
/// # Errors
///
/// Those of [`onnx()`] and of [`Spec::find`].
pub fn find(model: &str) -> Result<Spec> {
    let path = Path::new(model);
    if !is_onnx(path) {
        return Ok(Spec::find(model)?);
    }
    onnx(path)?
        .network
        .ok_or_else(|| Error::checkpoint(path, "holds no network", "Give another file"))
}
