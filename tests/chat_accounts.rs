//! The chat of a server with accounts: users have their account's name, receive only events about files that they may
//! list, and leave when the account ends.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::browser::chat::{hears, says};
use crate::browser::driver::Browser;
use crate::chat::Ear;
use crate::common::accounts::{basic, replace_users};
use crate::common::{Answer, Wharf, eventually, run};

/// A users file.
struct Users(TempDir);

impl Users {
    /// These users, each with its name as its password.
    fn new(names: &[&str]) -> Self {
        let users = Self(tempfile::tempdir().expect("a directory"));
        for name in names {
            users.command(&["add", name], name);
        }
        users
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("users")
    }

    /// `wharf user`, with this password.
    fn command(&self, arguments: &[&str], password: &str) {
        let file = ["--users", "users"];
        let stdin: &[&str] = if arguments[0] == "remove" { &[] } else { &["--password-stdin"] };
        let output = run(&[&["user"], arguments, stdin, &file].concat(), password, self.0.path());
        assert_eq!(output.code, Some(0), "{arguments:?}: {}", output.stderr);
    }

    fn serve(&self, allow: &[&str]) -> Wharf {
        let path = self.path();
        let state = tempfile::tempdir_in(self.0.path()).expect("a directory").keep();
        let [path, state] = [&path, &state].map(|path| path.to_str().expect("text"));
        let mut flags = vec!["--users", path, "--state", state];
        flags.extend(allow.iter().flat_map(|rule| ["--allow", rule]));
        Wharf::serve(&flags)
    }
}

fn ask_to_join(wharf: &Wharf, fields: &str, body: &str) -> Answer {
    wharf.ask("POST", "/.wharf/chat/join", fields, body.as_bytes())
}

/// The name and the header of a new member.
#[track_caller]
fn join(wharf: &Wharf, fields: &str, body: &str) -> (String, String) {
    let answer = ask_to_join(wharf, fields, body);
    assert_eq!(answer.code(), 200, "{body}: {}", answer.text());
    let joined: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let [user, token] = ["user", "token"].map(|key| joined[key].as_str().expect("text").to_owned());
    (user, format!("Wharf-Member: {token}\r\n"))
}

/// A user with its own password, and its member.
fn user(wharf: &Wharf, name: &str) -> String {
    let credentials = basic(name, name);
    let (_, member) = join(wharf, &credentials, "");
    credentials + &member
}

fn say(wharf: &Wharf, fields: &str, query: &str, text: &str) -> u16 {
    wharf.ask("POST", &format!("/.wharf/chat/messages{query}"), fields, text.as_bytes()).code()
}

#[test]
fn a_user_has_its_name_and_nobody_else_can_take_it() {
    let users = Users::new(&["ann", "bob", "ﬁona", "zoé"]);
    let wharf = users.serve(&["everyone=view,chat", "users=edit,chat"]);
    for (body, code) in [
        ("user=ann", 409),
        ("user=ANN", 409),
        ("user=fiona", 409),
        ("user=zo%c3%a9", 400),
        ("user=zoe", 200),
        ("user=carl", 200),
    ] {
        assert_eq!(ask_to_join(&wharf, "", body).code(), code, "{body}, while all users are away");
    }
    let taken = ask_to_join(&wharf, "", "user=ann").text();
    assert_eq!(taken, "the name ann is taken (choose another)\n", "as if she were there");
    let ann = basic("ann", "ann");
    let first = join(&wharf, &ann, "user=ann");
    for body in ["", "user=", "user=ANN", "user=%ef%bd%81nn", "x"] {
        assert_eq!(join(&wharf, &ann, body), first, "{body}: on another device");
    }
    assert_eq!(first.0, "ann");
    let refused = ask_to_join(&wharf, &ann, "user=bob");
    assert_eq!((refused.code(), &*refused.text()), (403, "you are ann here (join under this name)\n"));
    let (carl, bob) = (join(&wharf, "", "user=c").1, basic("bob", "bob"));
    for (case, fields, code) in [
        ("her own", format!("{ann}{}", first.1), 202),
        ("her token, without her", first.1.clone(), 403),
        ("her token, with another user", format!("{bob}{}", first.1), 403),
        ("nobody's token, with a user", format!("{ann}{carl}"), 403),
        ("without a token", ann.clone(), 403),
        ("without an account", carl.clone(), 202),
        ("where older clients put it", first.1.replace("Wharf-Member: ", "Authorization: Bearer "), 401),
    ] {
        assert_eq!(say(&wharf, &fields, "", "hi"), code, "{case}");
    }
    let zoe = user(&wharf, "zoé");
    let mut ear = Ear::open(&wharf, &zoe);
    assert_eq!(ear.hear_of(&["welcome"]).1["text"], "Welcome zoé to the server");
    assert_eq!(say(&wharf, &carl, "?to=ZOE%CC%81", "for zoé"), 202, "in another spelling");
    let (_, private) = ear.hear_of(&["private"]);
    assert_eq!((private["to"].as_str(), private["text"].as_str()), (Some("zoé"), Some("for zoé")));
}

