//! What an account owns: wallet, positions, trades, and how it wants them margined.
//!
//! One quote asset, one-way positions, each on cross or isolated margin. Does not know orders, the
//! book or prices. Invariants: **1** wallet = first balance + the sum of income rows: nothing else
//! moves it; **2** cross wallet + isolated wallets = wallet; **3** trades kept are bounded by
//! [`FILLS_KEPT`], the oldest forgotten first.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::domain::{
    Amount, Asset, Exposure, FeeRates, Fill, Price, Quantity, Rate, Symbol, Timestamp, TradeId,
};

use super::income::{Income, IncomeBook, IncomeKind};
use super::liquidation::{ForcedOrder, Pool};
use super::margin::MarginType;
pub use super::matching::AccountId;
use super::position::{Position, notional, share};
use super::settings::AccountSettings;

/// Trades kept for queries, per account and symbol: about 20 MB.
pub const FILLS_KEPT: usize = 100_000;

/// Orders that the exchange forced on the account, kept for queries.
const FORCED_KEPT: usize = 1_000;

/// How an account wants one symbol margined.
#[derive(Debug, Clone, Copy)]
struct Terms {
    leverage: u32,
    margin_type: MarginType,
}

/// One account of the exchange.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) fees: FeeRates,
    pub(super) income: IncomeBook,
    pub(super) forced: VecDeque<ForcedOrder>,
    /// The pools of margin whose owner has been warned and has not recovered since.
    pub(super) warned: BTreeSet<Pool>,
    /// Whether several assets back positions together: a word kept, as there is but one asset.
    pub(super) is_multi_assets: bool,
    /// Whether fees are to be paid in the venue's own coin: a word kept, as none is ever held.
    pub(super) burns_fees: bool,
    /// Whether it holds a long and a short position a symbol.
    pub(super) is_hedged: bool,
    wallet: Amount,
    leverage: u32,
    terms: BTreeMap<Symbol, Terms>,
    positions: BTreeMap<Symbol, Position>,
    isolated: BTreeMap<Symbol, Amount>,
    fills: BTreeMap<Symbol, VecDeque<Fill>>,
}

impl Account {
    pub(super) fn new(settings: &AccountSettings) -> Self {
        Self {
            fees: settings.fees,
            income: IncomeBook::default(),
            forced: VecDeque::new(),
            warned: BTreeSet::new(),
            is_multi_assets: false,
            burns_fees: false,
            is_hedged: false,
            wallet: settings.balance,
            leverage: settings.leverage,
            terms: BTreeMap::new(),
            positions: BTreeMap::new(),
            isolated: BTreeMap::new(),
            fills: BTreeMap::new(),
        }
    }

    pub(super) fn position(&self, symbol: Symbol) -> Position {
        self.positions.get(&symbol).copied().unwrap_or_default()
    }

    /// Positions that are not flat.
    pub(super) fn held(&self) -> impl Iterator<Item = (Symbol, &Position)> {
        let is_held = |(_, position): &(&Symbol, &Position)| !position.exposure().is_zero();
        self.positions.iter().filter(is_held).map(|(symbol, position)| (*symbol, position))
    }

    pub(super) fn leverage(&self, symbol: Symbol) -> u32 {
        self.terms.get(&symbol).map_or(self.leverage, |terms| terms.leverage)
    }

    pub(super) fn set_leverage(&mut self, symbol: Symbol, leverage: u32) {
        let margin_type = self.margin_type(symbol);
        self.terms.insert(symbol, Terms { leverage, margin_type });
    }

    pub(super) fn margin_type(&self, symbol: Symbol) -> MarginType {
        self.terms.get(&symbol).map_or(MarginType::Crossed, |terms| terms.margin_type)
    }

    pub(super) fn set_margin_type(&mut self, symbol: Symbol, margin_type: MarginType) {
        let leverage = self.leverage(symbol);
        self.terms.insert(symbol, Terms { leverage, margin_type });
    }

    /// Whether any symbol is set to isolated margin.
    pub(super) fn is_isolated_anywhere(&self) -> bool {
        self.terms.values().any(|terms| terms.margin_type == MarginType::Isolated)
    }

    /// Everything: what backs positions on cross margin, and what is tied to isolated ones.
    pub(super) const fn wallet(&self) -> Amount {
        self.wallet
    }

    /// What is tied to an isolated position.
    pub(super) fn isolated_wallet(&self, symbol: Symbol) -> Amount {
        self.isolated.get(&symbol).copied().unwrap_or_default()
    }

    /// What no isolated position ties.
    pub(super) fn cross_wallet(&self) -> Amount {
        let tied: Amount = self.isolated.values().copied().sum();
        self.wallet.saturating_add(-tied)
    }

    /// Ties `amount` more of the wallet to an isolated position; less, if negative.
    pub(super) fn tie(&mut self, symbol: Symbol, amount: Amount) {
        let tied = self.isolated_wallet(symbol).saturating_add(amount);
        if tied == Amount::ZERO {
            self.isolated.remove(&symbol);
        } else {
            self.isolated.insert(symbol, tied);
        }
    }

    /// The only way in and out of the wallet.
    pub(super) fn credit(&mut self, row: Income) {
        if row.amount != Amount::ZERO {
            self.wallet = self.wallet.saturating_add(row.amount);
            self.income.write(row);
        }
    }

