//! Which streams go over which connection (exchange-api.md 1.2). Pure.
//!
//! A stream asked for on the wrong route is acknowledged and stays silent; so the route is part of
//! the plan, and [`FirstFrames`] tells which streams have not proven themselves.

use std::collections::BTreeSet;

use crate::domain::Symbol;
use crate::sign::percent_encode;

/// Streams of one connection: far below the venue's 1,024, so that its URL stays short.
const STREAMS_PER_CONNECTION: usize = 100;

/// The venue's routes of public data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// Books: depth and best prices.
    Public,
    /// Trades and mark prices.
    Market,
}

impl Route {
    /// As it stands in the URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Market => "market",
        }
    }

    const fn stream_kinds(self) -> [&'static str; 2] {
        match self {
            Self::Public => ["depth@100ms", "bookTicker"],
            Self::Market => ["aggTrade", "markPrice@1s"],
        }
    }
}

/// One connection to be held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionPlan {
    /// Over which route.
    pub route: Route,
    /// Whose data.
    pub symbols: Vec<Symbol>,
    /// Which streams, as the venue names them.
    pub streams: Vec<String>,
}

impl ConnectionPlan {
    /// The combined form: every frame names its stream.
    #[must_use]
    pub fn url(&self, base_url: &str) -> String {
        let streams = self.streams.join("/");
        format!(
            "{}/{}/stream?streams={streams}",
            base_url.trim_end_matches('/'),
            self.route.as_str()
        )
    }
}

/// The connections for depth, best prices, trades and mark prices of the symbols.
#[must_use]
pub fn plan(symbols: &[Symbol]) -> Vec<ConnectionPlan> {
    let mut plans = Vec::new();
    for route in [Route::Public, Route::Market] {
        let kinds = route.stream_kinds();
        for symbols in symbols.chunks(STREAMS_PER_CONNECTION / kinds.len()) {
            let names = symbols.iter().flat_map(|symbol| {
                let symbol = symbol.as_str().to_lowercase();
                kinds.map(|kind| format!("{}@{kind}", percent_encode(&symbol)))
            });
            plans.push(ConnectionPlan {
                route,
                symbols: symbols.to_vec(),
                streams: names.collect(),
            });
        }
    }
    plans
}

/// The streams of a connection that have not yet sent a frame.
#[derive(Debug, Clone)]
pub struct FirstFrames {
    silent: BTreeSet<String>,
}

impl FirstFrames {
    /// All of them.
    #[must_use]
    pub fn of(plan: &ConnectionPlan) -> Self {
        Self { silent: plan.streams.iter().cloned().collect() }
    }

    /// Notes a frame. Costs nothing once every stream has sent one.
    pub fn note(&mut self, frame: &str) {
        if self.silent.is_empty() {
            return;
        }
        if let Some(name) = stream_name(frame) {
            self.silent.remove(name);
        }
    }

    /// The streams still silent.
    pub fn silent(&self) -> impl Iterator<Item = &str> {
        self.silent.iter().map(String::as_str)
    }
}

/// The stream's name at the head of a wrapped frame. Frames begin with it; one that does not is
/// read by nobody for its name.
fn stream_name(frame: &str) -> Option<&str> {
    let rest = frame.strip_prefix(r#"{"stream":""#)?;
    rest.split_once('"').map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols(names: &[&str]) -> Vec<Symbol> {
        names.iter().map(|name| Symbol::new(name).unwrap()).collect()
    }

    #[test]
    fn each_stream_goes_over_its_own_route_in_lower_case() {
        let plans = plan(&symbols(&["BTCUSDT", "ETHUSDT"]));
        let urls: Vec<_> = plans.iter().map(|plan| plan.url("wss://host/")).collect();
        assert_eq!(
            urls,
            [
                "wss://host/public/stream?streams=btcusdt@depth@100ms/btcusdt@bookTicker\
                 /ethusdt@depth@100ms/ethusdt@bookTicker",
                "wss://host/market/stream?streams=btcusdt@aggTrade/btcusdt@markPrice@1s\
                 /ethusdt@aggTrade/ethusdt@markPrice@1s",
            ]
        );
    }

    #[test]
    fn many_symbols_are_spread_over_connections() {
        let names: Vec<_> = (0..120).map(|number| format!("S{number}USDT")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let plans = plan(&symbols(&names));
        assert_eq!(plans.len(), 6);
        assert!(plans.iter().all(|plan| plan.streams.len() <= STREAMS_PER_CONNECTION));
        assert_eq!(plans.iter().map(|plan| plan.streams.len()).sum::<usize>(), 480);
    }

    #[test]
    fn a_stream_is_silent_until_its_first_frame() {
        let plans = plan(&symbols(&["BTCUSDT"]));
        let mut first = FirstFrames::of(&plans[0]);
        first.note(r#"{"stream":"btcusdt@bookTicker","data":{}}"#);
        first.note(r#"{"result":null,"id":1}"#);
        assert_eq!(first.silent().collect::<Vec<_>>(), ["btcusdt@depth@100ms"]);
        first.note(r#"{"stream":"btcusdt@depth@100ms","data":{}}"#);
        assert_eq!(first.silent().count(), 0);
    }
}
