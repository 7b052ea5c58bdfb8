//! The simulated exchange: accounts trading one another, a seeded market or a recording.
//!
//! Pure and sans I/O: time enters with every call and nothing happens but by a call. Does not know
//! HTTP, signatures, rate limits or latency; those belong to whoever carries its messages.
//!
//! Invariants: **1** the same settings and calls give the same events, byte for byte; **2** events
//! are drained in the order in which they happened, and their times never fall; **3** wallet =
//! first balance + the sum of income rows (profit, fees, funding, transfers, liquidation), and the
//! position is the sum of the fills; **4** a reduce-only order never opens or flips a position;
//! **5** an account never trades with itself; **6** money is lost to nobody: whatever the market
//! does, no wallet ends below zero without a position.
//!
//! Memory is bounded but for undrained events: whoever advances must drain.

use std::time::Duration;

use crate::book::{MarkPrice, MarketEvent, Row};
use crate::domain::{Rate, Rejection, Second, Symbol, Timestamp};

use super::accounts::{Account, AccountId};
use super::adversity::Adversity;
use super::alarms::{Alarm, Alarms};
use super::amend::Amendments;
use super::countdown::Countdowns;
use super::events::ExchangeEvent;
use super::liquidity::Source;
use super::listing::{Due, Listing};
use super::matching::Match;
use super::orders::Orders;
use super::refusals;
use super::rules::Rules;
use super::settings::{AccountSettings, ExchangeSettings, SimError};
use super::stops::{Stops, WorkingPrice};
use super::tampering::TriggerRefusals;

/// A whole exchange: instruments, accounts, orders, and what happened since last asked.
#[derive(Debug)]
pub struct Exchange {
    pub(super) now: Timestamp,
    pub(super) listings: Vec<Listing>,
    pub(super) accounts: Vec<Account>,
    pub(super) orders: Orders,
    pub(super) stops: Stops,
    pub(super) amendments: Amendments,
    pub(super) countdowns: Countdowns,
    pub(super) alarms: Alarms,
    pub(super) rules: Rules,
    pub(super) events: Vec<ExchangeEvent>,
    pub(super) liquidations: u64,
    pub(super) ids_skipped: u64,
    pub(super) trigger_refusals: TriggerRefusals,
    /// Scratch, kept for its allocation.
    matches: Vec<Match>,
}

impl Exchange {
    /// Opens an exchange at a moment of its own time.
    ///
    /// # Errors
    /// [`SimError`] if there is no instrument, one is listed twice, or one has no grid.
    pub fn new(settings: &ExchangeSettings, start: Timestamp) -> Result<Self, SimError> {
        let mut listings = settings
            .instruments
            .iter()
            .map(|listed| Listing::new(listed, settings.seed, start))
            .collect::<Result<Vec<_>, _>>()?;
        listings.sort_by_key(Listing::symbol);
        if listings.is_empty() {
            return Err(SimError::NoInstrument);
        }
        if let Some(twice) = listings.windows(2).find(|two| two[0].symbol() == two[1].symbol()) {
            return Err(SimError::ListedTwice(twice[0].symbol()));
        }
        let mut exchange = Self {
            now: start,
            listings,
            accounts: Vec::new(),
            orders: Orders::new(),
            stops: Stops::new(),
            amendments: Amendments::default(),
            countdowns: Countdowns::default(),
            alarms: Alarms::default(),
            rules: Rules::default(),
            events: Vec::new(),
            liquidations: 0,
            ids_skipped: 0,
            trigger_refusals: TriggerRefusals::default(),
            matches: Vec::new(),
        };
        exchange.advance(start); // the seeded markets open
        Ok(exchange)
    }

    /// Opens an account; ids count from zero.
    pub fn open_account(&mut self, settings: &AccountSettings) -> AccountId {
        let id = AccountId(u32::try_from(self.accounts.len()).unwrap_or(u32::MAX));
        self.accounts.push(Account::new(settings));
        id
    }

    /// Sets what the venue leaves undocumented or does with a delay.
    pub const fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// The exchange's time: that of the latest call.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// When the exchange will next act by itself; [`Timestamp::MAX`] if never.
    #[must_use]
    pub fn next_wake(&self) -> Timestamp {
        let listed = self.listings.iter().map(|listing| listing.next_due().0).min();
        listed.unwrap_or(Timestamp::MAX).min(self.alarms.next_time())
    }

