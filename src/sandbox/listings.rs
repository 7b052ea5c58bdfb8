//! Symbols the exchange can list, with the filters of the venue's production (exchange-api.md 8.3).
//!
//! Beyond them there are `SIM01USDT` to `SIM99USDT`, with the filters and the market of BTCUSDT, each
//! drawn apart: for whoever needs many symbols at once.

use crate::domain::{
    Amount, DecimalError, Environment, Filters, Instrument, Market, Price, Quantity, Rate, Symbol,
};
use crate::sim::market::MarketSettings;
use crate::sim::{InstrumentSettings, Liquidity};

/// One row of exchange-api.md 8.3.
struct Row {
    symbol: &'static str,
    tick: &'static str,
    min_price: &'static str,
    max_price: &'static str,
    step: &'static str,
    max_quantity: &'static str,
    max_market_quantity: &'static str,
    min_notional: &'static str,
}

const ROWS: [Row; 5] = [
    Row {
        symbol: "BTCUSDT",
        tick: "0.1",
        min_price: "556.8",
        max_price: "4529764",
        step: "0.001",
        max_quantity: "1000",
        max_market_quantity: "120",
        min_notional: "50",
    },
    Row {
        symbol: "ETHUSDT",
        tick: "0.01",
        min_price: "39.86",
        max_price: "306177",
        step: "0.001",
        max_quantity: "10000",
        max_market_quantity: "2000",
        min_notional: "20",
    },
    Row {
        symbol: "BNBUSDT",
        tick: "0.01",
        min_price: "6.6",
        max_price: "100000",
        step: "0.01",
        max_quantity: "100000",
        max_market_quantity: "2000",
        min_notional: "5",
    },
    Row {
        symbol: "XRPUSDT",
        tick: "0.0001",
        min_price: "0.0143",
        max_price: "100000",
        step: "0.1",
        max_quantity: "10000000",
        max_market_quantity: "2000000",
        min_notional: "5",
    },
    Row {
        symbol: "LTCUSDT",
        tick: "0.01",
        min_price: "3.61",
        max_price: "100000",
        step: "0.001",
        max_quantity: "10000",
        max_market_quantity: "5000",
        min_notional: "20",
    },
];

/// Open orders an account may have on one symbol.
const MAX_OPEN_ORDERS: u32 = 200;

/// The symbols that can be listed, most traded first.
pub fn symbols() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.symbol)
}

/// The instrument of a symbol; `None` if the exchange cannot list it.
///
/// # Examples
/// ```
/// # use lobd::sandbox::listings::instrument;
/// let bitcoin = instrument("BTCUSDT").expect("is listed");
/// assert_eq!(bitcoin.filters.tick_size.to_string(), "0.1");
/// assert!(instrument("NOSUCHUSDT").is_none());
/// ```
#[must_use]
pub fn instrument(symbol: &str) -> Option<Instrument> {
    let row = ROWS.iter().find(|row| row.symbol == model_of(symbol))?;
    let symbol = Symbol::new(symbol).ok()?;
    let filters = filters(row).ok()?;
    Some(Instrument { environment: Environment::Sandbox, market: Market::Usdm, symbol, filters })
}

/// A symbol with the seeded market that trades it; `None` if the exchange cannot list it.
#[must_use]
pub fn seeded(symbol: &str) -> Option<InstrumentSettings> {
    let instrument = instrument(symbol)?;
    let market = match model_of(symbol) {
        "BTCUSDT" => MarketSettings::bitcoin_perpetual(),
        "ETHUSDT" => MarketSettings::ether_perpetual(),
        "BNBUSDT" => MarketSettings::bnb_perpetual(),
        "XRPUSDT" => MarketSettings::xrp_perpetual(),
        "LTCUSDT" => MarketSettings::litecoin_perpetual(),
        _ => return None,
    };
    Some(InstrumentSettings { instrument, liquidity: Liquidity::Seeded(Box::new(market)) })
}

/// Whose filters and market a symbol has: its own, or those of the one it is simulated after.
fn model_of(symbol: &str) -> &str {
    let number = symbol.strip_prefix("SIM").and_then(|rest| rest.strip_suffix("USDT"));
    let is_numbered = number.is_some_and(|number| {
        number.len() == 2 && number != "00" && number.bytes().all(|digit| digit.is_ascii_digit())
    });
    if is_numbered { "BTCUSDT" } else { symbol }
}

fn filters(row: &Row) -> Result<Filters, DecimalError> {
    let step_size: Quantity = row.step.parse()?;
    Ok(Filters {
        tick_size: row.tick.parse::<Price>()?,
        step_size,
        min_price: row.min_price.parse()?,
        max_price: row.max_price.parse()?,
        min_quantity: step_size,
        max_quantity: row.max_quantity.parse()?,
        max_market_quantity: row.max_market_quantity.parse()?,
        min_notional: row.min_notional.parse::<Amount>()?,
        multiplier_up: "1.05".parse::<Rate>()?,
        multiplier_down: "0.95".parse::<Rate>()?,
        max_open_orders: MAX_OPEN_ORDERS,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ninety_nine_more_are_simulated_after_bitcoin() {
        let named = |symbol: &str| instrument(symbol).map(|listed| listed.filters);
        assert_eq!(named("SIM01USDT"), named("BTCUSDT"));
        assert!(seeded("SIM99USDT").is_some_and(|it| it.instrument.symbol.as_str() == "SIM99USDT"));
        for none in ["SIM00USDT", "SIM1USDT", "SIM100USDT", "SIM01BUSD", "SIMXXUSDT", ""] {
            assert!(named(none).is_none(), "{none}");
        }
    }

    #[test]
    fn every_row_is_an_instrument_on_its_own_grid() {
        for symbol in symbols() {
            let filters = instrument(symbol).unwrap().filters;
            assert!(filters.check_price(filters.min_price).is_ok(), "{symbol}");
            assert!(filters.check_quantity(filters.min_quantity, true).is_ok(), "{symbol}");
            let Some(InstrumentSettings { liquidity: Liquidity::Seeded(market), .. }) =
                seeded(symbol)
            else {
                panic!("{symbol} has no market");
            };
            assert_eq!(market.tick_size, filters.tick_size, "{symbol}");
            assert_eq!(market.step_size, filters.step_size, "{symbol}");
        }
    }
}
