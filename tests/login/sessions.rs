//! The list of a user's sessions.

use super::office::{OPENS, Office};

/// The ids that the page has buttons for.
fn ids(page: &str) -> Vec<String> {
    let values = page.split("name=\"end\" value=\"").skip(1).filter_map(|rest| rest.split('"').next());
    values.filter(|value| *value != "others").map(str::to_owned).collect()
}

#[test]
fn a_user_sees_and_ends_their_own_sessions_alone() {
    let office = Office::open(&[]);
    let [one, two, three] = [(); 3].map(|()| office.log_in("anna"));
    let bert = office.log_in("bert");
    let page = |session: &str| office.wharf.ask("GET", "/.wharf/sessions", &format!("{session}{OPENS}"), b"");
    let shown = page(&one);
    let text = shown.text();
    assert_eq!((shown.code(), &*shown.field("Cache-Control")), (200, "no-store"));
    assert!(text.contains("<strong>This browser</strong>") && text.contains("last used "), "{text}");
    assert_eq!((text.matches("<li>").count(), ids(&text).len()), (3, 2), "{text}");
    for session in [&one, &two, &three] {
        assert!(!text.contains(&session[session.len() - 45..session.len() - 2]), "no secret: {text}");
    }
    let [second, third] = &ids(&text)[..] else { panic!("{text}") };
    // Bert can end none of them.
    let end = |session: &str, what: &str| {
        office.wharf.ask("POST", "/.wharf/sessions", session, format!("end={what}").as_bytes())
    };
    let of_bert = end(&bert, second);
    assert_eq!((of_bert.code(), &*of_bert.field("Location")), (303, "/.wharf/sessions"));
    assert_eq!(office.status("/secret.txt", &two), 200);
    assert_eq!(end(&one, second).code(), 303);
    // They began in the same second, so either may be the first of the list.
    let mut states = [&two, &three].map(|session| office.status("/secret.txt", session));
    states.sort_unstable();
    assert_eq!(states, [200, 401]);
    assert_eq!([&one, &bert].map(|session| office.status("/secret.txt", session)), [200, 200]);
    assert_eq!(ids(&page(&one).text()).join(","), *third);
    assert_eq!(end(&one, "others").code(), 303);
    let states = [&one, &two, &three, &bert].map(|session| office.status("/secret.txt", session));
    assert_eq!(states, [200, 401, 401, 200]);
    assert!(!page(&one).text().contains("End all others"));
    for wrong in ["", "all", "3f8k2m9qq", "../x"] {
        assert_eq!(end(&one, wrong).code(), 400, "{wrong}");
    }
}

#[test]
fn only_a_user_has_sessions() {
    let office = Office::open(&[]);
    for (fields, code) in [("", 401), ("Authorization: Bearer x\r\n", 401), ("Cookie: wharf-1=x\r\n", 401)] {
        assert_eq!(office.status("/.wharf/sessions", fields), code, "{fields}");
        assert_eq!(office.wharf.ask("POST", "/.wharf/sessions", fields, b"end=others").code(), code);
    }
    let basic = "Authorization: Basic YW5uYTpjb3JyZWN0IGhvcnNl\r\n";
    let anna = office.log_in("anna");
    let page = office.wharf.ask("GET", "/.wharf/sessions", basic, b"").text();
    assert!(page.contains("value=\"others\">End all<"), "{page}");
    assert_eq!(office.wharf.ask("POST", "/.wharf/sessions", basic, b"end=others").code(), 303);
    assert_eq!(office.status("/secret.txt", &anna), 401);
}

#[test]
fn a_user_has_at_most_32_sessions() {
    let office = Office::open(&[]);
    let sessions: Vec<_> = (0..34).map(|_| office.log_in("anna")).collect();
    let live = sessions.iter().filter(|session| office.status("/secret.txt", session) == 200);
    assert_eq!(live.count(), 32);
    assert_eq!(office.status("/secret.txt", sessions.last().expect("some")), 200, "the newest one");
}
