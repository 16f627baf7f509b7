//! Reading a recipe: TOML in, or an error that names the line and the nearest word.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::{
    AdamW, DecayEma, Exp, ModelEma, Optimizer, PyclsEma, Recipe, RmspropTf, Schedule, Sgd, Step,
};
use crate::error::{Error, Result, suggestion};

/// A recipe is some forty lines: what is larger is not one.
const LARGEST: u64 = 1 << 20;

pub(super) fn load(path: &Path) -> Result<Recipe> {
    let place = path.display().to_string();
    let unreadable = |error: std::io::Error| {
        Error::config(
            &place,
            format!("cannot read the recipe: {error}"),
            "Give the path of a TOML file",
        )
    };
    let mut bytes = Vec::new();
    File::open(path)
        .map_err(unreadable)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        return Err(Error::config(
            &place,
            "is larger than 1 MiB, so it is no recipe",
            "Give the path of a TOML file",
        ));
    }
    let text = String::from_utf8(bytes).map_err(|_| {
        Error::config(
            &place,
            "is not UTF-8 text, so it is no recipe",
            "Give the path of a TOML file",
        )
    })?;
    parse(&text, &place)
}

pub(super) fn parse(text: &str, place: &str) -> Result<Recipe> {
    let source = Source { text, place };
    let table = DeTable::parse(text).map_err(|error| source.toml(&error))?;
    let known = json(&Recipe::default());
    source.check("", table.get_ref(), &known)?;
    toml::from_str(text).map_err(|error| source.toml(&error))
}

/// The alternatives of a table that is chosen by its `name`, each with its defaults.
fn alternatives(key: &str) -> Vec<Value> {
    match key {
        "opt" => [
            Optimizer::Sgd(Sgd::default()),
            Optimizer::RmspropTf(RmspropTf::default()),
            Optimizer::AdamW(AdamW::default()),
        ]
        .iter()
        .map(json)
        .collect(),
        "sched" => [
            Schedule::Cosine,
            Schedule::Exp(Exp::default()),
            Schedule::Step(Step::default()),
            Schedule::Constant,
        ]
        .iter()
        .map(json)
        .collect(),
        "model_ema" => [
            ModelEma::Off,
            ModelEma::Pycls(PyclsEma::default()),
            ModelEma::Decay(DecayEma::default()),
        ]
        .iter()
        .map(json)
        .collect(),
        _ => Vec::new(),
    }
}

fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("a recipe is made of numbers, words and tables of them")
}

struct Source<'a> {
    text: &'a str,
    place: &'a str,
}

