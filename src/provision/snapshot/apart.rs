//! Readings run on a thread of their own, with a runtime of one thread.
//!
//! An entry passes through several small tasks on its way (the relay, the protocol library, the reader, the mapping). On one
//! thread a step is a switch between tasks; spread over the threads of the gateway's own runtime each step wakes another
//! thread, which costs more than the work itself, and a reading of a large directory would crowd out everybody else.

use tokio::sync::oneshot;

/// Runs `work` to its end and answers what it came to. `None` when it panicked, when the thread could not be had, or when the
/// gateway is stopping. Dropping the future ends the work at its next pause.
pub(super) async fn apart<T, W, F>(work: W) -> Option<T>
where
    T: Send + 'static,
    W: FnOnce() -> F + Send + 'static,
    F: Future<Output = T>,
{
    // Held until the answer is there: when this future is dropped, the other end is told.
    let (_held, let_go) = oneshot::channel::<()>();
    let thread = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime
            .inspect_err(|error| tracing::error!(%error, "no thread for a reading"))
            .ok()?;
        runtime.block_on(async {
            tokio::select! {
                outcome = work() => Some(outcome),
                _ = let_go => None,
            }
        })
    });
    // An error is a panic, or the end of the gateway.
    thread.await.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::apart;

    #[tokio::test]
    async fn the_outcome_comes_back_and_a_panic_is_no_outcome() {
        assert_eq!(apart(|| async { 7 }).await, Some(7));
        let crashed: Option<()> = apart(|| async { panic!("an entry that nobody expected") }).await;
        assert_eq!(crashed, None);
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_ends() {
        let (started, has_started) = tokio::sync::oneshot::channel();
        let (alive, has_ended) = tokio::sync::oneshot::channel::<()>();
        let work = tokio::spawn(apart(move || async move {
            let _alive = alive;
            started.send(()).expect("the test listens");
            std::future::pending::<()>().await;
        }));
        has_started.await.expect("it starts");
        work.abort();
        assert!(has_ended.await.is_err(), "what the work held is dropped");
    }
}
