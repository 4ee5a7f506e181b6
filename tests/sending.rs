//! `wharf put` sends directories and many files at once, and prints what it skips.

use std::fs;
use std::os::unix::fs::symlink;

use crate::common::{Wharf, root, run, sample};

#[test]
fn a_directory_is_sent_with_everything_in_it() {
    let wharf = Wharf::serve(&[]);
    let here = tempfile::tempdir().expect("a folder");
    for number in 0..60 {
        let directory = here.path().join(format!("top/{}", number % 7));
        fs::create_dir_all(&directory).expect("made");
        fs::write(directory.join(format!("{number} ?#%.bin")), sample(1000 * number, number as u64))
            .expect("written");
    }
    fs::write(here.path().join("top/large.bin"), sample(3 << 20, 99)).expect("written");
    fs::write(here.path().join("outside"), "x").expect("written");
    symlink("../outside", here.path().join("top/link")).expect("linked");
    let to = wharf.url("/in/");
    let output = run(&["put", "-R", "top", "--to", &to, "-j", "8"], "", here.path());
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(output.stderr, "skipped top/link: a symlink (--follow follows it)\n");
    assert_eq!(output.stdout.lines().count(), 61, "one line per file");
    for number in 0..60 {
        let name = format!("in/top/{}/{number} ?#%.bin", number % 7);
        assert!(wharf.read(&name) == sample(1000 * number, number as u64), "{name}");
    }
    assert!(wharf.read("in/top/large.bin") == sample(3 << 20, 99));
    let peers = |log: &str| {
        let lines = log.lines().filter(|line| line.contains("\"PUT "));
        let peers = lines.filter_map(|line| line.split_once(" \"PUT ")?.0.split_whitespace().last());
        peers.map(str::to_owned).collect::<std::collections::HashSet<_>>().len()
    };
    let peers = peers(&wharf.settled_log());
    assert!((2..=8).contains(&peers), "one connection per sender: {peers}");
    let output = run(&["put", "-R", "-L", "top", "--to", &to, "--serial"], "", here.path());
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    assert_eq!(wharf.read("in/top/link"), b"x");
}

#[test]
fn an_unchanged_file_is_not_sent_again() {
    let here = tempfile::tempdir().expect("a folder");
    let socket = here.path().join("s");
    let wharf = Wharf::serve(&["--on-conflict", "rename", "--unix", socket.to_str().expect("text")]);
    let dir = here.path().join("d");
    fs::create_dir(&dir).expect("made");
    for (name, length) in [("empty", 0), ("a ?#%", 1000), ("large", 3 << 20)] {
        fs::write(dir.join(name), sample(length, 1)).expect("written");
    }
    let put = |to: &str, more: &[&str]| {
        let output = run(&[&["put", "-R", "d", "--serial", "--to", to], more].concat(), "", here.path());
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
        output.stdout
    };
    assert_eq!(put(&wharf.url("/"), &[]).matches("201 Created").count(), 3);
    for to in [wharf.url("/"), format!("unix:{}", socket.display())] {
        let said = "unchanged: /d/a ?#%, 1000 B\nunchanged: /d/empty, 0 B\nunchanged: /d/large, 3.0 MiB\n";
        assert_eq!(put(&to, &[]), said);
    }
    // Other content of the same length and timestamp, and content of another length.
    let before = fs::metadata(dir.join("large")).and_then(|facts| facts.modified()).expect("a time");
    fs::write(dir.join("large"), sample(3 << 20, 2)).expect("written");
    let large = fs::File::options().write(true).open(dir.join("large")).expect("there");
    large.set_modified(before).expect("set");
    fs::write(dir.join("empty"), "x").expect("written");
    let said = put(&wharf.url("/"), &[]);
    assert_eq!((said.matches("unchanged").count(), said.matches("201 Created").count()), (1, 2), "{said}");
    assert!(wharf.read("d/large (1)") == sample(3 << 20, 2));
    assert_eq!(put(&wharf.url("/"), &["--force"]).matches("201 Created").count(), 3);
    assert_eq!(wharf.read("d/a ?#% (1)"), sample(1000, 1));
}

