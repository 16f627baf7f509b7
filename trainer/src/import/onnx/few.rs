//! The few numbers that no picture changes: sizes, axes and pads, and what exporters compute them by. Sides of pictures are known,
//! so all of that is; how many images there are is not.

mod arguments;

use super::made::{Call, Made, Refusal, Taken, expected};
use super::message::shown;
use arguments::Arguments;

/// Most numbers that are computed with.
const MOST: usize = 64;

/// What is computed by these operators where all that is read is few.
pub(super) const COMPUTED: [&str; 18] = [
    "Add",
    "Cast",
    "Ceil",
    "Clip",
    "Concat",
    "ConstantOfShape",
    "Div",
    "Floor",
    "Gather",
    "Max",
    "Min",
    "Mul",
    "Reshape",
    "Shape",
    "Slice",
    "Squeeze",
    "Sub",
    "Unsqueeze",
];

/// A small tensor of sizes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Few {
    /// The outermost first; none for a single number.
    pub(super) sides: Vec<usize>,
    pub(super) numbers: Vec<Side>,
    /// Whether they are whole by their type, so that quotients are, too.
    pub(super) whole: bool,
}

/// A size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Side {
    /// As many as there are images.
    Images,
    /// So many.
    Number(f64),
}

impl Few {
    /// A list of whole numbers.
    pub(super) fn list(numbers: Vec<Side>) -> Self {
        Self {
            sides: vec![numbers.len()],
            numbers,
            whole: true,
        }
    }

    /// A number alone.
    pub(super) fn number(number: f64, whole: bool) -> Self {
        Self {
            sides: Vec::new(),
            numbers: vec![Side::Number(number)],
            whole,
        }
    }

    /// What a value is, if it is few.
    pub(super) fn of(made: &Made<'_>) -> Taken<Option<Self>> {
        let tensor = match made {
            Made::Few(few) => return Ok(Some(few.clone())),
            Made::Constant(tensor) => tensor,
            _ => return Ok(None),
        };
        if tensor.count().is_none_or(|count| count > MOST) {
            return Ok(None);
        }
        let numbers: Vec<f64> = match (tensor.is_whole(), tensor.is_real()) {
            // Sizes are far below 2^53.
            (true, _) => tensor.ints()?.into_iter().map(|int| int as f64).collect(),
            (_, true) => tensor.numbers()?.into_iter().map(f64::from).collect(),
            _ => return Ok(None),
        };
        Ok(Some(Self {
            sides: tensor.sides.clone(),
            numbers: numbers.into_iter().map(Side::Number).collect(),
            whole: tensor.is_whole(),
        }))
    }

    /// The same numbers with other sides.
    fn sided(self, sides: Vec<usize>) -> Self {
        Self { sides, ..self }
    }

    /// Numbers where no size depends on how many images there are.
    fn known(&self) -> Taken<Vec<f64>> {
        let known = |side: &Side| match side {
            Side::Number(number) => Ok(*number),
            Side::Images => expected("sizes that do not depend on how many images there are"),
        };
        self.numbers.iter().map(known).collect()
    }

    /// Every number by a function.
    fn each(mut self, function: impl Fn(f64) -> f64) -> Self {
        for side in &mut self.numbers {
            if let Side::Number(number) = side {
                *number = function(*number);
            }
        }
        self
    }

    /// Numbers of two by a function; a single number goes with each of the other's.
    fn with(self, other: Self, function: impl Fn(f64, f64) -> f64) -> Taken<Self> {
        let (a, b) = (self.known()?, other.known()?);
        let sides = match (a.len(), b.len()) {
            (1, 1) if other.sides.len() > self.sides.len() => other.sides,
            (_, 1) => self.sides,
            (1, _) => other.sides,
            _ if self.sides == other.sides => self.sides,
            _ => return expected("sizes of one shape, or one number and others"),
        };
        let count = a.len().max(b.len());
        let of = |list: &[f64], place: usize| list[if list.len() == 1 { 0 } else { place }];
        let numbers = (0..count).map(|i| Side::Number(function(of(&a, i), of(&b, i))));
        Ok(Self {
            sides,
            numbers: numbers.collect(),
            whole: self.whole && other.whole,
        })
    }
}

/// What a node computes that reads nothing but few numbers; nothing where it reads something else, or is none of these.
pub(super) fn computed<'a>(call: &Call<'_, 'a>) -> Taken<Option<Made<'a>>> {
    let op = call.node.op;
    if !COMPUTED.contains(&op) && op != "Transpose" {
        return Ok(None);
    }
    let mut inputs = Vec::new();
    for made in &call.inputs {
        inputs.push(match made {
            None => None,
            // Weights of another format are not sizes, however few they are.
            Some(Made::Constant(tensor)) if op == "Cast" && !tensor.is_whole() => return Ok(None),
            Some(made) => match Few::of(made)? {
                Some(few) => Some(few),
                None => return Ok(None),
            },
        });
    }
    if inputs.is_empty() {
        return Ok(None);
    }
    let few = Arguments { call, inputs }.compute()?;
    match few.numbers.len() <= MOST {
        true => Ok(Some(Made::Few(few))),
        false => Err(Refusal::Broken(format!(
            "{} makes {} sizes, expected at most {MOST}",
            shown(call.node.called()),
            few.numbers.len()
        ))),
    }
}
