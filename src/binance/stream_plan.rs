//! Which streams go over which connection (exchange-api.md 1.2 and 10). Pure.
//!
//! A stream asked for on the wrong route is acknowledged and stays silent; so the route is part of
//! the plan. What does not fit into a URL is subscribed to once the connection is open.

use std::fmt;

use crate::book::MarketEvent;
use crate::domain::{Market, Symbol};
use crate::sign::percent_encode;

/// Streams of one connection: below the venue's 1,024, so that one cut does not silence all.
const STREAMS_PER_CONNECTION: usize = 400;

/// Streams named in a URL: more would make it longer than proxies like.
const STREAMS_IN_URL: usize = 100;

/// The venue's routes of public data. Spot has none: there it only says what a connection carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// Books: depth and best prices.
    Public,
    /// Trades and mark prices.
    Market,
}

/// What a stream tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StreamKind {
    /// Changes of the book, ten times a second.
    Depth,
    /// Best prices, as they change.
    BookTicker,
    /// Aggregated trades.
    Trades,
    /// The mark price, each second.
    MarkPrice,
}

/// One stream of one symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stream {
    /// Of which symbol.
    pub symbol: Symbol,
    /// What it tells.
    pub kind: StreamKind,
}

/// One connection to be held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionPlan {
    /// Of which market.
    pub market: Market,
    /// Over which route.
    pub route: Route,
    /// Whose data.
    pub symbols: Vec<Symbol>,
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

    const fn kinds(self, market: Market) -> &'static [StreamKind] {
        match (self, market) {
            (Self::Public, _) => &[StreamKind::Depth, StreamKind::BookTicker],
            (Self::Market, Market::Spot) => &[StreamKind::Trades],
            (Self::Market, Market::Usdm | Market::Coinm) => {
                &[StreamKind::Trades, StreamKind::MarkPrice]
            }
        }
    }
}

impl StreamKind {
    /// The route that delivers it.
    #[must_use]
    pub const fn route(self) -> Route {
        match self {
            Self::Depth | Self::BookTicker => Route::Public,
            Self::Trades | Self::MarkPrice => Route::Market,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Depth => "depth@100ms",
            Self::BookTicker => "bookTicker",
            Self::Trades => "aggTrade",
            Self::MarkPrice => "markPrice@1s",
        }
    }
}

impl Stream {
    /// The stream that carries an event; snapshots come over none.
    #[must_use]
    pub const fn of(event: &MarketEvent) -> Option<Self> {
        let kind = match event {
            MarketEvent::Depth(_) => StreamKind::Depth,
            MarketEvent::BookTicker(_) => StreamKind::BookTicker,
            MarketEvent::Trade(_) => StreamKind::Trades,
            MarketEvent::MarkPrice(_) => StreamKind::MarkPrice,
            MarketEvent::Snapshot(_) => return None,
        };
        Some(Self { symbol: event.symbol(), kind })
    }
}

impl fmt::Display for Stream {
    /// As the venue names it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@{}", self.symbol.as_str().to_lowercase(), self.kind.as_str())
    }
}

impl ConnectionPlan {
    /// Its streams, by symbol.
    pub fn streams(&self) -> impl Iterator<Item = Stream> + '_ {
        let kinds = self.route.kinds(self.market);
        self.symbols
            .iter()
            .flat_map(move |&symbol| kinds.iter().map(move |&kind| Stream { symbol, kind }))
    }

    /// The combined form: every frame names its stream. Holds as many streams as a URL may.
    #[must_use]
    pub fn url(&self, base_url: &str) -> String {
        let base_url = base_url.trim_end_matches('/');
        let names: Vec<_> = self.streams().take(STREAMS_IN_URL).map(url_name).collect();
        let names = names.join("/");
        match self.market {
            Market::Usdm | Market::Coinm => {
                format!("{base_url}/{}/stream?streams={names}", self.route.as_str())
            }
            Market::Spot => format!("{base_url}/stream?streams={names}&timeUnit=MICROSECOND"),
        }
    }

    /// The names of the streams beyond the URL's, to be subscribed to.
    #[must_use]
    pub fn beyond_url(&self) -> Vec<String> {
        self.streams().skip(STREAMS_IN_URL).map(|stream| stream.to_string()).collect()
    }

    /// Takes further symbols in, as far as there is room; gives back those left over.
    pub fn take_in(&mut self, symbols: &[Symbol]) -> Vec<Symbol> {
        let most = symbols_per_connection(self.route, self.market);
        let mut left = Vec::new();
        for symbol in symbols {
            if self.symbols.contains(symbol) {
                continue;
            }
            let room = if self.symbols.len() < most { &mut self.symbols } else { &mut left };
            room.push(*symbol);
        }
        left
    }
}

