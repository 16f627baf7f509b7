//! `engine::ops::avg_pool`.

use triaxis::engine::ops::{Divisor, Padding, Pool, avg_pool};

use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    use Divisor::{Pixels, Window};
    use Padding::{Same, Symmetric};
    let case = |image, (kernel, stride), padding, divisor, differences| {
        let pool = Pool {
            kernel,
            stride,
            padding,
        };
        let name = format!("of {image:?}, {pool:?}, {divisor:?}");
        case(&name, image, pool, divisor, differences)
    };
    let all = Differences::All;
    vec![
        case([1, 1, 1, 1], (1, 1), Symmetric(0), Window, all),
        case([3, 1, 1, 6], (3, 2), Symmetric(1), Window, all),
        case([3, 1, 1, 6], (3, 2), Symmetric(1), Pixels, all),
        case([2, 5, 7, 6], (2, 2), Symmetric(0), Window, all),
        case([2, 5, 7, 6], (3, 2), Symmetric(1), Window, all),
        case([2, 5, 7, 6], (3, 2), Symmetric(1), Pixels, all),
        case([1, 6, 8, 10], (3, 1), Same, Pixels, all),
        case([1, 5, 7, 3], (2, 2), Same, Window, all),
        case([1, 7, 9, 1], (2, 3), Symmetric(1), Pixels, all),
        case([1, 8, 8, 2], (7, 3), Symmetric(3), Window, all),
        case(
            [3, 40, 41, 20],
            (3, 2),
            Symmetric(1),
            Pixels,
            Differences::Some(8),
        ),
    ]
}

/// What shortcuts that average take at ResNet-50's sizes, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    let halves = Pool {
        kernel: 2,
        stride: 2,
        padding: Padding::Symmetric(0),
    };
    let layer = |name, side, channels| {
        let image = [n, side, side, channels];
        case(name, image, halves, Divisor::Window, Differences::Some(1))
    };
    vec![
        layer("2x2s2_256_56", 56, 256),
        layer("2x2s2_1024_14", 14, 1024),
    ]
}

fn case(
    name: &str,
    image: [usize; 4],
    pool: Pool,
    divisor: Divisor,
    differences: Differences,
) -> Case {
    let mean = move |pixels: &[f64]| {
        let over = match divisor {
            Divisor::Window => pool.kernel * pool.kernel,
            Divisor::Pixels => pixels.len(),
        };
        pixels.iter().sum::<f64>() / over as f64
    };
    Case {
        name: format!("avg_pool {name}"),
        inputs: vec![Input::random(image)],
        apply: Box::new(move |g, v| avg_pool(g, v[0], pool, divisor)),
        reference: Box::new(move |v| super::pooled(&v[0], image, pool, mean)),
        differences,
    }
}

#[cfg(test)]
mod tests {
    use triaxis::engine::ops::{Divisor, Padding, Pool, avg_pool};
    use triaxis::engine::{Graph, Mode};

    #[test]
    fn avg_pool_matches_reference_and_its_differences() {
        crate::check_all(&super::cases());
    }

    #[test]
    fn avg_pool_refuses_windows_that_do_not_fit() {
        let mut g = Graph::new(Mode::Evaluate);
        let x = g.input("x", [1, 4, 4, 3]);
        let wide = Pool {
            kernel: 7,
            stride: 1,
            padding: Padding::Symmetric(1),
        };
        let error = avg_pool(&mut g, x, wide, Divisor::Window).unwrap_err();
        assert_eq!(
            error.to_string(),
            "avg_pool expects images that a 7×7 window fits on with a padding of 1: use larger ones, or more padding, \
             got 1×4×4×3"
        );
    }
}
