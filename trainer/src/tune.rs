//! Measures which variant of a convolution's kernels an adapter is faster with, and which batch norms and gates it should write:
//! `triaxis tune`.

mod edges;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use triaxis_engine::{EdgeClass, Gpu, Limits, Plan, Profile, ShapeClass, Variant, VariantTable};

use crate::bench::Case;
use crate::error::{Error, Result};
use crate::output::write_atomically;
use crate::recipe::{Kernels, Recipe};
use crate::trainer::draw;

/// Less than this share is no gain: the next measurement would say otherwise.
const GAIN: f64 = 0.03;

/// A table of 288 classes has some ten thousand bytes.
const LARGEST: u64 = 1 << 20;

/// The variants, of which those are measured that run.
const VARIANTS: [Variant; 4] = [
    Variant::Blocked,
    Variant::Shared,
    Variant::Tiled,
    Variant::Cooperative,
];

/// A table as it is kept in a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tuned {
    /// The adapter that was measured.
    pub adapter: String,
    /// Its driver.
    pub driver: String,
    /// Version of Triaxis.
    pub version: String,
    /// What was measured: `train resnet50_r224_b64_f16`.
    pub cases: Vec<String>,
    /// What came out: classes for which the adapter's kind chooses a slower variant, and values that are better written.
    pub kernels: Kernels,
}

/// A class of convolutions on this adapter.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// The class: `point in64 out128 px1024`.
    pub class: String,
    /// All its kernels of a training step, milliseconds.
    pub blocked_ms: f64,
    /// Likewise where subgroups share what they read, if they have the size for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared_ms: Option<f64>,
    /// Likewise through workgroup memory.
    pub tiled_ms: f64,
    /// Likewise by matrix units, where the adapter has them and what is read is stored as f16.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooperative_ms: Option<f64>,
    /// What runs unless told otherwise.
    pub by_kind: String,
    /// What runs by the new table.
    pub chosen: String,
}

/// A class of values that the kernels which read them may make, on this adapter.
#[derive(Clone, Debug, Serialize)]
pub struct MeasuredEdge {
    /// The class: `into depthwise c64 px1024`.
    pub class: String,
    /// Training steps of the cases that have it, all their kernels, milliseconds.
    pub fused_ms: f64,
    /// Likewise where these values are written.
    pub stored_ms: f64,
    /// Whether they are by the new table.
    pub stored: bool,
}

/// Outputs of convolutions that the way back can do without, on this adapter.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MeasuredOutputs {
    /// Training steps of all cases, all their kernels, milliseconds.
    pub forgotten_ms: f64,
    /// Likewise where they are kept.
    pub kept_ms: f64,
    /// Whether they are by the new table.
    pub kept: bool,
}

/// What was measured.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Measurements {
    /// Convolutions with each variant.
    pub classes: Vec<Measured>,
    /// Values with and without memory for them; none where plans are not fused.
    pub edges: Vec<MeasuredEdge>,
    /// Outputs with and without memory for them; none where plans keep them anyway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outputs: Option<MeasuredOutputs>,
}

