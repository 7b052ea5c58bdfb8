//! The stop-loss against a real venue (design.md §3, step 6): a scripted adverse market, closed by
//! limit in one run and by market in the other, and never without a covering stop for long.

use std::path::Path;
use std::time::Duration;

use lobd::actors::{ControlAnswer, ControlRequest, ask};
use lobd::app::{Daemon, DaemonSettings, DataFolder, Mode};
use lobd::config::{Settings, Variables};
use lobd::domain::{OrderKind, OrderStatus, Rate};
use lobd::engine::{CyclePhase, EngineStatus, OperatorRequest, SymbolStatus};
use lobd::sim::{AdverseAct, Adversity, OrderRecord};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::constant_model;
use crate::support::process::DEADLINE;
use crate::support::venue::{Venue, quiet_market, symbol};

/// No position is without a covering stop for longer.
const NAKED_LIMIT: Duration = Duration::from_millis(500);

/// Beyond the stop-loss (10 USDT of 6,000: 17 bps), short of the backstop (25 bps).
const ADVERSE_BPS: f64 = -21.5;

/// Slowly enough for the others to follow, who would else quote where the price was.
const ADVERSE_SPAN: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread")]
async fn a_loss_is_closed_by_limit_where_somebody_buys() {
    let mut run = Run::holding().await;
    run.push(ADVERSE_BPS, ADVERSE_SPAN).await;
    let closing = run.when("a closing limit works", |one| {
        one.phase == CyclePhase::Closing
            && one.working_orders.iter().any(|order| order.price.is_some())
    });
    closing.await;
    // The market turns a little: its buyers reach the limit at the best ask.
    run.push(3.0, Duration::from_secs(2)).await;

    let end = run.closed().await;
    let closing = end.closing_orders();
    let filled = &closing[closing.len() - 1];
    assert!(matches!(filled.kind, OrderKind::Limit { .. }), "closed by limit: {closing:?}");
    assert!(closing.iter().all(|order| order.kind != OrderKind::Market), "{closing:?}");
    end.is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loss_is_closed_by_market_where_nobody_buys() {
    let run = Run::holding().await;
    run.push(ADVERSE_BPS, ADVERSE_SPAN).await;

    let end = run.closed().await;
    let closing = end.closing_orders();
    let limits = closing.iter().filter(|order| matches!(order.kind, OrderKind::Limit { .. }));
    assert_eq!(limits.clone().count(), 3, "STOP_LOSS_MAX_TRIAL limits came first: {closing:?}");
    assert!(limits.clone().all(|order| order.report.filled_quantity.is_zero()), "{closing:?}");
    assert_eq!(closing[closing.len() - 1].kind, OrderKind::Market, "{closing:?}");
    end.is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loss_in_an_emptied_book_is_closed_by_market_once_there_are_buyers() {
    let mut run = Run::holding().await;
    run.push(ADVERSE_BPS, ADVERSE_SPAN).await;
    run.when("closing has begun", |one| one.phase == CyclePhase::Closing).await;
    run.pull_bids(Duration::from_secs(3)).await;

    let end = run.closed().await;
    let closing = end.closing_orders();
    assert_eq!(closing[closing.len() - 1].kind, OrderKind::Market, "{closing:?}");
    end.is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_liquidation_by_the_venue_is_booked_and_halts_trading() {
    let mut run = Run::holding().await;
    let control = &run.venue.sandbox.control;
    let forced = control
        .with_exchange(|exchange, account| exchange.liquidate(exchange.now(), account, symbol()));
    forced.await.unwrap().unwrap();
    run.halted_by("autoclose-").await;
    run.ends_flat_and_agreed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_deleveraged_by_the_venue_is_booked_and_halts_trading() {
    let mut run = Run::holding().await;
    let forced = run.venue.sandbox.control.with_exchange(|exchange, account| {
        exchange.deleverage(exchange.now(), account, symbol(), None).map(|_| ())
    });
    forced.await.unwrap().unwrap();
    run.halted_by("adl_autoclose").await;
    run.ends_flat_and_agreed().await;
}

/// A daemon in this process, holding a long position that its model asked for.
struct Run {
    venue: Venue,
    status: watch::Receiver<EngineStatus>,
    ends: CancellationToken,
    daemon: JoinHandle<()>,
    folder: tempfile::TempDir,
}

/// How it ended.
struct End {
    orders: Vec<OrderRecord>,
    totals: lobd::engine::Totals,
    discrepancies: u64,
    stops_left: usize,
    is_flat: bool,
}

impl Run {
    async fn holding() -> Self {
        let venue = Venue::start(quiet_market()).await;
        let folder = tempfile::tempdir().unwrap();
        constant_model::promote(folder.path(), 50.0);
        let settings = settings(&venue, folder.path());
        let clock = venue.clock.clone();
        let wanted = DaemonSettings { settings, mode: Mode::Trade, clock, lock: None };
        let daemon = Daemon::start(wanted).await.unwrap();
        let (status, ends) = (daemon.status(), CancellationToken::new());
        let until = ends.clone();
        let daemon = tokio::spawn(async move { daemon.run_until(&until).await.unwrap() });
        let mut run = Self { venue, status, ends, daemon, folder };
        run.when("a position is held under its stop", |one| {
            one.phase == CyclePhase::Holding && one.stop_price.is_some()
        })
        .await;
        run.tell(OperatorRequest::Pause).await; // one position is enough
        run
    }

    async fn tell(&self, request: OperatorRequest) {
        let socket = DataFolder::new(self.folder.path()).control();
        let answer = ask(&socket, &ControlRequest::Engine(request)).await.unwrap();
        assert_eq!(answer, ControlAnswer::Accepted);
    }

    /// Waits until the cycle is as wanted.
    async fn when(&mut self, what: &str, is_wanted: impl Fn(&SymbolStatus) -> bool) {
        let seen = self.status.wait_for(|status| status.symbols.iter().any(&is_wanted));
        let in_time = tokio::time::timeout(DEADLINE, seen).await.is_ok_and(|seen| seen.is_ok());
        assert!(in_time, "not in time: {what}; {:?}", self.status.borrow());
    }

    /// Waits until trading is halted because the venue closed by an order of this name.
    async fn halted_by(&mut self, name: &str) {
        let wanted = format!("the venue itself closed by order {name}");
        let seen = self.status.wait_for(|status| {
            status.halted.as_ref().is_some_and(|reason| reason.contains(&wanted))
        });
        let in_time = tokio::time::timeout(DEADLINE, seen).await.is_ok_and(|seen| seen.is_ok());
        assert!(in_time, "not halted in time: {:?}", self.status.borrow());
    }

    /// Waits until the cycle has nothing left, and ends the daemon: it and the venue agree.
    async fn ends_flat_and_agreed(mut self) {
        self.when("nothing is left", |one| one.phase == CyclePhase::Flat).await;
        self.ends.cancel();
        tokio::time::timeout(DEADLINE, self.daemon).await.unwrap().unwrap();
        assert!(self.venue.exposure().await.is_zero());
        assert!(self.venue.stops().await.is_empty(), "no stop is left behind");
        assert_eq!(self.status.borrow().discrepancies_total, 0);
    }

    async fn push(&self, bps: f64, span: Duration) {
        self.act(AdverseAct::Push(Rate::from_bps(bps)), span).await;
    }

    async fn pull_bids(&self, span: Duration) {
        self.act(AdverseAct::Pull(lobd::domain::Side::Buy), span).await;
    }

    async fn act(&self, act: AdverseAct, span: Duration) {
        let at = self.venue.sandbox.control.now().await.unwrap();
        self.venue.script(vec![Adversity { symbol: symbol(), at, span, act }]).await;
    }

    /// Waits until the position is closed and reconciled, and ends the daemon.
    async fn closed(mut self) -> End {
        self.when("the position is closed and settled", |one| {
            one.totals.round_trips == 1 && one.phase == CyclePhase::Flat
        })
        .await;
        self.ends.cancel();
        tokio::time::timeout(DEADLINE, self.daemon).await.unwrap().unwrap();
        let last = self.status.borrow().clone();
        End {
            orders: self.venue.orders().await,
            totals: last.symbols[0].totals.clone(),
            discrepancies: last.discrepancies_total,
            stops_left: self.venue.stops().await.len(),
            is_flat: self.venue.exposure().await.is_zero(),
        }
    }
}

impl End {
    /// The orders that the stop-loss sent, oldest first: all but the take-profit.
    fn closing_orders(&self) -> Vec<OrderRecord> {
        let mut reducing: Vec<OrderRecord> =
            self.orders.iter().filter(|order| order.report.reduce_only).copied().collect();
        let take_profit = reducing.remove(0);
        assert_eq!(take_profit.report.status, OrderStatus::Canceled, "{take_profit:?}");
        assert!(reducing.iter().all(|order| order.stop.is_none()), "not by the venue's stop");
        assert_eq!(reducing[reducing.len() - 1].report.status, OrderStatus::Filled);
        reducing
    }

    fn is_clean(&self) {
        assert!(self.is_flat);
        assert_eq!((self.stops_left, self.discrepancies), (0, 0));
        assert_eq!((self.totals.stop_losses, self.totals.entries), (1, 1));
        let naked = (self.totals.naked, self.totals.longest_naked);
        assert!(naked.0 <= NAKED_LIMIT && naked.1 <= NAKED_LIMIT, "naked for {naked:?}");
    }
}

fn settings(venue: &Venue, data_dir: &Path) -> Settings {
    let named = |(name, value): (&'static str, String)| (name.to_owned(), value);
    let variables: Variables = venue.variables().into_iter().map(named).collect();
    let mut settings = Settings::from_variables(&variables).unwrap();
    data_dir.clone_into(&mut settings.data_dir);
    settings
}
