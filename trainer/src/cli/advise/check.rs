//! `triaxis advise --check`: predictions beside measurements of networks that they were not made from.

use serde::Serialize;
use triaxis_engine::Gpu;

use super::measuring::{Measuring, check, note, nothing_measured, points, save};
use crate::advise::{Misses, Phase, Point, Run, TimeModel, held_out, runs};
use crate::bench::{Machine, RowFile, round};
use crate::cli::device::Device;
use crate::cli::print;
use crate::error::Result;

/// A network that was not measured for the model, and how far the model was off.
#[derive(Clone, Debug, Default, Serialize)]
struct Row {
    phase: &'static str,
    network: String,
    resolution: usize,
    batch: usize,
    precision: &'static str,
    flops: u64,
    predicted_ms: f64,
    measured_ms: f64,
    /// Predicted over measured, less 1, in percent.
    off_percent: f64,
    /// `wall` or `processor`.
    clock: String,
    adapter: String,
    driver: String,
    commit: String,
    version: String,
}

#[derive(Serialize)]
struct Document {
    adapter: String,
    clock: String,
    phases: Vec<Checked>,
}

/// A phase, checked.
#[derive(Serialize)]
struct Checked {
    phase: &'static str,
    /// Of the networks of the rows.
    held_out: Option<Misses>,
    model: TimeModel,
    rows: Vec<Row>,
}

/// Measures what models are made from and what they are checked on in turn, so that a machine that slows down does so for
/// both.
pub(super) fn run(measuring: &Measuring, device: &Device, amp: bool, json: bool) -> Result<()> {
    let mut file = measuring
        .csv
        .as_deref()
        .map(RowFile::<Row>::open)
        .transpose()?;
    let gpu = device.open()?;
    let (path, mut measured) = measuring.open(&gpu)?;
    check(&path)?;
    let machine = Machine::of(&gpu);
    note(&machine.to_string());
    let mut phases = Vec::new();
    for phase in [Phase::Train, Phase::Infer] {
        let made_from = runs(phase, measuring.thoroughness())?;
        let held = held_out(phase, measuring.thoroughness())?;
        let (of_model, others) = measure(&gpu, (phase, amp), [&made_from, &held], measuring)?;
        measured.replace(of_model);
        let Some(model) = measured.model(phase, amp)? else {
            return Err(nothing_measured(&gpu));
        };
        let rows = rows(&others, &held, &model, &machine, &measured.place.clock)?;
        if let Some(file) = &mut file {
            file.append(&rows)?;
        }
        let pairs: Vec<(f64, f64)> = rows
            .iter()
            .map(|row| (row.predicted_ms, row.measured_ms))
            .collect();
        phases.push(Checked {
            phase: name(phase),
            held_out: Misses::of(&pairs, rows.iter().map(|row| row.network.as_str())),
            model,
            rows,
        });
    }
    save(&measured, &path)?;
    match json {
        true => print::json(&Document {
            adapter: machine.adapter,
            clock: measured.place.clock,
            phases,
        }),
        false => print::text(&phases.iter().map(text).collect::<Vec<_>>().join("\n")),
    }
}

fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Train => "train",
        Phase::Infer => "infer",
    }
}

/// Points of both kinds, measured alternately.
fn measure(
    gpu: &Gpu,
    phase: (Phase, bool),
    [made_from, held]: [&[Run]; 2],
    measuring: &Measuring,
) -> Result<(Vec<Point>, Vec<Point>)> {
    let mut mixed: Vec<Run> = Vec::new();
    for i in 0..made_from.len().max(held.len()) {
        mixed.extend(
            [made_from.get(i), held.get(i)]
                .into_iter()
                .flatten()
                .cloned(),
        );
    }
    let is_held = |point: &Point| held.iter().any(|run| run.case.spec.name == point.network);
    let measured = points(gpu, phase, &mixed, measuring.thoroughness())?;
    let (others, of_model) = measured.into_iter().partition(is_held);
    Ok((of_model, others))
}

fn rows(
    points: &[Point],
    runs: &[Run],
    model: &TimeModel,
    machine: &Machine,
    clock: &str,
) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for point in points {
        let of_point = runs.iter().find(|run| run.case.spec.name == point.network);
        let flops = of_point.map(|run| run.case.spec.complexity()).transpose()?;
        let predicted = model.seconds(&point.demand);
        rows.push(Row {
            phase: name(point.phase),
            network: point.network.clone(),
            resolution: point.resolution,
            batch: point.batch,
            precision: if point.amp { "f16" } else { "f32" },
            flops: flops.map_or(0, |counts| counts.flops),
            predicted_ms: round(1e3 * predicted),
            measured_ms: round(1e3 * point.seconds),
            off_percent: round(100.0 * (predicted / point.seconds - 1.0)),
            clock: clock.to_owned(),
            adapter: machine.adapter.clone(),
            driver: machine.driver.clone(),
            commit: machine.commit.clone(),
            version: machine.version.to_owned(),
        });
    }
    Ok(rows)
}

fn text(checked: &Checked) -> String {
    let heading = [
        "network",
        "pixels",
        "batch",
        "MFLOPs",
        "predicted ms",
        "measured ms",
        "off",
    ];
    let line = |row: &Row| {
        [
            row.network.clone(),
            row.resolution.to_string(),
            row.batch.to_string(),
            format!("{:.1}", row.flops as f64 / 1e6),
            format!("{:.2}", row.predicted_ms),
            format!("{:.2}", row.measured_ms),
            format!("{:+.1} %", row.off_percent),
        ]
    };
    let lines: Vec<_> = checked.rows.iter().map(line).collect();
    let mut text = print::table(heading, &lines);
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    if let Some(held) = checked.held_out {
        text += &format!(
            "{}: predictions of {} scaled networks that were not measured for them miss by {} (median), nine of ten by no \
             more than {}\n",
            checked.phase,
            held.networks,
            percent(held.median),
            percent(held.most)
        );
    }
    let left_out = checked.model.misses;
    text += &format!(
        "each of the {} networks of the model, predicted from the others: {} (median), {}\n",
        left_out.networks,
        percent(left_out.median),
        percent(left_out.most)
    );
    text
}
