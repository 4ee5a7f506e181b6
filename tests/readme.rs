//! What the README shows is what happens: its commands are run, and what they print is compared with what it says.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::{Wharf, copy, outside, root, run};

/// A fenced block: what stands behind its fence, and its lines.
fn blocks(kind: &str) -> Vec<String> {
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    let fence = format!("```{kind}\n");
    let found = readme.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap_or("").to_owned());
    found.collect()
}

/// A server of `www`, and a place where the README's relative paths lead somewhere.
fn stage() -> (Wharf, tempfile::TempDir) {
    let wharf = Wharf::serve(&[]);
    copy(&root().join("www"), &wharf.folder());
    let place = tempfile::tempdir().expect("a folder");
    copy(&root().join("client_requests"), &place.path().join("client_requests"));
    (wharf, place)
}

/// Times and dates as they differ from run to run, made alike.
fn settled(text: &str) -> String {
    let words = text.lines().map(|line| {
        let words: Vec<_> = line.split(' ').collect();
        let is_time = |at: usize| {
            words.get(at + 1).is_some_and(|unit| matches!(unit.trim_end_matches(','), "ms" | "s"))
        };
        let settled = words.iter().enumerate().map(|(at, word)| match word {
            _ if is_time(at) && word.parse::<f64>().is_ok() => "TIME",
            word if word.ends_with('Z') && word.contains('T') => "DATE",
            word => word,
        });
        settled.collect::<Vec<_>>().join(" ")
    });
    words.collect::<Vec<_>>().join("\n")
}

#[test]
fn its_commands_print_what_it_says() {
    if outside("curl").is_none() {
        return;
    }
    let (wharf, place) = stage();
    let port = wharf.address().port().to_string();
    let path = format!("{}:{}", binary_folder(), std::env::var("PATH").unwrap_or_default());
    let mut commands = 0;
    for block in blocks("console") {
        for example in block.split("$ ").skip(1) {
            let (command, expected) = example.split_once('\n').expect("a command and what it prints");
            let command = command.replace("8080", &port);
            let output = Command::new("sh")
                .args(["-c", &command])
                .current_dir(place.path())
                .env("PATH", &path)
                .output()
                .expect("a shell");
            let printed = String::from_utf8_lossy(&output.stdout);
            assert_eq!(
                settled(&printed),
                settled(expected),
                "$ {command}\n{}",
                String::from_utf8_lossy(&output.stderr)
            );
            commands += 1;
        }
    }
    assert!(commands >= 7, "only {commands} commands were found in the README");
}

/// The binary under test, by its own name.
fn binary_folder() -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_wharf"));
    binary.parent().expect("a folder").to_string_lossy().into_owned()
}

#[test]
fn its_conversation_goes_as_it_says() {
    let (wharf, place) = stage();
    let [conversation] = blocks("client").try_into().expect("one conversation");
    let (said, heard): (Vec<_>, Vec<_>) = conversation.lines().partition(|line| line.starts_with("wharf> "));
    let input: String = said.iter().flat_map(|line| [&line["wharf> ".len()..], "\n"]).collect();
    let output = run(&["client", &wharf.address().to_string()], &input, place.path());
    let mut lines: HashMap<String, usize> = HashMap::new();
    for line in output.stdout.lines().chain(output.stderr.lines()) {
        *lines.entry(settled(line)).or_default() += 1;
    }
    for line in heard {
        let left = lines.get_mut(&settled(line)).filter(|left| **left > 0);
        *left.unwrap_or_else(|| panic!("never said: {line}\n{output:?}")) -= 1;
    }
}

#[test]
fn its_script_holds() {
    let (wharf, place) = stage();
    let [script] = blocks("script").try_into().expect("one script");
    fs::write(place.path().join("client_requests/shop.txt"), script).expect("written");
    let port = wharf.address().port().to_string();
    let output = run(&["replay", "client_requests/shop.txt", "127.0.0.1", &port], "", place.path());
    assert_eq!(output.code, Some(0), "{output:?}");
}

#[test]
fn its_flags_are_the_programs() {
    let help = run(&["serve", "--help"], "", &root()).stdout;
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    let flags = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| c.is_whitespace() || "`,|<=".contains(c));
        words.filter(|word| word.starts_with("--") && !word.ends_with('-')).map(str::to_owned).collect()
    };
    let section =
        readme.split("## The flags of").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("a table");
    let told = flags(section);
    for flag in flags(&help).into_iter().filter(|flag| flag != "--help") {
        assert!(told.contains(&flag), "the README's table lacks {flag}");
    }
    for flag in told.iter().filter(|flag| *flag != "--help" && *flag != "--ip") {
        assert!(help.contains(flag.as_str()), "wharf serve has no {flag}");
    }
}
