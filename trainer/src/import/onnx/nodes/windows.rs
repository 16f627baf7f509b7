//! Windows that slide over images, and the pools that they make.

use triaxis_engine::Shape;
use triaxis_models::{LayerOp, Margin};

use super::super::few::Side;
use super::super::made::{Call, Made, Refusal, Taken, expected};
use super::super::message::{Node, shown};
use super::super::walk::Walk;

/// Most pixels of a stride, of padding, of a pool's side.
const MOST: i64 = 1024;

impl<'a> Walk<'a> {
    pub(super) fn max_pool(&mut self, call: &Call<'_, 'a>) -> Taken<Made<'a>> {
        let node = call.node;
        if node.int("storage_order").unwrap_or(0) != 0 {
            return expected("storage_order of 0");
        }
        let x = self.image(call, 0)?;
        let (kernel, stride) = window(node)?;
        let shape = self.shape(x);
        let behind = match rounds_up(node) {
            true => behind(node, shape, kernel, stride)?,
            false => [0; 4],
        };
        let padding = margin(node, shape, [kernel, stride], behind)?;
        let op = LayerOp::MaxPool {
            kernel,
            stride,
            padding,
        };
        let name = self.names.scope(node);
        Ok(Made::Features(self.layer(name, &[x], op, Vec::new())?))
    }

    pub(super) fn average_pool(&mut self, call: &Call<'_, 'a>) -> Taken<Made<'a>> {
        let node = call.node;
        let x = self.image(call, 0)?;
        let (kernel, stride) = window(node)?;
        let shape = self.shape(x);
        if rounds_up(node) && behind(node, shape, kernel, stride)? != [0; 4] {
            return expected("ceil_mode of 0");
        }
        let padding = margin(node, shape, [kernel, stride], [0; 4])?;
        let whole = padding == Margin::Pixels(0) && [kernel; 2] == [shape.h(), shape.w()];
        let op = match whole {
            // The same, whatever size the pictures will have.
            true => LayerOp::GlobalAvgPool,
            false => LayerOp::AvgPool {
                kernel,
                stride,
                padding,
                counted: node.int("count_include_pad").unwrap_or(0) != 0,
            },
        };
        let name = self.names.scope(node);
        Ok(Made::Features(self.layer(name, &[x], op, Vec::new())?))
    }

    pub(super) fn global_average_pool(&mut self, call: &Call<'_, 'a>) -> Taken<Made<'a>> {
        let x = self.image(call, 0)?;
        let name = self.names.scope(call.node);
        let y = self.layer(name, &[x], LayerOp::GlobalAvgPool, Vec::new())?;
        Ok(Made::Features(y))
    }

    /// The mean over rows and columns.
    pub(super) fn reduce_mean(&mut self, call: &Call<'_, 'a>) -> Taken<Made<'a>> {
        let node = call.node;
        let x = self.image(call, 0)?;
        if call.axes(1, 4)?.as_deref() != Some(&[2, 3][..]) {
            return expected("the mean over rows and columns: axes 2 and 3");
        }
        let name = self.names.scope(node);
        let mut y = self.layer(name, &[x], LayerOp::GlobalAvgPool, Vec::new())?;
        y.flat = node.int("keepdims").unwrap_or(1) == 0;
        Ok(Made::Features(y))
    }

    /// Zeros around an image, which the convolution that reads it takes over.
    pub(super) fn pad(&mut self, call: &Call<'_, 'a>) -> Taken<Made<'a>> {
        let node = call.node;
        let of = self.image(call, 0)?;
        if !matches!(node.text("mode"), None | Some("constant")) {
            return expected("a mode of `constant`");
        }
        if call.number(2)?.unwrap_or(0.0) != 0.0 {
            return expected("zeros around an image");
        }
        if call.optional(3).is_some() {
            return expected("pads of all four axes");
        }
        let numbers = call.sizes(1)?.unwrap_or_default();
        let [n, c, top, left, end_n, end_c, bottom, right] = numbers[..] else {
            return expected("eight pads, two for each side");
        };
        if [n, c, end_n, end_c] != [Side::Number(0.0); 4] {
            return expected("zeros beside images and channels");
        }
        let mut pads = [0; 4];
        for (pad, side) in pads.iter_mut().zip([top, left, bottom, right]) {
            *pad = match side {
                Side::Number(number)
                    if number.fract() == 0.0 && (0.0..=MOST as f64).contains(&number) =>
                {
                    number as usize
                }
                _ => return expected(format!("pads of 0 to {MOST} pixels")),
            };
        }
        match pads == [0; 4] {
            true => Ok(Made::Features(of)),
            false => Ok(Made::Padded { of, pads }),
        }
    }
}