impl Tuned {
    /// Measures training steps of all cases: the least of `runs` runs, each kernel by itself. First with each variant
    /// throughout, where what split sums cost besides is not counted; then, with the variants chosen and where plans are fused,
    /// all kernels with the outputs kept that they would forget, and with the values of one class after the other written. `tell` gets a line for each of them, which may take
    /// a minute.
    ///
    /// # Errors
    ///
    /// A lost device, a case that does not fit.
    pub fn measure(
        gpu: &Gpu,
        cases: &[Case],
        recipe: &Recipe,
        runs: usize,
        tell: &mut dyn FnMut(&str),
    ) -> Result<(Self, Measurements)> {
        let mut sums: BTreeMap<ShapeClass, [f64; VARIANTS.len()]> = BTreeMap::new();
        let runs_here = VARIANTS.map(|variant| gpu.limits().runs(variant, recipe.amp));
        for case in cases {
            for (i, variant) in VARIANTS
                .into_iter()
                .enumerate()
                .filter(|&(i, _)| runs_here[i])
            {
                for (class, seconds) in times(gpu, case, recipe, variant, runs)? {
                    sums.entry(class).or_default()[i] += seconds;
                }
                tell(&format!("{}: {variant} kernels", name(case, recipe)));
            }
        }
        let untuned = Limits {
            variants: VariantTable::default(),
            ..*gpu.limits()
        };
        let mut table = VariantTable::default();
        let mut classes = Vec::new();
        for (class, seconds) in sums {
            let by_kind = untuned.variant(class, recipe.amp);
            let all = VARIANTS.into_iter().zip(seconds);
            let measured = all.filter(|&(variant, _)| gpu.limits().runs(variant, recipe.amp));
            let chosen = choose(by_kind, &measured.collect::<Vec<_>>());
            if chosen != by_kind {
                table.set(class, chosen);
            }
            let [blocked, shared, tiled, by_matrices] = seconds.map(|seconds| 1e3 * seconds);
            classes.push(Measured {
                class: class.to_string(),
                blocked_ms: blocked,
                shared_ms: runs_here[1].then_some(shared),
                tiled_ms: tiled,
                cooperative_ms: runs_here[3].then_some(by_matrices),
                by_kind: by_kind.to_string(),
                chosen: chosen.to_string(),
            });
        }
        let fused = untuned.fuse || (recipe.amp && untuned.fuse_halves);
        let chosen = gpu.with_limits(Limits {
            variants: table,
            ..untuned
        });
        let outputs = match fused && untuned.forget {
            true => Some(edges::outputs(&chosen, cases, recipe, runs, tell)?),
            false => None,
        };
        let keep_outputs = outputs.is_some_and(|outputs| outputs.kept);
        let chosen = chosen.with_limits(Limits {
            forget: untuned.forget && !keep_outputs,
            ..*chosen.limits()
        });
        let (stored, edges) = match fused {
            true => edges::edges(&chosen, cases, recipe, runs, tell)?,
            false => Default::default(),
        };
        let tuned = Self {
            adapter: gpu.info().name.clone(),
            driver: gpu.info().driver.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            cases: cases.iter().map(|case| name(case, recipe)).collect(),
            kernels: Kernels::new(&table, &stored, keep_outputs),
        };
        let measured = Measurements {
            classes,
            edges,
            outputs,
        };
        Ok((tuned, measured))
    }

    /// Reads a table.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or is no table.
    pub fn load(path: &Path) -> Result<Self> {
        let wrong = |problem: String| {
            Error::config(
                "--tune",
                format!("{}: {problem}", path.display()),
                "Give a file that `triaxis tune` wrote",
            )
        };
        let mut text = String::new();
        let read = File::open(path).and_then(|file| file.take(LARGEST).read_to_string(&mut text));
        read.map_err(|error| wrong(error.to_string()))?;
        let tuned: Self =
            toml::from_str(&text).map_err(|error| wrong(error.message().to_owned()))?;
        tuned.kernels.table().map_err(wrong)?;
        tuned.kernels.edges().map_err(wrong)?;
        Ok(tuned)
    }

    /// Writes the table.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn save(&self, path: &Path) -> Result<()> {
        let failed = |error| Error::unwritten("--out", "write the table", path, None, error);
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let table = toml::to_string(self).expect("names and lists of names are TOML");
        let text =
            format!("# Measured by `triaxis tune`; every command takes it by --tune.\n{table}");
        write_atomically(path, text.as_bytes()).map_err(failed)
    }

    /// The device with this table.
    ///
    /// # Errors
    ///
    /// Another adapter than the one that was measured.
    pub fn applied_to(&self, gpu: &Gpu) -> Result<Gpu> {
        if self.adapter != gpu.info().name {
            return Err(Error::config(
                "--tune",
                format!(
                    "the table is of {}, and this is {}",
                    self.adapter,
                    gpu.info().name
                ),
                "Run `triaxis tune` here, or leave --tune out",
            ));
        }
        with_kernels(gpu, &self.kernels)
    }
}

/// The device with the kernels of a recipe.
///
/// # Errors
///
/// Classes that there are none of.
pub fn with_kernels(gpu: &Gpu, kernels: &Kernels) -> Result<Gpu> {
    let wrong = |problem| Error::config("kernels", problem, "Run `triaxis tune` again");
    Ok(gpu.with_limits(Limits {
        variants: kernels.table().map_err(wrong)?,
        stored: kernels.edges().map_err(wrong)?,
        forget: gpu.limits().forget && !kernels.keep_outputs,
        ..*gpu.limits()
    }))
}

