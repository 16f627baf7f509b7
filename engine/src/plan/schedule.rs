//! The pure half of a plan: which kernels run in which order on which bytes of which buffers. Needs no GPU.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::place::{Interval, place};
use super::{Memory, Traffic, TrafficRow};
use crate::{
    Arena, Binding, DType, Dispatch, Error, Graph, Kind, LaunchContext, Limits, NodeId, Result,
    Shape, Slot, Value,
};

/// A buffer of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Place {
    /// Shared by values whose lifetimes do not overlap.
    Pool(usize),
    /// A value's own: inputs and state.
    Own(Value),
    /// An arena.
    Arena(Arena),
}

/// Bytes of a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    pub place: Place,
    pub bytes: Range<u64>,
}

/// A kernel with its bindings found.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub node: NodeId,
    pub dispatch: Dispatch,
    pub regions: Vec<Region>,
    /// The bindings that are read and written: of tensors that are updated in place.
    updated: Vec<bool>,
}

impl Step {
    /// Bytes of the operands that the kernel touches; a tensor that is bound twice counts once, and one that is updated in
    /// place, as it is read and as it is written.
    fn touched(&self) -> u64 {
        let mut seen: HashMap<(&Place, &Range<u64>), u64> = HashMap::new();
        let bindings = self.dispatch.bindings.iter().zip(&self.updated);
        for (region, ((_, binding), updated)) in self.regions.iter().zip(bindings) {
            let bound = region.bytes.end - region.bytes.start;
            let bytes = binding.touched.unwrap_or(bound).min(bound) * (1 + u64::from(*updated));
            let known = seen.entry((&region.place, &region.bytes)).or_default();
            *known = bytes.max(*known);
        }
        seen.values().sum()
    }
}

/// Kernels in running order, and where every value lies: exact before any GPU is asked.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub(crate) steps: Vec<Step>,
    pub(crate) regions: HashMap<Value, Region>,
    pub(crate) buffers: Vec<(Place, u64)>,
    paths: Vec<String>,
}

impl Schedule {
    /// Lays `graph` out for an adapter with these limits; the values in `keep` can be read after a run.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] for a tensor that no split fits to the limits.
    pub fn new(graph: &Graph, keep: &[Value], limits: &Limits) -> Result<Self> {
        let mut fused = Cow::Borrowed(graph);
        if limits.fuse {
            fused.to_mut().fuse(keep);
        }
        if limits.recompute > 0 {
            fused.to_mut().expanded(keep, limits);
        }
        let graph = &*fused;
        let live = live_nodes(graph, keep);
        let mut laid: Vec<(NodeId, Vec<u64>, Vec<Dispatch>)> = Vec::new();
        for &id in &live {
            let node = graph.node(id);
            let shapes = |values: &[Value]| {
                values
                    .iter()
                    .map(|&v| graph.shape(v))
                    .collect::<Vec<Shape>>()
            };
            let (inputs, outputs) = (shapes(&node.inputs), shapes(&node.outputs));
            let values = node.inputs.iter().chain(&node.outputs);
            let dtypes: Vec<DType> = values.map(|&v| graph.dtype(v)).collect();
            let mut cx = LaunchContext::new(&inputs, &outputs, &dtypes, limits);
            node.op.launch(&mut cx);
            let formats = graph.formats(node);
            cx.dispatches
                .iter_mut()
                .for_each(|d| d.kernel.formats = formats);
            laid.push((id, cx.scratch, cx.dispatches));
        }
        let mut schedule = Self {
            steps: Vec::new(),
            regions: HashMap::new(),
            buffers: Vec::new(),
            paths: graph.nodes().map(|id| graph.node(id).path()).collect(),
        };
        let scratch = schedule.place(graph, keep, &laid);
        for (id, _, dispatches) in laid {
            let node = graph.node(id);
            let (updates, replaces) = (node.op.updates(), node.op.replaces().is_some());
            for dispatch in dispatches {
                let find = |(_, b): &(u32, Binding)| {
                    let whole = match b.slot {
                        Slot::In(i) => &schedule.regions[&node.inputs[i]],
                        Slot::Out(i) => &schedule.regions[&node.outputs[i]],
                        Slot::Scratch(i) => &scratch[&(id, i)],
                    };
                    let bytes = match &b.bytes {
                        Some(part) => whole.bytes.start + part.start..whole.bytes.start + part.end,
                        None => whole.bytes.clone(),
                    };
                    Region {
                        place: whole.place.clone(),
                        bytes,
                    }
                };
                let regions: Vec<Region> = dispatch.bindings.iter().map(find).collect();
                if let Some(long) = regions
                    .iter()
                    .find(|r| r.bytes.end - r.bytes.start > limits.binding)
                {
                    let (got, most) = (
                        (long.bytes.end - long.bytes.start) >> 20,
                        limits.binding >> 20,
                    );
                    return Err(Error::Limit {
                        node: node.path(),
                        what: format!(
                            "a kernel reads {got} MiB at once where {most} MiB are allowed"
                        ),
                        adapter: "this adapter".into(),
                    });
                }
                let in_place = |(_, b): &(u32, Binding)| match b.slot {
                    Slot::In(i) => updates.contains(&i),
                    Slot::Out(i) => i == 0 && replaces,
                    Slot::Scratch(_) => false,
                };
                let updated = dispatch.bindings.iter().map(in_place).collect();
                schedule.steps.push(Step {
                    node: id,
                    dispatch,
                    regions,
                    updated,
                });
            }
        }
        Ok(schedule)
    }

