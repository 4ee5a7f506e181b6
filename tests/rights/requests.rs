//! The request of each operation of the table.

use super::model::Operation::{
    self, CopyFrom, CopyTo, Delete, Entries, Form, Get, Hash, Head, IfNoneMatch, List, Lock, MakeDirectory,
    MoveFrom, MoveTo, Post, Propfind, Proppatch, Put, Range, Resumable, Search, Tar, Unlock, Zip,
};

/// The bodies of PROPPATCH and LOCK.
const SET: &str =
    "<propertyupdate xmlns=\"DAV:\"><set><prop><x xmlns=\"urn:x\">1</x></prop></set></propertyupdate>";
const LOCK: &str =
    "<lockinfo xmlns=\"DAV:\"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>";

/// The request of an operation at this target.
pub fn request(operation: Operation, target: &str) -> String {
    let (method, query, fields, body) = match operation {
        Get => ("GET", "", "", ""),
        Head => ("HEAD", "", "", ""),
        Range => ("GET", "", "Range: bytes=0-3\r\n", ""),
        IfNoneMatch => ("GET", "", "If-None-Match: *\r\n", ""),
        Hash => ("GET", "?sha256", "", ""),
        List => ("GET", "?list&sort=-time", "Accept: application/json\r\n", ""),
        Search => ("GET", "?q=e", "Accept: application/json\r\n", ""),
        Zip => ("GET", "?zip", "", ""),
        Tar => ("GET", "?tar", "", ""),
        // Without a body, a refused request keeps its connection.
        Put => ("PUT", "", "", ""),
        Post => ("POST", "", "", ""),
        Resumable => ("POST", "", "Upload-Draft-Interop-Version: 9\r\nUpload-Complete: ?0\r\n", ""),
        Form => (
            "POST",
            "",
            "Content-Type: multipart/form-data; boundary=b\r\n",
            "--b\r\nContent-Disposition: form-data; name=f; filename=form\r\n\r\nnew\r\n--b--\r\n",
        ),
        MakeDirectory => ("MKCOL", "", "", ""),
        Delete => ("DELETE", "", "", ""),
        MoveFrom => ("MOVE", "", "Destination: /work/moved\r\n", ""),
        CopyFrom => ("COPY", "", "Destination: /work/moved\r\n", ""),
        Propfind => ("PROPFIND", "", "Depth: 0\r\n", ""),
        Entries => ("PROPFIND", "", "Depth: 1\r\n", ""),
        Proppatch => ("PROPPATCH", "", "", SET),
        Lock => ("LOCK", "", "Depth: 0\r\n", LOCK),
        Unlock => ("UNLOCK", "", "Lock-Token: <urn:uuid:0>\r\n", ""),
        MoveTo => return to_target("MOVE", target),
        CopyTo => return to_target("COPY", target),
    };
    let slash = if operation == Form && !target.ends_with('/') { "/" } else { "" };
    let length = match method {
        "PUT" | "POST" | "PROPPATCH" | "LOCK" => format!("Content-Length: {}\r\n", body.len()),
        _ => String::new(),
    };
    format!("{method} {target}{slash}{query} HTTP/1.1\r\nHost: localhost\r\n{fields}{length}\r\n{body}")
}

/// The request that moves or copies a file to this target.
fn to_target(method: &str, target: &str) -> String {
    format!("{method} /work/source HTTP/1.1\r\nHost: localhost\r\nDestination: {target}\r\n\r\n")
}
