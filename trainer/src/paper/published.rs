//! What the papers print, as data: never computed here, never changed to fit.

/// A row of Tables 5 to 8 of *Fast and Accurate Model Scaling* (Dollár, Singh, Girshick 2021,
/// <https://arxiv.org/abs/2103.06877>).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    /// The network, by the paper's name: see [`candidates`](super::candidates).
    pub model: &'static str,
    /// Multiply-adds, 10⁹.
    pub flops: f64,
    /// Parameters, 10⁶.
    pub params: f64,
    /// Activations, 10⁶.
    pub acts: f64,
    /// Minutes to train one epoch of ImageNet on eight V100 with 32 GB.
    pub minutes: f64,
    /// Top-1 error in percent after 100, 200 and 400 epochs.
    pub errors: [Option<f64>; 3],
}

impl Published {
    /// Flops, params and acts as printed, in 10⁹, 10⁶ and 10⁶.
    pub fn counts(&self) -> [f64; 3] {
        [self.flops, self.params, self.acts]
    }
}

const fn row(model: &'static str, counts: [f64; 3], minutes: f64, errors: [f64; 3]) -> Published {
    let [flops, params, acts] = counts;
    let [once, twice, four_times] = errors;
    Published {
        model,
        flops,
        params,
        acts,
        minutes,
        errors: [known(once), known(twice), known(four_times)],
    }
}

/// The paper leaves open what took too long to train.
const fn known(error: f64) -> Option<f64> {
    if error.is_nan() { None } else { Some(error) }
}

const OPEN: f64 = f64::NAN;

/// Table 5: EfficientNet.
pub const TABLE_5: [Published; 6] = [
    row("EN-B0", [0.4, 5.3, 6.7], 2.8, [23.6, 22.7, 22.3]),
    row("EN-B1", [0.7, 7.8, 10.9], 4.6, [21.7, 20.8, 20.5]),
    row("EN-B2", [1.0, 9.1, 13.8], 5.9, [20.7, 20.0, 19.6]),
    row("EN-B3", [1.8, 12.2, 23.8], 9.5, [19.4, 18.8, 18.3]),
    row("EN-B4", [4.4, 19.3, 49.5], 19.2, [18.0, 17.4, 17.3]),
    row("EN-B5", [10.3, 30.4, 98.9], 40.8, [17.1, 16.7, OPEN]),
];

/// Table 5, its last columns: top-1 errors in percent that EfficientNet's authors gave for B0 to B5, at ICML and on arXiv.
pub const ORIGINAL_ERRORS: [[f64; 2]; 6] = [
    [23.7, 22.7],
    [21.2, 20.8],
    [20.2, 19.7],
    [18.9, 18.3],
    [17.4, 17.0],
    [16.7, 16.3],
];

/// Table 6: RegNet, searched.
pub const TABLE_6: [Published; 6] = [
    row("RegNetY-500MF", [0.5, 5.6, 4.2], 2.3, [24.8, 23.9, 23.2]),
    row("RegNetZ-500MF", [0.5, 7.1, 5.9], 3.1, [22.2, 21.3, 21.0]),
    row(
        "RegNetY-4GF-224",
        [4.0, 20.6, 12.3],
        6.4,
        [19.4, 18.4, 18.1],
    ),
    row("RegNetY-4GF", [4.1, 22.4, 14.5], 7.7, [18.8, 18.0, 17.7]),
    row(
        "RegNetZ-4GF-224",
        [4.0, 26.9, 20.8],
        11.3,
        [17.7, 17.2, 17.0],
    ),
    row("RegNetZ-4GF", [4.0, 28.1, 24.3], 11.7, [17.5, 17.0, 16.9]),
];

/// Table 8: ResNet, ResNeXt and what fast scaling makes of small networks.
pub const TABLE_8: [Published; 10] = [
    row("R-50", [4.1, 25.6, 11.3], 3.5, [22.0, 21.0, 20.5]),
    row("X-50", [4.2, 25.0, 14.6], 5.8, [20.8, 19.9, 19.5]),
    row("EN-B0->4GF", [4.1, 36.1, 29.2], 11.1, [18.4, 17.7, 17.4]),
    row("EN-B0->16GF", [16.2, 122.8, 61.8], 25.8, [17.4, 16.8, OPEN]),
    row(
        "RegNetY-500MF->4GF",
        [4.1, 36.2, 13.3],
        7.2,
        [19.1, 18.6, 18.3],
    ),
    row(
        "RegNetY-500MF->16GF",
        [16.2, 112.7, 29.4],
        17.8,
        [17.8, 17.2, 16.9],
    ),
    row(
        "RegNetY-4GF->16GF",
        [15.5, 72.3, 30.7],
        16.4,
        [17.3, 16.8, 16.6],
    ),
    row(
        "RegNetZ-500MF->4GF",
        [4.0, 41.1, 19.4],
        10.5,
        [17.7, 17.2, 17.0],
    ),
    row(
        "RegNetZ-500MF->16GF",
        [16.2, 134.8, 42.6],
        29.4,
        [16.6, 16.1, 16.1],
    ),
    row(
        "RegNetZ-4GF->16GF",
        [15.9, 95.3, 51.3],
        33.2,
        [16.5, 16.0, 16.0],
    ),
];

/// Table 7, search against scaling: rows of Tables 6 and 8, by name.
pub const TABLE_7: [&str; 10] = [
    "RegNetY-500MF",
    "RegNetZ-500MF",
    "RegNetY-4GF-224",
    "RegNetY-4GF",
    "RegNetY-500MF->4GF",
    "RegNetZ-4GF-224",
    "RegNetZ-4GF",
    "RegNetZ-500MF->4GF",
    "RegNetY-4GF->16GF",
    "RegNetY-500MF->16GF",
];

/// A TinyNet as its authors print it (Han et al. 2020, <https://arxiv.org/abs/2010.14819>, and the notes on their code).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PublishedTiny {
    /// The network, by the zoo's name.
    pub model: &'static str,
    /// Multipliers of EfficientNet-B0's depth, width and resolution.
    pub multipliers: [f64; 3],
    /// Multiply-adds, 10⁶.
    pub flops: f64,
    /// Top-1 accuracy in percent.
    pub top1: f64,
    /// Top-1 accuracy in percent that timm measured with its port of the weights.
    pub timm_top1: f64,
    /// Percentage points by which it beats an EfficientNet of as many flops.
    pub gain: f64,
}

const fn tiny(
    model: &'static str,
    multipliers: [f64; 3],
    flops: f64,
    top1: [f64; 2],
    gain: f64,
) -> PublishedTiny {
    let [top1, timm_top1] = top1;
    PublishedTiny {
        model,
        multipliers,
        flops,
        top1,
        timm_top1,
        gain,
    }
}

/// TinyNet A to E.
pub const TINYNETS: [PublishedTiny; 5] = [
    tiny("tinynet_a", [1.2, 1.0, 0.86], 339.0, [76.8, 77.67], 0.5),
    tiny("tinynet_b", [1.1, 0.75, 0.84], 202.0, [75.0, 74.95], 0.3),
    tiny("tinynet_c", [0.85, 0.54, 0.825], 100.0, [71.2, 71.21], 0.6),
    tiny("tinynet_d", [0.695, 0.54, 0.68], 52.0, [67.0, 66.94], 1.9),
    tiny("tinynet_e", [0.6, 0.51, 0.475], 24.0, [59.9, 59.87], 3.8),
];
