//! Networks as data: EfficientNet, TinyNet, RegNetY, RegNetZ, ResNet and ResNeXt from one block.

/// An expansion (or reduction), a spatial convolution, squeeze-and-excite, a projection; a shortcut around them.
#[derive(Clone, Debug)]
pub struct Block {
    pub cin: usize,
    /// Channels of the spatial convolution.
    pub mid: usize,
    pub cout: usize,
    pub kernel: usize,
    pub stride: usize,
    pub groups: usize,
    /// Numbers that squeeze-and-excite squeezes to; 0 for none.
    pub squeeze: usize,
    /// Whether a pointwise convolution comes first.
    pub expand: bool,
    pub shortcut: Shortcut,
    /// Whether an activation comes last.
    pub activated: bool,
}

/// What is added to a block's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortcut {
    None,
    Identity,
    /// A pointwise convolution of the block's input.
    Projection,
}

/// A network for 1,000 classes.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Side of the pictures it is meant for, pixels.
    pub resolution: usize,
    /// Channels of the first convolution, which has stride 2.
    pub stem: usize,
    pub stem_kernel: usize,
    /// Whether a 3×3 maximum with stride 2 follows the first convolution.
    pub stem_pool: bool,
    pub blocks: Vec<Block>,
    /// Channels of a last pointwise convolution; 0 for none.
    pub head: usize,
    /// SiLU; else ReLU.
    pub silu: bool,
}

impl Spec {
    /// The network of timm's name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "efficientnet_b0" => efficientnet(1.0, 1.0, 224, Rounding::Efficient),
            "efficientnet_b1" => efficientnet(1.0, 1.1, 240, Rounding::Efficient),
            "efficientnet_b2" => efficientnet(1.1, 1.2, 260, Rounding::Efficient),
            "efficientnet_b3" => efficientnet(1.2, 1.4, 300, Rounding::Efficient),
            "efficientnet_b4" => efficientnet(1.4, 1.8, 380, Rounding::Efficient),
            "tinynet_a" => efficientnet(1.0, 1.2, 192, Rounding::Tiny),
            "tinynet_b" => efficientnet(0.75, 1.1, 188, Rounding::Tiny),
            "tinynet_c" => efficientnet(0.54, 0.85, 184, Rounding::Tiny),
            "tinynet_d" => efficientnet(0.54, 0.695, 152, Rounding::Tiny),
            "tinynet_e" => efficientnet(0.51, 0.6, 106, Rounding::Tiny),
            "regnety_004" => regnet_y(16, [48.0, 27.89, 2.09], 8),
            "regnety_040" => regnet_y(22, [96.0, 31.41, 2.24], 64),
            "regnetz_005" => regnet_z(21, [16.0, 10.7, 2.51], 4, 1024),
            "regnetz_040" => regnet_z(28, [48.0, 14.5, 2.226], 8, 0),
            "resnet50" => resnet50(1, 64),
            "resnext50_32x4d" => resnet50(32, 128),
            _ => return None,
        })
    }

    /// Multiply-adds of one picture's forward pass, parameters, and activations: numbers that convolutions and the maximum
    /// behind the first of them write.
    pub fn complexity(&self) -> [u64; 3] {
        let mut sums = [0; 3];
        // Behind a convolution come a batch norm's two numbers a channel, or one bias, whose additions count as well.
        let mut conv = |[cin, cout, kernel, groups, side, own]: [usize; 6]| {
            let weights = cout * cin / groups * kernel * kernel;
            let acts = cout * side * side;
            let added = if own == 1 { acts } else { 0 };
            let counts = [weights * side * side + added, weights + own * cout, acts];
            sums.iter_mut()
                .zip(counts)
                .for_each(|(sum, n)| *sum += n as u64);
        };
        let mut side = self.resolution.div_ceil(2);
        conv([3, self.stem, self.stem_kernel, 1, side, 2]);
        if self.stem_pool {
            side = side.div_ceil(2);
        }
        for b in &self.blocks {
            let out = side.div_ceil(b.stride);
            if b.expand {
                conv([b.cin, b.mid, 1, 1, side, 2]);
            }
            conv([b.mid, b.mid, b.kernel, b.groups, out, 2]);
            if b.squeeze > 0 {
                conv([b.mid, b.squeeze, 1, 1, 1, 1]);
                conv([b.squeeze, b.mid, 1, 1, 1, 1]);
            }
            conv([b.mid, b.cout, 1, 1, out, 2]);
            if b.shortcut == Shortcut::Projection {
                conv([b.cin, b.cout, 1, 1, out, 2]);
            }
            side = out;
        }
        if self.head > 0 {
            conv([self.width(), self.head, 1, 1, side, 2]);
        }
        conv([self.features(), 1000, 1, 1, 1, 1]);
        if self.stem_pool {
            let side = self.resolution.div_ceil(4);
            sums[2] += (self.stem * side * side) as u64;
        }
        sums
    }

    /// Channels of the last block.
    pub fn width(&self) -> usize {
        self.blocks.last().map_or(self.stem, |block| block.cout)
    }

    /// Channels that are classified.
    pub fn features(&self) -> usize {
        if self.head > 0 {
            self.head
        } else {
            self.width()
        }
    }
}

