//! Each running check, broken on purpose.

use std::time::Duration;

use super::super::setting::Setting;
use super::super::truth::Read;
use super::*;
use crate::domain::{
    ClientOrderId, OrderKind, OrderRequest, Price, Quantity, Side, StopRequest, StopSize,
    TimeInForce,
};
use crate::sim::{AccountId, Exchange};

const HOUR: Duration = Duration::from_hours(1);

/// An exchange with one account, looked at as the world does.
struct Venue {
    exchange: Exchange,
    account: AccountId,
    read: Read,
}

impl Venue {
    fn new() -> Self {
        let Setting { mut exchange, sandbox, .. } = Setting::of(1).unwrap();
        let account = exchange.open_account(&sandbox.account);
        Self { exchange, account, read: Read::default() }
    }

    fn symbol(&self) -> crate::domain::Symbol {
        self.exchange.instruments().next().unwrap().symbol
    }

    fn bid(&self) -> Price {
        self.exchange.best_prices(self.symbol()).unwrap().0.price
    }

    fn order(&mut self, name: &str, quantity: &str, kind: OrderKind) {
        let request = OrderRequest {
            client_order_id: ClientOrderId::new(name).unwrap(),
            symbol: self.symbol(),
            side: Side::Buy,
            quantity: quantity.parse::<Quantity>().unwrap(),
            kind,
            reduce_only: false,
        };
        self.exchange.place(self.exchange.now(), self.account, &request).unwrap();
    }

    fn entry(&mut self, quantity: &str) {
        let kind =
            OrderKind::Limit { price: self.bid(), time_in_force: TimeInForce::GoodTilCanceled };
        self.order("lobd-00000001-1-1", quantity, kind);
    }

    fn stop(&mut self) {
        let request = StopRequest {
            client_order_id: ClientOrderId::new("lobd-00000001-1-2").unwrap(),
            symbol: self.symbol(),
            side: Side::Sell,
            trigger_price: "0.5".parse().unwrap(),
            size: StopSize::ClosePosition,
        };
        let (now, terms) = (self.exchange.now(), crate::sim::StopTerms::default());
        self.exchange.place_stop(now, self.account, &request, terms).unwrap();
    }

    fn look(&mut self) -> Truth {
        let whose = (self.account, self.symbol());
        let (truth, read) = Truth::read(&self.exchange, whose, self.read).unwrap();
        self.read = read;
        truth
    }
}

fn checks() -> Checks {
    Checks::new("12000".parse().unwrap())
}

fn healthy(status: &EngineStatus) -> Seen<'_> {
    Seen { status, up_for: HOUR, offset_nanos: 0, recorded_ago: Duration::from_secs(1) }
}

/// Looks once at a world in which nothing else is wrong.
fn observe(
    checks: &mut Checks,
    at_s: u64,
    truth: &Truth,
    status: &EngineStatus,
) -> Result<(), Broken> {
    let seen = healthy(status);
    let now = Duration::from_secs(at_s);
    checks.observe(now, truth, (Some(&seen), Silence::default()), &Calm::default())
}

fn promise(checked: Result<(), Broken>) -> &'static str {
    checked.unwrap_err().promise.split(' ').next().unwrap()
}

#[test]
fn a_quiet_account_breaks_no_promise() {
    let mut venue = Venue::new();
    let (mut checks, status) = (checks(), EngineStatus::default());
    for at_s in 1..100 {
        observe(&mut checks, at_s, &venue.look(), &status).unwrap();
    }
}

#[test]
fn i2_a_name_accepted_twice_is_seen() {
    let mut venue = Venue::new();
    venue.entry("10");
    let (mut checks, status) = (checks(), EngineStatus::default());
    let truth = venue.look();
    observe(&mut checks, 1, &truth, &status).unwrap();
    assert_eq!(promise(observe(&mut checks, 2, &truth, &status)), "I2");
}

#[test]
fn i11_orders_beyond_the_limit_are_seen() {
    let mut venue = Venue::new();
    venue.entry("30000"); // 18,000 USDT at 0.6
    let status = EngineStatus::default();
    assert_eq!(promise(observe(&mut checks(), 1, &venue.look(), &status)), "I11");
}

