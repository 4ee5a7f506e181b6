//! Single functions of the hot path, by criterion: `cargo bench --bench parts`.
//!
//! `cargo bench --bench peers` measures the total cost of a request, including the kernel. This benchmark
//! shows changes in one part: criterion compares each run with the previous one.

// Everything here is used by this binary only.
#![allow(unreachable_pub)]

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::time::SystemTime;

use criterion::Criterion;

use wharf::access::{Access, Principal, Rights};
use wharf::blocking::Blocking;
use wharf::folder::{Folder, Rules};
use wharf::http::date::Date;
use wharf::http::request::{FieldSpace, Head};
use wharf::http::response;
use wharf::http::status::Status;
use wharf::http::target::Target;
use wharf::path::SharePath;

/// The request of `wrk` and similar tools.
const SHORT_HEAD: &[u8] = b"GET /1k.txt HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

/// The request of a browser.
const BROWSERS_HEAD: &[u8] = b"GET /pictures/2026/summer%20at%20the%20lake/0001.jpg HTTP/1.1\r\n\
    Host: 192.168.1.20:8080\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: en-US,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate\r\n\
    Connection: keep-alive\r\n\
    Referer: http://192.168.1.20:8080/pictures/2026/\r\n\
    Sec-Fetch-Dest: document\r\n\
    Sec-Fetch-Mode: navigate\r\n\
    Sec-Fetch-Site: same-origin\r\n\
    If-Modified-Since: Sat, 21 Nov 2026 10:00:00 GMT\r\n\
    If-None-Match: \"18a2f-400-65f1c2\"\r\n\r\n";

/// How many files the listed directory has.
const LISTED: usize = 1_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut criterion = Criterion::default().configure_from_args();
    request_head(&mut criterion);
    response_head(&mut criterion);
    path(&mut criterion);
    listing(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}

/// Parses a request head and reads all fields that the server uses.
fn request_head(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("request head");
    for (name, bytes) in [("short", SHORT_HEAD), ("browser", BROWSERS_HEAD)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| Head::parse(black_box(bytes), &mut FieldSpace::new()).is_ok());
        });
    }
    group.finish();
}

/// The response head for a file, created and written.
fn response_head(criterion: &mut Criterion) {
    let now = Date::from(SystemTime::now());
    let mut out = Vec::with_capacity(1024);
    criterion.bench_function("response head", |bencher| {
        bencher.iter(|| {
            out.clear();
            response::Head::new(black_box(Status::OK))
                .field("ETag", "\"18a2f-400-65f1c2\"")
                .field("Last-Modified", now)
                .field("Cache-Control", "no-cache")
                .field("Content-Type", "text/plain; charset=utf-8")
                .field("Accept-Ranges", "bytes")
                .write(&mut out);
            out.len()
        });
    });
}

/// From a request target to a `SharePath`.
fn path(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("path");
    let deep = "/pictures/2026/summer%20at%20the%20lake/0001.jpg";
    for (name, target) in [("short", "/1k.txt"), ("deep", deep), ("refused", "/a/%2e%2e/b")] {
        group.bench_function(name, |bencher| bencher.iter(|| share_path(black_box(target)).is_some()));
    }
    group.finish();
}

fn share_path(target: &str) -> Option<SharePath> {
    let path = Target::parse(target).ok()?.path()?;
    let segments: Result<Vec<_>, _> = path.segments().collect();
    SharePath::from_segments(segments.ok()?).ok()
}

/// Lists a directory of a thousand files.
fn listing(criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let place = tempfile::tempdir()?;
    for number in 0..LISTED {
        fs::write(place.path().join(format!("{number}.txt")), b"x")?;
    }
    let folder = Folder::open_at(place.path(), Rules::default())?;
    let (disk, root) = (Blocking::own_thread(), SharePath::root());
    let directory = Access::new(Rights::VIEW).check(&Principal::anonymous(None), &root);
    let directory = directory.map_err(|denied| format!("{denied:?}"))?;
    criterion.bench_function("listing", |bencher| {
        bencher.iter(|| {
            let mut scan = folder.scan(&directory, disk)?;
            let mut shown = 0;
            while let Some(candidate) = scan.next() {
                shown += usize::from(scan.look(candidate?, disk).is_some());
            }
            Ok::<_, wharf::folder::Error>(shown)
        });
    });
    Ok(())
}
