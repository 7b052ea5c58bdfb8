//! The venue's words and spellings for values of the domain, in both directions.

use crate::domain::{
    Amount, OrderKind, OrderStatus, Price, Quantity, Rate, Side, StopStatus, TimeInForce, Timestamp,
};
use crate::sim::MarginType;
use crate::sim::TradingStatus;
use crate::sim::{
    OrderTerms, PriceMatch, SelfTradePrevention, StopCondition, StopTerms, WorkingPrice,
};

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

/// A sum of 1e-8 units too large for an amount, with at least `places` decimal places.
pub(super) fn padded_wide(units: i128, places: usize) -> String {
    let one = i128::from(crate::domain::decimal::UNITS_PER_ONE);
    let (whole, fraction) = (units.unsigned_abs() / one.unsigned_abs(), units % one);
    let fraction = format!("{:08}", fraction.unsigned_abs());
    let written = fraction.trim_end_matches('0').len().max(places).min(fraction.len());
    let sign = if units < 0 { "-" } else { "" };
    if written == 0 {
        return format!("{sign}{whole}");
    }
    format!("{sign}{whole}.{}", &fraction[..written])
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

    /// Places of a price times a quantity.
    pub(super) const fn quote(self) -> usize {
        self.price + self.quantity
    }

    pub(super) fn quantity(self, quantity: Quantity) -> String {
        padded(quantity.units(), self.quantity)
    }
}

/// A number as the venue's lists of conditional orders spell it, like the text of a Java double:
/// `0.1`, `0.0`, and `7.0E-4` below a thousandth or from ten million on.
pub(super) fn as_double(units: i64) -> String {
    let digits = units.unsigned_abs().to_string();
    let exponent = i32::try_from(digits.len()).unwrap_or(i32::MAX) - 9;
    if units == 0 || (-3..7).contains(&exponent) {
        return padded(units, 1);
    }
    let significant = digits.trim_end_matches('0');
    let (first, rest) = significant.split_at(1);
    let rest = if rest.is_empty() { "0" } else { rest };
    let sign = if units < 0 { "-" } else { "" };
    format!("{sign}{first}.{rest}E{exponent}")
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
pub(super) const fn time_in_force(kind: OrderKind, terms: &OrderTerms) -> &'static str {
    match kind {
        OrderKind::Limit { time_in_force: TimeInForce::GoodTilCanceled, .. }
            if terms.good_till.is_some() =>
        {
            "GTD"
        }
        OrderKind::Market
        | OrderKind::Limit { time_in_force: TimeInForce::GoodTilCanceled, .. } => "GTC",
        OrderKind::Limit { time_in_force: TimeInForce::ImmediateOrCancel, .. } => "IOC",
        OrderKind::Limit { time_in_force: TimeInForce::FillOrKill, .. } => "FOK",
        OrderKind::Limit { time_in_force: TimeInForce::PostOnly, .. } => "GTX",
    }
}

/// The time in force of a conditional order that lives while a position does.
pub(super) const WHILE_THE_POSITION_LIVES: &str = "GTE_GTC";

/// GTD rests like GTC until its date; RPI is for selected makers, of whom there are none here.
pub(super) fn parse_time_in_force(text: &str) -> Result<TimeInForce, Refusal> {
    match text {
        "GTC" | "GTD" => Ok(TimeInForce::GoodTilCanceled),
        "IOC" => Ok(TimeInForce::ImmediateOrCancel),
        "FOK" => Ok(TimeInForce::FillOrKill),
        "GTX" => Ok(TimeInForce::PostOnly),
        _ => Err(Refusal::new(-1115, "Invalid timeInForce.")),
    }
}

pub(super) const fn prevention(prevention: SelfTradePrevention) -> &'static str {
    match prevention {
        SelfTradePrevention::ExpireTaker => "EXPIRE_TAKER",
        SelfTradePrevention::ExpireMaker => "EXPIRE_MAKER",
        SelfTradePrevention::ExpireBoth => "EXPIRE_BOTH",
    }
}

pub(super) fn parse_prevention(text: Option<&str>) -> Result<SelfTradePrevention, Refusal> {
    match text {
        Some("EXPIRE_TAKER") => Ok(SelfTradePrevention::ExpireTaker),
        None | Some("EXPIRE_MAKER") => Ok(SelfTradePrevention::ExpireMaker),
        Some("EXPIRE_BOTH") => Ok(SelfTradePrevention::ExpireBoth),
        Some(_) => Err(Refusal::new(-5039, "Invalid self trade prevention mode.")),
    }
}

