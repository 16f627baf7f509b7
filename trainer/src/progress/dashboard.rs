//! The picture of a run on a terminal: curves, speed, what the loader costs, what was said last.

use std::collections::VecDeque;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Gauge, Paragraph};

use super::curves::{self, History, Metric, Moment};
use super::{Live, Pass, Phase};
use crate::report::EpochRow;
use crate::report::numbers::significant;

/// Notes that are kept.
const NOTES: usize = 32;

/// What a dashboard says about the run besides its progress.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Name of the network.
    pub model: String,
    /// Name of the adapter.
    pub adapter: String,
    /// Bytes on the device.
    pub memory: u64,
}

/// What is drawn.
#[derive(Debug, Default)]
pub(super) struct Dashboard {
    about: About,
    phase: Option<Phase>,
    /// The epoch in progress, from 0, and epochs in all.
    epoch: (usize, usize),
    /// Steps of the pass that are done, and all of them.
    steps: (usize, usize),
    /// Loss, accuracy, speed and time left, as one line.
    numbers: String,
    pub(super) live: Live,
    /// Whether the run is on its way to stop.
    pub(super) stopping: bool,
    history: History,
    /// What the left field shows; the right one shows the next.
    shown: Metric,
    rows: Vec<EpochRow>,
    notes: VecDeque<String>,
}

impl Dashboard {
    pub(super) fn new(about: About) -> Self {
        Self {
            about,
            ..Self::default()
        }
    }

    pub(super) fn begin(&mut self, pass: Pass) {
        self.phase = Some(pass.phase);
        self.epoch = (pass.epoch, pass.epochs);
        self.steps = (pass.skipped, pass.steps);
        self.numbers = String::new();
    }

    /// `done` steps of the pass are done; `numbers` in words, `loss` and the pass's `speed` so far as points of curves.
    pub(super) fn step(
        &mut self,
        done: usize,
        numbers: String,
        loss: Option<f64>,
        speed: Option<f64>,
    ) {
        self.steps.0 = done;
        self.numbers = numbers;
        if self.phase == Some(Phase::Train) {
            self.history.push(Moment {
                at: self.epoch.0 as f64 + done as f64 / self.steps.1.max(1) as f64,
                loss,
                lr: self.live.lr,
                // That of the last steps, as soon as there is one.
                speed: self.live.images_per_second.or(speed),
                waited: self.live.loader_wait,
            });
        }
    }

    /// Shows other curves: those so many further on, or back where that is negative.
    pub(super) fn turn(&mut self, by: isize) {
        self.shown = self.shown.turned(by);
    }

    pub(super) fn epoch_done(&mut self, row: &EpochRow) {
        // A run that went back to a checkpoint has epochs anew.
        self.rows.retain(|other| other.epoch < row.epoch);
        self.rows.push(row.clone());
    }

    pub(super) fn note(&mut self, line: &str) {
        self.notes.extend(line.lines().map(str::to_owned));
        let surplus = self.notes.len().saturating_sub(NOTES);
        self.notes.drain(..surplus);
    }

