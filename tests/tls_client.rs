//! The clients over TLS: which certificates they trust, the errors, and what TLS changes about the end of a response.

mod elsewhere;
mod ends;
mod trust;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::common::tls_fake::{Identity, TlsFake, close, pin, say};
use crate::common::{Output, ReverseProxy, Running, Tls, Wharf, eventually, run, sample};

/// A range of years that includes the present.
const VALID: (i32, i32) = (2020, 2090);

/// Runs the binary with only these environment variables.
fn run_with(variables: &[(&str, &str)], arguments: &[&str], directory: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
    command.args(arguments).current_dir(directory).env_clear();
    command.env("XDG_STATE_HOME", directory.join(".state")).envs(variables.iter().copied());
    let child = Running::start(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    let output = child.output();
    Output {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output.status.code(),
    }
}

/// `wharf get -o - --retries 0` with these arguments.
fn get(arguments: &[&str], directory: &Path) -> Output {
    run_with(&[], &[&["get", "-o", "-", "--retries", "0"], arguments].concat(), directory)
}

/// A server over TLS that sends `hello`.
fn greeter(identity: &Identity) -> TlsFake {
    TlsFake::answers(identity.config(), |_, stream| {
        say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        close(stream);
    })
}

#[test]
fn all_commands_work_over_tls() {
    let place = tempfile::tempdir().expect("a folder");
    let socket = place.path().join("wharf.sock");
    let socket = socket.to_str().expect("text");
    let wharf = Wharf::serve(&["--unix", socket, "--trust-proxy", "unix", "--host", "127.0.0.1"]);
    let Some(nginx) = ReverseProxy::nginx(socket, Tls::On) else { return };
    let certificate = CertificateDer::from_pem_file(nginx.certificate()).expect("a certificate");
    let pin = pin(&certificate);
    let url = |path: &str| format!("https://{}{path}", nginx.address());
    let call = |arguments: &[&str], input: &str| {
        let output = run(&[arguments, &["--pin", &pin]].concat(), input, place.path());
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{arguments:?}: {output:?}");
        output.stdout
    };
    wharf.write("dir/a.txt", "a");
    wharf.write("dir/below/b.txt", sample(1 << 20, 1));
    assert_eq!(call(&["list", &url("/dir/")], ""), "below/\na.txt\n");
    call(&["get", "-R", &url("/dir/")], "");
    assert_eq!(fs::read(place.path().join("downloads/dir/below/b.txt")).expect("saved"), sample(1 << 20, 1));
    // It resumes by address, so an unchanged file is recognised.
    assert!(call(&["get", &url("/dir/a.txt")], "").starts_with("unchanged: "));

    let large = sample(3 << 20, 2);
    fs::write(place.path().join("large"), &large).expect("written");
    // Older files are sent as resumable uploads.
    let old = std::time::SystemTime::now() - Duration::from_secs(60);
    fs::File::options()
        .append(true)
        .open(place.path().join("large"))
        .expect("open")
        .set_modified(old)
        .expect("set");
    call(&["put", "large", "--to", &url("/in/")], "");
    assert!(wharf.read("in/large") == large, "3 MB");
    eventually("it was resumable", || wharf.log().contains("\"PATCH "));

    call(&["put", "-", "--to", &url("/in/stdin")], "a pipe");
    assert_eq!(wharf.read("in/stdin"), b"a pipe");

    let listed = call(&["client", &url("/")], "GET dir/a.txt\nLIST in\n");
    assert!(listed.contains("200 OK") && listed.contains("large"), "{listed}");
    // The chat messages of others are shown only while there is input.
    call(&["chat", "ann", &url("/")], "list\nhello\n");
    eventually("it is said", || wharf.log().contains("\"POST /.wharf/chat/messages HTTP/1.1\" 20"));
    fs::write(
        place.path().join("script"),
        "GET dir/a.txt -> 200\nPUT large in/again -> 201\nGET none -> 404\n",
    )
    .expect("written");
    let report = call(&["replay", "script", &url("/"), "-j", "2", "--repeat", "1"], "");
    assert!(report.contains("3 requests, 3 ok"), "{report}");
}
