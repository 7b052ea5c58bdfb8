//! What market data asks the venue by REST: books to resynchronise or compare, trades that are
//! missing. Within one budget, each question once at a time; what to do with the answers is not
//! decided here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};

use super::snapshot_budget::SnapshotBudget;
use crate::book::{DepthSnapshot, PublicTrade};
use crate::domain::{Symbol, Timestamp, TradeId};
use crate::venue::{Answer, Venue};

/// The same trades are asked for so often at most.
const TRADES_INTERVAL: Duration = Duration::from_millis(250);

/// An answer of the venue.
#[derive(Debug)]
pub(super) enum Answered {
    /// A book that was needed.
    Book(Symbol, Answer<DepthSnapshot>),
    /// A book to compare ours with.
    Comparison(Symbol, Answer<DepthSnapshot>),
    /// Trades from an id on, or the newest.
    Trades(Symbol, Answer<Vec<PublicTrade>>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Book,
    Comparison,
    Trades,
}

/// A question asked.
#[derive(Debug, Clone, Copy)]
struct Asked {
    at: Timestamp,
    is_pending: bool,
}

/// The questions under way.
pub(super) struct Inquiries<V> {
    venue: Arc<V>,
    budget: SnapshotBudget,
    asked: BTreeMap<(Symbol, Kind), Asked>,
    running: JoinSet<Answered>,
}

impl<V: Venue> Inquiries<V> {
    pub(super) fn new(venue: Arc<V>, seed: u64) -> Self {
        let budget = SnapshotBudget::new(seed);
        Self { venue, budget, asked: BTreeMap::new(), running: JoinSet::new() }
    }

    /// Asks for a book that is needed, unless it is on its way or not its turn. `true` if asked.
    pub(super) fn book(&mut self, symbol: Symbol, now: Timestamp) -> bool {
        let may = !self.is_pending(symbol, Kind::Book) && self.budget.take(symbol, now);
        if may {
            let venue = Arc::clone(&self.venue);
            self.note(symbol, Kind::Book, now);
            self.running.spawn(async move { Answered::Book(symbol, venue.depth(symbol).await) });
        }
        may
    }

    /// Asks for a book to compare with.
    pub(super) fn comparison(&mut self, symbol: Symbol, now: Timestamp) {
        if !self.is_pending(symbol, Kind::Comparison) && self.budget.spend(now) {
            let venue = Arc::clone(&self.venue);
            self.note(symbol, Kind::Comparison, now);
            self.running
                .spawn(async move { Answered::Comparison(symbol, venue.depth(symbol).await) });
        }
    }

    /// Asks for trades from an id on; with none, for the newest.
    pub(super) fn trades(&mut self, symbol: Symbol, from: Option<TradeId>, now: Timestamp) {
        let asked = self.asked.get(&(symbol, Kind::Trades));
        let is_due =
            asked.is_none_or(|asked| !asked.is_pending && now.since(asked.at) >= TRADES_INTERVAL);
        if is_due && self.budget.spend(now) {
            let venue = Arc::clone(&self.venue);
            self.note(symbol, Kind::Trades, now);
            self.running.spawn(async move {
                Answered::Trades(symbol, venue.public_trades(symbol, from).await)
            });
        }
    }

    /// A symbol's book is proven: its next loss is a new one.
    pub(super) fn on_proven(&mut self, symbol: Symbol) {
        self.budget.on_proven(symbol);
    }

    /// The next answer; `None` while nothing is asked. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Result<Answered, JoinError>> {
        let answered = self.running.join_next().await?;
        if let Ok(answered) = &answered {
            let key = match answered {
                Answered::Book(symbol, _) => (*symbol, Kind::Book),
                Answered::Comparison(symbol, _) => (*symbol, Kind::Comparison),
                Answered::Trades(symbol, _) => (*symbol, Kind::Trades),
            };
            if let Some(asked) = self.asked.get_mut(&key) {
                asked.is_pending = false;
            }
        }
        Some(answered)
    }

    fn is_pending(&self, symbol: Symbol, kind: Kind) -> bool {
        self.asked.get(&(symbol, kind)).is_some_and(|asked| asked.is_pending)
    }

    fn note(&mut self, symbol: Symbol, kind: Kind, at: Timestamp) {
        self.asked.insert((symbol, kind), Asked { at, is_pending: true });
    }
}
