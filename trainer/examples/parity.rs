//! `cargo run --release --example parity -- RECIPE DATA FOLDER [MODEL [SEED]]`: trains the first steps of a recipe, without what
//! is random in a step, and writes to FOLDER all that another framework needs to repeat them, and to train to the end from
//! the same weights on the same pictures in the same order; see `benches/peers/README.md`.
//!
//! * `args.toml`, `model.toml`: the recipe as it was in force, and the network
//! * `initial.safetensors`: the first weights under PyTorch's names
//! * `data.safetensors`: `train.pictures` and `test.pictures`, bytes `[pictures, side, side, 3]`, `train.labels` and
//!   `test.labels`, and `order`, the pictures of each step `[epochs, steps, n]`
//! * `losses.csv`: the learning rate and the mean loss of each of the first steps

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use triaxis::data::{DataOptions, Dataset, Loader, LoaderOptions, Split, open};
use triaxis::{Flow, Gpu, GpuOptions, Recipe, Spec, Trainer, draw};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: parity RECIPE DATA FOLDER [MODEL [SEED]]";
const STEPS: usize = 50;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [recipe, data, folder, changes @ ..] = &words[..] else {
        return Err(USAGE.into());
    };
    let folder = Path::new(folder);
    fs::create_dir_all(folder)?;
    let mut recipe = Recipe::load(Path::new(recipe))?;
    if let Some(model) = changes.first() {
        recipe.model.clone_from(model);
    }
    if let Some(seed) = changes.get(1) {
        recipe.seed = seed.parse()?;
    }
    let spec = Spec::find(&recipe.model)?;
    recipe.save(&folder.join("args.toml"))?;
    fs::write(folder.join("model.toml"), spec.to_toml())?;

    let data = open(data, &DataOptions::default())?;
    save_data(&data, &recipe, spec.resolution, folder)?;
    let recipe = plain(recipe);
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

/// Writes the pictures of both splits, and the order in which a trainer of this recipe sees those of the first.
fn save_data(data: &Split, recipe: &Recipe, side: usize, folder: &Path) -> Result<()> {
    let n = recipe.batch_size;
    let options = LoaderOptions {
        batch: n,
        side,
        workers: recipe.workers,
        seed: recipe.seed,
        ..LoaderOptions::default()
    };
    let loader = Loader::new(Arc::clone(&data.train), options.clone())?;
    let steps = loader.batches();
    if STEPS > steps {
        return Err(format!("an epoch has {steps} steps, expected at least {STEPS}: give more pictures or a smaller batch_size").into());
    }
    let mut order = Vec::new();
    for epoch in 0..u32::try_from(recipe.epochs)? {
        for batch in loader.epoch(epoch, 0) {
            order.extend(
                batch?
                    .indices
                    .iter()
                    .flat_map(|&i| i64::from(i).to_le_bytes()),
            );
        }
    }
    let (train, test) = (
        split(&data.train, &options)?,
        split(&data.validation, &options)?,
    );
    let shape = vec![recipe.epochs, steps, n];
    let mut views = vec![("order", TensorView::new(Dtype::I64, shape, &order)?)];
    let names = [
        ["train.pictures", "train.labels"],
        ["test.pictures", "test.labels"],
    ];
    for ([pictures, labels], of) in names.into_iter().zip([&train, &test]) {
        let count = of.labels.len() / size_of::<i64>();
        let shape = vec![count, side, side, 3];
        views.push((pictures, TensorView::new(Dtype::U8, shape, &of.pictures)?));
        views.push((
            labels,
            TensorView::new(Dtype::I64, vec![count], &of.labels)?,
        ));
    }
    Ok(safetensors::serialize_to_file(
        views,
        None,
        &folder.join("data.safetensors"),
    )?)
}

/// Bytes of tensors.
#[derive(Default)]
struct Pictures {
    pictures: Vec<u8>,
    labels: Vec<u8>,
}

/// All pictures of a split in its own order.
fn split(data: &Arc<dyn Dataset>, options: &LoaderOptions) -> Result<Pictures> {
    let options = LoaderOptions {
        shuffle: false,
        drop_last: false,
        ..options.clone()
    };
    let mut all = Pictures::default();
    for batch in Loader::new(Arc::clone(data), options)?.epoch(0, 0) {
        let batch = batch?;
        let bytes = batch.images.len() / batch.labels.len();
        // A pixel's fourth byte is padding, as are pictures behind the valid.
        let pixels = batch.images[..batch.valid * bytes].chunks_exact(4);
        all.pictures.extend(pixels.flat_map(|pixel| &pixel[..3]));
        let labels = batch.labels[..batch.valid].iter();
        all.labels
            .extend(labels.flat_map(|&label| i64::from(label).to_le_bytes()));
    }
    Ok(all)
}
