//! Many changes at once, never more than a bound, with the answers as they come.

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

/// Work in flight.
pub(super) struct Flight<'a, T> {
    flying: FuturesUnordered<BoxFuture<'a, T>>,
    room: usize,
}

impl<'a, T> Flight<'a, T> {
    /// Nothing in flight yet, and room for so many.
    pub(super) fn new(room: usize) -> Self {
        Self {
            flying: FuturesUnordered::new(),
            room,
        }
    }

    /// Whether another one may start.
    pub(super) fn has_room(&self) -> bool {
        self.flying.len() < self.room
    }

    /// Starts one.
    pub(super) fn start(&mut self, work: BoxFuture<'a, T>) {
        self.flying.push(work);
    }

    /// The next answer, in no order; `None` when nothing is in flight.
    pub(super) async fn next(&mut self) -> Option<T> {
        self.flying.next().await
    }
}
