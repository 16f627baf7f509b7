//! The bytes that a training step and inference move: counted exactly, and never more than this.

use triaxis::engine::ops::{mean, softmax_cross_entropy};
use triaxis::engine::{
    AdapterKind, Graph, Inference, InferenceOptions, Limits, Mode, Precision, Schedule, Value,
    gradients,
};
use triaxis::models::{Model, zoo};

/// Images of a batch.
const IMAGES: usize = 256;

/// Loss and gradients in mixed precision, without optimizer and augmentation, and what is asked of them.
fn step(name: &str, side: usize) -> (Graph, Vec<Value>) {
    let mut g = Graph::new(Mode::Train);
    let x = g.input("x", [IMAGES, side, side, 3]);
    let y = zoo(name).unwrap().forward(&mut g, x).unwrap();
    let targets = g.input("targets", g.shape(y));
    let losses = softmax_cross_entropy(&mut g, y, targets).unwrap();
    let loss = mean(&mut g, losses).unwrap();
    let one = g.input("one", [1, 1, 1, 1]);
    let grads = gradients(&mut g, loss, one).unwrap();
    let of_parameters = g.parameters().iter().filter_map(|p| grads.get(p.value));
    let keep: Vec<Value> = of_parameters.chain([loss]).collect();
    g.store_halves(&[]);
    (g, keep)
}

/// Bytes an image of such a step.
fn moved(name: &str, side: usize) -> u64 {
    let (g, keep) = step(name, side);
    bytes(&g, &keep, &card())
}

/// What a graphics card may bind at once.
fn card() -> Limits {
    Limits {
        binding: (1 << 31) - 256,
        buffer: 1 << 40,
        kind: AdapterKind::Gpu,
        ..Limits::default()
    }
}

fn bytes(g: &Graph, keep: &[Value], limits: &Limits) -> u64 {
    let traffic = Schedule::new(g, keep, limits).unwrap().traffic();
    traffic.rows.iter().map(|row| row.bytes).sum::<u64>() / IMAGES as u64
}

/// Bytes an image of inference with activations stored as f16.
fn inferred(name: &str, limits: &Limits) -> u64 {
    let mut g = Graph::new(Mode::Evaluate);
    let spec = zoo(name).unwrap();
    let x = g.input("x", [IMAGES, spec.resolution, spec.resolution, 3]);
    let y = spec.forward(&mut g, x).unwrap();
    let options = InferenceOptions {
        precision: Precision::F16,
    };
    let fused = Inference::new(&g, &[y], &options).unwrap();
    bytes(&fused.graph, &fused.keep, limits)
}

#[test]
fn inference_moves_no_more_than_this() {
    for (name, written, most) in [
        ("efficientnet_b0", 28_850_000, 19_750_000),
        ("mobilenetv2_100", 28_050_000, 17_800_000),
        ("resnet50", 58_000_000, 58_000_000),
    ] {
        let got = inferred(name, &card());
        assert!(got <= most, "{name} moves {got} bytes an image, not {most}");
        // Where nothing pays that is computed again.
        let limits = Limits {
            recompute: 0,
            ..card()
        };
        let got = inferred(name, &limits);
        assert!(
            got <= written,
            "{name} moves {got} bytes an image, not {written}"
        );
    }
}

#[test]
fn training_steps_move_no_more_than_this() {
    let more = [
        ("efficientnet_b0", 224, 141_700_000),
        ("resnet50", 224, 247_700_000),
        ("regnety-4gf-224", 224, 281_100_000),
        ("regnetz-4gf", 256, 517_700_000),
    ]
    .map(|(name, side, most)| (name, moved(name, side), most))
    .into_iter()
    .filter(|(_, got, most)| got > most)
    .map(|(name, got, most)| format!("{name} moves {got} bytes an image, not {most}"))
    .collect::<Vec<_>>();
    assert!(more.is_empty(), "{}", more.join("\n"));
}
