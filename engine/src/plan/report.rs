use std::collections::HashMap;

/// Bytes of a plan by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Parameters.
    pub parameters: u64,
    /// Their gradients.
    pub gradients: u64,
    /// Momenta, averages, running statistics.
    pub state: u64,
    /// What the caller writes, and counters.
    pub inputs: u64,
    /// What is computed, scratch included, lifetimes folded.
    pub activations: u64,
}

impl Memory {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.parameters + self.gradients + self.state + self.inputs + self.activations
    }
}

/// The bytes that one run's kernels touch.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// Kernel by kernel, in running order.
    pub rows: Vec<TrafficRow>,
}

/// The bytes that one kernel touches.
#[derive(Clone, Debug)]
pub struct TrafficRow {
    /// The node's path.
    pub path: String,
    /// The kernel's entry point.
    pub kernel: &'static str,
    /// Bytes of its operands, each once: padding and partial sums included.
    pub bytes: u64,
    /// Bytes that are read again by neighbouring tiles, from caches or memory; `None` where that is not known.
    pub rereads: Option<u64>,
}

/// The bytes that the kernels of one node touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeTraffic {
    /// The node's path.
    pub path: String,
    /// Kernels launched.
    pub dispatches: usize,
    /// Bytes of their operands.
    pub bytes: u64,
    /// Bytes that neighbouring tiles read again; `None` where not one of the kernels tells.
    pub rereads: Option<u64>,
}

impl Traffic {
    /// Bytes of all kernels.
    pub fn total(&self) -> u64 {
        self.rows.iter().map(|r| r.bytes).sum()
    }

    /// Bytes that neighbouring tiles read again, in the kernels that tell.
    pub fn rereads(&self) -> u64 {
        self.rows.iter().filter_map(|r| r.rereads).sum()
    }

    /// Kernels of one path together, in the order in which the paths first run.
    pub fn nodes(&self) -> Vec<NodeTraffic> {
        let mut at: HashMap<&str, usize> = HashMap::new();
        let mut nodes: Vec<NodeTraffic> = Vec::new();
        for row in &self.rows {
            let i = *at.entry(&row.path).or_insert(nodes.len());
            if i == nodes.len() {
                nodes.push(NodeTraffic {
                    path: row.path.clone(),
                    ..NodeTraffic::default()
                });
            }
            let node = &mut nodes[i];
            node.dispatches += 1;
            node.bytes += row.bytes;
            if let Some(bytes) = row.rereads {
                *node.rereads.get_or_insert(0) += bytes;
            }
        }
        nodes
    }
}

#[cfg(test)]
mod tests {
    use crate::{Graph, Limits, Mode, Schedule, Shape, TrafficRow, ops};

    #[test]
    fn a_tensor_that_is_bound_twice_counts_once() {
        let mut g = Graph::new(Mode::Evaluate);
        let x = g.input("x", [2, 5, 7, 6]);
        let y = ops::add(&mut g, x, x).unwrap();
        let traffic = Schedule::new(&g, &[y], &Limits::default())
            .unwrap()
            .traffic();
        // Six channels are stored as eight.
        assert_eq!(traffic.total(), 2 * (2 * 5 * 7 * 8 * 4));
    }

    #[test]
    fn partial_sums_count_as_often_as_they_are_touched_however_images_are_split() {
        let mut g = Graph::new(Mode::Evaluate);
        let shape = Shape([8, 32, 32, 4]);
        let x = g.input("x", shape);
        let y = ops::column_sum(&mut g, x).unwrap();
        let (image, whole) = (32 * 32 * 16, 8 * 32 * 32 * 16);
        for (binding, ranges) in [(whole, 1), (image, 8)] {
            let limits = Limits {
                binding,
                ..Limits::default()
            };
            let rows = Schedule::new(&g, &[y], &limits).unwrap().traffic().rows;
            let sum_of = |kernel: &str| {
                let of_kernel = |r: &&TrafficRow| r.kernel == kernel;
                rows.iter().filter(of_kernel).map(|r| r.bytes).sum::<u64>()
            };
            let launches = rows.iter().filter(|r| r.kernel == "column_sum").count();
            assert_eq!(launches, ranges);
            // 16 pixels a tile: 512 rows of sums, then one.
            let tiles = 8 * 32 * 32 / 16;
            assert_eq!(sum_of("column_sum"), whole + tiles * 16);
            assert_eq!(sum_of("sum_last"), (tiles + 1) * 16);
        }
    }

    #[test]
    fn nodes_gather_their_kernels() {
        let mut g = Graph::new(Mode::Evaluate);
        let x = g.input("x", [8, 32, 32, 4]);
        let y = g.scope("total", |g| ops::column_sum(g, x)).unwrap();
        let traffic = Schedule::new(&g, &[y], &Limits::default())
            .unwrap()
            .traffic();
        let nodes = traffic.nodes();
        assert_eq!(nodes.len(), 1);
        assert_eq!(nodes[0].path, "total.column_sum");
        assert_eq!(nodes[0].dispatches, traffic.rows.len());
        assert_eq!((nodes[0].bytes, nodes[0].rereads), (traffic.total(), None));
    }
}
