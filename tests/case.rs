//! An operator at one configuration, as data.

use triaxis::engine::{DType, Graph, Result, Shape, Value};

/// Adds an operator to a graph, over the case's inputs.
pub type Apply = Box<dyn Fn(&mut Graph, &[Value]) -> Result<Value> + Send + Sync>;

/// The same in plain f64: inputs without padding in, output without padding out.
pub type Reference = Box<dyn Fn(&[Vec<f64>]) -> Vec<f64> + Send + Sync>;

/// An operator at one configuration: checked by the tests, timed by the benchmarks.
pub struct Case {
    /// Told when it fails.
    pub name: String,
    /// What it reads.
    pub inputs: Vec<Input>,
    /// Applies the operator; the first value is compared with the reference.
    pub apply: Apply,
    /// The same, in plain f64: inputs without padding in, output without padding out.
    pub reference: Reference,
    /// How the gradients are proven.
    pub differences: Differences,
}

/// The seed that checks write to random operators: both words count.
pub const SEED: u64 = 0x0123_4567_89AB_CDEF;

/// The epoch that checks write to random operators.
pub const EPOCH: u32 = 5;

/// The index in its data set that checks give to an image of the batch.
pub fn data_index(image: usize) -> u32 {
    1000 + 7 * image as u32
}

/// How a case's gradients are compared with the reference's differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Differences {
    /// By every number of every input that has a gradient.
    All,
    /// By this many numbers of each input, spread evenly: for large cases.
    Some(usize),
    /// Not at all: operators without a gradient.
    None,
}

/// What a case's input holds.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its shape.
    pub shape: Shape,
    /// Its format.
    pub dtype: DType,
    /// Its numbers; `None` for random ones in -0.5..0.5.
    pub numbers: Option<Vec<f64>>,
    /// Whether the operator gives it a gradient.
    pub differentiable: bool,
}

impl Input {
    /// Random numbers of this shape.
    pub fn random(shape: impl Into<Shape>) -> Self {
        Self {
            shape: shape.into(),
            dtype: DType::F32,
            numbers: None,
            differentiable: true,
        }
    }

    /// These numbers.
    pub fn of(shape: impl Into<Shape>, numbers: Vec<f64>) -> Self {
        Self {
            numbers: Some(numbers),
            ..Self::random(shape)
        }
    }

    /// The same without a gradient.
    pub fn constant(self) -> Self {
        Self {
            differentiable: false,
            ..self
        }
    }

    /// Whole numbers in another format, without a gradient.
    pub fn whole(shape: impl Into<Shape>, dtype: DType, numbers: Vec<f64>) -> Self {
        Self {
            dtype,
            ..Self::of(shape, numbers).constant()
        }
    }
}
