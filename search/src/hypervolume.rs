//! How much of a box a set of points dominates: the measure by which two fronts are compared. Less is better, and
//! `reference` is the box's worst corner; points that are not better than it everywhere add nothing.

/// The area that `points` dominate up to `reference`: a sweep from left to right.
///
/// ```
/// use triaxis_search::hypervolume::area;
///
/// assert_eq!(area(&[[1.0, 2.0], [2.0, 1.0]], [3.0, 3.0]), 3.0);
/// ```
pub fn area(points: &[[f64; 2]], reference: [f64; 2]) -> f64 {
    let mut inside: Vec<[f64; 2]> = points
        .iter()
        .filter(|point| point[0] < reference[0] && point[1] < reference[1])
        .copied()
        .collect();
    inside.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    let (mut area, mut low) = (0.0, reference[1]);
    for [x, y] in inside {
        if y < low {
            area += (reference[0] - x) * (low - y);
            low = y;
        }
    }
    area
}

/// The volume that `points` dominate up to `reference`: the area of each slice between two points' heights.
pub fn volume(points: &[[f64; 3]], reference: [f64; 3]) -> f64 {
    let mut inside: Vec<[f64; 3]> = points
        .iter()
        .filter(|point| point.iter().zip(&reference).all(|(a, b)| a < b))
        .copied()
        .collect();
    inside.sort_by(|a, b| a[2].total_cmp(&b[2]));
    let mut volume = 0.0;
    let mut below = Vec::with_capacity(inside.len());
    for (i, [x, y, z]) in inside.iter().enumerate() {
        below.push([*x, *y]);
        let top = inside.get(i + 1).map_or(reference[2], |next| next[2]);
        if top > *z {
            volume += (top - z) * area(&below, [reference[0], reference[1]]);
        }
    }
    volume
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    /// Side of the box that random points lie in; their coordinates are whole, so unit cells can be counted.
    const SIDE: usize = 7;

    fn points<const M: usize>(random: &mut Random) -> Vec<[f64; M]> {
        let n = random.below(12);
        let point = |random: &mut Random| std::array::from_fn(|_| random.below(SIDE + 2) as f64);
        (0..n).map(|_| point(random)).collect()
    }

    /// Unit cells of the box that some point dominates.
    fn cells<const M: usize>(points: &[[f64; M]]) -> f64 {
        let count = (0..SIDE.pow(M as u32)).filter(|&cell| {
            let corner: [f64; M] =
                std::array::from_fn(|m| (cell / SIDE.pow(m as u32) % SIDE) as f64);
            points
                .iter()
                .any(|point| point.iter().zip(&corner).all(|(a, b)| a <= b))
        });
        count.count() as f64
    }

    #[test]
    fn areas_and_volumes_are_those_of_counted_cells() {
        let mut random = Random::new(11);
        for _ in 0..300 {
            let flat = points::<2>(&mut random);
            assert_eq!(area(&flat, [SIDE as f64; 2]), cells(&flat), "{flat:?}");
            let solid = points::<3>(&mut random);
            assert_eq!(volume(&solid, [SIDE as f64; 3]), cells(&solid), "{solid:?}");
        }
    }

    #[test]
    fn points_outside_of_the_box_or_none_add_nothing() {
        assert_eq!(area(&[[4.0, 0.0], [f64::NAN, 0.0]], [3.0, 3.0]), 0.0);
        assert_eq!(volume(&[[0.0, 0.0, f64::NAN]], [3.0; 3]), 0.0);
    }
}
