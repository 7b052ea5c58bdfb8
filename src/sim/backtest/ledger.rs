//! Counts what a backtest does, from the exchange's own trades and refusals.
//!
//! Invariant: profit after fees is the account's last equity less its first balance, whatever the
//! engine believes.

use std::collections::BTreeMap;

use crate::domain::{Amount, Exposure, Failure, Fill, PositionReport, Second, Symbol};
use crate::engine::{EngineStatus, Event, Notice, Severity};
use crate::sim::position::notional;
use crate::sim::settings::default_fees;

use super::report::{BacktestReport, EquityPoint};

const SECONDS_PER_MINUTE: i64 = 60;

/// A position between flat and flat.
#[derive(Debug, Default)]
struct RoundTrip {
    exposure: Exposure,
    profit: Amount,
}

/// What has been counted so far.
#[derive(Debug)]
pub(super) struct Ledger {
    first_balance: Amount,
    seconds: u64,
    pub(super) predictions: u64,
    fills: u64,
    maker_volume: Amount,
    taker_volume: Amount,
    fees: Amount,
    open: BTreeMap<Symbol, RoundTrip>,
    round_trips: u64,
    won: u64,
    highest: Amount,
    max_drawdown: Amount,
    equity: Vec<EquityPoint>,
    refusals: BTreeMap<i32, u64>,
    alarms: u64,
}

impl Ledger {
    pub(super) const fn new(first_balance: Amount) -> Self {
        Self {
            first_balance,
            seconds: 0,
            predictions: 0,
            fills: 0,
            maker_volume: Amount::ZERO,
            taker_volume: Amount::ZERO,
            fees: Amount::ZERO,
            open: BTreeMap::new(),
            round_trips: 0,
            won: 0,
            highest: first_balance,
            max_drawdown: Amount::ZERO,
            equity: Vec::new(),
            refusals: BTreeMap::new(),
            alarms: 0,
        }
    }

    /// Notes the equity at a second's end.
    pub(super) fn second(&mut self, second: Second, equity: impl FnOnce() -> Amount) {
        self.seconds += 1;
        let equity = equity();
        self.highest = self.highest.max(equity);
        self.max_drawdown = self.max_drawdown.max(self.highest.saturating_add(-equity));
        if second.unix() % SECONDS_PER_MINUTE == 0 {
            self.equity.push(EquityPoint { second, equity });
        }
    }

    /// Notes a trade.
    pub(super) fn fill(&mut self, fill: &Fill) {
        self.fills += 1;
        self.fees = self.fees.saturating_add(fill.commission);
        let value = notional(fill.price, fill.quantity);
        let volume = if fill.is_maker { &mut self.maker_volume } else { &mut self.taker_volume };
        *volume = volume.saturating_add(value);
        let trip = self.open.entry(fill.symbol).or_default();
        let before = trip.exposure;
        trip.exposure = before.checked_add(fill.quantity.on(fill.side)).unwrap_or(before);
        trip.profit =
            trip.profit.saturating_add(fill.realized_pnl).saturating_add(-fill.commission);
        if before.side() != trip.exposure.side() && before.side().is_some() {
            self.round_trips += 1;
            self.won += u64::from(trip.profit > Amount::ZERO);
            trip.profit = Amount::ZERO;
        }
    }

    /// Notes an answer, if it is a refusal.
    pub(super) fn answer(&mut self, answer: &Event) {
        if let Some(Failure::Rejected(refusal)) = answer.failure() {
            *self.refusals.entry(refusal.code).or_default() += 1;
        }
    }

    /// Notes a notice.
    pub(super) fn notice(&mut self, notice: &Notice) {
        self.alarms += u64::from(notice.severity == Severity::Alarm);
    }

    /// Adds up.
    pub(super) fn finish(
        self,
        status: &EngineStatus,
        equity: Amount,
        positions: &[PositionReport],
    ) -> BacktestReport {
        let pnl_after_fees = equity.saturating_add(-self.first_balance);
        let pnl_before_fees = pnl_after_fees.saturating_add(self.fees);
        let tier = default_fees();
        let default_cost = self
            .maker_volume
            .times(tier.maker)
            .unwrap_or_default()
            .saturating_add(self.taker_volume.times(tier.taker).unwrap_or_default());
        let totals = || status.symbols.iter().map(|symbol| &symbol.totals);
        let mut why_not = BTreeMap::new();
        for (reason, count) in status.symbols.iter().flat_map(|symbol| &symbol.why_not_counts) {
            *why_not.entry(*reason).or_default() += count;
        }
        BacktestReport {
            seconds: self.seconds,
            predictions: self.predictions,
            entries: totals().map(|totals| totals.entries).sum(),
            round_trips: self.round_trips,
            fills: self.fills,
            volume: self.maker_volume.saturating_add(self.taker_volume),
            maker_volume: self.maker_volume,
            pnl_before_fees,
            fees: self.fees,
            pnl_after_fees,
            pnl_at_default_fees: pnl_before_fees.saturating_add(-default_cost),
            win_rate: win_rate(self.won, self.round_trips),
            equity: self.equity,
            max_drawdown: self.max_drawdown,
            stop_losses: totals().map(|totals| totals.stop_losses).sum(),
            holding_timeouts: totals().map(|totals| totals.holding_timeouts).sum(),
            naked: totals().map(|totals| totals.naked).sum(),
            refusals: self.refusals,
            why_not,
            alarms: self.alarms,
            discrepancies: status.discrepancies_total,
            halted: status.halted.clone(),
            open_positions: positions
                .iter()
                .filter(|position| !position.exposure.is_zero())
                .map(|position| (position.symbol, position.exposure))
                .collect(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of counts, for people")]
fn win_rate(won: u64, round_trips: u64) -> Option<f64> {
    (round_trips > 0).then(|| won as f64 / round_trips as f64)
}
