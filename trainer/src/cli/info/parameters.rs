//! `triaxis info --parameters`: how a recipe updates each parameter.

use clap::Args;
use serde::Serialize;
use triaxis_engine::ParameterRole;
use triaxis_models::Spec;

use super::super::print;
use crate::error::Result;
use crate::recipe::Recipe;
use crate::report::numbers::significant;
use crate::trainer::{ParameterUpdate, parameter_updates};

/// By which recipe.
#[derive(Debug, Args)]
#[command(next_help_heading = "Parameters")]
pub(super) struct ParameterOptions {
    /// How training updates each parameter: its weight decay, its learning rate, what is frozen
    #[arg(long)]
    pub(super) parameters: bool,
    /// Recipe: a name as `triaxis train` takes it, or a TOML file such as the args.toml of a run [default: that of `train`]
    #[arg(long, value_name = "NAME", requires = "parameters")]
    recipe: Option<String>,
    /// Weight decay, in the place of the recipe's
    #[arg(long, requires = "parameters")]
    weight_decay: Option<f64>,
    /// Whether batch norm decays, too
    #[arg(long, value_name = "BOOL", requires = "parameters")]
    decay_norm: Option<bool>,
    /// Whether biases decay, too
    #[arg(long, value_name = "BOOL", requires = "parameters")]
    decay_bias: Option<bool>,
    /// Parameters that stay as they are, as `triaxis train` takes them
    #[arg(long, value_name = "NAME", num_args = 1.., requires = "parameters")]
    freeze: Option<Vec<String>>,
    /// What the learning rate is multiplied by from each layer to the one before it
    #[arg(long, value_name = "FACTOR", requires = "parameters")]
    layer_decay: Option<f64>,
}

/// A parameter and how it is updated.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    name: String,
    shape: Vec<usize>,
    role: &'static str,
    weight_decay: f64,
    /// What its learning rate is multiplied by.
    rate: f32,
    frozen: bool,
}

impl From<ParameterUpdate> for Row {
    fn from(update: ParameterUpdate) -> Self {
        Self {
            name: update.name,
            shape: update.shape,
            role: match update.role {
                ParameterRole::Weight => "weight",
                ParameterRole::Bias => "bias",
                ParameterRole::Norm => "norm",
            },
            weight_decay: update.weight_decay,
            rate: update.rate,
            frozen: update.frozen,
        }
    }
}

impl ParameterOptions {
    /// The parameters of a network, where that was asked for.
    pub(super) fn rows(&self, spec: &Spec) -> Result<Option<Vec<Row>>> {
        if !self.parameters {
            return Ok(None);
        }
        let mut recipe = match &self.recipe {
            Some(name) => Recipe::find(name)?,
            None => Recipe::default(),
        };
        recipe.weight_decay = self.weight_decay.or(recipe.weight_decay);
        recipe.decay_norm = self.decay_norm.unwrap_or(recipe.decay_norm);
        recipe.decay_bias = self.decay_bias.unwrap_or(recipe.decay_bias);
        recipe.layer_decay = self.layer_decay.unwrap_or(recipe.layer_decay);
        if let Some(freeze) = &self.freeze {
            recipe.freeze.clone_from(freeze);
        }
        let mut spec = spec.clone();
        recipe.shape(&mut spec.network);
        recipe.img_size = Some(spec.resolution);
        recipe.num_classes = Some(spec.num_classes);
        recipe.weight_decay = Some(recipe.decay_for(&spec.network));
        let updates = parameter_updates(&spec, &recipe)?;
        Ok(Some(updates.into_iter().map(Row::from).collect()))
    }
}

/// A table of the parameters, then how much is decayed, left alone and frozen.
pub(super) fn text(rows: &[Row]) -> String {
    let cells = |row: &Row| {
        let sides: Vec<String> = row.shape.iter().map(usize::to_string).collect();
        let rate = match row.frozen {
            true => "frozen".to_owned(),
            false if row.rate == 1.0 => "×1".to_owned(),
            false => format!("×{}", significant(f64::from(row.rate))),
        };
        [
            row.name.clone(),
            sides.join("×"),
            row.role.into(),
            decay(row.weight_decay),
            rate,
        ]
    };
    let cells: Vec<_> = rows.iter().map(cells).collect();
    let heading = [
        "parameter",
        "shape",
        "role",
        "weight decay",
        "learning rate",
    ];
    let mut text = print::table(heading, &cells) + "\n";
    type Belongs = fn(&Row) -> bool;
    let kinds: [(&str, Belongs); 3] = [
        ("decay", |row| row.weight_decay > 0.0),
        ("do not decay", |row| row.weight_decay == 0.0 && !row.frozen),
        ("are frozen", |row| row.frozen),
    ];
    for (what, belongs) in kinds {
        let of: Vec<&Row> = rows.iter().filter(|row| belongs(row)).collect();
        let numbers: usize = of
            .iter()
            .map(|row| row.shape.iter().product::<usize>())
            .sum();
        let tensors = print::counted(of.len(), "tensor", "tensors");
        let numbers = print::count(numbers as u64);
        text += &format!("  {numbers:>15} numbers of {tensors} {what}\n");
    }
    text
}

