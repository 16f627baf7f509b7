//! What `triaxis advise` prints.

use std::path::PathBuf;

use serde::Serialize;

use super::Advise;
use crate::advise::{
    Accuracy, Advisor, Basis, Cost, Evaluated, Expected, Family, Place, Quantity, Ranking, Share,
    TimeModel, reason,
};
use crate::cli::print;

/// The JSON document.
#[derive(Serialize)]
pub(super) struct Report {
    adapter: String,
    driver: String,
    /// Which time counts: `wall` or `processor`.
    clock: String,
    batch_size: usize,
    amp: bool,
    num_classes: usize,
    images: Option<usize>,
    limits: Vec<Limit>,
    /// Of training steps, and of latencies where they were measured.
    train: TimeModel,
    infer: Option<TimeModel>,
    errors: String,
    choices: Vec<Choice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<PathBuf>,
    #[serde(skip)]
    left_out: Vec<Family>,
}

#[derive(Serialize)]
struct Limit {
    quantity: Quantity,
    at_most: f64,
}

/// A network that fits.
#[derive(Serialize)]
struct Choice {
    model: String,
    family: Family,
    base: String,
    strategy: Option<String>,
    factor: f64,
    resolution: usize,
    #[serde(flatten)]
    cost: Cost,
    expected: Option<Expected>,
    /// The limit that it comes nearest to.
    tightest: Option<Share>,
    reason: String,
    /// What to run, line by line.
    commands: Vec<String>,
}

impl Report {
    pub(super) fn new(
        options: &Advise,
        advisor: &Advisor,
        ranking: &Ranking,
        place: &Place,
    ) -> Self {
        let shown = ranking.fitting.iter().take(options.top.into()).enumerate();
        let choice = |(i, one): (usize, &Evaluated)| Choice {
            model: one.spec.name.clone(),
            family: one.candidate.family,
            base: one.candidate.base.clone(),
            strategy: one.candidate.rule.name().map(str::to_owned),
            factor: one.candidate.factor,
            resolution: one.spec.resolution,
            cost: one.cost,
            expected: one.expected,
            tightest: advisor.budget.tightest(&one.cost),
            reason: reason(ranking, i, &advisor.budget),
            commands: commands(options, advisor, one, i),
        };
        let limit = |(quantity, at_most): &(Quantity, f64)| Limit {
            quantity: *quantity,
            at_most: *at_most,
        };
        let known = advisor.accuracy.families();
        let left_out = match options.networks.all() {
            true => Family::ALL
                .into_iter()
                .filter(|f| !known.contains(f))
                .collect(),
            false => Vec::new(),
        };
        Self {
            adapter: place.adapter.clone(),
            driver: place.driver.clone(),
            clock: place.clock.clone(),
            batch_size: advisor.task.recipe.batch_size,
            amp: advisor.task.recipe.amp,
            num_classes: advisor.task.num_classes,
            images: advisor.task.images,
            limits: advisor.budget.0.iter().map(limit).collect(),
            train: advisor.train.clone(),
            infer: advisor.infer.clone(),
            errors: errors(options, &advisor.accuracy),
            choices: shown.map(choice).collect(),
            written: options.out.clone(),
            left_out,
        }
    }

    pub(super) fn text(&self) -> String {
        let heading = [
            "", "network", "pixels", "error", "step", "epoch", "latency", "memory", "flops",
            "params",
        ];
        let told = |quantity: Quantity, cost: &Cost| match cost.of(quantity) {
            Some(amount) => quantity.told(amount),
            None => "-".to_owned(),
        };
        let line = |(i, choice): (usize, &Choice)| {
            let cost = |quantity| told(quantity, &choice.cost);
            [
                (i + 1).to_string(),
                choice.model.clone(),
                choice.resolution.to_string(),
                error(choice.expected),
                cost(Quantity::StepTime),
                cost(Quantity::EpochTime),
                cost(Quantity::Latency),
                cost(Quantity::Memory),
                cost(Quantity::Flops),
                cost(Quantity::Params),
            ]
        };
        let lines: Vec<_> = self.choices.iter().enumerate().map(line).collect();
        let mut text = format!("{} ({})\n\n", self.adapter, self.driver);
        text += &print::table(heading, &lines);
        for (i, choice) in self.choices.iter().enumerate() {
            text += &format!("\n{}. {}: {}\n", i + 1, choice.model, choice.reason);
            for command in &choice.commands {
                text += &format!("   $ {command}\n");
            }
        }
        text += &format!("\n{}\n{}", self.times(), self.errors);
        if !self.left_out.is_empty() {
            let names: Vec<&str> = self.left_out.iter().map(|f| f.name()).collect();
            text += &format!(
                " No errors are known of {}, which --family names nevertheless.",
                names.join(", ")
            );
        }
        if let Some(path) = &self.written {
            text += &format!(
                "\n\n{} is written to {}",
                self.choices[0].model,
                path.display()
            );
        }
        text
    }