/// Each row of the table in docs/client.md: what is typed, and where it lands.
fn documented_rows() -> Vec<(String, String)> {
    let page = fs::read_to_string(root().join("docs/client.md")).expect("a page");
    let section = page.split("## Where uploads land\n").nth(1).expect("a section");
    let rows =
        section.lines().skip_while(|line| !line.starts_with("| `")).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| row.split('`').map(str::to_owned).collect::<Vec<_>>();
    rows.map(cells).map(|cells| (cells[1].clone(), cells[3].clone())).collect()
}

#[test]
fn files_and_directories_land_where_documented() {
    let (wharf, place) = (Wharf::serve(&[]), tempfile::tempdir().expect("a folder"));
    // The current directory and its parent, which the page calls `/x`.
    let here = place.path().join("here");
    for name in [
        "here/a/b/c.txt",
        "here/c.txt",
        "here/dir/c.txt",
        "here/a/dir/c.txt",
        "a/b/c.txt",
        "c.txt",
        "dir/c.txt",
    ] {
        let path = place.path().join(name);
        fs::create_dir_all(path.parent().expect("a directory"))
            .and_then(|()| fs::write(path, name))
            .expect("written");
    }
    let rows = documented_rows();
    assert!(rows.len() > 9, "{rows:?}");
    for (number, (typed, lands)) in rows.iter().enumerate() {
        let mine = |text: &str| text.replace("/x/", &format!("{}/", place.path().display()));
        let typed = mine(typed).replace("http://HOST/in/", &wharf.url(&format!("/{number}/")));
        let words: Vec<_> = typed.split_whitespace().skip(1).collect();
        let output = run(&words, "", &here);
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{typed}: {output:?}");
        let lands = lands.replacen("/in/", &format!("{number}/"), 1);
        let files: Vec<_> = wharf
            .tree()
            .into_iter()
            .filter(|name| name.starts_with(&format!("{number}/")) && !name.ends_with('/'))
            .collect();
        let is_one = !words.contains(&"-R") && files.len() == 1;
        assert!(
            files.contains(&lands) && (is_one || words.contains(&"-R")),
            "{typed}: {files:?}, not {lands}"
        );
    }
    let output = run(&["put", "a", "--to", &wharf.url("/7/")], "", &here);
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(1), "a is a directory (wharf put -R sends directories)\n"),
        "without -R"
    );
}

#[test]
fn an_address_without_a_final_slash_names_the_file() {
    let here = tempfile::tempdir().expect("a folder");
    let socket = here.path().join("s");
    let wharf = Wharf::serve(&["--udp", "0", "--unix", socket.to_str().expect("text")]);
    fs::create_dir_all(here.path().join("a/b")).expect("made");
    fs::write(here.path().join("a/b/c.txt"), "c").expect("written");
    let places = [
        (wharf.url("/new.txt"), "new.txt"),
        (wharf.url("/made/100%25 new"), "made/100% new"),
        (format!("unix:{}!/u.txt", socket.display()), "u.txt"),
        (format!("tftp://{}/t%20t", wharf.tftp()), "t t"),
        (format!("tftp://{}/made/t", wharf.tftp()), "made/t"),
    ];
    for (place, name) in &places {
        let output = run(&["put", "a/b/c.txt", "--to", place], "", here.path());
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{place}: {output:?}");
        assert_eq!(wharf.read(name), b"c", "{place}");
    }
    let again = run(&["put", "a/b/c.txt", "--to", &wharf.url("/new.txt")], "", here.path());
    assert_eq!(again.stdout, "unchanged: /new.txt, 1 B\n");
    let output = run(&["put", "a/b/c.txt", "--to", &wharf.url("/made")], "", here.path());
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("a directory has that name"), "{output:?}");
}

