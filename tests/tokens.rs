//! Tokens: what they give access to, what they do not, and who may make them.

use serde_json::{Value, json};

use crate::common::office::{ANNA, BERT, CARA, Office, bearer, json};
use crate::common::{Wharf, eventually, run_with};

const TOKENS: &str = "/.wharf/tokens";

/// Rights that differ by user and by folder.
const RULES: [&str; 6] = ["--allow", "anna=edit", "--allow", "bert=view", "--allow", "bert,cara=write@/work"];

fn office() -> Office {
    let office = Office::open(&RULES);
    office.wharf.write("work/plan.txt", "a plan");
    office.wharf.write("work/deep/more.txt", "more");
    office.wharf.write("secret.txt", "a secret");
    office
}

/// A token of anna.
fn token(office: &Office, order: &Value) -> String {
    bearer(&office.make(TOKENS, ANNA, &order.to_string())["token"])
}

#[test]
fn a_token_opens_its_path_with_its_rights() {
    let office = office();
    let made = office.make(TOKENS, ANNA, r#"{"name":"ci","path":"/work/","rights":"read,add","for":"30d"}"#);
    for (field, expected) in [("name", "ci"), ("path", "/work"), ("rights", "read,add"), ("state", "valid")] {
        assert_eq!(made[field], expected, "{made}");
    }
    let text = made["token"].as_str().expect("text");
    assert!(text.starts_with("wharf_") && text.len() == 49, "{text}");
    let token = bearer(&made["token"]);
    let table = [
        ("GET", "/work/plan.txt", 200),
        ("GET", "/work/plan.txt?sha256", 200),
        ("GET", "/work/deep/more.txt", 200),
        ("PUT", "/work/new.txt", 201),
        ("PUT", "/work/plan.txt", 409),
        ("GET", "/work/", 404),
        ("GET", "/work/?zip", 404),
        ("GET", "/secret.txt", 404),
        ("GET", "/work/../secret.txt", 400),
        ("GET", "/work/%2e%2e/secret.txt", 400),
        ("PUT", "/other.txt", 404),
        ("GET", "/", 404),
        ("GET", "/missing", 404),
    ];
    for (method, target, expected) in table {
        let answer = office.ask(method, target, &token, "");
        let code = answer.code();
        let is_expected =
            code == expected || expected == 409 && code == 403 || expected == 400 && code == 404;
        assert!(is_expected, "{method} {target}: {code}, {}", answer.text());
    }
    assert_eq!(office.wharf.read("work/plan.txt"), b"a plan");
    assert_eq!(office.wharf.read("secret.txt"), b"a secret");
}

#[test]
fn a_symlink_leads_no_token_out_of_its_folder() {
    let office = office();
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, office.wharf.folder().join(name)).expect("linked");
    };
    link("../secret.txt", "work/out.txt");
    link("..", "work/up");
    link("deep/more.txt", "work/in.txt");
    let token = token(&office, &json!({"name": "t", "path": "/work"}));
    for target in ["/work/out.txt", "/work/up/secret.txt", "/work/out.txt?sha256", "/work/up/"] {
        assert_eq!(office.code("GET", target, &token), 404, "{target}");
        assert_ne!(office.code("GET", target, ANNA), 404, "{target}");
    }
    assert_eq!(office.ask("GET", "/work/in.txt", &token, "").text(), "more");
}

