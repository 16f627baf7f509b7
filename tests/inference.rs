//! Fused networks compute what the unfused ones do, with weights and running statistics by formula; `graphs` has what no network
//! does.

mod graphs;

use std::collections::{HashMap, HashSet};

use triaxis::engine::{
    Arena, Gpu, Graph, Inference, InferenceOptions, Limits, Mode, Plan, Precision, Schedule, Value,
};
use triaxis::models::{EfficientNet, Line, MbBlock, Model, Network, RegNet, ResNet, ResNetBlock};
use triaxis::models::{Spec, Stem, zoo};

/// What fused logits may be off by, as part of the largest.
const TOLERANCE: f64 = 1e-4;

/// A graph with one input and what is wanted of it.
struct Drawn {
    graph: Graph,
    x: Value,
    keep: Vec<Value>,
}

fn draw(spec: &Spec, batch: usize) -> Drawn {
    let mut graph = Graph::new(Mode::Evaluate);
    let x = graph.input("images", [batch, spec.resolution, spec.resolution, 3]);
    let keep = vec![spec.forward(&mut graph, x).unwrap()];
    Drawn { graph, x, keep }
}

/// Every tensor of the graph by name, in files' order: none is zero, factors and variances are about one.
fn weights(graph: &Graph) -> HashMap<String, Vec<f32>> {
    let random = |name: &str, count| {
        let seed = name
            .bytes()
            .fold(17u32, |h, b| h.wrapping_mul(31) ^ u32::from(b));
        crate::random(seed, count).into_iter()
    };
    let mut all = HashMap::new();
    for p in graph.parameters() {
        let shape = p.options.layout.file_shape(graph.shape(p.value));
        let count = shape.iter().product();
        let fan = shape[1..].iter().product::<usize>() as f64;
        let number = |x: f64| match (shape.len(), p.name.ends_with("bias")) {
            (1, true) => 0.4 * x,
            (1, false) => 1.0 + 0.5 * x,
            _ => x * (24.0 / fan).sqrt(),
        };
        let numbers = random(&p.name, count).map(|x| number(x) as f32);
        all.insert(p.name.clone(), numbers.collect());
    }
    for b in graph.buffers() {
        let number = |x: f64| match b.name.ends_with("var") {
            true => 1.0 + x,
            false => 0.4 * x,
        };
        let numbers = random(&b.name, graph.shape(b.value).count()).map(|x| number(x) as f32);
        all.insert(b.name.clone(), numbers.collect());
    }
    all
}

/// What the graph as drawn computes, and what its fused form does.
fn both(drawn: &Drawn, precision: Precision) -> (Inference, Vec<Vec<f32>>, Vec<Vec<f32>>) {
    both_on(crate::gpu(), drawn, precision)
}

fn both_on(
    gpu: &Gpu,
    drawn: &Drawn,
    precision: Precision,
) -> (Inference, Vec<Vec<f32>>, Vec<Vec<f32>>) {
    let Drawn { graph, x, keep } = drawn;
    let weights = weights(graph);
    let images: Vec<f32> = crate::random(7, graph.shape(*x).count())
        .into_iter()
        .map(|x| 3.0 * x as f32)
        .collect();
    let run = |mut plan: Plan, x: Value, keep: &[Value]| -> Vec<Vec<f32>> {
        plan.write(x, &images).unwrap();
        plan.run().unwrap();
        keep.iter().map(|&v| plan.read(v).unwrap()).collect()
    };
    let plan = Plan::compile(crate::gpu(), graph, keep).unwrap();
    plan.initialise(0).unwrap();
    for (name, numbers) in &weights {
        let known = [Arena::Parameters, Arena::Buffers]
            .iter()
            .any(|arena| plan.import(arena, name, numbers).unwrap());
        assert!(known, "{name}");
    }
    let expected = run(plan, *x, keep);

    let fused = Inference::new(graph, keep, &InferenceOptions { precision }).unwrap();
    let plan = Plan::compile(gpu, &fused.graph, &fused.keep).unwrap();
    fused
        .load(&plan, |name| weights.get(name).cloned())
        .unwrap();
    let got = run(plan, fused.value(*x).unwrap(), &fused.keep);
    (fused, expected, got)
}

/// Compares all kept values and returns the fused form.
fn check(what: &str, drawn: &Drawn) -> Inference {
    check_on(crate::gpu(), what, drawn)
}

