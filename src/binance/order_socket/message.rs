//! One request as it goes out: its parameters sorted and signed, its JSON. Pure.
//!
//! Here the signed text is not percent-encoded, unlike REST's (exchange-api.md 3.3).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::binance::request::Request;
use crate::binance::rest::Identity;
use crate::domain::Timestamp;
use crate::sign::Signer;

/// Parameters that are numbers in JSON; all others are text.
const NUMBERS: [&str; 4] = ["goodTillDate", "modifyId", "recvWindow", "timestamp"];

/// A request's parameters by name, the signature among them: to be shown to nobody.
pub(super) struct Parameters(BTreeMap<&'static str, String>);

impl std::fmt::Debug for Parameters {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Parameters(***)")
    }
}

#[derive(Serialize)]
struct Message<'a> {
    id: &'a str,
    method: &'a str,
    params: BTreeMap<&'a str, Value<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Value<'a> {
    Number(i64),
    Text(&'a str),
}

/// The parameters of a request with key, time and signature. `now` is the venue's time.
pub(super) fn signed_parameters(
    request: &Request,
    now: Timestamp,
    receive_window: Duration,
    identity: &Identity,
) -> Parameters {
    let mut parameters: BTreeMap<&'static str, String> =
        request.parameters().iter().cloned().collect();
    parameters.insert("apiKey", identity.api_key.expose().to_owned());
    parameters.insert("recvWindow", receive_window.as_millis().to_string());
    parameters.insert("timestamp", now.millis().to_string());
    sign(parameters, &identity.signer)
}

fn sign(mut parameters: BTreeMap<&'static str, String>, signer: &Signer) -> Parameters {
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    parameters.insert("signature", signer.sign(&pairs.join("&")));
    Parameters(parameters)
}

/// The JSON of a request.
pub(super) fn json(id: u64, method: &str, Parameters(parameters): &Parameters) -> String {
    let value = |name: &str, text: &'_ str| match text.parse() {
        Ok(number) if NUMBERS.contains(&name) => Some(number),
        Ok(_) | Err(_) => None,
    };
    let params = parameters
        .iter()
        .map(|(name, text)| (*name, value(name, text).map_or(Value::Text(text), Value::Number)))
        .collect();
    let message = Message { id: &id.to_string(), method, params };
    serde_json::to_string(&message).unwrap_or_else(|_| unreachable!("texts and numbers are JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Credentials;
    use crate::sign::Secret;

    const KEY: &str = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A";
    const SECRET: &str = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";

    fn identity() -> Identity {
        let [api_key, api_secret] = [KEY, SECRET].map(|text| Secret::new(text.to_owned()));
        Identity::new(&Credentials { api_key, api_secret }).unwrap()
    }

    fn signature(symbol: &str, price: &str, quantity: &str, window: u64, side: &str) -> String {
        let request = Request::place("/fapi/v1/order", false)
            .with("symbol", symbol)
            .with("side", side)
            .with("type", "LIMIT")
            .with("timeInForce", "GTC")
            .with("quantity", quantity)
            .with("price", price);
        let now = Timestamp::from_millis(1_645_423_376_532);
        let window = Duration::from_millis(window);
        let Parameters(signed) = signed_parameters(&request, now, window, &identity());
        signed["signature"].clone()
    }

    /// W1 and W2 of exchange-api.md 3.2.
    #[test]
    fn the_documentations_examples_are_signed_as_published() {
        assert_eq!(
            signature("BTCUSDT", "52000.00", "0.01000000", 100, "SELL"),
            "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"
        );
        assert_eq!(
            signature("１２３４５６", "0.10000000", "1.00000000", 5_000, "BUY"),
            "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd"
        );
    }

    #[test]
    fn a_message_says_numbers_as_numbers_and_shows_nothing_of_itself() {
        let request = Request::account("/fapi/v1/order", 1).with("symbol", "1INCHUSDT");
        let now = Timestamp::from_millis(7);
        let signed = signed_parameters(&request, now, Duration::from_secs(5), &identity());
        let text = json(3, "order.status", &signed);
        let expected = format!(
            r#"{{"id":"3","method":"order.status","params":{{"apiKey":"{KEY}","recvWindow":5000,"signature":""#
        );
        assert!(text.starts_with(&expected), "{text}");
        assert!(text.ends_with(r#"","symbol":"1INCHUSDT","timestamp":7}}"#), "{text}");
        assert_eq!(format!("{signed:?}"), "Parameters(***)");
    }
}