    /// Bytes by what they are for.
    pub fn memory(&self) -> Memory {
        let mut memory = Memory::default();
        for (place, bytes) in &self.buffers {
            *match place {
                Place::Pool(_) => &mut memory.activations,
                Place::Own(_) => &mut memory.inputs,
                Place::Arena(Arena::Parameters) => &mut memory.parameters,
                Place::Arena(Arena::Gradients) => &mut memory.gradients,
                Place::Arena(_) => &mut memory.state,
            } += bytes;
        }
        memory
    }

    /// The bytes that every kernel touches.
    pub fn traffic(&self) -> Traffic {
        let row = |s: &Step| TrafficRow {
            path: self.paths[s.node.0].clone(),
            kernel: s.dispatch.kernel.entry,
            bytes: s.touched(),
            rereads: s.dispatch.rereads,
        };
        Traffic {
            rows: self.steps.iter().map(row).collect(),
        }
    }

    /// Kernels launched in one run.
    pub fn dispatches(&self) -> usize {
        self.steps.len()
    }

    /// Pipelines that the kernels come to: what a first run compiles.
    pub fn pipelines(&self) -> usize {
        let keys = self.steps.iter().map(|step| step.dispatch.kernel.key());
        keys.collect::<HashSet<_>>().len()
    }

    /// Every launch: its node's path and what it launches.
    pub fn launches(&self) -> impl Iterator<Item = (&str, &Dispatch)> {
        self.steps
            .iter()
            .map(|s| (self.paths[s.node.0].as_str(), &s.dispatch))
    }

    pub(crate) fn path(&self, node: NodeId) -> &str {
        &self.paths[node.0]
    }

