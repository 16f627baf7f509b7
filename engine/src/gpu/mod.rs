//! The device: which adapter, what it allows, its pipelines, and its errors as values.

mod adapters;
mod copy;
mod features;
mod matrices;
mod memory;
mod pipelines;
mod probe;
mod stored;
mod trusted;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{AdapterKind, Error, Limits, Matrices, Result};

pub use adapters::{AdapterInfo, adapters};
pub use matrices::MatrixUnits;

/// Which device to use and how.
#[derive(Clone, Debug, Default)]
pub struct GpuOptions {
    /// The adapter: a part of its name, or its number in [`adapters`]. Else `TRIAXIS_ADAPTER`, else the fastest kind.
    pub adapter: Option<String>,
    /// Bytes that a plan may use, each by itself. Else `TRIAXIS_MEMORY_LIMIT` (MiB), else what the device gives.
    pub memory_limit: Option<u64>,
    /// Whether plans apply batch norms and gates where they are read. Else GPUs do, which wait for memory, and software
    /// drivers do not, for which computing twice is dearer, but for plans that store f16, which round less so.
    pub fuse: Option<bool>,
    /// Whether kernels use the adapter's matrix units. Else as `TRIAXIS_MATRIX_UNITS` says (`auto`, `on` or `off`), else
    /// [`MatrixUnits::Auto`].
    pub matrix_units: Option<MatrixUnits>,
    /// The folder where compiled pipelines are kept between runs, if the backend gives them out. Else
    /// `TRIAXIS_PIPELINE_CACHE` (a folder, or `off`), else the user's folder for such files.
    pub pipeline_cache: Option<PathBuf>,
}

/// An open device. Cheap to clone; all clones are one device.
#[derive(Clone, Debug)]
pub struct Gpu {
    inner: Arc<Inner>,
    limits: Limits,
}

#[derive(Debug)]
struct Inner {
    device: wgpu::Device,
    queue: wgpu::Queue,
    info: AdapterInfo,
    memory_limit: Option<u64>,
    checked: bool,
    notice: Option<String>,
    pipelines: pipelines::Cache,
    stored: Option<stored::Stored>,
    failure: Arc<Mutex<Option<Failure>>>,
}

#[derive(Clone, Debug)]
enum Failure {
    Lost(String),
    OutOfMemory(String),
    Other(String),
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(stored) = &self.stored {
            stored.save();
        }
    }
}

impl Gpu {
    /// Opens the adapter that `options` or the environment name, else the fastest kind there is, without the features that
    /// `TRIAXIS_WITHOUT` names (`timestamp-query,subgroups`).
    ///
    /// # Errors
    ///
    /// [`Error::NoAdapter`] where none answers or none has that name, with what to install or what there is, and for a
    /// variable of the environment that holds what it cannot;
    /// [`Error::Device`] where [`MatrixUnits::On`] asks for what the adapter does not have or does wrong.
    pub fn open(options: &GpuOptions) -> Result<Self> {
        features::left_out()?;
        memory::limit(options)?;
        let adapter = adapters::find(options)?;
        let limits = adapters::describe(&adapter).limits;
        let wanted = match MatrixUnits::of(options)? {
            MatrixUnits::Auto if limits.kind == AdapterKind::Cpu => MatrixUnits::Off,
            wanted => wanted,
        };
        match (wanted, limits.matrices) {
            (MatrixUnits::Off, _) | (MatrixUnits::Auto, None) => {
                Self::open_on(&adapter, options, None, None)
            }
            (MatrixUnits::On, None) => Err(Error::Device {
                adapter: adapter.get_info().name,
                what:
                    "lists no matrices of 8 or 16 with f16 factors and f32 sums; leave them at auto"
                        .into(),
            }),
            (wanted, matrices) => {
                let tried = Self::open_on(&adapter, options, matrices, None)
                    .and_then(|gpu| matrices::prove(&gpu).map(|()| gpu));
                match (tried, wanted) {
                    (Err(error), MatrixUnits::Auto) => {
                        let notice = format!("matrix units are not used: {error}");
                        Self::open_on(&adapter, options, None, Some(notice))
                    }
                    (tried, _) => tried,
                }
            }
        }
    }

