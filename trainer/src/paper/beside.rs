//! Our own measurements beside a table's networks.

use triaxis_models::{Spec, entry, zoo};

use super::candidates;
use super::evidence::{Evidence, Trained, mean};
use crate::error::Result;
use crate::table::{Cell, Column, Table};

/// Adds what was trained and timed here of each network whose name begins a row. Of pictures other than the paper's an
/// error is another thing, so the columns tell pixels and epochs.
///
/// # Errors
///
/// A network of the zoo that cannot be made.
pub(super) fn add(table: &mut Table, evidence: &Evidence) -> Result<()> {
    if evidence.is_empty() {
        return Ok(());
    }
    let mut found = 0;
    let mut cells = Vec::new();
    for row in &table.rows {
        let Cell::Text(name) = &row[0] else {
            cells.push(vec![Cell::Absent; 6]);
            continue;
        };
        let (names, spec) = names(name)?;
        let trained = evidence.trained_as(&spec);
        let timed = names.iter().find_map(|name| evidence.timed_as(name));
        found += usize::from(trained.is_some() || timed.is_some());
        let error = trained.map(|one| mean(&one.errors));
        cells.push(vec![
            count(trained.map(|one| one.spec.resolution)),
            count(trained.map(|one| one.epochs)),
            count(trained.map(|one| one.errors.len())),
            number(error.map(|error| error.0), 2),
            number(error.and_then(|error| error.1), 2),
            number(timed.map(|one| one.minutes()), 1),
        ]);
    }
    for (row, cells) in table.rows.iter_mut().zip(cells) {
        row.extend(cells);
    }
    let headings = [
        ("pixels", "pixels"),
        ("epochs", "epochs"),
        ("trials", "trials"),
        ("error", "error (%)"),
        ("deviation", "±"),
        ("minutes", "min"),
    ];
    let columns = headings
        .map(|(key, heading)| Column::numbers(&format!("ours_{key}"), heading).of("measured here"));
    table.columns.extend(columns);
    let told = match found {
        0 => "None of these networks was trained or timed here.".to_owned(),
        _ => "Measured here: top-1 error at the end of training, its mean and standard deviation over trials; minutes of training for \
              1,281,167 pictures."
            .into(),
    };
    table.notes.push(told);
    Ok(())
}

/// What rows of a benchmark may call the network of a row, and the network.
fn names(row: &str) -> Result<(Vec<String>, Spec)> {
    let (name, which) = match row.split_once(" (") {
        Some((name, _)) => (name, row),
        None => (row, ""),
    };
    let entry = match candidates(name) {
        Ok(all) => all
            .iter()
            .find(|(end, _)| which.ends_with(end))
            .map(|(_, entry)| *entry),
        Err(_) => entry(name).ok(),
    };
    match entry {
        Some(entry) => {
            let spec = entry.spec()?;
            Ok((vec![name.to_owned(), spec.name.clone()], spec))
        }
        None => Ok((vec![name.to_owned()], zoo(name)?)),
    }
}

/// What the networks of one study gain over those of another of about as many multiply-adds: Table R1's last column.
pub fn gains(ours: &Evidence, others: &Evidence) -> Table {
    let mut columns = vec![
        Column::words("network", "network"),
        Column::words("other", "nearest other"),
    ];
    for (prefix, group) in [("our", "network"), ("other", "nearest other")] {
        columns.push(Column::numbers(&format!("{prefix}_flops"), "flops").of(group));
        columns.push(Column::numbers(&format!("{prefix}_error"), "error (%)").of(group));
    }
    columns.push(Column::numbers("flops_apart", "flops apart (%)"));
    columns.push(Column::numbers("gain", "gain"));
    let mut table = Table {
        title: "Gains over networks of about as many flops".into(),
        notes: vec![
            "Error is top-1, the mean over trials; the gain is in percentage points, and counts for something where the flops are \
             near each other."
                .into(),
        ],
        columns,
        rows: Vec::new(),
    };
    let pictures = |evidence: &Evidence| evidence.trained.first().map(|one| one.data.clone());
    if pictures(ours) != pictures(others) {
        table.notes.push(
            "The two were trained on different pictures: their errors cannot be compared.".into(),
        );
    }
    let mut all: Vec<&Trained> = ours.trained.iter().collect();
    all.sort_by(|a, b| b.counts[0].total_cmp(&a.counts[0]));
    for one in all {
        let apart = |other: &&Trained| (other.counts[0] / one.counts[0]).ln().abs();
        let Some(other) = others
            .trained
            .iter()
            .min_by(|a, b| apart(a).total_cmp(&apart(b)))
        else {
            continue;
        };
        let (error, than) = (mean(&one.errors).0, mean(&other.errors).0);
        table.rows.push(vec![
            one.name.clone().into(),
            other.name.clone().into(),
            Cell::Count(one.counts[0] as u64),
            Cell::Number(error, 2),
            Cell::Count(other.counts[0] as u64),
            Cell::Number(than, 2),
            Cell::Difference(100.0 * (other.counts[0] / one.counts[0] - 1.0), 1),
            Cell::Difference(than - error, 2),
        ]);
    }
    table
}

fn number(value: Option<f64>, digits: usize) -> Cell {
    value.map_or(Cell::Absent, |value| Cell::Number(value, digits))
}

fn count(value: Option<usize>) -> Cell {
    value.map_or(Cell::Absent, |value| Cell::Count(value as u64))
}
