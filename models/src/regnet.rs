//! RegNet (<https://arxiv.org/abs/2003.13678>): widths from a quantised line; X, Y (with squeeze-and-excite) and Z
//! (<https://arxiv.org/abs/2103.06877>: inverted, linear ends).

use serde::{Deserialize, Serialize};
use triaxis_engine::{Error, Graph, Init, Result, Value, ops};

use crate::check::{self, Checked, within};
use crate::layers::{
    Classifier, Conv, Stem, Style, conv_norm, conv_norm_act, conv_norm_last, drop_path_rate,
    residual, squeeze_excite,
};
use crate::rounding::{compatible, inner_width, round_to, round_within_a_tenth};
use crate::scaling::Scaling;
use crate::{Network, Spec};

/// A network of bottlenecks with grouped convolutions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegNet {
    /// Activation, padding, batch norm.
    #[serde(default)]
    pub style: Style,
    /// The first convolution.
    pub stem: Stem,
    /// Channels inside a block, as a multiple of those that leave it: 1 in X and Y, 4 in Z.
    pub bottleneck: f64,
    /// Numbers of the squeeze, as a share of the channels that enter a block; 0 for none.
    #[serde(default)]
    pub squeeze: f64,
    /// Whether blocks end without an activation, as in Z.
    #[serde(default)]
    pub linear: bool,
    /// Whether blocks that change the shape have a convolution as shortcut; none at all otherwise, as in Z.
    #[serde(default = "yes")]
    pub downsample: bool,
    /// Channels of the last convolution, pointwise; 0 for none.
    #[serde(default)]
    pub head: usize,
    /// Share of the last features that is dropped in training.
    #[serde(default)]
    pub dropout: f64,
    /// Share of images whose last block is dropped in training; earlier blocks drop evenly less.
    #[serde(default)]
    pub drop_path: f64,
    /// The stages, first to last.
    pub stages: Vec<RegNetStage>,
}

fn yes() -> bool {
    true
}

/// A run of equal blocks; the first has the stride.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegNetStage {
    /// Blocks.
    pub depth: usize,
    /// Channels out.
    pub width: usize,
    /// Channels a group of the middle convolution.
    pub group_width: usize,
    /// Side of the middle kernel, pixels.
    #[serde(default = "three")]
    pub kernel: usize,
    /// Pixels from one output of the first block to the next.
    #[serde(default = "two")]
    pub stride: usize,
}

fn three() -> usize {
    3
}

fn two() -> usize {
    2
}

/// The line that a RegNet's widths are quantised from: block `j` wants `w0 + wa·j` channels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Blocks in all.
    pub depth: usize,
    /// Channels that the first block wants.
    pub w0: usize,
    /// Channels that each block wants more than the one before.
    pub wa: f64,
    /// Ratio of neighbouring widths.
    pub wm: f64,
    /// Channels a group.
    pub group_width: usize,
}

/// As the papers write it: blocks, `w0`, `wa`, `wm`, channels a group.
pub(crate) const fn line(depth: usize, w0: usize, wa: f64, wm: f64, group_width: usize) -> Line {
    Line {
        depth,
        w0,
        wa,
        wm,
        group_width,
    }
}

fn named(name: &str, resolution: usize, network: RegNet) -> Spec {
    Spec {
        name: name.into(),
        resolution,
        num_classes: 1000,
        network: Network::RegNet(network),
    }
}

impl Line {
    /// The stages: each wanted width is rounded to a power of `wm` times `w0`, then to 8; equal ones make a stage. Then
    /// width and group are made to fit each other, `bottleneck` being the inner width's ratio to the outer.
    pub fn stages(&self, bottleneck: f64) -> Vec<RegNetStage> {
        let mut stages = self.quantised();
        for stage in &mut stages {
            (stage.width, stage.group_width) =
                compatible(stage.width, bottleneck, stage.group_width);
        }
        stages
    }

    /// [`Line::stages`] of ratio 1 as torchvision fits them: a width goes up where the nearest multiple of the group's
    /// would lose more than a tenth of it.
    pub fn torchvision_stages(&self) -> Vec<RegNetStage> {
        let mut stages = self.quantised();
        for stage in &mut stages {
            stage.group_width = stage.group_width.clamp(1, stage.width.max(1));
            stage.width = round_within_a_tenth(stage.width as f64, stage.group_width);
        }
        stages
    }

