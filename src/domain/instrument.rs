//! What is traded, where, and by which rules of the venue.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::decimal::DecimalError;
use super::money::{Amount, Rate};
use super::price::Price;
use super::quantity::Quantity;
use super::side::Side;
use super::text::inline_text;

inline_text! {
    /// A venue's symbol, like `BTCUSDT`; may hold letters outside ASCII.
    Symbol, 24, is_symbol_character, "symbol"
}

inline_text! {
    /// An asset's name, like `USDT`.
    Asset, 16, is_symbol_character, "asset"
}

fn is_symbol_character(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-')
}

/// Whose money: the loopback exchange, the venue's testnet, or the real venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// The exchange that `lobd` carries, on loopback.
    Sandbox,
    /// The venue's testnet (Futures Demo Trading).
    Testnet,
    /// Real money.
    Production,
}

/// Which of the venue's markets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Market {
    /// USD-margined perpetual futures.
    Usdm,
    /// Coin-margined perpetual futures (recordings only).
    Coinm,
    /// Spot.
    Spot,
}

/// One tradable thing and the rules its orders obey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    /// Whose money.
    pub environment: Environment,
    /// Which market of the venue.
    pub market: Market,
    /// The venue's symbol.
    pub symbol: Symbol,
    /// The rules its orders obey.
    pub filters: Filters,
}

/// The venue's order filters for one symbol (exchange-api.md 2.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filters {
    /// The price grid; zero means the symbol cannot be traded.
    pub tick_size: Price,
    /// The quantity grid.
    pub step_size: Quantity,
    /// The lowest price; zero disables the rule.
    pub min_price: Price,
    /// The highest price; zero disables the rule.
    pub max_price: Price,
    /// The smallest quantity.
    pub min_quantity: Quantity,
    /// The largest quantity of a limit order.
    pub max_quantity: Quantity,
    /// The largest quantity of a market order.
    pub max_market_quantity: Quantity,
    /// The smallest price × quantity of an order that is not reduce-only.
    pub min_notional: Amount,
    /// A buy's price may not exceed mark price × this.
    pub multiplier_up: Rate,
    /// A sell's price may not fall below mark price × this.
    pub multiplier_down: Rate,
    /// The most open orders on the symbol.
    pub max_open_orders: u32,
}

/// The rule that an order's price or quantity breaks.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum FilterViolation {
    /// The price is not a multiple of the tick size.
    #[error("price {0} is not a multiple of the tick size {1}")]
    OffTick(Price, Price),
    /// The price is below the lowest or above the highest.
    #[error("price {0} is outside {1} to {2}")]
    PriceRange(Price, Price, Price),
    /// The quantity is not a multiple of the step size.
    #[error("quantity {0} is not a multiple of the step size {1}")]
    OffStep(Quantity, Quantity),
    /// The quantity is below the smallest.
    #[error("quantity {0} is below the smallest, {1}")]
    QuantityTooSmall(Quantity, Quantity),
    /// The quantity is above the largest.
    #[error("quantity {0} is above the largest, {1}")]
    QuantityTooLarge(Quantity, Quantity),
    /// Price × quantity is too small.
    #[error("notional {0} is below the smallest, {1}")]
    NotionalTooSmall(Amount, Amount),
    /// The price is too far from the mark price.
    #[error("price {0} is beyond {1}, the bound around the mark price")]
    PercentPrice(Price, Price),
    /// The symbol has no price or quantity grid, or no largest quantity: it is not open for trading.
    #[error("the symbol has no tick size, step size or largest quantity: not open for trading")]
    NotTradable,
}

impl Filters {
    /// Checks that orders can be made by them at all.
    ///
    /// # Errors
    /// [`FilterViolation::NotTradable`].
    pub fn check_usable(&self) -> Result<(), FilterViolation> {
        let largest = [self.max_quantity, self.max_market_quantity];
        let is_limitless = largest.iter().any(|quantity| quantity.is_zero());
        if self.tick_size.is_zero() || self.step_size.is_zero() || is_limitless {
            return Err(FilterViolation::NotTradable);
        }
        Ok(())
    }

    /// Checks a limit price against the grid and the range.
    ///
    /// # Errors
    /// The first [`FilterViolation`] met.
    pub fn check_price(&self, price: Price) -> Result<(), FilterViolation> {
        if self.tick_size.is_zero() {
            return Err(FilterViolation::NotTradable);
        }
        let below = price < self.min_price;
        let above = !self.max_price.is_zero() && price > self.max_price;
        if below || above || price.is_zero() {
            return Err(FilterViolation::PriceRange(price, self.min_price, self.max_price));
        }
        if (price.units() - self.min_price.units()) % self.tick_size.units() != 0 {
            return Err(FilterViolation::OffTick(price, self.tick_size));
        }
        Ok(())
    }

