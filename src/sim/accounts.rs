//! What an account owns: wallet, positions, trades; and what its margin allows.
//!
//! Cross margin in one quote asset, one-way positions. Does not know orders or the book; funding
//! and liquidation do not happen. Invariants: **1** wallet balance = first balance + realised
//! profit − fees; **2** trades kept are bounded by [`FILLS_KEPT`], the oldest forgotten first.

use std::collections::{BTreeMap, VecDeque};

use crate::domain::{
    Amount, Asset, Exposure, FeeRates, Fill, Price, Quantity, Side, Symbol, TradeId,
};

pub use super::matching::AccountId;
use super::position::{Position, notional};
use super::settings::AccountSettings;

/// Trades kept for queries, per account and symbol: about 20 MB.
pub const FILLS_KEPT: usize = 100_000;

/// Maintenance margin of the first bracket of BTCUSDT, 0.4 % of notional, in units of 1e-8.
const MAINTENANCE_RATE: i128 = 400_000;

/// One account of the exchange.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) fees: FeeRates,
    pub(super) wallet: Amount,
    leverage: u32,
    leverages: BTreeMap<Symbol, u32>,
    positions: BTreeMap<Symbol, Position>,
    fills: BTreeMap<Symbol, VecDeque<Fill>>,
}

impl Account {
    pub(super) const fn new(settings: &AccountSettings) -> Self {
        Self {
            fees: settings.fees,
            wallet: settings.balance,
            leverage: settings.leverage,
            leverages: BTreeMap::new(),
            positions: BTreeMap::new(),
            fills: BTreeMap::new(),
        }
    }

    pub(super) fn position(&self, symbol: Symbol) -> Position {
        self.positions.get(&symbol).copied().unwrap_or_default()
    }

    pub(super) fn positions(&self) -> impl Iterator<Item = (Symbol, &Position)> {
        self.positions.iter().map(|(symbol, position)| (*symbol, position))
    }

    pub(super) fn leverage(&self, symbol: Symbol) -> u32 {
        self.leverages.get(&symbol).copied().unwrap_or(self.leverage)
    }

    pub(super) fn set_leverage(&mut self, symbol: Symbol, leverage: u32) {
        self.leverages.insert(symbol, leverage);
    }

    /// Books a trade: completes its fee and realised profit, moves position and wallet.
    pub(super) fn book(&mut self, mut fill: Fill) -> Fill {
        let rate = if fill.is_maker { self.fees.maker } else { self.fees.taker };
        fill.commission = notional(fill.price, fill.quantity).times(rate).unwrap_or(Amount::ZERO);
        let position = self.positions.entry(fill.symbol).or_default();
        fill.realized_pnl = position.apply(fill.side, fill.price, fill.quantity, fill.time);
        self.wallet =
            self.wallet.saturating_add(fill.realized_pnl).saturating_add(-fill.commission);
        let fills = self.fills.entry(fill.symbol).or_default();
        fills.push_back(fill);
        if fills.len() > FILLS_KEPT {
            fills.pop_front();
        }
        fill
    }

    /// Trades of a symbol from an id on, oldest first; ids rise, so the first is found by halving.
    pub(super) fn fills(
        &self,
        symbol: Symbol,
        from: TradeId,
    ) -> impl DoubleEndedIterator<Item = &Fill> {
        let fills = self.fills.get(&symbol);
        let first = fills.map_or(0, |fills| fills.partition_point(|fill| fill.trade_id < from));
        fills.into_iter().flat_map(move |fills| fills.range(first..))
    }
}

/// Initial margin of a symbol: its worst exposure if every order of one side filled, at the mark
/// price, over the leverage.
pub(super) fn initial_margin(
    exposure: Exposure,
    (open_buys, open_sells): (Quantity, Quantity),
    mark_price: Price,
    leverage: u32,
) -> Amount {
    let long = exposure.units().saturating_add(open_buys.units());
    let short = open_sells.units().saturating_sub(exposure.units());
    let worst = Quantity::from_units(long.max(short).max(0)).unwrap_or_default();
    let margin = notional(mark_price, worst).units() / i64::from(leverage.max(1));
    Amount::from_units(margin).unwrap_or_default()
}

/// The mark price at which the account's equity meets the maintenance margin of this position,
/// everything else unchanged: an estimate, as the exchange does not liquidate.
///
/// Long: `(quantity × entry − wallet) / (quantity × (1 − rate))`; short:
/// `(quantity × entry + wallet) / (quantity × (1 + rate))`, where `wallet` includes the unrealised
/// profit of the other positions. `None` where no positive price does it.
pub(super) fn liquidation_price(position: &Position, wallet: Amount) -> Option<Price> {
    const ONE: i128 = crate::domain::decimal::UNITS_PER_ONE as i128;
    let side = position.exposure().side()?;
    let held = i128::from(position.exposure().quantity().units());
    let cost = i128::from(notional(position.entry_price(), position.exposure().quantity()).units());
    let (gap, factor) = match side {
        Side::Buy => (cost - i128::from(wallet.units()), ONE - MAINTENANCE_RATE),
        Side::Sell => (cost + i128::from(wallet.units()), ONE + MAINTENANCE_RATE),
    };
    let units = (gap * ONE / held).checked_mul(ONE)?.checked_div(factor)?;
    i64::try_from(units).ok().filter(|units| *units > 0).and_then(|u| Price::from_units(u).ok())
}

/// The one asset that margins, fees and profits are reckoned in.
pub(super) fn quote_asset() -> Asset {
    Asset::new("USDT").unwrap_or_else(|_| unreachable!("USDT is a valid asset name"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    #[test]
    fn margin_covers_the_worse_side_of_position_and_orders() {
        let (one, two) = ("1".parse().unwrap(), "2".parse().unwrap());
        let mark = "100".parse().unwrap();
        let margin = |exposure, orders| initial_margin(exposure, orders, mark, 10);
        assert_eq!(margin(Exposure::ZERO, (one, two)), amount("20"));
        assert_eq!(margin("2".parse().unwrap(), (one, two)), amount("30"));
        assert_eq!(margin("-2".parse().unwrap(), (two, Quantity::ZERO)), amount("20"));
    }

    #[test]
    fn liquidation_lies_where_equity_meets_maintenance() {
        let mut position = Position::default();
        let (price, quantity) = ("100".parse().unwrap(), "10".parse().unwrap());
        position.apply(Side::Buy, price, quantity, Timestamp::default());
        let at = liquidation_price(&position, amount("100")).unwrap();
        let equity = amount("100").saturating_add(position.unrealized(at));
        let maintenance = notional(at, quantity).times("0.004".parse().unwrap()).unwrap();
        assert!((equity.units() - maintenance.units()).abs() < 1_000, "{equity} {maintenance}");
        assert_eq!(liquidation_price(&position, amount("2000")), None, "a rich account");
        assert_eq!(liquidation_price(&Position::default(), amount("1")), None, "a flat one");
    }
}
