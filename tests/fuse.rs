//! `Graph::fuse`: readers that apply batch norms and gates themselves compute what those that read them from memory do.

use triaxis::engine::ops::{
    self, Activation, BatchNorm, BatchNormInputs, Conv2d, Divisor, Padding, Pool,
};
use triaxis::engine::{
    AdapterKind, Graph, Init, Limits, Mode, Plan, Result, Schedule, StoredEdges, Value, gradients,
};

/// What a fused graph's numbers may be off by, as part of the largest of each tensor. The gradient of a weight before a
/// batch norm is the small difference of large sums: it is off by up to 3.2e-5, whatever the kernels; all else is by less.
const TOLERANCE: f32 = 5e-5;

/// What sums of factors rounded to f16 may be off by, likewise: such a gradient by up to 2.5e-2.
const HALF_TOLERANCE: f32 = 4e-2;

/// A batch norm, or two, and who reads them.
pub(crate) struct Drawn {
    name: &'static str,
    pub(crate) graph: Graph,
    inputs: Vec<Value>,
    pub(crate) keep: Vec<Value>,
    /// Batch norms, gates, ReLUs and gradients of means that are written all the same.
    written: usize,
}

/// A batch norm of `x` in a scope of that name.
fn norm(g: &mut Graph, name: &str, x: Value, activation: Activation) -> Result<Value> {
    let shape = [1, 1, 1, g.shape(x).c()];
    g.scope(name, |g| {
        let inputs = BatchNormInputs {
            gamma: g.input(&format!("{name}.gamma"), shape),
            beta: g.input(&format!("{name}.beta"), shape),
            running_mean: g.buffer("mean", shape, Init::Constant(0.0))?,
            running_var: g.buffer("var", shape, Init::Constant(1.0))?,
        };
        let options = BatchNorm {
            activation,
            ..BatchNorm::default()
        };
        ops::batch_norm(g, x, inputs, options)
    })
}

/// Draws what reads `x`, with gradients of everything kept.
fn draw(
    name: &'static str,
    written: usize,
    x: [usize; 4],
    readers: impl Fn(&mut Graph, Value, &mut Vec<Value>) -> Result<Value>,
) -> Drawn {
    let mut g = Graph::new(Mode::Train);
    let x = g.input("x", x);
    let mut keep = Vec::new();
    let y = readers(&mut g, x, &mut keep).unwrap();
    let dy = g.input("dy", g.shape(y));
    let grads = gradients(&mut g, y, dy).unwrap();
    let is_input = |&v: &Value| *g.kind(v) == triaxis::engine::Kind::Input;
    let inputs: Vec<Value> = g.values().filter(is_input).collect();
    keep.push(y);
    keep.extend(inputs.iter().filter_map(|&v| grads.get(v)));
    Drawn {
        name,
        graph: g,
        inputs,
        keep,
        written,
    }
}

/// A convolution by a weight of that shape.
fn conv(
    g: &mut Graph,
    x: Value,
    weight: [usize; 4],
    [stride, groups]: [usize; 2],
) -> Result<Value> {
    let weight_value = g.input(&format!("weight{weight:?}"), weight);
    let options = Conv2d {
        stride,
        padding: Padding::Symmetric(weight[0] / 2),
        groups,
    };
    ops::conv2d(g, x, weight_value, options)
}

