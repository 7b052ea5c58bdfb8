//! The REST interface as a table: each endpoint with its security, its weight and its answer.
//!
//! Sans I/O; [`http`] carries requests and replies. Where a request is refused before it is
//! understood, its weight still counts, as at the venue.

#![expect(clippy::struct_field_names, reason = "fields have the venue's names")]
#![expect(clippy::unnecessary_wraps, reason = "every endpoint has the same shape")]

mod account;
mod amend;
mod batch;
mod conditional;
mod configuration;
mod countdown;
mod funding;
pub(super) mod http;
mod income;
pub(super) mod klines;
pub(super) mod line;
mod market;
mod order_body;
mod order_form;
mod orders;
mod positions;
pub(super) mod spot;
pub(super) mod stop_body;
mod user_stream;

use serde::Serialize;

use crate::domain::Timestamp;
use crate::sim::AccountId;

pub(super) use market::level_text;

use super::floor::Floor;
use super::gate::Security;
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::windows::Pool;

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

impl Reply {
    /// A refusal, without headers.
    pub(super) fn refused(refusal: &Refusal) -> Self {
        Self { status: refusal.status, headers: Vec::new(), body: refusal.body() }
    }
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
    /// By the number of levels, at the spot interface.
    OfSpotDepth,
    /// By the number of candles.
    OfKlines,
}

/// The body of an answer, or why there is none.
pub(super) type Answer = Result<String, Refusal>;

/// One row of the table.
pub(super) struct Endpoint {
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
use Weight::{BySymbol, Of, OfDepth, OfKlines, OfSpotDepth};

/// Every endpoint (exchange-api.md 2.1, 4.0).
const ENDPOINTS: &[Endpoint] = &[
    endpoint("GET", "/fapi/v1/ping", Public, Of(1), market::ping),
    endpoint("GET", "/fapi/v1/time", Public, Of(1), market::time),
    endpoint("GET", "/fapi/v1/exchangeInfo", Public, Of(1), market::exchange_info),
    endpoint("GET", "/fapi/v1/depth", Public, OfDepth, market::depth),
    endpoint("GET", "/fapi/v1/rpiDepth", Public, Of(20), market::rpi_depth),
    endpoint("GET", "/api/v3/ping", Public, Of(1), market::ping),
    endpoint("GET", "/api/v3/time", Public, Of(1), market::time),
    endpoint("GET", "/api/v3/exchangeInfo", Public, Of(20), spot::exchange_info),
    endpoint("GET", "/api/v3/depth", Public, OfSpotDepth, spot::depth),
    endpoint("GET", "/api/v3/klines", Public, Of(2), spot::klines),
    endpoint("GET", "/fapi/v1/trades", Public, Of(5), market::trades),
    endpoint("GET", "/fapi/v1/historicalTrades", Key, Of(20), market::historical_trades),
    endpoint("GET", "/fapi/v1/klines", Public, OfKlines, klines::klines),
    endpoint("GET", "/fapi/v1/ticker/24hr", Public, BySymbol(1, 40), klines::day_ticker),
    endpoint("GET", "/fapi/v1/ticker/price", Public, BySymbol(1, 2), klines::price_ticker),
    endpoint("GET", "/fapi/v2/ticker/price", Public, BySymbol(1, 2), klines::price_ticker),
    endpoint("GET", "/fapi/v1/openInterest", Public, Of(1), klines::open_interest),
    endpoint("GET", "/fapi/v1/aggTrades", Public, Of(20), market::aggregate_trades),
    endpoint("GET", "/fapi/v1/premiumIndex", Public, BySymbol(1, 10), market::premium_index),
    endpoint("GET", "/fapi/v1/ticker/bookTicker", Public, BySymbol(2, 5), market::book_ticker),
    endpoint("POST", "/fapi/v1/order", Signed, Of(0), orders::place),
    endpoint("POST", "/fapi/v1/order/test", Signed, Of(0), orders::test),
    endpoint("PUT", "/fapi/v1/order", Signed, Of(0), amend::amend),
    endpoint("GET", "/fapi/v1/orderAmendment", Signed, Of(1), amend::history),
    endpoint("POST", "/fapi/v1/batchOrders", Signed, Of(5), batch::place),
    endpoint("PUT", "/fapi/v1/batchOrders", Signed, Of(5), batch::amend),
    endpoint("DELETE", "/fapi/v1/batchOrders", Signed, Of(1), batch::cancel),
    endpoint("POST", "/fapi/v1/countdownCancelAll", Signed, Of(10), countdown::cancel_all),
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
    endpoint("GET", "/fapi/v1/allAlgoOrders", Signed, Of(5), conditional::all_orders),
    endpoint("DELETE", "/fapi/v1/algoOpenOrders", Signed, Of(1), conditional::cancel_all),
    endpoint("GET", "/fapi/v2/balance", Signed, Of(5), account::balance),
    endpoint("GET", "/fapi/v3/balance", Signed, Of(5), account::balance),
    endpoint("GET", "/fapi/v2/account", Signed, Of(5), account::account_v2),
    endpoint("GET", "/fapi/v3/account", Signed, Of(5), account::account_v3),
    endpoint("GET", "/fapi/v2/positionRisk", Signed, Of(5), positions::risk_v2),
    endpoint("GET", "/fapi/v3/positionRisk", Signed, Of(5), positions::risk_v3),
    endpoint("POST", "/fapi/v1/positionMargin", Signed, Of(1), positions::move_margin),
    endpoint("GET", "/fapi/v1/forceOrders", Signed, BySymbol(20, 50), positions::forced_orders),
    endpoint("GET", "/fapi/v1/adlQuantile", Signed, Of(5), positions::deleveraging_quantile),
    endpoint("GET", "/fapi/v1/income", Signed, Of(30), income::income),
    endpoint("GET", "/fapi/v1/fundingRate", Public, Of(1), funding::rates),
    endpoint("GET", "/fapi/v1/fundingInfo", Public, Of(1), funding::adjusted),
    endpoint("GET", "/fapi/v1/accountConfig", Signed, Of(5), configuration::account),
    endpoint("GET", "/fapi/v1/symbolConfig", Signed, Of(5), configuration::symbol),
    endpoint("GET", "/fapi/v1/commissionRate", Signed, Of(20), configuration::commission_rate),
    endpoint("GET", "/fapi/v1/leverageBracket", Signed, Of(1), configuration::brackets),
    endpoint("POST", "/fapi/v1/leverage", Signed, Of(1), configuration::set_leverage),
    endpoint("POST", "/fapi/v1/marginType", Signed, Of(1), configuration::set_margin_type),
    endpoint("GET", "/fapi/v1/positionSide/dual", Signed, Of(30), configuration::hedge_mode),
    endpoint("POST", "/fapi/v1/positionSide/dual", Signed, Of(1), configuration::set_hedge_mode),
    endpoint("GET", "/fapi/v1/multiAssetsMargin", Signed, Of(30), configuration::multi_assets),
    endpoint("POST", "/fapi/v1/multiAssetsMargin", Signed, Of(1), configuration::set_multi_assets),
    endpoint("GET", "/fapi/v1/feeBurn", Signed, Of(30), configuration::fee_burn),
    endpoint("POST", "/fapi/v1/feeBurn", Signed, Of(1), configuration::set_fee_burn),
    endpoint(
        "GET",
        "/fapi/v1/apiTradingStatus",
        Signed,
        BySymbol(1, 10),
        configuration::trading_rules,
    ),
    endpoint("POST", "/fapi/v1/listenKey", Key, Of(1), user_stream::open),
    endpoint("PUT", "/fapi/v1/listenKey", Key, Of(1), user_stream::keep_alive),
    endpoint("DELETE", "/fapi/v1/listenKey", Key, Of(1), user_stream::close),
];

/// The endpoint of a method and path.
pub(super) fn endpoint_at(method: &str, path: &str) -> Option<&'static Endpoint> {
    ENDPOINTS.iter().find(|found| found.method == method && found.path == path)
}

