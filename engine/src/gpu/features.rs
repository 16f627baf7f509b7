//! Features of adapters that kernels can use, each with what is done where it is missing.

use crate::{Error, Result};

/// Names of features to leave unused, as drivers have them that list what they do not do right.
const VARIABLE: &str = "TRIAXIS_WITHOUT";

/// A feature that kernels can use.
struct Feature {
    flag: wgpu::Features,
    /// WebGPU's name.
    name: &'static str,
    /// What is done without it.
    instead: &'static str,
}

const FEATURES: [Feature; 5] = [
    Feature {
        flag: wgpu::Features::TIMESTAMP_QUERY,
        name: "timestamp-query",
        instead: "kernels are timed by the clock, a submit each",
    },
    Feature {
        flag: wgpu::Features::SHADER_F16,
        name: "shader-f16",
        instead: "f16 is packed and unpacked as f32, and no matrix units are used",
    },
    Feature {
        flag: wgpu::Features::SUBGROUP,
        name: "subgroups",
        instead: "each thread reads for itself, and no matrix units are used",
    },
    Feature {
        flag: wgpu::Features::SHADER_INT64,
        name: "shader-int64",
        instead: "software drivers move each number by itself; GPUs do so anyway",
    },
    Feature {
        flag: wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX,
        name: "cooperative-matrix",
        instead: "no matrix units are used",
    },
];

/// What kernels that multiply matrices need of a device.
pub(super) const MATRICES: wgpu::Features = wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX
    .union(wgpu::Features::SHADER_F16)
    .union(wgpu::Features::SUBGROUP);

/// What an adapter has, less what `TRIAXIS_WITHOUT` names.
pub(super) fn of(adapter: &wgpu::Adapter) -> wgpu::Features {
    adapter.features() - left_out().unwrap_or_default()
}

/// The names of some of these features.
pub(super) fn names(features: wgpu::Features) -> Vec<&'static str> {
    let had = FEATURES.iter().filter(|f| features.contains(f.flag));
    had.map(|f| f.name).collect()
}

/// The features that are not among these names, and what is done without each.
pub(super) fn missing(names: &[&str]) -> Vec<(&'static str, &'static str)> {
    let missing = FEATURES.iter().filter(|f| !names.contains(&f.name));
    missing.map(|f| (f.name, f.instead)).collect()
}

/// What `TRIAXIS_WITHOUT` names.
///
/// # Errors
///
/// [`Error::NoAdapter`] for a name that no feature has, with those that there are.
pub(super) fn left_out() -> Result<wgpu::Features> {
    let text = std::env::var(VARIABLE).unwrap_or_default();
    let names = text
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let flag = |name: &str| match FEATURES.iter().find(|f| f.name == name) {
        Some(feature) => Ok(feature.flag),
        None => Err(Error::NoAdapter(format!(
            "{VARIABLE}: no feature is called {name}; there are: {}",
            FEATURES.map(|f| f.name).join(", ")
        ))),
    };
    let mut flags = names.map(flag);
    flags.try_fold(wgpu::Features::empty(), |all, flag| Ok(all | flag?))
}
