//! The merging of partial sums, `engine/src/ops/sum.rs`, as `column_sum` uses it.

use super::column_sum::case;
use crate::Case;

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    // A tile holds 16 pixels or more; a stage merges 32 of them, and the last one 1,024.
    vec![
        case("of one tile", [1, 4, 4, 3]),
        case("of 32 tiles", [1, 16, 32, 3]),
        case("of 33 tiles", [1, 17, 31, 3]),
        case("of many tiles and columns", [2, 64, 65, 21]),
        case("of 1,100 tiles, two stages", [1, 128, 137, 3]),
        case("of images of one tile each", [35, 2, 3, 9]),
    ]
}

/// The many partial sums of EfficientNet-B0's first layer, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    vec![case("32_112", [n, 112, 112, 32])]
}

#[cfg(test)]
mod tests {
    use triaxis::engine::{AdapterKind, Graph, Limits, Mode, Schedule, ops::column_sum};

    #[test]
    fn sum_matches_reference() {
        crate::check_all(&super::cases());
    }

    #[test]
    fn sum_takes_one_stage_for_up_to_1024_tiles() {
        let stages = |shape| {
            let mut g = Graph::new(Mode::Train);
            let x = g.input("x", shape);
            let y = column_sum(&mut g, x).unwrap();
            let limits = Limits {
                kind: AdapterKind::Gpu,
                ..Limits::default()
            };
            Schedule::new(&g, &[y], &limits).unwrap().dispatches() - 1
        };
        assert_eq!(stages([1, 16, 32, 3]), 1);
        assert_eq!(stages([1, 17, 31, 3]), 1);
        assert_eq!(stages([1, 128, 128, 3]), 1);
        assert_eq!(stages([1, 128, 137, 3]), 2);
    }
}
