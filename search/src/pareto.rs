//! Which points no other point beats: non-dominated sorting and crowding distance.
//!
//! Deb and others, *A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II* (2002), section III.

use std::cmp::Ordering;

/// Whether `a` is nowhere worse than `b` and somewhere better; less is better.
pub fn dominates<const M: usize>(a: &[f64; M], b: &[f64; M]) -> bool {
    let mut better = false;
    for (a, b) in a.iter().zip(b) {
        match a.partial_cmp(b) {
            Some(Ordering::Less) => better = true,
            Some(Ordering::Equal) => {}
            // A number that is none beats nothing.
            Some(Ordering::Greater) | None => return false,
        }
    }
    better
}

/// The points in fronts, each in rising order of indices: the first are those that none dominates, the next those that
/// none but the first dominate, and so on.
///
/// ```
/// use triaxis_search::pareto::fronts;
///
/// // Error and multiply-adds of four networks.
/// let networks = [[0.3, 1.0], [0.2, 2.0], [0.3, 2.0], [0.4, 3.0]];
/// assert_eq!(fronts(&networks), [vec![0, 1], vec![2], vec![3]]);
/// ```
pub fn fronts<const M: usize>(points: &[[f64; M]]) -> Vec<Vec<usize>> {
    let mut beaten_by = vec![0; points.len()];
    let mut beats: Vec<Vec<usize>> = vec![Vec::new(); points.len()];
    for (i, a) in points.iter().enumerate() {
        for (j, b) in points.iter().enumerate() {
            if dominates(a, b) {
                beats[i].push(j);
                beaten_by[j] += 1;
            }
        }
    }
    let mut fronts = Vec::new();
    let mut front: Vec<usize> = (0..points.len()).filter(|&i| beaten_by[i] == 0).collect();
    while !front.is_empty() {
        let mut next = Vec::new();
        for &j in front.iter().flat_map(|&i| &beats[i]) {
            beaten_by[j] -= 1;
            if beaten_by[j] == 0 {
                next.push(j);
            }
        }
        next.sort_unstable();
        fronts.push(std::mem::replace(&mut front, next));
    }
    fronts
}

/// How lonely each point of a front is: the sum over objectives of the distance between its neighbours, as a share of
/// the front's extent; infinite for the ends.
pub fn crowding<const M: usize>(points: &[[f64; M]], front: &[usize]) -> Vec<f64> {
    let mut distance = vec![0.0; front.len()];
    let mut order: Vec<usize> = (0..front.len()).collect();
    for value in (0..M).map(|m| move |at: usize| points[front[at]][m]) {
        order.sort_by(|&a, &b| value(a).total_cmp(&value(b)));
        let (Some(&first), Some(&last)) = (order.first(), order.last()) else {
            return distance;
        };
        distance[first] = f64::INFINITY;
        distance[last] = f64::INFINITY;
        let extent = value(last) - value(first);
        if extent <= 0.0 {
            continue;
        }
        for three in order.windows(3) {
            distance[three[1]] += (value(three[2]) - value(three[0])) / extent;
        }
    }
    distance
}

/// The `count` best points, in rising order of indices: front after front, of the last the loneliest. All of them where
/// there are fewer.
pub fn best<const M: usize>(points: &[[f64; M]], count: usize) -> Vec<usize> {
    let mut kept: Vec<usize> = Vec::new();
    for front in fronts(points) {
        let room = count - kept.len();
        if front.len() <= room {
            kept.extend(front);
            continue;
        }
        let distance = crowding(points, &front);
        let mut order: Vec<usize> = (0..front.len()).collect();
        order.sort_by(|&a, &b| distance[b].total_cmp(&distance[a]));
        kept.extend(order[..room].iter().map(|&at| front[at]));
        break;
    }
    kept.sort_unstable();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    /// Points on a coarse grid, so that some are equal and some share a coordinate.
    fn points<const M: usize>(random: &mut Random) -> Vec<[f64; M]> {
        let n = random.below(40);
        let point = |random: &mut Random| std::array::from_fn(|_| random.below(8) as f64);
        (0..n).map(|_| point(random)).collect()
    }

    /// By the definition: what nothing dominates among what is left.
    fn by_force<const M: usize>(points: &[[f64; M]]) -> Vec<Vec<usize>> {
        let mut left: Vec<usize> = (0..points.len()).collect();
        let mut fronts = Vec::new();
        while !left.is_empty() {
            let beaten = |i: usize| {
                left.iter().any(|&j| {
                    let (a, b) = (points[j], points[i]);
                    (0..M).all(|m| a[m] <= b[m]) && (0..M).any(|m| a[m] < b[m])
                })
            };
            let (out, front): (Vec<_>, Vec<_>) = left.iter().partition(|&&i| beaten(i));
            fronts.push(front);
            left = out;
        }
        fronts
    }

    #[test]
    fn fronts_are_those_of_the_definition() {
        let mut random = Random::new(5);
        for _ in 0..200 {
            let two = points::<2>(&mut random);
            assert_eq!(fronts(&two), by_force(&two), "{two:?}");
            let three = points::<3>(&mut random);
            assert_eq!(fronts(&three), by_force(&three), "{three:?}");
        }
    }

    #[test]
    fn the_best_are_whole_fronts_and_the_loneliest_of_one_more() {
        let mut random = Random::new(6);
        for _ in 0..100 {
            let points = points::<2>(&mut random);
            let rank = |i: usize| fronts(&points).iter().position(|f| f.contains(&i));
            for count in [0, 1, 5, points.len(), points.len() + 3] {
                let kept = best(&points, count);
                assert_eq!(kept.len(), count.min(points.len()));
                let worst = kept.iter().map(|&i| rank(i)).max();
                let left = (0..points.len()).filter(|i| !kept.contains(i));
                let next = left.map(rank).min();
                if let (Some(worst), Some(next)) = (worst, next) {
                    assert!(worst <= next, "{points:?}: {kept:?}");
                }
            }
        }
    }

    #[test]
    fn the_ends_of_a_front_are_lonelier_than_what_lies_between() {
        let points = [[0.0, 4.0], [1.0, 3.0], [1.5, 1.5], [4.0, 0.0]];
        let distance = crowding(&points, &[0, 1, 2, 3]);
        assert_eq!((distance[0], distance[3]), (f64::INFINITY, f64::INFINITY));
        assert_eq!(distance[1], 1.5 / 4.0 + 2.5 / 4.0);
        assert_eq!(distance[2], 3.0 / 4.0 + 3.0 / 4.0);
        assert_eq!(best(&points, 3), [0, 2, 3]);
    }

    #[test]
    fn a_number_that_is_none_beats_nothing() {
        assert!(!dominates(&[f64::NAN, 0.0], &[1.0, 1.0]));
        assert!(!dominates(&[1.0, 1.0], &[f64::NAN, 2.0]));
        assert_eq!(fronts::<2>(&[]), Vec::<Vec<usize>>::new());
    }
}
