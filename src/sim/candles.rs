//! Candles of every interval, built from the trades of one instrument.
//!
//! Trades make minutes, and a minute that is over joins the candle of each longer interval, so that
//! a trade costs the same however many intervals there are. Invariants: **1** a candle holds exactly
//! the trades from its opening to its closing time; **2** candles asked for have no gaps: a span
//! without trades is flat at the close before it; **3** memory is bounded by [`CANDLES_KEPT`] of an
//! interval.

use std::collections::VecDeque;

use crate::book::PublicTrade;
use crate::domain::{Price, Timestamp, TradeId};

use super::interval::{INTERVALS, Interval};

/// Candles kept of each interval: as many as may be asked for at once.
const CANDLES_KEPT: usize = 1_500;

/// What an instrument traded in a span of time. Volumes are in units of 1e-8, wide enough for a
/// month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candle {
    /// Its first millisecond.
    pub open_ms: i64,
    /// Its last millisecond.
    pub close_ms: i64,
    /// The first price.
    pub open: Price,
    /// The highest price.
    pub high: Price,
    /// The lowest price.
    pub low: Price,
    /// The last price.
    pub close: Price,
    /// Base asset traded, in units.
    pub volume: i128,
    /// Quote asset traded, in units.
    pub quote_volume: i128,
    /// Base asset bought by takers, in units.
    pub taker_buy_volume: i128,
    /// Quote asset paid by takers, in units.
    pub taker_buy_quote_volume: i128,
    /// How many trades.
    pub trades: u64,
    /// The first and the last of them; `None` if nothing traded.
    pub ids: Option<(TradeId, TradeId)>,
}

/// Which candles are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CandleQuery {
    /// Of which length.
    pub interval: Interval,
    /// Opened not before.
    pub since: Option<Timestamp>,
    /// Opened not after.
    pub until: Option<Timestamp>,
    /// At most so many: the oldest with a `since`, else the newest.
    pub limit: usize,
}

impl Candle {
    fn flat(interval: Interval, open_ms: i64, price: Price) -> Self {
        Self {
            open_ms,
            close_ms: interval.close_of(open_ms),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: 0,
            quote_volume: 0,
            taker_buy_volume: 0,
            taker_buy_quote_volume: 0,
            trades: 0,
            ids: None,
        }
    }

    fn of_trade(trade: &PublicTrade) -> Self {
        let minute = Interval::MINUTE;
        let mut candle = Self::flat(minute, minute.open_of(trade.trade_time.millis()), trade.price);
        let volume = i128::from(trade.quantity.units());
        let one = i128::from(crate::domain::decimal::UNITS_PER_ONE);
        candle.volume = volume;
        candle.quote_volume = volume * i128::from(trade.price.units()) / one;
        if !trade.buyer_is_maker {
            candle.taker_buy_volume = candle.volume;
            candle.taker_buy_quote_volume = candle.quote_volume;
        }
        candle.trades = 1;
        candle.ids = Some((trade.trade_id, trade.trade_id));
        candle
    }

    /// Takes in a later candle that lies within this one's time.
    fn absorb(&mut self, later: &Self) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.volume += later.volume;
        self.quote_volume += later.quote_volume;
        self.taker_buy_volume += later.taker_buy_volume;
        self.taker_buy_quote_volume += later.taker_buy_quote_volume;
        self.trades += later.trades;
        self.ids = match (self.ids, later.ids) {
            (Some((first, _)), Some((_, last))) => Some((first, last)),
            (known, None) | (None, known) => known,
        };
    }
}

/// The candles of one instrument.
#[derive(Debug, Default)]
pub(super) struct Candles {
    /// The minute that trades make now.
    minute: Option<Candle>,
    /// What is over, by interval.
    closed: [VecDeque<Candle>; INTERVALS.len()],
}

impl Candles {
    /// Takes in a trade; one that comes late belongs to the minute that trades make now.
    pub(super) fn take(&mut self, trade: &PublicTrade) {
        let candle = Candle::of_trade(trade);
        match &mut self.minute {
            Some(minute) if candle.open_ms <= minute.open_ms => minute.absorb(&candle),
            minute => {
                if let Some(over) = minute.replace(candle) {
                    self.close(&over);
                }
            }
        }
    }

