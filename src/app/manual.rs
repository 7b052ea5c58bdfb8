//! An order by hand: checked against filters and limits, placed once, and followed to its outcome.
//!
//! Invariants: **1** nothing that fails a check is sent; **2** nothing is sent twice: an unknown
//! outcome is asked for until it is known (exchange-api.md 7.3).

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::time::sleep;

use crate::binance::{BinanceError, RestClient};
use crate::domain::{
    Amount, ClientOrderId, DecimalError, Exposure, FilterViolation, Instrument, OrderKind,
    OrderReport, OrderRequest, Price, Quantity, Side, Symbol, Timestamp,
};
use crate::trading::RiskLimits;

/// The venue's code for an order it does not know.
const NO_SUCH_ORDER: i32 = -2013;
/// When an order of unknown outcome is asked for: seconds after each other, 10 s in all. The
/// venue refuses what arrives later than the receive window.
const QUESTIONS: [Duration; 5] = [
    Duration::from_millis(300),
    Duration::from_millis(700),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(5),
];

/// Why an order by hand did not simply succeed.
#[derive(Debug, Error)]
pub enum ManualError {
    /// The symbol is not listed, or not open for trading.
    #[error("unknown symbol {0}: the venue lists no such perpetual open for trading")]
    UnknownSymbol(Symbol),
    /// A filter of the venue would refuse it.
    #[error("order not sent: {0}")]
    Filter(#[from] FilterViolation),
    /// A limit of the operator refuses it.
    #[error("order not sent: {0}")]
    Limit(String),
    /// A sum left the range of numbers.
    #[error("order not sent: {0}")]
    Range(#[from] DecimalError),
    /// The venue, or the way there.
    #[error(transparent)]
    Venue(#[from] BinanceError),
    /// The outcome was unknown, and asking showed that the venue never took the order.
    #[error("order {0} was not placed: the venue does not know it after 10 s")]
    NotPlaced(ClientOrderId),
    /// The outcome is still unknown.
    #[error(
        "outcome of order {id} still unknown: {reason}; look with `lobd orders` and `lobd history`"
    )]
    Unresolved {
        /// Which order.
        id: ClientOrderId,
        /// What hid the outcome.
        reason: String,
    },
}

/// Places orders by hand.
pub struct ManualDesk {
    rest: Arc<RestClient>,
    limits: RiskLimits,
}

impl ManualDesk {
    /// A desk that trades through `rest` within the limits of the settings.
    #[must_use]
    pub const fn new(rest: Arc<RestClient>, limits: RiskLimits) -> Self {
        Self { rest, limits }
    }

    /// The listed instrument of a symbol.
    ///
    /// # Errors
    /// [`ManualError::UnknownSymbol`], or the venue's error.
    pub async fn instrument(&self, symbol: Symbol) -> Result<Instrument, ManualError> {
        let rules = self.rest.exchange_info().await?;
        let listed = rules.instruments.into_iter().find(|listed| listed.symbol == symbol);
        listed.ok_or(ManualError::UnknownSymbol(symbol))
    }

