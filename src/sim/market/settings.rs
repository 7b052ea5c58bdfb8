//! The parameters of a seeded market, and presets for well-known perpetuals.

use crate::domain::{Price, Quantity};

/// What a seeded market looks like. Rates are per second, distances in ticks, sizes in lots.
#[derive(Debug, Clone, PartialEq)]
pub struct MarketSettings {
    /// The price grid.
    pub tick_size: Price,
    /// The quantity grid: one lot.
    pub step_size: Quantity,
    /// Where the price starts.
    pub start_price: Price,
    /// Revaluations a second, on average: each moves the best prices.
    pub moves_per_second: f64,
    /// Mean size of a common revaluation, at least 1.
    pub small_move_ticks: f64,
    /// Mean size of a rare revaluation, at least 1.
    pub large_move_ticks: f64,
    /// The share of revaluations that are rare ones.
    pub large_move_share: f64,
    /// How long the predictable component of the revaluations lasts: its relaxation time.
    pub drift_seconds: f64,
    /// How strong it is: one standard deviation of P(up) − P(down).
    pub drift_bias: f64,
    /// How strongly informed participants lean their resting quantities on what they know.
    pub informed_lean: f64,
    /// How strongly participants lean their resting quantities for reasons of their own.
    pub inventory_lean: f64,
    /// How long those reasons last: their relaxation time.
    pub inventory_seconds: f64,
    /// Market orders a second that are not part of a revaluation.
    pub market_orders_per_second: f64,
    /// Their mean size.
    pub market_order_lots: f64,
    /// Limit orders and cancellations a second between revaluations.
    pub limit_orders_per_second: f64,
    /// The typical quantity of a level.
    pub level_lots: f64,
    /// The mean distance between levels, at least 1.
    pub level_gap_ticks: f64,
    /// The share of revaluations that begin with a sweep of the stale quotes.
    pub sweep_share: f64,
    /// The share of quotes with a spread of more than one tick.
    pub wide_spread_share: f64,
}

impl MarketSettings {
    /// A perpetual like BTCUSDT: 60,000 at a tick of 0.1, steps of 0.001.
    #[must_use]
    pub fn bitcoin_perpetual() -> Self {
        Self {
            tick_size: price(10_000_000),
            step_size: quantity(100_000),
            start_price: price(6_000_000_000_000),
            moves_per_second: 5.7,
            small_move_ticks: 4.7,
            large_move_ticks: 35.0,
            large_move_share: 0.2,
            drift_seconds: 10.0,
            drift_bias: 0.22,
            informed_lean: 0.7,
            inventory_lean: 0.4,
            inventory_seconds: 12.0,
            market_orders_per_second: 8.0,
            market_order_lots: 80.0,
            limit_orders_per_second: 12.0,
            level_lots: 500.0,
            level_gap_ticks: 3.0,
            sweep_share: 0.35,
            wide_spread_share: 0.008,
        }
    }

    /// A perpetual like ETHUSDT: 3,000 at a tick of 0.01, steps of 0.001.
    #[must_use]
    pub fn ether_perpetual() -> Self {
        Self {
            tick_size: price(1_000_000),
            step_size: quantity(100_000),
            start_price: price(300_000_000_000),
            small_move_ticks: 2.5,
            large_move_ticks: 17.0,
            level_lots: 8_000.0,
            market_order_lots: 1_200.0,
            ..Self::bitcoin_perpetual()
        }
    }

    /// A perpetual like BNBUSDT: 580 at a tick of 0.01, steps of 0.01.
    #[must_use]
    pub fn bnb_perpetual() -> Self {
        Self {
            tick_size: price(1_000_000),
            step_size: quantity(1_000_000),
            start_price: price(58_000_000_000),
            moves_per_second: 2.2,
            drift_bias: 0.2,
            small_move_ticks: 1.6,
            large_move_ticks: 5.5,
            level_lots: 2_500.0,
            market_order_lots: 400.0,
            level_gap_ticks: 1.5,
            ..Self::bitcoin_perpetual()
        }
    }

    /// A perpetual like XRPUSDT: 0.6 at a tick of 0.0001, steps of 0.1. One tick is 1.7 bps.
    #[must_use]
    pub fn xrp_perpetual() -> Self {
        Self {
            tick_size: price(10_000),
            step_size: quantity(10_000_000),
            start_price: price(60_000_000),
            moves_per_second: 0.3,
            drift_bias: 0.28,
            small_move_ticks: 1.0,
            large_move_ticks: 1.3,
            level_lots: 800_000.0,
            market_order_lots: 20_000.0,
            level_gap_ticks: 1.0,
            wide_spread_share: 0.002,
            ..Self::bitcoin_perpetual()
        }
    }

    /// A perpetual like LTCUSDT: 70 at a tick of 0.01, steps of 0.001. One tick is 1.4 bps.
    #[must_use]
    pub fn litecoin_perpetual() -> Self {
        Self {
            tick_size: price(1_000_000),
            step_size: quantity(100_000),
            start_price: price(7_000_000_000),
            moves_per_second: 0.4,
            level_lots: 150_000.0,
            market_order_lots: 4_000.0,
            ..Self::xrp_perpetual()
        }
    }
}

fn price(units: i64) -> Price {
    Price::from_units(units).unwrap_or(Price::ZERO)
}

fn quantity(units: i64) -> Quantity {
    Quantity::from_units(units).unwrap_or(Quantity::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_starts_on_its_own_grid() {
        for settings in [
            MarketSettings::bitcoin_perpetual(),
            MarketSettings::ether_perpetual(),
            MarketSettings::bnb_perpetual(),
            MarketSettings::xrp_perpetual(),
            MarketSettings::litecoin_perpetual(),
        ] {
            let ticks = settings.start_price.ticks(settings.tick_size);
            assert!(ticks.is_some_and(|ticks| ticks > 1_000), "{settings:?}");
            assert!(!settings.step_size.is_zero(), "{settings:?}");
        }
    }
}
