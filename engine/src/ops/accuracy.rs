//! What a classifier got right. Kernels: `shaders/ops/accuracy.wgsl`. Test: `tests/ops/accuracy.rs`.

use super::expect_dtype;
use super::sum_rows::{PartialSums, splits};
use crate::{DType, Dispatch, Graph, In, LaunchContext, Op, Result, Shape, Value};

const FILE: &str = "ops/accuracy";

/// Counts a batch into a state, `[1, 1, 1, 8]`, that lasts from run to run until the caller writes zeros: sum of
/// losses, top-1 hits, top-5 hits, images, losses that are not finite; three are zero.
///
/// `logits` are `[n, 1, 1, classes]`; `labels` (whole numbers), `losses` and `weights` `[n, 1, 1, 1]`. A weight of 1
/// counts the image, 0 leaves out one that only fills the batch up. A hit is a label of which fewer than 1 or 5 other
/// classes have a larger logit, or the same logit and a smaller index. An image whose loss or whose label's logit is
/// not finite hits nothing, and its loss is counted instead of added.
///
/// # Errors
///
/// [`crate::Error::Shape`] where the shapes do not fit, [`crate::Error::Graph`] for labels that are not
/// [`DType::U32`].
pub fn accuracy(
    g: &mut Graph,
    logits: Value,
    labels: Value,
    losses: Value,
    weights: Value,
) -> Result<Value> {
    expect_dtype(g, "accuracy", labels, DType::U32)?;
    let state = g.state("accuracy", Shape::vector(8), 0.0);
    g.apply(Accuracy, &[logits, labels, losses, weights, state])?;
    Ok(state)
}

#[derive(Debug)]
struct Accuracy;

impl Op for Accuracy {
    fn name(&self) -> &'static str {
        "accuracy"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let [n, h, w, c] = inputs[0].0;
        let an_image = Shape([n, 1, 1, 1]);
        if h * w != 1 || c == 0 || inputs[1..4].iter().any(|s| *s != an_image) {
            return Err("logits n×1×1×classes; labels, losses and weights n×1×1×1".into());
        }
        Ok(Vec::new())
    }

    fn updates(&self) -> Vec<usize> {
        vec![4]
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let x = cx.inputs[0];
        let parts = splits(cx.limits, x.n(), x.c4(), 8).min(32);
        let ranks = cx.scratch(x.n() * parts);
        let rows = PartialSums::new(cx, 1, x.n(), 2);
        for images in cx.image_ranges(&[In(0), In(1), In(2), In(3)], x.count()) {
            let params = [images.len(), x.c4(), x.c(), parts, images.start];
            cx.push(
                Dispatch::new(FILE, "accuracy_part")
                    .params(&params)
                    .bind(cx.images(In(0), &images))
                    .bind(cx.images(In(1), &images))
                    .bind(ranks.touching(images.len() * parts))
                    .threads(images.len() * parts)
                    .work(images.len() * x.c()),
            );
            cx.push(
                Dispatch::new(FILE, "accuracy_image")
                    .params(&params)
                    .bind(ranks.touching(images.len() * parts))
                    .bind(cx.images(In(2), &images))
                    .bind(cx.images(In(3), &images))
                    .bind(rows.slot.touching(images.len() * 2))
                    .threads(images.len()),
            );
        }
        let left = rows.reduced(cx);
        cx.push(
            Dispatch::new(FILE, "accuracy")
                .params(&[left.rows])
                .bind(left.slot)
                .bind(In(4))
                .threads(2),
        );
    }
}
