//! The venue's truth about an account, held against the journal of the daemon that traded on it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lobd::binance::parse::ConditionalReport;
use lobd::binance::{BinanceError, RestClient};
use lobd::domain::{Exposure, Fill, OrderReport, Quantity, Side, StopReport};
use lobd::store::{Journal, journal_path};
use serde_json::{Value, json};

use super::process::{Home, until};
use super::venue::symbol;

/// Longer than any test: everything the account has done.
const HISTORY: Duration = Duration::from_hours(6);

/// The exit code of a command that could not ask the venue: so ends one that the weight budget of
/// the minute does not admit.
const HELD_BACK: i32 = 7;

/// The weight budget is a minute's: nobody is held back for longer, and a little for the machine.
pub(crate) const BUDGET_RENEWS: Duration = Duration::from_secs(90);

/// What the venue says of the account.
#[derive(Debug)]
pub(crate) struct Truth {
    /// Ordinary orders, ended ones included.
    pub(crate) orders: Vec<OrderReport>,
    /// Conditional orders, ended ones included.
    pub(crate) conditionals: Vec<ConditionalReport>,
    /// Protective stops that wait.
    pub(crate) stops: Vec<StopReport>,
    /// Trades.
    pub(crate) fills: Vec<Fill>,
    /// What is held.
    pub(crate) exposure: Exposure,
}

impl Truth {
    pub(crate) async fn of(venue: &RestClient) -> Self {
        let (since, symbol) = (venue.now().earlier_by(HISTORY), symbol());
        Self {
            orders: answered(async || venue.order_history(symbol, None, since).await).await,
            conditionals: {
                answered(async || venue.conditional_history(symbol, None, since).await).await
            },
            stops: answered(async || venue.waiting_stops(Some(symbol)).await).await,
            fills: answered(async || venue.trade_history(symbol, None, since).await).await,
            exposure: answered(async || venue.position_of(symbol).await).await.exposure,
        }
    }

    /// The orders that opened risk.
    pub(crate) fn entries(&self) -> Vec<&OrderReport> {
        self.orders.iter().filter(|order| !order.reduce_only).collect()
    }

    pub(crate) const fn is_held(&self) -> bool {
        !self.exposure.is_zero()
    }

    /// How many entries each run has sent, in the order of the runs.
    pub(crate) fn entries_by_run(&self) -> Vec<(u32, usize)> {
        let mut counts = BTreeMap::new();
        for order in self.entries() {
            // A derived name tells: lobd-<installation>-<run>-<number>.
            let name = order.client_order_id.to_string();
            if let Some(run) = name.split('-').nth(2).and_then(|run| run.parse().ok()) {
                *counts.entry(run).or_default() += 1;
            }
        }
        counts.into_iter().collect()
    }

    /// How many positions were opened: a found one may be closed soon, and another opened.
    pub(crate) fn positions_opened(&self) -> usize {
        self.entries().iter().filter(|order| !order.filled_quantity.is_zero()).count()
    }

    /// What was done by the account is what the journal decided (I1), once each (I2), and every
    /// trade is booked once, as it was (I6).
    pub(crate) fn is_what_was_decided_and_booked(&self, home: &Home) {
        let journal = Journal::open_read_only(&journal_path(&home.data())).unwrap();
        let decided = journal.decided().unwrap();
        let ours = self.names().into_iter().filter(|name| name.starts_with("lobd-"));
        let mut seen = BTreeSet::new();
        for name in ours {
            assert!(decided.contains(&name), "I1: the journal knows nothing of {name}: {self:?}");
            assert!(seen.insert(name.clone()), "I2: {name} is there twice: {self:?}");
        }
        self.never_turned_nor_doubled();
        let booked = journal.booked(symbol()).unwrap();
        let booked: BTreeMap<_, _> =
            booked.into_iter().map(|(id, trade)| (id, trade.signed_quantity)).collect();
        let traded = self.fills.iter();
        let traded: BTreeMap<_, _> =
            traded.map(|fill| (fill.trade_id, fill.quantity.on(fill.side).units())).collect();
        assert_eq!(booked, traded, "I6: booked and traded");
    }

    /// The names under which orders and stops were sent; what a stop became bears the stop's own.
    fn names(&self) -> Vec<String> {
        let children: BTreeSet<_> =
            self.conditionals.iter().filter_map(|stop| Some(stop.child?.order_id)).collect();
        let orders = self.orders.iter().filter(|order| !children.contains(&order.order_id));
        let orders = orders.map(|order| order.client_order_id.to_string());
        orders
            .chain(self.conditionals.iter().map(|stop| stop.client_order_id.to_string()))
            .collect()
    }

    /// I2: of one intent comes one effect. The model buys and nothing else, so what is held is never
    /// short, and never more than one entry and what others bought beside it.
    fn never_turned_nor_doubled(&self) {
        let is_ours = |order: &&OrderReport| order.client_order_id.installation().is_some();
        let (ours, foreign): (Vec<&OrderReport>, Vec<&OrderReport>) =
            self.entries().into_iter().partition(is_ours);
        let largest = ours.iter().map(|order| order.quantity).max().unwrap_or(Quantity::ZERO);
        let beside = foreign.iter().map(|order| order.filled_quantity.on(Side::Buy));
        let most = beside.fold(largest.on(Side::Buy), plus);
        let mut held = Exposure::ZERO;
        for fill in &self.fills {
            held = plus(held, fill.quantity.on(fill.side));
            assert!(held >= Exposure::ZERO, "I2: turned by {fill:?}: {self:?}");
            assert!(held <= most, "I2: {held} is held, more than {most}: {self:?}");
        }
        assert_eq!(held, self.exposure, "the venue's trades add up to its position");
    }
}

fn plus(sum: Exposure, more: Exposure) -> Exposure {
    sum.checked_add(more).unwrap()
}

/// The venue's answer, once its weight budget admits the question: many starts share one minute's.
async fn answered<T>(ask: impl AsyncFn() -> Result<T, BinanceError>) -> T {
    let answer = until(async || match ask().await {
        Err(BinanceError::HeldBack { .. }) => None,
        answer => Some(answer.unwrap()),
    });
    tokio::time::timeout(BUDGET_RENEWS, answer).await.unwrap()
}

/// Once nothing runs: ledger and venue agree (I3), and the journal is what was written and replays
/// to the same commands, run by run (I15).
pub(crate) async fn journal_is_whole_and_agrees(home: &Home) {
    let reconciled = until(async || {
        let output = home.run(&["reconcile", "--json"]);
        (output.status.code() != Some(HELD_BACK)).then_some(output)
    });
    let output = tokio::time::timeout(BUDGET_RENEWS, reconciled).await.unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["discrepancies"], json!([]), "I3; log: {}", home.log());
    home.succeeds(&["journal", "verify"]);
    home.succeeds(&["journal", "replay"]);
}
