//! Operators in running order: `parameters.rs` says what of a network lasts, `arenas.rs` how that lies together,
//! `queries.rs` what a graph is asked.

mod arenas;
mod forget;
mod fuse;
mod halves;
mod parameters;
mod queries;
mod recompute;
mod sizes;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub use arenas::Arena;
pub use parameters::{Buffer, Init, Parameter, ParameterOptions, ParameterRole};
use sizes::{expect_size, expect_sizes};

use crate::{DType, Error, Op, Result, Shape};

/// A tensor in a graph: an index, free to copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub(crate) usize);

/// An operator's place in the running order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) usize);

/// What a graph is for: batch norm, dropout and drop-path differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Batch statistics, running averages move, dropout drops.
    Train,
    /// Running statistics, nothing random.
    Evaluate,
    /// Batch statistics, which become the running ones as they are; pictures vary as in training, nothing is dropped.
    Measure,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Written by the caller before a run.
    Input,
    /// A parameter, by its place in [`Graph::parameters`].
    Parameter(usize),
    /// A running statistic, by its place in [`Graph::buffers`].
    Buffer(usize),
    /// Memory that lasts from run to run, begun with this number.
    State(f32),
    /// A whole arena.
    Arena(Arena),
    /// Computed by a node.
    Output(NodeId),
}

/// One operator at its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// The scope it was added in, `stages.2.0`.
    pub scope: String,
    /// What it computes.
    pub op: Arc<dyn Op>,
    /// What it reads.
    pub inputs: Vec<Value>,
    /// What it makes.
    pub outputs: Vec<Value>,
}

