//! The sum of each channel. Kernel: `shaders/ops/column_sum.wgsl`. Test: `tests/ops/column_sum.rs`.

use super::sum::{sum_partials, tiles};
use crate::{Dispatch, Graph, Halves, In, LaunchContext, Op, Out, Result, Shape, Value};

/// Sums `x`, `[n, h, w, c]`, over images, rows and columns: `[1, 1, 1, c]`. It is the gradient of what is added to
/// every pixel, and has none of its own.
///
/// # Errors
///
/// None of its own.
pub fn column_sum(g: &mut Graph, x: Value) -> Result<Value> {
    g.apply_one(ColumnSum, &[x])
}

#[derive(Debug)]
struct ColumnSum;

impl Op for ColumnSum {
    fn name(&self) -> &'static str {
        "column_sum"
    }

    fn halves(&self) -> Halves {
        Halves::reading(&[0])
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![Shape::vector(inputs[0].c())])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let x = cx.inputs[0];
        let (ranges, count) = tiles(cx, &[In(0)], x);
        let parts = cx.scratch(count * x.c4());
        for range in ranges {
            let vec4s = x.with_n(range.images.len()).vec4s();
            cx.push(
                Dispatch::new("ops/column_sum", "column_sum")
                    .params(&[vec4s, range.count * x.c4(), range.first * x.c4()])
                    .bind(cx.images(In(0), &range.images))
                    .bind(parts.touching(range.count * x.c4()))
                    .threads(range.count * x.c4()),
            );
        }
        sum_partials(cx, parts, count, x.c4(), Out(0));
    }
}
