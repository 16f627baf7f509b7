//! Peers beside ours: ratios with their spread.

use super::super::compare::Ratio;
use super::{Clock, escape, table, told};
use crate::report::chart::{STYLE, put};

const ROW: f64 = 24.0;
const LEFT: f64 = 370.0;
const WIDTH: f64 = 900.0;
const RIGHT: f64 = 90.0;

pub(super) fn html(ratios: &[Ratio], clock: Clock) -> String {
    if ratios.is_empty() {
        return String::new();
    }
    let [ours, theirs] = match clock {
        Clock::Wall => ["ours ms", "its ms"],
        Clock::Processor => ["ours, processor ms", "its"],
    };
    let heads = [
        "case",
        "peer",
        "rounds",
        ours,
        theirs,
        "ratio",
        "least",
        "most",
        "first, ours s",
        "its",
        "peer's device",
    ];
    let lines: Vec<Vec<String>> = ratios
        .iter()
        .map(|ratio| {
            let [middle, least, most] = spread(ratio, clock);
            let [ours, theirs] = match clock {
                Clock::Wall => [ratio.ours_ms, ratio.peer_ms],
                Clock::Processor => [ratio.ours_cpu_ms, ratio.peer_cpu_ms],
            };
            let seconds = |ms: Option<f64>| told(ms.map(|ms| ms / 1e3));
            vec![
                escape(&format!("{} {}", ratio.suite, ratio.case)),
                escape(&ratio.peer),
                ratio.rounds.to_string(),
                told(ours),
                told(theirs),
                told(middle),
                told(least),
                told(most),
                seconds(ratio.ours_first_ms),
                seconds(ratio.peer_first_ms),
                escape(match ratio.problem.is_empty() {
                    true => &ratio.peer_device,
                    false => &ratio.problem,
                }),
            ]
        })
        .collect();
    format!(
        "<h2>Beside peers</h2>\n<div class=\"card\">{}</div>\n<p class=\"note\">The peer's time over ours, of the medians of rounds run \
         in turn; the line is from the least to the greatest of a round. Right of 1, Triaxis needs less.</p>\n{}",
        picture(ratios, clock),
        table(&heads, &lines)
    )
}

fn spread(ratio: &Ratio, clock: Clock) -> [Option<f64>; 3] {
    match clock {
        Clock::Wall => [ratio.ratio, ratio.ratio_min, ratio.ratio_max],
        Clock::Processor => [ratio.cpu_ratio, ratio.cpu_ratio_min, ratio.cpu_ratio_max],
    }
}

/// A row a ratio, over a logarithmic axis with 1 on it.
fn picture(ratios: &[Ratio], clock: Clock) -> String {
    let known: Vec<(&Ratio, [f64; 3])> = ratios
        .iter()
        .filter_map(|ratio| match spread(ratio, clock) {
            [Some(middle), Some(least), Some(most)] if least > 0.0 => {
                Some((ratio, [middle, least, most]))
            }
            _ => None,
        })
        .collect();
    let ends = known
        .iter()
        .flat_map(|(_, [_, least, most])| [*least, *most]);
    let (low, high) = ends.fold((0.5_f64, 2.0_f64), |(low, high), x| {
        (low.min(x), high.max(x))
    });
    let (low, high) = (low.log2().floor(), high.log2().ceil());
    let at = |ratio: f64| LEFT + (ratio.log2() - low) / (high - low) * (WIDTH - LEFT - RIGHT);
    let height = 40.0 + ROW * known.len() as f64 + 10.0;
    let mut svg = format!(
        "<svg class=\"tx\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"ratios beside peers\"><style>{STYLE}</style>\n"
    );
    for power in low as i32..=high as i32 {
        let (x, class) = (at(2f64.powi(power)), if power == 0 { "a" } else { "g" });
        let text = match power {
            0.. => format!("{}", 2f64.powi(power)),
            _ => format!("1/{}", 2f64.powi(-power)),
        };
        put(
            &mut svg,
            format_args!(
                "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"30\" y2=\"{}\"/>",
                height - 8.0
            ),
        );
        put(
            &mut svg,
            format_args!("<text x=\"{x:.1}\" y=\"20\" text-anchor=\"middle\">{text}</text>"),
        );
    }
    for (i, (ratio, [middle, least, most])) in known.iter().enumerate() {
        let y = 46.0 + ROW * i as f64;
        let name = escape(&format!("{} {} / {}", ratio.suite, ratio.case, ratio.peer));
        let colour = if *middle < 1.0 {
            "var(--c1)"
        } else {
            "var(--c0)"
        };
        put(
            &mut svg,
            format_args!(
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
                LEFT - 14.0,
                y + 4.0
            ),
        );
        put(
            &mut svg,
            format_args!(
                "<line class=\"l\" stroke=\"{colour}\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y}\" y2=\"{y}\"/>",
                at(*least),
                at(*most)
            ),
        );
        put(
            &mut svg,
            format_args!(
                "<circle cx=\"{:.1}\" cy=\"{y}\" r=\"4.5\" fill=\"{colour}\"/>",
                at(*middle)
            ),
        );
        put(
            &mut svg,
            format_args!(
                "<text class=\"v\" x=\"{:.1}\" y=\"{:.1}\" style=\"fill:{colour}\">{middle:.2}</text>",
                at(*most) + 10.0,
                y + 4.0
            ),
        );
    }
    svg + "</svg>\n"
}
