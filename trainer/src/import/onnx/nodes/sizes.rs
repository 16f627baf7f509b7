//! Other sides for the same numbers, and what sizes are computed by.

use super::super::made::{Call, Features, Made, Refusal, Side, Taken, expected, sizes};
use super::super::message::shown;
use super::super::walk::Walk;

/// Most sizes that one value holds.
const MOST: usize = 64;

impl<'a> Walk<'a> {
    /// All numbers of an image in a row.
    pub(super) fn flatten(&mut self, call: &Call<'_, 'a>) -> Taken<Made<'a>> {
        let x = self.features(call, 0)?;
        let axis = call.axis(call.node.int("axis").unwrap_or(1), rank(x))?;
        match axis {
            1 => Ok(Made::Features(Features { flat: true, ..x })),
            _ => expected("an axis of 1: all numbers of an image in a row"),
        }
    }

    pub(super) fn reshape(&mut self, call: &Call<'_, 'a>) -> Taken<Made<'a>> {
        let x = self.features(call, 0)?;
        let wanted = sizes(call.input(1)?)?;
        let had = self.sides(x);
        let count: i64 = had[1..].iter().filter_map(number).product();
        let kept = call.node.int("allowzero").unwrap_or(0) == 0;
        // 0 stands for the side that was there.
        let side = |(place, side): (usize, &Side)| match side {
            Side::Number(0) if kept => had.get(place).copied(),
            side => Some(*side),
        };
        let Some(mut wanted) = wanted
            .iter()
            .enumerate()
            .map(side)
            .collect::<Option<Vec<_>>>()
        else {
            return expected("sides that a tensor can have");
        };
        // -1 stands for what is left: of all sides but the images', what an image has left.
        let open = wanted.iter().position(|side| *side == Side::Number(-1));
        if let Some(open) = open {
            let known: Option<i64> = wanted
                .iter()
                .enumerate()
                .filter(|(place, _)| *place != open && *place > 0)
                .filter_map(|(_, side)| number(side))
                .try_fold(1i64, i64::checked_mul);
            wanted[open] = match (open, known) {
                (0, Some(known)) if known == count => Side::Images,
                (1.., Some(known @ 1..)) if count % known == 0 => Side::Number(count / known),
                _ => return expected(format!("sides for {count} numbers of each image")),
            };
        }
        if let (Some(Side::Number(first)), Some(images)) = (wanted.first(), self.images)
            && usize::try_from(*first) == Ok(images)
        {
            wanted[0] = Side::Images;
        }
        if wanted == had {
            return Ok(Made::Features(x));
        }
        let flat = [Side::Images, Side::Number(count)];
        let pixel = [
            Side::Images,
            Side::Number(count),
            Side::Number(1),
            Side::Number(1),
        ];
        let is_pixel = self.shape(x).pixels() == 1;
        match &wanted[..] {
            sides if *sides == flat => Ok(Made::Features(Features { flat: true, ..x })),
            sides if *sides == pixel && is_pixel => {
                Ok(Made::Features(Features { flat: false, ..x }))
            }
            _ => expected(format!("{count} numbers of each image in a row")),
        }
    }

    pub(super) fn squeeze(&mut self, call: &Call<'_, 'a>) -> Taken<Made<'a>> {
        if let Ok(sides) = sizes(call.input(0)?) {
            return Ok(Made::Sizes(sides));
        }
        let x = self.image(call, 0)?;
        if call.axes(1, 4)?.as_deref() != Some(&[2, 3][..]) || self.shape(x).pixels() != 1 {
            return expected("one pixel whose rows and columns are left out: axes 2 and 3");
        }
        Ok(Made::Features(Features { flat: true, ..x }))
    }

    pub(super) fn unsqueeze(&mut self, call: &Call<'_, 'a>) -> Taken<Made<'a>> {
        if let Ok(sides) = sizes(call.input(0)?) {
            return Ok(Made::Sizes(sides));
        }
        let x = self.features(call, 0)?;
        let adds_pixel = x.flat && self.shape(x).pixels() == 1;
        if !adds_pixel || call.axes(1, 4)?.as_deref() != Some(&[2, 3][..]) {
            return expected("features as [N, c] that become one pixel: axes 2 and 3");
        }
        Ok(Made::Features(Features { flat: false, ..x }))
    }

    pub(super) fn transpose(&mut self, call: &Call<'_, 'a>) -> Taken<Made<'a>> {
        let permutation = call.node.ints("perm").unwrap_or_default();
        if let Made::ChannelsLast = call.input(0)? {
            return match permutation {
                [0, 3, 1, 2] => Ok(Made::Features(Features {
                    index: 0,
                    flat: false,
                })),
                _ => expected("pictures that become [N, 3, h, w]"),
            };
        }
        let x = self.features(call, 0)?;
        let in_place = (0..).zip(permutation).all(|(place, &axis)| axis == place);
        match in_place && permutation.len() == rank(x) {
            true => Ok(Made::Features(x)),
            false => expected("[N, h, w, 3] to [N, 3, h, w] right behind the pictures"),
        }
    }

    pub(super) fn softmax(&mut self, call: &Call<'_, 'a>) -> Taken<Made<'a>> {
        let x = self.features(call, 0)?;
        let otherwise = match self.opset {
            ..13 => 1,
            _ => -1,
        };
        let axis = call.axis(call.node.int("axis").unwrap_or(otherwise), rank(x))?;
        match axis {
            1 => Ok(Made::Probabilities(x)),
            _ => expected("a softmax over the classes, axis 1"),
        }
    }

    pub(super) fn shape_of(&mut self, call: &Call<'_, 'a>) -> Taken<Made<'a>> {
        let x = self.features(call, 0)?;
        let sides = self.sides(x);
        let place = |name: &str, otherwise: usize| match call.node.int(name) {
            None => otherwise,
            Some(place) => bounded(place, sides.len()),
        };
        let (start, end) = (place("start", 0), place("end", sides.len()));
        let part = sides.get(start..end.max(start)).unwrap_or_default();
        Ok(Made::Sizes(part.to_vec()))
    }

    /// The sides of features as the file has them.
    fn sides(&self, x: Features) -> Vec<Side> {
        let shape = self.shape(x);
        let sides = match x.flat {
            true => vec![shape.count()],
            false => vec![shape.c(), shape.h(), shape.w()],
        };
        let sides = sides.into_iter().map(|side| Side::Number(side as i64));
        std::iter::once(Side::Images).chain(sides).collect()
    }
}