fn check_on(gpu: &Gpu, what: &str, drawn: &Drawn) -> Inference {
    let (fused, expected, got) = both_on(gpu, drawn, Precision::F32);
    for (i, (expected, got)) in expected.iter().zip(&got).enumerate() {
        let largest = expected.iter().fold(0.0f32, |m, x| m.max(x.abs()));
        assert!(
            largest > 1e-3 && largest.is_finite(),
            "{what}: {largest} proves nothing"
        );
        let off = expected
            .iter()
            .zip(got)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        let off = f64::from(off / largest);
        println!("{what} {i}: off by {off:.1e} of {largest}");
        assert!(
            off <= TOLERANCE,
            "{what}: value {i} is off by {off:e} of its largest"
        );
    }
    fused
}

/// The operators of a graph, each as often as it stands there.
fn count(graph: &Graph, name: &str) -> usize {
    graph
        .nodes()
        .filter(|&id| graph.node(id).op.name() == name)
        .count()
}

/// Nothing but what the kernels of convolutions cannot do is left.
fn assert_fused(what: &str, graph: &Graph) {
    for id in graph.nodes() {
        let node = graph.node(id);
        let fused = [
            "conv2d_fused",
            "depthwise_fused",
            "excite",
            "global_avg_pool",
            "max_pool",
        ];
        assert!(
            fused.contains(&node.op.name()),
            "{what}: {} is left",
            node.path()
        );
    }
}

fn check_network(spec: &Spec) {
    let fused = check(&spec.name, &draw(spec, 2));
    assert_fused(&spec.name, &fused.graph);
}

