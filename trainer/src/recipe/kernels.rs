//! Which kernels run, as far as a recipe says: what `triaxis tune` measured, kept so that a run goes on to the same bits.

use serde::{Deserialize, Serialize};
use triaxis_engine::{StoredEdges, Variant, VariantTable};

/// Classes of convolutions and the variant of each; the others go by the kind of the adapter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kernels {
    /// Classes that run tiled: `point in64 out128 px1024`.
    pub tiled: Vec<String>,
    /// Classes that run blocked.
    pub blocked: Vec<String>,
    /// Classes whose threads share what they read, where subgroups are of the size for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shared: Vec<String>,
    /// Classes that run on matrix units, where what they read is stored as f16.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cooperative: Vec<String>,
    /// Classes of batch norms, gates and gradients that fused plans write: `into depthwise c64 px1024`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stored: Vec<String>,
    /// Whether fused plans keep the outputs of convolutions that the way back could do without.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub keep_outputs: bool,
}

impl Kernels {
    /// What plans take.
    ///
    /// # Errors
    ///
    /// In words: a class that there is none of, or that is named twice.
    pub fn table(&self) -> Result<VariantTable, String> {
        let mut table = VariantTable::default();
        let lists = [
            (&self.tiled, Variant::Tiled),
            (&self.blocked, Variant::Blocked),
            (&self.shared, Variant::Shared),
            (&self.cooperative, Variant::Cooperative),
        ];
        for (names, variant) in lists {
            for name in names {
                let class = name.parse()?;
                if table.get(class).is_some() {
                    return Err(format!("{name} is named twice"));
                }
                table.set(class, variant);
            }
        }
        Ok(table)
    }

    /// What fused plans write all the same.
    ///
    /// # Errors
    ///
    /// In words: a class that there is none of.
    pub fn edges(&self) -> Result<StoredEdges, String> {
        let mut stored = StoredEdges::default();
        for name in &self.stored {
            stored.insert(name.parse()?);
        }
        Ok(stored)
    }

    /// The lists of what was chosen.
    pub fn new(table: &VariantTable, stored: &StoredEdges, keep_outputs: bool) -> Self {
        let of = |wanted: Variant| {
            let chosen = table.entries().filter(|(_, variant)| *variant == wanted);
            chosen.map(|(class, _)| class.to_string()).collect()
        };
        Self {
            tiled: of(Variant::Tiled),
            blocked: of(Variant::Blocked),
            shared: of(Variant::Shared),
            cooperative: of(Variant::Cooperative),
            stored: stored.classes().map(|class| class.to_string()).collect(),
            keep_outputs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_a_table_and_the_table_is_the_lists() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let kernels = Kernels {
            tiled: names(&["point in16 out64 px0", "spatial in256 out256 px16384"]),
            blocked: names(&["point in32 out32 px1024"]),
            shared: names(&["point in64 out64 px1024"]),
            cooperative: names(&["point in256 out256 px1024"]),
            stored: names(&["into depthwise c64 px1024", "back to point c16 px0"]),
            keep_outputs: true,
        };
        let read = (kernels.table().unwrap(), kernels.edges().unwrap());
        assert_eq!(Kernels::new(&read.0, &read.1, true), kernels);
        let twice = Kernels {
            blocked: kernels.tiled.clone(),
            ..kernels.clone()
        };
        assert!(twice.table().unwrap_err().contains("named twice"));
        let unknown = Kernels {
            tiled: names(&["point"]),
            ..Kernels::default()
        };
        assert!(
            unknown
                .table()
                .unwrap_err()
                .contains("point is no class of convolutions")
        );
    }
}
