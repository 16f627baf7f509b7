//! A training recipe: every number that decides how a network is trained.
//!
//! Options carry the names that timm's `train.py` gives them, where it has them. A recipe is read from TOML, where
//! whatever is left out keeps its default; the defaults are the recipe of *Fast and Accurate Model Scaling*
//! (<https://arxiv.org/abs/2103.06877>) for 100 epochs, at a batch of 128, but for its augmentation and its mixed
//! precision, which only `fast-scaling` brings: small pictures do not want the one, software drivers the other.

mod augment;
mod choices;
mod data;
mod difference;
mod kernels;
mod presets;
mod read;
mod validate;

use std::path::Path;

use serde::{Deserialize, Serialize};
use triaxis_models::Network;

pub use augment::{Augment, OnDevice, Place};
pub use choices::{
    AdamW, ClipMode, DecayEma, Exp, ModelEma, Optimizer, PyclsEma, RmspropTf, Schedule, Sgd, Step,
};

pub use data::{DamagedPictures, DataRecipe, Residence};
pub use difference::{Difference, network_differences};
pub use kernels::Kernels;
pub use presets::PRESETS;

use crate::data::Preprocess;
use crate::error::{Error, Result};
use crate::output::write_in_output;
pub(crate) use read::choice;

/// Weight decay of the paper's RegNets.
pub const PAPER_DECAY: f64 = 2e-5;

/// Weight decay that the paper has for networks of this family.
pub fn paper_decay(network: &Network) -> f64 {
    match network {
        Network::EfficientNet(_) => 1e-5,
        _ => PAPER_DECAY,
    }
}

