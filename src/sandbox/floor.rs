//! The floor: the one owner of the simulated exchange and of all that clients see of it.
//!
//! Sans I/O: requests and control messages come in with the time, answers and frames go out. Who
//! carries them is the business of `rest::http` and `streams::session`.
//!
//! Invariants: **1** before anything is answered, the exchange has lived up to that moment;
//! **2** what it did is published in the order in which it happened.

use std::collections::BTreeMap;

use crate::book::MarketEvent;
use crate::domain::{ClientOrderId, Symbol, Timestamp};
use crate::sim::{
    AccountEvent, AccountId, AccountSettings, Exchange, ExchangeEvent, MarginCallEvent, OrderEvent,
    StopEvent,
};

use super::calls::{Call, WEIGHT_OF_HANDSHAKE};
use super::card::Card;
use super::faults::{HeldEvents, Plan};
use super::gate::Gate;
use super::listen_key::ListenKeys;
use super::refusal::Refusal;
use super::settings::SandboxSettings;
use super::streams::{self, Hub, MarketFrames, Opening, Setting, SocketId, UserFrames};
use super::tape::Tape;
use super::windows::{Pool, Windows};

/// Steps of the exchange's own time taken at once at most; beyond them it leaps.
const MOST_STEPS: usize = 100_000;

/// The exchange and its surroundings.
pub(super) struct Floor {
    pub(super) exchange: Exchange,
    /// Whose request is being served; between requests the first account.
    pub(super) account: AccountId,
    /// The accounts, each with what it began with.
    pub(super) accounts: BTreeMap<AccountId, AccountSettings>,
    /// The listen keys of every account that has keys.
    pub(super) listen_keys: BTreeMap<AccountId, ListenKeys>,
    pub(super) cards: BTreeMap<Symbol, Card>,
    pub(super) gate: Gate,
    pub(super) windows: Windows,
    pub(super) hub: Hub,
    pub(super) market: MarketFrames,
    pub(super) faults: Plan,
    pub(super) held_events: HeldEvents,
    tape: Option<Tape>,
    happened: Vec<ExchangeEvent>,
    named: u64,
}

impl Floor {
    pub(super) fn new(mut exchange: Exchange, settings: &SandboxSettings) -> Self {
        exchange.set_rules(settings.rules);
        let account = exchange.open_account(&settings.account);
        let (mut gate, mut listen_keys) = (Gate::default(), BTreeMap::new());
        gate.register(account, settings.api_key.clone(), &settings.api_secret);
        listen_keys.insert(account, ListenKeys::new(&settings.api_secret));
        let mut accounts = BTreeMap::from([(account, settings.account)]);
        for other in &settings.others {
            let account = exchange.open_account(&other.account);
            gate.register(account, other.api_key.clone(), &other.api_secret);
            listen_keys.insert(account, ListenKeys::new(&other.api_secret));
            accounts.insert(account, other.account);
        }
        let cards: BTreeMap<_, _> = exchange
            .instruments()
            .map(|instrument| (instrument.symbol, Card::new(instrument.clone())))
            .collect();
        // What happened before anybody could hear of it is remembered and not told.
        exchange.drain(&mut Vec::new());
        let market = MarketFrames::new(cards.values(), &exchange);
        Self {
            exchange,
            account,
            accounts,
            gate,
            windows: Windows::new(settings.limits),
            listen_keys,
            hub: Hub::default(),
            market,
            cards,
            faults: Plan::new(settings.fault_seed),
            held_events: HeldEvents::default(),
            tape: settings.tape.clone(),
            happened: Vec::new(),
            named: 0,
        }
    }

    /// The exchange's time.
    pub(super) const fn now(&self) -> Timestamp {
        self.exchange.now()
    }

    /// The card of a listed symbol.
    pub(super) fn card(&self, symbol: Symbol) -> Result<&Card, Refusal> {
        self.cards.get(&symbol).ok_or_else(Refusal::bad_symbol)
    }

    /// A name for an order whose sender gave none.
    pub(super) fn name_order(&mut self) -> Result<ClientOrderId, Refusal> {
        self.named += 1;
        ClientOrderId::new(&format!("sandbox-{}", self.named)).map_err(|_| Refusal::internal())
    }

    /// Takes a socket in; one for calls costs weight, and is turned away where there is none left.
    pub(super) fn open(&mut self, now: Timestamp, opening: Opening) -> SocketId {
        self.catch_up(now);
        if opening.is_for_calls() {
            let now = self.now();
            let admitted = self
                .windows
                .check_ban(now)
                .and_then(|()| self.windows.spend_weight(now, Pool::Calls, WEIGHT_OF_HANDSHAKE));
            if admitted.is_err() || self.banned_until().is_some() {
                opening.refuse();
            }
        }
        self.hub.open(opening)
    }

