//! Many files in one command: trees, patterns, colliding names, links that lead out, existing files.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::common::{ClosedPort, Fake, Output, Wharf, field, run, sample, target_of};

/// `wharf get` into `downloads` in this directory.
fn get(place: &Path, arguments: &[&str]) -> Output {
    run(&[&["get"], arguments].concat(), "", place)
}

/// The files below `downloads`.
fn saved(place: &Path) -> Vec<String> {
    fn walk(root: &Path, dir: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                found.push(path.strip_prefix(root).expect("below").display().to_string());
            }
        }
    }
    let (root, mut found) = (place.join("downloads"), Vec::new());
    walk(&root, &root, &mut found);
    found.sort();
    found
}

fn place() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn five_hundred_files_take_four_connections() {
    let wharf = Wharf::serve(&[]);
    for number in 0..500 {
        wharf.write(&format!("d/{number}"), sample(2000, number));
    }
    let place = place();
    let output = get(place.path(), &[&wharf.url("/d/")]);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
    assert_eq!(output.stdout.lines().filter(|line| line.starts_with("200 OK → downloads/d/")).count(), 500);
    for number in 0..500 {
        let content = fs::read(place.path().join(format!("downloads/d/{number}"))).expect("saved");
        assert!(content == sample(2000, number), "{number}");
    }
    let mut peers = wharf.peers_of("GET /d/", 501);
    peers.sort_unstable();
    peers.dedup();
    assert!(peers.len() <= 5, "four connections, and one for the listing: {peers:?}");
}

#[test]
fn directories_trees_and_patterns_are_downloaded() {
    let wharf = Wharf::serve(&[]);
    for name in ["a.jpg", "b.txt", "größe 1%.jpg", "sub/c.jpg", "sub/deep/d", "x.d/e"] {
        wharf.write(name, name);
    }
    let cases: [(&[&str], &str, &[&str]); 6] = [
        (&[], "/", &["a.jpg", "b.txt", "größe 1%.jpg"]),
        (&["-R"], "/", &["a.jpg", "b.txt", "größe 1%.jpg", "sub/c.jpg", "sub/deep/d", "x.d/e"]),
        (&["-R"], "/sub", &["sub/c.jpg", "sub/deep/d"]),
        (&["-R"], "/b.txt", &["b.txt"]),
        (&[], "/*.jpg", &["a.jpg", "größe 1%.jpg"]),
        (&["-R"], "/*s*", &["sub/c.jpg", "sub/deep/d"]),
    ];
    for (flags, target, expected) in cases {
        let place = place();
        let output = get(place.path(), &[flags, &[&wharf.url(target), "--retries=0"]].concat());
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{target} {output:?}");
        assert_eq!(saved(place.path()), expected, "{flags:?} {target}");
        for name in expected {
            assert_eq!(fs::read_to_string(place.path().join("downloads").join(name)).expect(name), *name);
        }
    }
    let place = place();
    let output = get(place.path(), &[&wharf.url("/*.png"), &wharf.url("/none/"), &wharf.url("/b.txt")]);
    assert_eq!(output.code, Some(1));
    let said: Vec<_> = output.stderr.lines().collect();
    assert_eq!(said[0], "/*.png: no name matches");
    assert!(said[1].starts_with("/none/: 404 Not Found"), "{said:?}");
    assert_eq!((said.len(), saved(place.path())), (2, vec!["b.txt".to_owned()]));
}

#[test]
fn a_directory_without_files_is_an_error_that_helps() {
    let wharf = Wharf::serve(&[]);
    fs::create_dir_all(wharf.folder().join("empty")).expect("made");
    wharf.write("only/below/a.txt", "a");
    let place = place();
    let cases: [(&[&str], &str); 3] = [
        (&["/empty/"], "/empty/: there are no files in it\n"),
        (&["-R", "/*.jpg"], "/*.jpg: no name matches\n"),
        (&["/only/"], "/only/: there are only directories in it (wharf get -R downloads them too)\n"),
    ];
    for (arguments, said) in cases {
        let arguments: Vec<_> = arguments
            .iter()
            .map(|word| if word.starts_with('/') { wharf.url(word) } else { (*word).to_owned() })
            .collect();
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let output = get(place.path(), &arguments);
        assert_eq!((output.code, output.stderr.as_str()), (Some(1), said), "{output:?}");
    }
    wharf.write("Photos/a.jpg", "a");
    let output = get(place.path(), &[&wharf.url("/Photos")]);
    assert!(output.stderr.contains("a slash at the end downloads its files"), "{output:?}");
}

