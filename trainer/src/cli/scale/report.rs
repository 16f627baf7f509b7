//! What `triaxis scale` prints.

use serde::Serialize;
use triaxis_models::{Scaling, Stage};

use super::{Reached, Scaled, short};
use crate::cli::models::{COUNTING, Summary};
use crate::cli::print;
use crate::error::Result;

/// The scaled network in numbers.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    summary: Summary,
    strategy: String,
    factor: f64,
    stages: Vec<Stage>,
    stem_width: usize,
    head_width: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Reached>,
}

impl Report {
    pub(super) fn of(scaled: &Scaled) -> Result<Self> {
        let network = &scaled.spec.network;
        Ok(Self {
            summary: Summary::of(&scaled.spec)?,
            strategy: scaled.strategy.clone(),
            factor: scaled.factor,
            stages: network.stages(),
            stem_width: network.stem_width(),
            head_width: network.head_width(),
            target: scaled.reached,
        })
    }
}

/// What the multipliers do to the multiply-adds, parameters and activations of dense layers, before rounding
/// (<https://arxiv.org/abs/2103.06877>, section 3).
fn theory(by: &Scaling) -> [f64; 3] {
    let params = by.depth * by.width * by.width;
    let pixels = by.resolution * by.resolution;
    [params * pixels, params, by.depth * by.width * pixels]
}

pub(super) fn text(scaled: &Scaled, report: &Report) -> Result<String> {
    let by = &scaled.scaling;
    let [depth, width, group, resolution] =
        [by.depth, by.width, by.group, by.resolution].map(|x| format!("×{x:.4}"));
    let parts = [
        format!(
            "{}: {} by {}, factor {}\n",
            report.summary.model,
            scaled.base.name,
            scaled.strategy,
            short(scaled.factor)
        ),
        format!("depth {depth}, width {width}, groups {group}, resolution {resolution}\n\n"),
        costs(scaled, report)?,
        stages(&scaled.base.network.stages(), &report.stages),
        scaled.reached.as_ref().map(reached).unwrap_or_default(),
        format!(
            "\nGrowth is as a power of the factor; theory is that of dense layers before rounding.\n{COUNTING}\n"
        ),
    ];
    Ok(parts.concat())
}

/// Base and result side by side, practice beside theory.
fn costs(scaled: &Scaled, report: &Report) -> Result<String> {
    let base = Summary::of(&scaled.base)?;
    let result = &report.summary;
    let log = scaled.factor.ln();
    let power = |ratio: f64| match log.abs() < 1e-9 {
        true => "-".to_owned(),
        false => format!("{:.3}", ratio.ln() / log),
    };
    let row = |name: &str, [from, to]: [u64; 2], theory: Option<f64>| {
        let ratio = to as f64 / from as f64;
        let told = |theory: Option<String>| theory.unwrap_or_default();
        [
            name.to_owned(),
            print::count(from),
            print::count(to),
            if from == 0 {
                String::new()
            } else {
                format!("{ratio:.3}")
            },
            told(theory.map(|x| format!("{x:.3}"))),
            told(theory.map(|_| power(ratio))),
            told(theory.map(power)),
        ]
    };
    let [flops, params, acts] = theory(&scaled.scaling).map(Some);
    let network = &scaled.base.network;
    let sides = |from: usize, to: usize| [from as u64, to as u64];
    let rows = [
        row("flops", [base.flops, result.flops], flops),
        row("params", [base.params, result.params], params),
        row("acts", [base.acts, result.acts], acts),
        row(
            "resolution",
            sides(base.resolution, result.resolution),
            None,
        ),
        row("stem", sides(network.stem_width(), report.stem_width), None),
        row("head", sides(network.head_width(), report.head_width), None),
    ];
    let heading = [
        "",
        "base",
        "scaled",
        "ratio",
        "in theory",
        "growth",
        "in theory",
    ];
    Ok(print::table(heading, &rows) + "\n")
}

fn stages(base: &[Stage], scaled: &[Stage]) -> String {
    let change = |from: usize, to: usize| format!("{from} → {to}");
    let row = |(i, (a, b)): (usize, (&Stage, &Stage))| {
        [
            (i + 1).to_string(),
            change(a.depth, b.depth),
            change(a.width, b.width),
            change(a.group_width, b.group_width),
            b.kernel.to_string(),
            b.stride.to_string(),
            b.expansion.to_string(),
        ]
    };
    let rows: Vec<_> = base.iter().zip(scaled).enumerate().map(row).collect();
    let heading = [
        "stage",
        "depth",
        "width",
        "group width",
        "kernel",
        "stride",
        "expansion",
    ];
    print::table(heading, &rows)
}

/// What rounding allowed.
fn reached(reached: &Reached) -> String {
    let target = reached.target;
    let line = |what: &str, cost: u64| {
        let off = 100.0 * (cost as f64 / target as f64 - 1.0);
        format!("  {what:<8} {:>17}  {off:+.2} %", print::count(cost))
    };
    let mut text = format!(
        "\ntarget     {:>17}  {}\n{}\n",
        print::count(target),
        reached.unit,
        line("reached", reached.nearest)
    );
    for (what, side, step) in [
        ("below", "up to", reached.below),
        ("above", "from", reached.above),
    ] {
        let factor = short(step.factor);
        text += &format!("{}  {side} factor {factor}\n", line(what, step.cost));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use triaxis_models::Strategy;

    #[test]
    fn theory_is_the_growth_of_the_strategys_shares() {
        for name in ["d", "w", "r", "dw", "dwr", "dWr", "orig", "alpha=0.3"] {
            let strategy: Strategy = name.parse().unwrap();
            let growth = strategy.growth();
            let ratios = theory(&strategy.at(7.0));
            for (ratio, power) in ratios
                .iter()
                .zip([growth.flops, growth.params, growth.acts])
            {
                assert!((ratio.ln() / 7f64.ln() - power).abs() < 1e-12, "{name}");
            }
        }
    }
}
