//! A panic is a defect of ours: one paragraph for the user, no backtrace.

use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

/// What every panic of the process said, also those that were caught and became errors.
static SEEN: Mutex<Vec<Seen>> = Mutex::new(Vec::new());

struct Seen {
    thread: ThreadId,
    message: String,
    place: String,
}

/// Runs `command`; of a panic that leaves it, the paragraph to print. Panics print nothing themselves from now on.
pub(super) fn guard<T>(command: impl FnOnce() -> T) -> Result<T, String> {
    panic::set_hook(Box::new(|info| seen().push(Seen::of(info))));
    panic::catch_unwind(AssertUnwindSafe(command))
        .map_err(|_| paragraph(&seen(), thread::current().id()))
}

fn seen() -> std::sync::MutexGuard<'static, Vec<Seen>> {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seen {
    fn of(info: &PanicHookInfo<'_>) -> Self {
        Self {
            thread: thread::current().id(),
            message: info.payload_as_str().unwrap_or("no message").into(),
            place: info
                .location()
                .map_or_else(|| "an unknown place".into(), ToString::to_string),
        }
    }
}

/// About the panic that ended the thread `here`.
fn paragraph(seen: &[Seen], here: ThreadId) -> String {
    let ours = seen.iter().rfind(|s| s.thread == here);
    let cause = match ours {
        // What std says of a panic elsewhere; the last one elsewhere is meant.
        Some(s) if s.message == "a scoped thread panicked" => {
            seen.iter().rfind(|s| s.thread != here).or(ours)
        }
        _ => ours,
    };
    let what = cause.map_or_else(
        || "no message".into(),
        |s| format!("{} ({})", s.message, s.place),
    );
    format!(
        "this is a defect of triaxis {}, not of your input: {what}. Please report it with this line and the command; \
         checkpoints written so far are whole.",
        env!("CARGO_PKG_VERSION")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_one_paragraph_with_message_and_place() {
        let text = guard(|| -> () { panic!("the count was {}", 7) });
        // The other tests' panics are to be seen again.
        drop(panic::take_hook());
        let text = text.unwrap_err();
        assert!(
            text.contains("the count was 7") && text.contains("panic.rs:"),
            "{text}"
        );
        assert!(text.contains("report it") && !text.contains('\n'), "{text}");
    }

    #[test]
    fn of_a_panic_in_a_scoped_thread_its_own_words_are_told() {
        let here = thread::current().id();
        let there = thread::spawn(|| {}).thread().id();
        let said = |thread, message: &str| Seen {
            thread,
            message: message.into(),
            place: "a.rs:1:1".into(),
        };
        let seen = [
            said(here, "caught"),
            said(there, "deep inside"),
            said(here, "a scoped thread panicked"),
        ];
        assert!(paragraph(&seen, here).contains("deep inside (a.rs:1:1)"));
        assert!(paragraph(&seen[..2], here).contains("caught"));
    }
}
