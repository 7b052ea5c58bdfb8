//! Who may ask, and as whom: API key, signature, and the window around the request's timestamp.
//!
//! Knows no endpoint and counts nothing. Order of judgement: key, what must be there, timestamp,
//! signature (exchange-api.md 3.1).

use std::collections::BTreeMap;

use crate::domain::Timestamp;
use crate::sign::{Secret, Signer};
use crate::sim::AccountId;

use super::parameters::{Parameters, signed_parts};
use super::refusal::Refusal;
use super::rest::Request;

/// How far ahead of the server a timestamp may be, exclusive.
const AHEAD_MS: i64 = 1_000;

/// The window where the request names none.
const DEFAULT_WINDOW_MS: i64 = 5_000;

/// The widest window.
const WIDEST_WINDOW_MS: i64 = 60_000;

/// What an endpoint asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    /// Nothing.
    Public,
    /// The API key.
    Key,
    /// The API key, a timestamp and a signature.
    Signed,
}

/// Lets requests of accounts in.
#[derive(Debug, Default)]
pub(super) struct Gate {
    keys: BTreeMap<String, Holder>,
}

/// Whose a key is, and what its requests are signed with.
#[derive(Debug)]
struct Holder {
    account: AccountId,
    signer: Signer,
}

impl Gate {
    /// Lets an account in by its key.
    pub(super) fn register(&mut self, account: AccountId, api_key: String, api_secret: &Secret) {
        self.keys.insert(api_key, Holder { account, signer: Signer::new(api_secret) });
    }

    /// Passes a request, and says whose it is unless it may be anyone's; or says why not.
    pub(super) fn admit(
        &self,
        now: Timestamp,
        security: Security,
        request: &Request,
        parameters: &Parameters,
    ) -> Result<Option<AccountId>, Refusal> {
        if security == Security::Public {
            return Ok(None);
        }
        let holder = self.holder(request.api_key.as_deref())?;
        if security == Security::Signed {
            check_time(now, parameters)?;
            holder.check_signature(request, parameters)?;
        }
        Ok(Some(holder.account))
    }

    /// Passes a call of the WebSocket API, whose key and signature are among its parameters.
    pub(super) fn admit_call(
        &self,
        now: Timestamp,
        security: Security,
        parameters: &Parameters,
    ) -> Result<Option<AccountId>, Refusal> {
        if security == Security::Public {
            return Ok(None);
        }
        let holder = self.holder(parameters.text("apiKey")?)?;
        if security == Security::Signed {
            check_time(now, parameters)?;
            let text = parameters.signed_text();
            holder.verify(&[text.as_bytes()], parameters.signature()?)?;
        }
        Ok(Some(holder.account))
    }

    /// Whose a key is.
    pub(super) fn account(&self, key: &str) -> Option<AccountId> {
        self.keys.get(key).map(|holder| holder.account)
    }

    fn holder(&self, key: Option<&str>) -> Result<&Holder, Refusal> {
        match key {
            None => Err(Refusal::key_format()),
            Some(key)
                if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
            {
                Err(Refusal::key_format())
            }
            Some(key) => self.keys.get(key).ok_or_else(Refusal::unknown_key),
        }
    }
}

impl Holder {
    fn check_signature(&self, request: &Request, parameters: &Parameters) -> Result<(), Refusal> {
        let signature = parameters.signature()?;
        let [query, body] = signed_parts(&request.query, &request.body);
        self.verify(&[query.as_bytes(), body.as_bytes()], signature)
    }

    fn verify(&self, signed: &[&[u8]], signature: &str) -> Result<(), Refusal> {
        if self.signer.verify(signed, signature) { Ok(()) } else { Err(Refusal::bad_signature()) }
    }
}

