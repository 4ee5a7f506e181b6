//! curl works as its users expect.

use std::path::Path;

use crate::common::{Output, Wharf, outside, sample};

/// Runs curl in this folder; `None` where it is not installed.
fn curl(folder: &Path, arguments: &[&str]) -> Option<Output> {
    let output =
        // Makes curl wait for `100 Continue` without a limit: by default it sends the body after a second.
        outside("curl")?
            .args(["-sS", "--max-time", "60", "--expect100-timeout", "60"])
            .args(arguments).current_dir(folder).output();
    let output = output.expect("curl runs");
    Some(Output {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output.status.code(),
    })
}

/// A server, a directory for downloads, and a file of 100 KB in both.
fn stage() -> (Wharf, tempfile::TempDir, Vec<u8>) {
    let (wharf, here, content) =
        (Wharf::serve(&[]), tempfile::tempdir().expect("a folder"), sample(100_000, 3));
    wharf.write("dir/file.bin", &content);
    std::fs::write(here.path().join("local"), &content).expect("written");
    (wharf, here, content)
}

#[test]
fn curl_resumes_and_requests_ranges() {
    let (wharf, here, content) = stage();
    let url = wharf.url("/dir/file.bin");
    let half = here.path().join("file.bin");
    std::fs::write(&half, &content[..40_000]).expect("written");
    let Some(output) = curl(here.path(), &["-C", "-", "-O", "-w", "%{http_code}", &url]) else { return };
    assert_eq!((output.stdout.as_str(), output.code), ("206", Some(0)), "{output:?}");
    assert!(std::fs::read(&half).expect("there") == content);
    curl(here.path(), &["-r", "10-19,-5", "-o", "parts", &url]).expect("installed");
    let parts = std::fs::read(here.path().join("parts")).expect("there");
    assert!(parts.windows(10).any(|window| window == &content[10..20]));
    let output =
        curl(here.path(), &["-z", "local", "-o", "no", "-w", "%{http_code}", &url]).expect("installed");
    assert_eq!(output.stdout, "304", "not newer than the local file");
    assert!(!here.path().join("no").exists());
}

#[test]
fn curl_uploads_in_every_way() {
    let (wharf, here, content) = stage();
    let expected = "Expect: 100-continue";
    let cases: [(&str, &[&str], &str); 6] = [
        ("-T", &["-T", "local"], "put"),
        ("-T with another name", &["-T", "local"], "in/"),
        ("--data-binary", &["--data-binary", "@local"], "post"),
        ("100-continue", &["-H", expected, "--data-binary", "@local"], "told"),
        ("chunked", &["-H", "Transfer-Encoding: chunked", "-T", "local"], "chunked"),
        ("HTTP/1.0", &["--http1.0", "--data-binary", "@local"], "old"),
    ];
    for (name, arguments, target) in cases {
        let url = wharf.url(&format!("/{target}"));
        let Some(output) = curl(here.path(), &[arguments, &["-f", &url]].concat()) else { return };
        assert_eq!(output.code, Some(0), "{name}: {output:?}");
        let saved = if target.ends_with('/') { format!("{target}local") } else { target.to_owned() };
        assert!(wharf.read(&saved) == content, "{name}");
    }
    let form = curl(here.path(), &["-F", "file=@local;filename=a b.bin", "-F", "x=y", &wharf.url("/dir/")]);
    assert_eq!(form.expect("installed").stdout, "saved dir/a b.bin (100000 bytes)\n");
    let refused = curl(
        here.path(),
        &["-H", expected, "-T", "local", "-w", "%{http_code} %{size_upload}", &wharf.url("/.x")],
    );
    assert!(refused.expect("installed").stdout.ends_with("404 0"), "rejected before the body is sent");
}

#[test]
fn curl_fetches_several_urls_over_one_connection() {
    let (wharf, here, _) = stage();
    let url = wharf.url("/dir/file.bin");
    let null = ["-o", "/dev/null"];
    let arguments =
        [&null[..], &null[..], &null[..], &["-w", "%{num_connects} %{http_code}\n", &url, &url, &url]]
            .concat();
    let Some(output) = curl(here.path(), &arguments) else { return };
    assert_eq!(output.stdout, "1 200\n0 200\n0 200\n");
    let old = curl(here.path(), &["--http1.0", "-o", "a", "-w", "%{http_version} %{size_download}", &url]);
    assert_eq!(old.expect("installed").stdout, "1.1 100000");
}

#[test]
fn curl_follows_the_redirect_of_a_directory_and_requests_heads() {
    let (wharf, here, _) = stage();
    let Some(output) = curl(here.path(), &["-L", "-H", "Accept: text/plain", &wharf.url("/dir")]) else {
        return;
    };
    assert!(output.stdout.starts_with("file.bin\t100000\t"), "{output:?}");
    let head = curl(here.path(), &["-I", &wharf.url("/dir/file.bin")]).expect("installed").stdout;
    assert!(head.contains("Content-Length: 100000\r\n"), "{head}");
    let packed = curl(
        here.path(),
        &["--compressed", "-o", "c", "-w", "%{size_download}", &wharf.url("/dir/file.bin")],
    );
    assert_eq!(packed.expect("installed").stdout, "100000", "without encoding");
    let failed = curl(here.path(), &["-f", &wharf.url("/nothing")]).expect("installed");
    assert_eq!(failed.code, Some(22), "{failed:?}");
}
