//! `golden/recipe.json`: what torch and pycls make of a few numbers.

use serde_json::Value;

/// The whole file.
pub(crate) fn recipe() -> Value {
    serde_json::from_str(include_str!("golden/recipe.json")).unwrap()
}

/// Every number of a nest of arrays, in order.
pub(crate) fn numbers(nest: &Value) -> Vec<f32> {
    match nest {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        Value::Number(number) => vec![number.as_f64().unwrap() as f32],
        other => panic!("{other} is no number"),
    }
}