    /// Books a trade at a fee rate: completes its fee and realised profit, moves position, wallet
    /// and what is tied to the position.
    pub(super) fn book(&mut self, mut fill: Fill, rate: Rate) -> Fill {
        let symbol = fill.symbol;
        fill.commission = notional(fill.price, fill.quantity).times(rate).unwrap_or(Amount::ZERO);
        let is_isolated = self.margin_type(symbol) == MarginType::Isolated;
        let leverage = self.leverage(symbol);
        let position = self.positions.entry(symbol).or_default();
        let (held, closing) =
            (position.exposure().quantity(), fill.quantity.min(position.reducible(fill.side)));
        let opening = fill.quantity.saturating_sub(closing);
        fill.realized_pnl = position.apply(fill.side, fill.price, fill.quantity, fill.time);
        position.charge(share(fill.commission, opening, fill.quantity));
        if position.exposure().is_zero() {
            self.warned.remove(&Pool::of(symbol, self.margin_type(symbol)));
        }
        if is_isolated {
            let released = share(self.isolated_wallet(symbol), closing, held);
            let bound = margin_at(notional(fill.price, opening), leverage);
            self.tie(symbol, bound.saturating_add(-released));
        }
        let row = |kind, amount| Income {
            transaction_id: 0,
            kind,
            amount,
            symbol: Some(symbol),
            trade_id: Some(fill.trade_id),
            time: fill.time,
        };
        self.credit(row(IncomeKind::RealizedPnl, fill.realized_pnl));
        self.credit(row(IncomeKind::Commission, -fill.commission));
        if is_isolated {
            self.pay_from_tied(symbol);
        }
        let fills = self.fills.entry(symbol).or_default();
        fills.push_back(fill);
        if fills.len() > FILLS_KEPT {
            fills.pop_front();
        }
        fill
    }

    /// A fee that the rest of the wallet cannot pay comes out of what is tied to the position: else
    /// the liquidation of it would leave a debt.
    fn pay_from_tied(&mut self, symbol: Symbol) {
        let rest = self.cross_wallet();
        if rest < Amount::ZERO && !self.position(symbol).exposure().is_zero() {
            self.tie(symbol, rest);
        }
    }

    /// Pays funding on a position; what is paid for an isolated one comes out of what is tied to it.
    pub(super) fn pay_funding(&mut self, symbol: Symbol, amount: Amount, time: Timestamp) {
        if self.margin_type(symbol) == MarginType::Isolated {
            self.tie(symbol, amount);
        }
        let (kind, symbol) = (IncomeKind::FundingFee, Some(symbol));
        self.credit(Income { transaction_id: 0, kind, amount, symbol, trade_id: None, time });
    }

    /// Remembers an order that the exchange forced on the account.
    pub(super) fn keep_forced(&mut self, forced: ForcedOrder) {
        self.forced.push_back(forced);
        if self.forced.len() > FORCED_KEPT {
            self.forced.pop_front();
        }
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

/// A notional over the leverage.
pub(super) fn margin_at(notional: Amount, leverage: u32) -> Amount {
    Amount::from_units(notional.units() / i64::from(leverage.max(1))).unwrap_or_default()
}

/// Initial margin of a symbol: its worst exposure if every order of one side filled, at the mark
/// price, over the leverage.
pub(super) fn initial_margin(
    exposure: Exposure,
    (open_buys, open_sells): (Quantity, Quantity),
    mark_price: Price,
    leverage: u32,
) -> Amount {
    let worst = worst_quantity(exposure, [open_buys, open_sells]);
    margin_at(notional(mark_price, worst), leverage)
}

/// The larger of what all buys and what all sells would leave.
pub(super) fn worst_quantity(exposure: Exposure, [buys, sells]: [Quantity; 2]) -> Quantity {
    let long = exposure.units().saturating_add(buys.units());
    let short = sells.units().saturating_sub(exposure.units());
    Quantity::from_units(long.max(short).max(0)).unwrap_or_default()
}

/// The one asset that margins, fees and profits are reckoned in.
pub(super) fn quote_asset() -> Asset {
    Asset::new("USDT").unwrap_or_else(|_| unreachable!("USDT is a valid asset name"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ClientOrderId, OrderId, Side};

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    fn fill(side: Side, price: &str, quantity: &str) -> Fill {
        Fill {
            symbol: Symbol::new("BTCUSDT").unwrap(),
            trade_id: TradeId(1),
            order_id: OrderId(1),
            client_order_id: Some(ClientOrderId::new("a").unwrap()),
            side,
            price: price.parse().unwrap(),
            quantity: quantity.parse().unwrap(),
            commission: Amount::ZERO,
            commission_asset: quote_asset(),
            realized_pnl: Amount::ZERO,
            is_maker: false,
            time: Timestamp::default(),
        }
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
    fn an_isolated_position_ties_its_margin_and_frees_its_share_when_closed() {
        let mut account = Account::new(&AccountSettings::default());
        let (symbol, rate) = (Symbol::new("BTCUSDT").unwrap(), "0.001".parse().unwrap());
        account.set_margin_type(symbol, MarginType::Isolated);
        account.set_leverage(symbol, 10);
        account.book(fill(Side::Buy, "100", "10"), rate);
        assert_eq!(account.isolated_wallet(symbol), amount("100"), "1,000 at 10 times");
        assert_eq!(account.cross_wallet(), amount("9899"), "and a fee of 1");
        account.book(fill(Side::Sell, "110", "4"), rate);
        assert_eq!(account.isolated_wallet(symbol), amount("60"));
        assert_eq!(account.wallet(), amount("10038.56"), "40 won, 0.44 paid");
        account.book(fill(Side::Sell, "100", "8"), rate);
        assert_eq!(account.isolated_wallet(symbol), amount("20"), "6 closed, 2 sold short");
        account.pay_funding(symbol, amount("-0.5"), Timestamp::default());
        assert_eq!(account.isolated_wallet(symbol), amount("19.5"));
        assert_eq!(account.cross_wallet(), amount("10017.76"));
    }
}