/// Every number that decides how a network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// Name in the zoo, or path of a TOML specification.
    pub model: String,
    /// Side of the training images in pixels; the model's own where left out.
    pub img_size: Option<usize>,
    /// Classes to tell apart; those of the data where left out.
    pub num_classes: Option<usize>,
    /// Weights that training begins from, as [`Weights::load`](crate::weights::Weights::load) takes them; random ones
    /// where left out.
    pub initial_checkpoint: Option<String>,
    /// Images a batch: what runs at once, and what batch norm counts.
    pub batch_size: usize,
    /// Batches whose gradients make one update.
    pub grad_accum_steps: usize,
    /// Passes over the training images.
    pub epochs: usize,
    /// Key of everything random.
    pub seed: u64,
    /// Learning rate at its peak, for `lr_base_size` images an update.
    pub lr: f64,
    /// Images an update that `lr` is meant for; the rate in use is `lr × images / lr_base_size`. `None`, which files write
    /// as 0: `lr` as it is.
    #[serde(with = "zero_is_none")]
    pub lr_base_size: Option<usize>,
    /// Learning rate that the schedule does not go below once warm-up is over.
    pub min_lr: f64,
    /// Epochs of warm-up.
    pub warmup_epochs: f64,
    /// Fraction of the scheduled rate at the start of warm-up, growing linearly to 1. With the schedule `step`, fraction of
    /// the peak, from which the rate grows linearly to what the schedule has when warm-up ends.
    pub warmup_factor: f64,
    /// Learning rate at the start of warm-up, growing linearly to what the schedule has when it ends; takes the place of
    /// `warmup_factor`.
    pub warmup_lr: Option<f64>,
    /// When the schedule is evaluated: every step, or once an epoch.
    pub sched_on_updates: bool,
    /// L2 penalty, added to the gradient (SGD, RMSProp) or taken off the weight (AdamW). Left out: what the paper has for
    /// the network's family, 1e-5 for EfficientNets and [`PAPER_DECAY`] for others.
    pub weight_decay: Option<f64>,
    /// Whether batch-norm scales and shifts decay too.
    pub decay_norm: bool,
    /// Whether the biases of convolutions and linear layers decay too.
    pub decay_bias: bool,
    /// Label smoothing: the share of each target spread evenly over all classes.
    pub smoothing: f64,
    /// Parameter of mixup's Beta distribution; 0 is no mixup.
    pub mixup: f64,
    /// Epoch from which mixup is off; 0 is never.
    pub mixup_off_epoch: usize,
    /// Probability of a left-right flip.
    pub hflip: f64,
    /// Share of the shorter side of a validation picture that the middle which is shown covers: the picture is resized to
    /// `⌊img_size / crop_pct⌋` first; 1 shows the largest square.
    pub crop_pct: f64,
    /// Pixels of padding on each side before a random crop back to `img_size`; 0 is no shifted crop.
    pub crop_padding: usize,
    /// How large gradients may be, as `clip_mode` counts; left out: no clipping.
    pub clip_grad: Option<f64>,
    /// What `clip_grad` limits.
    pub clip_mode: ClipMode,
    /// Parameters that stay as they are: beginnings of their names up to a dot, in which `*` stands for any text, or
    /// `body` for all but the classifier. Their batch norms keep their running statistics.
    pub freeze: Vec<String>,
    /// What the learning rate is multiplied by from each layer to the one before it; 1 is the same rate for all.
    pub layer_decay: f64,
    /// Dropout rate before the classifier.
    pub drop: f64,
    /// Probability of dropping the last residual branch; earlier ones rise to it linearly.
    pub drop_path: f64,
    /// Whether the last batch norm of each residual branch begins with scales of 0, as timm's ResNets do.
    pub zero_init_last: bool,
    /// Whether the activations of each block are computed once more on the way back instead of kept: the same numbers for
    /// less memory and more time.
    pub grad_checkpointing: bool,
    /// Training images that the running statistics of batch norm are measured on after each epoch, for the weights and for
    /// their averages; 0 is never. pycls takes 8192.
    pub precise_bn: usize,
    /// The first epoch, from 0, whose weights enter an arithmetic mean (stochastic weight averaging), which is evaluated
    /// beside the weights and their moving average; left out: none. Its batch norms are measured on as many images as
    /// `precise_bn` says, or 8192.
    pub swa_start: Option<usize>,
    /// Epochs without a better top-1 accuracy after which training ends; 0 is never.
    pub patience: usize,
    /// Mixed precision: activations and their gradients are stored as f16 in training and evaluation, everything else as
    /// f32, and the loss is scaled so that small gradients are not lost.
    pub amp: bool,
    /// Threads that decode images. Does not change the result.
    pub workers: usize,
    /// Optimizer and its numbers.
    pub opt: Optimizer,
    /// Shape of the learning rate over the epochs.
    pub sched: Schedule,
    /// Moving average of the weights, evaluated beside them.
    pub model_ema: ModelEma,
    /// How training pictures are changed, beside `hflip` and `crop_padding`.
    pub augment: Augment,
    /// How pictures are taken from the data set.
    pub data: DataRecipe,
    /// Which kernels run where `triaxis tune` measured it.
    pub kernels: Kernels,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            model: "regnetz_500mf".into(),
            img_size: None,
            num_classes: None,
            initial_checkpoint: None,
            batch_size: 128,
            grad_accum_steps: 1,
            epochs: 100,
            seed: 42,
            lr: 2.0,
            lr_base_size: Some(1024),
            min_lr: 0.0,
            warmup_epochs: 5.0,
            warmup_factor: 0.1,
            warmup_lr: None,
            sched_on_updates: false,
            weight_decay: None,
            decay_norm: false,
            decay_bias: true,
            smoothing: 0.1,
            mixup: 0.2,
            mixup_off_epoch: 0,
            hflip: 0.5,
            crop_pct: 1.0,
            crop_padding: 0,
            clip_grad: None,
            clip_mode: ClipMode::Norm,
            freeze: Vec::new(),
            layer_decay: 1.0,
            drop: 0.0,
            drop_path: 0.0,
            zero_init_last: false,
            grad_checkpointing: false,
            precise_bn: 0,
            swa_start: None,
            patience: 0,
            amp: false,
            workers: 4,
            opt: Optimizer::Sgd(Sgd::default()),
            sched: Schedule::Exp(Exp::default()),
            model_ema: ModelEma::Pycls(PyclsEma::default()),
            augment: Augment::default(),
            data: DataRecipe::default(),
            kernels: Kernels::default(),
        }
    }
}

