//! Which variant of a convolution's kernels runs: by a table of measurements where there is one, else by the kind of the
//! adapter. The table is data; who measures and keeps it is the caller's business.

use std::fmt;
use std::str::FromStr;

/// A way to compute a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// 8 pixels × 8 channels in a thread's registers, nothing shared.
    Blocked,
    /// 32 pixels × 4 channels in registers, which four or eight threads of a subgroup read for one another:
    /// [`crate::Limits::subgroup`].
    Shared,
    /// 64 × 64 through workgroup memory.
    Tiled,
    /// The same by the adapter's matrix units: [`crate::Limits::matrices`]. Of what is stored as f16 alone.
    Cooperative,
}

/// Names of the variants, as tables write them.
const NAMES: [(&str, Variant); 4] = [
    ("blocked", Variant::Blocked),
    ("shared", Variant::Shared),
    ("tiled", Variant::Tiled),
    ("cooperative", Variant::Cooperative),
];

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_this = NAMES.iter().find(|(_, variant)| variant == self);
        f.write_str(of_this.map_or("", |(name, _)| name))
    }
}

impl FromStr for Variant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = NAMES.iter().find(|(name, _)| *name == text);
        let variant = named.map(|(_, variant)| *variant);
        variant.ok_or_else(|| {
            format!("{text} is no variant: expected blocked, shared, tiled or cooperative")
        })
    }
}

/// Least channels of each class, of a convolution those of a group, in or out; kernels pad them to a multiple of four.
pub(crate) const CHANNELS: [usize; 6] = [4, 16, 32, 64, 128, 256];
/// Least output pixels of a batch of each class.
pub(crate) const PIXELS: [usize; 4] = [0, 1 << 10, 1 << 14, 1 << 18];
const CLASSES: usize = 2 * CHANNELS.len() * CHANNELS.len() * PIXELS.len();

/// Convolutions that are alike: pointwise or not, channels of a group in and out, output pixels of the batch.
///
/// Written `point in64 out128 px1024`, each number the least of its class.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShapeClass(u16);

impl ShapeClass {
    /// Of a kernel with this side over groups of `[cin, cout]` channels, padded to a multiple of four; `None` where there are none.
    pub fn of(kernel: usize, [cin, cout]: [usize; 2], pixels: usize) -> Option<Self> {
        let class = |bounds: &[usize], x: usize| bounds.iter().rposition(|bound| x >= *bound);
        let [cin, cout] = [class(&CHANNELS, cin)?, class(&CHANNELS, cout)?];
        let pixels = class(&PIXELS, pixels)?;
        let spatial = usize::from(kernel > 1);
        let index =
            ((spatial * CHANNELS.len() + cin) * CHANNELS.len() + cout) * PIXELS.len() + pixels;
        Some(Self(u16::try_from(index).expect("there are 288 classes")))
    }

    /// Whether the kernel is wider than a pixel, and the places of channels in, out and pixels among their classes.
    fn parts(self) -> (bool, [usize; 3]) {
        let (rest, pixels) = (
            usize::from(self.0) / PIXELS.len(),
            usize::from(self.0) % PIXELS.len(),
        );
        let (rest, cout) = (rest / CHANNELS.len(), rest % CHANNELS.len());
        (
            rest / CHANNELS.len() == 1,
            [rest % CHANNELS.len(), cout, pixels],
        )
    }

    /// Whether a group has channels enough, in and out, to share tiles.
    pub fn is_wide(self) -> bool {
        let (_, [cin, cout, _]) = self.parts();
        cin > 0 && cout > 0
    }

    fn all() -> impl Iterator<Item = Self> {
        (0..CLASSES as u16).map(Self)
    }
}

impl fmt::Display for ShapeClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (spatial, [cin, cout, pixels]) = self.parts();
        let kind = if spatial { "spatial" } else { "point" };
        let [cin, cout, pixels] = [CHANNELS[cin], CHANNELS[cout], PIXELS[pixels]];
        write!(f, "{kind} in{cin} out{cout} px{pixels}")
    }
}

impl fmt::Debug for ShapeClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ShapeClass {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut all = Self::all();
        all.find(|class| class.to_string() == text).ok_or_else(|| {
            format!(
                "{text} is no class of convolutions: expected one like \"point in64 out128 px1024\""
            )
        })
    }
}

/// A variant for some classes; the others go by the kind of the adapter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VariantTable([Option<Variant>; CLASSES]);

impl Default for VariantTable {
    fn default() -> Self {
        Self([None; CLASSES])
    }
}

impl VariantTable {
    /// The same variant for all: what a measurement compares.
    pub fn all(variant: Variant) -> Self {
        Self([Some(variant); CLASSES])
    }

    /// Chooses for a class.
    pub fn set(&mut self, class: ShapeClass, variant: Variant) {
        self.0[usize::from(class.0)] = Some(variant);
    }

    /// What was chosen for a class.
    pub fn get(&self, class: ShapeClass) -> Option<Variant> {
        self.0[usize::from(class.0)]
    }

    /// What was chosen, in the order of the classes.
    pub fn entries(&self) -> impl Iterator<Item = (ShapeClass, Variant)> {
        ShapeClass::all().filter_map(|class| Some((class, self.get(class)?)))
    }
}

impl fmt::Debug for VariantTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_name_that_finds_it() {
        let all: Vec<ShapeClass> = ShapeClass::all().collect();
        assert_eq!(all.len(), 288);
        for class in all {
            assert_eq!(class.to_string().parse(), Ok(class));
        }
        let class = ShapeClass::of(3, [40, 300], 2000).unwrap();
        assert_eq!(class.to_string(), "spatial in32 out256 px1024");
        let narrow = ShapeClass::of(1, [12, 300], 2000).unwrap();
        assert_eq!(narrow.to_string(), "point in4 out256 px1024");
        assert!(class.is_wide() && !narrow.is_wide());
        assert_eq!(ShapeClass::of(1, [0, 300], 2000), None);
        assert!("point in1".parse::<ShapeClass>().is_err());
        assert!("fast".parse::<Variant>().is_err());
    }

    #[test]
    fn a_table_holds_what_was_set() {
        let mut table = VariantTable::default();
        let class = ShapeClass::of(1, [16, 16], 0).unwrap();
        assert_eq!((table.get(class), table.entries().count()), (None, 0));
        table.set(class, Variant::Tiled);
        assert_eq!(
            table.entries().collect::<Vec<_>>(),
            [(class, Variant::Tiled)]
        );
        assert_eq!(format!("{table:?}"), "{point in16 out16 px0: Tiled}");
        assert_eq!(VariantTable::all(Variant::Blocked).entries().count(), 288);
    }
}
