//! README and docs are correct: their examples run, their links work, and their lists of flags are complete.
//!
//! Each page has a server and a directory of its own, so its examples depend only on earlier examples of the
//! same page.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{Wharf, copy, outside, root, run};

/// The maximum number of words in README.md.
const README_WORDS: usize = 1200;

/// The maximum number of words in a sentence of README.md, docs/ and the other pages for users.
const SENTENCE_WORDS: usize = 25;

/// Directories whose Markdown files are checked for dead links.
const LINKED: [&str; 5] = ["", "docs", "deploy", "benches", "fuzz"];

/// The flags with which the examples of a page may change everything.
const EDIT: [&str; 2] = ["--allow", "everyone=edit,chat"];

/// The commands whose flags are in one table.
const CHANGES: [&str; 8] = ["rm", "mv", "cp", "mkdir", "undo", "trash list", "trash restore", "trash empty"];

/// A Markdown file.
struct Page {
    path: PathBuf,
    text: String,
}

/// A server of `www` over HTTP and TFTP, and a directory in which the relative paths of the examples exist.
struct Stage {
    wharf: Wharf,
    place: tempfile::TempDir,
}

impl Page {
    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path, text }
    }

    /// All pages below a directory of the repository.
    fn all_in(directory: &str) -> Vec<Self> {
        let entries = fs::read_dir(root().join(directory)).expect("a directory");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let mut paths: Vec<_> =
            paths.filter(|path| path.extension().is_some_and(|ext| ext == "md")).collect();
        paths.sort();
        paths.into_iter().map(Self::read).collect()
    }

    fn readme() -> Self {
        Self::read(root().join("README.md"))
    }

    /// What a user reads: README.md and docs/.
    fn manual() -> Vec<Self> {
        let mut pages = Self::all_in("docs");
        pages.push(Self::readme());
        pages
    }

    fn name(&self) -> String {
        self.path.strip_prefix(root()).unwrap_or(&self.path).display().to_string()
    }

    /// The contents of the fenced blocks of this kind.
    fn blocks(&self, kind: &str) -> Vec<&str> {
        let fence = format!("```{kind}\n");
        let starts: Vec<_> = self.text.match_indices(&fence).map(|(at, _)| at + fence.len()).collect();
        starts.iter().map(|at| self.text[*at..].split("```").next().unwrap_or_default()).collect()
    }

    /// The text without its fenced blocks.
    fn prose(&self) -> String {
        let parts = self.text.split("\n```").enumerate().filter(|(at, _)| at % 2 == 0);
        // The first line after a fence is the rest of the closing fence.
        parts.map(|(_, part)| part).collect::<Vec<_>>().join("\n\n")
    }

    /// The anchors of its headings, as GitHub makes them.
    fn anchors(&self) -> BTreeSet<String> {
        let prose = self.prose();
        let headings = prose.lines().filter(|line| line.starts_with('#'));
        headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
    }
}

impl Stage {
    /// With the flags that the page says.
    fn of(page: &Page) -> Self {
        let says_edit = page.text.contains(&format!("`wharf serve www {}`", EDIT.join(" ")));
        let own: &[&str] = if says_edit { &EDIT } else { &[] };
        let wharf = Wharf::serve(&[&["--udp", "0"], own].concat());
        copy(&root().join("www"), &wharf.folder());
        let place = tempfile::tempdir().expect("a directory");
        copy(&root().join("client_requests"), &place.path().join("client_requests"));
        Self { wharf, place }
    }

    /// Runs an example with this server's ports in place of the default ones; returns what it prints on stdout and stderr.
    fn run(&self, command: &str) -> (String, String) {
        let port = |address: std::net::SocketAddr| address.port().to_string();
        let mut command = command.replace("8080", &port(self.wharf.address()));
        if command.contains("6969") {
            command = command.replace("6969", &port(self.wharf.tftp()));
        }
        let binary = Path::new(env!("CARGO_BIN_EXE_wharf")).parent().expect("a directory").display();
        let path = format!("{binary}:{}", std::env::var("PATH").unwrap_or_default());
        let output = Command::new("sh")
            .args(["-c", &command])
            .current_dir(self.place.path())
            .env("PATH", path)
            .env("XDG_STATE_HOME", self.place.path())
            .output()
            .expect("a shell");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr))
    }
}

