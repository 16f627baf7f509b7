//! Which batch norms and gates are written although those that read them could apply them: by a table of measurements. The table
//! is data; who measures and keeps it is the caller's business.

use std::fmt;
use std::str::FromStr;

use crate::variants::{CHANNELS, PIXELS};

/// Which way numbers go along an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A batch norm or gate that a convolution reads.
    Into,
    /// The gradient of what a convolution wrote, behind a batch norm.
    BackTo,
}

/// The convolution at the end of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConvolutionKind {
    /// 1×1.
    Point,
    /// Wider, dense or in groups.
    Spatial,
    /// Each channel by itself.
    Depthwise,
}

const WAYS: [(&str, Way); 2] = [("into", Way::Into), ("back to", Way::BackTo)];
const KINDS: [(&str, ConvolutionKind); 3] = [
    ("point", ConvolutionKind::Point),
    ("spatial", ConvolutionKind::Spatial),
    ("depthwise", ConvolutionKind::Depthwise),
];
const CLASSES: usize = WAYS.len() * KINDS.len() * CHANNELS.len() * PIXELS.len();

/// Edges that are alike: which way, the convolution at the end, channels of the value, and its pixels in a batch.
///
/// Written `into depthwise c64 px1024` or `back to point c16 px0`, each number the least of its class.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeClass(u8);

impl EdgeClass {
    /// Of so many channels and pixels; `None` where there are none.
    pub fn of(way: Way, kind: ConvolutionKind, channels: usize, pixels: usize) -> Option<Self> {
        let class = |bounds: &[usize], x: usize| bounds.iter().rposition(|bound| x >= *bound);
        let way = WAYS.iter().position(|(_, of)| *of == way)?;
        let kind = KINDS.iter().position(|(_, of)| *of == kind)?;
        let channels = class(&CHANNELS, channels.next_multiple_of(CHANNELS[0]))?;
        let end = (way * KINDS.len() + kind) * CHANNELS.len() + channels;
        let index = end * PIXELS.len() + class(&PIXELS, pixels)?;
        Some(Self(u8::try_from(index).expect("there are 144 classes")))
    }

    fn all() -> impl Iterator<Item = Self> {
        (0..CLASSES as u8).map(Self)
    }
}

impl fmt::Display for EdgeClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rest, pixels) = (
            usize::from(self.0) / PIXELS.len(),
            usize::from(self.0) % PIXELS.len(),
        );
        let (rest, channels) = (rest / CHANNELS.len(), rest % CHANNELS.len());
        let (way, kind) = (WAYS[rest / KINDS.len()].0, KINDS[rest % KINDS.len()].0);
        write!(
            f,
            "{way} {kind} c{} px{}",
            CHANNELS[channels], PIXELS[pixels]
        )
    }
}

impl fmt::Debug for EdgeClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EdgeClass {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let of_this_name = Self::all().find(|class| class.to_string() == text);
        of_this_name.ok_or_else(|| {
            format!("{text} is no class of edges: expected one like \"into depthwise c64 px1024\"")
        })
    }
}

/// The classes whose values are written; all others are made by those that read them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StoredEdges([bool; CLASSES]);

impl Default for StoredEdges {
    fn default() -> Self {
        Self([false; CLASSES])
    }
}

impl StoredEdges {
    /// Every class.
    pub fn all() -> Self {
        Self([true; CLASSES])
    }

    /// Chooses a class.
    pub fn insert(&mut self, class: EdgeClass) {
        self.0[usize::from(class.0)] = true;
    }

    /// Whether a class was chosen.
    pub fn contains(&self, class: EdgeClass) -> bool {
        self.0[usize::from(class.0)]
    }

    /// What was chosen, in the order of the classes.
    pub fn classes(&self) -> impl Iterator<Item = EdgeClass> {
        EdgeClass::all().filter(|&class| self.contains(class))
    }
}

impl fmt::Debug for StoredEdges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.classes()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_name_that_finds_it() {
        let all: Vec<EdgeClass> = EdgeClass::all().collect();
        assert_eq!(all.len(), 144);
        for class in all {
            assert_eq!(class.to_string().parse(), Ok(class));
        }
        let of =
            |way, kind, [channels, pixels]: [usize; 2]| EdgeClass::of(way, kind, channels, pixels);
        let into = of(Way::Into, ConvolutionKind::Depthwise, [96, 2000]).unwrap();
        assert_eq!(into.to_string(), "into depthwise c64 px1024");
        let back = of(Way::BackTo, ConvolutionKind::Point, [3, 1]).unwrap();
        assert_eq!(back.to_string(), "back to point c4 px0");
        assert_eq!(of(Way::Into, ConvolutionKind::Point, [0, 1]), None);
        assert!("into depthwise".parse::<EdgeClass>().is_err());
    }

    #[test]
    fn a_table_holds_what_was_chosen() {
        let mut stored = StoredEdges::default();
        assert_eq!(stored.classes().count(), 0);
        let class = "back to spatial c16 px0".parse().unwrap();
        stored.insert(class);
        assert!(stored.contains(class));
        assert_eq!(format!("{stored:?}"), "{back to spatial c16 px0}");
        assert_eq!(StoredEdges::all().classes().count(), 144);
    }
}