impl Recipe {
    /// The recipe in the TOML file at `path`.
    pub fn load(path: &Path) -> Result<Self> {
        read::load(path)
    }

    /// The recipe that is built in under this name ([`PRESETS`]), or in the TOML file of this path.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a name that is neither, and those of [`Recipe::load`].
    pub fn find(name: &str) -> Result<Self> {
        presets::find(name)
    }

    /// The recipe in `text`; `place` names it in errors ("recipe.toml").
    pub fn parse(text: &str, place: &str) -> Result<Self> {
        read::parse(text, place)
    }

    /// Whether the numbers can be, one by one and together. A recipe read from a file has yet to be validated, since
    /// options of the command line may still change it.
    pub fn validate(&self) -> Result<()> {
        validate::validate(self)
    }

    /// How validation pictures are shown, and pictures to a network that this recipe trained.
    pub fn preprocess(&self, side: usize) -> Preprocess {
        Preprocess {
            crop_pct: self.crop_pct,
            ..Preprocess::trained(side)
        }
    }

    /// The recipe, which has been validated, as TOML: every value that has one, in a fixed order.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("the numbers of a validated recipe fit TOML's")
    }

    /// Writes the recipe as it is in force (`args.toml`), so that the run can be repeated from it.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = format!(
            "# The recipe as it was in force. `triaxis train` takes it back as a recipe file.\n{}",
            self.to_toml()
        );
        write_in_output(path, text.as_bytes()).map_err(|source| {
            Error::disk("write the recipe", path, Some(text.len() as u64), source)
        })
    }

    /// Blake3, in hexadecimal, of everything that decides the result (all but `workers` and `data.resident`).
    pub fn hash(&self) -> String {
        let deciding = Self {
            workers: 0,
            data: DataRecipe {
                resident: Residence::Auto,
                ..self.data.clone()
            },
            ..self.clone()
        };
        blake3::hash(deciding.to_toml().as_bytes())
            .to_hex()
            .to_string()
    }

    /// Blake3, in hexadecimal, of everything that decides the result but the network, its classes and the seed: equal where
    /// networks were trained by the same settings.
    pub fn settings(&self) -> String {
        Self {
            model: String::new(),
            num_classes: None,
            seed: 0,
            ..self.clone()
        }
        .hash()
    }

    /// The weight decay for a network: where it is left out, what the paper has for the network's family.
    pub fn decay_for(&self, network: &Network) -> f64 {
        self.weight_decay.unwrap_or_else(|| paper_decay(network))
    }

    /// Gives a network what this says of it: what is dropped in training, and the first scales of its branches.
    pub fn shape(&self, network: &mut Network) {
        network.set_drop(self.drop, self.drop_path);
        network.style_mut().zero_init_last |= self.zero_init_last;
    }

    /// Images an update.
    pub fn images_an_update(&self) -> usize {
        self.batch_size * self.grad_accum_steps
    }

    /// The peak learning rate of these images an update: `lr`, scaled where `lr_base_size` is set.
    pub fn peak_lr(&self) -> f64 {
        match self.lr_base_size {
            Some(base) => self.lr * self.images_an_update() as f64 / base as f64,
            None => self.lr,
        }
    }
}

/// A number whose absence is written as 0, since what a file leaves out keeps its default.
mod zero_is_none {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        value: &Option<usize>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.unwrap_or(0).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<usize>, D::Error> {
        let value = usize::deserialize(from)?;
        Ok((value > 0).then_some(value))
    }
}
