//! Kernels on a line of time, as chrome://tracing and <https://ui.perfetto.dev> show them.

use serde_json::{Value, json};

use super::{Launch, Row};

/// The process of all events: the adapter.
const ADAPTER: u32 = 1;

/// The kernels among these rows in the order of running, as JSON in the
/// [Trace Event Format](https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU).
///
/// A run is a thread, and every launch an event in it, as long as its part of the row's median. Each kernel was measured
/// alone: the events follow each other without the gaps that a run may have.
pub fn trace(rows: &[Row]) -> String {
    let mut runs: Vec<Vec<&Row>> = Vec::new();
    for row in rows {
        if row.kernel.is_empty() {
            runs.push(Vec::new());
        } else if let Some(run) = runs.last_mut() {
            run.push(row);
        } else {
            runs.push(vec![row]);
        }
    }
    runs.retain(|kernels| !kernels.is_empty());
    let first: Option<&Row> = runs.first().and_then(|run| run.first().copied());
    let mut events = Vec::new();
    if let Some(first) = first {
        let name = format!("{} ({}, {})", first.adapter, first.driver, first.backend);
        events.push(named("process_name", 0, &name));
    }
    for (thread, kernels) in (1..).zip(&runs) {
        events.extend(of_run(thread, kernels));
    }
    let about = |text: fn(&Row) -> &str| first.map_or("", text);
    let document = json!({
        "traceEvents": events,
        "displayTimeUnit": "ms",
        "otherData": {
            "program": about(|row| row.device.as_str()),
            "commit": about(|row| row.commit.as_str()),
            "clock": about(|row| row.clock.as_str()),
        },
    });
    document.to_string()
}

/// The name of the run and its launches, one behind the other.
fn of_run(thread: u32, kernels: &[&Row]) -> Vec<Value> {
    let Some(first) = kernels.first() else {
        return Vec::new();
    };
    let suite = first.suite.trim_end_matches(".kernel");
    let name = format!("{suite} {}, {}", first.case, first.clock);
    let mut events = vec![named("thread_name", thread, &name)];
    let mut launches: Vec<(&Launch, &Row)> = Vec::new();
    for row in kernels {
        launches.extend(row.launches.iter().map(|launch| (launch, *row)));
    }
    launches.sort_by_key(|(launch, _)| launch.place);
    let mut end = 0.0;
    for (launch, row) in launches {
        let begin = end;
        end += launch.ms;
        events.push(event(thread, row, launch, [begin, end]));
    }
    events
}

/// A complete event between these milliseconds. Ends are whole nanoseconds, as viewers count them, so that one event ends
/// where the next begins.
fn event(thread: u32, row: &Row, launch: &Launch, ends: [f64; 2]) -> Value {
    let [begin, end] = ends.map(|ms| (1e6 * ms).round() as u64);
    let microseconds = |nanoseconds: u64| nanoseconds as f64 / 1e3;
    let (node, kernel) = row
        .kernel
        .rsplit_once('/')
        .unwrap_or(("", row.kernel.as_str()));
    json!({
        "ph": "X",
        "name": row.kernel,
        "cat": launch.phase.name(),
        "ts": microseconds(begin),
        "dur": microseconds(end - begin),
        "pid": ADAPTER,
        "tid": thread,
        "args": {
            "node": node,
            "kernel": kernel,
            "place": launch.place,
            "workgroups": launch.workgroups,
            "bytes": launch.bytes,
            "multiply_adds": launch.multiply_adds,
        },
    })
}

/// What viewers call the process or one of its threads.
fn named(kind: &str, thread: u32, name: &str) -> Value {
    json!({
        "ph": "M",
        "name": kind,
        "pid": ADAPTER,
        "tid": thread,
        "args": {"name": name},
    })
}

#[cfg(test)]
mod tests {
    use super::super::kernels::tests::measured;
    use super::*;

    fn events(rows: &[Row], kind: &str) -> Vec<Value> {
        let document: Value = serde_json::from_str(&trace(rows)).unwrap();
        let events = document["traceEvents"].as_array().unwrap();
        let of_kind = |event: &&Value| event["ph"] == kind;
        events.iter().filter(of_kind).cloned().collect()
    }

    #[test]
    fn launches_follow_each_other_in_the_order_of_running() {
        let events = events(&measured(), "X");
        let told: Vec<_> = events
            .iter()
            .map(|event| {
                let [begin, length] = ["ts", "dur"].map(|key| event[key].as_f64().unwrap());
                (event["cat"].as_str().unwrap(), begin, length)
            })
            .collect();
        assert_eq!(
            told,
            [
                ("forward", 0.0, 1.5),
                ("forward", 1.5, 2.5),
                ("backward", 4.0, 8.0),
                ("update", 12.0, 4.0),
            ]
        );
        let args = json!({
            "node": "stem.conv2d", "kernel": "conv2d_blocked", "place": 1, "workgroups": 7, "bytes": 100, "multiply_adds": 0,
        });
        assert_eq!(events[1]["args"], args);
        assert_eq!(events[1]["name"], "stem.conv2d/conv2d_blocked");
    }

    #[test]
    fn each_run_is_a_thread_of_the_adapter() {
        let whole = Row::default();
        let twice: Vec<Row> = [vec![whole.clone()], measured(), vec![whole], measured()].concat();
        let names = events(&twice, "M");
        let names: Vec<_> = names
            .iter()
            .map(|event| (&event["tid"], event["args"]["name"].as_str().unwrap()))
            .collect();
        let run = "train tiny_r12_b4_f32, timestamps";
        assert_eq!(
            names,
            [
                (&json!(0), "a card (1.0, vulkan)"),
                (&json!(1), run),
                (&json!(2), run)
            ]
        );
        let threads: Vec<u64> = events(&twice, "X")
            .iter()
            .map(|event| event["tid"].as_u64().unwrap())
            .collect();
        assert_eq!(threads, [1, 1, 1, 1, 2, 2, 2, 2]);
        // A second run begins anew.
        assert_eq!(events(&twice, "X")[4]["ts"], 0.0);
    }

    #[test]
    fn without_kernels_there_are_no_events() {
        assert_eq!(events(&[Row::default()], "X"), Vec::<Value>::new());
    }
}
