use crate::Shape;

/// What the engine refuses or what the device reports.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An operator got inputs that do not fit.
    #[error("{node} expects {expected}, got {}", shapes(.got))]
    Shape {
        /// The node's path and operator.
        node: String,
        /// What it expects, in words.
        expected: String,
        /// The inputs' shapes.
        got: Vec<Shape>,
    },
    /// The chain rule met an operator that has none.
    #[error("{node} has no gradient: it cannot stand between a parameter and the loss")]
    NotDifferentiable {
        /// The node's path and operator.
        node: String,
    },
    /// A graph that makes no sense.
    #[error("{0}")]
    Graph(String),
    /// No adapter answers.
    #[error("{0}")]
    NoAdapter(String),
    /// Memory that is not there.
    #[error("out of GPU memory: {}", lack(what, *needed, *available, adapter))]
    OutOfMemory {
        /// What was to be allocated.
        what: String,
        /// Bytes needed in all; 0 where that is not known.
        needed: u64,
        /// Bytes that can be had; 0 where that is not known.
        available: u64,
        /// The adapter's name.
        adapter: String,
    },
    /// A size that the adapter's limits forbid and that cannot be split.
    #[error("{node}: {what} on {adapter}; use a smaller batch or resolution")]
    Limit {
        /// The node's path and operator.
        node: String,
        /// What is too large.
        what: String,
        /// The adapter's name.
        adapter: String,
    },
    /// The device was lost: unplugged, reset by the driver or removed by a watchdog.
    #[error(
        "the device {adapter} was lost ({reason}); run `triaxis doctor`, then resume from the last checkpoint"
    )]
    DeviceLost {
        /// The adapter's name.
        adapter: String,
        /// The driver's words.
        reason: String,
    },
    /// The driver refused a call: a defect of ours or of the driver.
    #[error("{adapter}: {what}")]
    Device {
        /// The adapter's name.
        adapter: String,
        /// The driver's words.
        what: String,
    },
    /// Data of a wrong length for a value.
    #[error("{name} holds {expected} numbers ({shape}), got {got}")]
    Length {
        /// The value's name.
        name: String,
        /// Its shape.
        shape: Shape,
        /// Numbers it holds.
        expected: usize,
        /// Numbers given.
        got: usize,
    },
    /// Bytes of a wrong length for a value.
    #[error("{name} ({shape}) takes {expected}, got {got} bytes")]
    Bytes {
        /// The value's name.
        name: String,
        /// Its shape.
        shape: Shape,
        /// How many bytes there may be, in words.
        expected: String,
        /// Bytes given.
        got: usize,
    },
    /// A value that the plan does not hold: it was not asked to be kept.
    #[error("{0} is not kept by this plan: name it when compiling")]
    NotKept(String),
    /// A read that was asked for its numbers again.
    #[error("a read gives its numbers once, and has given them: keep them, or read again")]
    Given,
}

/// The engine's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

fn shapes(shapes: &[Shape]) -> String {
    shapes
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

/// What is missing where, as far as it is known.
fn lack(what: &str, needed: u64, available: u64, adapter: &str) -> String {
    match (needed, available) {
        (0, _) => format!("{what} on {adapter}"),
        (needed, 0) => format!("{what} needs {}, more than {adapter} has left", mib(needed)),
        (needed, available) => {
            let [needed, available] = [needed, available].map(mib);
            format!("{what} needs {needed}, {available} can be had on {adapter}")
        }
    }
}

/// Bytes for people.
fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_memory_is_told_as_far_as_it_is_known() {
        let text = |needed, available| {
            let error = Error::OutOfMemory {
                what: "the plan".into(),
                needed,
                available,
                adapter: "a card".into(),
            };
            error.to_string()
        };
        assert_eq!(text(0, 0), "out of GPU memory: the plan on a card");
        assert_eq!(
            text(3 << 19, 0),
            "out of GPU memory: the plan needs 1.5 MiB, more than a card has left"
        );
        assert_eq!(
            text(2 << 20, 1 << 20),
            "out of GPU memory: the plan needs 2.0 MiB, 1.0 MiB can be had on a card"
        );
    }
}
