//! The REST interface as a table: each endpoint with its security, its weight and its answer.
//!
//! Sans I/O; [`http`] carries requests and replies. Where a request is refused before it is
//! understood, its weight still counts, as at the venue.

#![expect(clippy::struct_field_names, reason = "fields have the venue's names")]
#![expect(clippy::unnecessary_wraps, reason = "every endpoint has the same shape")]

mod account;
mod conditional;
pub(super) mod http;
mod market;
mod orders;
mod user_stream;

use serde::Serialize;

use crate::domain::Timestamp;

pub(super) use market::{level_text, next_funding_time};

use super::floor::Floor;
use super::gate::Security;
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::windows::Windows;

/// One HTTP request, as far as the protocol looks at it.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) body: String,
    pub(super) api_key: Option<String>,
}

/// What goes back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

/// What a request counts toward the weight limit.
#[derive(Clone, Copy)]
enum Weight {
    /// Always so much.
    Of(u32),
    /// So much with a symbol, so much without.
    BySymbol(u32, u32),
    /// By the number of levels.
    OfDepth,
}

type Answer = Result<String, Refusal>;

struct Endpoint {
    method: &'static str,
    path: &'static str,
    security: Security,
    weight: Weight,
    answer: fn(&mut Floor, &Parameters) -> Answer,
}

const fn endpoint(
    method: &'static str,
    path: &'static str,
    security: Security,
    weight: Weight,
    answer: fn(&mut Floor, &Parameters) -> Answer,
) -> Endpoint {
    Endpoint { method, path, security, weight, answer }
}

use Security::{Key, Public, Signed};
use Weight::{BySymbol, Of, OfDepth};

/// Every endpoint (exchange-api.md 2.1, 4.0).
const ENDPOINTS: &[Endpoint] = &[
    endpoint("GET", "/fapi/v1/ping", Public, Of(1), market::ping),
    endpoint("GET", "/fapi/v1/time", Public, Of(1), market::time),
    endpoint("GET", "/fapi/v1/exchangeInfo", Public, Of(1), market::exchange_info),
    endpoint("GET", "/fapi/v1/depth", Public, OfDepth, market::depth),
    endpoint("GET", "/fapi/v1/trades", Public, Of(5), market::trades),
    endpoint("GET", "/fapi/v1/aggTrades", Public, Of(20), market::aggregate_trades),
    endpoint("GET", "/fapi/v1/premiumIndex", Public, BySymbol(1, 10), market::premium_index),
    endpoint("GET", "/fapi/v1/ticker/bookTicker", Public, BySymbol(2, 5), market::book_ticker),
    endpoint("POST", "/fapi/v1/order", Signed, Of(0), orders::place),
    endpoint("GET", "/fapi/v1/order", Signed, Of(1), orders::query),
    endpoint("DELETE", "/fapi/v1/order", Signed, Of(1), orders::cancel),
    endpoint("GET", "/fapi/v1/openOrder", Signed, Of(1), orders::query_open),
    endpoint("GET", "/fapi/v1/openOrders", Signed, BySymbol(1, 40), orders::open_orders),
    endpoint("GET", "/fapi/v1/allOrders", Signed, Of(5), orders::all_orders),
    endpoint("DELETE", "/fapi/v1/allOpenOrders", Signed, Of(1), orders::cancel_all),
    endpoint("GET", "/fapi/v1/userTrades", Signed, Of(5), orders::user_trades),
    endpoint("GET", "/fapi/v1/rateLimit/order", Signed, Of(1), orders::rate_limit),
    endpoint("POST", "/fapi/v1/algoOrder", Signed, Of(0), conditional::place),
    endpoint("GET", "/fapi/v1/algoOrder", Signed, Of(1), conditional::query),
    endpoint("DELETE", "/fapi/v1/algoOrder", Signed, Of(1), conditional::cancel),
    endpoint("GET", "/fapi/v1/openAlgoOrders", Signed, BySymbol(1, 40), conditional::open_orders),
    endpoint("DELETE", "/fapi/v1/algoOpenOrders", Signed, Of(1), conditional::cancel_all),
    endpoint("GET", "/fapi/v2/balance", Signed, Of(5), account::balance),
    endpoint("GET", "/fapi/v3/balance", Signed, Of(5), account::balance),
    endpoint("GET", "/fapi/v2/account", Signed, Of(5), account::account_v2),
    endpoint("GET", "/fapi/v3/account", Signed, Of(5), account::account_v3),
    endpoint("GET", "/fapi/v2/positionRisk", Signed, Of(5), account::position_risk_v2),
    endpoint("GET", "/fapi/v3/positionRisk", Signed, Of(5), account::position_risk_v3),
    endpoint("GET", "/fapi/v1/accountConfig", Signed, Of(5), account::account_config),
    endpoint("GET", "/fapi/v1/symbolConfig", Signed, Of(5), account::symbol_config),
    endpoint("GET", "/fapi/v1/commissionRate", Signed, Of(20), account::commission_rate),
    endpoint("POST", "/fapi/v1/leverage", Signed, Of(1), account::set_leverage),
    endpoint("POST", "/fapi/v1/marginType", Signed, Of(1), account::set_margin_type),
    endpoint("GET", "/fapi/v1/positionSide/dual", Signed, Of(30), account::position_mode),
    endpoint("POST", "/fapi/v1/positionSide/dual", Signed, Of(1), account::set_position_mode),
    endpoint("POST", "/fapi/v1/listenKey", Key, Of(1), user_stream::open),
    endpoint("PUT", "/fapi/v1/listenKey", Key, Of(1), user_stream::keep_alive),
    endpoint("DELETE", "/fapi/v1/listenKey", Key, Of(1), user_stream::close),
];

