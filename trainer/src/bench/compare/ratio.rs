//! Rounds of two, and what their medians come to.

use serde::{Deserialize, Serialize};

use super::super::{Row, extremes, median, round};
use super::Question;

/// A peer beside Triaxis on one case. A ratio is the peer's over ours: above 1, Triaxis needs less time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Ratio {
    /// `train` or `infer`.
    pub suite: String,
    /// Network, side of the pictures, batch and precision: `resnet50_r224_b8_f16`.
    pub case: String,
    /// The peer's name; empty where there is none and the numbers are ours alone.
    pub peer: String,
    /// Rounds in which both were measured.
    pub rounds: usize,
    /// Median of our rounds' medians, milliseconds.
    pub ours_ms: Option<f64>,
    /// Of the peer's.
    pub peer_ms: Option<f64>,
    /// The second over the first.
    pub ratio: Option<f64>,
    /// The least ratio of a round.
    pub ratio_min: Option<f64>,
    /// The greatest ratio of a round.
    pub ratio_max: Option<f64>,
    /// Processor time of a run, milliseconds: the only time that counts where both compute on a shared processor.
    pub ours_cpu_ms: Option<f64>,
    /// Of the peer's.
    pub peer_cpu_ms: Option<f64>,
    /// The second over the first.
    pub cpu_ratio: Option<f64>,
    /// The least of a round.
    pub cpu_ratio_min: Option<f64>,
    /// The greatest of a round.
    pub cpu_ratio_max: Option<f64>,
    /// Images a second where runs do not wait for one another.
    pub ours_stream_images_per_s: Option<f64>,
    /// Of the peer's.
    pub peer_stream_images_per_s: Option<f64>,
    /// Ours over the peer's, so that above 1 Triaxis is faster here, too.
    pub stream_ratio: Option<f64>,
    /// What a user waits for the first result of the first round, milliseconds.
    pub ours_first_ms: Option<f64>,
    /// Of the peer's.
    pub peer_first_ms: Option<f64>,
    /// The network.
    pub model: String,
    /// Side of the pictures, pixels.
    pub resolution: usize,
    /// Pictures of a batch.
    pub batch: usize,
    /// How activations are stored.
    pub precision: String,
    /// Our library, version and backend.
    pub device: String,
    /// Our adapter.
    pub adapter: String,
    /// Its driver.
    pub driver: String,
    /// The peer's library, version and backend.
    pub peer_device: String,
    /// The peer's adapter.
    pub peer_adapter: String,
    /// Our sources' commit.
    pub commit: String,
    /// Why there is no ratio.
    pub problem: String,
}

impl Ratio {
    /// Of the rounds in which both were measured; `problem` says why there are fewer than planned, if so.
    pub fn of(question: &Question, peer: &str, rounds: &[(Row, Row)], problem: String) -> Self {
        let spread = |number: fn(&Row) -> Option<f64>| {
            let pairs = rounds
                .iter()
                .filter_map(|(ours, peer)| Some((number(ours)?, number(peer)?)));
            Spread::of(
                pairs
                    .filter(|&(ours, peer)| ours > 0.0 && peer > 0.0)
                    .collect(),
            )
        };
        let wall = spread(|row| row.median_ms);
        let cpu = spread(|row| row.cpu_median_ms);
        let stream = spread(|row| row.stream_images_per_s);
        let (ours, theirs) = rounds.first().cloned().unwrap_or_default();
        Self {
            suite: question.suite.into(),
            case: question.case(),
            peer: peer.into(),
            rounds: rounds.len(),
            ours_ms: wall.ours,
            peer_ms: wall.peer,
            ratio: wall.ratio,
            ratio_min: wall.least,
            ratio_max: wall.most,
            ours_cpu_ms: cpu.ours,
            peer_cpu_ms: cpu.peer,
            cpu_ratio: cpu.ratio,
            cpu_ratio_min: cpu.least,
            cpu_ratio_max: cpu.most,
            ours_stream_images_per_s: stream.ours,
            peer_stream_images_per_s: stream.peer,
            stream_ratio: stream.ratio.map(|ratio| round(1.0 / ratio)),
            ours_first_ms: ours.first_ms,
            peer_first_ms: theirs.first_ms,
            model: question.model.clone(),
            resolution: question.resolution,
            batch: question.batch,
            precision: question.precision.into(),
            device: ours.device,
            adapter: ours.adapter,
            driver: ours.driver,
            peer_device: theirs.device,
            peer_adapter: theirs.adapter,
            commit: ours.commit,
            problem,
        }
    }
}