    /// Checks a quantity against the grid and the range of its order type.
    ///
    /// # Errors
    /// The first [`FilterViolation`] met.
    pub fn check_quantity(
        &self,
        quantity: Quantity,
        is_market: bool,
    ) -> Result<(), FilterViolation> {
        let largest = if is_market { self.max_market_quantity } else { self.max_quantity };
        if self.step_size.is_zero() {
            return Err(FilterViolation::NotTradable);
        }
        if quantity < self.min_quantity || quantity.is_zero() {
            return Err(FilterViolation::QuantityTooSmall(quantity, self.min_quantity));
        }
        if quantity > largest {
            return Err(FilterViolation::QuantityTooLarge(quantity, largest));
        }
        if (quantity.units() - self.min_quantity.units()) % self.step_size.units() != 0 {
            return Err(FilterViolation::OffStep(quantity, self.step_size));
        }
        Ok(())
    }

    /// Checks price × quantity of an order that may open risk.
    ///
    /// # Errors
    /// [`FilterViolation::NotionalTooSmall`]; an overflowing notional passes, being large.
    pub fn check_notional(&self, price: Price, quantity: Quantity) -> Result<(), FilterViolation> {
        match Amount::notional(price, quantity) {
            Ok(notional) if notional < self.min_notional => {
                Err(FilterViolation::NotionalTooSmall(notional, self.min_notional))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Checks a price against the bound around the mark price: a buy not above, a sell not below.
    ///
    /// # Errors
    /// [`FilterViolation::PercentPrice`] with the bound.
    pub fn check_percent_price(
        &self,
        side: Side,
        price: Price,
        mark_price: Price,
    ) -> Result<(), FilterViolation> {
        let bound = |multiplier: Rate| -> Result<Price, DecimalError> {
            mark_price.moved_by(multiplier.saturating_add(Rate::from_units(-100_000_000)?))
        };
        let (limit, broken) = match side {
            Side::Buy => {
                let limit = bound(self.multiplier_up).unwrap_or(Price::MAX);
                (limit, price > limit)
            }
            Side::Sell => {
                let limit = bound(self.multiplier_down).unwrap_or(Price::ZERO);
                (limit, price < limit)
            }
        };
        if broken { Err(FilterViolation::PercentPrice(price, limit)) } else { Ok(()) }
    }
}

impl std::fmt::Display for Environment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Sandbox => "sandbox",
            Self::Testnet => "testnet",
            Self::Production => "production",
        })
    }
}

impl std::fmt::Display for Market {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Usdm => "usdm",
            Self::Coinm => "coinm",
            Self::Spot => "spot",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bitcoin() -> Filters {
        Filters {
            tick_size: "0.1".parse().unwrap(),
            step_size: "0.001".parse().unwrap(),
            min_price: "556.8".parse().unwrap(),
            max_price: "4529764".parse().unwrap(),
            min_quantity: "0.001".parse().unwrap(),
            max_quantity: "1000".parse().unwrap(),
            max_market_quantity: "120".parse().unwrap(),
            min_notional: "50".parse().unwrap(),
            multiplier_up: "1.05".parse().unwrap(),
            multiplier_down: "0.95".parse().unwrap(),
            max_open_orders: 200,
        }
    }

    #[test]
    fn each_filter_refuses_what_it_is_there_for() {
        let filters = bitcoin();
        let (price, quantity) = (|t: &str| t.parse().unwrap(), |t: &str| t.parse().unwrap());
        assert_eq!(filters.check_price(price("60000.1")), Ok(()));
        assert!(matches!(
            filters.check_price(price("60000.15")),
            Err(FilterViolation::OffTick(..))
        ));
        assert!(matches!(filters.check_price(price("1")), Err(FilterViolation::PriceRange(..))));
        assert_eq!(filters.check_quantity(quantity("0.1"), false), Ok(()));
        assert!(filters.check_quantity(quantity("0.0001"), false).is_err());
        assert!(filters.check_quantity(quantity("0.0015"), false).is_err());
        assert!(filters.check_quantity(quantity("121"), true).is_err());
        assert!(filters.check_notional(price("60000"), quantity("0.0001")).is_err());
        let mark = price("60000");
        assert_eq!(filters.check_percent_price(Side::Buy, price("63000"), mark), Ok(()));
        assert!(filters.check_percent_price(Side::Buy, price("63000.1"), mark).is_err());
        assert!(filters.check_percent_price(Side::Sell, price("56999.9"), mark).is_err());
    }
}
