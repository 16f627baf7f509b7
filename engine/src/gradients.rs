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

    fn index(&self, x: Value) -> &Value {
        &self.of[&x]
    }
}

/// Extends `g` with the gradient of every value that `y` depends on, from `dy`, the gradient of `y`.
///
/// The chain rule, last node first: each operator adds the nodes of its own gradient, and a value read twice has its
/// two gradients added.
///
/// # Errors
///
/// [`Error::NotDifferentiable`] where an operator on the way has no gradient.
pub fn gradients(g: &mut Graph, y: Value, dy: Value) -> Result<Gradients> {
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
