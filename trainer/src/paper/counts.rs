//! Tables 5 to 8 of *Fast and Accurate Model Scaling*: what networks cost, counted here, beside what is printed there.

use triaxis_models::engine::Complexity;
use triaxis_models::{Entry, Spec, entry};

use super::networks::candidates;
use super::published::{ORIGINAL_ERRORS, Published, TABLE_5, TABLE_6, TABLE_7, TABLE_8};
use crate::error::Result;
use crate::table::{Cell, Column, Table};

/// Table 5.
pub(super) fn efficientnet() -> Result<Table> {
    let mut table = complexity("Table 5: EfficientNet, counted and as printed", &TABLE_5)?;
    for (key, heading) in [("original_icml", "ICML"), ("original_arxiv", "arXiv")] {
        let column = Column::numbers(key, heading).of("its authors' error (%)");
        table.columns.push(column);
    }
    for (row, errors) in table.rows.iter_mut().zip(ORIGINAL_ERRORS) {
        row.extend(errors.map(|error| Cell::Number(error, 1)));
    }
    Ok(table)
}

/// Table 6.
pub(super) fn regnet() -> Result<Table> {
    let mut table = complexity(
        "Table 6: RegNetY and RegNetZ, counted and as printed",
        &TABLE_6,
    )?;
    table.notes.push(Z_4GF_224.into());
    table.notes.push(
        "RegNetY-500MF and RegNetY-4GF were not released either: these are the only networks found in RegNetY's design \
         space whose counts, their own and scaled, are the paper's. RegNetZ's bodies are ClassyVision's; the width of the \
         last convolution, 1000, is the one that gives the paper's counts."
            .into(),
    );
    Ok(table)
}

/// Table 7.
pub(super) fn searched_or_scaled() -> Result<Table> {
    let all = || TABLE_6.iter().chain(&TABLE_8);
    let rows: Vec<Published> = TABLE_7
        .iter()
        .filter_map(|name| all().find(|row| row.model == *name).copied())
        .collect();
    let mut table = complexity(
        "Table 7: networks searched at their size, and scaled to it",
        &rows,
    )?;
    how_made(&mut table);
    table.notes.push(
        "Which rows of Table 6 stand here, and the order of all, is our own choice: a searched network, then the scaled \
         one of its size."
            .into(),
    );
    table.notes.push(Z_4GF_224.into());
    Ok(table)
}

/// Table 8.
pub(super) fn scaled_networks() -> Result<Table> {
    let mut table = complexity(
        "Table 8: ResNet, ResNeXt and networks made by fast scaling",
        &TABLE_8,
    )?;
    how_made(&mut table);
    Ok(table)
}

const Z_4GF_224: &str = "RegNetZ-4GF-224 cannot be identified: no configuration was released, and two networks, A and B, \
                         give all three of its counts.";

/// The table of these rows: exact counts, rounded as the paper does, the paper's, the difference; its times and errors.
fn complexity(title: &str, rows: &[Published]) -> Result<Table> {
    let mut table = Table {
        title: title.into(),
        notes: vec![
            "For one image. A FLOP is a multiply-add; acts are the outputs of convolutions, linear layers and max-pools. \
             B: 10⁹, M: 10⁶; the difference is that of the rounded counts."
                .into(),
            "Times and errors are the paper's (arXiv 2103.06877), not measured here: minutes for an epoch of ImageNet on \
             eight V100 with 32 GB; top-1 error in percent after 100, 200 and 400 epochs (1x, 2x, 4x)."
                .into(),
        ],
        columns: columns(),
        rows: Vec::new(),
    };
    for published in rows {
        for (which, entry) in candidates(published.model)? {
            table.rows.push(row(published, which, &entry.spec()?)?);
        }
    }
    Ok(table)
}

fn columns() -> Vec<Column> {
    let costs = ["flops", "params", "acts"];
    let group = |prefix: &str, group: &str| {
        costs.map(|key| Column::numbers(&format!("{prefix}_{key}"), key).of(group))
    };
    let exact = costs.map(|key| Column::numbers(key, key).of("counted"));
    let mut columns = vec![
        Column::words("model", "model"),
        Column::numbers("pixels", "pixels"),
    ];
    columns.extend(exact);
    columns.extend(group("rounded", "rounded (B, M, M)"));
    columns.extend(group("paper", "paper (B, M, M)"));
    columns.extend(group("difference", "difference"));
    columns.push(Column::numbers("paper_minutes", "min").of("paper"));
    let errors = ["1x", "2x", "4x"].map(|times| {
        Column::numbers(&format!("paper_error_{times}"), times).of("paper: error (%)")
    });
    columns.extend(errors);
    columns
}

fn row(published: &Published, which: &str, spec: &Spec) -> Result<Vec<Cell>> {
    let counted = spec.complexity()?;
    let ours = rounded(&counted);
    let Complexity {
        flops,
        params,
        acts,
    } = counted;
    let mut cells = vec![
        format!("{}{which}", published.model).into(),
        Cell::Count(spec.resolution as u64),
    ];
    cells.extend([flops, params, acts].map(Cell::Count));
    cells.extend(ours.map(|value| Cell::Number(value, 1)));
    cells.extend(published.counts().map(|value| Cell::Number(value, 1)));
    cells.extend((0..3).map(|i| Cell::Difference(ours[i] - published.counts()[i], 1)));
    cells.push(Cell::Number(published.minutes, 1));
    let errors = published
        .errors
        .map(|error| error.map_or(Cell::Absent, |e| Cell::Number(e, 1)));
    cells.extend(errors);
    Ok(cells)
}

/// Flops in 10⁹, params and acts in 10⁶, each to the one digit behind the point that the paper prints.
pub(super) fn rounded(counted: &Complexity) -> [f64; 3] {
    let Complexity {
        flops,
        params,
        acts,
    } = *counted;
    [(flops, 1e9), (params, 1e6), (acts, 1e6)]
        .map(|(count, unit)| crate::table::rounded(count as f64 / unit, 1))
}

/// Adds how each row is made, and what there is to know about the factors.
fn how_made(table: &mut Table) {
    table.columns.insert(1, Column::numbers("s", "s").of("dWr"));
    for row in &mut table.rows {
        let s = match &row[0] {
            Cell::Text(model) => entry(model)
                .ok()
                .and_then(Entry::scaled_from)
                .map(|(_, s)| s),
            _ => None,
        };
        let cell = s.map_or(Cell::Absent, |s| Cell::Number(s, decimals(s)));
        row.insert(1, cell);
    }
    table.notes.push(
        "s is the factor of fast scaling (dWr, alpha = 0.8) before rounding. The paper names 4, 8 and 32, with which only \
         RegNetY-4GF->16GF comes out as printed; its factors were evidently fitted to a number of flops. Those here are \
         from the ranges that give all three counts."
            .into(),
    );
}

/// The digits behind the point that a factor has, three at most.
pub(super) fn decimals(s: f64) -> usize {
    let whole = |digits: &usize| (s * 10f64.powi(*digits as i32)).fract() < 1e-9;
    (0..3).find(whole).unwrap_or(3)
}
