//! Gradients of several batches as one. Kernel: `shaders/ops/accumulate.wgsl`. Test: `tests/ops/accumulate.rs`.

use std::ops::Range;

use super::arenas::{window, windows};
use crate::{Arena, Dispatch, Gradients, Graph, In, LaunchContext, Op, Result, Shape, Value};

/// Sums the gradients of all trainable parameters over several runs, so that small batches make one update of a large one.
///
/// `part` is `[1, 1, 1, 4]`, written before each run: whether it is the first of the sum (1 or 0), the share of this
/// batch in the mean, whether it is the last, and 0. After the last run [`Arena::Gradients`] holds the mean; give `part`
/// to [`super::GradientNorm::due`], so that nothing is updated before. The sum is
/// [`Arena::OfParameters`]`("accumulated")`. Put it between [`crate::gradients`] and the optimizer.
///
/// # Errors
///
/// [`crate::Error::Shape`] for a `part` of another shape, [`crate::Error::Graph`] for a parameter that the loss does not
/// depend on.
pub fn accumulate(g: &mut Graph, gradients: &Gradients, part: Value) -> Result<()> {
    g.pin_gradients(gradients)?;
    let [_, plain] = g.decay_ranges();
    let inputs = [
        g.arena(Arena::Gradients),
        part,
        g.arena(Arena::OfParameters("accumulated")),
    ];
    let numbers = 0..plain.end;
    g.apply(Accumulate { numbers }, &inputs)?;
    Ok(())
}

#[derive(Debug)]
struct Accumulate {
    /// The trainable parameters' gradients.
    numbers: Range<usize>,
}

impl Op for Accumulate {
    fn name(&self) -> &'static str {
        "accumulate"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        match inputs[1] == Shape::vector(4) {
            true => Ok(Vec::new()),
            false => Err("a part of four numbers".into()),
        }
    }

    fn updates(&self) -> Vec<usize> {
        vec![0, 2]
    }

    fn launch(&self, cx: &mut LaunchContext) {
        for numbers in windows(cx.limits, &self.numbers, 64) {
            cx.push(
                Dispatch::new("ops/accumulate", "accumulate")
                    .params(&[numbers.len() / 4])
                    .bind(window(In(0), &numbers))
                    .bind(In(1))
                    .bind(window(In(2), &numbers))
                    .threads(numbers.len() / 4)
                    .work(numbers.len()),
            );
        }
    }
}
