//! What of a network lasts from run to run and goes into checkpoints.

use super::Value;
use crate::{Layout, philox};

/// The first numbers of a parameter or buffer; random ones are a function of (seed, name, index).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// The same number everywhere.
    Constant(f32),
    /// A normal distribution around 0.
    Normal {
        /// Standard deviation.
        std: f32,
    },
    /// A uniform distribution in `-bound..bound`.
    Uniform {
        /// The largest magnitude.
        bound: f32,
    },
}

impl Init {
    /// The first `count` numbers of the tensor of that name, in the files' order, so that they do not depend on the
    /// engine's.
    pub fn numbers(self, seed: u64, name: &str, count: usize) -> Vec<f32> {
        let key = [seed as u32, (seed >> 32) as u32];
        let words = |i: usize| {
            philox::philox(
                key,
                [i as u32, (i >> 32) as u32, philox::hash(name), 0x696e_6974],
            )
        };
        match self {
            Self::Constant(x) => vec![x; count],
            Self::Uniform { bound } => (0..count)
                .map(|i| (2.0 * philox::unit(words(i)[0]) - 1.0) * bound)
                .collect(),
            Self::Normal { std } => (0..count).map(|i| philox::normal(words(i)) * std).collect(),
        }
    }
}

/// What a parameter is for, where recipes treat them differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ParameterRole {
    /// Multiplies what a layer reads.
    #[default]
    Weight,
    /// Is added to what a convolution or linear layer makes.
    Bias,
    /// Scales or shifts what batch norm makes.
    Norm,
}

/// How a parameter is stored, begun and updated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParameterOptions {
    /// The order of its numbers in files.
    pub layout: Layout,
    /// Its first numbers.
    pub init: Init,
    /// What it is for.
    pub role: ParameterRole,
    /// Whether weight decay applies.
    pub decay: bool,
    /// Whether it is updated at all.
    pub trainable: bool,
    /// What its learning rate is multiplied by; above 0.
    pub rate: f32,
}

impl Default for ParameterOptions {
    fn default() -> Self {
        Self {
            layout: Layout::Vector,
            init: Init::Constant(0.0),
            role: ParameterRole::default(),
            decay: false,
            trainable: true,
            rate: 1.0,
        }
    }
}

/// A tensor that training changes.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name in checkpoints, `stages.2.0.expand.weight`.
    pub name: String,
    /// The tensor.
    pub value: Value,
    /// How it is stored, begun and updated.
    pub options: ParameterOptions,
}

/// A tensor that running changes and checkpoints keep: a running mean or variance, `[1, 1, 1, c]`.
#[derive(Clone, Debug)]
pub struct Buffer {
    /// Its name in checkpoints, `bn1.running_mean`.
    pub name: String,
    /// The tensor.
    pub value: Value,
    /// Its first numbers.
    pub init: Init,
}
