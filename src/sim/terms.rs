//! What an order request leaves open: self-trade prevention, a date to end at, a matched price.

use crate::domain::{Price, Rejection, Side, Symbol, Timestamp};

use super::exchange::Exchange;
use super::refusals;

/// What an order request leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OrderTerms {
    /// What ends when the order meets one of its own account.
    pub prevention: SelfTradePrevention,
    /// When the exchange ends it by itself (GTD); `None` if never.
    pub good_till: Option<Timestamp>,
    /// Where in the book its price was taken from, if its sender named none.
    pub price_match: Option<PriceMatch>,
}

/// What ends when an account's order meets one of its own (exchange-api.md 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SelfTradePrevention {
    /// What is left of the incoming order.
    ExpireTaker,
    /// The resting order.
    #[default]
    ExpireMaker,
    /// Both.
    ExpireBoth,
}

/// The level of the book whose price an order takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceMatch {
    /// The best price of the other side.
    Opponent,
    /// The fifth price of the other side.
    Opponent5,
    /// The best price of the order's own side.
    Queue,
    /// The fifth price of the order's own side.
    Queue5,
    /// The tenth price of the order's own side.
    Queue10,
    /// The twentieth price of the order's own side.
    Queue20,
}

impl PriceMatch {
    /// Whose levels are counted, and which of them is meant, from one.
    const fn level(self, side: Side) -> (Side, usize) {
        match self {
            Self::Opponent => (side.opposite(), 1),
            Self::Opponent5 => (side.opposite(), 5),
            Self::Queue => (side, 1),
            Self::Queue5 => (side, 5),
            Self::Queue10 => (side, 10),
            Self::Queue20 => (side, 20),
        }
    }
}

impl Exchange {
    /// The price an order of this side takes from the book.
    ///
    /// # Errors
    /// −5041 where the book is not so deep, −1121 for an unknown symbol.
    pub fn matched_price(
        &self,
        symbol: Symbol,
        side: Side,
        price_match: PriceMatch,
    ) -> Result<Price, Rejection> {
        let listing = &self.listings[self.listed(symbol)?];
        let (side, level) = price_match.level(side);
        let found = listing.source.levels(side).nth(level - 1);
        found.map(|(ticks, _)| listing.grid.price(ticks)).ok_or_else(refusals::no_depth)
    }
}
