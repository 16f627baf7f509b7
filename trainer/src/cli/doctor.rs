//! `triaxis doctor`.

use clap::Args;
use serde::Serialize;
use triaxis_engine::{AdapterInfo, Gpu, GpuOptions, Matrices, MatrixUnits, adapters};

use super::print;
use crate::doctor::{Finding, self_test, variants};
use crate::error::{Error, Result};

/// Options of `triaxis doctor`.
#[derive(Debug, Args)]
#[command(
    after_help = "Every command leaves features of the adapter unused that TRIAXIS_WITHOUT names, as this one calls them: \
                  TRIAXIS_WITHOUT=subgroups,timestamp-query"
)]
pub(super) struct Doctor {
    /// Adapter to test: a part of its name, or its number in this list [default: all of them]
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    /// Print JSON on standard output
    #[arg(long)]
    json: bool,
}

/// All that was found.
#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    adapters: Vec<Adapter>,
}

/// One adapter, and what its self-test found.
#[derive(Debug, Serialize)]
struct Adapter {
    /// What `--adapter` takes.
    number: Option<usize>,
    name: String,
    driver: String,
    backend: String,
    #[serde(rename = "type")]
    device_type: &'static str,
    limits: Limits,
    features: Vec<&'static str>,
    /// What it lacks of these, and what is done without.
    missing: Vec<(&'static str, &'static str)>,
    /// Its matrix units, where it lists any that kernels can use.
    matrices: Option<MatrixReport>,
    /// Bytes that a plan may use, where a limit is set.
    memory_limit: Option<u64>,
    /// Why it cannot be opened.
    problem: Option<String>,
    ok: bool,
    tests: Vec<Finding>,
}

/// Matrices with f16 factors and f32 sums.
#[derive(Debug, Serialize)]
struct MatrixReport {
    /// Rows and columns of each.
    side: u32,
    /// Whether products come out right, so that a GPU's are used in mixed precision.
    right: bool,
    /// What is wrong.
    problem: Option<String>,
}

#[derive(Debug, Serialize)]
struct Limits {
    binding_bytes: u64,
    buffer_bytes: u64,
    binding_alignment: u64,
    workgroups: u32,
}

/// An adapter's number in the list, what it is, and the open device or why there is none.
type Candidate = (Option<usize>, AdapterInfo, Result<Gpu>);

impl Doctor {
    pub(super) fn run(&self) -> Result<()> {
        let mut report = Report {
            ok: false,
            adapters: Vec::new(),
        };
        match self.candidates() {
            Ok(candidates) => {
                for (number, info, gpu) in candidates {
                    report.adapters.push(self.examine(number, &info, gpu)?);
                }
            }
            // Also where there is nothing to report, a script gets its document.
            Err(error) if self.json => {
                print::json(&report)?;
                return Err(error);
            }
            Err(error) => return Err(error),
        }
        let wrong = |a: &Adapter| a.tests.iter().any(|t| !t.is_ok());
        report.ok = report.adapters.iter().any(|a| a.ok) && !report.adapters.iter().any(wrong);
        if self.json {
            print::json(&report)?;
        }
        if report.ok {
            Ok(())
        } else {
            Err(verdict(&report.adapters))
        }
    }

    /// The adapters to test, each opened or with the reason why not.
    fn candidates(&self) -> Result<Vec<Candidate>> {
        let open = |adapter: Option<String>| {
            let options = GpuOptions {
                adapter,
                ..GpuOptions::default()
            };
            Gpu::open(&options).map_err(Error::from)
        };
        if let Some(name) = &self.adapter {
            let gpu = open(Some(name.clone()))?;
            return Ok(vec![(None, gpu.info().clone(), Ok(gpu))]);
        }
        let all = adapters();
        if all.is_empty() {
            // The engine says what to install.
            let gpu = open(None)?;
            return Ok(vec![(None, gpu.info().clone(), Ok(gpu))]);
        }
        let numbered = all.into_iter().enumerate();
        Ok(numbered
            .map(|(i, info)| (Some(i), info, open(Some(i.to_string()))))
            .collect())
    }