/// Every operator that can read so, in every shape that has a kernel of its own, and what cannot.
pub(crate) fn all() -> Vec<Drawn> {
    use Activation::{HardSwish, Identity, Relu, Sigmoid, Silu};
    let shape = [3, 5, 7, 6];
    let one = |name, x: [usize; 4], activation, weight, options| {
        draw(name, 0, x, move |g, x, _| {
            let a = norm(g, "bn", x, activation)?;
            conv(g, a, weight, options)
        })
    };
    let squeezed = |g: &mut Graph, a: Value| -> Result<Value> {
        let c = g.shape(a).c();
        let s = ops::global_avg_pool(g, a)?;
        let s = conv(g, s, [1, 1, c, c], [1, 1])?;
        let s = ops::activation(g, s, Sigmoid)?;
        ops::gate(g, a, s)
    };
    vec![
        one("strided 3×3", shape, Silu, [3, 3, 6, 9], [2, 1]),
        one("pointwise", shape, Relu, [1, 1, 6, 10], [1, 1]),
        one("tiles", [2, 7, 9, 70], Silu, [1, 1, 70, 66], [1, 1]),
        one("narrow groups", shape, HardSwish, [3, 3, 2, 6], [1, 3]),
        one(
            "wide groups",
            [1, 6, 5, 40],
            Identity,
            [3, 3, 20, 48],
            [1, 2],
        ),
        one("depthwise", shape, Silu, [3, 3, 1, 6], [1, 6]),
        one(
            "strided 5×5 depthwise",
            [2, 9, 7, 10],
            Silu,
            [5, 5, 1, 10],
            [2, 10],
        ),
        // Statistics: of a tiled convolution, of a blocked one, and of a depthwise one whose threads each make many strips.
        draw("measured tiles", 0, [3, 9, 11, 20], |g, x, _| {
            let a = conv(g, x, [3, 3, 20, 70], [1, 1])?;
            let a = norm(g, "bn", a, Silu)?;
            conv(g, a, [1, 1, 70, 4], [1, 1])
        }),
        draw("measured strided groups", 0, [2, 9, 7, 40], |g, x, _| {
            let a = conv(g, x, [3, 3, 20, 48], [2, 2])?;
            let a = norm(g, "bn", a, Relu)?;
            conv(g, a, [1, 1, 48, 20], [1, 1])
        }),
        draw("measured depthwise", 0, [3, 17, 19, 10], |g, x, _| {
            let a = conv(g, x, [3, 3, 1, 10], [1, 10])?;
            let a = norm(g, "bn", a, Silu)?;
            conv(g, a, [5, 5, 1, 10], [2, 10])
        }),
        draw("excited", 0, [3, 5, 7, 10], |g, x, _| {
            let a = norm(g, "bn", x, Silu)?;
            let gated = squeezed(g, a)?;
            conv(g, gated, [1, 1, 10, 6], [1, 1])
        }),
        draw("excited tiles", 0, [3, 5, 7, 66], |g, x, _| {
            let a = norm(g, "bn", x, Silu)?;
            let gated = squeezed(g, a)?;
            conv(g, gated, [1, 1, 66, 70], [1, 1])
        }),
        draw("a gate that is wanted", 1, shape, |g, x, keep| {
            let a = norm(g, "bn", x, Relu)?;
            let gated = squeezed(g, a)?;
            keep.push(gated);
            conv(g, gated, [1, 1, 6, 6], [1, 1])
        }),
        draw("residual", 0, shape, |g, x, _| {
            let a = norm(g, "bn", x, Identity)?;
            let sum = ops::add(g, a, x)?;
            conv(g, sum, [1, 1, 6, 4], [1, 1])
        }),
        // Sums that go through a ReLU, and back through it: the last one's gradient is no sum.
        draw("residuals", 1, shape, |g, x, _| {
            let mut x = x;
            for block in ["1", "2"] {
                x = g.scope(block, |g| {
                    let a = conv(g, x, [3, 3, 6, 6], [1, 1])?;
                    let a = norm(g, "bn", a, Identity)?;
                    let sum = ops::add(g, a, x)?;
                    ops::activation(g, sum, Relu)
                })?;
            }
            conv(g, x, [1, 1, 6, 4], [1, 1])
        }),
        // As in residual networks: gradients are added up in place, by convolutions that read and end in batch norms.
        draw("bottlenecks", 1, [2, 6, 5, 16], |g, x, _| {
            let mut x = x;
            for (block, stride) in [("1", 1), ("2", 2)] {
                x = g.scope(block, |g| {
                    let a = conv(g, x, [1, 1, 16, 8], [1, 1])?;
                    let a = norm(g, "bn1", a, Relu)?;
                    let a = conv(g, a, [3, 3, 8, 8], [stride, 1])?;
                    let a = norm(g, "bn2", a, Relu)?;
                    let a = conv(g, a, [1, 1, 8, 16], [1, 1])?;
                    let a = norm(g, "bn3", a, Identity)?;
                    let skip = match stride {
                        1 => x,
                        _ => {
                            let b = conv(g, x, [1, 1, 16, 16], [2, 1])?;
                            norm(g, "bn4", b, Identity)?
                        }
                    };
                    let sum = ops::add(g, a, skip)?;
                    ops::activation(g, sum, Relu)
                })?;
            }
            conv(g, x, [1, 1, 16, 4], [1, 1])
        }),
        // With gates, of layers that share tiles on a GPU, and as many channels before the last convolution as behind it.
        draw("gated bottlenecks", 1, [2, 6, 5, 68], |g, x, _| {
            let mut x = x;
            for block in ["1", "2"] {
                x = g.scope(block, |g| {
                    let a = conv(g, x, [1, 1, 68, 68], [1, 1])?;
                    let a = norm(g, "bn1", a, Relu)?;
                    let a = conv(g, a, [3, 3, 34, 68], [1, 2])?;
                    let a = norm(g, "bn2", a, Silu)?;
                    let a = squeezed(g, a)?;
                    let a = conv(g, a, [1, 1, 68, 68], [1, 1])?;
                    let a = norm(g, "bn3", a, Identity)?;
                    let skip = match block {
                        "1" => {
                            let b = conv(g, x, [1, 1, 68, 68], [1, 1])?;
                            norm(g, "bn4", b, Identity)?
                        }
                        _ => x,
                    };
                    let sum = ops::add(g, a, skip)?;
                    ops::activation(g, sum, Relu)
                })?;
            }
            conv(g, x, [1, 1, 68, 4], [1, 1])
        }),
        // The same without a ReLU behind the sums, and with gates.
        draw("inverted bottlenecks", 0, [2, 6, 5, 8], |g, x, _| {
            let mut x = x;
            for block in ["1", "2"] {
                x = g.scope(block, |g| {
                    let a = conv(g, x, [1, 1, 8, 20], [1, 1])?;
                    let a = norm(g, "bn1", a, Silu)?;
                    let a = conv(g, a, [3, 3, 1, 20], [1, 20])?;
                    let a = norm(g, "bn2", a, Silu)?;
                    let a = squeezed(g, a)?;
                    let a = conv(g, a, [1, 1, 20, 8], [1, 1])?;
                    let a = norm(g, "bn3", a, Identity)?;
                    ops::add(g, a, x)
                })?;
            }
            conv(g, x, [1, 1, 8, 4], [1, 1])
        }),
        // Both summands are read so.
        draw("two branches", 0, shape, |g, x, _| {
            let a = norm(g, "bn1", x, Identity)?;
            let b = conv(g, x, [1, 1, 6, 6], [1, 1])?;
            let b = norm(g, "bn2", b, Identity)?;
            ops::add(g, b, a)
        }),
        draw("pooled", 0, shape, |g, x, _| {
            let a = conv(g, x, [3, 3, 6, 10], [1, 1])?;
            let a = norm(g, "bn", a, Relu)?;
            let pool = Pool {
                kernel: 3,
                stride: 2,
                padding: Padding::Symmetric(1),
            };
            let pooled = ops::max_pool(g, a, pool)?;
            conv(g, pooled, [1, 1, 10, 4], [1, 1])
        }),
        draw("read by what cannot", 1, shape, |g, x, _| {
            let a = norm(g, "bn", x, Relu)?;
            let pooled = ops::avg_pool(g, a, Pool::default(), Divisor::Window)?;
            conv(g, pooled, [1, 1, 6, 4], [1, 1])
        }),
        // Sigmoid makes one half of the padding.
        draw("not zero at zero", 1, shape, |g, x, _| {
            let a = norm(g, "bn", x, Sigmoid)?;
            conv(g, a, [1, 1, 6, 4], [1, 1])
        }),
        draw("read twice by one", 1, shape, |g, x, _| {
            let a = norm(g, "bn", x, Relu)?;
            ops::add(g, a, a)
        }),
    ]
}

