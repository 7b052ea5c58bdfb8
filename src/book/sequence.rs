//! Keeps one order book proven equal to the venue's, by the venue's numbered rules.
//!
//! Fetches nothing and knows no clock: it says when a snapshot is needed and why.
//!
//! Futures (exchange-api.md 2.6; L is the snapshot's `lastUpdateId`):
//! 1. open the diff stream; 2. buffer every update, in order; 3. fetch a snapshot;
//! 4. drop buffered updates with u < L;
//! 5. the first update applied must satisfy U ≤ L ≤ u, else the snapshot is too old: back to 3. An
//!    update with pu ≤ L < U qualifies as well: the stream states nothing between its pu and its U;
//! 6. each later update must satisfy pu = u of the one before, else there is a gap: back to 2;
//! 7. quantities are absolute, 0 removes, removing an unknown level is normal.
//!
//! Spot (exchange-api.md 10), where updates carry no pu:
//! 3. drop buffered updates with u ≤ L; the first left must contain L + 1, that is U ≤ L + 1;
//! 4. later, u ≤ book id is old and ignored, U > book id + 1 is a gap, anything else is applied.
//!
//! Invariants: **1** an update is applied only if these rules prove that none is missing before it;
//! **2** a book that crosses, or is told a price or quantity off its grid, is given up until the
//! next snapshot; **3** the buffer is bounded; **4** levels are never pruned: deeper than the
//! snapshot only what an update has stated is known.

use std::collections::VecDeque;

use crate::domain::{Price, Side};

use super::frame::Reason;
use super::grid::Grid;
use super::order_book::OrderBook;
use super::update::{DepthSnapshot, DepthUpdate};

/// Updates kept while waiting for a snapshot: over six minutes of a stream of ten a second. When
/// full the oldest goes, which at worst makes one snapshot too old.
pub const MAX_BUFFERED_UPDATES: usize = 4_096;

/// Used updates whose memory is kept: what a snapshot's round trip usually buffers.
const MAX_SPARE_UPDATES: usize = 64;

/// How many levels a side the venue's snapshots are cut at. A side of any other length is whole.
const SNAPSHOT_LIMITS: [usize; 8] = [5, 10, 20, 50, 100, 500, 1_000, 5_000];

/// What became of an update or a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The book now holds it.
    Applied,
    /// Kept until a snapshot comes.
    Buffered,
    /// Told nothing new.
    Ignored,
    /// The book is unproven: a snapshot must be fetched.
    NeedsSnapshot(Reason),
}

/// The book of one instrument and the proof of its continuity.
#[derive(Debug, Clone)]
pub struct BookSync {
    grid: Grid,
    book: OrderBook,
    /// Why there is no proven book, if there is none.
    waiting: Option<Reason>,
    /// The update id up to which the book holds.
    update_id: u64,
    /// Whether the book comes straight from a snapshot: rules 4 and 5 instead of 6.
    is_first: bool,
    /// Updates received since the snapshot became necessary.
    buffer: VecDeque<DepthUpdate>,
    /// Used updates whose memory the buffer takes again.
    spare: Vec<DepthUpdate>,
    /// Whether applied updates are kept too, so that a fresh snapshot may be older than the book.
    is_refreshing: bool,
    /// The snapshot's worst price a side, where it was cut.
    edges: [Option<Price>; 2],
}

/// How an update follows an update id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Continuity {
    Old,
    Next,
    Gap,
}

impl BookSync {
    /// An empty book waiting for its first snapshot.
    #[must_use]
    pub fn new(grid: Grid) -> Self {
        Self {
            grid,
            book: OrderBook::new(grid),
            waiting: Some(Reason::NoSnapshot),
            update_id: 0,
            is_first: false,
            buffer: VecDeque::new(),
            spare: Vec::new(),
            is_refreshing: false,
            edges: [None; 2],
        }
    }

    /// The book: proven if [`waiting`](Self::waiting) is `None`, else the last one held.
    #[must_use]
    pub const fn book(&self) -> &OrderBook {
        &self.book
    }

