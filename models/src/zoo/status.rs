use std::fmt;

/// Where a network's numbers come from, since not all of what papers report was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The authors or a public library (pycls, timm, torchvision) released them.
    Released,
    /// Never released as a whole: the only ones found whose counts are those of the paper's tables.
    Reconstructed,
    /// Never released: one of two networks whose counts are those of the paper's table.
    Candidate,
    /// Never released, and in no table of the paper.
    StandIn,
    /// A released body with a last convolution that gives other counts than the paper's.
    Variant,
    /// Scaled by the factor that gives the counts of the paper's table.
    Fitted,
    /// Scaled by the factor that the paper's text names.
    Nominal,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Released,
        Self::Reconstructed,
        Self::Candidate,
        Self::StandIn,
        Self::Variant,
        Self::Fitted,
        Self::Nominal,
    ];

    /// What the word says, in one line.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Released => "the authors, pycls, timm or torchvision released the configuration",
            Self::Reconstructed => {
                "not released whole; the only one found with the counts of the paper's tables"
            }
            Self::Candidate => {
                "not released; one of two found with the counts of the paper's table"
            }
            Self::StandIn => "not released and in no table; a like network takes its place",
            Self::Variant => "a released body with another head; its counts are not the paper's",
            Self::Fitted => "scaled by the factor that gives the counts of the paper's table",
            Self::Nominal => "scaled by the factor that the paper names; the table's counts differ",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Released => "released",
            Self::Reconstructed => "reconstructed",
            Self::Candidate => "candidate",
            Self::StandIn => "stand-in",
            Self::Variant => "variant",
            Self::Fitted => "fitted",
            Self::Nominal => "nominal",
        })
    }
}
