//! The body of LOCK (RFC 4918 §9.10, §14.11).

use serde::{Deserialize, Serialize};

use super::error::XmlBodyError;
use super::multistatus::write_element;
use super::xml::Element;

/// What a LOCK asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockRequest {
    /// A new lock.
    New(LockInfo),
    /// More time for the lock that the field `If` names: the body is empty (§9.10.2).
    Refresh,
}

/// The lock that a client wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockInfo {
    /// Whether others may have locks there too.
    pub scope: LockScope,
    /// The client's words about itself: an element `owner` as XML, at most [`MAX_OWNER`] bytes; empty if there is none.
    pub owner: Box<str>,
}

/// Whether a lock excludes other locks (§6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LockScope {
    /// It does.
    Exclusive,
    /// It excludes only exclusive ones.
    Shared,
}

/// How long the description of an owner may be, in bytes. Known clients send up to 200.
pub const MAX_OWNER: usize = 512;

impl LockRequest {
    /// Parses a body.
    pub fn parse(body: &[u8]) -> Result<Self, XmlBodyError> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::Refresh);
        }
        let root = Element::parse(body)?;
        if !root.name.is_dav("lockinfo") {
            return Err(XmlBodyError::Root("lockinfo"));
        }
        let is_write = root.dav("locktype").is_some_and(|locktype| locktype.dav("write").is_some());
        if !is_write {
            return Err(XmlBodyError::Content("lockinfo needs the locktype write"));
        }
        let scope = root.dav("lockscope");
        let has = |name: &str| scope.is_some_and(|scope| scope.dav(name).is_some());
        let scope = match (has("exclusive"), has("shared")) {
            (true, false) => LockScope::Exclusive,
            (false, true) => LockScope::Shared,
            _ => return Err(XmlBodyError::Content("lockinfo needs one lockscope: exclusive or shared")),
        };
        let mut owner = String::new();
        if let Some(element) = root.dav("owner") {
            write_element(element, &mut owner);
        }
        if owner.len() > MAX_OWNER {
            return Err(XmlBodyError::Content("the owner of the lock is longer than 512 bytes"));
        }
        Ok(Self::New(LockInfo { scope, owner: owner.into() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        let whole = |inner: &str| format!("<D:lockinfo xmlns:D='DAV:'>{inner}</D:lockinfo>");
        let write = "<D:locktype><D:write/></D:locktype>";
        let new = |scope, owner: &str| Ok(LockRequest::New(LockInfo { scope, owner: owner.into() }));
        let table = [
            (String::new(), Ok(LockRequest::Refresh)),
            (
                whole(&format!(
                    "<D:lockscope><D:exclusive/></D:lockscope>{write}<D:owner><D:href>me &amp; you</D:href></D:owner>"
                )),
                new(LockScope::Exclusive, "<D:owner><D:href>me &amp; you</D:href></D:owner>"),
            ),
            (whole(&format!("{write}<D:lockscope><D:shared/></D:lockscope>")), new(LockScope::Shared, "")),
            (whole(&format!("{write}<D:lockscope><D:shared/><D:exclusive/></D:lockscope>")), Err(())),
            (whole("<D:lockscope><D:shared/></D:lockscope>"), Err(())),
            (
                whole(&format!(
                    "<D:lockscope><D:exclusive/></D:lockscope>{write}<D:owner>{}</D:owner>",
                    "x".repeat(MAX_OWNER)
                )),
                Err(()),
            ),
            (whole(write), Err(())),
            ("<lockinfo/>".to_owned(), Err(())),
        ];
        for (body, expected) in table {
            assert_eq!(LockRequest::parse(body.as_bytes()).map_err(drop), expected, "{body}");
        }
    }
}
