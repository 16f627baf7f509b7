//! The WGSL kernels of Triaxis, embedded as text.
//!
//! One file an operator, named as the operator is; one entry point a pass. WGSL lets a module's declarations stand in
//! any order, so a kernel is linked with what it needs by joining the texts. `storage/` holds the formats of tensors
//! in memory, `grid` how threads are counted; both are joined to every kernel.

/// The text of the file `name` (`ops/conv2d`, `activations`), if there is one.
pub fn source(name: &str) -> Option<&'static str> {
    SOURCES
        .iter()
        .find(|(n, _)| *n == name)
        .map(|(_, text)| *text)
}

macro_rules! sources {
    ($($name:literal)*) => {
        /// Every file of this folder, by name.
        pub const SOURCES: &[(&str, &str)] = &[$(($name, include_str!(concat!($name, ".wgsl")))),*];
    };
}

sources! {
    "activations"
    "bench/multiply"
    "bench/multiply_matrices"
    "cooperative/eight"
    "cooperative/enable"
    "cooperative/sixteen"
    "doctor/pack"
    "epilogue/activated"
    "epilogue/added"
    "epilogue/added_derived"
    "epilogue/alone"
    "epilogue/bias"
    "epilogue/coefficients_apart"
    "epilogue/coefficients_behind"
    "epilogue/derived"
    "epilogue/gradient_normalised"
    "epilogue/gradient_stored"
    "epilogue/none"
    "epilogue/residual"
    "epilogue/strip_mean"
    "epilogue/strip_statistics"
    "epilogue/strip_stored"
    "epilogue/strip_sums"
    "epilogue/tile_statistics"
    "epilogue/tile_stored"
    "epilogue/tile_sums"
    "grid"
    "lanes/eight"
    "lanes/four"
    "lanes/one"
    "ops/accumulate"
    "ops/accuracy"
    "ops/activation"
    "ops/adamw"
    "ops/add"
    "ops/augment"
    "ops/augment_each"
    "ops/average"
    "ops/avg_pool"
    "ops/batch_norm"
    "ops/bias"
    "ops/bundle"
    "ops/clip"
    "ops/column_sum"
    "ops/conv2d"
    "ops/conv2d_cooperative"
    "ops/conv2d_shared"
    "ops/conv2d_tiled"
    "ops/cutmix"
    "ops/depthwise"
    "ops/drop_path"
    "ops/dropout"
    "ops/excite"
    "ops/expand_depthwise"
    "ops/gate"
    "ops/gate_normalised"
    "ops/gather"
    "ops/global_avg_pool"
    "ops/gradient_norm"
    "ops/keep"
    "ops/loss_scale"
    "ops/max_pool"
    "ops/mean"
    "ops/mixup"
    "ops/rmsprop"
    "ops/scale"
    "ops/sgd"
    "ops/soft_targets"
    "ops/softmax_cross_entropy"
    "ops/sum"
    "prologue/arriving_normalised"
    "prologue/arriving_stored"
    "prologue/excited"
    "prologue/gate"
    "prologue/incoming"
    "prologue/none"
    "prologue/normalised"
    "prologue/second_normalised"
    "prologue/second_stored"
    "prologue/stored"
    "random/philox"
    "rows/eight"
    "rows/one"
    "rows/sixteen"
    "rows/thirty_two"
    "storage/f16"
    "storage/f32"
    "storage/half"
    "storage/out_f16"
    "storage/out_f32"
    "strips/four"
    "strips/single"
    "sum_rows"
}
