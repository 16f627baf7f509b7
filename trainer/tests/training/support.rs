//! The binary, a tiny network and a place to write, shared by all tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than any run here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Everything that draws random numbers or remembers: nothing of it may depend on threads, time or interruptions.
const EVERYTHING: &str = r#"
lr = 0.05
warmup_epochs = 1.0
sched_on_updates = true
mixup = 0.2
crop_padding = 2
drop = 0.2
drop_path = 0.3
clip_grad = 5.0
grad_accum_steps = 3
precise_bn = 32
model_ema = { name = "decay", decay = 0.9 }

[augment]
scale = [0.08, 1.0]
aa = "rand-m9-mstd0.5-inc1"
train_interpolation = "random"
lighting = 0.1
reprob = 0.5
cutmix = 1.0
"#;

/// Nothing random but the order of the pictures.
const PLAIN: &str = r#"
lr = 0.05
warmup_epochs = 0.0
mixup = 0.0
model_ema = { name = "off" }
"#;

/// What [`Place::tiny`] gives unless told otherwise.
const DEFAULTS: [(&str, &str); 5] = [
    ("--recipe", "plain.toml"),
    ("--lr-base-size", "0"),
    ("--model", "tiny.toml"),
    ("--batch-size", "16"),
    ("--data-dir", "synthetic:64"),
];

/// Inverted bottlenecks with batch norm, depthwise convolution, squeeze-excite and a residual; some 1,500 parameters.
pub(crate) const NETWORK: &str = r#"
name = "tiny"
resolution = 12
num_classes = 10

[network.efficientnet]
stem = { width = 6, kernel = 3, stride = 2 }
head = 0
stages = [{ depth = 2, width = 6, kernel = 3, stride = 1, expansion = 2, squeeze = 0.5 }]
"#;

/// A folder that is gone after the test, with the network and the recipes in it.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write("tiny.toml", NETWORK);
        place.write("plain.toml", PLAIN);
        place.write("everything.toml", EVERYTHING);
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// `triaxis` in this folder, with these words after it.
    pub(crate) fn program(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_triaxis"));
        command
            .current_dir(self.path())
            .args(words.split_whitespace());
        command
    }

    /// `triaxis train` in this folder, with these words after it.
    pub(crate) fn command(&self, options: &str) -> Command {
        self.program(&format!("train {options}"))
    }

    /// The command with these options and, where they leave it open, the tiny network on a few synthetic pictures.
    pub(crate) fn tiny(&self, options: &str) -> Command {
        self.command(&tiny(options))
    }

    /// The program as somebody whom the system's rules bind, as they do not bind root, in this folder with these words.
    #[cfg(unix)]
    pub(crate) fn bound(&self, words: &str) -> Command {
        use std::os::unix::{fs::MetadataExt, process::CommandExt};
        // Where root builds, nobody else may look.
        let binary = self.path().join("triaxis");
        if !binary.exists() {
            fs::copy(env!("CARGO_BIN_EXE_triaxis"), &binary).unwrap();
        }
        self.allow("", 0o777);
        let mut command = Command::new(&binary);
        command
            .current_dir(self.path())
            .env("HOME", self.path())
            .args(words.split_whitespace());
        if self.path().metadata().unwrap().uid() == 0 {
            command.uid(65_534).gid(65_534);
        }
        command
    }

    /// Sets what may be done with a file or folder, and by whom.
    #[cfg(unix)]
    pub(crate) fn allow(&self, name: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// The checkpoints of a run.
    pub(crate) fn run_folder(&self, run: &str) -> PathBuf {
        self.path().join("output").join(run)
    }
}

/// These options and, where they leave it open, those of [`Place::tiny`].
pub(crate) fn tiny(options: &str) -> String {
    let mut words = options.to_owned();
    for (option, value) in DEFAULTS {
        if !options.split_whitespace().any(|word| word == option) {
            words += &format!(" {option} {value}");
        }
    }
    words
}

