//! HTML: the table element alone, for a page that has a look of its own.

use super::{Align, Cell, Table, exponent_text};
use crate::report::chart::escape;

pub(super) fn html(table: &Table) -> String {
    let side = |align: Align| match align {
        Align::Left => " class=\"w\"",
        Align::Right => "",
    };
    let mut out = format!(
        "<table>\n<caption>{}</caption>\n<thead>\n",
        escape(&table.title)
    );
    if table.is_grouped() {
        let group =
            |(name, count): (&str, usize)| format!("<th colspan=\"{count}\">{}</th>", escape(name));
        let groups: String = table.groups().into_iter().map(group).collect();
        out += &format!("<tr class=\"groups\">{groups}</tr>\n");
    }
    let headings = table.columns.iter();
    let headings: String = headings
        .map(|column| format!("<th{}>{}</th>", side(column.align), escape(&column.heading)))
        .collect();
    out += &format!("<tr>{headings}</tr>\n</thead>\n<tbody>\n");
    for row in &table.rows {
        let cells = table.columns.iter().zip(row);
        let cells: String = cells
            .map(|(column, cell)| format!("<td{}>{}</td>", side(column.align), shown(cell)))
            .collect();
        out += &format!("<tr>{cells}</tr>\n");
    }
    out + "</tbody>\n</table>\n"
}

fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Absent => "–".into(),
        Cell::Power(exponent) => match exponent_text(*exponent).as_str() {
            "0" => "1".into(),
            "1" => "s".into(),
            other => format!("s<sup>{other}</sup>"),
        },
        other => escape(&other.shown()),
    }
}
