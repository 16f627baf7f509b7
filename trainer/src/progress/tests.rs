use std::sync::{Arc, Mutex};

use super::*;
use crate::report::Evaluation;

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

const PASS: Pass = Pass {
    phase: Phase::Train,
    epoch: 0,
    epochs: 3,
    steps: 4,
    skipped: 0,
    batch_size: 8,
};

#[test]
fn lines_tell_step_loss_speed_and_time_left() {
    let out = Shared::default();
    let mut progress = Progress::lines(out.clone(), Duration::ZERO);
    progress.begin(PASS);
    std::thread::sleep(Duration::from_millis(2));
    progress.step(1, Some(2.3126), Some(12.5));
    let text = out.text();
    for word in [
        "train 1/3",
        "step 1/4",
        "loss 2.3126",
        "top-1 12.50 %",
        "images/s",
        "left",
    ] {
        assert!(text.contains(word), "{word:?} is not in {text:?}");
    }
    assert!(
        !text.contains('\u{1b}'),
        "plain lines have no colours: {text:?}"
    );
    assert!(progress.end().is_some_and(|speed| speed > 0.0));
}

#[test]
fn lines_wait_for_their_turn_but_an_epoch_is_always_told() {
    let out = Shared::default();
    let mut progress = Progress::lines(out.clone(), Duration::from_secs(3600));
    progress.begin(PASS);
    for step in 1..=4 {
        progress.step(step, None, None);
    }
    assert_eq!(out.text(), "");
    let eval = Evaluation {
        loss: 1.5,
        top1: 41.0,
        top5: 88.0,
    };
    let row = EpochRow {
        epoch: 1,
        train_loss: 1.25,
        eval,
        ema: Some(eval),
        swa: Some(Evaluation { top1: 43.0, ..eval }),
        lr: 0.05,
        recipe: String::new(),
    };
    progress.epoch(&row, 3, Some(812.4));
    let text = out.text();
    assert!(
        text.starts_with("epoch 2/3")
            && text.contains("EMA top-1 41.00 %  SWA top-1 43.00 %")
            && text.contains("812 images/s"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn steps_of_an_earlier_process_do_not_count_as_speed() {
    let mut progress = Progress::new(Verbosity::Quiet);
    progress.begin(Pass { skipped: 3, ..PASS });
    assert_eq!(progress.end(), None);
    progress.step(1, None, None);
}

#[test]
fn a_closed_terminal_stops_nothing() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::BrokenPipe))
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::Error::from(io::ErrorKind::BrokenPipe))
        }
    }
    let mut progress = Progress::lines(Closed, Duration::ZERO);
    progress.begin(PASS);
    progress.step(1, Some(1.0), None);
    progress.note("still here");
}

#[test]
fn durations_are_said_as_a_person_says_them() {
    let said: Vec<String> = [0.4, 99.0, 130.0, 5400.0, 90_061.0, 190_000.0]
        .map(duration)
        .to_vec();
    assert_eq!(
        said,
        [
            "0 s",
            "99 s",
            "3 min",
            "1 h 30 min",
            "25 h 01 min",
            "2 d 4 h"
        ]
    );
}
