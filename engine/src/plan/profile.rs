//! Where the time of a run goes, kernel by kernel.

use std::time::Instant;

use super::Plan;
use crate::{NodeId, Result, ShapeClass};

/// The times of one run's kernels.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Kernel by kernel, in running order.
    pub rows: Vec<ProfileRow>,
    /// `timestamps` of the device, or the `wall clock` around one submit a kernel.
    pub clock: &'static str,
}

/// The time of one kernel.
#[derive(Clone, Debug)]
pub struct ProfileRow {
    /// The node, in the graph that was compiled.
    pub node: NodeId,
    /// The node's path.
    pub path: String,
    /// The kernel's entry point.
    pub kernel: &'static str,
    /// Seconds.
    pub seconds: f64,
    /// Workgroups launched.
    pub workgroups: u64,
    /// Multiply-adds.
    pub work: u64,
    /// Bytes of its tensors.
    pub bytes: u64,
    /// The class of convolutions that it is of, where there is a choice of variants.
    pub class: Option<ShapeClass>,
}

impl Plan {
    /// Runs once, measuring every kernel: by timestamp queries where the adapter has them, else by the wall clock.
    ///
    /// # Errors
    ///
    /// As [`Plan::run`].
    pub fn profile(&mut self) -> Result<Profile> {
        self.gpu.wait()?;
        let stamped = self
            .gpu
            .device()
            .features()
            .contains(wgpu::Features::TIMESTAMP_QUERY);
        let seconds = if stamped {
            self.by_timestamps()?
        } else {
            self.by_clock()?
        };
        let rows = self
            .schedule
            .traffic()
            .rows
            .into_iter()
            .zip(seconds)
            .zip(&self.schedule.steps);
        let row =
            |((traffic, seconds), step): ((super::TrafficRow, f64), &super::schedule::Step)| {
                ProfileRow {
                    node: step.node,
                    path: traffic.path,
                    kernel: traffic.kernel,
                    seconds,
                    workgroups: step.dispatch.workgroups,
                    work: step.dispatch.work,
                    bytes: traffic.bytes,
                    class: step.dispatch.class,
                }
            };
        Ok(Profile {
            rows: rows.map(row).collect(),
            clock: if stamped { "timestamps" } else { "wall clock" },
        })
    }

    fn by_clock(&self) -> Result<Vec<f64>> {
        let mut seconds = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let begin = Instant::now();
            let mut encoder = self
                .gpu
                .device()
                .create_command_encoder(&Default::default());
            step.encode(&mut encoder.begin_compute_pass(&Default::default()));
            self.gpu.queue().submit([encoder.finish()]);
            self.gpu.wait()?;
            seconds.push(begin.elapsed().as_secs_f64());
        }
        Ok(seconds)
    }

    fn by_timestamps(&self) -> Result<Vec<f64>> {
        // A query set holds at most 8192 stamps: two a kernel.
        let parts: Result<Vec<Vec<f64>>> = self
            .steps
            .chunks(4096)
            .map(|part| self.stamp(part))
            .collect();
        Ok(parts?.concat())
    }

    fn stamp(&self, steps: &[super::Ready]) -> Result<Vec<f64>> {
        let count = steps.len() as u32 * 2;
        let device = self.gpu.device();
        let queries = device.create_query_set(&wgpu::QuerySetDescriptor {
            label: None,
            ty: wgpu::QueryType::Timestamp,
            count,
        });
        let bytes = u64::from(count) * 8;
        let resolved = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("timestamps"),
            size: bytes,
            usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        let staging = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("timestamps read back"),
            size: bytes,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = device.create_command_encoder(&Default::default());
        for (i, step) in steps.iter().enumerate() {
            let writes = wgpu::ComputePassTimestampWrites {
                query_set: &queries,
                beginning_of_pass_write_index: Some(i as u32 * 2),
                end_of_pass_write_index: Some(i as u32 * 2 + 1),
            };
            let descriptor = wgpu::ComputePassDescriptor {
                label: None,
                timestamp_writes: Some(writes),
            };
            step.encode(&mut encoder.begin_compute_pass(&descriptor));
        }
        encoder.resolve_query_set(&queries, 0..count, &resolved, 0);
        encoder.copy_buffer_to_buffer(&resolved, 0, &staging, 0, Some(bytes));
        self.gpu.queue().submit([encoder.finish()]);
        staging.map_async(wgpu::MapMode::Read, .., |_| {});
        self.gpu.wait()?;
        let view = staging
            .get_mapped_range(..)
            .map_err(|e| self.gpu.device_error(e.to_string()))?;
        let stamps: Vec<u64> = bytemuck::pod_collect_to_vec(&view[..]);
        let period = f64::from(self.gpu.queue().get_timestamp_period()) * 1e-9;
        Ok(stamps
            .chunks_exact(2)
            .map(|s| s[1].saturating_sub(s[0]) as f64 * period)
            .collect())
    }
}
