//! The device: which adapter, what it allows, its pipelines, and its errors as values.

mod copy;
mod pipelines;
mod probe;
mod trusted;

use std::sync::{Arc, Mutex, PoisonError};

use crate::limits::RECOMPUTE;
use crate::{AdapterKind, Error, Limits, Result, VariantTable};

/// Which device to use and how.
#[derive(Clone, Debug, Default)]
pub struct GpuOptions {
    /// The adapter: a part of its name, or its number in [`adapters`]. Else `TRIAXIS_ADAPTER`, else the fastest kind.
    pub adapter: Option<String>,
    /// Bytes that plans may use in all. Else `TRIAXIS_MEMORY_LIMIT` (MiB), else what the device gives.
    pub memory_limit: Option<u64>,
    /// Whether plans apply batch norms and gates where they are read. Else GPUs do, which wait for memory, and software
    /// drivers do not, for which computing twice is dearer.
    pub fuse: Option<bool>,
}

/// An adapter, in words and numbers.
#[derive(Clone, Debug)]
pub struct AdapterInfo {
    /// The device's name.
    pub name: String,
    /// The driver's name and version.
    pub driver: String,
    /// `vulkan`, `metal` or `dx12`.
    pub backend: String,
    /// `discrete`, `integrated`, `virtual`, `cpu` or `other`.
    pub device_type: &'static str,
    /// What plans see of it.
    pub limits: Limits,
    /// Features of use to kernels that it has, by WebGPU's names.
    pub features: Vec<&'static str>,
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
    pipelines: pipelines::Cache,
    failure: Arc<Mutex<Option<Failure>>>,
}

#[derive(Clone, Debug)]
enum Failure {
    Lost(String),
    OutOfMemory(String),
    Other(String),
}

const FEATURES: [(wgpu::Features, &str); 4] = [
    (wgpu::Features::TIMESTAMP_QUERY, "timestamp-query"),
    (wgpu::Features::SHADER_F16, "shader-f16"),
    (wgpu::Features::SUBGROUP, "subgroups"),
    (
        wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX,
        "cooperative-matrix",
    ),
];

/// Every adapter that answers, fastest kind first.
pub fn adapters() -> Vec<AdapterInfo> {
    list().iter().map(describe).collect()
}

fn list() -> Vec<wgpu::Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::PRIMARY;
    // wgpu's debug default adds source text to shaders, which some validation layers refuse.
    descriptor.flags = wgpu::InstanceFlags::empty().with_env();
    descriptor.memory_budget_thresholds.for_resource_creation = Some(95);
    let instance = wgpu::Instance::new(descriptor);
    let mut adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    adapters.sort_by_key(|a| rank(a.get_info().device_type));
    adapters
}

fn rank(kind: wgpu::DeviceType) -> u32 {
    match kind {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    }
}

fn describe(adapter: &wgpu::Adapter) -> AdapterInfo {
    let (info, limits) = (adapter.get_info(), adapter.limits());
    let (device_type, work, bytes) = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => ("discrete", 100_000_000_000, 10_000_000_000),
        wgpu::DeviceType::IntegratedGpu => ("integrated", 10_000_000_000, 2_000_000_000),
        wgpu::DeviceType::VirtualGpu => ("virtual", 10_000_000_000, 2_000_000_000),
        wgpu::DeviceType::Cpu => ("cpu", 500_000_000, 400_000_000),
        wgpu::DeviceType::Other => ("other", 10_000_000_000, 2_000_000_000),
    };
    let limits = Limits {
        // wgpu refuses bindings of 2 GiB and more whatever the driver says.
        binding: limits.max_storage_buffer_binding_size.min((1 << 31) - 256),
        buffer: limits.max_buffer_size,
        alignment: u64::from(limits.min_storage_buffer_offset_alignment),
        workgroups: limits.max_compute_workgroups_per_dimension,
        work,
        bytes,
        kind: if info.device_type == wgpu::DeviceType::Cpu {
            AdapterKind::Cpu
        } else {
            AdapterKind::Gpu
        },
        fuse: info.device_type != wgpu::DeviceType::Cpu,
        recompute: if info.device_type == wgpu::DeviceType::Cpu {
            0
        } else {
            RECOMPUTE
        },
        variants: VariantTable::default(),
    };
    let features = FEATURES
        .iter()
        .filter(|(f, _)| adapter.features().contains(*f))
        .map(|&(_, name)| name)
        .collect();
    AdapterInfo {
        name: info.name,
        driver: [info.driver, info.driver_info]
            .iter()
            .filter(|s| !s.is_empty())
            .cloned()
            .collect::<Vec<_>>()
            .join(" "),
        backend: info.backend.to_string(),
        device_type,
        limits,
        features,
    }
}

impl Gpu {
    /// Opens the adapter that `options` or the environment name, else the fastest kind there is.
    ///
    /// # Errors
    ///
    /// [`Error::NoAdapter`] where none answers or none has that name, with what to install or what there is.
    pub fn open(options: &GpuOptions) -> Result<Self> {
        let wanted = options
            .adapter
            .clone()
            .or_else(|| std::env::var("TRIAXIS_ADAPTER").ok())
            .filter(|s| !s.is_empty());
        let adapters = list();
        let names: Vec<String> = adapters.iter().map(|a| a.get_info().name).collect();
        let chosen = match &wanted {
            None => adapters.first(),
            Some(wanted) => wanted
                .parse::<usize>()
                .ok()
                .and_then(|i| adapters.get(i))
                .or_else(|| {
                    let wanted = wanted.to_lowercase();
                    adapters
                        .iter()
                        .find(|a| a.get_info().name.to_lowercase().contains(&wanted))
                }),
        };
        let adapter = chosen.ok_or_else(|| Error::NoAdapter(none(&wanted, &names)))?;
        let info = describe(adapter);
        let features = wgpu::Features::TIMESTAMP_QUERY & adapter.features();
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("triaxis"),
            required_features: features,
            required_limits: adapter.limits(),
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
        let from_environment = || {
            std::env::var("TRIAXIS_MEMORY_LIMIT")
                .ok()?
                .parse::<u64>()
                .ok()
                .map(|mib| mib << 20)
        };
        let limits = Limits {
            fuse: options.fuse.unwrap_or(info.limits.fuse),
            ..info.limits
        };
        let inner = Inner {
            device,
            queue,
            info,
            memory_limit: options.memory_limit.or_else(from_environment),
            checked: std::env::var("TRIAXIS_CHECKED").is_ok_and(|v| v == "1"),
            pipelines: pipelines::Cache::default(),
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

    /// Bytes that plans may use, where a limit was set.
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
    /// it. For tests of what is done then.
    pub fn exhaust(&self) {
        let failure = self.inner.failure.lock();
        let mut known = failure.unwrap_or_else(PoisonError::into_inner);
        if known.is_none() {
            *known = Some(Failure::OutOfMemory("the driver gives no more".into()));
        }
    }

    /// The first failure that the driver reported since the device was opened.
    pub(crate) fn check(&self) -> Result<()> {
        let failure = self
            .inner
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
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

fn none(wanted: &Option<String>, names: &[String]) -> String {
    match wanted {
        Some(wanted) if !names.is_empty() => {
            format!("no adapter is called {wanted}; there are: {}", names.join(", "))
        }
        _ => "no GPU and no software driver answers; on Debian or Ubuntu install one with \
              `apt-get install mesa-vulkan-drivers libvulkan1`, elsewhere the vendor's Vulkan, Metal or DX12 driver"
            .into(),
    }
}
