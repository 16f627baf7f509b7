//! Averages of weights over steps. Kernels: `shaders/ops/average.wgsl`. Test: `tests/ops/average.rs`.

use super::arenas::{expect_scalars, window, windows};
use crate::{Arena, Dispatch, Graph, In, LaunchContext, Op, Result, Shape, Value};

/// Moves an average of all parameters and running statistics towards what they are now, `a + rate · (x - a) → a`.
///
/// `rate` is one number, `[1, 1, 1, 1]`: 1 copies, 0 leaves the average as it is. The averages are
/// [`Arena::OfParameters`]`("average")` and [`Arena::OfBuffers`]`("average")`, zero until the first copy. With the
/// `norm` of [`super::gradient_norm`], which every optimizer gives, nothing is averaged where its go is 0. Put it
/// behind the optimizer.
///
/// # Errors
///
/// [`crate::Error::Shape`] for a rate or norm of another shape.
pub fn average(g: &mut Graph, rate: Value, norm: Option<Value>) -> Result<()> {
    let mut pairs = vec![(Arena::Parameters, Arena::OfParameters("average"))];
    if !g.buffers().is_empty() {
        pairs.push((Arena::Buffers, Arena::OfBuffers("average")));
    }
    for (of, average) in pairs {
        let mut inputs = vec![g.arena(of), rate, g.arena(average)];
        inputs.extend(norm);
        g.apply(Average, &inputs)?;
    }
    Ok(())
}

/// As [`average`], of the running statistics alone.
///
/// # Errors
///
/// As [`average`].
pub fn average_buffers(g: &mut Graph, rate: Value) -> Result<()> {
    if g.buffers().is_empty() {
        return Ok(());
    }
    let inputs = [
        g.arena(Arena::Buffers),
        rate,
        g.arena(Arena::OfBuffers("average")),
    ];
    g.apply(Average, &inputs)?;
    Ok(())
}

#[derive(Debug)]
struct Average;

impl Op for Average {
    fn name(&self) -> &'static str {
        "average"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        expect_scalars(
            inputs[1],
            inputs.get(3).copied().unwrap_or(Shape::vector(4)),
        )?;
        Ok(Vec::new())
    }

    fn updates(&self) -> Vec<usize> {
        vec![2]
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let guarded = cx.inputs.len() > 3;
        let entry = if guarded {
            "average_guarded"
        } else {
            "average"
        };
        for numbers in windows(cx.limits, &(0..cx.inputs[0].count()), 64) {
            let mut dispatch = Dispatch::new("ops/average", entry)
                .params(&[numbers.len() / 4])
                .bind(window(In(0), &numbers))
                .bind(In(1))
                .bind(window(In(2), &numbers));
            if guarded {
                dispatch = dispatch.bind(In(3));
            }
            cx.push(dispatch.threads(numbers.len() / 4).work(numbers.len()));
        }
    }
}
