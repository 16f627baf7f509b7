//! The sum of two tensors. Kernel: `shaders/ops/add.wgsl`. Test: `tests/ops/add.rs`.

use std::sync::Arc;

use super::entry::Entry;
use super::same_shape;
use crate::{
    Dispatch, Graph, Halves, In, LaunchContext, Meaning, Op, Out, Reading, Result, Shape, Value,
};

/// Adds `a` and `b`, both `[n, h, w, c]`: a residual, or two gradients of one value.
///
/// # Errors
///
/// [`crate::Error::Shape`] where the shapes differ.
pub fn add(g: &mut Graph, a: Value, b: Value) -> Result<Value> {
    g.apply_one(Add::default(), &[a, b])
}

#[derive(Clone, Copy, Debug, Default)]
struct Add {
    /// The summand of which something is made as it is read, 0 or 1.
    entered: usize,
    /// What is made of it.
    entry: Entry,
}

impl Op for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn halves(&self) -> Halves {
        Halves::alike(&[0, 1])
    }

    fn meaning(&self) -> Meaning {
        Meaning::Add
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![same_shape(inputs)?])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        for images in cx.image_ranges(&[In(0)], 0) {
            let x = cx.inputs[0].with_n(images.len());
            let dispatch = self
                .entry
                .link(Dispatch::new("ops/add", "add"))
                .params(&[x.vec4s(), x.c4()])
                .bind(cx.images(In(self.entered), &images))
                .bind(cx.images(In(1 - self.entered), &images))
                .bind(cx.images(Out(0), &images))
                .threads(x.vec4s());
            cx.push(self.entry.bind(dispatch));
        }
    }

    fn reading(&self, input: usize, reading: Reading, appended: usize) -> Option<Arc<dyn Op>> {
        let entry = self.entry.reading(reading, appended)?;
        Some(Arc::new(Self {
            entered: input,
            entry,
        }))
    }

    fn backward(
        &self,
        _: &mut Graph,
        _: &[Value],
        _: &[Value],
        dys: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>> {
        Ok(vec![dys[0], dys[0]])
    }
}
