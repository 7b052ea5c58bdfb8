//! One named number computed from a window of consecutive valid seconds.

use std::collections::VecDeque;

use crate::features::measures::Measures;

/// A feature: its formula with its parameters. Names and units: the [module's](super) table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Quantity imbalance of one level; 0 is the best.
    Imbalance(u8),
    /// Spread in bps of the mid.
    Spread,
    /// Micro-price less mid in bps of the mid.
    MicroPriceDeviation,
    /// Mean best-level imbalance over so many seconds.
    ImbalanceMean(u16),
    /// Change of the best-level imbalance over so many seconds.
    ImbalanceChange(u16),
    /// Best-level event order flow imbalance over so many seconds, in best-level quantities.
    Ofi(u16),
    /// All levels' snapshot order flow imbalance over so many seconds, in book depths.
    MultiLevelOfi(u16),
    /// Signed share of traded volume over so many seconds.
    TradeImbalance(u16),
    /// Signed traded volume over so many seconds, in best-level quantities.
    TradePressure(u16),
    /// Return of the mid over so many seconds, bps.
    Return(u16),
    /// Realised volatility over so many seconds, bps.
    Volatility(u16),
}

impl Feature {
    /// The name under which reports, models and exports know it; levels count from 1.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Imbalance(level) => format!("imbalance_{}", level + 1),
            Self::Spread => "spread_bps".to_owned(),
            Self::MicroPriceDeviation => "micro_price_deviation_bps".to_owned(),
            Self::ImbalanceMean(seconds) => format!("imbalance_mean_{seconds}s"),
            Self::ImbalanceChange(seconds) => format!("imbalance_change_{seconds}s"),
            Self::Ofi(seconds) => format!("ofi_{seconds}s"),
            Self::MultiLevelOfi(seconds) => format!("multi_level_ofi_{seconds}s"),
            Self::TradeImbalance(seconds) => format!("trade_imbalance_{seconds}s"),
            Self::TradePressure(seconds) => format!("trade_pressure_{seconds}s"),
            Self::Return(seconds) => format!("return_{seconds}s_bps"),
            Self::Volatility(seconds) => format!("volatility_{seconds}s_bps"),
        }
    }

    /// The version of the formula; part of the schema hash.
    #[must_use]
    pub const fn version(self) -> u32 {
        1
    }

    /// How many consecutive valid seconds, the newest included, the formula reads.
    #[must_use]
    pub fn rows_needed(self) -> usize {
        match self {
            Self::Imbalance(_) | Self::Spread | Self::MicroPriceDeviation => 1,
            Self::ImbalanceMean(seconds)
            | Self::Ofi(seconds)
            | Self::TradeImbalance(seconds)
            | Self::TradePressure(seconds) => usize::from(seconds),
            // These compare with the second before the first one.
            Self::ImbalanceChange(seconds)
            | Self::MultiLevelOfi(seconds)
            | Self::Return(seconds)
            | Self::Volatility(seconds) => usize::from(seconds) + 1,
        }
    }

    /// Computes the value from the newest rows; the window holds at least [`Self::rows_needed`].
    pub(super) fn value(self, rows: &VecDeque<Measures>) -> f64 {
        let Some(newest) = rows.back() else {
            return 0.0;
        };
        let sum = |seconds: u16, measure: fn(&Measures) -> f64| -> f64 {
            // Newest first, always: the order of the sum must not depend on the window's start.
            rows.iter().rev().take(usize::from(seconds)).map(measure).sum()
        };
        let best_quantity = |seconds| sum(seconds, |row| row.best_quantity) / f64::from(seconds);
        match self {
            Self::Imbalance(level) => newest.imbalances[usize::from(level)],
            Self::Spread => newest.spread_bps,
            Self::MicroPriceDeviation => newest.micro_price_deviation_bps,
            Self::ImbalanceMean(seconds) => {
                sum(seconds, |row| row.imbalances[0]) / f64::from(seconds)
            }
            Self::ImbalanceChange(seconds) => {
                newest.imbalances[0] - back(rows, seconds, newest).imbalances[0]
            }
            Self::Ofi(seconds) => {
                sum(seconds, |row| row.order_flow_imbalance) / best_quantity(seconds)
            }
            Self::MultiLevelOfi(seconds) => {
                let depth = sum(seconds, |row| row.book_quantity) / f64::from(seconds);
                sum(seconds, |row| row.multi_level_ofi) / depth
            }
            Self::TradeImbalance(seconds) => {
                let traded = sum(seconds, |row| row.buy_volume + row.sell_volume);
                let signed = sum(seconds, |row| row.buy_volume - row.sell_volume);
                if traded > 0.0 { signed / traded } else { 0.0 }
            }
            Self::TradePressure(seconds) => {
                sum(seconds, |row| row.buy_volume - row.sell_volume) / best_quantity(seconds)
            }
            Self::Return(seconds) => {
                super::label::move_bps(back(rows, seconds, newest).mid, newest.mid)
            }
            Self::Volatility(seconds) => sum(seconds, |row| row.return_bps * row.return_bps).sqrt(),
        }
    }
}

/// The row so many seconds before the newest; the newest where the window is too short.
fn back<'a>(rows: &'a VecDeque<Measures>, seconds: u16, newest: &'a Measures) -> &'a Measures {
    rows.iter().rev().nth(usize::from(seconds)).unwrap_or(newest)
}
