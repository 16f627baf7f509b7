//! Five small networks: everything that a training step computes, and the evaluation after it.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use triaxis::engine::{AdapterKind, DType, Mode, Variant, VariantTable};
use triaxis::models::{EfficientNet, Line, Network, RegNet, ResNet, ResNetBlock, Spec};

use super::file::Tensors;
use super::run::{Outcome, Task, cosine, largest_difference, length, relative_l2};

/// Activations may be off by this, as part of their largest number.
const ACTIVATIONS: f64 = 2e-5;
/// Batch-norm buffers, likewise.
const BUFFERS: f64 = 2e-5;
/// A gradient that is zero in theory may be this long.
const ZERO: f64 = 1e-4;

/// How near gradients of a step in mixed precision must be to those of one in f64.
#[derive(Clone, Copy, Debug)]
enum Near {
    /// The difference's length over the expected one's, at most.
    Distance(f64),
    /// The cosine, at least: rounding flips the sign of what is nearly zero, and a ReLU lets it through or not.
    Cosine(f64),
}

struct Golden {
    spec: Spec,
    tensors: Tensors,
    facts: Map<String, Json>,
    /// How activations and their gradients are stored.
    stored: DType,
    /// Variants of convolutions' kernels, where they are not those of the kind.
    variants: VariantTable,
}

impl Golden {
    fn load(name: &str, network: Network) -> Self {
        Self {
            spec: Spec {
                name: name.into(),
                resolution: 64,
                num_classes: 10,
                network,
            },
            tensors: Tensors::load(&format!("{name}.safetensors")),
            facts: super::json(&format!("{name}.json")),
            stored: DType::F32,
            variants: VariantTable::default(),
        }
    }

    /// Stored running statistics, or the first ones.
    fn run(&self, mode: Mode, momentum: f64, gradients: bool) -> Outcome {
        self.with_task(mode, momentum, gradients, |task| task.run())
    }

    /// A training step whose batch norms and gates are never written, by the kernels for such adapters.
    fn run_training_fused(&self, kind: AdapterKind) -> Outcome {
        self.with_task(Mode::Train, 0.1, true, |task| {
            let fused = Task {
                fused: Some(kind),
                // What is kept is not fused.
                parts: Vec::new(),
                images: task.images.clone(),
                targets: task.targets.clone(),
                buffers: BTreeMap::new(),
                ..*task
            };
            fused.run()
        })
    }

