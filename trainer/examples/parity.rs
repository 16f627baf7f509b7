//! `cargo run --example parity -- RECIPE DATA FOLDER [MODEL]`: trains the first steps of a recipe, without what is random
//! in a step, and writes to FOLDER all that another framework needs to repeat them; see `benches/peers/README.md`.
//!
//! * `args.toml`, `model.toml`: the recipe as it was in force, and the network
//! * `initial.safetensors`: the first weights under PyTorch's names
//! * `batches.safetensors`: `pictures`, bytes `[steps, n, side, side, 3]`, and `labels` `[steps, n]`
//! * `losses.csv`: the learning rate and the mean loss of each step

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use triaxis::data::{DataOptions, Dataset, Loader, LoaderOptions, open};
use triaxis::{Flow, Gpu, GpuOptions, Recipe, Spec, Trainer, draw};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: parity RECIPE DATA FOLDER [MODEL]";
const STEPS: usize = 50;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [recipe, data, folder, model @ ..] = &words[..] else {
        return Err(USAGE.into());
    };
    let folder = Path::new(folder);
    fs::create_dir_all(folder)?;
    let mut recipe = plain(Recipe::load(Path::new(recipe))?);
    if let Some(model) = model.first() {
        recipe.model.clone_from(model);
    }
    let spec = Spec::find(&recipe.model)?;
    recipe.save(&folder.join("args.toml"))?;
    fs::write(folder.join("model.toml"), spec.to_toml())?;

    let data = open(data, &DataOptions::default())?;
    save_batches(&data.train, &recipe, spec.resolution, folder)?;
    let gpu = Gpu::open(&GpuOptions::default())?;
    let mut trainer = Trainer::new(&gpu, spec.clone(), &data, &recipe)?;
    save_weights(&trainer, &folder.join("initial.safetensors"))?;

    // Drawn alike, a graph has the same values as the trainer's.
    let loss = draw::training(&spec, &recipe, recipe.batch_size, spec.resolution)?.loss;
    let mut losses = csv::Writer::from_path(folder.join("losses.csv"))?;
    losses.write_record(["step", "lr", "loss"])?;
    for step in 0..STEPS {
        trainer.train_epoch(|_| Flow::Stop)?;
        let loss = trainer.plan().read(loss)?[0];
        losses.serialize((step, trainer.learning_rate(), loss))?;
    }
    Ok(losses.flush()?)
}

/// The recipe without what is drawn anew in a step: no other framework draws the same.
fn plain(recipe: Recipe) -> Recipe {
    Recipe {
        img_size: None,
        initial_checkpoint: None,
        mixup: 0.0,
        hflip: 0.0,
        crop_padding: 0,
        drop: 0.0,
        drop_path: 0.0,
        augment: Default::default(),
        ..recipe
    }
}

fn save_weights(trainer: &Trainer, path: &Path) -> Result<()> {
    let weights = trainer.weights()?;
    let mut views = Vec::new();
    for tensor in &weights {
        let bytes = bytemuck::cast_slice(&tensor.data);
        let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes)?;
        views.push((&tensor.name, view));
    }
    Ok(safetensors::serialize_to_file(views, None, path)?)
}

/// Writes the batches that a trainer of this recipe will see first.
fn save_batches(
    data: &Arc<dyn Dataset>,
    recipe: &Recipe,
    side: usize,
    folder: &Path,
) -> Result<()> {
    let n = recipe.batch_size;
    let options = LoaderOptions {
        batch: n,
        side,
        workers: recipe.workers,
        seed: recipe.seed,
        ..LoaderOptions::default()
    };
    let loader = Loader::new(Arc::clone(data), options)?;
    if STEPS > loader.batches() {
        let batches = loader.batches();
        return Err(format!("an epoch has {batches} steps, expected at least {STEPS}: give more pictures or a smaller batch_size").into());
    }
    let (mut pictures, mut labels) = (Vec::new(), Vec::new());
    for batch in loader.epoch(0, 0).take(STEPS) {
        let batch = batch?;
        // A pixel's fourth byte is padding.
        pictures.extend(
            batch
                .images
                .chunks_exact(4)
                .flat_map(|pixel| &pixel[..3])
                .copied(),
        );
        labels.extend(
            batch
                .labels
                .iter()
                .flat_map(|&label| i64::from(label).to_le_bytes()),
        );
    }
    let tensors = [
        (
            "pictures",
            TensorView::new(Dtype::U8, vec![STEPS, n, side, side, 3], &pictures)?,
        ),
        (
            "labels",
            TensorView::new(Dtype::I64, vec![STEPS, n], &labels)?,
        ),
    ];
    Ok(safetensors::serialize_to_file(
        tensors,
        None,
        &folder.join("batches.safetensors"),
    )?)
}
