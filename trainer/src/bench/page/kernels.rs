//! Kernels of a run: roofline, time by node, time by kernel.

use super::super::Row;
use super::scatter::{Kind, Point, Scatter, scatter};
use super::{Clock, Rows, escape, table, told};

/// Nodes that are told apart; the others are summed.
const NODES: usize = 30;

pub(super) fn html(rows: &Rows, clock: Clock) -> String {
    let mut runs: Vec<(String, Vec<&Row>)> = Vec::new();
    for row in &rows.kernels {
        let suite = row.suite.trim_end_matches(".kernel");
        let name = format!("{suite} {} on {} ({})", row.case, row.adapter, row.commit);
        match runs.iter_mut().find(|(known, _)| *known == name) {
            Some((_, kernels)) => kernels.push(row),
            None => runs.push((name, vec![row])),
        }
    }
    runs.iter()
        .map(|(name, kernels)| of_run(name, kernels, clock))
        .collect()
}

/// What kernels of one sort or one node come to.
#[derive(Default)]
struct Sum {
    name: String,
    ms: f64,
    kernels: usize,
    moved: f64,
    /// Operations: twice the multiply-adds.
    operations: f64,
    /// What they might have done at most, G operations/s.
    peak: Option<f64>,
}

fn of_run(name: &str, kernels: &[&Row], clock: Clock) -> String {
    let ms = |row: &Row| match clock {
        Clock::Wall => row.median_ms.unwrap_or(0.0),
        Clock::Processor => row.min_ms.unwrap_or(0.0),
    };
    let total: f64 = kernels.iter().map(|row| ms(row)).sum();
    let copy = kernels.iter().find_map(|row| row.copy_gb_per_s);
    let sums = |part: fn(&str) -> &str| {
        let mut sums: Vec<Sum> = Vec::new();
        for row in kernels {
            let name = part(&row.kernel);
            if sums.iter().all(|sum| sum.name != name) {
                sums.push(Sum {
                    name: name.into(),
                    ..Sum::default()
                });
            }
            let sum = sums
                .iter_mut()
                .find(|sum| sum.name == name)
                .expect("it was just added");
            sum.ms += ms(row);
            sum.kernels += 1;
            sum.moved += row.moved_bytes.unwrap_or(0) as f64;
            sum.operations += operations(row);
            sum.peak = row.peak_gflop_per_s;
        }
        sums.sort_by(|a, b| b.ms.total_cmp(&a.ms));
        sums
    };
    let clock_name = kernels.first().map_or("", |row| row.clock.as_str());
    format!(
        "<h2>Kernels: {}</h2>\n<section class=\"charts\">\n<div class=\"card\">{}</div>\n</section>\n<p class=\"note\">Operations are twice the \
         multiply-adds; bytes are those of the operands, each once. Area is time. A kernel on the dashed line moves its operands as \
         fast as a plain copy; caches may lift it above. Level lines are what the adapter multiplies and adds at most, measured by kernels that do \
         nothing else: in registers, and by matrix units where it has them. Times by {}.</p>\n<h3>By kernel</h3>\n{}<h3>By node</h3>\n{}",
        escape(name),
        roofline(kernels, ms, total, copy),
        escape(clock_name),
        by_kernel(
            &sums(|kernel| kernel.rsplit('/').next().unwrap_or(kernel)),
            total,
            copy
        ),
        by_node(
            &sums(|kernel| kernel.rsplit_once('/').map_or(kernel, |(node, _)| node)),
            total
        ),
    )
}

fn operations(row: &Row) -> f64 {
    row.gflop_per_s
        .zip(row.median_ms)
        .map_or(0.0, |(rate, ms)| 1e6 * rate * ms)
}

