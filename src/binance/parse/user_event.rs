//! Frames of the user data stream, wrapped or raw, to what they mean.
//!
//! Fills are booked from `ORDER_TRADE_UPDATE` only; `TRADE_LITE` tells the same trades again
//! (exchange-api.md 5.3). A fill comes before the order's new state, so that nobody sees an order
//! ended whose last fill is not yet told.

use super::{ParseError, PositionChange, account, average_price, client_order_id, exact};
use super::{
    exact_or_zero, limit_price, order, read_json, rounded, shorten, side, symbol, unknown,
};
use crate::binance::parse::BalanceChange;
use crate::binance::wire::{self, ExecutionType, Text};
use crate::domain::{
    AlgoOrderId, Fill, OrderId, OrderReport, StopReport, Symbol, Timestamp, TradeId,
};

/// What one frame of the user data stream says; a frame may say several things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserEvent {
    /// A trade of ours.
    Fill(Fill),
    /// An ordinary order's state.
    Order(OrderReport),
    /// A conditional order's state.
    Stop(StopReport),
    /// A position changed.
    Position(PositionChange),
    /// A balance changed.
    Balance(BalanceChange),
    /// Somebody changed a symbol's leverage.
    Leverage {
        /// Of which symbol.
        symbol: Symbol,
        /// The leverage now set.
        leverage: u32,
    },
    /// Somebody switched the multi-assets mode.
    MultiAssets {
        /// Whether several assets serve as margin now.
        is_on: bool,
    },
    /// Money came in or went out apart from trades: funding, a transfer, the insurance fund.
    WalletMoved,
    /// The venue warns of a liquidation.
    MarginCall,
    /// The stream's key has expired: nothing more will come on this connection.
    ListenKeyExpired,
    /// A frame that should have been understood and was not: reconcile, and look.
    Unreadable(ParseError),
}

/// Reads one text frame. Control answers and event types that concern nobody yield nothing.
pub fn parse_user_events(text: &str) -> Vec<UserEvent> {
    match events(text) {
        Ok(events) => events,
        Err(error) => vec![UserEvent::Unreadable(error)],
    }
}

fn events(text: &str) -> Result<Vec<UserEvent>, ParseError> {
    let envelope: wire::Envelope<'_> = read_json("user event", text)?;
    let (event_type, body) = match envelope.data {
        Some(data) => {
            let inner: wire::Envelope<'_> = read_json("user event", data.get())?;
            (inner.event_type, data.get())
        }
        None => (envelope.event_type, text),
    };
    match event_type.as_ref().map(Text::as_str) {
        Some("ORDER_TRADE_UPDATE") => order_events(&read_json("ORDER_TRADE_UPDATE", body)?),
        Some("ALGO_UPDATE") => stop_event(&read_json("ALGO_UPDATE", body)?),
        Some("ACCOUNT_UPDATE") => account_events(&read_json("ACCOUNT_UPDATE", body)?),
        Some("ACCOUNT_CONFIG_UPDATE") => {
            configuration_events(&read_json("ACCOUNT_CONFIG_UPDATE", body)?)
        }
        Some("MARGIN_CALL") => Ok(vec![UserEvent::MarginCall]),
        Some("listenKeyExpired") => Ok(vec![UserEvent::ListenKeyExpired]),
        Some(_) | None => Ok(Vec::new()),
    }
}

fn order_events(update: &wire::OrderTradeUpdate) -> Result<Vec<UserEvent>, ParseError> {
    let mut events = Vec::with_capacity(2);
    if let Some(fill) = fill(update)? {
        events.push(UserEvent::Fill(fill));
    }
    // Where the order stands may not be readable; its fill above must count all the same.
    events.push(order_report(update).map_or_else(UserEvent::Unreadable, UserEvent::Order));
    Ok(events)
}

