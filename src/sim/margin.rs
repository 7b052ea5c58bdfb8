//! What an account's margin allows: initial and maintenance margin, what is free, where it ends.
//!
//! A *pool* of margin is what stands behind positions together: the cross wallet behind all cross
//! positions, an isolated wallet behind its one. A pool's balance is its wallet plus the unrealised
//! profit of its positions; the position is lost once that is no more than the maintenance margin.
//!
//! Invariant: available balance = the cross pool's balance − the margin that cross positions and
//! all open orders bind.

use crate::domain::{
    Amount, BalanceReport, PositionReport, Price, Quantity, Rejection, Side, Symbol,
};

use super::accounts::{Account, AccountId, margin_at, quote_asset, worst_quantity};
use super::brackets::Bracket;
use super::exchange::Exchange;
use super::liquidation::Pool;
use super::orders::OrderRecord;
use super::position::{Position, notional};
use super::refusals;

/// What stands behind a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarginType {
    /// The whole account, together with all its other cross positions.
    Crossed,
    /// Only what is tied to it.
    Isolated,
}

/// A pool's wallet with the profit not yet realised in it, and what it must not fall to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PoolState {
    pub(super) balance: Amount,
    pub(super) maintenance: Amount,
}

/// One symbol of an account with all that margin is reckoned from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// The position; it may be flat.
    pub report: PositionReport,
    /// The price at which closing would give back what was paid, opening fees included.
    pub break_even_price: Price,
    /// Profit realised in the symbol so far, before fees.
    pub realized_pnl: Amount,
    /// What stands behind it.
    pub margin_type: MarginType,
    /// Its leverage.
    pub leverage: u32,
    /// The largest notional that leverage allows.
    pub max_notional: Amount,
    /// Its notional at the mark price, negative if short.
    pub notional: Amount,
    /// What is tied to it; zero on cross margin.
    pub isolated_wallet: Amount,
    /// The initial margin of the position.
    pub position_margin: Amount,
    /// What its open orders bind beyond that.
    pub order_margin: Amount,
    /// The margin below which it is liquidated.
    pub maintenance_margin: Amount,
    /// Notional of open buys and of open sells.
    pub open_notional: [Amount; 2],
}

impl Holding {
    /// What is tied to an isolated position with its profit; zero on cross margin.
    #[must_use]
    pub fn isolated_margin(&self) -> Amount {
        match self.margin_type {
            MarginType::Crossed => Amount::ZERO,
            MarginType::Isolated => self.isolated_wallet.saturating_add(self.report.unrealized_pnl),
        }
    }

    /// All the initial margin it binds.
    #[must_use]
    pub const fn initial_margin(&self) -> Amount {
        self.position_margin.saturating_add(self.order_margin)
    }
}

/// An account's margin, summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MarginSummary {
    /// Everything that is owned.
    pub wallet: Amount,
    /// What of it no isolated position ties.
    pub cross_wallet: Amount,
    /// Profit not yet realised.
    pub unrealized_pnl: Amount,
    /// That of cross positions alone.
    pub cross_unrealized_pnl: Amount,
    /// The initial margin of positions.
    pub position_margin: Amount,
    /// What open orders bind beyond that.
    pub order_margin: Amount,
    /// The margin below which positions are liquidated.
    pub maintenance_margin: Amount,
    /// What may be bound by new orders or positions.
    pub available: Amount,
    /// What may be taken out: available, and not yet unrealised.
    pub max_withdraw: Amount,
}

impl Exchange {
    /// One symbol of an account with all that margin is reckoned from.
    ///
    /// # Errors
    /// −1121 for an unknown symbol.
    pub fn holding(&self, account: AccountId, symbol: Symbol) -> Result<Holding, Rejection> {
        let report = self.position(account, symbol)?;
        let at = self.listed(symbol)?;
        let Some(found) = self.account(account) else { return Err(refusals::bad_symbol()) };
        let (position, leverage) = (found.position(symbol), found.leverage(symbol));
        let size = notional(report.mark_price, report.exposure.quantity());
        let position_margin = margin_at(size, leverage);
        let bound = self.bound_margin(account, symbol);
        let brackets = &self.listings[at].brackets;
        Ok(Holding {
            report,
            break_even_price: position.break_even_price(),
            realized_pnl: position.realized(),
            margin_type: found.margin_type(symbol),
            leverage,
            max_notional: brackets.max_notional(leverage),
            notional: if report.exposure.side() == Some(Side::Sell) { -size } else { size },
            isolated_wallet: found.isolated_wallet(symbol),
            position_margin,
            order_margin: bound.saturating_add(-position_margin).max(Amount::ZERO),
            maintenance_margin: brackets.maintenance_margin(size),
            open_notional: [Side::Buy, Side::Sell]
                .map(|side| self.open_notional(account, symbol, side)),
        })
    }