pub(super) const fn price_match(price_match: Option<PriceMatch>) -> &'static str {
    match price_match {
        None => "NONE",
        Some(PriceMatch::Opponent) => "OPPONENT",
        Some(PriceMatch::Opponent5) => "OPPONENT_5",
        Some(PriceMatch::Queue) => "QUEUE",
        Some(PriceMatch::Queue5) => "QUEUE_5",
        Some(PriceMatch::Queue10) => "QUEUE_10",
        Some(PriceMatch::Queue20) => "QUEUE_20",
    }
}

/// `OPPONENT_10` and `OPPONENT_20` are suspended at the venue (exchange-api.md 1.3).
pub(super) fn parse_price_match(text: Option<&str>) -> Result<Option<PriceMatch>, Refusal> {
    match text {
        None | Some("NONE") => Ok(None),
        Some("OPPONENT") => Ok(Some(PriceMatch::Opponent)),
        Some("OPPONENT_5") => Ok(Some(PriceMatch::Opponent5)),
        Some("QUEUE") => Ok(Some(PriceMatch::Queue)),
        Some("QUEUE_5") => Ok(Some(PriceMatch::Queue5)),
        Some("QUEUE_10") => Ok(Some(PriceMatch::Queue10)),
        Some("QUEUE_20") => Ok(Some(PriceMatch::Queue20)),
        Some(_) => Err(Refusal::new(-5037, "Invalid price match.")),
    }
}

/// The date of an order, zero if it has none.
pub(super) fn good_till(terms: &OrderTerms) -> i64 {
    terms.good_till.map_or(0, Timestamp::millis)
}

/// The kind of a conditional order.
pub(super) const fn stop_kind(terms: &StopTerms) -> &'static str {
    match (terms.condition, terms.becomes) {
        (StopCondition::StopLoss, OrderKind::Limit { .. }) => "STOP",
        (StopCondition::StopLoss, OrderKind::Market) => "STOP_MARKET",
        (StopCondition::TakeProfit, OrderKind::Limit { .. }) => "TAKE_PROFIT",
        (StopCondition::TakeProfit, OrderKind::Market) => "TAKE_PROFIT_MARKET",
        (StopCondition::Trailing { .. }, OrderKind::Limit { .. } | OrderKind::Market) => {
            "TRAILING_STOP_MARKET"
        }
    }
}

pub(super) const fn working_type(price: WorkingPrice) -> &'static str {
    match price {
        WorkingPrice::Mark => "MARK_PRICE",
        WorkingPrice::Contract => "CONTRACT_PRICE",
    }
}

/// A callback rate in percent.
pub(super) fn percent(rate: Rate) -> String {
    padded(rate.units().saturating_mul(100), 1)
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
        OrderStatus::Unknown => "UNKNOWN",
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
        StopStatus::Unknown => "UNKNOWN",
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

/// Whether a symbol is open for trading.
pub(super) const fn trading_status(status: TradingStatus) -> &'static str {
    match status {
        TradingStatus::Trading => "TRADING",
        TradingStatus::PreSettle => "PRE_SETTLE",
        TradingStatus::Settling => "SETTLING",
        TradingStatus::Close => "CLOSE",
    }
}

/// Whether a symbol is open for trading, as the venue words it.
pub(super) fn parse_trading_status(text: &str) -> Option<TradingStatus> {
    use TradingStatus::{Close, PreSettle, Settling, Trading};
    [Trading, PreSettle, Settling, Close].into_iter().find(|one| trading_status(*one) == text)
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
        assert_eq!(
            padded_wide(-1_000_000_000_000_000_000_000_000_000, 2),
            "-10000000000000000000.00"
        );
        assert_eq!(padded_wide(123_456_780, 0), "1.2345678");
        assert_eq!((padded_wide(0, 0), padded_wide(5, 3)), ("0".into(), "0.00000005".into()));
        assert_eq!(as_double(70_000), "7.0E-4");
        assert_eq!(as_double(100_000), "0.001");
        assert_eq!(as_double(1_234_567_800_000_000), "1.2345678E7");
        assert_eq!((as_double(0), as_double(1_000_000_000)), ("0.0".into(), "10.0".into()));
        assert_eq!((places_of(10_000_000), places_of(100_000), places_of(100_000_000)), (1, 3, 0));
    }
}
