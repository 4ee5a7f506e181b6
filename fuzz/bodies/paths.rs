//! Paths: every path that is opened is below the folder, and its name leads back to it.

use std::path::Component;

use wharf::http::target::{Target, encode_path, from_typed};
use wharf::path::{LONGEST_PATH, SharePath};

/// The bytes are a request target, an unencoded path, and a typed path.
pub(crate) fn check(data: &[u8]) {
    if let Ok(path) = SharePath::parse(data) {
        stays_beneath(&path);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(target) = Target::parse(text) {
        check_target(target);
    }
    let typed = from_typed(text);
    assert!(typed.starts_with('/') && !typed.starts_with("//"));
    assert!(Target::parse(&typed).is_ok(), "{typed:?}");
}

fn check_target(target: Target<'_>) {
    let Some(path) = target.path() else { return };
    assert!(path.raw().starts_with('/'));
    let Ok(segments) = path.segments().collect::<Result<Vec<_>, _>>() else { return };
    if let Ok(path) = SharePath::from_segments(&segments) {
        stays_beneath(&path);
        leads_back(&path);
    }
}

fn stays_beneath(path: &SharePath) {
    let bytes = path.as_bytes();
    assert!(bytes.len() <= LONGEST_PATH && !bytes.contains(&0));
    assert!(!bytes.starts_with(b"/") && !bytes.ends_with(b"/"));
    let mut segments = bytes.split(|&byte| byte == b'/');
    assert!(path.is_root() || segments.all(|segment| ![b"".as_slice(), b".", b".."].contains(&segment)));
    let beneath =
        |part| matches!(part, Component::Normal(_)) || (path.is_root() && part == Component::CurDir);
    assert!(path.as_path().components().all(beneath));
    let hidden = bytes.split(|&byte| byte == b'/').any(|segment| segment.starts_with(b"."));
    assert_eq!(path.has_hidden_segment(), hidden);
    assert!(hidden || !path.is_reserved());
    assert_eq!(SharePath::parse(bytes).as_ref(), Ok(path));
    if let (Some(parent), Some(name)) = (path.parent(), path.name()) {
        assert_eq!(parent.join(name).as_ref(), Ok(path));
    }
}

/// A path as the server prints it leads to the same path.
fn leads_back(path: &SharePath) {
    let location = format!("/{}", encode_path(path.as_bytes()));
    let Ok(Target::Origin(told)) = Target::parse(&location) else { panic!("{location:?}") };
    assert!(!location.starts_with("//"), "another host");
    let segments: Vec<_> = told.segments().collect::<Result<_, _>>().expect("the server's own");
    assert_eq!(SharePath::from_segments(&segments).as_ref(), Ok(path));
}