fn limits(kind: AdapterKind) -> Limits {
    Limits {
        kind,
        fuse: false,
        fuse_halves: false,
        ..*crate::gpu().limits()
    }
}

fn numbers(graph: &Graph, inputs: &[Value], keep: &[Value], limits: Limits) -> Vec<Vec<f32>> {
    let gpu = crate::gpu().with_limits(limits);
    let mut plan = Plan::compile(&gpu, graph, keep).unwrap();
    plan.initialise(0).unwrap();
    for (seed, &v) in (1..).zip(inputs) {
        // About one: gammas among them should not vanish.
        let x = crate::random(seed, graph.shape(v).count());
        let x: Vec<f32> = x.into_iter().map(|x| 0.4 + x as f32).collect();
        plan.write(v, &x).unwrap();
    }
    plan.run().unwrap();
    keep.iter().map(|&v| plan.read(v).unwrap()).collect()
}

#[test]
fn fused_graphs_compute_the_same() {
    std::thread::scope(|threads| {
        for drawn in all() {
            threads.spawn(move || compute_the_same(&drawn));
        }
    });
}

fn compute_the_same(drawn: &Drawn) {
    let Drawn {
        name,
        graph,
        inputs,
        keep,
        ..
    } = drawn;
    for kind in [AdapterKind::Cpu, AdapterKind::Gpu] {
        let expected = numbers(graph, inputs, keep, limits(kind));
        let edges = [StoredEdges::default(), StoredEdges::all()];
        let [fused, stored] = edges.map(|stored| {
            let mut fused = graph.clone();
            fused.fuse(keep, &stored);
            fused
        });
        let mut unfused = graph.clone();
        unfused.forget(keep);
        let [forgetful, of_stored] = edges.map(|stored| {
            let mut fused = unfused.clone();
            fused.fuse(keep, &stored);
            fused
        });
        // Sums go across dispatches of one image each; three workgroups a row.
        let small = Limits {
            work: 1,
            workgroups: 3,
            ..limits(kind)
        };
        let mut got = vec![(&fused, limits(kind)), (&fused, small), (&stored, small)];
        if unfused.nodes().count() != graph.nodes().count() {
            got.extend([
                (&unfused, limits(kind)),
                (&forgetful, limits(kind)),
                (&forgetful, small),
                (&of_stored, small),
            ]);
        }
        for (of, (graph, limits)) in got.into_iter().enumerate() {
            let got = numbers(graph, inputs, keep, limits);
            for (i, (expected, got)) in expected.iter().zip(&got).enumerate() {
                let largest = expected.iter().fold(0.0f32, |m, x| m.max(x.abs()));
                let pairs = expected.iter().zip(got);
                let off = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(
                    largest > 1e-3 && off <= TOLERANCE * largest,
                    "{name}, {kind:?}, graph {of}: value {i} is off by {off:e} of {largest:e}"
                );
            }
        }
    }
}

