//! Against scikit-learn's, and against its own differences.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Case {
    x: Vec<f64>,
    y: Vec<f64>,
    kernel: [f64; 3],
    at: Vec<f64>,
    mean: Vec<f64>,
    deviation: Vec<f64>,
    log_likelihood: f64,
    best: f64,
}

/// Made by `tests/golden/gaussian.py`.
fn cases() -> BTreeMap<String, Case> {
    serde_json::from_str(include_str!("../../tests/golden/gaussian.json")).unwrap()
}

#[test]
fn predictions_at_a_given_kernel_are_scikit_learns() {
    for (name, case) in cases() {
        let [variance, length, noise] = case.kernel;
        let kernel = Kernel {
            variance,
            length,
            noise,
        };
        let process = GaussianProcess::new(kernel, &case.x, &case.y).unwrap();
        assert_eq!(case.at.len(), 50);
        for (i, &at) in case.at.iter().enumerate() {
            let got = process.predict(at);
            let expected = (case.mean[i], case.deviation[i]);
            assert!(
                (got.mean - expected.0).abs() < 1e-6
                    && (got.of_observation - expected.1).abs() < 1e-5,
                "{name} at {at}: {got:?}, expected {expected:?}"
            );
            assert!(got.of_curve < got.of_observation, "{name} at {at}: {got:?}");
        }
        let got = process.log_marginal_likelihood();
        assert!((got - case.log_likelihood).abs() < 1e-6, "{name}: {got}");
    }
}

#[test]
fn the_fitted_kernel_is_as_likely_as_scikit_learns() {
    for (name, case) in cases() {
        let process = GaussianProcess::fit(&case.x, &case.y).unwrap();
        let got = process.log_marginal_likelihood();
        assert!(
            got > case.best - 1e-3,
            "{name}: {got} with {:?}, scikit-learn has {}",
            process.kernel(),
            case.best
        );
    }
}

#[test]
fn the_gradient_is_that_of_the_differences() {
    for (name, case) in cases() {
        let (_, _, values) = standardised(&case.y);
        let logs = [0.3, -0.8, -2.0];
        let (_, gradient) = objective(&logs, &case.x, &values);
        for (i, got) in gradient.into_iter().enumerate() {
            let at = |by: f64| {
                let mut logs = logs;
                logs[i] += by;
                objective(&logs, &case.x, &values).0
            };
            let expected = (at(1e-5) - at(-1e-5)) / 2e-5;
            let bound = 1e-5 * expected.abs().max(1.0);
            assert!(
                (got - expected).abs() < bound,
                "{name}, {i}: {got}, {expected}"
            );
        }
    }
}

#[test]
fn the_terms_sum_up_to_the_mean() {
    for (name, case) in cases() {
        let process = GaussianProcess::fit(&case.x, &case.y).unwrap();
        let (offset, terms) = process.terms();
        let length = process.kernel().length;
        for &x in &case.at {
            let term = |(at, a): &(f64, f64)| a * (-0.5 * ((x - at) / length).powi(2)).exp();
            let got = offset + terms.iter().map(term).sum::<f64>();
            let expected = process.predict(x);
            assert!((got - expected.mean).abs() < 1e-9, "{name} at {x}");
            let squares = expected.of_curve.powi(2) + process.noise().powi(2);
            assert!((squares.sqrt() - expected.of_observation).abs() < 1e-9);
        }
    }
}

#[test]
fn lengths_may_be_bounded() {
    // Likeliest is a curve that bends through every point.
    let x = [0.1, 0.2, 0.4, 0.5, 0.8, 1.0];
    let y = [1.0, 0.2, 1.1, 0.1, 1.0, 0.0];
    let length = |options: &FitOptions| {
        let process = GaussianProcess::fit_with(&x, &y, options).unwrap();
        process.kernel().length
    };
    assert!(length(&FitOptions::default()) < 0.25);
    let bounded = length(&FitOptions {
        length: (0.3, 10.0),
    });
    assert!((0.3 - 1e-9..=10.0 + 1e-9).contains(&bounded), "{bounded}");
    for wrong in [
        (0.0, 1.0),
        (2.0, 1.0),
        (f64::NAN, 1.0),
        (0.1, f64::INFINITY),
    ] {
        let options = FitOptions { length: wrong };
        assert!(
            GaussianProcess::fit_with(&x, &y, &options).is_err(),
            "{wrong:?}"
        );
    }
}

#[test]
fn values_that_are_all_the_same_are_expected_everywhere() {
    let process = GaussianProcess::fit(&[0.0, 0.5, 1.0], &[0.7; 3]).unwrap();
    for x in [-1.0, 0.2, 1.0] {
        let got = process.predict(x);
        assert!((got.mean - 0.7).abs() < 1e-9, "{got:?}");
    }
}

#[test]
fn numbers_without_a_curve_are_refused() {
    let kernel = Kernel {
        variance: 1.0,
        length: 1.0,
        noise: 0.1,
    };
    let refused = |x: &[f64], y: &[f64]| GaussianProcess::fit(x, y).unwrap_err().to_string();
    assert_eq!(
        refused(&[1.0], &[1.0]),
        "a Gaussian process needs 2 points or more, got 1"
    );
    assert_eq!(
        refused(&[1.0, 2.0], &[1.0]),
        "a Gaussian process has 2 numbers on one side and 1 on the other, expected as many"
    );
    assert_eq!(
        refused(&[1.0, f64::NAN], &[1.0, 2.0]),
        "a Gaussian process got NaN among its numbers, expected finite ones"
    );
    assert_eq!(
        refused(&[2.0, 2.0], &[1.0, 2.0]),
        "a Gaussian process got 2 as each of its numbers, expected different ones"
    );
    for wrong in [
        Kernel {
            length: 0.0,
            ..kernel
        },
        Kernel {
            noise: -1.0,
            ..kernel
        },
        Kernel {
            variance: f64::NAN,
            ..kernel
        },
    ] {
        let error = GaussianProcess::new(wrong, &[0.0, 1.0], &[0.0, 1.0]).unwrap_err();
        assert!(
            error.to_string().contains("expected numbers above 0"),
            "{error}"
        );
    }
}
