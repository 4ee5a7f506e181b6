//! `?zip`: its length is known, it can be read as a stream, and a broken download can be resumed.

use std::fs::{self, File};
use std::io::Write as _;
use std::process::Stdio;

use crate::common::{Random, Wharf, outside, sample};

/// Files of every kind: empty, short, one that is sent by itself.
fn furnish(wharf: &Wharf) {
    wharf.write("empty", "");
    wharf.write("a.txt", "hello\n");
    wharf.write("d/long.bin", sample(300_000, 1));
    wharf.write("d/größe.txt", "x");
    wharf.write("d/e/block.bin", sample(64 * 1024, 2));
    wharf.files_age();
}

#[test]
fn a_zip_has_a_length_a_tag_and_ranges() {
    let wharf = Wharf::serve(&[]);
    furnish(&wharf);
    let ask = |fields: &str| wharf.ask("GET", "/?zip", fields, b"");
    let whole = ask("");
    let (length, tag) = (whole.body.len(), whole.field("ETag"));
    assert_eq!((whole.code(), whole.field("Content-Length")), (200, length.to_string()));
    assert_eq!(whole.field("Accept-Ranges"), "bytes");
    assert!(tag.starts_with('"'), "strong: {tag}");
    let head = wharf.ask("HEAD", "/?zip", "Range: bytes=0-1\r\n", b"");
    assert_eq!(
        (head.code(), head.field("Content-Length"), head.field("ETag")),
        (200, length.to_string(), tag.clone())
    );

    let part = ask(&format!("Range: bytes=100-199\r\nIf-Range: {tag}\r\n"));
    assert_eq!((part.code(), part.field("Content-Range")), (206, format!("bytes 100-199/{length}")));
    assert_eq!(part.body, whole.body[100..200]);
    assert_eq!(ask("Range: bytes=-22\r\n").body, whole.body[length - 22..]);
    let beyond = ask(&format!("Range: bytes={length}-\r\n"));
    assert_eq!((beyond.code(), beyond.field("Content-Range")), (416, format!("bytes */{length}")));
    let table = [
        ("another version", "Range: bytes=0-1\r\nIf-Range: \"other\"\r\n".to_owned(), 200),
        ("several ranges", "Range: bytes=0-1, 5-6\r\n".to_owned(), 200),
        ("the client has it", format!("If-None-Match: {tag}\r\n"), 304),
        ("it is the one", format!("If-Match: {tag}\r\n"), 200),
        ("it is another", "If-Match: \"other\"\r\n".to_owned(), 412),
    ];
    for (name, fields, code) in table {
        let answer = ask(&fields);
        assert_eq!(answer.code(), code, "{name}");
        assert!(code != 200 || answer.body == whole.body, "{name}");
    }
    wharf.write("a.txt", "other\n");
    wharf.files_age();
    assert_ne!(ask("").field("ETag"), tag, "another content");
}

#[test]
fn a_download_that_breaks_anywhere_can_be_resumed() {
    let wharf = Wharf::serve(&[]);
    furnish(&wharf);
    let whole = wharf.ask("GET", "/?zip", "", b"");
    let (length, tag) = (whole.body.len(), whole.field("ETag"));
    let mut random = Random::new(15);
    let edges = [1, 30, length - 23, length - 22, length - 1];
    let cuts: Vec<_> = (0..20).map(|_| random.below(length - 1) + 1).chain(edges).collect();
    // A server that has not cached the checksums produces the same bytes.
    let other = Wharf::serve_folder(&wharf.folder(), &[]);
    for cut in cuts {
        for server in [&wharf, &other] {
            let fields = format!("Range: bytes={cut}-\r\nIf-Range: {tag}\r\n");
            let rest = server.ask("GET", "/?zip", &fields, b"");
            assert_eq!(rest.code(), 206, "{cut}");
            assert!(rest.body == whole.body[cut..], "from {cut} on");
        }
    }
}