#[test]
fn a_tree_has_its_empty_directories() {
    let wharf = Wharf::serve(&[]);
    for directory in ["t/empty", "t/deep/er/a b", "t/full/empty", "t/hidden"] {
        fs::create_dir_all(wharf.folder().join(directory)).expect("made");
    }
    wharf.write("t/full/a", "a");
    wharf.write("t/hidden/.b", "b");
    let wharf = Wharf::serve_folder(&wharf.folder(), &["--hidden"]);
    let place = place();
    let made = ["t/deep/er/a b", "t/empty", "t/full/empty", "t/hidden"];
    for what in ["created ", "unchanged: "] {
        let output = get(place.path(), &["-R", &wharf.url("/t/")]);
        let said = "skipped 1 name that begins with a dot (--hidden fetches it)\n";
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), said), "{output:?}");
        let mut lines: Vec<_> = output.stdout.lines().skip(1).map(str::to_owned).collect();
        lines.sort_unstable();
        assert_eq!(lines, made.map(|name| format!("{what}downloads/{name}/")), "{output:?}");
        assert!(made.iter().all(|name| place.path().join("downloads").join(name).is_dir()));
        assert_eq!(saved(place.path()), ["t/full/a"]);
    }
    // A tree without any file, an empty directory, and one that a pattern finds.
    for (target, expected) in [
        ("/t/deep", "created here/t/deep/er/a b/\n"),
        ("/t/empty/", "created here/t/empty/\n"),
        ("/t/e*", "created here/t/empty/\n"),
    ] {
        let place = tempfile::tempdir().expect("a folder");
        let output = get(place.path(), &["-R", &wharf.url(target), "--dir", "here"]);
        assert_eq!((output.code, output.stdout.as_str()), (Some(0), expected), "{target}: {output:?}");
    }
    let output = get(place.path(), &["-R", "--quiet", &wharf.url("/t/deep/")]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), ""), "{output:?}");
    // At the prompt, a directory from the list is downloaded with everything in it.
    let script = "list t\nget 1 2\nget 2 as x\n";
    let output = run(&["client", &wharf.address().to_string(), "--dir", "prompt"], script, place.path());
    assert!(place.path().join("prompt/t/deep/er/a b").is_dir(), "{output:?}");
    assert!(output.stdout.contains("created prompt/t/empty/\n"), "{output:?}");
    assert_eq!((output.code, output.stderr.as_str()), (Some(1), "`as` is for one file\n"), "{output:?}");
}

#[test]
fn a_file_can_be_listed() {
    let wharf = Wharf::serve(&[]);
    wharf.write("d/a b.txt", "four");
    wharf.write("d/c.txt", "");
    let place = place();
    let output = crate::common::run(&["list", &wharf.url("/d/a b.txt")], "", place.path());
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), "a b.txt\n"), "{output:?}");
    let output = crate::common::run(&["list", &wharf.url("/d/none.txt")], "", place.path());
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.contains("404 Not Found"), "{output:?}");
}

#[test]
fn a_server_of_another_kind_has_no_listings() {
    let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\npage";
    let server = Fake::answers(|_, stream| {
        let _ = std::io::Write::write_all(stream, page.as_bytes());
    });
    let place = place();
    let output = get(place.path(), &[&server.url("/d/"), &server.url("/*.jpg"), "--retries=0"]);
    assert_eq!(output.code, Some(1), "{output:?}");
    assert_eq!(output.stderr, "/*.jpg: the response is not a listing (is the server wharf?)\n");
    assert_eq!(saved(place.path()), ["d/index.html"], "a directory is saved as its page");
    let output = get(place.path(), &["-R", &server.url("/d/"), "--retries=0"]);
    assert_eq!(output.stderr, "/d/: the response is not a listing (is the server wharf?)\n");
}

#[test]
fn a_server_cannot_choose_where_files_go() {
    let listing = r#"{"entries":[
        {"name":"a","kind":"file","href":"../../a"},{"name":"../b","kind":"file"},
        {"name":"c","kind":"file","href":"/etc/c"},{"name":"d","kind":"file","href":"%2e%2e%2fd"},
        {"name":"..","kind":"directory"},{"name":"e","kind":"directory"},{"name":"good","kind":"file"}]}"#;
    let server = Fake::answers(move |head, stream| {
        let (kind, content) = match target_of(head) {
            target if target.ends_with("?list") => ("application/json", listing),
            _ => ("text/plain", "ok"),
        };
        let length = content.len();
        let answer =
            format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{content}");
        let _ = std::io::Write::write_all(stream, answer.as_bytes());
    });
    let place = place();
    let inner = place.path().join("x");
    fs::create_dir(&inner).expect("made");
    let output = get(&inner, &["-R", &server.url("/"), "--retries=0"]);
    assert_eq!(output.code, Some(1));
    let endless =
        output.stderr.lines().filter(|line| line.ends_with("is too deep, or has too many entries")).count();
    assert_eq!(endless, 1, "{}", output.stderr.lines().last().unwrap_or_default());
    assert!(saved(&inner).iter().all(|name| name.ends_with("good")), "{:?}", saved(&inner));
    assert_eq!(fs::read_dir(place.path()).expect("a folder").count(), 1, "nothing was written beside it");
}

