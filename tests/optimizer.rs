//! Follows an optimizer for a few steps, number by number, in f64.

use triaxis::engine::{
    Arena, Gpu, Gradients, Graph, Limits, Mode, ParameterOptions, Plan, Result, Value,
};

use crate::ops::gradient_norm::given;
use crate::{TOLERANCE, gpu, random};

/// A number of a parameter and two that the optimizer keeps for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number {
    pub(crate) x: f64,
    pub(crate) first: f64,
    pub(crate) second: f64,
}

/// What a number's update depends on beside itself.
pub(crate) struct Step {
    /// The gradient, clipped.
    pub(crate) gradient: f64,
    pub(crate) rate: f64,
    pub(crate) decays: bool,
    /// Steps taken, this one included.
    pub(crate) count: i32,
}

/// Shape, whether it decays, whether it is trained, what its rate is multiplied by: laid out in another order.
const PARAMETERS: [([usize; 4], bool, bool, f32); 5] = [
    ([3, 3, 2, 5], true, true, 1.0),
    ([1, 1, 1, 7], false, true, 1.0),
    ([1, 1, 1, 3], true, false, 1.0),
    ([1, 1, 6, 10], true, true, 1.0),
    ([1, 1, 1, 9], true, true, 0.25),
];

/// Of these steps, one has a gradient that is not finite.
const RATES: [f64; 5] = [0.1, 0.05, 0.2, 0.1, 0.4];
const FLAWED: usize = 2;

/// Compares every parameter after every step with `update`, on the adapter and in windows of 64 numbers; what the
/// optimizer keeps begins as `begin` says.
pub(crate) fn follow(
    apply: impl Fn(&mut Graph, &Gradients, Value) -> Result<Value>,
    max_norm: Option<f64>,
    begin: [f64; 2],
    update: impl Fn(&mut Number, &Step),
) {
    let small = gpu().with_limits(Limits {
        work: 1,
        workgroups: 3,
        ..*gpu().limits()
    });
    for gpu in [gpu(), &small] {
        follow_on(gpu, &apply, max_norm, begin, &update);
    }
}

fn follow_on(
    gpu: &Gpu,
    apply: impl Fn(&mut Graph, &Gradients, Value) -> Result<Value>,
    max_norm: Option<f64>,
    [first, second]: [f64; 2],
    update: impl Fn(&mut Number, &Step),
) {
    let mut g = Graph::new(Mode::Train);
    let (mut made, mut grads) = (Vec::new(), Vec::new());
    for (i, (shape, decay, trainable, rate)) in PARAMETERS.into_iter().enumerate() {
        let options = ParameterOptions {
            decay,
            trainable,
            rate,
            ..ParameterOptions::default()
        };
        made.push(g.parameter(&format!("p{i}"), shape, options).unwrap());
        grads.push(g.input(&format!("g{i}"), shape));
    }
    let rate = g.input("rate", [1, 1, 1, 1]);
    let gradients = given(&mut g, &made, &grads).unwrap();
    let norm = apply(&mut g, &gradients, rate).unwrap();
    let mut plan = Plan::compile(gpu, &g, &[norm]).unwrap();
    plan.initialise(0).unwrap();

    let mut numbers: Vec<Vec<Number>> = Vec::new();
    for (seed, &p) in (20..).zip(&made) {
        let begin = random(seed, g.shape(p).count());
        plan.write(p, &begin.iter().map(|&x| x as f32).collect::<Vec<_>>())
            .unwrap();
        numbers.push(
            begin
                .into_iter()
                .map(|x| Number { x, first, second })
                .collect(),
        );
    }
    let mut count = 0;
    for (step, rate_now) in RATES.into_iter().enumerate() {
        let mut now: Vec<Vec<f64>> = (0..PARAMETERS.len())
            .map(|i| random((100 * step + i) as u32, numbers[i].len()))
            .collect();
        if step == FLAWED {
            now[3][59] = f64::NAN;
        }
        for (&x, numbers) in grads.iter().zip(&now) {
            plan.write(x, &numbers.iter().map(|&x| x as f32).collect::<Vec<_>>())
                .unwrap();
        }
        plan.write(rate, &[rate_now as f32]).unwrap();
        plan.run().unwrap();
        if step != FLAWED {
            count += 1;
            let trained = (0..PARAMETERS.len()).filter(|&i| PARAMETERS[i].2);
            let squares = trained.flat_map(|i| &now[i]).map(|x| x * x);
            let length = squares.sum::<f64>().sqrt();
            let clip = max_norm.map_or(1.0, |max| (max / (length + 1e-6)).min(1.0));
            for (i, (_, decays, trainable, factor)) in PARAMETERS.into_iter().enumerate() {
                if !trainable {
                    continue;
                }
                for (number, gradient) in numbers[i].iter_mut().zip(&now[i]) {
                    let step = Step {
                        gradient: clip * gradient,
                        rate: rate_now * f64::from(factor),
                        decays,
                        count,
                    };
                    update(number, &step);
                }
            }
        }
        for (i, (&p, expected)) in made.iter().zip(&numbers).enumerate() {
            let got = plan.read(p).unwrap();
            for (j, (got, expected)) in got.iter().zip(expected).enumerate() {
                assert!(
                    (f64::from(*got) - expected.x).abs() < TOLERANCE,
                    "p{i}[{j}] is {got} after step {step}, expected {}",
                    expected.x
                );
            }
        }
    }
    let padded = plan.read_padded(made[1]).unwrap();
    assert_eq!(padded[7], 0.0, "the padding of a parameter");
    let arena = plan.export(&Arena::Parameters).unwrap();
    assert_eq!(arena.len(), PARAMETERS.len());
}
