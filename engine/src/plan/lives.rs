//! How long every value of a plan is needed, and which may not lie in one buffer.

use std::collections::HashMap;

use super::place::Interval;
use super::schedule::Laid;
use crate::{Binding, Graph, Kind, NodeId, Slot, Value};

/// Who needs an interval of memory.
pub(super) enum Owner {
    Value(Value),
    Scratch(NodeId, usize),
}

/// The memory that all values need which do not last from run to run.
pub(super) struct Lives {
    pub intervals: Vec<Interval>,
    /// Of each interval.
    pub owners: Vec<Owner>,
    /// Values that lie in the place of another, the first of its kind there.
    pub replaced: HashMap<Value, Value>,
}

impl Lives {
    /// Those of a graph's nodes, laid out in running order.
    pub(super) fn of(graph: &Graph, keep: &[Value], laid: &[Laid]) -> Self {
        let mut last_read: HashMap<Value, usize> = HashMap::new();
        for (time, node) in laid.iter().enumerate() {
            last_read.extend(graph.node(node.id).inputs.iter().map(|&x| (x, time)));
        }
        last_read.extend(keep.iter().map(|&v| (v, laid.len())));
        let replaced = replaced(graph, laid, &last_read);
        for (value, first) in &replaced {
            let last = last_read.get(value).copied().unwrap_or(0);
            let lasts = last_read.entry(*first).or_default();
            *lasts = last.max(*lasts);
        }
        let mut lives = Self {
            intervals: Vec::new(),
            owners: Vec::new(),
            replaced,
        };
        let mut index: HashMap<Value, usize> = HashMap::new();
        for (time, node) in laid.iter().enumerate() {
            for &value in &graph.node(node.id).outputs {
                let lasts = graph.pinned.contains_key(&value)
                    || !matches!(graph.kind(value), Kind::Output(_));
                if lasts {
                    continue;
                }
                if let Some(first) = lives.replaced.get(&value) {
                    index.extend(index.get(first).map(|&i| (value, i)));
                    continue;
                }
                let end = last_read.get(&value).copied().unwrap_or(time);
                let at = lives.push(Owner::Value(value), time..=end, graph.bytes(value));
                index.insert(value, at);
            }
            let scratch: Vec<usize> = node
                .scratch
                .iter()
                .enumerate()
                .map(|(i, &bytes)| lives.push(Owner::Scratch(node.id, i), time..=time, bytes))
                .collect();
            lives.part(graph, node, &index, &scratch);
        }
        lives
    }

    fn push(&mut self, owner: Owner, life: std::ops::RangeInclusive<usize>, bytes: u64) -> usize {
        self.owners.push(owner);
        self.intervals.push(Interval {
            begin: *life.start(),
            end: *life.end(),
            bytes,
            apart: Vec::new(),
        });
        self.intervals.len() - 1
    }

    /// Keeps apart what one kernel of a node may write and whatever else it binds. Several that it only reads may share a
    /// buffer.
    fn part(
        &mut self,
        graph: &Graph,
        laid: &Laid,
        index: &HashMap<Value, usize>,
        scratch: &[usize],
    ) {
        let node = graph.node(laid.id);
        let updates = node.op.updates();
        let bound = |(_, binding): &(u32, Binding)| match binding.slot {
            Slot::In(i) => Some((*index.get(&node.inputs[i])?, updates.contains(&i))),
            Slot::Out(i) => Some((*index.get(&node.outputs[i])?, true)),
            Slot::Scratch(i) => Some((scratch[i], true)),
        };
        for dispatch in &laid.dispatches {
            let bound: Vec<(usize, bool)> = dispatch.bindings.iter().filter_map(bound).collect();
            for &(a, writes_a) in &bound {
                for &(b, writes_b) in &bound {
                    let apart = &mut self.intervals[a].apart;
                    if a != b && (writes_a || writes_b) && !apart.contains(&b) {
                        apart.push(b);
                    }
                }
            }
        }
    }
}

/// What lies in the place of another value, and of which: of the first, where one replaces what has replaced another.
fn replaced(
    graph: &Graph,
    laid: &[Laid],
    last_read: &HashMap<Value, usize>,
) -> HashMap<Value, Value> {
    let mut replaced: HashMap<Value, Value> = HashMap::new();
    for (time, laid) in laid.iter().enumerate() {
        let node = graph.node(laid.id);
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
    replaced
}
