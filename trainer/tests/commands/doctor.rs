//! `triaxis doctor`: with an adapter, and with none.

use crate::support::{error, json, run, triaxis};

#[test]
fn doctor_finds_every_kernel_right() {
    // Any one adapter will do, and the software driver's variants are as good as a card's.
    let output = run(&["doctor", "--adapter", "0", "--json"]);
    let report = json(&output);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert_eq!(report["ok"], true);
    let adapter = &report["adapters"][0];
    assert!(
        adapter["limits"]["binding_bytes"].as_u64().unwrap() >= 128 << 20,
        "{adapter:#}"
    );
    let tests = adapter["tests"].as_array().unwrap();
    for variant in ["tiled", "blocked"] {
        assert!(tests.iter().filter(|t| t["variant"] == variant).count() > 30);
    }
}

#[test]
fn doctor_without_a_driver_says_what_to_install() {
    let none = |arguments: &[&str]| {
        // The loader's names for the list of drivers, new and old.
        triaxis(arguments)
            .env("VK_DRIVER_FILES", "/nonexistent")
            .env("VK_ICD_FILENAMES", "/nonexistent")
            .output()
            .unwrap()
    };
    // Only Vulkan can be hidden so.
    if cfg!(any(windows, target_os = "macos")) {
        return;
    }
    let output = none(&["doctor"]);
    let text = error(&output, 5);
    assert!(
        text.contains("mesa-vulkan-drivers") && output.stdout.is_empty(),
        "{text}"
    );
    let output = none(&["doctor", "--json"]);
    error(&output, 5);
    assert_eq!(json(&output)["adapters"], serde_json::json!([]));
    let text = error(&run(&["doctor", "--adapter", "no such card"]), 5);
    assert!(text.contains("no adapter is called no such card"), "{text}");
}
