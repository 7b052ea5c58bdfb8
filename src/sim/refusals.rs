//! The venue's refusals, by code (exchange-api.md 7.1). Texts follow the venue's.

use crate::domain::{FilterViolation, Price, Quantity, Rejection};

fn refuse(code: i32, reason: &str) -> Rejection {
    Rejection { code, reason: reason.to_owned() }
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $code:literal $text:literal;)*) => {
        $($(#[$doc])* pub(super) fn $name() -> Rejection { refuse($code, $text) })*
    };
}

refusals! {
    /// The symbol is not listed.
    bad_symbol = -1121 "Invalid symbol.";
    /// The order to cancel is not open.
    unknown_order = -2011 "Unknown order sent.";
    /// The order asked about is not known.
    no_such_order = -2013 "Order does not exist.";
    /// The account cannot carry the order.
    margin_insufficient = -2019 "Margin is insufficient.";
    /// The stop's condition holds already.
    would_trigger = -2021 "Order would immediately trigger.";
    /// There is nothing to reduce.
    reduce_only = -2022 "ReduceOnly Order is rejected.";
    /// Too many open orders.
    max_open_orders = -2025 "Reach max open order limit.";
    /// The position could grow beyond what its leverage allows.
    position_too_large = -2027 "Exceeded the maximum allowable position at current leverage.";
    /// Less leverage would bind more margin than there is.
    leverage_too_small =
        -2028 "Leverage is smaller than permitted: insufficient margin balance.";
    /// What stands behind the position is so already.
    same_margin_type = -4046 "No need to change margin type.";
    /// Orders are open in the symbol.
    margin_type_with_orders =
        -4047 "Margin type cannot be changed if there exists open orders.";
    /// A position is open in the symbol.
    margin_type_with_position = -4048 "Margin type cannot be changed if there exists position.";
    /// Only isolated positions have margin of their own.
    margin_of_cross = -4049 "Add margin only support for isolated position.";
    /// More than is free.
    cross_insufficient = -4050 "Cross balance insufficient.";
    /// More than the position can spare.
    isolated_insufficient = -4051 "Isolated balance insufficient.";
    /// There is no position to move margin to.
    margin_of_nothing = -4054 "Cannot add position margin: position is 0.";
    /// Nothing to move.
    amount_not_positive = -4055 "Amount must be positive.";
    /// The position mode is so already.
    same_position_mode = -4059 "No need to change position side.";
    /// Orders are open.
    position_mode_with_orders =
        -4067 "Position side cannot be changed if there exists open orders.";
    /// Positions are open.
    position_mode_with_positions =
        -4068 "Position side cannot be changed if there exists position.";
    /// The account holds a long and a short position a symbol, and the order does not say which.
    side_of_other_mode = -4061 "Order's position side does not match user's setting.";
    /// The symbol takes no order that opens or adds.
    no_new_positions = -4140 "Invalid symbol status for opening position.";
    /// The symbol takes no order.
    symbol_closed = -4141 "Symbol is closed.";
    /// Less leverage on an isolated position.
    isolated_leverage = -4161
        "Leverage reduction is not supported in Isolated Margin Mode with open positions.";
    /// Several assets cannot back positions together while one is isolated.
    multi_assets_among_isolated = -4167
        "Unable to adjust to Multi-Assets mode with symbols of USD-M Futures under \
         isolated-margin mode.";
    /// No isolated margin while several assets back positions together.
    isolated_among_multi_assets =
        -4168 "Unable to adjust to isolated-margin mode under the Multi-Assets mode.";
    /// Whether several assets back positions together is so already.
    same_multi_assets =
        -4171 "No need to change multi-assets mode.";
    /// Hedge mode is not offered (exchange-api.md 7.1).
    position_mode_blocked =
        -4531 "Position mode cannot be changed at the moment. Please try again later.";
    /// Funding hours that do not divide a day.
    bad_funding_interval = -1130 "Data sent for parameter 'fundingIntervalHours' is not valid.";
    /// Too many waiting stops.
    max_stops = -4045 "Reach max stop order limit.";
    /// The client id names an open order.
    duplicate_client_id = -4116 "ClientOrderId is duplicated.";
    /// The stop is on its way into the matching engine.
    stop_triggering = -4117 "Stop order is in triggering process. Please try again later.";
    /// No counterparty inside the bound around the mark price.
    market_out_of_bound = -4131
        "The counterparty's best price does not meet the PERCENT_PRICE filter limit.";
    /// Fill-or-kill cannot be filled.
    cannot_fill = -5021
        "Due to the order could not be filled immediately, the FOK order has been rejected.";
    /// Post-only would take.
    would_take = -5022
        "Due to the order could not be executed as maker, the Post Only order will be rejected.";
    /// Only limit orders can be changed.
    only_limit = -5025 "Only limit order is supported.";
    /// The order has been changed too often.
    too_many_amendments = -5026 "Exceed maximum modify order limit.";
    /// The change changes nothing.
    no_change = -5027 "No need to modify the order.";
    /// The book is not so deep.
    no_depth = -5041 "No depth matches this BBO order.";
    /// The side is not the order's.
    other_side = -1117 "Invalid side.";
}

/// The refusal of a filter that a changed order would break.
pub(super) fn of_amended_filter(violation: &FilterViolation) -> Rejection {
    match *violation {
        FilterViolation::NotionalTooSmall(_, least) => Rejection {
            code: -5029,
            reason: format!("Order's notional must be no smaller than {least}."),
        },
        FilterViolation::OffTick(..)
        | FilterViolation::PriceRange(..)
        | FilterViolation::OffStep(..)
        | FilterViolation::QuantityTooSmall(..)
        | FilterViolation::QuantityTooLarge(..)
        | FilterViolation::PercentPrice(..)
        | FilterViolation::NotTradable => of_filter(violation),
    }
}

/// Leverage out of range.
pub(super) fn bad_leverage(leverage: u32) -> Rejection {
    refuse(-4028, &format!("Leverage {leverage} is not valid."))
}

/// The refusal of a broken filter.
pub(super) fn of_filter(violation: &FilterViolation) -> Rejection {
    match *violation {
        FilterViolation::OffTick(..) => refuse(-4014, "Price not increased by tick size."),
        FilterViolation::PriceRange(price, lowest, _) if price.is_zero() || price < lowest => {
            refuse(-4013, "Price less than min price.")
        }
        FilterViolation::PriceRange(..) => refuse(-4002, "Price greater than max price."),
        FilterViolation::OffStep(quantity, step) if decimals(quantity) > decimals(step) => {
            refuse(-1111, "Precision is over the maximum defined for this asset.")
        }
        FilterViolation::OffStep(..) => refuse(-4023, "Qty not increased by step size."),
        FilterViolation::QuantityTooSmall(quantity, _) if quantity.is_zero() => {
            refuse(-4003, "Quantity less than or equal to zero.")
        }
        FilterViolation::QuantityTooSmall(..) => refuse(-4004, "Quantity less than min quantity."),
        FilterViolation::QuantityTooLarge(..) => {
            refuse(-4005, "Quantity greater than max quantity.")
        }
        FilterViolation::NotionalTooSmall(_, least) => Rejection {
            code: -4164,
            reason: format!(
                "Order's notional must be no smaller than {least} (unless you choose reduce only)."
            ),
        },
        FilterViolation::PercentPrice(price, bound) => percent_price(price, bound),
        FilterViolation::NotTradable => {
            refuse(-4140, "Invalid symbol status for opening position.")
        }
    }
}

fn percent_price(price: Price, bound: Price) -> Rejection {
    if price > bound {
        Rejection { code: -4016, reason: format!("Limit price can't be higher than {bound}.") }
    } else {
        Rejection { code: -4024, reason: format!("Limit price can't be lower than {bound}.") }
    }
}

/// Decimal places needed to write a quantity.
fn decimals(quantity: Quantity) -> u32 {
    let mut units = quantity.units();
    let mut places = crate::domain::decimal::DECIMALS;
    while places > 0 && units % 10 == 0 {
        units /= 10;
        places -= 1;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_finer_than_the_step_is_a_precision_error() {
        let violation = |quantity: &str, step: &str| {
            FilterViolation::OffStep(quantity.parse().unwrap(), step.parse().unwrap())
        };
        assert_eq!(of_filter(&violation("0.0015", "0.001")).code, -1111);
        assert_eq!(of_filter(&violation("7", "5")).code, -4023);
    }

    #[test]
    fn prices_beyond_the_bound_name_the_side_they_broke() {
        let violation = |price: &str, bound: &str| {
            FilterViolation::PercentPrice(price.parse().unwrap(), bound.parse().unwrap())
        };
        assert_eq!(of_filter(&violation("106", "105")).code, -4016);
        assert_eq!(of_filter(&violation("94", "95")).code, -4024);
    }
}
