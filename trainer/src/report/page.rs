//! The report page.

use super::chart::{Chart, Series, escape, line_chart};
use super::numbers::{significant, trimmed};
use super::{EpochRow, Report, predictions};
use crate::trainer::WeightKind;

/// How pages look, in light and in the dark.
pub(crate) const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2128;--soft:#5d6671;--ground:#f6f7f9;--card:#fff;--edge:#e4e7eb;--mark:#1f6feb}\
@media(prefers-color-scheme:dark){:root{--ink:#e9edf2;--soft:#9aa5b1;--ground:#0d1117;--card:#161b22;--edge:#2d343d;--mark:#6cb0ff}}\
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);\
font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}\
main{max-width:1180px;margin:0 auto;padding:36px 20px 60px}h1{font-size:28px;line-height:1.2;margin:0 0 6px}\
h2{font-size:18px;margin:36px 0 12px}.lead{color:var(--soft);margin:0 0 24px;font-size:16px}\
.card{background:var(--card);border:1px solid var(--edge);border-radius:10px}\
.tiles{display:grid;gap:14px;grid-template-columns:repeat(auto-fit,minmax(160px,1fr));margin-bottom:14px}\
.tile{padding:14px 18px}.tile b{display:block;font-size:26px;line-height:1.25;font-variant-numeric:tabular-nums}\
.tile small{color:var(--soft);font-size:13px}.tile small+small{display:block}\
.charts{display:grid;gap:14px;grid-template-columns:repeat(auto-fit,minmax(min(100%,460px),1fr))}\
.charts svg{display:block;width:100%;height:auto;padding:6px}\
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:14px}.wide{overflow-x:auto}\
th,td{padding:6px 12px;text-align:right;border-top:1px solid var(--edge);white-space:nowrap}\
thead th{border-top:0;color:var(--soft);font-weight:600;font-size:13px}tr.best td{font-weight:600;color:var(--mark)}\
table.facts th,table.facts td{text-align:left;white-space:normal}table.facts th{color:var(--soft);font-weight:400;width:9em}\
table.facts tr:first-child>*{border-top:0}code,pre{font:13px/1.5 ui-monospace,'DejaVu Sans Mono',monospace}\
td code{overflow-wrap:anywhere}details{padding:12px 18px;margin-top:14px}summary{cursor:pointer;font-weight:600}\
pre{overflow-x:auto;margin:10px 0 0}footer{margin-top:36px;color:var(--soft);font-size:13px}";

pub(super) fn html(report: &Report) -> String {
    let model = escape(&report.model);
    let charts: String = charts(report)
        .iter()
        .map(|chart| format!("<div class=\"card\">{}</div>\n", line_chart(chart)))
        .collect();
    let recipe = escape(&report.recipe.to_toml());
    let predictions = report
        .predictions
        .as_ref()
        .map_or_else(String::new, predictions::html);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{model} · Triaxis</title>\n<style>{STYLE}{}</style>\n</head>\n<body>\n<main>\n\
         <h1>{model}</h1>\n<p class=\"lead\">{}</p>\n\
         <section class=\"tiles\">\n{}</section>\n<section class=\"charts\">\n{charts}</section>\n{}\
         <h2>Run</h2>\n<div class=\"card\">{}</div>\n\
         <details class=\"card\"><summary>Recipe</summary><pre>{recipe}</pre></details>\n\
         <h2>Epochs</h2>\n<div class=\"card wide\">{}</div>\n\
         <footer>Written by Triaxis {}. The same rows are in summary.csv and summary.json.</footer>\n\
         </main>\n</body>\n</html>\n",
        predictions::STYLE,
        lead(report),
        tiles(report),
        predictions,
        facts(report),
        epochs(report),
        env!("CARGO_PKG_VERSION"),
    )
}

fn lead(report: &Report) -> String {
    let done = format!(
        "{} of {} epochs done",
        report.rows.len(),
        report.recipe.epochs
    );
    match &report.best {
        None => format!("{done}."),
        Some(best) => {
            let weights = best.weights.words();
            let chance = match report.num_classes {
                0 | 1 => String::new(),
                classes => format!(" (guessing: {} %)", trimmed(100.0 / classes as f64, 2)),
            };
            format!(
                "{done}. Best: {:.2} % top-1{chance}, with {weights} after epoch {}.",
                best.top1,
                best.epoch + 1
            )
        }
    }
}

fn tiles(report: &Report) -> String {
    let tile = |value: String, name: &str| {
        format!("<div class=\"card tile\"><b>{value}</b><small>{name}</small></div>\n")
    };
    let mut tiles = String::new();
    if let Some(best) = &report.best {
        tiles += &tile(format!("{:.2} %", best.top1), "best top-1 accuracy");
    }
    if let Some(row) = report.rows.last() {
        tiles += &tile(significant(row.eval.loss), "last validation loss");
    }
    tiles += &tile(count(report.params), "parameters");
    tiles += &tile(count(report.flops), "multiply-adds an image");
    let speeds: Vec<f64> = report.images_per_second.iter().flatten().copied().collect();
    if !speeds.is_empty() {
        let mean = speeds.iter().sum::<f64>() / speeds.len() as f64;
        tiles += &tile(significant(mean), "images/s in training, mean");
    }
    tiles
}

