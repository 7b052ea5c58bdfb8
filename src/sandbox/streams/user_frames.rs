//! Frames of the user stream (exchange-api.md 5.2–5.5). Numbers are unpadded here, as at the venue.

use serde::Serialize;

use crate::domain::{Amount, Side, StopSize, Symbol, Timestamp};
use crate::sim::{
    AccountId, Exchange, ExchangeEvent, Execution, Forced, OrderEvent, StopCondition, StopEvent,
    StopName, StopRecord,
};

use super::super::rest::stop_body;
use super::super::words;
use super::account_frames;
use super::market_frames::to_text;

/// Makes the frames of one account.
pub(in crate::sandbox) struct UserFrames<'a> {
    pub(in crate::sandbox) exchange: &'a Exchange,
    pub(in crate::sandbox) account: AccountId,
}

impl UserFrames<'_> {
    /// The frames of one event, each with its event's name.
    pub(in crate::sandbox) fn of(&self, event: &ExchangeEvent) -> Vec<(&'static str, String)> {
        match event {
            ExchangeEvent::Market { .. } | ExchangeEvent::Liquidation { .. } => Vec::new(),
            ExchangeEvent::Order(event) => {
                let lite = trade_lite(event).map(|frame| ("TRADE_LITE", frame));
                let whole = ("ORDER_TRADE_UPDATE", self.order(event));
                lite.into_iter().chain([whole]).collect()
            }
            ExchangeEvent::Account(event) => {
                vec![("ACCOUNT_UPDATE", account_frames::update(event))]
            }
            ExchangeEvent::MarginCall(event) => {
                vec![("MARGIN_CALL", account_frames::margin_call(event))]
            }
            ExchangeEvent::Stop(event) => vec![("ALGO_UPDATE", stop(event))],
        }
    }

    fn order(&self, event: &OrderEvent) -> String {
        let (order, fill) = (&event.order, event.fill.as_ref());
        let report = &order.report;
        let stop =
            order.stop.and_then(|id| self.exchange.query_stop(self.account, StopName::Id(id)).ok());
        let closes = stop.as_ref().is_some_and(|stop| stop.report.size == StopSize::ClosePosition);
        let (activation, callback) = stop.as_ref().and_then(trailing).unzip();
        let is_amended = event.execution == Execution::Amended;
        let time = event.time.millis();
        to_text(&OrderFrame {
            e: "ORDER_TRADE_UPDATE",
            event_time: time,
            transaction_time: time,
            o: OrderPart {
                s: report.symbol,
                c: report.client_order_id.to_string(),
                side: words::side(report.side),
                o: words::kind(order.kind),
                f: words::time_in_force(order.kind, &order.terms),
                q: report.quantity.to_string(),
                p: report.price.unwrap_or_default().to_string(),
                ap: report.average_price.unwrap_or_default().to_string(),
                sp: stop
                    .as_ref()
                    .map_or_else(|| "0".to_owned(), |stop| stop.report.trigger_price.to_string()),
                x: execution(event.execution),
                status: status(event),
                i: report.order_id.0,
                l: fill.map_or_else(|| "0".to_owned(), |fill| fill.quantity.to_string()),
                z: report.filled_quantity.to_string(),
                last_price: fill.map_or_else(|| "0".to_owned(), |fill| fill.price.to_string()),
                commission_asset: fill.map(|fill| fill.commission_asset.to_string()),
                n: fill.map(|fill| fill.commission.to_string()),
                time,
                t: fill.map_or(0, |fill| fill.trade_id.0),
                b: self.open_notional(report.symbol, Side::Buy).to_string(),
                a: self.open_notional(report.symbol, Side::Sell).to_string(),
                m: fill.is_some_and(|fill| fill.is_maker),
                reduce_only: report.reduce_only,
                wt: stop
                    .as_ref()
                    .map_or("CONTRACT_PRICE", |stop| words::working_type(stop.terms.working_price)),
                ot: stop
                    .as_ref()
                    .map_or_else(|| words::kind(order.kind), |stop| words::stop_kind(&stop.terms)),
                ps: "BOTH",
                cp: closes,
                activation,
                callback,
                price_protect: stop.as_ref().is_some_and(|stop| stop.terms.price_protect),
                si: 0,
                ss: 0,
                rp: fill.map_or_else(|| "0".to_owned(), |fill| fill.realized_pnl.to_string()),
                prevention: words::prevention(order.terms.prevention),
                pm: words::price_match(order.terms.price_match),
                gtd: words::good_till(&order.terms),
                modify_id: order.modify_id.filter(|_| is_amended).map(|id| id.to_string()),
                er: event.expiry.code().to_string(),
            },
        })
    }

    fn open_notional(&self, symbol: Symbol, side: Side) -> Amount {
        self.exchange
            .open_orders(self.account, Some(symbol))
            .iter()
            .filter(|order| order.report.side == side)
            .map(|order| {
                let open = order.report.quantity.saturating_sub(order.report.filled_quantity);
                Amount::notional(order.report.price.unwrap_or_default(), open).unwrap_or_default()
            })
            .sum()
    }
}

