//! `golden/optimizers.json`: ten steps of each optimizer, as PyTorch and timm take them in f32.

use serde_json::Value as Json;
use triaxis::engine::ops::{AdamW, GradientNorm, RmsProp, Sgd, adamw, rmsprop, sgd};
use triaxis::engine::{Arena, Gradients, Graph, Mode, ParameterOptions, Plan, Result, Value};

use crate::golden_recipe::numbers;
use crate::gpu;
use crate::ops::gradient_norm::given;

/// How far a number may be off, of itself; what an optimizer keeps comes near zero, and is measured by its largest number.
const RELATIVE: f64 = 1e-6;

/// The parameters' names, and whether they decay.
const PARAMETERS: [(&str, bool); 2] = [("weight", true), ("bias", false)];

/// Takes the steps of a trace on the device, and compares after each both parameters and what is `kept` for them. `apply`
/// draws the optimizer by the trace's options.
fn follow(
    name: &str,
    kept: &[&'static str],
    apply: impl Fn(&Json, &mut Graph, &Gradients, Value) -> Result<Value>,
) {
    let golden: Json = serde_json::from_str(include_str!("golden/optimizers.json")).unwrap();
    let trace = &golden["traces"][name];
    let mut g = Graph::new(Mode::Train);
    let (mut made, mut slopes) = (Vec::new(), Vec::new());
    for (parameter, decay) in PARAMETERS {
        let count = numbers(&golden["begin"][parameter]).len();
        let options = ParameterOptions {
            decay,
            ..ParameterOptions::default()
        };
        made.push(g.parameter(parameter, [1, 1, 1, count], options).unwrap());
        slopes.push(g.input(&format!("{parameter}.gradient"), [1, 1, 1, count]));
    }
    let rate = g.input("rate", [1, 1, 1, 1]);
    let gradients = given(&mut g, &made, &slopes).unwrap();
    apply(&trace["options"], &mut g, &gradients, rate).unwrap();
    let mut plan = Plan::compile(gpu(), &g, &[]).unwrap();
    plan.initialise(0).unwrap();
    for (&value, (parameter, _)) in made.iter().zip(PARAMETERS) {
        plan.write(value, &numbers(&golden["begin"][parameter]))
            .unwrap();
    }

    let steps = trace["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 10, "{name}");
    for (i, expected) in steps.iter().enumerate() {
        for (&value, (parameter, _)) in slopes.iter().zip(PARAMETERS) {
            plan.write(value, &numbers(&golden["gradients"][i][parameter]))
                .unwrap();
        }
        plan.write(rate, &numbers(&golden["rates"][i])).unwrap();
        plan.run().unwrap();
        for (&value, (parameter, _)) in made.iter().zip(PARAMETERS) {
            let what = format!("{name}: {parameter} after step {i}");
            let expected = numbers(&expected[parameter]);
            compare(&what, &plan.read(value).unwrap(), &expected, f64::abs);
        }
        for &arena in kept {
            for (parameter, _, got) in plan.export(&Arena::OfParameters(arena)).unwrap() {
                let what = format!("{name}: {arena} of {parameter} after step {i}");
                let expected = numbers(&expected[arena][&parameter]);
                let largest = expected.iter().fold(0.0f32, |most, x| most.max(x.abs()));
                compare(&what, &got, &expected, |_| f64::from(largest));
            }
        }
    }
}

/// Compares numbers, each by what `size` says of the one that is expected.
fn compare(what: &str, got: &[f32], expected: &[f32], size: impl Fn(f64) -> f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (j, (&got, &expected)) in got.iter().zip(expected).enumerate() {
        let (got, expected) = (f64::from(got), f64::from(expected));
        assert!(
            (got - expected).abs() <= RELATIVE * size(expected),
            "{what}: [{j}] is {got}, expected {expected}"
        );
    }
}

fn number(options: &Json, name: &str) -> f32 {
    options[name].as_f64().expect("a number of the options") as f32
}

#[test]
fn sgd_takes_the_steps_of_pytorch() {
    let traces: [(&str, &[&'static str]); 3] = [
        ("sgd", &["momentum"]),
        ("sgd, nesterov", &["momentum"]),
        ("sgd without momentum", &[]),
    ];
    for (trace, kept) in traces {
        follow(trace, kept, |options, g, gradients, rate| {
            let options = Sgd {
                momentum: number(options, "momentum"),
                nesterov: options["nesterov"].as_bool().unwrap(),
                weight_decay: number(options, "weight_decay"),
                norm: GradientNorm::default(),
            };
            sgd(g, gradients, rate, options)
        });
    }
}

#[test]
fn rmsprop_takes_the_steps_of_timms_rmsproptf() {
    let kept = ["mean_square", "momentum"];
    follow("rmsproptf", &kept, |options, g, gradients, rate| {
        let options = RmsProp {
            alpha: number(options, "alpha"),
            momentum: number(options, "momentum"),
            eps: number(options, "eps"),
            weight_decay: number(options, "weight_decay"),
            norm: GradientNorm::default(),
        };
        rmsprop(g, gradients, rate, options)
    });
}

/// What it keeps is not compared: the share of 0.001 is 1 - 0.999, taken in f32 here and in f64 there, 1e-5 of it apart. The
/// steps are not apart, since the corrections for the beginning have the same share.
#[test]
fn adamw_takes_the_steps_of_pytorch() {
    follow("adamw", &[], |options, g, gradients, rate| {
        let betas = numbers(&options["betas"]);
        let options = AdamW {
            betas: [betas[0], betas[1]],
            eps: number(options, "eps"),
            weight_decay: number(options, "weight_decay"),
            norm: GradientNorm::default(),
        };
        adamw(g, gradients, rate, options)
    });
}
