//! An instrument's grid: prices as ticks, quantities as lots.

use crate::book::Level;
use crate::domain::{Filters, Price, Quantity};

/// Converts between the domain's values and the book's integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    tick_size: Price,
    step_size: Quantity,
}

impl Grid {
    pub(super) const fn new(filters: &Filters) -> Self {
        Self { tick_size: filters.tick_size, step_size: filters.step_size }
    }

    /// Whether every price and quantity of these filters lies on this grid.
    pub(super) fn holds(self, filters: &Filters) -> bool {
        let (tick, step) = (self.tick_size.units().max(1), self.step_size.units().max(1));
        filters.tick_size.units() % tick == 0 && filters.step_size.units() % step == 0
    }

    /// The price in whole ticks; a price off the grid is rounded down.
    pub(super) fn ticks(self, price: Price) -> i64 {
        price.units() / self.tick_size.units().max(1)
    }

    /// The price of so many ticks; what came from [`Grid::ticks`] always has one.
    pub(super) fn price(self, ticks: i64) -> Price {
        Price::from_ticks(ticks, self.tick_size).unwrap_or(Price::MAX)
    }

    /// The quantity in whole lots, rounded down.
    pub(super) fn lots(self, quantity: Quantity) -> i64 {
        quantity.units() / self.step_size.units().max(1)
    }

    /// The quantity of so many lots.
    pub(super) fn quantity(self, lots: i64) -> Quantity {
        Quantity::from_steps(lots, self.step_size).unwrap_or_default()
    }

    /// A level of the book as the domain knows it.
    pub(super) fn level(self, (ticks, lots): (i64, i64)) -> Level {
        Level { price: self.price(ticks), quantity: self.quantity(lots) }
    }
}
