//! What a request is about to do at a path, as far as locks (RFC 4918 §7) are concerned.

/// What a request is about to do at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    /// To save a file or to make a directory. Only a new name changes the directory too.
    Save,
    /// To remove or move what has the name, or to put something else there.
    Replace,
    /// To change the properties of what has the name.
    #[cfg_attr(not(feature = "dav"), allow(dead_code, reason = "only PROPPATCH does so"))]
    Describe,
}
