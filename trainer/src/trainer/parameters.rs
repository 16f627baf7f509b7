//! How a recipe updates each parameter of a network.

use triaxis_engine::ParameterRole;
use triaxis_models::Model;

use super::draw;
use super::tune::Tuning;
use crate::error::Result;
use crate::recipe::Recipe;

/// How training updates one parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterUpdate {
    /// Its name in checkpoints.
    pub name: String,
    /// Its shape in files.
    pub shape: Vec<usize>,
    /// What it is for.
    pub role: ParameterRole,
    /// Its weight decay; 0 is none.
    pub weight_decay: f64,
    /// What its learning rate is multiplied by; 0 where it is frozen.
    pub rate: f32,
    /// Whether it stays as it is.
    pub frozen: bool,
}

/// How training by `recipe` updates each parameter of `model`, in the order of the drawing. It is read from the training
/// step that [`Trainer`](super::Trainer) runs, as that is drawn; no GPU is asked.
///
/// # Errors
///
/// A recipe that cannot be, patterns of `freeze` that name nothing, and a network that cannot be drawn.
pub fn parameter_updates(model: &dyn Model, recipe: &Recipe) -> Result<Vec<ParameterUpdate>> {
    recipe.validate()?;
    Tuning::new(model, recipe)?.check(recipe)?;
    let side = recipe.img_size.unwrap_or_else(|| model.resolution());
    let g = draw::training(model, recipe, recipe.batch_size, side)?.graph;
    let weight_decay = draw::weight_decay(recipe);
    let updates = g.parameters().iter().map(|p| {
        let options = p.options;
        ParameterUpdate {
            name: p.name.clone(),
            shape: options.layout.file_shape(g.shape(p.value)),
            role: options.role,
            weight_decay: match options.trainable && options.decay {
                true => weight_decay,
                false => 0.0,
            },
            rate: match options.trainable {
                true => options.rate,
                false => 0.0,
            },
            frozen: !options.trainable,
        }
    });
    Ok(updates.collect())
}