/// A file that is too long to be stored, with some content, and its zip.
#[test]
fn a_long_file_is_deflated_and_can_be_resumed() {
    const LENGTH: u64 = (256 << 20) + 1000;
    let wharf = Wharf::serve(&[]);
    let file = File::create(wharf.folder().join("long.bin")).expect("created");
    file.set_len(LENGTH).expect("a long file");
    std::os::unix::fs::FileExt::write_all_at(&file, b"something", LENGTH - 100_000).expect("written");
    wharf.files_age();
    let length: u64 = wharf.ask("HEAD", "/?zip", "", b"").field("Content-Length").parse().expect("a number");
    let part = |server: &Wharf, from: u64, to: u64| {
        let answer = server.ask("GET", "/?zip", &format!("Range: bytes={from}-{to}\r\n"), b"");
        assert_eq!(answer.code(), 206);
        assert_eq!(answer.body.len() as u64, to - from + 1);
        answer.body
    };
    // The central directory needs the checksum, which is computed from the file; then it is known.
    let end = part(&wharf, length - 300_000, length - 1);
    assert_eq!(end, part(&wharf, length - 300_000, length - 1));
    let text = end.windows(9).position(|window| window == b"something");
    assert!(text.is_some() && end[end.len() - 22..].starts_with(b"PK\x05\x06"));
    let whole = wharf.ask("GET", "/?zip", "", b"").body;
    assert!(whole.len() as u64 == length && whole.ends_with(&end));
    let mut random = Random::new(16);
    for _ in 0..8 {
        let from = random.below(whole.len() - 100_000);
        let bytes = part(&wharf, from as u64, from as u64 + 99_999);
        assert!(bytes == whole[from..from + 100_000], "from {from}");
    }
    let Some(mut unzip) = outside("unzip") else { return };
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("a.zip");
    fs::write(&path, whole).expect("written");
    let tested = unzip.arg("-tq").arg(path).output().expect("unzip");
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
}

/// Reads a zip from its standard input and prints each name and how many bytes it has.
const JAVA: &str = "import java.util.zip.*;
public class Z {
  public static void main(String[] a) throws Exception {
    ZipInputStream zip = new ZipInputStream(System.in);
    for (ZipEntry e; (e = zip.getNextEntry()) != null;)
      System.out.println(e.getName() + \" \" + zip.readAllBytes().length);
  }
}";

/// Reads a zip from its standard input, and checks it.
const PYTHON: &str = "import io, sys, zipfile
z = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))
assert z.testzip() is None
for e in z.infolist(): print(e.filename, e.file_size)";

#[test]
fn other_programs_read_it_as_a_stream() {
    let wharf = Wharf::serve(&[]);
    furnish(&wharf);
    let zip = wharf.ask("GET", "/?zip", "", b"").body;
    let place = tempfile::tempdir().expect("a directory");
    fs::write(place.path().join("Z.java"), JAVA).expect("written");
    let table: [(&str, &[&str]); 4] = [
        ("java", &["-Dstdout.encoding=UTF-8", "Z.java"]),
        ("python3", &["-c", PYTHON]),
        ("busybox", &["unzip", "-o", "-"]),
        ("bsdtar", &["-xvf", "-"]),
    ];
    for (program, arguments) in table {
        let Some(mut command) = outside(program) else { continue };
        let mut child = command
            .args(arguments)
            .current_dir(place.path())
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let written = child.stdin.take().expect("a pipe").write_all(&zip);
        let output = child.wait_with_output().expect("it ends");
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert!(output.status.success() && written.is_ok(), "{program}: {text}");
        for name in ["share/empty", "share/a.txt", "share/d/long.bin", "share/d/e/block.bin"] {
            assert!(text.contains(name), "{program}: {name} in {text}");
        }
        if matches!(program, "busybox" | "bsdtar") {
            for name in ["a.txt", "d/long.bin", "d/größe.txt", "empty"] {
                let unpacked = fs::read(place.path().join("share").join(name)).expect("unpacked");
                assert!(unpacked == wharf.read(name), "{program}: {name}");
            }
            fs::remove_dir_all(place.path().join("share")).expect("removed");
        } else {
            assert!(text.contains("share/d/long.bin 300000"), "{program}: {text}");
        }
    }
}

#[test]
fn a_file_that_is_replaced_after_the_walk_aborts_the_zip() {
    let wharf = Wharf::serve(&[]);
    // So long that the second file is not opened before the first has been read.
    let first = File::create(wharf.folder().join("a.bin")).expect("created");
    first.set_len(64 << 20).expect("a long file");
    wharf.write("b.txt", "hello");
    let mut wire = wharf.connect();
    wire.begin_to_ask("GET", "/?zip", None);
    std::io::Read::read_exact(&mut wire.stream(), &mut vec![0; 100_000])
        .expect("the first file has been opened");
    wharf.write("b.txt", "HELLO");
    let mut rest = Vec::new();
    // The server may reset the connection.
    let _ = std::io::Read::read_to_end(&mut wire.stream(), &mut rest);
    assert!(!rest.windows(5).any(|window| window == b"HELLO"), "no other content");
    assert!(rest.len() > 60 << 20 && rest.len() < (64 << 20) + 10, "{}", rest.len());
    let log = wharf.settled_log();
    assert!(log.contains("b.txt has changed since the zip was begun"), "{log}");
}
