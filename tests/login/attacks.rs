//! What an attacker tries with logins and cookies.

use super::office::{OPENS, Office, PASSWORD, cookie};

#[test]
fn a_cookie_that_was_set_before_the_login_never_becomes_a_session() {
    let office = Office::open(&[]);
    let port = office.wharf.address().port();
    let fixed = format!("Cookie: wharf-{port}={}\r\n", "A".repeat(43));
    let session = office.log_in_with("anna", &fixed);
    assert_ne!(session, fixed);
    assert_eq!(office.status("/secret.txt", &fixed), 401);
    assert_eq!(office.status("/secret.txt", &session), 200);
    // The attacker's session does not become another user's either.
    let bert = office.log_in("bert");
    let anna = office.log_in_with("anna", &bert);
    assert_ne!(bert, anna);
    assert_eq!((office.status("/secret.txt", &bert), office.status("/secret.txt", &anna)), (401, 200));
    // A failed login ends nothing.
    assert_eq!(office.post_login("", &anna, "anna", "wrong").code(), 401);
    assert_eq!(office.status("/secret.txt", &anna), 200);
}

#[test]
fn a_cookie_is_worthless_after_the_logout() {
    let office = Office::open(&[]);
    let (session, other) = (office.log_in("anna"), office.log_in("anna"));
    let get = office.wharf.ask("GET", "/.wharf/logout", &session, b"");
    assert_eq!((get.code(), &*get.field("Allow")), (405, "POST, OPTIONS"));
    assert_eq!(office.status("/secret.txt", &session), 200, "GET changes nothing");
    let out = office.wharf.ask("POST", "/.wharf/logout", &session, b"");
    assert_eq!((out.code(), &*out.field("Location")), (303, "/"));
    let cleared = out.field("Set-Cookie");
    assert!(cleared.contains("=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"), "{cleared}");
    for target in ["/secret.txt", "/open/all.txt"] {
        let replayed = office.wharf.ask("GET", target, &session, b"");
        assert_eq!(replayed.code(), 401, "{target}: a wrong credential is one everywhere");
        assert!(replayed.field("Set-Cookie").contains("Max-Age=0"), "{target}");
        assert_eq!(replayed.field("WWW-Authenticate"), "Bearer", "{target}: no dialog");
    }
    assert_eq!(office.status("/secret.txt", &other), 200, "another session of the same user");
    let opened = office.wharf.ask("GET", "/open/", &(session.clone() + OPENS), b"");
    let text = opened.text();
    assert_eq!(opened.code(), 401);
    assert!(text.contains("Your session has ended.") && text.contains("login?next=/open/"), "{text}");
    for fields in [&*session, ""] {
        let again = office.wharf.ask("POST", "/.wharf/logout", fields, b"");
        assert_eq!((again.code(), again.field("Set-Cookie")), (303, cleared.clone()), "{fields}");
    }
    assert_eq!(office.log_in_with("anna", &session).len(), session.len(), "it does not prevent a login");
}

#[test]
fn pages_of_other_sites_can_neither_log_in_nor_out() {
    let office = Office::open(&[]);
    let session = office.log_in("anna");
    let own = format!("Origin: http://{}\r\n", office.wharf.address());
    let other_port = format!("Origin: http://127.0.0.1:{}\r\n", office.wharf.address().port() ^ 1);
    let table = [
        ("Origin: https://evil.example\r\n", false),
        ("Origin: null\r\n", false),
        (&*other_port, false),
        ("Sec-Fetch-Site: cross-site\r\n", false),
        ("Sec-Fetch-Site: same-site\r\n", false),
        ("Sec-Fetch-Site: same-origin\r\n", true),
        (&*own, true),
    ];
    for (fields, is_own) in table {
        let login = office.post_login("", fields, "bert", PASSWORD);
        assert_eq!(login.code(), if is_own { 303 } else { 403 }, "{fields}");
        assert_eq!(login.field("Set-Cookie").is_empty(), !is_own, "{fields}");
        let with_session = format!("{session}{fields}");
        if !is_own {
            for (target, body) in
                [("/.wharf/logout", &b""[..]), ("/.wharf/sessions", b"end=others"), ("/.wharf/login", b"")]
            {
                let answer = office.wharf.ask("POST", target, &with_session, body);
                assert_eq!(answer.code(), 403, "{target} {fields}");
            }
            assert_eq!(office.status("/secret.txt", &session), 200, "{fields}");
        }
    }
    // The page of a login cannot be shown inside another page.
    let page = office.wharf.ask("GET", "/.wharf/login", "", b"");
    let policy = page.field("Content-Security-Policy");
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"), "{policy}");
}

#[test]
fn two_cookies_of_the_name_and_those_of_other_servers() {
    let office = Office::open(&[]);
    let session = office.log_in("anna");
    let pair = session.trim().strip_prefix("Cookie: ").expect("a cookie");
    let value = pair.split_once('=').expect("a value").1;
    let port = office.wharf.address().port();
    let changed = value.replacen(&value[..1], if value.starts_with('A') { "B" } else { "A" }, 1);
    // The fields, and the status.
    let table = [
        (format!("Cookie: a=b; {pair}; c=d\r\n"), 200),
        (format!("Cookie: {pair}; wharf-{}={value}\r\n", port ^ 1), 200),
        (format!("Cookie: {pair}; {pair}\r\n"), 401),
        (format!("Cookie: {pair}\r\nCookie: {pair}\r\n"), 401),
        (format!("Cookie: {pair}; wharf-{port}=x\r\n"), 401),
        (format!("Cookie: wharf-{port}=\r\n"), 401),
        (format!("Cookie: wharf-{port}={changed}\r\n"), 401),
        (format!("Cookie: wharf-{port}={value}=\r\n"), 401),
        (format!("Cookie: wharf-{port}=\"{value}\"\r\n"), 401),
        (format!("Cookie: __Host-wharf={value}\r\n"), 401),
        (format!("Cookie: wharf-{}={value}\r\n", port ^ 1), 401),
        (format!("Authorization: Bearer {value}\r\n"), 401),
        (format!("Authorization: Bearer wharf_{value}\r\n"), 401),
        (format!("Authorization: Basic eDp4\r\n{session}"), 401),
    ];
    for (fields, code) in table {
        assert_eq!(office.status("/secret.txt", &fields), code, "{fields}");
    }
    // A server on another port of the host does not get the cookie.
    let other = Office::open(&[]);
    let sent = format!("Cookie: wharf-{}={value}\r\n", other.wharf.address().port());
    assert_eq!(other.status("/secret.txt", &sent), 401);
    let again = office.post_login("", &format!("Cookie: {pair}; {pair}\r\n"), "anna", PASSWORD);
    assert_eq!(again.code(), 303, "two cookies do not prevent a login");
    assert_ne!(cookie(&again), session);
}

#[test]
fn no_credential_is_read_from_a_query() {
    let office = Office::open(&[]);
    for query in ["name=anna&password=correct+horse", "token=x", "wharf-80=x"] {
        assert_eq!(office.status(&format!("/secret.txt?{query}"), ""), 401, "{query}");
    }
    let login = office.wharf.ask("POST", "/.wharf/login?name=anna&password=correct+horse", "", b"");
    assert_eq!(login.code(), 400);
    assert_eq!(office.status("/.wharf/login?name=anna&password=correct+horse", ""), 200);
}
