use std::collections::HashMap;
use std::ops::Index;

use crate::{Error, Graph, Result, Value, ops};

/// The gradient of each value that was reached, as values of the same graph.
#[derive(Clone, Debug, Default)]
pub struct Gradients {
    of: HashMap<Value, Value>,
    pub(crate) scale: Option<Value>,
}

impl Gradients {
    /// The gradient of `x`, if the chain rule reached it.
    pub fn get(&self, x: Value) -> Option<Value> {
        self.of.get(&x).copied()
    }

    /// Says that they are those of a loss times `scale`, one number: its gradient was `scale` instead of 1. Optimizers
    /// unscale them.
    pub fn scaled_by(self, scale: Value) -> Self {
        Self {
            scale: Some(scale),
            ..self
        }
    }
}

impl Index<Value> for Gradients {
    type Output = Value;

    /// The gradient of `x`.
    ///
    /// # Panics
    ///
    /// Where the chain rule did not reach `x`: [`Gradients::get`] says so.
    fn index(&self, x: Value) -> &Value {
        self.of
            .get(&x)
            .expect("the chain rule reached the value: `Gradients::get` says whether it did")
    }
}

/// Extends `g` with the gradient of every value that `y` depends on, from `dy`, the gradient of `y`.
///
/// The chain rule, last node first: each operator adds the nodes of its own gradient, and a value read twice has its
/// two gradients added.
///
/// # Errors
///
/// [`Error::Shape`] where `dy` has not the shape of `y`, [`Error::Graph`] where it has not its format;
/// [`Error::NotDifferentiable`] where an operator on the way has no gradient.
pub fn gradients(g: &mut Graph, y: Value, dy: Value) -> Result<Gradients> {
    expect_alike(g, y, dy)?;
    let turn = g.nodes().count();
    g.turn.get_or_insert(turn);
    let mut grads = HashMap::from([(y, dy)]);
    for id in g.nodes().rev() {
        let node = g.node(id).clone();
        let dys: Vec<Option<Value>> = node.outputs.iter().map(|y| grads.get(y).copied()).collect();
        if dys.iter().all(Option::is_none) {
            continue;
        }
        let dxs = g.within(&node.scope, |g| {
            node.op.backward(g, &node.inputs, &node.outputs, &dys)
        })?;
        if dxs.is_empty() {
            return Err(Error::NotDifferentiable { node: node.path() });
        }
        for (&x, dx) in node.inputs.iter().zip(dxs) {
            let Some(dx) = dx else { continue };
            let sum = match grads.get(&x) {
                Some(&other) => g.within(&node.scope, |g| ops::add(g, other, dx))?,
                None => dx,
            };
            grads.insert(x, sum);
        }
    }
    Ok(Gradients {
        of: grads,
        scale: None,
    })
}

/// Kernels read `dy` by the sizes of `y`, without bounds checks.
fn expect_alike(g: &Graph, y: Value, dy: Value) -> Result<()> {
    let [shape, got] = [y, dy].map(|value| g.shape(value));
    if shape != got {
        return Err(Error::Shape {
            node: format!("the gradient of {}", g.name(y)),
            expected: format!("the shape of what it is the gradient of, {shape}"),
            got: vec![got],
        });
    }
    let [dtype, got] = [y, dy].map(|value| g.dtype(value));
    match dtype == got {
        true => Ok(()),
        false => Err(Error::Graph(format!(
            "the gradient {} of {} is stored as {got:?}, expected {dtype:?} as what it is the gradient of",
            g.name(dy),
            g.name(y)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, Mode};

    #[test]
    fn a_gradient_of_another_shape_or_format_than_its_value_is_refused() {
        let mut g = Graph::new(Mode::Train);
        let x = g.input("x", [2, 3, 3, 4]);
        let y = ops::activation(&mut g, x, ops::Activation::Silu).unwrap();
        let (small, nodes) = (g.input("small", [1, 3, 3, 4]), g.nodes().count());
        let error = gradients(&mut g, y, small).unwrap_err();
        assert!(matches!(error, Error::Shape { .. }), "{error:?}");
        assert_eq!(
            error.to_string(),
            "the gradient of activation expects the shape of what it is the gradient of, 2×3×3×4, got 1×3×3×4"
        );
        let bytes = g.input_of("bytes", [2, 3, 3, 4], DType::U8);
        let error = gradients(&mut g, y, bytes).unwrap_err().to_string();
        assert!(error.contains("is stored as U8, expected F32"), "{error}");
        assert_eq!(g.nodes().count(), nodes);
        let dy = g.input("dy", [2, 3, 3, 4]);
        assert!(gradients(&mut g, y, dy).unwrap().get(x).is_some());
    }
}
