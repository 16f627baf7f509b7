//! `triaxis bench compare` with peers made of a few lines of shell, and `triaxis bench report`.

use std::fs;
use std::process::{Command, Output, Stdio};

use crate::browser::seen;
use crate::support::Place;

fn bench(place: &Place, options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_triaxis"))
        .current_dir(place.path())
        .arg("bench")
        .args(options)
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts")
}

/// A peer that answers round after round, slower by 100 ms each time.
const PATIENT: &str = r#"
echo suite,case,device,median_ms,cpu_median_ms,first_ms
ms=1000
while :; do
    echo "$1,$2_r$3_b$4_$5,patient 1.0,$ms.5,2000,9000"
    echo
    read -r _ || exit 0
    ms=$((ms + 100))
done
"#;

#[cfg(unix)]
#[test]
fn rounds_of_peers_alternate_with_ours() {
    let place = Place::new();
    place.write("patient.sh", PATIENT);
    place.write(
        "once.sh",
        "echo suite,case,median_ms\necho $1,tiny_r12_b2_f32,7\n",
    );
    place.write("broken.sh", "echo out of luck >&2\nexit 3\n");
    let asked = "{suite} {model} {resolution} {batch} {precision}";
    let peers = ["patient", "once", "broken"].map(|name| format!("{name}=sh {name}.sh {asked}"));
    let mut options = vec![
        "compare",
        "--model",
        "tiny.toml",
        "-b",
        "2",
        "--rounds",
        "2",
        "--runs",
        "1",
    ];
    options.extend([
        "--suite",
        "infer",
        "--python",
        "no-such-python",
        "--rows",
        "rows.csv",
        "--csv",
        "ratios.csv",
        "--json",
    ]);
    for peer in &peers {
        options.extend(["--peer", peer]);
    }
    options.extend(["--peer", "absent=./no-such-peer"]);
    let output = bench(&place, &options);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // All is told, and then that a peer that was given measured nothing.
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("error: --peer broken: it measured nothing: "),
        "{said}"
    );
    assert!(
        said.contains("install Python 3 and name it by --python"),
        "{said}"
    );

    let ratios: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    let of = |name: &str| ratios.iter().find(|ratio| ratio["peer"] == name).unwrap();
    let number = |ratio: &serde_json::Value, key: &str| ratio[key].as_f64().unwrap();
    let patient = of("patient");
    assert_eq!(
        [&patient["rounds"], &patient["peer_ms"]],
        [2.0, 1050.5],
        "{patient}"
    );
    let [least, middle, most] = ["ratio_min", "ratio", "ratio_max"].map(|key| number(patient, key));
    assert!(
        0.0 < least && least <= middle && middle <= most,
        "{patient}"
    );
    assert_eq!(patient["peer_first_ms"], 9000.0);
    // The second is started anew for its second round; it never tells processor time.
    assert_eq!([&of("once")["rounds"], &of("once")["peer_ms"]], [2.0, 7.0]);
    assert!(of("once")["cpu_ratio"].is_null());
    let problem = |name: &str| of(name)["problem"].as_str().unwrap().to_owned();
    assert!(
        problem("broken").contains("exit status: 3): out of luck"),
        "{}",
        problem("broken")
    );
    assert!(
        problem("absent").contains("./no-such-peer does not start"),
        "{}",
        problem("absent")
    );

    // Ours and theirs of both rounds, under the columns of `bench`.
    let rows = fs::read_to_string(place.path().join("rows.csv")).unwrap();
    let devices: Vec<&str> = rows
        .lines()
        .skip(1)
        .map(|row| row.split(',').nth(2).unwrap())
        .collect();
    assert_eq!(devices.len(), 6, "{rows}");
    assert!(
        devices[0].starts_with("triaxis") && devices[3].starts_with("triaxis"),
        "{rows}"
    );
    assert_eq!([devices[1], devices[4]], ["patient 1.0"; 2]);

    // Both files make a page.
    let output = bench(
        &place,
        &["report", "ratios.csv", "rows.csv", "--out", "page.html"],
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(output.stdout, b"page.html\n");
    let html = fs::read_to_string(place.path().join("page.html")).unwrap();
    assert!(
        html.contains("<title>ratios · Triaxis</title>") && html.contains("patient"),
        "{html}"
    );
    assert!(
        html.contains("infer tiny_r12_b2_f32 / patient</text>"),
        "{html}"
    );
    seen(
        &place.path().join("page.html"),
        &["<svg", "<circle", "<tr", "<h2", "<text", "</footer>"],
    );
}

