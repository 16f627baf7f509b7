//! Whole runs, ours and peers', in a table.

use super::{Clock, Rows, escape, table, told};
use crate::paper::IMAGENET;

pub(super) fn html(rows: &Rows, clock: Clock) -> String {
    if rows.runs.is_empty() {
        return String::new();
    }
    let heads = [
        "run",
        "library",
        match clock {
            Clock::Wall => "median ms",
            Clock::Processor => "processor ms",
        },
        "ms a picture",
        "min an epoch",
        "images/s",
        "first s",
        "memory MiB",
        "MB moved a picture",
        "of a copy",
        "dispatches",
        "",
    ];
    let lines: Vec<Vec<String>> = rows
        .runs
        .iter()
        .map(|sized| {
            let row = &sized.row;
            let time = clock.of(row);
            let batch = row.batch.max(1) as f64;
            let rate = match clock {
                Clock::Wall => row.stream_images_per_s.or(row.images_per_s),
                Clock::Processor => None,
            };
            vec![
                escape(&format!("{} {}", row.suite, row.case)),
                escape(&row.device),
                told(time),
                told(time.map(|ms| ms / batch)),
                match row.suite.as_str() {
                    "train" => told(time.map(|ms| ms / batch * IMAGENET / 60_000.0)),
                    _ => told(None),
                },
                told(rate),
                told(row.first_ms.map(|ms| ms / 1e3)),
                told(
                    row.memory_bytes
                        .map(|bytes| bytes as f64 / f64::from(1 << 20)),
                ),
                told(row.moved_bytes.map(|bytes| bytes as f64 / 1e6 / batch)),
                match clock {
                    Clock::Wall => told(row.copy_share),
                    Clock::Processor => told(None),
                },
                row.dispatches.map_or("–".into(), |n| n.to_string()),
                escape(&row.problem), // last, since it may be long
            ]
        })
        .collect();
    format!(
        "<h2>Runs</h2>\n{}<p class=\"note\">An epoch: {IMAGENET} pictures, as ImageNet has for training.</p>\n",
        table(&heads, &lines)
    )
}

impl Clock {
    /// The time of a run, milliseconds.
    pub(crate) fn of(self, row: &super::super::Row) -> Option<f64> {
        match self {
            Self::Wall => row.median_ms,
            Self::Processor => row.cpu_median_ms,
        }
    }
}
