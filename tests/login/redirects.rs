//! Which requests are redirected to the login page, and where a login leads.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::office::{OPENS, Office, PASSWORD};

const BASIC: &str = "Basic realm=\"wharf\", charset=\"UTF-8\"";

#[test]
fn only_browsers_that_open_a_page_are_led_to_the_login() {
    let office = Office::open(&[]);
    let navigates = "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\n";
    let login = "/.wharf/login?next=/secret.txt";
    // Method, target, fields; status, Location, challenge.
    let table = [
        ("GET", "/secret.txt", OPENS, 303, login, ""),
        ("GET", "/secret.txt", navigates, 303, login, ""),
        ("HEAD", "/secret.txt", OPENS, 303, login, ""),
        ("GET", "/missing/", OPENS, 303, "/.wharf/login?next=/missing/", ""),
        ("GET", "/a%20b?x=%26", OPENS, 303, "/.wharf/login?next=/a%2520b%3Fx%3D%2526", ""),
        ("GET", "//secret.txt", OPENS, 303, "/.wharf/login", ""),
        ("GET", "/.wharf/sessions", OPENS, 303, "/.wharf/login", ""),
        ("GET", "/secret.txt", "", 401, "", BASIC),
        ("GET", "/secret.txt", "Accept: */*\r\n", 401, "", BASIC),
        ("GET", "/secret.txt", "Accept: text/html\r\nSec-Fetch-Mode: cors\r\n", 401, "", "Bearer"),
        ("GET", "/secret.txt", "Sec-Fetch-Mode: no-cors\r\n", 401, "", "Bearer"),
        ("PUT", "/new.txt", OPENS, 401, "", BASIC),
        ("PUT", "/new.txt", "Sec-Fetch-Mode: cors\r\n", 401, "", "Bearer"),
        ("GET", "/secret.txt", "Accept: text/html\r\nAuthorization: Basic eDp4\r\n", 401, "", BASIC),
        ("GET", "/secret.txt", "Accept: text/html\r\nAuthorization: Bearer x\r\n", 401, "", BASIC),
        ("GET", "/open/", OPENS, 200, "", ""),
        ("GET", "/open/all.txt", OPENS, 200, "", ""),
        ("GET", "/open/missing", OPENS, 404, "", ""),
        ("GET", "/.wharf/health", OPENS, 200, "", ""),
    ];
    for (method, target, fields, code, location, challenge) in table {
        let answer = office.wharf.ask(method, target, fields, b"");
        let found = (answer.code(), answer.field("Location"), answer.field("WWW-Authenticate"));
        assert_eq!(found, (code, location.into(), challenge.into()), "{method} {target} {fields}");
        if code == 303 {
            assert_eq!((answer.field("Cache-Control"), answer.text()), ("no-store".into(), String::new()));
        }
    }
    let origin = format!("Origin: http://{}\r\n", office.wharf.address());
    let put = office.wharf.ask("PUT", "/new.txt", &origin, b"x");
    assert_eq!((put.code(), &*put.field("WWW-Authenticate")), (401, "Bearer"), "without Sec-Fetch-Mode");
}

#[test]
fn where_no_user_could_do_more_there_is_no_login() {
    let office = Office::open_by(&["--allow", "everyone=view@open", "--allow", "users=view@open"]);
    for target in ["/", "/secret.txt", "/missing"] {
        assert_eq!(office.status(target, OPENS), 404, "{target}");
    }
}

#[test]
fn a_login_never_leads_to_another_server() {
    let office = Office::open(&[]);
    let table = [
        ("/secret.txt", "/secret.txt"),
        ("/open/?list&sort=-size", "/open/?list&sort=-size"),
        ("/gr\u{f6}\u{df}e", "/gr%C3%B6%C3%9Fe"),
        ("/100%25", "/100%25"),
        ("//evil.example", "/"),
        ("///evil.example", "/"),
        ("/\\evil.example", "/"),
        ("\\/evil.example", "/"),
        ("/%2f/evil.example", "/"),
        ("/%2Fevil.example", "/"),
        ("/%5cevil.example", "/"),
        ("/%5Cevil.example", "/"),
        ("/%252fevil.example", "/"),
        ("/a//evil.example", "/"),
        ("https://evil.example/", "/"),
        ("https:evil.example", "/"),
        ("HTTP:///evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("evil.example", "/"),
        ("@evil.example", "/"),
        (".evil.example", "/"),
        ("", "/"),
        ("*", "/"),
        ("/.wharf/logout", "/"),
        ("/.wharf/login?next=/", "/"),
        ("/%2ewharf/exit", "/"),
        ("/./secret.txt", "/"),
        ("/../secret.txt", "/"),
        ("/open/%2e%2e/secret.txt", "/"),
        ("/open/.%2E", "/"),
        ("/\t/evil.example", "/"),
        ("/\r\nSet-Cookie: a=b", "/"),
        ("/%0d%0aSet-Cookie:a=b", "/"),
        ("/\0", "/"),
        ("/%00", "/"),
        ("/a b", "/"),
        ("/a#b", "/"),
        ("/\u{7f}", "/"),
    ];
    for (next, expected) in table {
        let encoded = utf8_percent_encode(next, NON_ALPHANUMERIC);
        let answer = office.post_login(&format!("?next={encoded}"), "", "anna", PASSWORD);
        assert_eq!((answer.code(), &*answer.field("Location")), (303, expected), "{next:?}");
        let page = office.wharf.ask("GET", &format!("/.wharf/login?next={encoded}"), "", b"").text();
        assert!(!page.contains("evil"), "{next:?}: {page}");
    }
    // Characters that a query may have stay unencoded.
    for next in ["//evil.example", "/%5cevil.example", "https://evil.example", "%2f%2fevil.example", "%ff"] {
        let answer = office.post_login(&format!("?next={next}"), "", "anna", PASSWORD);
        assert_eq!(answer.field("Location"), "/", "{next}");
    }
    let two = office.post_login("?next=/open/&next=//evil.example", "", "anna", PASSWORD);
    assert_eq!(two.field("Location"), "/open/");
}

#[test]
fn the_folder_shows_who_is_logged_in_to_that_user_alone() {
    let office = Office::open(&[]);
    let page =
        |fields: &str| office.wharf.ask("GET", "/open/?list&sort=size", &format!("{OPENS}{fields}"), b"");
    let anonymous = page("");
    let text = anonymous.text();
    assert!(text.contains("<form id=\"account\" action=\"../.wharf/login\">"), "{text}");
    assert!(text.contains("name=\"next\" value=\"/open/?list&amp;sort=size\">Log in<"), "{text}");
    assert_eq!(anonymous.field("Cache-Control"), "no-cache", "as without accounts");
    let user = page(&office.log_in("anna"));
    let text = user.text();
    for part in ["data-user=\"anna\"", "<bdi>anna</bdi>", "Sessions</button>", "Log out</button>"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(user.field("Cache-Control"), "private, no-cache");
    let vary: Vec<_> = user.head.all("Vary").map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    assert!(vary.join(", ").contains("Authorization, Cookie"), "{vary:?}");
    let basic = page("Authorization: Basic YW5uYTpjb3JyZWN0IGhvcnNl\r\n").text();
    assert!(basic.contains("data-user=\"anna\"") && !basic.contains("Log out"), "{basic}");
}
