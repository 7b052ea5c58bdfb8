//! New filters of a symbol, as the venue brings them in the middle of a session:
//! `BTCUSDT,tick=0.5,step=0.01,min-notional=200`.

use std::fmt;
use std::str::FromStr;

use crate::domain::{Amount, Filters, Price, Quantity, Rounding, Symbol};

/// What changes; the rest stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterChange {
    /// Whose filters.
    pub symbol: Symbol,
    /// The new price grid, a multiple of the one the book is kept in.
    pub tick_size: Option<Price>,
    /// The new quantity grid, likewise.
    pub step_size: Option<Quantity>,
    /// The new smallest notional.
    pub min_notional: Option<Amount>,
}

impl FilterChange {
    /// The filters after the change.
    pub(super) fn apply(&self, filters: &Filters) -> Filters {
        let tick_size = self.tick_size.unwrap_or(filters.tick_size);
        // The grid is counted from the lowest price, which therefore lies on it.
        let min_price = filters.min_price.round_to_tick(tick_size, Rounding::Up);
        Filters {
            tick_size,
            min_price: min_price.unwrap_or(filters.min_price),
            step_size: self.step_size.unwrap_or(filters.step_size),
            min_quantity: self.step_size.unwrap_or(filters.min_quantity),
            min_notional: self.min_notional.unwrap_or(filters.min_notional),
            ..filters.clone()
        }
    }
}

impl FromStr for FilterChange {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split(',');
        let symbol = Symbol::new(parts.next().ok_or(())?).map_err(|_| ())?;
        let mut change = Self { symbol, tick_size: None, step_size: None, min_notional: None };
        let mut named = 0;
        for part in parts {
            let (name, value) = part.split_once('=').ok_or(())?;
            let was_given = match name {
                "tick" => change.tick_size.replace(positive(value)?).is_some(),
                "step" => change.step_size.replace(positive(value)?).is_some(),
                "min-notional" => change.min_notional.replace(positive(value)?).is_some(),
                _ => return Err(()),
            };
            if was_given {
                return Err(());
            }
            named += 1;
        }
        if named > 0 { Ok(change) } else { Err(()) }
    }
}

/// A grid without a step is none.
fn positive<T: FromStr + Default + PartialOrd>(text: &str) -> Result<T, ()> {
    let value: T = text.parse().map_err(|_| ())?;
    if value > T::default() { Ok(value) } else { Err(()) }
}

impl fmt::Display for FilterChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.symbol)?;
        if let Some(tick) = self.tick_size {
            write!(formatter, ",tick={tick}")?;
        }
        if let Some(step) = self.step_size {
            write!(formatter, ",step={step}")?;
        }
        if let Some(notional) = self.min_notional {
            write!(formatter, ",min-notional={notional}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_names_its_symbol_and_at_least_one_filter_once() {
        let change: FilterChange = "BTCUSDT,step=0.01,tick=0.5".parse().unwrap();
        assert_eq!(change.to_string(), "BTCUSDT,tick=0.5,step=0.01");
        for text in ["", "BTCUSDT", "BTCUSDT,tick=0", "BTCUSDT,tick=1,tick=2", "tick=1", "A,odd=1"]
        {
            assert!(text.parse::<FilterChange>().is_err(), "{text:?}");
        }
    }
}
