//! The one module that may use `unsafe`: shader modules without bounds checks, and wgpu's experimental features.
//!
//! naga's loop bounding and bounds checks cost matrix kernels up to 1.7 times. They can be left out because every
//! kernel is ours, guards its own indices, and is run by the tests in the checked mode too (`TRIAXIS_CHECKED=1`).
#![allow(
    unsafe_code,
    reason = "trusted shader modules and experimental features are unsafe calls of wgpu"
)]

/// A module of one of our kernels, with run-time checks only if `checked`.
pub(super) fn shader_module(
    device: &wgpu::Device,
    label: &str,
    source: &str,
    checked: bool,
) -> wgpu::ShaderModule {
    let descriptor = wgpu::ShaderModuleDescriptor {
        label: Some(label),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    };
    if checked {
        return device.create_shader_module(descriptor);
    }
    // SAFETY: the text comes from `triaxis_shaders`, never from a user. Every kernel compares its indices with the
    // sizes in its uniform before it reads or writes, loops end by those sizes, and `Schedule` makes each binding as
    // long as the shapes say. The tests run all cases in the checked mode as well and compare the results.
    unsafe {
        device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked())
    }
}

/// Leave to ask for the matrices of subgroups, which wgpu calls experimental.
pub(super) fn experimental() -> wgpu::ExperimentalFeatures {
    // SAFETY: wgpu warns that such features may have faults that are undefined behaviour. The one feature that is asked for
    // is used by one kernel, ours, in flow that is uniform in a subgroup, on workgroup memory that its tiles fill; a device
    // is used with it only where `matrices::prove` saw right products.
    unsafe { wgpu::ExperimentalFeatures::enabled() }
}