    /// Lets everything happen that is due up to and including `now`, in order of time.
    ///
    /// A `now` before the exchange's time changes nothing: its clock never runs back.
    pub fn advance(&mut self, now: Timestamp) {
        while self.act_next(now) {}
        self.now = self.now.max(now);
    }

    /// Moves to `out` what happened since the last call, in order.
    pub fn drain(&mut self, out: &mut Vec<ExchangeEvent>) {
        out.append(&mut self.events);
    }

    /// Takes one recorded message at a moment of the exchange's time, for [`super::Liquidity::Tape`].
    ///
    /// The message is passed on as it is; our own orders do not appear in it.
    ///
    /// # Errors
    /// [`SimError::NotFed`] if its symbol is not listed as a tape.
    pub fn feed(&mut self, now: Timestamp, event: &MarketEvent) -> Result<(), SimError> {
        let symbol = event.symbol();
        let at = self.find(symbol).ok_or(SimError::NotFed(symbol))?;
        self.advance(now);
        let mut matches = Vec::new();
        let listing = &mut self.listings[at];
        let Source::Tape(tape) = &mut listing.source else { return Err(SimError::NotFed(symbol)) };
        match event {
            MarketEvent::Depth(update) => tape.depth(update, &mut matches),
            MarketEvent::Snapshot(snapshot) => tape.snapshot(snapshot, &mut matches),
            MarketEvent::Trade(trade) => {
                tape.trade(trade, &mut matches);
                listing.keep_trade(*trade);
            }
            MarketEvent::MarkPrice(mark) => {
                listing.mark.record(mark.price);
                if let Some(mid_price) = listing.mid_price() {
                    listing.funding.sample(mid_price, mark.price);
                }
            }
            MarketEvent::BookTicker(_) => {}
        }
        self.events.push(ExchangeEvent::Market { time: self.now, event: event.clone() });
        self.settle(at, &matches);
        self.trigger_all(at);
        if matches!(event, MarketEvent::MarkPrice(_)) {
            self.check_margins(at);
        }
        Ok(())
    }

    /// Takes one recorded second, for [`super::Liquidity::Seconds`]: its trades, then its end's book and
    /// mark price. No market event comes of it: whoever feeds seconds has them already.
    ///
    /// # Errors
    /// [`SimError::NotFed`] if its symbol is not listed as seconds.
    pub fn feed_second(&mut self, second: Second, row: &Row) -> Result<(), SimError> {
        let at = self.find(row.symbol).ok_or(SimError::NotFed(row.symbol))?;
        self.advance(second.end());
        let mut matches = Vec::new();
        let listing = &mut self.listings[at];
        let Source::Seconds(seconds) = &mut listing.source else {
            return Err(SimError::NotFed(row.symbol));
        };
        seconds.second(second, row, &mut matches);
        if let Some(price) = row.mark_price.or_else(|| listing.mid_price()) {
            listing.mark.record(price);
        }
        if let Some(price) = row.flow.trades.highest_buy.or(row.flow.trades.lowest_sell) {
            listing.last_price = Some(price);
        }
        self.settle(at, &matches);
        self.trigger_all(at);
        self.check_margins(at);
        Ok(())
    }

    /// Moves the whole exchange to a later clock: history made in the past goes live now.
    ///
    /// What is due in a while stays due in that while; times already reported stay.
    pub fn shift_time(&mut self, by: Duration) {
        self.now = self.now + by;
        self.alarms.shift_time(by);
        for listing in &mut self.listings {
            listing.shift_time(by, self.now);
        }
    }

    /// Scripts an adverse participant into the seeded markets; a new script replaces the old.
    pub fn set_adversity(&mut self, script: &[Adversity]) {
        for listing in &mut self.listings {
            let symbol = listing.symbol();
            if let Source::Live(live) = &mut listing.source {
                let acts: Vec<Adversity> =
                    script.iter().filter(|act| act.symbol == symbol).copied().collect();
                live.adverse.set(&acts);
            }
        }
    }

    /// The oracle, for tests only: the expected relative move of the mid over a horizon, given all
    /// that the seeded participants know; `None` where there are none.
    #[must_use]
    pub fn expected_move(&self, symbol: Symbol, horizon: Duration) -> Option<Rate> {
        match &self.listings[self.find(symbol)?].source {
            Source::Live(live) => Some(live.market.as_ref()?.expected_move(horizon)),
            Source::Tape(_) | Source::Seconds(_) => None,
        }
    }

