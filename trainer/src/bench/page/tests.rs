use super::*;
use crate::bench::compare::Ratio;
use crate::bench::{Row, RowFile};

fn written<R: serde::Serialize + Default>(rows: &[R]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = format!("{}\n{}", RowFile::<R>::header(), RowFile::lines(rows));
    std::fs::write(file.path(), text).unwrap();
    file
}

fn run(model: &str, resolution: usize, ms: f64) -> Row {
    Row {
        suite: "train".into(),
        case: format!("{model}_r{resolution}_b4_f32"),
        device: "triaxis-0.1.0-vulkan".into(),
        median_ms: Some(4.0 * ms),
        cpu_median_ms: Some(2.0),
        moved_bytes: Some(1_000_000),
        model: model.into(),
        resolution,
        batch: 4,
        precision: "f32".into(),
        adapter: "Adapter <1>".into(),
        ..Row::default()
    }
}

fn kernel(name: &str, ms: f64, gflop: Option<f64>) -> Row {
    Row {
        suite: "train.kernel".into(),
        kernel: name.into(),
        median_ms: Some(ms),
        min_ms: Some(0.5 * ms),
        gflop_per_s: gflop,
        copy_gb_per_s: Some(10.0),
        peak_gflop_per_s: Some(250.0),
        clock: "timestamps".into(),
        ..run("efficientnet_b0", 64, 1.0)
    }
}

#[test]
fn a_page_shows_what_its_files_hold_and_needs_nothing_else() {
    // Time by activations exactly, so that r with them is 1.
    let mut runs = Vec::new();
    for resolution in [64, 128, 192] {
        let mut spec = triaxis_models::Spec::find("efficientnet_b0").unwrap();
        spec.resolution = resolution;
        let acts = spec.complexity().unwrap().acts as f64;
        runs.push(run("efficientnet_b0", resolution, 1e-6 * acts));
    }
    let kernels = [
        kernel("stem.conv/conv2d", 3.0, Some(20.0)),
        kernel("stem.conv/conv2d_grad_weight", 1.0, Some(5.0)),
        kernel("stages.0.depth/depthwise", 4.0, Some(1.0)),
        kernel("stem.norm/normalise", 2.0, None),
    ];
    let ratio = Ratio {
        suite: "train".into(),
        case: "efficientnet_b0_r64_b4_f32".into(),
        peer: "some-peer".into(),
        ratio: Some(2.5),
        ratio_min: Some(2.0),
        ratio_max: Some(3.0),
        ..Ratio::default()
    };
    // Rounds of one network, which tell nothing of size.
    runs.extend(
        [2.0, 3.0, 4.0]
            .map(|ms| run("resnet50", 64, ms))
            .map(|row| Row { batch: 8, ..row }),
    );
    let mut rows = Rows::default();
    rows.add(written(&runs).path()).unwrap();
    rows.add(written(&kernels).path()).unwrap();
    rows.add(written(&[ratio]).path()).unwrap();
    assert_eq!(
        [rows.runs.len(), rows.kernels.len(), rows.ratios.len()],
        [6, 4, 1]
    );

    let html = rows.html("a & b", Clock::Wall);
    for part in [
        "<title>a &amp; b · Triaxis</title>",
        "Adapter &lt;1&gt;",
        "some-peer",
        ">2.50</text>",
        "Time against activations",
        "<td>efficientnet</td><td>3</td><td>1.0000 [-1.0000, 1.0000]</td>",
        "a copy: 10 GB/s",
        "registers: 250 G operations/s",
        "<td>stem.conv</td><td>4.000</td><td>40.0 %</td>",
        "<td>conv2d</td><td>3.000</td><td>30.0 %</td>",
    ] {
        assert!(html.contains(part), "{part} in {html}");
    }
    // Nothing is fetched and nothing runs.
    for part in ["<script", "src=", "@import", "url(", "<link"] {
        assert!(!html.contains(part), "{part}");
    }
    assert_eq!(html.matches("<svg").count(), html.matches("</svg>").count());
    assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
    // One picture of ratios, three of sizes, one roofline with the three kernels that calculate.
    assert_eq!(html.matches("<svg").count(), 5);
    assert_eq!(html.matches("G operations/s</title>").count(), 3);

    let html = rows.html("a & b", Clock::Processor);
    assert!(html.contains("<td>stem.conv</td><td>2.000</td>"), "{html}");
}

#[test]
fn counts_of_a_file_go_before_those_of_a_name() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = "suite,case,median_ms,model,resolution,batch,flops,params,acts\n\
                train,x,1.0,resnet50,224,1,5,6,7\ntrain,y,1.0,../secret.toml,224,1,,,\n";
    std::fs::write(file.path(), text).unwrap();
    let mut rows = Rows::default();
    rows.add(file.path()).unwrap();
    let size = rows.runs[0].size.unwrap();
    assert_eq!([size.flops, size.params, size.acts], [5.0, 6.0, 7.0]);
    assert_eq!(rows.runs[1].size, None);

    std::fs::write(file.path(), "a,b\n1,2\n").unwrap();
    let error = rows.add(file.path()).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(
        error.to_string().contains("no columns suite and case"),
        "{error}"
    );
}
