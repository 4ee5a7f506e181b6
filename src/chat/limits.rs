//! How much of the room one member, one client, and all members together may use.

use std::time::Duration;

/// The maximum number of members: below the default limit on connections (10,000), as each member needs one,
/// and downloads need some too.
pub const MAX_MEMBERS: usize = 8192;

/// The maximum number of members from one client: an eighth of all, so that no single address fills the room.
pub const MEMBERS_PER_CLIENT: usize = MAX_MEMBERS / 8;

/// The maximum number of streams of one member: one for each window. No person needs more, and streams are scarce.
pub const STREAMS_PER_MEMBER: usize = 16;

/// The default limit on the streams of all members together: one per member.
pub const MAX_SUBSCRIBERS: usize = MAX_MEMBERS;

/// How long a member may be without a stream: longer than a reload, a gap in the Wi-Fi, or a client's attempts to
/// reconnect.
pub const ABSENCE: Duration = Duration::from_secs(30);

/// The maximum number of events in the ring. In a busy room, with 100 events per second, a member that was away for two
/// minutes misses nothing.
pub const RING_EVENTS: usize = 16_384;

/// The maximum size of the ring in bytes, texts and encoded events together: otherwise 16,384 texts of 4 KB,
/// each also encoded, would take up to 200 MB.
pub const RING_BYTES: usize = 32 << 20;

/// The number of public messages that a new member is shown, as context.
pub const HISTORY: usize = 100;

/// The maximum number of events in the response to one poll; if there are more, the client polls again at once.
pub const POLL_EVENTS: usize = 256;