const fn execution(execution: Execution) -> &'static str {
    match execution {
        Execution::New => "NEW",
        Execution::Trade => "TRADE",
        Execution::Canceled => "CANCELED",
        Execution::Expired => "EXPIRED",
        Execution::Amended => "AMENDMENT",
        Execution::Calculated(_) => "CALCULATED",
    }
}

/// What is taken over by the exchange has a status of its own, in the stream only.
const fn status(event: &OrderEvent) -> &'static str {
    match event.execution {
        Execution::Calculated(Forced::Liquidation) => "NEW_INSURANCE",
        Execution::Calculated(Forced::Deleveraging) => "NEW_ADL",
        Execution::New
        | Execution::Trade
        | Execution::Canceled
        | Execution::Expired
        | Execution::Amended => words::status(event.order.report.status),
    }
}

fn trade_lite(event: &OrderEvent) -> Option<String> {
    let is_trade = event.execution == Execution::Trade;
    let fill = event.fill.as_ref().filter(|_| is_trade)?;
    let report = &event.order.report;
    Some(to_text(&TradeLite {
        e: "TRADE_LITE",
        event_time: event.time.millis(),
        transaction_time: event.time.millis(),
        s: report.symbol,
        q: report.quantity.to_string(),
        p: report.price.unwrap_or_default().to_string(),
        m: fill.is_maker,
        c: report.client_order_id.to_string(),
        side: words::side(report.side),
        last_price: fill.price.to_string(),
        l: fill.quantity.to_string(),
        t: fill.trade_id.0,
        i: report.order_id.0,
    }))
}

/// Activation price and callback rate of a trailing stop.
fn trailing(stop: &StopRecord) -> Option<(String, String)> {
    match stop.terms.condition {
        StopCondition::StopLoss | StopCondition::TakeProfit => None,
        StopCondition::Trailing { activation, callback } => {
            Some((activation.unwrap_or_default().to_string(), words::percent(callback)))
        }
    }
}