#[test]
fn i4_a_position_without_a_stop_is_seen_after_its_time_and_one_with_a_stop_is_not() {
    let mut venue = Venue::new();
    venue.order("web_1", "100", OrderKind::Market);
    let halted = EngineStatus { halted: Some("a test".to_owned()), ..EngineStatus::default() };
    let mut checks = checks();
    observe(&mut checks, 100, &venue.look(), &halted).unwrap();
    observe(&mut checks, 103, &venue.look(), &halted).unwrap();
    assert_eq!(promise(observe(&mut checks, 104, &venue.look(), &halted)), "I4");
    venue.stop();
    observe(&mut checks, 105, &venue.look(), &halted).unwrap();
    observe(&mut checks, 205, &venue.look(), &halted).unwrap();
}

#[test]
fn i4_does_not_count_what_nobody_could_prevent() {
    let mut venue = Venue::new();
    venue.order("web_1", "100", OrderKind::Market);
    let (mut checks, mut calm) = (checks(), Calm::default());
    calm.disturb(Duration::from_secs(500), true);
    let halted = EngineStatus { halted: Some("a test".to_owned()), ..EngineStatus::default() };
    for at_s in [100, 300, 510] {
        let seen = healthy(&halted);
        let look = (Some(&seen), Silence::default());
        checks.observe(Duration::from_secs(at_s), &venue.look(), look, &calm).unwrap();
    }
}

#[test]
fn i3_a_ledger_that_differs_is_seen_unless_trading_is_halted() {
    let mut venue = Venue::new();
    venue.order("web_1", "100", OrderKind::Market);
    venue.stop();
    let (mut checks, flat) = (checks(), EngineStatus::default());
    observe(&mut checks, 100, &venue.look(), &flat).unwrap();
    observe(&mut checks, 110, &venue.look(), &flat).unwrap();
    let halted = EngineStatus { halted: Some("a difference".to_owned()), ..flat.clone() };
    observe(&mut checks, 111, &venue.look(), &halted).unwrap();
    observe(&mut checks, 112, &venue.look(), &flat).unwrap();
    assert_eq!(promise(observe(&mut checks, 123, &venue.look(), &flat)), "I3");
}

#[test]
fn i5_an_entry_while_blind_is_seen() {
    let status = EngineStatus::default();
    let long = Duration::from_secs(13);
    let blind = [
        (Silence { public: long, ..Silence::default() }, 0),
        (Silence { user: long, ..Silence::default() }, 0),
        (Silence::default(), -1_200_000_000),
    ];
    for (silence, offset_nanos) in blind {
        let mut venue = Venue::new();
        venue.entry("10");
        let seen = Seen { offset_nanos, ..healthy(&status) };
        let look = (Some(&seen), silence);
        let now = Duration::from_secs(1);
        let checked = checks().observe(now, &venue.look(), look, &Calm::default());
        assert_eq!(promise(checked), "I5");
    }
}

#[test]
fn i16_a_daemon_that_does_not_come_back_is_seen() {
    let mut venue = Venue::new();
    let (truth, status) = (venue.look(), EngineStatus::default());
    let idle = Seen { recorded_ago: Duration::from_secs(5), ..healthy(&status) };
    for seen in [None, Some(&idle)] {
        let mut checks = checks();
        let mut look = |at_s, calm: &Calm| {
            let look = (seen, Silence::default());
            checks.observe(Duration::from_secs(at_s), &truth, look, calm)
        };
        let mut disturbed = Calm::default();
        disturbed.disturb(Duration::from_secs(50), false);
        look(10, &disturbed).unwrap();
        look(45, &disturbed).unwrap();
        look(51, &disturbed).unwrap();
        look(81, &disturbed).unwrap();
        assert_eq!(promise(look(82, &disturbed)), "I16");
    }
}

#[test]
fn i10_and_i12_what_the_network_counted_is_seen() {
    traffic(10, &[]).unwrap();
    assert_eq!(promise(traffic(1_000, &[])), "I10");
    assert_eq!(promise(traffic(10, &["429 to GET /".to_owned()])), "I12");
}
