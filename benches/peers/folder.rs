//! The folder that all servers serve. It is beside the build, not in the system's temporary directory, which
//! is in memory on some systems: uploads should go to a disk.

use std::fs::{self, File, Permissions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use super::Result;
use super::case::{CROWD, KILOBYTE, LISTED, MANY, MEGABYTE, Work};

/// The directory for uploads.
pub const UPLOADS: &str = "up";

/// A folder that is removed when this program ends. Servers that change their user must be able to enter it.
pub fn scratch() -> Result<TempDir> {
    let place = tempfile::Builder::new().prefix("peers-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    open_to_all(place.path())?;
    Ok(place)
}

/// Creates the files for this work, if they do not exist yet.
pub fn prepare(root: &Path, work: &Work) -> Result<()> {
    // The first request to every server.
    file(&root.join("1k.txt"), KILOBYTE)?;
    match work {
        Work::Load(load) => prepare_target(root, load.target),
        Work::Upload { .. } => {
            fs::create_dir_all(root.join(UPLOADS))?;
            open_to_all(&root.join(UPLOADS))
        }
        Work::Tftp { .. } => file(&root.join("30m.bin"), 30 * MEGABYTE),
        Work::Fetch { target, .. } => prepare_target(root, target),
        Work::Idle { .. } | Work::Start => Ok(()),
    }
}

fn prepare_target(root: &Path, target: &str) -> Result<()> {
    match target {
        "/64k.bin" => file(&root.join("64k.bin"), 64 * KILOBYTE),
        "/100m.bin" => file(&root.join("100m.bin"), 100 * MEGABYTE),
        // Only its middle is read: the rest is sparse and takes no space.
        "/1g.bin" => Ok(File::create(root.join("1g.bin"))?.set_len(1024 * MEGABYTE)?),
        "/list/" => directory(&root.join("list"), LISTED, 1),
        "/many/0.txt" => directory(&root.join("many"), MANY, KILOBYTE),
        "/crowd/0.txt" => directory(&root.join("crowd"), CROWD, KILOBYTE),
        "/fetch/" => directory(&root.join("fetch"), 500, 20 * KILOBYTE),
        _ => Ok(()),
    }
}

/// `0.txt`, `1.txt` and so on, all of the same size.
fn directory(path: &Path, files: usize, size: u64) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    fs::create_dir(path)?;
    (0..files).try_for_each(|number| file(&path.join(format!("{number}.txt")), size))
}

/// A file without holes, because holes are faster to read than the content of usual files.
fn file(path: &Path, size: u64) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    let mut out = BufWriter::new(File::create(path)?);
    let line = b"0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopq\n";
    let mut left = size as usize;
    while left > 0 {
        let piece = &line[..left.min(line.len())];
        out.write_all(piece)?;
        left -= piece.len();
    }
    out.flush()?;
    Ok(())
}

/// How many files of this size were uploaded.
pub fn uploads(root: &Path, size: u64) -> Result<u64> {
    let mut count = 0;
    for entry in fs::read_dir(root.join(UPLOADS))? {
        count += u64::from(entry?.metadata()?.len() == size);
    }
    Ok(count)
}

/// Removes the uploads.
pub fn clear_uploads(root: &Path) -> Result<()> {
    for entry in fs::read_dir(root.join(UPLOADS))? {
        fs::remove_file(entry?.path())?;
    }
    Ok(())
}

fn open_to_all(path: &Path) -> Result<()> {
    Ok(fs::set_permissions(path, Permissions::from_mode(0o777))?)
}