    /// Why a snapshot is needed before the book can be trusted; `None` while it is proven.
    #[must_use]
    pub const fn waiting(&self) -> Option<Reason> {
        self.waiting
    }

    /// The update id up to which the book holds.
    #[must_use]
    pub const fn update_id(&self) -> u64 {
        self.update_id
    }

    /// Takes an update: applies it by rules 4 to 7, or buffers it by rule 2.
    pub fn on_update(&mut self, update: &DepthUpdate) -> Outcome {
        if let Some(reason) = self.waiting {
            if matches!(reason, Reason::Disconnected | Reason::FrozenStream) {
                self.waiting = Some(Reason::NoSnapshot);
            }
            self.keep(update);
            return Outcome::Buffered;
        }
        let outcome = self.follow(update);
        if self.is_refreshing && outcome == Outcome::Applied {
            self.keep(update);
        }
        outcome
    }

    /// Takes a snapshot (rule 3) and replays what was buffered (rules 4 to 7).
    ///
    /// One that is older than a proven book is ignored, unless
    /// [`begin_refresh`](Self::begin_refresh) was called in time to bridge the difference.
    pub fn on_snapshot(&mut self, snapshot: &DepthSnapshot) -> Outcome {
        let id = snapshot.last_update_id;
        if self.waiting.is_none() && id < self.update_id && !self.is_refreshing {
            return Outcome::Ignored;
        }
        if !snapshot.bids.iter().chain(&snapshot.asks).all(|level| self.grid.admits(*level)) {
            return self.lose(Reason::OffGrid);
        }
        let mut first_left = self.buffer.iter().map(|update| continuity(update, id, true));
        if first_left.find(|step| *step != Continuity::Old) == Some(Continuity::Gap) {
            // Rule 5: too old to join the buffered updates.
            return self.waiting.map_or(Outcome::Ignored, Outcome::NeedsSnapshot);
        }
        self.book.replace(&snapshot.bids, &snapshot.asks);
        self.update_id = id;
        self.is_first = true;
        self.is_refreshing = false;
        self.edges = [&snapshot.bids, &snapshot.asks].map(|levels| {
            let is_cut = SNAPSHOT_LIMITS.contains(&levels.len());
            levels.last().filter(|_| is_cut).map(|level| level.price)
        });
        if self.book.is_crossed() {
            return self.lose(Reason::CrossedBook);
        }
        self.waiting = None;
        self.replay_buffer()
    }

    /// The connection is gone, and with it the chain of updates.
    pub fn on_disconnect(&mut self) {
        let _ = self.lose(Reason::Disconnected);
    }

    /// The venue's book was seen beyond this one while no update came: it is not the venue's any more.
    pub fn on_frozen(&mut self) {
        let _ = self.lose(Reason::FrozenStream);
    }

    /// The next update comes over another connection, which may cut its updates elsewhere: it joins
    /// the book as it would join a snapshot (rules 4 and 5), and from then on by rule 6.
    pub const fn on_switched(&mut self) {
        self.is_first = true;
    }

    /// Whether the tenth level of a side has reached the end of what the snapshot told, so that a
    /// fresh one should be fetched.
    #[must_use]
    pub fn needs_fresh_snapshot(&self) -> bool {
        let reached = |side, edge: Option<Price>| match (self.book.tenth_price(side), edge, side) {
            (Some(tenth), Some(edge), Side::Buy) => tenth <= edge,
            (Some(tenth), Some(edge), Side::Sell) => tenth >= edge,
            (None, Some(_), _) => true,
            (_, None, _) => false,
        };
        self.waiting.is_none()
            && (reached(Side::Buy, self.edges[0]) || reached(Side::Sell, self.edges[1]))
    }

    /// From now on keeps applied updates, so that the snapshot about to be fetched can replace the
    /// book without a moment of doubt.
    pub fn begin_refresh(&mut self) {
        if self.waiting.is_none() && !self.is_refreshing {
            self.is_refreshing = true;
            self.forget_buffer();
        }
    }

