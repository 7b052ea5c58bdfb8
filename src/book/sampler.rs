//! One instrument's seconds: follows its market data and cuts a row at each second's end.
//!
//! Knows no clock: the caller says when a second has ended. Invariants: **1** the row of second T
//! holds everything received before T and nothing later, its flow what came in [T − 1 s, T);
//! **2** a row is valid exactly if the chain of updates is proven and both sides hold a level,
//! however quiet the market, its updates come in time, and (where ids tell) no trade of the second is missing; **3** nothing is interpolated: a stale row shows the last book held.

use std::time::Duration;

use crate::domain::{Instrument, Market, Price, Second, Side, Symbol, Timestamp, TradeId};

use super::flow_meter::{Best, FlowMeter};
use super::frame::{Reason, Row, Validity};
use super::grid::Grid;
use super::proof::{BestPriceProof, ProofCount};
use super::sequence::{BookSync, Outcome};
use super::snapshot::Snapshot;
use super::trade_chain::{Counted, TradeChain};
use super::update::{DepthUpdate, MarketEvent, PublicTrade};

/// An update that was sent so long before it is received tells of a book that is no more
/// (exchange-api.md 2.6).
const LATE_AFTER: Duration = Duration::from_secs(3);

/// Follows one instrument and cuts its rows.
#[derive(Debug, Clone)]
pub struct Sampler {
    symbol: Symbol,
    market: Market,
    sync: BookSync,
    flow: FlowMeter,
    /// `None` where trades are believed as they come.
    trades: Option<TradeChain>,
    /// The last proven snapshot that was cut or lost.
    held: Option<Snapshot>,
    /// When the book last changed.
    changed_at: Option<Timestamp>,
    mark_price: Option<(Timestamp, Price)>,
    is_proven_alive: bool,
    /// Whether the newest update was long on its way.
    is_late: bool,
    proof: BestPriceProof,
}

impl Sampler {
    /// A sampler that waits for the instrument's first snapshot.
    #[must_use]
    pub fn new(instrument: &Instrument) -> Self {
        let grid = Grid::from(&instrument.filters);
        Self {
            symbol: instrument.symbol,
            market: instrument.market,
            sync: BookSync::new(grid),
            flow: FlowMeter::new(grid.tick_size()),
            trades: None,
            held: None,
            changed_at: None,
            mark_price: None,
            is_proven_alive: true,
            is_late: false,
            proof: BestPriceProof::default(),
        }
    }

    /// The same instrument on another grid: what is known of mark price and life stays.
    pub(super) fn anew(&self, instrument: &Instrument) -> Self {
        let Self { mark_price, is_proven_alive, .. } = *self;
        Self { mark_price, is_proven_alive, ..Self::new(instrument) }
    }

    /// Which instrument it follows.
    #[must_use]
    pub const fn symbol(&self) -> Symbol {
        self.symbol
    }

    /// The book and the proof of its continuity.
    #[must_use]
    pub const fn sync(&self) -> &BookSync {
        &self.sync
    }

    /// How often the venue's own best prices agreed with the book at the same update id.
    #[must_use]
    pub const fn proof(&self) -> ProofCount {
        self.proof.count()
    }

    /// Takes one event of its instrument; says what became of it for the book
    /// ([`Outcome::Ignored`] if it does not concern the book).
    pub fn on_event(&mut self, receive_time: Timestamp, event: &MarketEvent) -> Outcome {
        match event {
            MarketEvent::Depth(update) => self.on_update(receive_time, update),
            MarketEvent::Snapshot(snapshot) => {
                self.hold();
                let outcome = self.sync.on_snapshot(snapshot);
                if outcome == Outcome::Applied {
                    self.changed_at = Some(receive_time);
                    self.flow.on_replaced(self.best());
                }
                outcome
            }
            MarketEvent::Trade(trade) => {
                let counted = self.trades.as_mut().map_or(Counted::Yes, |it| it.on_trade(trade));
                if trade.is_book_trade && counted == Counted::Yes {
                    self.flow.on_trade(trade);
                }
                Outcome::Ignored
            }
            MarketEvent::MarkPrice(mark) => {
                self.mark_price = Some((receive_time, mark.price));
                Outcome::Ignored
            }
            MarketEvent::BookTicker(ticker) => {
                self.proof.on_ticker(ticker);
                Outcome::Ignored
            }
        }
    }

    /// The connection that carries the book is gone; a snapshot is needed after it is back.
    pub fn on_disconnect(&mut self) {
        self.hold();
        self.is_late = false;
        self.proof.restart();
        self.sync.on_disconnect();
    }

