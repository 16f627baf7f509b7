//! Draws the curves of `benches/results/parity-*.csv`: the losses of the same steps in Triaxis and PyTorch, and the accuracy
//! of whole runs.
//!
//! ```sh
//! cargo run --example parity_chart -- benches/results docs
//! ```

use std::error::Error;
use std::fs;
use std::path::Path;

use triaxis::report::chart::{Chart, Series, line_chart};

/// Two columns of a CSV file.
fn columns(path: &Path, [x, y]: [&str; 2]) -> Result<Vec<(f64, f64)>, Box<dyn Error>> {
    let mut reader = csv::Reader::from_path(path)?;
    let headers = reader.headers()?.clone();
    let place = |name: &str| {
        let missing = || format!("{}: no column {name}", path.display());
        headers.iter().position(|h| h == name).ok_or_else(missing)
    };
    let (x, y) = (place(x)?, place(y)?);
    let mut points = Vec::new();
    for row in reader.records() {
        let row = row?;
        points.push((row[x].parse()?, row[y].parse()?));
    }
    Ok(points)
}

/// The losses of the same steps.
fn steps(results: &Path) -> Result<Chart, Box<dyn Error>> {
    let of = |program: &str, shown: &str| {
        Ok::<_, Box<dyn Error>>(Series {
            name: shown.into(),
            points: columns(&results.join("parity-silu.csv"), ["step", program])?,
            ..Series::default()
        })
    };
    let triaxis = of("triaxis", "Triaxis")?;
    let pytorch = Series {
        dots: true,
        ..of("pytorch", "PyTorch")?
    };
    Ok(Chart {
        title: "Training loss, the same steps".into(),
        x_label: "steps done".into(),
        series: vec![triaxis, pytorch],
        ..Chart::default()
    })
}

/// The accuracy after each epoch of three runs of each, and its mean.
fn runs(results: &Path) -> Result<Chart, Box<dyn Error>> {
    let mut series = Vec::new();
    for (program, shown) in [("triaxis", "Triaxis"), ("pytorch", "PyTorch")] {
        let mut seeds = Vec::new();
        for seed in 1..=3 {
            let path = results.join(format!("parity-{program}-seed{seed}.csv"));
            seeds.push(columns(&path, ["epoch", "eval_top1"])?);
        }
        let mean = |i: usize| {
            let sum: f64 = seeds.iter().map(|seed: &Vec<(f64, f64)>| seed[i].1).sum();
            (seeds[0][i].0 + 1.0, sum / seeds.len() as f64)
        };
        series.push(Series {
            name: format!("{shown}, mean of 3"),
            points: (0..seeds[0].len()).map(mean).collect(),
            ..Series::default()
        });
    }
    Ok(Chart {
        title: "Top-1 accuracy, three runs each".into(),
        unit: "%".into(),
        x_label: "epochs done".into(),
        series,
        ..Chart::default()
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(results), Some(out)) = (words.next(), words.next()) else {
        return Err("give the folder of results and the folder for pictures".into());
    };
    let (results, out) = (Path::new(&results), Path::new(&out));
    fs::write(out.join("parity-steps.svg"), line_chart(&steps(results)?))?;
    fs::write(out.join("parity-runs.svg"), line_chart(&runs(results)?))?;
    Ok(())
}
