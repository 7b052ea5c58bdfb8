//! The parameters of a request: query string and form body, read as the venue reads them.
//!
//! Does not judge signatures; it only says which bytes were signed (exchange-api.md 3.1).
//!
//! Invariants: **1** where a name is in both, the query wins; **2** a value is what was sent,
//! percent-decoded, never guessed; **3** the signed text is the bytes received, less the signature.

use std::collections::BTreeMap;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::domain::{Amount, ClientOrderId, Price, Quantity, Rate, Symbol, Timestamp};

use super::refusal::Refusal;

/// Names that every signed request may carry.
const OF_EVERY_REQUEST: [&str; 4] = ["recvWindow", "timestamp", "signature", "apiKey"];

/// The decoded parameters of one request.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    values: BTreeMap<String, String>,
    sent: usize,
}

impl Parameters {
    /// Reads query and body.
    pub(super) fn parse(query: &str, body: &str) -> Result<Self, Refusal> {
        let (query, body) = (decode(query)?, decode(body)?);
        let sent = query.len() + body.len();
        let mut values = body;
        values.extend(query);
        Ok(Self { values, sent })
    }

    /// Reads the members of a JSON object: text as it is, numbers and flags as they are written.
    pub(super) fn of_object(object: &Map<String, Value>) -> Result<Self, Refusal> {
        let values: Result<BTreeMap<String, String>, Refusal> = object
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| Ok((name.clone(), member_text(name, value)?)))
            .collect();
        let values = values?;
        Ok(Self { sent: values.len(), values })
    }

    /// The text that a call signs: every name and value but the signature, ordered by name, as
    /// they are (exchange-api.md 3.3).
    pub(super) fn signed_text(&self) -> String {
        let pairs: Vec<String> = self
            .values
            .iter()
            .filter(|(name, _)| *name != "signature")
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("&")
    }

    /// A list in JSON that must be there.
    pub(super) fn list(&self, name: &str) -> Result<Vec<Value>, Refusal> {
        serde_json::from_str(self.required(name)?).map_err(|_| Refusal::bad_value(name))
    }

    /// The span a question covers: not reversed, and no longer than so many milliseconds.
    pub(super) fn span(
        &self,
        widest_ms: i64,
    ) -> Result<(Option<Timestamp>, Option<Timestamp>), Refusal> {
        let (since, until) = (self.moment("startTime")?, self.moment("endTime")?);
        if let (Some(since), Some(until)) = (since, until) {
            if since > until {
                return Err(Refusal::reversed_times());
            }
            if until.millis().saturating_sub(since.millis()) > widest_ms {
                return Err(Refusal::interval_too_long());
            }
        }
        Ok((since, until))
    }

    /// A value; an empty one is refused.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self.values.get(name).map(String::as_str) {
            Some("") => Err(Refusal::empty(name)),
            found => Ok(found),
        }
    }

    /// A value that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        match self.values.get(name).map(String::as_str) {
            None | Some("") => Err(Refusal::mandatory(name)),
            Some(value) => Ok(value),
        }
    }

    /// The signature, wherever it is.
    pub(super) fn signature(&self) -> Result<&str, Refusal> {
        self.required("signature")
    }

    /// A whole number.
    pub(super) fn integer<T: FromStr>(&self, name: &str) -> Result<Option<T>, Refusal> {
        self.text(name)?
            .map(|text| text.parse().map_err(|_| Refusal::illegal(name, "^[0-9]{1,20}$")))
            .transpose()
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.text(name)? {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(Refusal::bad_value(name)),
        }
    }

    /// A price.
    pub(super) fn price(&self, name: &str) -> Result<Option<Price>, Refusal> {
        self.decimal(name)
    }

    /// A quantity.
    pub(super) fn quantity(&self, name: &str) -> Result<Option<Quantity>, Refusal> {
        self.decimal(name)
    }

    /// An amount of quote asset.
    pub(super) fn amount(&self, name: &str) -> Result<Option<Amount>, Refusal> {
        self.decimal(name)
    }

    /// A rate.
    pub(super) fn rate(&self, name: &str) -> Result<Option<Rate>, Refusal> {
        self.decimal(name)
    }

    /// A decimal text without an exponent: the venue writes them, but takes none (4.1).
    fn decimal<T>(&self, name: &str) -> Result<Option<T>, Refusal>
    where
        T: FromStr<Err = crate::domain::DecimalError>,
    {
        let parse = |text: &str| {
            if text.contains(['e', 'E']) {
                return Err(Refusal::illegal(name, r"^([0-9]{1,20})(\.[0-9]{1,20})?$"));
            }
            text.parse().map_err(|error: T::Err| Refusal::of_decimal(name, &error))
        };
        self.text(name)?.map(parse).transpose()
    }

    /// A symbol that must be there, whether or not it is listed.
    pub(super) fn symbol(&self) -> Result<Symbol, Refusal> {
        Symbol::new(self.required("symbol")?).map_err(|_| Refusal::bad_symbol())
    }

    /// A symbol, if one was sent.
    pub(super) fn optional_symbol(&self) -> Result<Option<Symbol>, Refusal> {
        self.text("symbol")?
            .map(|text| Symbol::new(text).map_err(|_| Refusal::bad_symbol()))
            .transpose()
    }

    /// A client's name for an order.
    pub(super) fn client_id(&self, name: &str) -> Result<Option<ClientOrderId>, Refusal> {
        self.text(name)?
            .map(|text| ClientOrderId::new(text).map_err(|_| Refusal::client_id()))
            .transpose()
    }

    /// A moment in milliseconds.
    pub(super) fn moment(&self, name: &str) -> Result<Option<Timestamp>, Refusal> {
        Ok(self.integer(name)?.map(Timestamp::from_millis))
    }

    /// A page size: `default` unless sent, refused outside 1 to `largest`.
    pub(super) fn limit(&self, default: usize, largest: usize) -> Result<usize, Refusal> {
        match self.integer("limit")? {
            None => Ok(default),
            Some(limit) if (1..=largest).contains(&limit) => Ok(limit),
            Some(_) => Err(Refusal::bad_value("limit")),
        }
    }

    /// Refuses parameters that the request's kind does not know.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        let is_known = |name: &&String| {
            known.contains(&name.as_str()) || OF_EVERY_REQUEST.contains(&name.as_str())
        };
        let read = self.values.keys().filter(is_known).count();
        if read == self.values.len() { Ok(()) } else { Err(Refusal::unread(read, self.sent)) }
    }
}