/// A symbol outside ASCII is percent-encoded, as everything else in a URL.
fn url_name(stream: Stream) -> String {
    let symbol = stream.symbol.as_str().to_lowercase();
    format!("{}@{}", percent_encode(&symbol), stream.kind.as_str())
}

const fn symbols_per_connection(route: Route, market: Market) -> usize {
    STREAMS_PER_CONNECTION / route.kinds(market).len()
}

/// The connections for depth, best prices, trades and (of futures) mark prices of the symbols.
#[must_use]
pub fn plan(market: Market, symbols: &[Symbol]) -> Vec<ConnectionPlan> {
    let mut plans = Vec::new();
    for route in [Route::Public, Route::Market] {
        for symbols in symbols.chunks(symbols_per_connection(route, market)) {
            plans.push(ConnectionPlan { market, route, symbols: symbols.to_vec() });
        }
    }
    plans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols(names: &[&str]) -> Vec<Symbol> {
        names.iter().map(|name| Symbol::new(name).unwrap()).collect()
    }

    fn many(count: usize) -> Vec<Symbol> {
        (0..count).map(|number| Symbol::new(&format!("S{number}USDT")).unwrap()).collect()
    }

    #[test]
    fn each_stream_goes_over_its_own_route_in_lower_case() {
        let plans = plan(Market::Usdm, &symbols(&["BTCUSDT", "ETHUSDT"]));
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
        assert!(plans.iter().all(|plan| plan.beyond_url().is_empty()));
    }

    #[test]
    fn spot_has_no_routes_no_mark_price_and_is_asked_for_microseconds() {
        let plans = plan(Market::Spot, &symbols(&["NEXOUSDT"]));
        let urls: Vec<_> = plans.iter().map(|plan| plan.url("wss://host:9443")).collect();
        assert_eq!(
            urls,
            [
                "wss://host:9443/stream?streams=nexousdt@depth@100ms/nexousdt@bookTicker\
                 &timeUnit=MICROSECOND",
                "wss://host:9443/stream?streams=nexousdt@aggTrade&timeUnit=MICROSECOND",
            ]
        );
    }

    #[test]
    fn what_exceeds_a_url_is_subscribed_to_and_what_exceeds_a_connection_gets_another() {
        let plans = plan(Market::Usdm, &many(250));
        let sizes: Vec<_> = plans.iter().map(|plan| (plan.route, plan.symbols.len())).collect();
        let (public, market) = (Route::Public, Route::Market);
        assert_eq!(sizes, [(public, 200), (public, 50), (market, 200), (market, 50)]);
        assert_eq!(plans[0].url("ws://h").matches('@').count(), 50 * 3);
        assert_eq!(plans[0].beyond_url().len(), 300);
        assert_eq!(plans[0].beyond_url()[0], "s50usdt@depth@100ms");
        assert!(plans[1].beyond_url().is_empty());
    }

    #[test]
    fn a_plan_takes_in_symbols_until_it_is_full() {
        let mut plan = plan(Market::Usdm, &many(198)).remove(0);
        let more = symbols(&["BTCUSDT", "S0USDT", "ETHUSDT", "LTCUSDT"]);
        assert_eq!(plan.take_in(&more), symbols(&["LTCUSDT"]), "S0USDT is there already");
        assert_eq!(plan.symbols.len(), 200);
    }
}