    fn follow(&mut self, update: &DepthUpdate) -> Outcome {
        match continuity(update, self.update_id, self.is_first) {
            Continuity::Old => return Outcome::Ignored,
            Continuity::Gap => {
                let outcome = self.lose(Reason::SequenceGap);
                self.keep(update);
                return outcome;
            }
            Continuity::Next => {}
        }
        if !update.bids.iter().chain(&update.asks).all(|level| self.grid.admits(*level)) {
            return self.lose(Reason::OffGrid);
        }
        for level in &update.bids {
            self.book.apply(Side::Buy, *level);
        }
        for level in &update.asks {
            self.book.apply(Side::Sell, *level);
        }
        self.update_id = update.final_update_id;
        self.is_first = false;
        if self.book.is_crossed() { self.lose(Reason::CrossedBook) } else { Outcome::Applied }
    }

    fn replay_buffer(&mut self) -> Outcome {
        let mut pending = std::mem::take(&mut self.buffer);
        while let Some(update) = pending.pop_front() {
            let outcome = self.follow(&update);
            self.recycle(update);
            if matches!(outcome, Outcome::NeedsSnapshot(_)) {
                self.buffer.append(&mut pending);
                return outcome;
            }
        }
        self.buffer = pending;
        Outcome::Applied
    }

    fn lose(&mut self, reason: Reason) -> Outcome {
        self.waiting = Some(reason);
        self.is_refreshing = false;
        self.forget_buffer();
        Outcome::NeedsSnapshot(reason)
    }

    fn keep(&mut self, update: &DepthUpdate) {
        let oldest =
            if self.buffer.len() >= MAX_BUFFERED_UPDATES { self.buffer.pop_front() } else { None };
        let kept = match oldest.or_else(|| self.spare.pop()) {
            Some(mut used) => {
                used.clone_from(update);
                used
            }
            None => update.clone(),
        };
        self.buffer.push_back(kept);
    }

    fn forget_buffer(&mut self) {
        while let Some(update) = self.buffer.pop_front() {
            self.recycle(update);
        }
    }

    fn recycle(&mut self, update: DepthUpdate) {
        if self.spare.len() < MAX_SPARE_UPDATES {
            self.spare.push(update);
        }
    }
}

