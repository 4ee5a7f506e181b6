//! Creates a directory that has no files in it.

use std::time::Instant;

use super::order::PutOrder;
use super::sender::FileSender;
use super::sent::Sent;
use crate::client::error::ClientError;
use crate::client::make_directory::{MadeDirectory, Requester, with_parents};
use crate::client::response::HttpResponse;
use crate::client::transfer::retry::{FailedAttempt, retry};
use crate::format::Time;
use crate::http::request::Method;
use crate::http::target::encode_path;

impl Requester for FileSender<'_> {
    fn request(&mut self, method: Method, target: &str) -> Result<HttpResponse<'_>, FailedAttempt> {
        self.ask(method, target, &[], None)
    }
}

impl FileSender<'_> {
    /// Creates the directory and its missing parents, with retries.
    pub(super) fn make_directory(&mut self, order: &PutOrder) -> Result<Sent, ClientError> {
        let begun = Instant::now();
        let slash = if order.path.is_empty() { "" } else { "/" };
        let path = format!("/{}{slash}", encode_path(&order.path));
        let target = self.server.address.resolve(&path, false);
        let made = retry(self.options.retries, |_| {
            let made = with_parents(self, &target);
            made.map_err(|failure| self.final_if_absent(failure))
        })?;
        Ok(match made {
            MadeDirectory::Created(status) => Sent::Created { status, target, took: Time(begun.elapsed()) },
            MadeDirectory::Exists => Sent::Exists { target },
            MadeDirectory::Unsupported => Sent::Skipped { directory: order.file.clone() },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::client::address::ServerAddress;
    use crate::client::fake_peer::{FakePeer, PeerAction};
    use crate::client::put::{Memory, PutOptions, PutServer};
    use crate::client::timeouts::Timeouts;
    use crate::client::undo_cookies::UndoCookies;

    fn says(server: &str, status: &str) -> PeerAction {
        PeerAction::Say(format!("HTTP/1.1 {status}\r\nServer: {server}\r\nContent-Length: 0\r\n\r\n").leak())
    }

    #[test]
    fn a_directory_and_its_parents_are_created() {
        let (made, missing) = (says("wharf", "201 Created"), says("wharf", "409 Conflict"));
        let (taken, there) = (says("wharf", "405 No"), says("wharf", "200 OK"));
        let none = says("wharf", "404 Not Found");
        let (other, forbidden) = (says("nginx", "405 No"), says("nginx", "403 Forbidden"));
        let lacks = says("Python", "501 Unsupported");
        let skipped = "skipped a b: empty directory, which the server cannot create (no MKCOL)";
        let cases = [
            ("new", vec![made], "201 Created → /in/a b/ in "),
            ("below missing ones", vec![missing, missing, made, made, made], ""),
            ("another client is faster", vec![missing, taken, there, made], "201 Created → /in/a b/ in "),
            ("it exists", vec![taken, there], "unchanged: /in/a b/"),
            ("a file has the name", vec![taken, none, there], "405 Method Not Allowed"),
            ("read-only", vec![says("wharf", "403 Forbidden")], "403 Forbidden"),
            ("always in conflict", vec![missing, made, missing], "409 Conflict"),
            ("an old server", vec![taken, none, none], skipped),
            ("nginx", vec![other, says("nginx", "404 Not Found"), none], skipped),
            ("nginx, where it exists", vec![other, forbidden], "unchanged: /in/a b/"),
            ("another server that forbids it", vec![forbidden, none, none], skipped),
            ("Python", vec![lacks, none, none], skipped),
        ];
        for (name, answers, expected) in cases {
            let part: Vec<_> = answers.iter().flat_map(|answer| [PeerAction::Read, *answer]).collect();
            let peer = FakePeer::plays(&[&part]);
            let options = PutOptions { retries: 0, force: false, timeouts: Timeouts::default() };
            let server = PutServer::new(ServerAddress::root(peer.server()), UndoCookies::default());
            let order = PutOrder { file: "a b".into(), path: b"in/a b".to_vec(), is_directory: true };
            let sent = FileSender::new(&server, &Memory::default(), options, &Arc::default()).send(&order);
            let said = sent.map_or_else(|error| error.to_string(), |sent| sent.to_string());
            assert!(said.starts_with(expected), "{name}: {said}");
            let heard = peer.heard();
            assert_eq!(heard.len(), answers.len(), "{name}: {heard:?}");
            assert!(heard[0].starts_with("MKCOL /in/a%20b/ HTTP/1.1\r\n"), "{name}: {heard:?}");
        }
    }
}
