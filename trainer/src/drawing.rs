//! A network's drawing for evaluation, from images to logits.

use std::collections::HashMap;
use std::path::Path;

use triaxis_engine::{
    Arena, Error as EngineError, Gpu, Graph, Inference, InferenceOptions, Kind, Meaning, Mode,
    NodeId, Plan, Value,
};
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

/// How the names of the classifier's parameters begin: it is the layer that makes the logits.
pub(crate) fn head(g: &Graph, logits: Value) -> String {
    match g.kind(logits) {
        Kind::Output(node) => format!("{}.", g.node(*node).scope),
        _ => String::new(),
    }
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

    /// Compiles what the values in `keep` need, as [`Inference`] fuses it, with `weights` that are as expected.
    pub(crate) fn fused(
        &self,
        gpu: &Gpu,
        keep: &[Value],
        weights: &[NamedTensor],
    ) -> Result<Fused> {
        let inference = Inference::new(&self.graph, keep, &InferenceOptions::default())?;
        let Some(images) = inference.value(self.images) else {
            return Err(Error::config(
                self.graph.name(keep[0]),
                "it does not depend on the picture",
                "Give a layer that does",
            ));
        };
        let plan = compiled(gpu, &inference.graph, &inference.keep)?;
        let named: HashMap<&str, &NamedTensor> =
            weights.iter().map(|t| (t.name.as_str(), t)).collect();
        inference.load(&plan, |name| named.get(name).map(|t| t.data.clone()))?;
        Ok(Fused {
            plan,
            images,
            kept: inference.keep,
        })
    }

    /// The node that makes `value`, and what it computes.
    pub(crate) fn maker(&self, value: Value) -> Option<(NodeId, Meaning)> {
        maker(&self.graph, value)
    }
}

/// A plan for inference with its weights.
#[derive(Debug)]
pub(crate) struct Fused {
    pub(crate) plan: Plan,
    /// `[n, r, r, 3]`, normalised.
    pub(crate) images: Value,
    /// What was to be kept, in that order.
    pub(crate) kept: Vec<Value>,
}

/// The node that makes `value`, and what it computes; none for inputs and parameters.
pub(crate) fn maker(g: &Graph, value: Value) -> Option<(NodeId, Meaning)> {
    match *g.kind(value) {
        triaxis_engine::Kind::Output(id) => Some((id, g.node(id).op.meaning())),
        _ => None,
    }
}

/// The plan of an evaluation.
///
/// # Errors
///
/// Those of [`Plan::compile`]; where memory is missing, with what takes less.
pub(crate) fn compiled(gpu: &Gpu, graph: &Graph, keep: &[Value]) -> Result<Plan> {
    Plan::compile(gpu, graph, keep).map_err(|error| match error {
        EngineError::OutOfMemory { .. } => Error::Memory {
            source: error,
            help: "Use a smaller --batch-size, where there is one, or a smaller --img-size".into(),
        },
        other => other.into(),
    })
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
