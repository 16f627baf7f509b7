//! The one module that may use `unsafe`: shader modules without bounds checks, wgpu's experimental features, and
//! pipelines from a file.
//!
//! naga's loop bounding and bounds checks cost matrix kernels up to 1.7 times. They can be left out because every
//! kernel's text is ours, guards its own indices by the sizes it is given, and is run by the tests in the checked mode too
//! (`TRIAXIS_CHECKED=1`). That those sizes are those of what is bound is up to [`crate::Op`], ours and others'.
#![allow(
    unsafe_code,
    reason = "trusted shader modules, experimental features and stored pipelines are unsafe calls of wgpu"
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
    // sizes in its uniform before it reads or writes, and loops end by those sizes. `Schedule` makes each tensor as long
    // as its shape says and each binding a part of its tensor. That the sizes in the uniform are those of what is bound
    // is what implementors of `Op` uphold, as its documentation asks of them; for our operators the tests run all
    // cases in the checked mode as well and compare the results.
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

/// A cache for pipelines that begins with `data`, which [`wgpu::PipelineCache::get_data`] gave, or empty; `None` where the
/// driver makes none.
pub(super) fn pipeline_cache(
    device: &wgpu::Device,
    data: Option<&[u8]>,
) -> Option<wgpu::PipelineCache> {
    let scope = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let descriptor = wgpu::PipelineCacheDescriptor {
        label: Some("pipelines"),
        data,
        fallback: true,
    };
    // SAFETY: `stored` hands over only what it wrote itself: the checksum says that all of it is there and unchanged, the
    // owner that adapter, driver and version are the same, and wgpu compares its own header besides. A person who can
    // write a right checksum into the user's folder can run programs as that user.
    let cache = unsafe { device.create_pipeline_cache(&descriptor) };
    pollster::block_on(scope.pop()).is_none().then_some(cache)
}
