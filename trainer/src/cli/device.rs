//! The options that every command with a device has.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Once;

use clap::Args;
use triaxis_engine::{Gpu, GpuOptions, MatrixUnits};

use crate::error::Result;
use crate::recipe::Kernels;
use crate::tune::{Tuned, with_kernels};

#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Device")]
pub(super) struct Device {
    /// Adapter to use: a part of its name, or its number in `triaxis doctor` [default: the fastest kind]
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    /// GPU memory to use at most, in MiB
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(..=u64::MAX >> 20))]
    memory_limit: Option<u64>,
    /// Run every operator as a kernel of its own, for comparison and debugging [default: what pays on the adapter]
    #[arg(long)]
    pub(super) no_fuse: bool,
    /// Matrix units in mixed precision: auto takes those of a GPU that multiply rightly, on those of any adapter, off none
    /// [default: TRIAXIS_MATRIX_UNITS, else auto]
    #[arg(long, value_name = "WHICH")]
    matrix_units: Option<MatrixUnits>,
    /// Kernels as `triaxis tune` measured them on this adapter [default: what pays on its kind]
    #[arg(long, value_name = "FILE")]
    tune: Option<PathBuf>,
}

impl Device {
    /// The device, with the table of `--tune`.
    pub(super) fn open(&self) -> Result<Gpu> {
        let gpu = self.open_untuned()?;
        match self.tuned()? {
            Some(tuned) => tuned.applied_to(&gpu),
            None => Ok(gpu),
        }
    }

    /// The device, with these kernels.
    pub(super) fn open_with(&self, kernels: &Kernels) -> Result<Gpu> {
        with_kernels(&self.open()?, kernels)
    }

    /// The table of `--tune`.
    pub(super) fn tuned(&self) -> Result<Option<Tuned>> {
        self.tune.as_deref().map(Tuned::load).transpose()
    }

    /// The files that opening it reads.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.tune.as_deref().into_iter()
    }

    /// The options as they were given, for a command that is to run likewise.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut add = |option: &str, value: Option<String>| {
            if let Some(value) = value {
                words.extend([option.to_owned(), value]);
            }
        };
        add("--adapter", self.adapter.clone());
        add(
            "--memory-limit",
            self.memory_limit.map(|mib| mib.to_string()),
        );
        add(
            "--matrix-units",
            self.matrix_units.map(|units| units.to_string()),
        );
        let path = |path: &PathBuf| path.display().to_string();
        add("--tune", self.tune.as_ref().map(path));
        if self.no_fuse {
            words.push("--no-fuse".to_owned());
        }
        words
    }

    fn open_untuned(&self) -> Result<Gpu> {
        let memory_limit = self.memory_limit.map(|mib| mib << 20);
        let gpu = Gpu::open(&GpuOptions {
            adapter: self.adapter.clone(),
            memory_limit,
            fuse: self.no_fuse.then_some(false),
            matrix_units: self.matrix_units,
            ..GpuOptions::default()
        })?;
        // A run whose device was lost opens another, with a progress bar on the screen and nothing new to tell.
        static TOLD: Once = Once::new();
        if let Some(notice) = gpu.notice() {
            TOLD.call_once(|| drop(writeln!(io::stderr(), "warning: {notice}")));
        }
        Ok(gpu)
    }
}
