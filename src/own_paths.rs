//! The server's own paths, below `/.wharf/`, and a request header that some of them need. Server and client
//! use these constants; the pages' scripts repeat them.

/// The first segment of each of these paths.
pub const SEGMENT: &[u8] = b".wharf";

/// The prefix of all these paths.
pub const ROOT: &str = "/.wharf/";

/// Checks that the server is alive.
pub const HEALTH: &str = "/.wharf/health";

/// Checks that the server can do its work.
pub const READY: &str = "/.wharf/ready";

/// The login page, and the target of its form; `?next=PATH` leads back.
pub const LOGIN: &str = "/.wharf/login";

/// Ends the browser's session.
pub const LOGOUT: &str = "/.wharf/logout";

/// The sessions of a user.
pub const SESSIONS: &str = "/.wharf/sessions";

/// The page for changing one's own password.
pub const PASSWORD: &str = "/.wharf/password";

/// Asks the server to shut down; it does so only with `--allow-exit`.
pub const EXIT: &str = "/.wharf/exit";

/// Asks the server to shut down over TFTP, by a write to this file. TFTP names have no leading slash.
pub const TFTP_EXIT: &str = ".wharf/exit";

/// The address of the page as a QR code.
pub const QR_CODE: &str = "/.wharf/qr.svg";

/// The page with that code.
pub const QR_PAGE: &str = "/.wharf/qr";

/// Prefix of the scripts, styles and icons of the page.
pub const ASSETS: &str = "/.wharf/assets/";

/// Prefix of unfinished uploads; the upload's token follows.
pub const UPLOADS: &str = "/.wharf/uploads/";

/// What was removed or replaced; a path below it names one entry by its id.
pub const TRASH: &str = "/.wharf/trash";

/// The response field with the id of the entry of the trash, if the trash keeps what was removed.
pub const TRASH_FIELD: &str = "Wharf-Trash";

/// Restores the newest entry of the client in the trash.
pub const UNDO: &str = "/.wharf/undo";

/// The tokens of a user; a path below it names one token by its public id.
pub const TOKENS: &str = "/.wharf/tokens";

/// The links of a user; a path below it names one link by its public id, or all links.
pub const LINKS: &str = "/.wharf/links";

/// The response field that says that a link only takes files.
pub const LINK_FIELD: &str = "Wharf-Link";

/// The value of [`LINK_FIELD`].
pub const LINK_DROP: &str = "drop";

/// Prefix of the address of a link; the link's secret follows.
pub const LINK: &str = "/.wharf/l/";

/// Joins the chat room.
pub const CHAT_JOIN: &str = "/.wharf/chat/join";

/// Sends a message; `?to=NAME` makes it private.
pub const CHAT_MESSAGES: &str = "/.wharf/chat/messages";

/// The event stream of the chat room.
pub const CHAT_EVENTS: &str = "/.wharf/chat/events";

/// The request header that identifies a member of the chat room. A browser would send a cookie automatically,
/// even for a page on another site, and `Authorization` is for accounts.
pub const MEMBER_FIELD: &str = "Wharf-Member";

/// Leaves the chat room.
pub const CHAT_LEAVE: &str = "/.wharf/chat/leave";