fn fill(update: &wire::OrderTradeUpdate) -> Result<Option<Fill>, ParseError> {
    const WHAT: &str = "ORDER_TRADE_UPDATE";
    let order = &update.order;
    let quantity: crate::domain::Quantity = exact_or_zero(WHAT, "l", &order.last_quantity)?;
    let executed = match &order.execution_type {
        ExecutionType::Trade | ExecutionType::Calculated => !quantity.is_zero(),
        ExecutionType::New
        | ExecutionType::Canceled
        | ExecutionType::Expired
        | ExecutionType::Amendment => false,
        ExecutionType::Other(value) => {
            let consequence = "no trade is booked by it; trades are taken from the history";
            unknown::tell_once("execution type", value, consequence);
            false
        }
    };
    if !executed {
        return Ok(None);
    }
    let asset = order.commission_asset.as_ref().map_or("", Text::as_str);
    let no_fee = Text::default();
    Ok(Some(Fill {
        symbol: symbol(WHAT, &order.symbol)?,
        trade_id: TradeId(order.trade_id),
        order_id: OrderId(order.order_id),
        client_order_id: Some(client_order_id(&order.client_order_id, order.order_id)),
        side: side("S", &order.side)?,
        price: exact(WHAT, "L", order.last_price.as_str())?,
        quantity,
        commission: rounded(WHAT, "n", order.commission.as_ref().unwrap_or(&no_fee))?,
        commission_asset: exact(WHAT, "N", if asset.is_empty() { "USDT" } else { asset })?,
        realized_pnl: rounded(WHAT, "rp", &order.realized_profit)?,
        is_maker: order.is_maker.is_true(),
        time: Timestamp::from_millis(order.trade_time),
    }))
}

fn order_report(update: &wire::OrderTradeUpdate) -> Result<OrderReport, ParseError> {
    const WHAT: &str = "ORDER_TRADE_UPDATE";
    let order = &update.order;
    let filled_quantity = exact_or_zero(WHAT, "z", &order.filled_quantity)?;
    Ok(OrderReport {
        symbol: symbol(WHAT, &order.symbol)?,
        client_order_id: client_order_id(&order.client_order_id, order.order_id),
        order_id: OrderId(order.order_id),
        side: side("S", &order.side)?,
        price: limit_price(WHAT, &order.price)?,
        quantity: exact(WHAT, "q", order.quantity.as_str())?,
        filled_quantity,
        average_price: average_price(WHAT, Some(&order.average_price), filled_quantity)?,
        status: order::order_status(&order.status),
        reduce_only: order.reduce_only.is_true(),
        update_time: Timestamp::from_millis(update.transaction_time),
    })
}

fn stop_event(update: &wire::AlgoUpdate) -> Result<Vec<UserEvent>, ParseError> {
    const WHAT: &str = "ALGO_UPDATE";
    let order = &update.order;
    Ok(vec![UserEvent::Stop(StopReport {
        symbol: symbol(WHAT, &order.symbol)?,
        client_order_id: order::client_algo_id(&order.client_algo_id, order.algo_id),
        algo_order_id: AlgoOrderId(order.algo_id),
        side: side("S", &order.side)?,
        trigger_price: exact_or_zero(WHAT, "tp", &order.trigger_price)?,
        size: order::stop_size(order.close_position.is_true(), &order.quantity)?,
        status: order::stop_status(&order.status),
        child_order_id: order::child_order_id(&order.actual_order_id)?,
        reason: order
            .reject_reason
            .as_ref()
            .filter(|reason| !reason.as_str().is_empty())
            .map(|reason| shorten(reason.as_str())),
        update_time: Timestamp::from_millis(update.transaction_time),
    })])
}

fn account_events(update: &wire::AccountUpdate) -> Result<Vec<UserEvent>, ParseError> {
    const WHAT: &str = "ACCOUNT_UPDATE";
    let event_time = Timestamp::from_millis(update.event_time);
    let mut events = Vec::new();
    for balance in &update.account.balances {
        events.push(UserEvent::Balance(BalanceChange {
            asset: exact(WHAT, "a", &balance.asset)?,
            wallet_balance: rounded(WHAT, "wb", &balance.wallet_balance)?,
            event_time,
        }));
    }
    if update.account.reason.as_str() != "ORDER" && !update.account.balances.is_empty() {
        events.push(UserEvent::WalletMoved);
    }
    for position in &update.account.positions {
        let symbol = symbol(WHAT, &position.symbol)?;
        let exposure = exact(WHAT, "pa", position.amount.as_str())?;
        if let Err(error) = account::one_way(symbol, exposure, &position.position_side) {
            events.push(UserEvent::Unreadable(error));
            continue;
        }
        events.push(UserEvent::Position(PositionChange {
            symbol,
            exposure,
            entry_price: rounded(WHAT, "ep", &position.entry_price)?,
            event_time,
        }));
    }
    Ok(events)
}