impl Node {
    /// Scope and operator, `stages.2.0.conv2d`: what errors and profiles say.
    pub fn path(&self) -> String {
        if self.scope.is_empty() {
            self.op.name().into()
        } else {
            format!("{}.{}", self.scope, self.op.name())
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct ValueInfo {
    pub name: String,
    pub shape: Shape,
    pub dtype: DType,
    pub kind: Kind,
}

/// Multiply-adds, parameters and activations, by the counting rules of pycls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Complexity {
    /// Multiply-adds.
    pub flops: u64,
    /// Trainable numbers.
    pub params: u64,
    /// Outputs of convolutions, linear layers and max-pools.
    pub acts: u64,
}

/// Operators in running order, with the tensors between them.
#[derive(Clone, Debug)]
pub struct Graph {
    mode: Mode,
    scope: String,
    values: Vec<ValueInfo>,
    nodes: Vec<Node>,
    parameters: Vec<Parameter>,
    buffers: Vec<Buffer>,
    names: HashMap<String, Value>,
    frozen: HashSet<String>,
    pub(crate) pinned: HashMap<Value, usize>,
    pub(crate) gradient_scale: Option<Value>,
    /// Nodes before the first that computes a gradient.
    pub(crate) turn: Option<usize>,
    /// Values that may be made again.
    cheap: Vec<Value>,
    pub(crate) arena_firsts: HashMap<Arena, f32>,
    pub(crate) randomness: Option<Randomness>,
    sealed: bool,
}

/// What everything random in a graph is keyed by, beside its own name: written before every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Randomness {
    /// Seed (low word, high word), epoch, zero: `[1, 1, 1, 4]` unsigned integers.
    pub key: Value,
    /// Each image's index in its data set: `[n, 1, 1, 1]` unsigned integers.
    pub indices: Value,
}

impl Graph {
    /// An empty graph.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            scope: String::new(),
            values: Vec::new(),
            nodes: Vec::new(),
            parameters: Vec::new(),
            buffers: Vec::new(),
            names: HashMap::new(),
            frozen: HashSet::new(),
            pinned: HashMap::new(),
            gradient_scale: None,
            turn: None,
            cheap: Vec::new(),
            arena_firsts: HashMap::new(),
            randomness: None,
            sealed: false,
        }
    }

    /// A tensor of f32 that the caller writes before a run.
    pub fn input(&mut self, name: &str, shape: impl Into<Shape>) -> Value {
        self.input_of(name, shape, DType::F32)
    }

    /// A tensor of any format that the caller writes before a run.
    pub fn input_of(&mut self, name: &str, shape: impl Into<Shape>, dtype: DType) -> Value {
        let name = self.qualify(name);
        self.value(name, shape.into(), dtype, Kind::Input)
    }

    /// A parameter of this scope.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] where the name is taken or an optimizer has already laid the parameters out, [`Error::Shape`] for a
    /// tensor that has no number or 2^32 of them.
    pub fn parameter(
        &mut self,
        name: &str,
        shape: impl Into<Shape>,
        mut options: ParameterOptions,
    ) -> Result<Value> {
        let (name, shape) = (self.unique(name)?, shape.into());
        expect_size(&name, shape)?;
        options.trainable &= !self.frozen.contains(&name);
        let kind = Kind::Parameter(self.parameters.len());
        let value = self.value(name.clone(), shape, DType::F32, kind);
        self.names.insert(name.clone(), value);
        self.parameters.push(Parameter {
            name,
            value,
            options,
        });
        Ok(value)
    }

    /// A running statistic of this scope.
    ///
    /// # Errors
    ///
    /// As [`Graph::parameter`].
    pub fn buffer(&mut self, name: &str, shape: impl Into<Shape>, init: Init) -> Result<Value> {
        let (name, shape) = (self.unique(name)?, shape.into());
        expect_size(&name, shape)?;
        let kind = Kind::Buffer(self.buffers.len());
        let value = self.value(name.clone(), shape, DType::F32, kind);
        self.names.insert(name.clone(), value);
        self.buffers.push(Buffer { name, value, init });
        Ok(value)
    }

    /// Decides by their role which parameters decay.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] where an optimizer has already laid the parameters out.
    pub fn decay_by(&mut self, decays: impl Fn(ParameterRole) -> bool) -> Result<()> {
        self.expect_open("weight decay is decided")?;
        self.parameters
            .iter_mut()
            .for_each(|p| p.options.decay = decays(p.options.role));
        Ok(())
    }

    /// Decides by their names what the parameters' learning rates are multiplied by.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] for a factor that is not above 0, or where an optimizer has already laid the parameters out.
    pub fn rate_by(&mut self, rate: impl Fn(&str) -> f32) -> Result<()> {
        self.expect_open("a rate is decided")?;
        for p in &mut self.parameters {
            p.options.rate = rate(&p.name);
            if !(p.options.rate > 0.0 && p.options.rate.is_finite()) {
                return Err(Error::Graph(format!(
                    "the rate of {} is multiplied by {}, expected a number above 0: freeze what is not to learn",
                    p.name, p.options.rate
                )));
            }
        }
        Ok(())
    }

    /// Parameters that are added from now on under these names are not trained; a batch norm whose scale is one of them
    /// keeps its running statistics.
    pub fn freeze(&mut self, names: impl IntoIterator<Item = String>) {
        self.frozen.extend(names);
    }

    /// Memory that lasts from run to run and no checkpoint of weights keeps: a counter, a sum.
    pub fn state(&mut self, name: &str, shape: impl Into<Shape>, first: f32) -> Value {
        let name = self.qualify(name);
        self.value(name, shape.into(), DType::F32, Kind::State(first))
    }

    /// The inputs that random operators on `images` images are keyed by; the same for all of them.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] where another number of images was asked for before.
    pub fn randomness(&mut self, images: usize) -> Result<Randomness> {
        if let Some(known) = self.randomness {
            let n = self.shape(known.indices).n();
            let differ = || {
                Error::Graph(format!(
                    "random operators on {images} and on {n} images in one graph: use one batch size"
                ))
            };
            return if n == images {
                Ok(known)
            } else {
                Err(differ())
            };
        }
        let made = self.within("", |g| Randomness {
            key: g.input_of("random.key", Shape::vector(4), DType::U32),
            indices: g.input_of("random.indices", [images, 1, 1, 1], DType::U32),
        });
        self.randomness = Some(made);
        Ok(made)
    }

    /// The inputs of [`Graph::randomness`], if anything in the graph is random.
    pub fn random_inputs(&self) -> Option<Randomness> {
        self.randomness
    }

    /// Adds a node of any number of outputs.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] where the inputs do not fit, or a tensor has no number or 2^32 of them.
    pub fn apply(&mut self, op: impl Op + 'static, inputs: &[Value]) -> Result<Vec<Value>> {
        self.apply_shared(Arc::new(op), inputs)
    }

    /// As [`Graph::apply`], for an operator of another graph.
    pub(crate) fn apply_shared(&mut self, op: Arc<dyn Op>, inputs: &[Value]) -> Result<Vec<Value>> {
        let shapes: Vec<Shape> = inputs.iter().map(|&x| self.shape(x)).collect();
        let mut node = Node {
            scope: self.scope.clone(),
            op,
            inputs: inputs.into(),
            outputs: Vec::new(),
        };
        let refuse = |expected| Error::Shape {
            node: node.path(),
            expected,
            got: shapes.clone(),
        };
        // Operators reckon with sides that can be counted.
        expect_sizes(&shapes).map_err(refuse)?;
        let outputs = node.op.shapes(&shapes).map_err(refuse)?;
        expect_sizes(&outputs).map_err(refuse)?;
        let id = NodeId(self.nodes.len());
        node.outputs = (0..outputs.len())
            .map(|i| Value(self.values.len() + i))
            .collect();
        let (path, dtype) = (node.path(), node.op.stores());
        self.nodes.push(node.clone());
        for shape in outputs {
            self.value(path.clone(), shape, dtype, Kind::Output(id));
        }
        Ok(node.outputs)
    }

    /// Adds a node of one output.
    ///
    /// # Errors
    ///
    /// As [`Graph::apply`].
    pub fn apply_one(&mut self, op: impl Op + 'static, inputs: &[Value]) -> Result<Value> {
        Ok(self.apply(op, inputs)?[0])
    }

    /// Runs `draw` with `name` appended to the path of what it adds.
    pub fn scope<T>(&mut self, name: impl AsRef<str>, draw: impl FnOnce(&mut Self) -> T) -> T {
        let inner = self.qualify(name.as_ref());
        self.within(&inner, draw)
    }

    /// Runs `draw` with `scope` as the path of what it adds.
    pub(crate) fn within<T>(&mut self, scope: &str, draw: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.scope, scope.into());
        let result = draw(self);
        self.scope = outer;
        result
    }

    fn value(&mut self, name: String, shape: Shape, dtype: DType, kind: Kind) -> Value {
        self.values.push(ValueInfo {
            name,
            shape,
            dtype,
            kind,
        });
        Value(self.values.len() - 1)
    }

    fn qualify(&self, name: &str) -> String {
        match (self.scope.is_empty(), name.is_empty()) {
            (true, _) => name.into(),
            (_, true) => self.scope.clone(),
            _ => format!("{}.{name}", self.scope),
        }
    }

    /// Refuses inputs and states that no node has looked at and that no memory can be laid out for.
    pub(crate) fn expect_sizes(&self) -> Result<()> {
        let mut values = self.values.iter();
        values.try_for_each(|info| expect_size(&info.name, info.shape))
    }

    fn expect_open(&self, what: &str) -> Result<()> {
        if self.sealed {
            return Err(Error::Graph(format!(
                "{what} after an optimizer laid the parameters out: do it before"
            )));
        }
        Ok(())
    }

    fn unique(&self, name: &str) -> Result<String> {
        let name = self.qualify(name);
        if self.sealed {
            return Err(Error::Graph(format!(
                "{name} is added after an optimizer laid the parameters out: add it before"
            )));
        }
        match self.names.contains_key(&name) {
            true => Err(Error::Graph(format!(
                "two tensors are named {name}: give one of them a scope of its own"
            ))),
            false => Ok(name),
        }
    }
}