#[test]
fn without_peers_our_own_times_are_told() {
    let place = Place::new();
    let options = "compare --model tiny.toml -b 2 --rounds 2 --runs 1 --suite infer --python no-such-python --json";
    let options: Vec<&str> = options.split_whitespace().collect();
    let output = bench(&place, &options);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let ratios: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(ratios.len(), 1, "{ratios:?}");
    assert_eq!(
        [&ratios[0]["peer"], &ratios[0]["case"]],
        ["", "tiny_r12_b2_f32"]
    );
    assert!(ratios[0]["ours_ms"].as_f64().unwrap() > 0.0, "{ratios:?}");
}

/// Stands in for the program: nothing can be measured, pictures are named.
#[cfg(target_os = "linux")]
const BROKEN: &str = r#"#!/bin/sh
case "$*" in
    *scaling*) kill -KILL $$ ;;
    "bench report"*) echo "$@" >page.txt ;;
    bench*) exit 3 ;;
    predict*) echo "   50.00 %  cat" ;;
esac
"#;

#[cfg(target_os = "linux")]
#[test]
fn the_script_for_a_gpu_goes_on_where_a_step_fails() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new();
    place.write("triaxis", BROKEN);
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(place.path().join("triaxis"), executable).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/peers/run.sh");
    let output = Command::new("bash")
        .args([script, "folder", "./triaxis"])
        .env("PRECISION", "f32")
        .current_dir(place.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let read = |name: &str| fs::read_to_string(place.path().join(name)).unwrap();
    assert_eq!(read("folder/log.txt"), said);
    for ending in [3, 137] {
        assert!(said.contains(&format!("ended with {ending}\n")), "{said}");
    }
    let predicted = read("folder/predict.csv");
    let row: Vec<&str> = predicted.lines().nth(1).unwrap().split(',').collect();
    assert_eq!(row[..2], ["predict", "efficientnet_b0_r224_b1_f32"]);
    assert!(row[3].parse::<f64>().unwrap() > 0.0, "{predicted}");
    // Of what there is, and of nothing else, a page.
    let asked = read("page.txt");
    assert!(
        asked.starts_with("bench report folder/predict.csv --out folder/page.html"),
        "{asked}"
    );
}

#[test]
fn what_cannot_be_compared_or_shown_is_refused() {
    let place = Place::new();
    place.write("other.csv", "a,b\n1,2\n");
    for (options, said) in [
        (
            &["compare", "--peer", "nameless"][..],
            "expected NAME=COMMAND",
        ),
        (
            &["compare", "--python", "none", "--only", "torch"],
            "no peer is called torch. There are",
        ),
        (&["compare", "--minutes", "0"], "0 is no time"),
        (&["compare", "--amp", "--no-fuse"], "cannot be used with"),
        (&["report", "--out", "page.html"], "required"),
        (
            &["report", "none.csv", "--out", "page.html"],
            "error: none.csv: cannot be read: ",
        ),
        (
            &["report", "other.csv", "--out", "page.html"],
            "no columns suite and case",
        ),
    ] {
        let output = bench(&place, options);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{options:?}: {text}");
        assert!(text.contains(said), "{options:?}: {text}");
        assert!(output.stdout.is_empty(), "{options:?}");
    }
}