#[test]
fn those_who_share_a_password_choose_their_names() {
    let place = tempfile::tempdir().expect("a directory");
    let file = place.path().join("password");
    fs::write(&file, "secret\n").expect("written");
    let [file, state] =
        [file, place.path().join("state")].map(|path| path.to_str().expect("text").to_owned());
    let wharf = Wharf::serve(&["--password-file", &file, "--state", &state]);
    let credentials = basic("whoever", "secret");
    let [ann, bob] = ["ann", "bob"].map(|name| join(&wharf, &credentials, &format!("user={name}")));
    assert_eq!((&*ann.0, &*bob.0), ("ann", "bob"));
    assert_eq!(ask_to_join(&wharf, &credentials, "user=Ann").code(), 409);
    assert_eq!(ask_to_join(&wharf, &credentials, "").code(), 400, "there is no name to have");
    assert_eq!(say(&wharf, &(credentials + &bob.1), "", "hi"), 202);
    assert_eq!(say(&wharf, &ann.1, "", "hi"), 401, "the password is needed");
}

#[test]
fn each_user_hears_of_what_it_may_list_and_of_no_gap() {
    let users = Users::new(&["ann", "bob"]);
    let wharf = users.serve(&["users=write,chat", "users=none@/closed", "ann=write@/closed"]);
    let [ann, bob] = ["ann", "bob"].map(|name| user(&wharf, name));
    let mut ears = [&ann, &bob].map(|fields| Ear::open(&wharf, fields));
    let poll = |fields: &str, since: &str| -> Value {
        let target = format!("/.wharf/chat/messages?since={since}");
        serde_json::from_slice(&wharf.ask("GET", &target, fields, b"").body).expect("JSON")
    };
    let last = |polled: &Value| polled["last"].as_str().expect("an id").to_owned();
    let paths = |polled: &Value| -> Vec<String> {
        let events = polled["events"].as_array().expect("events").iter();
        events.filter_map(|event| event["path"].as_str().map(str::to_owned)).collect()
    };
    let begin = last(&poll(&bob, ""));
    let quiet = [last(&poll(&bob, &begin)), last(&poll(&bob, &begin))];
    assert_ne!(quiet[0], quiet[1], "where a poll ends has another id each time");
    for target in ["/closed/1", "/open1", "/closed/2", "/closed/3", "/open2"] {
        // Without her token: the account says who it was.
        assert_eq!(wharf.ask("PUT", target, &basic("ann", "ann"), b"x").code(), 201, "{target}");
    }
    let all = ["closed/1", "open1", "closed/2", "closed/3", "open2"];
    for (ear, expected) in ears.iter_mut().zip([&all[..], &["open1", "open2"]]) {
        for path in expected {
            let (_, upload) = ear.hear_of(&["upload"]);
            assert_eq!((upload["path"].as_str(), upload["by"].as_str()), (Some(*path), Some("ann")));
        }
    }
    assert_eq!(paths(&poll(&ann, &begin)), all);
    let polled = poll(&bob, &begin);
    assert_eq!(paths(&polled), ["open1", "open2"]);
    // Continuing from an event that he saw, or from the end, shows him no other paths either.
    let first = polled["events"][0]["id"].as_str().expect("an id");
    assert_eq!(paths(&poll(&bob, first)), ["open2"]);
    wharf.ask("PUT", "/closed/4", &ann, b"x");
    let nothing = poll(&bob, &last(&polled));
    assert_eq!((paths(&nothing).len(), nothing["reset"].as_bool()), (0, Some(false)));
    let mut resumed = Ear::open(&wharf, &format!("{bob}Last-Event-ID: {}\r\n", last(&nothing)));
    assert_eq!(say(&wharf, &ann, "", "for all"), 202);
    assert_eq!(resumed.hear().expect("an event").event, "message", "the next event that he may see");
}

/// The rest of a stream, up to its end.
fn until_over(mut ear: Ear) {
    while ear.hear().is_some() {}
}

