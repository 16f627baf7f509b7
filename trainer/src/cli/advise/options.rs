//! What may be said about the network that is looked for.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};

use crate::advise::{Accuracy, Budget, Family, Length, Quantity, Rule, Task};
use crate::cli::number::{at_least, count, duration};
use crate::data::{DataOptions, open};
use crate::error::{Error, Result};
use crate::recipe::Recipe;

/// What the network may cost.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Limits, one at least")]
pub(super) struct Limits {
    /// Time of a training step, such as 200ms
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true)]
    max_step_time: Option<f64>,
    /// Time of an epoch's training steps, such as 30min; with --images or --data-dir
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true)]
    max_epoch_time: Option<f64>,
    /// GPU memory for training and evaluation, such as 8GB
    #[arg(long, value_name = "BYTES", value_parser = count, allow_hyphen_values = true)]
    max_memory: Option<u64>,
    /// Time from one picture to its classes, such as 20ms
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true)]
    max_latency: Option<f64>,
    /// Multiply-adds for one image, such as 1G
    #[arg(long, value_name = "N", value_parser = count, allow_hyphen_values = true)]
    max_flops: Option<u64>,
    /// Parameters, such as 5M
    #[arg(long, value_name = "N", value_parser = count, allow_hyphen_values = true)]
    max_params: Option<u64>,
}

/// What is to be trained.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Training")]
pub(super) struct Training {
    /// Data that will be trained on: tells the images of an epoch and the classes
    #[arg(long, value_name = "PATH", value_parser = NonEmptyStringValueParser::new())]
    pub(super) data_dir: Option<String>,
    /// Images of an epoch [default: those of --data-dir]
    #[arg(long, value_name = "N", value_parser = count)]
    images: Option<u64>,
    /// Images of a batch [default: the recipe's, 128]
    #[arg(short, long, value_name = "IMAGES", value_parser = clap::value_parser!(u16).range(1..))]
    batch_size: Option<u16>,
    /// Classes [default: those of --data-dir, else 1000]
    #[arg(long, value_name = "N", value_parser = at_least(2))]
    num_classes: Option<usize>,
    /// Side of the images, pixels [default: each network's]
    #[arg(long, value_name = "PIXELS")]
    img_size: Option<usize>,
    /// Mixed precision: activations and their gradients as f16
    #[arg(long)]
    amp: bool,
    /// How is trained: fast-scaling, efficientnet, tinynet, cifar, finetune, or a TOML file [default: the defaults of train]
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) recipe: Option<String>,
    /// Length of training that errors are told for: 1x, 2x or 4x are 100, 200 or 400 epochs [default: 1x]
    #[arg(long, value_enum, value_name = "LENGTH", conflicts_with = "ledger")]
    pub(super) schedule: Option<Epochs>,
}

/// As `train --schedule` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Epochs {
    #[value(name = "1x")]
    Once,
    #[value(name = "2x")]
    Twice,
    #[value(name = "4x")]
    FourTimes,
}

impl Training {
    pub(super) fn length(&self) -> Length {
        match self.schedule {
            None | Some(Epochs::Once) => Length::Once,
            Some(Epochs::Twice) => Length::Twice,
            Some(Epochs::FourTimes) => Length::FourTimes,
        }
    }

    /// Whether training is in mixed precision.
    pub(super) fn amp(&self) -> Result<bool> {
        Ok(self.recipe()?.amp)
    }

    fn recipe(&self) -> Result<Recipe> {
        let recipe = self.recipe.as_deref().map(Recipe::find).transpose()?;
        let mut recipe = recipe.unwrap_or_default();
        recipe.amp |= self.amp;
        recipe.batch_size = self.batch_size.map_or(recipe.batch_size, usize::from);
        recipe.validate()?;
        Ok(recipe)
    }

    /// What is trained, and what it may cost.
    pub(super) fn task(&self, limits: &Limits) -> Result<(Task, Budget)> {
        let mut recipe = self.recipe()?;
        let set = |quantity, limit: Option<f64>| limit.map(|limit| (quantity, limit));
        let number = |n: Option<u64>| n.map(|n| n as f64);
        let budget = [
            set(Quantity::StepTime, limits.max_step_time),
            set(Quantity::EpochTime, limits.max_epoch_time),
            set(Quantity::Memory, number(limits.max_memory)),
            set(Quantity::Latency, limits.max_latency),
            set(Quantity::Flops, number(limits.max_flops)),
            set(Quantity::Params, number(limits.max_params)),
        ];
        let budget = Budget(budget.into_iter().flatten().collect());
        if budget.0.is_empty() {
            return Err(Error::config(
                "advise",
                "nothing is limited, and the largest network would always be the best",
                "Give one or more of --max-step-time, --max-epoch-time, --max-memory, --max-latency, --max-flops and \
                 --max-params",
            ));
        }
        let side = self.img_size.or(recipe.img_size.take());
        let mut images = self.images.map(|n| n as usize);
        let mut classes = self.num_classes.or(recipe.num_classes);
        if let Some(path) = &self.data_dir {
            let data = open(path, &DataOptions::default())?;
            images = images.or(Some(data.train.len()));
            classes = classes.or(Some(data.train.classes().len()));
        }
        let task = Task {
            num_classes: classes.unwrap_or(1000),
            img_size: side,
            images,
            recipe,
        };
        if budget.limits(Quantity::EpochTime) {
            match task.steps() {
                None => {
                    return Err(Error::config(
                        "--max-epoch-time",
                        "how many images an epoch has is not known",
                        "Give --images or --data-dir",
                    ));
                }
                Some(0) => {
                    let batch = task.recipe.batch_size;
                    return Err(Error::config(
                        "--max-epoch-time",
                        format!(
                            "{} images do not fill a batch of {batch}",
                            images.unwrap_or(0)
                        ),
                        "Give a smaller --batch-size",
                    ));
                }
                Some(_) => {}
            }
        }
        Ok((task, budget))
    }
}

/// Which networks are looked at.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Networks")]
pub(super) struct Networks {
    /// Family: efficientnet, tinynet, efficientnetv2, mobilenetv2, regnetx, regnety, regnetz, resnet, resnext; commas
    /// between several [default: those whose errors are known]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    family: Vec<String>,
    /// How families are scaled: strategies of `triaxis scale`, phi, tiny; commas between several. The papers print errors
    /// of networks scaled by the defaults
    #[arg(
        long,
        value_name = "S",
        value_delimiter = ',',
        default_value = "dWr,phi,tiny"
    )]
    strategy: Vec<String>,
}

impl Networks {
    /// Whether all families are meant whose errors are known.
    pub(super) fn all(&self) -> bool {
        self.family.is_empty()
    }

    pub(super) fn families(&self, accuracy: &Accuracy) -> Result<Vec<Family>> {
        match self.family.is_empty() {
            true => Ok(accuracy.families()),
            false => self.family.iter().map(|name| name.parse()).collect(),
        }
    }

    pub(super) fn rules(&self) -> Result<Vec<Rule>> {
        self.strategy.iter().map(|name| Rule::named(name)).collect()
    }
}

/// Where errors are known from.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Errors")]
pub(super) struct Errors {
    /// Ledger of `triaxis search`, whose trials on your pictures tell how networks err [default: the papers' tables]
    #[arg(long, value_name = "FILE")]
    pub(super) ledger: Option<PathBuf>,
    /// The trials of this study alone
    #[arg(long, value_name = "NAME", requires = "ledger")]
    pub(super) study: Option<String>,
}
