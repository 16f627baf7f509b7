//! The adapters that answer, and what they can do.

use super::{GpuOptions, features};
use crate::limits::RECOMPUTE;
use crate::{AdapterKind, Error, Limits, Matrices, Result, StoredEdges, VariantTable};

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
    /// Features of use to kernels that it has, by WebGPU's names, less those that `TRIAXIS_WITHOUT` names.
    pub features: Vec<&'static str>,
}

impl AdapterInfo {
    /// The features of use that it lacks, and what is done without each.
    pub fn missing(&self) -> Vec<(&'static str, &'static str)> {
        features::missing(&self.features)
    }
}

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

pub(super) fn describe(adapter: &wgpu::Adapter) -> AdapterInfo {
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
        fuse_halves: true,
        forget: info.device_type != wgpu::DeviceType::Cpu,
        stored: StoredEdges::default(),
        recompute: match info.device_type {
            wgpu::DeviceType::Cpu => 0,
            _ => RECOMPUTE,
        },
        subgroup: subgroup(adapter),
        wide: info.device_type == wgpu::DeviceType::Cpu
            && features::of(adapter).contains(wgpu::Features::SHADER_INT64),
        matrices: matrices(adapter),
        variants: VariantTable::default(),
    };
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
        features: features::names(features::of(adapter)),
    }
}

/// The adapter that `options` or the environment name, else the fastest kind there is.
pub(super) fn find(options: &GpuOptions) -> Result<wgpu::Adapter> {
    // A variable that is set to nothing says nothing; an option that is given means something.
    let named = std::env::var("TRIAXIS_ADAPTER").ok();
    let wanted = (options.adapter.clone()).or(named.filter(|name| !name.is_empty()));
    let adapters = list();
    let names: Vec<String> = adapters.iter().map(|a| a.get_info().name).collect();
    let chosen = match wanted.as_deref() {
        None => Some(0),
        Some(wanted) => place(wanted, &names),
    };
    let adapter = chosen.and_then(|i| adapters.get(i));
    let missing = || Error::NoAdapter(none(wanted.as_deref(), &names));
    Ok(adapter.ok_or_else(missing)?.clone())
}

/// Where among `names` the adapter is that `wanted` means. A number is never looked for in names: those tell versions
/// and sizes, which nobody who counts adapters means.
fn place(wanted: &str, names: &[String]) -> Option<usize> {
    if is_number(wanted) {
        return wanted.parse::<usize>().ok().filter(|&i| i < names.len());
    }
    let wanted = wanted.to_lowercase();
    let has = |name: &String| !wanted.is_empty() && name.to_lowercase().contains(&wanted);
    names.iter().position(has)
}

fn is_number(wanted: &str) -> bool {
    !wanted.is_empty() && wanted.chars().all(|c| c.is_ascii_digit())
}

fn none(wanted: Option<&str>, names: &[String]) -> String {
    let Some(wanted) = wanted.filter(|_| !names.is_empty()) else {
        return "no GPU and no software driver answers; on Debian or Ubuntu install one with \
                `apt-get install mesa-vulkan-drivers libvulkan1`, elsewhere the vendor's Vulkan, Metal or DX12 driver"
            .into();
    };
    let problem = match wanted {
        "" => "the name of the adapter is empty".to_owned(),
        number if is_number(number) => format!("no adapter has the number {number}"),
        name => format!("no adapter is called {name}"),
    };
    let listed = names.iter().enumerate();
    let listed: Vec<String> = listed.map(|(i, name)| format!("{i}: {name}")).collect();
    format!("{problem}; there are: {}", listed.join(", "))
}

/// Threads of every subgroup on a software driver, whose subgroups are the lanes of the processor's vectors; 0 elsewhere.
fn subgroup(adapter: &wgpu::Adapter) -> u32 {
    let info = adapter.get_info();
    let one_size = info.subgroup_min_size == info.subgroup_max_size;
    let able = features::of(adapter).contains(wgpu::Features::SUBGROUP);
    match info.device_type {
        wgpu::DeviceType::Cpu if able && one_size => info.subgroup_max_size,
        _ => 0,
    }
}

/// The largest matrices with f16 factors and f32 sums that the adapter lists.
fn matrices(adapter: &wgpu::Adapter) -> Option<Matrices> {
    if !features::of(adapter).contains(features::MATRICES) {
        return None;
    }
    let listed = adapter.cooperative_matrix_properties();
    let subgroup = adapter.get_info().subgroup_max_size;
    let of_side = |side: u32| {
        let found = listed.iter().any(|m| {
            [m.m_size, m.n_size, m.k_size] == [side; 3]
                && m.ab_type == wgpu::CooperativeScalarType::F16
                && m.cr_type == wgpu::CooperativeScalarType::F32
                && !m.saturating_accumulation
        });
        found.then(|| Matrices::new(side, subgroup)).flatten()
    };
    of_side(16).or_else(|| of_side(8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> [String; 2] {
        ["NVIDIA H200", "llvmpipe (LLVM 15.0.6, 256 bits)"].map(String::from)
    }

    #[test]
    fn a_number_is_an_adapters_place_and_no_part_of_a_name() {
        for (wanted, expected) in [
            ("0", Some(0)),
            ("1", Some(1)),
            ("2", None),
            ("15", None),
            ("99999999999999999999999", None),
            ("LLVM 15", Some(1)),
            ("h200", Some(0)),
            ("radeon", None),
            ("", None),
        ] {
            assert_eq!(place(wanted, &names()), expected, "{wanted:?}");
        }
    }

    #[test]
    fn an_adapter_that_is_not_there_brings_those_that_are() {
        let listed = "; there are: 0: NVIDIA H200, 1: llvmpipe (LLVM 15.0.6, 256 bits)";
        for (wanted, problem) in [
            ("2", "no adapter has the number 2"),
            ("radeon", "no adapter is called radeon"),
            ("", "the name of the adapter is empty"),
        ] {
            assert_eq!(none(Some(wanted), &names()), format!("{problem}{listed}"));
        }
        assert!(none(Some("0"), &[]).contains("mesa-vulkan-drivers"));
    }
}
