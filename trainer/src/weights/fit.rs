//! Weights of a file to those of a network: names, order of colours, classifier.

use std::collections::{HashMap, HashSet};

use triaxis_engine::{Arena, Graph, Mode, Plan};
use triaxis_models::{Model, Naming, Spec};

use super::Weights;
use crate::checkpoint::{Mismatch, NamedTensor, compare};
use crate::drawing::head;
use crate::error::{Error, Result};

/// Tensors that are named in a note before the rest is counted.
const NAMED: usize = 4;

/// How far weights may differ from the network they are put into. Default: not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FitOptions {
    /// What is missing or of another shape keeps its initial value, what is extra is left out.
    pub partial: bool,
    /// A classifier of another number of classes is left out: the network's own begins anew.
    pub new_head: bool,
}

/// Weights under the network's names, in its shapes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fitted {
    /// The tensors by name: all of the network's, unless [`FitOptions`] allowed less.
    pub tensors: Vec<NamedTensor>,
    /// What a person should know: what was converted, flipped, left out or kept at its initial value.
    pub notes: Vec<String>,
}

impl Weights {
    /// How many classes the classifier in these weights tells apart, if they hold one for this network.
    ///
    /// # Errors
    ///
    /// Where the network cannot be drawn.
    pub fn num_classes(&self, spec: &Spec) -> Result<Option<usize>> {
        let network = Network::draw(spec)?;
        let naming = self.naming(spec);
        let is_head = |t: &&NamedTensor| network.is_head(&our_name(naming, spec, &t.name));
        let head = self.tensors.iter().find(is_head);
        Ok(head.and_then(|t| t.shape.first().copied()))
    }

    /// The weights as `spec` names and shapes them.
    ///
    /// Names may be timm's, torchvision's or pycls's. Weights of pycls expect blue, green, red: the first convolution's
    /// input channels are reversed, as all else here is red, green, blue.
    /// Tensors that differ in trailing sides of 1 only count as alike: a linear layer is a convolution of 1×1 in
    /// some libraries. Counters of batches (`num_batches_tracked`) are left out.
    ///
    /// # Errors
    ///
    /// [`Error::Mismatch`] with a table of all that differs, where `options` do not allow it.
    pub fn fit(&self, spec: &Spec, options: &FitOptions) -> Result<Fitted> {
        let network = Network::draw(spec)?;
        let naming = self.naming(spec);
        let mut fitted = self.renamed(spec, naming)?;
        if naming == Naming::Pycls {
            network.reverse_colours(&mut fitted);
        }
        let shapes: HashMap<&str, &[usize]> = network
            .expected
            .iter()
            .map(|(name, shape)| (name.as_str(), shape.as_slice()))
            .collect();
        for tensor in &mut fitted.tensors {
            if let Some(&expected) = shapes.get(tensor.name.as_str())
                && trimmed(expected) == trimmed(&tensor.shape)
            {
                tensor.shape = expected.to_vec();
            }
        }
        let headless = options.new_head && network.leave_out_head(&mut fitted);
        let Err(mut mismatch) = compare(&network.expected, &fitted.tensors) else {
            return Ok(fitted);
        };
        if headless {
            let of_body = |(name, _): &(String, _)| !network.is_head(name);
            mismatch.missing.retain(of_body);
        }
        if !mismatch.is_empty() {
            if !options.partial {
                let path = self.path.clone();
                return Err(Error::Mismatch { path, mismatch });
            }
            keep_what_fits(&mut fitted, &mismatch);
        }
        Ok(fitted)
    }

    /// Whose names the tensors carry; ours where that cannot be told.
    fn naming(&self, spec: &Spec) -> Naming {
        let names = self.tensors.iter().map(|t| t.name.as_str());
        Naming::recognise(&spec.network, names).unwrap_or(Naming::Timm)
    }

    /// The tensors under our names; what the network does not have keeps the file's.
    fn renamed(&self, spec: &Spec, naming: Naming) -> Result<Fitted> {
        let mut fitted = Fitted {
            notes: self.notes.clone(),
            ..Fitted::default()
        };
        if naming != Naming::Timm {
            fitted.notes.push(format!("the names are {naming}'s"));
        }
        let mut seen = HashSet::new();
        for tensor in &self.tensors {
            if tensor.name.ends_with("num_batches_tracked") {
                continue;
            }
            let name = our_name(naming, spec, &tensor.name);
            if !seen.insert(name.clone()) {
                return Err(Error::checkpoint(
                    &self.path,
                    format!("two of its tensors are {name}, one of them {}", tensor.name),
                    "Save it again with one tensor of each layer",
                ));
            }
            fitted.tensors.push(NamedTensor {
                name,
                ..tensor.clone()
            });
        }
        fitted.tensors.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(fitted)
    }
}