    /// Does what is due first and by `now`; `false` if nothing is. At one moment promises are kept
    /// before anyone trades.
    fn act_next(&mut self, now: Timestamp) -> bool {
        let alarm = self.alarms.next_time();
        match self.next_due().filter(|next| next.0 < alarm) {
            Some((time, due, at)) if time <= now => {
                self.now = self.now.max(time);
                self.listings[at].done(due, self.now);
                self.act(at, due);
                true
            }
            None if alarm <= now && alarm < Timestamp::MAX => {
                self.now = self.now.max(alarm);
                self.ring();
                true
            }
            Some(_) | None => false,
        }
    }

    fn ring(&mut self) {
        match self.alarms.take_next() {
            Some(Alarm::OrderDate(id)) => self.end_at_date(id),
            Some(Alarm::StopDate(id)) => self.end_stop_at_date(id),
            Some(Alarm::Trigger(id)) => self.fire(id),
            Some(Alarm::Countdown(account, symbol)) => self.count_down(account, symbol),
            None => {}
        }
    }

    fn next_due(&self) -> Option<(Timestamp, Due, usize)> {
        let due = |(at, listing): (usize, &Listing)| {
            let (time, due) = listing.next_due();
            (time, due, at)
        };
        self.listings.iter().enumerate().map(due).min().filter(|next| next.0 < Timestamp::MAX)
    }

    fn act(&mut self, at: usize, due: Due) {
        match due {
            Due::Market | Due::Adverse => self.act_background(at, due),
            Due::Flush => {
                if let Some(update) = self.listings[at].flush(self.now) {
                    self.push_market(MarketEvent::Depth(update));
                }
            }
            Due::MarkPrice => self.refresh_mark_price(at),
            Due::Funding => self.pay_funding(at),
        }
    }

    fn act_background(&mut self, at: usize, due: Due) {
        let mut matches = std::mem::take(&mut self.matches);
        matches.clear();
        let listing = &mut self.listings[at];
        let grid = listing.grid;
        if let Source::Live(live) = &mut listing.source {
            match due {
                Due::Market => live.step_market(self.now, &mut matches),
                Due::Adverse => live.step_adverse(self.now, grid, &mut matches),
                Due::Flush | Due::MarkPrice | Due::Funding => {}
            }
        }
        self.settle(at, &matches);
        if matches.is_empty() {
            self.after_book_change(at);
        } else if !self.stops.is_empty() {
            self.trigger(at, WorkingPrice::Contract);
        }
        self.matches = matches;
    }

    fn refresh_mark_price(&mut self, at: usize) {
        let listing = &mut self.listings[at];
        let symbol = listing.symbol();
        let Some(mid_price) = listing.mid_price() else { return };
        let Some(price) = listing.mark.sample(mid_price) else { return };
        listing.funding.sample(mid_price, price);
        self.push_market(MarketEvent::MarkPrice(MarkPrice { symbol, price, event_time: self.now }));
        self.trigger_all(at);
        self.check_margins(at);
    }

    fn trigger_all(&mut self, at: usize) {
        if self.stops.is_empty() {
            return;
        }
        self.trigger(at, WorkingPrice::Mark);
        self.trigger(at, WorkingPrice::Contract);
    }

    pub(super) fn find(&self, symbol: Symbol) -> Option<usize> {
        self.listings.iter().position(|listing| listing.symbol() == symbol)
    }

    pub(super) fn listed(&self, symbol: Symbol) -> Result<usize, Rejection> {
        self.find(symbol).ok_or_else(refusals::bad_symbol)
    }

    /// Every account, the first opened first.
    pub fn account_ids(&self) -> impl Iterator<Item = AccountId> + use<> {
        (0..u32::try_from(self.accounts.len()).unwrap_or(u32::MAX)).map(AccountId)
    }

    pub(super) fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(usize::try_from(id.0).unwrap_or(usize::MAX))
    }

    pub(super) fn account_mut(&mut self, id: AccountId) -> Option<&mut Account> {
        self.accounts.get_mut(usize::try_from(id.0).unwrap_or(usize::MAX))
    }
}

/// What a recording or a sweep made of resting and incoming orders.
pub(super) type Matches = [Match];
