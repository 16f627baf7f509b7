//! One training step or evaluation of a whole network, and what it computed.

use std::collections::BTreeMap;

use triaxis::engine::{
    AdapterKind, Arena, DType, Graph, Inference, InferenceOptions, Kind, Limits, Mode, Parameter,
    Plan, StoredEdges, Value, VariantTable, gradients, ops,
};
use triaxis::models::{Model, Network, Spec};

/// Images in every golden run.
pub(super) const BATCH: usize = 4;

/// Weights by name, in the order of files.
pub(super) type Weights<'a> = dyn Fn(&str, &[usize]) -> Vec<f32> + 'a;

/// What a run is asked to do.
pub(super) struct Task<'a> {
    pub(super) spec: &'a Spec,
    pub(super) mode: Mode,
    /// `[4, 3, r, r]`, as PyTorch keeps them.
    pub(super) images: Vec<f32>,
    /// `[4, classes]`.
    pub(super) targets: Vec<f32>,
    pub(super) weights: &'a Weights<'a>,
    /// Running means and variances by name; PyTorch's first ones where empty.
    pub(super) buffers: BTreeMap<String, Vec<f32>>,
    /// Parts of the network whose output is wanted, by PyTorch's names.
    pub(super) parts: Vec<String>,
    /// Whether every parameter's gradient is wanted.
    pub(super) gradients: bool,
    /// How activations and their gradients are stored.
    pub(super) stored: DType,
    /// The graph as drawn, or its fused form with the kernels for such adapters.
    pub(super) fused: Option<AdapterKind>,
    /// Variants of convolutions' kernels, where they are not those of the kind.
    pub(super) variants: VariantTable,
}

/// What a run computed, in the order of numbers of PyTorch's tensors.
pub(super) struct Outcome {
    pub(super) logits: Vec<f32>,
    pub(super) loss: f32,
    pub(super) parts: BTreeMap<String, Vec<f32>>,
    pub(super) gradients: BTreeMap<String, Vec<f32>>,
    pub(super) buffers: BTreeMap<String, Vec<f32>>,
}

impl Task<'_> {
    pub(super) fn run(&self) -> Outcome {
        let spec = self.spec;
        let (side, classes) = (spec.resolution, spec.num_classes);
        let mut g = Graph::new(self.mode);
        let images = g.input("images", [BATCH, side, side, 3]);
        let targets = g.input("targets", [BATCH, 1, 1, classes]);
        let logits = spec.forward(&mut g, images).unwrap();
        let parts: Vec<Value> = self
            .parts
            .iter()
            .map(|p| part(&g, &spec.network, p))
            .collect();
        let each = ops::softmax_cross_entropy(&mut g, logits, targets).unwrap();
        let loss = ops::mean(&mut g, each).unwrap();
        let mut kept = [&[logits, loss], &parts[..]].concat();
        let mut dws = Vec::new();
        if self.gradients {
            let scale = g.state("scale", [1, 1, 1, 1], self.scale());
            let grads = gradients(&mut g, loss, scale).unwrap();
            dws = g.parameters().iter().map(|p| grads[p.value]).collect();
            kept.extend(&dws);
        }

        let limits = *crate::gpu().limits();
        let variants = self.variants;
        let mut gpu = crate::gpu().with_limits(Limits {
            variants,
            fuse: false,
            fuse_halves: false,
            ..limits
        });
        if let Some(kind) = self.fused {
            // As plans do by default.
            if kind == AdapterKind::Gpu {
                g.forget(&kept);
            }
            g.fuse(&kept, &StoredEdges::default());
            let limits = *gpu.limits();
            gpu = gpu.with_limits(Limits { kind, ..limits });
        }
        if self.stored == DType::F16 {
            g.store_halves(&[]);
        }
        let mut plan = Plan::compile(&gpu, &g, &kept).unwrap();
        plan.initialise(0).unwrap();
        for p in g.parameters() {
            let shape = p.options.layout.file_shape(g.shape(p.value));
            let numbers = (self.weights)(&p.name, &shape);
            assert!(plan.import(&Arena::Parameters, &p.name, &numbers).unwrap());
        }
        for (name, numbers) in &self.buffers {
            let known = plan.import(&Arena::Buffers, name, numbers).unwrap();
            assert!(known, "{}: no buffer {name}", spec.name);
        }
        let shape = g.shape(images).0;
        plan.write(images, &channels_last(&self.images, shape))
            .unwrap();
        plan.write(targets, &self.targets).unwrap();
        plan.run().unwrap();

        let read = |value: Value| plan.read(value).unwrap();
        let part = |(name, &value): (&String, &Value)| {
            let numbers = channels_first(&read(value), g.shape(value).0);
            (name.clone(), numbers)
        };
        let gradient = |(p, &dw): (&Parameter, &Value)| {
            let shape = g.shape(p.value);
            assert_eq!(g.shape(dw), shape, "{}: gradient of {}", spec.name, p.name);
            let unscaled: Vec<f32> = read(dw).iter().map(|x| x / self.scale()).collect();
            (p.name.clone(), p.options.layout.to_file(shape, &unscaled))
        };
        let buffers = plan.export(&Arena::Buffers).unwrap();
        Outcome {
            logits: read(logits),
            loss: read(loss)[0],
            parts: self.parts.iter().zip(&parts).map(part).collect(),
            gradients: g.parameters().iter().zip(&dws).map(gradient).collect(),
            buffers: buffers.into_iter().map(|(name, _, x)| (name, x)).collect(),
        }
    }
}