impl Endpoint {
    /// From which pool its weight is taken.
    fn pool(&self) -> Pool {
        match self.path {
            "/fapi/v1/fundingRate" | "/fapi/v1/fundingInfo" => Pool::Funding,
            path if path.starts_with("/api/") => Pool::Spot,
            _ => Pool::Rest,
        }
    }

    /// What it asks of its caller.
    pub(super) const fn security(&self) -> Security {
        self.security
    }

    /// What a request with these parameters counts toward the weight limit.
    pub(super) fn weight_of(&self, parameters: &Parameters) -> u32 {
        self.weight.of(parameters)
    }

    /// What a request counts toward the order limits of ten seconds and of a minute.
    pub(super) fn orders(&self) -> Option<(u32, u32)> {
        match (self.method, self.path) {
            ("POST" | "PUT", "/fapi/v1/order") | ("POST", "/fapi/v1/algoOrder") => Some((1, 1)),
            ("POST" | "PUT", "/fapi/v1/batchOrders") => Some((5, 1)),
            _ => None,
        }
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
            OfKlines => klines::weight(parameters),
            OfSpotDepth => spot::depth_weight(parameters),
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
        let now = self.server_time();
        let found = endpoint_at(&request.method, &request.path);
        let first = self.account;
        let answer = self.windows.check_ban(now).and_then(|()| match found {
            Some(endpoint) => self.answer(now, endpoint, request),
            None => Err(Refusal::unknown_path(&request.method, &request.path)),
        });
        let served: AccountId = std::mem::replace(&mut self.account, first);
        self.publish();
        let is_order = found.and_then(Endpoint::orders).is_some() && answer.is_ok();
        let pool = found.map_or(Pool::Rest, Endpoint::pool);
        let mut headers = self.windows.headers(now, pool, is_order.then_some(served));
        match answer {
            Ok(body) => Reply { status: 200, headers, body },
            Err(refusal) => {
                if let Some(seconds) = refusal.retry_after {
                    headers.push(("retry-after", seconds.to_string()));
                }
                Reply { status: refusal.status, headers, body: refusal.body() }
            }
        }
    }

    fn answer(&mut self, now: Timestamp, endpoint: &Endpoint, request: &Request) -> Answer {
        let parameters = Parameters::parse(&request.query, &request.body)?;
        self.windows.spend_weight(now, endpoint.pool(), endpoint.weight.of(&parameters))?;
        if let Some(account) = self.gate.admit(now, endpoint.security, request, &parameters)? {
            self.account = account;
        }
        self.act(now, endpoint, &parameters)
    }

    /// Does what an admitted request asks, for the account in charge.
    pub(super) fn act(
        &mut self,
        now: Timestamp,
        endpoint: &Endpoint,
        parameters: &Parameters,
    ) -> Answer {
        if let Some(orders) = endpoint.orders() {
            self.windows.spend_orders(now, self.account, orders)?;
        }
        (endpoint.answer)(self, parameters)
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
