//! Servers with accounts: logins by Basic, and how a server with accounts starts.

use std::fs;
use std::path::Path;

use base64ct::{Base64, Encoding as _};

use crate::common::accounts::{basic, replace_users, write_users};
use crate::common::{Wharf, Wire, eventually, run};

/// A line of carla, whose password is "secret", hashed by bcrypt at the least cost.
fn carla() -> String {
    let hash = bcrypt::hash_with_salt("secret", 4, [7; 16]).expect("a hash");
    format!("carla:{}\n", hash.format_for_version(bcrypt::Version::TwoY))
}

/// A server with the users anna (in staff) and ben, whose password is their name, and its other files.
struct Office {
    wharf: Wharf,
    place: tempfile::TempDir,
}

impl Office {
    fn new(flags: &[&str]) -> Self {
        let place = tempfile::tempdir().expect("a directory");
        let accounts = write_users(place.path(), &[("anna", "anna", &["staff"]), ("ben", "ben", &[])]);
        let flags: Vec<_> = accounts.iter().map(String::as_str).chain(flags.iter().copied()).collect();
        let wharf = Wharf::serve(&flags);
        wharf.write("file", "content");
        Self { wharf, place }
    }

    /// The status of a GET of the file with these fields.
    fn get(&self, fields: &str) -> u16 {
        self.wharf.ask("GET", "/file", fields, b"").code()
    }

    /// Changes the users file.
    fn user(&self, arguments: &[&str], input: &str) {
        let arguments: Vec<_> =
            ["user"].iter().chain(arguments).chain(&["--users", "users"]).copied().collect();
        let output = run(&arguments, input, self.place.path());
        assert_eq!(output.code, Some(0), "{}", output.stderr);
    }

    /// What the log says once it has this text.
    fn logs(&self, text: &str) {
        eventually(text, || self.wharf.log().contains(text));
    }
}

#[test]
fn users_may_do_everything_and_others_nothing() {
    let office = Office::new(&[]);
    let table = [
        ("GET", "/file", 200, 401),
        ("GET", "/none", 404, 401),
        ("GET", "/", 200, 401),
        ("PUT", "/file", 204, 401),
        ("POST", "/.wharf/exit", 403, 403),
        ("GET", "/.wharf/health", 200, 200),
        ("GET", "/.wharf/ready", 200, 200),
    ];
    for (method, target, of_user, of_others) in table {
        let status = |fields: &str| office.wharf.ask(method, target, fields, b"").code();
        assert_eq!((status(&basic("ben", "ben")), status("")), (of_user, of_others), "{method} {target}");
    }
}

#[test]
fn a_challenge_asks_for_basic_unless_a_script_has_asked() {
    let office = Office::new(&[]);
    let answer = |fields: &str| office.wharf.ask("GET", "/file", fields, b"");
    let by_basic = "Basic realm=\"wharf\", charset=\"UTF-8\"";
    assert_eq!(answer("").field("WWW-Authenticate"), by_basic);
    assert_eq!(answer("Sec-Fetch-Mode: navigate\r\n").field("WWW-Authenticate"), by_basic);
    assert_eq!(answer("Sec-Fetch-Mode: cors\r\n").field("WWW-Authenticate"), "Bearer");
    assert_eq!(answer("").field("Vary"), "Authorization, Cookie");
    let private = answer(&basic("ben", "ben"));
    assert_eq!(private.field("Cache-Control"), "private, no-cache");
    assert_eq!(private.field("Vary"), "Authorization, Cookie");
}

