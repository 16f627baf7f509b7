//! A program that measures the same cases and prints rows.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::super::Row;

/// A name, and the command that measures.
///
/// The command prints a header and rows of [`Row`], of which it may leave out columns, and an empty line. It then waits
/// for a line on its standard input and measures another round, or ends; one that ended is started again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// What rows call it.
    pub name: String,
    /// The program and its arguments, in which `{suite}`, `{model}`, `{resolution}`, `{batch}`, `{precision}`, `{runs}`,
    /// `{adapter}` and `{kind}` (`cpu` or `gpu`) stand for what is asked.
    pub command: Vec<String>,
}

/// What a peer is asked to measure.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// `train` or `infer`.
    pub suite: &'static str,
    /// Name of the network.
    pub model: String,
    /// Side of the pictures, pixels.
    pub resolution: usize,
    /// Pictures of a batch.
    pub batch: usize,
    /// `f32` or `f16`.
    pub precision: &'static str,
    /// Runs of a round.
    pub runs: usize,
    /// Name of the adapter that Triaxis runs on.
    pub adapter: String,
    /// `cpu` or `gpu`.
    pub kind: &'static str,
}

impl Question {
    /// The case that the rows of an answer have: `resnet50_r224_b8_f16`.
    pub fn case(&self) -> String {
        let Self {
            model,
            resolution,
            batch,
            precision,
            ..
        } = self;
        format!("{model}_r{resolution}_b{batch}_{precision}")
    }

    fn put_into(&self, word: &str) -> String {
        let values = [
            ("{suite}", self.suite.to_owned()),
            ("{model}", self.model.clone()),
            ("{resolution}", self.resolution.to_string()),
            ("{batch}", self.batch.to_string()),
            ("{precision}", self.precision.to_owned()),
            ("{runs}", self.runs.to_string()),
            ("{adapter}", self.adapter.clone()),
            ("{kind}", self.kind.to_owned()),
        ];
        let put = |word: String, (name, value): &(&str, String)| word.replace(name, value);
        values.iter().fold(word.to_owned(), put)
    }
}

impl Peer {
    /// `NAME=COMMAND`, words apart by spaces or quoted as in a shell; no shell runs it.
    ///
    /// # Errors
    ///
    /// What is missing, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = "expected NAME=COMMAND, as in 'mine=./measure --model {model}'";
        let (name, command) = text.split_once('=').ok_or(expected)?;
        let command = shlex::split(command).ok_or("a quote in the command has no end")?;
        if name.is_empty() || command.is_empty() {
            return Err(expected.into());
        }
        Ok(Self {
            name: name.into(),
            command,
        })
    }
}

/// A peer at work on one question.
#[derive(Debug)]
pub struct Running<'a> {
    /// Which.
    pub peer: &'a Peer,
    question: &'a Question,
    process: Option<Process>,
}

impl<'a> Running<'a> {
    /// Nothing runs before the first round.
    pub fn new(peer: &'a Peer, question: &'a Question) -> Self {
        Self {
            peer,
            question,
            process: None,
        }
    }

    /// The row of another round.
    ///
    /// # Errors
    ///
    /// In words: a command that does not start, fails, prints no row of the case or is not done by the deadline.
    pub fn round(&mut self, deadline: Instant) -> Result<Row, String> {
        let asked = self.process.as_mut().is_some_and(Process::ask);
        if !asked {
            self.process = Some(self.start()?);
        }
        let process = self.process.as_mut().expect("it was just started");
        let (text, ended) = process.read(deadline)?;
        let outcome = match ended {
            true => process.ending(),
            false => String::new(),
        };
        if ended {
            self.process = None;
        }
        let (suite, case) = (self.question.suite, self.question.case());
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        for row in reader.deserialize::<Row>() {
            let row = row.map_err(|error| format!("a row cannot be read: {error}"))?;
            if row.suite == suite && row.case == case {
                return match row.problem.is_empty() {
                    true => Ok(row),
                    false => Err(row.problem),
                };
            }
        }
        Err(format!("it printed no row of {suite} {case}{outcome}"))
    }

