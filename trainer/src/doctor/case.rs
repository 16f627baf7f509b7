//! One operator against its reference: forward, and each gradient against the reference's differences.

use triaxis_engine::{DType, Gpu, Graph, Mode, Plan, Result, Shape, Value, gradients};

use crate::random::Stream;

/// An operator at one small size.
pub(super) struct Case {
    /// What the report calls it.
    pub name: &'static str,
    /// What it reads.
    pub inputs: Vec<Input>,
    /// Draws it; the value returned is compared.
    pub apply: Apply,
    /// The same in plain f64, without padding.
    pub reference: Reference,
    /// What its numbers may be off by, in parts of the largest one expected (at least 1).
    pub tolerance: f64,
}

/// Adds the operator to a graph.
pub(super) type Apply = Box<dyn Fn(&mut Graph, &[Value]) -> Result<Value>>;

/// From all inputs' numbers to the output's.
pub(super) type Reference = Box<dyn Fn(&[Vec<f64>]) -> Vec<f64>>;

/// What a case reads.
pub(super) struct Input {
    pub shape: Shape,
    pub dtype: DType,
    pub numbers: Numbers,
}

/// An input's numbers, and whether its gradient is compared.
pub(super) enum Numbers {
    /// Random in -0.5..0.5, with a gradient.
    Random,
    /// These, without a gradient.
    Given(Vec<f64>),
}

/// The f32 kernels are within 2e-5 of f64 on software drivers; GPUs' own exponentials are coarser. A wrong index is
/// off by a hundredth and more.
pub(super) const TOLERANCE: f64 = 2e-4;

impl Input {
    pub(super) fn random(shape: impl Into<Shape>) -> Self {
        Self {
            shape: shape.into(),
            dtype: DType::F32,
            numbers: Numbers::Random,
        }
    }

    pub(super) fn given(shape: impl Into<Shape>, dtype: DType, numbers: Vec<f64>) -> Self {
        Self {
            shape: shape.into(),
            dtype,
            numbers: Numbers::Given(numbers),
        }
    }
}

/// The number that is furthest off.
#[derive(Clone, Debug, Default)]
pub(super) struct Worst {
    /// By how much, in parts of the largest number expected; infinite where it is no number.
    pub error: f64,
    /// `gradient of input 1, number 17: 0.5, expected 0.25`.
    pub place: String,
}

impl Worst {
    fn compare(&mut self, what: &str, pairs: &[(usize, f32, f64)]) {
        let largest = pairs.iter().fold(1.0, |m: f64, (_, _, x)| m.max(x.abs()));
        for &(i, got, expected) in pairs {
            let error = match (f64::from(got) - expected).abs() / largest {
                error if error.is_finite() => error,
                _ => f64::INFINITY,
            };
            if error > self.error {
                *self = Self {
                    error,
                    place: format!("{what}, number {i}: {got}, expected {expected}"),
                };
            }
        }
    }
}

impl Case {
    /// The graph with its inputs, the output, and the gradients of the random inputs with the output's.
    pub(super) fn draw(&self) -> Result<Drawn> {
        let mut g = Graph::new(Mode::Train);
        let xs: Vec<Value> = (0..)
            .zip(&self.inputs)
            .map(|(i, x)| g.input_of(&format!("x{i}"), x.shape, x.dtype))
            .collect();
        let y = (self.apply)(&mut g, &xs)?;
        let mut drawn = Drawn {
            xs,
            y,
            dy: None,
            dxs: Vec::new(),
            graph: g,
        };
        let smooth: Vec<usize> = (0..self.inputs.len())
            .filter(|&i| matches!(self.inputs[i].numbers, Numbers::Random))
            .collect();
        if !smooth.is_empty() {
            let g = &mut drawn.graph;
            let dy = g.input("dy", g.shape(y));
            let grads = gradients(g, y, dy)?;
            drawn.dy = Some(dy);
            drawn.dxs = smooth
                .iter()
                .filter_map(|&i| Some((i, grads.get(drawn.xs[i])?)))
                .collect();
        }
        Ok(drawn)
    }

