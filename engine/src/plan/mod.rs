//! A graph compiled for a device: memory placed once, pipelines and bindings made once, replayed every step.

mod lives;
mod place;
mod profile;
mod report;
mod schedule;
mod transfer;

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

pub use profile::{Profile, ProfileRow};
pub use report::{Memory, NodeTraffic, Traffic, TrafficRow};
pub use schedule::Schedule;
pub(crate) use schedule::live_nodes;
pub use transfer::{Exported, Pending, PendingArena};

use crate::{AdapterKind, Arena, Error, Gpu, Graph, Kernel, Limits, Result, Value};
use schedule::{Place, Region};

/// Where kernels find the uniform with their sizes: behind all tensors, in the same group, for each group that is set costs
/// a tenth of what encoding a launch does.
const PARAMS: u32 = 15;

/// Steps that may be submitted before the first of them is done.
const IN_FLIGHT: usize = 2;

/// A graph, ready to run on one device.
#[derive(Debug)]
pub struct Plan {
    gpu: Gpu,
    graph: Graph,
    schedule: Schedule,
    buffers: HashMap<Place, wgpu::Buffer>,
    steps: Vec<Ready>,
    /// Steps of one submit each.
    submits: Vec<Range<usize>>,
    in_flight: VecDeque<wgpu::SubmissionIndex>,
    staging: transfer::Staging,
}

/// A kernel with everything bound.
#[derive(Debug)]
struct Ready {
    pipeline: wgpu::ComputePipeline,
    bound: wgpu::BindGroup,
    grid: [u32; 2],
}

impl Plan {
    /// Lays `graph` out, allocates, and makes every pipeline and bind group. Parameters, buffers and state begin as
    /// zero: see [`Plan::initialise`]. The values in `keep` can be read after a run.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] with what was needed and what there is, [`Error::Limit`], or the driver's error.
    pub fn compile(gpu: &Gpu, graph: &Graph, keep: &[Value]) -> Result<Self> {
        let schedule = Schedule::new(graph, keep, gpu.limits()).map_err(|e| match e {
            Error::Limit { node, what, .. } => Error::Limit {
                node,
                what,
                adapter: gpu.info().name.clone(),
            },
            other => other,
        })?;
        let needed = schedule.memory().total();
        let refuse = |what: String, available| {
            Err(Error::OutOfMemory {
                what,
                needed,
                available,
                adapter: gpu.info().name.clone(),
            })
        };
        if let Some(limit) = gpu.memory_limit().filter(|&limit| needed > limit) {
            return refuse("the plan".into(), limit);
        }
        let largest = schedule.buffers.iter().map(|(_, bytes)| *bytes).max();
        if let Some(bytes) = largest.filter(|&bytes| bytes > gpu.limits().buffer) {
            return Err(Error::OutOfMemory {
                what: "one buffer of the plan".into(),
                needed: bytes,
                available: gpu.limits().buffer,
                adapter: gpu.info().name.clone(),
            });
        }
        let kernels: Vec<&Kernel> = schedule.steps.iter().map(|s| &s.dispatch.kernel).collect();
        gpu.prepare(&kernels)?;

        let usage = wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::COPY_SRC
            | wgpu::BufferUsages::COPY_DST;
        let buffer = |bytes: u64, usage, label: &str| {
            gpu.device().create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: bytes.next_multiple_of(16).max(16),
                usage,
                mapped_at_creation: false,
            })
        };
        let alignment = gpu.device().limits().min_uniform_buffer_offset_alignment as usize;
        let (words, offsets) = uniforms(&schedule, alignment);
        let (buffers, sizes) = gpu.taking("the plan", needed, || {
            let tensors = schedule.buffers.iter();
            let buffers: HashMap<Place, wgpu::Buffer> = tensors
                .map(|(place, bytes)| (place.clone(), buffer(*bytes, usage, &format!("{place:?}"))))
                .collect();
            let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
            (buffers, buffer(words.len() as u64 * 4, usage, "sizes"))
        })?;
        gpu.queue()
            .write_buffer(&sizes, 0, bytemuck::cast_slice(&words));

        let scope = gpu.device().push_error_scope(wgpu::ErrorFilter::Validation);
        let mut steps = Vec::with_capacity(schedule.steps.len());
        for (step, offset) in schedule.steps.iter().zip(offsets) {
            let made = gpu.pipeline(&step.dispatch.kernel);
            let part = |region: &Region| wgpu::BufferBinding {
                buffer: &buffers[&region.place],
                offset: region.bytes.start,
                size: std::num::NonZeroU64::new(region.bytes.end - region.bytes.start),
            };
            let entry = |(&(binding, _), region): (&(u32, _), &Region)| wgpu::BindGroupEntry {
                binding,
                resource: wgpu::BindingResource::Buffer(part(region)),
            };
            let bound = step.dispatch.bindings.iter().zip(&step.regions);
            let params = wgpu::BindGroupEntry {
                binding: PARAMS,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: &sizes,
                    offset: offset as u64 * 4,
                    size: std::num::NonZeroU64::new(
                        step.dispatch.params.len().next_multiple_of(4) as u64 * 4,
                    ),
                }),
            };
            let entries: Vec<wgpu::BindGroupEntry<'_>> = bound.map(entry).chain([params]).collect();
            let descriptor = wgpu::BindGroupDescriptor {
                label: Some(schedule.path(step.node)),
                layout: &made.layout,
                entries: &entries,
            };
            steps.push(Ready {
                bound: gpu.device().create_bind_group(&descriptor),
                grid: grid(step.dispatch.workgroups, gpu.limits().workgroups),
                pipeline: made.pipeline,
            });
        }
        if let Some(error) = pollster::block_on(scope.pop()) {
            return Err(gpu.device_error(error.to_string()));
        }
        gpu.check()?;
        let submits = submits(&schedule, gpu.limits());
        Ok(Self {
            gpu: gpu.clone(),
            graph: graph.clone(),
            schedule,
            buffers,
            steps,
            submits,
            in_flight: VecDeque::new(),
            staging: transfer::Staging::default(),
        })
    }

    /// Submits one run and returns; waits only while two earlier runs are not done.
    ///
    /// # Errors
    ///
    /// [`Error::DeviceLost`], or what the driver reported since the last run.
    pub fn run(&mut self) -> Result<()> {
        for range in &self.submits {
            let commands = self.commands(range);
            self.in_flight
                .push_back(self.gpu.queue().submit([commands]));
        }
        while self.in_flight.len() > IN_FLIGHT * self.submits.len() {
            self.wait_for_one()?;
        }
        self.gpu.check()
    }

    /// Records one run and throws the record away: what of a run is neither the driver's nor the device's work, to be
    /// timed.
    pub fn record(&self) {
        for range in &self.submits {
            drop(self.commands(range));
        }
    }

    fn commands(&self, steps: &Range<usize>) -> wgpu::CommandBuffer {
        let device = self.gpu.device();
        let mut encoder = device.create_command_encoder(&Default::default());
        let mut pass = encoder.begin_compute_pass(&Default::default());
        for step in &self.steps[steps.clone()] {
            step.encode(&mut pass);
        }
        drop(pass);
        encoder.finish()
    }

    fn wait_for_one(&mut self) -> Result<()> {
        let Some(index) = self.in_flight.pop_front() else {
            return Ok(());
        };
        let polled = self.gpu.device().poll(wgpu::PollType::Wait {
            submission_index: Some(index),
            timeout: None,
        });
        self.gpu.check()?;
        polled
            .map(|_| ())
            .map_err(|e| self.gpu.device_error(e.to_string()))
    }

    /// What the plan does, before any GPU: kernels, memory, traffic.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// The graph that was compiled.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The device it runs on.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Bytes by what they are for.
    pub fn memory(&self) -> Memory {
        self.schedule.memory()
    }

    /// The bytes that every kernel touches.
    pub fn traffic(&self) -> Traffic {
        self.schedule.traffic()
    }

    /// The arenas that the plan holds.
    pub fn arenas(&self) -> impl Iterator<Item = &Arena> {
        self.schedule
            .buffers
            .iter()
            .filter_map(|(place, _)| match place {
                Place::Arena(arena) => Some(arena),
                Place::Pool(_) | Place::Own(_) => None,
            })
    }

    /// Submits of one run.
    pub fn submits(&self) -> usize {
        self.submits.len()
    }

    /// Where `value` lies, if it may be accessed between runs.
    fn region(&self, value: Value) -> Result<&Region> {
        let not_kept = || Error::NotKept(self.graph.name(value).into());
        self.schedule.regions.get(&value).ok_or_else(not_kept)
    }
}

