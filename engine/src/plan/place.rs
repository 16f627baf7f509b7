//! Where in which buffer every value lies: values that are never needed at the same time share bytes.

use std::ops::Range;

/// A value's need for memory, from the node that makes it to the last that reads it, both included.
#[derive(Clone, Debug)]
pub(super) struct Interval {
    pub begin: usize,
    pub end: usize,
    pub bytes: u64,
    /// Those that may not lie in the same buffer: what a kernel writes and what it reads besides, for a buffer is bound
    /// either for reading or for writing.
    pub apart: Vec<usize>,
}

impl Interval {
    fn meets(&self, other: &Self) -> bool {
        self.begin <= other.end && other.begin <= self.end
    }
}

/// An interval's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub buffer: usize,
    pub offset: u64,
}

impl Spot {
    pub(super) fn bytes(self, length: u64) -> Range<u64> {
        self.offset..self.offset + length
    }
}

/// What holds of every buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Bytes that an offset is a multiple of.
    pub alignment: u64,
    /// Bytes of the longest; an interval that is longer has a buffer of its own all the same.
    pub longest: u64,
}

/// Each interval's spot, and the buffers' sizes.
///
/// Largest first, each where the buffers grow least by it: into a gap between those that it meets, at the end of a
/// buffer, or into a new one. The large values, which settle how much there is, so become buffers, and the many small ones
/// lie in them side by side at times when the large ones do not.
pub(super) fn place(intervals: &[Interval], rules: Rules) -> (Vec<Spot>, Vec<u64>) {
    let mut order: Vec<usize> = (0..intervals.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(intervals[i].bytes), intervals[i].begin));
    let mut spots: Vec<Option<Spot>> = vec![None; intervals.len()];
    let mut buffers: Vec<Buffer> = Vec::new();
    for i in order {
        let new = &intervals[i];
        let closed = |b: usize| {
            let apart = new.apart.iter().filter_map(|&other| spots[other]);
            apart.into_iter().any(|spot| spot.buffer == b)
        };
        let found = (0..buffers.len())
            .filter(|&b| !closed(b))
            .map(|buffer| {
                let offset = buffers[buffer].gap(intervals, new, rules.alignment);
                let grows = (offset + new.bytes).saturating_sub(buffers[buffer].size);
                (grows, Spot { buffer, offset })
            })
            .filter(|(grows, spot)| *grows == 0 || spot.offset + new.bytes <= rules.longest)
            .min_by_key(|(grows, _)| *grows)
            .filter(|(grows, _)| *grows < new.bytes);
        let spot = found.map_or_else(
            || {
                buffers.push(Buffer::default());
                Spot {
                    buffer: buffers.len() - 1,
                    offset: 0,
                }
            },
            |(_, spot)| spot,
        );
        buffers[spot.buffer].take(i, spot.bytes(new.bytes));
        spots[i] = Some(spot);
    }
    let sizes = buffers.iter().map(|b| b.size.max(16)).collect();
    (spots.into_iter().flatten().collect(), sizes)
}

#[derive(Default)]
struct Buffer {
    size: u64,
    /// Who lies where, by the first byte.
    tenants: Vec<(Range<u64>, usize)>,
}

impl Buffer {
    /// The first offset from which on there is room for `new` among those that it meets.
    fn gap(&self, intervals: &[Interval], new: &Interval, alignment: u64) -> u64 {
        let mut offset = 0u64;
        for (taken, tenant) in &self.tenants {
            if intervals[*tenant].meets(new) {
                if offset + new.bytes <= taken.start {
                    break;
                }
                offset = offset.max(taken.end.next_multiple_of(alignment));
            }
        }
        offset
    }

    fn take(&mut self, tenant: usize, bytes: Range<u64>) {
        self.size = self.size.max(bytes.end);
        let at = self
            .tenants
            .partition_point(|(taken, _)| taken.start <= bytes.start);
        self.tenants.insert(at, (bytes, tenant));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        alignment: 1,
        longest: 1000,
    };

    fn intervals<const N: usize>(of: [(usize, usize, u64, &[usize]); N]) -> Vec<Interval> {
        let interval = |(begin, end, bytes, apart): (usize, usize, u64, &[usize])| Interval {
            begin,
            end,
            bytes,
            apart: apart.to_vec(),
        };
        of.map(interval).to_vec()
    }

    /// Places them, checks that none is in another's way, and returns the bytes of all buffers.
    fn placed(intervals: &[Interval], rules: Rules) -> u64 {
        let (spots, sizes) = place(intervals, rules);
        assert_eq!(spots.len(), intervals.len());
        for (i, a) in intervals.iter().enumerate() {
            let here = spots[i].bytes(a.bytes);
            assert!(here.end <= sizes[spots[i].buffer]);
            assert_eq!(here.start % rules.alignment, 0);
            for (j, b) in intervals.iter().enumerate().skip(i + 1) {
                if spots[i].buffer != spots[j].buffer {
                    continue;
                }
                assert!(!a.apart.contains(&j) && !b.apart.contains(&i), "{i}, {j}");
                let there = spots[j].bytes(b.bytes);
                assert!(
                    !a.meets(b) || here.end <= there.start || there.end <= here.start,
                    "{i} and {j} overlap"
                );
            }
        }
        sizes.iter().sum()
    }

    #[test]
    fn values_share_bytes_only_when_their_lives_do_not_meet() {
        let chain = intervals([
            (0, 1, 100, &[1]),
            (1, 2, 300, &[0, 2]),
            (2, 4, 200, &[1, 3]),
            (3, 5, 50, &[2]),
            (6, 7, 300, &[]),
        ]);
        assert_eq!(placed(&chain, RULES), 500, "300 and 200 meet");
    }

    #[test]
    fn a_large_value_lies_where_several_small_ones_did() {
        let rules = Rules {
            alignment: 16,
            ..RULES
        };
        let after = intervals([
            (0, 1, 96, &[]),
            (0, 2, 80, &[]),
            (0, 3, 60, &[]),
            (3, 3, 64, &[]),
            (4, 5, 250, &[]),
        ]);
        assert_eq!(placed(&after, rules), 250);
    }

    #[test]
    fn what_a_kernel_reads_and_what_it_writes_lie_in_two_buffers() {
        let pair = intervals([(0, 1, 100, &[1]), (1, 2, 100, &[0]), (3, 3, 10, &[0, 1])]);
        let (spots, sizes) = place(&pair, RULES);
        assert_eq!(sizes, [100, 100, 16]);
        let buffers: Vec<usize> = spots.iter().map(|spot| spot.buffer).collect();
        assert_eq!(buffers, [0, 1, 2]);
    }

    #[test]
    fn a_buffer_does_not_grow_beyond_what_is_allowed() {
        let rules = Rules {
            longest: 150,
            ..RULES
        };
        let three = intervals([(0, 9, 100, &[]), (0, 9, 60, &[]), (0, 9, 50, &[])]);
        let (_, sizes) = place(&three, rules);
        assert!(sizes.iter().all(|&s| s <= 150), "{sizes:?}");
        let long = intervals([(0, 1, 400, &[]), (0, 1, 20, &[])]);
        assert_eq!(place(&long, rules).1, [400, 20]);
    }
}
