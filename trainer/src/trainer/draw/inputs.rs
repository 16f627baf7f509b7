//! What a batch is given: pictures and how they are changed and mixed, labels, weights.

use triaxis_engine::ops::{Augment, augment, augment_each, gather, table_rows};
use triaxis_engine::{DType, Graph, Result, Shape, Value};

use super::{Mixing, Source};
use crate::recipe::{OnDevice, Recipe};

/// Pictures as the recipe changes them for training, and the table that says how, where there is one.
pub(super) fn augmented(
    g: &mut Graph,
    recipe: &Recipe,
    pictures: Value,
) -> Result<(Value, Option<Value>)> {
    match recipe.on_device() {
        OnDevice::Alike(options) => Ok((augment(g, pictures, options)?, None)),
        OnDevice::Each(each) => {
            let rows = table_rows(each.erasing.count);
            let table = g.input("augment.table", [g.shape(pictures).n(), 1, rows, 4]);
            let images = augment_each(g, pictures, table, Augment::default())?;
            Ok((images, Some(table)))
        }
    }
}

/// The inputs of mixing, where the recipe mixes.
pub(super) fn mixing(g: &mut Graph, recipe: &Recipe, batch: usize) -> Option<Mixing> {
    let cuts = recipe.augment.cuts();
    if recipe.mixup == 0.0 && !cuts {
        return None;
    }
    let partner = g.input_of("mixup.partner", [batch, 1, 1, 1], DType::U32);
    let share = (recipe.mixup > 0.0).then(|| g.input("mixup.lambda", Shape::scalar()));
    let rectangle = cuts.then(|| g.input_of("cutmix.rectangle", [1, 1, 1, 4], DType::U32));
    let target = match share {
        Some(share) if !cuts => share,
        _ => g.input("cutmix.lambda", Shape::scalar()),
    };
    Some(Mixing {
        partner,
        share,
        target,
        rectangle,
    })
}

/// The data set where it is kept, and the pictures of a batch.
pub(super) fn given(
    g: &mut Graph,
    [batch, side]: [usize; 2],
    source: Source,
) -> Result<(Option<Value>, Value)> {
    match source {
        Source::Written => {
            let pictures = g.input_of("pictures", [batch, side, side, 3], DType::U8);
            Ok((None, pictures))
        }
        Source::Kept(count) => {
            let data = g.input_of("data", [count, side, side, 3], DType::U8);
            // What random operators are keyed by is where the pictures stand.
            let places = g.randomness(batch)?.indices;
            Ok((Some(data), gather(g, data, places)?))
        }
    }
}

/// Labels, and what each counts.
pub(super) fn inputs(g: &mut Graph, batch: usize) -> (Value, Value) {
    (
        g.input_of("labels", [batch, 1, 1, 1], DType::U32),
        g.input("weights", [batch, 1, 1, 1]),
    )
}
