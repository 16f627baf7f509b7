//! Text for a terminal, CSV and JSON for programs.

use serde_json::{Map, Number, Value, json};

use super::{Align, Cell, Column, Table, rounded};

/// Characters of a line of notes.
const LINE: usize = 118;
/// Between two columns, and between two groups of columns.
const GAPS: [&str; 2] = ["  ", "   "];

pub(super) fn text(table: &Table) -> String {
    let rows: Vec<Vec<String>> = table
        .rows
        .iter()
        .map(|row| row.iter().map(Cell::shown).collect())
        .collect();
    let mut widths: Vec<usize> = table
        .columns
        .iter()
        .enumerate()
        .map(|(i, column)| {
            let cells = rows.iter().map(|row| length(&row[i]));
            cells.max().unwrap_or(0).max(length(&column.heading))
        })
        .collect();
    widen(table, &mut widths);

    let mut out = format!("{}\n\n", table.title);
    if table.is_grouped() {
        out += &group_lines(table, &widths);
    }
    let headings = table.columns.iter().map(|column| column.heading.clone());
    out += &line(table, &widths, &headings.collect::<Vec<_>>());
    for row in &rows {
        out += &line(table, &widths, row);
    }
    if !table.notes.is_empty() {
        out.push('\n');
    }
    for note in &table.notes {
        out += &wrapped(note);
    }
    out
}

/// The gap that stands before column `i`.
fn gap(table: &Table, i: usize) -> &'static str {
    match i {
        0 => "",
        i if table.columns[i].group == table.columns[i - 1].group => GAPS[0],
        _ => GAPS[1],
    }
}

/// Makes the last column of a group wider where the group's name needs it.
fn widen(table: &Table, widths: &mut [usize]) {
    let mut first = 0;
    for (group, count) in table.groups() {
        let last = first + count - 1;
        let width = widths[first..=last].iter().sum::<usize>() + GAPS[0].len() * (count - 1);
        widths[last] += length(group).saturating_sub(width);
        first += count;
    }
}

/// The groups' names, each over a rule as long as its columns are wide.
fn group_lines(table: &Table, widths: &[usize]) -> String {
    let (mut names, mut rules) = (String::new(), String::new());
    let mut first = 0;
    for (group, count) in table.groups() {
        let width =
            widths[first..first + count].iter().sum::<usize>() + GAPS[0].len() * (count - 1);
        let rule = if group.is_empty() { " " } else { "-" };
        names += &format!("{}{group:^width$}", gap(table, first));
        rules += &format!("{}{}", gap(table, first), rule.repeat(width));
        first += count;
    }
    format!("{}\n{}\n", names.trim_end(), rules.trim_end())
}

fn line(table: &Table, widths: &[usize], cells: &[String]) -> String {
    let mut out = String::new();
    for (i, (cell, &width)) in cells.iter().zip(widths).enumerate() {
        out += gap(table, i);
        out += &match table.columns[i].align {
            Align::Left => format!("{cell:<width$}"),
            Align::Right => format!("{cell:>width$}"),
        };
    }
    format!("{}\n", out.trim_end())
}

/// A paragraph in lines, each but the first indented.
fn wrapped(paragraph: &str) -> String {
    let (mut out, mut used) = (String::from("*"), 1);
    for word in paragraph.split_whitespace() {
        if used + 1 + length(word) > LINE {
            out += "\n ";
            used = 1;
        }
        out += " ";
        out += word;
        used += 1 + length(word);
    }
    out + "\n"
}

fn length(text: &str) -> usize {
    text.chars().count()
}

pub(super) fn csv(table: &Table) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let keys = table.columns.iter().map(|column| column.key.as_str());
    let mut written = writer.write_record(keys);
    for row in &table.rows {
        written = written.and_then(|()| writer.write_record(row.iter().map(bare)));
    }
    written.expect("every row has a cell for each column, and memory takes them");
    let bytes = writer.into_inner().expect("memory takes what is written");
    String::from_utf8(bytes).expect("texts stay texts")
}

/// The cell as a program reads it: no thousands apart, no sign for show, an exponent for a power.
fn bare(cell: &Cell) -> String {
    match cell {
        Cell::Absent => String::new(),
        Cell::Text(text) => text.clone(),
        Cell::Count(n) => n.to_string(),
        Cell::Number(value, digits) | Cell::Difference(value, digits) => {
            format!("{:.digits$}", rounded(*value, *digits))
        }
        Cell::Power(exponent) => exponent.to_string(),
    }
}

pub(super) fn json(table: &Table) -> String {
    let rows = table.rows.iter().map(|row| {
        let cells = table.columns.iter().zip(row);
        let object: Map<String, Value> = cells
            .map(|(c, cell)| (c.key.clone(), value(cell)))
            .collect();
        Value::from(object)
    });
    let document = json!({
        "title": table.title,
        "notes": table.notes,
        "columns": table.columns.iter().map(column).collect::<Vec<_>>(),
        "rows": rows.collect::<Vec<_>>(),
    });
    format!("{document:#}\n")
}

fn column(column: &Column) -> Value {
    json!({ "key": column.key, "group": column.group, "heading": column.heading })
}

fn value(cell: &Cell) -> Value {
    let number = |value: f64| Number::from_f64(value).map_or(Value::Null, Value::Number);
    match cell {
        Cell::Absent => Value::Null,
        Cell::Text(text) => text.as_str().into(),
        Cell::Count(n) => (*n).into(),
        Cell::Number(value, digits) | Cell::Difference(value, digits) => {
            number(rounded(*value, *digits))
        }
        Cell::Power(exponent) => number(*exponent),
    }
}