    /// Does what a socket's message asks of its streams; a call is given back, to be received.
    pub(super) fn control(&mut self, id: SocketId, text: &str) -> Option<Call> {
        if self.hub.is_for_calls(id) {
            return Some(Call::read(text));
        }
        self.hub.control(id, text);
        None
    }

    /// Lets the exchange live up to `now`, step by step, publishing after each.
    pub(super) fn catch_up(&mut self, now: Timestamp) {
        for _ in 0..MOST_STEPS {
            let Some(wake) = self.next_wake().filter(|wake| *wake <= now) else { break };
            self.step_to(wake);
        }
        self.exchange.advance(now);
        self.publish();
        let now = self.now(); // which may be ahead of the clock
        self.market.flush(&mut self.hub, &self.exchange, now);
        let keys = self.listen_keys.values_mut();
        let expired: Vec<String> = keys.filter_map(|keys| keys.expire(now)).collect();
        for key in expired {
            self.tell_expired(&key);
        }
        // What a fault held back goes on after the fault was cleared.
        if !self.faults.is_quiet() || self.held_events.is_holding() {
            self.tend_faults();
        }
    }

    /// The next moment at which something happens by itself and time goes on.
    fn next_wake(&self) -> Option<Timestamp> {
        let recorded = self.tape.as_ref().and_then(Tape::next_time);
        let own = self.exchange.next_wake();
        let next = recorded.map_or(own, |recorded| recorded.min(own));
        let stands_still = recorded.is_none_or(|recorded| recorded > next) && next <= self.now();
        (!stands_still).then_some(next)
    }

    fn step_to(&mut self, wake: Timestamp) {
        self.exchange.advance(wake);
        if let Some(tape) = &mut self.tape
            && let Some(event) = tape.take_due(wake)
            && let Err(error) = self.exchange.feed(wake, &event)
        {
            tracing::warn!(%error, "a recorded message was not taken");
        }
        self.publish();
    }

    /// Publishes what happened since the last time.
    pub(super) fn publish(&mut self) {
        let mut happened = std::mem::take(&mut self.happened);
        self.exchange.drain(&mut happened);
        for event in happened.drain(..) {
            match &event {
                ExchangeEvent::Market { time, event } => {
                    if let MarketEvent::Depth(update) = event
                        && !self.faults.is_quiet()
                    {
                        self.disturb_depth(update.symbol);
                    }
                    self.market.publish(&mut self.hub, &self.exchange, *time, event);
                }
                ExchangeEvent::Liquidation { time, order } => {
                    if let Some(card) = self.cards.get(&order.report.symbol) {
                        streams::publish_liquidation(&mut self.hub, card, *time, order);
                    }
                }
                ExchangeEvent::Order(OrderEvent { account, .. })
                | ExchangeEvent::Account(AccountEvent { account, .. })
                | ExchangeEvent::Stop(StopEvent { account, .. })
                | ExchangeEvent::MarginCall(MarginCallEvent { account, .. }) => {
                    self.publish_private(*account, &event);
                }
            }
        }
        self.happened = happened;
    }

    fn publish_private(&mut self, account: AccountId, event: &ExchangeEvent) {
        let Some(key) = self.active_key(account) else { return };
        let frames = UserFrames { exchange: &self.exchange, account };
        for (name, payload) in frames.of(event) {
            self.tell_account(&key, name, &payload);
        }
    }

    /// The key whose listeners hear an account.
    pub(super) fn active_key(&self, account: AccountId) -> Option<String> {
        self.listen_keys.get(&account)?.active().map(ToOwned::to_owned)
    }

    /// The listen keys of the account being served.
    pub(super) fn own_keys(&mut self) -> Result<&mut ListenKeys, Refusal> {
        self.listen_keys.get_mut(&self.account).ok_or_else(Refusal::internal)
    }

    /// Tells the listeners of a key that it is over.
    pub(super) fn tell_expired(&mut self, key: &str) {
        let payload = format!(
            r#"{{"e":"listenKeyExpired","E":{},"listenKey":"{key}"}}"#,
            self.now().millis()
        );
        self.hub.publish_private(key, "listenKeyExpired", &payload);
    }

    /// Tells the listeners of the account being served of a new setting.
    pub(super) fn tell_setting(&mut self, setting: Setting) {
        let Some(key) = self.active_key(self.account) else { return };
        let payload = setting.frame(self.now().millis());
        self.hub.publish_private(&key, "ACCOUNT_CONFIG_UPDATE", &payload);
    }
}

impl std::fmt::Debug for Floor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Floor").field("now", &self.now()).finish_non_exhaustive()
    }
}