/// How `update` follows a book that holds up to `id`; `is_first` if that id is a snapshot's.
fn continuity(update: &DepthUpdate, id: u64, is_first: bool) -> Continuity {
    let (first, last) = (update.first_update_id, update.final_update_id);
    let next_if = |proven| if proven { Continuity::Next } else { Continuity::Gap };
    match update.previous_final_update_id {
        _ if first > last => Continuity::Gap,
        Some(_) if is_first && last < id => Continuity::Old, // rule 4
        Some(previous) if is_first => next_if(first <= id || previous <= id), // rule 5
        Some(_) | None if last <= id => Continuity::Old,     // sent twice; spot rules 3 and 4
        Some(previous) => next_if(previous == id),           // rule 6
        None => next_if(first <= id.saturating_add(1)),      // spot rules 3 and 4
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::book::Level;
    use crate::domain::Timestamp;

    #[test]
    fn futures_join_at_the_overlap_and_follow_the_previous_id() {
        let mut sync = book_sync();
        assert_eq!(sync.on_update(&futures(1, 4, 0)), Outcome::Buffered);
        assert_eq!(sync.on_update(&futures(6, 12, 4)), Outcome::Buffered, "ids skip");
        assert_eq!(sync.on_snapshot(&snapshot(10)), Outcome::Applied, "rule 5: 6 <= 10 <= 12");
        assert_eq!(sync.update_id(), 12);
        assert_eq!(sync.on_update(&futures(15, 20, 12)), Outcome::Applied);
        assert_eq!(sync.on_update(&futures(15, 20, 12)), Outcome::Ignored, "sent twice");
        assert_eq!(sync.waiting(), None);
        let gap = Outcome::NeedsSnapshot(Reason::SequenceGap);
        assert_eq!(sync.on_update(&futures(30, 31, 25)), gap, "rule 6");
        assert_eq!(sync.on_snapshot(&snapshot(22)), gap, "older than the buffered update's pu");
        assert_eq!(sync.on_snapshot(&snapshot(25)), Outcome::Applied, "pu <= L < U");
        assert_eq!(sync.update_id(), 31);
    }

    #[test]
    fn spot_joins_at_the_next_id_and_forgives_an_overlap() {
        let mut sync = book_sync();
        let _ = sync.on_update(&spot(5, 10));
        let missing = Outcome::NeedsSnapshot(Reason::NoSnapshot);
        assert_eq!(sync.on_snapshot(&snapshot(3)), missing, "4 is missing");
        assert_eq!(sync.on_snapshot(&snapshot(4)), Outcome::Applied);
        assert_eq!(sync.on_update(&spot(9, 11)), Outcome::Applied);
        assert_eq!(sync.on_update(&spot(8, 10)), Outcome::Ignored);
        assert_eq!(sync.on_update(&spot(13, 13)), Outcome::NeedsSnapshot(Reason::SequenceGap));
        assert_eq!(sync.on_snapshot(&snapshot(12)), Outcome::Applied, "13 was kept");
        assert_eq!(sync.update_id(), 13);
    }

    #[test]
    fn a_crossed_or_off_grid_book_is_given_up_until_the_next_snapshot() {
        let mut sync = book_sync();
        assert_eq!(sync.on_snapshot(&snapshot(1)), Outcome::Applied);
        let crossing = DepthUpdate { bids: vec![level(102, 1)], ..spot(2, 2) };
        assert_eq!(sync.on_update(&crossing), Outcome::NeedsSnapshot(Reason::CrossedBook));
        assert_eq!(sync.on_update(&spot(3, 3)), Outcome::Buffered);
        assert_eq!(sync.on_snapshot(&snapshot(2)), Outcome::Applied);
        let mut off_grid = spot(4, 4);
        off_grid.asks = vec![Level { price: "101.5".parse().unwrap(), ..level(101, 1) }];
        assert_eq!(sync.on_update(&off_grid), Outcome::NeedsSnapshot(Reason::OffGrid));
        off_grid.asks = vec![Level { price: Price::ZERO, ..level(101, 1) }];
        assert_eq!(sync.on_snapshot(&snapshot(4)), Outcome::Applied);
        off_grid.first_update_id = 5;
        off_grid.final_update_id = 5;
        assert_eq!(sync.on_update(&off_grid), Outcome::NeedsSnapshot(Reason::OffGrid));
    }

    #[test]
    fn a_fresh_snapshot_older_than_the_book_replaces_it_once_updates_were_kept() {
        let mut sync = book_sync();
        let ten = (0..10).map(|tick| level(100 - tick, 1)).collect::<Vec<_>>();
        let asks = (0..10).map(|tick| level(101 + tick, 1)).collect::<Vec<_>>();
        let first = DepthSnapshot { bids: ten.clone(), asks, ..snapshot(1) };
        assert_eq!(sync.on_snapshot(&first), Outcome::Applied);
        assert!(sync.needs_fresh_snapshot(), "the tenth level is the last one told");
        assert_eq!(sync.on_update(&spot(2, 2)), Outcome::Applied);
        assert_eq!(sync.on_snapshot(&snapshot(1)), Outcome::Ignored, "nothing bridges to it");
        sync.begin_refresh();
        let changed = DepthUpdate { bids: vec![level(100, 7)], ..spot(3, 3) };
        assert_eq!(sync.on_update(&changed), Outcome::Applied);
        let whole = DepthSnapshot { bids: ten[..9].to_vec(), ..snapshot(2) };
        assert_eq!(sync.on_snapshot(&whole), Outcome::Applied);
        assert_eq!((sync.update_id(), sync.waiting()), (3, None));
        assert_eq!(sync.book().best(Side::Buy), Some(level(100, 7)), "3 was replayed");
        assert!(!sync.needs_fresh_snapshot(), "a side of nine levels was not cut");
    }

    #[test]
    fn the_buffer_is_bounded_and_a_disconnect_breaks_the_chain() {
        let mut sync = book_sync();
        for id in 0..2 * MAX_BUFFERED_UPDATES as u64 {
            let _ = sync.on_update(&spot(id, id));
        }
        assert_eq!(sync.buffer.len(), MAX_BUFFERED_UPDATES);
        let last = 2 * MAX_BUFFERED_UPDATES as u64 - 1;
        assert!(matches!(sync.on_snapshot(&snapshot(5)), Outcome::NeedsSnapshot(_)), "too old");
        assert_eq!(sync.on_snapshot(&snapshot(last - 3)), Outcome::Applied);
        assert_eq!(sync.update_id(), last);
        sync.on_disconnect();
        assert_eq!(sync.waiting(), Some(Reason::Disconnected));
        assert_eq!(sync.on_update(&spot(last + 1, last + 1)), Outcome::Buffered);
        assert_eq!(sync.waiting(), Some(Reason::NoSnapshot));
    }

    proptest! {
        /// Invariant 1: whatever is lost, repeated or late, an applied book equals the venue's.
        #[test]
        fn a_lost_update_is_always_detected_and_a_repeated_one_changes_nothing(
            is_futures in any::<bool>(),
            faults in prop::collection::vec(0..8_u8, 1..120),
            snapshot_every in 3..30_usize,
        ) {
            let mut sync = book_sync();
            let (mut id, mut truth) = (0_u64, 0_i64);
            let mut is_intact = false;
            for (index, fault) in faults.iter().enumerate() {
                let previous = id;
                id += 2;
                truth += 1;
                let first = if is_futures { previous + 2 } else { previous + 1 };
                let mut update = if is_futures { futures(first, id, previous) } else { spot(first, id) };
                update.bids = vec![level(100, truth)];
                if *fault == 0 {
                    is_intact = false; // lost
                } else {
                    let outcome = sync.on_update(&update);
                    prop_assert_eq!(is_intact, outcome == Outcome::Applied);
                    if *fault == 1 {
                        let repeated = sync.on_update(&update);
                        prop_assert!(matches!(repeated, Outcome::Ignored | Outcome::Buffered));
                    }
                }
                if index % snapshot_every == 0 {
                    let now = DepthSnapshot { bids: vec![level(100, truth)], ..snapshot(id) };
                    is_intact |= sync.on_snapshot(&now) == Outcome::Applied;
                    prop_assert!(is_intact, "a current snapshot is always taken");
                }
                if sync.waiting().is_none() && is_intact {
                    prop_assert_eq!(sync.book().best(Side::Buy), Some(level(100, truth)));
                }
            }
        }
    }

    fn book_sync() -> BookSync {
        BookSync::new(Grid::of("1".parse().unwrap(), "1".parse().unwrap()))
    }

    fn level(price: i64, quantity: i64) -> Level {
        let one = "1".parse().unwrap();
        Level {
            price: Price::from_ticks(price, "1".parse().unwrap()).unwrap(),
            quantity: crate::domain::Quantity::from_steps(quantity, one).unwrap(),
        }
    }

    fn snapshot(last_update_id: u64) -> DepthSnapshot {
        let symbol = "BTCUSDT".parse().unwrap();
        DepthSnapshot {
            symbol,
            last_update_id,
            bids: vec![level(100, 1)],
            asks: vec![level(101, 1)],
        }
    }

    fn spot(first_update_id: u64, final_update_id: u64) -> DepthUpdate {
        DepthUpdate {
            symbol: "BTCUSDT".parse().unwrap(),
            event_time: Timestamp::from_seconds(0),
            transaction_time: None,
            first_update_id,
            final_update_id,
            previous_final_update_id: None,
            bids: Vec::new(),
            asks: Vec::new(),
        }
    }

    fn futures(first: u64, last: u64, previous: u64) -> DepthUpdate {
        DepthUpdate { previous_final_update_id: Some(previous), ..spot(first, last) }
    }
}