    /// Every listed symbol of an account, flat ones included, ordered by symbol.
    #[must_use]
    pub fn holdings(&self, account: AccountId) -> Vec<Holding> {
        self.instruments()
            .filter_map(|instrument| self.holding(account, instrument.symbol).ok())
            .collect()
    }

    /// An account's margin, summed up.
    #[must_use]
    pub fn margin(&self, account: AccountId) -> MarginSummary {
        let Some(found) = self.account(account) else { return MarginSummary::default() };
        let holdings = self.holdings(account);
        let sum = |part: fn(&Holding) -> Amount| holdings.iter().map(part).sum::<Amount>();
        let cross_unrealized_pnl = sum(|holding| match holding.margin_type {
            MarginType::Crossed => holding.report.unrealized_pnl,
            MarginType::Isolated => Amount::ZERO,
        });
        let available = self.free_margin(account).max(Amount::ZERO);
        let unrealized_gain = cross_unrealized_pnl.max(Amount::ZERO);
        MarginSummary {
            wallet: found.wallet(),
            cross_wallet: found.cross_wallet(),
            unrealized_pnl: sum(|holding| holding.report.unrealized_pnl),
            cross_unrealized_pnl,
            position_margin: sum(|holding| holding.position_margin),
            order_margin: sum(|holding| holding.order_margin),
            maintenance_margin: sum(|holding| holding.maintenance_margin),
            available,
            max_withdraw: available.saturating_add(-unrealized_gain).max(Amount::ZERO),
        }
    }

    /// The position of an account in a symbol; a flat one is zero.
    ///
    /// # Errors
    /// −1121 for an unknown symbol.
    pub fn position(
        &self,
        account: AccountId,
        symbol: Symbol,
    ) -> Result<PositionReport, Rejection> {
        let at = self.listed(symbol)?;
        let Some(found) = self.account(account) else { return Err(refusals::bad_symbol()) };
        let position = found.position(symbol);
        let mark_price = self.listings[at].reference_price().unwrap_or_default();
        Ok(PositionReport {
            symbol,
            exposure: position.exposure(),
            entry_price: position.entry_price(),
            mark_price,
            unrealized_pnl: position.unrealized(mark_price),
            liquidation_price: self.liquidation_price(found, at, &position),
            update_time: position.updated_at(),
        })
    }

    /// The positions of an account in every listed symbol, flat ones included, ordered by symbol.
    #[must_use]
    pub fn positions(&self, account: AccountId) -> Vec<PositionReport> {
        self.instruments()
            .filter_map(|instrument| self.position(account, instrument.symbol).ok())
            .collect()
    }

    /// The balance of an account.
    #[must_use]
    pub fn balance(&self, account: AccountId) -> BalanceReport {
        BalanceReport {
            asset: quote_asset(),
            wallet_balance: self.account(account).map(Account::wallet).unwrap_or_default(),
            available_balance: self.free_margin(account).max(Amount::ZERO),
        }
    }

    /// The leverage brackets of a symbol, smallest notional first; none for an unknown symbol.
    #[must_use]
    pub fn brackets(&self, symbol: Symbol) -> &[Bracket] {
        self.find(symbol).map_or(&[], |at| self.listings[at].brackets.rows())
    }

    /// Wallet and unrealised profit together.
    pub(super) fn equity(&self, account: AccountId) -> Amount {
        let Some(found) = self.account(account) else { return Amount::ZERO };
        let unrealized: Amount =
            found.held().map(|(symbol, position)| self.unrealized(symbol, position)).sum();
        found.wallet().saturating_add(unrealized)
    }

    /// What may still be bound; negative when the account is over its means.
    pub(super) fn free_margin(&self, account: AccountId) -> Amount {
        let Some(found) = self.account(account) else { return Amount::ZERO };
        let bound: Amount = self
            .instruments()
            .map(|instrument| {
                let symbol = instrument.symbol;
                let bound = self.bound_margin(account, symbol);
                match found.margin_type(symbol) {
                    MarginType::Crossed => bound,
                    // The position's own margin is tied already and not in the cross wallet.
                    MarginType::Isolated => {
                        let size = self.notional_of(symbol, &found.position(symbol));
                        let own = margin_at(size, found.leverage(symbol));
                        bound.saturating_add(-own).max(Amount::ZERO)
                    }
                }
            })
            .sum();
        self.pool_state(found, Pool::Cross).balance.saturating_add(-bound)
    }

