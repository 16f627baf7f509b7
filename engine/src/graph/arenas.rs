//! Parameters, gradients, momenta and averages lie together, at equal offsets: an update is a dispatch or two.

use std::collections::HashSet;
use std::ops::Range;

use super::{Graph, Kind, Node, Parameter, ParameterOptions, Value};
use crate::{DType, Error, Result, Shape};

/// Parameters, and what goes with each of them at the same place, lie together in one buffer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Arena {
    /// The parameters.
    Parameters,
    /// Their gradients.
    Gradients,
    /// Running statistics.
    Buffers,
    /// A number for each parameter: momentum, an average.
    OfParameters(&'static str),
    /// A number for each running statistic: an average.
    OfBuffers(&'static str),
}

impl Arena {
    /// Running statistics as they were after the last step that was taken.
    pub(crate) const KEPT: Self = Self::OfBuffers("kept");
}

impl Graph {
    /// A whole arena as one vector; from now on no parameter or buffer can be added.
    pub fn arena(&mut self, arena: Arena) -> Value {
        self.sealed = true;
        let count = match arena {
            Arena::Parameters | Arena::Gradients | Arena::OfParameters(_) => {
                self.parameter_offsets().1
            }
            Arena::Buffers | Arena::OfBuffers(_) => self.buffer_offsets().1,
        };
        let known =
            (0..self.values.len()).find(|&i| self.values[i].kind == Kind::Arena(arena.clone()));
        match known {
            Some(i) => Value(i),
            None => self.value(
                format!("{arena:?}"),
                Shape::vector(count),
                DType::F32,
                Kind::Arena(arena),
            ),
        }
    }

    /// As [`Graph::arena`], begun with `first` instead of zero by [`crate::Plan::initialise`].
    pub fn arena_from(&mut self, arena: Arena, first: f32) -> Value {
        self.arena_firsts.insert(arena.clone(), first);
        self.arena(arena)
    }

    /// Puts each trainable parameter's gradient into [`Arena::Gradients`], where an optimizer reads them all at once;
    /// those that lie there already stay.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] for a trainable parameter that the loss does not depend on.
    pub fn pin_gradients(&mut self, gradients: &crate::Gradients) -> Result<()> {
        let mut pins = Vec::new();
        let done: HashSet<usize> = self.pinned.values().copied().collect();
        for (i, p) in self.parameters.iter().enumerate() {
            match gradients.get(p.value) {
                _ if !p.options.trainable || done.contains(&i) => {}
                Some(dx) => pins.push((i, dx)),
                None => {
                    return Err(Error::Graph(format!(
                        "the loss does not depend on the parameter {}: remove or freeze it",
                        p.name
                    )));
                }
            }
        }
        let pinned: HashSet<Value> = pins.iter().map(|&(_, dx)| dx).collect();
        let writes_gradients = |node: &Node| node.outputs.iter().any(|v| pinned.contains(v));
        // No kernel may read one part of the arena while it writes another.
        let read: HashSet<Value> = (self.nodes.iter())
            .filter(|node| writes_gradients(node))
            .flat_map(|node| node.inputs.iter().copied())
            .collect();
        for &(i, dx) in &pins {
            let shape = self.shape(self.parameters[i].value);
            let computed = matches!(self.kind(dx), Kind::Output(_)) && self.shape(dx) == shape;
            let shared = pins.iter().filter(|&&(_, other)| other == dx).count() > 1;
            // One that another gradient is made of stays where it is, and a copy is pinned.
            let own = if computed && !shared && !read.contains(&dx) {
                dx
            } else {
                crate::ops::scale(self, dx, 1.0)?
            };
            self.pinned.insert(own, i);
        }
        self.gradient_scale = gradients.scale;
        Ok(())
    }

    /// Where each parameter begins in its arenas, in numbers, and the arenas' length: decayed ones first, then
    /// undecayed, then frozen; those of one rate lie together.
    pub(crate) fn parameter_offsets(&self) -> (Vec<usize>, usize) {
        self.offsets(
            self.arena_order()
                .into_iter()
                .map(|i| (i, self.parameters[i].value)),
            self.parameters.len(),
        )
    }

    /// The parameters in the order of their arenas.
    fn arena_order(&self) -> Vec<usize> {
        let group = |p: &Parameter| match (p.options.trainable, p.options.decay) {
            (true, true) => 0,
            (true, false) => 1,
            (false, _) => 2,
        };
        let mut order: Vec<usize> = (0..self.parameters.len()).collect();
        // Rates are above 0, where the order of bits is that of numbers.
        order.sort_by_key(|&i| {
            let p = &self.parameters[i];
            (group(p), p.options.rate.to_bits())
        });
        order
    }

    /// The trained parts of the parameters' arenas, in numbers, in order: each with whether it decays and what its rate
    /// is multiplied by.
    pub(crate) fn update_groups(&self) -> Vec<(Range<usize>, bool, f32)> {
        let offsets = self.parameter_offsets().0;
        let mut groups: Vec<(Range<usize>, bool, f32)> = Vec::new();
        for i in self.arena_order() {
            let ParameterOptions {
                trainable,
                decay,
                rate,
                ..
            } = self.parameters[i].options;
            if !trainable {
                continue;
            }
            let end = offsets[i] + aligned(self.shape(self.parameters[i].value));
            match groups.last_mut() {
                Some((range, d, r)) if *d == decay && *r == rate => range.end = end,
                _ => groups.push((offsets[i]..end, decay, rate)),
            }
        }
        groups
    }

    /// The parts of the parameters' arenas that are decayed and that are updated without decay, in numbers.
    pub fn decay_ranges(&self) -> [Range<usize>; 2] {
        let (offsets, _) = self.parameter_offsets();
        let end = |wanted: fn(&ParameterOptions) -> bool| {
            let of = |(p, &at): (&Parameter, &usize)| {
                wanted(&p.options).then(|| at + aligned(self.shape(p.value)))
            };
            self.parameters
                .iter()
                .zip(&offsets)
                .filter_map(of)
                .max()
                .unwrap_or(0)
        };
        let decayed = end(|o| o.trainable && o.decay);
        [0..decayed, decayed..end(|o| o.trainable).max(decayed)]
    }

    pub(crate) fn buffer_offsets(&self) -> (Vec<usize>, usize) {
        self.offsets(
            self.buffers.iter().map(|b| b.value).enumerate(),
            self.buffers.len(),
        )
    }

    fn offsets(
        &self,
        order: impl Iterator<Item = (usize, Value)>,
        count: usize,
    ) -> (Vec<usize>, usize) {
        let (mut offsets, mut next) = (vec![0; count], 0);
        for (i, value) in order {
            offsets[i] = next;
            next += aligned(self.shape(value));
        }
        (offsets, next.max(64))
    }
}

/// Numbers that a tensor takes in an arena: every binding may then begin at a tensor, 256 bytes being the largest
/// alignment that WebGPU allows an adapter to ask for.
fn aligned(shape: Shape) -> usize {
    (shape.vec4s() * 4).next_multiple_of(64)
}

#[cfg(test)]
mod tests {
    use crate::ops::{self, BatchNorm, BatchNormInputs};
    use crate::{Graph, Init, Mode, ParameterOptions, Shape, gradients};

    #[test]
    fn the_gradients_of_a_batch_norm_are_made_where_optimizers_read_them() {
        let mut g = Graph::new(Mode::Train);
        let x = g.input("x", [2, 4, 4, 8]);
        let vector = Shape::vector(8);
        let mut parameter = |name| g.parameter(name, vector, ParameterOptions::default());
        let [shift, gamma, beta] = ["shift", "gamma", "beta"].map(|name| parameter(name).unwrap());
        let inputs = BatchNormInputs {
            gamma,
            beta,
            running_mean: g.buffer("mean", vector, Init::Constant(0.0)).unwrap(),
            running_var: g.buffer("var", vector, Init::Constant(1.0)).unwrap(),
        };
        let y = ops::bias(&mut g, x, shift).unwrap();
        let y = ops::batch_norm(&mut g, y, inputs, BatchNorm::default()).unwrap();
        let dy = g.input("dy", [2, 4, 4, 8]);
        let grads = gradients(&mut g, y, dy).unwrap();
        let nodes = g.nodes().count();
        g.pin_gradients(&grads).unwrap();
        // The gradient of the input is made of them, and nothing is copied for that.
        assert_eq!(g.nodes().count(), nodes);
        for p in [shift, gamma, beta] {
            assert!(g.pinned.contains_key(&grads[p]));
        }
    }
}
