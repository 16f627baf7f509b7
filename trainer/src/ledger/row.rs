//! What rows hold, and how they are read and written.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use crate::report::EpochRow;

/// What all trials of a study have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Study {
    /// Its name in the ledger.
    pub name: String,
    /// What is studied: `tiny`, `compound`, `random`, `scaling`, `ablation`.
    pub kind: String,
    /// The recipe that every network is trained by, as TOML.
    pub recipe: String,
    /// What tells whether the pictures changed.
    pub data: String,
    /// The numbers that decide which networks are tried, as lines of words.
    pub options: String,
}

/// A trial that is to be done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Planned {
    /// Name of the network.
    pub name: String,
    /// The network, as TOML.
    pub network: String,
    /// [`Recipe::settings`](crate::recipe::Recipe::settings): equal for trials that are trained alike.
    pub recipe: String,
    /// Key of everything random.
    pub seed: u64,
    /// Multiply-adds for one image.
    pub flops: u64,
    /// Parameters.
    pub params: u64,
    /// Activations for one image.
    pub acts: u64,
    /// The point of the study that the network stands for: multipliers of depth, width and resolution; alpha, beta and
    /// gamma; blocks, w0, wa, wm, channels a group and pixels.
    pub numbers: Vec<f64>,
}

/// What came out of a trial.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// The adapter that it was done on.
    pub adapter: String,
    /// Every epoch.
    pub curve: Vec<EpochRow>,
    /// Validation pictures whose class did not come first, at the end, percent.
    pub top1_error: f64,
    /// Validation pictures whose class was not among the first five, at the end, percent.
    pub top5_error: f64,
    /// Time of training and evaluation, seconds.
    pub seconds: f64,
    /// Memory that training took, bytes.
    pub memory: u64,
}

/// Where a trial stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nobody has begun.
    Waiting,
    /// A worker has it.
    Claimed,
    /// It has an outcome.
    Done,
    /// It cannot be done.
    Failed,
}

impl State {
    /// As ledgers write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Claimed => "claimed",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// A row of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trial {
    /// Its number in the ledger.
    pub id: i64,
    /// Its study.
    pub study: String,
    /// What the study looks for.
    pub kind: String,
    /// What tells whether the pictures changed.
    pub data: String,
    /// Its place in the study, from 0.
    pub place: usize,
    /// What is to be done.
    pub planned: Planned,
    /// Where it stands.
    pub state: State,
    /// Who has it: `alpha:4711`.
    pub worker: Option<String>,
    /// How often it was begun.
    pub attempts: u64,
    /// What came out.
    pub outcome: Option<Outcome>,
    /// Why it failed.
    pub message: Option<String>,
}

const TRIAL: &str = "
SELECT trials.id, trials.study, studies.kind, studies.data, trials.place, trials.name, trials.network, trials.recipe,
       trials.seed, trials.flops, trials.params, trials.acts, trials.numbers, trials.state, trials.worker, trials.attempts,
       trials.adapter, trials.curve, trials.top1_error, trials.top5_error, trials.seconds, trials.memory, trials.message
FROM trials JOIN studies ON studies.name = trials.study";

/// A count; SQLite's integers have a sign.
fn count(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, value))
}

/// JSON in a column.
fn json<T: for<'a> Deserialize<'a>>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(0, kind, Box::new(error))
    })
}

fn read_planned(row: &Row<'_>) -> rusqlite::Result<Planned> {
    // Seeds use all 64 bits, and are stored as they lie in memory.
    let seed: i64 = row.get("seed")?;
    Ok(Planned {
        name: row.get("name")?,
        network: row.get("network")?,
        recipe: row.get("recipe")?,
        seed: seed.cast_unsigned(),
        flops: count(row, "flops")?,
        params: count(row, "params")?,
        acts: count(row, "acts")?,
        numbers: json(row, "numbers")?,
    })
}

fn read_trial(row: &Row<'_>) -> rusqlite::Result<Trial> {
    let state = match row.get::<_, String>("state")?.as_str() {
        "waiting" => State::Waiting,
        "claimed" => State::Claimed,
        "done" => State::Done,
        _ => State::Failed,
    };
    let outcome = match state {
        State::Done => Some(Outcome {
            adapter: row.get("adapter")?,
            curve: json(row, "curve")?,
            top1_error: row.get("top1_error")?,
            top5_error: row.get("top5_error")?,
            seconds: row.get("seconds")?,
            memory: count(row, "memory")?,
        }),
        _ => None,
    };
    Ok(Trial {
        id: row.get("id")?,
        study: row.get("study")?,
        kind: row.get("kind")?,
        data: row.get("data")?,
        place: count(row, "place")? as usize,
        planned: read_planned(row)?,
        state,
        worker: row.get("worker")?,
        attempts: count(row, "attempts")?,
        outcome,
        message: row.get("message")?,
    })
}

fn read_study(row: &Row<'_>) -> rusqlite::Result<Study> {
    Ok(Study {
        name: row.get("name")?,
        kind: row.get("kind")?,
        recipe: row.get("recipe")?,
        data: row.get("data")?,
        options: row.get("options")?,
    })
}

pub(super) fn study(db: &Connection, name: &str) -> rusqlite::Result<Option<Study>> {
    db.query_row("SELECT * FROM studies WHERE name = ?", [name], read_study)
        .optional()
}

pub(super) fn studies(db: &Connection) -> rusqlite::Result<Vec<Study>> {
    db.prepare("SELECT * FROM studies ORDER BY rowid")?
        .query_map([], read_study)?
        .collect()
}

pub(super) fn planned(
    db: &Connection,
    study: &str,
    place: usize,
) -> rusqlite::Result<Option<Planned>> {
    db.query_row(
        "SELECT * FROM trials WHERE study = ? AND place = ?",
        params![study, place as i64],
        read_planned,
    )
    .optional()
}

pub(super) fn trial(db: &Connection, id: i64) -> rusqlite::Result<Option<Trial>> {
    db.query_row(&format!("{TRIAL} WHERE trials.id = ?"), [id], read_trial)
        .optional()
}

pub(super) fn trials(db: &Connection, study: Option<&str>) -> rusqlite::Result<Vec<Trial>> {
    db.prepare(&format!(
        "{TRIAL} WHERE ?1 IS NULL OR trials.study = ?1 ORDER BY studies.rowid, trials.place"
    ))?
    .query_map([study], read_trial)?
    .collect()
}

pub(super) fn insert(
    db: &Connection,
    study: &str,
    place: usize,
    trial: &Planned,
) -> rusqlite::Result<()> {
    let numbers = serde_json::to_string(&trial.numbers).expect("numbers fit JSON");
    let counts = [trial.flops, trial.params, trial.acts].map(u64::cast_signed);
    db.execute(
        "INSERT INTO trials (study, place, name, network, recipe, seed, flops, params, acts, numbers)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            study,
            place as i64,
            trial.name,
            trial.network,
            trial.recipe,
            trial.seed.cast_signed(),
            counts[0],
            counts[1],
            counts[2],
            numbers
        ],
    )?;
    Ok(())
}
