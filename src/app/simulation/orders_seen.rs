//! The client ids of orders in what leaves for the exchange.

use crate::binance::HttpRequest;

/// Where a request names the order it places.
const NAMES: [&str; 2] = ["newClientOrderId=", "clientAlgoId="];

/// The order that a request places, by our name for it.
pub(super) fn order_in_request(request: &HttpRequest) -> Option<String> {
    if request.method != "POST" {
        return None;
    }
    let named = |parameter: &str| {
        NAMES.iter().find_map(|name| parameter.strip_prefix(name)).map(ToOwned::to_owned)
    };
    request.query.split('&').find_map(named)
}

/// The order that a message of the order socket places, by our name for it.
pub(super) fn order_in_message(text: &str) -> Option<String> {
    if !text.contains(".place\"") {
        return None;
    }
    ["\"newClientOrderId\":\"", "\"clientAlgoId\":\""].iter().find_map(|name| {
        let (_, rest) = text.split_once(name)?;
        rest.split('"').next().map(ToOwned::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, query: &str) -> HttpRequest {
        HttpRequest {
            method: method.to_owned(),
            path: "/fapi/v1/order".to_owned(),
            query: query.to_owned(),
            api_key: None,
            body: String::new(),
        }
    }

    #[test]
    fn an_order_is_named_by_the_request_that_places_it() {
        let placing = request("POST", "symbol=X&newClientOrderId=lobd-1&timestamp=5");
        assert_eq!(order_in_request(&placing).as_deref(), Some("lobd-1"));
        let stop = request("POST", "clientAlgoId=lobd-2");
        assert_eq!(order_in_request(&stop).as_deref(), Some("lobd-2"));
        assert_eq!(order_in_request(&request("DELETE", "newClientOrderId=x")), None);
        assert_eq!(order_in_request(&request("POST", "symbol=X")), None);
    }

    #[test]
    fn an_order_is_named_by_the_message_that_places_it() {
        let placing = r#"{"id":1,"method":"order.place","params":{"newClientOrderId":"lobd-1"}}"#;
        assert_eq!(order_in_message(placing).as_deref(), Some("lobd-1"));
        let stop = r#"{"method":"algoOrder.place","params":{"clientAlgoId":"lobd-2","x":1}}"#;
        assert_eq!(order_in_message(stop).as_deref(), Some("lobd-2"));
        assert_eq!(order_in_message(&placing.replace("place", "cancel")), None);
    }
}