/// A heading's anchor: lower case, without punctuation, with hyphens for spaces.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// Replaces times, dates and tokens, which differ from run to run.
fn normalised(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let words: Vec<_> = line.split(' ').collect();
        let is_time = |at: usize| {
            words.get(at + 1).is_some_and(|unit| matches!(unit.trim_end_matches(','), "ms" | "s"))
        };
        let words = words.iter().enumerate().map(|(at, word)| match word {
            _ if is_time(at) && word.parse::<f64>().is_ok() => "TIME",
            word if word.ends_with('Z') && word.contains('T') => "DATE",
            word => word,
        });
        words.collect::<Vec<_>>().join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn console_examples_print_what_the_page_shows() {
    if outside("curl").is_none() {
        return;
    }
    for page in Page::manual() {
        let blocks = page.blocks("console");
        if blocks.is_empty() {
            continue;
        }
        let stage = Stage::of(&page);
        for example in blocks.iter().flat_map(|block| block.split("$ ").skip(1)) {
            let (command, expected) = example.split_once('\n').expect("a command and its output");
            let (printed, errors) = stage.run(command);
            assert_eq!(normalised(&printed), normalised(expected), "{}: $ {command}\n{errors}", page.name());
        }
    }
}

#[test]
fn every_page_of_the_manual_has_an_example() {
    // docs/architecture.md is for developers and has nothing to run.
    for page in Page::manual().into_iter().filter(|page| !page.path.ends_with("architecture.md")) {
        let kinds = ["console", "client", "script"];
        let count: usize = kinds.iter().map(|kind| page.blocks(kind).len()).sum();
        assert!(count > 0, "{} has no example that a test runs", page.name());
    }
}

#[test]
fn prompts_answer_as_the_page_shows() {
    for page in Page::manual() {
        for conversation in page.blocks("client") {
            let stage = Stage::of(&page);
            let (typed, shown): (Vec<_>, Vec<_>) =
                conversation.lines().partition(|line| line.starts_with("wharf> "));
            let input: String = typed.iter().flat_map(|line| [&line["wharf> ".len()..], "\n"]).collect();
            let address = stage.wharf.address().to_string();
            let output = run(&["client", &address], &input, stage.place.path());
            let mut printed: HashMap<String, usize> = HashMap::new();
            for line in output.stdout.lines().chain(output.stderr.lines()) {
                *printed.entry(normalised(line)).or_default() += 1;
            }
            for line in shown {
                let left = printed.get_mut(&normalised(line)).filter(|left| **left > 0);
                *left.unwrap_or_else(|| panic!("{}: never printed: {line}\n{output:?}", page.name())) -= 1;
            }
        }
    }
}

#[test]
fn scripts_succeed() {
    for page in Page::manual() {
        for script in page.blocks("script") {
            let stage = Stage::of(&page);
            fs::write(stage.place.path().join("client_requests/shop.txt"), script).expect("written");
            let port = stage.wharf.address().port().to_string();
            let args = ["replay", "client_requests/shop.txt", "127.0.0.1", &port];
            let output = run(&args, "", stage.place.path());
            assert_eq!(output.code, Some(0), "{}: {output:?}", page.name());
        }
    }
}

/// The long flags in a text.
fn flags(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| c.is_whitespace() || "`,|<=[]()".contains(c));
    words
        .filter(|word| word.strip_prefix("--").is_some_and(|name| name.starts_with(char::is_alphabetic)))
        .map(str::to_owned)
        .collect()
}

/// The help of a command, such as `get` or `user add`.
fn help(command: &str) -> String {
    let words: Vec<_> = command.split(' ').chain(["--help"]).collect();
    run(&words, "", &root()).stdout
}

/// The flags in the help of a command.
fn flags_in_help(command: &str) -> BTreeSet<String> {
    let help = help(command);
    let options = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    // Two spaces separate an option from its description.
    let options = options.filter_map(|line| line.split("  ").next());
    let mut known = flags(&options.collect::<Vec<_>>().join(" "));
    known.remove("--help");
    known
}

/// The page with the one heading of this name, and the rows of the table below it.
fn table(pages: &[Page], heading: &str) -> (String, Vec<String>) {
    let heading = format!("## The flags of {heading}\n");
    let tables: Vec<_> =
        pages.iter().filter_map(|page| Some((page.name(), page.text.split(&heading).nth(1)?))).collect();
    let [(name, section)] = tables.as_slice() else {
        panic!("{} pages have the heading {heading}", tables.len())
    };
    let section = section.split("\n#").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")).map(str::to_owned);
    (name.clone(), rows.collect())
}

#[test]
fn every_command_has_a_complete_table_of_flags() {
    let pages = Page::manual();
    for command in ["serve", "get", "put", "list", "client", "chat", "replay"] {
        let (name, rows) = table(&pages, &format!("`wharf {command}`"));
        // The first cell of each row; the others may mention flags of other commands.
        let cells: Vec<_> = rows.iter().filter_map(|row| row.split(" | ").next()).collect();
        assert_eq!(flags(&cells.join(" ")), flags_in_help(command), "{name}, of wharf {command}");
    }
    let (name, rows) = table(&pages, "`wharf rm`, `mv`, `cp`, `mkdir`, `undo` and `trash`");
    for command in CHANGES {
        let is_of = |of: &&str| *of == "all" || of.split(", ").any(|of| of.trim_matches('`') == command);
        let cells =
            rows.iter().filter_map(|row| row.split(" | ").nth(1).filter(is_of).and(row.split(" | ").next()));
        assert_eq!(
            flags(&cells.collect::<Vec<_>>().join(" ")),
            flags_in_help(command),
            "{name}, of wharf {command}"
        );
    }
}

