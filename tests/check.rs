//! Runs a case on the device and compares output and gradients with the reference.

use std::sync::OnceLock;

use half::f16;
use triaxis::engine::{
    AdapterKind, DType, Gpu, GpuOptions, Graph, Limits, MatrixUnits, Mode, Plan, Value, Variant,
    VariantTable, gradients,
};

use crate::case::{Case, Differences, EPOCH, SEED, data_index};

/// What f32 kernels may be off by, absolute and relative to the largest number expected.
pub const TOLERANCE: f64 = 2e-5;

/// What kernels may be off by that store activations as f16, likewise.
pub const HALF_TOLERANCE: f64 = 2e-3;

/// The device that all tests share.
pub fn gpu() -> &'static Gpu {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    GPU.get_or_init(|| {
        let plain = Gpu::open(&Default::default())
            .expect("a Vulkan driver answers (`make test` installs one)");
        let options = GpuOptions {
            matrix_units: Some(MatrixUnits::On),
            ..GpuOptions::default()
        };
        match plain.info().limits.matrices {
            None => plain,
            Some(_) => Gpu::open(&options).expect("matrices that are listed multiply rightly"),
        }
    })
}

/// The same where every convolution of what is stored as f16 runs on matrix units, if the adapter has them.
pub(crate) fn cooperative(gpu: &Gpu) -> Option<Gpu> {
    gpu.limits().matrices?;
    Some(gpu.with_limits(Limits {
        variants: VariantTable::all(Variant::Cooperative),
        ..*gpu.limits()
    }))
}

/// Checks every case, as the adapter is and as a smaller one would be: the other kind's kernels, one image a
/// dispatch, three workgroups a row; the blocked kernels so where both share; and by matrix units, whole and cut, where
/// there are any.
pub fn check_all(cases: &[Case]) {
    let full = *gpu().limits();
    let other = if full.kind == AdapterKind::Cpu {
        AdapterKind::Gpu
    } else {
        AdapterKind::Cpu
    };
    let small = Limits {
        kind: other,
        work: 1,
        workgroups: 3,
        ..full
    };
    let blocked = full.runs(Variant::Shared, false).then(|| {
        gpu().with_limits(Limits {
            kind: AdapterKind::Cpu,
            subgroup: 0,
            ..small
        })
    });
    let small = gpu().with_limits(small);
    for case in cases {
        for stored in [DType::F32, DType::F16] {
            if let Some(expected) = Expected::of(case, stored) {
                expected.check(gpu());
                expected.check(&small);
                if let Some(blocked) = &blocked {
                    expected.check(blocked);
                }
                if stored == DType::F16 {
                    for gpu in [gpu(), &small].into_iter().filter_map(cooperative) {
                        expected.check(&gpu);
                    }
                }
            }
        }
    }
}

/// The case's inputs.
fn numbers(case: &Case) -> Vec<Vec<f64>> {
    (1..)
        .zip(&case.inputs)
        .map(|(seed, i)| {
            i.numbers
                .clone()
                .unwrap_or_else(|| random(seed, i.shape.count()))
        })
        .collect()
}

/// The case as a graph: inputs and output.
pub(crate) fn drawn(case: &Case) -> (Graph, Vec<Value>, Value) {
    let mut g = Graph::new(Mode::Train);
    let xs: Vec<Value> = (0..)
        .zip(&case.inputs)
        .map(|(i, x)| g.input_of(&format!("x{i}"), x.shape, x.dtype))
        .collect();
    let y = (case.apply)(&mut g, &xs).unwrap_or_else(|e| panic!("{}: {e}", case.name));
    (g, xs, y)
}

/// Compares the kernels' output with the reference, each gradient with the reference's central differences, and the
/// padding with zero; everything is stored as f32.
pub fn check(gpu: &Gpu, case: &Case) {
    if let Some(expected) = Expected::of(case, DType::F32) {
        expected.check(gpu);
    }
}

