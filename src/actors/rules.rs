//! Reads the venue's rules anew, now and then and when an order or the book broke one, and tells
//! what changed, and which symbols are open for trading.
//!
//! Decides nothing: the engine rounds to the new rules, market data and tape count in them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::binance::parse::ExchangeRules;
use crate::binance::{RestClient, Restraint};
use crate::domain::{Instrument, Symbol};
use crate::engine::Event;

use super::supervisor::{Actor, ActorFailure};
use super::trader::TraderHandle;

/// Rules change every few weeks, announced or not; a question of weight one each time.
const INTERVAL: Duration = Duration::from_mins(15);

/// While a symbol is closed: that it opens again is to be known soon (promise I16).
const INTERVAL_CLOSED: Duration = Duration::from_secs(20);

/// After a question that failed.
const RETRY: Duration = Duration::from_secs(5);

/// Address of a [`RulesWatch`], made before it; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct RulesHandle(Arc<Notify>);

impl RulesHandle {
    /// Has the rules read soon: the venue refused what should have kept to them, or showed what does
    /// not.
    pub fn doubt(&self) {
        self.0.notify_one();
    }
}

/// Rules that changed, and the way to have them read: for whoever counts in them.
pub struct RulesNews {
    /// What they are now.
    pub changes: mpsc::Receiver<Instrument>,
    /// Has them read.
    pub doubt: RulesHandle,
}

/// Who is told of rules that changed.
pub struct RulesReaders {
    /// Keeps the books and records.
    pub market_data: mpsc::Sender<Instrument>,
    /// Trades, if anybody does.
    pub trader: Option<TraderHandle>,
}

/// Looks after the rules of some instruments.
pub struct RulesWatch {
    rest: Arc<RestClient>,
    known: Vec<Instrument>,
    /// What is not open for trading, with the venue's word for it.
    closed: BTreeMap<Symbol, String>,
    doubted: RulesHandle,
    restraint: Restraint,
    readers: RulesReaders,
}

impl RulesWatch {
    /// Asks through `rest`, soon when `doubted`; `known` is what the readers keep to so far, and
    /// `closed` what of it they know not to be open.
    #[must_use]
    pub fn new(
        rest: Arc<RestClient>,
        (known, closed): (Vec<Instrument>, BTreeMap<Symbol, String>),
        doubted: RulesHandle,
        readers: RulesReaders,
    ) -> Self {
        Self { rest, known, closed, doubted, restraint: Restraint::default(), readers }
    }

    /// When to read after an order broke a rule: at once, and ever more seldom in a storm.
    fn soonest(&mut self) -> Instant {
        let now = self.rest.now();
        if self.restraint.lets_through(now) {
            return Instant::now();
        }
        Instant::now() + self.restraint.next_at().map_or(Duration::ZERO, |at| at.since(now))
    }

    async fn keep_reading(&mut self) {
        let doubted = self.doubted.clone();
        let wait = if self.closed.is_empty() { INTERVAL } else { INTERVAL_CLOSED };
        let mut due = Instant::now() + wait;
        loop {
            tokio::select! {
                biased;
                () = doubted.0.notified() => due = due.min(self.soonest()),
                () = sleep_until(due) => {
                    // One that was held back counts now; one that was let through has counted.
                    let _ = self.restraint.lets_through(self.rest.now());
                    due = Instant::now() + self.read().await;
                }
            }
        }
    }

    /// Reads once and tells what changed; says how long to wait for the next time.
    async fn read(&mut self) -> Duration {
        let rules = match self.rest.exchange_info().await {
            Ok(rules) => rules,
            Err(error) => {
                tracing::warn!(%error, "the venue's rules could not be read");
                return RETRY;
            }
        };
        for place in 0..self.known.len() {
            self.compare_status(self.known[place].symbol, &rules).await;
            if let Some(changed) = changed(&self.known[place], &rules.instruments) {
                self.known[place] = changed.clone();
                self.tell(changed).await;
            }
        }
        if self.closed.is_empty() { INTERVAL } else { INTERVAL_CLOSED }
    }

