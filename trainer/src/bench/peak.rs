//! How fast an adapter multiplies and adds: what the work of kernels is measured against.

use std::time::Instant;

use triaxis_engine::{
    AdapterKind, Dispatch, Gpu, Graph, In, LaunchContext, Matrices, Mode, Op, Out, Plan, Shape,
};

use crate::error::Result;

/// What one measurement should take, in seconds, so that neither starting it nor the clock weighs.
const LONG_ENOUGH: f64 = 0.05;

/// Multiply-adds of a thread in a round of `multiply`.
const OF_A_THREAD: usize = 96;

/// Rows and columns that subgroups of a workgroup make of products together.
const TILE: usize = 64;

/// Operations a second, twice the multiply-adds, of kernels that do nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Peak {
    /// Of f32 numbers in registers.
    pub registers: f64,
    /// Of f16 matrices with f32 sums, where kernels use the adapter's matrix units.
    pub matrices: Option<f64>,
}

impl Peak {
    /// Measures both, the best of a few times each.
    ///
    /// # Errors
    ///
    /// A lost device.
    pub fn measure(gpu: &Gpu) -> Result<Self> {
        let large = gpu.limits().kind == AdapterKind::Gpu;
        // Enough for the largest of today's GPUs to be busy for a millisecond.
        let registers = Multiply {
            count: if large { 1 << 18 } else { 1 << 10 },
            rounds: 2048,
            matrices: None,
        };
        let of = |matrices| Multiply {
            count: if large { 2048 } else { 16 },
            rounds: if large { 2048 } else { 64 },
            matrices: Some(matrices),
        };
        let matrices = gpu
            .limits()
            .matrices
            .map(|matrices| rate(gpu, of(matrices)));
        Ok(Self {
            registers: rate(gpu, registers)?,
            matrices: matrices.transpose()?,
        })
    }

    /// Of what uses matrix units, if it has them, or does not.
    pub fn of(&self, by_matrices: bool) -> f64 {
        let matrices = self.matrices.filter(|_| by_matrices);
        matrices.unwrap_or(self.registers)
    }
}

/// Operations a second.
fn rate(gpu: &Gpu, multiply: Multiply) -> Result<f64> {
    let mut g = Graph::new(Mode::Evaluate);
    let x = g.input("x", multiply.read());
    let y = g.apply_one(multiply, &[x])?;
    let mut plan = Plan::compile(gpu, &g, &[y])?;
    plan.write(x, &vec![0.0; g.shape(x).count()])?;
    let mut seconds = |runs: usize| -> Result<f64> {
        gpu.wait()?;
        let begin = Instant::now();
        for _ in 0..runs {
            plan.run()?;
        }
        gpu.wait()?;
        Ok(begin.elapsed().as_secs_f64() / runs as f64)
    };
    seconds(1)?;
    let runs = (LONG_ENOUGH / seconds(1)?).clamp(1.0, 100.0) as usize;
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        best = seconds(runs)?.min(best);
    }
    Ok(2.0 * multiply.work() as f64 / best)
}

/// Multiplies and adds, and reads and writes next to nothing.
#[derive(Clone, Copy, Debug)]
struct Multiply {
    /// Threads, or workgroups where matrix units multiply.
    count: usize,
    rounds: usize,
    matrices: Option<Matrices>,
}

impl Multiply {
    /// Multiply-adds.
    fn work(&self) -> usize {
        let of_one = match self.matrices {
            Some(Matrices { side, .. }) => TILE * TILE * side as usize,
            None => OF_A_THREAD,
        };
        self.count * self.rounds * of_one
    }

    fn read(&self) -> Shape {
        let rows = self.matrices.map_or(self.count, |_| 1);
        Shape([1, 1, rows, 4])
    }
}

impl Op for Multiply {
    fn name(&self) -> &'static str {
        match self.matrices {
            Some(_) => "multiply_matrices",
            None => "multiply",
        }
    }

    fn shapes(&self, _: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![Shape([1, 1, self.count, 4])])
    }

    fn launch(&self, cx: &mut LaunchContext<'_>) {
        let dispatch = match self.matrices {
            Some(Matrices { side, threads }) => {
                Dispatch::new("bench/multiply_matrices", "multiply_matrices")
                    .link("cooperative/enable")
                    .link(match side {
                        8 => "cooperative/eight",
                        _ => "cooperative/sixteen",
                    })
                    .constant("THREADS", f64::from(threads))
                    .params(&[self.rounds, 0])
                    .workgroups(self.count)
            }
            None => Dispatch::new("bench/multiply", "multiply")
                .params(&[self.count, self.rounds])
                .threads(self.count),
        };
        cx.push(dispatch.bind(In(0)).bind(Out(0)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rounds of x -> x * v + v begun at v, v + 1 and v + 2 are 16 steps; with v = -1 each comes back after two.
    #[test]
    fn registers_hold_what_was_multiplied() {
        let gpu = Gpu::open(&Default::default()).unwrap();
        let multiply = Multiply {
            count: 100,
            rounds: 2,
            matrices: None,
        };
        let mut g = Graph::new(Mode::Evaluate);
        let x = g.input("x", multiply.read());
        let y = g.apply_one(multiply, &[x]).unwrap();
        let mut plan = Plan::compile(&gpu, &g, &[y]).unwrap();
        plan.write(x, &[-1.0; 400]).unwrap();
        plan.run().unwrap();
        // -1, 0 and 1.
        assert_eq!(plan.read(y).unwrap(), [0.0; 400]);
        assert_eq!(multiply.work(), 100 * 2 * 96);
    }

    #[test]
    fn every_adapter_has_a_peak_and_those_with_matrix_units_a_second() {
        let gpu = Gpu::open(&Default::default()).unwrap();
        let peak = Peak::measure(&gpu).unwrap();
        assert!(peak.registers > 1e6, "{peak:?}");
        assert_eq!(peak.matrices.is_some(), gpu.limits().matrices.is_some());
        assert_eq!(peak.of(false), peak.registers);
        assert_eq!(peak.of(true), peak.matrices.unwrap_or(peak.registers));
    }
}