#[test]
fn colliding_names_are_rejected() {
    let wharf = Wharf::serve(&[]);
    let other = Wharf::serve(&[]);
    wharf.write("a", "first");
    other.write("a", "second");
    other.write("b.part", "no part of b");
    let large = sample(200_000, 3);
    wharf.write("b", &large);
    let place = place();
    let urls = [wharf.url("/a"), wharf.url("/b"), other.url("/a"), other.url("/b.part"), wharf.url("//a")];
    let urls: Vec<_> = urls.iter().map(String::as_str).collect();
    let output = get(place.path(), &urls);
    assert_eq!(output.code, Some(1));
    let mut said: Vec<_> =
        output.stderr.lines().map(|line| line.split(" is the name").next().unwrap_or(line)).collect();
    said.sort_unstable();
    assert_eq!(said, ["downloads/a", "downloads/a"], "{output:?}");
    let read = |name: &str| fs::read(place.path().join("downloads").join(name)).expect("saved");
    assert_eq!(read("a"), b"first");
    assert!(read("b") == large);
    assert_eq!(read("b.part"), b"no part of b", "the part of b had another name");
    assert_eq!(saved(place.path()), ["a", "b", "b.part"]);
}

#[test]
fn no_download_follows_a_link_or_replaces_anything_but_a_file() {
    let wharf = Wharf::serve(&[]);
    for name in ["out/a", "link", "dir", "part", "in/a"] {
        wharf.write(name, "new");
    }
    let place = place();
    let (downloads, outside) = (place.path().join("downloads"), place.path().join("outside"));
    fs::create_dir_all(downloads.join("dir"))
        .and_then(|()| fs::create_dir_all(downloads.join("real")))
        .expect("made");
    fs::create_dir(&outside).expect("made");
    fs::write(outside.join("kept"), "old").expect("written");
    symlink(&outside, downloads.join("out")).expect("linked");
    symlink(outside.join("kept"), downloads.join("link")).expect("linked");
    symlink(outside.join("kept"), downloads.join("part.part")).expect("linked");
    symlink("real", downloads.join("in")).expect("linked");
    let urls = ["/out/a", "/link", "/dir", "/part", "/in/a"].map(|target| wharf.url(target));
    let urls: Vec<_> = urls.iter().map(String::as_str).collect();
    let output = get(place.path(), &urls);
    assert_eq!((output.code, output.stderr.lines().count()), (Some(1), 3), "{output:?}");
    for line in
        ["out/a is outside", "downloads/link is not a regular file", "downloads/dir is not a regular file"]
    {
        assert!(output.stderr.contains(line), "{line}: {output:?}");
    }
    assert_eq!(fs::read_to_string(outside.join("kept")).expect("there"), "old");
    assert_eq!(fs::read_dir(&outside).expect("a folder").count(), 1);
    assert_eq!(
        fs::read_to_string(downloads.join("real/a")).expect("a link that stays inside is followed"),
        "new"
    );
}

#[test]
fn an_unchanged_file_is_not_fetched_again() {
    let wharf = Wharf::serve(&[]);
    let names: Vec<PathBuf> = ["a", "b"].map(|name| wharf.write(name, name)).to_vec();
    let place = place();
    let first = get(place.path(), &[&wharf.url("/a")]);
    assert!(first.stdout.starts_with("200 OK → downloads/a, 1 B in "), "{first:?}");
    let time = |path: &Path| fs::metadata(path).and_then(|facts| facts.modified()).expect("a time");
    let seconds =
        |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).expect("later").as_secs();
    let saved = place.path().join("downloads/a");
    assert_eq!(seconds(time(&saved)), seconds(time(&names[0])), "it has the server's time");
    assert_eq!(get(place.path(), &[&wharf.url("/a")]).stdout, "unchanged: downloads/a, 1 B\n");
    assert!(get(place.path(), &[&wharf.url("/")]).stdout.contains("unchanged: downloads/a, 1 B\n"));
    wharf.peers_of("GET /a ", 1);
    assert!(get(place.path(), &["--force", &wharf.url("/a")]).stdout.starts_with("200 OK"));
    wharf.peers_of("GET /a ", 2);
    // The same length with another timestamp.
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    fs::File::options().write(true).open(&names[0]).and_then(|file| file.set_modified(old)).expect("set");
    assert!(get(place.path(), &[&wharf.url("/a")]).stdout.starts_with("200 OK"));
    assert_eq!(fs::read_to_string(&saved).expect("saved"), "a");
}

