//! A tiny network that must learn one batch by heart.

use triaxis_engine::{DType, Gpu, Plan};
use triaxis_models::Spec;

use crate::error::Result;
use crate::random::Stream;
use crate::recipe::{Optimizer, Recipe, Sgd};
use crate::trainer::draw::{Drawn, training};

/// Inverted bottlenecks with squeeze-and-excite, depthwise and strided, and a residual sum.
const NETWORK: &str = r#"
name = "doctor"
resolution = 9
num_classes = 5

[network.efficientnet]
stem = { width = 6, kernel = 3, stride = 1 }
head = 20
dropout = 0.05
drop_path = 0.05
stages = [{ depth = 2, width = 10, kernel = 3, stride = 2, expansion = 2, squeeze = 0.5 }]
"#;

const IMAGES: usize = 10;
const STEPS: usize = 20;

/// The step that is repeated: the trainer's own, with a shifted crop and flips, one batch norm as it began, and
/// activations stored so.
pub(super) fn step(stored: DType) -> Result<Drawn> {
    let spec = Spec::from_toml(NETWORK)?;
    let recipe = Recipe {
        smoothing: 0.0,
        mixup: 0.0,
        weight_decay: Some(0.0),
        crop_padding: 1,
        freeze: vec!["blocks.0.1.bn1".into()],
        amp: stored == DType::F16,
        opt: Optimizer::Sgd(Sgd::default()),
        ..Recipe::default()
    };
    Ok(training(&spec, &recipe, IMAGES, spec.resolution)?)
}

/// The mean loss of the first and of the last five steps, on one batch of coloured noise, two pictures a class.
pub(super) fn losses(gpu: &Gpu, stored: DType) -> Result<[f64; 2]> {
    let drawn = step(stored)?;
    let mut plan = Plan::compile(gpu, &drawn.graph, &[drawn.loss])?;
    plan.initialise(0)?;
    let mut noise = Stream::new(0, 0, 0, "doctor.pictures");
    let side = plan.graph().shape(drawn.pictures).h();
    let (mut pictures, labels): (Vec<u8>, Vec<u32>) =
        (Vec::new(), (0..IMAGES as u32).map(|i| i % 5).collect());
    for &label in &labels {
        for _ in 0..side * side {
            // A class of its own brightness and colour, the fourth channel is padding.
            let channel = |c: u32| (40 + 45 * ((label + 2 * c) % 5)) as f32;
            pictures.extend([0, 1, 2].map(|c| (channel(c) + noise.range(-40.0, 40.0)) as u8));
            pictures.push(0);
        }
    }
    plan.write_raw(drawn.pictures, &pictures)?;
    plan.write_u32(drawn.labels, &labels)?;
    plan.write(drawn.weights, &[1.0; IMAGES])?;
    if let Some(step) = drawn.step {
        plan.write(step.rate, &[0.05])?;
        if let Some(rate) = step.average {
            plan.write(rate, &[0.5])?;
        }
    }
    let mut losses = Vec::new();
    for epoch in 0..STEPS as u32 {
        if let Some(random) = plan.graph().random_inputs() {
            plan.write_u32(random.key, &[0, 0, epoch, 0])?;
            plan.write_u32(
                random.indices,
                &std::array::from_fn::<u32, IMAGES, _>(|i| i as u32),
            )?;
        }
        plan.run()?;
        losses.push(f64::from(plan.read(drawn.loss)?[0]));
    }
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    Ok([mean(&losses[..5]), mean(&losses[STEPS - 5..])])
}
