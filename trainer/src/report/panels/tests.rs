use super::*;

fn figure() -> Panels {
    let curve = |look: usize, power: f64| Curve {
        name: format!("c{look}"),
        remark: format!("{power}"),
        look,
        points: [1.0, 8.0, 64.0]
            .map(|x: f64| (0.4 * x, 7.0 * x.powf(power)))
            .to_vec(),
        ..Curve::default()
    };
    let panel = Panel {
        title: "a & b".into(),
        y_label: "acts (10⁶)".into(),
        curves: vec![curve(0, 0.5), curve(1, 0.98), curve(2, 1.0)],
        ..Panel::default()
    };
    Panels {
        title: "Growth".into(),
        caption: "What is shown here takes more than a line of the picture, so that it is broken into several.".into(),
        across: 2,
        field: (200.0, 150.0),
        x_label: "flops (10⁹)".into(),
        legend: vec![(0, "c0: one".into()), (2, "c2: three".into())],
        panels: vec![panel.clone(), panel],
    }
}

/// The values of an attribute in elements that hold `part`.
fn values(svg: &str, part: &str, attribute: &str) -> Vec<f64> {
    let key = format!(" {attribute}=\"");
    svg.lines()
        .filter(|line| line.contains(part))
        .flat_map(|line| line.split(key.as_str()).skip(1))
        .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
        .collect()
}

#[test]
fn straight_lines_in_logarithms_are_straight_in_the_picture() {
    let svg = panels(&figure());
    let path = svg
        .split(" d=\"M")
        .filter_map(|rest| rest.split('"').next())
        .find(|path| path.contains('L') && !path.contains('<'))
        .unwrap();
    let points: Vec<Vec<f64>> = path
        .split('L')
        .map(|p| p.split(' ').map(|n| n.parse().unwrap()).collect())
        .collect();
    assert_eq!(points.len(), 3, "{path}");
    let slope = |a: &[f64], b: &[f64]| (b[1] - a[1]) / (b[0] - a[0]);
    let difference = slope(&points[0], &points[1]) - slope(&points[1], &points[2]);
    assert!(difference.abs() < 0.01, "{path}");
}

#[test]
fn names_at_the_ends_of_curves_do_not_overlap() {
    let svg = panels(&figure());
    let heights = values(&svg, "class=\"n\"", "y");
    assert_eq!(heights.len(), 6, "{svg}");
    for pair in heights[..3].windows(2) {
        assert!(pair[1] - pair[0] >= 13.9, "{heights:?}");
    }
}

#[test]
fn ticks_are_round_numbers_within_the_axis() {
    let axis = Axis::over([0.386, 24.6].into_iter(), Scale::Logarithmic);
    let ticks = axis.on(0.0, 100.0).ticks();
    let texts: Vec<&str> = ticks.iter().map(|tick| tick.1.as_str()).collect();
    assert_eq!(texts, ["0.5", "1", "2", "5", "10", "20"]);
    assert!(ticks.iter().all(|tick| (0.0..=100.0).contains(&tick.0)));
    let wide = Axis::over([1.0, 1e5].into_iter(), Scale::Logarithmic);
    assert_eq!(wide.on(0.0, 1.0).ticks().len(), 6);
}

#[test]
fn a_figure_of_nothing_is_drawn_and_texts_are_escaped() {
    for figure in [Panels::default(), figure()] {
        let svg = panels(&figure);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert!(svg.trim_end().ends_with("</svg>"));
    }
    assert!(panels(&figure()).contains("a &amp; b"));
}

#[test]
fn a_linear_axis_and_a_narrow_logarithmic_one_have_evenly_spaced_ticks() {
    for (scale, least) in [(Scale::Linear, 3), (Scale::Logarithmic, 3)] {
        let axis = Axis::over([16.5, 24.8].into_iter(), scale);
        let ticks = axis.on(0.0, 300.0).ticks();
        assert!(ticks.len() >= least, "{ticks:?}");
        let numbers: Vec<f64> = ticks.iter().map(|tick| tick.1.parse().unwrap()).collect();
        let steps: Vec<f64> = numbers.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(
            steps.iter().all(|step| (step - steps[0]).abs() < 1e-9),
            "{numbers:?}"
        );
        assert!(
            ticks.windows(2).all(|pair| pair[0].0 < pair[1].0),
            "{ticks:?}"
        );
    }
}

#[test]
fn panels_with_axes_of_their_own_have_names_and_numbers_of_their_own() {
    let mut figure = figure();
    figure.panels[0].x_label = "params (M)".into();
    figure.panels[1].x_label = "flops (B)".into();
    figure.panels[1].y_label = "error (%)".into();
    figure.panels[1].y_scale = Scale::Linear;
    figure.panels.push(Panel::default());
    let svg = panels(&figure);
    for label in ["params (M)", "flops (B)", "error (%)", "acts (10⁶)"] {
        assert_eq!(
            svg.matches(&format!(">{label}<")).count(),
            1,
            "{label}: {svg}"
        );
    }
    // The empty panel draws nothing.
    assert_eq!(svg.matches("class=\"f\"").count(), 2, "{svg}");
}

#[test]
fn marks_alone_have_no_line_and_a_line_alone_no_marks() {
    let mut figure = figure();
    figure.panels.truncate(1);
    figure.legend.clear();
    let lines = |figure: &Panels| panels(figure).matches("class=\"l\"").count();
    let marks = |figure: &Panels| panels(figure).matches("fill=\"#").count();
    assert_eq!(lines(&figure), 3);
    let before = marks(&figure);
    figure.panels[0].curves[0].drawn = Drawn::Marks;
    figure.panels[0].curves[1].drawn = Drawn::Line;
    assert_eq!(lines(&figure), 2);
    assert_eq!(marks(&figure), before - 3);
}