fn stop(event: &StopEvent) -> String {
    let (stop, report, terms) = (&event.stop, &event.stop.report, &event.stop.terms);
    let (quantity, closes) = stop_body::size_of(stop);
    let child = report.child_order_id;
    let (activation, callback) = trailing(stop).unzip();
    to_text(&StopFrame {
        e: "ALGO_UPDATE",
        transaction_time: event.time.millis(),
        event_time: event.time.millis(),
        o: StopPart {
            caid: report.client_order_id.to_string(),
            aid: report.algo_order_id.0,
            at: "CONDITIONAL",
            o: words::stop_kind(terms),
            s: report.symbol,
            side: words::side(report.side),
            ps: "BOTH",
            f: stop_body::time_in_force(stop),
            q: quantity.to_string(),
            status: words::stop_status(report.status),
            ai: child.map_or_else(String::new, |id| id.to_string()),
            ap: child.map(|_| stop.child.average_price.to_string()),
            aq: child.map(|_| stop.child.filled_quantity.to_string()),
            act: child.map(|_| words::kind(terms.becomes)),
            tp: report.trigger_price.to_string(),
            p: stop_body::limit_price(stop).to_string(),
            prevention: words::prevention(terms.order.prevention),
            wt: words::working_type(terms.working_price),
            pm: words::price_match(terms.order.price_match),
            cp: closes,
            price_protect: terms.price_protect,
            reduce_only: !closes && terms.reduce_only,
            activation,
            callback,
            tt: stop.triggered_at.map_or(0, Timestamp::millis),
            gtd: words::good_till(&terms.order),
            rm: report.reason.clone(),
            ia: stop.extreme.is_some(),
        },
    })
}

#[derive(Serialize)]
struct OrderFrame {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(rename = "T")]
    transaction_time: i64,
    o: OrderPart,
}

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the venue's shape")]
struct OrderPart {
    s: Symbol,
    c: String,
    #[serde(rename = "S")]
    side: &'static str,
    o: &'static str,
    f: &'static str,
    q: String,
    p: String,
    ap: String,
    sp: String,
    x: &'static str,
    #[serde(rename = "X")]
    status: &'static str,
    i: u64,
    l: String,
    z: String,
    #[serde(rename = "L")]
    last_price: String,
    #[serde(rename = "N", skip_serializing_if = "Option::is_none")]
    commission_asset: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(rename = "T")]
    time: i64,
    t: u64,
    b: String,
    a: String,
    m: bool,
    #[serde(rename = "R")]
    reduce_only: bool,
    wt: &'static str,
    ot: &'static str,
    ps: &'static str,
    cp: bool,
    #[serde(rename = "AP", skip_serializing_if = "Option::is_none")]
    activation: Option<String>,
    #[serde(rename = "cr", skip_serializing_if = "Option::is_none")]
    callback: Option<String>,
    #[serde(rename = "pP")]
    price_protect: bool,
    si: u8,
    ss: u8,
    rp: String,
    #[serde(rename = "V")]
    prevention: &'static str,
    pm: &'static str,
    gtd: i64,
    #[serde(rename = "M", skip_serializing_if = "Option::is_none")]
    modify_id: Option<String>,
    er: String,
}

#[derive(Serialize)]
struct TradeLite {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(rename = "T")]
    transaction_time: i64,
    s: Symbol,
    q: String,
    p: String,
    m: bool,
    c: String,
    #[serde(rename = "S")]
    side: &'static str,
    #[serde(rename = "L")]
    last_price: String,
    l: String,
    t: u64,
    i: u64,
}

#[derive(Serialize)]
struct StopFrame {
    e: &'static str,
    #[serde(rename = "T")]
    transaction_time: i64,
    #[serde(rename = "E")]
    event_time: i64,
    o: StopPart,
}

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the venue's shape")]
struct StopPart {
    caid: String,
    aid: u64,
    at: &'static str,
    o: &'static str,
    s: Symbol,
    #[serde(rename = "S")]
    side: &'static str,
    ps: &'static str,
    f: &'static str,
    q: String,
    #[serde(rename = "X")]
    status: &'static str,
    ai: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ap: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aq: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<&'static str>,
    tp: String,
    p: String,
    #[serde(rename = "V")]
    prevention: &'static str,
    wt: &'static str,
    pm: &'static str,
    cp: bool,
    #[serde(rename = "pP")]
    price_protect: bool,
    #[serde(rename = "R")]
    reduce_only: bool,
    #[serde(rename = "AP", skip_serializing_if = "Option::is_none")]
    activation: Option<String>,
    #[serde(rename = "cr", skip_serializing_if = "Option::is_none")]
    callback: Option<String>,
    tt: i64,
    gtd: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rm: Option<String>,
    ia: bool,
}