#[test]
fn a_membership_ends_with_the_account_and_with_every_change_of_it() {
    let users = Users::new(&["ann", "bob", "carl"]);
    users.command(&["add", "dora", "--group", "team"], "dora");
    let wharf = users.serve(&["everyone=view,chat", "users=edit,chat"]);
    let by_group = users.serve(&["ann,bob,carl=edit,chat", "%team=edit,chat"]);
    let [ann, bob, carl] = ["ann", "bob", "carl"].map(|name| user(&wharf, name));
    let mut ann_hears = Ear::open(&wharf, &ann);
    let mut ears = [&bob, &carl].map(|fields| Ear::open(&wharf, fields));
    for ear in &mut ears {
        ear.hear_of(&["welcome"]);
    }
    let [bob_hears, carl_hears] = ears;

    users.command(&["remove", "bob"], "");
    until_over(bob_hears);
    assert_eq!(ann_hears.hear_of(&["leave"]).1["text"], "[bob] has left the chat.");
    assert_eq!(say(&wharf, &bob, "", "x"), 401);
    assert_eq!(say(&wharf, bob.split_once("\r\n").expect("two").1, "", "x"), 403, "without an account");
    assert_eq!(ask_to_join(&wharf, "", "user=Bob").code(), 200, "the name is free");
    assert_eq!(ann_hears.hear_of(&["join"]).1["user"], "Bob");

    users.command(&["passwd", "carl"], "new");
    until_over(carl_hears);
    assert_eq!(ann_hears.hear_of(&["leave"]).1["user"], "carl");
    let old = carl.split_once("\r\n").expect("two").1;
    assert_eq!(say(&wharf, &(basic("carl", "new") + old), "", "x"), 403, "a membership is not inherited");
    let (_, again) = join(&wharf, &basic("carl", "new"), "");
    assert_eq!(say(&wharf, &(basic("carl", "new") + &again), "", "back"), 202);
    assert_eq!(ann_hears.hear_of(&["message"]).1["text"], "back", "who has not changed stays");

    // A user who changes the password with the page.
    let form = b"present=new&new=newer&again=newer";
    let changed = wharf.ask("POST", "/.wharf/password", &basic("carl", "new"), form);
    assert_eq!(changed.code(), 303, "{}", changed.text());
    assert_eq!(ann_hears.hear_of(&["leave"]).1["user"], "carl");

    // The name of a new user is no longer free.
    let bob_hears = Ear::open(&wharf, &join(&wharf, "", "user=eve").1);
    users.command(&["add", "EVE"], "eve");
    until_over(bob_hears);
    assert_eq!(ask_to_join(&wharf, "", "user=eve").code(), 409);

    // A user who loses the group that gives the right has to leave.
    let dora = user(&by_group, "dora");
    let dora_hears = Ear::open(&by_group, &dora);
    let file = fs::read_to_string(users.path()).expect("the users file");
    replace_users(&users.path(), &file.replace(":team", ""));
    until_over(dora_hears);
    assert_eq!(by_group.ask("GET", "/.wharf/chat/events", &dora, b"").code(), 404);

    fs::remove_file(users.path()).expect("it is there");
    until_over(ann_hears);
    assert_eq!(say(&wharf, &ann, "", "x"), 401, "there are no users");
}

#[test]
fn the_page_of_a_user_has_its_name() {
    let users = Users::new(&["ann", "bob"]);
    let wharf = users.serve(&["users=edit,chat"]);
    let Some(browser) = Browser::open() else { return };
    browser.go(&wharf.url("/?list"));
    browser.until("document.querySelector('.fields')");
    browser.type_into("#name", "ann");
    browser.type_into("#password", "ann");
    browser.click(".fields button");
    browser.until("document.querySelector('#room')");
    let field = "const user = document.querySelector('#user'); return [user.value, user.readOnly]";
    assert_eq!(browser.js(field), serde_json::json!(["ann", true]));
    browser.press("Join");
    says(&browser, "hello");
    hears(&browser, "you hello");
    let bob = user(&wharf, "bob");
    assert_eq!(say(&wharf, &bob, "?to=Ann", "for you"), 202);
    hears(&browser, "bob to you: for you");
    users.command(&["remove", "ann"], "");
    browser.until("document.querySelector('#talk').hidden");
    // The first request after that says that the session has ended, and the next ones that there is none.
    browser.until(
        "/authentication failed|log in first/.test(document.querySelector('#join .hint').textContent)",
    );
    eventually("she has left", || wharf.log().contains("ann left the chat"));
}
