//! ONNX files wherever a trained network is asked for.

use std::fs;

use serde_json::Value;

use crate::pictures::png;
use crate::support::{Place, Ran, run};

/// A folder with a short run in `output/tiny`, the same network as `tiny.onnx`, and a picture.
fn exported() -> Place {
    let place = Place::new();
    run(place.tiny("--epochs 1 --img-size 12")).done();
    place.write("x.png", png(17, 15));
    let export = "export --weights output/tiny --out tiny.onnx --no-fold";
    run(place.program(export)).done();
    place
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran}"))
}

#[test]
fn an_exported_file_answers_as_the_run_does() {
    let place = exported();
    let ask = |words: &str| run(place.program(words)).done();
    let of_run = json(&ask("predict --weights output/tiny --json x.png"));
    for network in ["--model tiny.onnx", "--weights tiny.onnx"] {
        let ran = ask(&format!("predict {network} --json x.png"));
        assert!(!ran.stderr.contains("does not say"), "{ran}");
        let of_file = json(&ran);
        for place in 0..5 {
            let [run, file] = [&of_run, &of_file].map(|answer| &answer[0]["top"][place]);
            assert_eq!(run["label"], file["label"]);
            let [run, file] = [run, file].map(|top| top["probability"].as_f64().unwrap());
            assert!((run - file).abs() < 1e-4, "{run} and {file}");
        }
    }
    // The file says which network, the checkpoint has the numbers.
    let both = "--model tiny.onnx --weights output/tiny";
    ask(&format!(
        "extract {both} --node classifier --out f.npy x.png"
    ));
    ask(&format!("predict {both} x.png"));

    let data = "--data-dir synthetic:64 --json";
    let hits = |network: &str| json(&ask(&format!("validate {network} {data}")))["top1"].clone();
    assert_eq!(hits("--weights output/tiny"), hits("--model tiny.onnx"));
    let maps = json(&ask("cam --model tiny.onnx --output maps --json x.png"));
    assert_eq!(maps[0]["network"], "tiny");
    let listed = ask("extract --model tiny.onnx --list");
    assert!(
        listed.stdout.contains("blocks.0.1.se.conv_reduce"),
        "{listed}"
    );
    ask("extract --model tiny.onnx --node blocks.0 --out f.safetensors x.png");
}

#[test]
fn costs_and_times_need_the_network_alone() {
    let place = exported();
    let ask = |words: &str| json(&run(place.program(words)).done());
    let [of_spec, of_file] =
        ["tiny.toml", "tiny.onnx"].map(|network| ask(&format!("info {network} --json")));
    for key in ["flops", "params", "acts", "resolution", "num_classes"] {
        assert_eq!(of_spec[key], of_file[key], "{key}");
    }
    assert!(of_file["memory"]["train"].as_u64() > Some(0), "{of_file}");
    let rows = ask("bench models --model tiny.onnx --batch-size 2 --runs 1 --json");
    assert_eq!(rows[0]["model"], "tiny");
    assert!(rows[0]["median_ms"].as_f64() > Some(0.0), "{rows}");
}

#[test]
fn what_is_no_network_here_is_refused_with_what_to_do() {
    let place = exported();
    let whole = fs::read(place.path().join("tiny.onnx")).unwrap();
    place.write("half.onnx", &whole[..whole.len() / 2]);
    place.write("text.onnx", "no network");
    // An operator of the same length that is not taken.
    let at = whole.windows(4).rposition(|w| w == b"Gemm").unwrap();
    let mut odd = whole;
    odd[at..at + 4].copy_from_slice(b"Germ");
    place.write("odd.onnx", odd);
    for (words, code, said) in [
        (
            "predict --model half.onnx x.png",
            4,
            ["half.onnx: ", "export it again"],
        ),
        (
            "predict --weights text.onnx x.png",
            4,
            ["text.onnx: ", "damaged or no ONNX file"],
        ),
        (
            "predict --model none.onnx x.png",
            4,
            ["none.onnx", "cannot be read"],
        ),
        (
            "info odd.onnx",
            4,
            ["one of its nodes", "an operator that is taken"],
        ),
        (
            "predict --model resnet18 x.png",
            2,
            ["--weights: it is not given", "an ONNX file as --model"],
        ),
        (
            "extract --model tiny.onnx --stage 1 --out f.npy x.png",
            2,
            ["--stage 1: tiny has no stages", "--list"],
        ),
    ] {
        run(place.program(words)).refused(code, &said);
    }
}
