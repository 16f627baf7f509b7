//! A search as a Slurm array: every task is a worker of the same ledger.

use crate::error::{Error, Result};

/// The option that asks for the script.
const OPTION: &str = "--emit-sbatch";
/// The option that says for how many tasks.
const TASKS: &str = "--tasks";

/// A script for `sbatch` that runs this command, of which `arguments` are all words, in so many tasks. A task that is
/// preempted or runs out of time gives its trial back and is queued again.
pub(super) fn script(arguments: &[String], tasks: usize) -> Result<String> {
    if !(1..=1000).contains(&tasks) {
        return Err(Error::config(
            TASKS,
            format!("{tasks} tasks"),
            "Give a number from 1 to 1000",
        ));
    }
    let words = without(arguments, &[OPTION, TASKS]);
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    Ok(format!(
        r#"#!/bin/bash
# Workers of one study. They share its ledger, which must lie where every node sees it and files can be locked.
# Partition, account and time are yours to add: sbatch --partition=... --time=... THIS_FILE
#SBATCH --job-name=triaxis-search
#SBATCH --array=0-{}
#SBATCH --ntasks=1
#SBATCH --gpus-per-task=1
#SBATCH --requeue
#SBATCH --signal=TERM@60
srun {}
code=$?
# 75: asked to stop, with the trial given back. The next start goes on.
if [ "$code" -eq 75 ]; then scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"; fi
exit "$code"
"#,
        tasks - 1,
        words.join(" ")
    ))
}

/// The words but these options and their values.
fn without(words: &[String], options: &[&str]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let assigned = |option: &&str| word.starts_with(&format!("{option}="));
        if options.contains(&word.as_str()) {
            // Its value.
            words.next();
        } else if !options.iter().any(assigned) {
            kept.push(word.clone());
        }
    }
    kept
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &[&str]) -> Vec<String> {
        text.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn the_script_runs_the_same_command_without_asking_for_a_script() {
        let text = [
            "triaxis",
            "search",
            "tiny",
            "--emit-sbatch",
            "job.sh",
            "--data-dir",
            "my pictures",
            "--tasks=8",
        ];
        let script = script(&words(&text), 8).unwrap();
        assert!(script.starts_with("#!/bin/bash\n"), "{script}");
        assert!(script.contains("#SBATCH --array=0-7\n"), "{script}");
        let line = "srun triaxis search tiny --data-dir 'my pictures'\n";
        assert!(script.contains(line), "{script}");
    }

    #[test]
    fn no_task_and_too_many_are_refused() {
        for tasks in [0, 1001] {
            let text = script(&words(&["triaxis"]), tasks).unwrap_err();
            assert!(text.to_string().starts_with("--tasks"), "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_the_words_back() {
        let command = words(&["printf", "%s|", "a b", "it's", "$HOME", "", "`x`", "--n=1"]);
        let script = script(&command, 1).unwrap().replace("srun ", "");
        let run = std::process::Command::new("bash")
            .args(["-c", &script])
            .output()
            .unwrap();
        let read = String::from_utf8(run.stdout).unwrap();
        assert_eq!(read, "a b|it's|$HOME||`x`|--n=1|", "{script}");
    }
}
