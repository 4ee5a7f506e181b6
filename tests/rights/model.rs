//! The expected results of the rules, from an independent model.

use super::caller::{By, Caller, Kind, TOKEN_PATH};
use super::dav_model;

/// The rules of the servers. What no deeper rule names can be viewed.
pub const RULES: [&str; 8] = [
    "everyone=view,chat",
    "everyone=edit@/work",
    "everyone=drop@inbox/",
    "everyone=none@closed",
    "everyone=view@/closed/near from 127.0.0.2",
    "everyone=none@private",
    "%staff=view@private",
    "anna,root=edit@private/own",
];

/// The users, with their groups. Programs of `root` can connect to the Unix socket of a server that runs as another user.
pub const USERS: [(&str, &[&str]); 3] = [("anna", &["staff"]), ("ben", &[]), ("root", &["staff"])];

/// The files of the folder. None of them may be seen but by the rules.
pub const FILES: [&str; 9] = [
    "open/file",
    "work/file",
    "work/source",
    "work/.hidden",
    "inbox/file",
    "closed/hush",
    "closed/near/file",
    "private/memo",
    "private/own/diary",
];
pub const DIRECTORIES: [&str; 7] =
    ["open", "work", "inbox", "closed", "closed/near", "private", "private/own"];

/// Links from one right to another: the name, the target, and the path of the target.
pub const LINKS: [(&str, &str, &str); 6] = [
    ("work/link", "../closed/hush", "closed/hush"),
    ("work/dir", "../closed", "closed"),
    ("open/near", "../closed/near/file", "closed/near/file"),
    ("work/gone", "../closed/none", "closed/none"),
    ("open/memo", "../private/memo", "private/memo"),
    ("private/own/link", "../../closed/hush", "closed/hush"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Get,
    Head,
    Range,
    IfNoneMatch,
    Hash,
    List,
    /// Searches it for names with an `e`.
    Search,
    Zip,
    Tar,
    Put,
    Post,
    Resumable,
    Form,
    MakeDirectory,
    /// Removes the path.
    Delete,
    /// Moves the path to a free name in the folder where everybody may do anything.
    MoveFrom,
    /// Copies the path there.
    CopyFrom,
    /// Moves and copies a file from there to the path.
    MoveTo,
    CopyTo,
    /// Asks for its properties.
    Propfind,
    /// Asks for the properties of its entries too.
    Entries,
    /// Sets a property.
    Proppatch,
    /// Locks it; whoever succeeds ends the lock again.
    Lock,
    /// Ends a lock that nobody has.
    Unlock,
}

pub use self::Operation::{
    CopyFrom, CopyTo, Delete, Entries, Form, Get, Hash, Head, IfNoneMatch, List, Lock, MakeDirectory,
    MoveFrom, MoveTo, Post, Propfind, Proppatch, Put, Range, Resumable, Search, Tar, Unlock, Zip,
};

pub const READS: [Operation; 11] =
    [Get, Head, Range, IfNoneMatch, Hash, List, Search, Zip, Tar, Propfind, Entries];
pub const WRITES: [Operation; 13] = [
    Put,
    Post,
    Resumable,
    Form,
    MakeDirectory,
    Delete,
    MoveFrom,
    CopyFrom,
    MoveTo,
    CopyTo,
    Proppatch,
    Lock,
    Unlock,
];

/// The giver of the token and the links.
const ANNA: Caller = Caller::User("anna", By::Password);

/// To list and to read.
const VIEW: [bool; 5] = [true, true, false, false, false];

/// The rights to list, read, add, replace and remove that the rules give at this path.
pub fn rights(caller: Caller, path: &str) -> [bool; 5] {
    let is_in = |above: &str| path == above || path.starts_with(&format!("{above}/"));
    let part = |root, allowed: [bool; 5]| {
        let of_user = rights(ANNA, path);
        [0, 1, 2, 3, 4].map(|right| is_in(root) && allowed[right] && of_user[right])
    };
    match caller {
        Caller::Token => return part(TOKEN_PATH, VIEW),
        Caller::Link(root, Kind::View) => return part(root, VIEW),
        Caller::Link(root, Kind::Drop) => return part(root, [false, false, true, false, false]),
        Caller::NoCertificate => return [false; 5],
        Caller::From(_) | Caller::Forwarded(_) | Caller::Unix | Caller::User(..) => {}
    }
    let is_staff = matches!(caller.user(), Some("anna" | "root"));
    match path {
        _ if is_in("closed/near") && caller.address() == Some(2) => VIEW,
        _ if is_in("closed") => [false; 5],
        _ if is_in("private/own") && is_staff => [true; 5],
        _ if is_in("private") && is_staff => VIEW,
        _ if is_in("private") => [false; 5],
        _ if is_in("inbox") => [false, false, true, false, false],
        _ if is_in("work") => [true; 5],
        _ => VIEW,
    }
}

/// Whether the path looks absent to the caller because a name in it begins with a dot: only users with all rights may use it.
pub fn is_hidden_from(caller: Caller, path: &str) -> bool {
    let may_use = matches!(caller, Caller::User(..)) && rights(caller, path) == [true; 5];
    !may_use && path.split('/').any(|name| name.starts_with('.'))
}

/// The status of a refusal at this path, of something that needs any of these rights.
pub fn refusal(caller: Caller, path: &str, needs: &[usize]) -> u16 {
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let would = |user| needs.iter().any(|right| rights(Caller::User(user, By::Password), path)[*right]);
    match caller {
        Caller::User(..) | Caller::Token if rights(caller, parent)[0] && !path.is_empty() => 403,
        Caller::Link(root, _) if path == root || path.starts_with(&format!("{root}/")) => 403,
        Caller::From(_) | Caller::Forwarded(_) | Caller::Unix
            if USERS.iter().any(|(user, _)| would(user)) =>
        {
            401
        }
        _ => 404,
    }
}

/// Where a path leads.
pub fn real(path: &str) -> String {
    let through = |(name, _, target): &(&str, &str, &str)| {
        let rest = path.strip_prefix(name)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| format!("{target}{rest}"))
    };
    LINKS.iter().find_map(through).unwrap_or_else(|| path.to_owned())
}

