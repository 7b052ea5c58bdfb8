//! What faults do to the floor itself: acts at their moment, states while they last, and what
//! befalls frames on their way out.

use crate::domain::{StopStatus, Symbol, Timestamp};
use crate::sim::StopRecord;

use super::super::card::Card;
use super::super::floor::Floor;
use super::super::listen_key::ListenKeys;
use super::super::streams::Route;
use super::fault::{Act, Fault, FaultFeed, only};
use super::filter_change::FilterChange;
use super::held_events::HeldEvent;
use super::plan::FaultRefused;
use super::span::Span;
use super::spec::FaultSpec;

impl Floor {
    /// Switches a fault on; an act whose moment is now happens before this returns.
    pub(in crate::sandbox) fn add_fault(&mut self, spec: FaultSpec) -> Result<u32, FaultRefused> {
        if let Fault::DropDepth(Some(symbol))
        | Fault::Act(
            Act::Liquidate(symbol)
            | Act::Deleverage(symbol)
            | Act::ChargeFunding(symbol)
            | Act::ChangeStatus(symbol, _),
        ) = spec.fault
        {
            self.must_list(symbol)?;
        } else if let Fault::Act(Act::ChangeFilters(change)) = &spec.fault {
            self.must_fit(change)?;
        }
        let now = self.now();
        tracing::info!(fault = %spec, "a fault is switched on");
        let number = self.faults.add(now, spec)?;
        self.tend_faults();
        Ok(number)
    }

    /// Switches one fault off, or all; what they held up goes on.
    pub(in crate::sandbox) fn clear_faults(&mut self, number: Option<u32>) -> bool {
        self.settle_counts();
        let was_there = number.is_none_or(|number| self.faults.clear(number));
        if number.is_none() {
            self.faults.clear_all();
        }
        self.tend_faults();
        was_there
    }

    fn must_list(&self, symbol: Symbol) -> Result<(), FaultRefused> {
        self.card(symbol).map(|_| ()).map_err(|_| FaultRefused::NotListed(symbol))
    }

    fn must_fit(&self, change: &FilterChange) -> Result<(), FaultRefused> {
        self.must_list(change.symbol)?;
        let card = self.card(change.symbol).map_err(|_| FaultRefused::NotListed(change.symbol))?;
        let filters = change.apply(&card.instrument.filters);
        self.exchange
            .fits_filters(change.symbol, &filters)
            .map_err(|error| FaultRefused::Filters(error.to_string()))
    }

    /// Brings the floor in line with what is on; called whenever time has passed.
    pub(in crate::sandbox) fn tend_faults(&mut self) {
        let now = self.now();
        self.settle_counts();
        for act in self.faults.take_due_acts(now) {
            self.perform(now, &act);
        }
        self.vanish_stops(now);
        self.exchange.refuse_triggers(self.faults.left(now, |fault| *fault == Fault::RejectStop));
        let frozen: Vec<FaultFeed> =
            self.faults.standing(now, only!(Freeze)).map(|(feed, _)| feed).collect();
        self.hub.freeze(|route| frozen.iter().any(|feed| feed.holds(route)));
        let slowed: Vec<(FaultFeed, Span)> =
            self.faults.standing(now, slowness).map(|(slowed, _)| slowed).collect();
        self.hub.slow(|route| {
            let of_route = slowed.iter().filter(|(feed, _)| feed.holds(route));
            of_route.map(|(_, pause)| pause.duration()).max()
        });
        self.release_held(now);
    }

    /// Counts what the exchange and the hub have done for faults since the last time.
    fn settle_counts(&mut self) {
        let now = self.now();
        let refused = self.exchange.take_refused_triggers();
        self.faults.count(now, refused, |fault| *fault == Fault::RejectStop);
        for (route, withheld) in self.hub.take_withheld() {
            let holds = |fault: &Fault| matches!(fault, Fault::Freeze(feed) if feed.holds(route));
            self.faults.count(now, withheld, holds);
        }
        for (route, slowed) in self.hub.take_slowed() {
            let holds = |fault: &Fault| slowness(fault).is_some_and(|(feed, _)| feed.holds(route));
            self.faults.count(now, slowed, holds);
        }
    }

    fn perform(&mut self, now: Timestamp, act: &Act) {
        match act {
            Act::CutSockets => self.hub.cut_all(),
            Act::ExpireListenKey { is_told } => {
                let keys = self.listen_keys.values_mut();
                let closed: Vec<String> = keys.filter_map(ListenKeys::close).collect();
                for key in closed.iter().filter(|_| *is_told) {
                    self.tell_expired(key);
                }
            }
            Act::ResetAccount { is_renumbered } => {
                for (account, settings) in &self.accounts {
                    self.exchange.reset_account(*account, settings);
                }
                if *is_renumbered {
                    self.exchange.renumber_trades();
                }
            }
            Act::ChangeFilters(change) => self.change_filters(change),
            Act::Liquidate(symbol) => {
                for account in self.accounts.keys() {
                    // Who holds nothing has nothing to lose.
                    let _ = self.exchange.liquidate(now, *account, *symbol);
                }
            }
            Act::Deleverage(symbol) => {
                for account in self.accounts.keys() {
                    // As above.
                    let _ = self.exchange.deleverage(now, *account, *symbol, None);
                }
            }
            // The symbol was found listed when the fault was switched on.
            Act::ChargeFunding(symbol) => {
                let _ = self.exchange.charge_funding(now, *symbol);
            }
            Act::ChangeStatus(symbol, status) => {
                let _ = self.exchange.set_trading_status(*symbol, *status);
            }
            Act::HedgeMode => {
                for account in self.accounts.keys() {
                    // With a position or an order the venue refuses, as it would a person.
                    let _ = self.exchange.impose_hedge_mode(*account, true);
                }
            }
        }
    }

