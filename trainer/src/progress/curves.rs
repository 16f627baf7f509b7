//! The curves of a dashboard: which there are, and what is kept of every step for them.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Color, Style};
use ratatui::symbols::Marker;
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType, LegendPosition};

use crate::report::numbers::significant;

/// Points that are kept; beyond them every other one is dropped.
const MOST_POINTS: usize = 2000;

/// What a field of the dashboard shows: the arrow keys choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Metric {
    #[default]
    Loss,
    Accuracy,
    Rate,
    Speed,
    Waiting,
}

impl Metric {
    const ALL: [Self; 5] = [
        Self::Loss,
        Self::Accuracy,
        Self::Rate,
        Self::Speed,
        Self::Waiting,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Accuracy => "validation accuracy, %",
            Self::Rate => "learning rate",
            Self::Speed => "training speed, images/s",
            Self::Waiting => "time spent waiting for pictures, %",
        }
    }

    /// The one so many further on, or back where that is negative: behind the last comes the first.
    pub(super) fn turned(self, by: isize) -> Self {
        let count = Self::ALL.len() as isize;
        let place = (self as isize + by.rem_euclid(count)) % count;
        Self::ALL[place as usize]
    }
}

/// A moment of training.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Moment {
    /// Epochs done, with the part of the one in progress.
    pub(super) at: f64,
    /// The running mean of the epoch.
    pub(super) loss: Option<f64>,
    pub(super) lr: Option<f64>,
    /// In images/s.
    pub(super) speed: Option<f64>,
    /// Share of the time, 0 to 1.
    pub(super) waited: Option<f64>,
}

/// What is kept of the steps: all of the last ones, and the fewer the earlier.
#[derive(Debug, Default)]
pub(super) struct History(Vec<Moment>);

impl History {
    pub(super) fn push(&mut self, moment: Moment) {
        self.0.push(moment);
        if self.0.len() > MOST_POINTS {
            let mut odd = false;
            self.0.retain(|_| {
                odd = !odd;
                odd
            });
        }
    }

    /// A value over epochs, where it is known.
    pub(super) fn points(&self, value: impl Fn(&Moment) -> Option<f64>) -> Vec<(f64, f64)> {
        let point = |moment: &Moment| Some((moment.at, value(moment)?));
        self.0.iter().filter_map(point).collect()
    }
}

/// A line with its name and colour.
pub(super) type Curve<'a> = (&'a str, Color, Vec<(f64, f64)>);

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, title: &str, curves: &[Curve<'_>]) {
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
    use super::*;

    #[test]
    fn metrics_follow_each_other_round_in_both_directions() {
        let titles = |by: isize| {
            let mut metric = Metric::default();
            let mut titles = Vec::new();
            for _ in 0..Metric::ALL.len() {
                titles.push(metric.title());
                metric = metric.turned(by);
            }
            assert_eq!(metric, Metric::default(), "round");
            titles
        };
        let (onward, mut back) = (titles(1), titles(-1));
        assert_eq!(onward[..2], ["loss", "validation accuracy, %"]);
        back[1..].reverse();
        assert_eq!(onward, back);
        // However often a key is pressed.
        let far = Metric::Speed.turned(isize::MAX).turned(-isize::MAX);
        assert_eq!(far, Metric::Speed);
    }

    #[test]
    fn a_history_of_any_length_keeps_a_bounded_number_of_points_from_its_first_to_its_last() {
        let mut history = History::default();
        for step in 0..10_000 {
            history.push(Moment {
                at: f64::from(step),
                loss: Some(1.0),
                ..Moment::default()
            });
        }
        let points = history.points(|moment| moment.loss);
        assert!((MOST_POINTS / 2..=MOST_POINTS).contains(&points.len()));
        assert_eq!(points[0], (0.0, 1.0));
        assert!(points.is_sorted_by(|a, b| a.0 < b.0));
        assert!(points[points.len() - 1].0 > 9_900.0);
        assert_eq!(history.points(|moment| moment.lr), []);
    }
}