/// Our name of a tensor, or the file's where we have none.
fn our_name(naming: Naming, spec: &Spec, name: &str) -> String {
    match naming {
        Naming::Timm => name.to_owned(),
        _ => naming
            .to_ours(&spec.network, name)
            .unwrap_or_else(|| name.to_owned()),
    }
}

impl Fitted {
    /// The numbers of the tensor of that name, in the files' order.
    pub fn numbers(&self, name: &str) -> Option<Vec<f32>> {
        let found = self.tensors.binary_search_by(|t| t.name.as_str().cmp(name));
        found.ok().map(|at| self.tensors[at].data.clone())
    }

    /// Writes the tensors into a plan of the network they were fitted to.
    ///
    /// # Errors
    ///
    /// Those of [`Plan::import`].
    pub fn write(&self, plan: &Plan) -> Result<()> {
        for NamedTensor { name, data, .. } in &self.tensors {
            if !plan.import(&Arena::Parameters, name, data)? {
                plan.import(&Arena::Buffers, name, data)?;
            }
        }
        Ok(())
    }
}

/// What a network expects of its weights.
struct Network {
    /// Name and shape of every tensor.
    expected: Vec<(String, Vec<usize>)>,
    /// The classifier's tensors begin so.
    head: String,
    /// The network's name.
    name: String,
    classes: usize,
}

impl Network {
    fn draw(spec: &Spec) -> Result<Self> {
        let mut g = Graph::new(Mode::Evaluate);
        let side = spec.resolution;
        let images = g.input("images", [1, side, side, 3]);
        let logits = spec.forward(&mut g, images)?;
        let parameters = g.parameters().iter().map(|p| {
            let shape = p.options.layout.file_shape(g.shape(p.value));
            (p.name.clone(), shape)
        });
        let buffers = g.buffers().iter();
        let buffers = buffers.map(|b| (b.name.clone(), vec![g.shape(b.value).count()]));
        Ok(Self {
            expected: parameters.chain(buffers).collect(),
            head: head(&g, logits),
            name: spec.name.clone(),
            classes: spec.num_classes,
        })
    }

    fn is_head(&self, name: &str) -> bool {
        !self.head.is_empty() && name.starts_with(&self.head)
    }

    /// Turns the first convolution from blue, green, red to red, green, blue.
    fn reverse_colours(&self, fitted: &mut Fitted) {
        let first = self.expected.iter().find(|(_, shape)| shape.len() == 4);
        let Some((name, _)) = first else { return };
        let tensor = fitted.tensors.iter_mut().find(|t| t.name == *name);
        if tensor.is_some_and(NamedTensor::reverse_colours) {
            let note = format!("{name} is reversed from blue, green, red to red, green, blue");
            fitted.notes.push(note);
        }
    }

    /// Takes out a classifier of another number of classes; whether the network's own begins anew.
    fn leave_out_head(&self, fitted: &mut Fitted) -> bool {
        let found = fitted.tensors.iter().find(|t| self.is_head(&t.name));
        let found = found.and_then(|t| t.shape.first().copied());
        if found == Some(self.classes) {
            return false;
        }
        fitted.tensors.retain(|t| !self.is_head(&t.name));
        let whose = match found {
            Some(classes) => format!("tells {classes} classes apart"),
            None => "has no classifier".into(),
        };
        fitted.notes.push(format!(
            "the file {whose}: the classifier of {} begins anew, for {} classes",
            self.name, self.classes
        ));
        true
    }
}

/// Leaves out what is extra or of another shape, and says what stays at its initial value.
fn keep_what_fits(fitted: &mut Fitted, mismatch: &Mismatch) {
    let Mismatch {
        missing,
        extra,
        misshapen,
    } = mismatch;
    let unfit = |name: &str| {
        extra.iter().any(|(n, _)| n == name) || misshapen.iter().any(|(n, ..)| n == name)
    };
    fitted.tensors.retain(|t| !unfit(&t.name));
    let missing = missing.iter().map(|(name, _)| name.as_str());
    let initial: Vec<&str> = missing
        .chain(misshapen.iter().map(|(name, ..)| name.as_str()))
        .collect();
    let extra: Vec<&str> = extra.iter().map(|(name, _)| name.as_str()).collect();
    for (names, what) in [
        (initial, "keep their initial values"),
        (extra, "of the file are left out"),
    ] {
        if !names.is_empty() {
            let more = match names.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let named = names[..names.len().min(NAMED)].join(", ");
            let count = names.len();
            fitted
                .notes
                .push(format!("{count} tensors {what}: {named}{more}"));
        }
    }
}

/// A shape without the sides of 1 at its end.
fn trimmed(shape: &[usize]) -> &[usize] {
    let used = shape.iter().rposition(|&side| side != 1);
    &shape[..used.map_or(0, |last| last + 1)]
}