fn charts(report: &Report) -> Vec<Chart> {
    let line = |name: &str, dashed: bool, value: &dyn Fn(&EpochRow) -> Option<f64>| Series {
        name: name.into(),
        points: report
            .rows
            .iter()
            .filter_map(|row| Some(((row.epoch + 1) as f64, value(row)?)))
            .collect(),
        dashed,
        dots: false,
    };
    let chart = |title: &str, unit: &str, series: Vec<Series>| Chart {
        title: title.into(),
        unit: unit.into(),
        x_label: "epochs done".into(),
        from_zero: unit == "images/s",
        fractions: false,
        series: series
            .into_iter()
            .filter(|series| !series.points.is_empty())
            .collect(),
    };
    let speeds = report.rows.iter().zip(&report.images_per_second);
    let speeds = speeds
        .filter_map(|(row, speed)| Some(((row.epoch + 1) as f64, (*speed)?)))
        .collect();
    let mut charts = vec![
        chart(
            "Loss",
            "",
            vec![
                line("training", false, &|row| Some(row.train_loss)),
                line("validation", false, &|row| Some(row.eval.loss)),
                // Dashed are in the colour of the line before them.
                line("validation, EMA", true, &|row| row.ema.map(|ema| ema.loss)),
                line("validation, SWA", false, &|row| row.swa.map(|swa| swa.loss)),
            ],
        ),
        chart(
            "Validation accuracy",
            "%",
            vec![
                line("top-1", false, &|row| Some(row.eval.top1)),
                line("of EMA", true, &|row| row.ema.map(|ema| ema.top1)),
                line("of SWA", false, &|row| row.swa.map(|swa| swa.top1)),
                line("top-5", false, &|row| Some(row.eval.top5)),
                line("of EMA", true, &|row| row.ema.map(|ema| ema.top5)),
                line("of SWA", false, &|row| row.swa.map(|swa| swa.top5)),
            ],
        ),
        chart(
            "Learning rate",
            "",
            vec![line("learning rate", false, &|row| Some(row.lr))],
        ),
        chart(
            "Training speed",
            "images/s",
            vec![Series {
                name: "images/s".into(),
                points: speeds,
                ..Series::default()
            }],
        ),
    ];
    charts.retain(|chart| !chart.series.is_empty());
    charts
}

fn facts(report: &Report) -> String {
    let rows = [
        (
            "Network",
            format!("{}, {} classes", escape(&report.model), report.num_classes),
        ),
        ("Images", format!("{0} × {0} pixels", report.resolution)),
        (
            "Complexity",
            format!(
                "{} parameters, {} multiply-adds, {} activations",
                grouped(report.params),
                grouped(report.flops),
                grouped(report.acts)
            ),
        ),
        (
            "Data",
            format!(
                "{}: {} images to train, {} to validate",
                escape(&report.data),
                grouped(report.train_images),
                grouped(report.eval_images)
            ),
        ),
        ("Adapter", escape(&report.adapter)),
        ("Seed", report.recipe.seed.to_string()),
        (
            "Recipe hash",
            format!("<code>{}</code>", escape(&report.recipe_hash)),
        ),
    ];
    let rows: String = rows
        .iter()
        .map(|(name, value)| format!("<tr><th>{name}</th><td>{value}</td></tr>\n"))
        .collect();
    format!("<table class=\"facts\">\n{rows}</table>")
}

fn epochs(report: &Report) -> String {
    let averages = [
        (WeightKind::Ema, ["EMA loss", "EMA top-1 %", "EMA top-5 %"]),
        (WeightKind::Swa, ["SWA loss", "SWA top-1 %", "SWA top-5 %"]),
    ];
    let averages: Vec<_> = averages
        .into_iter()
        .filter(|(weights, _)| report.rows.iter().any(|row| row.of(*weights).is_some()))
        .collect();
    let timed = report.images_per_second.iter().any(Option::is_some);
    let mut heads = vec![
        "epochs done",
        "training loss",
        "validation loss",
        "top-1 %",
        "top-5 %",
    ];
    heads.extend(averages.iter().flat_map(|(_, heads)| heads.iter().copied()));
    heads.push("learning rate");
    if timed {
        heads.push("images/s");
    }
    let best = report.best.as_ref().map(|best| best.epoch);
    let mut body = String::new();
    for (index, row) in report.rows.iter().enumerate() {
        let loss = |x: f64| format!("{x:.4}");
        let percent = |x: f64| format!("{x:.2}");
        let mut cells = vec![
            (row.epoch + 1).to_string(),
            loss(row.train_loss),
            loss(row.eval.loss),
        ];
        cells.extend([percent(row.eval.top1), percent(row.eval.top5)]);
        for (weights, _) in &averages {
            match row.of(*weights) {
                Some(average) => cells.extend([
                    loss(average.loss),
                    percent(average.top1),
                    percent(average.top5),
                ]),
                None => cells.extend(["–".to_owned(), "–".to_owned(), "–".to_owned()]),
            }
        }
        cells.push(significant(row.lr));
        if timed {
            let speed = report.images_per_second.get(index).copied().flatten();
            cells.push(speed.map_or("–".to_owned(), significant));
        }
        let class = if Some(row.epoch) == best {
            " class=\"best\""
        } else {
            ""
        };
        let cells: String = cells
            .iter()
            .map(|cell| format!("<td>{cell}</td>"))
            .collect();
        body += &format!("<tr{class}>{cells}</tr>\n");
    }
    let heads: String = heads
        .iter()
        .map(|head| format!("<th>{head}</th>"))
        .collect();
    format!("<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>")
}

