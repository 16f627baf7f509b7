//! Nodes and tensors of a file, each under a name of its own.

use std::collections::HashSet;

use super::proto::{Attribute, FLOAT, Graph, Node, Tensor, ValueInfo};

/// A graph in the making.
#[derive(Default)]
pub(super) struct Builder {
    nodes: Vec<Node>,
    tensors: Vec<Tensor>,
    taken: HashSet<String>,
}

impl Builder {
    /// An empty graph in which the names in `taken` are not given again.
    pub(super) fn new(taken: &[&str]) -> Self {
        Self {
            taken: taken.iter().map(|&name| name.into()).collect(),
            ..Self::default()
        }
    }

    /// Adds an operator of one output, in the scope of our node; returns the output's name, which is the node's, too.
    pub(super) fn node(
        &mut self,
        scope: &str,
        operator: &str,
        inputs: &[&str],
        attributes: Vec<Attribute>,
    ) -> String {
        let name = self.free(&match scope {
            "" => operator.into(),
            _ => format!("{scope}/{operator}"),
        });
        self.nodes.push(Node {
            input: inputs.iter().map(|&input| input.into()).collect(),
            output: vec![name.clone()],
            name: Some(name.clone()),
            op_type: Some(operator.into()),
            attribute: attributes,
        });
        name
    }

    /// Adds a tensor, or finds it: one that is read twice is stored once. Returns its name in the file.
    pub(super) fn tensor(&mut self, name: &str, sides: &[usize], data: &[f32]) -> String {
        let mut tensor = Tensor {
            dims: sides.iter().map(|&side| side as i64).collect(),
            data_type: Some(FLOAT),
            name: Some(name.into()),
            raw_data: Some(data.iter().flat_map(|x| x.to_le_bytes()).collect()),
        };
        if self.tensors.contains(&tensor) {
            return name.into();
        }
        let name = self.free(name);
        tensor.name = Some(name.clone());
        self.tensors.push(tensor);
        name
    }

    /// Gives what is called `from` the name `to`, wherever it is made and read.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        for node in &mut self.nodes {
            let names = node.input.iter_mut().chain(&mut node.output);
            names
                .filter(|name| *name == from)
                .for_each(|name| *name = to.into());
        }
    }

    /// The graph, from one input to one output.
    pub(super) fn graph(self, name: &str, input: ValueInfo, output: ValueInfo) -> Graph {
        Graph {
            node: self.nodes,
            name: Some(name.into()),
            initializer: self.tensors,
            input: vec![input],
            output: vec![output],
        }
    }

    /// The name, or with a number behind it the first that is not taken.
    fn free(&mut self, name: &str) -> String {
        let numbered = (2..).map(|i| format!("{name}_{i}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        let free = names
            .find(|name| !self.taken.contains(name))
            .expect("there are more numbers than names");
        self.taken.insert(free.clone());
        free
    }
}
