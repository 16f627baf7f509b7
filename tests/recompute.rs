//! Activations that are computed again change no bit of the gradients, and need less memory.

use triaxis::engine::ops::{mean, softmax_cross_entropy};
use triaxis::engine::{Arena, Graph, Limits, Mode, Plan, Schedule, Value, gradients};
use triaxis::models::{Model, Spec};

use crate::{gpu, random, write_randomness};

/// Blocks with and without a residual, squeeze-and-excite, depthwise convolution, dropped branches and dropout.
const NETWORK: &str = r#"
name = "blocks"
resolution = 16
num_classes = 5

[network.efficientnet]
stem = { width = 6, kernel = 3, stride = 2 }
head = 12
dropout = 0.25
drop_path = 0.5
stages = [
    { depth = 3, width = 6, kernel = 3, stride = 1, expansion = 2, squeeze = 0.5 },
    { depth = 3, width = 10, kernel = 5, stride = 2, expansion = 3, squeeze = 0.5 },
]
"#;

/// A batch's loss and the gradients of all parameters: the graph, images, targets, what is kept.
fn drawn(images: usize, again: bool) -> (Graph, Value, Value, Vec<Value>) {
    let spec = Spec::from_toml(NETWORK).unwrap();
    let mut g = Graph::new(Mode::Train);
    let x = g.input("images", [images, 16, 16, 3]);
    let targets = g.input("targets", [images, 1, 1, 5]);
    let logits = spec.forward(&mut g, x).unwrap();
    let losses = softmax_cross_entropy(&mut g, logits, targets).unwrap();
    let loss = mean(&mut g, losses).unwrap();
    let one = g.state("one", [1, 1, 1, 1], 1.0);
    let grads = gradients(&mut g, loss, one).unwrap();
    let mut kept = vec![loss];
    kept.extend(g.parameters().iter().map(|p| grads[p.value]));
    if again {
        let block = |scope: &str| {
            let parts: Vec<&str> = scope.split('.').take(3).collect();
            (parts[0] == "blocks").then(|| parts.join("."))
        };
        g.recompute(loss, block);
    }
    (g, x, targets, kept)
}

#[test]
fn gradients_and_running_statistics_are_the_same_bits() {
    let [kept, again] = [false, true].map(|again| {
        let (g, x, targets, kept) = drawn(4, again);
        let mut plan = Plan::compile(gpu(), &g, &kept).unwrap();
        plan.initialise(3).unwrap();
        let numbers = |seed, x| -> Vec<f32> {
            let random = random(seed, g.shape(x).count());
            random.into_iter().map(|x| x as f32 + 0.5).collect()
        };
        plan.write(x, &numbers(1, x)).unwrap();
        plan.write(targets, &numbers(2, targets)).unwrap();
        write_randomness(&plan, crate::SEED, crate::EPOCH);
        // Statistics that were moved twice in a run would differ in the next.
        let mut bits: Vec<Vec<u32>> = Vec::new();
        for _ in 0..2 {
            plan.run().unwrap();
            let to_bits = |numbers: Vec<f32>| numbers.into_iter().map(f32::to_bits).collect();
            bits.extend(kept.iter().map(|&v| to_bits(plan.read(v).unwrap())));
            let buffers = plan.export(&Arena::Buffers).unwrap();
            bits.extend(buffers.into_iter().map(|(_, _, numbers)| to_bits(numbers)));
        }
        bits
    });
    assert_eq!(kept.len(), again.len());
    assert!(kept == again, "some bits differ");
}

#[test]
fn activations_take_less_memory() {
    let activations = |again| {
        let (g, _, _, kept) = drawn(64, again);
        let schedule = Schedule::new(&g, &kept, &Limits::default()).unwrap();
        schedule.memory().activations
    };
    let (all, some) = (activations(false), activations(true));
    assert!(4 * some < 3 * all, "{some} bytes of {all}");
}