    fn change_filters(&mut self, change: &FilterChange) {
        let Some(card) = self.cards.get_mut(&change.symbol) else { return };
        let mut instrument = card.instrument.clone();
        instrument.filters = change.apply(&instrument.filters);
        match self.exchange.set_filters(change.symbol, instrument.filters.clone()) {
            Ok(()) => *card = Card::new(instrument),
            Err(error) => tracing::warn!(%error, "the filters could not be changed"),
        }
    }

    fn vanish_stops(&mut self, now: Timestamp) {
        let is_meant = |fault: &Fault| matches!(fault, Fault::VanishStop(_));
        let ages = self.faults.standing(now, only!(VanishStop));
        let Some(age) = ages.map(|(age, _)| age).min() else { return };
        let before = now.earlier_by(age.duration());
        let left = usize::try_from(self.faults.left(now, is_meant)).unwrap_or(usize::MAX);
        let stops = self.accounts.keys().flat_map(|id| self.exchange.open_stops(*id, None));
        let is_old =
            |stop: &StopRecord| stop.report.status == StopStatus::New && stop.created_at <= before;
        let gone: Vec<StopRecord> = stops.filter(is_old).take(left).collect();
        for stop in gone {
            self.exchange.vanish_stop(stop.account, stop.report.algo_order_id);
            self.faults.count(now, 1, is_meant);
        }
    }

    /// The exchange's time as its clients see it.
    pub(in crate::sandbox) fn server_time(&self) -> Timestamp {
        let now = self.now();
        if self.faults.is_quiet() {
            return now;
        }
        let shifts = self.faults.standing(now, only!(ShiftTime));
        let nanos = shifts.map(|(millis, _)| millis.saturating_mul(1_000_000));
        Timestamp::from_nanos(nanos.fold(now.nanos(), i64::saturating_add))
    }

    /// Whether a socket that opens may stay.
    pub(in crate::sandbox) fn admits_socket(&mut self) -> bool {
        let now = self.now();
        let is_meant = |fault: &Fault| *fault == Fault::RefuseSockets;
        let refuses = self.faults.standing(now, |fault| is_meant(fault).then_some(()));
        let is_refused = refuses.count() > 0;
        self.faults.count(now, u64::from(is_refused), is_meant);
        !is_refused
    }

    /// Sends an event of the account, or does with it what is asked for.
    pub(in crate::sandbox) fn tell_account(
        &mut self,
        key: &str,
        name: &'static str,
        payload: &str,
    ) {
        if self.faults.is_quiet() && !self.held_events.is_holding() {
            self.hub.publish_private(key, name, payload);
            return;
        }
        if !self.hub.has_listener(key) {
            return;
        }
        if self.strikes_event(name, only!(&DropUserEvent)) {
            return;
        }
        let is_doubled = self.strikes_event(name, only!(&DuplicateUserEvent));
        let copies = if is_doubled { 2 } else { 1 };
        self.begin_to_hold();
        for _ in 0..copies {
            if self.held_events.is_holding() {
                let (key, payload) = (key.to_owned(), payload.to_owned());
                self.held_events.hold(HeldEvent { key, name, payload });
            } else {
                self.hub.publish_private(key, name, payload);
            }
        }
    }

    fn begin_to_hold(&mut self) {
        let now = self.now();
        if self.held_events.is_holding() {
            return;
        }
        let lasts = self.faults.strike(now, |spec| only!(ReorderUserEvents)(&spec.fault));
        if let Some(lasts) = lasts {
            self.held_events.begin(now, lasts.duration());
        }
    }

    /// Whether a fault of a kind whose value is the event's name, or none, strikes this event.
    fn strikes_event(
        &mut self,
        name: &str,
        kind: impl Fn(&Fault) -> Option<&Option<String>>,
    ) -> bool {
        let now = self.now();
        let struck = self.faults.strike(now, |spec| {
            let wanted = kind(&spec.fault)?;
            wanted.as_ref().is_none_or(|wanted| wanted == name).then_some(())
        });
        struck.is_some()
    }

    fn release_held(&mut self, now: Timestamp) {
        for event in self.held_events.take_due(now, &mut self.faults) {
            self.hub.publish_private(&event.key, event.name, &event.payload);
        }
    }

    /// Lets a depth diff go missing, if it is to and anybody would hear it.
    pub(in crate::sandbox) fn disturb_depth(&mut self, symbol: Symbol) {
        let now = self.now();
        let Ok(card) = self.card(symbol) else { return };
        if !self.hub.has_listener_of(&format!("{}@depth", card.lower)) {
            return;
        }
        let struck = self.faults.strike(now, |spec| {
            let wanted = only!(DropDepth)(&spec.fault)?;
            wanted.is_none_or(|wanted| wanted == symbol).then_some(())
        });
        if struck.is_some() {
            self.market.drop_next_depth(symbol);
        }
    }
}

fn slowness(fault: &Fault) -> Option<(FaultFeed, Span)> {
    if let Fault::SlowFrames(feed, pause) = fault { Some((*feed, *pause)) } else { None }
}

impl FaultFeed {
    /// Whether a route's streams belong to it.
    pub(super) const fn holds(self, route: Route) -> bool {
        matches!(
            (self, route),
            (Self::All, _)
                | (Self::Public, Route::Public)
                | (Self::Market, Route::Market)
                | (Self::Private, Route::Private)
        )
    }
}
