//! What must hold at every moment, held against the exchange's truth.
//!
//! Each check says when its clock runs: a promise "within three seconds" counts while the daemon is
//! up and nothing keeps it from keeping the promise, and not before.

use std::collections::BTreeSet;
use std::time::Duration;

use super::calm::Calm;
use super::report::{Broken, broken};
use super::truth::{Truth, is_ours};
use crate::domain::Amount;
use crate::engine::{CyclePhase, EngineStatus};
use crate::trading::WhyNot;

/// What troubles leave behind (requests under way, their time-outs, a reconnection) is over by then.
const AFTERMATH: Duration = Duration::from_secs(15);
/// I4, with a tenth of a second for the look and the way there and back.
const NAKED_MOST: Duration = Duration::from_millis(3_500);
/// A stop-loss may take its budget, and then the market.
const CLOSING_MOST: Duration = Duration::from_secs(30);
/// I3.
const DIFFERENT_MOST: Duration = Duration::from_secs(10);
/// I16.
const RECOVERY_MOST: Duration = Duration::from_secs(30);
/// A second is recorded each second, a little after its end.
const RECORDED_MOST: Duration = Duration::from_secs(4);
/// Without a line for so long, a stream is unproven (I5).
const UNPROVEN_AFTER: Duration = Duration::from_secs(12);
/// A venue further from our clock is a reason not to trade (I5), with the error of measuring.
const OFFSET_MOST_NANOS: u64 = 1_050_000_000;
/// Requests under way at once: what the gateway lets out, and the questions beside it.
const UNDERWAY_MOST: usize = 160;

/// What is known of the daemon at a moment.
pub(super) struct Seen<'a> {
    pub(super) status: &'a EngineStatus,
    /// For how long it has been up.
    pub(super) up_for: Duration,
    /// Its clock less true time.
    pub(super) offset_nanos: i64,
    /// For how long the newest durable second has been the newest.
    pub(super) recorded_ago: Duration,
}

/// For how long lines have not been up.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Silence {
    pub(super) public: Duration,
    pub(super) user: Duration,
}

/// The running checks, with what they remember.
#[derive(Debug)]
pub(super) struct Checks {
    position_limit: Amount,
    names: BTreeSet<String>,
    naked_since: Option<Duration>,
    different_since: Option<Duration>,
    stuck_since: Option<Duration>,
}

impl Checks {
    pub(super) fn new(position_limit: Amount) -> Self {
        Self {
            position_limit,
            names: BTreeSet::new(),
            naked_since: None,
            different_since: None,
            stuck_since: None,
        }
    }