    /// The venue's book was seen beyond ours while no update came; a snapshot is needed once one does.
    pub fn on_frozen(&mut self) {
        self.hold();
        self.proof.restart();
        self.sync.on_frozen();
    }

    /// The book's updates come over another connection from now on, without an interruption.
    pub const fn on_switched(&mut self) {
        self.sync.on_switched();
    }

    /// From now on trades are aggregates with consecutive ids, to which nobody listens yet: a second
    /// that may lack one is not valid.
    pub fn expect_consecutive_trades(&mut self) {
        self.trades = Some(TradeChain::new());
    }

    /// Trades are told from now on.
    pub fn on_trades_connected(&mut self) {
        if let Some(trades) = &mut self.trades {
            trades.on_connect();
        }
    }

    /// Trades are not told any more.
    pub fn on_trades_disconnected(&mut self) {
        if let Some(trades) = &mut self.trades {
            trades.on_disconnect();
        }
    }

    /// The id from which on trades should be asked for, so that the second under way may be proven.
    #[must_use]
    pub fn missing_trades(&self) -> Option<TradeId> {
        self.trades.as_ref().and_then(TradeChain::missing_from)
    }

    /// Takes the venue's trades from [`missing_trades`](Self::missing_trades) on, in order: those
    /// missed since `start`, the start of the second under way, count for it.
    pub fn on_missed_trades(&mut self, trades: &[PublicTrade], is_whole: bool, start: Timestamp) {
        let Some(chain) = &mut self.trades else { return };
        for trade in chain.on_answer(trades, is_whole, start) {
            if trade.is_book_trade {
                self.flow.on_trade(&trade);
            }
        }
    }

    /// The connection has proven nothing for too long: rows are stale until it does.
    pub const fn on_proof_of_life_lost(&mut self) {
        self.is_proven_alive = false;
    }

    /// The connection has proven itself again; if no update was lost the book still holds.
    pub const fn on_proof_of_life_restored(&mut self) {
        self.is_proven_alive = true;
    }

    /// Keeps updates for a snapshot that is about to be fetched while the book holds
    /// (see [`BookSync::needs_fresh_snapshot`]).
    pub fn begin_refresh(&mut self) {
        self.sync.begin_refresh();
    }

    /// Cuts the row of a second that has ended and begins the next.
    pub fn cut(&mut self, second: Second) -> Row {
        self.hold();
        let validity = self.validity();
        if let Some(trades) = &mut self.trades {
            trades.on_cut();
        }
        let book_age = age_ms(second, self.changed_at);
        let (mark_price, mark_age_ms) = match self.market {
            Market::Spot => {
                let mid = |snapshot: &Snapshot| super::measures::mid_price(snapshot);
                let age = if validity == Validity::Valid { 0 } else { book_age };
                (self.held.as_ref().map(mid), age)
            }
            Market::Usdm | Market::Coinm => {
                let (received, price) = self.mark_price.unzip();
                (price, age_ms(second, received))
            }
        };
        Row {
            symbol: self.symbol,
            snapshot: self.held,
            flow: self.flow.cut(self.best()),
            mark_price,
            validity,
            age_ms: book_age,
            mark_age_ms,
        }
    }

    fn on_update(&mut self, receive_time: Timestamp, update: &DepthUpdate) -> Outcome {
        self.is_late = receive_time.since(update.event_time) > LATE_AFTER;
        let before = self.best();
        let was_proven = self.sync.waiting().is_none();
        let outcome = self.sync.on_update(update);
        match outcome {
            Outcome::Applied => {
                if !update.bids.is_empty() || !update.asks.is_empty() {
                    self.changed_at = Some(receive_time);
                }
                self.flow.on_update(before, self.best());
                self.proof.on_applied(&self.sync);
            }
            // A gap or an off-grid level leaves the last proven book in place: show that one.
            Outcome::NeedsSnapshot(_) if was_proven => {
                self.hold_unproven();
                self.proof.restart();
            }
            Outcome::NeedsSnapshot(_) | Outcome::Buffered | Outcome::Ignored => {}
        }
        outcome
    }

    fn validity(&self) -> Validity {
        let reason = match (self.sync.waiting(), self.best()) {
            (Some(reason), _) => reason,
            (None, _) if !self.is_proven_alive => Reason::NoProofOfLife,
            (None, _) if self.is_late => Reason::LateUpdates,
            (None, None) => Reason::EmptySide,
            (None, Some(_)) if self.trades.as_ref().is_some_and(TradeChain::is_doubted) => {
                Reason::MissedTrades
            }
            (None, Some(_)) => return Validity::Valid,
        };
        if self.held.is_some() { Validity::Stale(reason) } else { Validity::Missing(reason) }
    }

