//! Limits of the account as a whole: what halts trading by itself, and what an entry is measured by.

use crate::domain::{Amount, Symbol, Timestamp};
use crate::trading::LossBreach;
use crate::trading::risk::Elsewhere;

use super::cycle::Cycle;
use super::{Running, Turn};

impl Running {
    /// Halts once too much is lost, or liquidation is too near.
    pub(super) fn check_limits(&mut self, turn: &mut Turn) {
        for cycle in self.cycles.values_mut() {
            if let Some(profit) = cycle.take_ended_round_trip() {
                self.losses.on_round_trip(profit);
            }
        }
        let breach = self.excessive_loss(turn.now).map(|breach| breach.to_string());
        if let Some(reason) = breach.or_else(|| self.margin_too_thin()) {
            self.halt(turn, reason);
        }
    }

    pub(super) fn excessive_loss(&mut self, now: Timestamp) -> Option<LossBreach> {
        let by_run = self.realized_by_run();
        let unrealized = self
            .cycles
            .values()
            .map(|cycle| cycle.unrealized(now, &self.settings))
            .try_fold(Amount::ZERO, |sum, one| Some(sum.saturating_add(one?)));
        let realized = self.losses.observe(now, by_run, unrealized);
        self.losses.check(&self.settings.limits, realized).err()
    }

    /// Whether a position's mark price is too near to where the venue would liquidate it, in words.
    pub(super) fn margin_too_thin(&self) -> Option<String> {
        let limit = self.settings.limits.liquidation_distance;
        self.cycles.values().find_map(|cycle| {
            let (distance, price) = cycle.liquidation_distance()?;
            let symbol = cycle.symbol();
            (distance < limit).then(|| {
                format!("{symbol}: liquidation at {price} is {distance} from the mark price")
            })
        })
    }

    /// What an entry of `symbol` comes on top of.
    pub(super) fn elsewhere(&self, symbol: Symbol) -> Elsewhere {
        let others = self.cycles.values().filter(|cycle| cycle.symbol() != symbol);
        let notional = others.map(Cycle::worst_notional).sum();
        let open_orders: usize = self.cycles.values().map(Cycle::open_orders).sum();
        Elsewhere { notional, open_orders: u32::try_from(open_orders).unwrap_or(u32::MAX) }
    }
}
