//! What an order's request says, whichever way it goes out: REST and the order socket send the
//! same parameters under the same client order id. Pure.

use std::time::Duration;

use hyper::Method;

use super::request::Request;
use crate::domain::{
    ClientOrderId, OrderKind, OrderRequest, Price, Quantity, Rate, SelfTradePrevention, Side,
    StopRequest, StopSize, Symbol, TimeInForce, Timestamp,
};

pub(super) const ORDER: &str = "/fapi/v1/order";
pub(super) const ALGO_ORDER: &str = "/fapi/v1/algoOrder";

/// What an order may say beyond what the engine asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OrderTerms {
    /// When the venue is to end it: a limit order works no longer (GTD). Whole seconds count.
    pub good_till: Option<Timestamp>,
    /// A place in the book instead of the price of a limit order.
    pub price_match: Option<PriceMatch>,
    /// Which order goes when it would trade with another of ours: always said, for the venue's own
    /// choice is told in two ways (exchange-api.md 12, 6).
    pub self_trade_prevention: SelfTradePrevention,
}

/// A place in the book that a limit order takes its price from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceMatch {
    /// The best price of the other side.
    Opponent,
    /// The fifth price of the other side.
    Opponent5,
    /// The best price of the own side.
    Queue,
    /// The fifth price of the own side.
    Queue5,
    /// The tenth price of the own side.
    Queue10,
    /// The twentieth price of the own side.
    Queue20,
}

/// A change of a limit order. It loses its place in the queue, and may end by it: where so much is
/// filled already, or where a post-only order would take (exchange-api.md 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amendment {
    /// Which order.
    pub client_order_id: ClientOrderId,
    /// What it trades.
    pub symbol: Symbol,
    /// Buy or sell, as it is.
    pub side: Side,
    /// The whole quantity from now on, what is filled included.
    pub quantity: Quantity,
    /// The limit price from now on.
    pub price: Price,
    /// A number for this change; the order's news carry it.
    pub modify_id: Option<u64>,
    /// Whether the order only reduces: then the change is protective. It is not sent: what the
    /// venue takes it for is not documented.
    pub is_reduce_only: bool,
}

/// A conditional order of any type (exchange-api.md 4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConditionalRequest {
    /// Our name for it, unique for ever.
    pub client_order_id: ClientOrderId,
    /// What to trade.
    pub symbol: Symbol,
    /// Buy or sell.
    pub side: Side,
    /// When, how much and at which price.
    pub kind: ConditionalKind,
    /// Which price triggers it.
    pub trigger_by: TriggerPrice,
    /// Whether it may only make the position smaller.
    pub reduce_only: bool,
    /// Whether it waits while mark and last price are far apart.
    pub price_protect: bool,
    /// Whether it waits only while the position lives; for those that become market orders, as
    /// limit orders say themselves how long they work.
    pub ends_with_position: bool,
}

/// When a conditional order comes to life, and what it is then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionalKind {
    /// A market order once the price has gone against the position.
    StopMarket(Price, StopSize),
    /// A market order once the price has come in the position's favour.
    TakeProfitMarket(Price, StopSize),
    /// A limit order once the price has gone against the position.
    Stop(Price, ConditionalLimit),
    /// A limit order once the price has come in the position's favour.
    TakeProfit(Price, ConditionalLimit),
    /// A market order once the price has turned back.
    TrailingStopMarket {
        /// By which part of its best it must turn: 0.001 to 0.2.
        callback_rate: Rate,
        /// From which price on it trails; at once if `None`.
        activate_price: Option<Price>,
        /// How much.
        quantity: Quantity,
    },
}

/// The limit order that a conditional one becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConditionalLimit {
    /// The worst price accepted.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
    /// How long it works.
    pub time_in_force: TimeInForce,
}

/// Which price triggers a conditional order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerPrice {
    /// The newest traded price.
    Contract,
    /// The mark price.
    Mark,
}

impl From<&StopRequest> for ConditionalRequest {
    /// A protective stop: reduces only, by the mark price.
    fn from(stop: &StopRequest) -> Self {
        Self {
            client_order_id: stop.client_order_id,
            symbol: stop.symbol,
            side: stop.side,
            kind: ConditionalKind::StopMarket(stop.trigger_price, stop.size),
            trigger_by: TriggerPrice::Mark,
            reduce_only: true,
            price_protect: false,
            ends_with_position: false,
        }
    }
}

