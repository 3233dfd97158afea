//! Mails as files (`.eml`, RFC 5322), for gateways without a mail server.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::model::id::MailId;

/// The folder's name inside the data folder.
pub const FOLDER: &str = "mail";

/// Makes the folder, for its owner only.
///
/// # Errors
/// The system's.
pub fn make(folder: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Writes a mail, readable by the owner only and durable when it returns. The same mail again is the same file.
///
/// # Errors
/// The system's.
pub fn write(folder: &Path, id: MailId, mail: &[u8]) -> io::Result<PathBuf> {
    let path = folder.join(format!("{id}.eml"));
    let beside = folder.join(format!("{id}.new"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(mail)?;
    file.sync_all()?;
    std::fs::rename(&beside, &path)?;
    File::open(folder)?.sync_all()?;
    Ok(path)
}
