//! What a training step does around the network: pictures, targets, loss, counts, optimizers, averages.

use triaxis_engine::DType::{F32, U8, U32};
use triaxis_engine::ops::{
    self, AdamW, Alteration, Augment, Erased, RmsProp, Sgd, SoftTargets, Tone, table_rows,
};
use triaxis_engine::{
    Arena, Gradients, Graph, Init, ParameterOptions, Result, Shape, Value, gradients,
};

use super::case::{Case, Input, TOLERANCE, random};
use super::gradients::gradient_cases;
use super::reference;

/// All of them.
pub(super) fn steps() -> Vec<Case> {
    let mut cases = vec![
        augment(),
        augment_each(),
        gather(),
        soft_targets(),
        mixup(),
        cutmix(),
        loss(),
        accuracy(),
        average(),
    ];
    cases.extend(gradient_cases());
    cases.extend(optimizers());
    cases
}

fn augment() -> Case {
    let shape = [2, 5, 7, 3];
    let bytes = random(1, Shape(shape).count()).into_iter();
    let bytes = bytes.map(|x| ((x + 0.5) * 255.0).round()).collect();
    let Augment { mean, std, .. } = Augment::default();
    Case {
        name: "picture normalisation",
        inputs: vec![Input::given(shape, U8, bytes)],
        apply: Box::new(|g, v| ops::augment(g, v[0], Augment::default())),
        reference: Box::new(move |v| {
            let normal = |(i, x): (usize, &f64)| {
                (x / 255.0 - f64::from(mean[i % 3])) / f64::from(std[i % 3])
            };
            v[0].iter().enumerate().map(normal).collect()
        }),
        tolerance: TOLERANCE,
    }
}

fn gather() -> Case {
    let shape = [3, 5, 7, 3];
    let bytes = random(1, Shape(shape).count()).into_iter();
    let bytes = bytes.map(|x| ((x + 0.5) * 255.0).round()).collect();
    let plain = Augment {
        mean: [0.0; 3],
        std: [1.0 / 255.0; 3],
        ..Augment::default()
    };
    Case {
        name: "pictures out of a data set",
        inputs: vec![
            Input::given(shape, U8, bytes),
            Input::given([2, 1, 1, 1], U32, vec![2.0, 1.0]),
        ],
        apply: Box::new(move |g, v| {
            let pictures = ops::gather(g, v[0], v[1])?;
            ops::augment(g, pictures, plain)
        }),
        reference: Box::new(|v| {
            let picture = |place: &f64| v[0][*place as usize * 105..][..105].to_vec();
            v[1].iter().flat_map(picture).collect()
        }),
        tolerance: TOLERANCE,
    }
}

/// Mirrored, halved in brightness, lit, with a hole.
fn augment_each() -> Case {
    let [h, w] = [5, 7];
    let bytes = random(1, 2 * h * w * 3).into_iter();
    let bytes = bytes.map(|x| ((x + 0.5) * 255.0).round()).collect();
    let one = Alteration {
        mirrored: true,
        tones: vec![(Tone::Brightness, 0.5)],
        light: [0.25, -0.125, 0.0],
        erased: vec![Erased {
            rectangle: [1, 2, 4, 5],
            colour: [0.5, 0.0, -2.0],
            noise: 0.0,
        }],
        ..Alteration::none([h, w])
    };
    let rows: Vec<f64> = one.rows(1).into_iter().map(f64::from).collect();
    let Augment { mean, std, .. } = Augment::default();
    Case {
        name: "picture augmentation",
        inputs: vec![
            Input::given([2, h, w, 3], U8, bytes),
            Input::given([2, 1, table_rows(1), 4], F32, rows.repeat(2)),
        ],
        apply: Box::new(|g, v| ops::augment_each(g, v[0], v[1], Augment::default())),
        reference: Box::new(move |v| {
            let number = |i: usize| {
                let (line, column, c) = (i / (w * 3), i / 3 % w, i % 3);
                if (1..4).contains(&column) && (2..5).contains(&(line % h)) {
                    return [0.5, 0.0, -2.0][c];
                }
                let byte = (v[0][(line * w + w - 1 - column) * 3 + c] * 0.5).floor();
                let lit = byte / 255.0 + [0.25, -0.125, 0.0][c];
                (lit - f64::from(mean[c])) / f64::from(std[c])
            };
            (0..v[0].len()).map(number).collect()
        }),
        tolerance: TOLERANCE,
    }
}

