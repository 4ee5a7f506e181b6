//! The login page, and the responses to its form.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use super::office::{OPENS, Office, PASSWORD, cookie};
use crate::common::eventually;

#[test]
fn the_page_needs_no_right_and_works_without_a_script() {
    let office = Office::open(&[]);
    let page = office.wharf.ask("GET", "/.wharf/login?next=/open/", "", b"");
    let text = page.text();
    assert_eq!((page.code(), &*page.field("Cache-Control")), (200, "no-store"), "{text}");
    for part in [
        "<form class=\"fields\" method=\"post\" action=\"../.wharf/login?next=/open/\">",
        "<label for=\"name\">Name</label><input id=\"name\" name=\"name\"",
        "autocomplete=\"username\"",
        "<label for=\"password\">Password</label><input id=\"password\" type=\"password\" name=\"password\"",
        "autocomplete=\"current-password\"",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(text.matches(" autofocus").count(), 1, "{text}");
    let begin = text.find("/.wharf/assets/page.").expect("a style sheet");
    let asset = text[begin..].split('?').next().expect("its path");
    for fields in ["", "Cookie: wharf-80=x\r\n", "Authorization: Basic eDp4\r\n"] {
        assert_eq!(office.status(asset, fields), 200, "{fields}");
    }
    assert_eq!(office.wharf.ask("HEAD", "/.wharf/login", "", b"").code(), 200);
    let put = office.wharf.ask("PUT", "/.wharf/login", "", b"");
    assert_eq!((put.code(), &*put.field("Allow")), (405, "GET, HEAD, POST, OPTIONS"));
}

#[test]
fn without_accounts_there_is_no_login() {
    let wharf = crate::common::Wharf::serve(&[]);
    let requests =
        [("GET", "login"), ("POST", "login"), ("POST", "logout"), ("GET", "sessions"), ("POST", "sessions")];
    for (method, name) in requests {
        assert_eq!(wharf.ask(method, &format!("/.wharf/{name}"), "", b"").code(), 404, "{method} {name}");
    }
    let page = wharf.ask("GET", "/", OPENS, b"").text();
    assert!(!page.contains("id=\"account\""), "{page}");
}

#[test]
fn a_login_starts_a_session_and_leads_back() {
    let office = Office::open(&[]);
    let answer = office.post_login("?next=/secret.txt", OPENS, "anna", PASSWORD);
    assert_eq!((answer.code(), &*answer.field("Location")), (303, "/secret.txt"));
    assert_eq!(answer.field("Cache-Control"), "no-store");
    let set = answer.field("Set-Cookie");
    let port = office.wharf.address().port();
    assert!(set.starts_with(&format!("wharf-{port}=")), "{set}");
    assert!(set.ends_with("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"), "{set}");
    let session = cookie(&answer);
    let file = office.wharf.ask("GET", "/secret.txt", &session, b"");
    assert_eq!((file.code(), &*file.text()), (200, "secret"));
    assert_eq!(office.status("/secret.txt", ""), 401);
    assert_eq!(office.post_login("", "", "anna", PASSWORD).field("Location"), "/");
    let log = office.wharf.settled_log();
    assert!(log.contains(" logged in as anna") && !log.contains(&session[15..session.len() - 2]), "{log}");
    let stored = std::fs::read_dir(office.beside("state"))
        .expect("the state")
        .map(|entry| std::fs::read_to_string(entry.expect("an entry").path()).unwrap_or_default());
    let stored: String = stored.collect();
    assert!(stored.contains("anna") && !stored.contains(&session[15..session.len() - 2]), "{stored}");
}

#[test]
fn every_failure_is_the_same_page_at_a_fixed_time() {
    let office = Office::open(&[]);
    let (long, nul) = ("x".repeat(1025), format!("{PASSWORD}\0"));
    let beyond_bcrypt = "x".repeat(73);
    let table = [
        ("anna", "wrong"),
        ("nobody", PASSWORD),
        ("", ""),
        ("anna", ""),
        ("anna", &*nul),
        ("bert", &*long),
        ("bert", &*beyond_bcrypt),
        ("<b>", "wrong"),
        ("a:<i>", "wrong"),
    ];
    for (name, password) in table {
        let began = Instant::now();
        let answer = office.post_login("?next=/open/", OPENS, name, password);
        let text = answer.text();
        assert!(began.elapsed() >= Duration::from_millis(45), "{name}: too early");
        assert_eq!(answer.code(), 401, "{name}: {text}");
        // Browsers know no such scheme, so they show the page.
        assert_eq!(answer.field("WWW-Authenticate"), "Bearer", "{name}");
        assert_eq!(answer.field("Set-Cookie"), "", "{name}");
        assert!(text.contains("role=\"alert\">The name or the password is wrong.</p>"), "{name}: {text}");
        assert!(text.contains("login?next=/open/\""), "{name}: {text}");
        assert!(!text.contains("<b>") && !text.contains("a:"), "{name}: only names are repeated: {text}");
    }
    for (body, code) in [(&b""[..], 400), (b"name=anna", 400)] {
        assert_eq!(office.wharf.ask("POST", "/.wharf/login", "", body).code(), code);
    }
}

#[test]
fn too_many_failures_are_delayed_on_the_page_too() {
    let office = Office::open(&[]);
    let mut tries = 0;
    let delayed = loop {
        let answer = office.post_login("", OPENS, "anna", "wrong");
        tries += 1;
        if answer.code() != 401 || tries > 10 {
            break answer;
        }
    };
    assert_eq!(delayed.code(), 429, "after {tries} attempts");
    let wait: u64 = delayed.field("Retry-After").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(delayed.text().contains("There were too many attempts. Try again in "), "{}", delayed.text());
    assert_eq!(office.post_login("", OPENS, "anna", PASSWORD).code(), 429, "a right one is not checked");
    // Logins by form and by Basic share this counter.
    let basic = "Authorization: Basic YW5uYTpjb3JyZWN0IGhvcnNl\r\n";
    assert_eq!(office.status("/secret.txt", basic), 429);
    assert_eq!(office.post_login("", OPENS, "bert", PASSWORD).code(), 303, "another user");
}

#[test]
fn a_shared_password_needs_no_name() {
    let office = Office::shared();
    let page = office.wharf.ask("GET", "/.wharf/login", "", b"").text();
    assert!(!page.contains("name=\"name\"") && page.contains("type=\"password\""), "{page}");
    let wrong = office.wharf.ask("POST", "/.wharf/login", "", b"password=wrong");
    assert_eq!(wrong.code(), 401);
    assert!(wrong.text().contains("The password is wrong."), "{}", wrong.text());
    let answer = office.wharf.ask("POST", "/.wharf/login", "", b"password=correct+horse");
    assert_eq!(answer.code(), 303, "{}", answer.text());
    let session = cookie(&answer);
    let folder = office.wharf.ask("GET", "/", &(session.clone() + OPENS), b"").text();
    assert!(folder.contains("Log out") && !folder.contains("Sessions"), "{folder}");
    assert_eq!(office.status("/.wharf/sessions", &session), 404, "they are those of everybody");
}

#[test]
fn sessions_outlive_a_restart_until_the_shared_password_changes() {
    let office = Office::shared();
    let session = cookie(&office.wharf.ask("POST", "/.wharf/login", "", b"password=correct+horse"));
    let secret = session.split_once('=').expect("a cookie").1.to_owned();
    let again = |office: Office, password| {
        let office = Office::shared_in(office.wharf.kill(), password);
        let field = format!("Cookie: wharf-{}={secret}", office.wharf.address().port());
        let status = office.status("/secret.txt", &field);
        (office, status)
    };
    let (office, status) = again(office, PASSWORD);
    assert_eq!(status, 200);
    let state = fs::read_dir(office.beside("state")).expect("a directory");
    let kept = state.map(|entry| entry.expect("an entry").path());
    let kept: Vec<_> = kept.filter(|path| path.to_string_lossy().contains("password-")).collect();
    let [kept] = &*kept else { panic!("{kept:?}") };
    assert_eq!(fs::metadata(kept).expect("a file").permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(kept).expect("text").starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    let (office, status) = again(office, "another horse");
    assert_eq!(status, 401);
    let (office, status) = again(office, PASSWORD);
    assert_eq!(status, 401, "what has ended stays so");
    fs::write(kept, "no hash").expect("written");
    let (_, status) = again(office, PASSWORD);
    assert_eq!(status, 401);
}

#[test]
fn addresses_lie_below_the_base() {
    let office = Office::open(&["--base", "/files"]);
    let opened = office.wharf.ask("GET", "/files/secret.txt?a=b&c", OPENS, b"");
    assert_eq!(opened.code(), 303);
    assert_eq!(opened.field("Location"), "/files/.wharf/login?next=/files/secret.txt%3Fa%3Db%26c");
    let page = office.wharf.ask("GET", &opened.field("Location"), OPENS, b"").text();
    assert!(page.contains("action=\"../.wharf/login?next=/files/secret.txt%3Fa%3Db%26c\""), "{page}");
    let answer = office.post_login("?next=/files/secret.txt%3Fa%3Db%26c", OPENS, "anna", PASSWORD);
    assert_eq!(answer.field("Location"), "/files/secret.txt?a=b&c");
    let set = answer.field("Set-Cookie");
    assert!(set.contains("; Path=/files/; ") && !set.contains("Secure"), "{set}");
    let session = cookie(&answer);
    let out = office.wharf.ask("POST", "/files/.wharf/logout", &session, b"");
    assert_eq!((out.code(), &*out.field("Location")), (303, "/files/"));
    assert!(out.field("Set-Cookie").contains("=; Path=/files/; Max-Age=0; "), "{}", out.field("Set-Cookie"));
}

#[cfg(feature = "tls")]
#[test]
fn over_tls_the_cookie_is_of_this_host_alone() {
    use crate::common::pem;
    let [certificate, key] =
        ["localhost.pem", "localhost.key"].map(|name| pem(name).to_string_lossy().into_owned());
    let tls = ["--tls-cert", &certificate, "--tls-key", &key];
    for (flags, begins, ends) in [
        (&[][..], "__Host-wharf=", "; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure"),
        (&["--base", "/f"], "__Secure-wharf=", "; Path=/f/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure"),
    ] {
        let office = Office::open(&[&tls, flags].concat());
        let set = office.post_login("", "", "anna", PASSWORD).field("Set-Cookie");
        assert!(set.starts_with(begins) && set.ends_with(ends), "{set}");
    }
}

#[test]
fn a_login_over_the_network_needs_tls() {
    let office = Office::open(&["--trust-proxy", "127.0.0.1"]);
    let by = |scheme: &str| format!("X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: {scheme}\r\n");
    let page = |scheme| office.wharf.ask("GET", "/.wharf/login", &by(scheme), b"");
    assert_eq!((page("http").code(), page("https").code()), (403, 200));
    assert_eq!(page("http").text(), "logging in needs TLS (use https://)\n");
    assert!(!office.wharf.settled_log().contains("sent credentials"), "{}", office.wharf.log());
    assert_eq!(office.post_login("", &by("http"), "anna", PASSWORD).code(), 403);
    assert!(office.wharf.settled_log().contains("192.0.2.7 sent credentials without TLS"));
    let answer = office.post_login("", &by("https"), "anna", PASSWORD);
    assert!(answer.field("Set-Cookie").ends_with("; Secure"), "{}", answer.field("Set-Cookie"));
    let session = cookie(&answer);
    assert_eq!(office.status("/secret.txt", &format!("{}{session}", by("https"))), 200);
    // Without TLS, the cookie has another name.
    assert_eq!(office.status("/secret.txt", &format!("{}{session}", by("http"))), 401);
}

#[test]
fn a_form_in_the_query_is_never_logged() {
    let place = tempfile::tempdir().expect("a directory");
    let recording = place.path().join("recording");
    let record = recording.to_str().expect("text");
    let office = Office::open_by(&["--allow", "users=edit,share", "--record", record]);
    let session = cookie(&office.post_login("", "", "anna", PASSWORD));
    let wanted = br#"{"path": "/open", "for": "1h", "password": "a long password"}"#;
    let made = office.wharf.ask("POST", "/.wharf/links", &session, wanted);
    let made: serde_json::Value = serde_json::from_slice(&made.body).expect("JSON");
    let link = made["link"].as_str().and_then(|link| link.find("/.wharf/").map(|at| &link[at..]));
    let link = link.expect("a link");
    for (method, path) in [
        ("POST", "/.wharf/login"),
        ("GET", "/%2ewharf/login"),
        ("POST", "/.wharf/password"),
        ("POST", "/.wharf/links"),
        ("POST", link),
    ] {
        let target = format!("{path}?name=anna&password=hunter2&new=hunter3");
        assert!(office.wharf.ask(method, &target, &session, b"").code() >= 400, "{target}");
    }
    let log = office.wharf.settled_log();
    assert!(log.contains("\"POST /.wharf/login?… HTTP/1.1\" 400 "), "{log}");
    let recorded = || std::fs::read_to_string(&recording).expect("a recording");
    eventually("the requests are recorded", || recorded().contains("/.wharf/health?settled"));
    for text in [log, recorded()] {
        assert_eq!(text.matches("?…").count(), 5, "{text}");
        assert!(!text.contains("hunter"), "{text}");
    }
}