fn rank(x: Features) -> usize {
    if x.flat { 2 } else { 4 }
}

fn number(side: &Side) -> Option<i64> {
    match side {
        Side::Number(number) => Some(*number),
        Side::Images => None,
    }
}

/// A place in a list of so many, counted from the front.
fn bounded(place: i64, count: usize) -> usize {
    let count = count as i64;
    let place = if place < 0 {
        place.saturating_add(count)
    } else {
        place
    };
    place.clamp(0, count) as usize
}

/// Some of several sizes.
pub(super) fn gather<'a>(call: &Call<'_, 'a>) -> Taken<Made<'a>> {
    let from = sizes(call.input(0)?)?;
    let places = call.whole(1)?.unwrap_or_default();
    let side = |&place: &i64| -> Taken<Side> { Ok(from[call.axis(place, from.len())?]) };
    let sides = places.iter().map(side).collect::<Taken<Vec<Side>>>()?;
    Ok(Made::Sizes(sides))
}

/// Sizes one behind the other.
pub(super) fn concat<'a>(call: &Call<'_, 'a>) -> Taken<Made<'a>> {
    let mut all = Vec::new();
    for input in 0..call.inputs.len() {
        match sizes(call.input(input)?) {
            Ok(sides) => all.extend(sides),
            Err(Refusal::Unsupported(_)) => {
                return expected(
                    "sizes one behind the other: features side by side are not computed",
                );
            }
            Err(broken) => return Err(broken),
        }
    }
    match all.len() <= MOST {
        true => Ok(Made::Sizes(all)),
        false => Err(Refusal::Broken(format!(
            "{} makes {} sizes, expected at most {MOST}",
            shown(call.node.called()),
            all.len()
        ))),
    }
}

/// A run of sizes.
pub(super) fn slice<'a>(call: &Call<'_, 'a>) -> Taken<Made<'a>> {
    let from = sizes(call.input(0)?)?;
    let one = |input: usize| -> Taken<Option<i64>> {
        Ok(call
            .whole(input)?
            .and_then(|numbers| numbers.first().copied()))
    };
    let (start, end, step) = (one(1)?, one(2)?, one(4)?);
    if step.unwrap_or(1) != 1 {
        return expected("a step of 1");
    }
    let start = bounded(start.unwrap_or(0), from.len());
    let end = bounded(end.unwrap_or(i64::MAX), from.len());
    let part = from.get(start..end.max(start)).unwrap_or_default();
    Ok(Made::Sizes(part.to_vec()))
}
