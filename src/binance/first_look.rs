//! What a start asks before it knows whether something that is held lacks its stop.
//!
//! The process before may have died between a fill and its stop: these answers stand between the
//! position and its protection, so they may use the weight that is kept for it (I12). What protects
//! in the end loses nothing by that, for orders and stops weigh nothing. With the first whole report
//! of the account it is over: from then on a reconciliation waits for the next window again.

use std::sync::atomic::{AtomicBool, Ordering};

use super::rate::Cost;
use super::request::Request;
use super::rest::RestClient;

/// The venue's time, its rules, the account's right to trade and its fees, without which no engine
/// starts; and the report of the account.
const PATHS: [&str; 9] = [
    "/fapi/v1/time",
    "/fapi/v1/exchangeInfo",
    "/fapi/v1/accountConfig",
    "/fapi/v1/commissionRate",
    "/fapi/v3/positionRisk",
    "/fapi/v3/balance",
    "/fapi/v1/openOrders",
    "/fapi/v1/openAlgoOrders",
    "/fapi/v1/userTrades",
];

/// Whether a client is still looking at the account for the first time.
#[derive(Debug, Default)]
pub(super) struct FirstLook(AtomicBool);

impl FirstLook {
    /// What a request costs, and whether it protects, as things are.
    pub(super) fn cost_of(&self, request: &Request) -> Cost {
        let leads_to_protection = self.0.load(Ordering::Relaxed) && PATHS.contains(&request.path);
        let is_protective = request.cost.is_protective || leads_to_protection;
        Cost { is_protective, ..request.cost }
    }
}

impl RestClient {
    /// From now on until the account is known, what leads to protection counts as protection.
    pub fn begin_first_look(&self) {
        self.first_look.0.store(true, Ordering::Relaxed);
    }

    /// The account is known.
    pub(super) fn end_first_look(&self) {
        self.first_look.0.store(false, Ordering::Relaxed);
    }
}
