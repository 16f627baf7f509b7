//! TinyNet beside an EfficientNet-B0 that is shrunk evenly, and EfficientNet's rule beside the networks it stands for.

use triaxis_models::scaling::{Fit, Rounding, fit};
use triaxis_models::{Scaling, Spec, zoo};

use super::published::TINYNETS;
use crate::error::Result;
use crate::table::{Cell, Column, Table};

/// What EfficientNet's rule multiplies multiply-adds by for each step of phi, before rounding.
const STEP: f64 = 1.2 * 1.1 * 1.1 * 1.15 * 1.15;

/// Table R1.
pub(super) fn tinynet() -> Result<Table> {
    let base = zoo("efficientnet_b0")?;
    let mut table = Table {
        title: "Table R1: TinyNet, and EfficientNet-B0 shrunk evenly to as many flops".into(),
        notes: vec![
            "Counted here for one image, in 10⁶. TinyNet: EfficientNet-B0 times the multipliers, rounded as TinyNet does. \
             Its README (arXiv 2010.14819 and the code's notes) prints the flops and top-1 accuracies; timm's are its own \
             measurements of the ported weights."
                .into(),
            "Shrunk evenly: EfficientNet-B0 times 1.2^phi, 1.1^phi, 1.15^phi (depth, width, resolution) under the same \
             rounding, phi fitted to TinyNet's counted flops. The factors of the paper's own shrunken networks are not \
             published; the gain in percentage points over them is the authors' (of their reply to reviewers). Nothing here was trained."
                .into(),
        ],
        columns: tiny_columns(),
        rows: Vec::new(),
    };
    for tiny in TINYNETS {
        let [depth, width, resolution] = tiny.multipliers;
        let spec = base.scaled(Scaling::tiny(depth, width, resolution))?;
        let counted = spec.complexity()?;
        let evenly = |factor: f64| Scaling {
            rounding: Rounding::TinyNet,
            ..Scaling::phi(factor.ln() / STEP.ln())
        };
        let Fit { nearest, .. } = fit(&base, counted.flops, evenly, flops)?;
        let even = nearest.spec.complexity()?;
        let mut row = vec![Cell::from(tiny.model)];
        row.extend([depth, width, resolution].map(|multiplier| Cell::Number(multiplier, 3)));
        row.push(Cell::Count(spec.resolution as u64));
        row.extend([counted.flops, counted.params, counted.acts].map(millions));
        row.extend([
            Cell::Number(tiny.flops, 0),
            Cell::Number(tiny.top1, 1),
            Cell::Number(tiny.timm_top1, 2),
        ]);
        row.push(Cell::Number(nearest.factor.ln() / STEP.ln(), 2));
        row.push(Cell::Count(nearest.spec.resolution as u64));
        row.extend([even.flops, even.params, even.acts].map(millions));
        row.push(Cell::Difference(tiny.gain, 1));
        table.rows.push(row);
    }
    Ok(table)
}

fn flops(spec: &Spec) -> triaxis_models::Result<u64> {
    Ok(spec.complexity()?.flops)
}

fn millions(count: u64) -> Cell {
    Cell::Number(count as f64 / 1e6, 2)
}

fn tiny_columns() -> Vec<Column> {
    let costs = [
        ("flops", "flops (M)"),
        ("params", "params (M)"),
        ("acts", "acts (M)"),
    ];
    let mut columns = vec![Column::words("model", "model")];
    columns.extend(
        ["depth", "width", "resolution"].map(|axis| Column::numbers(axis, axis).of("multiplier")),
    );
    columns.push(Column::numbers("pixels", "pixels").of("counted"));
    columns.extend(costs.map(|(key, heading)| Column::numbers(key, heading).of("counted")));
    columns.push(Column::numbers("readme_flops", "flops (M)").of("README"));
    columns.push(Column::numbers("readme_top1", "top-1 (%)").of("README"));
    columns.push(Column::numbers("timm_top1", "top-1 (%)").of("timm"));
    columns.push(Column::numbers("even_phi", "phi").of("shrunk evenly"));
    columns.push(Column::numbers("even_pixels", "pixels").of("shrunk evenly"));
    columns.extend(costs.map(|(key, heading)| {
        Column::numbers(&format!("even_{key}"), heading).of("shrunk evenly")
    }));
    columns.push(Column::numbers("paper_gain", "gain").of("paper"));
    columns
}

/// EfficientNet's rule of thumb that phi doubles the multiply-adds phi times.
pub(super) fn phi() -> Result<Table> {
    let base = zoo("efficientnet_b0")?;
    let least = flops(&base)?;
    let mut columns = vec![
        Column::words("model", "model"),
        Column::numbers("phi", "phi"),
        Column::numbers("doubled", "2^phi"),
    ];
    for (prefix, group) in [
        ("released", "released network"),
        ("formula", "1.2^phi, 1.1^phi, 1.15^phi"),
    ] {
        let keys = [
            ("pixels", "pixels"),
            ("flops", "flops"),
            ("ratio", "flops / B0"),
            ("deviation", "off 2^phi (%)"),
        ];
        columns.extend(
            keys.map(|(key, heading)| {
                Column::numbers(&format!("{prefix}_{key}"), heading).of(group)
            }),
        );
    }
    let mut table = Table {
        title: "EfficientNet's rule: flops of B1 to B7 against 2^phi".into(),
        notes: vec![
            format!(
                "The rule (arXiv 1905.11946) multiplies flops by 1.2 × 1.1² × 1.15² = {STEP:.4} for each step of phi, not \
                 by 2. The released networks are a table made by hand: depth, width and side of no single phi."
            ),
            "The formula's sides are rounded to multiples of 4, its blocks up, its channels to multiples of 8.".into(),
        ],
        columns,
        rows: Vec::new(),
    };
    for phi in 1..=7u32 {
        let doubled = 2f64.powi(phi as i32);
        let mut row = vec![
            format!("EfficientNet-B{phi}").into(),
            Cell::Count(phi.into()),
            Cell::Number(doubled, 0),
        ];
        for spec in [
            zoo(&format!("efficientnet_b{phi}"))?,
            base.scaled(Scaling::phi(phi.into()))?,
        ] {
            let counted = flops(&spec)?;
            let ratio = counted as f64 / least as f64;
            row.extend([
                Cell::Count(spec.resolution as u64),
                Cell::Count(counted),
                Cell::Number(ratio, 2),
                Cell::Difference(100.0 * (ratio / doubled - 1.0), 1),
            ]);
        }
        table.rows.push(row);
    }
    Ok(table)
}
