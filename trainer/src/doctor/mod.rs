//! A test of a device: every operator against plain f64 loops, at small and odd sizes, and a network that must learn.
//!
//! Drivers compile kernels to their own machine code, and some do it wrongly: a network would train, only worse. This
//! finds out in seconds. Each kernel runs in both variants, the *tiled* one that GPUs take and the *blocked* one that
//! software drivers take.

mod blocks;
mod case;
mod cases;
mod gradients;
mod half;
mod reference;
mod steps;
mod training;

use serde::Serialize;
use triaxis_engine::{AdapterKind, DType, Gpu, Limits};

use case::Case;

/// What came of one test.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What was tested, in words.
    pub kernel: &'static str,
    /// `tiled` or `blocked`: which variant of the matrix kernels ran.
    pub variant: &'static str,
    /// The largest error, in parts of the largest number expected (at least 1); none where there is nothing to compare
    /// or no number came out.
    pub error: Option<f64>,
    /// What is wrong, where something is.
    pub fault: Option<String>,
    /// What was seen, where there is more to say than an error.
    pub note: Option<String>,
}

impl Finding {
    /// Whether all is as it should be.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.fault.is_none()
    }
}

/// The variants' names, and the kind of adapter that takes them.
const VARIANTS: [(&str, AdapterKind); 2] =
    [("tiled", AdapterKind::Gpu), ("blocked", AdapterKind::Cpu)];

/// Tests a device; `watch` hears of every finding as it is made. A lost device is a fault of the test that lost it and
/// of all that follow.
pub fn self_test(gpu: &Gpu, mut watch: impl FnMut(&Finding)) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut found = |finding: Finding| {
        watch(&finding);
        findings.push(finding);
    };
    for case in cases() {
        for (variant, gpu) in variants(gpu) {
            found(examine(&case, variant, &gpu));
        }
    }
    for (variant, gpu) in variants(gpu) {
        found(learn(variant, &gpu, DType::F32));
        found(learn(variant, &gpu, DType::F16));
    }
    findings
}

fn variants(gpu: &Gpu) -> [(&'static str, Gpu); 2] {
    VARIANTS.map(|(name, kind)| {
        let limits = Limits {
            kind,
            ..*gpu.limits()
        };
        (name, gpu.with_limits(limits))
    })
}

fn cases() -> Vec<Case> {
    let mut cases = cases::layers();
    cases.extend(blocks::blocks());
    cases.extend(steps::steps());
    cases.push(half::packing());
    cases
}

fn examine(case: &Case, variant: &'static str, gpu: &Gpu) -> Finding {
    let mut finding = Finding {
        kernel: case.name,
        variant,
        error: None,
        fault: None,
        note: None,
    };
    match case.run(gpu) {
        Ok(worst) => {
            finding.error = Some(worst.error).filter(|error| error.is_finite());
            if worst.error > case.tolerance {
                finding.fault = Some(worst.place);
            }
        }
        Err(error) => finding.fault = Some(error.to_string()),
    }
    finding
}

/// A fixed batch must be learnt: what remains of the loss, at most.
const LEARNT: f64 = 0.7;

fn learn(variant: &'static str, gpu: &Gpu, stored: DType) -> Finding {
    let (note, fault) = match training::losses(gpu, stored) {
        Ok([first, last]) => {
            let note = format!("loss {first:.2} falls to {last:.2}");
            let fell = last < LEARNT * first;
            (
                Some(note),
                (!fell).then(|| {
                    format!("the loss goes from {first} to {last}, it should fall by a third")
                }),
            )
        }
        Err(error) => (None, Some(error.to_string())),
    };
    Finding {
        kernel: match stored {
            DType::F16 => "20 training steps in mixed precision",
            _ => "20 training steps of a tiny network",
        },
        variant,
        error: None,
        fault,
        note,
    }
}

#[cfg(test)]
mod tests;
