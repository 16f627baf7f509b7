//! Windows that slide over an image: which pixels a convolution or a pool reads for each of its outputs.

use crate::{Dispatch, Shape};

/// The widest window and the widest stride: beyond it one output would be more work than a thread may do.
const WIDEST: usize = 1024;

/// Neighbouring pixels of a row that one thread makes: `STRIP` in the kernels.
pub(super) const STRIP: usize = 4;

/// What lies around an image where a window reaches beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Padding {
    /// As many pixels on each of the four sides: an image side becomes `(side + 2·padding - kernel) / stride + 1`,
    /// rounded down.
    Symmetric(usize),
    /// TensorFlow's rule: a side becomes `side / stride`, rounded up, and the odd pixel of padding comes after the
    /// image.
    Same,
}

impl Default for Padding {
    fn default() -> Self {
        Self::Symmetric(0)
    }
}

/// How a pool's window moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pool {
    /// Side of the window, in pixels.
    pub kernel: usize,
    /// Pixels from one window to the next.
    pub stride: usize,
    /// What lies around the image; at most half a window of it.
    pub padding: Padding,
}

impl Default for Pool {
    /// Windows of 2×2 pixels beside each other.
    fn default() -> Self {
        Self {
            kernel: 2,
            stride: 2,
            padding: Padding::default(),
        }
    }
}

impl Pool {
    /// The windows over images of `x`, each of which holds at least one pixel.
    pub(super) fn window(self, x: Shape) -> Result<Window, String> {
        match self.padding {
            Padding::Symmetric(p) if p > self.kernel / 2 => Err(format!(
                "at most half a window of padding ({} for a {}×{1} window), not {p}",
                self.kernel / 2,
                self.kernel
            )),
            _ => Window::new(self.kernel, self.stride, self.padding, x.h(), x.w()),
        }
    }
}

/// A square window's places over an image: output `[y, x]` reads the rows from `y·stride - before[0]` and the columns
/// from `x·stride - before[1]` on, `kernel` of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Its side, in pixels.
    pub kernel: usize,
    /// Pixels from one place to the next.
    pub stride: usize,
    /// Rows of padding above the image, columns left of it.
    pub before: [usize; 2],
    /// Rows and columns of outputs.
    pub out: [usize; 2],
}

impl Window {
    /// The window's places over an image of `h × w` pixels, or what was expected.
    pub(crate) fn new(
        kernel: usize,
        stride: usize,
        padding: Padding,
        h: usize,
        w: usize,
    ) -> Result<Self, String> {
        let sides = 1..=WIDEST;
        if !sides.contains(&kernel) || !sides.contains(&stride) {
            return Err(format!(
                "a kernel side and a stride of 1 to {WIDEST} (here {kernel} and {stride})"
            ));
        }
        if h == 0 || w == 0 {
            return Err("images of at least one pixel".into());
        }
        let (mut before, mut out) = ([0; 2], [0; 2]);
        for (axis, side) in [h, w].into_iter().enumerate() {
            (before[axis], out[axis]) = match padding {
                Padding::Symmetric(p) => {
                    let room = p.checked_mul(2).and_then(|both| side.checked_add(both));
                    let Some(free) = room.and_then(|room| room.checked_sub(kernel)) else {
                        return Err(format!(
                            "images that a {kernel}×{kernel} window fits on with a padding of {p}: use larger ones, \
                             or more padding"
                        ));
                    };
                    (p, free / stride + 1)
                }
                Padding::Same => {
                    let out = side.div_ceil(stride);
                    let reach = (out - 1) * stride + kernel;
                    (reach.saturating_sub(side) / 2, out)
                }
            };
        }
        Ok(Self {
            kernel,
            stride,
            before,
            out,
        })
    }

    /// A launch of `shaders/<file>.wgsl`, specialised on the window.
    pub(super) fn dispatch(self, file: &'static str, entry: &'static str) -> Dispatch {
        Dispatch::new(file, entry)
            .constant("KERNEL", self.kernel as f64)
            .constant("STRIDE", self.stride as f64)
    }

    /// The sizes that every kernel reads, from `c4` to `left`: `x` is what the window slides over, `y` its outputs.
    pub(super) fn sizes(self, x: Shape, y: Shape) -> [usize; 7] {
        let [top, left] = self.before;
        [x.c4(), x.h(), x.w(), y.h(), y.w(), top, left]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(kernel: usize, stride: usize, padding: Padding, side: usize) -> (usize, usize) {
        let window = Window::new(kernel, stride, padding, side, side).unwrap();
        (window.before[0], window.out[0])
    }

    #[test]
    fn symmetric_padding_rounds_the_output_down() {
        assert_eq!(places(3, 2, Padding::Symmetric(1), 7), (1, 4));
        assert_eq!(places(3, 2, Padding::Symmetric(1), 8), (1, 4));
        assert_eq!(places(2, 2, Padding::Symmetric(0), 5), (0, 2));
        assert_eq!(places(7, 1, Padding::Symmetric(3), 1), (3, 1));
    }

    #[test]
    fn same_padding_puts_the_odd_pixel_after_the_image() {
        assert_eq!(places(3, 1, Padding::Same, 5), (1, 5));
        assert_eq!(places(3, 2, Padding::Same, 5), (1, 3));
        assert_eq!(places(3, 2, Padding::Same, 6), (0, 3));
        assert_eq!(places(5, 2, Padding::Same, 6), (1, 3));
        assert_eq!(places(7, 2, Padding::Same, 1), (3, 1));
        assert_eq!(places(2, 3, Padding::Same, 6), (0, 2));
    }

    #[test]
    fn rows_and_columns_have_places_of_their_own() {
        let window = Window::new(3, 2, Padding::Same, 6, 5).unwrap();
        assert_eq!((window.before, window.out), ([0, 1], [3, 3]));
    }

    #[test]
    fn windows_that_fit_nowhere_are_refused() {
        let error = Window::new(5, 1, Padding::Symmetric(1), 8, 2).unwrap_err();
        assert!(error.starts_with("images that a 5×5 window fits on with a padding of 1"));
        assert!(Window::new(0, 1, Padding::Same, 3, 3).is_err());
        assert!(Window::new(3, 0, Padding::Same, 3, 3).is_err());
        assert!(Window::new(usize::MAX, 1, Padding::Same, 3, 3).is_err());
        assert!(Window::new(3, 1, Padding::Same, 3, 0).is_err());
        assert!(Window::new(3, 1, Padding::Symmetric(usize::MAX), 3, 3).is_err());
    }

    #[test]
    fn a_pool_refuses_windows_of_padding_alone() {
        let pool = |padding| Pool {
            kernel: 3,
            stride: 2,
            padding,
        };
        assert!(
            pool(Padding::Symmetric(1))
                .window(Shape([1, 4, 4, 1]))
                .is_ok()
        );
        let error = pool(Padding::Symmetric(2))
            .window(Shape([1, 4, 4, 1]))
            .unwrap_err();
        assert_eq!(
            error,
            "at most half a window of padding (1 for a 3×3 window), not 2"
        );
    }
}
