//! Reads the users file, and changes it without losing a line: two programs may change it at once, and a
//! server may read it meanwhile.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::file::{UsersFile, WrongLine};
use crate::blocking::Blocking;
use crate::durable::whole::{self, Permissions};
use crate::printable::Printable;

/// The largest users file, in bytes: about 100,000 users.
pub const FILE_LIMIT: u64 = 16 << 20;

/// Why a users file cannot be read or written.
#[derive(Debug)]
pub struct UsersFileError {
    path: PathBuf,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    System(io::Error),
    TooLarge,
    Line(WrongLine),
}

/// The content of a users file, and whether others can read it.
#[derive(Debug)]
pub struct Stored {
    /// Its content.
    pub users: UsersFile,
    /// Whether every user of this machine may read the hashes.
    pub is_exposed: bool,
}

/// Reads a users file.
pub fn read(path: &Path, _: Blocking<'_>) -> Result<Stored, UsersFileError> {
    let system = |error| UsersFileError::new(path, Reason::System(error));
    let file = File::open(path).map_err(system)?;
    let metadata = file.metadata().map_err(system)?;
    if !metadata.is_file() {
        return Err(system(io::Error::other("it is not a file")));
    }
    let mut bytes = Vec::new();
    file.take(FILE_LIMIT + 1).read_to_end(&mut bytes).map_err(system)?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(UsersFileError::new(path, Reason::TooLarge));
    }
    let users = UsersFile::parse(&bytes).map_err(|line| UsersFileError::new(path, Reason::Line(line)))?;
    let is_exposed = metadata.permissions().mode() & 0o004 != 0;
    Ok(Stored { users, is_exposed })
}

/// Changes a users file, or creates one that only its owner can read. The change applies to the current content.
/// Meanwhile, no other wharf process can change a file in the directory. If the change fails, the file stays unchanged.
/// The owner, group and permissions are kept.
pub fn change<E: From<UsersFileError>>(
    path: &Path,
    disk: Blocking<'_>,
    change: impl FnOnce(&mut UsersFile) -> Result<(), E>,
) -> Result<(), E> {
    let system = |error| UsersFileError::new(path, Reason::System(error));
    let (directory, name) = locate(path).map_err(system)?;
    let dir = File::open(&directory).map_err(system)?;
    flock(&dir, FlockOperation::LockExclusive).map_err(|error| system(error.into()))?;
    let permissions = Permissions::of(&dir, &name).map_err(system)?;
    let mut users = match permissions {
        Some(_) => read(&directory.join(&name), disk)?.users,
        None => UsersFile::default(),
    };
    change(&mut users)?;
    let text = users.to_string();
    match permissions {
        Some(permissions) => {
            whole::replace_like(&dir, &name, text.as_bytes(), &permissions).map_err(system)?;
        }
        None => whole::create(&dir, &name, text.as_bytes()).map_err(system)?,
    }
    Ok(())
}

/// The directory that really contains the file, and its name there: a symlink is not replaced by a file.
fn locate(path: &Path) -> io::Result<(PathBuf, OsString)> {
    let mut real = match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let directory =
                path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let name = path.file_name().ok_or(error)?;
            return Ok((fs::canonicalize(directory)?, name.to_owned()));
        }
        found => found?,
    };
    let name = real.file_name().map(OsString::from).ok_or(io::ErrorKind::IsADirectory)?;
    real.pop();
    Ok((real, name))
}

impl UsersFileError {
    fn new(path: &Path, reason: Reason) -> Self {
        Self { path: path.to_owned(), reason }
    }
}

impl fmt::Display for UsersFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = Printable::path(&self.path);
        match &self.reason {
            Reason::System(error) => write!(f, "the users file {path}: {error}"),
            Reason::TooLarge => write!(f, "{path}: a users file has at most {FILE_LIMIT} bytes"),
            Reason::Line(line) => write!(f, "{path}:{}: {line}", line.number),
        }
    }
}

impl std::error::Error for UsersFileError {}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::thread;

    use super::*;
    use crate::accounts::file::UserLine;
    use crate::accounts::password::PasswordHash;

    const HASH: &str = "$2y$10$YRaxA9G8Nw./RJGLebb4g.jIicK1igosMCmthDFtrrcf0KeXJGY.i";

    fn add(path: &Path, name: &str) -> Result<(), UsersFileError> {
        let hash: PasswordHash = HASH.parse().expect("a hash");
        let user = UserLine { name: name.parse().expect("a name"), hash, is_disabled: false, groups: vec![] };
        change(path, Blocking::own_thread(), |users| {
            users.add(user).expect("a new name");
            Ok(())
        })
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    }

    #[test]
    fn changes_at_once_lose_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("users");
        thread::scope(|scope| {
            for number in 0..8 {
                let path = &path;
                scope.spawn(move || add(path, &format!("user{number}")).expect("added"));
            }
        });
        let stored = read(&path, Blocking::own_thread()).expect("read");
        assert_eq!((stored.users.users().count(), stored.is_exposed, mode(&path)), (8, false, 0o600));
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing else is left");
    }

    #[test]
    fn symlinks_and_permissions_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, link) = (folder.path().join("users"), folder.path().join("link"));
        fs::write(&path, "# office\n").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("changed");
        symlink("users", &link).expect("a link");
        add(&link, "anna").expect("added");
        assert!(fs::symlink_metadata(&link).expect("it is there").is_symlink());
        assert_eq!(fs::read_to_string(&path).expect("read"), format!("# office\nanna:{HASH}\n"));
        assert!(read(&path, Blocking::own_thread()).expect("read").is_exposed);
        assert_eq!(mode(&path), 0o644);
    }

    #[test]
    fn a_wrong_file_is_named_and_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("users");
        fs::write(&path, "# office\nanna\n").expect("written");
        let error = add(&path, "bert").expect_err("line 2 is wrong").to_string();
        assert!(error.starts_with(&format!("{}:2: there is no hash", path.display())), "{error}");
        assert_eq!(fs::read_to_string(&path).expect("read"), "# office\nanna\n");
        let missing = folder.path().join("none/users");
        assert!(add(&missing, "bert").is_err(), "its directory is not made");
        assert!(read(folder.path(), Blocking::own_thread()).is_err(), "it is a directory");
    }
}
