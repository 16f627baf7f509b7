//! What layers are called: as PyTorch calls them, as far as the file tells.

use std::collections::HashSet;

use super::message::Node;

/// Longest path of a layer before a number is added, in bytes.
const LONGEST: usize = 200;

/// The names of parameters that are given.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: HashSet<String>,
    /// Layers so far, for those that have no name.
    count: usize,
}

impl Names {
    /// The path of a layer without parameters: its node's scope. Empty for a node outside of all.
    pub(super) fn scope(&mut self, node: &Node<'_>) -> String {
        self.count += 1;
        path(node).unwrap_or_else(|| self.numbered(node))
    }

    /// The path of a layer whose tensors are called by these ends: what stands before `.weight` or `.bias` in the name of its
    /// first tensor, else its node's scope. No two layers get the same tensors.
    pub(super) fn layer(&mut self, node: &Node<'_>, tensor: &str, ends: &[&str]) -> String {
        self.count += 1;
        let of_tensor = [".weight", ".bias"]
            .iter()
            .find_map(|end| tensor.strip_suffix(end));
        let of_tensor = of_tensor.map(sane).filter(|name| !name.is_empty());
        let of_node = || path(node).filter(|name| !name.is_empty());
        let name = of_tensor
            .or_else(of_node)
            .unwrap_or_else(|| self.numbered(node));
        let full = |name: &str| -> Vec<String> {
            ends.iter().map(|end| format!("{name}.{end}")).collect()
        };
        let is_free = |name: &String| full(name).iter().all(|name| !self.taken.contains(name));
        let numbered = (2..).map(|i| format!("{name}_{i}"));
        let mut names = std::iter::once(name.clone()).chain(numbered);
        let free = names
            .find(is_free)
            .expect("there are more numbers than names");
        self.taken.extend(full(&free));
        free
    }

    fn numbered(&self, node: &Node<'_>) -> String {
        format!("{}_{}", sane(&node.op.to_lowercase()), self.count)
    }
}

/// The scope that a node's name tells: PyTorch's `/layer1/layer1.0/conv1/Conv` and our `layer1.0.conv1/Conv` are
/// `layer1.0.conv1`, `Conv` is in none. Nothing for a node without a name.
fn path(node: &Node<'_>) -> Option<String> {
    let mut parts: Vec<&str> = node
        .name
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    let last = *parts.last()?;
    // The operator, and its number where the scope has several.
    let number = last
        .strip_prefix(node.op)
        .map(|rest| rest.strip_prefix('_').unwrap_or(rest));
    let is_operator = number.is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()));
    if is_operator && (parts.len() > 1 || last == node.op) {
        parts.pop();
    }
    let mut path = String::new();
    let mut before = "";
    for part in parts {
        // A child of a list repeats the list's name: `layer1/layer1.0`.
        let child = part
            .strip_prefix(before)
            .and_then(|rest| rest.strip_prefix('.'));
        match child {
            Some(child) if !before.is_empty() => {
                path += ".";
                path += child;
            }
            _ if path.is_empty() => path += part,
            _ => {
                path += ".";
                path += part;
            }
        }
        before = part;
    }
    Some(sane(&path))
}

/// The name with nothing in it but letters, digits, `_`, `-` and single dots.
fn sane(name: &str) -> String {
    let plain = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' => c,
        _ => '_',
    };
    let plain: String = name.chars().take(LONGEST).map(plain).collect();
    let parts: Vec<&str> = plain.split('.').filter(|part| !part.is_empty()).collect();
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node<'a>(name: &'a str, op: &'a str) -> Node<'a> {
        Node {
            name,
            op,
            ..Node::default()
        }
    }

    #[test]
    fn scopes_are_those_of_the_program_that_exported() {
        for (name, op, expected) in [
            ("/conv1/Conv", "Conv", "conv1"),
            ("/layer1/layer1.0/bn1/Relu_1", "Relu", "layer1.0.bn1"),
            (
                "/features/features.1/block/block.0/block.0.2/Sigmoid",
                "Sigmoid",
                "features.1.block.0.2",
            ),
            ("layer1.0.conv1/Conv", "Conv", "layer1.0.conv1"),
            ("GlobalAveragePool", "GlobalAveragePool", ""),
            ("/Flatten", "Flatten", ""),
            ("Conv_12", "Conv", "Conv_12"),
            (
                "model/conv 1:x/convolution",
                "Conv",
                "model.conv_1_x.convolution",
            ),
            ("", "Relu", "relu_1"),
            ("..//../é", "Relu", "_"),
        ] {
            let found = Names::default().scope(&node(name, op));
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn no_two_layers_have_the_same_tensors() {
        let mut names = Names::default();
        let conv = node("/stem/Conv", "Conv");
        assert_eq!(names.layer(&conv, "conv1.weight", &["weight"]), "conv1");
        assert_eq!(names.layer(&conv, "conv1.weight", &["bias"]), "conv1");
        let both = ["weight", "bias"];
        assert_eq!(names.layer(&conv, "conv1.weight", &both), "conv1_2");
        assert_eq!(names.layer(&conv, "onnx::Conv_497", &both), "stem");
        assert_eq!(names.layer(&conv, ".weight", &both), "stem_2");
        let nameless = node("", "Gemm");
        assert_eq!(names.layer(&nameless, "", &both), "gemm_6");
        let long = "x".repeat(10_000);
        assert_eq!(
            names.layer(&nameless, &(long + ".weight"), &both).len(),
            LONGEST
        );
    }
}