    /// Checks, places and follows an order.
    ///
    /// # Errors
    /// [`ManualError`]; its variant says whether anything was sent.
    pub async fn place(&self, order: &OrderRequest) -> Result<OrderReport, ManualError> {
        self.check(order).await?;
        match self.rest.place_order(order).await {
            Ok(report) if order.kind == OrderKind::Market => {
                // The acknowledgement has no average price; a query does.
                let queried = self.rest.query_order(order.symbol, order.client_order_id).await;
                Ok(queried.unwrap_or(report))
            }
            Ok(report) => Ok(report),
            Err(error @ (BinanceError::Unknown { .. } | BinanceError::Unreadable(_))) => {
                self.resolve(order, &error).await
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn resolve(
        &self,
        order: &OrderRequest,
        error: &BinanceError,
    ) -> Result<OrderReport, ManualError> {
        let id = order.client_order_id;
        let mut reason = error.to_string();
        let mut is_unknown_to_venue = false;
        for wait in QUESTIONS {
            sleep(wait).await;
            match self.rest.query_order(order.symbol, id).await {
                Ok(report) => return Ok(report),
                Err(error) => {
                    is_unknown_to_venue = error.code() == Some(NO_SUCH_ORDER);
                    reason = error.to_string();
                }
            }
        }
        if is_unknown_to_venue {
            return Err(ManualError::NotPlaced(id));
        }
        Err(ManualError::Unresolved { id, reason })
    }

    async fn check(&self, order: &OrderRequest) -> Result<(), ManualError> {
        let instrument = self.instrument(order.symbol).await?;
        let filters = &instrument.filters;
        filters.check_quantity(order.quantity, order.kind == OrderKind::Market)?;
        let book = self.rest.order_book(order.symbol, 5).await?;
        let (Some(bid), Some(ask)) = (book.bids.first(), book.asks.first()) else {
            return Err(ManualError::Limit("a side of the book is empty".to_owned()));
        };
        let taken = if order.side == Side::Buy { ask.price } else { bid.price };
        let price = order.kind.price().unwrap_or(taken);
        if order.kind.price().is_some() {
            filters.check_price(price)?;
            self.check_collar(order.side, price, bid.price.midpoint(ask.price))?;
        }
        if order.reduce_only {
            return Ok(());
        }
        filters.check_notional(price, order.quantity)?;
        self.check_size(Amount::notional(price, order.quantity)?)?;
        self.check_position(order, price).await
    }

    /// A price that gives away more than the collar is a typing mistake. A price on the patient
    /// side may be as far away as the venue allows.
    fn check_collar(&self, side: Side, price: Price, mid: Price) -> Result<(), ManualError> {
        let given_away = match side {
            Side::Buy => price.relative_to(mid),
            Side::Sell => -price.relative_to(mid),
        };
        if given_away <= self.limits.price_collar {
            return Ok(());
        }
        let (bps, collar) = (given_away.bps(), self.limits.price_collar.bps());
        Err(ManualError::Limit(format!(
            "{price} is {bps:.0} bps beyond the mid price {mid}, PRICE_COLLAR_BPS is {collar:.0}"
        )))
    }

    fn check_size(&self, notional: Amount) -> Result<(), ManualError> {
        let limit = self.limits.order_notional;
        if notional <= limit {
            return Ok(());
        }
        Err(ManualError::Limit(format!("{notional} USDT in one order, MAX_ORDER_USDT is {limit}")))
    }

    /// Position, open orders of the same side and this order together stay within the limit.
    async fn check_position(&self, order: &OrderRequest, price: Price) -> Result<(), ManualError> {
        let (position, working) = tokio::try_join!(
            self.rest.position_of(order.symbol),
            self.rest.working_orders(Some(order.symbol))
        )?;
        let mut worst = position.exposure.checked_add(order.quantity.on(order.side))?;
        for open in working.iter().filter(|open| open.side == order.side && !open.reduce_only) {
            worst = worst.checked_add(remaining(open).on(open.side))?;
        }
        let grows = worst.side() == Some(order.side);
        let notional = Amount::notional(price, worst.quantity())?;
        if !grows || notional <= self.limits.position_notional {
            return Ok(());
        }
        Err(ManualError::Limit(format!(
            "position, open orders and this order would reach {notional} USDT, \
             MAX_POSITION_USDT is {}",
            self.limits.position_notional
        )))
    }
}

fn remaining(order: &OrderReport) -> Quantity {
    order.quantity.saturating_sub(order.filled_quantity)
}

/// Our name for an order by hand, unique by the moment and the process.
#[must_use]
pub fn manual_order_id(now: Timestamp, process: u32, sequence: u16) -> ClientOrderId {
    let text = format!("hand-{:x}-{process:x}-{sequence:x}", now.nanos());
    ClientOrderId::new(&text).unwrap_or_else(|_| {
        unreachable!("5 + 16 + 1 + 8 + 1 characters leave five for the sequence")
    })
}

/// The exposure's closing side: what is sold if long, bought if short.
#[must_use]
pub fn closing_side(exposure: Exposure) -> Option<Side> {
    exposure.side().map(Side::opposite)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_by_hand_has_a_name_of_its_own() {
        let id = manual_order_id(Timestamp::from_seconds(4_000_000_000), u32::MAX, 99);
        assert!(id.as_str().len() <= 36, "{id}");
        assert!(!id.is_of_installation(0), "not taken for one of the engine's");
    }
}
