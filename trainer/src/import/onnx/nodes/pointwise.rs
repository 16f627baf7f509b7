//! What is done to each number: activations, sums, products.

use triaxis_engine::ops::Activation;
use triaxis_models::LayerOp;

use super::super::made::{Call, Features, Made, Squash, Taken, expected};
use super::super::walk::Walk;

impl<'a> Walk<'a> {
    pub(super) fn activation(&mut self, call: &Call<'_, 'a>) -> Taken<Made<'a>> {
        let kind = match call.node.op {
            "Relu" => Activation::Relu,
            "HardSwish" => Activation::HardSwish,
            _ => clipped(call)?,
        };
        let x = self.features(call, 0)?;
        let name = self.names.scope(call.node);
        self.activated(name, x, kind)
    }

    fn activated(&mut self, name: String, x: Features, kind: Activation) -> Taken<Made<'a>> {
        let op = LayerOp::Activation { kind };
        Ok(Made::Features(self.layer(name, &[x], op, Vec::new())?))
    }

    /// A sigmoid, which becomes a layer where it is read by something else than a product with what it reads.
    pub(super) fn squash(&mut self, call: &Call<'_, 'a>) -> Taken<Made<'a>> {
        let node = call.node;
        let by = match node.op {
            "Sigmoid" => Squash::Sigmoid,
            _ => {
                let alpha = node.float("alpha").unwrap_or(0.2);
                let beta = node.float("beta").unwrap_or(0.5);
                if (alpha - 1.0 / 6.0).abs() > 1e-6 || beta != 0.5 {
                    return expected(format!(
                        "alpha of 1/6 and beta of 1/2, not {alpha} and {beta}"
                    ));
                }
                Squash::HardSigmoid
            }
        };
        let of = self.features(call, 0)?;
        let name = self.names.scope(node);
        Ok(Made::Squashed { of, by, name })
    }

    /// An activation by its own squashing function, or channels times numbers of an image's own.
    pub(super) fn product(&mut self, call: &Call<'_, 'a>) -> Taken<Made<'a>> {
        for (x, squashed) in [(0, 1), (1, 0)] {
            let (Made::Features(x), Made::Squashed { of, by, .. }) =
                (call.input(x)?, call.input(squashed)?)
            else {
                continue;
            };
            if x == of {
                let kind = match by {
                    Squash::Sigmoid => Activation::Silu,
                    Squash::HardSigmoid => Activation::HardSwish,
                };
                let (x, name) = (*x, self.names.scope(call.node));
                return self.activated(name, x, kind);
            }
        }
        let (mut x, mut factors) = (self.features(call, 0)?, self.features(call, 1)?);
        if self.shape(factors).pixels() != 1 {
            std::mem::swap(&mut x, &mut factors);
        }
        let [of_x, of_factors] = [x, factors].map(|value| self.shape(value));
        if x.flat != factors.flat || of_factors.pixels() != 1 || of_x.c() != of_factors.c() {
            return expected(
                "a product with a number for each channel of an image, or of `x` with its sigmoid",
            );
        }
        if x.flat && of_x.pixels() != 1 {
            return expected("features as [N, c, h, w]");
        }
        let name = self.names.scope(call.node);
        let y = self.layer(name, &[x, factors], LayerOp::Gate, Vec::new())?;
        Ok(Made::Features(y))
    }

    pub(super) fn sum(&mut self, call: &Call<'_, 'a>) -> Taken<Made<'a>> {
        for (x, summand) in [(0, 1), (1, 0)] {
            if let Made::Constant(tensor) = call.input(summand)? {
                let x = self.features(call, x)?;
                return self.bias(call, x, tensor);
            }
        }
        let (a, b) = (self.features(call, 0)?, self.features(call, 1)?);
        let [of_a, of_b] = [a, b].map(|value| self.shape(value));
        if of_a != of_b || a.flat != b.flat {
            return expected(format!("two summands of one shape, not {of_a} and {of_b}"));
        }
        let name = self.names.scope(call.node);
        let y = self.layer(name, &[a, b], LayerOp::Add, Vec::new())?;
        Ok(Made::Features(y))
    }
}

/// The activation that limits make: at 0 below, at 6 or nothing above.
fn clipped(call: &Call<'_, '_>) -> Taken<Activation> {
    let (least, most) = (call.number(1)?, call.number(2)?);
    // The last number that f32 holds stands for none.
    let none = f64::from(f32::MAX);
    let told = |limit: Option<f64>| limit.map_or("none".into(), |limit| limit.to_string());
    match (least, most) {
        (Some(0.0), Some(6.0)) => Ok(Activation::Relu6),
        (Some(0.0), None) => Ok(Activation::Relu),
        (Some(0.0), Some(most)) if most >= none => Ok(Activation::Relu),
        _ => {
            let (least, most) = (told(least), told(most));
            expected(format!("limits of 0 and 6, not {least} and {most}"))
        }
    }
}
