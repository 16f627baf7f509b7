//! The pure half of a plan: which kernels run in which order on which bytes of which buffers. Needs no GPU.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;

use super::lives::{Lives, Owner};
use super::place::{Rules, place};
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

/// A node's launches, before it is known where its tensors lie.
pub(super) struct Laid {
    pub id: NodeId,
    /// Bytes of each scratch tensor.
    pub scratch: Vec<u64>,
    pub dispatches: Vec<Dispatch>,
}

/// Kernels in running order, and where every value lies: exact before any GPU is asked.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub(crate) steps: Vec<Step>,
    /// Of the values that may be accessed between runs: what lasts, and what is kept.
    pub(crate) regions: HashMap<Value, Region>,
    pub(crate) buffers: Vec<(Place, u64)>,
    paths: Vec<String>,
}

impl Schedule {
    /// Lays `graph` out for an adapter with these limits; the values in `keep` can be read after a run.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] for a tensor that no split fits to the limits, [`Error::Graph`] for an operator that binds more than
    /// a tensor, [`Error::Shape`] for an input or a state that has no number or 2^32 of them.
    pub fn new(graph: &Graph, keep: &[Value], limits: &Limits) -> Result<Self> {
        graph.expect_sizes()?;
        let mut fused = Cow::Borrowed(graph);
        if limits.fuse || (limits.fuse_halves && graph.stores_halves()) {
            if limits.forget {
                fused.to_mut().forget(keep);
            }
            fused.to_mut().fuse(keep, &limits.stored);
        }
        if limits.recompute > 0 {
            fused.to_mut().expanded(keep, limits);
        }
        let graph = &*fused;
        let live = live_nodes(graph, keep);
        let mut laid: Vec<Laid> = Vec::new();
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
                .for_each(|d| d.kernel.store(formats, limits.wide));
            laid.push(Laid {
                id,
                scratch: cx.scratch,
                dispatches: cx.dispatches,
            });
        }
        let mut schedule = Self {
            steps: Vec::new(),
            regions: HashMap::new(),
            buffers: Vec::new(),
            paths: graph.nodes().map(|id| graph.node(id).path()).collect(),
        };
        let scratch = schedule.place(graph, keep, &laid, limits);
        for Laid { id, dispatches, .. } in laid {
            let node = graph.node(id);
            let (updates, replaces) = (node.op.updates(), node.op.replaces().is_some());
            for dispatch in dispatches {
                let find = |(_, b): &(u32, Binding)| -> Result<Region> {
                    let whole = match b.slot {
                        Slot::In(i) => &schedule.regions[&node.inputs[i]],
                        Slot::Out(i) => &schedule.regions[&node.outputs[i]],
                        Slot::Scratch(i) => &scratch[&(id, i)],
                    };
                    let bytes = match &b.bytes {
                        Some(part) => part_of(&whole.bytes, part).ok_or_else(|| {
                            let length = whole.bytes.end - whole.bytes.start;
                            Error::Graph(format!(
                                "{}: {} binds bytes {part:?} of a tensor of {length} bytes, expected a part of it",
                                node.path(),
                                dispatch.kernel.entry
                            ))
                        })?,
                        None => whole.bytes.clone(),
                    };
                    Ok(Region {
                        place: whole.place.clone(),
                        bytes,
                    })
                };
                let regions = dispatch
                    .bindings
                    .iter()
                    .map(find)
                    .collect::<Result<Vec<Region>>>()?;
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
        // The bytes of other values of a pool are another's by the end of a run.
        let lasts = |region: &Region| !matches!(region.place, Place::Pool(_));
        let regions = &mut schedule.regions;
        regions.retain(|value, region| lasts(region) || keep.contains(value));
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
        laid: &[Laid],
        limits: &Limits,
    ) -> HashMap<(NodeId, usize), Region> {
        self.place_lasting(graph, laid);
        let lives = Lives::of(graph, keep, laid);
        let rules = Rules {
            alignment: limits.alignment,
            longest: limits.buffer,
        };
        let (spots, sizes) = place(&lives.intervals, rules);
        let mut scratch = HashMap::new();
        for ((owner, spot), interval) in lives.owners.into_iter().zip(spots).zip(&lives.intervals) {
            let region = Region {
                place: Place::Pool(spot.buffer),
                bytes: spot.bytes(interval.bytes),
            };
            match owner {
                Owner::Value(value) => drop(self.regions.insert(value, region)),
                Owner::Scratch(id, i) => drop(scratch.insert((id, i), region)),
            }
        }
        for (value, first) in lives.replaced {
            let region = self.regions[&first].clone();
            self.regions.insert(value, region);
        }
        let pools = sizes.into_iter().enumerate();
        self.buffers
            .extend(pools.map(|(i, bytes)| (Place::Pool(i), bytes)));
        scratch
    }

    /// Places what lasts from run to run: inputs, state, and the arenas with all parameters and what belongs to them.
    fn place_lasting(&mut self, graph: &Graph, laid: &[Laid]) {
        let (parameter_offsets, parameter_count) = graph.parameter_offsets();
        let (buffer_offsets, buffer_count) = graph.buffer_offsets();
        let at = |numbers: usize, shape: Shape| {
            numbers as u64 * 4..(numbers + shape.vec4s() * 4) as u64 * 4
        };
        let made: HashSet<Value> = laid
            .iter()
            .flat_map(|node| graph.node(node.id).outputs.iter().copied())
            .collect();
        let mut arenas: BTreeSet<Arena> = BTreeSet::new();
        for value in graph.values() {
            let shape = graph.shape(value);
            let whole = 0..graph.bytes(value);
            let (place, bytes) = match graph.kind(value) {
                Kind::Input | Kind::State(_) => {
                    self.buffers.push((Place::Own(value), whole.end));
                    (Place::Own(value), whole)
                }
                Kind::Parameter(i) => (
                    Place::Arena(Arena::Parameters),
                    at(parameter_offsets[*i], shape),
                ),
                Kind::Buffer(i) => (Place::Arena(Arena::Buffers), at(buffer_offsets[*i], shape)),
                Kind::Arena(arena) => (Place::Arena(arena.clone()), whole),
                Kind::Output(_) => match graph.pinned.get(&value) {
                    Some(&i) if made.contains(&value) => (
                        Place::Arena(Arena::Gradients),
                        at(parameter_offsets[i], shape),
                    ),
                    _ => continue,
                },
            };
            if let Place::Arena(arena) = &place {
                arenas.insert(arena.clone());
            }
            self.regions.insert(value, Region { place, bytes });
        }
        let length = |arena: &Arena| match arena {
            Arena::Parameters | Arena::Gradients | Arena::OfParameters(_) => {
                parameter_count as u64 * 4
            }
            Arena::Buffers | Arena::OfBuffers(_) => buffer_count as u64 * 4,
        };
        let lengths = arenas.into_iter().map(|a| (length(&a), a));
        self.buffers
            .extend(lengths.map(|(bytes, a)| (Place::Arena(a), bytes)));
    }
}

/// Where `part`, counted from the begin of `whole`, lies; `None` where it is not within.
fn part_of(whole: &Range<u64>, part: &Range<u64>) -> Option<Range<u64>> {
    let end = whole.start.checked_add(part.end)?;
    (part.start < part.end && end <= whole.end).then(|| whole.start + part.start..end)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mode, Op};

