//! What a file tells besides its nodes: the pictures that it takes, how they are prepared, what the classes are called.

use std::collections::HashSet;

use triaxis_models::Spec;

use super::message::{Graph, Model, shown};
use crate::data::{Interpolation, Preprocess};

/// `TensorProto.DataType`: pictures as FLOAT, FLOAT16 or DOUBLE.
const NUMBERS: [i64; 3] = [1, 10, 11];
/// Side of the pictures where the file leaves it free, pixels: ImageNet's.
const USUAL_SIDE: usize = 224;
/// Longest side that is taken, pixels.
const LONGEST_SIDE: usize = 16_384;

/// The pictures that a file takes.
#[derive(Debug)]
pub(super) struct Pictures<'a> {
    pub(super) name: &'a str,
    /// Pixels.
    pub(super) side: usize,
    /// `[N, h, w, 3]` instead of `[N, 3, h, w]`.
    pub(super) channels_last: bool,
    /// How many at once, where that is not free.
    pub(super) images: Option<usize>,
    /// What a person should know.
    pub(super) notes: Vec<String>,
}

/// A problem and what to do.
type Problem = (String, &'static str);

impl<'a> Pictures<'a> {
    /// Those of a graph: its one input that is no tensor of the file.
    pub(super) fn of(graph: &Graph<'a>) -> Result<Self, Problem> {
        let tensors: HashSet<&str> = graph.tensors.iter().map(|tensor| tensor.name).collect();
        let mut inputs = graph.inputs.iter().filter(|i| !tensors.contains(i.name));
        let (Some(input), None) = (inputs.next(), inputs.next()) else {
            let count = graph.inputs.iter().filter(|i| !tensors.contains(i.name));
            let problem = format!("reads {} inputs, expected pictures alone", count.count());
            return Err((problem, "Export a classifier of single pictures"));
        };
        let name = shown(input.name);
        if input
            .format
            .is_some_and(|format| !NUMBERS.contains(&format))
        {
            let problem = format!("its input {name} is no floating-point numbers");
            return Err((problem, "Export the network without what prepares pictures"));
        }
        let sides = input.sides.as_deref().unwrap_or_default();
        let (channels_last, [h, w]) = match *sides {
            [_, Some(3), h, w] => (false, [h, w]),
            [_, h, w, Some(3)] => (true, [h, w]),
            _ => {
                let problem = format!(
                    "its input {name} has the sides {}, expected [N, 3, h, w] or [N, h, w, 3]",
                    told_sides(sides)
                );
                return Err((problem, "Export a classifier of pictures in colour"));
            }
        };
        let mut notes = Vec::new();
        let side = match (h, w) {
            (Some(h), Some(w)) if h != w => {
                let problem = format!("its input {name} is {h}×{w} pixels, expected a square");
                return Err((problem, "Export it for square pictures"));
            }
            (Some(side), _) | (None, Some(side)) => side,
            (None, None) => {
                notes.push(format!(
                    "the file leaves the pictures' size free: {USUAL_SIDE} pixels, unless --img-size says otherwise"
                ));
                USUAL_SIDE
            }
        };
        if side > LONGEST_SIDE {
            let problem = format!("its input {name} is {side} pixels wide");
            return Err((problem, "Export it for pictures of at most 16384 pixels"));
        }
        Ok(Self {
            name: input.name,
            side,
            channels_last,
            images: sides.first().copied().flatten(),
            notes,
        })
    }
}

fn told_sides(sides: &[Option<usize>]) -> String {
    let side = |side: &Option<usize>| side.map_or_else(|| "?".into(), |side| side.to_string());
    let sides: Vec<String> = sides.iter().map(side).collect();
    format!("[{}]", sides.join(", "))
}

/// What the metadata tells, with what stands in where it tells nothing.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) preprocess: Preprocess,
    /// Empty where nothing tells.
    pub(super) classes: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// Reads the words that `triaxis export` writes, by its keys.
pub(super) fn told(model: &Model<'_>, spec: &Spec) -> Told {
    let word = |key: &str| {
        let entry = model.metadata.iter().find(|[known, _]| *known == key);
        entry.map(|[_, word]| *word)
    };
    let mut notes = Vec::new();
    let preprocess = preprocess(word, spec.resolution).unwrap_or_else(|| {
        notes.push(
            "the file does not say how pictures are prepared: as is usual for ImageNet, unless --mean, --std, --crop-pct \
             and --interpolation say otherwise"
                .into(),
        );
        usual(spec.resolution)
    });
    let mut classes: Vec<String> = match word("classes") {
        Some(names) => names.split('\n').map(str::to_owned).collect(),
        None => Vec::new(),
    };
    if !classes.is_empty() && classes.len() != spec.num_classes {
        notes.push(format!(
            "the file names {} classes for {} outputs: the names are left out",
            classes.len(),
            spec.num_classes
        ));
        classes.clear();
    }
    Told {
        preprocess,
        classes,
        notes,
    }
}

/// torchvision's: the shorter side becomes 8/7 of the network's, of which the middle is cut.
fn usual(size: usize) -> Preprocess {
    Preprocess {
        crop_pct: 0.875,
        ..Preprocess::trained(size)
    }
}

fn preprocess<'a>(word: impl Fn(&str) -> Option<&'a str>, size: usize) -> Option<Preprocess> {
    let three = |key: &str| {
        let numbers = word(key)?.split_whitespace().map(str::parse::<f32>);
        let numbers: Vec<f32> = numbers.collect::<Result<_, _>>().ok()?;
        <[f32; 3]>::try_from(numbers).ok()
    };
    let interpolation: Interpolation =
        serde_json::from_value(word("input.interpolation")?.into()).ok()?;
    let preprocess = Preprocess {
        size,
        crop_pct: word("input.crop_pct")?.parse().ok()?,
        interpolation,
        mean: three("input.mean")?,
        std: three("input.std")?,
    };
    preprocess.check().ok()?;
    Some(preprocess)
}
