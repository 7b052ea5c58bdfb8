//! How the venue spells single values: numbers as text, text as numbers, `null` for nothing.
//!
//! Invariants: **1** reading never fails because a value changed its spelling, unless the new one
//! cannot be read exactly; **2** a value of an enumeration that this code does not know is kept as
//! it came (`Other`), never taken for another.

use serde::de::{Deserialize, Deserializer, Visitor};

/// Bare numbers with a point pass through a float. Below this, 2^26, floats lie closer than 1e-8,
/// so that the shortest text of one is what was sent; above, several prices share one float.
const EXACT_BELOW: f64 = 67_108_864.0;

/// A scalar as its text: JSON text, a number, `true`, or the empty text for `null`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text(pub String);

impl Text {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The whole number the text spells, if it does.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// Whether the text says yes.
    #[must_use]
    pub fn is_true(&self) -> bool {
        self.0.eq_ignore_ascii_case("true")
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(TextVisitor).map(Self)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = String;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("text, a number, true, false or null")
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_bool<E>(self, value: bool) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_i64<E>(self, value: i64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_u64<E>(self, value: u64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<String, E> {
        if value.abs() < EXACT_BELOW {
            return Ok(value.to_string());
        }
        Err(E::custom("a bare number too large to be exact to 1e-8; the venue spells it as text"))
    }

    fn visit_unit<E>(self) -> Result<String, E> {
        Ok(String::new())
    }

    fn visit_none<E>(self) -> Result<String, E> {
        Ok(String::new())
    }

    fn visit_some<D: Deserializer<'de>>(self, source: D) -> Result<String, D::Error> {
        source.deserialize_any(self)
    }
}

/// Defines an enumeration of the venue that may grow: an unknown value is kept as `Other`.
macro_rules! open_enumeration {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A value this code does not know, as it came.
            Other(String),
        }

        impl $name {
            /// The value as the venue spells it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                match text.as_str() {
                    $($text => Self::$variant,)+
                    _ => Self::Other(text),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                <$crate::binance::wire::Text as serde::Deserialize>::deserialize(source)
                    .map(|text| Self::from(text.0))
            }
        }
    };
}
pub(super) use open_enumeration;

open_enumeration! {
    /// `status` of an order (exchange-api.md 4.4).
    OrderStatus {
        /// Working, nothing filled.
        New = "NEW",
        /// Working, part filled.
        PartiallyFilled = "PARTIALLY_FILLED",
        /// Wholly filled.
        Filled = "FILLED",
        /// Cancelled.
        Canceled = "CANCELED",
        /// Refused by the matching engine.
        Rejected = "REJECTED",
        /// Ended by its own terms or by the venue.
        Expired = "EXPIRED",
        /// Ended by self-trade prevention.
        ExpiredInMatch = "EXPIRED_IN_MATCH",
    }
}

open_enumeration! {
    /// `algoStatus` of a conditional order (exchange-api.md 4.6).
    AlgoStatus {
        /// Waiting for its trigger.
        New = "NEW",
        /// The trigger was touched.
        Triggering = "TRIGGERING",
        /// Its order is in the matching engine.
        Triggered = "TRIGGERED",
        /// Its order is filled or cancelled.
        Finished = "FINISHED",
        /// Cancelled before its trigger.
        Canceled = "CANCELED",
        /// Ended by the venue before its trigger.
        Expired = "EXPIRED",
        /// Its order was refused.
        Rejected = "REJECTED",
    }
}

open_enumeration! {
    /// `orderType` of a conditional order (exchange-api.md 4.6).
    ConditionalType {
        /// A limit order once the price has fallen or risen to the trigger against the position.
        Stop = "STOP",
        /// A market order, as [`Stop`](Self::Stop).
        StopMarket = "STOP_MARKET",
        /// A limit order once the price has come to the trigger in the position's favour.
        TakeProfit = "TAKE_PROFIT",
        /// A market order, as [`TakeProfit`](Self::TakeProfit).
        TakeProfitMarket = "TAKE_PROFIT_MARKET",
        /// A market order once the price has turned by a distance from its best.
        TrailingStopMarket = "TRAILING_STOP_MARKET",
    }
}

open_enumeration! {
    /// `side` of an order or trade.
    Side {
        /// Buys.
        Buy = "BUY",
        /// Sells.
        Sell = "SELL",
    }
}

open_enumeration! {
    /// `positionSide`: `BOTH` is the one-way mode, the others are the hedge mode.
    PositionSide {
        /// One-way mode.
        Both = "BOTH",
        /// The long position of the hedge mode.
        Long = "LONG",
        /// The short position of the hedge mode.
        Short = "SHORT",
    }
}

open_enumeration! {
    /// `x` of `ORDER_TRADE_UPDATE`: what happened to the order (exchange-api.md 5.2).
    ExecutionType {
        /// It was accepted.
        New = "NEW",
        /// It was cancelled.
        Canceled = "CANCELED",
        /// A liquidation or auto-deleveraging executed.
        Calculated = "CALCULATED",
        /// It ended by its own terms or by the venue.
        Expired = "EXPIRED",
        /// It traded.
        Trade = "TRADE",
        /// It was modified.
        Amendment = "AMENDMENT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_reads_in_every_spelling() {
        for (json, text) in [
            ("\"7.0E-4\"", "7.0E-4"),
            ("200", "200"),
            ("-2013", "-2013"),
            ("null", ""),
            ("true", "true"),
            ("0.0065", "0.0065"),
            ("18446744073709551615", "18446744073709551615"),
        ] {
            assert_eq!(serde_json::from_str::<Text>(json).unwrap().as_str(), text);
        }
        assert!(serde_json::from_str::<Text>("[]").is_err());
    }

    #[test]
    fn a_bare_number_is_exact_or_refused() {
        let text = serde_json::from_str::<Text>("67108863.99999999").unwrap();
        assert_eq!(text.as_str(), "67108863.99999999");
        for json in ["12345678901.12345678", "90000000000.00000001", "-67108864.5"] {
            let error = serde_json::from_str::<Text>(json).unwrap_err().to_string();
            assert!(error.contains("too large to be exact"), "{error}");
        }
    }

    #[test]
    fn invariant_2_an_unknown_status_stays_unknown() {
        let status: OrderStatus = serde_json::from_str("\"FILLED_TWICE\"").unwrap();
        assert_eq!(status, OrderStatus::Other("FILLED_TWICE".into()));
        assert_eq!(status.as_str(), "FILLED_TWICE");
        assert_eq!(serde_json::from_str::<OrderStatus>("\"NEW\"").unwrap(), OrderStatus::New);
    }
}
