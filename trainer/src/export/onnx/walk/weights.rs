//! The parameters and running statistics that nodes read.

use triaxis_engine::{Kind, Layout, Meaning, Node, Value};

use super::super::fold::Norm;
use super::{Walk, unknown};
use crate::checkpoint::NamedTensor;
use crate::drawing::maker;
use crate::error::{Error, Result};

impl<'a> Walk<'a> {
    /// The weight of a convolution as it was before the kernels' order.
    pub(super) fn weight(&self, node: &Node) -> Result<(Layout, &'a NamedTensor)> {
        let g = &self.drawing.graph;
        let mut value = node.inputs[1];
        if let Some((id, Meaning::Bundle { .. })) = maker(g, value) {
            value = g.node(id).inputs[0];
        }
        match g.kind(value) {
            Kind::Parameter(i) => Ok((g.parameters()[*i].options.layout, self.vector(value)?)),
            _ => Err(unknown(node)),
        }
    }

    /// A parameter or running statistic.
    pub(super) fn vector(&self, value: Value) -> Result<&'a NamedTensor> {
        let name = self.drawing.graph.name(value);
        self.weights.get(name).copied().ok_or_else(|| {
            Error::config(
                name,
                "it is computed, expected a parameter",
                "Export networks whose layers read parameters",
            )
        })
    }

    /// The parameters and statistics of a batch norm, with their names.
    pub(super) fn norm(&self, node: &Node) -> Result<([String; 4], Norm<'a>)> {
        let g = &self.drawing.graph;
        let Some((id, Meaning::BatchNormCoefficients { eps })) = maker(g, node.inputs[1]) else {
            return Err(unknown(node));
        };
        let [gamma, beta, mean, variance] = g.node(id).inputs[..] else {
            return Err(unknown(node));
        };
        let vectors = [gamma, beta, mean, variance].map(|value| self.vector(value));
        let [gamma, beta, mean, variance] = vectors;
        let (gamma, beta, mean, variance) = (gamma?, beta?, mean?, variance?);
        let names = [gamma, beta, mean, variance].map(|t| t.name.clone());
        let norm = Norm {
            gamma: &gamma.data,
            beta: &beta.data,
            mean: &mean.data,
            variance: &variance.data,
            eps,
        };
        Ok((names, norm))
    }
}