    /// The names of our orders and stops that the exchange has accepted.
    pub(super) const fn accepted(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// Checks one moment.
    pub(super) fn observe(
        &mut self,
        now: Duration,
        truth: &Truth,
        (seen, silence): (Option<&Seen<'_>>, Silence),
        calm: &Calm,
    ) -> Result<(), Broken> {
        self.one_effect_per_name(truth)?;
        self.exposure_within_limits(truth)?;
        no_risk_while_blind(truth, seen, silence)?;
        self.protected(now, truth, seen, calm)?;
        self.ledger_is_the_venues(now, truth, seen, calm)?;
        self.alive(now, seen, calm)
    }

    /// I2: a name has one effect.
    fn one_effect_per_name(&mut self, truth: &Truth) -> Result<(), Broken> {
        let orders = truth.new_orders.iter().filter(|order| order.stop.is_none());
        let orders = orders.map(|order| order.report.client_order_id);
        let stops = truth.new_stops.iter().map(|stop| stop.report.client_order_id);
        for name in orders.chain(stops).filter(|name| is_ours(name.as_str())) {
            if !self.names.insert(name.to_string()) {
                return broken("I2 one intent, one effect", format!("{name} was accepted twice"));
            }
        }
        Ok(())
    }

    /// I11: the worst that open orders can lead to is within the limit.
    fn exposure_within_limits(&self, truth: &Truth) -> Result<(), Broken> {
        let worst = i128::from(truth.worst_exposure());
        let notional = worst * i128::from(truth.mark_price.units()) / 100_000_000;
        // What is held may gain in value after it was allowed.
        let limit = i128::from(self.position_limit.units()) * 110 / 100;
        if notional > limit {
            return broken(
                "I11 limits hold on position, open and unknown orders",
                format!("{} of {} USDT", notional / 100_000_000, limit / 100_000_000),
            );
        }
        Ok(())
    }

    /// I4: what is held is protected, or is being closed.
    fn protected(
        &mut self,
        now: Duration,
        truth: &Truth,
        seen: Option<&Seen<'_>>,
        calm: &Calm,
    ) -> Result<(), Broken> {
        let is_able =
            seen.is_some_and(|seen| calm.unhindered(now) >= AFTERMATH && seen.up_for >= AFTERMATH);
        if truth.is_protected() || !is_able {
            self.naked_since = None;
            return Ok(());
        }
        let since = *self.naked_since.get_or_insert(now);
        let phase = seen.and_then(|seen| seen.status.symbols.first()).map(|symbol| symbol.phase);
        let is_closing = phase == Some(CyclePhase::Closing) || truth.is_being_closed();
        let most = if is_closing { CLOSING_MOST } else { NAKED_MOST };
        if now.saturating_sub(since) > most {
            let held = truth.position;
            return broken(
                "I4 a position is protected within 3 s, or is being closed",
                format!(
                    "{held} without a stop for {:?}, phase {phase:?}",
                    now.saturating_sub(since)
                ),
            );
        }
        Ok(())
    }

    /// I3: the ledger is the venue's, or trading is halted.
    fn ledger_is_the_venues(
        &mut self,
        now: Duration,
        truth: &Truth,
        seen: Option<&Seen<'_>>,
        calm: &Calm,
    ) -> Result<(), Broken> {
        let Some(seen) = seen.filter(|_| calm.unhindered(now) >= AFTERMATH) else {
            self.different_since = None;
            return Ok(());
        };
        let ours = seen.status.symbols.first().map(|symbol| symbol.exposure).unwrap_or_default();
        let is_halted = seen.status.halted.is_some();
        if ours == truth.position || is_halted || seen.up_for < AFTERMATH {
            self.different_since = None;
            return Ok(());
        }
        let since = *self.different_since.get_or_insert(now);
        if now.saturating_sub(since) > DIFFERENT_MOST {
            return broken(
                "I3 the ledger equals the venue, or trading is halted",
                format!(
                    "ours {ours}, the venue's {}, for {:?}",
                    truth.position,
                    now.saturating_sub(since)
                ),
            );
        }
        Ok(())
    }
}

impl Checks {
    /// I16: after a fault it trades again, or says why not.
    fn alive(&mut self, now: Duration, seen: Option<&Seen<'_>>, calm: &Calm) -> Result<(), Broken> {
        let reason = stuck(seen).filter(|_| !calm.lasts(now).is_zero());
        let Some(reason) = reason else {
            self.stuck_since = None;
            return Ok(());
        };
        let since = *self.stuck_since.get_or_insert(now);
        if now.saturating_sub(since) > RECOVERY_MOST {
            return broken(
                "I16 after a fault it trades again within 30 s, or says why not",
                format!("{reason}, for {:?}", now.saturating_sub(since)),
            );
        }
        Ok(())
    }
}

/// I5: no new risk while what it would stand on is unproven.
fn no_risk_while_blind(
    truth: &Truth,
    seen: Option<&Seen<'_>>,
    silence: Silence,
) -> Result<(), Broken> {
    let entry = truth.new_orders.iter().find(|order| {
        let is_entry = !order.report.reduce_only && order.stop.is_none();
        is_entry && is_ours(order.report.client_order_id.as_str())
    });
    let Some(entry) = entry else { return Ok(()) };
    let offset = seen.map_or(0, |seen| seen.offset_nanos);
    let reason = if silence.public > UNPROVEN_AFTER {
        format!("no book had come for {:?}", silence.public)
    } else if silence.user > UNPROVEN_AFTER {
        format!("the account's stream was gone for {:?}", silence.user)
    } else if offset.unsigned_abs() > OFFSET_MOST_NANOS {
        format!("our clock was {} ms off", offset / 1_000_000)
    } else {
        return Ok(());
    };
    let name = entry.report.client_order_id;
    broken("I5 no new risk while blind", format!("{name} was placed although {reason}"))
}

/// What keeps the daemon from trading, if it should not.
fn stuck(seen: Option<&Seen<'_>>) -> Option<String> {
    let Some(seen) = seen else { return Some("the daemon is not up".to_owned()) };
    if seen.recorded_ago > RECORDED_MOST {
        return Some("nothing was recorded".to_owned());
    }
    let why_not = seen.status.symbols.first().and_then(|symbol| symbol.why_not)?;
    let is_off = seen.offset_nanos.unsigned_abs() > OFFSET_MOST_NANOS * 9 / 10;
    let is_stuck = match why_not {
        WhyNot::ClockOffset => !is_off,
        WhyNot::NotReconciled
        | WhyNot::JournalFailing
        | WhyNot::MarketFeedDown
        | WhyNot::UserFeedDown
        | WhyNot::BookInvalid
        | WhyNot::NoModel
        | WhyNot::ModelExpired
        | WhyNot::OtherModel => seen.status.halted.is_none(),
        WhyNot::Halted
        | WhyNot::Paused
        | WhyNot::ShuttingDown
        | WhyNot::PredictionStale
        | WhyNot::OutOfRange
        | WhyNot::MoveTooSmall
        | WhyNot::CycleOpen
        | WhyNot::PositionLimit
        | WhyNot::OrderRate
        | WhyNot::AccountLimit
        | WhyNot::OrderSize
        | WhyNot::OpenOrders
        | WhyNot::PriceCollar
        | WhyNot::Filter
        | WhyNot::PriceJump
        | WhyNot::CountdownUnproven
        | WhyNot::SymbolClosed => false,
    };
    is_stuck.then(|| format!("{why_not}, though nothing is wrong any more"))
}

/// I10 and I12: what the network counted.
pub(super) fn traffic(most_underway: usize, throttled: &[String]) -> Result<(), Broken> {
    if most_underway > UNDERWAY_MOST {
        return broken("I10 queues are bounded", format!("{most_underway} requests at once"));
    }
    match throttled {
        [] => Ok(()),
        [first, ..] => broken("I12 the venue's rate budget is never exceeded", first.clone()),
    }
}

#[cfg(test)]
#[path = "checks_tests.rs"]
mod tests;