    /// Binds these bytes of its input.
    #[derive(Debug)]
    struct Binds(Range<u64>);

    impl Op for Binds {
        fn name(&self) -> &'static str {
            "activation"
        }

        fn shapes(&self, inputs: &[Shape]) -> Result<Vec<Shape>, String> {
            Ok(inputs.into())
        }

        fn launch(&self, cx: &mut LaunchContext) {
            let part = Binding {
                bytes: Some(self.0.clone()),
                ..Slot::In(0).into()
            };
            let dispatch = Dispatch::new("ops/activation", "activation").bind(part);
            cx.push(dispatch.bind(Slot::Out(0)).threads(1));
        }
    }

    #[test]
    fn an_operator_that_binds_more_than_a_tensor_is_refused_by_name() {
        let laid = |bytes: Range<u64>| {
            let mut g = Graph::new(Mode::Evaluate);
            let x = g.input("x", [1, 2, 2, 4]);
            let y = g.apply_one(Binds(bytes), &[x]).unwrap();
            Schedule::new(&g, &[y], &Limits::default())
        };
        assert_eq!(laid(0..64).unwrap().dispatches(), 1);
        for wrong in [0..65, 64..64, 16..u64::MAX] {
            let error = laid(wrong).unwrap_err().to_string();
            let words = "activation: activation binds bytes ";
            assert!(error.starts_with(words) && error.contains("64"), "{error}");
        }
    }
}
