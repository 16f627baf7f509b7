//! ONNX files (<https://onnx.ai>) of convolutional classifiers.
//!
//! `wire.rs` reads protocol buffers where they lie, `message.rs` and `tensor.rs` what ONNX makes of them, `walk.rs` goes through
//! the nodes and draws a layer for each (`nodes/`) as it goes, so that a shape that does not fit is noticed where it stands,
//! `about.rs` reads what the file tells of pictures and classes.

mod about;
mod few;
mod made;
mod message;
mod names;
mod nodes;
mod tensor;
mod walk;
mod wire;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use triaxis_models::{Imported, Network, Spec, Style};

use crate::checkpoint::NamedTensor;
use crate::error::{Error, Result};
use crate::weights::Weights;
use about::Pictures;
use message::Model;
use walk::{Refused, Walk};

/// Protocol buffers, and so ONNX files in one piece, hold less than 2 GiB.
const LARGEST: u64 = i32::MAX as u64;
/// Versions of ONNX's operators that are read.
const OPSETS: [i64; 2] = [11, 21];
/// Nodes that an error lists.
const LISTED: usize = 12;
/// What a file's network is called that has no name of its own.
const NAMELESS: &str = "onnx";

/// Reads the file at `path`.
pub(super) fn read(path: &Path) -> Result<Weights> {
    let bytes = bytes(path)?;
    parse(path, &bytes)
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    let unreadable = |error: std::io::Error| {
        let problem = format!("cannot be read: {error}");
        Error::checkpoint(path, problem, "Give the path of an .onnx file")
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    match bytes.len() as u64 > LARGEST {
        true => Err(Error::checkpoint(
            path,
            format!("is larger than {LARGEST} bytes, more than an ONNX file can hold"),
            "Export it in one file, without what is not the network's",
        )),
        false => Ok(bytes),
    }
}

/// The network in the bytes of a file.
fn parse(path: &Path, bytes: &[u8]) -> Result<Weights> {
    let damaged = |problem: String| {
        let help = "The file is damaged or no ONNX file of a classifier: export it again";
        Error::checkpoint(path, problem, help)
    };
    let model = Model::read(bytes).map_err(damaged)?;
    let Some(graph) = &model.graph else {
        return Err(damaged("holds no graph".into()));
    };
    let opset = model.opset.unwrap_or(0);
    let [first, last] = OPSETS;
    if !(first..=last).contains(&opset) {
        return Err(Error::checkpoint(
            path,
            format!("uses version {opset} of ONNX's operators, expected {first} to {last}"),
            "Export it again, with opset_version=17",
        ));
    }
    let pictures =
        Pictures::of(graph).map_err(|(problem, help)| Error::checkpoint(path, problem, help))?;
    let walked = Walk::new(opset, bytes.len(), &pictures)
        .graph(graph)
        .map_err(damaged)?;
    if !walked.refused.is_empty() {
        return Err(refusal(path, &walked.refused));
    }
    let mut notes = pictures.notes.clone();
    notes.extend(walked.notes);
    let spec = Spec {
        name: name(path, &model),
        resolution: pictures.side,
        num_classes: walked.classes,
        network: Network::Imported(Imported {
            style: Style::default(),
            dropout: 0.0,
            layers: walked.layers,
        }),
    };
    // Drawn once more, without what the output does not need.
    spec.check()
        .and_then(|()| spec.drawn())
        .map_err(|error| damaged(error.to_string()))?;
    let told = about::told(&model, &spec);
    notes.extend(told.notes);
    let mut tensors: Vec<NamedTensor> = walked.tensors;
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Weights {
        path: path.to_owned(),
        tensors,
        classes: told.classes,
        model: None,
        network: Some(spec),
        preprocess: Some(told.preprocess),
        notes,
    })
}

/// The network's name in files that this program wrote, else the file's.
fn name(path: &Path, model: &Model<'_>) -> String {
    let own = match model.producer {
        "triaxis" => model.graph.as_ref().map(|graph| graph.name.to_owned()),
        _ => None,
    };
    let stem = || Some(path.file_stem()?.to_str()?.to_owned());
    let names = own.into_iter().chain(stem());
    let mut usable = names.filter(|name| Spec::is_name(name) && name.len() <= 128);
    usable.next().unwrap_or_else(|| NAMELESS.into())
}

/// The error that lists the nodes that are not taken.
fn refusal(path: &Path, refused: &[Refused]) -> Error {
    let heading = ["node", "operator", "expected"].map(String::from);
    let row = |r: &Refused| [r.node.clone(), r.operator.clone(), r.expected.clone()];
    let rows: Vec<[String; 3]> = std::iter::once(heading)
        .chain(refused.iter().take(LISTED).map(row))
        .collect();
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let (first, second) = (width(0), width(1));
    let mut help = format!(
        "Convolutions, batch norms, activations, gates, sums, pools and linear layers are taken ({}); export \
         without the rest:",
        nodes::OPERATORS.join(", ")
    );
    for [node, operator, expected] in &rows {
        help += &format!("\n  {node:first$}  {operator:second$}  {expected}");
    }
    if refused.len() > LISTED {
        help += &format!("\n  and {} more", refused.len() - LISTED);
    }
    let problem = match refused.len() {
        1 => "one of its nodes is nothing that a network here computes".into(),
        count => format!("{count} of its nodes are nothing that a network here computes"),
    };
    Error::checkpoint(path, problem, help)
}

#[cfg(test)]
mod tests;
