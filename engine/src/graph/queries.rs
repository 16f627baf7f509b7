//! What a graph is asked: its tensors, its nodes, and what they cost.

use super::{Buffer, Complexity, Graph, Kind, Mode, Node, NodeId, Parameter, Value};
use crate::{Cost, DType, Shape};

impl Graph {
    /// What the graph is for.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether `value` is a parameter that is trained.
    ///
    /// # Panics
    ///
    /// For a value of another graph, where this one has fewer.
    pub fn trains(&self, value: Value) -> bool {
        matches!(*self.kind(value), Kind::Parameter(i) if self.parameters[i].options.trainable)
    }

    /// The path of what is added now.
    pub fn path(&self) -> &str {
        &self.scope
    }

    /// A value's shape.
    ///
    /// # Panics
    ///
    /// For a value of another graph, where this one has fewer.
    pub fn shape(&self, value: Value) -> Shape {
        self.values[value.0].shape
    }

    /// A value's format.
    ///
    /// # Panics
    ///
    /// For a value of another graph, where this one has fewer.
    pub fn dtype(&self, value: Value) -> DType {
        self.values[value.0].dtype
    }

    /// The bytes that a value takes, its channels filled up to a multiple of four.
    ///
    /// # Panics
    ///
    /// For a value of another graph, where this one has fewer.
    pub fn bytes(&self, value: Value) -> u64 {
        (self.shape(value).vec4s() * self.dtype(value).vec4_bytes()) as u64
    }

    /// Where a value comes from.
    ///
    /// # Panics
    ///
    /// For a value of another graph, where this one has fewer.
    pub fn kind(&self, value: Value) -> &Kind {
        &self.values[value.0].kind
    }

    /// A value's name: of a computed one, its node's path.
    ///
    /// # Panics
    ///
    /// For a value of another graph, where this one has fewer.
    pub fn name(&self, value: Value) -> &str {
        &self.values[value.0].name
    }

    /// All values, in the order of their making.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = Value> + use<> {
        (0..self.values.len()).map(Value)
    }

    /// All nodes, in running order.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId)
    }

    /// One node.
    ///
    /// # Panics
    ///
    /// For a node of another graph, where this one has fewer.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// The parameters, in the order of their drawing.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The running statistics, in the order of their drawing.
    pub fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    /// The values of [`Graph::state`], in the order of their making.
    pub fn states(&self) -> impl Iterator<Item = Value> {
        self.values()
            .filter(|&v| matches!(self.kind(v), Kind::State(_)))
    }

    /// A parameter or buffer by its name.
    pub fn find(&self, name: &str) -> Option<Value> {
        self.names.get(name).copied()
    }

    /// Sums the costs of all nodes and the sizes of all parameters.
    pub fn complexity(&self) -> Complexity {
        let mut sum = Complexity::default();
        for node in &self.nodes {
            let Cost { flops, acts } = self.cost(node);
            sum.flops += flops;
            sum.acts += acts;
        }
        sum.params = self
            .parameters
            .iter()
            .map(|p| p.options.layout.file_count(self.shape(p.value)) as u64)
            .sum();
        sum
    }

    /// What a node costs.
    ///
    /// # Panics
    ///
    /// For a node of another graph, where this one has fewer values.
    pub fn cost(&self, node: &Node) -> Cost {
        let shapes: Vec<Shape> = node.inputs.iter().map(|&x| self.shape(x)).collect();
        node.op.cost(&shapes)
    }
}