fn configuration_events(update: &wire::ConfigurationUpdate) -> Result<Vec<UserEvent>, ParseError> {
    let mut events = Vec::new();
    if let Some(change) = &update.leverage {
        let symbol = symbol("ACCOUNT_CONFIG_UPDATE", &change.symbol)?;
        events.push(UserEvent::Leverage { symbol, leverage: change.leverage });
    }
    if let Some(change) = &update.account {
        events.push(UserEvent::MultiAssets { is_on: change.has_multi_assets });
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{OrderStatus, StopStatus};
    use proptest::prelude::*;

    fn trade(status: &str) -> String {
        format!(
            r#"{{"e":"ORDER_TRADE_UPDATE","E":2,"T":1,"o":{{"s":"BTCUSDT","c":"lobd-1","S":"BUY",
            "o":"LIMIT","q":"0.010","p":"60000.0","ap":"60000.00","x":"TRADE","X":"{status}",
            "i":9007199254740993,"l":"0.004","z":"0.004","L":"60000.0","N":"USDT","n":"0.048",
            "T":1,"t":77,"m":true,"R":false,"ps":"BOTH","rp":"0","sp":null,"AP":null}}}}"#
        )
    }

    #[test]
    fn a_fill_comes_before_the_state_of_its_order() {
        let events = parse_user_events(&trade("PARTIALLY_FILLED"));
        let [UserEvent::Fill(fill), UserEvent::Order(order)] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert_eq!((fill.trade_id, fill.is_maker), (TradeId(77), true));
        assert_eq!(order.status, OrderStatus::PartiallyFilled);
        assert_eq!(order.order_id, OrderId(9_007_199_254_740_993), "beyond 2^53");
    }

    #[test]
    fn a_fill_counts_even_if_the_status_is_beyond_this_version() {
        let events = parse_user_events(&trade("NEW_ADL"));
        let [UserEvent::Fill(_), UserEvent::Order(order)] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert_eq!(order.status, OrderStatus::Unknown);
        let events =
            parse_user_events(&trade("FILLED").replace("\"p\":\"60000.0\"", "\"p\":\"?\""));
        assert!(
            matches!(events.as_slice(), [UserEvent::Fill(_), UserEvent::Unreadable(_)]),
            "{events:?}"
        );
    }

    #[test]
    fn an_execution_beyond_this_version_is_no_trade_and_still_tells_of_the_order() {
        let frame = trade("FILLED").replace("\"x\":\"TRADE\"", "\"x\":\"SETTLED\"");
        let events = parse_user_events(&frame);
        assert!(matches!(events.as_slice(), [UserEvent::Order(_)]), "{events:?}");
    }

    #[test]
    fn a_wrapped_frame_and_a_raw_one_mean_the_same() {
        let raw = trade("FILLED");
        let wrapped = format!(r#"{{"stream":"key","data":{raw}}}"#);
        assert_eq!(parse_user_events(&wrapped), parse_user_events(&raw));
    }

    #[test]
    fn a_triggered_stop_names_its_order() {
        let frame = r#"{"e":"ALGO_UPDATE","T":1,"E":2,"o":{"caid":"lobd-2","aid":5,"o":"STOP_MARKET",
            "s":"DOGEUSDT","S":"BUY","q":"38","X":"FINISHED","ai":"88937381063","ap":"0.13856",
            "aq":"38","tp":"0.13855","cp":false}}"#;
        let events = parse_user_events(frame);
        let [UserEvent::Stop(stop)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(stop.status, StopStatus::Finished);
        assert_eq!(stop.child_order_id, Some(OrderId(88_937_381_063)));
    }

    #[test]
    fn control_answers_and_foreign_events_say_nothing() {
        for frame in [r#"{"result":null,"id":1}"#, r#"{"e":"GRID_UPDATE","gu":{}}"#] {
            assert!(parse_user_events(frame).is_empty(), "{frame}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "\\PC{0,200}") {
            let _ = parse_user_events(&text);
        }

        #[test]
        fn a_damaged_frame_never_panics(at in 0_usize..400, with in "\\PC{0,3}") {
            let mut frame = trade("FILLED");
            if frame.is_char_boundary(at.min(frame.len())) {
                frame.truncate(at.min(frame.len()));
                frame.push_str(&with);
            }
            let _ = parse_user_events(&frame);
        }
    }
}
