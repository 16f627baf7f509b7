//! Opening a ledger, new or old, without harm to what it is not.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::Ledger;
use super::error::{Context, damaged};
use crate::error::{Error, Result};

/// What tells a ledger from other databases: "TXLG".
const APPLICATION: i32 = 0x5458_4C47;
/// The layout of tables that this program writes.
const VERSION: i32 = 1;

const SCHEMA: &str = "
CREATE TABLE studies (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    recipe TEXT NOT NULL,
    data TEXT NOT NULL,
    options TEXT NOT NULL,
    began INTEGER NOT NULL
);
CREATE TABLE trials (
    id INTEGER PRIMARY KEY,
    study TEXT NOT NULL REFERENCES studies (name),
    place INTEGER NOT NULL,
    name TEXT NOT NULL,
    network TEXT NOT NULL,
    recipe TEXT NOT NULL,
    seed INTEGER NOT NULL,
    flops INTEGER NOT NULL,
    params INTEGER NOT NULL,
    acts INTEGER NOT NULL,
    numbers TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'claimed', 'done', 'failed')),
    worker TEXT,
    heartbeat INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    adapter TEXT,
    curve TEXT,
    top1_error REAL,
    top5_error REAL,
    seconds REAL,
    memory INTEGER,
    message TEXT,
    UNIQUE (study, place)
);
CREATE INDEX trials_by_state ON trials (study, state, place);
";

/// How a ledger is opened.
#[derive(Clone, Copy, Debug)]
pub struct LedgerOptions {
    /// How long to wait for another process that is writing.
    pub patience: Duration,
    /// What to do where there is no file.
    pub absent: Absent,
}

/// What to do where there is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// Begin an empty ledger.
    Create,
    /// Say so.
    Refuse,
}

impl Default for LedgerOptions {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(30),
            absent: Absent::Create,
        }
    }
}

impl Ledger {
    /// Opens the ledger at `path`.
    ///
    /// # Errors
    ///
    /// [`Error::Checkpoint`], with nothing changed: no such file; a file that is no ledger, or damaged; one of a newer
    /// version; one that another process holds for longer than the patience.
    pub fn open(path: &Path, options: &LedgerOptions) -> Result<Self> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        match options.absent {
            Absent::Create => flags |= OpenFlags::SQLITE_OPEN_CREATE,
            Absent::Refuse if !path.exists() => {
                return Err(Error::checkpoint(
                    path,
                    "there is no such ledger",
                    "`triaxis search` begins one with --ledger",
                ));
            }
            Absent::Refuse => {}
        }
        let mut db = Connection::open_with_flags(path, flags).at(path)?;
        db.busy_timeout(options.patience).at(path)?;
        // A row that was reported as done is done, whatever happens to the machine next.
        db.pragma_update(None, "synchronous", "FULL").at(path)?;
        db.pragma_update(None, "foreign_keys", true).at(path)?;
        // In one transaction: another process may be making the tables at this moment.
        let look = db.transaction().at(path)?;
        let found = identity(&look, path)?;
        look.commit().at(path)?;
        match found {
            (0, 0) => create(&mut db, path)?,
            (APPLICATION, VERSION) => {}
            (APPLICATION, newer @ VERSION..) => {
                return Err(Error::checkpoint(
                    path,
                    format!(
                        "this ledger is of version {newer}, and this program knows version {VERSION}"
                    ),
                    "Use the version of triaxis that wrote it, or a newer one; nothing was changed",
                ));
            }
            (application, version) => {
                let what = format!("a database of application {application}, version {version}");
                return Err(damaged(path, &what));
            }
        }
        let check: String = db
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .at(path)?;
        if check != "ok" {
            return Err(damaged(path, &check));
        }
        Ok(Self {
            path: path.to_owned(),
            patience: options.patience,
            db,
        })
    }

    /// The same ledger once more, for another thread.
    ///
    /// # Errors
    ///
    /// As [`Ledger::open`].
    pub fn again(&self) -> Result<Self> {
        let absent = Absent::Refuse;
        let patience = self.patience;
        Self::open(&self.path, &LedgerOptions { patience, absent })
    }
}

/// The application and version that a database names; noughts for an empty one.
fn identity(db: &Connection, path: &Path) -> Result<(i32, i32)> {
    let number = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    Ok((
        number("application_id").at(path)?,
        number("user_version").at(path)?,
    ))
}

/// Makes the tables, unless another process did so first.
fn create(db: &mut Connection, path: &Path) -> Result<()> {
    let change = db
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .at(path)?;
    if identity(&change, path)? != (0, 0) {
        return Ok(());
    }
    let tables: i64 = change
        .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
        .at(path)?;
    if tables > 0 {
        return Err(damaged(path, "a database with other tables"));
    }
    change.execute_batch(SCHEMA).at(path)?;
    change
        .pragma_update(None, "application_id", APPLICATION)
        .at(path)?;
    change
        .pragma_update(None, "user_version", VERSION)
        .at(path)?;
    change.commit().at(path)
}