fn multiple(value: f64, divisor: usize) -> usize {
    ((value / divisor as f64).round() as usize * divisor).max(divisor)
}

/// To a multiple of eight that is no more than a tenth below (EfficientNet's rule).
fn channels(value: f64) -> usize {
    let rounded = multiple(value, 8);
    if (rounded as f64) < 0.9 * value {
        rounded + 8
    } else {
        rounded
    }
}

/// How depths, and the widths of stem and head, follow their multipliers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rounding {
    /// Depths are rounded up.
    Efficient,
    /// Depths to the nearest; the stem keeps its width, and the head too where it would shrink.
    Tiny,
}

fn efficientnet(width: f64, depth: f64, resolution: usize, rounding: Rounding) -> Spec {
    let tiny = rounding == Rounding::Tiny;
    let stem = if tiny { 32 } else { channels(32.0 * width) };
    let (mut blocks, mut cin) = (Vec::new(), stem);
    // Expansion, width, depth, kernel, stride.
    for (expansion, stage, layers, kernel, stride) in [
        (1, 16.0, 1.0, 3, 1),
        (6, 24.0, 2.0, 3, 2),
        (6, 40.0, 2.0, 5, 2),
        (6, 80.0, 3.0, 3, 2),
        (6, 112.0, 3.0, 5, 1),
        (6, 192.0, 4.0, 5, 2),
        (6, 320.0, 1.0, 3, 1),
    ] {
        let layers: f64 = layers * depth;
        let layers = if tiny {
            layers.round().max(1.0)
        } else {
            layers.ceil()
        } as usize;
        for layer in 0..layers {
            let (mid, cout) = (cin * expansion, channels(stage * width));
            let stride = if layer == 0 { stride } else { 1 };
            let same = stride == 1 && cin == cout;
            blocks.push(Block {
                cin,
                mid,
                cout,
                kernel,
                stride,
                groups: mid,
                squeeze: (cin / 4).max(1),
                expand: expansion > 1,
                shortcut: if same {
                    Shortcut::Identity
                } else {
                    Shortcut::None
                },
                activated: false,
            });
            cin = cout;
        }
    }
    let head = if tiny {
        1280.0 * width.max(1.0)
    } else {
        1280.0 * width
    };
    Spec {
        resolution,
        stem,
        stem_kernel: 3,
        stem_pool: false,
        blocks,
        head: channels(head),
        silu: true,
    }
}

