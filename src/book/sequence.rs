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
            book: OrderBook::default(),
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
            if reason == Reason::Disconnected {
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
        let first_left = self.buffer.iter().map(|update| continuity(update, id, true));
        if first_left.into_iter().find(|step| *step != Continuity::Old) == Some(Continuity::Gap) {
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
            self.spare.push(update);
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
        self.spare.extend(self.buffer.drain(..));
        self.spare.truncate(MAX_BUFFERED_UPDATES);
    }
}

/// How `update` follows a book that holds up to `id`; `is_first` if that id is a snapshot's.
fn continuity(update: &DepthUpdate, id: u64, is_first: bool) -> Continuity {
    let (first, last) = (update.first_update_id, update.final_update_id);
    match update.previous_final_update_id {
        _ if first > last => Continuity::Gap,
        Some(_) if is_first && last < id => Continuity::Old, // rule 4
        Some(previous) if is_first && (first <= id || previous <= id) => Continuity::Next, // rule 5
        Some(_) if is_first => Continuity::Gap,
        Some(_) if last <= id => Continuity::Old, // sent twice
        Some(previous) if previous == id => Continuity::Next, // rule 6
        None if last <= id => Continuity::Old,    // spot rules 3 and 4
        None if first <= id.saturating_add(1) => Continuity::Next, // spot rules 3 and 4
        Some(_) | None => Continuity::Gap,
    }
}
