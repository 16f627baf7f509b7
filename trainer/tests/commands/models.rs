//! Names of models: which there are, and what a wrong one brings.

use crate::support::{error, json, run};

#[test]
fn an_unknown_model_brings_the_likely_one() {
    let text = error(&run(&["info", "efficentnet_b0"]), 2);
    assert!(text.contains("did you mean `efficientnet_b0`"), "{text}");
    let text = error(&run(&["info", "no/such.toml"]), 2);
    assert!(text.contains("no/such.toml"), "{text}");
    let text = error(&run(&["info", "resnet18", "--img-size", "0"]), 2);
    assert!(text.contains("resolution is 0"), "{text}");
    assert_eq!(
        run(&["info", "resnet18", "--image-size", "5"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn models_lists_the_zoo() {
    let models = json(&run(&["models", "--json"]));
    let models = models.as_array().unwrap();
    let b0 = models
        .iter()
        .find(|m| m["model"] == "efficientnet_b0")
        .unwrap();
    assert_eq!([&b0["resolution"], &b0["params"]], [224, 5_288_548]);
    assert!(models.len() > 40);
    assert_eq!(
        [&b0["status"], &b0["aliases"][0]],
        ["released", "EN-B0"],
        "{b0}"
    );
    let scaled = models
        .iter()
        .find(|m| m["model"] == "regnetz_500mf@4gf")
        .unwrap();
    assert_eq!(scaled["status"], "fitted");
    assert_eq!(scaled["scaled_from"]["model"], "regnetz_500mf");
    assert_eq!(scaled["scaled_from"]["factor"], 8.25);
    let text = String::from_utf8(run(&["models"]).stdout).unwrap();
    assert!(
        text.contains("385,825,092") && text.contains("tinynet_e"),
        "{text}"
    );
    assert!(text.contains("regnetz_500mf × 8.25, fitted\n"), "{text}");
    let help = String::from_utf8(run(&["models", "--help"]).stdout).unwrap();
    for text in [text, help] {
        assert!(
            text.contains("  reconstructed  not released whole;"),
            "{text}"
        );
    }
}

#[test]
fn a_model_is_found_by_its_papers_name_in_any_case() {
    for name in ["EN-B0->16GF", "en-b0->16gf", "efficientnet_b0@16gf"] {
        let info = json(&run(&["info", name, "--json"]));
        assert_eq!(info["model"], "efficientnet_b0@16gf");
        assert_eq!(info["params"], 122_845_520);
    }
}
