//! A network's drawing for evaluation, from images to logits.

use std::path::Path;

use triaxis_engine::{Arena, Graph, Meaning, Mode, NodeId, Plan, Value};
use triaxis_models::Model;

use crate::checkpoint::{NamedTensor, compare};
use crate::error::{Error, Result};

/// The graph of an evaluation, with what goes in and what comes out.
#[derive(Clone, Debug)]
pub(crate) struct Drawing {
    pub(crate) graph: Graph,
    /// `[n, r, r, 3]`, normalised.
    pub(crate) images: Value,
    /// `[n, 1, 1, classes]`.
    pub(crate) logits: Value,
}

impl Drawing {
    /// Draws a network for a batch of `images`, at its own resolution.
    pub(crate) fn of(model: &dyn Model, images: usize) -> Result<Self> {
        let mut graph = Graph::new(Mode::Evaluate);
        let side = model.resolution();
        let images = graph.input("images", [images, side, side, 3]);
        let logits = model.forward(&mut graph, images)?;
        Ok(Self {
            graph,
            images,
            logits,
        })
    }

    /// Name and shape in files of every parameter and running statistic.
    pub(crate) fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let g = &self.graph;
        let parameters = g.parameters().iter().map(|p| {
            let shape = p.options.layout.file_shape(g.shape(p.value));
            (p.name.clone(), shape)
        });
        let buffers = g.buffers().iter();
        let buffers = buffers.map(|b| (b.name.clone(), vec![g.shape(b.value).count()]));
        parameters.chain(buffers).collect()
    }

    /// Checks that `weights` are all of the network's parameters and running statistics, in their shapes.
    pub(crate) fn expect(&self, model: &dyn Model, weights: &[NamedTensor]) -> Result<()> {
        compare(&self.tensors(), weights).map_err(|mismatch| Error::Mismatch {
            path: Path::new(model.name()).into(),
            mismatch,
        })
    }

    /// The node that makes `value`, and what it computes.
    pub(crate) fn maker(&self, value: Value) -> Option<(NodeId, Meaning)> {
        maker(&self.graph, value)
    }
}

/// The node that makes `value`, and what it computes; none for inputs and parameters.
pub(crate) fn maker(g: &Graph, value: Value) -> Option<(NodeId, Meaning)> {
    match *g.kind(value) {
        triaxis_engine::Kind::Output(id) => Some((id, g.node(id).op.meaning())),
        _ => None,
    }
}

/// Writes weights into a plan of their network.
pub(crate) fn write(plan: &Plan, weights: &[NamedTensor]) -> Result<()> {
    for NamedTensor { name, data, .. } in weights {
        if !plan.import(&Arena::Parameters, name, data)? {
            plan.import(&Arena::Buffers, name, data)?;
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Weights in the network's shapes, no two tensors alike.
    pub(crate) fn weights(model: &dyn Model) -> Vec<NamedTensor> {
        let tensors = Drawing::of(model, 1).unwrap().tensors();
        let tensor = |(i, (name, shape)): (usize, (String, Vec<usize>))| NamedTensor {
            name,
            data: vec![0.5 + i as f32 / 1024.0; shape.iter().product()],
            shape,
        };
        tensors.into_iter().enumerate().map(tensor).collect()
    }
}
