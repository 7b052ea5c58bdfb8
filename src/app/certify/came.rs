//! What came back, and how to ask it for what the specification promises.

use std::str::FromStr;

use serde_json::Value;

use super::case::{Shortfall, ensure};
use super::evidence::Expectation;

/// An answer of the venue.
#[derive(Debug, Clone)]
pub(super) struct Came {
    pub(super) status: u16,
    pub(super) counters: Vec<(String, String)>,
    pub(super) body: Value,
    pub(super) expectation: Expectation,
}

impl Came {
    /// The body of an answer that must be a success.
    pub(super) fn accepted(self) -> Result<Value, Shortfall> {
        self.expectation.is("success: status 200");
        ensure(self.status == 200, || format!("wanted success, came {}", self.summary()))?;
        Ok(self.body)
    }

    /// Holds if the answer is a refusal with one of these codes; says which.
    pub(super) fn refused(&self, codes: &[i64]) -> Result<i64, Shortfall> {
        let wanted = format!("a refusal with code {}", one_of(codes));
        self.expectation.is(wanted.clone());
        let code = self.code().filter(|code| self.status >= 400 && codes.contains(code));
        code.ok_or_else(|| Shortfall(format!("wanted {wanted}, came {}", self.summary())))
    }

    /// Holds if the venue itself refused the request as ours to mend, whatever its code; says which.
    /// An overload or a proxy's page teaches nothing about the request.
    pub(super) fn refused_somehow(&self) -> Result<i64, Shortfall> {
        const WANTED: &str = "a refusal with a code of the venue";
        self.expectation.is(WANTED);
        let is_ours = (400..500).contains(&self.status);
        let code = self.code().filter(|code| is_ours && *code < 0);
        code.ok_or_else(|| Shortfall(format!("wanted {WANTED}, came {}", self.summary())))
    }

    /// The venue's code, if the body has one.
    pub(super) fn code(&self) -> Option<i64> {
        let code = &self.body["code"];
        code.as_i64().or_else(|| code.as_str()?.parse().ok())
    }

    /// A counter of the answer's head.
    pub(super) fn counter(&self, name: &str) -> Result<u64, Shortfall> {
        let found = self.counters.iter().find(|(found, _)| found == name);
        let number = found.and_then(|(_, value)| value.parse().ok());
        number.ok_or_else(|| Shortfall(format!("the answer has no header {name} with a number")))
    }

    fn summary(&self) -> String {
        format!("{} {}", self.status, shorten(&self.body.to_string()))
    }
}

/// Codes as people read them: `-1 or -2`.
fn one_of(codes: &[i64]) -> String {
    codes.iter().map(i64::to_string).collect::<Vec<_>>().join(" or ")
}

/// The first of a list that must not be empty.
pub(super) fn first(value: &Value) -> Result<&Value, Shortfall> {
    rows(value)?.first().ok_or_else(|| Shortfall("the list is empty".to_owned()))
}

/// The rows of what must be a list.
pub(super) fn rows(value: &Value) -> Result<&[Value], Shortfall> {
    let rows = value.as_array().map(Vec::as_slice);
    rows.ok_or_else(|| Shortfall(format!("wanted a list, came {}", shorten(&value.to_string()))))
}

/// Holds if every field is there.
pub(super) fn has(value: &Value, fields: &[&str]) -> Result<(), Shortfall> {
    let missing: Vec<&&str> = fields.iter().filter(|name| value.get(**name).is_none()).collect();
    ensure(missing.is_empty(), || {
        format!("fields {missing:?} are missing in {}", shorten(&value.to_string()))
    })
}

/// A field that must be a decimal text.
pub(super) fn decimal<T: FromStr>(value: &Value, name: &str) -> Result<T, Shortfall> {
    let text = value[name].as_str().and_then(|text| text.parse().ok());
    text.ok_or_else(|| Shortfall(format!("{name} is no decimal text but {}", value[name])))
}

/// A field that must be a whole number.
pub(super) fn integer(value: &Value, name: &str) -> Result<i64, Shortfall> {
    let number = value[name].as_i64();
    number.ok_or_else(|| Shortfall(format!("{name} is no whole number but {}", value[name])))
}

/// A field that must be a text.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, Shortfall> {
    let text = value[name].as_str();
    text.ok_or_else(|| Shortfall(format!("{name} is no text but {}", value[name])))
}

/// Holds if a field is this text.
pub(super) fn is(value: &Value, name: &str, wanted: &str) -> Result<(), Shortfall> {
    let found = text(value, name)?;
    ensure(found == wanted, || format!("{name} should be {wanted}, is {found}"))
}

/// A text short enough to be read in a report.
pub(super) fn shorten(text: &str) -> String {
    const MOST: usize = 700;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    let kept: String = text.chars().take(MOST).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn came(status: u16, body: Value) -> Came {
        Came {
            status,
            counters: vec![("x-mbx-used-weight-1m".into(), "7".into())],
            body,
            expectation: Expectation::default(),
        }
    }

    #[test]
    fn a_refusal_must_have_the_code_and_a_success_none() {
        let refusal = came(400, json!({ "code": -1121, "msg": "Invalid symbol." }));
        assert_eq!(refusal.refused(&[-1121]), Ok(-1121));
        assert!(refusal.refused(&[-1102]).is_err());
        assert!(refusal.clone().accepted().unwrap_err().0.contains("-1121"));
        let success = came(200, json!({ "code": "200" }));
        assert!(success.refused(&[200]).is_err(), "a success is no refusal");
        assert_eq!(refusal.refused_somehow(), Ok(-1121));
        let overload = came(503, json!({ "code": 0, "msg": "Service Unavailable." }));
        assert!(overload.refused_somehow().is_err(), "an overload says nothing of the request");
        assert_eq!(success.counter("x-mbx-used-weight-1m"), Ok(7));
        assert!(success.counter("retry-after").is_err());
    }

    #[test]
    fn fields_are_asked_for_by_their_kind() {
        let value = json!({ "price": "12.5", "id": 7, "status": "NEW", "n": 1.5 });
        assert_eq!(decimal::<crate::domain::Price>(&value, "price").unwrap().to_string(), "12.5");
        assert!(decimal::<crate::domain::Price>(&value, "n").is_err(), "a number is no text");
        assert_eq!(integer(&value, "id"), Ok(7));
        assert!(integer(&value, "n").is_err());
        assert!(is(&value, "status", "NEW").is_ok() && is(&value, "status", "FILLED").is_err());
        assert!(has(&value, &["price", "id"]).is_ok());
        assert!(has(&value, &["price", "side"]).unwrap_err().0.contains("side"));
    }
}
