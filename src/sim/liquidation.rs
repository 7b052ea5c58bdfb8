//! Liquidation and auto-deleveraging: orders that the exchange sends in an account's name.
//!
//! Whenever a symbol's mark price moves, each pool of margin behind a position in it is judged:
//!
//! 1. Once its balance is no more than its maintenance margin, its open orders expire and its
//!    positions are closed, the worst first, until it is healthy. A smaller part is never closed.
//! 2. Each is closed by an immediate-or-cancel order `autoclose-…` at the bankruptcy price, where
//!    nothing of the pool is left. What the book does not take, the insurance fund takes at it.
//! 3. What is left over pays the liquidation fee; what is short, the fund pays. Both are
//!    `INSURANCE_CLEAR` in the account's income. The fee being larger than the maintenance margin,
//!    a cross pool seldom survives the loss of one of its positions.
//!
//! A pool whose maintenance margin is above [`WARNING_PERCENT`] of its balance is warned, once until
//! it recovers. Auto-deleveraging closes a position at the mark price under `adl_autoclose`; here it
//! only happens when asked for.
//!
//! Invariants: **1** a pool is never left below zero without positions; **2** after a liquidation
//! the pool is healthy or holds nothing.

use crate::domain::{
    Amount, ClientOrderId, OrderKind, OrderRequest, OrderStatus, Price, Quantity, Rate, Rejection,
    Rounding, Side, Symbol, TimeInForce, Timestamp,
};

use super::accounts::AccountId;
use super::events::{AccountReason, ExchangeEvent, Execution, ExpiryReason, MarginCallEvent, Told};
use super::exchange::Exchange;
use super::income::{Income, IncomeKind};
use super::margin::{Holding, MarginType, price_of};
use super::matching::{Incoming, Owner};
use super::orders::{NewOrder, OrderRecord};
use super::refusals;
use super::settle::{Party, Trade};
use super::stops::WorkingPrice;
use super::terms::OrderTerms;

/// A maintenance margin above this share of the balance is worth a warning.
const WARNING_PERCENT: i128 = 80;

/// The fee of a liquidation as a fraction of notional (exchange-api.md 8.3, `liquidationFee`).
const LIQUIDATION_FEE: i64 = 1_250_000;

/// What stands behind positions together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pool {
    /// The cross wallet, behind every cross position.
    Cross,
    /// What is tied to one isolated position.
    Isolated(Symbol),
}

impl Pool {
    /// The pool behind a position.
    pub(super) const fn of(symbol: Symbol, margin_type: MarginType) -> Self {
        match margin_type {
            MarginType::Crossed => Self::Cross,
            MarginType::Isolated => Self::Isolated(symbol),
        }
    }
}

/// Why the exchange closed a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forced {
    /// Its margin was lost.
    Liquidation,
    /// It was the other side of a loss nobody else could bear.
    Deleveraging,
}

/// An order that the exchange sent in an account's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForcedOrder {
    /// Why.
    pub cause: Forced,
    /// The order, done.
    pub order: OrderRecord,
}

impl Exchange {
    /// The fee of a liquidation as a fraction of notional.
    #[must_use]
    pub fn liquidation_fee(&self) -> Rate {
        Rate::from_units(LIQUIDATION_FEE).unwrap_or_default()
    }

    /// Orders that the exchange sent in an account's name, oldest first.
    pub fn forced_orders(
        &self,
        account: AccountId,
    ) -> impl DoubleEndedIterator<Item = &ForcedOrder> {
        self.account(account).into_iter().flat_map(|found| &found.forced)
    }

    /// How near a position is to being deleveraged, 0 to 4: profit and leverage move it up among
    /// the accounts' positions of its side; a losing one stays at 0.
    #[must_use]
    pub fn deleveraging_quantile(&self, account: AccountId, symbol: Symbol) -> u8 {
        let Some(side) =
            self.account(account).and_then(|found| found.position(symbol).exposure().side())
        else {
            return 0;
        };
        let score = |id: AccountId| {
            let holding = self.holding(id, symbol).ok()?;
            let is_rival = holding.report.exposure.side() == Some(side);
            is_rival.then(|| score(&holding))
        };
        let Some(own) = score(account).filter(|own| *own > 0) else { return 0 };
        let all: Vec<i128> = self.account_ids().filter_map(score).collect();
        let below = all.iter().filter(|other| **other <= own).count();
        u8::try_from((below * 4).div_ceil(all.len().max(1))).unwrap_or(4)
    }

