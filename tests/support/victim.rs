//! A daemon that is killed, on an exchange in another process that goes on without it.

use std::time::Duration;

use lobd::binance::RestClient;
use serde_json::Value;

use super::audit::{Truth, journal_is_whole_and_agrees};
use super::constant_model;
use super::exchange::Exchange;
use super::faulted::{is_agreed, longest_naked};
use super::process::{Home, Running, eventually};
use super::venue::symbol;

/// How long a position may be without a stop (promise I4), and a little for the machine.
pub(crate) const NAKED_LIMIT: Duration = Duration::from_millis(3_500);

/// One account, its exchange, and the folder of the daemon that lives more than once.
pub(crate) struct Victim {
    pub(crate) home: Home,
    pub(crate) venue: RestClient,
    _exchange: Exchange,
}

impl Victim {
    /// A daemon that expects a rise every second; it has not started.
    pub(crate) async fn new(settings: &[(&'static str, &str)]) -> Self {
        let exchange = Exchange::start(11, &[]).await;
        let mut variables = exchange.variables();
        // Far enough that the seeded market does not reach it.
        variables.push(("STOP_LOSS_USDT", "60".to_owned()));
        variables.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let home = Home::with(&variables);
        constant_model::promote(&home.data(), 90.0);
        let venue = exchange.client();
        Self { home, venue, _exchange: exchange }
    }

    /// Starts it; nobody kills it but the test.
    pub(crate) fn start(&self) -> Running {
        self.home.spawn(&["run"])
    }

    /// Starts a command that a fail point will strike.
    pub(crate) fn start_armed(&self, arguments: &[&str], point: &str) -> Running {
        let mut command = self.home.lobd(arguments);
        command.env("LOBD_FAIL_POINT", point);
        self.home.start(command)
    }

    /// Waits until a fail point has killed it; what the venue knows then.
    pub(crate) async fn dies(&self, mut doomed: Running, point: &str) -> Truth {
        let code = doomed.exit().await;
        assert_eq!(code, None, "{point}: it ended by itself: {}", self.home.log());
        Truth::of(&self.venue).await
    }

    /// A life that ends at a fail point.
    pub(crate) async fn killed_at(&self, point: &str) -> Truth {
        let doomed = self.start_armed(&["run"], point);
        self.dies(doomed, point).await
    }

    /// Waits until a position is held under its stop, and all is agreed.
    pub(crate) async fn is_protected(&self) -> Value {
        self.home
            .status_when("a position under its stop, agreed with the venue", |status| {
                let one = &status["symbols"][0];
                let is_held = one["phase"] == "holding" && !one["stop_price"].is_null();
                is_held && is_agreed(status) && status["halted"].is_null()
            })
            .await
    }

    /// Starts it again: it finds what is there, protects it within the promised time (I4), agrees
    /// with the venue (I3) and trades, all by itself (I16).
    pub(crate) async fn recovers(&self, after: &str) -> (Running, Truth) {
        let daemon = self.start();
        let status = self.is_protected().await;
        assert_eq!(status["discrepancies_total"], 0, "{after}: {}", self.home.log());
        let naked = longest_naked(&status);
        assert!(naked <= NAKED_LIMIT, "{after}: naked for {naked:?}: {}", self.home.log());
        let has_one_stop = async || {
            let stops = self.venue.waiting_stops(Some(symbol())).await.unwrap();
            let orders = self.venue.working_orders(Some(symbol())).await.unwrap();
            stops.len() == 1 && orders.iter().all(|order| order.reduce_only)
        };
        eventually("one stop, and no entry left", has_one_stop).await;
        println!("{after}: protected again, naked for {naked:?}");
        (daemon, Truth::of(&self.venue).await)
    }

    /// Closes everything, ends the daemon, and holds what the venue knows against the journal.
    pub(crate) async fn ends(&self, mut daemon: Running) -> Truth {
        self.home.succeeds(&["flatten"]);
        self.home
            .status_when("flat, and agreed with the venue", |status| {
                status["symbols"][0]["phase"] == "flat" && is_agreed(status)
            })
            .await;
        daemon.terminate();
        assert_eq!(daemon.exit().await, Some(0), "{}", self.home.log());
        let truth = Truth::of(&self.venue).await;
        assert!(!truth.is_held() && truth.stops.is_empty(), "{truth:?}");
        assert!(truth.orders.iter().all(|order| order.status.is_terminal()), "{truth:?}");
        truth.is_what_was_decided_and_booked(&self.home);
        journal_is_whole_and_agrees(&self.home).await;
        truth
    }

    /// Waits, while nobody trades here, until the market has: a while in which prices moved.
    pub(crate) async fn market_goes_on(&self) {
        const TRADES: u64 = 100;
        let newest = async || {
            let trades = self.venue.recent_trades(symbol(), 1).await.unwrap();
            trades.last().map(|trade| trade.trade_id.0)
        };
        let before = newest().await;
        eventually("others trade", async || newest().await > before.map(|id| id + TRADES)).await;
    }
}
