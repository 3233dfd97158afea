//! Opening a store: where a panic, a lock, a folder without rights or a lost end becomes a message.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::create;
use super::durability::Durability;
use super::envelope::PREFIX;
use super::head::{self, Head};
use super::state::panic_message;
use super::watermark::{self, Watermark};
use super::{SEGMENT_BYTES, SledSettings};

/// How long another process may keep the store before opening gives up: a restart overlaps the old process's end.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// How long to wait between two tries.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Why a store was not opened. Where the files are damaged, sled may have cut its log at the damage while it looked: who wants
/// to study the damage copies the folder first.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The store is older than its watermark, or has another history: its end was lost.
    #[error(
        "the store in {} is behind its watermark: it holds commit {found}, commit {expected} was acknowledged \
         (hashes {found_chain} and {expected_chain}); acknowledged changes are missing, restore a backup into an empty folder",
        path.display()
    )]
    Behind {
        /// The folder.
        path: PathBuf,
        /// The last commit that the store holds.
        found: u64,
        /// The last commit that the watermark knows.
        expected: u64,
        /// The start of the store's chained hash.
        found_chain: String,
        /// The start of the watermark's chained hash.
        expected_chain: String,
    },
    /// The store's files are damaged.
    #[error("the store in {} is damaged: {what}; restore a backup into an empty folder", path.display())]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What sled or our own checks say.
        what: String,
    },
    /// The disk answered with an error.
    #[error("the store in {} cannot be opened: {source}; look at the disk and at the folder's rights", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// The disk's error.
        source: io::Error,
    },
    /// Another process has the store open.
    #[error(
        "the store in {} is open in another process; stop that process, or give this one another folder",
        path.display()
    )]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The folder cannot be made or written.
    #[error(
        "the store's folder {} cannot be written: {source}; give this process's user the right to write there",
        path.display()
    )]
    NotWritable {
        /// The folder.
        path: PathBuf,
        /// The disk's error.
        source: io::Error,
    },
    /// The files were made with settings that this program does not use.
    #[error("the store in {} was made by another version: {what}; restore a backup that this version can read", path.display())]
    Unsupported {
        /// The folder.
        path: PathBuf,
        /// What differs.
        what: String,
    },
}

/// A store that may be used.
pub(super) struct Opened {
    pub(super) folder: PathBuf,
    pub(super) db: ::sled::Db,
    pub(super) file: File,
    pub(super) head: Head,
    /// Held as long as the store is open.
    pub(super) lock: File,
}

pub(super) fn open(path: &Path, settings: &SledSettings, durability: &dyn Durability) -> Result<Opened, OpenError> {
    let changed_folders = make_folder(path).map_err(|source| disk_error(path, source))?;
    let lock = lock(path)?;
    create::begin(path, durability).map_err(|source| disk_error(path, source))?;
    let expected = read_watermark(path)?;
    let db = open_patiently(path, settings.cache_bytes)?;
    let head = read_head(path, &db)?;
    compare(path, &head, expected.as_ref())?;
    let file = File::open(path.join("db")).map_err(|source| disk_error(path, source))?;
    make_durable(path, &changed_folders, &db, durability)?;
    if expected.is_none() {
        let first = Watermark::of(&head);
        first
            .write(path, durability)
            .map_err(|source| disk_error(path, source))?;
    }
    create::finish(path, durability).map_err(|source| disk_error(path, source))?;
    Ok(Opened {
        folder: path.to_owned(),
        db,
        file,
        head,
        lock,
    })
}

/// Takes the folder for this process before anything in it is looked at: the rest of opening may clear away what an
/// unfinished start has left.
fn lock(path: &Path) -> Result<File, OpenError> {
    let file = File::create(path.join("lock")).map_err(|source| disk_error(path, source))?;
    let give_up = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < give_up => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::Locked { path: path.to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(disk_error(path, source)),
        }
    }
}

/// sled has a lock of its own, on a file that its threads may hold for a moment after a store was dropped.
fn open_patiently(path: &Path, cache_bytes: u64) -> Result<::sled::Db, OpenError> {
    let give_up = Instant::now() + LOCK_PATIENCE;
    loop {
        match open_apart(path, cache_bytes) {
            Err(OpenError::Locked { .. }) if Instant::now() < give_up => {
                std::thread::sleep(LOCK_PAUSE);
            }
            outcome => return outcome,
        }
    }
}

