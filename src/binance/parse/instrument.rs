//! exchangeInfo: what is listed, by which filters, within which request limits.

use std::time::Duration;

use super::{ParseError, exact, symbol};
use crate::binance::wire::{self, Text};
use crate::domain::{Environment, Filters, Instrument, Market};

/// How the venue says that a symbol is open for trading.
const OPEN: &str = "TRADING";

/// What exchangeInfo says, as far as a trader must know it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExchangeRules {
    /// The perpetual contracts open for trading, in the venue's order.
    pub instruments: Vec<Instrument>,
    /// Those listed and not open, with what the venue says instead: `SETTLING`, `CLOSE` and others.
    pub closed: Vec<(Instrument, String)>,
    /// The request limits.
    pub rate_limits: Vec<RateLimitRule>,
    /// How many listed perpetuals were left out because their filters could not be read.
    pub unreadable: usize,
}

/// What a request limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RateLimitKind {
    /// The weight of requests, per IP.
    RequestWeight,
    /// The weight of requests by the order socket, which the venue counts apart.
    SocketWeight,
    /// Questions for funding rates, per IP.
    FundingQuestions,
    /// Orders placed, per account.
    Orders,
}

/// One request limit: at most so much in each window of fixed clock time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimitRule {
    /// What it counts.
    pub kind: RateLimitKind,
    /// The length of a window.
    pub window: Duration,
    /// The most in one window.
    pub limit: u32,
}

/// Reads exchangeInfo. A contract whose filters cannot be read is left out and counted: one odd
/// listing must not keep the others from trading.
pub fn parse_exchange_info(environment: Environment, info: &wire::ExchangeInfo) -> ExchangeRules {
    let mut rules = ExchangeRules {
        rate_limits: info.rate_limits.iter().filter_map(parse_rate_limit).collect(),
        ..ExchangeRules::default()
    };
    for listed in info.symbols.iter().filter(|listed| listed.contract_type == "PERPETUAL") {
        let read = instrument(environment, Market::Usdm, listed);
        if listed.status == OPEN {
            rules.take(read);
        } else if let Ok(instrument) = read {
            rules.closed.push((instrument, listed.status.clone()));
        }
    }
    rules
}

/// Reads exchangeInfo of the spot market, as [`parse_exchange_info`].
pub fn parse_spot_exchange_info(
    environment: Environment,
    info: &wire::ExchangeInfo,
) -> ExchangeRules {
    let mut rules = ExchangeRules {
        rate_limits: info.rate_limits.iter().filter_map(parse_rate_limit).collect(),
        ..ExchangeRules::default()
    };
    for listed in info.symbols.iter().filter(|listed| listed.status == OPEN) {
        rules.take(instrument(environment, Market::Spot, listed));
    }
    rules
}

impl ExchangeRules {
    fn take(&mut self, read: Result<Instrument, ParseError>) {
        match read {
            Ok(instrument) => self.instruments.push(instrument),
            Err(_) => self.unreadable += 1,
        }
    }
}

/// A request limit, if its kind and interval are known.
#[must_use]
pub fn parse_rate_limit(limit: &wire::RateLimit) -> Option<RateLimitRule> {
    let kind = match limit.rate_limit_type.as_str() {
        "REQUEST_WEIGHT" => RateLimitKind::RequestWeight,
        "ORDERS" => RateLimitKind::Orders,
        _ => return None,
    };
    let seconds = match limit.interval.as_str() {
        "SECOND" => 1,
        "MINUTE" => 60,
        "HOUR" => 3_600,
        "DAY" => 86_400,
        _ => return None,
    };
    let window = Duration::from_secs(seconds * u64::from(limit.interval_num.max(1)));
    Some(RateLimitRule { kind, window, limit: limit.limit })
}

fn instrument(
    environment: Environment,
    market: Market,
    listed: &wire::SymbolInfo,
) -> Result<Instrument, ParseError> {
    Ok(Instrument {
        environment,
        market,
        symbol: symbol("exchangeInfo", &listed.symbol)?,
        filters: filters(&listed.filters)?,
    })
}

fn filters(listed: &[wire::Filter]) -> Result<Filters, ParseError> {
    let none = wire::Filter::default();
    let find =
        |kind: &str| listed.iter().find(|filter| filter.filter_type == kind).unwrap_or(&none);
    let (price, lot) = (find("PRICE_FILTER"), find("LOT_SIZE"));
    let (market, percent) = (find("MARKET_LOT_SIZE"), find("PERCENT_PRICE"));
    // The spot market spells some of them differently (exchange-api.md 10).
    let (by_side, orders) = (find("PERCENT_PRICE_BY_SIDE"), find("MAX_NUM_ORDERS"));
    let (least, spot_least) = (find("MIN_NOTIONAL"), find("NOTIONAL"));
    let min_notional = least.notional.as_ref().or(least.min_notional.as_ref());
    Ok(Filters {
        tick_size: number("tickSize", price.tick_size.as_ref(), "0")?,
        step_size: number("stepSize", lot.step_size.as_ref(), "0")?,
        min_price: number("minPrice", price.min_price.as_ref(), "0")?,
        max_price: number("maxPrice", price.max_price.as_ref(), "0")?,
        min_quantity: number("minQty", lot.min_qty.as_ref(), "0")?,
        max_quantity: number("maxQty", lot.max_qty.as_ref(), "0")?,
        max_market_quantity: number(
            "maxQty",
            market.max_qty.as_ref().or(lot.max_qty.as_ref()),
            "0",
        )?,
        min_notional: number("notional", min_notional.or(spot_least.min_notional.as_ref()), "0")?,
        multiplier_up: number(
            "multiplierUp",
            percent.multiplier_up.as_ref().or(by_side.bid_multiplier_up.as_ref()),
            "10",
        )?,
        multiplier_down: number(
            "multiplierDown",
            percent.multiplier_down.as_ref().or(by_side.ask_multiplier_down.as_ref()),
            "0",
        )?,
        max_open_orders: number(
            "limit",
            orders.limit.as_ref().or(orders.max_num_orders.as_ref()),
            "200",
        )?,
    })
}

fn number<T: std::str::FromStr<Err: std::fmt::Display>>(
    field: &'static str,
    text: Option<&Text>,
    absent: &str,
) -> Result<T, ParseError> {
    exact("exchangeInfo", field, text.map_or(absent, Text::as_str))
}
