//! `engine::ops::global_avg_pool`.

use triaxis::engine::ops::{global_avg_pool, scale};

use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    let case = |image, differences| {
        let input = Input::of(image, numbers(image));
        case(&format!("of {image:?}"), image, input, differences)
    };
    vec![
        case([1, 1, 1, 1], Differences::All),
        case([3, 1, 1, 10], Differences::All),
        case([2, 5, 7, 6], Differences::All),
        case([3, 7, 7, 20], Differences::All),
        // Split among so many threads that their sums are added up in several stages.
        case([3, 64, 131, 3], Differences::Some(8)),
        case([1, 300, 301, 1], Differences::Some(2)),
        plain([2, 5, 7, 6]),
        plain([3, 64, 131, 3]),
    ]
}

/// Layers of EfficientNet-B0, RegNetZ-500MF and ResNet-50 at their real sizes, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    let layer = |name, side, channels| {
        let image = [n, side, side, channels];
        case(name, image, Input::random(image), Differences::Some(1))
    };
    vec![
        layer("144_56", 56, 144),
        layer("672_14", 14, 672),
        layer("1280_7", 7, 1280),
    ]
}

fn case(name: &str, image: [usize; 4], input: Input, differences: Differences) -> Case {
    Case {
        name: format!("global_avg_pool {name}"),
        inputs: vec![input],
        // Times half the pixels, as the numbers are far from zero: no pixel and no gradient is too small to be missed, and
        // f16 holds the largest.
        apply: Box::new(move |g, v| {
            let mean = global_avg_pool(g, v[0])?;
            scale(g, mean, (image[1] * image[2]) as f32 / 2.0)
        }),
        reference: Box::new(move |v| {
            reference(&v[0], image)
                .iter()
                .map(|sum| sum / 2.0)
                .collect()
        }),
        differences,
    }
}

/// The mean itself.
fn plain(image: [usize; 4]) -> Case {
    let pixels = (image[1] * image[2]) as f64;
    let mean = move |sum: f64| sum / pixels;
    Case {
        name: format!("global_avg_pool alone of {image:?}"),
        inputs: vec![Input::of(image, numbers(image))],
        apply: Box::new(|g, v| global_avg_pool(g, v[0])),
        reference: Box::new(move |v| reference(&v[0], image).into_iter().map(mean).collect()),
        differences: Differences::None,
    }
}

fn numbers(image: [usize; 4]) -> Vec<f64> {
    let random = crate::random(1, image.iter().product());
    random.iter().map(|x| x + 1.0).collect()
}

/// The sum of each channel.
fn reference(x: &[f64], [n, h, w, c]: [usize; 4]) -> Vec<f64> {
    let mut y = vec![0.0; n * c];
    for (i, x) in x.iter().enumerate() {
        y[i / (h * w * c) * c + i % c] += x;
    }
    y
}

#[cfg(test)]
mod tests {
    use triaxis::engine::{Graph, Mode, ops};

    #[test]
    fn global_avg_pool_matches_reference_and_its_differences() {
        crate::check_all(&super::cases());
    }

    #[test]
    fn global_avg_pool_refuses_images_without_pixels() {
        let mut g = Graph::new(Mode::Evaluate);
        let x = g.input("x", [1, 0, 4, 3]);
        assert_eq!(
            ops::global_avg_pool(&mut g, x).unwrap_err().to_string(),
            "global_avg_pool expects tensors whose sides are 1 or more (here 1×0×4×3), got 1×0×4×3"
        );
    }
}
