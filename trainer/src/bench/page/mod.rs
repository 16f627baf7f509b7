//! Rows as one page to look at: `triaxis bench report`.

mod kernels;
mod peers;
mod read;
mod runs;
mod scaled;
mod scatter;
mod sizes;

use std::path::Path;

pub use read::{Rows, Run, Size, Way};

use crate::report::chart::escape;
use crate::report::page::STYLE;

/// Which time counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Clock {
    /// By the clock on the wall: on a machine at rest
    #[default]
    Wall,
    /// Processor time of runs, and the least time of kernels: for a software driver on a machine that does other work
    Processor,
}

impl Rows {
    /// The page: one HTML text with its pictures in it and no script, for a screen of any width, light or dark.
    pub fn html(&self, title: &str, clock: Clock) -> String {
        let sections = [
            peers::html(&self.ratios, clock),
            runs::html(self, clock),
            scaled::html(self, clock),
            sizes::html(self, clock),
            kernels::html(self, clock),
        ];
        let counted = match clock {
            Clock::Wall => "Times are by the clock on the wall.",
            Clock::Processor => {
                "Times of runs are processor time over all threads; of kernels, the least by the clock on the wall."
            }
        };
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{0} · Triaxis</title>\n<style>{STYLE}{OWN}</style>\n</head>\n<body>\n<main>\n<h1>{0}</h1>\n\
             <p class=\"lead\">{1}. {counted}</p>\n{2}\
             <footer>Written by <code>triaxis bench report</code> of Triaxis {3}.</footer>\n</main>\n</body>\n</html>\n",
            escape(title),
            escape(&self.machines()),
            sections.concat(),
            env!("CARGO_PKG_VERSION"),
        )
    }

    /// Adapters and drivers of our rows, and the commits.
    fn machines(&self) -> String {
        let ours = self
            .runs
            .iter()
            .map(|sized| &sized.row)
            .chain(&self.kernels);
        let of_rows = ours
            .filter(|row| row.device.starts_with("triaxis"))
            .map(|row| [&row.adapter, &row.driver, &row.commit]);
        let of_ratios = self
            .ratios
            .iter()
            .map(|r| [&r.adapter, &r.driver, &r.commit]);
        let mut machines: Vec<String> = Vec::new();
        for [adapter, driver, commit] in of_rows.chain(of_ratios) {
            let machine = format!("{adapter}, {driver}, commit {commit}");
            if !adapter.is_empty() && !machines.contains(&machine) {
                machines.push(machine);
            }
        }
        match machines.is_empty() {
            true => "No machine is named".into(),
            false => machines.join("; "),
        }
    }
}

/// A page's name where none is given: that of its first file.
pub fn title_of(files: &[impl AsRef<Path>]) -> String {
    let stem = files.first().and_then(|file| file.as_ref().file_stem());
    stem.map_or("Benchmarks".into(), |stem| {
        stem.to_string_lossy().into_owned()
    })
}

const OWN: &str = "h3{font-size:15px;margin:22px 0 8px}.note{color:var(--soft);font-size:13px;margin:8px 0 0}\
.bar{display:inline-block;height:10px;border-radius:2px;background:var(--mark);vertical-align:middle}\
td:first-child,th:first-child{text-align:left}td.l{text-align:left;width:40%}.slow{color:#d4580b}.card>svg{display:block;width:100%;\
height:auto;padding:6px}.apart{margin-bottom:14px}";

/// A table; the first column is text.
fn table(heads: &[&str], lines: &[Vec<String>]) -> String {
    let cells = |tag: &str, cells: &mut dyn Iterator<Item = String>| -> String {
        cells.map(|cell| format!("<{tag}>{cell}</{tag}>")).collect()
    };
    let head = cells("th", &mut heads.iter().map(|head| (*head).to_owned()));
    let body: String = lines
        .iter()
        .map(|line| format!("<tr>{}</tr>\n", cells("td", &mut line.iter().cloned())))
        .collect();
    format!(
        "<div class=\"card wide\"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n"
    )
}

/// A number, or a dash.
fn told(number: Option<f64>) -> String {
    number.map_or("–".into(), crate::report::numbers::significant)
}

#[cfg(test)]
mod tests;
