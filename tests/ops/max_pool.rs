//! `engine::ops::max_pool`.

use triaxis::engine::ops::{Padding, Pool, max_pool};

use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    use Padding::{Same, Symmetric};
    let case = |image: [usize; 4], kernel, stride, padding, differences| {
        let pool = Pool {
            kernel,
            stride,
            padding,
        };
        let input = Input::of(image, distinct(image.iter().product()));
        case(
            &format!("of {image:?}, {pool:?}"),
            image,
            input,
            pool,
            differences,
        )
    };
    let all = Differences::All;
    vec![
        case([1, 1, 1, 1], 1, 1, Symmetric(0), all),
        case([3, 1, 1, 6], 3, 2, Symmetric(1), all),
        case([2, 5, 7, 6], 3, 2, Symmetric(1), all),
        case([1, 6, 8, 10], 3, 2, Symmetric(1), all),
        case([3, 5, 7, 3], 2, 2, Symmetric(0), all),
        case([1, 5, 7, 3], 3, 1, Same, all),
        case([1, 6, 9, 3], 3, 2, Same, all),
        case([1, 7, 9, 1], 2, 3, Symmetric(1), all),
        case([1, 17, 16, 2], 15, 2, Symmetric(7), all),
        case([3, 56, 57, 20], 3, 2, Symmetric(1), Differences::Some(8)),
    ]
}

/// The pool behind ResNet-50's stem at its real size, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    let image = [n, 112, 112, 64];
    let pool = Pool {
        kernel: 3,
        stride: 2,
        padding: Padding::Symmetric(1),
    };
    let input = Input::random(image);
    vec![case(
        "3x3s2_64_112",
        image,
        input,
        pool,
        Differences::Some(1),
    )]
}

fn case(name: &str, image: [usize; 4], input: Input, pool: Pool, differences: Differences) -> Case {
    Case {
        name: format!("max_pool {name}"),
        inputs: vec![input],
        apply: Box::new(move |g, v| max_pool(g, v[0], pool)),
        reference: Box::new(move |v| super::pooled(&v[0], image, pool, largest)),
        differences,
    }
}

/// Numbers in -0.5..0.5 in no order, of which no two in a window are so near that a difference could change the winner.
fn distinct(count: usize) -> Vec<f64> {
    (0..count)
        .map(|i| (i * 1597 % 4001) as f64 / 4001.0 - 0.5)
        .collect()
}

fn largest(pixels: &[f64]) -> f64 {
    pixels.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

#[cfg(test)]
mod tests {
    use triaxis::engine::ops::{Padding, Pool, max_pool};
    use triaxis::engine::{Graph, Mode, Plan, gradients};

    const RESNETS: Pool = Pool {
        kernel: 3,
        stride: 2,
        padding: Padding::Symmetric(1),
    };

    /// Output, and the input's gradient where every output's is 1, of an image of one channel.
    fn run(h: usize, w: usize, numbers: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let mut g = Graph::new(Mode::Train);
        let x = g.input("x", [1, h, w, 1]);
        let y = max_pool(&mut g, x, RESNETS).unwrap();
        let dy = g.input("dy", g.shape(y));
        let dx = gradients(&mut g, y, dy).unwrap()[x];
        let mut plan = Plan::compile(crate::gpu(), &g, &[y, dx]).unwrap();
        plan.initialise(0).unwrap();
        plan.write(x, numbers).unwrap();
        plan.write(dy, &vec![1.0; g.shape(y).count()]).unwrap();
        plan.run().unwrap();
        (plan.read(y).unwrap(), plan.read(dx).unwrap())
    }

    #[test]
    fn max_pool_matches_reference_and_its_differences() {
        crate::check_all(&super::cases());
    }

    #[test]
    fn of_equal_numbers_the_first_gets_the_gradient() {
        let (y, dx) = run(3, 3, &[-2.0; 9]);
        assert_eq!(y, [-2.0; 4]);
        // The windows begin at rows and columns 0 and 1 of the image.
        assert_eq!(dx, [1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn what_is_not_a_number_wins_and_minus_infinity_may() {
        let (nan, low) = (f32::NAN, f32::NEG_INFINITY);
        let (y, dx) = run(1, 5, &[low, low, low, nan, 3.0]);
        assert_eq!(y[0], low);
        assert!(y[1].is_nan() && y[2].is_nan());
        assert_eq!(dx, [1.0, 0.0, 0.0, 2.0, 0.0]);
    }

    #[test]
    fn max_pool_counts_its_outputs_as_activations() {
        let mut g = Graph::new(Mode::Evaluate);
        let x = g.input("x", [1, 7, 8, 6]);
        max_pool(&mut g, x, RESNETS).unwrap();
        assert_eq!((g.complexity().flops, g.complexity().acts), (0, 4 * 4 * 6));
    }

    #[test]
    fn max_pool_refuses_windows_that_do_not_fit() {
        let refusal = |pool| {
            let mut g = Graph::new(Mode::Evaluate);
            let x = g.input("x", [1, 4, 4, 3]);
            max_pool(&mut g, x, pool).unwrap_err().to_string()
        };
        let wide = Pool {
            kernel: 16,
            ..RESNETS
        };
        assert_eq!(
            refusal(wide),
            "max_pool expects windows of at most 15×15 pixels, got 1×4×4×3"
        );
        let padded = Pool {
            padding: Padding::Symmetric(2),
            ..RESNETS
        };
        assert!(refusal(padded).contains("at most half a window of padding"));
    }
}
