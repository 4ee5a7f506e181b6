//! What everybody may do without any rule: clients on other machines may do less.

use std::env;
use std::net::{IpAddr, SocketAddr};
use std::process::Stdio;

use crate::common::{Answer, Running, Tftp, Wharf, Wire, outside, run, skip};

/// An address that only a network of the tests has.
const ELSEWHERE: [u8; 4] = [192, 0, 2, 1];

/// Set in the network that a test has made.
const NETWORK: &str = "WHARF_TEST_NETWORK";

/// Runs a test once more, in a network of its own, where the machine has another address too. Whether this is that run.
fn in_own_network(test: &str) -> bool {
    if env::var_os(NETWORK).is_some() {
        return true;
    }
    let Some(mut unshare) = outside("unshare") else { return false };
    let script = "ip link set lo up && ip addr add 192.0.2.1/32 dev lo || exit 77; exec \"$0\" --exact \"$1\" --nocapture";
    let this = env::current_exe().expect("a path");
    unshare.args(["-rn", "sh", "-c", script]).arg(this).arg(test).env(NETWORK, "1");
    let output = Running::start(unshare.stdout(Stdio::piped()).stderr(Stdio::piped())).output();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (said(&output.stdout), said(&output.stderr));
    if output.status.code() == Some(77) || stderr.contains("unshare failed") {
        skip("a network namespace cannot be made here");
    } else {
        assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}\n{stderr}");
    }
    false
}

/// A server on all addresses, and a client at one of them.
struct Visitor<'w> {
    wharf: &'w Wharf,
    address: IpAddr,
}

impl Visitor<'_> {
    /// The server at the address of the client, so that the connection comes from there.
    fn server(&self) -> SocketAddr {
        (self.address, self.wharf.address().port()).into()
    }

    fn ask(&self, method: &str, target: &str, fields: &str, body: &[u8]) -> Answer {
        Wire::connect(self.server()).ask(method, target, fields, body)
    }

    fn tftp(&self) -> Tftp {
        Tftp::at(self.address, (self.address, self.wharf.tftp().port()).into())
    }
}

const FORM: &str = "Content-Type: multipart/form-data; boundary=b\r\n";

fn form(name: &str) -> Vec<u8> {
    format!("--b\r\nContent-Disposition: form-data; name=f; filename={name}\r\n\r\nnew\r\n--b--\r\n")
        .into_bytes()
}

/// What a client reports if it may not replace a file.
const KEPT: &str = "a file of that name exists, and may not be replaced (choose another name)";

