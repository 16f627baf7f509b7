//! What a network may cost, and what candidates do.

use serde::Serialize;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Seconds of a training step.
    StepTime,
    /// Seconds of an epoch's training steps.
    EpochTime,
    /// Bytes of GPU memory for training and evaluation.
    Memory,
    /// Seconds from one picture to its logits.
    Latency,
    /// Multiply-adds for one image.
    Flops,
    /// Trained numbers.
    Params,
}

impl Quantity {
    /// In words, as in "its step time".
    pub fn name(self) -> &'static str {
        match self {
            Self::StepTime => "step time",
            Self::EpochTime => "epoch time",
            Self::Memory => "memory",
            Self::Latency => "latency",
            Self::Flops => "multiply-adds",
            Self::Params => "parameters",
        }
    }

    /// The option that limits it.
    pub fn option(self) -> &'static str {
        match self {
            Self::StepTime => "--max-step-time",
            Self::EpochTime => "--max-epoch-time",
            Self::Memory => "--max-memory",
            Self::Latency => "--max-latency",
            Self::Flops => "--max-flops",
            Self::Params => "--max-params",
        }
    }

    /// An amount of it for people: `215 ms`, `1.50 GiB`, `402 M`.
    pub fn told(self, amount: f64) -> String {
        match self {
            Self::StepTime | Self::EpochTime | Self::Latency => seconds(amount),
            Self::Memory => bytes(amount),
            Self::Flops | Self::Params => count(amount),
        }
    }
}

/// What a network costs on an adapter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Multiply-adds for one image.
    pub flops: u64,
    /// Trained numbers.
    pub params: u64,
    /// Outputs of convolutions for one image.
    pub acts: u64,
    /// Seconds of a training step, as the model predicts.
    pub step_seconds: Option<f64>,
    /// Seconds of an epoch's training steps.
    pub epoch_seconds: Option<f64>,
    /// Seconds from one picture to its logits, as the model predicts.
    pub latency_seconds: Option<f64>,
    /// Bytes of GPU memory for training and evaluation, exact.
    pub memory_bytes: Option<u64>,
    /// Bytes that a training step moves, for each image of the batch, exact.
    pub moved_bytes: Option<u64>,
    /// Kernels of a training step, exact.
    pub dispatches: Option<usize>,
}

impl Cost {
    /// The amount of a quantity, where it is known.
    pub fn of(&self, quantity: Quantity) -> Option<f64> {
        match quantity {
            Quantity::StepTime => self.step_seconds,
            Quantity::EpochTime => self.epoch_seconds,
            Quantity::Memory => self.memory_bytes.map(|bytes| bytes as f64),
            Quantity::Latency => self.latency_seconds,
            Quantity::Flops => Some(self.flops as f64),
            Quantity::Params => Some(self.params as f64),
        }
    }
}

/// Limits that a network is to keep: those that were set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Budget(pub Vec<(Quantity, f64)>);

/// How much of a limit a network takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// What is limited.
    pub quantity: Quantity,
    /// The amount over the limit: above 1 is too much.
    pub share: f64,
}

impl Budget {
    /// The limit that the network comes nearest to, or exceeds most; `None` where nothing is limited. A quantity that is not
    /// known exceeds nothing.
    pub fn tightest(&self, cost: &Cost) -> Option<Share> {
        let shares = self.0.iter().filter_map(|(quantity, limit)| {
            Some(Share {
                quantity: *quantity,
                share: cost.of(*quantity)? / limit,
            })
        });
        shares.max_by(|a, b| a.share.total_cmp(&b.share))
    }

    /// Whether it keeps all limits whose quantity is known.
    pub fn fits(&self, cost: &Cost) -> bool {
        self.tightest(cost)
            .is_none_or(|tightest| tightest.share <= 1.0)
    }

    /// Whether this is limited.
    pub fn limits(&self, quantity: Quantity) -> bool {
        self.0.iter().any(|(limited, _)| *limited == quantity)
    }
}

/// `1.25 s`, `83.1 ms`, `32 min 5 s`, `3 h 20 min`.
pub(crate) fn seconds(s: f64) -> String {
    match s {
        s if s < 0.9995 => format!("{} ms", digits(1e3 * s)),
        s if s < 99.95 => format!("{} s", digits(s)),
        s if s < 3599.5 => {
            let whole = s.round() as u64;
            format!("{} min {} s", whole / 60, whole % 60)
        }
        s => {
            let minutes = (s / 60.0).round() as u64;
            format!("{} h {} min", minutes / 60, minutes % 60)
        }
    }
}

/// Three digits.
fn digits(x: f64) -> String {
    match x {
        x if x >= 99.95 => format!("{x:.0}"),
        x if x >= 9.995 => format!("{x:.1}"),
        x => format!("{x:.2}"),
    }
}

fn bytes(n: f64) -> String {
    match n / f64::from(1 << 20) {
        mib if mib < 1024.0 => format!("{mib:.1} MiB"),
        mib => format!("{:.2} GiB", mib / 1024.0),
    }
}

fn count(n: f64) -> String {
    match n {
        n if n < 1e3 => format!("{n:.0}"),
        n if n < 999.5e3 => format!("{} k", digits(n / 1e3)),
        n if n < 999.5e6 => format!("{} M", digits(n / 1e6)),
        n => format!("{} G", digits(n / 1e9)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_that_is_nearest_is_the_tightest() {
        let budget = Budget(vec![(Quantity::Flops, 100.0), (Quantity::Latency, 0.1)]);
        let cost = |flops, latency_seconds| Cost {
            flops,
            latency_seconds,
            ..Cost::default()
        };
        let tightest = budget.tightest(&cost(50, Some(0.09))).unwrap();
        assert_eq!(tightest.quantity, Quantity::Latency);
        assert!((tightest.share - 0.9).abs() < 1e-12);
        assert!(budget.fits(&cost(100, Some(0.1))) && !budget.fits(&cost(101, Some(0.01))));
        assert!(
            budget.fits(&cost(90, None)),
            "what is not known exceeds nothing"
        );
        assert_eq!(Budget::default().tightest(&cost(1, None)), None);
    }

    #[test]
    fn amounts_are_told_in_units_that_fit() {
        for (s, expected) in [
            (0.012_345, "12.3 ms"),
            (0.9999, "1.00 s"),
            (12.0, "12.0 s"),
            (99.96, "1 min 40 s"),
            (3_600.0, "1 h 0 min"),
            (12_345.0, "3 h 26 min"),
        ] {
            assert_eq!(Quantity::EpochTime.told(s), expected);
        }
        assert_eq!(Quantity::Flops.told(385_825_092.0), "386 M");
        assert_eq!(Quantity::Params.told(5_288_548.0), "5.29 M");
        assert_eq!(Quantity::Flops.told(4.008e9), "4.01 G");
        assert_eq!(Quantity::Memory.told(1.5 * 1024.0 * 1048576.0), "1.50 GiB");
    }
}
