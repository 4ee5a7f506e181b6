//! The metadata of a file in its responses (RFC 9110 §8): validators, media type, and fields for browsers.

use std::borrow::Cow;
use std::time::SystemTime;

use crate::folder::{Facts, FileVersion};
use crate::http::date::Date;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::http::validators::{EntityTag, Validators};
use crate::path::SharePath;
use crate::server::media;

#[derive(Debug)]
pub(super) struct Representation {
    /// Its length in bytes.
    pub len: u64,
    /// The entity tag and the time of the last change.
    pub validators: Validators,
    pub media_type: Cow<'static, str>,
    /// All other field lines, without Content-Type.
    head: Head,
    /// The head of a response with the whole file: most responses use it, so it is built once.
    whole: Head,
}

impl Representation {
    /// The representation of the file with these facts and this type, in a response at `now`. A trusted page may act as
    /// one of the server's own.
    pub(super) fn of(
        facts: &Facts,
        path: &SharePath,
        media_type: Cow<'static, str>,
        is_trusted: bool,
        now: SystemTime,
    ) -> Self {
        let validators = validators(facts, now);
        let head = match &validators.etag {
            Some(etag) => Head::new(Status::OK).field("ETag", etag),
            None => Head::new(Status::OK),
        };
        let head = match validators.last_modified {
            Some(date) => head.field("Last-Modified", date),
            None => head,
        };
        // Copies must be revalidated: shared files change.
        let head = head.field("Cache-Control", "no-cache").field("Accept-Ranges", "bytes");
        let head = media::protect(head, &media_type, is_trusted);
        let head = match media::coding_of(path.as_bytes()) {
            Some(coding) => head.field("Content-Encoding", coding),
            None => head,
        };
        let whole = head.clone().field("Content-Type", &media_type);
        Self { len: facts.len, validators, media_type, head, whole }
    }

    /// The head of a response without content (RFC 9110 §15.4.5).
    pub(super) fn head_alone(&self, status: Status) -> Head {
        self.head.with_status(status)
    }

    /// The head of a response with the whole file.
    pub(super) fn whole_head(&self) -> Head {
        self.whole.clone()
    }

    /// The head of a response with content of this type.
    pub(super) fn head(&self, status: Status, content_type: &str) -> Head {
        self.head.with_status(status).field("Content-Type", content_type)
    }
}

/// The entity tag of a version. If the version is settled, the tag is strong, because it always stands for the same
/// bytes (RFC 9110 §8.8.1). Before that, the tag is weak and has a different value, so that a copy with this tag
/// becomes stale (§13.1.2 compares weakly).
pub(super) fn tag(version: &FileVersion, is_settled: bool) -> Option<EntityTag<'static>> {
    if is_settled {
        EntityTag::strong(version.to_string().into_bytes())
    } else {
        EntityTag::weak(format!("{version}-young").into_bytes())
    }
}

/// The validators of this version of a file, in a response at `now`.
pub(super) fn validators(facts: &Facts, now: SystemTime) -> Validators {
    let etag = tag(&facts.version, facts.version.is_settled(now));
    let last_modified = Date::from(facts.modified).min(Date::from(now));
    Validators { etag, last_modified: Some(last_modified) }
}
