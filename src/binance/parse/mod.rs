//! Wire to domain, pure: the only place where the venue's spelling gets its meaning.
//!
//! Invariants: **1** no input makes it panic; **2** a value unknown to this version is never taken
//! for another: a status stays `Unknown`, a position is held whatever its side is called, and what
//! means nothing without it (an order's side) is an error, of which a list leaves out the row;
//! **3** prices and quantities of orders and fills are exact; averages, marks and money the venue
//! computed are rounded to 1e-8.

mod account;
mod conditional;
mod instrument;
mod margin;
mod market;
mod order;
mod unknown;
mod user_event;

use std::str::FromStr;

use thiserror::Error;

use super::wire::{self, Text};
use crate::domain::{Amount, ClientOrderId, DecimalError, Price, Quantity, Side, Symbol};

pub use account::{
    BalanceChange, PositionChange, parse_balances, parse_fee_rates, parse_fills, parse_position,
    parse_positions,
};
pub use conditional::{ChildOrder, ConditionalReport, parse_conditional};
pub use instrument::{
    ExchangeRules, RateLimitKind, RateLimitRule, parse_exchange_info, parse_rate_limit,
    parse_spot_exchange_info,
};
pub use margin::{
    AccountMargin, AssetMargin, LeverageBracket, PositionMargin, PositionRisk, is_isolated,
    parse_account_margin, parse_incomes, parse_leverage_brackets, parse_position_risks,
};
pub use market::{
    BestPrices, DayTicker, FundingRate, FundingTerms, Kline, LastPrice, OpenInterest, PremiumIndex,
    parse_aggregate_trades, parse_best_prices, parse_day_ticker, parse_depth, parse_funding_rate,
    parse_funding_terms, parse_klines, parse_last_price, parse_open_interest, parse_premium_index,
    parse_recent_trades,
};
pub use order::{Amended, parse_amendment, parse_order, parse_stop};
pub use unknown::parse_rows;
pub use user_event::{UserEvent, parse_user_events};

/// Why a message of the venue has no meaning here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseError {
    /// It is not the JSON the documentation promises.
    #[error("unreadable {what}: {detail}")]
    Json {
        /// Which payload.
        what: &'static str,
        /// Where and how it differs.
        detail: String,
    },
    /// A field holds a number or name that cannot be.
    #[error("field {field} of {what}: {detail}")]
    Field {
        /// Which payload.
        what: &'static str,
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// A field holds a value of an enumeration that this version does not know.
    #[error("field {field} holds {value:?}, which this version does not know")]
    UnknownValue {
        /// Which field.
        field: &'static str,
        /// The value, shortened.
        value: String,
    },
    /// The account is in hedge mode; this daemon trades in one-way mode.
    #[error("{0} is held in hedge mode; set the account to one-way mode")]
    HedgeMode(Symbol),
}

/// Reads JSON text as a wire struct.
///
/// # Errors
/// [`ParseError::Json`] with the place and kind of the difference, never with the text itself.
pub fn read_json<'a, T: serde::Deserialize<'a>>(
    what: &'static str,
    text: &'a str,
) -> Result<T, ParseError> {
    serde_json::from_str(text)
        .map_err(|error| ParseError::Json { what, detail: shorten(&error.to_string()) })
}

/// Input may be hostile: a message quotes at most this much of it, and nothing that a terminal
/// would obey.
pub(super) fn shorten(text: &str) -> String {
    let plain = |character: char| if character.is_control() { ' ' } else { character };
    text.chars().map(plain).take(120).collect()
}

pub(super) fn exact<T: FromStr<Err: std::fmt::Display>>(
    what: &'static str,
    field: &'static str,
    text: &str,
) -> Result<T, ParseError> {
    text.parse::<T>().map_err(|error| ParseError::Field {
        what,
        field,
        detail: shorten(&error.to_string()),
    })
}