/// Activations as f16: the same direction of the logits, the same first class where that is clear, half the memory.
fn check_halves(spec: &Spec) {
    let drawn = draw(spec, 2);
    let (fused, expected, got) = both(&drawn, Precision::F16);
    let (expected, got) = (&expected[0], &got[0]);
    let product = |a: &[f32], b: &[f32]| -> f64 {
        let each = a.iter().zip(b);
        each.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    let cosine = product(expected, got) / (product(expected, expected) * product(got, got)).sqrt();
    println!("{}: cosine 1 - {:.1e}", spec.name, 1.0 - cosine);
    assert!(cosine > 0.9999, "{}: {cosine}", spec.name);
    for (expected, got) in expected.chunks(10).zip(got.chunks(10)) {
        let first = |x: &[f32]| (0..10).max_by(|&i, &j| x[i].total_cmp(&x[j])).unwrap();
        let chosen = first(got);
        let lost = expected[first(expected)] - expected[chosen];
        let largest = expected.iter().fold(0.0f32, |m, x| m.max(x.abs()));
        assert!(lost <= 0.02 * largest, "{}: chose {chosen}", spec.name);
    }
    let memory = |graph: &Graph, keep: &[Value]| {
        let limits = Limits::default();
        Schedule::new(graph, keep, &limits)
            .unwrap()
            .memory()
            .activations
    };
    let exact = Inference::new(&drawn.graph, &drawn.keep, &InferenceOptions::default()).unwrap();
    let [half, whole] = [fused, exact].map(|f| memory(&f.graph, &f.keep));
    assert!(
        10 * half < 6 * whole,
        "{}: {half} bytes of {whole}",
        spec.name
    );
}

fn of_size(name: &str, resolution: usize) -> Spec {
    Spec {
        resolution,
        num_classes: 10,
        ..zoo(name).unwrap()
    }
}

#[test]
fn networks_in_half_precision_choose_the_same_classes() {
    check_halves(&of_size("efficientnet_b0", 64));
    check_halves(&of_size("regnety_002", 64));
    check_halves(&of_size("resnet18", 64));
}

fn published(name: &str, resolution: usize) {
    check_network(&of_size(name, resolution));
}

fn small(name: &str, network: Network) {
    check_network(&Spec {
        name: name.into(),
        resolution: 32,
        num_classes: 10,
        network,
    });
}

fn line(depth: usize, w0: usize, wa: f64, group_width: usize) -> Line {
    Line {
        depth,
        w0,
        wa,
        wm: 2.0,
        group_width,
    }
}

/// The nodes whose kernels compute an expansion and the depthwise convolution of it.
fn expansions(schedule: &Schedule) -> usize {
    let launches = schedule.launches();
    let within = launches.filter(|(_, d)| d.kernel.entry.starts_with("expand_depthwise"));
    within.map(|(path, _)| path).collect::<HashSet<_>>().len()
}

#[test]
fn expansions_within_depthwise_convolutions_compute_the_same() {
    let limits = Limits {
        recompute: u64::MAX,
        ..*crate::gpu().limits()
    };
    let gpu = crate::gpu().with_limits(limits);
    for (name, side, pairs) in [
        ("efficientnet_b0", 64, 15),
        ("tf_efficientnet_b0", 53, 15),
        ("mobilenetv2_100", 40, 16),
    ] {
        let fused = check_on(&gpu, name, &draw(&of_size(name, side), 2));
        let schedule = Schedule::new(&fused.graph, &fused.keep, &limits).unwrap();
        assert_eq!(expansions(&schedule), pairs, "{name}");
    }
}

#[test]
fn expansions_are_computed_again_where_that_is_worth_the_bytes() {
    let Drawn { graph, keep, .. } = draw(&zoo("efficientnet_b0").unwrap(), 1);
    let options = InferenceOptions {
        precision: Precision::F16,
    };
    let fused = Inference::new(&graph, &keep, &options).unwrap();
    let of = |recompute| {
        let limits = Limits {
            recompute,
            ..Limits::default()
        };
        expansions(&Schedule::new(&fused.graph, &fused.keep, &limits).unwrap())
    };
    // Of no block; of the early ones, with few channels and many pixels; of all.
    assert_eq!([0, 10, u64::MAX].map(of), [0, 4, 15]);
}

#[test]
fn means_of_depthwise_convolutions_are_made_by_their_kernels() {
    let Drawn { graph, keep, .. } = draw(&zoo("efficientnet_b0").unwrap(), 1);
    let fused = Inference::new(&graph, &keep, &InferenceOptions::default()).unwrap();
    // Of seventeen pools the last one is left, behind a pointwise convolution.
    assert_eq!(count(&graph, "global_avg_pool"), 17);
    assert_eq!(count(&fused.graph, "global_avg_pool"), 1);
}

#[test]
fn a_fused_efficientnet_computes_the_same() {
    published("efficientnet_b0", 32);
    published("tinynet_e", 53);
}

#[test]
fn a_fused_efficientnet_of_tensorflow_computes_the_same() {
    published("tf_efficientnet_b0", 32);
}

#[test]
fn fused_blocks_of_the_second_efficientnet_compute_the_same() {
    let mut net = EfficientNet::compound(0.25, 0.6);
    // The first stage activates a branch before its residual sum.
    for (i, stage) in net.stages.iter_mut().take(3).enumerate() {
        stage.block = MbBlock::Fused;
        stage.depth = 2;
        stage.squeeze = if i == 2 { 0.25 } else { 0.0 };
    }
    small("fused blocks", Network::EfficientNet(net));
}

#[test]
fn fused_regnets_compute_the_same() {
    small("regnetx", Network::RegNet(RegNet::x(line(7, 24, 20.0, 16))));
    small("regnety", Network::RegNet(RegNet::y(line(7, 24, 20.0, 8))));
    small(
        "regnetz",
        Network::RegNet(RegNet::z(line(8, 16, 12.0, 4), 96)),
    );
    // Without a last convolution the last sum is activated; groups of two and of six channels are bundled.
    small(
        "regnetz, narrow",
        Network::RegNet(RegNet::z(line(5, 16, 12.0, 2), 0)),
    );
    small(
        "regnety, of six",
        Network::RegNet(RegNet::y(line(5, 24, 20.0, 6))),
    );
    published("regnety_002", 64);
    published("regnetz_005", 32);
}

#[test]
fn fused_resnets_compute_the_same() {
    let mut basic = ResNet::new(ResNetBlock::Basic, [1, 2, 1, 1]);
    basic.stem = Stem::small(8, 1);
    for (stage, width) in basic.stages.iter_mut().zip([8, 16, 32, 48]) {
        (stage.width, stage.group_width) = (width, width);
    }
    small("basic blocks", Network::ResNet(basic));
    let mut next = ResNet::new(ResNetBlock::Bottleneck, [1, 1, 1, 1]);
    for (stage, inner) in next.stages.iter_mut().zip([16, 32, 48, 64]) {
        (stage.width, stage.group_width) = (4 * inner, inner / 8);
    }
    small("resnext", Network::ResNet(next));
    published("resnet18", 32);
}

#[test]
fn every_published_network_is_fused_to_convolutions_and_pools() {
    for name in triaxis::models::names() {
        let Drawn { graph, keep, .. } = draw(&zoo(&name).unwrap(), 1);
        let fused = Inference::new(&graph, &keep, &InferenceOptions::default()).unwrap();
        assert_fused(&name, &fused.graph);
    }
}

#[test]
fn b0_takes_half_the_dispatches() {
    for (name, most) in [("efficientnet_b0", 120), ("regnetz_4gf", 210)] {
        let Drawn { graph, keep, .. } = draw(&zoo(name).unwrap(), 1);
        let fused = Inference::new(&graph, &keep, &InferenceOptions::default()).unwrap();
        let limits = crate::gpu().limits();
        let dispatches = |graph, keep| Schedule::new(graph, keep, limits).unwrap().dispatches();
        let before = dispatches(&graph, &keep);
        let after = dispatches(&fused.graph, &fused.keep);
        println!("{name}: {before} dispatches, fused {after}");
        assert!(
            after <= most && after < before,
            "{name}: {after} of {before}"
        );
    }
}
