//! Running statistics of steps that were taken. Kernel: `shaders/ops/keep.wgsl`. Test: `tests/ops/keep.rs`.

use super::arenas::{window, windows};
use crate::{Arena, Dispatch, Graph, In, LaunchContext, Op, Result, Shape, Value};

/// Puts running statistics back to what they were where `norm`, the result of [`super::gradient_norm`], says that no step
/// is taken. They move in the forward pass, before it is known whether all gradients are finite.
///
/// What they are put back to is an arena of its own, `Arena::OfBuffers("kept")`, which this fills where a step is taken,
/// as does whatever writes [`Arena::Buffers`] from outside: it needs no place in a checkpoint. Put it behind the optimizer
/// and before [`super::average`].
///
/// # Errors
///
/// [`crate::Error::Shape`] for a norm of another shape.
pub fn keep(g: &mut Graph, norm: Value) -> Result<()> {
    if g.buffers().is_empty() {
        return Ok(());
    }
    let inputs = [g.arena(Arena::Buffers), g.arena(Arena::KEPT), norm];
    g.apply(Keep, &inputs)?;
    Ok(())
}

#[derive(Debug)]
struct Keep;

impl Op for Keep {
    fn name(&self) -> &'static str {
        "keep"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        match inputs[2] == Shape::vector(4) {
            true => Ok(Vec::new()),
            false => Err("a gradient norm of four numbers".into()),
        }
    }

    fn updates(&self) -> Vec<usize> {
        vec![0, 1]
    }

    fn launch(&self, cx: &mut LaunchContext) {
        for numbers in windows(cx.limits, &(0..cx.inputs[0].count()), 64) {
            cx.push(
                Dispatch::new("ops/keep", "keep")
                    .params(&[numbers.len() / 4])
                    .bind(window(In(0), &numbers))
                    .bind(window(In(1), &numbers))
                    .bind(In(2))
                    .threads(numbers.len() / 4)
                    .work(numbers.len()),
            );
        }
    }
}