    /// Closes a position, or `quantity` of it, at the mark price against nobody (`adl_autoclose`);
    /// its open orders expire. The answer is the order.
    ///
    /// # Errors
    /// −1121 for an unknown symbol, −2022 if there is nothing to close or no mark price.
    pub fn deleverage(
        &mut self,
        now: Timestamp,
        account: AccountId,
        symbol: Symbol,
        quantity: Option<Quantity>,
    ) -> Result<OrderRecord, Rejection> {
        self.advance(now);
        let at = self.listed(symbol)?;
        let found = self.account(account).ok_or_else(refusals::reduce_only)?;
        let exposure = found.position(symbol).exposure();
        let (side, price) = exposure
            .side()
            .zip(self.listings[at].reference_price())
            .ok_or_else(refusals::reduce_only)?;
        let quantity = quantity.unwrap_or(exposure.quantity()).min(exposure.quantity());
        let name = ClientOrderId::new("adl_autoclose").map_err(|_| refusals::reduce_only())?;
        self.expire_orders(account, symbol);
        let request = closing(name, (symbol, side), (quantity, price));
        let order = self.force(at, account, &request);
        let order = self.take_over(at, order, price, Forced::Deleveraging);
        self.keep_forced(account, Forced::Deleveraging, order);
        Ok(order)
    }

    /// Liquidates a position and all that shares its margin, healthy or not.
    ///
    /// # Errors
    /// −1121 for an unknown symbol, −2022 if nothing is held in it.
    pub fn liquidate(
        &mut self,
        now: Timestamp,
        account: AccountId,
        symbol: Symbol,
    ) -> Result<(), Rejection> {
        self.advance(now);
        self.listed(symbol)?;
        let found = self.account(account).ok_or_else(refusals::reduce_only)?;
        if found.position(symbol).exposure().is_zero() {
            return Err(refusals::reduce_only());
        }
        let pool = Pool::of(symbol, found.margin_type(symbol));
        self.close_pool(account, pool, |_| true);
        Ok(())
    }

    /// Judges every pool of margin behind a position in a symbol whose mark price moved.
    pub(super) fn check_margins(&mut self, at: usize) {
        let symbol = self.listings[at].symbol();
        for index in 0..self.accounts.len() {
            let account = &self.accounts[index];
            if account.position(symbol).exposure().is_zero() {
                continue;
            }
            let pool = Pool::of(symbol, account.margin_type(symbol));
            let id = AccountId(u32::try_from(index).unwrap_or(u32::MAX));
            if self.is_lost(id, pool) {
                self.close_pool(id, pool, |exchange| exchange.is_lost(id, pool));
            } else {
                self.warn(id, pool);
            }
        }
    }

    fn is_lost(&self, account: AccountId, pool: Pool) -> bool {
        let Some(found) = self.account(account) else { return false };
        let state = self.pool_state(found, pool);
        state.maintenance > Amount::ZERO && state.balance <= state.maintenance
    }

    /// Warns of a pool near its end, once until it recovers.
    fn warn(&mut self, account: AccountId, pool: Pool) {
        let Some(found) = self.account(account) else { return };
        let state = self.pool_state(found, pool);
        let (balance, maintenance) =
            (i128::from(state.balance.units()), i128::from(state.maintenance.units()));
        let is_near = maintenance * 100 >= balance * WARNING_PERCENT;
        let cross_wallet = (pool == Pool::Cross).then(|| found.cross_wallet());
        let Some(found) = self.account_mut(account) else { return };
        if !is_near {
            found.warned.remove(&pool);
        } else if found.warned.insert(pool) {
            let holdings = self
                .holdings(account)
                .into_iter()
                .filter(|held| !held.report.exposure.is_zero())
                .filter(|held| Pool::of(held.report.symbol, held.margin_type) == pool)
                .collect();
            let time = self.now;
            self.events.push(ExchangeEvent::MarginCall(MarginCallEvent {
                time,
                account,
                cross_wallet,
                holdings,
            }));
        }
    }

