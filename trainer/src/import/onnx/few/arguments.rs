//! What each operator makes of few numbers.

use super::{Few, MOST, Side};
use crate::import::onnx::made::{Call, Made, Taken, expected};

/// A node with what it reads, all few.
pub(super) struct Arguments<'c, 'n, 'a> {
    pub(super) call: &'c Call<'n, 'a>,
    pub(super) inputs: Vec<Option<Few>>,
}

impl Arguments<'_, '_, '_> {
    fn optional(&self, input: usize) -> Option<Few> {
        self.inputs.get(input).cloned().flatten()
    }

    fn input(&self, input: usize) -> Taken<Few> {
        match self.optional(input) {
            Some(few) => Ok(few),
            None => expected("an input more"),
        }
    }

    /// Whole numbers, where they are given.
    fn ints(&self, input: usize) -> Taken<Option<Vec<i64>>> {
        let Some(few) = self.optional(input) else {
            return Ok(None);
        };
        Ok(Some(few.known()?.into_iter().map(|x| x as i64).collect()))
    }

    /// What the node makes.
    pub(super) fn compute(&self) -> Taken<Few> {
        let node = self.call.node;
        let x = self.input(0)?;
        match node.op {
            "Add" => x.with(self.input(1)?, |a, b| a + b),
            "Sub" => x.with(self.input(1)?, |a, b| a - b),
            "Mul" => x.with(self.input(1)?, |a, b| a * b),
            "Min" => x.with(self.input(1)?, f64::min),
            "Max" => x.with(self.input(1)?, f64::max),
            "Div" => {
                let other = self.input(1)?;
                let whole = x.whole && other.whole;
                let quotient = x.with(other, |a, b| a / b)?;
                if !quotient.known()?.iter().all(|x| x.is_finite()) {
                    return expected("no division by 0");
                }
                Ok(if whole {
                    quotient.each(f64::trunc)
                } else {
                    quotient
                })
            }
            "Ceil" => Ok(x.each(f64::ceil)),
            "Floor" => Ok(x.each(f64::floor)),
            "Clip" => {
                let least = self.optional(1).unwrap_or(Few::number(f64::MIN, x.whole));
                let most = self.optional(2).unwrap_or(Few::number(f64::MAX, x.whole));
                x.with(least, f64::max)?.with(most, f64::min)
            }
            "Cast" => match node.int("to") {
                Some(1 | 10 | 11) => Ok(Few { whole: false, ..x }),
                Some(6 | 7) => Ok(Few {
                    whole: true,
                    ..x.each(f64::trunc)
                }),
                _ => expected("a cast to floating-point or whole numbers"),
            },
            "Shape" => {
                let sides = x.sides.iter().map(|&side| Side::Number(side as f64));
                Ok(Few::list(sides.collect()))
            }
            "Concat" => self.concat(),
            "ConstantOfShape" => {
                let sides = counts(&x.known()?)?;
                let filled = node
                    .tensor("value")
                    .map(|value| Made::Constant(value.clone()));
                let filled = filled.map(|value| Few::of(&value)).transpose()?.flatten();
                let filled = filled.unwrap_or(Few::number(0.0, false));
                let count = sides
                    .iter()
                    .try_fold(1usize, |count, &side| count.checked_mul(side));
                let (Some(number), Some(count @ ..=MOST)) = (filled.numbers.first(), count) else {
                    return expected(format!("at most {MOST} sizes"));
                };
                Ok(Few {
                    sides,
                    numbers: vec![*number; count],
                    whole: filled.whole,
                })
            }
            "Gather" => self.gather(x),
            "Reshape" => self.reshape(x),
            "Slice" => self.slice(x),
            "Squeeze" => {
                let rank = x.sides.len();
                let axes = self.call.axes(1, rank)?;
                let stays = |place: usize| match &axes {
                    Some(axes) => !axes.contains(&place),
                    None => x.sides[place] != 1,
                };
                let sides: Vec<usize> = (0..rank)
                    .filter(|&i| stays(i))
                    .map(|i| x.sides[i])
                    .collect();
                sized(x, sides)
            }
            "Unsqueeze" => self.unsqueeze(x),
            _ => self.transpose(x),
        }
    }

    fn unsqueeze(&self, x: Few) -> Taken<Few> {
        let added = match self.call.node.ints("axes") {
            Some(axes) => axes.len(),
            None => self.ints(1)?.map_or(0, |axes| axes.len()),
        };
        let rank = x.sides.len() + added;
        let axes = self.call.axes(1, rank)?.unwrap_or_default();
        let mut rest = x.sides.iter().copied();
        let side = |place: usize| match axes.contains(&place) {
            true => Some(1),
            false => rest.next(),
        };
        match (0..rank).map(side).collect::<Option<Vec<usize>>>() {
            Some(sides) => sized(x, sides),
            None => expected("axes that differ"),
        }
    }

    /// Lists one behind the other.
    fn concat(&self) -> Taken<Few> {
        let mut numbers = Vec::new();
        let mut whole = true;
        for few in self.inputs.iter().flatten() {
            if few.sides.len() != 1 {
                return expected("lists of sizes");
            }
            numbers.extend(&few.numbers);
            whole &= few.whole;
        }
        let list = Few::list(numbers);
        Ok(Few { whole, ..list })
    }

    /// Some of a list.
    fn gather(&self, from: Few) -> Taken<Few> {
        let places = self.input(1)?;
        if from.sides.len() != 1 {
            return expected("some of a list of sizes");
        }
        let mut numbers = Vec::new();
        for place in places.known()? {
            numbers.push(from.numbers[self.call.axis(place as i64, from.numbers.len())?]);
        }
        Ok(Few {
            sides: places.sides,
            numbers,
            whole: from.whole,
        })
    }

    fn reshape(&self, x: Few) -> Taken<Few> {
        let mut wanted = self.ints(1)?.unwrap_or_default();
        let count = x.numbers.len() as i64;
        if let Some(open) = wanted.iter().position(|&side| side == -1) {
            let others = wanted
                .iter()
                .enumerate()
                .filter(|(place, _)| *place != open);
            let known: Option<i64> = others
                .map(|(_, &side)| side)
                .try_fold(1i64, |product, side| product.checked_mul(side));
            wanted[open] = match known {
                Some(known @ 1..) => count / known,
                _ => return expected("sides that a tensor can have"),
            };
        }
        let side = |&side: &i64| usize::try_from(side).ok();
        match wanted.iter().map(side).collect::<Option<Vec<usize>>>() {
            Some(sides) => sized(x, sides),
            None => expected("sides that a tensor can have"),
        }
    }

    /// A run of rows, forwards or backwards.
    fn slice(&self, x: Few) -> Taken<Few> {
        let first = |input: usize, otherwise: i64| -> Taken<i64> {
            match self.ints(input)?.as_deref() {
                None => Ok(otherwise),
                Some(&[number]) => Ok(number),
                Some(_) => expected("a slice along one axis"),
            }
        };
        let (start, end) = (first(1, 0)?, first(2, i64::MAX)?);
        let (axis, step) = (first(3, 0)?, first(4, 1)?);
        let [rows, ..] = x.sides[..] else {
            return expected("a list of sizes");
        };
        if axis != 0 || !matches!(step, 1 | -1) {
            return expected("a slice of the outermost axis by steps of 1 or -1");
        }
        let count = rows as i64;
        let counted = |place: i64| {
            if place < 0 {
                place.saturating_add(count)
            } else {
                place
            }
        };
        let places: Vec<i64> = match step {
            1 => (counted(start).clamp(0, count)..counted(end).clamp(0, count)).collect(),
            _ => {
                let (start, end) = (counted(start).min(count - 1), counted(end).max(-1));
                (end.saturating_add(1)..=start)
                    .rev()
                    .filter(|&place| place >= 0)
                    .collect()
            }
        };
        let row = x.numbers.len() / rows.max(1);
        let of_place = |&place: &i64| &x.numbers[place as usize * row..][..row];
        let numbers: Vec<Side> = places.iter().flat_map(of_place).copied().collect();
        let mut sides = x.sides.clone();
        sides[0] = places.len();
        Ok(Few {
            sides,
            numbers,
            whole: x.whole,
        })
    }

    /// Rows as columns.
    fn transpose(&self, x: Few) -> Taken<Few> {
        let turned = matches!(self.call.node.ints("perm"), None | Some([1, 0]));
        match x.sides[..] {
            [rows, columns] if turned => {
                let column = |column: usize| (0..rows).map(move |row| row * columns + column);
                let places = (0..columns).flat_map(column);
                let numbers = places.map(|place| x.numbers[place]).collect();
                Ok(Few {
                    sides: vec![columns, rows],
                    numbers,
                    whole: x.whole,
                })
            }
            _ => expected("rows of sizes that become columns"),
        }
    }
}

/// The numbers with these sides, where they are as many.
fn sized(x: Few, sides: Vec<usize>) -> Taken<Few> {
    let mut rest = sides.iter();
    let count = rest.try_fold(1usize, |count, &side| count.checked_mul(side));
    match count == Some(x.numbers.len()) {
        true => Ok(x.sided(sides)),
        false => expected(format!("sides of {} numbers", x.numbers.len())),
    }
}

/// Sides out of numbers.
fn counts(numbers: &[f64]) -> Taken<Vec<usize>> {
    let count = |&number: &f64| match number {
        0.0..=1e6 if number.fract() == 0.0 => Ok(number as usize),
        _ => expected(format!("a side, not {number}")),
    };
    numbers.iter().map(count).collect()
}
