//! `?thumb` returns a small picture of a picture.

mod bad;
mod kept;

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};
#[cfg(feature = "accounts")]
use serde_json::json;

#[cfg(feature = "accounts")]
use crate::common::office::{ANNA, BERT, Office};
use crate::common::{Answer, Wharf};

/// A picture in this format.
fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::default();
    picture.write_to(&mut bytes, format).expect("encoded");
    bytes.into_inner()
}

/// A picture of one colour.
fn plain(width: u32, height: u32, colour: [u8; 3]) -> DynamicImage {
    let pixels = colour.repeat((width * height) as usize);
    RgbImage::from_raw(width, height, pixels).expect("as many pixels").into()
}

/// A photo of this colour, so wide that only its averages are read.
fn photo(colour: [u8; 3]) -> Vec<u8> {
    encoded(&plain(2560, 640, colour), ImageFormat::Jpeg)
}

fn small_png(colour: [u8; 3]) -> Vec<u8> {
    encoded(&plain(400, 100, colour), ImageFormat::Png)
}

const RED: [u8; 3] = [200, 20, 20];
const BLUE: [u8; 3] = [20, 20, 200];

/// The size of a thumbnail, and whether it is more red than blue.
fn seen(answer: &Answer) -> ((u32, u32), bool) {
    assert_eq!((answer.code(), answer.field("Content-Type").as_str()), (200, "image/jpeg"));
    let picture =
        image::load_from_memory_with_format(&answer.body, ImageFormat::Jpeg).expect("a JPEG").into_rgb8();
    let [red, _, blue] = picture.get_pixel(0, 0).0;
    (picture.dimensions(), red > blue)
}

#[test]
fn a_thumbnail_is_small_and_belongs_to_a_version() {
    let wharf = Wharf::serve(&[]);
    for (name, content) in [("a%20b.jpg", photo(RED)), ("c.png", small_png(RED)), ("no-name", small_png(RED))]
    {
        let target = format!("/{name}?thumb");
        wharf.ask("PUT", &format!("/{name}"), "", &content);
        let answer = wharf.ask("GET", &target, "", b"");
        assert_eq!(seen(&answer), ((320, 80), true), "{name}");
        assert!(answer.body.len() < 27_000, "{name}");
        assert_eq!(answer.field("X-Content-Type-Options"), "nosniff", "{name}");
        assert_eq!(answer.field("Cache-Control"), "private, no-cache", "{name}");
        let tag = answer.field("ETag");
        assert_ne!(
            tag,
            wharf.ask("HEAD", &format!("/{name}"), "", b"").field("ETag"),
            "{name}: another content"
        );

        let head = wharf.ask("HEAD", &target, "", b"");
        assert_eq!((head.code(), head.field("ETag")), (200, tag.clone()), "{name}");
        assert_eq!(head.field("Content-Length"), answer.body.len().to_string(), "{name}");
        let same = wharf.ask("GET", &target, &format!("If-None-Match: {tag}\r\n"), b"");
        assert_eq!((same.code(), same.field("ETag"), same.body.len()), (304, tag.clone(), 0), "{name}");
        assert_eq!(wharf.ask("GET", &target, "If-Match: \"other\"\r\n", b"").code(), 412, "{name}");

        wharf.ask("PUT", &format!("/{name}"), "", &small_png(BLUE));
        let answer = wharf.ask("GET", &target, &format!("If-None-Match: {tag}\r\n"), b"");
        assert_eq!(seen(&answer), ((320, 80), false), "{name}: the new version");
        assert_ne!(answer.field("ETag"), tag, "{name}");
    }
}

#[test]
fn what_has_no_content_has_no_thumbnail() {
    let wharf = Wharf::serve(&[]);
    wharf.write("dir/a.png", small_png(RED));
    wharf.write(".hidden.png", small_png(RED));
    wharf.write(".wharf/uploads/x.png", small_png(RED));
    let cases = [
        ("/none.png?thumb", 404),
        ("/.hidden.png?thumb", 404),
        ("/.wharf/uploads/x.png?thumb", 404),
        ("/dir?thumb", 308),
        ("/dir/?thumb", 200),
        ("/..?thumb", 400),
        ("/dir/a.png?thumb=1", 200),
        ("/dir/a.png?list&thumb", 200),
    ];
    for (target, code) in cases {
        assert_eq!(wharf.ask("GET", target, "", b"").code(), code, "{target}");
    }
    assert_eq!(wharf.ask("POST", "/dir/?thumb", "Sec-Fetch-Site: cross-site\r\n", b"").code(), 403);
    let wharf = Wharf::serve(&["--hidden"]);
    wharf.write(".hidden.png", small_png(RED));
    assert_eq!(wharf.ask("GET", "/.hidden.png?thumb", "", b"").code(), 200);
}

