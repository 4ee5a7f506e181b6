//! The kinds of jobs, and how many of each run at once.

/// How many jobs of the general kind run at once. This many threads always exist.
pub(in crate::server) const THREADS: usize = 4;

/// How many jobs that save a file run at once. With 4, uploads of 1 KB over 64 connections cost 2.7 flush requests each,
/// with 64 they cost 0.2 (`benches/RESULTS.md`, run 8).
pub(super) const MOST_SAVING: usize = 64;

/// How many jobs that wait for the store that servers share run at once. Each has a connection to the store.
pub(in crate::server) const MOST_ASKING: usize = 8;

/// How many jobs that make thumbnails run at once. One client gets one fewer, and so two processors; the memory of the
/// decoders limits the number.
#[cfg(feature = "thumbs")]
pub(in crate::server) const MOST_DRAWING: usize = 3;

/// Descriptors that a job opens for a moment to save a file: a new directory, and two to examine an existing
/// file of that name.
const SAVING_FILES: u64 = 3;

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum JobKind {
    /// It reads and computes.
    General,
    /// It saves a file that was received, or creates a directory.
    Saves,
    /// It waits for the store that servers share.
    AsksStore,
    /// It makes a thumbnail.
    #[cfg(feature = "thumbs")]
    Draws,
}

/// The number of kinds.
const KINDS: usize = 3 + cfg!(feature = "thumbs") as usize;

/// A number of jobs, by kind.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::server) struct JobCounts {
    pub(super) general: usize,
    pub(super) saves: usize,
    pub(super) asks_store: usize,
    #[cfg(feature = "thumbs")]
    pub(super) draws: usize,
}

impl JobKind {
    pub(super) const ALL: [Self; KINDS] = [
        Self::General,
        Self::Saves,
        Self::AsksStore,
        #[cfg(feature = "thumbs")]
        Self::Draws,
    ];

    /// Whether such jobs, waiting, hold back the client's uploads. The others must not delay uploads: a slow store, and
    /// pictures.
    pub(super) fn holds_back(self) -> bool {
        matches!(self, Self::General | Self::Saves)
    }
}

impl JobCounts {
    /// How many jobs run at once with this limit on open files. Only a server that saves files durably needs
    /// more threads: without `fsync` they gain nothing. A quarter of the reserve for files is for those that
    /// are being saved.
    pub(in crate::server) fn limits(files: u64, durable: bool) -> Self {
        let possible = usize::try_from(files / 4 / 4 / SAVING_FILES).unwrap_or(usize::MAX);
        let saves = if durable { possible.clamp(THREADS, MOST_SAVING) } else { THREADS };
        Self {
            general: THREADS,
            saves,
            asks_store: MOST_ASKING,
            #[cfg(feature = "thumbs")]
            draws: MOST_DRAWING,
        }
    }

    /// The same number for every kind.
    pub(super) fn same(number: usize) -> Self {
        let mut counts = Self::default();
        for kind in JobKind::ALL {
            *counts.of(kind) = number;
        }
        counts
    }

    /// The number of jobs of this kind.
    pub(super) fn of(&mut self, kind: JobKind) -> &mut usize {
        match kind {
            JobKind::General => &mut self.general,
            JobKind::Saves => &mut self.saves,
            JobKind::AsksStore => &mut self.asks_store,
            #[cfg(feature = "thumbs")]
            JobKind::Draws => &mut self.draws,
        }
    }

    /// The jobs of all kinds together.
    pub(super) fn all(mut self) -> usize {
        JobKind::ALL.into_iter().map(|kind| *self.of(kind)).sum()
    }
}
