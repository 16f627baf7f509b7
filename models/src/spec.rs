//! A network and its place of use, as a file that a person can read and write.

use std::fs;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use triaxis_engine as engine;
use triaxis_engine::{Complexity, Graph, Mode, Value};

use crate::check::{Checked, RESOLUTION, within};
use crate::error::similar;
use crate::{Error, Model, Network, Result, zoo};

/// Bytes of the largest file that is read.
const LARGEST: u64 = 1 << 20;

/// A complete description of a classifier: it trains, validates and benches.
///
/// ```
/// use triaxis_models::Spec;
///
/// let spec = Spec::from_toml(r#"
///     name = "two-blocks"
///     resolution = 32
///     num_classes = 10
///
///     [network.regnet]
///     stem = { width = 16, kernel = 3, stride = 1 }
///     bottleneck = 1.0
///     stages = [{ depth = 2, width = 24, group_width = 8 }]
/// "#)?;
/// assert_eq!(Spec::from_toml(&spec.to_toml())?, spec);
/// # Ok::<(), triaxis_models::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Its name, in checkpoints and reports.
    pub name: String,
    /// Side of the images it is trained on, pixels.
    pub resolution: usize,
    /// Classes it tells apart.
    pub num_classes: usize,
    /// The network.
    pub network: Network,
}

impl Model for Spec {
    fn name(&self) -> &str {
        &self.name
    }

    fn resolution(&self) -> usize {
        self.resolution
    }

    fn num_classes(&self) -> usize {
        self.num_classes
    }

    fn description(&self) -> Option<String> {
        Some(self.to_toml())
    }

    fn forward(&self, g: &mut Graph, images: Value) -> engine::Result<Value> {
        self.network.forward(g, images, self.num_classes)
    }
}

/// Path and text of the descriptions that the built-in recipes name.
pub const BUILT_IN: [(&str, &str); 2] = [
    ("specs/cifar.toml", include_str!("../../specs/cifar.toml")),
    ("specs/demo.toml", include_str!("../../specs/demo.toml")),
];

impl Spec {
    /// A name of the zoo, or the path of a TOML file. The networks of this project's own recipes ([`BUILT_IN`]) need no
    /// file.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownModel`] with names like it, or those of [`Spec::load`].
    pub fn find(model: &str) -> Result<Self> {
        let path = Path::new(model);
        let is_file = path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("toml"));
        match BUILT_IN.iter().find(|(known, _)| *known == model) {
            Some((_, text)) if !path.exists() => Self::from_toml(text),
            _ if is_file => Self::load(path),
            _ => zoo(model),
        }
    }

    /// Reads a TOML file.
    ///
    /// # Errors
    ///
    /// [`Error::File`] where it cannot be read, [`Error::Spec`] where it describes no network.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let failed = |source| Error::File {
            path: path.into(),
            source,
        };
        let mut text = String::new();
        let file = fs::File::open(path).map_err(failed)?;
        file.take(LARGEST + 1)
            .read_to_string(&mut text)
            .map_err(failed)?;
        let parsed = match text.len() as u64 > LARGEST {
            true => Err(Error::spec(format!(
                "larger than {LARGEST} bytes: not a network's description"
            ))),
            false => Self::from_toml(&text),
        };
        parsed.map_err(|error| match error {
            Error::Spec { line, what, .. } => Error::Spec {
                path: Some(path.into()),
                line,
                what,
            },
            other => other,
        })
    }

    /// Reads TOML.
    ///
    /// # Errors
    ///
    /// [`Error::Spec`] with the line, and for an unknown key the one that was probably meant.
    pub fn from_toml(text: &str) -> Result<Self> {
        let spec: Self = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map(|before| before.matches('\n').count() + 1);
            Error::Spec {
                path: None,
                line,
                what: in_words(error.message()),
            }
        })?;
        spec.check()?;
        Ok(spec)
    }

    /// The whole description as TOML.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a spec is made of tables, lists, numbers and texts")
    }

    /// Whether a network may be called so. Runs' folders and files are named by it: none may be hidden or lie elsewhere.
    pub fn is_name(name: &str) -> bool {
        !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\'])
    }

    /// Refuses numbers that make no network, and a name that cannot be one.
    ///
    /// # Errors
    ///
    /// [`Error::Spec`] with the number or name and what was expected.
    pub fn check(&self) -> Result<()> {
        let checked = self
            .check_name()
            .and_then(|()| within("resolution", self.resolution, &RESOLUTION))
            .and_then(|()| within("num_classes", self.num_classes, &(1..=1_000_000)))
            .and_then(|()| match &self.network {
                Network::EfficientNet(net) => net.check(),
                Network::RegNet(net) => net.check(),
                Network::ResNet(net) => net.check(),
                Network::Imported(net) => net.check(),
            })
            .and_then(|()| match self.network.stride() {
                stride if stride > self.resolution => Err(format!(
                    "resolution is {}, expected {stride} or more: the network's strides leave one pixel of {stride}",
                    self.resolution
                )),
                _ => Ok(()),
            });
        checked.map_err(Error::spec)
    }

    fn check_name(&self) -> Checked {
        if Self::is_name(&self.name) {
            return Ok(());
        }
        Err(format!(
            "name is `{}`, which cannot name a folder of results, expected one without slashes and a first dot",
            self.name
        ))
    }

    /// What one image of this resolution costs, by the counting rules of pycls. Needs no GPU and allocates no weights.
    ///
    /// # Errors
    ///
    /// The engine's, naming the node whose inputs do not fit.
    pub fn complexity(&self) -> Result<Complexity> {
        Ok(self.drawn()?.complexity())
    }

    /// The network's graph for one image.
    ///
    /// # Errors
    ///
    /// As [`Spec::complexity`].
    pub fn drawn(&self) -> Result<Graph> {
        let mut g = Graph::new(Mode::Evaluate);
        let image = g.input("image", [1, self.resolution, self.resolution, 3]);
        self.forward(&mut g, image)?;
        Ok(g)
    }
}

