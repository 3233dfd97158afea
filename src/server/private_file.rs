//! Small files that only their owner may read, replaced as a whole: a reader sees the old one or the new one.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Writes the file with mode 0600; durable when it returns.
///
/// # Errors
/// The system's, unchanged.
pub fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let written = write_new(&beside, contents).and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() && beside.exists() {
        std::fs::remove_file(&beside)?;
    }
    written?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

fn write_new(path: &Path, contents: &[u8]) -> io::Result<()> {
    if path.exists() {
        std::fs::remove_file(path)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}
