//! From options to a scaled network.

use triaxis_engine::Limits;
use triaxis_models::scaling::{self, Fit, fit, tiny};
use triaxis_models::{Error as ModelError, Scaling, Spec, Strategy};

use super::{Reached, Scale, Scaled, Step, short};
use crate::cli::options::folder_name;
use crate::error::{Error, Result};
use crate::recipe::Recipe;
use crate::trainer::training_schedule;

/// A strategy by what it computes from a factor.
#[derive(Clone, Copy)]
enum Rule {
    Shares(Strategy),
    Compound,
    Tiny,
}

impl Rule {
    /// How it rounds unless told otherwise.
    fn rounding(self) -> scaling::Rounding {
        match self {
            Self::Shares(_) => scaling::Rounding::Pycls,
            Self::Compound => scaling::Rounding::EfficientNet,
            Self::Tiny => scaling::Rounding::TinyNet,
        }
    }
}

/// What a target counts.
#[derive(Clone, Copy)]
enum Cost {
    Flops,
    Params,
    Acts,
    Memory,
}

impl Cost {
    fn unit(self) -> &'static str {
        match self {
            Self::Flops => "flops",
            Self::Params => "params",
            Self::Acts => "acts",
            Self::Memory => "bytes to train",
        }
    }
}

impl Scale {
    pub(super) fn scaled(&self) -> Result<Scaled> {
        let base = Spec::find(&self.model)?;
        if let Some(name) = &self.name {
            folder_name("--name", name)?;
        }
        let mut scaled = match self.multipliers()? {
            Some(scaling) => self.by_multipliers(base, scaling)?,
            None => self.by_strategy(base)?,
        };
        if let Some(name) = &self.name {
            scaled.spec.name.clone_from(name);
        }
        Ok(scaled)
    }

    /// What the options say about groups and rounding, whatever the strategy.
    fn refined(&self, scaling: Scaling) -> Scaling {
        Scaling {
            group: if self.keep_group_width {
                1.0
            } else {
                scaling.group
            },
            rounding: self
                .rounding
                .map_or(scaling.rounding, scaling::Rounding::from),
            ..scaling
        }
    }

    fn multipliers(&self) -> Result<Option<Scaling>> {
        let given = &self.multipliers;
        let all = [given.depth, given.width, given.group, given.resolution];
        if all.iter().all(Option::is_none) {
            return Ok(None);
        }
        let [depth, width, _, resolution] = all.map(|x| x.unwrap_or(1.0));
        let scaling = match self.strategy.as_deref() {
            None => Scaling::new(depth, width, resolution),
            Some("tiny") => Scaling::tiny(depth, width, resolution),
            Some(other) => {
                let problem = format!("`{other}` chooses the multipliers, but some are given");
                let help = "Leave out the strategy, or give --factor instead of multipliers";
                return Err(Error::config("--strategy", problem, help));
            }
        };
        let group = given.group.unwrap_or(scaling.group);
        Ok(Some(self.refined(Scaling { group, ..scaling })))
    }

    fn by_multipliers(&self, base: Spec, scaling: Scaling) -> Result<Scaled> {
        Ok(Scaled {
            spec: base.scaled(scaling)?,
            base,
            strategy: self
                .strategy
                .clone()
                .unwrap_or_else(|| "multipliers".into()),
            factor: scaling.depth * (scaling.width * scaling.resolution).powi(2),
            scaling,
            reached: None,
        })
    }

    fn by_strategy(&self, base: Spec) -> Result<Scaled> {
        let rule = self.rule()?;
        let name = match rule {
            // Of `orig` it is not the shares that --phi means.
            Rule::Compound => "phi",
            _ => self.strategy.as_deref().unwrap_or("dWr"),
        };
        let fixed = if self.keep_group_width && !name.ends_with("(g fixed)") {
            " (g fixed)"
        } else {
            ""
        };
        let strategy = format!("{name}{fixed}");
        let size = &self.size;
        let scaling = |factor: f64| {
            self.refined(match rule {
                Rule::Shares(strategy) => strategy.at(factor),
                Rule::Compound | Rule::Tiny => Scaling::compound(factor),
            })
        };
        let targets = [
            (size.target_flops, Cost::Flops),
            (size.target_params, Cost::Params),
            (size.target_acts, Cost::Acts),
            (size.target_memory, Cost::Memory),
        ];
        let target = targets
            .into_iter()
            .find_map(|(n, cost)| n.map(|n| (n, cost)));
        let mut scaled = match (rule, size.factor, size.phi, target) {
            (_, Some(factor), ..) if !(factor.is_finite() && factor > 0.0) => {
                let problem = format!("it is {factor}, expected a number above 0");
                return Err(Error::config(
                    "--factor",
                    problem,
                    "1 leaves the network as it is",
                ));
            }
            (Rule::Tiny, Some(share), ..) => {
                let flops = base.complexity()?.flops as f64 * share;
                let found = self.tiny(base, flops.round() as u64, strategy)?;
                // As it was given, not as the whole number of multiply-adds has it.
                Scaled {
                    factor: share,
                    ..found
                }
            }
            (Rule::Tiny, _, _, Some((target, Cost::Flops))) => self.tiny(base, target, strategy)?,
            (Rule::Tiny, ..) => {
                let problem = "TinyNet's rule solves for multiply-adds alone";
                let help = "Give --factor, --target-flops, or the multipliers";
                return Err(Error::config("--strategy tiny", problem, help));
            }
            (_, Some(factor), ..) => built(base, strategy, factor, scaling(factor))?,
            (_, _, Some(phi), _) => {
                if !phi.is_finite() {
                    let problem = format!("it is {phi}, expected a number");
                    return Err(Error::config(
                        "--phi",
                        problem,
                        "0 leaves the network as it is",
                    ));
                }
                let by = self.refined(Scaling::phi(phi));
                let factor = by.depth * (by.width * by.resolution).powi(2);
                built(base, strategy, factor, by)?
            }
            (.., Some((target, cost))) => {
                let found = fit(&base, target, scaling, |spec| self.cost(spec, cost))?;
                let factor = found.nearest.factor;
                fitted(
                    base,
                    found,
                    (target, cost),
                    (strategy, factor, scaling(factor)),
                )
            }
            _ => {
                let problem = "nothing says how far";
                let help = "Give --factor, --phi, one of --target-flops, --target-params, --target-acts and \
                            --target-memory, or multipliers such as --width 1.5";
                return Err(Error::config("scale", problem, help));
            }
        };
        scaled.spec.name = self.name_of(&scaled, rule);
        Ok(scaled)
    }

