//! Trials as a page.

use super::table;
use crate::ledger::Trial;
use crate::report::chart::{Chart, Series, escape, line_chart};
use crate::report::page::STYLE;
use crate::table::Format;

const OWN: &str = "figure{margin:0;max-width:760px}figure>svg{display:block;padding:6px}h2{overflow-wrap:anywhere}\
table .w{text-align:left}caption{display:none}";

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
         <title>{name} · Triaxis</title>\n<style>{STYLE}{OWN}</style>\n</head>\n<body>\n<main>\n<h1>{name}</h1>\n{sections}\
         <footer>Written by <code>triaxis ledger export</code> of Triaxis {}.</footer>\n</main>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
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
        "<h2>{}</h2>\n<p>search {}: {} trials, {done} done, {failed} failed.</p>\n<figure class=\"card\">{}</figure>\n\
         <h3>Trials</h3>\n<div class=\"card wide\">{}</div>\n",
        escape(study),
        escape(kind),
        trials.len(),
        chart(trials),
        table::list(trials).render(Format::Html)
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
        assert!(page.contains("<td class=\"w\">&lt;net&gt;</td>") && !page.contains("<net>"));
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
