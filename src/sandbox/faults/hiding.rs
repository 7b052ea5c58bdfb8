//! Young orders taken out of an answer: what is asked is a copy that lags behind.

use serde::Deserialize;
use serde_json::value::RawValue;

/// An answer after hiding.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Hidden {
    /// Nothing in it is young.
    Nothing,
    /// The one order it is about.
    All,
    /// Some of its rows; this is the body without them.
    Rows(String),
}

/// When an order was accepted: `time` of ordinary ones, `createTime` of conditional ones.
#[derive(Deserialize)]
struct Accepted {
    #[serde(alias = "createTime")]
    time: i64,
}

fn is_young(order: &RawValue, since_ms: i64) -> bool {
    serde_json::from_str::<Accepted>(order.get()).is_ok_and(|accepted| accepted.time > since_ms)
}

/// Hides what was accepted after `since_ms` from an answer that is one order or a list of them.
pub(super) fn hide(body: &str, since_ms: i64) -> Hidden {
    if let Ok(rows) = serde_json::from_str::<Vec<&RawValue>>(body) {
        let kept: Vec<&RawValue> =
            rows.iter().copied().filter(|row| !is_young(row, since_ms)).collect();
        if kept.len() == rows.len() {
            return Hidden::Nothing;
        }
        return serde_json::to_string(&kept).map_or(Hidden::Nothing, Hidden::Rows);
    }
    match serde_json::from_str::<&RawValue>(body) {
        Ok(order) if is_young(order, since_ms) => Hidden::All,
        Ok(_) | Err(_) => Hidden::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_young_are_hidden() {
        assert_eq!(hide(r#"{"orderId":1,"time":5}"#, 5), Hidden::Nothing);
        assert_eq!(hide(r#"{"algoId":1,"createTime":6}"#, 5), Hidden::All);
        let list = r#"[{"time":5,"a":1},{"time":6}]"#;
        assert_eq!(hide(list, 5), Hidden::Rows(r#"[{"time":5,"a":1}]"#.to_owned()));
        assert_eq!(hide("[]", 5), Hidden::Nothing);
        assert_eq!(hide("{}", 5), Hidden::Nothing);
    }
}