const LABELS: [f64; 3] = [2.0, 0.0, 8.0];
const CLASSES: usize = 9;

fn labels() -> Input {
    Input::given([3, 1, 1, 1], U32, LABELS.into())
}

fn soft_targets() -> Case {
    let options = SoftTargets {
        classes: CLASSES,
        smoothing: 0.125,
    };
    Case {
        name: "smoothed targets",
        inputs: vec![labels()],
        apply: Box::new(move |g, v| ops::soft_targets(g, v[0], options)),
        reference: Box::new(|_| smoothed()),
        tolerance: TOLERANCE,
    }
}

fn smoothed() -> Vec<f64> {
    let target = |label: f64, class: usize| {
        0.125 / CLASSES as f64 + if class as f64 == label { 0.875 } else { 0.0 }
    };
    let row = |label| (0..CLASSES).map(move |class| target(label, class));
    LABELS.into_iter().flat_map(row).collect()
}

fn mixup() -> Case {
    let image = 5 * 7 * 3;
    Case {
        name: "mixup",
        inputs: vec![
            Input::random([3, 5, 7, 3]),
            Input::given([3, 1, 1, 1], U32, vec![1.0, 2.0, 0.0]),
            Input::given(Shape::scalar(), F32, vec![0.75]),
        ],
        apply: Box::new(|g, v| ops::mixup(g, v[0], v[1], v[2])),
        reference: Box::new(move |v| {
            let mixed = |(i, x): (usize, &f64)| {
                0.75 * x + 0.25 * v[0][v[1][i / image] as usize * image + i % image]
            };
            v[0].iter().enumerate().map(mixed).collect()
        }),
        tolerance: TOLERANCE,
    }
}

fn cutmix() -> Case {
    let [h, w, c] = [5, 7, 3];
    Case {
        name: "cutmix",
        inputs: vec![
            Input::random([3, h, w, c]),
            Input::given([3, 1, 1, 1], U32, vec![1.0, 2.0, 0.0]),
            Input::given([1, 1, 1, 4], U32, vec![1.0, 2.0, 6.0, 4.0]),
        ],
        apply: Box::new(|g, v| ops::cutmix(g, v[0], v[1], v[2])),
        reference: Box::new(move |v| {
            let source = |i: usize| {
                let (image, row, column) = (i / (h * w * c), i / (w * c) % h, i / c % w);
                let inside = (1..6).contains(&column) && (2..4).contains(&row);
                let from = if inside { v[1][image] as usize } else { image };
                v[0][from * h * w * c + i % (h * w * c)]
            };
            (0..v[0].len()).map(source).collect()
        }),
        tolerance: TOLERANCE,
    }
}

fn loss() -> Case {
    let shape = [3, 1, 1, CLASSES];
    Case {
        name: "softmax cross-entropy",
        inputs: vec![Input::random(shape), Input::given(shape, F32, smoothed())],
        apply: Box::new(|g, v| {
            let losses = ops::softmax_cross_entropy(g, v[0], v[1])?;
            ops::mean(g, losses)
        }),
        reference: Box::new(|v| {
            let losses = reference::softmax_cross_entropy(&v[0], &v[1], CLASSES);
            vec![losses.iter().sum::<f64>() / losses.len() as f64]
        }),
        tolerance: TOLERANCE,
    }
}

fn accuracy() -> Case {
    let logits = random(5, 3 * CLASSES);
    Case {
        name: "accuracy count",
        inputs: vec![
            Input::given([3, 1, 1, CLASSES], F32, logits),
            labels(),
            Input::given([3, 1, 1, 1], F32, vec![0.5, 1.5, 2.5]),
            Input::given([3, 1, 1, 1], F32, vec![1.0, 1.0, 0.0]),
        ],
        apply: Box::new(|g, v| ops::accuracy(g, v[0], v[1], v[2], v[3])),
        reference: Box::new(|v| {
            // The third image only fills the batch up.
            let rank = |image: usize| {
                let row = &v[0][image * CLASSES..][..CLASSES];
                row.iter()
                    .filter(|&&x| x > row[v[1][image] as usize])
                    .count()
            };
            let hits = |within: usize| (0..2).filter(|&i| rank(i) < within).count() as f64;
            vec![2.0, hits(1), hits(5), 2.0, 0.0, 0.0, 0.0, 0.0]
        }),
        tolerance: TOLERANCE,
    }
}