#[test]
fn the_prompt_uploads_under_another_name() {
    let (wharf, here) = (Wharf::serve(&["--udp", "0"]), tempfile::tempdir().expect("a folder"));
    fs::create_dir(here.path().join("d")).expect("made");
    fs::write(here.path().join("d/a"), "a").expect("written");
    for (address, dir) in [(wharf.address().to_string(), "h"), (format!("tftp://{}", wharf.tftp()), "t")] {
        let lines = format!("put d/a as {dir}/b\nput d/a {dir}/c\nput d/a as {dir}/e/\nput d/a\n");
        let output = run(&["client", &address], &lines, here.path());
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
        for name in ["b", "c", "e/a"] {
            assert_eq!(wharf.read(&format!("{dir}/{name}")), b"a", "{address}: {name}");
        }
        fs::remove_file(wharf.folder().join("d/a")).expect("it was uploaded under its own path");
    }
}

#[test]
fn the_later_of_two_files_with_the_same_name_wins() {
    let wharf = Wharf::serve(&[]);
    let here = tempfile::tempdir().expect("a folder");
    for (dir, content) in [("x", "first"), ("y", "second")] {
        fs::create_dir(here.path().join(dir)).expect("made");
        fs::write(here.path().join(dir).join("a"), content).expect("written");
    }
    let [x, y] = ["x/a", "y/a"].map(|name| here.path().join(name).display().to_string());
    for _ in 0..5 {
        let output = run(&["put", &x, &y, "--to", &wharf.url("/")], "", here.path());
        assert_eq!(output.code, Some(0), "{output:?}");
        assert_eq!(wharf.read("a"), b"second");
    }
}

#[test]
fn a_rejected_file_does_not_stop_the_others() {
    let wharf = Wharf::serve(&["--max-upload", "2M"]);
    let here = tempfile::tempdir().expect("a folder");
    fs::create_dir(here.path().join("d")).expect("made");
    for (name, length) in [(".hidden", 1), ("large", 3 << 20), ("fine", 1 << 20), ("small", 1)] {
        fs::write(here.path().join("d").join(name), sample(length, 1)).expect("written");
    }
    let output = run(&["put", "-R", "d", "--to", &wharf.url("/")], "", here.path());
    assert_eq!(output.code, Some(1), "{output:?}");
    let mut said: Vec<_> = output.stderr.lines().collect();
    said.sort_unstable();
    let expected = [
        "d/.hidden: 404 Not Found: there is nothing of that name",
        "d/large: 413 Content Too Large: the file is larger than the 2097152 bytes allowed",
    ];
    assert_eq!(said, expected);
    assert_eq!(output.stdout.lines().count(), 2);
    let unseen = |name: &String| !name.starts_with(".wharf");
    assert_eq!(wharf.tree().into_iter().filter(unseen).collect::<Vec<_>>(), ["d/", "d/fine", "d/small"]);
}

#[test]
fn directories_are_sent_over_tftp_and_a_socket_too() {
    let here = tempfile::tempdir().expect("a folder");
    let socket = here.path().join("s");
    let wharf = Wharf::serve(&["--udp", "0", "--unix", socket.to_str().expect("text")]);
    fs::create_dir(here.path().join("d")).expect("made");
    for name in ["a", "b"] {
        fs::write(here.path().join("d").join(name), sample(2 << 20, 3)).expect("written");
    }
    let places = [format!("tftp://{}/1/", wharf.tftp()), format!("unix:{}!/2/", socket.display())];
    for (place, dir) in places.iter().zip(["1", "2"]) {
        let output = run(&["put", "-R", "d", "--to", place], "", here.path());
        assert_eq!((output.code, output.stdout.lines().count()), (Some(0), 2), "{output:?}");
        for name in ["a", "b"] {
            assert!(wharf.read(&format!("{dir}/d/{name}")) == sample(2 << 20, 3), "{place}");
        }
    }
    assert!(!wharf.settled_log().contains("/.wharf/uploads/"), "no retries on one machine");
}
