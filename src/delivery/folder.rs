//! Mails as files (`.eml`, RFC 5322), for gateways without a mail server.
//!
//! A file says in a header of its own whom the mail is about, so that an erasure finds it when nothing else is left of the person.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::directory::privacy::KeptMails;
use crate::model::id::{MailId, UserId};

/// The folder's name inside the data folder.
pub const FOLDER: &str = "mail";

/// The header that says whom a mail is about, or names.
const PERSON: &str = "X-Usher-Person";
/// The header that says whom it goes to (RFC 5322 s3.6.3). Ours name one address, without a name.
const TO: &str = "To";

/// Makes the folder, for its owner only.
///
/// # Errors
/// The system's.
pub fn make(folder: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Writes a mail, about these people, readable by the owner only and durable when it returns. The same mail again is the same file.
///
/// # Errors
/// The system's.
pub fn write(folder: &Path, id: MailId, about: &[UserId], mail: &[u8]) -> io::Result<PathBuf> {
    let path = path(folder, id);
    let beside = folder.join(format!("{id}.new"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    for person in about {
        write!(file, "{PERSON}: {person}\r\n")?;
    }
    file.write_all(mail)?;
    file.sync_all()?;
    std::fs::rename(&beside, &path)?;
    File::open(folder)?.sync_all()?;
    Ok(path)
}

/// Deletes a mail; one that is not there is deleted already.
///
/// # Errors
/// The system's.
pub fn remove(folder: &Path, id: MailId) -> io::Result<()> {
    match std::fs::remove_file(path(folder, id)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn path(folder: &Path, id: MailId) -> PathBuf {
    folder.join(format!("{id}.eml"))
}

/// The folder of mails of a gateway.
pub struct MailFolder(PathBuf);

impl MailFolder {
    /// Inside this data folder. There may be none.
    #[must_use]
    pub fn of(data: &Path) -> Self {
        Self(data.join(FOLDER))
    }
}

impl KeptMails for MailFolder {
    fn forget(&self, person: UserId, is_theirs: &dyn Fn(&str) -> bool) -> io::Result<u64> {
        let files = match std::fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            files => files?,
        };
        let person = person.to_string();
        let mut gone = 0;
        for file in files {
            let path = file?.path();
            // A mail that a crash left half written has the other ending.
            if !path
                .extension()
                .is_some_and(|ending| ending == "eml" || ending == "new")
            {
                continue;
            }
            let is_found = headers(&path)?.iter().any(|(name, value)| match name.as_str() {
                PERSON => *value == person,
                TO => is_theirs(value),
                _ => false,
            });
            if is_found {
                std::fs::remove_file(&path)?;
                gone += 1;
            }
        }
        if gone > 0 {
            File::open(&self.0)?.sync_all()?;
        }
        Ok(gone)
    }
}

/// The headers of a mail; a value in several lines is put together (RFC 5322 s2.2.3).
fn headers(path: &Path) -> io::Result<Vec<(String, String)>> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in BufReader::new(File::open(path)?).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        match (headers.last_mut(), line.split_once(':')) {
            (Some((_, value)), _) if line.starts_with([' ', '\t']) => value.push_str(line.trim_start()),
            (_, Some((name, value))) => headers.push((name.to_owned(), value.trim().to_owned())),
            _ => {}
        }
    }
    Ok(headers)
}
