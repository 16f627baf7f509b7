//! What a run takes of memory: as much as was predicted, and no more after two thousand steps than after five hundred.

use std::fs;
use std::thread;
use std::time::Duration;

use triaxis::{Gpu, GpuOptions, Recipe, Spec, memory_needed};

use crate::support::{Place, Running, run};

/// Pieces and bytes on the device after a step, as the program was asked to tell them.
fn allocated(stderr: &str, step: u64) -> Option<(u64, u64)> {
    let begin = format!("allocated after step {step}: ");
    let line = stderr.lines().find_map(|line| line.strip_prefix(&begin))?;
    let numbers: Vec<u64> = line
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    Some((numbers[0], numbers[1]))
}

#[test]
fn two_thousand_steps_take_no_more_memory_than_five_hundred() {
    let place = Place::new();
    let options =
        "--recipe everything.toml --data-dir synthetic:1600 --epochs 20 --log-interval 20";
    let mut command = place.tiny(options);
    command.env("TRIAXIS_COUNT_AT", "500,2000");
    let mut running = Running::start(command);
    let statm = format!("/proc/{}/statm", running.id());
    let log = place.run_folder("tiny").join("log.jsonl");
    let mut samples = Vec::new();
    running.until(|| {
        thread::sleep(Duration::from_millis(10));
        let lines = fs::read_to_string(&log).ok()?;
        let mut steps = lines
            .lines()
            .filter_map(|line| line.split("\"kind\":\"step\",\"step\":").nth(1));
        let step: u64 = steps.next_back()?.split(',').next()?.parse().ok()?;
        let pages: u64 = fs::read_to_string(&statm)
            .ok()?
            .split(' ')
            .nth(1)?
            .parse()
            .ok()?;
        samples.push((step, pages));
        None::<()>
    });
    let ran = running.finish().done();
    let typical = |from: u64, to: u64| {
        let within = samples.iter().filter(|(step, _)| (from..to).contains(step));
        let mut pages: Vec<u64> = within.map(|(_, pages)| *pages).collect();
        pages.sort_unstable();
        assert!(!pages.is_empty(), "a sample between steps {from} and {to}");
        pages[pages.len() / 2] as f64
    };
    let (early, late) = (typical(500, 1000), typical(1500, 2001));
    assert!(late < early * 1.01, "from {early} pages to {late}");
    // Not every driver tells; the software ones do.
    let (before, after) = (allocated(&ran.stderr, 500), allocated(&ran.stderr, 2000));
    assert_eq!(before, after, "{ran}");
}

#[test]
fn the_device_holds_what_was_predicted() {
    let place = Place::new();
    let options = "--batch-size 64 --img-size 64 --data-dir synthetic:128 --epochs 1";
    let mut command = place.tiny(options);
    command.env("TRIAXIS_COUNT_AT", "2");
    let ran = run(command).done();
    let args = place.run_folder("tiny").join("args.toml");
    let recipe = Recipe::load(&args).unwrap();
    let mut spec = Spec::load(place.path().join("tiny.toml")).unwrap();
    spec.resolution = 64;
    let gpu = Gpu::open(&GpuOptions::default()).unwrap();
    let needed = memory_needed(&spec, &recipe, 64, gpu.limits()).unwrap();
    // The pictures come on top: they are small enough to stay there.
    assert!(ran.stderr.contains("128 training pictures stay"), "{ran}");
    let pictures = 128 * 64 * 64 * 4;
    let predicted = (needed.train.total() + needed.evaluate.total() + pictures) as f64;
    let Some((_, bytes)) = allocated(&ran.stderr, 2) else {
        // A driver that does not tell.
        return;
    };
    let share = bytes as f64 / predicted;
    assert!(
        (0.9..1.1).contains(&share),
        "{bytes} bytes, {predicted} predicted"
    );
}
