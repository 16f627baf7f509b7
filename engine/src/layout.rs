//! The order of a parameter's numbers in files and in the engine.

use crate::Shape;

/// How a parameter's numbers stand in public files; the engine keeps `[kh, kw, in / groups, out]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A convolution's weight, `[out, in / groups, kh, kw]` in files.
    Conv,
    /// A grouped convolution's weight, as [`Layout::Conv`] in files; in the engine `count` groups of `group_out` output
    /// channels stand side by side, `[kh, kw, count × in / groups, out]`, with zeros where one group meets another.
    Bundled {
        /// Groups side by side.
        count: usize,
        /// Output channels of a group.
        group_out: usize,
    },
    /// A linear layer's weight, `[out, in]` in files.
    Linear,
    /// One number a channel, `[c]` in files.
    Vector,
}

impl Layout {
    /// The shape in files of what has `shape` in the engine.
    ///
    /// # Panics
    ///
    /// For [`Layout::Bundled`] of 0 groups side by side.
    pub fn file_shape(self, shape: Shape) -> Vec<usize> {
        let [kh, kw, cin, cout] = shape.0;
        match self {
            Self::Conv => vec![cout, cin, kh, kw],
            Self::Bundled { count, .. } => vec![cout, cin / count, kh, kw],
            Self::Linear => vec![cout, cin],
            Self::Vector => vec![cout],
        }
    }

    /// Numbers in files of what has `shape` in the engine.
    ///
    /// # Panics
    ///
    /// As [`Layout::file_shape`].
    pub fn file_count(self, shape: Shape) -> usize {
        match self {
            Self::Bundled { count, .. } => shape.count() / count,
            Self::Conv | Self::Linear | Self::Vector => shape.count(),
        }
    }

    /// The engine's order from the files' order; `shape` is the engine's.
    ///
    /// # Panics
    ///
    /// Where `data` holds fewer numbers than [`Layout::file_count`]; for [`Layout::Bundled`] where `count` or `group_out` is 0.
    pub fn to_engine(self, shape: Shape, data: &[f32]) -> Vec<f32> {
        let mut engine = vec![0.0; shape.count()];
        self.pairs(shape, |e, f| engine[e] = data[f]);
        engine
    }

    /// The files' order from the engine's order; `shape` is the engine's.
    ///
    /// # Panics
    ///
    /// Where `data` holds fewer numbers than `shape`; for [`Layout::Bundled`] where `count` or `group_out` is 0.
    pub fn to_file(self, shape: Shape, data: &[f32]) -> Vec<f32> {
        let mut file = vec![0.0; self.file_count(shape)];
        self.pairs(shape, |e, f| file[f] = data[e]);
        file
    }

    /// Calls `each(index in the engine, index in files)` for every number.
    fn pairs(self, shape: Shape, mut each: impl FnMut(usize, usize)) {
        let [kh, kw, rows, cout] = shape.0;
        let (count, group_out) = match self {
            Self::Bundled { count, group_out } => (count, group_out),
            _ => (1, cout.max(1)),
        };
        let (taps, cin) = (kh * kw, rows / count);
        for tap in 0..taps {
            for ci in 0..cin {
                for co in 0..cout {
                    let row = co / group_out % count * cin + ci;
                    each((tap * rows + row) * cout + co, (co * cin + ci) * taps + tap);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conv_weights_turn_to_the_engines_order_and_back() {
        let shape = Shape([2, 3, 2, 4]);
        let file: Vec<f32> = (0..48).map(|i| i as f32).collect();
        let engine = Layout::Conv.to_engine(shape, &file);
        // Out 1, in 0, row 1, column 2 stands at ((1 * 2 + 0) * 2 + ...) in OIHW.
        assert_eq!(engine[((3 + 2) * 2) * 4 + 1], file[(2 * 2 + 1) * 3 + 2]);
        assert_eq!(Layout::Conv.to_file(shape, &engine), file);
        assert_eq!(Layout::Conv.file_shape(shape), [4, 2, 2, 3]);
    }

    #[test]
    fn a_vector_of_any_shape_keeps_all_its_numbers() {
        let shape = Shape([2, 1, 3, 5]);
        let data: Vec<f32> = (0..30).map(|i| i as f32).collect();
        assert_eq!(Layout::Vector.file_count(shape), 30);
        let engine = Layout::Vector.to_engine(shape, &data);
        assert_eq!(Layout::Vector.to_file(shape, &engine), data);
    }

    #[test]
    fn bundled_weights_have_zeros_where_groups_meet() {
        // Three groups of one channel in and two out, two of them side by side.
        let (shape, layout) = (
            Shape([1, 1, 2, 6]),
            Layout::Bundled {
                count: 2,
                group_out: 2,
            },
        );
        let file = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(layout.file_shape(shape), [6, 1, 1, 1]);
        let engine = layout.to_engine(shape, &file);
        assert_eq!(engine[..6], [1.0, 2.0, 0.0, 0.0, 5.0, 6.0]);
        assert_eq!(engine[6..], [0.0, 0.0, 3.0, 4.0, 0.0, 0.0]);
        assert_eq!(layout.to_file(shape, &engine), file);
    }
}
