//! Rows for people, on standard error.

use crate::row::Row;

/// Above [`kernels`].
pub(crate) fn kernels_header() {
    eprintln!(
        "{:<58} {:>10} {:>10} {:>9} {:>8}",
        "", "median ms", "min ms", "GFLOP/s", "GB/s"
    );
}

/// One case: the whole, then its kernels.
pub(crate) fn kernels(rows: &[Row]) {
    if let Some(all) = rows.iter().find(|r| r.suite == "ops.all") {
        eprintln!("{}", line(&format!("{} {}", all.op, all.case), all));
    }
    for row in rows.iter().filter(|r| !r.kernel.is_empty()) {
        eprintln!("{}", line(&format!("  {}", row.kernel), row));
    }
}

/// A whole network.
pub(crate) fn network(row: &Row) {
    let number = |x: Option<f64>| x.map_or("unknown".into(), |x| format!("{x:.2}"));
    eprintln!("{} {}", row.suite, row.case);
    for (what, number) in [
        (
            "seconds a step, median",
            format!("{:.4}", row.median_ms / 1e3),
        ),
        ("seconds a step, least", format!("{:.4}", row.min_ms / 1e3)),
        ("images/s, step by step", number(row.images_per_s)),
        ("images/s, without waiting", number(row.stream_images_per_s)),
        (
            "processor seconds a step",
            number(row.cpu_median_ms.map(|ms| ms / 1e3)),
        ),
        ("processor seconds in all", number(row.cpu_seconds)),
        (
            "first step, seconds",
            number(row.first_ms.map(|ms| ms / 1e3)),
        ),
        ("peak memory, MiB", number(row.memory_mib)),
        ("GFLOP/s", number(row.gflop_per_s)),
        ("GB/s of operands", number(row.gb_per_s)),
        ("submits", row.submits.unwrap_or(0).to_string()),
        ("dispatches", row.dispatches.unwrap_or(0).to_string()),
    ] {
        eprintln!("  {what:<28} {number:>12}");
    }
}

/// The kernels of a network, slowest first: what each entry point takes in all, then the slowest nodes.
pub(crate) fn profile(rows: &[Row]) {
    let total: f64 = rows.iter().map(|r| r.median_ms).sum();
    let share = |ms: f64| format!("{:5.1} %", 100.0 * ms / total);
    let mut entries: Vec<(&str, f64, usize)> = Vec::new();
    for row in rows {
        let name = entry_point(row);
        let launches = row.dispatches.unwrap_or(0);
        match entries.iter_mut().find(|(known, ..)| *known == name) {
            Some((_, ms, count)) => {
                *ms += row.median_ms;
                *count += launches;
            }
            None => entries.push((name, row.median_ms, launches)),
        }
    }
    entries.sort_by(|a, b| b.1.total_cmp(&a.1));
    let clock = rows.first().map_or("", |r| r.clock.as_str());
    eprintln!("kernels by time ({total:.2} ms in all, by the {clock}):");
    eprintln!("{:<44} {:>10} {:>8} {:>9}", "", "ms", "share", "launches");
    for (name, ms, launches) in entries {
        eprintln!("{name:<44} {ms:>10.3} {:>8} {launches:>9}", share(ms));
    }
    let mut slowest: Vec<&Row> = rows.iter().collect();
    slowest.sort_by(|a, b| b.median_ms.total_cmp(&a.median_ms));
    eprintln!("slowest nodes:");
    kernels_header();
    for row in slowest.iter().take(20) {
        eprintln!("{} {:>8}", line(&row.kernel, row), share(row.median_ms));
    }
}

fn entry_point(row: &Row) -> &str {
    row.kernel.rsplit('/').next().unwrap_or(&row.kernel)
}

fn line(name: &str, row: &Row) -> String {
    let rate = |rate: Option<f64>| rate.map_or(String::new(), |x| format!("{x:.2}"));
    format!(
        "{name:<58} {:>10.3} {:>10.3} {:>9} {:>8}",
        row.median_ms,
        row.min_ms,
        rate(row.gflop_per_s),
        rate(row.gb_per_s)
    )
}