    /// Expires the orders of a pool and closes its positions, the worst first, as long as `goes_on`
    /// and any are left.
    fn close_pool(&mut self, account: AccountId, pool: Pool, goes_on: impl Fn(&Self) -> bool) {
        let symbols: Vec<Symbol> = self.instruments().map(|instrument| instrument.symbol).collect();
        for symbol in symbols {
            let margin_type = self.margin_type(account, symbol);
            if margin_type.is_some_and(|margin_type| Pool::of(symbol, margin_type) == pool) {
                self.expire_orders(account, symbol);
            }
        }
        while goes_on(self)
            && let Some((at, side)) = self.worst_position(account, pool)
        {
            self.close_position(at, account, (pool, side));
        }
    }

    fn worst_position(&self, account: AccountId, pool: Pool) -> Option<(usize, Side)> {
        self.holdings(account)
            .iter()
            .filter(|held| Pool::of(held.report.symbol, held.margin_type) == pool)
            .filter_map(|held| Some((held, held.report.exposure.side()?)))
            .min_by_key(|(held, _)| held.report.unrealized_pnl)
            .and_then(|(held, side)| Some((self.find(held.report.symbol)?, side)))
    }

    fn expire_orders(&mut self, account: AccountId, symbol: Symbol) {
        let Some(at) = self.find(symbol) else { return };
        let open: Vec<OrderRecord> = self.orders.open(account, symbol).copied().collect();
        for order in open {
            self.end(at, order, OrderStatus::Expired, ExpiryReason::Liquidation);
        }
    }

    /// Closes one position of a pool, and settles with the insurance fund.
    fn close_position(&mut self, at: usize, account: AccountId, (pool, side): (Pool, Side)) {
        let symbol = self.listings[at].symbol();
        let Some(found) = self.account(account) else { return };
        let quantity = found.position(symbol).exposure().quantity();
        let (tied, wallet) = (found.isolated_wallet(symbol), found.wallet());
        let price = self.bankruptcy_price(at, account, (pool, side));
        let Some(name) = self.name_liquidation() else { return };
        let request = closing(name, (symbol, side), (quantity, price));
        let order = self.force(at, account, &request);
        let order = self.offer(at, order);
        let order = self.take_over(at, order, price, Forced::Liquidation);
        self.keep_forced(account, Forced::Liquidation, order);
        let Some(found) = self.account(account) else { return };
        let left = match pool {
            Pool::Isolated(_) => tied.saturating_add(found.wallet()).saturating_add(-wallet),
            Pool::Cross => found.cross_wallet().min(self.pool_state(found, pool).balance),
        };
        let is_last = self.worst_position(account, pool).is_none();
        let fee = order.filled_notional.times(self.liquidation_fee()).unwrap_or_default();
        let clear = if left > Amount::ZERO { -fee.min(left) } else { -left };
        if left > Amount::ZERO || is_last {
            self.clear(account, symbol, clear);
        }
        self.trigger(at, WorkingPrice::Contract);
    }

    /// Takes the liquidation's fee, or gives what the insurance fund takes over.
    fn clear(&mut self, account: AccountId, symbol: Symbol, amount: Amount) {
        let time = self.now;
        let Some(found) = self.account_mut(account).filter(|_| amount != Amount::ZERO) else {
            return;
        };
        let (kind, symbol) = (IncomeKind::InsuranceClear, Some(symbol));
        found.credit(Income { transaction_id: 0, kind, amount, symbol, trade_id: None, time });
        let told = Told::money(AccountReason::InsuranceClear);
        self.tell_account(account, Told { balance_change: amount, ..told });
    }