    /// The base's name, the strategy, how far it goes, and the rounding where it is not the strategy's.
    fn name_of(&self, scaled: &Scaled, rule: Rule) -> String {
        let size = match (self.size.phi, rule) {
            (Some(phi), _) if phi < 0.0 => format!("minus-{}", short(-phi)),
            (Some(phi), _) => short(phi.abs()),
            // A factor is no exponent.
            (None, Rule::Compound) => format!("x{}", short(scaled.factor)),
            (None, _) => short(scaled.factor),
        };
        let mut name = format!("{}-{}-{size}", scaled.base.name, slug(&scaled.strategy));
        let rounding = scaled.scaling.rounding;
        if rounding != rule.rounding() {
            name += &format!("-{}", rounding.name());
        }
        name
    }

    /// What the strategy's name means together with the size that is asked for.
    fn rule(&self) -> Result<Rule> {
        Ok(match (self.strategy.as_deref(), self.size.phi) {
            (Some("phi"), _) | (Some("orig") | None, Some(_)) => Rule::Compound,
            (Some(other), Some(_)) => {
                let problem =
                    format!("it is EfficientNet's own rule, but the strategy is `{other}`");
                return Err(Error::config("--phi", problem, "Give --factor instead"));
            }
            (Some("tiny"), None) => Rule::Tiny,
            (Some(name), None) => Rule::Shares(name.parse::<Strategy>().map_err(unknown)?),
            (None, None) => Rule::Shares(Strategy::fast()),
        })
    }

    /// Depth and resolution by the budget, width by what is left of it.
    fn tiny(&self, base: Spec, target: u64, strategy: String) -> Result<Scaled> {
        let share = target as f64 / base.complexity()?.flops as f64;
        let refined = |scaling| self.refined(scaling);
        let cost = |spec: &Spec| self.cost(spec, Cost::Flops);
        let (scaling, found) = tiny(&base, target, refined, cost)?;
        Ok(fitted(
            base,
            found,
            (target, Cost::Flops),
            (strategy, share, scaling),
        ))
    }

    fn cost(&self, spec: &Spec, cost: Cost) -> Result<u64, ModelError> {
        Ok(match cost {
            Cost::Flops => spec.complexity()?.flops,
            Cost::Params => spec.complexity()?.params,
            Cost::Acts => spec.complexity()?.acts,
            Cost::Memory => {
                let (recipe, limits) = (Recipe::default(), Limits::default());
                let plan = training_schedule(spec, &recipe, self.batch_size, &limits)?;
                plan.memory().total()
            }
        })
    }
}

fn built(base: Spec, strategy: String, factor: f64, scaling: Scaling) -> Result<Scaled> {
    Ok(Scaled {
        spec: base.scaled(scaling)?,
        base,
        strategy,
        factor,
        scaling,
        reached: None,
    })
}

fn fitted(
    base: Spec,
    found: Fit,
    (target, cost): (u64, Cost),
    (strategy, factor, scaling): (String, f64, Scaling),
) -> Scaled {
    let [below, above] = found.around.map(|step| Step {
        factor: step.factor,
        cost: step.cost,
    });
    Scaled {
        base,
        strategy,
        factor,
        scaling,
        reached: Some(Reached {
            target,
            unit: cost.unit(),
            nearest: found.nearest.cost,
            below,
            above,
        }),
        spec: found.nearest.spec,
    }
}

/// The error of a name that is no strategy, with those that are not shares.
fn unknown(error: ModelError) -> Error {
    let help = "EfficientNet's rule is phi, TinyNet's is tiny";
    Error::config("--strategy", error.to_string(), help)
}

/// A strategy's name as a part of a file's: `w (g fixed)` becomes `w-g-fixed`.
fn slug(strategy: &str) -> String {
    let parts = strategy.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_')));
    let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
    parts.join("-")
}
