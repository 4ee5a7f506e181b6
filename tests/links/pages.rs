//! The pages of a link in a browser, and the QR code of a new link.

use serde_json::json;

use super::{LINKS, RULES, link, office};
use crate::common::office::{ANNA, BERT, CARA, Office, bearer};

#[test]
fn a_page_in_the_folder_runs_no_script() {
    for flags in [&[][..], &["--trust-html"]] {
        let office = Office::open(&[&RULES, flags].concat());
        for name in ["page.html", "drawing.svg", "unknown", "plan.txt"] {
            office.wharf.write(&format!("work/{name}"), "<script>new Image().src = location</script>");
        }
        let link = link(&office, &json!({"path": "/work/", "for": "2d"}));
        let policy = |target: &str, fields: &str| {
            office.ask("GET", target, fields, "").field("Content-Security-Policy")
        };
        for name in ["page.html", "drawing.svg", "unknown"] {
            assert_eq!(policy(&format!("{link}/{name}"), ""), "sandbox", "{name} {flags:?}");
            let part = policy(&format!("{link}/{name}"), "Range: bytes=0-3\r\n");
            assert_eq!(part, "sandbox", "{name} {flags:?}");
            // Without a link, the flag has its usual effect.
            let own = if flags.is_empty() { "sandbox allow-scripts" } else { "" };
            assert_eq!(policy(&format!("/work/{name}"), ANNA), own, "{name} {flags:?}");
        }
        assert_eq!(policy(&format!("{link}/plan.txt"), ""), "");
        let listing = policy(&format!("{link}/"), "Accept: text/html\r\n");
        assert!(listing.contains("script-src 'nonce-"), "{listing}");
        let missing = policy(&format!("{link}/missing"), "Accept: text/html\r\n");
        assert!(missing.contains("script-src 'nonce-"), "{missing}");
    }
}

#[test]
fn a_new_link_has_its_qr_code_if_the_request_asks_for_it() {
    let office = office();
    let plain = office.make(LINKS, ANNA, &json!({"path": "/work/", "for": "2d"}).to_string());
    assert!(plain.get("qr").is_none(), "{plain}");
    let drawn = office.make(LINKS, ANNA, &json!({"path": "/work/", "for": "2d", "qr": true}).to_string());
    assert_eq!(drawn.get("qr").is_some(), cfg!(feature = "qr"), "{drawn}");
    assert!(drawn["qr"].as_str().is_none_or(|code| code.contains("<svg")), "{drawn}");
    let listed = office.ask("GET", LINKS, ANNA, "").text();
    assert!(!listed.contains("qr"), "{listed}");
}

#[test]
fn only_whoever_may_share_a_folder_finds_the_button_on_its_page() {
    let office = office();
    let has_button = |target: &str, credentials: &str| {
        let page = office.ask("GET", target, &format!("{credentials}Accept: text/html\r\n"), "");
        assert_eq!(page.code(), 200, "{target}");
        page.text().contains("id=\"share\"")
    };
    let link = link(&office, &json!({"path": "/work/", "for": "2d"}));
    let token = office.make("/.wharf/tokens", ANNA, &json!({"name": "t", "for": "1h"}).to_string());
    for (target, credentials, expected) in [
        ("/work/", ANNA, true),
        ("/", ANNA, true),
        ("/work/", CARA, true),
        ("/work/", BERT, true),
        ("/", BERT, false),
        ("/work/", &bearer(&token["token"]), false),
        (&format!("{link}/"), "", false),
        (&format!("{link}/"), ANNA, false),
    ] {
        assert_eq!(has_button(target, credentials), expected, "{target} {credentials}");
    }
}
