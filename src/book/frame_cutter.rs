//! The one-second grid over several instruments: which seconds have ended, and their frames.
//!
//! The one path from market data to recorded seconds: live streams, imports and simulated history
//! all go through it. Knows no clock; a moment enters with each call. Invariants: **1** frames come
//! out with strictly increasing seconds, none left out unless [`FrameCutter::skip_to`] says so;
//! **2** an event received on the very second belongs to the next frame; **3** time that runs
//! backwards reopens nothing: such an event counts for the second under way.

use crate::domain::{Instrument, Second, Symbol, Timestamp};

use super::frame::Frame;
use super::sampler::Sampler;
use super::sequence::Outcome;
use super::update::{MarketEvent, PublicTrade};

/// Cuts frames of all its instruments on the one-second grid.
///
/// # Examples
/// ```
/// # use lobd::book::{Frame, FrameCutter, MarketEvent};
/// # use lobd::domain::Timestamp;
/// fn record(cutter: &mut FrameCutter, received: Timestamp, event: &MarketEvent) -> Vec<Frame> {
///     let mut frames = Vec::new();
///     while let Some(frame) = cutter.due(received) {
///         frames.push(frame);
///     }
///     cutter.on_event(received, event);
///     frames
/// }
/// ```
#[derive(Debug, Clone)]
pub struct FrameCutter {
    /// Ordered by symbol.
    samplers: Vec<Sampler>,
    /// The second under way; `None` until the first moment is known.
    current: Option<Second>,
}