impl ConditionalRequest {
    /// Whether it can only make the position smaller.
    #[must_use]
    pub const fn is_protective(&self) -> bool {
        self.reduce_only || self.closes_position()
    }

    const fn becomes_limit(&self) -> bool {
        matches!(self.kind, ConditionalKind::Stop(..) | ConditionalKind::TakeProfit(..))
    }

    const fn closes_position(&self) -> bool {
        matches!(
            self.kind,
            ConditionalKind::StopMarket(_, StopSize::ClosePosition)
                | ConditionalKind::TakeProfitMarket(_, StopSize::ClosePosition)
        )
    }
}

/// Places an ordinary order.
pub(super) fn placement(order: &OrderRequest, terms: &OrderTerms) -> Request {
    describe(Request::place(ORDER, order.reduce_only), order, terms)
}

/// Tries an ordinary order without placing it.
pub(super) fn rehearsal(order: &OrderRequest, terms: &OrderTerms) -> Request {
    describe(Request::rehearse("/fapi/v1/order/test"), order, terms)
}

fn describe(request: Request, order: &OrderRequest, terms: &OrderTerms) -> Request {
    let request = request
        .with("symbol", order.symbol)
        .with("side", order.side)
        .with("type", if order.kind.price().is_some() { "LIMIT" } else { "MARKET" })
        .with("quantity", order.quantity);
    let request = match order.kind {
        OrderKind::Limit { price, time_in_force } => limit(request, price, time_in_force, terms),
        OrderKind::Market => request,
    };
    let request = if order.reduce_only { request.with("reduceOnly", "true") } else { request };
    request
        .with("selfTradePreventionMode", prevention_code(terms.self_trade_prevention))
        .with("newClientOrderId", order.client_order_id)
        .with("newOrderRespType", "RESULT")
}

fn limit(
    request: Request,
    price: Price,
    time_in_force: TimeInForce,
    terms: &OrderTerms,
) -> Request {
    let request = match terms.price_match {
        Some(place) => request.with("priceMatch", price_match_code(place)),
        None => request.with("price", price),
    };
    match terms.good_till {
        Some(end) => request.with("timeInForce", "GTD").with("goodTillDate", end.millis()),
        None => request.with("timeInForce", time_in_force_code(time_in_force)),
    }
}

/// Changes an ordinary order.
pub(super) fn amendment(change: &Amendment) -> Request {
    Request::amend(ORDER, change.is_reduce_only)
        .with("symbol", change.symbol)
        .with("side", change.side)
        .with("quantity", change.quantity)
        .with("price", change.price)
        .with("origClientOrderId", change.client_order_id)
        .with_some("modifyId", change.modify_id)
}

/// Cancels an ordinary order.
pub(super) fn cancellation(symbol: Symbol, id: ClientOrderId) -> Request {
    Request::change(Method::DELETE, ORDER).with("symbol", symbol).with("origClientOrderId", id)
}

/// Asks where an ordinary order stands.
pub(super) fn question(symbol: Symbol, id: ClientOrderId) -> Request {
    Request::inquiry(ORDER, 1).with("symbol", symbol).with("origClientOrderId", id)
}

