//! Small graphs: what is fused in them, and what is not.

use triaxis::engine::ops::{self, Activation, BatchNorm, BatchNormInputs, Conv2d};
use triaxis::engine::{
    Graph, Inference, InferenceOptions, Init, Layout, Limits, Mode, ParameterOptions, Schedule,
    Value,
};
use triaxis::models::zoo;

use super::{Drawn, check, count, draw, expansions};

/// A convolution's weight `name.weight`, `[k, k, cin, cout]`.
fn weight(g: &mut Graph, name: &str, shape: [usize; 4]) -> Value {
    let options = ParameterOptions {
        layout: Layout::Conv,
        ..ParameterOptions::default()
    };
    g.parameter(&format!("{name}.weight"), shape, options)
        .unwrap()
}

fn norm(g: &mut Graph, name: &str, x: Value, activation: Activation) -> Value {
    let shape = [1, 1, 1, g.shape(x).c()];
    let mut vector = |n: &str| {
        let options = ParameterOptions::default();
        g.parameter(&format!("{name}.{n}"), shape, options).unwrap()
    };
    let (gamma, beta) = (vector("weight"), vector("bias"));
    let mut buffer = |n: &str| {
        let name = format!("{name}.running_{n}");
        g.buffer(&name, shape, Init::Constant(1.0)).unwrap()
    };
    let inputs = BatchNormInputs {
        gamma,
        beta,
        running_mean: buffer("mean"),
        running_var: buffer("var"),
    };
    let options = BatchNorm {
        activation,
        ..BatchNorm::default()
    };
    ops::batch_norm(g, x, inputs, options).unwrap()
}

fn graph() -> (Graph, Value) {
    let mut g = Graph::new(Mode::Evaluate);
    let x = g.input("x", [2, 5, 5, 6]);
    (g, x)
}

fn pointwise(g: &mut Graph, name: &str, x: Value) -> Value {
    let w = weight(g, name, [1, 1, 6, 6]);
    ops::conv2d(g, x, w, Conv2d::default()).unwrap()
}

#[test]
fn an_expansion_that_is_kept_or_read_twice_is_written() {
    let (mut g, x) = graph();
    let wide = pointwise(&mut g, "expand", x);
    let wide = norm(&mut g, "bn1", wide, Activation::Silu);
    let depthwise = |g: &mut Graph, name: &str| {
        let w = weight(g, name, [3, 3, 1, 6]);
        let conv = Conv2d {
            padding: ops::Padding::Symmetric(1),
            groups: 6,
            ..Conv2d::default()
        };
        let y = ops::conv2d(g, wide, w, conv).unwrap();
        norm(g, &format!("{name}.bn"), y, Activation::Silu)
    };
    let a = depthwise(&mut g, "a");
    let once = g.clone();
    let b = depthwise(&mut g, "b");
    let limits = Limits {
        recompute: u64::MAX,
        ..Limits::default()
    };
    let of = |graph: &Graph, keep: &[Value]| {
        let fused = Inference::new(graph, keep, &InferenceOptions::default()).unwrap();
        expansions(&Schedule::new(&fused.graph, &fused.keep, &limits).unwrap())
    };
    assert_eq!(of(&once, &[a]), 1);
    assert_eq!(of(&once, &[a, wide]), 0);
    assert_eq!(of(&g, &[a, b]), 0);
}

#[test]
fn a_kept_value_and_one_that_is_read_twice_are_not_fused_away() {
    let (mut g, x) = graph();
    let kept = pointwise(&mut g, "a", x);
    let twice = norm(&mut g, "bn1", kept, Activation::Relu);
    let b = pointwise(&mut g, "b", twice);
    let sum = ops::add(&mut g, twice, b).unwrap();
    let doubled = ops::add(&mut g, sum, sum).unwrap();
    let drawn = Drawn {
        graph: g,
        x,
        keep: vec![doubled, kept, twice],
    };
    let fused = check("kept", &drawn);
    // The first stays alone with its batch norm; the second takes the first sum and leaves the other.
    assert_eq!(count(&fused.graph, "batch_norm_apply"), 1);
    assert_eq!(count(&fused.graph, "conv2d"), 1);
    assert_eq!(
        (
            count(&fused.graph, "conv2d_fused"),
            count(&fused.graph, "add")
        ),
        (1, 1)
    );
    assert_eq!(fused.value(twice), Some(fused.keep[2]));
    assert_eq!(fused.value(b), None);
}

