//! A test of a device: every operator against plain f64 loops, at small and odd sizes, and a network that must learn.
//!
//! Drivers compile kernels to their own machine code, and some do it wrongly: a network would train, only worse. This
//! finds out in seconds. Each kernel runs in every variant that the device can run: *tiled*, as GPUs take it, *blocked*, as
//! software drivers take it, and *shared*, as they do where their subgroups have the size for it.

mod blocks;
mod case;
mod cases;
mod gradients;
mod half;
mod reference;
mod steps;
mod training;

use serde::Serialize;
use triaxis_engine::{AdapterKind, DType, Gpu, Limits, Variant};

use case::Case;

/// What came of one test.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What was tested, in words.
    pub kernel: &'static str,
    /// `tiled`, `blocked` or `shared`: which variant of the matrix kernels ran.
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

/// The variants that a device with these limits can run: their names, and the limits of one that takes them.
pub fn variants(limits: &Limits) -> Vec<(&'static str, Limits)> {
    let of = |kind, subgroup| Limits {
        kind,
        subgroup,
        ..*limits
    };
    let mut all = vec![
        ("tiled", of(AdapterKind::Gpu, 0)),
        ("blocked", of(AdapterKind::Cpu, 0)),
    ];
    if limits.runs(Variant::Shared, false) {
        all.push(("shared", of(AdapterKind::Cpu, limits.subgroup)));
    }
    all
}

/// Tests a device; `watch` hears of every finding as it is made. A lost device is a fault of the test that lost it and
/// of all that follow.
pub fn self_test(gpu: &Gpu, mut watch: impl FnMut(&Finding)) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut found = |finding: Finding| {
        watch(&finding);
        findings.push(finding);
    };
    let variants: Vec<_> = variants(gpu.limits())
        .into_iter()
        .map(|(variant, limits)| (variant, gpu.with_limits(limits)))
        .collect();
    for case in cases() {
        for (variant, gpu) in &variants {
            found(examine(&case, variant, gpu));
        }
    }
    for stored in [DType::F32, DType::F16] {
        for (variant, gpu) in &variants {
            found(learn(variant, gpu, stored));
        }
    }
    findings
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