#[test]
fn commands_use_flags_that_exist() {
    for page in Page::manual().into_iter().chain(Page::all_in("deploy")) {
        for line in ["sh", "console"].iter().flat_map(|kind| page.blocks(kind)).flat_map(str::lines) {
            let line = line.split(" # ").next().unwrap_or_default();
            for call in line.split(['|', ';', '&']).filter_map(|part| part.split("wharf ").nth(1)) {
                let words: Vec<_> = call.split(' ').collect();
                let command = match words[..] {
                    [family @ ("user" | "token" | "trash"), name, ..] => format!("{family} {name}"),
                    [name, ..] => name.to_owned(),
                    [] => String::new(),
                };
                let known = flags(&help(&command));
                let unknown: Vec<_> = flags(call).difference(&known).cloned().collect();
                assert!(unknown.is_empty(), "{}: wharf {command} has no {unknown:?}: {line}", page.name());
            }
        }
    }
}

/// The targets of the Markdown links and HTML pictures in a text.
fn links(text: &str) -> Vec<&str> {
    let after = |open: &'static str, close: char| {
        text.split(open).skip(1).filter_map(move |rest| Some(rest.split_once(close)?.0))
    };
    after("](", ')').chain(after("src=\"", '"')).collect()
}

#[test]
fn relative_links_work() {
    for page in LINKED.iter().flat_map(|directory| Page::all_in(directory)) {
        for link in links(&page.prose()).into_iter().filter(|link| !link.contains("://")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => page.path.clone(),
                path => page.path.parent().expect("a directory").join(path),
            };
            assert!(target.exists(), "{}: {link}: there is no such file", page.name());
            let has_anchor = anchor.is_empty() || Page::read(target).anchors().contains(anchor);
            assert!(has_anchor, "{}: {link}: there is no such heading", page.name());
        }
    }
}

#[test]
fn files_named_in_the_text_exist() {
    for page in LINKED.iter().flat_map(|directory| Page::all_in(directory)) {
        let prose = page.prose();
        let spans = prose.split('`').enumerate().filter(|(at, _)| at % 2 == 1).map(|(_, span)| span);
        let places = ["src/", "tests/", "fuzz/", "benches/", "docs/", "deploy/", "client_requests/", ".ci/"];
        for path in spans.filter(|span| places.iter().any(|place| span.starts_with(place))) {
            assert!(root().join(path).exists(), "{}: there is no {path}", page.name());
        }
    }
}

#[test]
fn the_readme_is_short() {
    let words = Page::readme().text.split_whitespace().count();
    assert!(words <= README_WORDS, "README.md has {words} words, of at most {README_WORDS}");
}

/// Splits prose into blocks that no sentence crosses: paragraphs, headings, items of lists and cells of tables.
fn paragraphs(prose: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for line in prose.lines() {
        let begins = line.is_empty() || line.starts_with(['#', '<', '!']) || is_item(line.trim_start());
        for (at, part) in line.split(if line.starts_with('|') { " | " } else { "\n" }).enumerate() {
            match all.last_mut() {
                Some(last) if !begins && !line.starts_with('|') && at == 0 => {
                    last.push(' ');
                    last.push_str(part);
                }
                _ => all.push(part.to_owned()),
            }
        }
    }
    all
}

fn is_item(line: &str) -> bool {
    line.starts_with("- ") || line.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok())
}

#[test]
fn sentences_are_short() {
    let others =
        ["SECURITY.md", "CONTRIBUTING.md", "deploy/README.md"].map(|path| Page::read(root().join(path)));
    let mut long = Vec::new();
    for page in Page::manual().into_iter().chain(others) {
        for paragraph in paragraphs(&page.prose()) {
            let ends = |word: &str| word.trim_end_matches([')', '*', '"']).ends_with(['.', '?', '!']);
            let words: Vec<_> = paragraph.split_whitespace().collect();
            let sentences = words.split_inclusive(|word| ends(word));
            let too_long = sentences.filter(|sentence| sentence.len() > SENTENCE_WORDS);
            long.extend(
                too_long.map(|words| format!("{}: {} words: {}", page.name(), words.len(), words.join(" "))),
            );
        }
    }
    assert!(long.is_empty(), "sentences of more than {SENTENCE_WORDS} words:\n{}", long.join("\n"));
}