/// A pool's kernel and stride.
fn window(node: &Node<'_>) -> Taken<(usize, usize)> {
    if alike(node, "dilations", 1)? != 1 {
        return expected("dilations of 1");
    }
    match alike(node, "kernel_shape", 0)? {
        0 => expected("a kernel_shape"),
        kernel => Ok((kernel, alike(node, "strides", 1)?)),
    }
}

fn rounds_up(node: &Node<'_>) -> bool {
    node.int("ceil_mode").unwrap_or(0) != 0
}

/// A number that rows and columns share, from 1; `otherwise` where the node is not told.
pub(super) fn alike(node: &Node<'_>, name: &str, otherwise: usize) -> Taken<usize> {
    match node.ints(name) {
        None | Some([]) => Ok(otherwise),
        Some(&[rows @ 1..=MOST, columns]) if rows == columns => Ok(rows as usize),
        Some(numbers) => expected(format!(
            "{name} alike for rows and columns, from 1 to {MOST}, not {numbers:?}"
        )),
    }
}

/// Padding that a window needs for as many outputs as SAME makes, on both sides of an axis together.
fn same(side: usize, kernel: usize, stride: usize) -> usize {
    let out = side.div_ceil(stride.max(1)).max(1);
    ((out - 1) * stride + kernel).saturating_sub(side)
}

/// The pads that a node is told: rows above, columns left, rows below, columns right.
fn told_pads(node: &Node<'_>) -> Taken<[usize; 4]> {
    let mut pads = [0; 4];
    let Some(told) = node.ints("pads") else {
        return Ok(pads);
    };
    if told.len() != 4 {
        let called = shown(node.called());
        return Err(Refusal::Broken(format!(
            "{called} has {} pads, expected 4",
            told.len()
        )));
    }
    for (pad, &told) in pads.iter_mut().zip(told) {
        *pad = match told {
            0..=MOST => told as usize,
            _ => return expected(format!("pads of 0 to {MOST} pixels, not {told}")),
        };
    }
    Ok(pads)
}

/// What lies around an image that a window of this kernel and stride slides over, `more` besides what the node says.
pub(super) fn margin(
    node: &Node<'_>,
    shape: Shape,
    [kernel, stride]: [usize; 2],
    more: [usize; 4],
) -> Taken<Margin> {
    let both = [shape.h(), shape.w()].map(|side| same(side, kernel, stride));
    let pads = match node.text("auto_pad") {
        None | Some("" | "NOTSET") => told_pads(node)?,
        Some("VALID") => [0; 4],
        Some("SAME_UPPER") if more == [0; 4] => return Ok(Margin::Same),
        Some("SAME_LOWER") => {
            let [rows, columns] = both;
            let [above, left] = [rows.div_ceil(2), columns.div_ceil(2)];
            [above, left, rows - above, columns - left]
        }
        Some(other) => return expected(format!("no auto_pad of {} here", shown(other))),
    };
    let mut all = pads;
    all.iter_mut()
        .zip(more)
        .for_each(|(pad, more)| *pad += more);
    let [top, left, bottom, right] = all;
    if all == [top; 4] {
        return Ok(Margin::Pixels(top));
    }
    // As TensorFlow does it: the odd one right and below.
    let [rows, columns] = both;
    let upper = [
        rows / 2,
        columns / 2,
        rows - rows / 2,
        columns - columns / 2,
    ];
    match all == upper {
        true => Ok(Margin::Same),
        false => expected(format!(
            "as many pixels on each side, or {upper:?} as SAME has it, not {:?}",
            [top, left, bottom, right]
        )),
    }
}

/// What lies behind rows and columns where the number of windows is rounded up: for a maximum, as good as nothing.
fn behind(node: &Node<'_>, shape: Shape, kernel: usize, stride: usize) -> Taken<[usize; 4]> {
    let [top, left, bottom, right] = match node.text("auto_pad") {
        None | Some("" | "NOTSET") => told_pads(node)?,
        _ => return expected("ceil_mode of 0 beside auto_pad"),
    };
    let missing = |side: usize, before: usize, after: usize| {
        let free = (side + before + after).checked_sub(kernel)?;
        let mut out = free.div_ceil(stride) + 1;
        // A last window that begins behind the image is left out.
        if (out - 1) * stride >= side + before {
            out -= 1;
        }
        Some(((out - 1) * stride + kernel).saturating_sub(side + before + after))
    };
    let missing = [
        missing(shape.h(), top, bottom),
        missing(shape.w(), left, right),
    ];
    match missing {
        [Some(rows), Some(columns)] => Ok([0, 0, rows, columns]),
        _ => expected("a window that fits on the image"),
    }
}