impl FrameCutter {
    /// A cutter of the given instruments; its grid begins at the first moment it hears of.
    #[must_use]
    pub fn new<'a>(instruments: impl IntoIterator<Item = &'a Instrument>) -> Self {
        let mut samplers: Vec<_> = instruments.into_iter().map(Sampler::new).collect();
        samplers.sort_by_key(Sampler::symbol);
        samplers.dedup_by_key(|sampler| sampler.symbol());
        Self { samplers, current: None }
    }

    /// The next frame that must be cut before anything received at `now` is taken in; call until
    /// it answers `None`.
    pub fn due(&mut self, now: Timestamp) -> Option<Frame> {
        let second = *self.current.get_or_insert(now.second());
        // The last second there is has no end: every later one would end at the same moment.
        if second.end() > now || second.end() == Timestamp::MAX {
            return None;
        }
        self.current = Some(second.next());
        let rows = self.samplers.iter_mut().map(|sampler| sampler.cut(second)).collect();
        Some(Frame { second, rows })
    }

    /// The moment at which the next frame is due; `None` before the first call of [`Self::due`].
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.current.map(Second::end)
    }

    /// Takes one event into the second under way; an instrument not followed is ignored.
    ///
    /// The caller first takes every frame that is [`due`](Self::due) at `receive_time`.
    pub fn on_event(&mut self, receive_time: Timestamp, event: &MarketEvent) -> Outcome {
        self.sampler_mut(event.symbol())
            .map_or(Outcome::Ignored, |sampler| sampler.on_event(receive_time, event))
    }

    /// Takes the venue's answer to [`Sampler::missing_trades`]: `trades` in order, all there are if
    /// `is_whole`. Only those of the second under way count.
    pub fn on_missed_trades(&mut self, symbol: Symbol, trades: &[PublicTrade], is_whole: bool) {
        let Some(second) = self.current else { return };
        let start = second.plus(-1).end();
        if let Some(sampler) = self.sampler_mut(symbol) {
            sampler.on_missed_trades(trades, is_whole, start);
        }
    }

    /// Leaves out the seconds up to `now`, of which nothing is known, without a frame.
    pub fn skip_to(&mut self, now: Timestamp) {
        if self.current.is_some_and(|second| second.end() <= now) {
            self.current = Some(now.second());
            for sampler in &mut self.samplers {
                let _ = sampler.cut(now.second());
            }
        }
    }

    /// Follows an instrument anew, on another grid: its book and trades are to be proven again.
    pub fn begin_anew(&mut self, instrument: &Instrument) {
        if let Some(sampler) = self.sampler_mut(instrument.symbol) {
            *sampler = sampler.anew(instrument);
        }
    }

    /// The sampler of one instrument.
    #[must_use]
    pub fn sampler(&self, symbol: Symbol) -> Option<&Sampler> {
        let at = self.samplers.binary_search_by_key(&symbol, Sampler::symbol).ok()?;
        self.samplers.get(at)
    }

    /// The sampler of one instrument, to tell it of its connection.
    #[must_use]
    pub fn sampler_mut(&mut self, symbol: Symbol) -> Option<&mut Sampler> {
        let at = self.samplers.binary_search_by_key(&symbol, Sampler::symbol).ok()?;
        self.samplers.get_mut(at)
    }

    /// Every sampler, ordered by symbol, to tell them of a connection they share.
    pub fn samplers_mut(&mut self) -> impl Iterator<Item = &mut Sampler> {
        self.samplers.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::{DepthSnapshot, Level, MarkPrice, Validity, sampler::test_instrument};
    use crate::domain::Market;

    #[test]
    fn followed_anew_on_a_finer_grid_an_instrument_needs_its_book_again() {
        let instrument = test_instrument("BTCUSDT", Market::Usdm);
        let mut finer = instrument.clone();
        finer.filters.tick_size = "0.5".parse().unwrap();
        let mut cutter = FrameCutter::new([&instrument]);
        let at = Timestamp::from_millis;
        let level = |price: &str| {
            vec![Level { price: price.parse().unwrap(), quantity: "1".parse().unwrap() }]
        };
        let (bids, asks) = (level("100.5"), level("101"));
        let symbol = instrument.symbol;
        let book = MarketEvent::Snapshot(DepthSnapshot { symbol, last_update_id: 1, bids, asks });
        let is_valid = |cutter: &mut FrameCutter, millis| {
            cutter.due(at(millis)).unwrap().rows[0].validity == Validity::Valid
        };
        assert!(cutter.due(at(0)).is_none(), "the grid begins here");
        cutter.on_event(at(100), &book);
        assert!(!is_valid(&mut cutter, 1_000), "off the grid");
        cutter.begin_anew(&finer);
        cutter.on_event(at(1_100), &book);
        assert!(is_valid(&mut cutter, 2_000));
        cutter.begin_anew(&finer);
        assert!(!is_valid(&mut cutter, 3_000), "to be proven again");
    }

    #[test]
    fn every_second_is_cut_once_and_an_event_on_the_very_second_belongs_to_the_next() {
        let instruments =
            ["ETHUSDT", "BTCUSDT"].map(|symbol| test_instrument(symbol, Market::Usdm));
        let mut cutter = FrameCutter::new(&instruments);
        let mut seconds = Vec::new();
        for millis in [10_500, 12_000, 12_001, 11_000, 15_999] {
            let now = Timestamp::from_millis(millis);
            while let Some(frame) = cutter.due(now) {
                assert_eq!(frame.rows[0].symbol, "BTCUSDT".parse().unwrap(), "ordered by symbol");
                seconds.push((frame.second.unix(), frame.rows[1].mark_age_ms));
            }
            let symbol = "ETHUSDT".parse().unwrap();
            let mark = MarkPrice { symbol, price: "1".parse().unwrap(), event_time: now };
            cutter.on_event(now, &MarketEvent::MarkPrice(mark));
        }
        // Time ran backwards to 11.000 s while second 13 was under way: it counts there.
        assert_eq!(seconds, [(11, 500), (12, 1_500), (13, 2_000), (14, 3_000), (15, 4_000)]);
        assert_eq!(cutter.next_deadline(), Some(Timestamp::from_seconds(16)));
    }

    #[test]
    fn at_the_end_of_time_no_second_is_due_for_ever() {
        let mut cutter = FrameCutter::new(&[test_instrument("BTCUSDT", Market::Spot)]);
        assert_eq!(cutter.due(Timestamp::MAX), None);
        assert_eq!(cutter.due(Timestamp::MAX), None);
    }

    #[test]
    fn skipped_seconds_have_no_frame() {
        let mut cutter = FrameCutter::new(&[test_instrument("BTCUSDT", Market::Spot)]);
        assert_eq!(cutter.due(Timestamp::from_millis(500)), None);
        cutter.skip_to(Timestamp::from_millis(900_500));
        assert_eq!(cutter.due(Timestamp::from_millis(900_900)), None);
        let next = cutter.due(Timestamp::from_millis(901_000)).map(|frame| frame.second.unix());
        assert_eq!(next, Some(901));
    }
}
