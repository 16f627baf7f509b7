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
