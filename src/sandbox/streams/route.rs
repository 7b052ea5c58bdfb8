//! Where a socket was opened and what its address asks for (exchange-api.md 1.2).
//!
//! The route decides which streams are delivered, `/ws` or `/stream` whether they are wrapped.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;

/// Where a socket belongs. An address without a route is served like `/public`, as at the venue;
/// the spot market, which has hosts of its own there and no routes, is found under `/spot`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sandbox) enum Route {
    /// Books.
    Public,
    /// Trades and mark prices.
    Market,
    /// The account.
    Private,
    /// Books, trades and candles of the spot market.
    Spot,
    /// No streams: the WebSocket API.
    Calls,
}

impl Route {
    /// Those that carry streams.
    pub(in crate::sandbox) const OF_STREAMS: [Self; 4] =
        [Self::Public, Self::Market, Self::Private, Self::Spot];
}

/// Where the WebSocket API is.
const CALLS_PATH: &str = "/ws-fapi/v1";

/// What a socket's address asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) struct Address {
    pub(super) route: Route,
    /// Whether frames come as `{"stream":…,"data":…}`.
    pub(super) is_wrapped: bool,
    pub(super) streams: BTreeSet<String>,
    /// The user events asked for; all if none is named.
    pub(super) events: Option<BTreeSet<String>>,
}

impl Address {
    /// Reads path and query; `None` if they are no address of a stream.
    pub(in crate::sandbox) fn parse(path: &str, query: &str) -> Option<Self> {
        if path == CALLS_PATH {
            let (route, streams) = (Route::Calls, BTreeSet::new());
            return Some(Self { route, is_wrapped: false, streams, events: None });
        }
        let (route, rest) = split_route(path);
        let (is_wrapped, named) = if let Some(named) = rest.strip_prefix("/ws") {
            (false, named)
        } else if rest == "/stream" {
            (true, "")
        } else {
            return None;
        };
        let mut streams = BTreeSet::new();
        add_names(&mut streams, named)?;
        let mut events = None;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "streams" | "listenKey" => add_names(&mut streams, value)?,
                "events" => add_names(events.get_or_insert_default(), value)?,
                _ => {}
            }
        }
        Some(Self { route, is_wrapped, streams, events })
    }
}

fn split_route(path: &str) -> (Route, &str) {
    for (prefix, route) in [
        ("/public", Route::Public),
        ("/market", Route::Market),
        ("/private", Route::Private),
        ("/spot", Route::Spot),
    ] {
        if let Some(rest) = path.strip_prefix(prefix) {
            return (route, rest);
        }
    }
    (Route::Public, path)
}

/// Adds the names of an `a/b` list; a comma is refused.
fn add_names(names: &mut BTreeSet<String>, list: &str) -> Option<()> {
    let decoded = percent_decode_str(list).decode_utf8().ok()?;
    if decoded.contains(',') {
        return None;
    }
    names.extend(decoded.split('/').filter(|name| !name.is_empty()).map(ToOwned::to_owned));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str, query: &str) -> (Route, bool, Vec<String>) {
        let address = Address::parse(path, query).unwrap();
        (address.route, address.is_wrapped, address.streams.into_iter().collect())
    }

    #[test]
    fn every_form_of_address_is_understood() {
        let depth = "btcusdt@depth@100ms".to_owned();
        assert_eq!(
            read("/public/ws/btcusdt@depth@100ms", ""),
            (Route::Public, false, vec![depth.clone()])
        );
        let two = vec![depth, "ethusdt@bookTicker".to_owned()];
        let list = "btcusdt@depth@100ms/ethusdt@bookTicker";
        assert_eq!(read(&format!("/public/ws/{list}"), ""), (Route::Public, false, two.clone()));
        assert_eq!(
            read("/public/stream", &format!("streams={list}")),
            (Route::Public, true, two.clone())
        );
        let encoded = "streams=btcusdt%40depth%40100ms/ethusdt%40bookTicker";
        assert_eq!(read("/public/stream", encoded), (Route::Public, true, two));
        assert_eq!(read("/market/ws", ""), (Route::Market, false, vec![]));
        assert_eq!(read("/private/stream", "streams="), (Route::Private, true, vec![]));
        assert_eq!(read("/private/ws/KEY", ""), (Route::Private, false, vec!["KEY".to_owned()]));
        assert_eq!(
            read("/spot/ws/btcusdt@trade", ""),
            (Route::Spot, false, vec!["btcusdt@trade".to_owned()])
        );
        assert_eq!(read("/ws-fapi/v1", ""), (Route::Calls, false, vec![]));
        assert_eq!(read("/ws/KEY", ""), (Route::Public, false, vec!["KEY".to_owned()]));
    }

    #[test]
    fn events_are_a_filter_and_commas_are_refused() {
        let query = "listenKey=KEY&events=ORDER_TRADE_UPDATE/ACCOUNT_UPDATE";
        let events = Address::parse("/private/ws", query).unwrap().events.unwrap();
        assert_eq!(events.len(), 2);
        assert_eq!(Address::parse("/public/stream", "streams=a,b"), None);
        assert_eq!(Address::parse("/nowhere", ""), None);
    }
}