/// Places a conditional order.
pub(super) fn conditional_placement(
    order: &ConditionalRequest,
    prevention: SelfTradePrevention,
) -> Request {
    let request = Request::place(ALGO_ORDER, order.is_protective())
        .with("algoType", "CONDITIONAL")
        .with("symbol", order.symbol)
        .with("side", order.side);
    let request = match order.kind {
        ConditionalKind::StopMarket(trigger, size) => {
            at_market(request.with("type", "STOP_MARKET"), trigger, size)
        }
        ConditionalKind::TakeProfitMarket(trigger, size) => {
            at_market(request.with("type", "TAKE_PROFIT_MARKET"), trigger, size)
        }
        ConditionalKind::Stop(trigger, limit) => {
            at_limit(request.with("type", "STOP"), trigger, limit)
        }
        ConditionalKind::TakeProfit(trigger, limit) => {
            at_limit(request.with("type", "TAKE_PROFIT"), trigger, limit)
        }
        ConditionalKind::TrailingStopMarket { callback_rate, activate_price, quantity } => request
            .with("type", "TRAILING_STOP_MARKET")
            .with("callbackRate", percent(callback_rate))
            .with_some("activatePrice", activate_price)
            .with("quantity", quantity),
    };
    // closePosition and reduceOnly exclude each other (-4138).
    let is_reducing = order.reduce_only && !order.closes_position();
    let lives_with_position = order.ends_with_position && !order.becomes_limit();
    request
        .with_some("timeInForce", lives_with_position.then_some("GTE_GTC"))
        .with_some("reduceOnly", is_reducing.then_some("true"))
        .with_some("priceProtect", order.price_protect.then_some("true"))
        .with("workingType", trigger_code(order.trigger_by))
        .with("selfTradePreventionMode", prevention_code(prevention))
        .with("clientAlgoId", order.client_order_id)
}

fn at_market(request: Request, trigger: Price, size: StopSize) -> Request {
    let request = request.with("triggerPrice", trigger);
    match size {
        StopSize::Quantity(quantity) => request.with("quantity", quantity),
        StopSize::ClosePosition => request.with("closePosition", "true"),
    }
}

fn at_limit(request: Request, trigger: Price, limit: ConditionalLimit) -> Request {
    request
        .with("triggerPrice", trigger)
        .with("quantity", limit.quantity)
        .with("price", limit.price)
        .with("timeInForce", time_in_force_code(limit.time_in_force))
}

/// Cancels a conditional order.
pub(super) fn conditional_cancellation(id: ClientOrderId) -> Request {
    Request::change(Method::DELETE, ALGO_ORDER).with("clientAlgoId", id)
}

/// Asks where a conditional order stands.
pub(super) fn conditional_question(id: ClientOrderId) -> Request {
    Request::inquiry(ALGO_ORDER, 1).with("clientAlgoId", id)
}

/// Cancels every ordinary order of a symbol unless asked again in time; zero takes that back. It is
/// asked for all the time, so it must not eat what is kept for cancels and stops.
pub(super) fn countdown(symbol: Symbol, after: Duration) -> Request {
    Request::change(Method::POST, "/fapi/v1/countdownCancelAll")
        .protective(false)
        .weighing(10)
        .with("symbol", symbol)
        .with("countdownTime", after.as_millis())
}

/// A list costs 1 for one symbol and 40 for all.
pub(super) fn of_symbol(path: &'static str, symbol: Option<Symbol>) -> Request {
    match symbol {
        Some(symbol) => Request::account(path, 1).with("symbol", symbol),
        None => Request::account(path, 40),
    }
}

/// The venue takes a callback rate in percent.
fn percent(rate: Rate) -> Rate {
    Rate::from_units(rate.units().saturating_mul(100)).unwrap_or(rate)
}

const fn time_in_force_code(time_in_force: TimeInForce) -> &'static str {
    match time_in_force {
        TimeInForce::GoodTilCanceled => "GTC",
        TimeInForce::ImmediateOrCancel => "IOC",
        TimeInForce::FillOrKill => "FOK",
        TimeInForce::PostOnly => "GTX",
    }
}

const fn price_match_code(place: PriceMatch) -> &'static str {
    match place {
        PriceMatch::Opponent => "OPPONENT",
        PriceMatch::Opponent5 => "OPPONENT_5",
        PriceMatch::Queue => "QUEUE",
        PriceMatch::Queue5 => "QUEUE_5",
        PriceMatch::Queue10 => "QUEUE_10",
        PriceMatch::Queue20 => "QUEUE_20",
    }
}

const fn prevention_code(mode: SelfTradePrevention) -> &'static str {
    match mode {
        SelfTradePrevention::ExpireTaker => "EXPIRE_TAKER",
        SelfTradePrevention::ExpireMaker => "EXPIRE_MAKER",
        SelfTradePrevention::ExpireBoth => "EXPIRE_BOTH",
    }
}

const fn trigger_code(trigger: TriggerPrice) -> &'static str {
    match trigger {
        TriggerPrice::Contract => "CONTRACT_PRICE",
        TriggerPrice::Mark => "MARK_PRICE",
    }
}