    /// Runs the case on a device and compares.
    pub(super) fn run(&self, gpu: &Gpu) -> Result<Worst> {
        let drawn = self.draw()?;
        let mut plan = Plan::compile(gpu, &drawn.graph, &drawn.kept())?;
        plan.initialise(0)?;
        let inputs: Vec<Vec<f64>> = (1..)
            .zip(&self.inputs)
            .map(|(key, x)| x.numbers(key))
            .collect();
        for ((&x, input), numbers) in drawn.xs.iter().zip(&self.inputs).zip(&inputs) {
            let written = match input.dtype {
                DType::F32 | DType::F16 => plan.write(x, &floats(numbers)),
                DType::U32 => plan.write_u32(x, &words(numbers)),
                DType::U8 => plan.write_raw(x, &bytes(input.shape, numbers)),
            };
            written?;
        }
        let expected = (self.reference)(&inputs);
        let weights = random(0, expected.len());
        if let Some(dy) = drawn.dy {
            plan.write(dy, &floats(&weights))?;
        }
        plan.run()?;
        let mut worst = Worst::default();
        let pairs: Vec<_> = plan
            .read(drawn.y)?
            .into_iter()
            .zip(expected)
            .enumerate()
            .map(|(i, (got, expected))| (i, got, expected))
            .collect();
        worst.compare("output", &pairs);
        for &(i, dx) in &drawn.dxs {
            let got = plan.read(dx)?;
            let few = got.len().min(MOST);
            let slope = |j| self.slope(&inputs, &weights, [i, j]);
            let pairs: Vec<_> = (0..few)
                .map(|k| k * got.len() / few)
                .map(|j| (j, got[j], slope(j)))
                .collect();
            worst.compare(&format!("gradient of input {i}"), &pairs);
        }
        Ok(worst)
    }

    /// The reference's slope of `sum(weights * y)` along one number of one input, by central differences.
    fn slope(&self, inputs: &[Vec<f64>], weights: &[f64], [i, j]: [usize; 2]) -> f64 {
        // Small, for functions with a kink; f64 has digits to spare.
        const H: f64 = 1e-6;
        let at = |h: f64| {
            let mut moved = inputs.to_vec();
            moved[i][j] += h;
            let y = (self.reference)(&moved);
            y.iter().zip(weights).map(|(y, w)| y * w).sum::<f64>()
        };
        (at(H) - at(-H)) / (2.0 * H)
    }
}

/// Numbers of an input whose gradient is compared.
const MOST: usize = 60;

/// A case's graph.
pub(super) struct Drawn {
    pub graph: Graph,
    xs: Vec<Value>,
    y: Value,
    dy: Option<Value>,
    dxs: Vec<(usize, Value)>,
}

impl Drawn {
    /// What is read after a run.
    pub(super) fn kept(&self) -> Vec<Value> {
        std::iter::once(self.y)
            .chain(self.dxs.iter().map(|&(_, dx)| dx))
            .collect()
    }
}

impl Input {
    fn numbers(&self, key: u32) -> Vec<f64> {
        match &self.numbers {
            Numbers::Random => random(key, self.shape.count()),
            Numbers::Given(numbers) => numbers.clone(),
        }
    }
}

fn floats(numbers: &[f64]) -> Vec<f32> {
    numbers.iter().map(|&x| x as f32).collect()
}

fn words(numbers: &[f64]) -> Vec<u32> {
    numbers.iter().map(|&x| x as u32).collect()
}

/// Whole numbers as bytes, the pixel stride a multiple of four.
fn bytes(shape: Shape, numbers: &[f64]) -> Vec<u8> {
    let lane = |i: usize| match i % (shape.c4() * 4) {
        c if c < shape.c() => numbers[i / (shape.c4() * 4) * shape.c() + c] as u8,
        _ => 0,
    };
    (0..shape.vec4s() * 4).map(lane).collect()
}

/// Numbers in -0.5..0.5 that f32 holds exactly.
pub(super) fn random(key: u32, count: usize) -> Vec<f64> {
    let mut stream = Stream::new(0, 0, key, "doctor");
    (0..count)
        .map(|_| f64::from(stream.range(-0.5, 0.5)))
        .collect()
}
