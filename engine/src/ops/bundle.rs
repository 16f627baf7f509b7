//! Weights of narrow groups, side by side in groups of a multiple of four channels, so that one kernel reads all
//! widths as `vec4`s. Kernels: `shaders/ops/bundle.wgsl`. Test: `tests/ops/bundle.rs`.

use crate::{Dispatch, Graph, In, LaunchContext, Meaning, Op, Out, Result, Shape, Value};

/// Puts `count` neighbouring groups' weights into one block-diagonal group: `[k, k, cin, cout]` to
/// `[k, k, count × cin, cout]`, zero where a channel of one group meets another's. `group_out` is the number of
/// output channels of a group before.
///
/// # Errors
///
/// None of its own.
pub(crate) fn bundle(
    g: &mut Graph,
    weight: Value,
    count: usize,
    group_out: usize,
) -> Result<Value> {
    g.apply_one(Bundle { count, group_out }, &[weight])
}

#[derive(Clone, Copy, Debug)]
struct Bundle {
    count: usize,
    group_out: usize,
}

impl Bundle {
    fn dispatch(self, entry: &'static str, weight: Shape, threads: usize) -> Dispatch {
        let [kh, kw, cin, cout] = weight.0;
        Dispatch::new("ops/bundle", entry)
            .params(&[
                kh * kw,
                cin,
                self.count * cin,
                self.group_out,
                self.count * self.group_out,
                weight.c4(),
                cout,
            ])
            .bind(In(0))
            .bind(Out(0))
            .threads(threads)
    }
}

impl Op for Bundle {
    fn name(&self) -> &'static str {
        "bundle"
    }

    fn meaning(&self) -> Meaning {
        let Self { count, group_out } = *self;
        Meaning::Bundle { count, group_out }
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let [kh, kw, cin, cout] = inputs[0].0;
        Ok(vec![Shape([kh, kw, self.count * cin, cout])])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        cx.push(self.dispatch("bundle", cx.inputs[0], cx.outputs[0].vec4s()));
    }

    fn backward(
        &self,
        g: &mut Graph,
        _: &[Value],
        _: &[Value],
        dys: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>> {
        Ok(vec![
            dys[0]
                .map(|dy| g.apply_one(Gradient(*self), &[dy]))
                .transpose()?,
        ])
    }
}

/// The true blocks of the bundled weight's gradient.
#[derive(Debug)]
struct Gradient(Bundle);

impl Op for Gradient {
    fn name(&self) -> &'static str {
        "bundle_grad"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        let [kh, kw, rows, cout] = inputs[0].0;
        Ok(vec![Shape([kh, kw, rows / self.0.count, cout])])
    }

    fn launch(&self, cx: &mut LaunchContext) {
        cx.push(
            self.0
                .dispatch("bundle_grad", cx.outputs[0], cx.outputs[0].vec4s()),
        );
    }
}
