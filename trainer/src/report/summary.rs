//! The rows of a run as CSV and JSON.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use super::{EpochRow, Report};

/// A summary is some hundred bytes an epoch.
const LARGEST: u64 = 64 << 20;

/// timm's columns, the hash of the settings, and the same of each average of the weights where there is one; accuracies in
/// percent.
pub(super) fn csv(report: &Report) -> String {
    let mut text = "epoch,train_loss,eval_loss,eval_top1,eval_top5,lr,recipe,ema_loss,ema_top1,ema_top5,swa_loss,swa_top1,swa_top5\n"
        .to_owned();
    for row in &report.rows {
        let EpochRow {
            epoch,
            train_loss,
            eval,
            ema,
            swa,
            lr,
            recipe,
        } = row;
        let recipe = match recipe.is_empty() {
            true => &report.recipe_hash,
            false => recipe,
        };
        let [ema, swa] = [ema, swa].map(|average| {
            average.map_or(",,".into(), |average| {
                format!("{},{},{}", average.loss, average.top1, average.top5)
            })
        });
        text += &format!(
            "{epoch},{train_loss},{},{},{},{lr},{recipe},{ema},{swa}\n",
            eval.loss, eval.top1, eval.top5
        );
    }
    text
}

pub(super) fn json(report: &Report) -> String {
    let mut text = serde_json::to_string_pretty(report)
        .expect("a report is made of numbers, words and tables of them");
    text.push('\n');
    text
}

pub(super) fn recall_speeds(directory: &Path, rows: usize) -> Vec<Option<f64>> {
    #[derive(Deserialize)]
    struct Speeds {
        images_per_second: Vec<Option<f64>>,
    }
    let mut text = String::new();
    let read = File::open(directory.join("summary.json"))
        .and_then(|file| file.take(LARGEST).read_to_string(&mut text))
        .ok()
        .and_then(|_| serde_json::from_str::<Speeds>(&text).ok());
    let mut speeds = read.map_or_else(Vec::new, |found| found.images_per_second);
    speeds.resize(rows, None);
    speeds
}

#[cfg(test)]
mod tests {
    use super::super::Evaluation;
    use super::*;

    fn report() -> Report {
        let row = |epoch: u64| EpochRow {
            epoch,
            train_loss: 2.25,
            eval: Evaluation {
                loss: 1.5,
                top1: 50.25,
                top5: 90.0,
            },
            ema: None,
            swa: None,
            lr: 0.1,
            recipe: String::new(),
        };
        Report {
            model: "<b>net</b>".into(),
            rows: vec![row(0), row(1)],
            images_per_second: vec![Some(12.5), None],
            recipe_hash: "8d2f".into(),
            ..Report::default()
        }
    }

    #[test]
    fn the_csv_has_the_columns_of_timm_and_the_recipe() {
        let mut report = report();
        report.rows[1].recipe = "e01a".into();
        let average = |loss| Evaluation {
            loss,
            top1: 51.5,
            top5: 91.0,
        };
        report.rows[0].ema = Some(average(1.25));
        report.rows[1].ema = Some(average(1.25));
        report.rows[1].swa = Some(average(1.125));
        assert_eq!(
            csv(&report),
            "epoch,train_loss,eval_loss,eval_top1,eval_top5,lr,recipe,ema_loss,ema_top1,ema_top5,swa_loss,swa_top1,swa_top5\n\
             0,2.25,1.5,50.25,90,0.1,8d2f,1.25,51.5,91,,,\n\
             1,2.25,1.5,50.25,90,0.1,e01a,1.25,51.5,91,1.125,51.5,91\n"
        );
    }

    #[test]
    fn a_report_writes_three_files_and_gives_its_speeds_back() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Report::recall_speeds(folder.path(), 2), [None, None]);
        report().write(folder.path()).unwrap();
        let found: Report =
            serde_json::from_slice(&std::fs::read(folder.path().join("summary.json")).unwrap())
                .unwrap();
        assert_eq!(found, report());
        assert_eq!(
            Report::recall_speeds(folder.path(), 3),
            [Some(12.5), None, None]
        );
        assert_eq!(Report::recall_speeds(folder.path(), 1), [Some(12.5)]);
        assert!(folder.path().join("summary.csv").is_file());
        let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
        assert!(
            page.contains("&lt;b&gt;net") && !page.contains("<b>net"),
            "names are text, not markup"
        );
    }

    #[test]
    fn a_folder_that_is_gone_exits_with_8() {
        let folder = tempfile::tempdir().unwrap();
        let error = report().write(&folder.path().join("gone")).unwrap_err();
        assert_eq!(error.exit_code(), 8, "{error}");
    }
}