fn member_text(name: &str, value: &Value) -> Result<String, Refusal> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) | Value::Array(_) => Ok(value.to_string()),
        Value::Object(_) | Value::Null => Err(Refusal::bad_value(name)),
    }
}

/// The bytes that were signed: query and body without their `signature`.
pub(super) fn signed_parts(query: &str, body: &str) -> [String; 2] {
    [without_signature(query), without_signature(body)]
}

fn without_signature(text: &str) -> String {
    let kept: Vec<&str> = text.split('&').filter(|pair| !pair.starts_with("signature=")).collect();
    kept.join("&")
}

fn decode(text: &str) -> Result<BTreeMap<String, String>, Refusal> {
    let mut values = BTreeMap::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode_one(name)?;
        if values.insert(name, decode_one(value)?).is_some() {
            return Err(Refusal::duplicate_parameter());
        }
    }
    Ok(values)
}

fn decode_one(text: &str) -> Result<String, Refusal> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Refusal::new(-1100, "Illegal characters found in a parameter."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<T: std::fmt::Debug>(result: Result<T, Refusal>) -> i32 {
        result.unwrap_err().code
    }

    #[test]
    fn invariant_1_the_query_wins_over_the_body() {
        let found = Parameters::parse("side=BUY", "side=SELL&symbol=BTCUSDT").unwrap();
        assert_eq!(found.required("side"), Ok("BUY"));
        assert_eq!(found.required("symbol"), Ok("BTCUSDT"));
    }

    #[test]
    fn each_fault_of_a_parameter_has_its_code() {
        let found = Parameters::parse("a=&b=x&c=2&price=1.x&quantity=0.000000001", "").unwrap();
        assert_eq!(code(found.text("a")), -1105);
        assert_eq!(code(found.required("a")), -1102);
        assert_eq!(code(found.required("z")), -1102);
        assert_eq!(code(found.integer::<u64>("b")), -1100);
        assert_eq!(code(found.flag("b")), -1130);
        assert_eq!(code(found.price("price")), -1100);
        assert_eq!(code(found.quantity("quantity")), -1111);
        assert_eq!(code(found.only(&["a", "b", "c"])), -1104);
        assert_eq!(code(Parameters::parse("a=1&a=2", "")), -1101);
        assert_eq!(code(Parameters::parse("limit=0", "").unwrap().limit(500, 1000)), -1130);
    }

    #[test]
    fn invariant_3_the_signed_text_is_what_was_received_less_the_signature() {
        let parts = signed_parts("a=1&b=%20&signature=ff", "c=2");
        assert_eq!(parts, ["a=1&b=%20".to_owned(), "c=2".to_owned()]);
        let parts = signed_parts("a=1", "c=2&signature=ff");
        assert_eq!(parts.concat(), "a=1c=2", "no & between them");
    }
}
