//! Leverage brackets: the larger the position, the less leverage and the more maintenance margin.
//!
//! The tables have the venue's shape and its figures of 2024 for BTCUSDT; they are public
//! knowledge and no promise: a client asks for them (exchange-api.md 4.5) and never assumes them.
//!
//! Invariants: **1** brackets join without gap from a notional of zero; **2** the maintenance
//! margin grows with the notional without a jump, which is what the deduction of each bracket is for.

use crate::domain::decimal::UNITS_PER_ONE;
use crate::domain::{Amount, Rate, Side, Symbol};

/// One bracket of a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bracket {
    /// The most leverage a position of this size may have.
    pub leverage: u32,
    /// The notional above which it holds.
    pub notional_floor: Amount,
    /// The notional up to which it holds.
    pub notional_cap: Amount,
    /// The maintenance margin as a fraction of notional.
    pub maintenance_rate: Rate,
    /// What that fraction is too much by, because the lower brackets ask for less (`cum`).
    pub maintenance_deduction: Amount,
}

/// The brackets of one symbol, smallest notional first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brackets(Vec<Bracket>);

/// Leverage, notional cap in quote asset, maintenance rate in basis points.
type Row = (u32, i64, i64);

const BITCOIN: &[Row] = &[
    (125, 50_000, 40),
    (100, 600_000, 50),
    (75, 3_000_000, 65),
    (50, 12_000_000, 100),
    (25, 70_000_000, 200),
    (20, 100_000_000, 250),
    (10, 230_000_000, 500),
    (5, 480_000_000, 1_000),
    (4, 600_000_000, 1_250),
    (3, 800_000_000, 1_500),
    (2, 1_200_000_000, 2_500),
    (1, 1_800_000_000, 5_000),
];

const ETHER: &[Row] = &[
    (125, 50_000, 40),
    (100, 600_000, 50),
    (75, 3_000_000, 65),
    (50, 12_000_000, 100),
    (25, 50_000_000, 200),
    (20, 65_000_000, 250),
    (10, 150_000_000, 500),
    (5, 320_000_000, 1_000),
    (4, 400_000_000, 1_250),
    (3, 530_000_000, 1_500),
    (2, 800_000_000, 2_500),
    (1, 1_200_000_000, 5_000),
];

const OTHERS: &[Row] = &[
    (75, 10_000, 65),
    (50, 100_000, 100),
    (25, 2_000_000, 200),
    (20, 4_000_000, 250),
    (10, 10_000_000, 500),
    (5, 20_000_000, 1_000),
    (4, 25_000_000, 1_250),
    (2, 50_000_000, 2_500),
    (1, 100_000_000, 5_000),
];

impl Brackets {
    /// The brackets of a symbol.
    #[must_use]
    pub fn of(symbol: Symbol) -> Self {
        Self::from_rows(match symbol.as_str() {
            "BTCUSDT" => BITCOIN,
            "ETHUSDT" => ETHER,
            _ => OTHERS,
        })
    }

    fn from_rows(rows: &[Row]) -> Self {
        let (mut floor, mut last_bps, mut deduction) = (0, 0, 0);
        let bracket = |&(leverage, cap, bps): &Row| {
            deduction += floor * (bps - last_bps) * (UNITS_PER_ONE / 10_000);
            let bracket = Bracket {
                leverage,
                notional_floor: units(floor * UNITS_PER_ONE),
                notional_cap: units(cap * UNITS_PER_ONE),
                maintenance_rate: Rate::from_units(bps * (UNITS_PER_ONE / 10_000))
                    .unwrap_or_default(),
                maintenance_deduction: units(deduction),
            };
            (floor, last_bps) = (cap, bps);
            bracket
        };
        Self(rows.iter().map(bracket).collect())
    }

    /// Every bracket, smallest notional first.
    #[must_use]
    pub fn rows(&self) -> &[Bracket] {
        &self.0
    }

    /// The most leverage any position may have.
    #[must_use]
    pub fn max_leverage(&self) -> u32 {
        self.0.first().map_or(1, |bracket| bracket.leverage)
    }

    /// The largest notional that may be held at a leverage; more of it than there is counts as the
    /// most there is.
    #[must_use]
    pub fn max_notional(&self, leverage: u32) -> Amount {
        let leverage = leverage.min(self.max_leverage());
        let allowing = self.0.iter().rev().find(|bracket| bracket.leverage >= leverage);
        allowing.map_or(Amount::ZERO, |bracket| bracket.notional_cap)
    }