#[test]
fn only_programs_on_this_machine_replace_files() {
    if !in_own_network("rights::defaults::only_programs_on_this_machine_replace_files") {
        return;
    }
    let far = || IpAddr::from(ELSEWHERE);
    let near = || IpAddr::from([127, 0, 0, 1]);
    let table: [(&[&str], IpAddr, bool, bool); 7] = [
        (&[], near(), true, true),
        (&[], far(), true, false),
        (&["--on-conflict", "refuse"], near(), true, false),
        (&["--read-only"], near(), false, false),
        (&["--read-only"], far(), false, false),
        (&["--allow", "everyone=write,chat"], far(), true, true),
        (&["--trust-proxy", "203.0.113.1"], near(), true, false),
    ];
    for (flags, address, may_add, may_replace) in table {
        let wharf = Wharf::serve(&[&["--ip", "0.0.0.0", "--udp", "0", "--no-sync"], flags].concat());
        for name in ["a", "b", "c", "d", "e"] {
            wharf.write(name, "old");
        }
        let visitor = Visitor { wharf: &wharf, address };
        let case = format!("{flags:?} from {address}");
        let code = |when_new: u16| if may_add { when_new } else { 403 };
        let code_taken = |when_replaced: u16| match (may_add, may_replace) {
            (false, _) => 403,
            (true, false) => 409,
            (true, true) => when_replaced,
        };
        let page = visitor.ask("GET", "/", "Accept: text/html\r\n", b"");
        assert_eq!(page.code(), 200, "{case}");
        let conflict = if may_replace { "overwrite" } else { "refuse" };
        let offered = page.text().contains(&format!("data-conflict=\"{conflict}\""));
        assert_eq!(offered, may_add, "{case}: {}", page.text());
        assert_eq!(visitor.ask("POST", "/.wharf/chat/join", "", b"user=ann").code(), 200, "{case}");
        for (method, target, fields, body, expected) in [
            ("GET", "/a", "", vec![], 200),
            ("PUT", "/new/1", "", b"new".to_vec(), code(201)),
            ("POST", "/new/2", "", b"new".to_vec(), code(200)),
            ("POST", "/", FORM, form("new3"), code(200)),
            ("MKCOL", "/new4", "", vec![], code(201)),
            ("PUT", "/a", "", b"new".to_vec(), code_taken(204)),
            ("POST", "/b", "", b"new".to_vec(), code_taken(200)),
            ("POST", "/", FORM, form("c"), code_taken(200)),
        ] {
            let answer = visitor.ask(method, target, fields, &body);
            assert_eq!(answer.code(), expected, "{case}: {method} {target}: {}", answer.text());
            assert_eq!(answer.code() == 409, answer.text().contains(KEPT), "{case}: {}", answer.text());
        }
        let put = |name: &str| {
            visitor.tftp().put(name, &[], b"new").err().map(|(code, said)| (code, said.contains(KEPT)))
        };
        let refused = |error| if may_add { error } else { Some((2, false)) };
        assert_eq!(put("new5"), refused(None), "{case}");
        assert_eq!(put("d"), refused((!may_replace).then_some((6, true))), "{case}");
        let place = tempfile::tempdir().expect("a folder");
        std::fs::write(place.path().join("e"), "new").expect("written");
        let to = format!("http://{}", visitor.server());
        let output = run(&["put", "e", "--retries", "0", "--to", &to], "", place.path());
        assert_eq!(output.code == Some(0), may_replace, "{case}: {output:?}");
        assert_eq!(output.stderr.contains(KEPT), may_add && !may_replace, "{case}: {output:?}");
        for name in ["a", "b", "c", "d", "e"] {
            let expected = if may_replace { "new" } else { "old" };
            assert_eq!(String::from_utf8_lossy(&wharf.read(name)), expected, "{case}: {name}");
        }
    }
}

#[test]
fn clients_of_a_proxy_replace_no_file_whatever_they_say() {
    let place = tempfile::tempdir().expect("a folder");
    let socket = place.path().join("s");
    let at = ["--unix", socket.to_str().expect("text"), "--no-sync"];
    let header = "PROXY TCP4 127.0.0.1 127.0.0.1 5000 80\r\n";
    let table: [(&[&str], &str, u16); 4] = [
        (&[], "", 204),
        (&["--trust-proxy", "127.0.0.1"], "", 409),
        (&["--trust-proxy", "unix"], "", 409),
        (&["--trust-proxy", "127.0.0.1", "--proxy-protocol"], header, 409),
    ];
    for (flags, first, code) in table {
        let wharf = Wharf::serve(&[&at, flags].concat());
        wharf.write("a", "old");
        for fields in
            ["", "X-Forwarded-For: 127.0.0.1\r\n", "X-Forwarded-For: ::1\r\nForwarded: for=127.0.0.1\r\n"]
        {
            let answer = wharf.connect().send(first).ask("PUT", "/a", fields, b"new");
            assert_eq!(answer.code(), code, "{flags:?} {fields:?}: {}", answer.text());
            assert_eq!(
                wharf.connect().send(first).ask("PUT", "/new", fields, b"new").code() / 100,
                2,
                "{flags:?}"
            );
            std::fs::remove_file(wharf.folder().join("new")).expect("it was saved");
        }
    }
}