    pub(super) fn draw(&self, frame: &mut Frame<'_>) {
        let area = frame.area();
        let notes = if area.height > 30 { 8 } else { 5 };
        let rows = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Length(2),
            Constraint::Min(3),
            Constraint::Length(notes),
            Constraint::Length(1),
        ]);
        let [title, gauge, numbers, curves, notes, keys] = rows.areas(area);
        let soft = Style::new().add_modifier(Modifier::DIM);
        let About { model, adapter, .. } = &self.about;
        let heading = Line::from(vec![
            Span::styled(model.as_str(), Style::new().add_modifier(Modifier::BOLD)),
            Span::styled(format!("  on {adapter}"), soft),
        ]);
        frame.render_widget(heading, title);
        frame.render_widget(self.gauge(), gauge);
        let lines = vec![Line::from(self.numbers.as_str()), self.figures()];
        frame.render_widget(Paragraph::new(lines), numbers);
        let [left, right] = Layout::horizontal([Constraint::Fill(1); 2]).areas(curves);
        self.draw_metric(frame, left, self.shown);
        self.draw_metric(frame, right, self.shown.turned(1));
        self.draw_notes(frame, notes);
        let key = match self.stopping {
            true => "stopping at the next step, with a checkpoint",
            false => "q stops with a checkpoint   ← → other curves",
        };
        frame.render_widget(Span::styled(key, soft), keys);
    }

    fn gauge(&self) -> Gauge<'_> {
        let (epoch, epochs) = self.epoch;
        let (done, steps) = self.steps;
        let verb = self.phase.map_or("", Phase::verb);
        let share = done as f64 / steps.max(1) as f64;
        Gauge::default()
            .ratio(share.clamp(0.0, 1.0))
            .gauge_style(Style::new().fg(Color::Cyan))
            .label(format!(
                "{verb} {}/{epochs}  step {done}/{steps}",
                epoch + 1
            ))
    }

    /// Learning rate, memory and what was waited for.
    fn figures(&self) -> Line<'_> {
        let mut parts = vec![format!("{} MiB on the device", self.about.memory >> 20)];
        parts.extend(self.live.lr.map(|lr| format!("lr {}", significant(lr))));
        let waited = |share: f64| format!("waited for pictures {:.0} % of the time", 100.0 * share);
        parts.extend(self.live.loader_wait.map(waited));
        Line::from(parts.join("  "))
    }

    fn draw_metric(&self, frame: &mut Frame<'_>, area: Rect, metric: Metric) {
        let [first, second, third, fourth] =
            [Color::Cyan, Color::Gray, Color::Yellow, Color::Magenta];
        // Of epochs that an earlier process trained there are rows alone.
        let of_steps = |steps: Vec<(f64, f64)>, row: fn(&EpochRow) -> f64| match steps.is_empty() {
            true => self.curve(|epoch| Some(row(epoch))),
            false => steps,
        };
        let steps = &self.history;
        let curves = match metric {
            Metric::Loss => vec![
                (
                    "training",
                    second,
                    of_steps(steps.points(|m| m.loss), |row| row.train_loss),
                ),
                ("validation", first, self.curve(|row| Some(row.eval.loss))),
                ("EMA", third, self.curve(|row| row.ema.map(|e| e.loss))),
                ("SWA", fourth, self.curve(|row| row.swa.map(|e| e.loss))),
            ],
            Metric::Accuracy => vec![
                ("top-1", first, self.curve(|row| Some(row.eval.top1))),
                ("top-5", second, self.curve(|row| Some(row.eval.top5))),
                ("EMA", third, self.curve(|row| row.ema.map(|e| e.top1))),
                ("SWA", fourth, self.curve(|row| row.swa.map(|e| e.top1))),
            ],
            Metric::Rate => vec![(
                "learning rate",
                first,
                of_steps(steps.points(|m| m.lr), |row| row.lr),
            )],
            Metric::Speed => vec![("images/s", first, steps.points(|m| m.speed))],
            Metric::Waiting => {
                let percent = |m: &Moment| Some(100.0 * m.waited?);
                vec![("waiting", first, steps.points(percent))]
            }
        };
        curves::draw(frame, area, metric.title(), &curves);
    }

    fn curve(&self, value: impl Fn(&EpochRow) -> Option<f64>) -> Vec<(f64, f64)> {
        let point = |row: &EpochRow| Some(((row.epoch + 1) as f64, value(row)?));
        self.rows.iter().filter_map(point).collect()
    }

    fn draw_notes(&self, frame: &mut Frame<'_>, area: Rect) {
        let inner = area.height.saturating_sub(1) as usize;
        let first = self.notes.len().saturating_sub(inner);
        let lines: Vec<Line<'_>> = self
            .notes
            .range(first..)
            .map(|l| l.as_str().into())
            .collect();
        let block = Block::new().borders(ratatui::widgets::Borders::TOP);
        frame.render_widget(Paragraph::new(lines).block(block), area);
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::report::Evaluation;

    fn row(epoch: u64) -> EpochRow {
        let eval = Evaluation {
            loss: 2.0 / (epoch + 1) as f64,
            top1: 10.0 * (epoch + 1) as f64,
            top5: 50.0,
        };
        EpochRow {
            epoch,
            train_loss: 2.5,
            eval,
            ema: Some(eval),
            swa: Some(eval),
            lr: 0.1,
            recipe: String::new(),
        }
    }

    fn drawn(dashboard: &Dashboard, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| dashboard.draw(frame)).unwrap();
        let buffer = terminal.backend().buffer();
        let cells = buffer.content().iter().map(ratatui::buffer::Cell::symbol);
        let text: Vec<&str> = cells.collect();
        let rows = text.chunks(usize::from(width)).map(|row| row.concat());
        rows.collect::<Vec<_>>().join("\n")
    }

    fn running() -> Dashboard {
        let about = About {
            model: "regnetz_tiny".into(),
            adapter: "an adapter".into(),
            memory: 123 << 20,
        };
        let mut dashboard = Dashboard::new(about);
        (0..2).for_each(|epoch| dashboard.epoch_done(&row(epoch)));
        dashboard.begin(Pass {
            phase: Phase::Train,
            epoch: 2,
            epochs: 5,
            steps: 40,
            skipped: 10,
            batch_size: 16,
        });
        dashboard.live.loader_wait = Some(0.256);
        dashboard.live.lr = Some(0.05);
        for (step, loss) in [(29, None), (30, Some(1.2345))] {
            let numbers = "loss 1.2345  top-1 42.00 %  900 images/s  3 min left";
            dashboard.step(step, numbers.into(), loss, Some(900.0));
        }
        dashboard.note("one\ntwo");
        dashboard
    }

    #[test]
    fn a_dashboard_tells_progress_speed_memory_waiting_and_how_to_stop() {
        let mut dashboard = running();
        let text = drawn(&dashboard, 110, 34);
        for words in [
            "regnetz_tiny  on an adapter",
            "train 3/5  step 30/40",
            "loss 1.2345  top-1 42.00 %  900 images/s",
            "123 MiB on the device  lr 0.05  waited for pictures 26 % of the time",
            "validation accuracy, %",
            "EMA",
            "SWA",
            "epochs",
            "one",
            "two",
            "q stops with a checkpoint",
            "← → other curves",
        ] {
            assert!(text.contains(words), "{words:?} is missing:\n{text}");
        }
        let is_braille = |c: char| ('\u{2801}'..='\u{28ff}').contains(&c);
        assert!(text.chars().any(is_braille), "curves are drawn:\n{text}");
        dashboard.stopping = true;
        assert!(drawn(&dashboard, 80, 24).contains("stopping at the next step"));
    }

    #[test]
    fn screens_of_any_size_and_runs_without_numbers_are_drawn() {
        for (width, height) in [(1, 1), (3, 2), (10, 5), (20, 50), (300, 9), (80, 24)] {
            drawn(&running(), width, height);
            drawn(&Dashboard::default(), width, height);
        }
        let mut odd = running();
        for number in [f64::NAN, f64::INFINITY] {
            odd.live.lr = Some(number);
            odd.step(31, String::new(), Some(number), Some(number));
        }
        for _ in 0..5 {
            odd.turn(1);
            drawn(&odd, 80, 24);
        }
    }

    #[test]
    fn curves_of_other_metrics_are_shown_in_turn() {
        let mut dashboard = running();
        // Titles on the line above the fields, from left to right.
        let titles = |dashboard: &Dashboard| {
            let text = drawn(dashboard, 120, 34);
            let line = text.lines().find(|line| line.starts_with('┌')).unwrap();
            let fields = line.split(['┌', '┐', '─']);
            let titles = fields.filter(|title| !title.is_empty());
            titles.map(str::to_owned).collect::<Vec<_>>()
        };
        let all = [
            "loss",
            "validation accuracy, %",
            "learning rate",
            "training speed, images/s",
            "time spent waiting for pictures, %",
        ];
        for (shown, title) in all.into_iter().enumerate() {
            let next = all[(shown + 1) % all.len()];
            assert_eq!(titles(&dashboard), [title, next]);
            dashboard.turn(1);
        }
        assert_eq!(titles(&dashboard), [all[0], all[1]], "round");
        dashboard.turn(-1);
        assert_eq!(titles(&dashboard), [all[4], all[0]]);
        dashboard.turn(-1);
        // Where nothing else is told, 900 is the end of the speed's axis, and 25.6 that of waiting.
        let text = drawn(&dashboard, 120, 34);
        for words in ["900.0", "901.0", "25.60", "26.60"] {
            assert!(text.contains(words), "{words:?} is missing:\n{text}");
        }
    }

    #[test]
    fn an_evaluation_adds_no_point_to_the_curves_of_training() {
        let mut dashboard = running();
        let before = dashboard.history.points(|m| m.lr);
        assert_eq!(before, [(2.725, 0.05), (2.75, 0.05)]);
        assert_eq!(dashboard.history.points(|m| m.loss), [(2.75, 1.2345)]);
        dashboard.begin(Pass {
            phase: Phase::Evaluate,
            epoch: 2,
            epochs: 5,
            steps: 3,
            skipped: 0,
            batch_size: 16,
        });
        dashboard.step(1, String::new(), None, Some(5000.0));
        assert_eq!(dashboard.history.points(|m| m.lr), before);
    }

    #[test]
    fn curves_of_steps_are_those_of_epochs_after_a_run_went_on() {
        let mut dashboard = Dashboard::default();
        (0..2).for_each(|epoch| dashboard.epoch_done(&row(epoch)));
        dashboard.turn(2);
        // The rate of the rows, 0.1, as the end of the axis.
        let text = drawn(&dashboard, 120, 34);
        assert!(
            text.contains("learning rate") && text.contains("0.100"),
            "{text}"
        );
    }

    #[test]
    fn an_epoch_that_is_run_again_takes_the_place_of_the_first() {
        let mut dashboard = running();
        dashboard.epoch_done(&row(1));
        let epochs: Vec<u64> = dashboard.rows.iter().map(|row| row.epoch).collect();
        assert_eq!(epochs, [0, 1]);
    }
}