    /// The stages before widths and groups fit each other.
    fn quantised(&self) -> Vec<RegNetStage> {
        let w0 = self.w0 as f64;
        let mut stages: Vec<RegNetStage> = Vec::new();
        for j in 0..self.depth {
            let wanted = w0 + self.wa * j as f64;
            let power = ((wanted / w0).ln() / self.wm.ln()).round_ties_even();
            let width = round_to(w0 * self.wm.powf(power), 8);
            match stages.last_mut().filter(|stage| stage.width == width) {
                Some(stage) => stage.depth += 1,
                None => stages.push(RegNetStage {
                    depth: 1,
                    width,
                    group_width: self.group_width,
                    kernel: 3,
                    stride: 2,
                }),
            }
        }
        stages
    }
}

impl RegNet {
    /// RegNetX: plain bottlenecks of ratio 1.
    pub fn x(line: Line) -> Self {
        Self {
            style: Style::default(),
            stem: Stem::small(32, 2),
            bottleneck: 1.0,
            squeeze: 0.0,
            linear: false,
            downsample: true,
            head: 0,
            dropout: 0.0,
            drop_path: 0.0,
            stages: line.stages(1.0),
        }
    }

    /// RegNetY: X with squeeze-and-excite.
    pub fn y(line: Line) -> Self {
        Self {
            squeeze: 0.25,
            ..Self::x(line)
        }
    }

    /// RegNetZ: inverted bottlenecks of ratio 4 with linear ends and SiLU, no shortcut where the shape changes, and a
    /// last convolution of `head` channels.
    pub fn z(line: Line, head: usize) -> Self {
        Self {
            style: Style::silu(),
            bottleneck: 4.0,
            linear: true,
            downsample: false,
            head,
            stages: line.stages(4.0),
            ..Self::y(line)
        }
    }

    /// RegNetY-500MF (<https://arxiv.org/abs/2103.06877>, Table 6): no configuration was released; this is the only one
    /// found whose counts, its own and scaled, are the paper's.
    pub fn y_500mf() -> Spec {
        named("regnety_500mf", 224, Self::y(line(17, 32, 27.2, 2.78, 4)))
    }

    /// RegNetY-4GF, searched with its resolution: reconstructed like [`RegNet::y_500mf`].
    pub fn y_4gf() -> Spec {
        named("regnety_4gf", 240, Self::y(line(26, 88, 29.6, 2.388, 32)))
    }

    /// RegNetZ-500MF: ClassyVision's body, and the last convolution that gives the paper's counts.
    pub fn z_500mf() -> Spec {
        let net = Self::z(line(21, 16, 10.7, 2.51, 4), 1000);
        named("regnetz_500mf", 224, net)
    }

    /// RegNetZ-4GF: as [`RegNet::z_500mf`].
    pub fn z_4gf() -> Spec {
        let net = Self::z(line(28, 48, 14.5, 2.226, 8), 1000);
        named("regnetz_4gf", 256, net)
    }

    /// Draws all but the classifier: the last features, `[n, h, w, c]`.
    ///
    /// # Errors
    ///
    /// The engine's; [`Error::Graph`] for numbers that make no network.
    pub fn features(&self, g: &mut Graph, images: Value) -> Result<Value> {
        self.check().map_err(Error::Graph)?;
        let mut x = self
            .stem
            .draw(g, ["stem.conv", "stem.bn"], images, &self.style)?;
        let blocks: usize = self.stages.iter().map(|s| s.depth).sum();
        let mut index = 0;
        for (s, stage) in (1..).zip(&self.stages) {
            for b in 1..=stage.depth {
                let stride = if b == 1 { stage.stride } else { 1 };
                let drop = drop_path_rate(self.drop_path, index, blocks - 1);
                x = g.scope(format!("s{s}.b{b}"), |g| {
                    self.block(g, x, stage, stride, drop)
                })?;
                index += 1;
            }
        }
        match self.head {
            // What ends linearly is activated once before the mean.
            0 if self.linear => g.scope("final_conv", |g| {
                ops::activation(g, x, self.style.activation)
            }),
            0 => Ok(x),
            head => {
                let names = ["final_conv.conv", "final_conv.bn"];
                conv_norm_act(g, names, x, Conv::to(head), &self.style)
            }
        }
    }

