//! How much of the room one member, one network, and all together may use.

use std::time::Duration;

/// The maximum number of members: below the default limit of connections (10,000), as each member needs one, and
/// downloads need some too.
pub const MAX_MEMBERS: usize = 8192;

/// The maximum number of members from one client: an eighth of all, so that no single address fills the room.
pub const MEMBERS_PER_CLIENT: usize = MAX_MEMBERS / 8;

/// The maximum number of streams of one member: one for each window. No person needs more, and streams are scarce.
pub const STREAMS_PER_MEMBER: usize = 16;

/// The maximum number of streams of all members together, by default: one for each member.
pub const MAX_SUBSCRIBERS: usize = MAX_MEMBERS;

/// How long a member may be without a stream: longer than a reload, a gap in the Wi-Fi, or a client's attempts to
/// reconnect.
pub const ABSENCE: Duration = Duration::from_secs(30);

/// Events that the ring holds: at 100 a second, a busy room, a member that was away for two minutes misses nothing.
pub const RING_EVENTS: usize = 16_384;

/// Bytes that the ring holds, texts and encoded events together: otherwise 16,384 texts of 4 KB, twice, would be 200 MB.
pub const RING_BYTES: usize = 32 << 20;

/// Public messages that a new member is shown, as context.
pub const HISTORY: usize = 100;

/// The maximum number of events in the response to one poll; if there are more, the client polls again at once.
pub const POLL_EVENTS: usize = 256;
