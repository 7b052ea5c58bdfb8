//! The vocabulary: values that cannot be wrong. No logic beyond arithmetic, no I/O.
//!
//! | value | unit |
//! |---|---|
//! | [`Price`] | quote asset per base asset, 1e-8 |
//! | [`Quantity`], [`Exposure`] | base asset, 1e-8; exposure is signed |
//! | [`Amount`] | quote asset, 1e-8, signed |
//! | [`Rate`] | dimensionless fraction, 1e-8; 1 bps = 0.0001 |
//! | [`Timestamp`] | nanoseconds since the Unix epoch, UTC |
//! | [`Second`] | the one-second grid; a second is named by the moment it ends |
//!
//! Invariants: money is integer; overflow is an error or saturates where said; an id's type tells
//! who assigned it.

mod account_terms;
pub mod decimal;
mod ids;
mod income;
mod instrument;
mod money;
mod order;
pub mod plain_decimal;
mod prediction;
mod price;
mod quantity;
mod report;
mod side;
mod text;
mod time;

pub use account_terms::{AccountTerms, SymbolTerms};
pub use decimal::DecimalError;
pub use ids::{AlgoOrderId, ClientOrderId, ModelId, OrderId, RunId, TradeId};
pub use income::{Income, IncomeId, IncomeKind};
pub use instrument::{Asset, Environment, FilterViolation, Filters, Instrument, Market, Symbol};
pub use money::{Amount, Rate};
pub use order::{
    OrderKind, OrderRequest, OrderStatus, SelfTradePrevention, StopRequest, StopSize, StopStatus,
    TimeInForce,
};
pub use prediction::{HORIZON, Prediction};
pub use price::{Price, Rounding};
pub use quantity::{Exposure, Quantity};
pub use report::{
    AccountReport, BalanceReport, Failure, FeeRates, Fill, OrderReport, PositionReport, Rejection,
    StopReport,
};
pub use side::Side;
pub use text::TextError;
pub use time::{Second, TimeError, Timestamp};

/// Divides, rounding half away from zero; the divisor must be positive.
const fn divide_half_away(dividend: i128, divisor: i128) -> i128 {
    let half = divisor / 2;
    if dividend < 0 { (dividend - half) / divisor } else { (dividend + half) / divisor }
}

/// Moves non-negative units onto a grid; a zero grid changes nothing.
fn decimal_round(units: i64, grid: i64, rounding: Rounding) -> Result<i64, DecimalError> {
    if grid <= 0 {
        return Ok(units);
    }
    let down = units - units % grid;
    match rounding {
        Rounding::Down => Ok(down),
        Rounding::Up if down == units => Ok(units),
        Rounding::Up => down
            .checked_add(grid)
            .ok_or_else(|| DecimalError::Overflow(format!("{units} rounded up to {grid} units"))),
    }
}
