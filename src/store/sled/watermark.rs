//! The watermark: a small file beside the tree that says how far the store had come.
//!
//! sled answers damage in its log by forgetting everything after it, without an error. The watermark is outside that log: a
//! store that opens with an older head, or with another history at the same commit, is refused.
//!
//! The window: the watermark is written at most once a second while commits come without a pause, as soon as the queue has
//! been empty for [`super::committer::IDLE`], and at close. What was acknowledged after the last watermark and then
//! damaged on the disk is not noticed by it (a scrub compares the records with the head in any case).
//! A power cut needs no watermark: what was acknowledged before it is on the disk.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::durability::Durability;
use super::head::Head;

/// The file's name in the store's folder.
pub const FILE: &str = "watermark";

/// How far a store had come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watermark {
    /// The number of the last commit.
    pub commit: u64,
    /// The chained hash at that commit, in hexadecimal.
    pub chain: String,
}

impl Watermark {
    /// The watermark of a head.
    #[must_use]
    pub fn of(head: &Head) -> Self {
        use std::fmt::Write as _;
        let chain = head.chain.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        Self {
            commit: head.commit,
            chain,
        }
    }

    /// Replaces the file as a whole: written beside it, synced, renamed over it, and the folder synced.
    ///
    /// # Errors
    /// Whatever the disk answers.
    pub fn write(&self, folder: &Path, durability: &dyn Durability) -> io::Result<()> {
        let body = self.body();
        let next = folder.join("watermark.next");
        let mut file = File::create(&next)?;
        file.write_all(format!("{body}{:08x}\n", crc32fast::hash(body.as_bytes())).as_bytes())?;
        durability.sync_all(&file)?;
        fs::rename(&next, folder.join(FILE))?;
        durability.sync_all(&File::open(folder)?)
    }

    /// Reads the file; `None` when there is none.
    ///
    /// # Errors
    /// The disk's error; [`io::ErrorKind::InvalidData`] when the content is damaged.
    pub fn read(folder: &Path) -> io::Result<Option<Self>> {
        let text = match fs::read_to_string(folder.join(FILE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let read =
            Self::parse(&text).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "its checksum is wrong"))?;
        Ok(Some(read))
    }

    fn body(&self) -> String {
        format!("usher store watermark 1\n{}\n{}\n", self.commit, self.chain)
    }

    /// Parses and writes again: whatever differs in a single byte is damage.
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().skip(1);
        let read = Self {
            commit: lines.next()?.parse().ok()?,
            chain: lines.next()?.to_owned(),
        };
        let body = read.body();
        (text == format!("{body}{:08x}\n", crc32fast::hash(body.as_bytes()))).then_some(read)
    }
}
