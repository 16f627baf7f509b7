//! A batch of pictures out of a data set that lies in the device's memory. Kernels: `shaders/ops/gather.wgsl`. Test:
//! `tests/ops/gather.rs`.

use super::expect_dtype;
use crate::{Binding, DType, Dispatch, Graph, In, LaunchContext, Op, Out, Result, Shape, Value};

/// The pictures of `data`, bytes `[m, h, w, 3]`, that stand at `places` in it, whole numbers `[n, 1, 1, 1]`: bytes
/// `[n, h, w, 3]`. A place behind the data set is taken for its last picture.
///
/// The data set may be longer than a binding: a launch reads a part of it and writes the pictures that stand there.
///
/// # Errors
///
/// [`crate::Error::Shape`] where the shapes do not fit, [`crate::Error::Graph`] for data that is not [`DType::U8`] and places
/// that are not [`DType::U32`].
pub fn gather(g: &mut Graph, data: Value, places: Value) -> Result<Value> {
    expect_dtype(g, "gather", data, DType::U8)?;
    expect_dtype(g, "gather", places, DType::U32)?;
    g.apply_one(Gather, &[data, places])
}

#[derive(Debug)]
struct Gather;

impl Op for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn stores(&self) -> DType {
        DType::U8
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let n = inputs[1].n();
        if inputs[0].n() == 0 || inputs[0].c() != 3 || inputs[1] != Shape([n, 1, 1, 1]) {
            return Err("pictures of three channels, m×h×w×3, and their places, n×1×1×1".into());
        }
        Ok(vec![inputs[0].with_n(n)])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        let data = cx.inputs[0];
        let image = data.with_n(1).pixels();
        for pictures in cx.image_ranges(&[In(0)], 0) {
            for batch in cx.image_ranges(&[Out(0)], 0) {
                let pixels = batch.len() * image;
                cx.push(
                    Dispatch::new("ops/gather", "gather")
                        .params(&[pixels, image, batch.start])
                        .params(&[pictures.start, pictures.end, data.n() - 1])
                        .bind(Binding {
                            // Of each picture of the batch its share in this range.
                            touched: Some((pixels * pictures.len() / data.n()) as u64 * 4),
                            ..cx.images(In(0), &pictures)
                        })
                        .bind(In(1))
                        .bind(cx.images(Out(0), &batch))
                        .threads(pixels),
                );
            }
        }
    }

    fn backward(
        &self,
        _: &mut Graph,
        _: &[Value],
        _: &[Value],
        _: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>> {
        // Pictures are whole numbers.
        Ok(vec![None; 2])
    }
}
