//! Progress for a person: a bar on a terminal, plain lines elsewhere, nothing when asked to be quiet.
//!
//! All of it goes to standard error; standard output is for results.

mod curves;
mod dashboard;
mod screen;

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::EpochRow;
use crate::report::numbers::significant;
use crate::trainer::WeightKind;
pub use dashboard::About;
use dashboard::Dashboard;
pub use screen::Asked;
use screen::Screen;

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// Progress within the epochs, and a line for each.
    #[default]
    Normal,
    /// Nothing.
    Quiet,
}

/// What a pass over the data is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The weights learn.
    Train,
    /// The weights are measured.
    Evaluate,
}

impl Phase {
    fn verb(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Evaluate => "eval",
        }
    }
}

/// One pass over the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// What for.
    pub phase: Phase,
    /// The epoch, from 0.
    pub epoch: usize,
    /// Epochs in all.
    pub epochs: usize,
    /// Steps of this pass.
    pub steps: usize,
    /// Steps of it that were done before this process (a resumed epoch).
    pub skipped: usize,
    /// Images a step.
    pub batch_size: usize,
}

/// Tells how training goes.
pub struct Progress {
    sink: Sink,
    every: Duration,
    pass: Option<Running>,
}

enum Sink {
    Quiet,
    Lines(Box<dyn Write + Send>),
    Bar { bar: ProgressBar, coloured: bool },
    Dashboard(Box<(Screen, Dashboard)>),
}

/// What a dashboard shows besides loss, accuracy and speed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Live {
    /// Learning rate.
    pub lr: Option<f64>,
    /// Training speed over the last steps, in images/s; without it, that of the whole pass so far is shown.
    pub images_per_second: Option<f64>,
    /// Share of the time that was spent waiting for pictures, 0 to 1.
    pub loader_wait: Option<f64>,
}

struct Running {
    pass: Pass,
    began: Instant,
    told: Instant,
    done: usize,
}

