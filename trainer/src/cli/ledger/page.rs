//! Trials as a page.

use super::table;
use crate::ledger::Trial;
use crate::report::chart::{Chart, Series, escape, line_chart};
use crate::table::{Align, Cell};

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2128;--soft:#5d6671;--edge:#e4e7eb;--ground:#fff}\
@media(prefers-color-scheme:dark){:root{--ink:#e9edf2;--soft:#9aa5b1;--edge:#2d343d;--ground:#0d1117}}\
body{margin:0 auto;max-width:1180px;padding:28px 20px;background:var(--ground);color:var(--ink);\
font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}h1{font-size:26px}h2{font-size:18px}\
figure{margin:0;max-width:760px}.wide{overflow-x:auto}table{border-collapse:collapse;font-size:14px;\
font-variant-numeric:tabular-nums}th,td{padding:5px 12px;border-top:1px solid var(--edge);white-space:nowrap;text-align:left}\
th{color:var(--soft)}.n{text-align:right}";

/// A page of all trials: for each study error against multiply-adds, and a table.
pub(super) fn html(name: &str, trials: &[Trial]) -> String {
    let mut studies: Vec<&str> = Vec::new();
    for trial in trials {
        if !studies.contains(&trial.study.as_str()) {
            studies.push(&trial.study);
        }
    }
    let sections: String = studies
        .iter()
        .map(|study| {
            let of: Vec<Trial> = trials
                .iter()
                .filter(|trial| trial.study == *study)
                .cloned()
                .collect();
            section(study, &of)
        })
        .collect();
    let name = escape(name);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{name} · Triaxis</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{name}</h1>\n{sections}</body>\n</html>\n"
    )
}

fn section(study: &str, trials: &[Trial]) -> String {
    let done = trials
        .iter()
        .filter(|trial| trial.outcome.is_some())
        .count();
    let failed = trials
        .iter()
        .filter(|trial| trial.message.is_some())
        .count();
    let kind = trials.first().map_or("", |trial| trial.kind.as_str());
    format!(
        "<h2>{}</h2>\n<p>search {}: {} trials, {done} done, {failed} failed.</p>\n<figure>{}</figure>\n<div class=\"wide\">{}</div>\n",
        escape(study),
        escape(kind),
        trials.len(),
        chart(trials),
        rows(trials)
    )
}

fn chart(trials: &[Trial]) -> String {
    let point = |trial: &Trial| {
        let error = trial.outcome.as_ref()?.top1_error;
        Some((trial.planned.flops as f64 / 1e6, error))
    };
    line_chart(&Chart {
        title: "Error against multiply-adds".into(),
        unit: "top-1, %".into(),
        x_label: "multiply-adds of one image (M)".into(),
        fractions: true,
        series: vec![Series {
            name: "trials".into(),
            points: trials.iter().filter_map(point).collect(),
            dots: true,
            ..Series::default()
        }],
        ..Chart::default()
    })
}

fn rows(trials: &[Trial]) -> String {
    let table = table::list(trials);
    let cell = |tag: &str, align: Align, text: &str| {
        let class = if align == Align::Right {
            " class=\"n\""
        } else {
            ""
        };
        format!("<{tag}{class}>{}</{tag}>", escape(text))
    };
    let headings = table.columns.iter();
    let headings: String = headings
        .map(|column| cell("th", column.align, &column.heading))
        .collect();
    let row = |row: &Vec<Cell>| {
        let cells = table.columns.iter().zip(row);
        let cells: String = cells
            .map(|(column, value)| cell("td", column.align, &value.shown()))
            .collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = table.rows.iter().map(row).collect();
    format!("<table>\n<tr>{headings}</tr>\n{rows}</table>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Outcome, Planned, State};

    fn trial(id: i64, study: &str) -> Trial {
        Trial {
            id,
            study: study.into(),
            kind: "tiny".into(),
            data: "9 pictures".into(),
            place: 0,
            planned: Planned {
                name: "<net>".into(),
                network: "name = \"net\"".into(),
                recipe: "abc".into(),
                seed: 1,
                flops: 2_000_000 * id.cast_unsigned(),
                params: 3,
                acts: 4,
                numbers: vec![1.0, 0.5, 0.75],
            },
            state: State::Done,
            worker: None,
            attempts: 1,
            outcome: Some(Outcome {
                top1_error: 12.5,
                ..Outcome::default()
            }),
            message: None,
        }
    }

    #[test]
    fn each_study_has_a_chart_and_a_table_and_names_are_text() {
        let trials = [trial(1, "a&b"), trial(2, "a&b"), trial(3, "c")];
        let page = html("x.ledger", &trials);
        assert_eq!(page.matches("<svg").count(), 2);
        assert_eq!(page.matches("<tr>").count(), 2 + 3);
        assert!(
            page.contains("<h2>a&amp;b</h2>")
                && page.contains("search tiny: 2 trials, 2 done, 0 failed")
        );
        assert!(page.contains("<td>&lt;net&gt;</td>") && !page.contains("<net>"));
        assert!(
            !page.contains("src=") && !page.contains("href="),
            "the page needs nothing else"
        );
    }

    #[test]
    fn a_ledger_without_trials_has_a_page() {
        assert!(html("empty", &[]).ends_with("</html>\n"));
    }

    #[test]
    fn csv_has_every_number_under_its_key() {
        let csv = table::all(&[trial(1, "c")]).render(crate::table::Format::Csv);
        let mut lines = csv.lines();
        let keys: Vec<&str> = lines.next().unwrap().split(',').collect();
        let values: Vec<&str> = lines.next().unwrap().split(',').collect();
        let of = |key: &str| values[keys.iter().position(|k| *k == key).unwrap()];
        assert_eq!(
            [of("flops"), of("point"), of("top1_error"), of("state")],
            ["2000000", "1 0.5 0.75", "12.5000", "done"]
        );
    }
}
