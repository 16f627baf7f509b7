//! What the kernels of a run take: a row each, the longest first, and its launches in running order.

use triaxis_engine::{NodeId, Profile, ProfileRow};

use super::row::Work;
use super::{Bench, Row, extremes, median, round};

/// What a kernel runs for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Pictures to logits, and in training to the loss.
    #[default]
    Forward,
    /// The loss to the gradients.
    Backward,
    /// From the gradients on: their norm, new weights, averages, counts of what was right.
    Update,
}

impl Phase {
    /// `forward`, `backward` or `update`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Backward => "backward",
            Self::Update => "update",
        }
    }
}

/// One launch of a kernel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Launch {
    /// Its place in the plan, from 0.
    pub place: usize,
    /// What it runs for.
    pub phase: Phase,
    /// Milliseconds: its part of the median of the row.
    pub ms: f64,
    /// Workgroups.
    pub workgroups: u64,
    /// Bytes of its operands.
    pub bytes: u64,
    /// Multiply-adds.
    pub multiply_adds: u64,
}

/// A row for each kernel of each node, the longest first; one that was split into ranges of images counts once.
pub(super) fn kernels(
    bench: &Bench,
    begun: &Row,
    profiles: &[Profile],
    phase: impl Fn(NodeId) -> Phase,
) -> Vec<Row> {
    let Some(first) = profiles.first() else {
        return Vec::new();
    };
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let same = |a: &ProfileRow, b: &ProfileRow| a.path == b.path && a.kernel == b.kernel;
    for (i, row) in first.rows.iter().enumerate() {
        match groups.iter_mut().find(|g| same(&first.rows[g[0]], row)) {
            Some(group) => group.push(i),
            None => groups.push(vec![i]),
        }
    }
    let row = |group: Vec<usize>| {
        let sum = |p: &Profile| group.iter().map(|&i| p.rows[i].seconds).sum();
        let seconds: Vec<f64> = profiles.iter().map(sum).collect();
        let (middle, ends) = (median(&seconds).unwrap_or(f64::NAN), extremes(&seconds));
        let work = Work {
            multiply_adds: group.iter().map(|&i| first.rows[i].work).sum(),
            bytes: group.iter().map(|&i| first.rows[i].bytes).sum(),
            images: 0,
        };
        let ProfileRow { path, kernel, .. } = &first.rows[group[0]];
        let begun = Row {
            peak_gflop_per_s: Some(round(1e-9 * bench.peak.of(kernel.contains("cooperative")))),
            ..begun.clone()
        };
        let ms = round(1e3 * middle);
        Row {
            suite: format!("{}.kernel", begun.suite),
            kernel: format!("{path}/{kernel}"),
            place: group.first().copied(),
            clock: first.clock.into(),
            median_ms: Some(ms),
            min_ms: ends.map(|(least, _)| round(1e3 * least)),
            max_ms: ends.map(|(_, most)| round(1e3 * most)),
            reps: seconds.len(),
            dispatches: Some(group.len()),
            launches: launches(profiles, &group, ms, &phase),
            ..begun.rates(middle, work)
        }
    };
    by_time(groups.into_iter().map(row).collect())
}

/// The launches at these places of a plan, which take so many milliseconds together.
fn launches(
    profiles: &[Profile],
    places: &[usize],
    ms: f64,
    phase: impl Fn(NodeId) -> Phase,
) -> Vec<Launch> {
    let alone = |&place: &usize| {
        let seconds: Vec<f64> = profiles.iter().map(|p| p.rows[place].seconds).collect();
        median(&seconds).unwrap_or(0.0)
    };
    let seconds: Vec<f64> = places.iter().map(alone).collect();
    let total: f64 = seconds.iter().sum();
    let launch = |(&place, alone): (&usize, f64)| {
        // The median of sums is no sum of medians.
        let part = match total > 0.0 {
            true => alone / total,
            false => 1.0 / places.len() as f64,
        };
        let row = &profiles[0].rows[place];
        Launch {
            place,
            phase: phase(row.node),
            ms: ms * part,
            workgroups: row.workgroups,
            bytes: row.bytes,
            multiply_adds: row.work,
        }
    };
    places.iter().zip(seconds).map(launch).collect()
}

