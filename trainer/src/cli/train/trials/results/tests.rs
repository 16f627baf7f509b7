use super::*;

fn evaluation(top1: f64) -> Evaluation {
    Evaluation {
        loss: 100.0 - top1,
        top1,
        top5: 90.0,
    }
}

/// A trial with these top-1 accuracies of the weights, and of their moving average.
fn trial(epochs: &[(f64, Option<f64>)]) -> Outcome {
    let row = |&(top1, average): &(f64, Option<f64>)| EpochRow {
        eval: evaluation(top1),
        ema: average.map(evaluation),
        ..EpochRow::default()
    };
    Outcome::Done(epochs.iter().map(row).collect())
}

fn results(trials: Vec<Outcome>) -> Results {
    let seeds: Vec<u64> = (1..=trials.len() as u64).collect();
    Results {
        model: "net".into(),
        ended: seeds.iter().copied().zip(trials).collect(),
        seeds,
    }
}

#[test]
fn a_trial_is_its_last_epoch_by_the_better_weights_and_the_best_of_each() {
    let Outcome::Done(rows) = trial(&[(50.0, None), (70.0, Some(40.0)), (60.0, Some(65.0))]) else {
        panic!("it is done");
    };
    let found = numbers(&rows);
    let top1: Vec<Option<f64>> = found.iter().step_by(3).copied().collect();
    let of_ema = Some(65.0);
    let expected = [of_ema, Some(60.0), of_ema, None, Some(70.0), of_ema, None];
    assert_eq!(top1, expected);
    let losses = found.iter().skip(2).step_by(3).copied();
    let expected = expected.map(|top1| top1.map(|top1| 100.0 - top1));
    assert_eq!(losses.collect::<Vec<_>>(), expected);
    assert_eq!(found.len(), NAMES.len());
    assert_eq!(NAMES[TOP1], "top1");
    assert_eq!(numbers(&rows[..1])[6..9], [None; 3], "no average");
    assert_eq!(numbers(&[]), [None; 21]);
}

#[test]
fn the_mean_and_the_sample_deviation_are_told_with_all_seeds() {
    let results = results(vec![
        trial(&[(70.0, None)]),
        trial(&[(71.0, None)]),
        trial(&[(73.0, None)]),
    ]);
    // numpy.mean([70, 71, 73]), numpy.std([70, 71, 73], ddof=1)
    let expected = (71.333_333_333_333_33, 1.527_525_231_651_946_7);
    assert_eq!(
        results.line(),
        "top-1 71.33 ± 1.53 % (3 trials: seeds 1, 2, 3)"
    );
    let json: Value = serde_json::from_str(&results.json()).unwrap();
    let number = |key: &str| json[key]["top1"].as_f64().unwrap();
    assert!((number("mean") - expected.0).abs() < 1e-12, "{json}");
    assert!((number("deviation") - expected.1).abs() < 1e-12, "{json}");
    assert_eq!(json["counted"], serde_json::json!([1, 2, 3]));
    assert_eq!(json["trials"][1]["final_loss"], 29.0);
    assert_eq!(json["mean"].get("final_ema_top1"), None);
    let csv = results.csv();
    assert!(
        csv.ends_with("\n3,seed-3,done,1,73,90,27,73,90,27,,,,,,,73,90,27,,,,,,\n"),
        "{csv}"
    );
}

#[test]
fn trials_that_diverged_are_listed_and_no_mean_is_silent_about_them() {
    let diverged = || Outcome::Diverged("step 3: it is \"odd\"".into());
    let two = results(vec![
        trial(&[(70.0, None)]),
        diverged(),
        trial(&[(72.0, None)]),
    ]);
    assert_eq!(
        two.line(),
        "top-1 71.00 ± 1.41 % (2 of 3 trials: seeds 1, 3; seed 2 diverged)"
    );
    let json: Value = serde_json::from_str(&two.json()).unwrap();
    assert_eq!(json["seeds"], serde_json::json!([1, 2, 3]));
    assert_eq!(json["counted"], serde_json::json!([1, 3]));
    assert_eq!(json["diverged"], serde_json::json!([2]));
    assert_eq!(json["trials"][1]["message"], "step 3: it is \"odd\"");
    let csv = two.csv();
    assert!(csv.contains("\n2,seed-2,diverged,0,,,"), "{csv}");

    let one = results(vec![trial(&[(70.0, None)]), diverged(), diverged()]);
    assert_eq!(
        one.line(),
        "top-1 70.00 % (1 of 3 trials: seed 1; seeds 2, 3 diverged)"
    );
    let none = results(vec![diverged()]);
    assert_eq!(none.line(), "no top-1 accuracy: seed 1 diverged");
}

#[test]
fn trials_that_were_done_are_known_and_what_cannot_be_read_is_of_none() {
    let folder = tempfile::tempdir().unwrap();
    assert!(done(folder.path()).is_empty());
    let two = results(vec![trial(&[(70.0, None)]), Outcome::Diverged("x".into())]);
    let table = two.write(folder.path()).unwrap();
    assert_eq!(std::fs::read_to_string(table).unwrap(), two.csv());
    assert!(done(folder.path()).into_iter().eq([1]));
    std::fs::write(folder.path().join(TRIALS), "{\"trials\": 3}").unwrap();
    assert!(done(folder.path()).is_empty());
}
