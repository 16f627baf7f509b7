//! Tables 1 to 4 of *Fast and Accurate Model Scaling*: how costs grow, in theory and in a network.

use triaxis_models::engine::Complexity;
use triaxis_models::scaling::Growth;
use triaxis_models::{Spec, Strategy, zoo};

use crate::error::Result;
use crate::table::{Cell, Column, Table};

/// How far the measured network is scaled.
const FACTOR: f64 = 32.0;
/// As far as a group width of 4 goes without changing the widths much.
const GROUP_FACTOR: f64 = 4.0;

/// Table 1.
pub(super) fn simple() -> Result<Table> {
    dense("Table 1: simple scaling, growth of costs", &["d", "w", "r"])
}

/// Table 2.
pub(super) fn compound() -> Result<Table> {
    dense(
        "Table 2: compound scaling, growth of costs",
        &["dw", "wr", "dr", "dwr"],
    )
}

/// Table 4.
pub(super) fn family() -> Result<Table> {
    let members = [("0", 0.0), ("1/3", 1.0 / 3.0), ("4/5", 0.8), ("1", 1.0)];
    let names = ["dr", "dwr", "dWr", "w"];
    let strategies: Vec<_> = members
        .iter()
        .map(|(name, alpha)| (*name, Strategy::alpha(*alpha)))
        .collect();
    let mut table = of_strategies(
        "Table 4: the family of fast scaling, growth of costs",
        &strategies,
    )?;
    table.columns[0] = Column::words("alpha", "alpha");
    table
        .columns
        .insert(1, Column::words("strategy", "strategy"));
    for (row, name) in table.rows.iter_mut().zip(names) {
        row.insert(1, name.into());
    }
    table.notes.push(
        "Width takes the share alpha of the growth, depth and resolution halve the rest. alpha = 1/3 is uniform compound \
         scaling, 4/5 the paper's choice, fast scaling."
            .into(),
    );
    Ok(table)
}

fn dense(title: &str, names: &[&'static str]) -> Result<Table> {
    let strategies = names.iter().map(|name| Ok((*name, name.parse()?)));
    of_strategies(title, &strategies.collect::<Result<Vec<_>>>()?)
}

/// Exponents for a network of dense convolutions, beside those measured on EfficientNet-B0.
fn of_strategies(title: &str, strategies: &[(&str, Strategy)]) -> Result<Table> {
    let base = zoo("efficientnet_b0")?;
    let before = base.complexity()?;
    let mut columns = vec![Column::words("strategy", "strategy")];
    columns.extend(
        ["depth", "width", "resolution"]
            .map(|axis| Column::numbers(&format!("factor_{axis}"), axis).of("factor")),
    );
    columns.extend(costs("theory", "in theory"));
    columns.extend(costs("measured", "log growth / log s, measured"));
    let mut table = Table {
        title: title.into(),
        notes: vec![
            "Theory (arXiv 2103.06877, section 3): dense convolutions, multiply-adds as depth × width² × resolution². \
             Group width is scaled with width."
                .into(),
            format!(
                "Measured: EfficientNet-B0 scaled by s = {FACTOR} and rounded as pycls does, counted here. It differs from \
                 theory where layers have no groups to scale (depthwise), where stem and head do not deepen, and by rounding."
            ),
        ],
        columns,
        rows: Vec::new(),
    };
    for (name, strategy) in strategies {
        let after = base.scaled(strategy.at(FACTOR))?.complexity()?;
        let mut row = vec![Cell::from(*name)];
        row.extend(
            [
                strategy.depth,
                strategy.width / 2.0,
                strategy.resolution / 2.0,
            ]
            .map(Cell::Power),
        );
        row.extend(powers(strategy.growth()));
        row.extend(measured(before, after, FACTOR));
        table.rows.push(row);
    }
    Ok(table)
}

/// Table 3: what width and group width do to group convolutions.
pub(super) fn groups() -> Result<Table> {
    let base = zoo("regnety_500mf")?;
    let before = grouped(&base)?;
    let only_groups = Strategy {
        depth: 0.0,
        width: 0.0,
        group: 1.0,
        resolution: 0.0,
    };
    let strategies = [
        ("w", "w (g fixed)".parse()?),
        ("g", only_groups),
        ("wg", "w".parse::<Strategy>()?),
    ];
    let mut columns = vec![Column::words("strategy", "strategy")];
    columns.extend(
        [("width", "width"), ("group", "group width")]
            .map(|(key, heading)| Column::numbers(&format!("factor_{key}"), heading).of("factor")),
    );
    columns.extend(costs("theory", "in theory"));
    columns.extend(costs("measured", "log growth / log s, measured"));
    let mut table = Table {
        title: "Table 3: width and group width of group convolutions, growth of costs".into(),
        notes: vec![
            "Theory (arXiv 2103.06877, section 3): multiply-adds as depth × width × group width × resolution²; factors are \
             such that they grow by s."
                .into(),
            format!(
                "Measured: the 3×3 group convolutions of RegNetY-500MF alone, s = {GROUP_FACTOR}; widths that a wider group \
                 does not divide are rounded."
            ),
        ],
        columns,
        rows: Vec::new(),
    };
    for (name, strategy) in strategies {
        // A strategy's shares are those of dense convolutions; here its multiply-adds grow by s to another power.
        let growth = strategy.growth_of_groups();
        let by_flops = |exponent: f64| exponent / growth.flops;
        let after = grouped(&base.scaled(strategy.at(GROUP_FACTOR.powf(by_flops(1.0))))?)?;
        let mut row = vec![Cell::from(name)];
        row.extend(
            [strategy.width, strategy.group].map(|share| Cell::Power(by_flops(share / 2.0))),
        );
        row.extend(powers(Growth {
            flops: 1.0,
            params: by_flops(growth.params),
            acts: by_flops(growth.acts),
        }));
        row.extend(measured(before, after, GROUP_FACTOR));
        table.rows.push(row);
    }
    Ok(table)
}

/// The costs of a RegNet's middle convolutions, by the names that PyTorch gives them.
fn grouped(spec: &Spec) -> Result<Complexity> {
    const MIDDLE: &str = ".conv2.conv";
    let g = spec.drawn()?;
    let mut sum = Complexity {
        flops: 0,
        params: 0,
        acts: 0,
    };
    for node in g
        .nodes()
        .map(|id| g.node(id))
        .filter(|node| node.scope.ends_with(MIDDLE))
    {
        let cost = g.cost(node);
        sum.flops += cost.flops;
        sum.acts += cost.acts;
    }
    for parameter in g.parameters() {
        if parameter.name.ends_with(&format!("{MIDDLE}.weight")) {
            sum.params += g.shape(parameter.value).count() as u64;
        }
    }
    Ok(sum)
}

fn costs(prefix: &str, group: &str) -> [Column; 3] {
    ["flops", "params", "acts"]
        .map(|cost| Column::numbers(&format!("{prefix}_{cost}"), cost).of(group))
}

fn powers(growth: Growth) -> [Cell; 3] {
    [growth.flops, growth.params, growth.acts].map(Cell::Power)
}

fn measured(before: Complexity, after: Complexity, s: f64) -> [Cell; 3] {
    let pairs = [
        (before.flops, after.flops),
        (before.params, after.params),
        (before.acts, after.acts),
    ];
    pairs.map(|(before, after)| Cell::Number((after as f64 / before as f64).ln() / s.ln(), 2))
}