fn decay(decay: f64) -> String {
    match decay {
        0.0 => "0".into(),
        decay => format!("{decay:e}"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::super::models::{Summary, drawn};
    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: ParameterOptions,
    }

    fn rows(spec: &Spec, words: &str) -> Result<Vec<Row>> {
        let words = ["info", "--parameters"]
            .into_iter()
            .chain(words.split_whitespace());
        let options = Line::try_parse_from(words).unwrap().options;
        Ok(options.rows(spec)?.expect("they were asked for"))
    }

    #[test]
    fn no_batch_norm_decays_and_all_else_does_as_the_recipe_says() {
        for (model, paper) in [
            ("regnety_004", 2e-5),
            ("regnetz_500mf", 2e-5),
            ("efficientnet_b0", 1e-5),
        ] {
            let spec = triaxis_models::zoo(model).unwrap();
            let g = drawn(&spec).unwrap();
            // A batch norm's tensors are those beside a running mean.
            let norms: Vec<String> = g
                .buffers()
                .iter()
                .filter_map(|b| Some(format!("{}.", b.name.strip_suffix(".running_mean")?)))
                .collect();
            // pycls decays the biases of squeeze-and-excite and of the classifier.
            for (words, of_biases) in [("", paper), ("--decay-bias false", 0.0)] {
                let found = rows(&spec, &format!("--recipe fast-scaling {words}")).unwrap();
                let numbers = |row: &Row| row.shape.iter().product::<usize>() as u64;
                let params = Summary::of(&spec).unwrap().params;
                assert_eq!(found.iter().map(numbers).sum::<u64>(), params, "{model}");
                let mut counts = [0; 3];
                for row in &found {
                    let is_norm = norms.iter().any(|norm| row.name.starts_with(norm));
                    let (kind, role, expected) = match row.name.ends_with(".bias") {
                        _ if is_norm => (0, "norm", 0.0),
                        true => (1, "bias", of_biases),
                        false => (2, "weight", paper),
                    };
                    counts[kind] += 1;
                    assert_eq!((row.role, row.weight_decay), (role, expected), "{row:?}");
                    assert!(row.rate == 1.0 && !row.frozen, "{row:?}");
                }
                assert_eq!(counts[0], 2 * norms.len(), "{model}");
                assert!(counts[1] > 1 && counts[2] > 10, "{model}: {counts:?}");
            }
        }
    }

    #[test]
    fn frozen_layers_and_rates_that_fall_are_told() {
        let spec = triaxis_models::zoo("regnety_004").unwrap();
        let words = "--freeze stem --layer-decay 0.5 --weight-decay 0.25 --decay-norm true";
        let found = rows(&spec, words).unwrap();
        let row = |name: &str| found.iter().find(|row| row.name == name).unwrap();
        let stem = row("stem.conv.weight");
        assert!(stem.frozen && (stem.weight_decay, stem.rate) == (0.0, 0.0));
        let last = row("s4.b6.conv3.bn.weight");
        assert!(!last.frozen && (last.weight_decay, last.rate) == (0.25, 0.5));
        let text = text(&found);
        let line = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            line("stem.conv.weight"),
            ["stem.conv.weight", "32×3×3×3", "weight", "0", "frozen"]
        );
        assert_eq!(line("head.fc.bias")[3..], ["2.5e-1", "×1"]);
        // The convolution and its batch norm.
        assert!(
            text.contains(" 928 numbers of 3 tensors are frozen"),
            "{text}"
        );
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let spec = triaxis_models::zoo("resnet18").unwrap();
        for (words, part) in [
            ("--recipe fast-scales", "Did you mean `fast-scaling`?"),
            ("--freeze stages", "no parameter's name begins so"),
            ("--layer-decay 2", "layer_decay = 2"),
            ("--weight-decay=-1", "weight_decay = -1"),
        ] {
            let error = rows(&spec, words).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{error}");
            assert!(error.to_string().contains(part), "{error}");
        }
        // They say nothing of what else `info` tells.
        let alone = ["info", "--recipe", "fast-scaling"];
        assert!(Line::try_parse_from(alone).is_err());
    }
}