impl Ready {
    fn encode(&self, pass: &mut wgpu::ComputePass<'_>) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bound, &[]);
        pass.dispatch_workgroups(self.grid[0], self.grid[1], 1);
    }
}

/// All kernels' sizes in one buffer, and where each kernel's begin, in words.
fn uniforms(schedule: &Schedule, alignment: usize) -> (Vec<u32>, Vec<usize>) {
    let (mut words, mut offsets) = (Vec::new(), Vec::new());
    for step in &schedule.steps {
        words.resize(words.len().next_multiple_of(alignment / 4), 0);
        offsets.push(words.len());
        words.extend(&step.dispatch.params);
        // A uniform's size is a multiple of 16 bytes.
        words.resize(words.len().next_multiple_of(4), 0);
    }
    (words, offsets)
}

/// Workgroups in two dimensions, at most `limit` in each; kernels count them row by row.
fn grid(workgroups: u64, limit: u32) -> [u32; 2] {
    let rows = workgroups.div_ceil(u64::from(limit)).max(1);
    let columns = workgroups.div_ceil(rows);
    [columns as u32, rows as u32]
}

/// Cuts the steps so that none of the submits is predicted above 100 ms: longer ones freeze desktops and wake watchdogs. No
/// watchdog waits for a software driver, which computes all submits but the last on the thread that submits them: 5 s there.
fn submits(schedule: &Schedule, limits: &Limits) -> Vec<Range<usize>> {
    let most = match limits.kind {
        AdapterKind::Gpu => 1.0,
        AdapterKind::Cpu => 50.0,
    };
    let (mut ranges, mut first, mut spent) = (Vec::new(), 0, 0.0);
    for (i, step) in schedule.steps.iter().enumerate() {
        let bytes: u64 = step
            .regions
            .iter()
            .map(|r| r.bytes.end - r.bytes.start)
            .sum();
        let share =
            step.dispatch.work as f64 / limits.work as f64 + bytes as f64 / limits.bytes as f64;
        if i > first && spent + share > most {
            ranges.push(first..i);
            (first, spent) = (i, 0.0);
        }
        spent += share;
    }
    if first < schedule.steps.len() {
        ranges.push(first..schedule.steps.len());
    }
    ranges
}