impl Endpoint {
    fn is_new_order(&self) -> bool {
        self.method == "POST" && matches!(self.path, "/fapi/v1/order" | "/fapi/v1/algoOrder")
    }
}

impl Weight {
    fn of(self, parameters: &Parameters) -> u32 {
        match self {
            Of(weight) => weight,
            BySymbol(with, without) => match parameters.text("symbol") {
                Ok(Some(_)) => with,
                Ok(None) | Err(_) => without,
            },
            OfDepth => match parameters.integer::<u32>("limit") {
                Ok(Some(..=50)) => 2,
                Ok(Some(51..=100)) => 5,
                Ok(Some(501..)) => 20,
                Ok(Some(101..=500) | None) | Err(_) => 10,
            },
        }
    }
}

impl Floor {
    /// Answers one request at a moment.
    pub(super) fn serve(&mut self, now: Timestamp, request: &Request) -> Reply {
        self.catch_up(now);
        let now = self.now();
        let found = ENDPOINTS
            .iter()
            .find(|found| found.method == request.method && found.path == request.path);
        let answer = match found {
            Some(endpoint) => self.answer(now, endpoint, request),
            None => Err(Refusal::unknown_path(&request.method, &request.path)),
        };
        self.publish();
        let is_order = found.is_some_and(Endpoint::is_new_order) && answer.is_ok();
        let mut headers = self.windows.headers(now, is_order);
        match answer {
            Ok(body) => Reply { status: 200, headers, body },
            Err(refusal) => {
                if refusal.status == 429 {
                    headers.push(("retry-after", Windows::seconds_left(now).to_string()));
                }
                Reply { status: refusal.status, headers, body: refusal.body() }
            }
        }
    }

    fn answer(&mut self, now: Timestamp, endpoint: &Endpoint, request: &Request) -> Answer {
        let parameters = Parameters::parse(&request.query, &request.body)?;
        self.windows.spend_weight(now, endpoint.weight.of(&parameters))?;
        self.gate.admit(now, endpoint.security, request, &parameters)?;
        if endpoint.is_new_order() {
            self.windows.spend_order(now)?;
        }
        (endpoint.answer)(self, &parameters)
    }
}

fn to_json(value: &impl Serialize) -> Answer {
    serde_json::to_string(value).map_err(|_| Refusal::internal())
}

/// The venue's "done" without anything to tell.
#[derive(Serialize)]
struct Done {
    code: i32,
    msg: &'static str,
}
