//! Pre-trade limits: a request passes and changes its type, or is refused with a reason.
//!
//! One budget of entries a minute for all instruments. Limits on positions, an instrument's and the
//! account's, are checked against the worst case: held, open and unknown orders together (promise
//! I11). Closing orders and stops are always allowed; they are still clipped to the venue's filters.
//!
//! Invariants: **1** exposure plus what may still fill never exceeds the limit; **6** nothing here
//! lets an opening order pass as a closing one: those are reduce-only by construction.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::approved::Approved;
use super::limits::RiskLimits;
use super::prices::Quote;
use super::why_not::WhyNot;
use crate::domain::{
    Amount, ClientOrderId, Exposure, FilterViolation, Filters, OrderKind, OrderRequest, Price,
    Quantity, Rounding, Side, StopRequest, StopSize, Symbol, Timestamp,
};

const MINUTE: Duration = Duration::from_mins(1);

/// Why a request may not be sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Position, open and unknown orders together would exceed the limit.
    #[error("worst-case position of {0} would exceed {1}")]
    PositionLimit(Amount, Amount),
    /// The same of all symbols together.
    #[error("worst-case positions of {0} together would exceed {1}")]
    AccountLimit(Amount, Amount),
    /// The entry alone is too large.
    #[error("an order of {0} exceeds {1}")]
    OrderSize(Amount, Amount),
    /// Too many orders are open.
    #[error("{0} orders and stops are open")]
    OpenOrders(u32),
    /// Too many orders in the last minute.
    #[error("{0} orders were sent in the last minute")]
    OrderRate(u32),
    /// The price is too far from the mid, or from the mark price.
    #[error("price {0} is outside the collar around {1}")]
    PriceCollar(Price, Price),
    /// A filter of the venue would refuse it.
    #[error(transparent)]
    Filter(#[from] FilterViolation),
}

impl Refusal {
    /// The reason as it is counted.
    #[must_use]
    pub const fn why_not(&self) -> WhyNot {
        match self {
            Self::PositionLimit(..) => WhyNot::PositionLimit,
            Self::AccountLimit(..) => WhyNot::AccountLimit,
            Self::OrderSize(..) => WhyNot::OrderSize,
            Self::OpenOrders(_) => WhyNot::OpenOrders,
            Self::OrderRate(_) => WhyNot::OrderRate,
            Self::PriceCollar(..) => WhyNot::PriceCollar,
            Self::Filter(_) => WhyNot::Filter,
        }
    }
}

/// What one instrument holds and may come to hold.
#[derive(Debug, Clone, Copy)]
pub struct Holding {
    /// What is held, reported fills included.
    pub exposure: Exposure,
    /// What opening orders of the entry's side may still fill, unknown ones included.
    pub may_fill: Quantity,
    /// The mark price, where one is known that is not too old.
    pub mark_price: Option<Price>,
    /// What is held and may come to be held elsewhere on the account.
    pub elsewhere: Elsewhere,
}

/// What other instruments hold and may come to hold, and what is open on the whole account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Elsewhere {
    /// The worst-case notional of the other instruments' positions together.
    pub notional: Amount,
    /// Orders and stops that work or may work, of this instrument as well.
    pub open_orders: u32,
}

/// The budget of entries that all instruments share.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RiskBudget {
    entries: VecDeque<Timestamp>,
}

impl RiskBudget {
    /// Checks an entry and counts it.
    ///
    /// # Errors
    /// The first [`Refusal`].
    pub fn approve_entry(
        &mut self,
        now: Timestamp,
        request: OrderRequest,
        (limits, filters): (&RiskLimits, &Filters),
        (quote, holding): (Quote, &Holding),
    ) -> Result<Approved<OrderRequest>, Refusal> {
        assert!(!request.reduce_only, "an entry opens");
        let price = request.kind.price().unwrap_or_else(|| quote.best(request.side.opposite()));
        check_filters(filters, &request, price, holding.mark_price)?;
        for reference in holding.mark_price.into_iter().chain([quote.mid_price()]) {
            check_collar(limits, price, reference)?;
        }
        check_size(limits, &request, price)?;
        check_position(limits, &request, price, holding)?;
        if holding.elsewhere.open_orders >= limits.open_orders {
            return Err(Refusal::OpenOrders(holding.elsewhere.open_orders));
        }
        while self.entries.front().is_some_and(|sent| now.since(*sent) >= MINUTE) {
            self.entries.pop_front();
        }
        let sent = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        if sent >= limits.orders_per_minute {
            return Err(Refusal::OrderRate(sent));
        }
        self.entries.push_back(now);
        Ok(Approved::new(request))
    }
}

