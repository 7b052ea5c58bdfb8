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
    /// Leverage out of range.
    bad_leverage = -4028 "Leverage is not valid.";
    /// Too many waiting stops.
    max_stops = -4045 "Reach max stop order limit.";
    /// The client id names an open order.
    duplicate_client_id = -4116 "ClientOrderId is duplicated.";
    /// No counterparty inside the bound around the mark price.
    market_out_of_bound = -4131
        "The counterparty's best price does not meet the PERCENT_PRICE filter limit.";
    /// Fill-or-kill cannot be filled.
    cannot_fill = -5021
        "Due to the order could not be filled immediately, the FOK order has been rejected.";
    /// Post-only would take.
    would_take = -5022
        "Due to the order could not be executed as maker, the Post Only order will be rejected.";
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
