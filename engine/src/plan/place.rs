//! Which buffer holds which value: values that are never needed at the same time share one.

/// A value's need for memory, from the node that makes it to the last that reads it, both included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval {
    pub begin: usize,
    pub end: usize,
    pub bytes: u64,
}

/// Each interval's buffer, and the buffers' sizes.
///
/// Largest first, each into the smallest buffer that is free for its whole life: a buffer's first tenant is its
/// largest, so that no buffer ever grows.
pub(super) fn place(intervals: &[Interval]) -> (Vec<usize>, Vec<u64>) {
    let mut order: Vec<usize> = (0..intervals.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(intervals[i].bytes), intervals[i].begin));
    let mut slots = vec![0; intervals.len()];
    let mut tenants: Vec<Vec<Interval>> = Vec::new();
    let mut sizes: Vec<u64> = Vec::new();
    for i in order {
        let new = intervals[i];
        let free = |tenants: &[Interval]| {
            tenants
                .iter()
                .all(|t| t.end < new.begin || new.end < t.begin)
        };
        // Sizes fall, so the last free buffer is the smallest.
        let slot = (0..sizes.len())
            .rev()
            .find(|&s| free(&tenants[s]))
            .unwrap_or_else(|| {
                sizes.push(new.bytes.max(16));
                tenants.push(Vec::new());
                sizes.len() - 1
            });
        tenants[slot].push(new);
        slots[i] = slot;
    }
    (slots, sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_share_a_buffer_only_when_their_lives_do_not_meet() {
        let intervals = [
            (0, 1, 100),
            (1, 2, 300),
            (2, 4, 200),
            (3, 5, 50),
            (6, 7, 300),
        ]
        .map(|(begin, end, bytes)| Interval { begin, end, bytes });
        let (slots, sizes) = place(&intervals);
        for (i, a) in intervals.iter().enumerate() {
            assert!(sizes[slots[i]] >= a.bytes);
            for (j, b) in intervals.iter().enumerate().skip(i + 1) {
                assert!(
                    slots[i] != slots[j] || a.end < b.begin || b.end < a.begin,
                    "{i} and {j} overlap"
                );
            }
        }
        assert_eq!(
            sizes.iter().sum::<u64>(),
            500,
            "the chain needs two buffers, of 300 and 200"
        );
    }
}