#[test]
fn a_sum_of_two_convolutions_goes_to_one_of_them() {
    let (mut g, x) = graph();
    let a = pointwise(&mut g, "a", x);
    let a = norm(&mut g, "bn1", a, Activation::Identity);
    let b = pointwise(&mut g, "b", x);
    let b = norm(&mut g, "bn2", b, Activation::Relu);
    let sum = ops::add(&mut g, a, b).unwrap();
    let y = ops::activation(&mut g, sum, Activation::Silu).unwrap();
    let drawn = Drawn {
        graph: g,
        x,
        keep: vec![y],
    };
    let fused = check("two convolutions", &drawn);
    assert_eq!(
        (
            count(&fused.graph, "conv2d_fused"),
            fused.graph.nodes().count()
        ),
        (2, 2)
    );
}

#[test]
fn a_weight_that_two_convolutions_share_is_not_folded() {
    let (mut g, x) = graph();
    let w = weight(&mut g, "shared", [1, 1, 6, 6]);
    let mut y = x;
    for name in ["bn1", "bn2"] {
        y = ops::conv2d(&mut g, y, w, Conv2d::default()).unwrap();
        y = norm(&mut g, name, y, Activation::Relu);
    }
    let drawn = Drawn {
        graph: g,
        x,
        keep: vec![y],
    };
    let fused = check("shared", &drawn);
    assert!(fused.folds.is_empty());
    assert_eq!(count(&fused.graph, "batch_norm_apply"), 2);
}

#[test]
fn parameters_keep_their_names_and_biases_get_the_convolutions() {
    let Drawn { graph, keep, .. } = draw(&zoo("efficientnet_b0").unwrap(), 1);
    let fused = Inference::new(&graph, &keep, &InferenceOptions::default()).unwrap();
    let names: Vec<&str> = fused
        .graph
        .parameters()
        .iter()
        .map(|p| p.name.as_str())
        .collect();
    assert_eq!(names[..2], ["conv_stem.weight", "conv_stem.bias"]);
    for name in [
        "blocks.0.0.se.conv_reduce.bias",
        "classifier.bias",
        "blocks.1.0.conv_dw.bias",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    assert!(fused.graph.buffers().is_empty());
    assert!(names.iter().all(|n| !n.contains("bn")), "{names:?}");
}

#[test]
fn a_taken_name_is_not_given_to_a_bias() {
    let (mut g, x) = graph();
    let a = pointwise(&mut g, "a", x);
    let a = norm(&mut g, "bn", a, Activation::Relu);
    // Named as if it were the convolution's own bias.
    let b = g
        .parameter("a.bias", [1, 1, 1, 6], ParameterOptions::default())
        .unwrap();
    let y = ops::bias(&mut g, a, b).unwrap();
    let drawn = Drawn {
        graph: g,
        x,
        keep: vec![y],
    };
    let fused = check("taken", &drawn);
    assert_eq!(fused.folds[0].bias, "a.bias_folded");
}

#[test]
fn a_training_graph_and_missing_weights_are_refused() {
    let g = Graph::new(Mode::Train);
    let error = Inference::new(&g, &[], &InferenceOptions::default()).unwrap_err();
    assert!(
        error.to_string().contains("draw it for evaluation"),
        "{error}"
    );
    let (mut g, x) = graph();
    let y = pointwise(&mut g, "a", x);
    let y = norm(&mut g, "bn", y, Activation::Relu);
    let fused = Inference::new(&g, &[y], &InferenceOptions::default()).unwrap();
    let error = fused.tensors(|_| None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the weights lack a.weight: load those of this network"
    );
    let limits = Limits::default();
    assert_eq!(
        Schedule::new(&fused.graph, &fused.keep, &limits)
            .unwrap()
            .dispatches(),
        1
    );
}