fn average() -> Case {
    Case {
        name: "average of the weights",
        inputs: vec![Input::given(Shape::scalar(), F32, vec![0.25])],
        apply: Box::new(|g, v| {
            parameter(g, Shape::vector(6))?;
            ops::average(g, v[0], None)?;
            Ok(g.arena(Arena::OfParameters("average")))
        }),
        // Arenas are cut in pieces of 64 numbers.
        reference: Box::new(|_| [vec![0.125; 6], vec![0.0; 58]].concat()),
        tolerance: TOLERANCE,
    }
}

/// How an optimizer is drawn.
type Draw = Box<dyn Fn(&mut Graph, &Gradients, Value) -> Result<Value>>;

fn optimizers() -> Vec<Case> {
    const COUNT: usize = 70;
    let case = |name, dx: Vec<f64>, draw: Draw, step: fn(f64) -> f64| Case {
        name,
        inputs: vec![
            Input::given(Shape::vector(COUNT), F32, dx),
            Input::given(Shape::scalar(), F32, vec![0.25]),
        ],
        apply: Box::new(move |g, v| {
            let x = parameter(g, g.shape(v[0]))?;
            // Of x · dx, the gradient of x is dx.
            let y = ops::gate(g, v[0], x)?;
            let one = g.state("one", g.shape(y), 1.0);
            let grads = gradients(g, y, one)?;
            draw(g, &grads, v[1])?;
            Ok(x)
        }),
        reference: Box::new(move |v| v[0].iter().map(|&dx| step(dx)).collect()),
        tolerance: TOLERANCE,
    };
    let sgd = |options: Sgd| -> Draw {
        Box::new(move |g, grads, rate| ops::sgd(g, grads, rate, options))
    };
    let plain = Sgd {
        momentum: 0.0,
        nesterov: false,
        ..Sgd::default()
    };
    let decayed = Sgd {
        weight_decay: 0.125,
        ..Sgd::default()
    };
    let dx = random(1, COUNT);
    let flawed = |number: f64| {
        let mut dx = random(1, COUNT);
        dx[COUNT - 2] = number;
        dx
    };
    vec![
        // The momentum begins as 0; with Nesterov's look-ahead a first step is 1.9 gradients.
        case("SGD with momentum", dx.clone(), sgd(decayed), |dx| {
            0.5 - 0.25 * 1.9 * (dx + 0.125 * 0.5)
        }),
        case("SGD", dx.clone(), sgd(plain), |dx| 0.5 - 0.25 * dx),
        case(
            "no step at an infinite gradient",
            flawed(f64::INFINITY),
            sgd(plain),
            |_| 0.5,
        ),
        case(
            "no step at a gradient that is no number",
            flawed(f64::NAN),
            sgd(plain),
            |_| 0.5,
        ),
        case(
            "RMSProp",
            dx.clone(),
            Box::new(|g, grads, rate| ops::rmsprop(g, grads, rate, RmsProp::default())),
            // The mean square begins as 1.
            |dx| 0.5 - 0.25 * dx / (0.9 + 0.1 * dx * dx + 1e-3).sqrt(),
        ),
        case(
            "AdamW",
            dx,
            Box::new(|g, grads, rate| {
                let eps = 0.125;
                ops::adamw(
                    g,
                    grads,
                    rate,
                    AdamW {
                        eps,
                        ..AdamW::default()
                    },
                )
            }),
            // In the first step the corrected means are the gradient and its square.
            |dx| 0.5 - 0.25 * (0.01 * 0.5 + dx / (dx.abs() + 0.125)),
        ),
    ]
}

/// A parameter that begins as 0.5 and decays.
fn parameter(g: &mut Graph, shape: Shape) -> Result<Value> {
    let options = ParameterOptions {
        init: Init::Constant(0.5),
        decay: true,
        ..ParameterOptions::default()
    };
    g.parameter("x", shape, options)
}
