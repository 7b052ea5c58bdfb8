//! What market data asks the venue, and what becomes of the answers: books for those that were
//! lost, comparisons and lists for streams that are doubted, trades that are missing.

use crate::binance::{Question, Stream, StreamKind};
use crate::book::{DepthSnapshot, MarketEvent, Outcome, PublicTrade, Reason, Sampler};
use crate::domain::{Symbol, Timestamp};
use crate::venue::{PUBLIC_TRADES_MAX, Venue};

use super::super::inquiries::Answered;
use super::MarketData;

impl<V: Venue> MarketData<V> {
    pub(super) fn ask_for_missing_trades(&mut self, symbol: Symbol, now: Timestamp) {
        let missing = self.cutter.sampler(symbol).and_then(Sampler::missing_trades);
        if missing.is_some() {
            self.inquiries.trades(symbol, missing, now);
        }
    }

    /// Asks what doubted streams make necessary.
    pub(super) fn settle_doubts(&mut self, now: Timestamp) {
        let symbols: Vec<_> = self.watches.keys().copied().collect();
        for symbol in symbols {
            while let Some(question) = self.watches.get_mut(&symbol).and_then(|it| it.due(now)) {
                self.follow(Some(question), now);
            }
            self.ask_for_missing_trades(symbol, now);
        }
    }

    pub(super) fn follow(&mut self, question: Option<Question>, now: Timestamp) {
        match question {
            None => {}
            Some(Question::Subscribed(stream)) => self.feed.streams.question(stream),
            Some(Question::NewestId(Stream { symbol, kind })) => match kind {
                StreamKind::Depth | StreamKind::BookTicker => {
                    self.inquiries.comparison(symbol, now);
                }
                StreamKind::Trades | StreamKind::MarkPrice => {
                    self.inquiries.trades(symbol, None, now);
                }
            },
            Some(Question::Frozen(stream)) => {
                tracing::error!(%stream, "the stream is frozen: the venue is beyond it");
                let sampler = self.cutter.sampler_mut(stream.symbol);
                match (stream.kind, sampler) {
                    (StreamKind::Depth, Some(sampler)) => sampler.on_frozen(),
                    (StreamKind::Trades, Some(sampler)) => sampler.on_trades_disconnected(),
                    (StreamKind::BookTicker | StreamKind::MarkPrice, _) | (_, None) => {}
                }
                self.feed.streams.replace(stream);
            }
        }
    }

    /// Asks for the snapshot that a book needs, unless one is on its way or was just asked for.
    pub(super) fn follow_up(&mut self, symbol: Symbol, outcome: Outcome) {
        let now = self.clock.now();
        match outcome {
            Outcome::Ignored => {}
            Outcome::Applied => {
                let edge = self
                    .cutter
                    .sampler(symbol)
                    .is_some_and(|sampler| sampler.sync().needs_fresh_snapshot());
                if edge
                    && self.inquiries.book(symbol, now)
                    && let Some(sampler) = self.cutter.sampler_mut(symbol)
                {
                    sampler.begin_refresh();
                }
            }
            Outcome::Buffered => {
                self.inquiries.book(symbol, now);
            }
            Outcome::NeedsSnapshot(reason) => {
                tracing::warn!(%symbol, %reason, "the book is unproven; a snapshot is needed");
                if let (Reason::OffGrid, Some(rules)) = (reason, &self.rules) {
                    rules.doubt.doubt();
                }
                self.inquiries.book(symbol, now);
            }
        }
    }

    pub(super) fn on_answer(&mut self, answered: Answered) {
        let now = self.clock.now();
        match answered {
            Answered::Book(_, Ok(snapshot)) => self.hold(snapshot, now),
            Answered::Comparison(symbol, Ok(snapshot)) => self.compare(symbol, snapshot, now),
            Answered::Trades(symbol, Ok(trades)) => self.on_trades(symbol, &trades, now),
            Answered::Book(symbol, Err(error)) | Answered::Comparison(symbol, Err(error)) => {
                tracing::warn!(%symbol, %error, "no snapshot of the book");
            }
            Answered::Trades(symbol, Err(error)) => {
                tracing::warn!(%symbol, %error, "no trades of the venue");
            }
        }
    }

    fn hold(&mut self, snapshot: DepthSnapshot, now: Timestamp) {
        self.held.push(snapshot);
        if self.cutter.next_deadline().is_none_or(|due| now < due) {
            self.take_snapshots(now);
        }
    }

    /// Tells the doubt where the venue stands. A book that was never updated is proven by standing
    /// still between two comparisons.
    fn compare(&mut self, symbol: Symbol, snapshot: DepthSnapshot, now: Timestamp) {
        let Some(watch) = self.watches.get_mut(&symbol) else { return };
        let venue_id = snapshot.last_update_id;
        let stands_still = watch.newest(StreamKind::Depth) == Some(venue_id);
        watch.on_newest_id(now, StreamKind::Depth, Some(venue_id));
        let is_unproven =
            self.cutter.sampler(symbol).is_some_and(|sampler| sampler.sync().waiting().is_some());
        if stands_still && is_unproven {
            self.hold(snapshot, now);
        }
    }

    fn on_trades(&mut self, symbol: Symbol, trades: &[PublicTrade], now: Timestamp) {
        let newest = trades.last().map(|trade| trade.trade_id.0);
        if let Some(watch) = self.watches.get_mut(&symbol) {
            watch.on_newest_id(now, StreamKind::Trades, newest);
        }
        // An answer that came after the second's end adds nothing to it.
        if self.cutter.next_deadline().is_some_and(|due| now < due) {
            let is_whole = trades.len() < usize::try_from(PUBLIC_TRADES_MAX).unwrap_or(usize::MAX);
            self.cutter.on_missed_trades(symbol, trades, is_whole);
        }
    }

    pub(super) fn take_snapshots(&mut self, now: Timestamp) {
        for snapshot in std::mem::take(&mut self.held) {
            let symbol = snapshot.symbol;
            let outcome = self.cutter.on_event(now, &MarketEvent::Snapshot(snapshot));
            if outcome == Outcome::Applied {
                self.inquiries.on_proven(symbol);
            }
            self.follow_up(symbol, outcome);
        }
    }
}
