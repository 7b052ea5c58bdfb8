//! The measured offset of the venue's clock, and who waits for the next measurement.
//!
//! As a `watch` channel, but those who wait are woken in the order in which they began to: a
//! `watch` draws it anew in each process, and a simulation could not go the same way again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::server_time::ClockOffset;

/// The newest measurement; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct OffsetBoard(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    newest: Mutex<Newest>,
    measured: Notify,
}

#[derive(Debug, Clone, Copy, Default)]
struct Newest {
    /// How many there have been.
    count: u64,
    offset: Option<ClockOffset>,
}

/// Measurements as one of those who wait for them has seen them.
#[derive(Debug)]
pub struct ClockOffsets {
    board: OffsetBoard,
    seen: u64,
}

impl OffsetBoard {
    fn newest(&self) -> MutexGuard<'_, Newest> {
        self.0.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest one, once there is one.
    pub(super) fn offset(&self) -> Option<ClockOffset> {
        self.newest().offset
    }

    /// Tells everybody of one.
    pub(super) fn tell(&self, offset: ClockOffset) {
        let mut newest = self.newest();
        *newest = Newest { count: newest.count + 1, offset: Some(offset) };
        drop(newest);
        self.0.measured.notify_waiters();
    }

    /// To wait for those that follow.
    pub(super) fn follow(&self) -> ClockOffsets {
        ClockOffsets { board: self.clone(), seen: self.newest().count }
    }
}

impl ClockOffsets {
    /// Whether there is one that was not seen yet.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.board.newest().count != self.seen
    }

    /// Waits for one that was not seen yet, and gives the newest. Cancel safe.
    pub async fn next(&mut self) -> ClockOffset {
        loop {
            // Made before the look, so that no measurement between the two is missed.
            let measured = self.board.0.measured.notified();
            let Newest { count, offset } = *self.board.newest();
            if let Some(offset) = offset
                && count != self.seen
            {
                self.seen = count;
                return offset;
            }
            measured.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(nanos: i64) -> ClockOffset {
        ClockOffset { nanos, ..ClockOffset::default() }
    }

    #[tokio::test]
    async fn whoever_follows_sees_each_newest_measurement_once() {
        let board = OffsetBoard::default();
        board.tell(nanos(1));
        let mut offsets = board.follow();
        assert!(!offsets.has_changed(), "what was there before is no news");
        board.tell(nanos(2));
        board.tell(nanos(3));
        assert!(offsets.has_changed());
        assert_eq!(offsets.next().await.nanos, 3);
        let waiting = tokio::spawn(async move { offsets.next().await.nanos });
        tokio::task::yield_now().await;
        board.tell(nanos(4));
        assert_eq!(waiting.await.unwrap(), 4);
    }

    #[tokio::test]
    async fn those_who_wait_are_woken_in_their_order() {
        let (board, woken) = (OffsetBoard::default(), Arc::new(Mutex::new(Vec::new())));
        let waiting: Vec<_> = (0..20)
            .map(|number| {
                let (mut offsets, woken) = (board.follow(), Arc::clone(&woken));
                tokio::spawn(async move {
                    offsets.next().await;
                    woken.lock().unwrap().push(number);
                })
            })
            .collect();
        tokio::task::yield_now().await;
        board.tell(nanos(1));
        for one in waiting {
            one.await.unwrap();
        }
        assert_eq!(*woken.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }
}
