//! TLS with the clients that people use, what a scanner finds, and the hook that renews certificates.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::tls_fake;
use crate::common::{ClientTls, Wharf, client_config, eventually, outside, pem, root, sample, skip};

/// A program, the interpreter for its script, and the script in `tests/tls/clients`. The script gets `/large`, sends a
/// file to `/by-NAME`, and prints the SHA-256 of the content and the length in the response to HEAD.
const CLIENTS: [(&str, &str, &str); 5] = [
    ("curl", "sh", "curl.sh"),
    ("wget", "sh", "wget.sh"),
    ("openssl", "sh", "openssl.sh"),
    ("python3", "python3", "with_requests.py"),
    ("node", "node", "node.js"),
];

fn serve(certificate: &Path, key: &Path) -> Wharf {
    let [certificate, key] = [certificate, key].map(|path| path.to_str().expect("text"));
    Wharf::serve(&["--tls-cert", certificate, "--tls-key", key])
}

fn serve_usual() -> Wharf {
    serve(&pem("localhost.pem"), &pem("localhost.key"))
}

/// A Python with the module `requests`. If the first Python in the path lacks the module, the system's Python may have
/// it.
fn python() -> Option<Command> {
    let has_requests = |program: &&str| {
        let mut python = Command::new(program);
        python.args(["-c", "import requests"]).stdout(Stdio::null()).stderr(Stdio::null());
        python.status().is_ok_and(|status| status.success())
    };
    let found = ["python3", "/usr/bin/python3"].into_iter().find(has_requests);
    if found.is_none() {
        skip("there is no python3 with requests");
    }
    found.map(Command::new)
}

#[test]
fn the_clients_of_others_are_served() {
    let wharf = serve_usual();
    let content = sample(1_000_000, 4);
    let file = wharf.write("large", &content);
    let sum = tls_fake::pin(&content).replace("sha256:", "");
    for (client, program, script) in CLIENTS {
        let command =
            if client == "python3" { python() } else { outside(client).map(|_| Command::new(program)) };
        let Some(mut command) = command else { continue };
        let url = format!("https://{}", wharf.address());
        command.arg(pem("clients").join(script)).arg(url).arg(pem("ca.pem")).arg(&file);
        // No proxy, and no settings of the user.
        let variables =
            ["http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY", "NODE_OPTIONS"];
        for name in variables {
            command.env_remove(name);
        }
        let output = command.stdin(Stdio::null()).output().expect("run");
        let printed = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(printed, format!("{sum}\n1000000\n"), "{client}: {errors}");
        assert!(wharf.read(&format!("by-{client}")) == content, "{client}: {errors}");
    }
}

#[test]
fn a_scanner_finds_no_weakness() {
    let Some(mut sslscan) = outside("sslscan") else { return };
    let wharf = serve_usual();
    let output = sslscan.args(["--no-colour", &wharf.address().to_string()]).output().expect("run");
    let found = String::from_utf8_lossy(&output.stdout);
    for version in ["SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"] {
        assert!(
            found.contains(&format!("{version}     disabled"))
                || found.contains(&format!("{version}   disabled")),
            "{found}"
        );
    }
    for expected in [
        "TLSv1.2   enabled",
        "TLSv1.3   enabled",
        "Session renegotiation not supported",
        "TLSv1.3 not vulnerable to heartbleed",
        "TLSv1.2 not vulnerable to heartbleed",
    ] {
        assert!(found.contains(expected), "{expected}: {found}");
    }
    assert!(!found.contains("Compression enabled"), "{found}");
    let is_cipher = |line: &&str| line.starts_with("Preferred ") || line.starts_with("Accepted ");
    let ciphers: Vec<_> = found.lines().filter(is_cipher).collect();
    assert!(ciphers.len() >= 6, "{found}");
    for line in ciphers {
        let is_strong = line.contains("GCM") || line.contains("CHACHA20");
        assert!(is_strong && (line.contains(" ECDHE-") || line.contains(" TLS_")), "{line}");
    }
}

/// certbot and lego tell their hooks by variables what they have renewed.
#[test]
fn the_hook_of_certbot_and_lego_renews_the_certificate() {
    let place = tempfile::tempdir().expect("a folder");
    let tls = place.path().join("tls");
    fs::create_dir(&tls).expect("a folder");
    let (certificate, key) = (tls.join("fullchain.pem"), tls.join("privkey.pem"));
    fs::copy(pem("localhost.pem"), &certificate).expect("copied");
    fs::copy(pem("localhost.key"), &key).expect("copied");
    let wharf = serve(&certificate, &key);
    let name_works = |name| {
        let mut stream = std::net::TcpStream::connect(wharf.address()).expect("a connection");
        ClientTls::begin(client_config(), name, &mut stream).is_ok()
    };
    let lineage = place.path().join("live");
    fs::create_dir(&lineage).expect("a folder");
    let by_certbot = ["fullchain.pem", "privkey.pem"].map(|name| lineage.join(name));
    let by_lego = ["files.example.crt", "files.example.key"].map(|name| place.path().join(name));
    for ([new_certificate, new_key], pair, name) in
        [(&by_certbot, "other", "other.example"), (&by_lego, "localhost", "localhost")]
    {
        assert!(!name_works(name));
        fs::copy(pem(&format!("{pair}.pem")), new_certificate).expect("copied");
        fs::copy(pem(&format!("{pair}.key")), new_key).expect("copied");
        let mut hook = Command::new("sh");
        hook.arg(root().join("deploy/renew-hook.sh"))
            .env("WHARF_TLS", &tls)
            .env("WHARF_GROUP", rustix::process::getgid().to_string())
            .env("WHARF_RELOAD", format!("kill -HUP {}", wharf.pid().as_raw_nonzero()));
        if pair == "other" {
            hook.env("RENEWED_LINEAGE", &lineage);
        } else {
            hook.env("LEGO_CERT_PATH", new_certificate).env("LEGO_CERT_KEY_PATH", new_key);
        }
        let output = hook.output().expect("run");
        assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
        eventually("the new certificate is used", || name_works(name));
        assert_eq!(fs::read(&key).expect("a key"), fs::read(new_key).expect("a key"));
    }
    let left: Vec<_> =
        fs::read_dir(&tls).expect("a folder").map(|it| it.expect("an entry").file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}