    /// The best prices of a proven book with two sides.
    fn best(&self) -> Option<Best> {
        if self.sync.waiting().is_some() {
            return None;
        }
        let book = self.sync.book();
        Some(Best { bid: book.best(Side::Buy)?, ask: book.best(Side::Sell)? })
    }

    fn hold(&mut self) {
        if self.sync.waiting().is_none() {
            self.hold_unproven();
        }
    }

    /// Holds the book unless it is crossed or lacks a side: then the one held before stays.
    fn hold_unproven(&mut self) {
        self.held = self.sync.book().snapshot().ok().or(self.held);
    }
}

/// Milliseconds from a moment to the second's end, at most [`u32::MAX`], which also means never.
fn age_ms(second: Second, since: Option<Timestamp>) -> u32 {
    since.map_or(u32::MAX, |moment| {
        u32::try_from(second.end().since(moment).as_millis()).unwrap_or(u32::MAX)
    })
}

/// An instrument of tick 1 and step 1.
#[cfg(test)]
pub(super) fn test_instrument(symbol: &str, market: Market) -> Instrument {
    let (one, zero) = ("1".parse().unwrap(), Price::ZERO);
    let filters = crate::domain::Filters {
        tick_size: "1".parse().unwrap(),
        step_size: one,
        min_price: zero,
        max_price: zero,
        min_quantity: one,
        max_quantity: one,
        max_market_quantity: one,
        min_notional: "0".parse().unwrap(),
        multiplier_up: "2".parse().unwrap(),
        multiplier_down: "0".parse().unwrap(),
        max_open_orders: 200,
    };
    let symbol = symbol.parse().unwrap();
    Instrument { environment: crate::domain::Environment::Sandbox, market, symbol, filters }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::{BookTicker, DepthSnapshot, Level, MarkPrice, PublicTrade};
    use crate::domain::Quantity;

    #[test]
    fn a_quiet_market_stays_valid_while_its_book_ages() {
        let mut sampler = sampler(Market::Usdm);
        assert_eq!(sampler.cut(at(1)).validity, Validity::Missing(Reason::NoSnapshot));
        let _ = sampler.on_event(millis(1_400), &snapshot(1));
        let row = sampler.cut(at(2));
        assert_eq!((row.validity, row.age_ms), (Validity::Valid, 600));
        assert_eq!(row.flow.mid_high, Some("100.5".parse().unwrap()));
        let row = sampler.cut(at(60));
        assert_eq!((row.validity, row.age_ms), (Validity::Valid, 58_600), "silence is no fault");
        assert_eq!((row.mark_price, row.mark_age_ms), (None, u32::MAX));
    }

    #[test]
    fn a_second_adds_up_its_flow_and_the_next_begins_at_zero() {
        let mut sampler = sampler(Market::Usdm);
        let _ = sampler.on_event(millis(0), &snapshot(1));
        let _ = sampler.cut(at(1));
        let _ = sampler.on_event(millis(1_100), &update(2, &[(100, 5)], &[]));
        let _ = sampler.on_event(millis(1_200), &update(3, &[], &[(101, 0), (103, 2)]));
        let _ = sampler.on_event(millis(1_300), &trade(100, 3, true, true));
        let _ = sampler.on_event(millis(1_300), &trade(101, 2, false, true));
        let _ = sampler.on_event(millis(1_300), &trade(50, 9, true, false));
        let row = sampler.cut(at(2));
        assert_eq!(row.flow.updates, 2);
        assert_eq!(row.flow.mid_low, Some("100.5".parse().unwrap()));
        assert_eq!(row.flow.mid_high, Some("101.5".parse().unwrap()));
        assert_eq!(row.flow.squared_mid_changes, 4, "two half ticks, squared");
        // Four more were bid; then the one asked at 101 went away.
        assert_eq!(row.flow.order_flow_imbalance, "5".parse().unwrap());
        let trades = row.flow.trades;
        assert_eq!((trades.count, trades.notional), (2, "502".parse().unwrap()));
        assert_eq!(trades.lowest_sell, Some("100".parse().unwrap()), "not the insurance fund's 50");
        assert_eq!(trades.highest_buy, Some("101".parse().unwrap()));
        assert_eq!(sampler.cut(at(3)).flow.updates, 0);
    }

    #[test]
    fn a_lost_book_is_shown_stale_with_its_reason_until_it_is_proven_again() {
        let mut sampler = sampler(Market::Usdm);
        let _ = sampler.on_event(millis(0), &snapshot(1));
        let _ = sampler.on_event(millis(10), &update(2, &[(100, 7)], &[]));
        let gap = sampler.on_event(millis(20), &update(9, &[(100, 8)], &[]));
        assert_eq!(gap, Outcome::NeedsSnapshot(Reason::SequenceGap));
        let row = sampler.cut(at(1));
        assert_eq!(row.validity, Validity::Stale(Reason::SequenceGap));
        assert_eq!(row.snapshot.unwrap().best_bid().quantity, "7".parse().unwrap());
        let _ = sampler.on_event(millis(1_100), &snapshot(9));
        assert_eq!(sampler.cut(at(2)).validity, Validity::Valid);
        let _ = sampler.on_event(millis(2_100), &update(10, &[(101, 1)], &[]));
        let row = sampler.cut(at(3));
        assert_eq!(row.validity, Validity::Stale(Reason::CrossedBook));
        assert_eq!(row.snapshot.unwrap().best_bid().price, "100".parse().unwrap(), "not crossed");
        let _ = sampler.on_event(millis(3_100), &snapshot(10));
        let _ = sampler.on_event(millis(3_200), &update(11, &[(100, 0)], &[]));
        assert_eq!(sampler.cut(at(4)).validity, Validity::Stale(Reason::EmptySide));
        let _ = sampler.on_event(millis(4_200), &update(12, &[(99, 1)], &[]));
        assert_eq!(sampler.cut(at(5)).validity, Validity::Valid, "the chain was never broken");
    }

    #[test]
    fn the_venues_best_prices_are_compared_whichever_message_comes_first() {
        let mut sampler = sampler(Market::Usdm);
        let ticker = |update_id, bid_quantity| {
            let (bid, ask) = (levels(&[(100, bid_quantity)])[0], levels(&[(101, 1)])[0]);
            let symbol = "BTCUSDT".parse().unwrap();
            MarketEvent::BookTicker(BookTicker { symbol, update_id, bid, ask })
        };
        let _ = sampler.on_event(millis(0), &snapshot(1));
        for event in [
            ticker(2, 5),
            update(2, &[(100, 5)], &[]),
            update(3, &[(100, 6)], &[]),
            ticker(4, 9),
            ticker(3, 6),
            update(4, &[], &[(104, 1)]),
            update(5, &[(100, 7)], &[]),
            ticker(5, 8),
        ] {
            let _ = sampler.on_event(millis(1), &event);
        }
        assert_eq!(sampler.proof(), ProofCount { compared: 4, equal: 2 }, "9 is not 6, 8 is not 7");
    }

    #[test]
    fn without_proof_of_life_rows_are_stale_and_after_a_disconnect_until_a_snapshot() {
        let mut sampler = sampler(Market::Usdm);
        let _ = sampler.on_event(millis(0), &snapshot(1));
        sampler.on_proof_of_life_lost();
        assert_eq!(sampler.cut(at(1)).validity, Validity::Stale(Reason::NoProofOfLife));
        sampler.on_proof_of_life_restored();
        assert_eq!(sampler.cut(at(2)).validity, Validity::Valid);
        sampler.on_disconnect();
        assert_eq!(sampler.cut(at(3)).validity, Validity::Stale(Reason::Disconnected));
        let _ = sampler.on_event(millis(3_100), &update(2, &[], &[]));
        assert_eq!(sampler.cut(at(4)).validity, Validity::Stale(Reason::NoSnapshot));
    }

    #[test]
    fn a_second_that_may_lack_a_trade_is_stale_and_the_next_is_not() {
        let MarketEvent::Trade(one) = trade(100, 1, false, true) else { panic!() };
        let numbered = |id| PublicTrade { trade_id: TradeId(id), ..one };
        let mut sampler = sampler(Market::Usdm);
        sampler.expect_consecutive_trades();
        let _ = sampler.on_event(millis(0), &snapshot(1));
        sampler.on_trades_connected();
        assert_eq!(sampler.cut(at(1)).validity, Validity::Stale(Reason::MissedTrades));
        let _ = sampler.on_event(millis(1_100), &MarketEvent::Trade(numbered(5)));
        assert_eq!(sampler.cut(at(2)).validity, Validity::Valid);
        let _ = sampler.on_event(millis(2_100), &MarketEvent::Trade(numbered(8)));
        let row = sampler.clone().cut(at(3));
        assert_eq!(row.validity, Validity::Stale(Reason::MissedTrades));
        assert_eq!(row.flow.trades.count, 1);
        assert_eq!(sampler.missing_trades(), Some(TradeId(6)));
        let during = |id| PublicTrade { trade_time: millis(2_050), ..numbered(id) };
        let before = PublicTrade { trade_time: millis(1_990), ..numbered(6) };
        sampler.on_missed_trades(&[before, during(7), during(8)], true, millis(2_000));
        let row = sampler.cut(at(3));
        assert_eq!((row.validity, row.flow.trades.count), (Validity::Valid, 2));
        assert_eq!(sampler.cut(at(4)).flow.trades.count, 0);
    }

    #[test]
    fn a_frozen_book_is_stale_until_an_update_joins_a_new_snapshot() {
        let mut sampler = sampler(Market::Usdm);
        let _ = sampler.on_event(millis(0), &snapshot(1));
        sampler.on_frozen();
        assert_eq!(sampler.cut(at(1)).validity, Validity::Stale(Reason::FrozenStream));
        let _ = sampler.on_event(millis(1_100), &update(9, &[(100, 3)], &[]));
        let _ = sampler.on_event(millis(1_200), &snapshot(8));
        assert_eq!(sampler.cut(at(2)).validity, Validity::Valid);
    }

    #[test]
    fn a_book_whose_updates_come_too_late_is_stale_until_one_comes_in_time() {
        let mut sampler = sampler(Market::Usdm);
        let _ = sampler.on_event(millis(0), &snapshot(1));
        for (second, id, received, is_valid) in
            [(13, 2, 13_000, true), (14, 3, 13_001, false), (15, 4, 12_000, true)]
        {
            let MarketEvent::Depth(sent) = update(id, &[(100, 5)], &[]) else { panic!("depth") };
            let sent = DepthUpdate { event_time: millis(10_000), ..sent };
            let _ = sampler.on_event(millis(received), &MarketEvent::Depth(sent));
            let validity = sampler.cut(at(second)).validity;
            let late = Validity::Stale(Reason::LateUpdates);
            assert_eq!(validity, if is_valid { Validity::Valid } else { late });
        }
    }

    #[test]
    fn mark_price_is_the_venues_on_futures_and_the_mid_on_spot() {
        let price = "123".parse().unwrap();
        let symbol = "BTCUSDT".parse().unwrap();
        let mark = MarketEvent::MarkPrice(MarkPrice { symbol, price, event_time: millis(0) });
        let mut futures = sampler(Market::Usdm);
        let _ = futures.on_event(millis(250), &mark);
        let row = futures.cut(at(1));
        assert_eq!((row.mark_price, row.mark_age_ms), (Some(price), 750));
        let mut spot = sampler(Market::Spot);
        let _ = spot.on_event(millis(250), &snapshot(1));
        let row = spot.cut(at(9));
        assert_eq!((row.mark_price, row.mark_age_ms), (Some("100.5".parse().unwrap()), 0));
    }

    fn sampler(market: Market) -> Sampler {
        Sampler::new(&test_instrument("BTCUSDT", market))
    }

    fn at(second: i64) -> Second {
        Second::from_unix(second)
    }

    fn millis(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn levels(levels: &[(i64, i64)]) -> Vec<Level> {
        let one = "1".parse().unwrap();
        let level = |(price, quantity): &(i64, i64)| Level {
            price: Price::from_ticks(*price, "1".parse().unwrap()).unwrap(),
            quantity: Quantity::from_steps(*quantity, one).unwrap(),
        };
        levels.iter().map(level).collect()
    }

    fn snapshot(last_update_id: u64) -> MarketEvent {
        let symbol = "BTCUSDT".parse().unwrap();
        let (bids, asks) = (levels(&[(100, 1)]), levels(&[(101, 1), (103, 1)]));
        MarketEvent::Snapshot(DepthSnapshot { symbol, last_update_id, bids, asks })
    }

    fn update(id: u64, bids: &[(i64, i64)], asks: &[(i64, i64)]) -> MarketEvent {
        MarketEvent::Depth(DepthUpdate {
            symbol: "BTCUSDT".parse().unwrap(),
            event_time: millis(99_999), // a venue ahead of our clock is survived
            transaction_time: None,
            first_update_id: id,
            final_update_id: id,
            previous_final_update_id: None,
            bids: levels(bids),
            asks: levels(asks),
        })
    }

    fn trade(price: i64, quantity: i64, buyer_is_maker: bool, is_book_trade: bool) -> MarketEvent {
        let Level { price, quantity } = levels(&[(price, quantity)])[0];
        MarketEvent::Trade(PublicTrade {
            symbol: "BTCUSDT".parse().unwrap(),
            trade_id: TradeId(1),
            price,
            quantity,
            buyer_is_maker,
            is_book_trade,
            trade_time: millis(0),
        })
    }
}