#[test]
fn what_opens_nothing_gets_one_response() {
    let (office, other) = (office(), office());
    let made = office.make(TOKENS, ANNA, r#"{"name":"a"}"#);
    let revoked = office.make(TOKENS, ANNA, r#"{"name":"revoked"}"#);
    let path = format!("{TOKENS}/{}", revoked["id"].as_str().expect("text"));
    assert_eq!(office.code("DELETE", &path, ANNA), 204);
    let foreign = other.make(TOKENS, ANNA, r#"{"name":"a"}"#);
    let valid = bearer(&made["token"]);
    assert_eq!(office.code("GET", "/secret.txt", &valid), 200);
    let mut wrong = vec![
        bearer(&revoked["token"]),
        bearer(&foreign["token"]),
        "Authorization: Bearer wharf_\r\n".to_owned(),
        "Authorization: Bearer x\r\n".to_owned(),
        "Authorization: Bearer\r\n".to_owned(),
        "Authorization: Digest x\r\n".to_owned(),
        "Authorization: Basic YW5uYTp3cm9uZw==\r\n".to_owned(),
        valid.replace("wharf_", ""),
        valid.replace("wharf_", "WHARF_"),
        valid.replace("\r\n", "=\r\n"),
    ];
    // One bit of each character.
    let text = made["token"].as_str().expect("text");
    wrong.extend((6..text.len()).step_by(5).map(|at| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] ^= 1;
        format!("Authorization: Bearer {}\r\n", String::from_utf8_lossy(&bytes))
    }));
    let mut texts: Vec<_> = wrong
        .iter()
        .map(|credentials| {
            let answer = office.ask("GET", "/secret.txt", credentials, "");
            assert_eq!(answer.code(), 401, "{credentials}: {}", answer.text());
            assert!(answer.field("WWW-Authenticate").starts_with("Basic "), "{credentials}");
            answer.text()
        })
        .collect();
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert_eq!(office.code("GET", "/secret.txt", &format!("{valid}{valid}")), 400);
    assert_eq!(office.code("GET", "/secret.txt", &valid), 200);
}

#[test]
fn a_token_that_expires_opens_nothing_any_more() {
    let office = office();
    let token = token(&office, &json!({"name": "short", "for": "1s"}));
    eventually("it expires", || office.code("GET", "/secret.txt", &token) == 401);
    let list = json(&office.ask("GET", TOKENS, ANNA, ""));
    assert_eq!(list[0]["state"], "expired", "{list}");
}

#[test]
fn nobody_gives_more_than_they_have() {
    let office = office();
    let cases = [
        (ANNA, r#"{"name":"a","rights":"edit"}"#, 201),
        (ANNA, r#"{"name":"b","rights":"admin"}"#, 403),
        (BERT, r#"{"name":"a","rights":"view"}"#, 201),
        (BERT, r#"{"name":"b","rights":"write"}"#, 403),
        (BERT, r#"{"name":"b","path":"/work","rights":"write"}"#, 201),
        (BERT, r#"{"name":"c","path":"/work","rights":"edit"}"#, 403),
        (CARA, r#"{"name":"a"}"#, 403),
        (CARA, r#"{"name":"a","path":"/work/deep","rights":"read"}"#, 201),
        ("", r#"{"name":"a"}"#, 401),
    ];
    for (credentials, order, expected) in cases {
        let answer = office.ask("POST", TOKENS, credentials, order);
        assert_eq!(answer.code(), expected, "{credentials}{order}: {}", answer.text());
    }
    // Without rights in the request, the token gets the rights that the user has there.
    let made = office.make(TOKENS, BERT, r#"{"name":"d","path":"/work"}"#);
    assert_eq!(made["rights"], "list,read,add,replace,share");
}

#[test]
fn a_token_manages_no_tokens() {
    let office = office();
    let made = office.make(TOKENS, ANNA, r#"{"name":"a"}"#);
    let (token, one) = (bearer(&made["token"]), format!("{TOKENS}/{}", made["id"].as_str().expect("text")));
    for (method, target, body) in
        [("POST", TOKENS, r#"{"name":"b"}"#), ("GET", TOKENS, ""), ("DELETE", &one, "")]
    {
        let answer = office.ask(method, target, &token, body);
        assert_eq!(answer.code(), 403, "{method}");
        assert_eq!(answer.text(), "a token cannot manage tokens and links (log in with the password)\n");
    }
    assert_eq!(office.code("GET", "/secret.txt", &token), 200);
}

#[test]
fn lists_show_ones_own_tokens_without_their_secrets() {
    let office = office();
    let made = office.make(TOKENS, ANNA, r#"{"name":"a"}"#);
    office.make(TOKENS, BERT, r#"{"name":"b"}"#);
    let answer = office.ask("GET", TOKENS, ANNA, "");
    assert_eq!((answer.code(), answer.field("Cache-Control")), (200, "no-store".to_owned()));
    let list = json(&answer);
    assert_eq!((list.as_array().map(Vec::len), &list[0]["name"]), (Some(1), &json!("a")), "{list}");
    let secret = made["token"].as_str().expect("text").trim_start_matches("wharf_");
    for (name, text) in
        [("list", answer.text()), ("log", office.wharf.settled_log()), ("records", office.records())]
    {
        assert!(!text.contains(secret), "{name}");
    }
    let one = format!("{TOKENS}/{}", made["id"].as_str().expect("text"));
    let unknown = format!("{TOKENS}/00000000");
    for (target, credentials, expected) in [
        (&one, "", 401),
        (&one, BERT, 404),
        (&unknown, ANNA, 404),
        (&format!("{TOKENS}/x"), ANNA, 404),
        (&one, ANNA, 204),
        (&one, ANNA, 404),
    ] {
        assert_eq!(office.code("DELETE", target, credentials), expected, "{target} {credentials}");
    }
}

#[test]
fn what_is_no_order_of_a_token_is_refused() {
    let office = office();
    for order in [
        "",
        "x",
        "[]",
        "{}",
        r#"{"name":""}"#,
        r#"{"name":"a b"}"#,
        r#"{"name":"a","more":1}"#,
        r#"{"name":"a","path":"/../x"}"#,
        r#"{"name":"a","rights":"none"}"#,
        r#"{"name":"a","rights":"everything"}"#,
        r#"{"name":"a","for":"0s"}"#,
        r#"{"name":"a","for":"soon"}"#,
        r#"{"name":"a","for":"-1d"}"#,
    ] {
        assert_eq!(office.ask("POST", TOKENS, ANNA, order).code(), 400, "{order}");
    }
    let long = format!(r#"{{"name":"{}"}}"#, "a".repeat(20_000));
    assert_eq!(office.ask("POST", TOKENS, ANNA, &long).code(), 413);
    office.make(TOKENS, ANNA, r#"{"name":"a","for":"never"}"#);
    assert_eq!(office.ask("POST", TOKENS, ANNA, r#"{"name":"a"}"#).code(), 409);
    let forged = format!("{ANNA}Origin: http://evil.example\r\n");
    assert_eq!(office.ask("POST", TOKENS, &forged, r#"{"name":"b"}"#).code(), 403);
}

#[test]
fn a_token_ends_with_its_user() {
    let office = office();
    let token = token(&office, &json!({"name": "a"}));
    let (bert, order) = (office.make(TOKENS, BERT, r#"{"name":"b"}"#), "/secret.txt");
    office.keep_users(&["bert", "cara"]);
    eventually("it ends", || office.code("GET", order, &token) == 401);
    office.keep_users(&["anna", "bert"]);
    eventually("anna is a user again", || office.code("GET", order, ANNA) == 200);
    assert_eq!(office.code("GET", order, &token), 401, "a user made anew inherits nothing");
    assert_eq!(office.code("GET", order, &bearer(&bert["token"])), 200);
}

#[test]
fn a_server_without_users_has_no_tokens() {
    let wharf = crate::common::Wharf::serve(&[]);
    assert_eq!(wharf.ask("GET", TOKENS, "", b"").code(), 404);
    assert_eq!(wharf.ask("POST", TOKENS, "", b"{}").code(), 404);
}

#[test]
fn wharf_token_adds_lists_and_removes() {
    let office = office();
    let here = tempfile::tempdir().expect("a directory");
    let (url, work) = (office.wharf.url("/"), office.wharf.url("/work/"));
    let wharf = |arguments: &[&str]| {
        let login = ["-u", "anna:secret-anna"];
        let output = run_with(&[&["token"], arguments, &login].concat(), "", here.path(), &[]);
        assert_eq!(output.code, Some(0), "{arguments:?}: {}", output.stderr);
        output.stdout
    };
    let token = wharf(&["add", "backup", &work, "--rights", "view", "--for", "never"]);
    let list = wharf(&["list", &url]);
    let fields: Vec<_> = list.trim_end().split('\t').collect();
    assert_eq!(fields[1..], ["backup", "valid", "never", "list,read", "/work"], "{list}");

    let variables = [("WHARF_TOKEN", token.trim_end().to_owned())];
    let with_token = |arguments: &[&str]| run_with(arguments, "", here.path(), &variables);
    assert_eq!(with_token(&["list", &work]).stdout, "deep/\nplan.txt\n");
    assert_eq!(with_token(&["list", &url]).code, Some(1));
    let refused = with_token(&["token", "list", &url]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("a token cannot manage tokens"), "{}", refused.stderr);

    wharf(&["remove", "backup", &url]);
    assert_eq!(with_token(&["list", &work]).code, Some(1));
    let again =
        run_with(&["token", "remove", "backup", &url, "-u", "anna:secret-anna"], "", here.path(), &[]);
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("there is no token backup"), "{}", again.stderr);
}

#[test]
fn wharf_token_and_share_refuse_what_cannot_be() {
    let office = office();
    let here = tempfile::tempdir().expect("a directory");
    let (url, plain) = (office.wharf.url("/"), Wharf::serve(&[]));
    let bare = plain.url("/");
    for (line, code, said) in [
        (&["token", "add", "t", &url, "--rights", "fly"][..], 2, "'fly'"),
        (&["token", "add", "t", &url, "--for", "2x"], 2, "'2x'"),
        (&["token", "add", "t", &url, "--for", "0d"], 2, "'0d'"),
        (&["token", "list", &bare], 1, "this server has no accounts (serve --users FILE)"),
        (&["share", &bare, "--for", "1d"], 1, "this server has no accounts (serve --users FILE)"),
    ] {
        let output = run_with(&[line, &["-u", "anna:secret-anna"]].concat(), "", here.path(), &[]);
        assert!(output.code == Some(code) && output.stderr.contains(said), "{line:?}: {output:?}");
    }
}

#[test]
fn the_log_names_the_user_of_each_request() {
    let office = Office::open(&["--allow", "everyone=view", "--allow", "anna=edit", "--udp", "0"]);
    office.wharf.write("file", "content");
    let token = token(&office, &json!({"name": "ci", "path": "/", "rights": "read", "for": "1h"}));
    let made = office.make("/.wharf/links", ANNA, r#"{"path":"/file","for":"1h"}"#);
    let url = made["link"].as_str().expect("a URL");
    let path = &url[url.find("/.wharf/l/").expect("a link")..];
    for (target, fields) in [
        ("/file?nobody", ""),
        ("/file?anna", ANNA),
        ("/file?wrong", &*ANNA.replace("YQ==", "YR==")),
        ("/file?token", &*token),
        (&*format!("{path}/file?link"), ""),
        (&*format!("{path}/file?both"), ANNA),
    ] {
        office.ask("GET", target, fields, "");
    }
    let log = office.wharf.settled_log();
    let id = made["id"].as_str().expect("text");
    for (query, user) in [
        ("nobody", "-"),
        ("anna", "anna"),
        ("wrong", "-"),
        ("token", "anna"),
        ("link", &*format!("link:{id}")),
        ("both", &*format!("link:{id}")),
    ] {
        let line = log
            .lines()
            .find(|line| line.contains(&format!("?{query} HTTP")))
            .unwrap_or_else(|| panic!("{query}: {log}"));
        let before = line.split(" \"GET ").next().expect("a client");
        let words: Vec<_> = before.split_whitespace().rev().take(2).collect();
        assert!(words[0] == user && words[1].starts_with("127.0.0.1:"), "{query}: {line}");
    }
    let other = crate::common::Wharf::serve(&["--allow", "everyone=view"]);
    other.ask("GET", "/?without", "", b"");
    let log = other.settled_log();
    let line = log.lines().find(|line| line.contains("?without HTTP")).expect("it is logged");
    let client = line.split(" \"GET ").next().and_then(|words| words.split_whitespace().last());
    assert!(client.is_some_and(|client| client.starts_with("127.0.0.1:")), "no accounts, no field: {line}");
}
