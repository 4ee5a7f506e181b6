//! How a search ended.

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// How many entries were found.
    pub count: usize,
    /// Why some may be missing.
    pub cut: Option<Cut>,
}

/// Why a search is incomplete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It found the maximum number of entries.
    Results,
    /// It took the maximum time.
    Time,
    /// Some directories are too deep, or there were too many at once.
    Directories,
}

impl Cut {
    /// The word for programs.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Results => "results",
            Self::Time => "time",
            Self::Directories => "directories",
        }
    }
}