#[test]
fn fused_graphs_compute_the_same_on_matrix_units() {
    let Some(cooperative) = crate::check::cooperative(crate::gpu()) else {
        return;
    };
    for drawn in all() {
        let mut halves = drawn.graph.clone();
        halves.forget(&drawn.keep);
        halves.fuse(&drawn.keep, &StoredEdges::default());
        halves.store_halves(&[]);
        let of = |limits| numbers(&halves, &drawn.inputs, &drawn.keep, limits);
        let expected = of(limits(AdapterKind::Cpu));
        let got = of(Limits {
            fuse: false,
            fuse_halves: false,
            ..*cooperative.limits()
        });
        for (i, (expected, got)) in expected.iter().zip(&got).enumerate() {
            let largest = expected.iter().fold(0.0f32, |m, x| m.max(x.abs()));
            let pairs = expected.iter().zip(got);
            let off = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(
                off <= HALF_TOLERANCE * largest,
                "{}: value {i} is off by {off:e} of {largest:e}",
                drawn.name
            );
        }
    }
}

#[test]
fn outputs_are_forgotten_where_less_is_moved_by_it() {
    let forgotten = |name: &str| {
        let all = all();
        let drawn = all.into_iter().find(|drawn| drawn.name == name).unwrap();
        let mut graph = drawn.graph;
        graph.forget(&drawn.keep);
        let schedule = Schedule::new(&graph, &drawn.keep, &limits(AdapterKind::Gpu)).unwrap();
        let grams = schedule
            .launches()
            .filter(|(path, _)| path.ends_with("batch_norm_gram_weights"));
        grams.count()
    };
    // Behind the ReLUs of sums, but for a convolution that strides and one that has neither gates nor fewer channels.
    assert_eq!(forgotten("bottlenecks"), 2);
    assert_eq!(forgotten("gated bottlenecks"), 2);
    assert_eq!(forgotten("inverted bottlenecks"), 0);
    assert_eq!(forgotten("residuals"), 0);
}

#[test]
fn what_is_fused_is_not_written() {
    for mut drawn in all() {
        drawn.graph.fuse(&drawn.keep, &StoredEdges::default());
        let schedule = Schedule::new(&drawn.graph, &drawn.keep, &limits(AdapterKind::Gpu)).unwrap();
        let entries = ["batch_norm_apply", "gate", "global_avg_pool_grad"];
        let relus = ["activation", "activation_grad"];
        let relu = ("ACTIVATION", 1.0);
        let written = schedule
            .launches()
            .filter(|(_, d)| {
                let relu = relus.contains(&d.kernel.entry) && d.kernel.constants.contains(&relu);
                relu || entries.contains(&d.kernel.entry)
            })
            .count();
        assert_eq!(written, drawn.written, "{}", drawn.name);
    }
}