impl Progress {
    /// A bar where standard error is a terminal, else a line at most every ten seconds. `NO_COLOR` is respected.
    pub fn new(verbosity: Verbosity) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let sink = match verbosity {
            Verbosity::Quiet => Sink::Quiet,
            Verbosity::Normal if io::stderr().is_terminal() && !dumb => {
                let bar =
                    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
                Sink::Bar {
                    bar,
                    coloured: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
                }
            }
            Verbosity::Normal => Sink::Lines(Box::new(io::stderr())),
        };
        Self {
            sink,
            every: Duration::from_secs(10),
            pass: None,
        }
    }

    /// Plain lines into `writer`, at most one in `every`.
    pub fn lines(writer: impl Write + Send + 'static, every: Duration) -> Self {
        Self {
            sink: Sink::Lines(Box::new(writer)),
            every,
            pass: None,
        }
    }

    /// Takes the whole terminal for a dashboard; where standard error is none, a note says so.
    pub fn dashboard(&mut self, about: About) {
        if !io::stderr().is_terminal() {
            self.note("--tui needs a terminal on standard error: plain lines instead");
            return;
        }
        match Screen::take() {
            Ok(screen) => {
                let dashboard = Dashboard::new(about);
                self.sink = Sink::Dashboard(Box::new((screen, dashboard)));
            }
            Err(error) => self.note(&format!("--tui cannot have the terminal: {error}")),
        }
    }

    /// Shows the epochs that were done before this process.
    pub fn recall(&mut self, rows: &[EpochRow]) {
        if let Sink::Dashboard(shown) = &mut self.sink {
            rows.iter().for_each(|row| shown.1.epoch_done(row));
        }
    }

    /// What the next [`Progress::step`] shows on a dashboard.
    pub fn live(&mut self, live: Live) {
        if let Sink::Dashboard(shown) = &mut self.sink {
            shown.1.live = live;
        }
    }

    /// What the keys have asked for on a dashboard; those that choose other curves are obeyed here.
    pub fn asked(&mut self) -> Asked {
        match &mut self.sink {
            Sink::Dashboard(shown) => {
                let (screen, dashboard) = shown.as_mut();
                let asked = screen.asked();
                dashboard.stopping = asked > Asked::Nothing;
                let turns = screen.take_turns();
                if turns != 0 {
                    dashboard.turn(turns);
                    screen.draw(dashboard);
                }
                asked
            }
            _ => Asked::Nothing,
        }
    }

    /// Gives back a terminal that was taken; nothing is shown any more.
    pub fn close(&mut self) {
        if let Sink::Dashboard(_) = self.sink {
            self.sink = Sink::Quiet;
        }
    }

    /// Begins a pass over the data.
    pub fn begin(&mut self, pass: Pass) {
        let now = Instant::now();
        self.pass = Some(Running {
            pass,
            began: now,
            told: now,
            done: pass.skipped,
        });
        if let Sink::Dashboard(shown) = &mut self.sink {
            let (screen, dashboard) = shown.as_mut();
            dashboard.begin(pass);
            screen.draw(dashboard);
        }
        if let Sink::Bar { bar, coloured } = &self.sink {
            let bar_style = if *coloured {
                "{wide_bar:.cyan/dim}"
            } else {
                "{wide_bar}"
            };
            let template = format!("{{prefix}} {bar_style} {{pos}}/{{len}}  {{msg}}");
            let style = ProgressStyle::with_template(&template)
                .expect("the template is ours")
                .progress_chars("━━─");
            bar.set_style(style);
            bar.set_prefix(format!(
                "{:5} {}/{}",
                pass.phase.verb(),
                pass.epoch + 1,
                pass.epochs
            ));
            bar.set_message("");
            bar.set_length(pass.steps as u64);
            // Shown again, after the end of the pass before.
            bar.reset();
            bar.set_position(pass.skipped as u64);
        }
    }

    /// `done` steps of the pass are done; loss and top-1 accuracy (in percent) so far, where they are known.
    pub fn step(&mut self, done: usize, loss: Option<f64>, top1: Option<f64>) {
        let Some(running) = &mut self.pass else {
            return;
        };
        running.done = done;
        match &mut self.sink {
            Sink::Quiet => {}
            Sink::Bar { bar, .. } => {
                bar.set_position(done as u64);
                bar.set_message(running.numbers(loss, top1));
            }
            Sink::Dashboard(shown) => {
                let (screen, dashboard) = shown.as_mut();
                let numbers = running.numbers(loss, top1);
                dashboard.step(done, numbers, loss, running.speed());
                screen.draw(dashboard);
            }
            Sink::Lines(writer) => {
                if running.told.elapsed() >= self.every {
                    running.told = Instant::now();
                    let Pass {
                        phase,
                        epoch,
                        epochs,
                        steps,
                        ..
                    } = running.pass;
                    let numbers = running.numbers(loss, top1);
                    tell(
                        writer,
                        &format!(
                            "{:5} {}/{epochs}  step {done}/{steps}  {numbers}",
                            phase.verb(),
                            epoch + 1
                        ),
                    );
                }
            }
        }
    }

    /// Ends the pass; its speed in images/s, where it took any time. No bar stays: results are told where it was.
    pub fn end(&mut self) -> Option<f64> {
        if let Sink::Bar { bar, .. } = &self.sink {
            bar.finish_and_clear();
        }
        self.pass.take().and_then(|running| running.speed())
    }

    /// An epoch is over: its row becomes a line that stays.
    pub fn epoch(&mut self, row: &EpochRow, epochs: usize, images_per_second: Option<f64>) {
        let mut line = format!(
            "epoch {}/{epochs}  train loss {:.4}  eval loss {:.4}  top-1 {:.2} %  top-5 {:.2} %",
            row.epoch + 1,
            row.train_loss,
            row.eval.loss,
            row.eval.top1,
            row.eval.top5
        );
        for weights in [WeightKind::Ema, WeightKind::Swa] {
            if let Some(average) = row.of(weights) {
                line += &format!("  {} top-1 {:.2} %", weights.label(), average.top1);
            }
        }
        line += &format!("  lr {}", significant(row.lr));
        if let Some(speed) = images_per_second {
            line += &format!("  {speed:.0} images/s");
        }
        if let Sink::Dashboard(shown) = &mut self.sink {
            shown.1.epoch_done(row);
        }
        self.note(&line);
    }

    /// A line that stays, above the bar where there is one.
    pub fn note(&mut self, line: &str) {
        match &mut self.sink {
            Sink::Quiet => {}
            // The bar's own println is silent while the bar is hidden; this one is not.
            Sink::Bar { bar, .. } => bar.suspend(|| tell(&mut io::stderr(), line)),
            Sink::Lines(writer) => tell(writer, line),
            Sink::Dashboard(shown) => {
                let (screen, dashboard) = shown.as_mut();
                dashboard.note(line);
                screen.draw(dashboard);
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Sink::Bar { bar, .. } = &self.sink {
            bar.finish_and_clear();
        }
    }
}

impl Running {
    fn speed(&self) -> Option<f64> {
        let seconds = self.began.elapsed().as_secs_f64();
        let images = self.done.saturating_sub(self.pass.skipped) * self.pass.batch_size;
        (seconds > 0.0 && images > 0).then(|| images as f64 / seconds)
    }

    /// Loss, accuracy, speed and, in training, the time to the end of the last epoch.
    fn numbers(&self, loss: Option<f64>, top1: Option<f64>) -> String {
        let mut parts = Vec::new();
        parts.extend(loss.map(|loss| format!("loss {loss:.4}")));
        parts.extend(top1.map(|top1| format!("top-1 {top1:.2} %")));
        if let Some(speed) = self.speed() {
            parts.push(format!("{speed:.0} images/s"));
            let Pass {
                phase,
                epoch,
                epochs,
                steps,
                batch_size,
                ..
            } = self.pass;
            let later = if phase == Phase::Train {
                epochs.saturating_sub(epoch + 1) * steps
            } else {
                0
            };
            let images = (steps.saturating_sub(self.done) + later) * batch_size;
            parts.push(format!("{} left", duration(images as f64 / speed)));
        }
        parts.join("  ")
    }
}

/// Progress is a courtesy: a closed terminal must not stop training.
fn tell(writer: &mut dyn Write, line: &str) {
    let _ = writeln!(writer, "{line}").and_then(|()| writer.flush());
}

/// A duration as a person says it: "42 s", "7 min", "3 h 05 min", "2 d 4 h".
fn duration(seconds: f64) -> String {
    let seconds = seconds.round().clamp(0.0, 1e12) as u64;
    let (minutes, hours) = (seconds.div_ceil(60), seconds / 3600);
    match seconds {
        0..100 => format!("{seconds} s"),
        100..5400 => format!("{minutes} min"),
        5400..172_800 => format!("{hours} h {:02} min", seconds % 3600 / 60),
        _ => format!("{} d {} h", hours / 24, hours % 24),
    }
}

#[cfg(test)]
mod tests;
