//! The messages of an ONNX file (<https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>) as far as a network needs them. They
//! borrow the file's bytes; the numbers of tensors stay there until a layer asks for them (`tensor.rs`).

use super::tensor::Tensor;
use super::wire::{Fields, Value, push};

/// Most nodes and most tensors of a file: the largest classifiers have some thousand.
const MOST: usize = 1 << 16;
/// Most inputs, outputs or attributes of a node, and most versions or entries of metadata.
const MOST_OF_A_NODE: usize = 64;
/// Most numbers of an attribute.
const MOST_NUMBERS: usize = 1 << 10;
/// Most sides of a tensor.
pub(super) const MOST_SIDES: usize = 8;

/// What a message is read to, or what is wrong with it.
type Read<T> = Result<T, String>;

/// A whole file.
#[derive(Debug, Default)]
pub(super) struct Model<'a> {
    pub(super) producer: &'a str,
    pub(super) graph: Option<Graph<'a>>,
    /// The version of ONNX's own operators.
    pub(super) opset: Option<i64>,
    /// Words about the file, by key.
    pub(super) metadata: Vec<[&'a str; 2]>,
}

/// Nodes in running order, and the tensors that they begin with.
#[derive(Debug, Default)]
pub(super) struct Graph<'a> {
    pub(super) name: &'a str,
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) tensors: Vec<Tensor<'a>>,
    pub(super) inputs: Vec<ValueInfo<'a>>,
    pub(super) outputs: Vec<ValueInfo<'a>>,
}

/// An operator at its place.
#[derive(Debug, Default)]
pub(super) struct Node<'a> {
    /// Names; empty for an input that is left out.
    pub(super) inputs: Vec<&'a str>,
    pub(super) outputs: Vec<&'a str>,
    pub(super) name: &'a str,
    pub(super) op: &'a str,
    /// Empty for ONNX's own.
    pub(super) domain: &'a str,
    pub(super) attributes: Vec<Attribute<'a>>,
}

/// What an operator is told.
#[derive(Debug, Default)]
pub(super) struct Attribute<'a> {
    pub(super) name: &'a str,
    pub(super) float: Option<f32>,
    pub(super) int: Option<i64>,
    pub(super) text: Option<&'a [u8]>,
    pub(super) tensor: Option<Tensor<'a>>,
    pub(super) ints: Vec<i64>,
}

/// Name and type of an input or output.
#[derive(Debug, Default)]
pub(super) struct ValueInfo<'a> {
    pub(super) name: &'a str,
    /// How its numbers are stored.
    pub(super) format: Option<i64>,
    /// Its sides, where it has a shape; none for one that is free.
    pub(super) sides: Option<Vec<Option<usize>>>,
}

impl<'a> Model<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Read<Self> {
        let mut model = Self::default();
        for field in Fields(bytes) {
            match field? {
                (2, value) => model.producer = value.text()?,
                (7, value) => model.graph = Some(Graph::read(value.message()?)?),
                (8, value) => {
                    let [domain, version] = two(value.message()?)?;
                    let domain = domain.map_or(Ok(""), Value::text)?;
                    if matches!(domain, "" | "ai.onnx") {
                        model.opset = Some(version.map_or(Ok(0), Value::int)?);
                    }
                }
                (14, value) => {
                    let entry = two(value.message()?)?;
                    let [key, word] = entry.map(|part| part.map_or(Ok(""), Value::text));
                    push(&mut model.metadata, [key?, word?], MOST_OF_A_NODE)?;
                }
                _ => {}
            }
        }
        Ok(model)
    }
}

/// The fields 1 and 2 of a small message.
fn two(bytes: &[u8]) -> Read<[Option<Value<'_>>; 2]> {
    let mut found = [None; 2];
    for field in Fields(bytes) {
        match field? {
            (1, value) => found[0] = Some(value),
            (2, value) => found[1] = Some(value),
            _ => {}
        }
    }
    Ok(found)
}

impl<'a> Graph<'a> {
    fn read(bytes: &'a [u8]) -> Read<Self> {
        let mut graph = Self::default();
        for field in Fields(bytes) {
            match field? {
                (1, value) => push(&mut graph.nodes, Node::read(value.message()?)?, MOST)?,
                (2, value) => graph.name = value.text()?,
                (5, value) => push(&mut graph.tensors, Tensor::read(value.message()?)?, MOST)?,
                (11, value) => push(&mut graph.inputs, ValueInfo::read(value.message()?)?, MOST)?,
                (12, value) => push(&mut graph.outputs, ValueInfo::read(value.message()?)?, MOST)?,
                (15, _) => return Err("it has sparse tensors, expected dense ones".into()),
                _ => {}
            }
        }
        Ok(graph)
    }
}

