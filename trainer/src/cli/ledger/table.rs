//! Trials as tables.

use crate::cli::print::{self, counted};
use crate::ledger::{Outcome, Trial};
use crate::report::Evaluation;
use crate::table::{Cell, Column, Table};

/// What fits on a terminal.
pub(super) fn list(trials: &[Trial]) -> Table {
    let row = |trial: &Trial| {
        let number = |value: fn(&Outcome) -> f64, digits| match &trial.outcome {
            Some(outcome) => Cell::Number(value(outcome), digits),
            None => Cell::Absent,
        };
        let mut state = trial.state.name().to_owned();
        if let Some(worker) = &trial.worker {
            state += &format!(" by {worker}");
        }
        vec![
            Cell::Count(trial.id.cast_unsigned()),
            trial.study.clone().into(),
            trial.planned.name.clone().into(),
            Cell::Number(trial.planned.flops as f64 / 1e6, 2),
            Cell::Number(trial.planned.params as f64 / 1e6, 3),
            Cell::Number(trial.planned.acts as f64 / 1e6, 3),
            number(|outcome| outcome.top1_error, 2),
            number(|outcome| outcome.seconds, 1),
            state.into(),
        ]
    };
    Table {
        title: format!("{} trials", trials.len()),
        columns: vec![
            Column::numbers("id", "trial"),
            Column::words("study", "study"),
            Column::words("network", "network"),
            Column::numbers("flops", "flops (M)"),
            Column::numbers("params", "params (M)"),
            Column::numbers("acts", "acts (M)"),
            Column::numbers("top1_error", "error (%)"),
            Column::numbers("seconds", "time (s)"),
            Column::words("state", "state"),
        ],
        rows: trials.iter().map(row).collect(),
        ..Table::default()
    }
}

/// Every number, for programs. The network's file and the curve are in `ledger show --json`.
pub(super) fn all(trials: &[Trial]) -> Table {
    let text = |text: &Option<String>| text.clone().map_or(Cell::Absent, Cell::Text);
    let row = |trial: &Trial| {
        let number = |value: fn(&Outcome) -> f64| match &trial.outcome {
            Some(outcome) => Cell::Number(value(outcome), 4),
            None => Cell::Absent,
        };
        let planned = &trial.planned;
        let point: Vec<String> = planned.numbers.iter().map(f64::to_string).collect();
        let outcome = trial.outcome.as_ref();
        vec![
            Cell::Count(trial.id.cast_unsigned()),
            trial.study.clone().into(),
            trial.kind.clone().into(),
            planned.name.clone().into(),
            planned.recipe.clone().into(),
            trial.data.clone().into(),
            Cell::Text(planned.seed.to_string()),
            Cell::Count(planned.flops),
            Cell::Count(planned.params),
            Cell::Count(planned.acts),
            point.join(" ").into(),
            number(|outcome| outcome.top1_error),
            number(|outcome| outcome.top5_error),
            number(|outcome| outcome.seconds),
            outcome.map_or(Cell::Absent, |outcome| Cell::Count(outcome.memory)),
            outcome.map_or(Cell::Absent, |outcome| outcome.adapter.clone().into()),
            outcome.map_or(Cell::Absent, |outcome| {
                Cell::Count(outcome.curve.len() as u64)
            }),
            trial.state.name().into(),
            Cell::Count(trial.attempts),
            text(&trial.worker),
            text(&trial.message),
        ]
    };
    let keys = [
        "id",
        "study",
        "kind",
        "network",
        "recipe",
        "data",
        "seed",
        "flops",
        "params",
        "acts",
        "point",
        "top1_error",
        "top5_error",
        "seconds",
        "memory",
        "adapter",
        "epochs",
        "state",
        "attempts",
        "worker",
        "message",
    ];
    Table {
        title: "Trials".into(),
        columns: keys.map(|key| Column::words(key, key)).into(),
        rows: trials.iter().map(row).collect(),
        ..Table::default()
    }
}

/// All that is known of a trial.
pub(super) fn one(trial: &Trial) -> String {
    let planned = &trial.planned;
    let mut lines = vec![
        (
            "trial",
            format!(
                "{} of study {} ({})",
                trial.place + 1,
                trial.study,
                trial.kind
            ),
        ),
        (
            "state",
            format!(
                "{}, begun {}",
                trial.state.name(),
                counted(trial.attempts as usize, "time", "times")
            ),
        ),
        ("network", planned.name.clone()),
        ("flops", print::count(planned.flops)),
        ("params", print::count(planned.params)),
        ("acts", print::count(planned.acts)),
        ("data", trial.data.clone()),
        ("recipe", planned.recipe.clone()),
        ("seed", planned.seed.to_string()),
    ];
    lines.extend(trial.worker.clone().map(|worker| ("worker", worker)));
    lines.extend(trial.message.clone().map(|message| ("failed", message)));
    if let Some(outcome) = &trial.outcome {
        lines.extend([
            ("top-1 error", format!("{:.2} %", outcome.top1_error)),
            ("top-5 error", format!("{:.2} %", outcome.top5_error)),
            ("time", format!("{:.1} s", outcome.seconds)),
            ("memory", print::bytes(outcome.memory)),
            ("adapter", outcome.adapter.clone()),
        ]);
    }
    let facts: String = lines
        .iter()
        .map(|(name, value)| format!("{name:<12} {value}\n"))
        .collect();
    let averaged = |average: Option<Evaluation>| {
        average.map_or_else(|| "-".to_owned(), |average| format!("{:.2}", average.top1))
    };
    let curve = trial.outcome.as_ref().map_or_else(String::new, |outcome| {
        let rows: Vec<[String; 6]> = outcome
            .curve
            .iter()
            .map(|row| {
                [
                    (row.epoch + 1).to_string(),
                    format!("{:.4}", row.train_loss),
                    format!("{:.4}", row.eval.loss),
                    format!("{:.2}", row.eval.top1),
                    averaged(row.ema),
                    averaged(row.swa),
                ]
            })
            .collect();
        let heading = [
            "epoch",
            "training loss",
            "validation loss",
            "top-1 (%)",
            "EMA (%)",
            "SWA (%)",
        ];
        format!("\n{}", print::table(heading, &rows))
    });
    format!("{facts}{curve}\n{}", planned.network)
}