impl Ratio {
    /// Ours of every round, where there is no peer.
    pub fn alone(question: &Question, rounds: &[Row]) -> Self {
        let none = |ours: &Row| (ours.clone(), Row::default());
        let pairs: Vec<(Row, Row)> = rounds.iter().map(none).collect();
        let problem = rounds.last().map(|row| row.problem.clone());
        let middle = |number: fn(&Row) -> Option<f64>| {
            let numbers: Vec<f64> = rounds.iter().filter_map(number).collect();
            median(&numbers).map(round)
        };
        Self {
            ours_ms: middle(|row| row.median_ms),
            ours_cpu_ms: middle(|row| row.cpu_median_ms),
            ours_stream_images_per_s: middle(|row| row.stream_images_per_s),
            ..Self::of(question, "", &pairs, problem.unwrap_or_default())
        }
    }
}

/// The medians of both, their ratio, and the least and greatest ratio of a round.
#[derive(Default)]
struct Spread {
    ours: Option<f64>,
    peer: Option<f64>,
    ratio: Option<f64>,
    least: Option<f64>,
    most: Option<f64>,
}

impl Spread {
    fn of(pairs: Vec<(f64, f64)>) -> Self {
        let (ours, theirs): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let ratios: Vec<f64> = pairs.iter().map(|(ours, peer)| peer / ours).collect();
        let Some(((ours, peer), (least, most))) =
            median(&ours).zip(median(&theirs)).zip(extremes(&ratios))
        else {
            return Self::default();
        };
        let some = |x| Some(round(x));
        Self {
            ours: some(ours),
            peer: some(peer),
            ratio: some(peer / ours),
            least: some(least),
            most: some(most),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_of_the_medians_and_its_spread_of_the_rounds() {
        let row = |ms: f64, cpu: Option<f64>, first: f64| Row {
            median_ms: Some(ms),
            cpu_median_ms: cpu,
            first_ms: Some(first),
            stream_images_per_s: Some(1e3 / ms),
            ..Row::default()
        };
        let rounds = [
            (row(10.0, Some(8.0), 90.0), row(20.0, None, 900.0)),
            (row(12.0, Some(8.0), 11.0), row(18.0, Some(40.0), 19.0)),
            (row(11.0, Some(8.0), 11.0), row(44.0, Some(24.0), 19.0)),
        ];
        let ratio = Ratio::of(&Question::default(), "other", &rounds, String::new());
        assert_eq!([ratio.ours_ms, ratio.peer_ms], [Some(11.0), Some(20.0)]);
        let spread = [ratio.ratio, ratio.ratio_min, ratio.ratio_max];
        assert_eq!(spread, [Some(1.8182), Some(1.5), Some(4.0)]);
        // The round in which one of them did not tell counts for neither.
        let spread = [ratio.cpu_ratio, ratio.cpu_ratio_min, ratio.cpu_ratio_max];
        assert_eq!(spread, [Some(4.0), Some(3.0), Some(5.0)]);
        assert_eq!(ratio.stream_ratio, Some(1.8182));
        assert_eq!(
            [ratio.ours_first_ms, ratio.peer_first_ms],
            [Some(90.0), Some(900.0)]
        );

        let ours = rounds.map(|(ours, _)| ours);
        let alone = Ratio::alone(&Question::default(), &ours);
        assert_eq!((alone.rounds, alone.ours_ms), (3, Some(11.0)));
        assert_eq!((alone.ours_cpu_ms, alone.ratio), (Some(8.0), None));

        let none = Ratio::of(&Question::default(), "other", &[], "not here".into());
        assert_eq!((none.rounds, none.ratio, none.cpu_ratio), (0, None, None));
    }
}