/// A case in a table and in what is told.
fn name(Case { spec, batch }: &Case, recipe: &Recipe) -> String {
    let precision = if recipe.amp { "f16" } else { "f32" };
    format!(
        "train {}_r{}_b{batch}_{precision}",
        spec.name, spec.resolution
    )
}

/// The fastest one, if it is by enough.
fn choose(by_kind: Variant, measured: &[(Variant, f64)]) -> Variant {
    let of_kind = measured.iter().find(|(variant, _)| *variant == by_kind);
    let fastest = measured.iter().min_by(|a, b| a.1.total_cmp(&b.1));
    match (of_kind, fastest) {
        (Some((_, known)), Some((variant, least))) if *least < (1.0 - GAIN) * known => *variant,
        _ => by_kind,
    }
}

/// Seconds of every class in a training step, all of it with one variant.
fn times(
    gpu: &Gpu,
    case: &Case,
    recipe: &Recipe,
    variant: Variant,
    runs: usize,
) -> Result<BTreeMap<ShapeClass, f64>> {
    let limits = Limits {
        variants: VariantTable::all(variant),
        ..*gpu.limits()
    };
    let mut least: BTreeMap<ShapeClass, f64> = BTreeMap::new();
    for profile in profiles(gpu, &limits, case, recipe, runs)?.1 {
        let mut sums: BTreeMap<ShapeClass, f64> = BTreeMap::new();
        for row in profile.rows {
            if let Some(class) = row.class {
                *sums.entry(class).or_default() += row.seconds;
            }
        }
        for (class, seconds) in sums {
            let known = least.entry(class).or_insert(f64::INFINITY);
            *known = known.min(seconds);
        }
    }
    Ok(least)
}

/// The edges of a training step, and what each of its kernels takes in so many runs behind one that warms up.
fn profiles(
    gpu: &Gpu,
    limits: &Limits,
    case: &Case,
    recipe: &Recipe,
    runs: usize,
) -> Result<(BTreeSet<EdgeClass>, Vec<Profile>)> {
    let recipe = Recipe {
        batch_size: case.batch,
        ..recipe.clone()
    };
    let drawn = draw::training(&case.spec, &recipe, case.batch, case.spec.resolution)?;
    let mut plan = Plan::compile(&gpu.with_limits(*limits), &drawn.graph, &[drawn.loss])?;
    plan.initialise(recipe.seed)?;
    // Pictures and the learning rate are zero: times do not depend on what is multiplied.
    plan.profile()?;
    let profiles = (0..runs)
        .map(|_| plan.profile())
        .collect::<Result<_, _>>()?;
    Ok((drawn.graph.edges(&[drawn.loss]), profiles))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_clearly_faster_is_chosen_against_the_kind() {
        use Variant::{Blocked, Cooperative, Tiled};
        let two = |by_kind, [blocked, tiled]: [f64; 2]| {
            choose(by_kind, &[(Blocked, blocked), (Tiled, tiled)])
        };
        assert_eq!(two(Tiled, [0.98, 1.0]), Tiled);
        assert_eq!(two(Tiled, [0.9, 1.0]), Blocked);
        assert_eq!(two(Blocked, [1.0, 0.98]), Blocked);
        assert_eq!(two(Blocked, [1.0, 0.5]), Tiled);
        let three = |by_kind| {
            choose(
                by_kind,
                &[(Blocked, 1.0), (Tiled, 0.6), (Cooperative, 0.59)],
            )
        };
        assert_eq!(
            [Blocked, Tiled, Cooperative].map(three),
            [Cooperative, Tiled, Cooperative]
        );
    }

    #[test]
    fn a_table_is_read_as_it_was_written_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tune/here.toml");
        let tuned = Tuned {
            adapter: "an adapter".into(),
            kernels: Kernels {
                tiled: vec!["point in64 out128 px1024".into()],
                ..Kernels::default()
            },
            ..Tuned::default()
        };
        tuned.save(&path).unwrap();
        assert_eq!(Tuned::load(&path).unwrap(), tuned);
        for wrong in ["kernels = 1", "[kernels]\ntiled = [\"x\"]\n", "[[["] {
            std::fs::write(&path, wrong).unwrap();
            assert_eq!(Tuned::load(&path).unwrap_err().exit_code(), 2, "{wrong}");
        }
    }
}