/// The expected status.
pub fn expected(caller: Caller, path: Option<&str>, operation: Operation) -> u16 {
    // Without a certificate, nothing else of a valid request is judged.
    if caller == Caller::NoCertificate && path.is_some() {
        return 403;
    }
    // The other end is outside of what the token is for, and is judged first.
    if caller == Caller::Token && matches!(operation, MoveTo | CopyTo) {
        return 404;
    }
    let Some(path) = path else { return 400 };
    let (path, ends_with_slash) =
        path.strip_suffix('/').map_or((path, operation == Form), |path| (path, true));
    if let Some(status) = dav_model::expected(caller, path, ends_with_slash, operation) {
        return status;
    }
    match operation {
        Delete | MoveFrom => return expected_removal(caller, path, ends_with_slash, operation),
        CopyFrom => {
            return match expected_copy(caller, path, ends_with_slash) {
                201 if caller == Caller::Token => 404,
                status => status,
            };
        }
        MoveTo | CopyTo => return expected_arrival(caller, path),
        _ => {}
    }
    let is_drop = matches!(caller, Caller::Link(_, Kind::Drop));
    // If the name is taken, even by a link, a drop link saves under another name.
    let is_kept_apart = is_drop && matches!(operation, Put | Post | Resumable | Form);
    let is_link = real(path) != path;
    let lies_at = if is_kept_apart && is_link { path.to_owned() } else { real(path) };
    let named = rights(caller, path);
    let there = rights(caller, &lies_at);
    let [list, read, add, replace] = [0, 1, 2, 3].map(|right| named[right] && there[right]);
    let (is_file, is_directory) = (FILES.contains(&&*lies_at), DIRECTORIES.contains(&&*lies_at));
    let is_blind = add && !list && !read && !replace;
    // A path is judged before the disk is read. So an existing and a missing name get the same response.
    let needs: &[usize] = if READS.contains(&operation) {
        &[0, 1]
    } else if operation == MakeDirectory {
        &[2]
    } else {
        &[2, 3]
    };
    let has_none = |rights: [bool; 5]| needs.iter().all(|right| !rights[*right]);
    let exists = is_file || is_directory;
    match operation {
        _ if has_none(named) => refusal(caller, path, needs),
        MakeDirectory if is_drop => 403,
        Put | Post | Resumable if ends_with_slash => 409,
        _ if is_hidden_from(caller, path) => 404,
        // For the target of a link, 401 would show that the target exists.
        _ if READS.contains(&operation) && exists && has_none(there) => {
            match refusal(caller, &lies_at, needs) {
                401 => 404,
                status => status,
            }
        }
        _ if operation != MakeDirectory && ends_with_slash && READS.contains(&operation) => match operation {
            _ if !list || !is_directory => 404,
            IfNoneMatch => 304,
            _ => 200,
        },
        _ if READS.contains(&operation) => match operation {
            _ if !read || !(is_file || is_directory) => 404,
            _ if is_directory => 308,
            Range => 206,
            IfNoneMatch => 304,
            _ => 200,
        },
        Form if !(add || replace) => refusal(caller, &format!("{lies_at}/form"), needs),
        _ if !(add || replace) => refusal(caller, &lies_at, needs),
        MakeDirectory if is_blind => 404,
        MakeDirectory => {
            if is_file || is_directory {
                405
            } else {
                201
            }
        }
        // Whoever must not learn what exists saves below another name.
        Form => {
            if is_file && !is_blind {
                404
            } else {
                200
            }
        }
        Put | Post | Resumable if is_directory && !is_blind => 409,
        Put => {
            if is_file && !is_blind {
                204
            } else {
                201
            }
        }
        Post => 200,
        Resumable => 201,
        Get | Head | Range | IfNoneMatch | Hash | List | Search | Zip | Tar | Delete | MoveFrom
        | CopyFrom | MoveTo | CopyTo | Propfind | Entries | Proppatch | Lock | Unlock => 0,
    }
}