/// A case as a graph with its gradients, and what they should be.
struct Expected<'a> {
    case: &'a Case,
    tolerance: f64,
    graph: Graph,
    /// What is written, and what numbers.
    given: Vec<(Value, Vec<f64>)>,
    /// What is compared: its name, the places that are looked at and the numbers there.
    wanted: Vec<(Value, String, Vec<usize>, Vec<f64>)>,
}

impl<'a> Expected<'a> {
    /// With activations stored so; `None` where the operator has none that can be.
    fn of(case: &'a Case, stored: DType) -> Option<Self> {
        let (mut graph, xs, y) = drawn(case);
        let mut dy = None;
        let mut dxs = vec![None; xs.len()];
        if case.differences != Differences::None {
            let value = graph.input("dy", graph.shape(y));
            let grads =
                gradients(&mut graph, y, value).unwrap_or_else(|e| panic!("{}: {e}", case.name));
            dy = Some(value);
            dxs = xs.iter().map(|&x| grads.get(x)).collect();
        }
        let tolerance = if stored == DType::F16 {
            graph.store_halves(&[]);
            if graph.values().all(|v| graph.dtype(v) != DType::F16) {
                return None;
            }
            HALF_TOLERANCE
        } else {
            TOLERANCE
        };
        // Numbers are rounded as they are written.
        let rounded = |numbers: Vec<f64>, x: Value| match graph.dtype(x) {
            DType::F16 => numbers.iter().map(|&x| f16::from_f64(x).to_f64()).collect(),
            _ => numbers,
        };
        let inputs: Vec<Vec<f64>> = (numbers(case).into_iter().zip(&xs))
            .map(|(numbers, &x)| rounded(numbers, x))
            .collect();
        let outputs = (case.reference)(&inputs);
        let count = outputs.len();
        assert_eq!(graph.shape(y).count(), count, "{}: output size", case.name);
        let mut given: Vec<_> = xs.iter().copied().zip(inputs.iter().cloned()).collect();
        let mut wanted = vec![(y, "output".to_owned(), (0..count).collect(), outputs)];
        if let Some(dy) = dy {
            let weights = rounded(random(99, count), dy);
            for (i, input) in case.inputs.iter().enumerate() {
                if !input.differentiable {
                    continue;
                }
                let count = input.shape.count();
                let positions: Vec<usize> = match case.differences {
                    Differences::None => continue,
                    Differences::All => (0..count).collect(),
                    Differences::Some(few) => (0..few.min(count))
                        .map(|j| j * count / few.min(count))
                        .collect(),
                };
                let dx =
                    dxs[i].unwrap_or_else(|| panic!("{}: input {i} got no gradient", case.name));
                let slopes = positions
                    .iter()
                    .map(|&j| slope(case, &inputs, &weights, i, j))
                    .collect();
                wanted.push((dx, format!("gradient of input {i}"), positions, slopes));
            }
            given.push((dy, weights));
        }
        Some(Self {
            case,
            tolerance,
            graph,
            given,
            wanted,
        })
    }

    fn check(&self, gpu: &Gpu) {
        let case = self.case;
        let kept: Vec<Value> = self.wanted.iter().map(|(value, ..)| *value).collect();
        let mut plan =
            Plan::compile(gpu, &self.graph, &kept).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        plan.initialise(0)
            .unwrap_or_else(|e| panic!("{}: {e}", case.name));
        for (value, numbers) in &self.given {
            write(&plan, *value, numbers, self.graph.dtype(*value));
        }
        write_randomness(&plan, SEED, EPOCH);
        plan.run().unwrap_or_else(|e| panic!("{}: {e}", case.name));
        for (value, what, positions, expected) in &self.wanted {
            let all = read(&plan, *value, case);
            let got: Vec<f32> = positions.iter().map(|&j| all[j]).collect();
            let what = format!("{what} as {:?}", self.graph.dtype(*value));
            close(&case.name, (&what, self.tolerance), &got, expected);
        }
    }
}

