//! The venue's words and spellings for values of the domain, in both directions.

use crate::domain::{
    Amount, OrderKind, OrderStatus, Price, Quantity, Rate, Side, StopStatus, TimeInForce,
};
use crate::sim::MarginType;

use super::refusal::Refusal;

/// A number of 1e-8 units with at least `places` decimal places, as the venue pads.
pub(super) fn padded(units: i64, places: usize) -> String {
    let mut text = String::with_capacity(20);
    if crate::domain::decimal::write_units(units, &mut text).is_err() {
        return text;
    }
    let written = match text.find('.') {
        Some(point) => text.len() - point - 1,
        None if places == 0 => return text,
        None => {
            text.push('.');
            0
        }
    };
    text.extend(std::iter::repeat_n('0', places.saturating_sub(written)));
    text
}

/// How many decimal places a symbol's prices and quantities are written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) price: usize,
    pub(super) quantity: usize,
}

impl Places {
    pub(super) fn price(self, price: Price) -> String {
        padded(price.units(), self.price)
    }

    pub(super) fn quantity(self, quantity: Quantity) -> String {
        padded(quantity.units(), self.quantity)
    }
}

/// An amount with all eight places.
pub(super) fn amount(amount: Amount) -> String {
    padded(amount.units(), 8)
}

/// A rate as the venue writes fees: at least four places.
pub(super) fn rate(rate: Rate) -> String {
    padded(rate.units(), 4)
}

/// Decimal places needed to write a grid step.
pub(super) fn places_of(units: i64) -> usize {
    let text = padded(units, 0);
    text.find('.').map_or(0, |point| text.len() - point - 1)
}

pub(super) const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

pub(super) fn parse_side(text: &str) -> Result<Side, Refusal> {
    match text {
        "BUY" => Ok(Side::Buy),
        "SELL" => Ok(Side::Sell),
        _ => Err(Refusal::new(-1117, "Invalid side.")),
    }
}

pub(super) const fn kind(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Limit { .. } => "LIMIT",
        OrderKind::Market => "MARKET",
    }
}

/// A market order is written GTC, as the venue does.
pub(super) const fn time_in_force(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Market
        | OrderKind::Limit { time_in_force: TimeInForce::GoodTilCanceled, .. } => "GTC",
        OrderKind::Limit { time_in_force: TimeInForce::ImmediateOrCancel, .. } => "IOC",
        OrderKind::Limit { time_in_force: TimeInForce::FillOrKill, .. } => "FOK",
        OrderKind::Limit { time_in_force: TimeInForce::PostOnly, .. } => "GTX",
    }
}

/// GTD and RPI exist at the venue and are not offered here.
pub(super) fn parse_time_in_force(text: &str) -> Result<TimeInForce, Refusal> {
    match text {
        "GTC" => Ok(TimeInForce::GoodTilCanceled),
        "IOC" => Ok(TimeInForce::ImmediateOrCancel),
        "FOK" => Ok(TimeInForce::FillOrKill),
        "GTX" => Ok(TimeInForce::PostOnly),
        _ => Err(Refusal::new(-1115, "Invalid timeInForce.")),
    }
}

pub(super) const fn status(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::New => "NEW",
        OrderStatus::PartiallyFilled => "PARTIALLY_FILLED",
        OrderStatus::Filled => "FILLED",
        OrderStatus::Canceled => "CANCELED",
        OrderStatus::Rejected => "REJECTED",
        OrderStatus::Expired => "EXPIRED",
        OrderStatus::ExpiredInMatch => "EXPIRED_IN_MATCH",
    }
}

pub(super) const fn stop_status(status: StopStatus) -> &'static str {
    match status {
        StopStatus::New => "NEW",
        StopStatus::Triggering => "TRIGGERING",
        StopStatus::Triggered => "TRIGGERED",
        StopStatus::Finished => "FINISHED",
        StopStatus::Canceled => "CANCELED",
        StopStatus::Expired => "EXPIRED",
        StopStatus::Rejected => "REJECTED",
    }
}

/// As positions tell it.
pub(super) const fn margin_type(margin_type: MarginType) -> &'static str {
    match margin_type {
        MarginType::Crossed => "cross",
        MarginType::Isolated => "isolated",
    }
}

/// As settings and margin calls tell it, and as it is set.
pub(super) const fn margin_setting(margin_type: MarginType) -> &'static str {
    match margin_type {
        MarginType::Crossed => "CROSSED",
        MarginType::Isolated => "ISOLATED",
    }
}

pub(super) fn parse_margin_setting(text: &str) -> Result<MarginType, Refusal> {
    match text {
        "CROSSED" => Ok(MarginType::Crossed),
        "ISOLATED" => Ok(MarginType::Isolated),
        _ => Err(Refusal::bad_value("marginType")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_padded_and_never_cut() {
        assert_eq!(padded(7_426_040_000_000, 2), "74260.40");
        assert_eq!(padded(0, 4), "0.0000");
        assert_eq!(padded(100_000_000, 0), "1");
        assert_eq!(padded(80_000, 2), "0.0008");
        assert_eq!(padded(-150_000_000, 8), "-1.50000000");
        assert_eq!((places_of(10_000_000), places_of(100_000), places_of(100_000_000)), (1, 3, 0));
    }
}