impl Source<'_> {
    fn line(&self, at: usize) -> usize {
        1 + self
            .text
            .bytes()
            .take(at)
            .filter(|&byte| byte == b'\n')
            .count()
    }

    fn error(&self, span: Range<usize>, problem: String, help: String) -> Error {
        Error::config(
            format!("{}, line {}", self.place, self.line(span.start)),
            problem,
            help,
        )
    }

    fn toml(&self, error: &toml::de::Error) -> Error {
        let mut message = error.message().replace('\n', ", ");
        // Counts are told by their Rust type.
        for counts in ["expected usize", "expected u64"] {
            message = message.replace(counts, "expected a whole number from 0 on");
        }
        let help = "Correct that value; `triaxis train --help` lists them all".to_owned();
        match error.span() {
            Some(span) => {
                let line = self
                    .text
                    .lines()
                    .nth(self.line(span.start) - 1)
                    .unwrap_or("")
                    .trim();
                self.error(span, format!("`{line}`: {message}"), help)
            }
            None => Error::config(self.place, message, help),
        }
    }

    /// Checks the keys of a table and the kinds of their values against the `known` ones.
    fn check(&self, path: &str, table: &DeTable<'_>, known: &Value) -> Result<()> {
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let Some(expected) = known.get(name) else {
                let names = known
                    .as_object()
                    .into_iter()
                    .flat_map(|table| table.keys().map(String::as_str));
                let owner = if path.is_empty() {
                    "a recipe".to_owned()
                } else {
                    format!("`{path}`")
                };
                let problem = format!("{owner} has no `{name}`");
                return Err(self.error(key.span(), problem, suggestion(name, names)));
            };
            let found = value.get_ref();
            let agree = match (expected, found) {
                (Value::Object(_), DeValue::Table(inner)) => {
                    match alternatives(name).is_empty() {
                        true => self.check(name, inner, expected)?,
                        false => self.check_choice(name, inner, value.span())?,
                    }
                    true
                }
                (Value::Object(_), _) => false,
                (Value::Number(_), found) => found.is_integer() || found.is_float(),
                (Value::Bool(_), found) => found.is_bool(),
                (Value::String(_), found) => found.is_str(),
                (Value::Array(_), found) => found.is_array(),
                (Value::Null, _) => true,
            };
            if !agree {
                let problem = format!(
                    "`{name}` is {}, got {}",
                    kind(expected),
                    article(found.type_str())
                );
                let help = match expected {
                    Value::Object(_) => match names(&alternatives(name)).join(" or ") {
                        none if none.is_empty() => format!("Write [{name}] and its values below"),
                        names => format!("Write {name} = {{ name = {names} }}"),
                    },
                    _ => format!("Its default is {expected}"),
                };
                return Err(self.error(value.span(), problem, help));
            }
        }
        Ok(())
    }

    /// Checks a table such as `opt`, whose `name` decides which keys it has.
    fn check_choice(&self, key: &str, table: &DeTable<'_>, span: Range<usize>) -> Result<()> {
        let choices = alternatives(key);
        let names = names(&choices);
        let Some(name) = table.get("name") else {
            return Err(self.error(
                span,
                format!("`{key}` has no `name`"),
                format!("Name one of {}", names.join(", ")),
            ));
        };
        let Some(text) = name.get_ref().as_str() else {
            let problem = format!(
                "`{key}.name` is a word, got {}",
                article(name.get_ref().type_str())
            );
            return Err(self.error(
                name.span(),
                problem,
                format!("Name one of {}", names.join(", ")),
            ));
        };
        match choices.iter().find(|choice| choice["name"] == *text) {
            Some(known) => self.check(&format!("{key} = {text}"), table, known),
            None => {
                let plain: Vec<&str> = choices
                    .iter()
                    .filter_map(|choice| choice["name"].as_str())
                    .collect();
                let problem = format!("`{key}` cannot be \"{text}\"");
                Err(self.error(name.span(), problem, instead(key, text, plain)))
            }
        }
    }
}

/// What to write for a `word` that is no alternative of `key`.
fn instead<'a>(key: &str, word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match (key, word) {
        ("model_ema", "swa") => "The mean of epochs' weights is taken beside it: give the first of them as swa_start in a recipe, \
                                 or by --swa-start"
            .to_owned(),
        _ => suggestion(word, known),
    }
}

fn names(choices: &[Value]) -> Vec<String> {
    choices
        .iter()
        .map(|choice| choice["name"].to_string())
        .collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Number(_) => "a number",
        Value::Bool(_) => "true or false",
        Value::String(_) => "a word",
        Value::Array(_) => "a list",
        Value::Object(_) | Value::Null => "a table",
    }
}

fn article(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {kind}")
}

/// The alternative of `key` that is called `word`, with its defaults.
pub(super) fn choose<T: serde::de::DeserializeOwned>(key: &str, word: &str) -> Result<T> {
    let choices = alternatives(key);
    match choices.iter().find(|choice| choice["name"] == *word) {
        Some(found) => {
            Ok(serde_json::from_value(found.clone()).expect("it was written by its own type"))
        }
        None => {
            let names = choices.iter().filter_map(|choice| choice["name"].as_str());
            let problem = format!("cannot be \"{word}\"");
            Err(Error::config(key, problem, instead(key, word, names)))
        }
    }
}

/// The one of `known` that is written `word`; `place` names it in errors.
pub(crate) fn choice<T: serde::Serialize>(
    place: &str,
    word: &str,
    known: impl IntoIterator<Item = T>,
) -> Result<T> {
    let mut names = Vec::new();
    for candidate in known {
        match json(&candidate) {
            Value::String(name) if name == word => return Ok(candidate),
            name => names.extend(name.as_str().map(str::to_owned)),
        }
    }
    let problem = format!("cannot be \"{word}\"");
    let help = suggestion(word, names.iter().map(String::as_str));
    Err(Error::config(place, problem, help))
}

#[cfg(test)]
mod tests;