/// Runs sled's recovery on a thread of its own: sled panics on many kinds of damage.
fn open_apart(path: &Path, cache_bytes: u64) -> Result<::sled::Db, OpenError> {
    let config = ::sled::Config::new()
        .path(path)
        .segment_size(SEGMENT_BYTES)
        .cache_capacity(cache_bytes)
        .flush_every_ms(None);
    let opening = std::thread::Builder::new()
        .name("store-open".to_owned())
        .spawn(move || config.open())
        .map_err(|source| OpenError::Io {
            path: path.to_owned(),
            source,
        })?;
    match opening.join() {
        Ok(outcome) => outcome.map_err(|error| sled_error(path, error)),
        Err(panic) => Err(damaged(
            path,
            format!("sled panicked: {}", panic_message(panic.as_ref())),
        )),
    }
}

fn sled_error(path: &Path, error: ::sled::Error) -> OpenError {
    match error {
        // sled 0.34.7 tells a lock by its message only (config.rs, try_lock).
        ::sled::Error::Io(source) if source.to_string().starts_with("could not acquire lock") => {
            OpenError::Locked { path: path.to_owned() }
        }
        ::sled::Error::Io(source) => disk_error(path, source),
        ::sled::Error::Unsupported(what) => OpenError::Unsupported {
            path: path.to_owned(),
            what,
        },
        other => damaged(path, other.to_string()),
    }
}

fn disk_error(path: &Path, source: io::Error) -> OpenError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::AlreadyExists => OpenError::NotWritable { path, source },
        _ => OpenError::Io { path, source },
    }
}

fn damaged(path: &Path, what: String) -> OpenError {
    OpenError::Damaged {
        path: path.to_owned(),
        what,
    }
}

fn read_watermark(path: &Path) -> Result<Option<Watermark>, OpenError> {
    Watermark::read(path).map_err(|source| match source.kind() {
        io::ErrorKind::InvalidData => damaged(path, format!("its file {}: {source}", watermark::FILE)),
        _ => disk_error(path, source),
    })
}

fn read_head(path: &Path, db: &::sled::Db) -> Result<Head, OpenError> {
    let stored = db.get(head::KEY).map_err(|error| damaged(path, error.to_string()))?;
    if let Some(stored) = stored {
        return Head::from_bytes(&stored).map_err(|what| damaged(path, what));
    }
    let first = db.range(vec![PREFIX]..).next();
    match first.transpose() {
        Ok(None) => Ok(Head::default()),
        Ok(Some(_)) => Err(damaged(path, "there are records but no head".to_owned())),
        Err(error) => Err(damaged(path, error.to_string())),
    }
}

/// Rule A6: a store that lost its end is refused.
fn compare(path: &Path, head: &Head, expected: Option<&Watermark>) -> Result<(), OpenError> {
    let found = Watermark::of(head);
    let Some(expected) = expected else {
        // The watermark is made before the first acknowledgement, and replaced as a whole.
        if head.commit > 0 {
            return Err(damaged(path, format!("its file {} is missing", watermark::FILE)));
        }
        return Ok(());
    };
    if found.commit < expected.commit || (found.commit == expected.commit && found.chain != expected.chain) {
        let start = |chain: &str| chain.chars().take(8).collect();
        return Err(OpenError::Behind {
            path: path.to_owned(),
            found: found.commit,
            expected: expected.commit,
            found_chain: start(&found.chain),
            expected_chain: start(&expected.chain),
        });
    }
    Ok(())
}

/// Makes the folder, and answers the folders whose entries this has changed: at least the one above it, whose entry an
/// earlier start may have made and not synced.
fn make_folder(path: &Path) -> io::Result<Vec<PathBuf>> {
    let path = std::path::absolute(path)?;
    let missing = path.ancestors().take_while(|folder| !folder.exists()).count();
    fs::create_dir_all(&path)?;
    let above = path.ancestors().skip(1).take(missing.max(1));
    Ok(above.map(Path::to_owned).collect())
}

/// Rule A1: what sled made while it opened, with the names of the files and of the folders, is durable before the first
/// acknowledgement.
fn make_durable(
    path: &Path,
    changed_folders: &[PathBuf],
    db: &::sled::Db,
    durability: &dyn Durability,
) -> Result<(), OpenError> {
    db.flush().map_err(|error| sled_error(path, error))?;
    let sync = || -> io::Result<()> {
        for entry in fs::read_dir(path)? {
            durability.sync_all(&File::open(entry?.path())?)?;
        }
        durability.sync_all(&File::open(path)?)?;
        for folder in changed_folders {
            durability.sync_all(&File::open(folder)?)?;
        }
        Ok(())
    };
    sync().map_err(|source| disk_error(path, source))
}
