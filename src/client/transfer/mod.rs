//! What every transfer of many files needs, in either direction: threads, retries and progress.
//!
//! ```text
//! Queue ──> worker ──> Results ──> TransferObserver      pool: the observer runs on the calling thread
//!             │ retry: an attempt, a pause, another attempt
//!             └─ progress: counters that a worker adds to and a progress bar reads
//! ```
//!
//! Knows nothing of HTTP requests or local files: `fetch` and `put` handle those.

pub(super) mod pool;
pub mod progress;
pub(super) mod retry;

pub use self::pool::TransferObserver;
pub use self::progress::{TransferProgress, WorkerProgress};
