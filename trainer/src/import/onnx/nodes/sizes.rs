//! Other sides for the same numbers.

use super::super::few::{Few, Side};
use super::super::made::{Call, Features, Made, Taken, expected};
use super::super::walk::Walk;

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
        let had = self.sides(x);
        let wanted = call.sizes(1)?.unwrap_or_default();
        let count = self.shape(x).count() as f64;
        let kept = call.node.int("allowzero").unwrap_or(0) == 0;
        // 0 stands for the side that was there.
        let side = |(place, side): (usize, &Side)| match side {
            Side::Number(0.0) if kept => had.get(place).copied(),
            side => Some(*side),
        };
        let wanted: Option<Vec<Side>> = wanted.iter().enumerate().map(side).collect();
        let Some(mut wanted) = wanted else {
            return expected("sides that a tensor can have");
        };
        // -1 stands for what is left: of all sides but the images', what an image has left.
        if let Some(open) = wanted.iter().position(|side| *side == Side::Number(-1.0)) {
            let known: f64 = (1..wanted.len())
                .filter(|&place| place != open)
                .filter_map(|place| number(wanted[place]))
                .product();
            wanted[open] = match open {
                0 if known == count => Side::Images,
                1.. if known >= 1.0 && (count / known).fract() == 0.0 => {
                    Side::Number(count / known)
                }
                _ => return expected(format!("sides for {count} numbers of each image")),
            };
        }
        if let (Some(&first), Some(images)) = (wanted.first(), self.images)
            && first == Side::Number(images as f64)
        {
            wanted[0] = Side::Images;
        }
        if wanted == had {
            return Ok(Made::Features(x));
        }
        let [all, one] = [count, 1.0].map(Side::Number);
        let flat = wanted[..] == [Side::Images, all];
        let pixel = wanted[..] == [Side::Images, all, one, one];
        match (flat, pixel && self.shape(x).pixels() == 1) {
            (true, _) => Ok(Made::Features(Features { flat: true, ..x })),
            (_, true) => Ok(Made::Features(Features { flat: false, ..x })),
            _ => expected(format!("{count} numbers of each image in a row")),
        }
    }

    pub(super) fn squeeze(&mut self, call: &Call<'_, 'a>) -> Taken<Made<'a>> {
        let x = self.image(call, 0)?;
        if call.axes(1, 4)?.as_deref() != Some(&[2, 3][..]) || self.shape(x).pixels() != 1 {
            return expected("one pixel whose rows and columns are left out: axes 2 and 3");
        }
        Ok(Made::Features(Features { flat: true, ..x }))
    }

    pub(super) fn unsqueeze(&mut self, call: &Call<'_, 'a>) -> Taken<Made<'a>> {
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
        Ok(Made::Few(Few::list(part.to_vec())))
    }

    /// The sides of features as the file has them.
    fn sides(&self, x: Features) -> Vec<Side> {
        let shape = self.shape(x);
        let sides = match x.flat {
            true => vec![shape.count()],
            false => vec![shape.c(), shape.h(), shape.w()],
        };
        let sides = sides.into_iter().map(|side| Side::Number(side as f64));
        std::iter::once(Side::Images).chain(sides).collect()
    }
}

fn rank(x: Features) -> usize {
    if x.flat { 2 } else { 4 }
}

fn number(side: Side) -> Option<f64> {
    match side {
        Side::Number(number) => Some(number),
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
