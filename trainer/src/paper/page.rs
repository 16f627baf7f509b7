//! All figures and tables as one page.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Evidence, FIGURES, Figure, TABLES, figure, table};
use crate::error::Result;
use crate::report::chart::escape;
use crate::report::page::STYLE;
use crate::report::panels::panels;
use crate::table::Format;

const OWN: &str = "main{max-width:1320px}td,th{padding:5px 7px;font-size:13px}h3{font-size:15px;margin:22px 0 8px}.note{color:var(--soft);font-size:13px;margin:8px 0 0}\
.card>svg{display:block;max-width:100%;height:auto;margin:0 auto}.card>img{display:block;max-width:100%;margin:0 auto}\
table .w{text-align:left}tr.groups th{border-top:0;text-align:center;color:var(--soft);font-size:13px}caption{display:none}\
p.note code{overflow-wrap:anywhere}";

/// The page: every figure and table with what was measured, and `heat_maps`, a PNG file of `triaxis cam`.
///
/// # Errors
///
/// A network of the zoo that cannot be made.
pub fn page(evidence: &Evidence, heat_maps: Option<&[u8]>) -> Result<String> {
    let figures = FIGURES
        .iter()
        .map(|name| figure(name, evidence))
        .collect::<Result<Vec<_>>>()?;
    let tables = TABLES
        .iter()
        .map(|name| Ok(section(&table(name, evidence)?)))
        .collect::<Result<String>>()?;
    let figures: String = figures.iter().map(drawn).collect();
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Figures and tables · Triaxis</title>\n<style>{STYLE}{OWN}</style>\n</head>\n<body>\n<main>\n\
         <h1>Figures and tables of the papers</h1>\n<p class=\"lead\">{}</p>\n\
         <h2>Fast and Accurate Model Scaling</h2>\n{figures}{}<h2>Tables</h2>\n{tables}\
         <footer>Written by <code>triaxis figures</code> of Triaxis {}. The papers: arXiv 2103.06877, 2010.14819, 1905.11946.</footer>\n\
         </main>\n</body>\n</html>\n",
        lead(evidence),
        maps(heat_maps),
        env!("CARGO_PKG_VERSION"),
    ))
}

fn lead(evidence: &Evidence) -> String {
    let trained: usize = evidence.trained.iter().map(|one| one.errors.len()).sum();
    format!(
        "What is counted is counted here. Errors and times marked <em>paper</em> are as published; <em>ours</em> are those of the {trained} \
         trials and {} timings that were given.",
        evidence.timed.len()
    )
}

fn drawn(figure: &Figure) -> String {
    let commands: Vec<String> = figure
        .fill
        .iter()
        .map(|line| format!("<code>{}</code>", escape(line)))
        .collect();
    let then = "<code>triaxis figures --ledger papers.ledger --rows rows.csv</code>";
    let told = match figure.ours {
        true => "Measured here: rows marked <em>ours</em>.".to_owned(),
        false => format!(
            "Nothing of this was measured here. To fill it: {}; then {then}.",
            commands.join("; ")
        ),
    };
    format!(
        "<h3>{}</h3>\n<div class=\"card\">{}</div>\n<p class=\"note\">{told} Its numbers: {}.csv.</p>\n",
        escape(&figure.panels.title),
        panels(&figure.panels),
        figure.name
    )
}

fn section(table: &crate::table::Table) -> String {
    let notes: String = table
        .notes
        .iter()
        .map(|note| format!("<p class=\"note\">{}</p>\n", escape(note)))
        .collect();
    format!(
        "<h3>{}</h3>\n<div class=\"card wide\">{}</div>\n{notes}",
        escape(&table.title),
        table.render(Format::Html)
    )
}

/// TinyNet's Figure 4: where several networks look in the same pictures.
fn maps(png: Option<&[u8]>) -> String {
    const TITLE: &str = "TinyNet's Figure 4: where networks look";
    let shown = match png {
        Some(png) => format!(
            "<div class=\"card\"><img alt=\"{TITLE}\" src=\"data:image/png;base64,{}\"></div>\n<p class=\"note\">A picture in each row, then \
             the class activation map of each network.</p>\n",
            STANDARD.encode(png)
        ),
        None => "<p class=\"note\">Nothing of this was measured here. To fill it: <code>triaxis cam --weights RUN --beside OTHER-RUN \
                 --output cam PICTURES</code>; then <code>triaxis figures --heat-maps cam/grid.png</code>.</p>\n"
            .into(),
    };
    format!("<h2>Model Rubik's Cube (TinyNet)</h2>\n<h3>{TITLE}</h3>\n{shown}")
}