    /// The price at which closing leaves nothing of the pool, on the grid and never worse.
    fn bankruptcy_price(&self, at: usize, account: AccountId, (pool, side): (Pool, Side)) -> Price {
        let listing = &self.listings[at];
        let tick_size = listing.instrument.filters.tick_size;
        let exact = self.account(account).and_then(|found| {
            let position = found.position(listing.symbol());
            let unrealized = position.unrealized(listing.reference_price()?);
            let others = self.pool_state(found, pool).balance.saturating_add(-unrealized);
            let (cost, others) = (i128::from(position.cost().units()), i128::from(others.units()));
            let notional = if side == Side::Buy { cost - others } else { cost + others };
            price_of(notional, position.exposure().quantity())
        });
        let rounding = if side == Side::Buy { Rounding::Up } else { Rounding::Down };
        let on_grid = exact.and_then(|price| price.round_to_tick(tick_size, rounding).ok());
        on_grid.filter(|price| !price.is_zero()).unwrap_or(tick_size)
    }

    /// As the venue names them: milliseconds, then a number.
    fn name_liquidation(&mut self) -> Option<ClientOrderId> {
        self.liquidations += 1;
        let number = self.liquidations % 1_000_000;
        ClientOrderId::new(&format!("autoclose-{}{number:06}", self.now.millis())).ok()
    }

    fn force(&mut self, at: usize, account: AccountId, request: &OrderRequest) -> OrderRecord {
        debug_assert_eq!(request.symbol, self.listings[at].symbol());
        let terms = OrderTerms::default();
        let order = self.orders.accept(self.now, NewOrder { account, request, terms, stop: None });
        self.push_order(&order, Execution::New, ExpiryReason::None);
        order
    }

    /// Offers a forced order to the book.
    fn offer(&mut self, at: usize, order: OrderRecord) -> OrderRecord {
        let grid = self.listings[at].grid;
        let incoming = Incoming {
            key: order.key(),
            owner: Owner::Account(order.account),
            side: order.report.side,
            limit: order.report.price.map(|price| grid.ticks(price)),
            lots: grid.lots(order.remaining),
        };
        let mut matches = Vec::new();
        self.listings[at].source.take(&incoming, &mut matches);
        self.settle(at, &matches);
        self.orders.get(order.report.order_id).copied().unwrap_or(order)
    }

    /// Lets the insurance fund, or nobody, take what the book did not; no fee is charged for it.
    fn take_over(
        &mut self,
        at: usize,
        order: OrderRecord,
        price: Price,
        cause: Forced,
    ) -> OrderRecord {
        if order.remaining.is_zero() || order.report.status.is_terminal() {
            return order;
        }
        let trade_id = self.listings[at].take_trade_id();
        let execution = Execution::Calculated(cause);
        let trade = Trade { id: trade_id, price, quantity: order.remaining, execution };
        self.book_fill(at, &Party::forced(&order), &trade);
        self.orders.get(order.report.order_id).copied().unwrap_or(order)
    }

    fn keep_forced(&mut self, account: AccountId, cause: Forced, order: OrderRecord) {
        let time = self.now;
        if let Some(found) = self.account_mut(account) {
            found.keep_forced(ForcedOrder { cause, order });
        }
        if cause == Forced::Liquidation {
            self.events.push(ExchangeEvent::Liquidation { time, order });
        }
    }
}

/// Profit over cost times leverage, in units of 1e-8; a loss is below zero.
fn score(holding: &Holding) -> i128 {
    let cost = i128::from(holding.notional.units()).abs().max(1);
    let profit = i128::from(holding.report.unrealized_pnl.units());
    profit * i128::from(crate::domain::decimal::UNITS_PER_ONE) / cost * i128::from(holding.leverage)
}

/// The order that closes `quantity` of a position of `side`.
fn closing(
    client_order_id: ClientOrderId,
    (symbol, side): (Symbol, Side),
    (quantity, price): (Quantity, Price),
) -> OrderRequest {
    OrderRequest {
        client_order_id,
        symbol,
        side: side.opposite(),
        quantity,
        kind: OrderKind::Limit { price, time_in_force: TimeInForce::ImmediateOrCancel },
        reduce_only: false,
    }
}