    fn with_task<T>(
        &self,
        mode: Mode,
        momentum: f64,
        gradients: bool,
        run: impl Fn(&Task<'_>) -> T,
    ) -> T {
        let mut spec = self.spec.clone();
        spec.network.style_mut().momentum = momentum;
        let parts = self.facts["activations"]["train"].as_object().unwrap();
        let buffers = match mode {
            Mode::Train => BTreeMap::new(),
            _ => self.buffers(),
        };
        let task = Task {
            spec: &spec,
            mode,
            images: self.tensors.f32s("input"),
            targets: self.tensors.f32s("target"),
            weights: &|name, _| self.tensors.f32s(&format!("state.{name}")),
            buffers,
            parts: parts.keys().cloned().collect(),
            gradients,
            stored: self.stored,
            fused: None,
            variants: self.variants,
        };
        run(&task)
    }

    fn buffers(&self) -> BTreeMap<String, Vec<f32>> {
        let running = |name: &&str| name.contains(".running_");
        let names = self.tensors.under("state.").map(|(name, _)| name);
        names
            .filter(running)
            .map(|name| (name.into(), self.tensors.f32s(&format!("state.{name}"))))
            .collect()
    }

    fn check(mut self) {
        let train = self.run(Mode::Train, 0.1, true);
        self.check_parts("train", &train);
        self.check_training(&train);

        self.check_training(&self.run_training_fused(AdapterKind::Cpu));
        self.check_training(&self.run_training_fused(AdapterKind::Gpu));
        for variants in throughout(false) {
            self.variants = variants;
            self.check_training(&self.run(Mode::Train, 0.1, true));
            self.check_training(&self.run_training_fused(AdapterKind::Gpu));
        }
        self.variants = VariantTable::default();

        let whole = self.run(Mode::Train, 1.0, false);
        for (name, expected) in self.buffers() {
            let expected: Vec<f64> = expected.iter().map(|&x| f64::from(x)).collect();
            self.check_close(&name, &whole.buffers[&name], &expected, BUFFERS);
        }

        let eval = self.run(Mode::Evaluate, 0.1, false);
        self.check_logits("eval", &eval, self.tensors.get("loss_eval")[0]);
        self.check_parts("eval", &eval);
        let logits = self.with_task(Mode::Evaluate, 0.1, false, |task| task.run_fused());
        self.check_logits(
            "eval",
            &Outcome { logits, ..eval },
            self.tensors.get("loss_eval")[0],
        );
    }

    fn check_training(&self, train: &Outcome) {
        self.check_logits("train", train, self.tensors.get("loss_train_f64")[0]);
        self.check_gradients(train);
        self.check_one_step(train);
    }

    /// Training steps whose activations are stored as f16.
    fn check_halves(mut self, near: Near) {
        self.stored = DType::F16;
        for variants in [VariantTable::default()]
            .into_iter()
            .chain(throughout(true))
        {
            self.variants = variants;
            self.check_halves_of(near, &self.run_training_fused(AdapterKind::Gpu));
            self.check_halves_of(near, &self.run(Mode::Train, 0.1, true));
        }
    }

    /// Every gradient, by its relative distance or by its cosine; where by its distance, all of them together by half of it.
    ///
    /// What squeezes has gradients that are small differences of large sums, and any other order of these changes them: for
    /// images longer by k millionths, k from -3 to 3, small_effnet's worst is off by 2.4e-2 to 7.0e-2, and by 5.0e-2 to 1.1e-1
    /// in PyTorch. In exact arithmetic, with nothing but what convolutions write and its gradient stored as f16, it is off by
    /// up to 8.9e-2, above 5e-2 for 6 of 81 such images (`amp.py`).
    fn check_halves_of(&self, near: Near, outcome: &Outcome) {
        const SQUEEZED: f64 = 1.4;
        let errors = self.facts["grads"].as_object().unwrap();
        assert_eq!(errors.len(), outcome.gradients.len());
        let mut worst: (f64, &str) = (0.0, "");
        let (mut all, mut all_expected) = (Vec::new(), Vec::new());
        for parameter in errors.keys().filter(|&p| errors[p].is_f64()) {
            let expected = self.tensors.get(&format!("grad.{parameter}"));
            let got = &outcome.gradients[parameter];
            all.extend(got);
            all_expected.extend(expected);
            let (off, allowed) = match near {
                Near::Distance(allowed) if parameter.contains(".se.") => {
                    (relative_l2(got, expected), SQUEEZED * allowed)
                }
                Near::Distance(allowed) => (relative_l2(got, expected), allowed),
                Near::Cosine(least) => (1.0 - cosine(got, expected), 1.0 - least),
            };
            if off > worst.0 {
                worst = (off, parameter);
            }
            assert!(
                off <= allowed,
                "{}: the gradient of {parameter} is off by {off:e}, allowed {allowed:e}",
                self.spec.name
            );
        }
        let off = relative_l2(&all, &all_expected);
        if let Near::Distance(allowed) = near {
            assert!(
                off <= allowed / 2.0,
                "{}: all gradients together are off by {off:e}",
                self.spec.name
            );
        }
        println!(
            "{}: worst {near:?}: {:.1e}, {}; all {off:.1e}",
            self.spec.name, worst.0, worst.1
        );
    }

    fn check_logits(&self, mode: &str, outcome: &Outcome, loss: f64) {
        let name = &self.spec.name;
        let error = self.facts["f32_vs_f64"][format!("logits_{mode}")]
            .as_f64()
            .unwrap();
        let expected = self.tensors.get(&format!("logits_{mode}_f64"));
        let got = largest_difference(&outcome.logits, expected);
        println!("{name} {mode}: logits differ by {got:.1e}, PyTorch's f32 by {error:.1e}");
        assert!(
            got <= 10.0 * error,
            "{name}: {mode} logits differ by {got:e}, allowed {:e}",
            10.0 * error
        );
        let got = (f64::from(outcome.loss) - loss).abs();
        assert!(
            got <= 10.0 * error,
            "{name}: {mode} loss {} differs from {loss}",
            outcome.loss
        );
    }

    fn check_parts(&self, mode: &str, outcome: &Outcome) {
        for (part, expected) in self.tensors.under(&format!("act_{mode}.")) {
            let what = format!("{mode} output of {part}");
            self.check_close(&what, &outcome.parts[part], expected, ACTIVATIONS);
        }
        // Too large ones are stored by their first numbers and their length only.
        for (part, facts) in self.facts["activations"][mode].as_object().unwrap() {
            let got = &outcome.parts[part];
            let what = format!("{mode} output of {part}");
            assert_eq!(got.len() as u64, facts["numel"].as_u64().unwrap(), "{what}");
            self.check_close(
                &what,
                &got[..8],
                &super::numbers(&facts["first8"]),
                ACTIVATIONS,
            );
            let l2 = length(got.iter().map(|&x| f64::from(x)));
            let expected = facts["l2"].as_f64().unwrap();
            assert!(
                (l2 - expected).abs() <= ACTIVATIONS * expected,
                "{what}: length {l2}, expected {expected}"
            );
        }
    }

    fn check_gradients(&self, outcome: &Outcome) {
        let name = &self.spec.name;
        let errors = self.facts["grads"].as_object().unwrap();
        assert_eq!(errors.len(), outcome.gradients.len(), "{name}: parameters");
        let mut worst: (f64, &str) = (0.0, "");
        for (parameter, error) in errors {
            let expected = self.tensors.get(&format!("grad.{parameter}"));
            let got = &outcome.gradients[parameter];
            let Some(error) = error.as_f64() else {
                let l2 = length(got.iter().map(|&x| f64::from(x)));
                assert!(
                    l2 <= ZERO,
                    "{name}: the gradient of {parameter} is zero in theory, got length {l2}"
                );
                continue;
            };
            let got = relative_l2(got, expected);
            if got / error > worst.0 {
                worst = (got / error, parameter);
            }
            assert!(
                got <= 10.0 * error,
                "{name}: the gradient of {parameter} is off by {got:e} of its length, allowed {:e}",
                10.0 * error
            );
        }
        println!(
            "{name}: worst gradient {:.1} times PyTorch's f32 error, {}",
            worst.0, worst.1
        );
    }

    fn check_one_step(&self, outcome: &Outcome) {
        let first = self.facts["bn_after_one_step_momentum"]
            .as_object()
            .unwrap();
        assert_eq!(first.len(), outcome.buffers.len());
        for (name, expected) in first {
            let expected = super::numbers(expected);
            let got = &outcome.buffers[name][..expected.len()];
            self.check_close(name, got, &expected, BUFFERS);
        }
    }

    fn check_close(&self, what: &str, got: &[f32], expected: &[f64], tolerance: f64) {
        let largest = expected.iter().fold(1.0, |m: f64, x| m.max(x.abs()));
        let difference = largest_difference(got, expected);
        assert!(
            difference <= tolerance * largest,
            "{}: {what} differs by {difference:e}, allowed {:e}",
            self.spec.name,
            tolerance * largest
        );
    }
}

/// Every variant that runs here, of activations stored as f16 or not, for all convolutions.
fn throughout(halves: bool) -> impl Iterator<Item = VariantTable> {
    use Variant::{Blocked, Cooperative, Shared, Tiled};
    let limits = crate::gpu().limits();
    let all = [Blocked, Tiled, Shared, Cooperative].into_iter();
    all.filter(move |&variant| limits.runs(variant, halves))
        .map(VariantTable::all)
}

fn efficientnet() -> Golden {
    let network = EfficientNet::compound(0.25, 0.6);
    Golden::load("small_effnet", Network::EfficientNet(network))
}

fn regnetz() -> Golden {
    let line = Line {
        depth: 8,
        w0: 16,
        wa: 12.0,
        wm: 2.0,
        group_width: 4,
    };
    Golden::load("small_regnetz", Network::RegNet(RegNet::z(line, 96)))
}

fn regnety() -> Golden {
    let line = Line {
        depth: 7,
        w0: 24,
        wa: 20.0,
        wm: 2.0,
        group_width: 16,
    };
    Golden::load("small_regnety", Network::RegNet(RegNet::y(line)))
}

fn resnet() -> Golden {
    let mut network = ResNet::new(ResNetBlock::Bottleneck, [1, 2, 1, 1]);
    for (stage, inner) in network.stages.iter_mut().zip([8, 16, 32, 48]) {
        (stage.width, stage.group_width) = (4 * inner, inner);
    }
    Golden::load("small_resnet", Network::ResNet(network))
}

fn resnext() -> Golden {
    let mut network = ResNet::new(ResNetBlock::Bottleneck, [1, 1, 1, 1]);
    for (stage, inner) in network.stages.iter_mut().zip([16, 32, 48, 64]) {
        (stage.width, stage.group_width) = (4 * inner, inner / 8);
    }
    Golden::load("small_resnext", Network::ResNet(network))
}

/// All five, with what PyTorch made of them.
pub(super) fn networks() -> Vec<(Spec, Tensors)> {
    let all = [efficientnet(), regnetz(), regnety(), resnet(), resnext()];
    let parts = all.map(|golden| (golden.spec, golden.tensors));
    parts.into()
}

#[test]
fn small_efficientnet_trains_as_in_pytorch() {
    efficientnet().check();
}

#[test]
fn small_regnetz_trains_as_in_pytorch() {
    regnetz().check();
}

#[test]
fn small_regnety_trains_as_in_pytorch() {
    regnety().check();
}

#[test]
fn small_resnet_trains_as_in_pytorch() {
    resnet().check();
}

#[test]
fn small_resnext_trains_as_in_pytorch() {
    resnext().check();
}

#[test]
fn smooth_networks_have_the_same_gradients_in_mixed_precision() {
    for golden in [efficientnet(), regnetz()] {
        golden.check_halves(Near::Distance(5e-2));
    }
}

#[test]
fn networks_with_relu_have_gradients_of_the_same_direction_in_mixed_precision() {
    for golden in [regnety(), resnet(), resnext()] {
        golden.check_halves(Near::Cosine(0.9));
    }
}
