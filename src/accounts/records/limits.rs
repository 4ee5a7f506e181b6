//! How long records last, and how many there may be.

use std::time::Duration;

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

/// A session ends after so long without a request: a browser that was left behind.
pub const SESSION_IDLE: Duration = Duration::from_secs(7 * DAY);

/// A session ends so long after the login, whatever happens: a stolen cookie does not work for ever.
pub const SESSION_LIFE: Duration = Duration::from_secs(30 * DAY);

/// The session that a use of a link starts ends after so long.
pub const VISIT_LIFE: Duration = Duration::from_secs(DAY);

/// For so long after its end, a link or token is kept: the link's page can say that it has expired, and lists show it.
pub const KEPT: Duration = Duration::from_secs(30 * DAY);

/// How far a clock may have been ahead when a session began. A session that would last longer than that and
/// [`SESSION_LIFE`] ends: a clock that was years ahead must not make sessions that last for years.
pub const CLOCK_SLACK: Duration = Duration::from_secs(DAY);

/// The last use of a session is noted if the one before was at least so long ago: a write for each request would be slow.
pub const TOUCH_INTERVAL: Duration = Duration::from_secs(60);

/// Sessions of one user. A browser on each of many devices; another login ends the oldest one.
pub const SESSIONS_PER_USER: usize = 32;

/// Sessions of a user that many people are: a school with one password.
pub const SESSIONS_OF_SHARED_USER: usize = 1024;

/// Tokens of one user: one for each program.
pub const TOKENS_PER_USER: usize = 64;

/// Links that one user has given: one for each folder or file that was ever sent to somebody in the last months.
pub const LINKS_PER_GIVER: usize = 1024;

/// Sessions that one link has started. Another one ends the oldest: links without a number of uses are published.
pub const VISITS_PER_LINK: usize = 256;

/// Sessions that the links of one user have started. Another one ends the oldest: one user's links must not fill the file.
pub const VISITS_PER_GIVER: usize = 1024;

/// All records. With the usual 300 bytes for each, some 20 MB on the disk and twice that in memory.
pub const RECORDS: usize = 65_536;

/// The largest file, in bytes. Each change writes all of it.
pub const FILE_LIMIT: u64 = 64 << 20;
