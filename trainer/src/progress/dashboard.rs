//! The picture of a run on a terminal: curves, speed, what the loader costs, what was said last.

use std::collections::VecDeque;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Dataset, Gauge, GraphType, LegendPosition, Paragraph};

use super::{Live, Pass, Phase};
use crate::report::EpochRow;
use crate::report::numbers::significant;

/// Notes that are kept.
const NOTES: usize = 32;
/// Points of the training curve; beyond them every other one is dropped.
const MOST_POINTS: usize = 2000;

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
    /// Training losses by epochs, the running mean of each.
    losses: Vec<(f64, f64)>,
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

    /// `done` steps of the pass are done; `numbers` in words, `loss` as a point of the curve.
    pub(super) fn step(&mut self, done: usize, numbers: String, loss: Option<f64>) {
        self.steps.0 = done;
        self.numbers = numbers;
        if let Some(loss) = loss {
            self.point(loss);
        }
    }

    fn point(&mut self, loss: f64) {
        let (done, steps) = self.steps;
        let at = self.epoch.0 as f64 + done as f64 / steps.max(1) as f64;
        self.losses.push((at, loss));
        if self.losses.len() > MOST_POINTS {
            let mut odd = false;
            self.losses.retain(|_| {
                odd = !odd;
                odd
            });
        }
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
        self.draw_losses(frame, left);
        self.draw_accuracy(frame, right);
        self.draw_notes(frame, notes);
        let key = match self.stopping {
            true => "stopping at the next step, with a checkpoint",
            false => "q stops with a checkpoint",
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

    fn draw_losses(&self, frame: &mut Frame<'_>, area: Rect) {
        let evaluated = self.curve(|row| Some(row.eval.loss));
        let ema = self.curve(|row| row.ema.map(|e| e.loss));
        let swa = self.curve(|row| row.swa.map(|e| e.loss));
        let trained = match self.losses.is_empty() {
            true => self.curve(|row| Some(row.train_loss)),
            false => self.losses.clone(),
        };
        let curves = [
            ("training", Color::Gray, trained),
            ("validation", Color::Cyan, evaluated),
            ("EMA", Color::Yellow, ema),
            ("SWA", Color::Magenta, swa),
        ];
        draw_curves(frame, area, "loss", &curves);
    }

    fn draw_accuracy(&self, frame: &mut Frame<'_>, area: Rect) {
        let curves = [
            ("top-1", Color::Cyan, self.curve(|row| Some(row.eval.top1))),
            ("top-5", Color::Gray, self.curve(|row| Some(row.eval.top5))),
            (
                "EMA",
                Color::Yellow,
                self.curve(|row| row.ema.map(|e| e.top1)),
            ),
            (
                "SWA",
                Color::Magenta,
                self.curve(|row| row.swa.map(|e| e.top1)),
            ),
        ];
        draw_curves(frame, area, "validation accuracy, %", &curves);
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

type Curve<'a> = (&'a str, Color, Vec<(f64, f64)>);

fn draw_curves(frame: &mut Frame<'_>, area: Rect, title: &str, curves: &[Curve<'_>]) {
    let points = || curves.iter().flat_map(|(_, _, points)| points.iter());
    let bounds = |values: &mut dyn Iterator<Item = f64>| {
        let (low, high) = values
            .filter(|x| x.is_finite())
            .fold((f64::MAX, f64::MIN), |(low, high), x| {
                (low.min(x), high.max(x))
            });
        match low < high {
            true => [low, high],
            false if low == high => [low, low + 1.0],
            false => [0.0, 1.0],
        }
    };
    let x = bounds(&mut points().map(|point| point.0).chain([0.0]));
    let y = bounds(&mut points().map(|point| point.1));
    let datasets = curves
        .iter()
        .filter(|(_, _, points)| !points.is_empty())
        .map(|(name, color, points)| {
            Dataset::default()
                .name(*name)
                .marker(Marker::Braille)
                .graph_type(GraphType::Line)
                .style(Style::new().fg(*color))
                .data(points)
        });
    let labels = |[low, high]: [f64; 2]| [significant(low), significant(high)];
    let chart = Chart::new(datasets.collect())
        .block(Block::bordered().title(title.to_owned()))
        .legend_position(Some(LegendPosition::TopRight))
        .hidden_legend_constraints((Constraint::Percentage(50), Constraint::Percentage(50)))
        .x_axis(Axis::default().title("epochs").bounds(x).labels(labels(x)))
        .y_axis(Axis::default().bounds(y).labels(labels(y)));
    frame.render_widget(chart, area);
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
        for (step, loss) in [(29, None), (30, Some(1.2345))] {
            let numbers = "loss 1.2345  top-1 42.00 %  900 images/s  3 min left";
            dashboard.step(step, numbers.into(), loss);
        }
        dashboard.live.loader_wait = Some(0.256);
        dashboard.live.lr = Some(0.05);
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
        odd.point(f64::NAN);
        odd.point(f64::INFINITY);
        drawn(&odd, 80, 24);
    }

    #[test]
    fn an_epoch_that_is_run_again_takes_the_place_of_the_first() {
        let mut dashboard = running();
        dashboard.epoch_done(&row(1));
        let epochs: Vec<u64> = dashboard.rows.iter().map(|row| row.epoch).collect();
        assert_eq!(epochs, [0, 1]);
        (0..10_000).for_each(|_| dashboard.point(1.0));
        assert!(dashboard.losses.len() <= MOST_POINTS);
    }
}
