use std::fmt;

/// The sides of a tensor, `[n, h, w, c]`: images, rows, columns, channels.
///
/// A weight is `[kh, kw, in / groups, out]`, a vector `[1, 1, 1, c]`, a number `[1, 1, 1, 1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape(pub [usize; 4]);

impl Shape {
    /// `[1, 1, 1, c]`.
    pub const fn vector(c: usize) -> Self {
        Self([1, 1, 1, c])
    }

    /// `[1, 1, 1, 1]`.
    pub const fn scalar() -> Self {
        Self::vector(1)
    }

    /// Images.
    pub const fn n(self) -> usize {
        self.0[0]
    }

    /// Rows.
    pub const fn h(self) -> usize {
        self.0[1]
    }

    /// Columns.
    pub const fn w(self) -> usize {
        self.0[2]
    }

    /// Channels.
    pub const fn c(self) -> usize {
        self.0[3]
    }

    /// Numbers, without padding.
    pub const fn count(self) -> usize {
        self.0[0] * self.0[1] * self.0[2] * self.0[3]
    }

    /// Pixels of all images: `n·h·w`.
    pub const fn pixels(self) -> usize {
        self.0[0] * self.0[1] * self.0[2]
    }

    /// Groups of four channels in a pixel: the pixel stride in `vec4`s.
    pub const fn c4(self) -> usize {
        self.0[3].div_ceil(4)
    }

    /// `vec4`s in memory, padding included.
    pub const fn vec4s(self) -> usize {
        self.pixels() * self.c4()
    }

    /// The same sides for another number of images.
    pub const fn with_n(self, n: usize) -> Self {
        Self([n, self.0[1], self.0[2], self.0[3]])
    }
}

impl From<[usize; 4]> for Shape {
    fn from(sides: [usize; 4]) -> Self {
        Self(sides)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [n, h, w, c] = self.0;
        write!(f, "{n}×{h}×{w}×{c}")
    }
}

/// How a number is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DType {
    /// 32-bit floating point.
    #[default]
    F32,
    /// 16-bit floating point, two numbers in a 32-bit word: activations of networks that run in half precision.
    F16,
    /// 32-bit unsigned integer.
    U32,
    /// 8-bit unsigned integer; four channels share a 32-bit word, the first in the low byte.
    U8,
}

impl DType {
    /// Bytes of four channels.
    pub const fn vec4_bytes(self) -> usize {
        match self {
            Self::F32 | Self::U32 => 16,
            Self::F16 => 8,
            Self::U8 => 4,
        }
    }
}