    /// Tells whether a symbol is open, if that is news.
    async fn compare_status(&mut self, symbol: Symbol, rules: &ExchangeRules) {
        let closed = why_closed(symbol, rules, self.closed.get(&symbol));
        if closed.as_ref() == self.closed.get(&symbol) {
            return;
        }
        if let Some(status) = &closed {
            tracing::warn!(%symbol, status, "not open for trading");
            self.closed.insert(symbol, status.clone());
        } else {
            tracing::warn!(%symbol, "open for trading again");
            self.closed.remove(&symbol);
        }
        if let Some(trader) = &self.readers.trader {
            // The trader ends last; without it nobody trades.
            let _ = trader.tell(Event::Listing { symbol, closed }).await;
        }
    }

    async fn tell(&self, changed: &Instrument) {
        tracing::warn!(symbol = %changed.symbol, "the venue changed its rules");
        if let Some(trader) = &self.readers.trader {
            // The trader ends last; without it nobody trades.
            let _ = trader.tell(Event::Rules(Box::new(changed.clone()))).await;
        }
        // Market data that has ended records nothing.
        let _ = self.readers.market_data.send(changed.clone()).await;
    }
}

/// What is listed now of a symbol, if that is other than what is known and can be kept to.
fn changed<'a>(known: &Instrument, listed: &'a [Instrument]) -> Option<&'a Instrument> {
    let found = listed.iter().find(|listed| listed.symbol == known.symbol)?;
    if found.filters == known.filters {
        return None;
    }
    // A position could neither be closed nor protected by such rules.
    if let Err(error) = found.filters.check_usable() {
        tracing::error!(symbol = %known.symbol, %error, "the rules known so far stay in force");
        return None;
    }
    Some(found)
}

/// Why a symbol is not open for trading, in the venue's word; none if it is open. A list in which it
/// may be and cannot be read says nothing new.
fn why_closed(symbol: Symbol, rules: &ExchangeRules, known: Option<&String>) -> Option<String> {
    if rules.instruments.iter().any(|listed| listed.symbol == symbol) {
        return None;
    }
    match rules.closed.iter().find(|(listed, _)| listed.symbol == symbol) {
        Some((_, status)) => Some(status.clone()),
        None if rules.unreadable > 0 || rules.instruments.is_empty() => known.cloned(),
        None => Some("not listed".to_owned()),
    }
}

impl Actor for RulesWatch {
    /// Runs until shut down, also in the middle of a question.
    async fn run(&mut self, shutdown: &CancellationToken) -> Result<(), ActorFailure> {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => Ok(()),
            () = self.keep_reading() => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::listings;

    #[test]
    fn rules_that_nothing_can_be_traded_by_are_not_taken_over() {
        let known = listings::instrument("BTCUSDT").unwrap();
        let listed_with = |change: fn(&mut Instrument)| {
            let mut listed = known.clone();
            change(&mut listed);
            changed(&known, &[listed]).is_some()
        };
        assert!(!listed_with(|_| {}), "nothing is other");
        assert!(listed_with(|it| it.filters.tick_size = "0.5".parse().unwrap()));
        assert!(!listed_with(|it| it.filters.tick_size = "0".parse().unwrap()));
        assert!(!listed_with(|it| it.filters.step_size = "0".parse().unwrap()));
        assert!(!listed_with(|it| it.filters.max_quantity = "0".parse().unwrap()));
        assert!(!listed_with(|it| it.filters.max_market_quantity = "0".parse().unwrap()));
        assert!(changed(&known, &[]).is_none());
    }

    #[test]
    fn a_symbol_is_closed_unless_it_is_listed_as_open() {
        let known = listings::instrument("BTCUSDT").unwrap();
        let other = listings::instrument("ETHUSDT").unwrap();
        let mut rules = ExchangeRules::default();
        let told = |rules: &ExchangeRules| why_closed(known.symbol, rules, None);
        assert_eq!(told(&rules), None, "an empty list says nothing");
        rules.instruments.push(other);
        assert_eq!(told(&rules).as_deref(), Some("not listed"));
        rules.unreadable = 1;
        assert_eq!(told(&rules), None, "it may be the one that could not be read");
        rules.closed.push((known.clone(), "SETTLING".to_owned()));
        assert_eq!(told(&rules).as_deref(), Some("SETTLING"));
        rules.instruments.push(known.clone());
        assert_eq!(told(&rules), None);
    }
}
