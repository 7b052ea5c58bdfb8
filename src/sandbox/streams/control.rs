//! Control messages of a socket: SUBSCRIBE and its kin (exchange-api.md 2.5).

use serde::Deserialize;
use serde_json::{Value, json};

/// What a client asks of its socket.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Control {
    Subscribe(Vec<String>),
    Unsubscribe(Vec<String>),
    List,
    SetWrapped(bool),
    IsWrapped,
}

/// A control message and the id its answer must carry.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) id: Value,
    pub(super) control: Control,
}

#[derive(Deserialize)]
struct Wire {
    method: String,
    #[serde(default)]
    params: Vec<Value>,
    #[serde(default)]
    id: Value,
}

/// Reads a control message; what cannot be read is answered with the error given.
pub(super) fn parse(text: &str) -> Result<Message, String> {
    let wire: Wire = serde_json::from_str(text)
        .map_err(|error| refused(&Value::Null, 3, &format!("Invalid JSON: {error}")))?;
    let names = || -> Vec<String> {
        wire.params.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect()
    };
    let control = match (wire.method.as_str(), wire.params.as_slice()) {
        ("SUBSCRIBE", _) => Control::Subscribe(names()),
        ("UNSUBSCRIBE", _) => Control::Unsubscribe(names()),
        ("LIST_SUBSCRIPTIONS", _) => Control::List,
        ("SET_PROPERTY", [Value::String(name), Value::Bool(on)]) if name == "combined" => {
            Control::SetWrapped(*on)
        }
        ("GET_PROPERTY", [Value::String(name)]) if name == "combined" => Control::IsWrapped,
        ("SET_PROPERTY" | "GET_PROPERTY", _) => {
            return Err(refused(&wire.id, 0, "Unknown property"));
        }
        (unknown, _) => {
            let message = format!(
                "Invalid request: unknown variant `{unknown}`, expected one of `SUBSCRIBE`, \
                 `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`"
            );
            return Err(refused(&wire.id, 2, &message));
        }
    };
    Ok(Message { id: wire.id, control })
}

/// The answer to a control message.
pub(super) fn result(id: &Value, result: &Value) -> String {
    json!({ "result": result, "id": id }).to_string()
}

/// The answer to a control message that is not obeyed.
pub(super) fn refused(id: &Value, code: u8, message: &str) -> String {
    json!({ "error": { "code": code, "msg": message }, "id": id }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_method_is_refused_with_its_id() {
        let reply = parse(r#"{"method":"NOT_A_METHOD","id":4}"#).unwrap_err();
        let reply: Value = serde_json::from_str(&reply).unwrap();
        assert_eq!((&reply["error"]["code"], &reply["id"]), (&json!(2), &json!(4)));
        assert!(parse("not json").unwrap_err().contains("Invalid JSON"));
    }

    #[test]
    fn wrapping_is_a_property() {
        let text = r#"{"method":"SET_PROPERTY","params":["combined",true],"id":4}"#;
        assert_eq!(parse(text).unwrap().control, Control::SetWrapped(true));
    }
}