/// The longest first, with their shares of all. Those that take equally long stay in running order.
fn by_time(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by(|a, b| ms(b).total_cmp(&ms(a)));
    let total: f64 = rows.iter().map(ms).sum();
    let share = |part: f64| (total > 0.0).then(|| round(part / total));
    let mut so_far = 0.0;
    for row in &mut rows {
        let own = ms(row);
        so_far += own;
        row.time_share = share(own);
        row.cumulative_share = share(so_far);
    }
    rows
}

fn ms(row: &Row) -> f64 {
    row.median_ms.unwrap_or(0.0)
}

#[cfg(test)]
pub(super) mod tests {
    use triaxis_engine::{Graph, Mode, ops};

    use super::super::{Machine, Peak};
    use super::*;

    /// Three kernels, of which the first was split: places 0 and 1, 2, 3. Times are those of two runs.
    pub(crate) fn measured() -> Vec<Row> {
        let mut g = Graph::new(Mode::Train);
        let x = g.input("x", [1, 2, 2, 4]);
        for _ in 0..3 {
            ops::add(&mut g, x, x).unwrap();
        }
        let nodes: Vec<NodeId> = g.nodes().collect();
        let run = |seconds: [f64; 4]| {
            let row = |(i, seconds): (usize, f64)| ProfileRow {
                node: nodes[[0, 0, 1, 2][i]],
                path: ["stem.conv2d", "stem.conv2d", "head", "sgd"][i].into(),
                kernel: ["conv2d_blocked", "conv2d_blocked", "linear", "sgd"][i],
                seconds,
                workgroups: 7,
                work: 0,
                bytes: 100,
                class: None,
            };
            Profile {
                rows: seconds.into_iter().enumerate().map(row).collect(),
                clock: "timestamps",
            }
        };
        let profiles = [run([1e-6, 3e-6, 9e-6, 4e-6]), run([2e-6, 2e-6, 7e-6, 4e-6])];
        let bench = Bench {
            machine: Machine {
                adapter: "a card".into(),
                driver: "1.0".into(),
                backend: "vulkan".into(),
                commit: "abc".into(),
                version: "0",
            },
            copy_rate: 1e9,
            peak: Peak {
                registers: 1e9,
                matrices: None,
            },
        };
        let begun = Row {
            suite: "train".into(),
            case: "tiny_r12_b4_f32".into(),
            model: "tiny".into(),
            ..Row::default()
        };
        let phase = |node| match nodes.iter().position(|&known| known == node) {
            Some(0) => Phase::Forward,
            Some(1) => Phase::Backward,
            _ => Phase::Update,
        };
        kernels(&bench, &begun.on(&bench), &profiles, phase)
    }

    #[test]
    fn kernels_stand_by_their_time_with_their_share_of_all() {
        let rows = measured();
        let told: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.kernel.as_str(),
                    row.place,
                    row.median_ms,
                    row.time_share,
                )
            })
            .collect();
        // Two take equally long: the one that runs first stands first.
        assert_eq!(
            told,
            [
                ("head/linear", Some(2), Some(0.008), Some(0.5)),
                (
                    "stem.conv2d/conv2d_blocked",
                    Some(0),
                    Some(0.004),
                    Some(0.25)
                ),
                ("sgd/sgd", Some(3), Some(0.004), Some(0.25)),
            ]
        );
        let so_far: Vec<_> = rows.iter().map(|row| row.cumulative_share).collect();
        assert_eq!(so_far, [Some(0.5), Some(0.75), Some(1.0)]);
        assert_eq!(rows[1].dispatches, Some(2));
    }

    #[test]
    fn launches_share_the_time_of_their_kernel() {
        let rows = measured();
        let split = &rows[1].launches;
        assert_eq!([split[0].place, split[1].place], [0, 1]);
        // Medians of 1.5 and 2.5 of the 4 µs.
        for (launch, ms) in split.iter().zip([0.0015, 0.0025]) {
            assert!((launch.ms - ms).abs() < 1e-9, "{launch:?}");
        }
        assert_eq!((split[0].workgroups, split[0].bytes), (7, 100));
        assert_eq!(rows[0].launches[0].phase, Phase::Backward);
    }
}