impl Task<'_> {
    /// What the loss is multiplied by, so that f16 holds small gradients and large ones: a power of two, which changes no
    /// digit.
    fn scale(&self) -> f32 {
        match self.stored {
            DType::F16 => 65536.0,
            _ => 1.0,
        }
    }

    /// The logits of the network's fused form, which only evaluates.
    pub(super) fn run_fused(&self) -> Vec<f32> {
        let (spec, mut g) = (self.spec, Graph::new(Mode::Evaluate));
        let images = g.input("images", [BATCH, spec.resolution, spec.resolution, 3]);
        let logits = spec.forward(&mut g, images).unwrap();
        let fused = Inference::new(&g, &[logits], &InferenceOptions::default()).unwrap();
        let mut plan = Plan::compile(crate::gpu(), &fused.graph, &fused.keep).unwrap();
        let find = |name: &str| {
            let known = g.parameters().iter().find(|p| p.name == name);
            let shape = |p: &Parameter| p.options.layout.file_shape(g.shape(p.value));
            known
                .map(|p| (self.weights)(name, &shape(p)))
                .or_else(|| self.buffers.get(name).cloned())
        };
        fused.load(&plan, find).unwrap();
        let numbers = channels_last(&self.images, g.shape(images).0);
        plan.write(fused.value(images).unwrap(), &numbers).unwrap();
        plan.run().unwrap();
        plan.read(fused.keep[0]).unwrap()
    }
}

/// The output of a part that PyTorch's hooks name: what the last node of our scope of the same layers computes. Called
/// before the gradients, whose nodes stand in the same scopes.
fn part(g: &Graph, network: &Network, name: &str) -> Value {
    let digits = name.trim_start_matches(|c: char| !c.is_ascii_digit());
    let scope = match (network, name) {
        (Network::EfficientNet(_), "stem_out") => "bn1".into(),
        (Network::EfficientNet(_), "head_conv") => "bn2".into(),
        // pycls counts stages from 1: `s1`; timm from 0: `stage0`.
        (Network::EfficientNet(_), _) => {
            let first = usize::from(!name.starts_with("stage"));
            format!("blocks.{}", digits.parse::<usize>().unwrap() - first)
        }
        (Network::RegNet(_), "stem_out") => "stem".into(),
        (Network::RegNet(_), "head_conv") => "final_conv".into(),
        (Network::ResNet(_), "stem_out") => "maxpool".into(),
        // PyTorch's hooks count ResNet's stages from 0, its names from 1.
        (Network::ResNet(_), _) => format!("layer{}", digits.parse::<usize>().unwrap() + 1),
        _ => name.into(),
    };
    let inside = |path: &str| {
        let rest = path.strip_prefix(&scope);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let last = g.nodes().rev().find(|&id| inside(&g.node(id).scope));
    let node = g.node(last.unwrap_or_else(|| panic!("nothing is drawn in {scope}")));
    assert!(matches!(g.kind(node.outputs[0]), Kind::Output(_)));
    node.outputs[0]
}

/// `[n, c, h, w]` to `[n, h, w, c]`, the shape given.
pub(super) fn channels_last(x: &[f32], [n, h, w, c]: [usize; 4]) -> Vec<f32> {
    assert_eq!(x.len(), n * h * w * c);
    let at = |i: usize| {
        let (channel, pixel, image) = (i % c, i / c % (h * w), i / (c * h * w));
        x[(image * c + channel) * h * w + pixel]
    };
    (0..x.len()).map(at).collect()
}

/// `[n, h, w, c]`, the shape given, to `[n, c, h, w]`.
fn channels_first(x: &[f32], [n, h, w, c]: [usize; 4]) -> Vec<f32> {
    assert_eq!(x.len(), n * h * w * c);
    let at = |i: usize| {
        let (pixel, channel, image) = (i % (h * w), i / (h * w) % c, i / (c * h * w));
        x[(image * h * w + pixel) * c + channel]
    };
    (0..x.len()).map(at).collect()
}

/// The largest difference.
pub(super) fn largest_difference(got: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(got.len(), expected.len());
    let difference = |(&a, &b): (&f32, &f64)| (f64::from(a) - b).abs();
    // A number that is not one must not pass for a small difference.
    let worse = |a: f64, b: f64| if a.is_nan() || b <= a { a } else { b };
    got.iter().zip(expected).map(difference).fold(0.0, worse)
}

/// The difference's length over the expected one's.
pub(super) fn relative_l2(got: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(got.len(), expected.len());
    let differences = got.iter().zip(expected).map(|(&a, &b)| f64::from(a) - b);
    length(differences) / length(expected.iter().copied())
}

/// The cosine of the angle between both.
pub(super) fn cosine(got: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(got.len(), expected.len());
    let product: f64 = (got.iter().zip(expected))
        .map(|(&a, &b)| f64::from(a) * b)
        .sum();
    let lengths = length(got.iter().map(|&x| f64::from(x))) * length(expected.iter().copied());
    product / lengths
}

/// The root of the sum of squares.
pub(super) fn length(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.map(|x| x * x).sum::<f64>().sqrt()
}
