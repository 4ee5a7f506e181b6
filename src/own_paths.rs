//! The paths below `/.wharf/`, which the server keeps for itself and the client asks for.

/// The first segment of each.
pub const SEGMENT: &[u8] = b".wharf";

/// What each begins with.
pub const ROOT: &str = "/.wharf/";

/// Whether the server runs.
pub const HEALTH: &str = "/.wharf/health";

/// The server's URL as a QR code.
pub const QR_CODE: &str = "/.wharf/qr.svg";

/// POST asks the server to exit.
pub const EXIT: &str = "/.wharf/exit";

/// The style sheet, script and icon of the pages; the name of one follows.
pub const ASSETS: &str = "/.wharf/assets/";

/// Resumable uploads; the token of one follows.
pub const UPLOADS: &str = "/.wharf/uploads/";

/// POST joins the chat room.
pub const CHAT_JOIN: &str = "/.wharf/chat/join";

/// POST leaves the chat room.
pub const CHAT_LEAVE: &str = "/.wharf/chat/leave";

/// The event stream of the chat room.
pub const CHAT_EVENTS: &str = "/.wharf/chat/events";

/// POST says something in the chat room; GET returns what is new.
pub const CHAT_MESSAGES: &str = "/.wharf/chat/messages";
