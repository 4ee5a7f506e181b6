//! How long records last, and how many there may be.

use std::time::Duration;

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

/// A session ends after this time without a request: the browser was left behind.
pub const SESSION_IDLE: Duration = Duration::from_secs(7 * DAY);

/// A session always ends this long after the login: a stolen cookie stops working at some time.
pub const SESSION_LIFE: Duration = Duration::from_secs(30 * DAY);

/// How long a session lasts that was started by using a link.
pub const VISIT_LIFE: Duration = Duration::from_secs(DAY);

/// How long a link or token is kept after its end. Meanwhile, lists show it, and the page of a link says that the link
/// has expired.
pub const KEPT: Duration = Duration::from_secs(30 * DAY);

/// How far ahead the clock may have been when a session began. A session that would last longer than [`SESSION_LIFE`]
/// plus this time ends immediately: a clock that was years ahead must not make sessions that last for years.
pub const CLOCK_SLACK: Duration = Duration::from_secs(DAY);

/// The last use of a session is noted only if the previous note is at least this old: a write for each request would be
/// slow.
pub const TOUCH_INTERVAL: Duration = Duration::from_secs(60);

/// The maximum number of sessions per user: a browser on each of many devices. A further login ends the
/// oldest session.
pub const SESSIONS_PER_USER: usize = 32;

/// The maximum number of sessions of an account that many people share: a school with one password.
pub const SESSIONS_OF_SHARED_USER: usize = 1024;

/// The maximum number of tokens per user: one for each program.
pub const TOKENS_PER_USER: usize = 64;

/// The maximum number of links per user: one for each folder or file that the user has shared in the last few
/// months.
pub const LINKS_PER_GIVER: usize = 1024;

/// The maximum number of sessions per link. A further session ends the oldest one, because a link with unlimited uses
/// may be published.
pub const VISITS_PER_LINK: usize = 256;

/// The maximum number of sessions for all links of one user. A further session ends the oldest one: the links of one
/// user must not fill the file.
pub const VISITS_PER_GIVER: usize = 1024;

/// The maximum number of records. At the usual 300 bytes each, they take about 20 MB on the disk and twice
/// that in memory.
pub const RECORDS: usize = 65_536;

/// The maximum size of the file, in bytes. Each change writes the whole file.
pub const FILE_LIMIT: u64 = 64 << 20;

/// How much the clocks of servers and of their store may differ. A server with a worse clock would end sessions that are valid
/// at the others.
pub const CLOCKS: Duration = Duration::from_secs(60);