/// The expected status of something that takes the path away. It is about a link itself, not about what that leads to.
fn expected_removal(caller: Caller, path: &str, ends_with_slash: bool, operation: Operation) -> u16 {
    const REMOVE: usize = 4;
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    let lies_at = format!("{}/{name}", real(parent));
    let lies_at = lies_at.trim_start_matches('/');
    // A link that leads nowhere looks absent.
    let leads_somewhere = |target: &str| FILES.contains(&target) || DIRECTORIES.contains(&target);
    let is_link = LINKS.iter().any(|(link, _, target)| *link == lies_at && leads_somewhere(target));
    let is_directory = DIRECTORIES.contains(&lies_at);
    let exists = is_link || is_directory || FILES.contains(&lies_at);
    if !rights(caller, path)[REMOVE] {
        refusal(caller, path, &[REMOVE])
    } else if is_hidden_from(caller, path) {
        404
    } else if !rights(caller, lies_at)[REMOVE] {
        match refusal(caller, lies_at, &[REMOVE]) {
            401 => 404,
            status => status,
        }
    } else if !exists || (ends_with_slash && !is_directory) {
        404
    } else if operation == MoveFrom {
        201
    } else {
        204
    }
}

/// The expected status of a copy of what the path leads to. What may only be listed cannot be copied.
fn expected_copy(caller: Caller, path: &str, ends_with_slash: bool) -> u16 {
    const READ: usize = 1;
    let lies_at = real(path);
    let is_directory = DIRECTORIES.contains(&&*lies_at);
    let exists = is_directory || FILES.contains(&&*lies_at);
    if !rights(caller, path)[READ] {
        refusal(caller, path, &[READ])
    } else if is_hidden_from(caller, path) {
        404
    } else if exists && !rights(caller, &lies_at)[READ] {
        match refusal(caller, &lies_at, &[READ]) {
            401 => 404,
            status => status,
        }
    } else if !exists || (ends_with_slash && !is_directory) {
        404
    } else {
        201
    }
}

/// The expected status of a file that comes to the path. A link there is itself replaced, if the caller may
/// replace its target.
fn expected_arrival(caller: Caller, path: &str) -> u16 {
    const SAVE: [usize; 2] = [2, 3];
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    let lies_at = format!("{}/{name}", real(parent));
    let lies_at = lies_at.trim_start_matches('/');
    let may_save = |path: &str| SAVE.iter().any(|right| rights(caller, path)[*right]);
    let is_link = LINKS.iter().any(|(link, ..)| *link == lies_at);
    let exists = is_link || DIRECTORIES.contains(&lies_at) || FILES.contains(&lies_at);
    let leads_to = real(path);
    let also_at = [lies_at].into_iter().chain(is_link.then_some(&*leads_to)).find(|path| !may_save(path));
    if !may_save(path) {
        refusal(caller, path, &SAVE)
    } else if rights(caller, path) == [false, false, true, false, false] {
        // The response would say which directories exist.
        403
    } else if is_hidden_from(caller, path) {
        404
    } else if let Some(refused) = also_at {
        match refusal(caller, refused, &SAVE) {
            401 => 404,
            status => status,
        }
    } else if exists && rights(caller, lies_at)[SAVE[1]] {
        204
    } else {
        201
    }
}

pub fn content(file: &str) -> String {
    format!("the content of {file}\n")
}

/// Fails if a response shows what its client may not see: the content of a file, or the name of one in a directory.
pub fn leaks(caller: Caller, answer: &str) -> Option<&'static str> {
    FILES.into_iter().find(|file| {
        let [list, read, ..] = rights(caller, file).map(|right| right && !is_hidden_from(caller, file));
        let name = file.rsplit('/').next().unwrap_or_default();
        let is_secret = matches!(name, "hush" | "diary");
        (!read && answer.contains(&content(file))) || (!list && is_secret && answer.contains(name))
    })
}