/// A large count in three digits: 5.29 M.
fn count(value: u64) -> String {
    let scales = [(1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")];
    let value = value as f64;
    match scales.iter().find(|(scale, _)| value >= *scale) {
        None => format!("{value}"),
        Some((scale, letter)) => match value / scale {
            x if x >= 100.0 => format!("{x:.0}{letter}"),
            x if x >= 10.0 => format!("{x:.1}{letter}"),
            x => format!("{x:.2}{letter}"),
        },
    }
}

/// A count with its digits in groups of three: 5 288 548, with thin spaces.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let first = digits.len() % 3;
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && index % 3 == first {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::Evaluation;
    use super::*;
    use crate::checkpoint::Best;

    /// A run as a user may see one: twenty epochs with both averages.
    fn report() -> Report {
        let eval = |x: f64| Evaluation {
            loss: 2.3 - 1.5 * x,
            top1: 10.0 + 58.0 * x,
            top5: 50.0 + 46.0 * x,
        };
        let rows: Vec<EpochRow> = (0..20)
            .map(|epoch| {
                let x = 1.0 - (-(epoch as f64 + 1.0) / 6.0).exp();
                EpochRow {
                    epoch,
                    train_loss: 2.35 - 1.2 * x,
                    eval: eval(x - 0.04 * ((epoch * 7) % 5) as f64 / 4.0),
                    ema: (epoch > 1).then(|| eval(x * 1.03)),
                    swa: (epoch > 9).then(|| eval(x * 1.05)),
                    lr: 0.2 * 0.02f64.powf(epoch as f64 / 20.0),
                    recipe: String::new(),
                }
            })
            .collect();
        Report {
            model: "regnetz_tiny".into(),
            resolution: 32,
            num_classes: 10,
            flops: 21_345_678,
            params: 379_238,
            acts: 812_345,
            data: "CIFAR-10, class folders".into(),
            train_images: 50_000,
            eval_images: 10_000,
            adapter: "llvmpipe (LLVM 15.0.6, 256 bits), Mesa 22.3.6, Vulkan".into(),
            recipe_hash: "8d2f".repeat(16),
            recipe: crate::recipe::Recipe {
                epochs: 20,
                ..Default::default()
            },
            best: Some(Best {
                epoch: 19,
                top1: 67.66,
                weights: WeightKind::Ema,
            }),
            images_per_second: rows
                .iter()
                .map(|row| (row.epoch != 7).then_some(480.0 + (row.epoch % 4) as f64 * 9.0))
                .collect(),
            rows,
            predictions: None,
        }
    }

    #[test]
    fn the_page_tells_the_run_and_needs_nothing_else() {
        let page = report().html();
        for word in [
            "regnetz_tiny",
            "67.66 %",
            "379\u{202f}238",
            "Learning rate",
            "images/s",
            "prefers-color-scheme",
            "guessing: 10 %",
            "with the moving average of the weights (EMA) after epoch 20",
            "validation, EMA",
            "of SWA",
            "<th>EMA loss</th><th>EMA top-1 %</th><th>EMA top-5 %</th><th>SWA loss</th>",
        ] {
            assert!(page.contains(word), "{word:?} is not on the page");
        }
        assert_eq!(page.matches("<svg").count(), 4);
        assert_eq!(page.matches("<tr class=\"best\"").count(), 1);
        for outside in ["<script", "src=", "href=", "@import", "url("] {
            assert!(
                !page.contains(outside),
                "the page reaches outside with {outside:?}"
            );
        }
    }

    #[test]
    fn a_run_without_an_epoch_has_a_page() {
        let page = Report::default().html();
        assert!(page.contains("0 of 100 epochs done") && !page.contains("NaN"));
        assert_eq!(page.matches("<svg").count(), 0);
        let mut alone = report();
        alone.rows.iter_mut().for_each(|row| row.swa = None);
        let page = alone.html();
        assert!(page.contains("EMA loss") && !page.contains("SWA"));
    }

    #[test]
    fn counts_are_written_for_reading() {
        assert_eq!(count(379_238), "379 k");
        assert_eq!(count(5_288_548), "5.29 M");
        assert_eq!(count(12), "12");
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(grouped(123), "123");
    }
}