    fn start(&self) -> Result<Process, String> {
        let words: Vec<String> = self
            .peer
            .command
            .iter()
            .map(|w| self.question.put_into(w))
            .collect();
        let failed = |error| format!("{} does not start: {error}", words[0]);
        let said = tempfile::tempfile().map_err(failed)?;
        let child = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(said.try_clone().map_err(failed)?)
            .spawn();
        let mut child = child.map_err(failed)?;
        let stdout = child.stdout.take().expect("it is piped");
        let (sender, lines) = channel();
        // Ends with the process, which ends with this struct.
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Process {
            stdin: child.stdin.take(),
            child,
            lines,
            said,
            header: None,
        })
    }
}

/// A command that was started. Dropping it ends it.
#[derive(Debug)]
struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    /// What it writes to standard error.
    said: File,
    header: Option<String>,
}

impl Process {
    /// Asks for another round; false if nobody is there any more.
    fn ask(&mut self) -> bool {
        let running = matches!(self.child.try_wait(), Ok(None));
        let asked = self
            .stdin
            .as_mut()
            .map(|stdin| stdin.write_all(b"\n").and_then(|()| stdin.flush()));
        running && matches!(asked, Some(Ok(())))
    }

    /// The header and the rows of a round, and whether the process ended after them.
    fn read(&mut self, deadline: Instant) -> Result<(String, bool), String> {
        let mut rows = Vec::new();
        let begin = Instant::now();
        let ended = loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.trim().is_empty() && rows.is_empty() => {}
                Ok(line) if line.trim().is_empty() => break false,
                Ok(line) if self.header.is_none() || self.header.as_ref() == Some(&line) => {
                    self.header = Some(line);
                }
                Ok(line) => rows.push(line),
                Err(RecvTimeoutError::Disconnected) => break true,
                Err(RecvTimeoutError::Timeout) => {
                    let seconds = begin.elapsed().as_secs_f64();
                    // It may be in the middle of anything: the next round, if there is one, begins with a new one.
                    self.end();
                    return Err(format!("not done after {seconds:.0} s, and stopped"));
                }
            }
        };
        let header = self.header.iter().chain(&rows);
        Ok((header.map(|line| format!("{line}\n")).collect(), ended))
    }

    /// How it ended, and the last that it said.
    fn ending(&mut self) -> String {
        let status = match self.child.wait() {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let mut bytes = Vec::new();
        let read = self
            .said
            .rewind()
            .and_then(|()| (&self.said).take(1 << 20).read_to_end(&mut bytes));
        let text = match read {
            Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(_) => String::new(),
        };
        match text.lines().rev().find(|line| !line.trim().is_empty()) {
            Some(line) => format!(" ({status}): {}", line.trim()),
            None => format!(" ({status})"),
        }
    }

    fn end(&mut self) {
        // Gone already, in the best case.
        drop(self.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    /// Its standard input ends, upon which a peer ends by itself and hands back what it holds.
    fn drop(&mut self) {
        drop(self.stdin.take());
        let patience = Instant::now() + Duration::from_secs(2);
        while Instant::now() < patience {
            match self.child.try_wait() {
                Ok(None) => thread::sleep(Duration::from_millis(10)),
                _ => return,
            }
        }
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_words_and_no_shell_sees_them() {
        let peer = Peer::parse("mine=./run --name 'two words' {model};rm").unwrap();
        assert_eq!(peer.name, "mine");
        assert_eq!(peer.command, ["./run", "--name", "two words", "{model};rm"]);
        let question = Question {
            model: "a b$(c)".into(),
            resolution: 32,
            batch: 4,
            precision: "f16",
            ..Question::default()
        };
        assert_eq!(question.put_into("{model};rm"), "a b$(c);rm");
        assert_eq!(question.case(), "a b$(c)_r32_b4_f16");
        for wrong in ["mine", "=x", "mine=", "mine='x"] {
            assert!(Peer::parse(wrong).is_err(), "{wrong}");
        }
    }
}
