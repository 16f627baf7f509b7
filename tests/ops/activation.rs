//! `engine::ops::activation`: every function, around its bends.

use triaxis::engine::ops::{Activation, activation};

use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    [
        Activation::Relu,
        Activation::Silu,
        Activation::Sigmoid,
        Activation::HardSwish,
        Activation::Relu6,
    ]
    .map(|kind| {
        // -8.0 to 8.0 in steps that miss the bends at -3, 0, 3 and 6, where there is no derivative.
        let numbers = (0..180).map(|i| f64::from(i) * 0.0889 - 7.97).collect();
        let input = Input::of([2, 3, 5, 6], numbers);
        case(&format!("{kind:?}"), input, kind, Differences::All)
    })
    .into()
}

/// Layers of EfficientNet-B0, RegNetZ-500MF and ResNet-50 at their real sizes, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    let layer = |name, side, channels, kind| {
        let input = Input::random([n, side, side, channels]);
        case(name, input, kind, Differences::Some(1))
    };
    vec![
        layer("relu_256_56", 56, 256, Activation::Relu),
        layer("silu_144_56", 56, 144, Activation::Silu),
        layer("sigmoid_672_1", 1, 672, Activation::Sigmoid),
    ]
}

fn case(name: &str, input: Input, kind: Activation, differences: Differences) -> Case {
    Case {
        name: format!("activation {name}"),
        inputs: vec![input],
        apply: Box::new(move |g, v| activation(g, v[0], kind)),
        reference: Box::new(move |v| v[0].iter().map(|&x| reference(kind, x)).collect()),
        differences,
    }
}

/// The function in f64.
pub fn reference(kind: Activation, x: f64) -> f64 {
    match kind {
        Activation::Identity => x,
        Activation::Relu => x.max(0.0),
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::HardSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Activation::Relu6 => x.clamp(0.0, 6.0),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn activation_matches_reference_and_its_differences() {
        crate::check_all(&super::cases());
    }
}