    fn examine(
        &self,
        number: Option<usize>,
        info: &AdapterInfo,
        gpu: Result<Gpu>,
    ) -> Result<Adapter> {
        let limits = &info.limits;
        let mut adapter = Adapter {
            number,
            name: info.name.clone(),
            driver: info.driver.clone(),
            backend: info.backend.clone(),
            device_type: info.device_type,
            limits: Limits {
                binding_bytes: limits.binding,
                buffer_bytes: limits.buffer,
                binding_alignment: limits.alignment,
                workgroups: limits.workgroups,
            },
            features: info.features.clone(),
            missing: info.missing(),
            matrices: limits.matrices.map(|m| examine_matrices(number, info, m)),
            memory_limit: gpu.as_ref().ok().and_then(Gpu::memory_limit),
            problem: None,
            ok: false,
            tests: Vec::new(),
        };
        self.say(&describe(&adapter))?;
        match gpu {
            Ok(gpu) => {
                let variants = variants(gpu.limits());
                let heads: String = variants
                    .iter()
                    .map(|(name, _)| format!("{name:>11}"))
                    .collect();
                self.say(&format!(
                    "  {:50}{heads}\n",
                    "largest error of each kernel's numbers"
                ))?;
                let mut said = Ok(());
                let mut row: Vec<Finding> = Vec::new();
                adapter.tests = self_test(&gpu, |finding| {
                    row.push(finding.clone());
                    // A line tells all variants.
                    if row.len() == variants.len() && said.is_ok() {
                        said = self.say(&line(&row));
                        row.clear();
                    }
                });
                said?;
                adapter.ok = adapter.tests.iter().all(Finding::is_ok);
                self.say(if adapter.ok {
                    "\nall kernels are right\n"
                } else {
                    "\nsome kernels are WRONG\n"
                })?;
            }
            Err(error) => {
                self.say(&format!("  cannot be opened: {error}\n"))?;
                adapter.problem = Some(error.to_string());
            }
        }
        Ok(adapter)
    }

    /// For people; JSON is one document at the end.
    fn say(&self, text: &str) -> Result<()> {
        if self.json { Ok(()) } else { print::text(text) }
    }
}

fn describe(adapter: &Adapter) -> String {
    let number = adapter.number.map_or(String::new(), |i| format!("{i}: "));
    let limits = &adapter.limits;
    let features = match adapter.features.as_slice() {
        [] => "none of those that kernels can use".into(),
        features => features.join(", "),
    };
    let missing = adapter.missing.iter();
    let missing: String = missing
        .map(|(name, instead)| format!("  without   {name}: {instead}\n"))
        .collect();
    let matrices = match &adapter.matrices {
        None => "none that kernels can use".to_owned(),
        Some(MatrixReport { side, problem, .. }) => match (problem, adapter.device_type) {
            (Some(problem), _) => format!("{side} × {side}, not used: {problem}"),
            (None, "cpu") => format!("{side} × {side}, right, imitated: used if --matrix-units on"),
            (None, _) => format!("{side} × {side}, right, used in mixed precision"),
        },
    };
    let memory = match adapter.memory_limit {
        Some(bytes) => format!(
            "at most {}, as TRIAXIS_MEMORY_LIMIT says",
            print::bytes(bytes)
        ),
        None => "as much as the driver gives".into(),
    };
    format!(
        "{number}{}\n  driver    {}\n  backend   {}, {}\n  limits    {} a binding, {} a buffer, {} workgroups a dimension, \
         bindings aligned to {} bytes\n  features  {features}\n{missing}  matrices  {matrices}\n  memory    {memory}\n",
        adapter.name,
        adapter.driver,
        adapter.backend,
        adapter.device_type,
        print::bytes(limits.binding_bytes),
        print::bytes(limits.buffer_bytes),
        limits.workgroups,
        limits.binding_alignment,
    )
}

