//! The operators. One file each: shape rule, cost, kernels, gradient. Kernels stand in `shaders/ops/<name>.wgsl`,
//! cases and a plain reference in `tests/ops/<name>.rs`.

mod accumulate;
mod accuracy;
mod activation;
mod adamw;
mod add;
mod arenas;
mod augment;
mod augment_each;
mod average;
mod avg_pool;
mod batch_norm;
mod bias;
mod bundle;
mod clip;
mod column_sum;
mod conv2d;
mod cutmix;
mod depthwise;
mod drop_path;
mod dropout;
mod ending;
mod entry;
mod excite;
mod expand_depthwise;
mod fused;
mod gate;
mod gather;
mod global_avg_pool;
mod gradient_norm;
mod keep;
mod loss_scale;
mod max_pool;
mod mean;
mod mixup;
mod random;
mod rmsprop;
mod scale;
mod sgd;
mod soft_targets;
mod softmax_cross_entropy;
mod sum;
mod sum_rows;
mod summand;
mod window;

pub use accumulate::accumulate;
pub use accuracy::accuracy;
pub use activation::{Activation, activation};
pub use adamw::{AdamW, adamw};
pub use add::add;
pub use augment::{Augment, Moves, augment};
pub use augment_each::{Alteration, Erased, Tone, augment_each, table_rows};
pub use average::{average, average_buffers};
pub use avg_pool::{Divisor, avg_pool};
pub use batch_norm::{BatchNorm, BatchNormInputs, batch_norm};
pub(crate) use batch_norm::{GradCoefficients, GramGradGamma, GramGradWeight, GramWeights};
pub use bias::bias;
pub use clip::{Clip, clip};
pub use column_sum::column_sum;
pub(crate) use conv2d::gram as pointwise;
pub use conv2d::{Conv2d, conv2d};
pub use cutmix::cutmix;
pub use depthwise::{Depthwise, depthwise};
pub use drop_path::drop_path;
pub use dropout::dropout;
pub use excite::{ExciteInputs, excite};
pub(crate) use expand_depthwise::Expanded;
pub use expand_depthwise::{
    ExpandDepthwise, ExpandInputs, expand_depthwise, expand_depthwise_mean,
};
pub use fused::{FusedConv2d, FusedInputs, conv2d_fused, conv2d_fused_mean};
pub(crate) use gate::NormalisedGradSums;
pub use gate::gate;
pub use gather::gather;
pub use global_avg_pool::global_avg_pool;
pub use gradient_norm::{GradientNorm, gradient_norm};
pub use keep::keep;
pub use loss_scale::{LossScale, Scale, loss_scale};
pub use max_pool::max_pool;
pub use mean::mean;
pub use mixup::mixup;
pub use rmsprop::{RmsProp, rmsprop};
pub use scale::scale;
pub use sgd::{Sgd, sgd};
pub use soft_targets::{SoftTargets, soft_targets};
pub use softmax_cross_entropy::softmax_cross_entropy;
pub use window::{Padding, Pool};

use crate::{DType, Error, Graph, Result, Shape, Value};

/// The path that a node of this name would have here, `stages.2.0.conv2d`.
fn node_path(g: &Graph, node: &str) -> String {
    match g.path() {
        "" => node.into(),
        scope => format!("{scope}.{node}"),
    }
}

/// Refuses a value of another format.
fn expect_dtype(g: &Graph, node: &str, x: Value, dtype: DType) -> Result<()> {
    if g.dtype(x) == dtype {
        return Ok(());
    }
    Err(Error::Graph(format!(
        "{}: {} is {:?}, expected {dtype:?}",
        node_path(g, node),
        g.name(x),
        g.dtype(x)
    )))
}

/// The shape that all inputs share, or what was expected.
fn same_shape(inputs: &[Shape]) -> Result<Shape, String> {
    match inputs.iter().all(|s| *s == inputs[0]) {
        true => Ok(inputs[0]),
        false => Err("tensors of one shape".into()),
    }
}
