//! The watchdog: a thread that ends the process when a group of commits makes no progress (rule A3).
//!
//! sled can hang for ever inside its own locks. Nothing in the process can end such a call, so the process ends and its
//! supervisor starts it again; what was acknowledged is durable.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::durability::End;
use super::state::Shared;

/// The thread.
pub(super) struct Watchdog {
    thread: JoinHandle<()>,
    stop: Arc<Stop>,
}

#[derive(Default)]
struct Stop {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Watchdog {
    pub(super) fn start(shared: Arc<Shared>, end: Arc<dyn End>) -> io::Result<Self> {
        let stop = Arc::new(Stop::default());
        let told = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("store-watchdog".to_owned())
            .spawn(move || watch(&shared, end.as_ref(), &told))?;
        Ok(Self { thread, stop })
    }

    pub(super) fn join(self) {
        *self.stop.stopped.lock() = true;
        self.stop.changed.notify_one();
        // The thread calls nothing that can panic but the end itself.
        let _ = self.thread.join();
    }
}

fn watch(shared: &Shared, end: &dyn End, stop: &Stop) {
    let abort_after = shared.settings.abort_after;
    // Twenty looks within the time, so that it is overstepped by a twentieth at most.
    let pause = (abort_after / 20).clamp(Duration::from_millis(1), Duration::from_secs(1));
    let mut stopped = stop.stopped.lock();
    while !*stopped {
        stop.changed.wait_for(&mut stopped, pause);
        let Some(busy) = shared.busy_for() else { continue };
        if !*stopped && busy >= abort_after {
            drop(stopped);
            return end.end(&format!(
                "the store in {} has made no progress for {} ms; the process ends so that it can be started again; look at the disk if this repeats",
                shared.folder.display(),
                busy.as_millis()
            ));
        }
    }
}