/// Multiplies by an adapter's matrix units, as every command does before it uses them.
fn examine_matrices(number: Option<usize>, info: &AdapterInfo, listed: Matrices) -> MatrixReport {
    let tried = Gpu::open(&GpuOptions {
        adapter: Some(number.map_or(info.name.clone(), |i| i.to_string())),
        matrix_units: Some(MatrixUnits::On),
        ..GpuOptions::default()
    });
    let problem = tried.err().map(|error| error.to_string());
    MatrixReport {
        side: listed.side,
        right: problem.is_none(),
        problem,
    }
}

/// One test in all variants; what is wrong stands below.
fn line(row: &[Finding]) -> String {
    let state = if row.iter().all(Finding::is_ok) {
        "ok"
    } else {
        "FAILED"
    };
    let kernel = row.first().map_or("", |f| f.kernel);
    let errors: String = row
        .iter()
        .map(|f| f.error.map_or("-".into(), |error| format!("{error:.1e}")))
        .map(|error| format!("{error:>11}"))
        .collect();
    let mut text = format!("  {state:<6}  {kernel:<42}{errors}\n");
    for finding in row {
        for what in finding.note.iter().chain(&finding.fault) {
            text += &format!("          {}: {what}\n", finding.variant);
        }
    }
    text
}

fn verdict(adapters: &[Adapter]) -> Error {
    let faults: Vec<String> = adapters
        .iter()
        .flat_map(|a| a.tests.iter().filter(|t| !t.is_ok()).map(|t| (&a.name, t)))
        .map(|(name, t)| format!("{} ({}) on {name}", t.kernel, t.variant))
        .collect();
    match faults.as_slice() {
        [] => Error::Device {
            problem: adapters
                .iter()
                .filter_map(|a| Some(format!("{}: {}", a.name, a.problem.as_ref()?)))
                .collect::<Vec<_>>()
                .join("; "),
            help: "Update the driver, or install the software driver `mesa-vulkan-drivers`".into(),
        },
        faults => Error::Device {
            problem: format!("these tests failed: {}", faults.join(", ")),
            help: "Update the driver, or take another adapter with --adapter; please report it with `triaxis doctor --json`"
                .into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(device_type: &'static str, features: Vec<&'static str>) -> Adapter {
        Adapter {
            number: Some(1),
            name: "a card".into(),
            driver: "its driver".into(),
            backend: "vulkan".into(),
            device_type,
            limits: Limits {
                binding_bytes: 128 << 20,
                buffer_bytes: 1 << 30,
                binding_alignment: 256,
                workgroups: 65_535,
            },
            features,
            missing: vec![("subgroups", "each thread reads for itself")],
            matrices: None,
            memory_limit: None,
            problem: None,
            ok: false,
            tests: Vec::new(),
        }
    }

    #[test]
    fn an_adapter_without_features_is_described_as_one() {
        assert_eq!(
            describe(&adapter("cpu", vec![])),
            "1: a card\n  driver    its driver\n  backend   vulkan, cpu\n  limits    128.0 MiB a binding, 1.00 GiB a buffer, \
             65535 workgroups a dimension, bindings aligned to 256 bytes\n  features  none of those that kernels can use\n  \
             without   subgroups: each thread reads for itself\n  matrices  none that kernels can use\n  memory    as much as the driver gives\n"
        );
        let text = describe(&adapter("discrete", vec!["f16", "subgroups"]));
        assert!(text.contains("\n  features  f16, subgroups\n"), "{text}");
    }

    #[test]
    fn matrices_of_a_software_driver_are_told_as_imitated_and_wrong_ones_with_what_is_wrong() {
        let with = |device_type, problem: Option<&str>| {
            let matrices = Some(MatrixReport {
                side: 8,
                right: problem.is_none(),
                problem: problem.map(str::to_owned),
            });
            describe(&Adapter {
                matrices,
                ..adapter(device_type, vec![])
            })
        };
        for (device_type, problem, words) in [
            (
                "cpu",
                None,
                "8 × 8, right, imitated: used if --matrix-units on",
            ),
            ("discrete", None, "8 × 8, right, used in mixed precision"),
            (
                "cpu",
                Some("a product is wrong"),
                "8 × 8, not used: a product is wrong",
            ),
        ] {
            let text = with(device_type, problem);
            assert!(text.contains(&format!("matrices  {words}\n")), "{text}");
        }
    }
}