fn check_time(now: Timestamp, parameters: &Parameters) -> Result<(), Refusal> {
    let sent: i64 =
        parameters.integer("timestamp")?.ok_or_else(|| Refusal::mandatory("timestamp"))?;
    let window = match parameters.integer("recvWindow")? {
        None => DEFAULT_WINDOW_MS,
        Some(window) if (0..=WIDEST_WINDOW_MS).contains(&window) => window,
        Some(_) => return Err(Refusal::bad_value("recvWindow")),
    };
    if sent >= now.millis() + AHEAD_MS {
        return Err(Refusal::timestamp_ahead());
    }
    if now.millis().saturating_sub(sent) > window {
        return Err(Refusal::outside_window());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn gate() -> Gate {
        let mut gate = Gate::default();
        gate.register(AccountId(0), "key1".to_owned(), &Secret::new("secret".to_owned()));
        gate.register(AccountId(7), "key7".to_owned(), &Secret::new("other".to_owned()));
        gate
    }

    fn ask(query: &str, body: &str, key: Option<&str>) -> Result<Option<AccountId>, Refusal> {
        let parameters = Parameters::parse(query, body)?;
        let request = Request {
            query: query.to_owned(),
            body: body.to_owned(),
            api_key: key.map(ToOwned::to_owned),
            ..Request::default()
        };
        gate().admit(Timestamp::from_millis(NOW), Security::Signed, &request, &parameters)
    }

    fn signed(query: &str) -> String {
        let signature = Signer::new(&Secret::new("secret".to_owned())).sign(query);
        format!("{query}&signature={signature}")
    }

    fn code_at(offset: i64, window: &str) -> Option<i32> {
        let query = signed(&format!("timestamp={}{window}", NOW + offset));
        ask(&query, "", Some("key1")).err().map(|refusal| refusal.code)
    }

    #[test]
    fn the_window_is_that_of_the_venue_to_the_millisecond() {
        assert_eq!(code_at(999, ""), None);
        assert_eq!(code_at(1_000, ""), Some(-1021));
        assert_eq!(code_at(-5_000, ""), None);
        assert_eq!(code_at(-5_001, ""), Some(-1021));
        assert_eq!(code_at(-60_000, "&recvWindow=60000"), None);
        assert_eq!(code_at(0, "&recvWindow=60001"), Some(-1130));
    }

    #[test]
    fn query_and_body_are_signed_one_after_the_other() {
        let (query, body) = ("symbol=BTCUSDT", format!("timestamp={NOW}"));
        let signature =
            Signer::new(&Secret::new("secret".to_owned())).sign(&format!("{query}{body}"));
        assert_eq!(
            ask(query, &format!("{body}&signature={signature}"), Some("key1")),
            Ok(Some(AccountId(0)))
        );
    }

    #[test]
    fn a_call_signs_its_parameters_sorted_and_as_they_are() {
        let text = format!("apiKey=key1&symbol=１２３&timestamp={NOW}");
        let signature = Signer::new(&Secret::new("secret".to_owned())).sign(&text);
        let call = |signature: &str| {
            let params = serde_json::json!({
                "timestamp": NOW, "symbol": "１２３", "signature": signature, "apiKey": "key1",
            });
            let parameters = Parameters::of_object(params.as_object().unwrap()).unwrap();
            gate().admit_call(Timestamp::from_millis(NOW), Security::Signed, &parameters)
        };
        assert_eq!(call(&signature), Ok(Some(AccountId(0))));
        assert_eq!(call(&signature.replace('a', "b")).unwrap_err().code, -1022);
    }

    #[test]
    fn a_wrong_key_or_signature_has_its_code() {
        let query = signed(&format!("timestamp={NOW}"));
        let code = |query: &str, key| ask(query, "", key).unwrap_err().code;
        assert_eq!(code(&query, None), -2014);
        assert_eq!(code(&query, Some("bad key")), -2014);
        assert_eq!(code(&query, Some("key2")), -2015);
        assert_eq!(code(&query, Some("key7")), -1022, "signed with another account's secret");
        assert_eq!(code(&format!("timestamp={NOW}"), Some("key1")), -1102);
        assert_eq!(code(&query.replace("signature=", "signature=0"), Some("key1")), -1022);
        assert_eq!(code(&format!("{query}&a=1"), Some("key1")), -1022, "all bytes are signed");
    }
}