#[test]
fn wrong_credentials_are_all_refused_alike() {
    let office = Office::new(&["--allow", "everyone=view", "--allow", "users=edit"]);
    assert_eq!((office.get(""), office.get(&basic("anna", "anna"))), (200, 200));
    let line = |value: &str| format!("Authorization: {value}\r\n");
    let encoded = |bytes: &[u8]| line(&format!("Basic {}", Base64::encode_string(bytes)));
    let wrong = office.wharf.ask("GET", "/file", &basic("anna", "wrong"), b"");
    assert_eq!(wrong.code(), 401);
    let long = "x".repeat(1100);
    for fields in [
        basic("nobody", "anna"),
        basic("Anna", "anna"),
        basic("a/b", "anna"),
        basic("", "anna"),
        basic("anna\u{0}", "anna"),
        basic("ben", "b\u{0}en"),
        basic("carla", &long),
        encoded(b"anna"),
        line("Basic"),
        line("Basic ?"),
        line("Digest username=\"anna\""),
        line("Bearer wharf_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        line("Bearer anna"),
        line(""),
    ] {
        let answer = office.wharf.ask("GET", "/file", &fields, b"");
        assert_eq!((answer.code(), answer.text()), (401, wrong.text()), "{fields:?}");
        assert_eq!(answer.field("WWW-Authenticate"), wrong.field("WWW-Authenticate"), "{fields:?}");
    }
    let two = [basic("anna", "anna"), basic("anna", "anna")].concat();
    assert_eq!(office.get(&two), 400);
    assert!(!office.wharf.log().contains("wrong"), "no password is logged: {}", office.wharf.log());
}

#[test]
fn passwords_in_utf8_and_latin1() {
    let office = Office::new(&[]);
    office.user(&["add", "größe", "--password-stdin"], "süß");
    office.logs("reloaded 3 users");
    assert_eq!(office.get(&basic("größe", "süß")), 200);
    let latin1 = Base64::encode_string(b"gr\xf6\xdfe:s\xfc\xdf");
    assert_eq!(office.get(&format!("Authorization: Basic {latin1}\r\n")), 200);
    replace_users(&office.place.path().join("users"), &carla());
    office.logs("reloaded 1 users");
    assert_eq!(office.get(&basic("carla", "secret")), 200);
    assert_eq!(office.get(&basic("größe", "süß")), 401);
}

#[test]
fn failures_are_delayed_and_others_are_not() {
    let office = Office::new(&[]);
    let wrong = |name: &str| office.wharf.ask("GET", "/file", &basic(name, "wrong"), b"");
    let failures = (0..8).map(|_| wrong("anna")).find(|answer| answer.code() == 429);
    let delayed = failures.expect("an attempt is delayed");
    let seconds: u64 = delayed.field("Retry-After").parse().expect("seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(office.get(&basic("anna", "anna")), 429, "the right password has to wait too");
    assert_eq!((wrong("ben").code(), office.get(&basic("ben", "ben"))), (401, 200), "another name does not");
}

#[test]
fn many_requests_cost_one_check() {
    let office = Office::new(&[]);
    let mut wire = office.wharf.connect();
    let request = format!("GET /file HTTP/1.1\r\nHost: localhost\r\n{}\r\n", basic("anna", "anna"));
    for _ in 0..1000 {
        assert_eq!(wire.send(&request).read_answer(false).code(), 200);
    }
    assert_eq!(office.wharf.settled_log().matches("logged in as anna").count(), 1);
}

#[test]
fn a_change_of_the_file_counts_within_seconds() {
    let office = Office::new(&[]);
    let users = office.place.path().join("users");
    assert_eq!((office.get(&basic("anna", "anna")), office.get(&basic("ben", "ben"))), (200, 200));
    office.user(&["passwd", "anna", "--password-stdin"], "new");
    eventually("the old password ends", || office.get(&basic("anna", "anna")) != 200);
    assert_eq!(office.get(&basic("anna", "new")), 200);
    office.user(&["remove", "ben"], "");
    eventually("the user ends", || office.get(&basic("ben", "ben")) != 200);

    let good = fs::read_to_string(&users).expect("the file");
    replace_users(&users, &format!("{good}anna:$1$old\n"));
    office.logs("users:2: ");
    assert_eq!(office.get(&basic("anna", "new")), 200, "the users stay as they were");
    replace_users(&users, &good.replace("anna:", "anna:!"));
    eventually("the user is disabled", || office.get(&basic("anna", "new")) != 200);
    fs::remove_file(&users).expect("removed");
    office.logs("the users file is gone, so there are no users");
    assert_eq!(office.get(""), 401, "nobody gets more than before");
}

#[test]
fn one_password_for_everybody() {
    let place = tempfile::tempdir().expect("a directory");
    let path = |name: &str| place.path().join(name).to_str().expect("text").to_owned();
    fs::write(path("password"), "open sesame\r\nmore").expect("written");
    let flags = ["--password-file", &path("password"), "--state", &path("state"), "--allow", "guest=view"];
    let wharf = Wharf::serve(&flags);
    wharf.write("file", "content");
    let get = |fields: &str| wharf.ask("GET", "/file", fields, b"").code();
    assert_eq!(get(&basic("anna", "open sesame")), 200);
    assert_eq!(get(&basic("", "open sesame")), 200);
    assert_eq!((get(&basic("guest", "open")), get("")), (401, 401));
    assert_eq!(wharf.ask("PUT", "/file", &basic("anna", "open sesame"), b"").code(), 403);
}

/// The code and the errors of a server that does not start, with these flags and this users file.
fn refused(users: &str, flags: &[&str]) -> (Option<i32>, String) {
    let place = tempfile::tempdir().expect("a directory");
    fs::create_dir(place.path().join("share")).expect("made");
    fs::write(place.path().join("users"), users).expect("written");
    fs::write(place.path().join("share/users"), users).expect("written");
    let state = if flags.contains(&"--state") { &[][..] } else { &["--state", "state"] };
    let arguments = [&["serve", "share", "--port", "0"], state, flags].concat();
    let output = run(&arguments, "", place.path());
    (output.code, output.stderr)
}

#[test]
fn a_server_with_wrong_accounts_does_not_start() {
    let good = carla();
    let hash = good.trim_end().strip_prefix("carla:").expect("a line");
    let line = |text: &str| text.replace("HASH", hash);
    let users = &["--users", "users"][..];
    let table: [(&str, &[&str], i32, &str); 14] = [
        ("anna:secret\n", users, 1, "users:1: unknown hash"),
        (&line("anna:HASH\nanna:HASH\n"), users, 1, "users:2: the user is in line 1 too"),
        (&line("# office\neveryone:HASH\n"), users, 1, "users:2: "),
        (&good, &["--users", "none"], 1, "none: "),
        (&good, &["--users", "share/users"], 1, "it is in the shared folder"),
        (&good, &["--users", "share"], 1, "share"),
        (&good, &["--users", "users", "--password"], 2, "cannot be used with"),
        (&good, &["--users", "users", "--ip", "0.0.0.0"], 2, "--tls-self-signed"),
        (&good, &["--users", "users", "--ip", "0.0.0.0"], 2, "--trust-proxy"),
        (&good, &["--users", "users", "--ip", "0.0.0.0"], 2, "--allow-plain-passwords"),
        (&good, &["--allow-plain-passwords"], 2, "has an effect only with"),
        (&good, &["--users", "users", "--state", "share/state"], 1, "it is in the shared folder"),
        (&good, &["--password-file", "share/users"], 1, "it is in the shared folder"),
        (&good, &["--state", "state"], 2, "--state"),
    ];
    for (content, flags, code, why) in table {
        let (found, errors) = refused(content, flags);
        assert_eq!(found, Some(code), "{flags:?}: {errors}");
        assert!(errors.contains(why), "{flags:?}: {errors}");
    }
}

#[test]
fn the_variable_is_a_password() {
    let place = tempfile::tempdir().expect("a directory");
    let state = place.path().join("state");
    let flags = ["--state", state.to_str().expect("text")];
    let wharf = Wharf::serve_with_variable("WHARF_PASSWORD", "open sesame", &flags);
    wharf.write("file", "content");
    assert_eq!(wharf.ask("GET", "/file", &basic("x", "open sesame"), b"").code(), 200);
    assert_eq!(wharf.ask("GET", "/file", &basic("x", "x"), b"").code(), 401);
}

#[test]
fn a_file_that_others_can_read_is_warned_of() {
    let office = Office::new(&[]);
    assert!(!office.wharf.settled_log().contains("can read the hashes"));
    open_to_all(&office.place.path().join("users"));
    office.logs("can read the hashes");
}

fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("set");
}

#[test]
fn a_success_elsewhere_helps_nobody_to_guess() {
    let office = Office::new(&[]);
    assert_eq!(office.get(&basic("anna", "anna")), 200);
    let elsewhere = |password: &str| {
        let fields = basic("anna", password);
        Wire::connect_from(66, office.wharf.address()).ask("GET", "/file", &fields, b"").code()
    };
    let delayed = (0..8).find(|_| elsewhere("wrong") == 429);
    assert!(delayed.is_some());
    assert_eq!((elsewhere("other"), elsewhere("anna")), (429, 429), "the answer is the same");
    assert_eq!(office.get(&basic("anna", "anna")), 200, "where she came in before, she need not wait");
}

#[test]
fn an_upload_ends_with_its_user() {
    let office = Office::new(&["--no-sync"]);
    let mut wires: Vec<_> = ["PUT /new", "POST /dir/"]
        .map(|line| {
            let form = "Content-Type: multipart/form-data; boundary=b\r\n";
            let (fields, begin) = match line {
                "PUT /new" => ("", "half"),
                _ => (form, "--b\r\nContent-Disposition: form-data; name=f; filename=new\r\n\r\nhalf"),
            };
            let mut wire = office.wharf.connect();
            let login = basic("ben", "ben");
            wire.send(format!(
                "{line} HTTP/1.1\r\nHost: localhost\r\n{login}{fields}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{begin}\r\n",
                begin.len()
            ));
            wire
        })
        .into();
    office.user(&["remove", "ben"], "");
    eventually("the user ends", || office.get(&basic("ben", "ben")) != 200);
    for (wire, end) in wires.iter_mut().zip(["0\r\n\r\n", "7\r\n\r\n--b--\r\n0\r\n\r\n"]) {
        assert_eq!(wire.send(end).read_answer(false).code(), 401);
    }
    assert_eq!(office.wharf.tree().iter().filter(|name| name.contains("new")).count(), 0);
}