impl<'a> Node<'a> {
    fn read(bytes: &'a [u8]) -> Read<Self> {
        let mut node = Self::default();
        for field in Fields(bytes) {
            match field? {
                (1, value) => push(&mut node.inputs, value.text()?, MOST_OF_A_NODE)?,
                (2, value) => push(&mut node.outputs, value.text()?, MOST_OF_A_NODE)?,
                (3, value) => node.name = value.text()?,
                (4, value) => node.op = value.text()?,
                (5, value) => {
                    let attribute = Attribute::read(value.message()?)?;
                    push(&mut node.attributes, attribute, MOST_OF_A_NODE)?;
                }
                (7, value) => node.domain = value.text()?,
                _ => {}
            }
        }
        Ok(node)
    }

    fn attribute(&self, name: &str) -> Option<&Attribute<'a>> {
        self.attributes.iter().find(|a| a.name == name)
    }

    /// A whole number that the operator is told.
    pub(super) fn int(&self, name: &str) -> Option<i64> {
        self.attribute(name)?.int
    }

    /// A number.
    pub(super) fn float(&self, name: &str) -> Option<f32> {
        self.attribute(name)?.float
    }

    /// Whole numbers.
    pub(super) fn ints(&self, name: &str) -> Option<&[i64]> {
        Some(&self.attribute(name)?.ints)
    }

    /// A word; empty where it is no text.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        let bytes = self.attribute(name)?.text?;
        Some(std::str::from_utf8(bytes).unwrap_or_default())
    }

    /// A tensor.
    pub(super) fn tensor(&self, name: &str) -> Option<&Tensor<'a>> {
        self.attribute(name)?.tensor.as_ref()
    }

    /// What messages call it: its name, or what it makes.
    pub(super) fn called(&self) -> &'a str {
        match (self.name, self.outputs.first()) {
            ("", Some(&output)) => output,
            (name, _) => name,
        }
    }
}

impl<'a> Attribute<'a> {
    fn read(bytes: &'a [u8]) -> Read<Self> {
        let mut attribute = Self::default();
        for field in Fields(bytes) {
            match field? {
                (1, value) => attribute.name = value.text()?,
                (2, value) => attribute.float = Some(value.float()?),
                (3, value) => attribute.int = Some(value.int()?),
                (4, value) => attribute.text = Some(value.message()?),
                (5, value) => attribute.tensor = Some(Tensor::read(value.message()?)?),
                (8, value) => value.ints(&mut attribute.ints, MOST_NUMBERS)?,
                _ => {}
            }
        }
        Ok(attribute)
    }
}

impl<'a> ValueInfo<'a> {
    fn read(bytes: &'a [u8]) -> Read<Self> {
        let mut info = Self::default();
        for field in Fields(bytes) {
            match field? {
                (1, value) => info.name = value.text()?,
                // Of the kinds of types, the tensor's.
                (2, value) => {
                    if let [Some(tensor), _] = two(value.message()?)? {
                        info.read_type(tensor.message()?)?;
                    }
                }
                _ => {}
            }
        }
        Ok(info)
    }

    fn read_type(&mut self, bytes: &'a [u8]) -> Read<()> {
        let [format, shape] = two(bytes)?;
        self.format = format.map(Value::int).transpose()?;
        let Some(shape) = shape else { return Ok(()) };
        let mut sides = Vec::new();
        for field in Fields(shape.message()?) {
            if let (1, dimension) = field? {
                let [side, _] = two(dimension.message()?)?;
                let side = side.map(Value::int).transpose()?;
                // A side that is no size is as good as none.
                let side = side.and_then(|side| usize::try_from(side).ok());
                push(&mut sides, side.filter(|&side| side > 0), MOST_SIDES)?;
            }
        }
        self.sides = Some(sides);
        Ok(())
    }
}

/// A name of the file as messages show it: no longer than a line, and without what moves a cursor.
pub(super) fn shown(name: &str) -> String {
    const LONGEST: usize = 60;
    let visible = |c: char| if c.is_control() { '?' } else { c };
    let mut shown: String = name.chars().take(LONGEST).map(visible).collect();
    if name.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}
