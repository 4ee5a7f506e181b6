//! Writes a file to stdout as it arrives.
//!
//! Bytes that were written cannot be taken back. So after a lost connection, the download resumes only if the server
//! confirms the version; otherwise it fails.

use std::io::Write;
use std::path::PathBuf;

use super::options::FetchOptions;
use super::part::Version;
use super::response_check::{self, ResponseCheck, check};
use super::sessions::{SessionPool, refused};
use crate::client::address::Resource;
use crate::client::error::ClientError;
use crate::client::response::{HttpResponse, PourError};
use crate::client::transfer::retry::{FailedAttempt, retry};
use crate::http::request::Method;

/// What has been written.
#[derive(Default)]
struct Passed {
    version: Option<Version>,
    count: u64,
}

/// Writes a file to `out` as it arrives. Returns its length in bytes.
pub fn stream(resource: &Resource, options: &FetchOptions, out: &mut dyn Write) -> Result<u64, ClientError> {
    let mut sessions = SessionPool::new(options.timeouts);
    let mut passed = Passed::default();
    retry(options.retries, |reached| {
        let attempted = attempt(&mut sessions, resource, &mut passed, out);
        *reached = passed.count;
        let is_resumable = passed.count == 0 || passed.version.is_some();
        if is_resumable { attempted } else { attempted.map_err(FailedAttempt::permanent) }
    })?;
    Ok(passed.count)
}

fn attempt(
    sessions: &mut SessionPool,
    resource: &Resource,
    passed: &mut Passed,
    out: &mut dyn Write,
) -> Result<(), FailedAttempt> {
    let version = passed.version.clone().filter(|_| passed.count > 0);
    let range = format!("bytes={}-", passed.count);
    let fields =
        version.as_ref().map(|version| [("Range", range.as_str()), ("If-Range", &version.validator)]);
    let fields = fields.as_ref().map(<[_; 2]>::as_slice).unwrap_or_default();
    sessions.ask(Method::Get, resource, fields, |_, response| {
        match check(&response.head, version.as_ref().map(|version| (version, passed.count)))? {
            ResponseCheck::Refused => return Err(refused(response)),
            ResponseCheck::Rest => {}
            ResponseCheck::Whole if version.is_none() => {
                passed.version = response_check::version(&response.head, &resource.to_string());
            }
            ResponseCheck::Whole | ResponseCheck::Stale => return Err(ClientError::Changed.into()),
        }
        Ok(pass(response, passed, out)?)
    })
}

/// Writes the content of a response.
fn pass(response: HttpResponse<'_>, passed: &mut Passed, out: &mut dyn Write) -> Result<(), ClientError> {
    let mut sink = Counted { out, count: &mut passed.count };
    let poured = response.body.pour(&mut sink);
    poured.map(drop).map_err(|error| match error {
        PourError::Source(error) => error,
        PourError::Sink(error) => ClientError::Local("write", PathBuf::from("stdout"), error),
    })
}

/// An output that counts what was written to it.
struct Counted<'a> {
    out: &'a mut dyn Write,
    count: &'a mut u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        *self.count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
