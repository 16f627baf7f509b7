//! The operators and their timed cases.

use triaxis_tests::{Case, ops};

/// Makes an operator's cases for a batch of so many images.
pub(crate) type Timed = fn(usize) -> Vec<Case>;

/// Every operator by its name.
pub(crate) const OPERATORS: &[(&str, Timed)] = &[
    ("conv2d", ops::conv2d::timed),
    ("depthwise", ops::depthwise::timed),
    ("bundle", ops::bundle::timed),
    ("fused", ops::fused::timed),
    ("expand_depthwise", ops::expand_depthwise::timed),
    ("batch_norm", ops::batch_norm::timed),
    ("activation", ops::activation::timed),
    ("add", ops::add::timed),
    ("excite", ops::excite::timed),
    ("gate", ops::gate::timed),
    ("bias", ops::bias::timed),
    ("global_avg_pool", ops::global_avg_pool::timed),
    ("avg_pool", ops::avg_pool::timed),
    ("max_pool", ops::max_pool::timed),
    ("column_sum", ops::column_sum::timed),
    ("sum", ops::sum::timed),
    ("mean", ops::mean::timed),
    ("scale", ops::scale::timed),
    ("dropout", ops::dropout::timed),
    ("drop_path", ops::drop_path::timed),
    ("gather", ops::gather::timed),
    ("augment", ops::augment::timed),
    ("augment_each", ops::augment_each::timed),
    ("mixup", ops::mixup::timed),
    ("cutmix", ops::cutmix::timed),
    ("soft_targets", ops::soft_targets::timed),
    ("softmax_cross_entropy", ops::softmax_cross_entropy::timed),
    ("accuracy", ops::accuracy::timed),
    ("accumulate", ops::accumulate::timed),
    ("clip", ops::clip::timed),
    ("gradient_norm", ops::gradient_norm::timed),
    ("loss_scale", ops::loss_scale::timed),
    ("keep", ops::keep::timed),
    ("sgd", ops::sgd::timed),
    ("rmsprop", ops::rmsprop::timed),
    ("adamw", ops::adamw::timed),
    ("average", ops::average::timed),
];

/// An operator's timed case.
pub(crate) struct Named {
    /// The operator.
    pub(crate) op: &'static str,
    /// The case's name without the operator's.
    pub(crate) name: String,
    /// The case.
    pub(crate) case: Case,
}

/// The cases whose `operator case` contains `only`, all without it.
pub(crate) fn named(batch: usize, only: Option<&str>) -> impl Iterator<Item = Named> {
    let only = only.unwrap_or_default().to_lowercase();
    OPERATORS
        .iter()
        .flat_map(move |&(op, timed)| timed(batch).into_iter().map(move |case| (op, case)))
        .map(|(op, case)| {
            let short = case.name.strip_prefix(op).unwrap_or(&case.name);
            let name = short.trim_start().to_owned();
            Named { op, name, case }
        })
        .filter(move |named| {
            let full = format!("{} {}", named.op, named.name);
            full.to_lowercase().contains(&only)
        })
}
