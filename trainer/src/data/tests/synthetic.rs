use crate::data::{Dataset, Synthetic};

#[test]
fn synthetic_is_a_function_of_seed_split_and_index() {
    let picture =
        |seed, split: &str, index| Synthetic::new(seed, split, 100, 32).picture(index).unwrap();
    let one = picture(1, "train", 7);
    assert_eq!(
        (one.width, one.height, one.rgb.len()),
        (32, 32, 32 * 32 * 3)
    );
    assert_eq!(one, picture(1, "train", 7));
    assert_ne!(one, picture(2, "train", 7));
    assert_ne!(one, picture(1, "validation", 7));
    assert_ne!(one, picture(1, "train", 17));
}

#[test]
fn synthetic_has_ten_balanced_classes_at_any_side() {
    let data = Synthetic::new(3, "train", 40, 7);
    assert_eq!(data.classes().len(), 10);
    let mut counts = [0; 10];
    for index in 0..data.len() {
        counts[data.label(index)] += 1;
        assert_eq!(data.picture(index).unwrap().rgb.len(), 7 * 7 * 3);
    }
    assert_eq!(counts, [4; 10]);
    assert_eq!(
        Synthetic::new(3, "train", 1, 1)
            .picture(0)
            .unwrap()
            .rgb
            .len(),
        3
    );
}

/// The mean of a picture, and of each colour, says nothing of its class.
#[test]
fn synthetic_classes_have_equal_means() {
    let data = Synthetic::new(5, "train", 4000, 16);
    let mut sums = [[0.0; 3]; 10];
    for index in 0..data.len() {
        let picture = data.picture(index).unwrap();
        for pixel in picture.rgb.chunks_exact(3) {
            for (sum, &value) in sums[data.label(index)].iter_mut().zip(pixel) {
                *sum += f64::from(value) / (400.0 * 256.0);
            }
        }
    }
    for channel in 0..3 {
        let values = sums.map(|sum| sum[channel]);
        let (low, high) = values
            .iter()
            .fold((255.0_f64, 0.0_f64), |(low, high), &value| {
                (low.min(value), high.max(value))
            });
        // A class mean of 400 pictures has a deviation of about 1.6.
        assert!(high - low < 9.0, "channel {channel}: {values:?}");
    }
}

/// Softmax regression on raw pixels, trained by gradient descent until it stops learning.
#[test]
fn linear_classifier_on_synthetic_stays_between_15_and_60_percent() {
    const INPUTS: usize = 32 * 32 * 3;
    let load = |split: &str, count| {
        let data = Synthetic::new(0, split, count, 32);
        let picture = |index| {
            let values = data.picture(index).unwrap().rgb;
            values
                .iter()
                .map(|&v| (f32::from(v) - 127.5) / 64.0)
                .collect()
        };
        (0..count)
            .map(|index| (picture(index), data.label(index)))
            .collect::<Vec<(Vec<f32>, usize)>>()
    };
    let (train, validation) = (load("train", 5000), load("validation", 1000));
    let mut weights = vec![0.0_f32; 10 * INPUTS];
    let mut bias = [0.0_f32; 10];
    let logits = |weights: &[f32], bias: &[f32; 10], x: &[f32]| {
        let mut y = *bias;
        for (y, row) in y.iter_mut().zip(weights.chunks_exact(INPUTS)) {
            *y += row.iter().zip(x).map(|(w, x)| w * x).sum::<f32>();
        }
        y
    };
    for epoch in 0..6 {
        let rate = 3e-4 / (1.0 + epoch as f32);
        for (x, label) in &train {
            let y = logits(&weights, &bias, x);
            let top = y.iter().copied().fold(f32::MIN, f32::max);
            let total: f32 = y.iter().map(|y| (y - top).exp()).sum();
            for class in 0..10 {
                let target = if class == *label { 1.0 } else { 0.0 };
                let step = rate * ((y[class] - top).exp() / total - target);
                bias[class] -= step;
                for (w, x) in weights[class * INPUTS..][..INPUTS].iter_mut().zip(x) {
                    *w -= step * x;
                }
            }
        }
    }
    let accuracy = |data: &[(Vec<f32>, usize)]| {
        let right = data.iter().filter(|(x, label)| {
            let y = logits(&weights, &bias, x);
            y.iter().all(|&other| other <= y[*label])
        });
        100.0 * right.count() as f64 / data.len() as f64
    };
    let (seen, unseen) = (accuracy(&train), accuracy(&validation));
    assert!(
        (15.0..60.0).contains(&unseen),
        "{unseen} % on unseen pictures, {seen} % on seen ones"
    );
}