/// Reads a value and proves that its padding is zero.
fn read(plan: &Plan, value: Value, case: &Case) -> Vec<f32> {
    let shape = plan.graph().shape(value);
    let padded = plan
        .read_padded(value)
        .unwrap_or_else(|e| panic!("{}: {e}", case.name));
    for (pixel, numbers) in padded.chunks_exact(shape.c4() * 4).enumerate() {
        for (lane, x) in numbers.iter().enumerate().skip(shape.c()) {
            assert_eq!(
                *x, 0.0,
                "{}: the padding of {shape} at pixel {pixel}, lane {lane}",
                case.name
            );
        }
    }
    padded
        .chunks_exact(shape.c4() * 4)
        .flat_map(|pixel| &pixel[..shape.c()])
        .copied()
        .collect()
}

/// Writes what the plan's random operators, if there are any, are keyed by; the images are those of [`data_index`].
pub fn write_randomness(plan: &Plan, seed: u64, epoch: u32) {
    let Some(random) = plan.graph().random_inputs() else {
        return;
    };
    let n = plan.graph().shape(random.indices).n();
    let indices: Vec<u32> = (0..n).map(data_index).collect();
    plan.write_u32(random.key, &[seed as u32, (seed >> 32) as u32, epoch, 0])
        .and_then(|()| plan.write_u32(random.indices, &indices))
        .unwrap_or_else(|e| panic!("{e}"));
}

fn write(plan: &Plan, value: Value, data: &[f64], dtype: DType) {
    let shape = plan.graph().shape(value);
    let whole = || data.iter().map(|&x| x as u32);
    let written = match dtype {
        DType::F32 | DType::F16 => {
            plan.write(value, &data.iter().map(|&x| x as f32).collect::<Vec<_>>())
        }
        DType::U32 => plan.write_u32(value, &whole().collect::<Vec<_>>()),
        DType::U8 => {
            let mut bytes = vec![0u8; shape.pixels() * shape.c4() * 4];
            for (pixel, numbers) in bytes
                .chunks_exact_mut(shape.c4() * 4)
                .zip(data.chunks_exact(shape.c()))
            {
                pixel
                    .iter_mut()
                    .zip(numbers)
                    .for_each(|(byte, &x)| *byte = x as u8);
            }
            plan.write_raw(value, &bytes)
        }
    };
    written.unwrap_or_else(|e| panic!("{e}"));
}

/// d(sum(weights * y)) / d(inputs[i][j]), by central differences.
fn slope(case: &Case, inputs: &[Vec<f64>], weights: &[f64], i: usize, j: usize) -> f64 {
    const H: f64 = 1e-4;
    let at = |h: f64| {
        let mut moved = inputs.to_vec();
        moved[i][j] += h;
        (case.reference)(&moved)
            .iter()
            .zip(weights)
            .map(|(y, w)| y * w)
            .sum::<f64>()
    };
    (at(H) - at(-H)) / (2.0 * H)
}

fn close(case: &str, (what, tolerance): (&str, f64), got: &[f32], expected: &[f64]) {
    let largest = expected.iter().fold(1.0, |m: f64, x| m.max(x.abs()));
    for (i, (&got, &expected)) in got.iter().zip(expected).enumerate() {
        let error = (f64::from(got) - expected).abs();
        assert!(
            error <= tolerance * largest,
            "{case}: {what}[{i}] is {got}, expected {expected}"
        );
    }
}

/// Numbers in -0.5..0.5, representable in f32, the same for the same seed.
pub fn random(seed: u32, count: usize) -> Vec<f64> {
    let word = |i: usize| triaxis::engine::philox::philox([seed, 0], [i as u32, 0, 0, 0])[0];
    (0..count)
        .map(|i| f64::from(triaxis::engine::philox::unit(word(i)) - 0.5))
        .collect()
}