    fn close(&mut self, minute: &Candle) {
        for (interval, closed) in INTERVALS.iter().zip(&mut self.closed) {
            join(*interval, closed, minute);
            if closed.len() > CANDLES_KEPT {
                closed.pop_front();
            }
        }
    }

    /// Candles that opened by `now`, oldest first.
    pub(super) fn list(&self, now: Timestamp, query: &CandleQuery) -> Vec<Candle> {
        let interval = query.interval;
        let mut traded = self.closed[interval.index()].clone();
        if let Some(minute) = &self.minute {
            join(interval, &mut traded, minute);
        }
        let since = query.since.map_or(i64::MIN, Timestamp::millis);
        let until = query.until.map_or(i64::MAX, Timestamp::millis).min(now.millis());
        let mut wanted: VecDeque<Candle> = VecDeque::new();
        for candle in without_gaps(interval, &traded, until) {
            if candle.open_ms < since || candle.open_ms > until {
                continue;
            }
            if query.since.is_some() && wanted.len() >= query.limit {
                break;
            }
            wanted.push_back(candle);
            if wanted.len() > query.limit {
                wanted.pop_front();
            }
        }
        wanted.into()
    }

    /// The candle that opened at a moment, if anything traded in it.
    pub(super) fn at(&self, interval: Interval, open_ms: i64) -> Option<Candle> {
        let closed = &self.closed[interval.index()];
        let found = closed.binary_search_by_key(&open_ms, |candle| candle.open_ms).ok();
        let mut candle = found.map(|place| closed[place]);
        if let Some(minute) = &self.minute
            && interval.open_of(minute.open_ms) == open_ms
        {
            let mut whole: VecDeque<Candle> = candle.into_iter().collect();
            join(interval, &mut whole, minute);
            candle = whole.pop_back();
        }
        candle
    }

    /// What has traded from a moment on, to the minute; `None` if nothing has.
    pub(super) fn since(&self, from_ms: i64) -> Option<Candle> {
        let closed = &self.closed[Interval::MINUTE.index()];
        let first = closed.partition_point(|candle| candle.open_ms < from_ms);
        let mut minutes = closed.range(first..).chain(&self.minute);
        let mut whole = *minutes.next()?;
        for minute in minutes {
            whole.absorb(minute);
            whole.close_ms = minute.close_ms;
        }
        Some(whole)
    }
}

/// Lets a minute join the candle it lies in, or open the next.
fn join(interval: Interval, candles: &mut VecDeque<Candle>, minute: &Candle) {
    let open_ms = interval.open_of(minute.open_ms);
    match candles.back_mut() {
        Some(last) if last.open_ms == open_ms => last.absorb(minute),
        Some(_) | None => {
            let close_ms = interval.close_of(open_ms);
            candles.push_back(Candle { open_ms, close_ms, ..*minute });
        }
    }
}

