//! Sends what arrives on stdin.
//!
//! A pipe cannot be read again. So the upload cannot be resumed, and it is retried only while nothing was read: after a
//! refused connection, or a response that came instead of `100 Continue`.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::sender::{FileSender, success};
use super::sent::Sent;
use crate::client::content::RequestContent;
use crate::client::error::ClientError;
use crate::client::transfer::retry::retry;
use crate::format::Time;
use crate::http::request::Method;

impl FileSender<'_> {
    /// Sends stdin to its end. The server's address names the file, and the progress is shown under `name`. If stdin
    /// cannot be read to its end, nothing is saved.
    pub fn send_stdin(&mut self, name: &str) -> Result<Sent, ClientError> {
        let begun = Instant::now();
        let target = self.server.address.resolve("/", false);
        let mut content = RequestContent::stdin()?;
        content.show_at(&self.progress);
        let status = retry(self.options.retries, |_| {
            self.progress.begin(name, 0, None);
            let fields = [("Content-Type", "application/octet-stream")];
            let attempted = self.ask(Method::Put, &target, &fields, Some(&content)).and_then(success);
            self.progress.end();
            attempted.map_err(|failure| match failure.error {
                ClientError::NotRunning(_) if !self.server.was_there.load(Ordering::Relaxed) => {
                    failure.permanent()
                }
                _ if content.is_used() => failure.permanent(),
                _ => failure,
            })
        })?;
        let (length, took) = (content.length(), Time(begun.elapsed()));
        Ok(Sent::Saved { status, target, length, resumed: 0, took })
    }
}
