//! The storage format f16, bit by bit: beyond its range there is infinity, which loss scaling looks for, and
//! what is not a number stays so.

use triaxis_engine::DType::F32;
use triaxis_engine::{Dispatch, In, LaunchContext, Op, Out, Shape};

use super::case::{Case, Input};

/// Numbers that f16 holds exactly or that are beyond it.
const NUMBERS: [f64; 15] = [
    0.0,
    1.0,
    -2.5,
    65_504.0,
    -65_504.0,
    65_519.0,
    65_520.0,
    -65_520.0,
    65_536.0,
    1e6,
    -1e30,
    f64::INFINITY,
    f64::NEG_INFINITY,
    0.125,
    f64::NAN,
];

/// The bits must be right, all of them.
pub(super) fn packing() -> Case {
    Case {
        name: "f16 storage, infinity beyond 65,504",
        inputs: vec![Input::given(
            Shape::vector(NUMBERS.len()),
            F32,
            NUMBERS.into(),
        )],
        apply: Box::new(|g, v| g.apply_one(Pack, &[v[0]])),
        reference: Box::new(|v| {
            let bits = |&x: &f64| f64::from(half::f16::from_f64(x).to_bits());
            v[0].iter().map(bits).collect()
        }),
        tolerance: 0.0,
    }
}

/// The bits of each number as f16, as a number.
#[derive(Debug)]
struct Pack;

impl Op for Pack {
    fn name(&self) -> &'static str {
        "doctor_pack"
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
        Ok(vec![inputs[0]])
    }

    fn launch(&self, cx: &mut LaunchContext<'_>) {
        let x = cx.inputs[0];
        cx.push(
            Dispatch::new("doctor/pack", "pack")
                .link("storage/f16")
                .params(&[x.vec4s(), x.c4(), x.c()])
                .bind(In(0))
                .bind(Out(0))
                .threads(x.vec4s()),
        );
    }
}