    /// Draws the network: logits, `[n, 1, 1, classes]`.
    ///
    /// # Errors
    ///
    /// As [`RegNet::features`].
    pub fn forward(&self, g: &mut Graph, images: Value, classes: usize) -> Result<Value> {
        let x = self.features(g, images)?;
        let classifier = Classifier {
            name: "head.fc",
            classes,
            dropout: self.dropout,
            init: Init::Normal { std: 0.01 },
        };
        classifier.draw(g, x)
    }

    fn block(
        &self,
        g: &mut Graph,
        x: Value,
        stage: &RegNetStage,
        stride: usize,
        drop_path: f64,
    ) -> Result<Value> {
        let style = &self.style;
        let width_in = g.shape(x).c();
        let inner = self.inner(stage);
        let grouped = Conv {
            width: inner,
            kernel: stage.kernel,
            stride,
            groups: inner / stage.group_width,
        };
        let y = conv_norm_act(g, ["conv1.conv", "conv1.bn"], x, Conv::to(inner), style)?;
        let mut y = conv_norm_act(g, ["conv2.conv", "conv2.bn"], y, grouped, style)?;
        let squeeze = (width_in as f64 * self.squeeze).round_ties_even() as usize;
        if squeeze > 0 {
            y = g.scope("se", |g| {
                squeeze_excite(g, ["fc1", "fc2"], y, squeeze, style)
            })?;
        }
        let same = stride == 1 && width_in == stage.width;
        let (last, summed) = (["conv3.conv", "conv3.bn"], same || self.downsample);
        let y = conv_norm_last(g, last, y, Conv::to(stage.width), style, summed)?;
        let y = if same {
            residual(g, x, y, drop_path)?
        } else if self.downsample {
            let layer = Conv {
                stride,
                ..Conv::to(stage.width)
            };
            let names = ["downsample.conv", "downsample.bn"];
            let shortcut = conv_norm(g, names, x, layer, style)?;
            residual(g, shortcut, y, drop_path)?
        } else {
            y
        };
        match self.linear {
            true => Ok(y),
            false => ops::activation(g, y, style.activation),
        }
    }

    /// Each stage by itself, as pycls does: the stem and the last convolution keep their widths.
    pub(crate) fn scaled(&self, scaling: &Scaling) -> Result<Self, String> {
        let mut net = self.clone();
        for (s, stage) in net.stages.iter_mut().enumerate() {
            stage.depth = scaling.depth(&format!("stages[{s}].depth"), stage.depth)?;
            let width = scaling.width(&format!("stages[{s}].width"), stage.width)?;
            let what = format!("stages[{s}].group_width");
            let group_width = scaling.group(&what, stage.group_width)?;
            (stage.width, stage.group_width) = compatible(width, self.bottleneck, group_width);
        }
        Ok(net)
    }

    /// Channels of the middle convolution.
    fn inner(&self, stage: &RegNetStage) -> usize {
        inner_width(stage.width, self.bottleneck)
    }

    pub(crate) fn check(&self) -> Checked {
        self.style.check()?;
        self.stem.check()?;
        within("bottleneck", self.bottleneck, &check::MULTIPLE)?;
        within("squeeze", self.squeeze, &check::SHARE)?;
        within("head", self.head, &check::OPTIONAL_WIDTH)?;
        within("dropout", self.dropout, &check::RATE)?;
        within("drop_path", self.drop_path, &check::RATE)?;
        within("the number of stages", self.stages.len(), &check::STAGES)?;
        for (s, stage) in self.stages.iter().enumerate() {
            let of = |field| format!("stages[{s}].{field}");
            within(&of("depth"), stage.depth, &check::DEPTH)?;
            within(&of("width"), stage.width, &check::WIDTH)?;
            within(&of("stride"), stage.stride, &check::STRIDE)?;
            check::kernel(&of("kernel"), stage.kernel)?;
            let inner = self.inner(stage);
            within(&of("width times bottleneck"), inner, &check::WIDTH)?;
            check::groups(&format!("stages[{s}]"), inner, stage.group_width)?;
        }
        Ok(())
    }
}
