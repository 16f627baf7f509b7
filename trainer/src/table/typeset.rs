//! Markdown and LaTeX.

use super::{Align, Cell, Table, exponent_text, thousands};

pub(super) fn markdown(table: &Table) -> String {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let headings = table.columns.iter().map(|column| {
        let heading = match column.group.as_str() {
            "" => column.heading.clone(),
            group => format!("{group}: {}", column.heading),
        };
        markdown_escaped(&heading)
    });
    let rules = table.columns.iter().map(|column| match column.align {
        Align::Left => ":--".to_owned(),
        Align::Right => "--:".to_owned(),
    });
    let mut out = format!("**{}**\n\n", markdown_escaped(&table.title));
    out += &row(headings.collect());
    out += &row(rules.collect());
    for cells in &table.rows {
        out += &row(cells.iter().map(markdown_cell).collect());
    }
    if !table.notes.is_empty() {
        out.push('\n');
    }
    for note in &table.notes {
        out += &format!("* {}\n", markdown_escaped(note));
    }
    out
}

fn markdown_cell(cell: &Cell) -> String {
    match cell {
        Cell::Absent => "–".into(),
        Cell::Power(exponent) => match exponent_text(*exponent).as_str() {
            "0" => "1".into(),
            "1" => "s".into(),
            other => format!("s<sup>{other}</sup>"),
        },
        other => markdown_escaped(&other.shown()),
    }
}

fn markdown_escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' => out += "&lt;",
            '|' | '*' | '_' | '`' | '\\' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

pub(super) fn latex(table: &Table) -> String {
    let row = |cells: Vec<String>| format!("{} \\\\\n", cells.join(" & "));
    let sides: String = table
        .columns
        .iter()
        .map(|column| match column.align {
            Align::Left => 'l',
            Align::Right => 'r',
        })
        .collect();
    let mut out = format!(
        "% \\usepackage{{booktabs}}\n\\begin{{table}}\n\\centering\n\\caption{{{}}}\n\\begin{{tabular}}{{{sides}}}\n\\toprule\n",
        latex_escaped(&table.title)
    );
    if table.is_grouped() {
        out += &row(table.groups().iter().map(spanning).collect());
        out += &rules(table);
    }
    let headings = table.columns.iter().map(|c| latex_escaped(&c.heading));
    out += &row(headings.collect());
    out += "\\midrule\n";
    for cells in &table.rows {
        out += &row(cells.iter().map(latex_cell).collect());
    }
    out += "\\bottomrule\n\\end{tabular}\n";
    if !table.notes.is_empty() {
        let notes = table.notes.iter().map(|note| latex_escaped(note));
        let notes = notes.collect::<Vec<_>>().join("\n\n");
        out += &format!(
            "\n\\smallskip\n\\begin{{minipage}}{{\\linewidth}}\\footnotesize\n{notes}\n\\end{{minipage}}\n"
        );
    }
    out + "\\end{table}\n"
}

fn spanning(&(group, count): &(&str, usize)) -> String {
    match (group, count) {
        ("", count) => " & ".repeat(count - 1),
        (group, 1) => latex_escaped(group),
        (group, count) => format!("\\multicolumn{{{count}}}{{c}}{{{}}}", latex_escaped(group)),
    }
}

fn rules(table: &Table) -> String {
    let (mut out, mut first) = (String::new(), 1);
    for (group, count) in table.groups() {
        if !group.is_empty() {
            out += &format!("\\cmidrule(lr){{{first}-{}}}", first + count - 1);
        }
        first += count;
    }
    out + "\n"
}

fn latex_cell(cell: &Cell) -> String {
    match cell {
        Cell::Absent => "--".into(),
        Cell::Count(n) => thousands(*n, "{,}"),
        Cell::Difference(..) => format!("${}$", cell.shown()),
        Cell::Power(exponent) => match exponent_text(*exponent).as_str() {
            "0" => "$1$".into(),
            "1" => "$s$".into(),
            other => format!("$s^{{{other}}}$"),
        },
        other => latex_escaped(&other.shown()),
    }
}

fn latex_escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.replace("->", "→").chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => out.extend(['\\', c]),
            '\\' => out += "\\textbackslash{}",
            '~' => out += "\\textasciitilde{}",
            '^' => out += "\\textasciicircum{}",
            '<' => out += "$<$",
            '>' => out += "$>$",
            '→' => out += "$\\to$",
            '×' => out += "$\\times$",
            '²' => out += "$^2$",
            '⁶' => out += "$^6$",
            '⁹' => out += "$^9$",
            'α' => out += "$\\alpha$",
            'φ' => out += "$\\phi$",
            '√' => out += "$\\surd$",
            c => out.push(c),
        }
    }
    out
}