fn exact_or_zero<T: FromStr<Err: std::fmt::Display> + Default>(
    what: &'static str,
    field: &'static str,
    text: &Text,
) -> Result<T, ParseError> {
    if text.as_str().is_empty() { Ok(T::default()) } else { exact(what, field, text.as_str()) }
}

fn rounded<T: FromStr<Err = DecimalError> + Default>(
    what: &'static str,
    field: &'static str,
    text: &Text,
) -> Result<T, ParseError> {
    if text.as_str().is_empty() {
        return Ok(T::default());
    }
    exact(what, field, &rounded_text(text.as_str()))
}

/// The text with at most eight decimal places: further ones are rounded half away from zero.
fn rounded_text(text: &str) -> String {
    let Some((whole, fraction)) = text.split_once('.') else { return text.to_owned() };
    let is_plain = fraction.len() > 8 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !is_plain {
        return text.to_owned();
    }
    let (kept, rest) = fraction.split_at(8);
    let truncated = format!("{whole}.{kept}");
    if rest.as_bytes()[0] < b'5' {
        return truncated;
    }
    let Ok(units) = crate::domain::decimal::parse_units(&truncated) else { return truncated };
    let away = if text.starts_with('-') { -1 } else { 1 };
    let mut text = String::new();
    match crate::domain::decimal::write_units(units.saturating_add(away), &mut text) {
        Ok(()) => text,
        Err(_) => truncated,
    }
}

fn symbol(what: &'static str, text: &str) -> Result<Symbol, ParseError> {
    exact(what, "symbol", text)
}

fn side(field: &'static str, side: &wire::Side) -> Result<Side, ParseError> {
    match side {
        wire::Side::Buy => Ok(Side::Buy),
        wire::Side::Sell => Ok(Side::Sell),
        wire::Side::Other(value) => Err(ParseError::UnknownValue { field, value: shorten(value) }),
    }
}

/// Our name for an order; a foreign name outside the venue's documented alphabet is replaced by
/// one made of the order's number, so that a foreign order cannot hide.
fn client_order_id(text: &str, order_id: u64) -> ClientOrderId {
    ClientOrderId::new(text)
        .or_else(|_| ClientOrderId::new(&format!("order:{order_id}")))
        .unwrap_or_else(|_| unreachable!("a number of at most 20 digits fits the alphabet"))
}

fn limit_price(what: &'static str, text: &Text) -> Result<Option<Price>, ParseError> {
    let price: Price = exact_or_zero(what, "price", text)?;
    Ok((!price.is_zero()).then_some(price))
}

/// The magnitude of a fee: on a REST row its sign is not agreed on (exchange-api.md 4.5).
fn fee_magnitude(fee: Amount) -> Amount {
    if fee < Amount::ZERO { -fee } else { fee }
}

/// The average price, where the message tells it and something is filled.
fn average_price(
    what: &'static str,
    text: Option<&Text>,
    filled: Quantity,
) -> Result<Option<Price>, ParseError> {
    let Some(text) = text else { return Ok(None) };
    let price: Price = rounded(what, "average price", text)?;
    Ok((!price.is_zero() && !filled.is_zero()).then_some(price))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_eight_places_are_rounded_half_away_from_zero() {
        for (text, rounded) in [
            ("6563.66500000123", "6563.66500000"),
            ("0.123456785", "0.12345679"),
            ("-0.123456785", "-0.12345679"),
            ("0.999999999", "1"),
            ("12", "12"),
            ("7.0E-4", "7.0E-4"),
            ("1.5", "1.5"),
        ] {
            assert_eq!(rounded_text(text), rounded, "{text}");
        }
    }

    #[test]
    fn a_foreign_name_outside_the_alphabet_does_not_hide_the_order() {
        assert_eq!(client_order_id("web_abc", 5).as_str(), "web_abc");
        assert_eq!(client_order_id("with blank", 5).as_str(), "order:5");
        assert_eq!(client_order_id("", u64::MAX).as_str(), "order:18446744073709551615");
    }
}
