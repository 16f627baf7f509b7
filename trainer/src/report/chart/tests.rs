use super::*;

fn chart(points: &[(f64, f64)]) -> Chart {
    let series = Series {
        name: "loss & <more>".into(),
        points: points.to_vec(),
        ..Series::default()
    };
    Chart {
        title: "Loss".into(),
        x_label: "epochs done".into(),
        series: vec![series.clone(), series],
        ..Chart::default()
    }
}

#[test]
fn every_point_lies_inside_the_picture_and_a_gap_stays_a_gap() {
    let svg = line_chart(&chart(&[
        (1.0, 2.3),
        (2.0, f64::NAN),
        (3.0, 1.5),
        (4.0, 0.4),
    ]));
    let path = svg
        .split(" d=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap();
    assert_eq!(path.matches('M').count(), 2, "{path}");
    for number in path.split(['M', 'L', ' ']).filter(|text| !text.is_empty()) {
        let number: f64 = number.parse().unwrap();
        assert!((0.0..=WIDTH).contains(&number), "{number} in {path}");
    }
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    assert!(svg.contains("loss &amp; &lt;more&gt;"));
}

#[test]
fn charts_of_one_point_or_none_are_drawn() {
    for points in [
        vec![],
        vec![(1.0, 0.5)],
        vec![(1.0, 0.0)],
        vec![(1.0, 3.0), (2.0, 3.0)],
        vec![(1.0, f64::INFINITY)],
    ] {
        let svg = line_chart(&chart(&points));
        assert!(
            !svg.contains("NaN") && !svg.contains("inf"),
            "{points:?}: {svg}"
        );
        assert!(svg.trim_end().ends_with("</svg>"));
    }
}

#[test]
fn the_values_at_the_right_edge_do_not_overlap() {
    let svg = line_chart(&chart(&[(1.0, 1.0), (2.0, 0.0)]));
    let heights: Vec<f64> = svg
        .lines()
        .filter(|line| line.contains("class=\"v\""))
        .map(|line| {
            line.split(" y=\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next())
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    assert_eq!(heights.len(), 2);
    assert!(
        (heights[0] - heights[1]).abs() >= SPACING - 0.1,
        "{heights:?}"
    );
}

#[test]
fn the_axis_has_ticks_between_whole_numbers_where_values_are_there() {
    let ticks = |fractions| {
        let svg = line_chart(&Chart {
            fractions,
            ..chart(&[(0.2, 1.0), (0.9, 2.0)])
        });
        svg.matches("text-anchor=\"middle\">0.").count()
    };
    assert!(ticks(true) >= 4);
    assert_eq!(ticks(false), 0);
}

#[test]
fn dots_are_points_alone_and_what_has_no_name_is_not_in_the_legend() {
    let series = |name: &str, dots| Series {
        name: name.into(),
        points: vec![(1.0, 1.0), (2.0, 3.0)],
        dots,
        ..Series::default()
    };
    let svg = line_chart(&Chart {
        series: vec![
            series("curve", false),
            series("", false),
            series("trials", true),
        ],
        ..Chart::default()
    });
    assert_eq!(svg.matches("<path").count(), 2, "{svg}");
    // Two points of each, and the one that stands for the dots in the legend.
    assert_eq!(svg.matches("<circle").count(), 7, "{svg}");
    assert_eq!(svg.matches("class=\"v\"").count(), 1, "{svg}");
    assert!(svg.contains(">curve<") && svg.contains(">trials<"), "{svg}");
}

#[test]
fn the_last_value_hides_no_point_that_stands_alone() {
    let alone = |x, y| Series {
        name: "others".into(),
        points: vec![(0.0, 0.0), (10.0, 10.0), (x, y)],
        dots: true,
        ..Series::default()
    };
    let line = Series {
        name: "chosen".into(),
        points: vec![(4.0, 6.0), (5.0, 5.0)],
        ..Series::default()
    };
    let at = |others: Series| -> (f64, f64) {
        let svg = line_chart(&Chart {
            series: vec![line.clone(), others],
            ..Chart::default()
        });
        let text = svg.lines().find(|l| l.contains("class=\"v\"")).unwrap();
        let number = |key: &str| {
            let (_, rest) = text.split_once(key).unwrap();
            rest.split('"').next().unwrap().parse().unwrap()
        };
        (number(" x=\""), number(" y=\""))
    };
    let (free, hiding) = (at(alone(1.0, 9.0)), at(alone(5.3, 5.0)));
    assert!(
        hiding.0 < free.0 && hiding.1 < free.1,
        "{free:?} {hiding:?}"
    );
}
