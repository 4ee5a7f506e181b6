//! The paths that the server keeps for itself, below `/.wharf/`, and a header that they need. Server and client take them
//! from here; the scripts of the pages repeat them.

/// The first segment of each.
pub const SEGMENT: &[u8] = b".wharf";

/// The prefix of all of them.
pub const ROOT: &str = "/.wharf/";

/// Checks that the server is alive.
pub const HEALTH: &str = "/.wharf/health";

/// Checks that the server can do its work.
pub const READY: &str = "/.wharf/ready";

/// The page for logging in, and where its form is sent; `?next=PATH` leads back.
pub const LOGIN: &str = "/.wharf/login";

/// Ends the session of the browser.
pub const LOGOUT: &str = "/.wharf/logout";

/// The sessions of a user.
pub const SESSIONS: &str = "/.wharf/sessions";

/// The page for changing one's own password.
pub const PASSWORD: &str = "/.wharf/password";

/// Asks the server to shut down; it does so only with `--allow-exit`.
pub const EXIT: &str = "/.wharf/exit";

/// The same over TFTP, whose names begin at the root without a slash: a write to this file.
pub const TFTP_EXIT: &str = ".wharf/exit";

/// The address of the page as a QR code.
pub const QR_CODE: &str = "/.wharf/qr.svg";

/// The page with that code.
pub const QR_PAGE: &str = "/.wharf/qr";

/// Prefix of the scripts, styles and icons of the page.
pub const ASSETS: &str = "/.wharf/assets/";

/// Prefix of unfinished uploads; the upload's token follows.
pub const UPLOADS: &str = "/.wharf/uploads/";

/// What was removed or replaced; below it, one entry by its id.
pub const TRASH: &str = "/.wharf/trash";

/// The response field that says under which id the trash keeps what was removed, if it does.
pub const TRASH_FIELD: &str = "Wharf-Trash";

/// Restores the newest entry of the client in the trash.
pub const UNDO: &str = "/.wharf/undo";

/// The tokens of a user; below it, one by its public id.
pub const TOKENS: &str = "/.wharf/tokens";

/// The links of a user; below it, one by its public id, or all of them.
pub const LINKS: &str = "/.wharf/links";

/// Prefix of what links lead to; the secret of a link follows.
pub const LINK: &str = "/.wharf/l/";

/// Joins the chat room.
pub const CHAT_JOIN: &str = "/.wharf/chat/join";

/// Sends a message; `?to=NAME` makes it private.
pub const CHAT_MESSAGES: &str = "/.wharf/chat/messages";

/// The event stream of the chat room.
pub const CHAT_EVENTS: &str = "/.wharf/chat/events";

/// The request header that proves who a member of the chat room is. A cookie would be sent by itself, also for a page of
/// another site, and `Authorization` is for accounts.
pub const MEMBER_FIELD: &str = "Wharf-Member";

/// Leaves the chat room.
pub const CHAT_LEAVE: &str = "/.wharf/chat/leave";
