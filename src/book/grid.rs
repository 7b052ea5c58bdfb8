//! The instrument's price and quantity grid, as far as market data must obey it.

use crate::domain::{Filters, Price, Quantity};

use super::snapshot::Level;

/// Tick and step that every level of a book must be a multiple of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    tick_size: Price,
    step_size: Quantity,
    /// Prices are counted from here (exchange-api.md 2.3).
    min_price: Price,
}

impl Grid {
    /// A grid counted from zero.
    #[must_use]
    pub const fn of(tick_size: Price, step_size: Quantity) -> Self {
        Self { tick_size, step_size, min_price: Price::ZERO }
    }

    /// Whether a level's price and quantity are on the grid. The price must be positive; the
    /// quantity may be zero. Nothing is on a grid of zero tick or step.
    #[must_use]
    pub fn admits(&self, level: Level) -> bool {
        let offset = level.price.units() - self.min_price.units();
        !level.price.is_zero()
            && offset.checked_rem(self.tick_size.units()) == Some(0)
            && level.quantity.units().checked_rem(self.step_size.units()) == Some(0)
    }

    /// The tick size.
    #[must_use]
    pub const fn tick_size(&self) -> Price {
        self.tick_size
    }
}

impl From<&Filters> for Grid {
    fn from(filters: &Filters) -> Self {
        let Filters { tick_size, step_size, min_price, .. } = *filters;
        Self { tick_size, step_size, min_price }
    }
}