/// Widths and depths of the stages by the quantised line of RegNet: initial width, slope and quantisation.
fn stages(
    depth: usize,
    [initial, slope, quantum]: [f64; 3],
    group: usize,
    bottleneck: f64,
) -> Vec<(usize, usize)> {
    let mut stages: Vec<(usize, usize)> = Vec::new();
    for block in 0..depth {
        let line = initial + slope * block as f64;
        let power = ((line / initial).ln() / quantum.ln()).round();
        let width = multiple(initial * quantum.powf(power), 8);
        match stages.last_mut() {
            Some((last, n)) if *last == width => *n += 1,
            _ => stages.push((width, 1)),
        }
    }
    // Whole groups in the middle of a block.
    for (width, _) in &mut stages {
        let mid = (*width as f64 * bottleneck) as usize;
        *width = (multiple(mid as f64, group.min(mid)) as f64 / bottleneck) as usize;
    }
    stages
}

/// Both RegNets: `shortcut` of whether a block keeps its shape, and whether blocks end in an activation.
fn regnet(
    stages: Vec<(usize, usize)>,
    group: usize,
    bottleneck: usize,
    shortcut: [Shortcut; 2],
    activated: bool,
) -> Vec<Block> {
    let (mut blocks, mut cin) = (Vec::new(), 32);
    for (cout, depth) in stages {
        for layer in 0..depth {
            let (mid, stride) = (cout * bottleneck, if layer == 0 { 2 } else { 1 });
            blocks.push(Block {
                cin,
                mid,
                cout,
                kernel: 3,
                stride,
                groups: mid / group.min(mid),
                squeeze: (cin as f64 * 0.25).round() as usize,
                expand: true,
                shortcut: shortcut[usize::from(stride == 1 && cin == cout)],
                activated,
            });
            cin = cout;
        }
    }
    blocks
}

fn regnet_y(depth: usize, line: [f64; 3], group: usize) -> Spec {
    let shortcut = [Shortcut::Projection, Shortcut::Identity];
    let blocks = regnet(stages(depth, line, group, 1.0), group, 1, shortcut, true);
    Spec {
        resolution: 224,
        stem: 32,
        stem_kernel: 3,
        stem_pool: false,
        blocks,
        head: 0,
        silu: false,
    }
}

fn regnet_z(depth: usize, line: [f64; 3], group: usize, head: usize) -> Spec {
    let shortcut = [Shortcut::None, Shortcut::Identity];
    let blocks = regnet(stages(depth, line, group, 4.0), group, 4, shortcut, false);
    Spec {
        resolution: 224,
        stem: 32,
        stem_kernel: 3,
        stem_pool: false,
        blocks,
        head,
        silu: true,
    }
}

/// ResNet-50; ResNeXt-50 with 32 groups and a base of 128 channels.
fn resnet50(groups: usize, base: usize) -> Spec {
    let (mut blocks, mut cin) = (Vec::new(), 64);
    for (stage, depth) in [3, 4, 6, 3].into_iter().enumerate() {
        let (mid, cout) = (base << stage, 256 << stage);
        for layer in 0..depth {
            blocks.push(Block {
                cin,
                mid,
                cout,
                kernel: 3,
                stride: if layer == 0 && stage > 0 { 2 } else { 1 },
                groups,
                squeeze: 0,
                expand: true,
                shortcut: if layer == 0 {
                    Shortcut::Projection
                } else {
                    Shortcut::Identity
                },
                activated: true,
            });
            cin = cout;
        }
    }
    Spec {
        resolution: 224,
        stem: 64,
        stem_kernel: 7,
        stem_pool: true,
        blocks,
        head: 0,
        silu: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Multiply-adds at 224 pixels, parameters and activations of `triaxis info NAME --img-size 224`.
    #[test]
    fn networks_have_the_complexity_that_triaxis_counts() {
        for (name, complexity) in [
            ("efficientnet_b0", [385825092, 5288548, 6748036]),
            ("tinynet_e", [88429932, 2042972, 2878668]),
            ("regnety_040", [3973301344, 20646656, 12287200]),
            ("regnetz_040", [3075543744, 27116800, 18529376]),
            ("resnet50", [4089185256, 25557032, 11315688]),
            ("resnext50_32x4d", [4230480872, 25028904, 14602216]),
        ] {
            let spec = Spec {
                resolution: 224,
                ..Spec::named(name).unwrap()
            };
            assert_eq!(spec.complexity(), complexity, "{name}");
        }
    }
}