    /// Opens an adapter whose kernels may use these matrices.
    fn open_on(
        adapter: &wgpu::Adapter,
        options: &GpuOptions,
        matrices: Option<Matrices>,
        notice: Option<String>,
    ) -> Result<Self> {
        let info = adapters::describe(adapter);
        let wanted = wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::PIPELINE_CACHE;
        let mut features = wanted & features::of(adapter);
        let mut experimental_features = wgpu::ExperimentalFeatures::disabled();
        if info.limits.subgroup > 0 {
            features |= wgpu::Features::SUBGROUP;
        }
        if info.limits.wide {
            features |= wgpu::Features::SHADER_INT64;
        }
        if matrices.is_some() {
            features |= features::MATRICES;
            experimental_features = trusted::experimental();
        }
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("triaxis"),
            required_features: features,
            required_limits: adapter.limits(),
            experimental_features,
            // Plans place their tensors themselves: few, large buffers.
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        };
        let (device, queue) =
            pollster::block_on(adapter.request_device(&descriptor)).map_err(|e| {
                Error::NoAdapter(format!(
                    "{} cannot be opened: {e}; try another with --adapter",
                    info.name
                ))
            })?;
        let failure = Arc::new(Mutex::new(None));
        // The first failure counts, but a lost device explains all others.
        let note = |failure: &Arc<Mutex<Option<Failure>>>, what| {
            let mut known = failure.lock().unwrap_or_else(PoisonError::into_inner);
            if known.is_none() || matches!(what, Failure::Lost(_)) {
                *known = Some(what);
            }
        };
        let seen = Arc::clone(&failure);
        device.set_device_lost_callback(move |reason, text| {
            note(&seen, Failure::Lost(format!("{reason:?}: {text}")));
        });
        let seen = Arc::clone(&failure);
        device.on_uncaptured_error(Arc::new(move |e: wgpu::Error| {
            note(
                &seen,
                match e {
                    wgpu::Error::OutOfMemory { source } => Failure::OutOfMemory(source.to_string()),
                    other => Failure::Other(other.to_string()),
                },
            );
        }));
        let limits = Limits {
            fuse: options.fuse.unwrap_or(info.limits.fuse),
            fuse_halves: options.fuse.unwrap_or(info.limits.fuse_halves),
            forget: options.fuse.unwrap_or(true) && info.limits.forget,
            matrices,
            ..info.limits
        };
        let folder = stored::folder(options.pipeline_cache.as_deref());
        let stored = stored::Stored::open(&device, &adapter.get_info(), folder);
        let inner = Inner {
            device,
            queue,
            info,
            memory_limit: memory::limit(options)?,
            checked: std::env::var("TRIAXIS_CHECKED").is_ok_and(|v| v == "1"),
            notice,
            pipelines: pipelines::Cache::default(),
            stored,
            failure,
        };
        Ok(Self {
            inner: Arc::new(inner),
            limits,
        })
    }

    /// What was opened.
    pub fn info(&self) -> &AdapterInfo {
        &self.inner.info
    }

    /// What was found wrong with the adapter as it was opened, and what is done about it.
    pub fn notice(&self) -> Option<&str> {
        self.inner.notice.as_deref()
    }

    /// What plans see of the adapter.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The same device under other limits, no larger than its own: small devices and splits are tested so.
    pub fn with_limits(&self, limits: Limits) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            limits,
        }
    }

    /// Bytes that a plan may use, where a limit was set.
    pub fn memory_limit(&self) -> Option<u64> {
        self.inner.memory_limit
    }

    /// Waits until the device has done all that was submitted.
    ///
    /// # Errors
    ///
    /// [`Error::DeviceLost`], or what the driver reported meanwhile.
    pub fn wait(&self) -> Result<()> {
        let polled = self.device().poll(wgpu::PollType::wait_indefinitely());
        self.check()?;
        polled
            .map(|_| ())
            .map_err(|e| self.device_error(e.to_string()))
    }

    /// What is allocated on the device: how many pieces, and their bytes. `None` where the driver's layer does not tell.
    pub fn allocated(&self) -> Option<(usize, u64)> {
        let report = self.device().generate_allocator_report()?;
        Some((report.allocations.len(), report.total_allocated_bytes))
    }

    /// Destroys the device as a crash of the driver would: what follows reports it lost. For tests of recovery.
    pub fn lose(&self) {
        self.device().destroy();
    }

    /// Reports the device's memory as used up, as a driver does that gives none in the middle of a run: what follows reports
    /// it, once. For tests of what is done then.
    pub fn exhaust(&self) {
        let mut known = self.failure();
        if known.is_none() {
            *known = Some(Failure::OutOfMemory("the driver gives no more".into()));
        }
    }

    /// The first failure that the driver reported since the last that was told. It is told once, for what is done with the
    /// device next has nothing to do with it; but a lost device stays lost.
    pub(crate) fn check(&self) -> Result<()> {
        let other = matches!(*self.failure(), Some(Failure::Other(_)));
        if other {
            // That a device was lost is told as it is polled, and explains what went wrong on it before.
            let wait = wgpu::PollType::Wait {
                submission_index: None,
                timeout: Some(std::time::Duration::from_secs(1)),
            };
            drop(self.device().poll(wait));
        }
        let mut known = self.failure();
        let failure = match *known {
            Some(Failure::Lost(_)) => known.clone(),
            _ => known.take(),
        };
        drop(known);
        let adapter = self.info().name.clone();
        match failure {
            None => Ok(()),
            Some(Failure::Lost(reason)) => Err(Error::DeviceLost { adapter, reason }),
            Some(Failure::OutOfMemory(what)) => Err(Error::OutOfMemory {
                what,
                needed: 0,
                available: 0,
                adapter,
            }),
            Some(Failure::Other(what)) => Err(Error::Device { adapter, what }),
        }
    }

    fn failure(&self) -> MutexGuard<'_, Option<Failure>> {
        let failure = self.inner.failure.lock();
        failure.unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn device_error(&self, what: String) -> Error {
        Error::Device {
            adapter: self.info().name.clone(),
            what,
        }
    }

    pub(crate) fn device(&self) -> &wgpu::Device {
        &self.inner.device
    }

    pub(crate) fn queue(&self) -> &wgpu::Queue {
        &self.inner.queue
    }
}
