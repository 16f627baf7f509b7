//! Rows for people.

use super::super::print;
use crate::bench::Row;

/// What a person compares: the runs, then the kernels of each. The CSV holds the rest.
pub(super) fn table(rows: &[Row]) -> String {
    let mut text = runs(rows);
    let mut kernels: Vec<&Row> = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        kernels.extend((!row.kernel.is_empty()).then_some(row));
        let last = rows.get(i + 1).is_none_or(|next| next.kernel.is_empty());
        if last && !kernels.is_empty() {
            text += &format!("\n{}", of_run(&kernels));
            kernels.clear();
        }
    }
    text
}

fn number(x: Option<f64>, digits: usize) -> String {
    match x {
        Some(x) => format!("{x:.digits$}"),
        None => "-".to_owned(),
    }
}

fn megabytes(row: &Row) -> Option<f64> {
    row.moved_bytes.map(|bytes| bytes as f64 / 1e6)
}

fn runs(rows: &[Row]) -> String {
    let heading = [
        "",
        "median ms",
        "p95 ms",
        "images/s",
        "CPU s",
        "first s",
        "memory",
        "moved MB",
        "of a copy",
    ];
    let line = |row: &Row| {
        let seconds = |ms: Option<f64>| number(ms.map(|ms| ms / 1e3), 2);
        [
            row.case.clone(),
            number(row.median_ms, 2),
            number(row.p95_ms, 2),
            number(row.images_per_s, 1),
            seconds(row.cpu_median_ms),
            seconds(row.first_ms),
            row.memory_bytes.map_or("-".to_owned(), print::bytes),
            number(megabytes(row), 1),
            number(row.copy_share, 3),
        ]
    };
    let whole = rows.iter().filter(|row| row.kernel.is_empty());
    let lines: Vec<_> = whole.map(line).collect();
    let mut text = print::table(heading, &lines);
    for row in rows.iter().filter(|row| !row.problem.is_empty()) {
        text += &format!("{}: {}\n", row.case, row.problem);
    }
    text
}

/// The kernels of one run, which stand by their time.
fn of_run(kernels: &[&Row]) -> String {
    let name = match kernels.first() {
        Some(row) => format!("{}, {}", row.case, row.clock),
        None => String::new(),
    };
    let heading = [
        name.as_str(),
        "ms",
        "share",
        "so far",
        "moved MB",
        "of a copy",
        "of the peak",
        "place",
    ];
    let percent = |share: Option<f64>| match share {
        Some(share) => format!("{:.1} %", 100.0 * share),
        None => "-".to_owned(),
    };
    let line = |row: &&Row| {
        [
            row.kernel.clone(),
            number(row.median_ms, 4),
            percent(row.time_share),
            percent(row.cumulative_share),
            number(megabytes(row), 3),
            number(row.copy_share, 3),
            number(row.peak_share, 3),
            row.place.map_or("-".to_owned(), |place| place.to_string()),
        ]
    };
    let mut lines: Vec<_> = kernels.iter().map(line).collect();
    let total: f64 = kernels.iter().filter_map(|row| row.median_ms).sum();
    let mut all = [const { String::new() }; 8];
    all[0] = print::counted(kernels.len(), "kernel", "kernels");
    all[1] = number(Some(total), 4);
    lines.push(all);
    print::table(heading, &lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_said_below_the_table() {
        let measured = Row {
            case: "tiny_r16_b1_f32".into(),
            median_ms: Some(1.234),
            memory_bytes: Some(3 << 20),
            ..Row::default()
        };
        let refused = Row {
            case: "large_r16_b64_f32".into(),
            problem: "out of GPU memory".into(),
            ..Row::default()
        };
        let text = table(&[measured, refused]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].starts_with("tiny_r16_b1_f32"), "{text}");
        assert!(lines[1].contains("1.23") && lines[1].contains("3.0 MiB"));
        assert_eq!(lines[3], "large_r16_b64_f32: out of GPU memory");
    }

    #[test]
    fn the_kernels_of_each_run_stand_below_with_their_shares() {
        let row = |case: &str, kernel: &str, ms: f64, so_far: f64| Row {
            case: case.into(),
            kernel: kernel.into(),
            clock: "timestamps".into(),
            median_ms: Some(ms),
            place: (!kernel.is_empty()).then_some(3),
            time_share: (!kernel.is_empty()).then_some(ms / 4.0),
            cumulative_share: (!kernel.is_empty()).then_some(so_far),
            ..Row::default()
        };
        let text = table(&[
            row("one", "", 5.0, 0.0),
            row("one", "stem/conv2d", 3.0, 0.75),
            row("one", "head/linear", 1.0, 1.0),
            row("two", "", 6.0, 0.0),
            row("two", "sgd/sgd", 4.0, 1.0),
        ]);
        let words: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        let begin: Vec<_> = words.iter().map(|line| line.first().copied()).collect();
        let expected = "median one two - one, stem/conv2d head/linear 2 - two, sgd/sgd 1";
        let expected: Vec<_> = expected
            .split(' ')
            .map(|word| (word != "-").then_some(word))
            .collect();
        assert_eq!(begin, expected, "{text}");
        assert_eq!(
            words[5],
            "stem/conv2d 3.0000 75.0 % 75.0 % - - - 3"
                .split(' ')
                .collect::<Vec<_>>()
        );
        assert_eq!(words[7], ["2", "kernels", "4.0000"]);
    }
}
