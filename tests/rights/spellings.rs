//! How the path of a file can be spelled in a request, and what each spelling names.

/// How a path can be spelled: the target, and the path that it names; `None` if it names none.
pub type Spelling = (&'static str, fn(&str) -> String, fn(&str) -> Option<String>);

/// All of them; the first is the usual one.
pub const SPELLINGS: [Spelling; 75] = [
    ("plain", |path| format!("/{path}"), same),
    // Slashes.
    ("two slashes at the start", |path| format!("//{path}"), same),
    ("three slashes at the start", |path| format!("///{path}"), same),
    ("two slashes inside", |path| format!("/{}", path.replace('/', "//")), same),
    ("a slash at the end", |path| format!("/{path}/"), |path| Some(format!("{path}/"))),
    ("two slashes at the end", |path| format!("/{path}//"), |path| Some(format!("{path}/"))),
    (
        "two slashes everywhere",
        |path| format!("//{}//", path.replace('/', "//")),
        |path| Some(format!("{path}/")),
    ),
    ("a URL", |path| format!("http://localhost/{path}"), same),
    ("a URL with two slashes", |path| format!("HTTP://LOCALHOST//{path}"), same),
    // Encoded letters.
    ("an encoded letter", |path| format!("/%{:02x}{}", path.as_bytes()[0], &path[1..]), same),
    ("an encoded letter at the end", |path| encode_last(path), same),
    ("all letters encoded", |path| format!("/{}", encode_names(path, "%")), same),
    (
        "all letters encoded, two slashes",
        |path| format!("//{}", encode_names(path, "%").replace('/', "//")),
        same,
    ),
    (
        "all letters encoded, a slash at the end",
        |path| format!("/{}/", encode_names(path, "%")),
        |path| Some(format!("{path}/")),
    ),
    (
        "all letters encoded twice",
        |path| format!("/{}", encode_names(path, "%25")),
        |path| Some(encode_names(path, "%")),
    ),
    // Encoded slashes.
    ("an encoded slash", |path| format!("/{}%2f", path.replace('/', "%2f")), none),
    ("an encoded slash before it", |path| format!("/%2F{path}"), none),
    ("an encoded slash at the end", |path| format!("/{path}%2F"), none),
    ("an encoded slash after a slash", |path| format!("/{path}/%2f"), none),
    (
        "an encoded slash beside each",
        |path| format!("/{}/", path.replace('/', "%2f/")),
        |path| inner(path, none).map(|path| format!("{path}/")),
    ),
    (
        "a doubly encoded slash",
        |path| format!("/{}%252f", path.replace('/', "%252f")),
        |path| Some(format!("{}%2f", path.replace('/', "%2f"))),
    ),
    ("a doubly encoded slash before it", |path| format!("/%252F{path}"), |path| Some(format!("%2F{path}"))),
    (
        "a triply encoded slash",
        |path| format!("/{}%25252f", path.replace('/', "%25252f")),
        |path| Some(format!("{}%252f", path.replace('/', "%252f"))),
    ),
    (
        "a wide slash",
        |path| format!("/{}%ef%bc%8f", path.replace('/', "%ef%bc%8f")),
        |path| Some(format!("{}／", path.replace('/', "／"))),
    ),
    ("a slash in the notation of scripts", |path| format!("/{path}%u002f"), none),
    // Backslashes.
    (
        "an encoded backslash",
        |path| format!("/{}%5c", path.replace('/', "%5c")),
        |path| Some(format!("{}\\", path.replace('/', "\\"))),
    ),
    ("an encoded backslash before it", |path| format!("/%5C{path}"), |path| Some(format!("\\{path}"))),
    (
        "a doubly encoded backslash",
        |path| format!("/{}%255c", path.replace('/', "%255c")),
        |path| Some(format!("{}%5c", path.replace('/', "%5c"))),
    ),
    ("a backslash", |path| format!("/{}\\", path.replace('/', "\\")), none),
    ("up and down by backslashes", |path| format!("/open/..\\{path}"), none),
    (
        "up and down by encoded backslashes",
        |path| format!("/open%5c..%5c{path}"),
        |path| Some(format!("open\\..\\{path}")),
    ),
    // Dot segments.
    ("a dot segment", |path| format!("/./{path}"), none),
    ("a dot segment inside", |path| format!("/{}", path.replace('/', "/./")), |path| inner(path, none)),
    ("a dot segment at the end", |path| format!("/{path}/."), none),
    ("a dot segment and a slash at the end", |path| format!("/{path}/./"), none),
    ("a dot segment after two slashes", |path| format!("//./{path}"), none),
    ("two slashes after a dot segment", |path| format!("/.//{path}"), none),
    ("an encoded dot segment", |path| format!("/%2e/{path}"), none),
    (
        "an encoded dot segment inside",
        |path| format!("/{}", path.replace('/', "/%2E/")),
        |path| inner(path, none),
    ),
    ("an encoded dot segment at the end", |path| format!("/{path}/%2e"), none),
    ("up", |path| format!("/../{path}"), none),
    ("up at the end", |path| format!("/{path}/.."), none),
    ("up and down", |path| format!("/open/../{path}"), none),
    ("up and down, encoded", |path| format!("/open/%2e%2E/{path}"), none),
    ("up and down, half encoded", |path| format!("/open/.%2e/{path}"), none),
    ("up and down, with two slashes", |path| format!("/open//..//{path}"), none),
    ("up and down, with an encoded slash", |path| format!("/open/..%2f{path}"), none),
    (
        "up and down, with a parameter",
        |path| format!("/open/..;/{path}"),
        |path| Some(format!("open/..;/{path}")),
    ),
    (
        "up and down, encoded twice",
        |path| format!("/open/%252e%252e/{path}"),
        |path| Some(format!("open/%2e%2e/{path}")),
    ),
    ("a doubly encoded dot", |path| format!("/%252e/{path}"), |path| Some(format!("%2e/{path}"))),
    ("three dots", |path| format!("/.../{path}"), |path| Some(format!(".../{path}"))),
    (
        "wide dots",
        |path| format!("/open/%ef%bc%8e%ef%bc%8e/{path}"),
        |path| Some(format!("open/．．/{path}")),
    ),
    // Dots.
    ("a dot at the end", |path| format!("/{path}."), |path| Some(format!("{path}."))),
    ("an encoded dot at the end", |path| format!("/{path}%2e"), |path| Some(format!("{path}."))),
    ("two dots at the end", |path| format!("/{path}.."), |path| Some(format!("{path}.."))),
    ("a dot and a slash at the end", |path| format!("/{path}./"), |path| Some(format!("{path}./"))),
    (
        "a dot at the end of each name",
        |path| format!("/{}.", path.replace('/', "./")),
        |path| Some(format!("{}.", path.replace('/', "./"))),
    ),
    // Case.
    ("upper case", |path| format!("/{}", path.to_uppercase()), |path| Some(path.to_uppercase())),
    ("an upper-case letter", |path| format!("/{}", capital(path)), |path| Some(capital(path))),
    (
        "an upper-case letter, encoded",
        |path| format!("/%{:02X}{}", path.as_bytes()[0].to_ascii_uppercase(), &path[1..]),
        |path| Some(capital(path)),
    ),
    (
        "upper case and a slash at the end",
        |path| format!("/{}/", path.to_uppercase()),
        |path| Some(format!("{}/", path.to_uppercase())),
    ),
    (
        "upper case, two slashes and a dot",
        |path| format!("//{}.", path.to_uppercase().replace('/', "//")),
        |path| Some(format!("{}.", path.to_uppercase())),
    ),
    // Other characters.
    ("a blank at the start", |path| format!("/%20{path}"), |path| Some(format!(" {path}"))),
    ("a blank at the end", |path| format!("/{path}%20"), |path| Some(format!("{path} "))),
    ("a blank and a dot at the end", |path| format!("/{path}%20."), |path| Some(format!("{path} ."))),
    (
        "an invisible character at the end",
        |path| format!("/{path}%e2%80%8b"),
        |path| Some(format!("{path}\u{200b}")),
    ),
    ("a NUL at the end", |path| format!("/{path}%00"), none),
    ("a NUL and another ending", |path| format!("/{path}%00.txt"), none),
    ("a line end", |path| format!("/{path}%0a"), |path| Some(format!("{path}\n"))),
    ("a parameter at the end", |path| format!("/{path};a"), |path| Some(format!("{path};a"))),
    ("a stream of Windows", |path| format!("/{path}::$DATA"), |path| Some(format!("{path}::$DATA"))),
    ("an encoded question mark", |path| format!("/{path}%3f"), |path| Some(format!("{path}?"))),
    ("a fragment", |path| format!("/{path}#a"), none),
    ("half an escape", |path| format!("/{path}%2"), none),
    ("no escape", |path| format!("/{path}%zz"), none),
];

#[allow(clippy::unnecessary_wraps, reason = "one of the readings of a spelling")]
fn same(path: &str) -> Option<String> {
    Some(path.to_owned())
}

fn none(_: &str) -> Option<String> {
    None
}

/// The text between names matters only in a path of several names.
fn inner(path: &str, reading: fn(&str) -> Option<String>) -> Option<String> {
    if path.contains('/') { reading(path) } else { same(path) }
}

fn encode_last(path: &str) -> String {
    let (start, last) = path.split_at(path.len() - 1);
    format!("/{start}%{:02X}", last.as_bytes()[0])
}

/// All bytes but the slashes, in hexadecimal digits after this sign.
fn encode_names(path: &str, sign: &str) -> String {
    let encode = |byte: u8| if byte == b'/' { "/".to_owned() } else { format!("{sign}{byte:02x}") };
    path.bytes().map(encode).collect()
}

fn capital(path: &str) -> String {
    format!("{}{}", path[..1].to_uppercase(), &path[1..])
}
