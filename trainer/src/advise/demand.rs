//! What a run asks of an adapter, counted without one.

use serde::{Deserialize, Serialize};
use triaxis_engine::{Dispatch, Limits, Precision, Schedule};
use triaxis_models::Spec;

use crate::error::Result;
use crate::recipe::Recipe;
use crate::trainer::{inference_schedule, training_schedule};

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// A training step.
    Train,
    /// Pictures to logits.
    Infer,
}

/// The amounts that a run's time is made of. Kernels of a kind take about as long for each unit whatever the network; a
/// kind's share differs from network to network, so that multiply-adds or activations alone do not tell the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demand {
    /// Kernels launched.
    pub dispatches: f64,
    /// Multiply-adds of convolutions as matrix products, as the kernels do them: with those of padding.
    pub matrix: f64,
    /// Bytes of the operands of these kernels.
    pub matrix_bytes: f64,
    /// Multiply-adds of depthwise convolutions.
    pub depthwise: f64,
    /// Bytes of the operands of all kernels that go over activations without multiplying matrices: batch norms, gates,
    /// sums, depthwise convolutions.
    pub streamed_bytes: f64,
    /// Bytes of kernels that go over all parameters: optimizer, averages, the gradients' norm.
    pub parameter_bytes: f64,
}

/// Numbers of a [`Demand`].
pub(super) const TERMS: usize = 6;

impl Demand {
    /// What a schedule asks for.
    pub fn of(schedule: &Schedule) -> Self {
        let mut demand = Self::default();
        let rows = schedule.traffic().rows;
        for ((_, dispatch), row) in schedule.launches().zip(rows) {
            demand.dispatches += 1.0;
            let bytes = row.bytes as f64;
            match Kind::of(dispatch) {
                Kind::Matrix => {
                    demand.matrix += dispatch.work as f64;
                    demand.matrix_bytes += bytes;
                }
                Kind::Depthwise => {
                    demand.depthwise += dispatch.work as f64;
                    demand.streamed_bytes += bytes;
                }
                Kind::Parameters => demand.parameter_bytes += bytes,
                Kind::Streaming => demand.streamed_bytes += bytes,
            }
        }
        demand
    }

    /// With these numbers in the order of the fields.
    pub(super) fn from_terms(terms: [f64; TERMS]) -> Self {
        let [
            dispatches,
            matrix,
            matrix_bytes,
            depthwise,
            streamed_bytes,
            parameter_bytes,
        ] = terms;
        Self {
            dispatches,
            matrix,
            matrix_bytes,
            depthwise,
            streamed_bytes,
            parameter_bytes,
        }
    }

    /// In the order of the fields.
    pub fn terms(&self) -> [f64; TERMS] {
        [
            self.dispatches,
            self.matrix,
            self.matrix_bytes,
            self.depthwise,
            self.streamed_bytes,
            self.parameter_bytes,
        ]
    }
}

/// Kinds of kernels.
enum Kind {
    Matrix,
    Depthwise,
    Parameters,
    Streaming,
}

/// Beginnings of the entry points that go over all parameters.
const OVER_PARAMETERS: [&str; 8] = [
    "accumulate",
    "adamw",
    "average",
    "clip",
    "gradient_norm",
    "rmsprop",
    "scale",
    "sgd",
];

impl Kind {
    fn of(dispatch: &Dispatch) -> Self {
        let entry = dispatch.kernel.entry;
        let begins = |beginning: &&str| entry.starts_with(*beginning);
        if entry.starts_with("conv2d") {
            Self::Matrix
        } else if entry.starts_with("depthwise") {
            Self::Depthwise
        } else if OVER_PARAMETERS.iter().any(begins) {
            Self::Parameters
        } else {
            Self::Streaming
        }
    }
}

/// The plan of a training step by this recipe, or of the inference of a batch in its precision, as it would be laid out on an
/// adapter of these limits.
///
/// # Errors
///
/// The engine's, where the limits do not allow the network.
pub fn schedule(
    spec: &Spec,
    phase: Phase,
    recipe: &Recipe,
    batch: usize,
    limits: &Limits,
) -> Result<Schedule> {
    Ok(match phase {
        Phase::Train => training_schedule(spec, recipe, batch, limits)?,
        Phase::Infer => {
            let precision = match recipe.amp {
                true => Precision::F16,
                false => Precision::F32,
            };
            inference_schedule(spec, [batch, spec.resolution], precision, limits)?
        }
    })
}