/// The candles with flat ones between and after them, at most [`CANDLES_KEPT`] in a gap.
fn without_gaps(
    interval: Interval,
    traded: &VecDeque<Candle>,
    until_ms: i64,
) -> impl Iterator<Item = Candle> + '_ {
    traded.iter().enumerate().flat_map(move |(place, candle)| {
        let next = traded.get(place + 1).map_or(until_ms.saturating_add(1), |next| next.open_ms);
        let after = std::iter::successors(Some(candle.close_ms + 1), move |open_ms| {
            Some(interval.close_of(*open_ms) + 1)
        });
        let gap = after
            .take_while(move |open_ms| *open_ms < next)
            .take(CANDLES_KEPT)
            .map(move |open_ms| Candle::flat(interval, open_ms, candle.close));
        std::iter::once(*candle).chain(gap)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Symbol;
    use proptest::prelude::*;

    fn trade(id: u64, millis: i64, price: &str, buyer_is_maker: bool) -> PublicTrade {
        PublicTrade {
            symbol: Symbol::new("BTCUSDT").unwrap(),
            trade_id: TradeId(id),
            price: price.parse().unwrap(),
            quantity: "2".parse().unwrap(),
            buyer_is_maker,
            is_book_trade: true,
            trade_time: Timestamp::from_millis(millis),
        }
    }

    fn query(name: &str) -> CandleQuery {
        let interval = Interval::parse(name).unwrap();
        CandleQuery { interval, since: None, until: None, limit: 500 }
    }

    #[test]
    fn trades_make_minutes_and_minutes_make_the_rest() {
        let mut candles = Candles::default();
        for (id, millis, price, is_sale) in
            [(1, 1_000, "100", false), (2, 59_999, "103", true), (3, 60_000, "99", false)]
        {
            candles.take(&trade(id, millis, price, is_sale));
        }
        let now = Timestamp::from_millis(61_000);
        let minutes = candles.list(now, &query("1m"));
        assert_eq!(minutes.len(), 2);
        let first = minutes[0];
        assert_eq!((first.open_ms, first.close_ms), (0, 59_999));
        assert_eq!((first.open.to_string(), first.close.to_string()), ("100".into(), "103".into()));
        assert_eq!((first.volume, first.taker_buy_volume), (400_000_000, 200_000_000));
        assert_eq!(first.quote_volume, 40_600_000_000);
        assert_eq!(first.ids, Some((TradeId(1), TradeId(2))));
        let hour = candles.list(now, &query("1h"));
        assert_eq!((hour.len(), hour[0].trades), (1, 3));
        assert_eq!(
            (hour[0].low.to_string(), hour[0].high.to_string()),
            ("99".into(), "103".into())
        );
        assert_eq!(candles.at(Interval::parse("1h").unwrap(), 0), Some(hour[0]));
        assert_eq!(candles.at(Interval::MINUTE, 0), Some(first));
        assert_eq!(candles.at(Interval::MINUTE, 120_000), None);
        let day = candles.since(60_000).unwrap();
        assert_eq!((day.trades, day.open.to_string()), (1, "99".to_owned()));
    }

    #[test]
    fn a_span_without_trades_is_flat() {
        let mut candles = Candles::default();
        candles.take(&trade(1, 0, "100", false));
        candles.take(&trade(2, 180_000, "105", false));
        let now = Timestamp::from_millis(300_500);
        let rows = candles.list(now, &query("1m"));
        let closes: Vec<String> = rows.iter().map(|row| row.close.to_string()).collect();
        assert_eq!(closes, ["100", "100", "100", "105", "105", "105"]);
        assert_eq!((rows[1].trades, rows[1].ids), (0, None));
        let two = CandleQuery { limit: 2, ..query("1m") };
        assert_eq!(candles.list(now, &two)[0].open_ms, 240_000, "the newest");
        let since = Some(Timestamp::from_millis(60_000));
        let from = candles.list(now, &CandleQuery { since, ..two });
        assert_eq!((from[0].open_ms, from.len()), (60_000, 2));
        let until = Some(Timestamp::from_millis(60_000));
        assert_eq!(candles.list(now, &CandleQuery { until, ..query("1m") }).len(), 2);
    }

    proptest! {
        #[test]
        fn every_interval_holds_the_same_trades(
            steps in prop::collection::vec((0..200_000_i64, 1..50_i64), 1..200),
        ) {
            let (mut candles, mut now) = (Candles::default(), 0);
            for (id, (step, price)) in (1..).zip(&steps) {
                now += step;
                candles.take(&trade(id, now, &price.to_string(), false));
            }
            let count = u64::try_from(steps.len()).unwrap();
            for interval in INTERVALS {
                let all = CandleQuery { interval, since: None, until: None, limit: 100_000 };
                let rows = candles.list(Timestamp::from_millis(now), &all);
                prop_assert!(rows.windows(2).all(|two| two[0].close_ms + 1 == two[1].open_ms));
                prop_assert_eq!(rows.iter().map(|row| row.trades).sum::<u64>(), count);
                prop_assert!(rows.iter().all(|row| row.low <= row.open && row.open <= row.high));
            }
        }
    }
}