#[test]
fn one_file_can_get_another_name() {
    let wharf = Wharf::serve(&["--udp", "0"]);
    wharf.write("d/a", "content");
    let place = place();
    let tftp = format!("tftp://{}/d/a", wharf.tftp());
    for (address, output) in [(wharf.url("/d/a"), "x"), (wharf.url("/d/a"), "new/y"), (tftp.clone(), "new/z")]
    {
        let done = get(place.path(), &[&address, "-o", output]);
        assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{done:?}");
        assert_eq!(fs::read_to_string(place.path().join(output)).expect("saved"), "content", "{output}");
    }
    for address in [wharf.url("/d/a"), tftp] {
        let done = get(place.path(), &[&address, "-o", "-"]);
        assert_eq!((done.code, done.stdout.as_str(), done.stderr.as_str()), (Some(0), "content", ""));
    }
    let two = get(place.path(), &[&wharf.url("/d/a"), &wharf.url("/d/a"), "-o", "x"]);
    assert_eq!(
        (two.code, two.stderr.as_str()),
        (Some(2), "wharf: --output is for one file (use --dir for several)\n")
    );
    assert!(!place.path().join("downloads").exists());
}

#[test]
fn quiet_prints_only_errors_and_serial_uses_one_connection() {
    let wharf = Wharf::serve(&[]);
    for name in ["a", "b", "c"] {
        wharf.write(name, name);
    }
    let place = place();
    let urls = ["/a", "/none", "/b", "/c"].map(|target| wharf.url(target));
    let arguments: Vec<_> =
        ["--quiet", "--serial"].into_iter().chain(urls.iter().map(String::as_str)).collect();
    let output = get(place.path(), &arguments);
    assert_eq!((output.code, output.stdout.as_str()), (Some(1), ""));
    assert!(
        output.stderr.starts_with("/none: 404 Not Found") && output.stderr.lines().count() == 1,
        "{output:?}"
    );
    let mut peers = wharf.peers_of("GET /", 4);
    peers.dedup();
    assert_eq!(peers.len(), 1, "{peers:?}");
}

#[test]
fn a_server_that_is_gone_is_reported_once() {
    let closed = ClosedPort::reserve();
    let address = closed.address();
    let urls: Vec<_> = (0..20).map(|number| format!("http://{address}/{number}")).collect();
    let place = place();
    let arguments: Vec<_> = ["--retries=1"].into_iter().chain(urls.iter().map(String::as_str)).collect();
    let output = get(place.path(), &arguments);
    assert_eq!(output.stderr, format!("Server is not running. ({address}) (20 files are missing)\n"));
    assert_eq!((output.code, place.path().join("downloads").exists()), (Some(1), false));
}

#[test]
fn the_hash_of_a_file_downloaded_in_parts_is_checked() {
    let content = sample(100_000, 5);
    let sum = "0000000000000000000000000000000000000000000000000000000000000000\n";
    let whole = content.clone();
    let server = Fake::answers(move |head, stream| {
        let known = "HTTP/1.1 200 OK\r\nServer: wharf\r\nETag: \"1\"\r\n";
        let answer = match (target_of(head), field(head, "Range")) {
            ("/a?sha256", _) => {
                format!("{known}Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n{sum}", sum.len())
                    .into_bytes()
            }
            (_, Some("bytes=70000-")) => {
                let head = "HTTP/1.1 206 Some\r\nServer: wharf\r\nETag: \"1\"\r\nContent-Range: bytes 70000-99999/100000\r\nContent-Length: 30000\r\n\r\n";
                [head.as_bytes(), &whole[70_000..]].concat()
            }
            _ => [format!("{known}Content-Length: 100000\r\n\r\n").as_bytes(), &whole].concat(),
        };
        let _ = std::io::Write::write_all(stream, &answer);
    });
    let place = place();
    let downloads = place.path().join("downloads");
    fs::create_dir(&downloads).expect("made");
    let notes = format!(r#"{{"from":"{}","validator":"\"1\"","length":100000}}"#, server.url("/a"));
    fs::write(downloads.join("a.part.from"), notes).expect("written");
    fs::write(downloads.join("a.part"), &content[..70_000]).expect("written");
    let output = get(place.path(), &["--retries=0", &server.url("/a")]);
    assert_eq!(output.stderr, "/a: the content does not match the server's SHA-256\n");
    assert_eq!(saved(place.path()), Vec::<String>::new(), "all parts are discarded");
    // A file downloaded in one piece is not checked.
    assert_eq!(get(place.path(), &["--retries=0", &server.url("/a")]).code, Some(0));
    assert_eq!(server.requests("/a?sha256").len(), 1);
}