/// Makes a closing order: reduce-only, clipped to the venue's filters.
///
/// # Errors
/// [`Refusal::Filter`] if what is left is below the grid or its price off it.
pub fn approve_close(
    id: ClientOrderId,
    (symbol, filters): (Symbol, &Filters),
    exposure: Exposure,
    kind: OrderKind,
) -> Result<Approved<OrderRequest>, Refusal> {
    let side = exposure.side().map_or(Side::Sell, Side::opposite);
    let is_market = matches!(kind, OrderKind::Market);
    let largest = if is_market { filters.max_market_quantity } else { filters.max_quantity };
    let quantity = closing_quantity(exposure.quantity(), largest, filters);
    filters.check_quantity(quantity, is_market)?;
    if let Some(price) = kind.price() {
        filters.check_price(price)?;
    }
    let request =
        OrderRequest { client_order_id: id, symbol, side, quantity, kind, reduce_only: true };
    Ok(Approved::new(request))
}

/// How much a closing order is over: all that is held, down to the step. What is less than the
/// smallest order is closed by the smallest: the step grew, and a reduce-only order cannot flip.
#[must_use]
pub fn closing_quantity(held: Quantity, largest: Quantity, filters: &Filters) -> Quantity {
    let smallest = filters.min_quantity.max(filters.step_size);
    if held.is_zero() { held } else { clip(held.min(largest), filters).max(smallest) }
}

/// Checks a protective stop, clipped to the venue's filters.
///
/// # Errors
/// [`Refusal::Filter`] if its trigger or quantity is off the grid.
pub fn approve_stop(
    request: StopRequest,
    filters: &Filters,
) -> Result<Approved<StopRequest>, Refusal> {
    filters.check_price(request.trigger_price)?;
    let size = match request.size {
        StopSize::Quantity(quantity) => {
            // Reduce-only: over more than is held it covers all of it and flips nothing.
            let whole = quantity.round_to_step(filters.step_size, Rounding::Up).unwrap_or(quantity);
            let quantity = clip(whole.min(filters.max_market_quantity), filters);
            filters.check_quantity(quantity, true)?;
            StopSize::Quantity(quantity)
        }
        StopSize::ClosePosition => StopSize::ClosePosition,
    };
    Ok(Approved::new(StopRequest { size, ..request }))
}

fn clip(quantity: Quantity, filters: &Filters) -> Quantity {
    quantity.round_to_step(filters.step_size, Rounding::Down).unwrap_or(quantity)
}

fn check_filters(
    filters: &Filters,
    request: &OrderRequest,
    price: Price,
    mark_price: Option<Price>,
) -> Result<(), Refusal> {
    filters.check_price(price)?;
    filters.check_quantity(request.quantity, matches!(request.kind, OrderKind::Market))?;
    filters.check_notional(price, request.quantity)?;
    if let Some(mark_price) = mark_price {
        filters.check_percent_price(request.side, price, mark_price)?;
    }
    Ok(())
}

fn check_collar(limits: &RiskLimits, price: Price, reference: Price) -> Result<(), Refusal> {
    if price.relative_to(reference).abs() > limits.price_collar {
        return Err(Refusal::PriceCollar(price, reference));
    }
    Ok(())
}

fn check_size(limits: &RiskLimits, request: &OrderRequest, price: Price) -> Result<(), Refusal> {
    let limit = limits.order_notional;
    match Amount::notional(price, request.quantity) {
        Ok(notional) if notional <= limit => Ok(()),
        Ok(notional) => Err(Refusal::OrderSize(notional, limit)),
        Err(_) => Err(Refusal::OrderSize(limit, limit)),
    }
}

fn check_position(
    limits: &RiskLimits,
    request: &OrderRequest,
    price: Price,
    holding: &Holding,
) -> Result<(), Refusal> {
    let limit = limits.position_notional;
    let too_much = || Refusal::PositionLimit(limit, limit);
    let in_flight = holding.may_fill.checked_add(request.quantity).map_err(|_| too_much())?;
    let worst = holding.exposure.checked_add(in_flight.on(request.side)).map_err(|_| too_much())?;
    let notional = Amount::notional(price, worst.quantity()).map_err(|_| too_much())?;
    let is_opening = worst.side() == Some(request.side);
    if is_opening && notional > limit {
        return Err(Refusal::PositionLimit(notional, limit));
    }
    let on_account = notional.saturating_add(holding.elsewhere.notional);
    if is_opening && on_account > limits.account_notional {
        return Err(Refusal::AccountLimit(on_account, limits.account_notional));
    }
    Ok(())
}
