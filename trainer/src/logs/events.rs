//! TensorBoard's event files: records of TFRecord's framing, each an `Event` of `tensorflow/core/util/event.proto`.
//!
//! A record is its length (8 bytes), the masked CRC-32C of those, the bytes, and their masked CRC-32C, all little-endian.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use prost::Message;

use super::{Record, Sink};

/// Longest record that the reader takes: a scalar's has some hundred bytes.
const LONGEST: usize = 1 << 20;

/// A number of an event file.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// The curve, as in `train/loss`.
    pub tag: String,
    /// Its place on the horizontal axis: optimizer steps.
    pub step: i64,
    /// Its place on the vertical one.
    pub value: f32,
}

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "What", tags = "3, 5, 7")]
    what: Option<What>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
    #[prost(message, tag = "7")]
    Session(Session),
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

/// Where a process began. Readers drop what earlier files have from this step on.
#[derive(Clone, PartialEq, Message)]
struct Session {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// `SessionLog.START`.
const START: i32 = 1;

/// The name by which TensorBoard knows an event file; files of later seconds come later.
pub(super) fn file_name(seconds: f64, process: u32) -> String {
    format!(
        "events.out.tfevents.{:010}.{process}.triaxis",
        seconds as u64
    )
}

/// An event file of this process.
pub(super) struct Writer {
    path: PathBuf,
    file: Option<File>,
}

impl Writer {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.into(),
            file: None,
        }
    }
}

impl Sink for Writer {
    fn write(&mut self, record: &Record, seconds: f64) -> io::Result<()> {
        let Some(event) = event(record, seconds) else {
            return Ok(());
        };
        let mut bytes = Vec::new();
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let version = What::FileVersion("brain.Event:2".into());
                bytes.extend(framed(&Event {
                    wall_time: seconds,
                    step: 0,
                    what: Some(version),
                }));
                self.file.insert(File::create(&self.path)?)
            }
        };
        bytes.extend(framed(&event));
        file.write_all(&bytes)
    }
}

fn event(record: &Record, wall_time: f64) -> Option<Event> {
    let what = |step: u64, what| Event {
        wall_time,
        step: step as i64,
        what: Some(what),
    };
    let summary = |step, values: Vec<(&str, Option<f64>)>| {
        let known = values.into_iter().filter_map(|(tag, value)| {
            let simple_value = Some(value? as f32);
            let tag = tag.to_owned();
            Some(Value { tag, simple_value })
        });
        let values = known.collect();
        Some(what(step, What::Summary(Summary { values })))
    };
    match record {
        // Readers drop what they have from the step of this event on: that is behind the last one which counts.
        Record::Start { step, .. } if *step > 0 => {
            Some(what(step + 1, What::Session(Session { status: START })))
        }
        Record::Step {
            step,
            loss,
            top1,
            lr,
            images_per_second,
            loader_wait,
            ..
        } => summary(
            *step,
            vec![
                ("train/loss", *loss),
                ("train/top1", *top1),
                ("train/lr", Some(*lr)),
                ("speed/images_per_second", *images_per_second),
                ("speed/loader_wait", *loader_wait),
            ],
        ),
        Record::Epoch { step, row } => summary(
            *step,
            vec![
                ("epoch/train_loss", Some(row.train_loss)),
                ("eval/loss", Some(row.eval.loss)),
                ("eval/top1", Some(row.eval.top1)),
                ("eval/top5", Some(row.eval.top5)),
                ("eval_ema/loss", row.ema.map(|e| e.loss)),
                ("eval_ema/top1", row.ema.map(|e| e.top1)),
                ("eval_ema/top5", row.ema.map(|e| e.top5)),
                ("eval_swa/loss", row.swa.map(|e| e.loss)),
                ("eval_swa/top1", row.swa.map(|e| e.top1)),
                ("eval_swa/top5", row.swa.map(|e| e.top5)),
            ],
        ),
        Record::Start { .. } | Record::Save { .. } | Record::Note { .. } | Record::End { .. } => {
            None
        }
    }
}

fn framed(event: &Event) -> Vec<u8> {
    let data = event.encode_to_vec();
    let length = (data.len() as u64).to_le_bytes();
    let mut bytes = length.to_vec();
    bytes.extend(masked_crc(&length).to_le_bytes());
    bytes.extend(&data);
    bytes.extend(masked_crc(&data).to_le_bytes());
    bytes
}

/// CRC-32C, turned and shifted, since records may hold sums of their own.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

/// The numbers in an event file, in its order. A file that a killed process left may end within a record, which is
/// then left out.
///
/// # Errors
///
/// What is wrong with a record whose sums do not match, by its place in the file.
pub fn read(path: &Path) -> io::Result<Vec<Scalar>> {
    parse(&fs::read(path)?).map_err(|what| io::Error::new(io::ErrorKind::InvalidData, what))
}

fn parse(bytes: &[u8]) -> Result<Vec<Scalar>, String> {
    let mut scalars = Vec::new();
    let mut at = 0;
    while let Some((data, next)) = record(bytes, at)? {
        let event = Event::decode(data).map_err(|e| format!("the record at byte {at}: {e}"))?;
        if let Some(What::Summary(summary)) = event.what {
            scalars.extend(summary.values.into_iter().filter_map(|value| {
                Some(Scalar {
                    tag: value.tag,
                    step: event.step,
                    value: value.simple_value?,
                })
            }));
        }
        at = next;
    }
    Ok(scalars)
}

/// The bytes of the record at `at`, and where the next one is; `None` where the file ends before the record does.
fn record(bytes: &[u8], at: usize) -> Result<Option<(&[u8], usize)>, String> {
    let wrong = |what: &str| Err(format!("the record at byte {at}: {what}"));
    let Some((length, rest)) = bytes[at..].split_first_chunk::<8>() else {
        return Ok(None);
    };
    let Some((sum, rest)) = rest.split_first_chunk::<4>() else {
        return Ok(None);
    };
    if masked_crc(length) != u32::from_le_bytes(*sum) {
        return wrong("its length does not match the sum behind it");
    }
    let length = u64::from_le_bytes(*length);
    let Some(length) = usize::try_from(length).ok().filter(|&n| n <= LONGEST) else {
        return wrong("it is longer than 1 MiB");
    };
    let Some((data, rest)) = rest.split_at_checked(length) else {
        return Ok(None);
    };
    let Some((sum, rest)) = rest.split_first_chunk::<4>() else {
        return Ok(None);
    };
    if masked_crc(data) != u32::from_le_bytes(*sum) {
        return wrong("its bytes do not match the sum behind them");
    }
    Ok(Some((data, bytes.len() - rest.len())))
}
