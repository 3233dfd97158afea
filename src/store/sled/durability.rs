//! The two things that the engine does to the world and that tests have to count or break: syncing, and ending the process.

use std::fs::File;
use std::io;

/// Makes written bytes survive a power cut.
pub trait Durability: Send + Sync + 'static {
    /// `fdatasync`: the file's content and its length. Called once per group of commits, before the group is acknowledged.
    ///
    /// # Errors
    /// Whatever the disk answers. The engine acknowledges nothing afterwards: what an earlier write has become is unknown
    /// once a sync has failed.
    fn sync_data(&self, file: &File) -> io::Result<()>;

    /// `fsync`: a file or a folder with its entries. Called when a store is opened and when the watermark is written.
    ///
    /// # Errors
    /// As [`Durability::sync_data`].
    fn sync_all(&self, file: &File) -> io::Result<()>;
}

/// The real disk.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Durability for Disk {
    fn sync_data(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn sync_all(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }
}

/// What the watchdog does when a commit makes no progress at all.
pub trait End: Send + Sync + 'static {
    /// Ends the process, with the reason for the operator. Called once.
    fn end(&self, reason: &str);
}

/// Says why, and ends the process with exit code 70 (`EX_SOFTWARE` of sysexits.h).
#[derive(Debug, Clone, Copy, Default)]
pub struct ExitProcess;

impl End for ExitProcess {
    fn end(&self, reason: &str) {
        tracing::error!(store.engine = super::ENGINE, "{reason}");
        // The log may be on the disk that hangs; the supervisor reads this one.
        eprintln!("{reason}");
        std::process::exit(70);
    }
}
