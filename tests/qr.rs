//! The address as a QR code that a camera can read: as an image, and in the terminal.

use crate::common::{Wharf, outside};

/// Draws the rectangles of the image and decodes it.
fn read_svg(svg: &str) -> String {
    let number = |text: &str| text.parse::<usize>().expect("a number");
    let width =
        number(svg.split("width=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a width"));
    let mut dark = vec![false; width * width];
    let path = svg.split(" d=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a path");
    for rectangle in path.split('M').skip(1) {
        let numbers: Vec<_> = rectangle
            .split(|c: char| !c.is_ascii_digit())
            .filter(|text| !text.is_empty())
            .map(number)
            .collect();
        let [left, top, right, bottom] =
            [numbers[0], numbers[1], numbers[0] + numbers[2], numbers[1] + numbers[3]];
        for y in top..bottom {
            dark[y * width + left..y * width + right].fill(true);
        }
    }
    read(width, |x, y| dark[y * width + x])
}

fn read(width: usize, is_dark: impl Fn(usize, usize) -> bool) -> String {
    let grey = |x, y| if is_dark(x, y) { 0 } else { 255 };
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, width, grey);
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1);
    grids[0].decode().expect("readable").1
}

#[test]
fn the_image_contains_the_address_to_share() {
    let wharf = Wharf::serve(&["--host", "nas.example"]);
    let port = wharf.address().port();
    let ask = |fields: &str, version: &str| {
        let mut wire = wharf.connect();
        wire.send(format!("GET /.wharf/qr.svg HTTP/{version}\r\n{fields}\r\n"));
        wire.read_answer(false)
    };
    let here = format!("http://127.0.0.1:{port}/");
    let cases = [
        ("at the loopback, and it is nowhere else", format!("Host: 127.0.0.1:{port}\r\n"), here.clone()),
        ("by its name", "Host: nas.example\r\n".to_owned(), "http://nas.example/".to_owned()),
        ("in another network", "Host: 192.0.2.7:81\r\n".to_owned(), "http://192.0.2.7:81/".to_owned()),
    ];
    for (name, fields, url) in cases {
        let answer = ask(&fields, "1.1");
        assert_eq!((answer.code(), answer.field("Content-Type").as_str()), (200, "image/svg+xml"), "{name}");
        assert_eq!(answer.field("X-Content-Type-Options"), "nosniff");
        assert_eq!(read_svg(&answer.text()), url, "{name}");
    }
    assert_eq!(read_svg(&ask("", "1.0").text()), here, "without Host");
    assert_eq!(ask("Host: evil.example\r\n", "1.1").code(), 421);
    assert_eq!(wharf.ask("POST", "/.wharf/qr.svg", "", b"").field("Allow"), "GET, HEAD, OPTIONS");
}

#[test]
fn the_page_has_the_address_of_the_folder_and_a_way_back() {
    let wharf = Wharf::serve(&[]);
    wharf.write("a b&c+d/x.txt", "x");
    let redirect = wharf.ask("GET", "/a%20b&c+d/?qr=", "Accept: text/html\r\n", b"");
    assert_eq!(
        (redirect.code(), redirect.field("Location").as_str()),
        (303, "/.wharf/qr?dir=/a%20b%26c%2Bd")
    );
    let page = wharf.ask("GET", &redirect.field("Location"), "Accept: text/html\r\n", b"");
    assert_eq!((page.code(), page.field("Content-Type").as_str()), (200, "text/html; charset=utf-8"));
    let page = page.text();
    let url = wharf.url("/a%20b&amp;c+d/");
    assert!(page.contains(&format!(">{url}</a>")), "{page}");
    assert!(page.contains("<form action=\"../a%20b&amp;c+d/\"><button name=\"list\">"), "{page}");
    assert!(page.contains("No phone can reach this address."), "{page}");
    let image = page.split("src=\"../").find(|rest| rest.starts_with(".wharf/qr.svg")).expect("an image");
    let image = &format!("/{}", image.split('"').next().expect("its end"));
    assert_eq!(read_svg(&wharf.ask("GET", image, "", b"").text()), wharf.url("/a%20b&c+d/"));
    assert_eq!(wharf.ask("GET", "/.wharf/qr?dir=/../x", "", b"").code(), 404);
}

#[test]
fn a_loopback_client_sees_the_network_addresses() {
    let wharf = Wharf::serve(&["--ip", "0.0.0.0"]);
    let port = wharf.address().port();
    // The server prints its loopback address first, and then its addresses in networks, if there are any.
    eventually_greeted(&wharf);
    let log = wharf.log();
    let told: Vec<_> = log.lines().filter_map(|line| line.split_once(" at ")).map(|(_, url)| url).collect();
    let expected = told.iter().find(|url| !url.contains("127.0.0.1")).unwrap_or(&told[0]);
    let mut wire = wharf.connect();
    wire.send(format!("GET /.wharf/qr.svg HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"));
    assert_eq!(
        read_svg(&wire.read_answer(false).text()),
        format!("{expected}/").replace("127.0.0.1", "localhost")
    );
}

/// Returns its last address once it serves.
fn eventually_greeted(wharf: &Wharf) {
    crate::common::eventually("it serves", || wharf.log().contains(" serving "));
}

#[test]
fn the_terminal_shows_the_code_too() {
    let mut wharf = Wharf::serve(&["--qr"]);
    let url = wharf.url("/");
    eventually_greeted(&wharf);
    wharf.signal(rustix::process::Signal::TERM);
    let (printed, _) = wharf.wait();
    let code: Vec<Vec<char>> = printed
        .lines()
        .skip_while(|line| *line != "Ctrl-C stops it.")
        .skip(1)
        .take_while(|line| !line.starts_with("No phone can reach this address (--ip 0.0.0.0 "))
        .map(|line| line.chars().collect())
        .collect();
    let width = code[0].len();
    assert!(code.iter().all(|line| line.len() == width), "a square");
    // The light modules are drawn: stdout is not a terminal, so there are no colours.
    let is_light = |x: usize, y: usize| match code.get(y / 2).map(|line| line[x]) {
        Some('\u{2588}') => true,
        Some('\u{2580}') => y.is_multiple_of(2),
        Some('\u{2584}') => !y.is_multiple_of(2),
        _ => false,
    };
    let found = read(width * 4, |x, y| !is_light(x / 4, y / 4));
    assert_eq!(found, url);
    assert!(!printed.contains("http://"), "the URL is printed once, before: {printed}");
}

#[test]
fn a_unix_client_cannot_choose_the_address() {
    let Some(mut curl) = outside("curl") else { return };
    let place = tempfile::tempdir().expect("a folder");
    let socket = place.path().join("socket");
    let wharf = Wharf::serve(&["--unix", &socket.to_string_lossy()]);
    let asked = curl.args(["-s", "--unix-socket"]).arg(&socket).arg("http://192.0.2.7/.wharf/qr.svg");
    let output = asked.output().expect("curl");
    assert_eq!(read_svg(&String::from_utf8_lossy(&output.stdout)), wharf.url("/"));
}