#[test]
fn the_grid_shows_thumbnails_unless_they_are_off() {
    let fill = |wharf: &Wharf| {
        wharf.write("photo.jpg", photo(RED));
        wharf.write("small.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>");
        wharf.write("large.avif", vec![0; 30_000]);
    };
    let sources = |wharf: &Wharf, query: &str| -> Vec<String> {
        let page = wharf.ask("GET", &format!("/{query}"), "Accept: text/html\r\n", b"").text();
        let images = page.split("<img src=\"./").skip(1).filter(|rest| !rest.starts_with(".wharf/"));
        images.map(|rest| rest.split('"').next().unwrap_or_default().to_owned()).collect()
    };
    let wharf = Wharf::serve(&[]);
    fill(&wharf);
    assert_eq!(sources(&wharf, "?view=grid"), ["photo.jpg?thumb", "small.svg"]);
    assert!(sources(&wharf, "").is_empty());

    let wharf = Wharf::serve(&["--no-thumbs"]);
    fill(&wharf);
    assert_eq!(sources(&wharf, "?view=grid"), ["large.avif", "photo.jpg", "small.svg"]);
    assert_eq!(wharf.ask("GET", "/photo.jpg?thumb", "", b"").body, photo(RED), "the file itself");
    assert!(!kept::directory(&wharf).exists(), "nothing is kept");
}

#[cfg(feature = "accounts")]
#[test]
fn a_thumbnail_needs_the_right_to_read() {
    let office = Office::open(&["--allow", "anna=edit", "--allow", "bert=view@/work"]);
    for path in ["work/a.png", "b.png", "work/.hidden.png"] {
        office.wharf.write(path, small_png(RED));
    }
    let ask = |target: &str, credentials: &str| office.ask("GET", target, credentials, "");
    let nobody = "";
    for credentials in [ANNA, BERT, nobody] {
        for path in ["/work/a.png", "/b.png", "/work/.hidden.png", "/none.png"] {
            // Twice: also once it is kept.
            for _ in 0..2 {
                let (file, thumbnail) = (ask(path, credentials), ask(&format!("{path}?thumb"), credentials));
                assert_eq!(thumbnail.code(), file.code(), "{path} for {credentials:?}");
                assert_eq!(thumbnail.field("Vary"), file.field("Vary"), "{path} for {credentials:?}");
            }
        }
    }
    assert_eq!(ask("/work/a.png?thumb", BERT).code(), 200);
    assert_ne!(ask("/b.png?thumb", BERT).code(), 200);
    assert_eq!(ask("/b.png?thumb", nobody).code(), 401);
    let tag = ask("/b.png?thumb", ANNA).field("ETag");
    assert!(!tag.is_empty());
    let of_bert = ask("/b.png?thumb", &format!("{BERT}If-None-Match: {tag}\r\n"));
    assert_eq!(of_bert.code(), ask("/b.png", BERT).code(), "a tag gives no right");
}

#[cfg(feature = "accounts")]
#[test]
fn a_link_has_thumbnails_of_what_it_shares() {
    let office = Office::open(&["--allow", "anna=edit"]);
    for path in ["work/a.png", "b.png"] {
        office.wharf.write(path, small_png(RED));
    }
    let made = office.make("/.wharf/links", ANNA, &json!({"path": "/work/", "for": "2d"}).to_string());
    let link = made["link"].as_str().expect("text");
    let link = &link[link.find("/.wharf/l/").expect("a link")..];
    assert_eq!(seen(&office.ask("GET", &format!("{link}/a.png?thumb"), "", "")), ((320, 80), true));
    let page = office.ask("GET", &format!("{link}/?view=grid"), "Accept: text/html\r\n", "").text();
    assert!(page.contains("<img src=\"./a.png?thumb\""), "{page}");
    for path in ["b.png", "../b.png", "%2e%2e/b.png"] {
        let code = office.ask("GET", &format!("{link}/{path}?thumb"), "", "").code();
        assert!([400, 401, 403, 404].contains(&code), "{path}: {code}");
    }
}
