//! What the exchange says of one symbol besides its filters: assets and numbers of digits.

use crate::domain::Instrument;

use super::words::{Places, places_of};

/// Digit counts of symbols whose recorded ones differ from their grid's (exchange-api.md 8.3).
const PRICE_PLACES: [(&str, usize); 3] = [("BTCUSDT", 2), ("BNBUSDT", 3), ("DOGEUSDT", 6)];

/// One listed symbol.
#[derive(Debug, Clone)]
pub(super) struct Card {
    pub(super) instrument: Instrument,
    pub(super) places: Places,
    /// As stream names spell it.
    pub(super) lower: String,
}

impl Card {
    pub(super) fn new(instrument: Instrument) -> Self {
        let symbol = instrument.symbol.as_str();
        let recorded = PRICE_PLACES.iter().find(|(name, _)| *name == symbol).map(|found| found.1);
        let of_grid = places_of(instrument.filters.tick_size.units());
        let places = Places {
            price: recorded.unwrap_or(of_grid).max(of_grid),
            quantity: places_of(instrument.filters.step_size.units()),
        };
        Self { places, lower: symbol.to_lowercase(), instrument }
    }

    /// The asset bought and sold.
    pub(super) fn base_asset(&self) -> &str {
        let symbol = self.instrument.symbol.as_str();
        symbol.strip_suffix("USDT").unwrap_or(symbol)
    }
}