    /// Finds a place for every value and every scratch tensor.
    fn place(
        &mut self,
        graph: &Graph,
        keep: &[Value],
        laid: &[(NodeId, Vec<u64>, Vec<Dispatch>)],
    ) -> HashMap<(NodeId, usize), Region> {
        let (parameter_offsets, parameter_count) = graph.parameter_offsets();
        let (buffer_offsets, buffer_count) = graph.buffer_offsets();
        let mut arenas: HashSet<Arena> = HashSet::new();
        let at = |numbers: usize, shape: Shape| {
            numbers as u64 * 4..(numbers + shape.vec4s() * 4) as u64 * 4
        };
        let mut last_read: HashMap<Value, usize> = HashMap::new();
        for (time, (id, ..)) in laid.iter().enumerate() {
            last_read.extend(graph.node(*id).inputs.iter().map(|&x| (x, time)));
        }
        last_read.extend(keep.iter().map(|&v| (v, laid.len())));
        // What a value lies in the place of, which has to last as long.
        let mut replaced: HashMap<Value, Value> = HashMap::new();
        for (time, (id, ..)) in laid.iter().enumerate() {
            let node = graph.node(*id);
            let Some(before) = node.op.replaces().map(|i| node.inputs[i]) else {
                continue;
            };
            assert!(
                last_read[&before] == time,
                "{}: what is replaced is read later",
                node.path()
            );
            let first = *replaced.get(&before).unwrap_or(&before);
            replaced.insert(node.outputs[0], first);
        }
        for (value, first) in &replaced {
            let last = last_read.get(value).copied().unwrap_or(0);
            let lasts = last_read.entry(*first).or_default();
            *lasts = last.max(*lasts);
        }
        let made: HashMap<Value, usize> = laid
            .iter()
            .enumerate()
            .flat_map(|(t, (id, ..))| graph.node(*id).outputs.iter().map(move |&y| (y, t)))
            .collect();

        let (mut pooled, mut intervals) = (Vec::new(), Vec::new());
        for value in graph.values() {
            let shape = graph.shape(value);
            let bytes = (shape.vec4s() * graph.dtype(value).vec4_bytes()) as u64;
            let region = match (graph.kind(value), graph.pinned.get(&value)) {
                (Kind::Input | Kind::State(_), _) => {
                    self.buffers.push((Place::Own(value), bytes));
                    Region {
                        place: Place::Own(value),
                        bytes: 0..bytes,
                    }
                }
                (Kind::Parameter(i), _) => Region {
                    place: Place::Arena(Arena::Parameters),
                    bytes: at(parameter_offsets[*i], shape),
                },
                (Kind::Buffer(i), _) => Region {
                    place: Place::Arena(Arena::Buffers),
                    bytes: at(buffer_offsets[*i], shape),
                },
                (Kind::Arena(arena), _) => Region {
                    place: Place::Arena(arena.clone()),
                    bytes: 0..bytes,
                },
                (Kind::Output(_), Some(&i)) if made.contains_key(&value) => Region {
                    place: Place::Arena(Arena::Gradients),
                    bytes: at(parameter_offsets[i], shape),
                },
                (Kind::Output(_), _) if replaced.contains_key(&value) => continue,
                (Kind::Output(_), _) => {
                    if let Some(&begin) = made.get(&value) {
                        let end = last_read.get(&value).copied().unwrap_or(begin);
                        intervals.push(Interval { begin, end, bytes });
                        pooled.push(Pooled::Value(value));
                    }
                    continue;
                }
            };
            if let Place::Arena(arena) = &region.place {
                arenas.insert(arena.clone());
            }
            self.regions.insert(value, region);
        }
        for (time, (id, scratch, _)) in laid.iter().enumerate() {
            for (i, &bytes) in scratch.iter().enumerate() {
                intervals.push(Interval {
                    begin: time,
                    end: time,
                    bytes,
                });
                pooled.push(Pooled::Scratch(*id, i));
            }
        }
        let (slots, sizes) = place(&intervals);
        let mut scratch = HashMap::new();
        for ((owner, slot), interval) in pooled.into_iter().zip(slots).zip(&intervals) {
            let region = Region {
                place: Place::Pool(slot),
                bytes: 0..interval.bytes,
            };
            match owner {
                Pooled::Value(value) => drop(self.regions.insert(value, region)),
                Pooled::Scratch(id, i) => drop(scratch.insert((id, i), region)),
            }
        }
        for (value, first) in replaced {
            let region = self.regions[&first].clone();
            self.regions.insert(value, region);
        }
        self.buffers.extend(
            sizes
                .into_iter()
                .enumerate()
                .map(|(i, bytes)| (Place::Pool(i), bytes)),
        );
        let length = |arena: &Arena| match arena {
            Arena::Parameters | Arena::Gradients | Arena::OfParameters(_) => {
                parameter_count as u64 * 4
            }
            Arena::Buffers | Arena::OfBuffers(_) => buffer_count as u64 * 4,
        };
        let mut arenas: Vec<Arena> = arenas.into_iter().collect();
        arenas.sort();
        self.buffers.extend(
            arenas
                .into_iter()
                .map(|a| (Place::Arena(a.clone()), length(&a))),
        );
        scratch
    }
}

enum Pooled {
    Value(Value),
    Scratch(NodeId, usize),
}

/// The nodes that something asked for depends on, or that change what lasts.
pub(crate) fn live_nodes(graph: &Graph, keep: &[Value]) -> Vec<NodeId> {
    let mut needed: HashSet<Value> = keep.iter().copied().collect();
    let mut live: Vec<NodeId> = Vec::new();
    for id in graph.nodes().rev() {
        let node = graph.node(id);
        if node.op.updates().is_empty() && !node.outputs.iter().any(|y| needed.contains(y)) {
            continue;
        }
        for &x in &node.inputs {
            if *graph.kind(x) == Kind::Arena(Arena::Gradients) {
                needed.extend(graph.pinned.keys());
            }
            needed.insert(x);
        }
        live.push(id);
    }
    live.reverse();
    live
}