fn roofline(kernels: &[&Row], ms: impl Fn(&Row) -> f64, total: f64, copy: Option<f64>) -> String {
    let names = ["convolution", "depthwise", "other"];
    let mut kinds = names.map(|name| Kind {
        name: name.into(),
        ..Kind::default()
    });
    for row in kernels {
        let (ms, bytes, operations) = (
            ms(row),
            row.moved_bytes.unwrap_or(0) as f64,
            operations(row),
        );
        if ms <= 0.0 || bytes <= 0.0 || operations <= 0.0 {
            continue;
        }
        let entry = row.kernel.rsplit('/').next().unwrap_or_default();
        let kind = match entry {
            _ if entry.starts_with("depthwise") => 1,
            _ if entry.starts_with("conv2d") || entry.starts_with("linear") => 0,
            _ => 2,
        };
        let rate = operations / ms / 1e6;
        kinds[kind].points.push(Point {
            x: operations / bytes,
            y: rate,
            radius: (40.0 * (ms / total).sqrt()).clamp(1.5, 16.0),
            said: format!(
                "{}: {} ms, {rate:.1} G operations/s",
                row.kernel,
                told(Some(ms))
            ),
        });
    }
    let mut lines: Vec<(f64, f64, String)> = Vec::new();
    lines.extend(copy.map(|rate| (rate, 1.0, format!("a copy: {rate:.0} GB/s"))));
    for row in kernels {
        let by = match row.kernel.contains("cooperative") {
            true => "matrix units",
            false => "registers",
        };
        if let Some(peak) = row.peak_gflop_per_s {
            let said = format!("{by}: {peak:.0} G operations/s");
            if lines.iter().all(|(.., known)| *known != said) {
                lines.push((peak, 0.0, said));
            }
        }
    }
    scatter(&Scatter {
        title: "Roofline",
        x: "operations a byte",
        y: "G operations/s",
        kinds: kinds
            .into_iter()
            .filter(|kind| !kind.points.is_empty())
            .collect(),
        lines,
    })
}

fn by_kernel(sums: &[Sum], total: f64, copy: Option<f64>) -> String {
    let heads = [
        "kernel",
        "ms",
        "share",
        "launched by",
        "GB/s",
        "of a copy",
        "G operations/s",
        "of the peak",
    ];
    let line = |sum: &Sum| {
        let rate = |amount: f64| (amount > 0.0 && sum.ms > 0.0).then(|| amount / sum.ms / 1e6);
        let moved = rate(sum.moved);
        vec![
            escape(&sum.name),
            told(Some(sum.ms)),
            format!("{:.1} %", 100.0 * sum.ms / total),
            sum.kernels.to_string(),
            told(moved),
            told(moved.zip(copy).map(|(moved, copy)| moved / copy)),
            told(rate(sum.operations)),
            told(
                rate(sum.operations)
                    .zip(sum.peak)
                    .map(|(done, most)| done / most),
            ),
        ]
    };
    table(&heads, &sums.iter().map(line).collect::<Vec<_>>())
}

fn by_node(sums: &[Sum], total: f64) -> String {
    let most = sums
        .first()
        .map_or(1.0, |sum| sum.ms)
        .max(f64::MIN_POSITIVE);
    let line = |name: String, ms: f64| {
        let bar = match ms / most {
            share if share <= 1.0 => format!(
                "<span class=\"bar\" style=\"width:{:.1}%\"></span>",
                100.0 * share
            ),
            _ => String::new(),
        };
        format!(
            "<tr><td>{}</td><td>{}</td><td>{:.1} %</td><td class=\"l\">{bar}</td></tr>\n",
            escape(&name),
            told(Some(ms)),
            100.0 * ms / total
        )
    };
    let mut body: String = sums
        .iter()
        .take(NODES)
        .map(|sum| line(sum.name.clone(), sum.ms))
        .collect();
    if sums.len() > NODES {
        let rest = &sums[NODES..];
        body += &line(
            format!("{} more", rest.len()),
            rest.iter().map(|sum| sum.ms).sum(),
        );
    }
    format!(
        "<div class=\"card wide\"><table>\n<thead><tr><th>node</th><th>ms</th><th>share</th><th></th></tr></thead>\n<tbody>\n{body}</tbody>\n\
         </table></div>\n"
    )
}
