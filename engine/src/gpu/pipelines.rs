//! Pipelines, made once for each kernel and shared by all plans of a device.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Gpu, trusted};
use crate::{Kernel, Result};

/// What compiling takes where it is worth being kept at once.
const LONG: Duration = Duration::from_secs(1);

/// A compiled kernel.
#[derive(Clone, Debug)]
pub(crate) struct Pipeline {
    pub pipeline: wgpu::ComputePipeline,
    /// What it computes on, and the uniform that it reads its sizes from.
    pub layout: wgpu::BindGroupLayout,
}

#[derive(Debug, Default)]
pub(super) struct Cache {
    modules: Mutex<HashMap<Vec<&'static str>, Arc<wgpu::ShaderModule>>>,
    pipelines: Mutex<HashMap<String, Pipeline>>,
}

impl Gpu {
    /// Makes the pipelines of `kernels` that are not there yet, on all cores.
    pub(crate) fn prepare(&self, kernels: &[&Kernel]) -> Result<()> {
        let mut missing: HashMap<String, &Kernel> = kernels.iter().map(|&k| (k.key(), k)).collect();
        missing.retain(|key, _| self.cached(key).is_none());
        let missing: Vec<(String, &Kernel)> = missing.into_iter().collect();
        let begin = Instant::now();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = missing.len().div_ceil(threads).max(1);
        std::thread::scope(|scope| {
            let workers: Vec<_> = missing
                .chunks(share)
                .map(|part| scope.spawn(|| part.iter().try_for_each(|(key, k)| self.make(key, k))))
                .collect();
            workers.into_iter().try_for_each(|w| {
                w.join()
                    .expect("making a pipeline reports its errors, it does not panic")
            })
        })?;
        // A run that is killed later need not compile again what took long.
        if begin.elapsed() > LONG
            && let Some(stored) = &self.inner.stored
        {
            stored.save();
        }
        Ok(())
    }

    /// The pipeline of a kernel that [`Gpu::prepare`] made.
    pub(crate) fn pipeline(&self, kernel: &Kernel) -> Pipeline {
        self.cached(&kernel.key())
            .expect("plans prepare their kernels first")
    }

    fn cached(&self, key: &str) -> Option<Pipeline> {
        self.inner
            .pipelines
            .pipelines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned()
    }

    fn make(&self, key: &str, kernel: &Kernel) -> Result<()> {
        let scope = self
            .device()
            .push_error_scope(wgpu::ErrorFilter::Validation);
        let module = self.module(kernel);
        let pipeline = self
            .device()
            .create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(kernel.entry),
                layout: None,
                module: &module,
                entry_point: Some(kernel.entry),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants: &kernel.constants,
                    // Every kernel writes its workgroup memory before it reads it.
                    zero_initialize_workgroup_memory: false,
                },
                cache: self.inner.stored.as_ref().map(super::stored::Stored::cache),
            });
        if let Some(stored) = &self.inner.stored {
            stored.grow();
        }
        let layout = pipeline.get_bind_group_layout(0);
        if let Some(error) = pollster::block_on(scope.pop()) {
            return Err(self.device_error(format!("{}: {error}", kernel.entry)));
        }
        let made = Pipeline { pipeline, layout };
        self.inner
            .pipelines
            .pipelines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key.into(), made);
        Ok(())
    }

    /// The entry points of a file share its module.
    fn module(&self, kernel: &Kernel) -> Arc<wgpu::ShaderModule> {
        let mut modules = self
            .inner
            .pipelines
            .modules
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let make = || {
            Arc::new(trusted::shader_module(
                self.device(),
                kernel.link[0],
                &kernel.source(),
                self.inner.checked,
            ))
        };
        Arc::clone(modules.entry(kernel.files()).or_insert_with(make))
    }
}
