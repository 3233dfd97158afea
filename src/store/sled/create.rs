//! Making a store, so that a power cut while it is made leaves nothing that cannot be opened.
//!
//! sled writes its settings and its first pages before anybody can sync them, and a cut in between leaves a folder that sled
//! refuses. So a marker stands in the folder, durable before sled writes anything, and goes away, durably, once all is
//! synced and before the first acknowledgement. Where the marker is found, nothing was ever acknowledged, and what is there
//! may be made anew.
//!
//! A store that was made long ago has one such moment at every opening, and now and then between: sled writes its snapshot
//! under a name of its own before it renames it, and refuses the whole store when it finds half of one.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::durability::Durability;
use super::watermark;

/// The marker's name in the store's folder.
pub const MARKER: &str = "being-made";

/// How sled ends the name of a snapshot that it is still writing.
const UNFINISHED: &str = ".generating";

/// Prepares the folder: puts the marker up where there is no store yet, and clears what an unfinished start has left.
///
/// # Errors
/// Whatever the disk answers.
pub(super) fn begin(folder: &Path, durability: &dyn Durability) -> io::Result<()> {
    let marker = folder.join(MARKER);
    if marker.exists() {
        clear(folder)?;
    } else if folder.join("db").exists() || folder.join(watermark::FILE).exists() {
        return clear_half_snapshots(folder);
    }
    durability.sync_all(&File::create(marker)?)?;
    durability.sync_all(&File::open(folder)?)
}

/// Takes the marker down. Call it when everything else in the folder is durable.
///
/// # Errors
/// Whatever the disk answers.
pub(super) fn finish(folder: &Path, durability: &dyn Durability) -> io::Result<()> {
    match fs::remove_file(folder.join(MARKER)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => {
            removed?;
            durability.sync_all(&File::open(folder)?)
        }
    }
}

/// Removes the snapshots that sled never finished. sled 0.34.7 takes the latest of all files named `snap.*` for its snapshot, with
/// the one that a power cut or a kill has broken off among them; without it, the snapshot before and the log say the same.
fn clear_half_snapshots(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(UNFINISHED) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Removes sled's files and the watermark of a start that did not finish; nothing else is touched.
fn clear(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let made_by_us =
            name.starts_with("snap.") || name.starts_with(watermark::FILE) || name == "db" || name == "conf";
        if made_by_us && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
