//! The values of live properties (RFC 4918 §15, RFC 4331).

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::time::SystemTime;

use crate::dav::locks::Lock;
use crate::dav::multistatus::escape;
use crate::dav::{LiveProperty, LockScope};
use crate::folder::{Description, EntryKind};
use crate::server::dav::hrefs::Hrefs;
use crate::server::media;
use crate::server::representation;

/// A file or directory whose properties are asked for.
pub(super) struct DescribedResource<'r> {
    /// The last segment of its path.
    pub name: &'r OsStr,
    pub found: &'r Description,
    /// When it was last modified, as a date of HTTP.
    pub modified: &'r str,
    /// The locks that cover it.
    pub locks: &'r [Lock],
    /// How many bytes can be added to the folder, and how many are used; `None` if that is not told.
    pub space: Option<(u64, u64)>,
    pub hrefs: &'r Hrefs,
    pub now: SystemTime,
}

/// What `supportedlock` says: both kinds of locks.
const SUPPORTED: &str = "<D:lockentry><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>\
     <D:lockentry><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>";

impl DescribedResource<'_> {
    /// Writes a property with its value. Returns whether the resource has it.
    pub(super) fn write(&self, property: LiveProperty, xml: &mut String) -> bool {
        let (start, end) = property.tags();
        let mut put = |value: &str| {
            *xml += start;
            *xml += value;
            *xml += end;
        };
        match (property, self.found.kind) {
            (LiveProperty::ResourceType, EntryKind::Directory) => put("<D:collection/>"),
            (LiveProperty::ResourceType, EntryKind::File { .. }) => *xml += "<D:resourcetype/>",
            (LiveProperty::ContentLength, EntryKind::File { len }) => {
                *xml += start;
                push_number(len, xml);
                *xml += end;
            }
            (LiveProperty::LastModified, _) => put(self.modified),
            (LiveProperty::EntityTag, EntryKind::File { .. }) => {
                let Some(tag) = representation::validators(&self.found.facts, self.now).etag else {
                    return false;
                };
                put(&tag.to_string());
            }
            (LiveProperty::ContentType, EntryKind::File { .. }) => {
                let mut escaped = String::new();
                escape(&media::of(self.name.as_bytes()), &mut escaped);
                put(&escaped);
            }
            (LiveProperty::DisplayName, _) => {
                let mut escaped = String::new();
                escape(&self.name.to_string_lossy(), &mut escaped);
                put(&escaped);
            }
            (LiveProperty::LockDiscovery, _) => {
                let mut locks = String::new();
                for lock in self.locks {
                    write_lock(lock, &self.hrefs.path(&lock.path, lock.is_directory), self.now, &mut locks);
                }
                put(&locks);
            }
            (LiveProperty::SupportedLock, _) => put(SUPPORTED),
            (LiveProperty::QuotaAvailableBytes, EntryKind::Directory) => {
                let Some((available, _)) = self.space else { return false };
                put(&available.to_string());
            }
            (LiveProperty::QuotaUsedBytes, EntryKind::Directory) => {
                let Some((_, used)) = self.space else { return false };
                put(&used.to_string());
            }
            (
                LiveProperty::ContentLength | LiveProperty::EntityTag | LiveProperty::ContentType,
                EntryKind::Directory,
            )
            | (LiveProperty::QuotaAvailableBytes | LiveProperty::QuotaUsedBytes, EntryKind::File { .. }) => {
                return false;
            }
        }
        true
    }
}

/// Writes a number. It costs less than formatting it, which a listing of many files would notice.
fn push_number(number: u64, xml: &mut String) {
    let (mut digits, mut at, mut rest) = ([0; 20], 20, number);
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    *xml += std::str::from_utf8(&digits[at..]).unwrap_or_default();
}

/// Writes an `activelock` (RFC 4918 §14.1). `root` is the encoded path that was locked.
pub(super) fn write_lock(lock: &Lock, root: &str, now: SystemTime, xml: &mut String) {
    let scope = match lock.scope {
        LockScope::Exclusive => "exclusive",
        LockScope::Shared => "shared",
    };
    let depth = if lock.is_deep { "infinity" } else { "0" };
    let left = lock.expires.duration_since(now).unwrap_or_default().as_secs();
    let (owner, token) = (&lock.owner, &lock.token);
    let _ = write!(
        xml,
        "<D:activelock><D:locktype><D:write/></D:locktype><D:lockscope><D:{scope}/></D:lockscope><D:depth>{depth}</D:depth>\
         {owner}<D:timeout>Second-{left}</D:timeout><D:locktoken><D:href>{token}</D:href></D:locktoken><D:lockroot><D:href>"
    );
    escape(root, xml);
    *xml += "</D:href></D:lockroot></D:activelock>";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal() {
        for number in [0, 9, 10, 1_234_567_890, u64::MAX] {
            let mut xml = String::new();
            push_number(number, &mut xml);
            assert_eq!(xml, number.to_string());
        }
    }
}