    /// The margin below which a position of this notional is liquidated.
    #[must_use]
    pub fn maintenance_margin(&self, notional: Amount) -> Amount {
        let holding = self.0.iter().find(|bracket| notional <= bracket.notional_cap);
        let Some(bracket) = holding.or(self.0.last()) else { return Amount::ZERO };
        let whole = notional.times(bracket.maintenance_rate).unwrap_or(notional);
        whole.saturating_add(-bracket.maintenance_deduction).max(Amount::ZERO)
    }

    /// The notional at which a position's equity meets its maintenance margin: `cost` is what it
    /// was opened for, `cushion` the margin behind it. `None` if that would be below zero.
    ///
    /// In a bracket of rate `r` and deduction `d`, a long gets there at
    /// `(cost − cushion − d) / (1 − r)` and a short at `(cost + cushion + d) / (1 + r)`.
    pub(super) fn liquidation_notional(
        &self,
        side: Side,
        cost: Amount,
        cushion: Amount,
    ) -> Option<i128> {
        const ONE: i128 = UNITS_PER_ONE as i128;
        let (cost, cushion) = (i128::from(cost.units()), i128::from(cushion.units()));
        let at = |bracket: &Bracket| {
            let deduction = i128::from(bracket.maintenance_deduction.units());
            let rate = i128::from(bracket.maintenance_rate.units());
            match side {
                Side::Buy => (cost - cushion - deduction) * ONE / (ONE - rate),
                Side::Sell => (cost + cushion + deduction) * ONE / (ONE + rate),
            }
        };
        // The margin is continuous, so a bracket that is too small for its own answer rules itself
        // out, and the first that is not holds the only one.
        let fits = |bracket: &&Bracket| at(bracket) <= i128::from(bracket.notional_cap.units());
        let bracket = self.0.iter().find(fits).or(self.0.last())?;
        Some(at(bracket)).filter(|notional| *notional > 0)
    }
}

fn units(units: i64) -> Amount {
    Amount::from_units(units).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    fn bitcoin() -> Brackets {
        Brackets::of(Symbol::new("BTCUSDT").unwrap())
    }

    #[test]
    fn deductions_are_those_the_venue_publishes() {
        let deductions: Vec<String> =
            bitcoin().rows().iter().map(|row| row.maintenance_deduction.to_string()).collect();
        assert_eq!(deductions[..5], ["0", "50", "950", "11450", "131450"]);
        assert_eq!(deductions[11], "421481450");
    }

    #[test]
    fn leverage_bounds_the_notional() {
        let brackets = bitcoin();
        assert_eq!(brackets.max_leverage(), 125);
        assert_eq!(brackets.max_notional(125), amount("50000"));
        assert_eq!(brackets.max_notional(101), amount("50000"));
        assert_eq!(brackets.max_notional(21), amount("70000000"));
        assert_eq!(brackets.max_notional(1), amount("1800000000"));
    }

    #[test]
    fn invariants_1_and_2_brackets_join_and_the_margin_does_not_jump() {
        for symbol in ["BTCUSDT", "ETHUSDT", "XRPUSDT"] {
            let brackets = Brackets::of(Symbol::new(symbol).unwrap());
            for two in brackets.rows().windows(2) {
                assert_eq!(two[0].notional_cap, two[1].notional_floor, "{symbol}");
                assert!(two[0].leverage > two[1].leverage, "{symbol}");
                let edge = two[0].notional_cap;
                let below = brackets.maintenance_margin(edge);
                let above = brackets.maintenance_margin(edge.saturating_add(amount("0.00000001")));
                assert!((above.units() - below.units()).abs() <= 1, "{symbol} at {edge}");
            }
        }
    }

    proptest! {
        #[test]
        fn equity_meets_the_maintenance_margin_at_the_liquidation_notional(
            cost in 1_000..900_000_000_i64,
            share in 1..95_i64,
            is_long: bool,
        ) {
            let (brackets, side) = (bitcoin(), if is_long { Side::Buy } else { Side::Sell });
            let cost = units(cost * UNITS_PER_ONE);
            let cushion = units(cost.units() / 100 * share);
            let Some(at) = brackets.liquidation_notional(side, cost, cushion) else {
                return Ok(());
            };
            let at = units(i64::try_from(at).unwrap());
            let profit = match side {
                Side::Buy => at.saturating_add(-cost),
                Side::Sell => cost.saturating_add(-at),
            };
            let equity = cushion.saturating_add(profit);
            let gap = equity.saturating_add(-brackets.maintenance_margin(at));
            prop_assert!(gap.units().abs() <= 4, "{equity} at {at}");
        }
    }
}
