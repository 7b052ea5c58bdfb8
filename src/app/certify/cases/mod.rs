//! The cases by what they are about. A number is never reused for another claim.

mod access;
mod account;
mod batches;
mod conditional;
mod conditional_limits;
mod market;
mod open_points;
mod orders;
mod position;
mod refusals;
mod refused_codes;
mod rules;
mod socket_interface;
mod spot;
mod streams;
mod user_stream;

use super::case::Case;

pub(super) use conditional::{COUNTDOWN_CASE, STOPS_SURVIVE_COUNTDOWN};

/// Every case, in its order.
#[must_use]
pub fn all() -> Vec<Case> {
    [
        rules::CASES,
        market::CASES,
        access::CASES,
        account::CASES,
        orders::CASES,
        refusals::CASES,
        batches::CASES,
        conditional::CASES,
        conditional_limits::CASES,
        position::CASES,
        streams::CASES,
        user_stream::CASES,
        socket_interface::CASES,
        spot::CASES,
        open_points::CASES,
        refused_codes::CASES,
    ]
    .concat()
}
