//! How fractions of channels and blocks become whole ones.

/// EfficientNet's rule for channels: the nearest multiple of 8, at least 8, and at least 90 % of `width`
/// (<https://arxiv.org/abs/1905.11946>, its released code).
pub fn round_width(width: f64) -> usize {
    round_within_a_tenth(width, 8)
}

/// [`round_width`] to multiples of `step`: as torchvision makes a RegNet's widths fit its groups.
pub(crate) fn round_within_a_tenth(width: f64, step: usize) -> usize {
    let multiple = step as f64;
    let rounded = multiple * ((width + multiple / 2.0) / multiple).floor().max(1.0);
    let rounded = if rounded < 0.9 * width {
        rounded + multiple
    } else {
        rounded
    };
    rounded as usize
}

/// EfficientNet's rule for blocks: up.
pub fn ceil_depth(depth: f64) -> usize {
    depth.ceil().max(1.0) as usize
}

/// TinyNet's rule for blocks: to the nearest, halves to even, at least one (<https://arxiv.org/abs/2010.14819>, its
/// released code).
pub fn round_depth(depth: f64) -> usize {
    depth.round_ties_even().max(1.0) as usize
}

/// The nearest multiple of `step`, halves to even.
pub fn round_to(value: f64, step: usize) -> usize {
    (value / step as f64).round_ties_even().max(0.0) as usize * step
}

/// The nearest width whose inner width is a multiple of the group width, and that group width. Where `bottleneck` is
/// such that no width has that inner width, groups narrow to what divides the one it has.
pub(crate) fn compatible(width: usize, bottleneck: f64, group_width: usize) -> (usize, usize) {
    let inner = ((width as f64 * bottleneck) as usize).max(1);
    let group = group_width.clamp(1, inner);
    let step = match bottleneck > 1.0 {
        true => least_common_multiple(group, bottleneck as usize),
        false => group,
    };
    let inner = round_to(inner as f64, step).max(step);
    let width = (inner as f64 / bottleneck) as usize;
    (width, common_divisor(group, inner_width(width, bottleneck)))
}

/// Channels inside a block from which `width` come out.
pub(crate) fn inner_width(width: usize, bottleneck: f64) -> usize {
    (width as f64 * bottleneck).round_ties_even() as usize
}

fn least_common_multiple(a: usize, b: usize) -> usize {
    a / common_divisor(a, b) * b
}

/// The greatest.
fn common_divisor(mut a: usize, mut b: usize) -> usize {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_multiples_of_8_and_never_lose_a_tenth() {
        let rounded = |width: f64| [8, 16, 24, 40].map(|c| round_width(f64::from(c) * width));
        assert_eq!(rounded(1.0), [8, 16, 24, 40]);
        assert_eq!(rounded(1.1), [8, 16, 24, 48], "44 lies between 40 and 48");
        // 10 would round to 8, a fifth less.
        assert_eq!(rounded(0.25), [8, 8, 8, 16]);
    }

    #[test]
    fn groups_divide_the_inner_width_whatever_the_ratio() {
        assert_eq!(compatible(24, 1.0, 16), (32, 16), "1.5 goes to the even 2");
        assert_eq!(compatible(90, 4.0, 24), (90, 24), "360 is 15 groups of 24");
        assert_eq!(compatible(8, 1.0, 64), (8, 8));
        for bottleneck in [0.01, 0.3, 0.75, 1.25, 1.5, 2.7, 64.0] {
            for width in 1..200 {
                for group in [1, 2, 4, 8, 24, 128] {
                    let (wide, group) = compatible(width, bottleneck, group);
                    let inner = inner_width(wide, bottleneck);
                    assert_eq!(inner % group, 0, "{width} {bottleneck}: {wide} {group}");
                }
            }
        }
    }

    #[test]
    fn the_two_papers_round_depth_differently() {
        assert_eq!([0.6, 1.1, 2.5].map(ceil_depth), [1, 2, 3]);
        assert_eq!([0.4, 1.1, 2.5].map(round_depth), [1, 1, 2]);
    }
}
