//! The least value of a smooth function of a few bounded numbers: BFGS, projected onto the bounds.

use crate::cholesky::dot;

/// Steps after which a search ends wherever it is.
const STEPS: usize = 200;
/// Largest element of a gradient that counts as none.
const FLAT: f64 = 1e-7;

/// Where the search ended.
#[derive(Clone, Debug)]
pub(crate) struct Least<const N: usize> {
    pub(crate) at: [f64; N],
    pub(crate) value: f64,
}

/// Goes downhill from `start` within `bounds`. `f` gives the value and its gradient; a value that is not finite is no
/// place to go to.
pub(crate) fn minimise<const N: usize>(
    f: impl Fn(&[f64; N]) -> (f64, [f64; N]),
    start: [f64; N],
    bounds: &[(f64, f64); N],
) -> Least<N> {
    let clamp = |mut x: [f64; N]| {
        for (x, (low, high)) in x.iter_mut().zip(bounds) {
            *x = x.clamp(*low, *high);
        }
        x
    };
    let mut x = clamp(start);
    let (mut value, mut gradient) = f(&x);
    let mut inverse = identity::<N>();
    let mut held = [false; N];
    for _ in 0..STEPS {
        // A number at its bound that the gradient presses on against it stays there.
        let now: [bool; N] = std::array::from_fn(|i| {
            (x[i] <= bounds[i].0 && gradient[i] > 0.0) || (x[i] >= bounds[i].1 && gradient[i] < 0.0)
        });
        if now != held {
            (held, inverse) = (now, identity());
        }
        let free: [f64; N] = std::array::from_fn(|i| if held[i] { 0.0 } else { gradient[i] });
        if free.iter().all(|g| g.abs() < FLAT) {
            break;
        }
        let newton: [f64; N] = std::array::from_fn(|i| {
            if held[i] {
                0.0
            } else {
                -dot(&inverse[i], &free)
            }
        });
        // What does not go downhill is of no use: the gradient does.
        let direction = match dot(&newton, &free) < 0.0 {
            true => newton,
            false => {
                inverse = identity();
                free.map(|g| -g)
            }
        };
        // No step is longer than a factor of e^2 in logarithms.
        let longest = direction.iter().fold(0.0, |most: f64, d| most.max(d.abs()));
        let mut length = (2.0 / longest).min(1.0);
        let mut next = None;
        for _ in 0..40 {
            let to = clamp(std::array::from_fn(|i| x[i] + length * direction[i]));
            let moved: [f64; N] = std::array::from_fn(|i| to[i] - x[i]);
            let (there, slope) = f(&to);
            if there <= value + 1e-4 * dot(&moved, &free) {
                next = Some((to, moved, there, slope));
                break;
            }
            length *= 0.5;
        }
        let Some((to, moved, there, slope)) = next else {
            break;
        };
        let turned: [f64; N] =
            std::array::from_fn(|i| if held[i] { 0.0 } else { slope[i] - gradient[i] });
        update(&mut inverse, &moved, &turned);
        let gained = value - there;
        (x, value, gradient) = (to, there, slope);
        if gained.abs() < 1e-14 * value.abs().max(1.0) {
            break;
        }
    }
    Least { at: x, value }
}

fn identity<const N: usize>() -> [[f64; N]; N] {
    std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(i == j))))
}

/// Teaches the inverse Hessian that a move of `s` turned the gradient by `y`; left alone where that is no valley.
fn update<const N: usize>(inverse: &mut [[f64; N]; N], s: &[f64; N], y: &[f64; N]) {
    let sy = dot(s, y);
    if sy <= 1e-12 * dot(y, y) {
        return;
    }
    let hy: [f64; N] = std::array::from_fn(|i| dot(&inverse[i], y));
    let scale = 1.0 + dot(y, &hy) / sy;
    for i in 0..N {
        for j in 0..N {
            inverse[i][j] += (scale * s[i] * s[j] - hy[i] * s[j] - s[i] * hy[j]) / sy;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bottom_of_a_bent_valley_is_found() {
        // Rosenbrock's.
        let f = |x: &[f64; 2]| {
            let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
            let value = a * a + 100.0 * b * b;
            (value, [-2.0 * a - 400.0 * b * x[0], 200.0 * b])
        };
        let least = minimise(f, [-1.2, 1.0], &[(-5.0, 5.0); 2]);
        assert!(least.value < 1e-10, "{least:?}");
        // With a wall before it, the least lies on the wall: x = 0.5, y = 0.25.
        let least = minimise(f, [-1.2, 1.0], &[(-5.0, 0.5), (-5.0, 5.0)]);
        assert!(
            (least.at[0] - 0.5).abs() < 1e-12 && (least.at[1] - 0.25).abs() < 1e-6,
            "{least:?}"
        );
    }

    #[test]
    fn values_that_are_not_finite_are_walked_around() {
        let f = |x: &[f64; 1]| match x[0] < 1.0 {
            true => (f64::INFINITY, [0.0]),
            false => ((x[0] - 1.5).powi(2), [2.0 * (x[0] - 1.5)]),
        };
        let least = minimise(f, [9.0], &[(0.0, 10.0)]);
        assert!((least.at[0] - 1.5).abs() < 1e-6, "{least:?}");
    }
}
