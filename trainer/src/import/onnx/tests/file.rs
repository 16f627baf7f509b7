//! A writer of ONNX files, field by field.

/// A number as seven bits a byte.
fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A field that is a whole number.
pub(super) fn int(field: u64, number: i64) -> Vec<u8> {
    [varint(field << 3), varint(number.cast_unsigned())].concat()
}

/// A field that is a text or a message.
pub(super) fn part(field: u64, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let length = varint(content.len() as u64);
    [varint((field << 3) | 2), length, content.to_vec()].concat()
}

pub(super) fn int_attribute(name: &str, number: i64) -> Vec<u8> {
    [part(1, name), int(3, number)].concat()
}

pub(super) fn float_attribute(name: &str, number: f32) -> Vec<u8> {
    let field = [&[0x15][..], &number.to_le_bytes()].concat();
    [part(1, name), field].concat()
}

pub(super) fn text_attribute(name: &str, text: &str) -> Vec<u8> {
    [part(1, name), part(4, text)].concat()
}

pub(super) fn ints_attribute(name: &str, numbers: &[i64]) -> Vec<u8> {
    let ints = numbers.iter().flat_map(|&number| int(8, number));
    part(1, name).into_iter().chain(ints).collect()
}

/// A node without a name.
pub(super) fn node(op: &str, inputs: &[&str], outputs: &[&str], attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = part(4, op);
    inputs.iter().for_each(|name| bytes.extend(part(1, name)));
    outputs.iter().for_each(|name| bytes.extend(part(2, name)));
    attributes.iter().for_each(|a| bytes.extend(part(5, a)));
    bytes
}

/// The same node with a name.
pub(super) fn named(name: &str, node: Vec<u8>) -> Vec<u8> {
    [node, part(3, name)].concat()
}

/// So many numbers, no two alike.
pub(super) fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| 0.5 + i as f32 / 64.0).collect()
}

fn sides(sides: &[usize]) -> Vec<u8> {
    sides.iter().flat_map(|&side| int(1, side as i64)).collect()
}

/// A tensor of f32.
pub(super) fn tensor(name: &str, of: &[usize]) -> Vec<u8> {
    let count = of.iter().product();
    let raw: Vec<u8> = numbers(count)
        .iter()
        .flat_map(|x| x.to_le_bytes())
        .collect();
    [sides(of), int(2, 1), part(8, name), part(9, raw)].concat()
}

/// A single f32.
pub(super) fn scalar(name: &str, number: f32) -> Vec<u8> {
    [int(2, 1), part(8, name), part(9, number.to_le_bytes())].concat()
}

/// Whole numbers of 64 bits.
pub(super) fn whole(name: &str, numbers: &[i64]) -> Vec<u8> {
    let raw: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    [
        sides(&[numbers.len()]),
        int(2, 7),
        part(8, name),
        part(9, raw),
    ]
    .concat()
}

/// An input or output; 0 is a free side.
pub(super) fn value(name: &str, format: i64, of: &[usize]) -> Vec<u8> {
    let side = |&side: &usize| match side {
        0 => part(1, part(2, "N")),
        side => part(1, int(1, side as i64)),
    };
    let shape: Vec<u8> = of.iter().flat_map(side).collect();
    let tensor = [int(1, format), part(2, shape)].concat();
    [part(1, name), part(2, part(1, tensor))].concat()
}

/// A file in the making.
pub(super) struct File {
    pub(super) producer: &'static str,
    pub(super) opset: i64,
    pub(super) nodes: Vec<Vec<u8>>,
    pub(super) tensors: Vec<Vec<u8>>,
    pub(super) inputs: Vec<Vec<u8>>,
    pub(super) outputs: Vec<Vec<u8>>,
    pub(super) metadata: Vec<[&'static str; 2]>,
}

impl Default for File {
    /// From `images`, 8×8 pixels, to `logits`.
    fn default() -> Self {
        Self {
            producer: "a test",
            opset: 17,
            nodes: Vec::new(),
            tensors: Vec::new(),
            inputs: vec![value("images", 1, &[0, 3, 8, 8])],
            outputs: vec![value("logits", 1, &[0, 5])],
            metadata: Vec::new(),
        }
    }
}

impl File {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut graph = part(2, "graph");
        for (field, parts) in [
            (1, &self.nodes),
            (5, &self.tensors),
            (11, &self.inputs),
            (12, &self.outputs),
        ] {
            parts
                .iter()
                .for_each(|content| graph.extend(part(field, content)));
        }
        let opset = [part(1, ""), int(2, self.opset)].concat();
        let mut bytes = [
            int(1, 8),
            part(2, self.producer),
            part(7, graph),
            part(8, opset),
        ]
        .concat();
        for [key, value] in &self.metadata {
            let entry = [part(1, key), part(2, value)].concat();
            bytes.extend(part(14, entry));
        }
        bytes
    }
}
