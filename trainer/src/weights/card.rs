//! What timm writes beside its weights: `config.json`, with the network's name and how its pictures are prepared.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use crate::data::{Interpolation, Preprocess};

/// Name of the file.
const NAME: &str = "config.json";
/// Largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// What a card tells.
#[derive(Debug, PartialEq)]
pub(super) struct Card {
    pub(super) model: Option<String>,
    pub(super) preprocess: Option<Preprocess>,
}

#[derive(Deserialize)]
struct Config {
    architecture: Option<String>,
    pretrained_cfg: Option<Pretrained>,
}

#[derive(Deserialize)]
struct Pretrained {
    input_size: [usize; 3],
    crop_pct: f64,
    interpolation: String,
    mean: [f32; 3],
    std: [f32; 3],
}

/// The card beside the file at `weights`; none where there is none of timm's kind.
pub(super) fn beside(weights: &Path) -> Option<Card> {
    let mut text = Vec::new();
    let file = File::open(weights.with_file_name(NAME)).ok()?;
    file.take(LARGEST).read_to_end(&mut text).ok()?;
    parse(&text)
}

fn parse(text: &[u8]) -> Option<Card> {
    let config: Config = serde_json::from_slice(text).ok()?;
    let preprocess = config.pretrained_cfg.and_then(|numbers| {
        let preprocess = Preprocess {
            size: numbers.input_size[1],
            crop_pct: numbers.crop_pct,
            interpolation: match numbers.interpolation.as_str() {
                "nearest" => Interpolation::Nearest,
                "bilinear" => Interpolation::Bilinear,
                "lanczos" => Interpolation::Lanczos,
                _ => Interpolation::Bicubic,
            },
            mean: numbers.mean,
            std: numbers.std,
        };
        preprocess.check().ok().map(|()| preprocess)
    });
    Some(Card {
        model: config.architecture,
        preprocess,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timms_configuration_tells_network_and_pictures() {
        let text = r#"{"architecture": "efficientnet_b1", "num_classes": 1000, "pretrained_cfg": {
            "tag": "ft_in1k", "input_size": [3, 224, 224], "test_input_size": [3, 256, 256], "crop_pct": 0.875,
            "interpolation": "bicubic", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}}"#;
        let card = parse(text.as_bytes()).unwrap();
        assert_eq!(card.model.as_deref(), Some("efficientnet_b1"));
        let preprocess = card.preprocess.unwrap();
        assert_eq!((preprocess.size, preprocess.resized()), (224, 256));
        assert_eq!(preprocess.interpolation, Interpolation::Bicubic);
        // Another project's file of that name, and one that was tampered with.
        assert_eq!(parse(b"[1]"), None);
        let odd = text.replace("0.875", "-1.0");
        assert_eq!(parse(odd.as_bytes()).unwrap().preprocess, None);
    }
}