/// The parser's message with the key or value that was probably meant: it lists all that it knows, each in `` ` ``.
fn in_words(message: &str) -> String {
    // Sizes are told by their Rust type.
    let message = &message.replace("expected usize", "expected a whole number from 0 on");
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = message.starts_with("unknown ");
    let meant = match (unknown, quoted.next()) {
        (true, Some(name)) => similar(name, quoted),
        _ => Vec::new(),
    };
    match meant.first() {
        Some(meant) => format!("{message}; did you mean `{meant}`?"),
        None => message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
name = "small"
resolution = 32
num_classes = 10

[network.regnet]
stem = { width = 16, kernel = 3, stride = 1 }
bottleneck = 1.0

[[network.regnet.stages]]
depth = 2
width = 24
group_width = 8
"#;

    fn refusal(text: &str) -> String {
        Spec::from_toml(text).unwrap_err().to_string()
    }

    #[test]
    fn every_network_of_the_zoo_is_the_same_after_a_file() {
        for name in crate::names() {
            let spec = zoo(&name).unwrap();
            let text = spec.to_toml();
            assert_eq!(Spec::from_toml(&text).unwrap(), spec, "{text}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_the_likely_key() {
        let error = refusal(&SMALL.replace("width = 24", "widthx = 24"));
        assert!(
            error.starts_with("line 12: unknown field `widthx`"),
            "{error}"
        );
        assert!(error.ends_with("did you mean `width`?"), "{error}");
        let error =
            refusal(&SMALL.replace("bottleneck = 1.0", "style = { activation = \"swilu\" }"));
        assert!(
            error.starts_with("line 8: unknown variant `swilu`"),
            "{error}"
        );
        assert!(error.ends_with("did you mean `silu`?"), "{error}");
        let error = refusal(&SMALL.replace("network.regnet", "network.regnt"));
        assert!(error.ends_with("did you mean `regnet`?"), "{error}");
    }

    #[test]
    fn a_missing_key_is_named_with_its_line() {
        let error = refusal(&SMALL.replace("depth = 2", ""));
        assert!(
            error.starts_with("line 10: missing field `depth`"),
            "{error}"
        );
    }

    #[test]
    fn numbers_that_make_no_network_are_refused() {
        let cases = [
            (
                "depth = 2",
                "depth = 0",
                "stages[0].depth is 0, expected 1 to 1000",
            ),
            (
                "kernel = 3",
                "kernel = 4",
                "stem.kernel is 4, expected an odd number",
            ),
            (
                "bottleneck = 1.0",
                "bottleneck = nan",
                "bottleneck is NaN, expected 0.01 to 64",
            ),
            (
                "group_width = 8",
                "group_width = 0",
                "stages[0].group_width is 0, expected 1 to 65536",
            ),
            (
                "group_width = 8",
                "group_width = 7",
                "stages[0].group_width is 7, which does not divide the 24 channels that are convolved in groups",
            ),
            (
                "resolution = 32",
                "resolution = 0",
                "resolution is 0, expected 1 to 16384",
            ),
            (
                "\"small\"",
                "\"../small\"",
                "name is `../small`, which cannot name a folder of results, expected one without slashes and a first dot",
            ),
        ];
        for (from, to, expected) in cases {
            assert_eq!(refusal(&SMALL.replace(from, to)), expected);
        }
        let mut g = Graph::new(engine::Mode::Evaluate);
        let images = g.input("images", [1, 8, 8, 3]);
        let mut spec = Spec::from_toml(SMALL).unwrap();
        if let Network::RegNet(net) = &mut spec.network {
            net.stages[0].group_width = 0;
        }
        assert!(spec.forward(&mut g, images).is_err(), "drawing checks, too");
    }

    #[test]
    fn only_branches_that_are_summed_begin_at_zero_and_only_where_that_is_asked_for() {
        let zeros = |name: &str, zero_init_last: bool| {
            let mut spec = zoo(name).unwrap();
            spec.network.style_mut().zero_init_last = zero_init_last;
            let same = Spec::from_toml(&spec.to_toml()).unwrap();
            assert_eq!(same.to_toml(), spec.to_toml());
            let mut g = Graph::new(Mode::Evaluate);
            let images = g.input("images", [1, spec.resolution, spec.resolution, 3]);
            same.forward(&mut g, images).unwrap();
            let zero = |p: &&engine::Parameter| {
                p.name.ends_with(".weight") && p.options.init == engine::Init::Constant(0.0)
            };
            g.parameters().iter().filter(zero).count()
        };
        for (name, branches) in [
            ("resnet50", 16),
            ("resnet18", 8),
            // Every block of RegNetY has a shortcut, of RegNetZ and EfficientNet only those of stride 1 that keep the width.
            ("regnety_004", 16),
            ("regnetz_500mf", 17),
            ("efficientnet_b0", 9),
        ] {
            assert_eq!(zeros(name, true), branches, "{name}");
            assert_eq!(zeros(name, false), 0, "{name}");
        }
    }

    #[test]
    fn what_is_no_whole_number_is_refused_in_words() {
        for value in ["-24", "2.5"] {
            let error = refusal(&SMALL.replace("width = 24", &format!("width = {value}")));
            let expected = format!("`{value}`, expected a whole number from 0 on");
            assert!(
                error.starts_with("line ") && error.ends_with(&expected),
                "{error}"
            );
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Spec::find("no/such/file.toml").unwrap_err().to_string();
        assert!(error.starts_with("no/such/file.toml: "), "{error}");
    }
}