    fn times(&self) -> String {
        let clock = match self.clock.as_str() {
            "wall" => "by the clock on the wall",
            _ => "processor time over all threads, because the adapter is a software driver",
        };
        let missed = |model: &TimeModel| {
            format!(
                "{:.0} % (median; nine of ten {:.0} %) on each of {} measured networks when it is left out",
                100.0 * model.misses.median,
                100.0 * model.misses.most,
                model.misses.networks
            )
        };
        let mut text = format!(
            "Steps of {}, {}, are predicted; predictions miss by {}.",
            print::counted(self.batch_size, "image", "images"),
            clock,
            missed(&self.train)
        );
        if let Some(infer) = &self.infer {
            text += &format!(" Latencies miss by {}.", missed(infer));
        }
        text
    }
}

/// `26.1 ± 0.4 %`, with what it stands on where that is not a curve between networks that are known.
fn error(expected: Option<Expected>) -> String {
    let Some(expected) = expected else {
        return "not known".into();
    };
    match expected.basis {
        Basis::Published => format!("{:.1} %", expected.error),
        Basis::Interpolated => format!("{:.1} ± {:.1} %", expected.error, expected.deviation),
        Basis::Extrapolated => {
            format!(
                "{:.1} ± {:.1} % extrapolated",
                expected.error, expected.deviation
            )
        }
    }
}

/// What the errors are.
fn errors(options: &Advise, accuracy: &Accuracy) -> String {
    match accuracy {
        Accuracy::Published(tables) => format!(
            "Errors are top-1 on ImageNet after training by the paper's recipe, {} ({} epochs; TinyNet's by its authors', 450 \
             epochs): as printed where the table has no ±, else on the curve through {} printed ones, which predicts each \
             from the others to {:.1} points.",
            options.training.length().name(),
            options.training.length().epochs(),
            tables.law.networks,
            tables.law.deviation
        ),
        Accuracy::Learned(trials) => format!(
            "Errors are top-1 on the validation pictures of {} of {}, on a Gaussian process over their multiply-adds.",
            print::counted(trials.count, "trial", "trials"),
            trials.studies.join(", ")
        ),
    }
}

/// How to train the choice at place `i`: what makes its file, where that is not there yet, then the training.
fn commands(options: &Advise, advisor: &Advisor, one: &Evaluated, i: usize) -> Vec<String> {
    let mut commands = Vec::new();
    let model = match (&options.out, one.candidate.rule.name()) {
        (Some(path), _) if i == 0 => path.display().to_string(),
        (_, None) => one.spec.name.clone(),
        (_, Some(strategy)) => {
            let file = format!("{}.toml", one.spec.name);
            commands.push(line(&[
                "triaxis",
                "scale",
                &one.candidate.base,
                "--strategy",
                strategy,
                "--factor",
                &one.candidate.factor.to_string(),
                "--out",
                &file,
            ]));
            file
        }
    };
    let training = &options.training;
    let batch = advisor.task.recipe.batch_size.to_string();
    let data = training.data_dir.as_deref().unwrap_or("synthetic");
    let mut words: Vec<String> = ["triaxis", "train", "--model", &model, "--data-dir", data]
        .map(str::to_owned)
        .into();
    words.extend(["--batch-size".to_owned(), batch]);
    let mut add = |option: &str, value: Option<String>| {
        if let Some(value) = value {
            words.extend([option.to_owned(), value]);
        }
    };
    let side = advisor.task.img_size;
    add("--img-size", side.map(|side| side.to_string()));
    add("--recipe", training.recipe.clone());
    let length = training
        .schedule
        .map(|_| training.length().name().to_owned());
    add("--schedule", length);
    if advisor.task.recipe.amp {
        words.push("--amp".to_owned());
    }
    words.extend(options.device.words());
    commands.push(line(&words));
    commands
}

/// Words as a shell takes them.
fn line<S: AsRef<str>>(words: &[S]) -> String {
    let quoted = words.iter().map(|word| {
        let word = word.as_ref();
        // A word with a zero byte can be no argument, so none came as one.
        shlex::try_quote(word).map_or_else(|_| word.to_owned(), |quoted| quoted.into_owned())
    });
    quoted.collect::<Vec<_>>().join(" ")
}