    /// Where a pool stands.
    pub(super) fn pool_state(&self, account: &Account, pool: Pool) -> PoolState {
        let wallet = match pool {
            Pool::Cross => account.cross_wallet(),
            Pool::Isolated(symbol) => account.isolated_wallet(symbol),
        };
        let mut state = PoolState { balance: wallet, maintenance: Amount::ZERO };
        for (symbol, position) in account.held() {
            if Pool::of(symbol, account.margin_type(symbol)) == pool {
                let unrealized = self.unrealized(symbol, position);
                state.balance = state.balance.saturating_add(unrealized);
                let maintenance = self.maintenance_of(symbol, position);
                state.maintenance = state.maintenance.saturating_add(maintenance);
            }
        }
        state
    }

    /// The initial margin that an account's position and orders in a symbol bind.
    fn bound_margin(&self, account: AccountId, symbol: Symbol) -> Amount {
        let Some((at, found)) = self.find(symbol).zip(self.account(account)) else {
            return Amount::ZERO;
        };
        let open = self.open_quantities(account, symbol);
        margin_at(self.worst_notional(account, at, open), found.leverage(symbol))
    }

    /// The notional of the worst position that could be if every order of one side filled.
    pub(super) fn worst_notional(
        &self,
        account: AccountId,
        at: usize,
        open: [Quantity; 2],
    ) -> Amount {
        let listing = &self.listings[at];
        let mark_price = listing.reference_price().unwrap_or_default();
        let position =
            self.account(account).map(|found| found.position(listing.symbol())).unwrap_or_default();
        notional(mark_price, worst_quantity(position.exposure(), open))
    }

    /// Working quantity of buys and of sells that may open risk.
    pub(super) fn open_quantities(&self, account: AccountId, symbol: Symbol) -> [Quantity; 2] {
        [Side::Buy, Side::Sell].map(|side| self.orders.open_quantity(account, symbol, side))
    }

    fn open_notional(&self, account: AccountId, symbol: Symbol, side: Side) -> Amount {
        let mark_price = self
            .find(symbol)
            .and_then(|at| self.listings[at].reference_price())
            .unwrap_or_default();
        let of_order = |order: &OrderRecord| {
            notional(order.report.price.unwrap_or(mark_price), order.remaining)
        };
        let open = self.orders.open(account, symbol);
        open.filter(|order| order.report.side == side).map(of_order).sum()
    }

    fn unrealized(&self, symbol: Symbol, position: &Position) -> Amount {
        let mark_price = self.find(symbol).and_then(|at| self.listings[at].reference_price());
        mark_price.map(|price| position.unrealized(price)).unwrap_or_default()
    }

    fn notional_of(&self, symbol: Symbol, position: &Position) -> Amount {
        let mark_price = self.find(symbol).and_then(|at| self.listings[at].reference_price());
        notional(mark_price.unwrap_or_default(), position.exposure().quantity())
    }

    fn maintenance_of(&self, symbol: Symbol, position: &Position) -> Amount {
        let Some(at) = self.find(symbol) else { return Amount::ZERO };
        self.listings[at].brackets.maintenance_margin(self.notional_of(symbol, position))
    }

    /// The mark price at which the pool behind a position is lost, everything else unchanged;
    /// `None` if it is flat or no positive price does it.
    fn liquidation_price(
        &self,
        account: &Account,
        at: usize,
        position: &Position,
    ) -> Option<Price> {
        let (side, symbol) = (position.exposure().side()?, self.listings[at].symbol());
        let pool = Pool::of(symbol, account.margin_type(symbol));
        let state = self.pool_state(account, pool);
        let of_others = state.maintenance.saturating_add(-self.maintenance_of(symbol, position));
        let cushion = state
            .balance
            .saturating_add(-self.unrealized(symbol, position))
            .saturating_add(-of_others);
        let brackets = &self.listings[at].brackets;
        let at_notional = brackets.liquidation_notional(side, position.cost(), cushion)?;
        price_of(at_notional, position.exposure().quantity())
    }
}

/// A notional in units of 1e-8 over a quantity, rounded down; `None` unless positive.
pub(super) fn price_of(notional_units: i128, quantity: Quantity) -> Option<Price> {
    let one = i128::from(crate::domain::decimal::UNITS_PER_ONE);
    let units = notional_units.checked_mul(one)?.checked_div(i128::from(quantity.units()))?;
    i64::try_from(units).ok().filter(|units| *units > 0).and_then(|u| Price::from_units(u).ok())
}