/// What a run left and said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn new(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Expects success.
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self}");
        self
    }

    /// Expects this exit code and one short paragraph with these words in it.
    pub(crate) fn refused(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        assert!(!self.stderr.contains("panicked"), "{self}");
        let from = self.stderr.find("error: ").expect("an error is called one");
        let paragraph = &self.stderr[from..];
        // Tables and tips are indented.
        let prose = |line: &&str| !line.is_empty() && !line.starts_with("  ");
        assert!(
            paragraph.lines().filter(prose).count() <= 3,
            "one short paragraph: {self}"
        );
        for word in words {
            assert!(paragraph.contains(word), "{word:?} is missing: {self}");
        }
        self
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {:?}\n{}\n{}", self.code, self.stdout, self.stderr)
    }
}

/// Runs to the end.
pub(crate) fn run(mut command: Command) -> Ran {
    Ran::new(command.output().unwrap())
}

/// A run in progress, killed if the test ends before it.
pub(crate) struct Running(Option<Child>);

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(Some(piped.spawn().unwrap()))
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.0.as_ref().map_or(0, Child::id)
    }

    fn child(&mut self) -> &mut Child {
        self.0.as_mut().expect("it is taken when the run has ended")
    }

    /// Waits until the run has made this; `None` where it has ended.
    pub(crate) fn until<T>(&mut self, mut made: impl FnMut() -> Option<T>) -> Option<T> {
        let began = Instant::now();
        while self.ended().is_none() {
            if let Some(made) = made() {
                return Some(made);
            }
            assert!(began.elapsed() < PATIENCE, "waited for {PATIENCE:?}");
            thread::sleep(Duration::from_millis(1));
        }
        None
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child().try_wait().unwrap()
    }

    /// Ends it at once, as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child().kill().unwrap();
        self.finish();
    }

    /// Asks it to stop. The shell has this call on every system that has signals.
    #[cfg(unix)]
    pub(crate) fn signal(&mut self, name: &str) {
        let kill = format!("kill -{name} {}", self.child().id());
        Command::new("sh").args(["-c", &kill]).status().unwrap();
    }

    /// Closes both ends that one could hear it by, and waits for its exit code.
    pub(crate) fn unheard(mut self) -> Option<i32> {
        let child = self.child();
        drop((child.stdout.take(), child.stderr.take()));
        child.wait().unwrap().code()
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Ran {
        let child = self.0.take().expect("it ends once");
        Ran::new(child.wait_with_output().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // Gone already, or gone now.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// The checkpoint directory that `last` or `best` names.
pub(crate) fn pointed(run: &Path, pointer: &str) -> PathBuf {
    let name = fs::read_to_string(run.join(pointer)).unwrap();
    let directory = run.join(name.trim_end());
    assert!(directory.is_dir(), "{pointer} names {name:?}");
    directory
}

/// Every file of a directory with its bytes.
pub(crate) fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_file())
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

/// Steps of the checkpoints of a run, oldest first.
pub(crate) fn checkpoints(run: &Path) -> Vec<u64> {
    let step = |entry: fs::DirEntry| {
        entry
            .file_name()
            .to_str()?
            .strip_prefix("checkpoint-")?
            .parse()
            .ok()
    };
    let entries = fs::read_dir(run).into_iter().flatten();
    let mut steps: Vec<u64> = entries.flatten().filter_map(step).collect();
    steps.sort_unstable();
    steps
}

/// Expects two runs to have ended in the same state: the newest and the best checkpoint and the summary, byte for byte.
pub(crate) fn assert_same_end(one: &Path, other: &Path) {
    for pointer in ["last", "best"] {
        let (one, other) = (pointed(one, pointer), pointed(other, pointer));
        assert_eq!(one.file_name(), other.file_name(), "{pointer}");
        let (left, right) = (files(&one), files(&other));
        assert_eq!(
            left.keys().collect::<Vec<_>>(),
            right.keys().collect::<Vec<_>>()
        );
        for (name, bytes) in &left {
            assert!(
                *bytes == right[name],
                "{} and {} differ in {name}",
                one.display(),
                other.display()
            );
        }
    }
    let summary = |run: &Path| fs::read_to_string(run.join("summary.csv")).unwrap();
    assert_eq!(summary(one), summary(other));
}
