//! Who quotes at which distance from the best price, and how much.
//!
//! The participants of one level share an information and an inventory: the informed among them
//! put more on the side the price is about to leave and less on the side it is about to reach; all
//! of them lean with inventories of their own, one common and one per level, that say nothing
//! about the price. Levels differ in both, so that no single level tells what ten together do.
//!
//! Does not know the book: it answers how much somebody wants to rest at a rank.

use super::draws::{Draws, Purpose, floor};
use super::latent::relax;
use super::settings::MarketSettings;
use crate::domain::Side;

/// How many levels a side the participants keep re-quoting; deeper quantity just waits.
pub(super) const QUOTED_LEVELS: usize = 12;
/// The log standard deviation of a single quote's size.
const SIZE_SPREAD: f64 = 0.35;
/// How much the informed of each level know, relative to the settings' lean.
const INFORMED: [f64; QUOTED_LEVELS] = [0.9, 0.7, 1.0, 0.6, 0.9, 0.4, 0.5, 0.2, 0.3, 0.1, 0.0, 0.0];
/// How much each level leans with the inventory that all share.
const COMMON: [f64; QUOTED_LEVELS] = [0.6, 0.8, 0.7, 0.9, 0.8, 1.0, 0.9, 1.0, 1.0, 1.1, 1.0, 1.0];

/// The participants' inventories.
#[derive(Debug, Clone)]
pub(super) struct Crowd {
    common: f64,
    own: [f64; QUOTED_LEVELS],
    lean: [f64; QUOTED_LEVELS],
    draws: Draws,
    informed_lean: f64,
    inventory_lean: f64,
    inventory_seconds: f64,
    level_lots: f64,
}

impl Crowd {
    pub(super) fn new(settings: &MarketSettings, seed: u64) -> Self {
        let mut draws = Draws::new(seed, Purpose::Quotes);
        Self {
            common: draws.normal(),
            own: std::array::from_fn(|_| draws.normal()),
            lean: [0.0; QUOTED_LEVELS],
            draws,
            informed_lean: settings.informed_lean,
            inventory_lean: settings.inventory_lean,
            inventory_seconds: settings.inventory_seconds,
            level_lots: settings.level_lots,
        }
    }

    /// Lets `seconds` pass, and every participant look at the `drift` anew.
    pub(super) fn advance(&mut self, seconds: f64, drift: f64) {
        let times = seconds / self.inventory_seconds;
        self.common = relax(self.common, times, self.draws.normal());
        for (level, own) in self.own.iter_mut().enumerate() {
            *own = relax(*own, times, self.draws.normal());
            let inventory = COMMON[level] * self.common + *own;
            self.lean[level] =
                self.informed_lean * INFORMED[level] * drift + self.inventory_lean * inventory;
        }
    }

    /// The lots that the participants of a rank (0 is the best) now want to rest on a side.
    pub(super) fn lots(&mut self, side: Side, rank: usize) -> i64 {
        let lean = self.lean.get(rank).copied().unwrap_or(0.0);
        let lean = match side {
            Side::Buy => lean,
            Side::Sell => -lean,
        };
        let log_quantity = SIZE_SPREAD * self.draws.normal() + lean / 2.0;
        1 + floor(self.level_lots * log_quantity.exp())
    }

    /// The distance to the next level, in ticks.
    pub(super) fn gap(&mut self, mean: f64) -> i64 {
        self.draws.whole_from_one(mean)
    }
}
