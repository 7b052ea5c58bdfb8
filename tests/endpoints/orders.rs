//! Orders, ordinary and conditional, singly and in batches, and their histories.

use std::time::Duration;

use lobd::binance::{
    Amendment, Batch, ConditionalKind, ConditionalLimit, ConditionalRequest, ForcedKind,
    OrderTerms, PriceMatch, TriggerPrice,
};
use lobd::domain::{
    AlgoOrderId, ClientOrderId, OrderId, OrderKind, OrderRequest, SelfTradePrevention, Side,
    StopRequest, StopSize, TimeInForce,
};

use super::{Case, DONE, HOUR, NO_ROWS, NOW, bitcoin, case};

const ORDER: &str = r#"{"orderId":7,"symbol":"BTCUSDT","status":"NEW","clientOrderId":"lobd-1",
    "price":"60000.10","origQty":"0.010","executedQty":"0","type":"LIMIT","side":"BUY"}"#;
const ALGO: &str = r#"{"algoId":9,"clientAlgoId":"lobd-2","orderType":"STOP_MARKET",
    "symbol":"BTCUSDT","side":"SELL","quantity":"0.010","algoStatus":"NEW",
    "triggerPrice":"59000.0","closePosition":false}"#;

pub(super) const ORDINARY: &[Case] = &[
    case!(
        "POST /fapi/v1/order",
        "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.01&price=60000.1&timeInForce=GTX&selfTradePreventionMode=EXPIRE_MAKER&newClientOrderId=lobd-1&newOrderRespType=RESULT",
        [0, 1, 1, 0],
        ORDER,
        |client| client.place_order(&order())
    ),
    case!(
        "POST /fapi/v1/order",
        "symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.01&reduceOnly=true&selfTradePreventionMode=EXPIRE_MAKER&newClientOrderId=lobd-1&newOrderRespType=RESULT",
        [0, 1, 1, 0],
        ORDER,
        |client| client.place_order(&market_exit())
    ),
    case!(
        "POST /fapi/v1/order/test",
        "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.01&priceMatch=QUEUE_5&timeInForce=GTD&goodTillDate=1800003600000&selfTradePreventionMode=EXPIRE_BOTH&newClientOrderId=lobd-1&newOrderRespType=RESULT",
        [0, 0, 0, 0],
        ORDER,
        |client| client.test_order(&order(), &terms())
    ),
    case!(
        "PUT /fapi/v1/order",
        "symbol=BTCUSDT&side=BUY&quantity=0.02&price=60000.2&origClientOrderId=lobd-1&modifyId=3",
        [0, 1, 1, 0],
        ORDER,
        |client| client.amend_order(&amendment())
    ),
    case!(
        "DELETE /fapi/v1/order",
        "symbol=BTCUSDT&origClientOrderId=lobd-1",
        [1, 0, 0, 0],
        ORDER,
        |client| client.cancel_order(bitcoin(), id("lobd-1"))
    ),
    case!(
        "GET /fapi/v1/order",
        "symbol=BTCUSDT&origClientOrderId=lobd-1",
        [1, 0, 0, 0],
        ORDER,
        |client| client.query_order(bitcoin(), id("lobd-1"))
    ),
    case!(
        "GET /fapi/v1/openOrder",
        "symbol=BTCUSDT&origClientOrderId=lobd-1",
        [1, 0, 0, 0],
        ORDER,
        |client| client.query_working_order(bitcoin(), id("lobd-1"))
    ),
    case!("GET /fapi/v1/openOrders", "symbol=BTCUSDT", [1, 0, 0, 0], NO_ROWS, |client| client
        .working_orders(Some(bitcoin()))),
    case!("GET /fapi/v1/openOrders", "", [40, 0, 0, 0], NO_ROWS, |client| client
        .working_orders(None)),
    case!("DELETE /fapi/v1/allOpenOrders", "symbol=BTCUSDT", [1, 0, 0, 0], DONE, |client| {
        client.cancel_all_orders(bitcoin())
    }),
    case!(
        "POST /fapi/v1/countdownCancelAll",
        "symbol=BTCUSDT&countdownTime=120000",
        [10, 0, 0, 0],
        r#"{"symbol":"BTCUSDT","countdownTime":"120000"}"#,
        |client| client.cancel_all_after(bitcoin(), Duration::from_mins(2))
    ),
    case!(
        "GET /fapi/v1/orderAmendment",
        "symbol=BTCUSDT&origClientOrderId=lobd-1",
        [1, 0, 0, 0],
        NO_ROWS,
        |client| client.order_amendments(bitcoin(), id("lobd-1"))
    ),
    case!(
        "GET /fapi/v1/forceOrders",
        "symbol=BTCUSDT&autoCloseType=ADL&limit=100",
        [20, 0, 0, 0],
        NO_ROWS,
        |client| client.forced_orders(Some(bitcoin()), Some(ForcedKind::Deleveraging))
    ),
    case!("GET /fapi/v1/forceOrders", "limit=100", [50, 0, 0, 0], NO_ROWS, |client| client
        .forced_orders(None, None)),
];

pub(super) const BATCHES: &[Case] = &[
    case!(
        "POST /fapi/v1/batchOrders",
        "batchOrders=%5B%7B%22newClientOrderId%22%3A%22lobd-1%22%2C%22newOrderRespType%22%3A%22RESULT%22%2C%22price%22%3A%2260000.1%22%2C%22quantity%22%3A%220.01%22%2C%22selfTradePreventionMode%22%3A%22EXPIRE_MAKER%22%2C%22side%22%3A%22BUY%22%2C%22symbol%22%3A%22BTCUSDT%22%2C%22timeInForce%22%3A%22GTX%22%2C%22type%22%3A%22LIMIT%22%7D%5D",
        [5, 5, 1, 0],
        r#"[{"code":-2019,"msg":"Margin is insufficient."}]"#,
        |client| async move { client.place_orders(&Batch::new(vec![order()]).unwrap()).await }
    ),
    case!(
        "PUT /fapi/v1/batchOrders",
        "batchOrders=%5B%7B%22modifyId%22%3A%223%22%2C%22origClientOrderId%22%3A%22lobd-1%22%2C%22price%22%3A%2260000.2%22%2C%22quantity%22%3A%220.02%22%2C%22side%22%3A%22BUY%22%2C%22symbol%22%3A%22BTCUSDT%22%7D%5D",
        [5, 5, 1, 0],
        r#"[{"code":-5027,"msg":"No need to modify the order."}]"#,
        |client| async move { client.amend_orders(&Batch::new(vec![amendment()]).unwrap()).await }
    ),
    case!(
        "DELETE /fapi/v1/batchOrders",
        "symbol=BTCUSDT&origClientOrderIdList=%5B%22lobd-1%22%2C%22lobd-2%22%5D",
        [1, 0, 0, 0],
        r#"[{"code":-2011,"msg":"Unknown order sent."},{"code":-2011,"msg":""}]"#,
        |client| async move {
            let ids = Batch::new(vec![id("lobd-1"), id("lobd-2")]).unwrap();
            client.cancel_orders(bitcoin(), &ids).await
        }
    ),
];

pub(super) const HISTORIES: &[Case] = &[
    case!(
        "GET /fapi/v1/allOrders",
        "symbol=BTCUSDT&orderId=8&limit=1000",
        [5, 0, 0, 0],
        NO_ROWS,
        |client| client.order_history(bitcoin(), Some(OrderId(7)), NOW)
    ),
    case!(
        "GET /fapi/v1/userTrades",
        "symbol=BTCUSDT&startTime=1799996400000&endTime=1800601199999&limit=1000",
        [5, 0, 0, 0],
        NO_ROWS,
        |client| client.trade_history(bitcoin(), None, NOW.earlier_by(HOUR))
    ),
    case!(
        "GET /fapi/v1/allAlgoOrders",
        "symbol=BTCUSDT&algoId=10&limit=1000",
        [5, 0, 0, 0],
        NO_ROWS,
        |client| client.conditional_history(bitcoin(), Some(AlgoOrderId(9)), NOW)
    ),
    case!(
        "GET /fapi/v1/income",
        "startTime=1799996400000&endTime=1799999999999&page=1&limit=1000",
        [30, 0, 0, 0],
        NO_ROWS,
        |client| client.income_history(None, NOW.earlier_by(HOUR), NOW)
    ),
];

pub(super) const CONDITIONAL: &[Case] = &[
    case!(
        "POST /fapi/v1/algoOrder",
        "algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&type=STOP_MARKET&triggerPrice=59000&quantity=0.01&reduceOnly=true&workingType=MARK_PRICE&selfTradePreventionMode=EXPIRE_MAKER&clientAlgoId=lobd-2",
        [0, 1, 1, 0],
        ALGO,
        |client| async move {
            let size = StopSize::Quantity("0.01".parse().unwrap());
            client.place_protective_stop(&stop(size)).await
        }
    ),
    case!(
        "POST /fapi/v1/algoOrder",
        "algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&type=STOP_MARKET&triggerPrice=59000&closePosition=true&workingType=MARK_PRICE&selfTradePreventionMode=EXPIRE_MAKER&clientAlgoId=lobd-2",
        [0, 1, 1, 0],
        ALGO,
        |client| async move { client.place_protective_stop(&stop(StopSize::ClosePosition)).await }
    ),
    case!(
        "POST /fapi/v1/algoOrder",
        "algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&type=STOP&triggerPrice=59000&quantity=0.01&price=58990&timeInForce=GTC&priceProtect=true&workingType=CONTRACT_PRICE&selfTradePreventionMode=EXPIRE_MAKER&clientAlgoId=lobd-2",
        [0, 1, 1, 0],
        ALGO,
        |client| async move {
            let kind = ConditionalKind::Stop("59000".parse().unwrap(), conditional_limit());
            client.place_conditional(&conditional(kind)).await
        }
    ),
    case!(
        "POST /fapi/v1/algoOrder",
        "algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&type=TAKE_PROFIT&triggerPrice=61000&quantity=0.01&price=58990&timeInForce=GTC&priceProtect=true&workingType=CONTRACT_PRICE&selfTradePreventionMode=EXPIRE_MAKER&clientAlgoId=lobd-2",
        [0, 1, 1, 0],
        ALGO,
        |client| async move {
            let trigger = "61000".parse().unwrap();
            let kind = ConditionalKind::TakeProfit(trigger, conditional_limit());
            client.place_conditional(&conditional(kind)).await
        }
    ),
    case!(
        "POST /fapi/v1/algoOrder",
        "algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&type=TAKE_PROFIT_MARKET&triggerPrice=61000&closePosition=true&priceProtect=true&workingType=CONTRACT_PRICE&selfTradePreventionMode=EXPIRE_MAKER&clientAlgoId=lobd-2",
        [0, 1, 1, 0],
        ALGO,
        |client| async move {
            let trigger = "61000".parse().unwrap();
            let kind = ConditionalKind::TakeProfitMarket(trigger, StopSize::ClosePosition);
            client.place_conditional(&conditional(kind)).await
        }
    ),
    case!(
        "POST /fapi/v1/algoOrder",
        "algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&type=TRAILING_STOP_MARKET&callbackRate=0.5&activatePrice=61000&quantity=0.01&priceProtect=true&workingType=CONTRACT_PRICE&selfTradePreventionMode=EXPIRE_MAKER&clientAlgoId=lobd-2",
        [0, 1, 1, 0],
        ALGO,
        |client| async move {
            let kind = ConditionalKind::TrailingStopMarket {
                callback_rate: "0.005".parse().unwrap(),
                activate_price: Some("61000".parse().unwrap()),
                quantity: "0.01".parse().unwrap(),
            };
            client.place_conditional(&conditional(kind)).await
        }
    ),
    case!(
        "POST /fapi/v1/algoOrder",
        "algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&type=STOP_MARKET&triggerPrice=59000&closePosition=true&timeInForce=GTE_GTC&priceProtect=true&workingType=CONTRACT_PRICE&selfTradePreventionMode=EXPIRE_MAKER&clientAlgoId=lobd-2",
        [0, 1, 1, 0],
        ALGO,
        |client| async move {
            let trigger = "59000".parse().unwrap();
            let kind = ConditionalKind::StopMarket(trigger, StopSize::ClosePosition);
            let order = ConditionalRequest { ends_with_position: true, ..conditional(kind) };
            client.place_conditional(&order).await
        }
    ),
    case!(
        "DELETE /fapi/v1/algoOrder",
        "clientAlgoId=lobd-2",
        [1, 0, 0, 0],
        r#"{"algoId":9,"clientAlgoId":"lobd-2","code":"200","msg":"success"}"#,
        |client| client.cancel_protective_stop(id("lobd-2"))
    ),
    case!("GET /fapi/v1/algoOrder", "clientAlgoId=lobd-2", [1, 0, 0, 0], ALGO, |client| client
        .query_conditional(id("lobd-2"))),
    case!("GET /fapi/v1/openAlgoOrders", "symbol=BTCUSDT", [1, 0, 0, 0], NO_ROWS, |client| {
        client.waiting_stops(Some(bitcoin()))
    }),
    case!("GET /fapi/v1/openAlgoOrders", "", [40, 0, 0, 0], NO_ROWS, |client| client
        .waiting_conditionals(None)),
    case!("DELETE /fapi/v1/algoOpenOrders", "symbol=BTCUSDT", [1, 0, 0, 0], DONE, |client| {
        client.cancel_all_stops(bitcoin())
    }),
];

fn order() -> OrderRequest {
    OrderRequest { client_order_id: id("lobd-1"), ..crate::gateway::order() }
}

fn market_exit() -> OrderRequest {
    OrderRequest { kind: OrderKind::Market, side: Side::Sell, reduce_only: true, ..order() }
}

fn amendment() -> Amendment {
    Amendment {
        client_order_id: id("lobd-1"),
        symbol: bitcoin(),
        side: Side::Buy,
        quantity: "0.020".parse().unwrap(),
        price: "60000.2".parse().unwrap(),
        modify_id: Some(3),
        is_reduce_only: false,
    }
}

fn conditional(kind: ConditionalKind) -> ConditionalRequest {
    ConditionalRequest {
        client_order_id: id("lobd-2"),
        symbol: bitcoin(),
        side: Side::Sell,
        kind,
        trigger_by: TriggerPrice::Contract,
        reduce_only: false,
        price_protect: true,
        ends_with_position: false,
    }
}

fn conditional_limit() -> ConditionalLimit {
    ConditionalLimit {
        price: "58990".parse().unwrap(),
        quantity: "0.010".parse().unwrap(),
        time_in_force: TimeInForce::GoodTilCanceled,
    }
}

fn stop(size: StopSize) -> StopRequest {
    StopRequest {
        client_order_id: id("lobd-2"),
        symbol: bitcoin(),
        side: Side::Sell,
        trigger_price: "59000".parse().unwrap(),
        size,
    }
}

fn terms() -> OrderTerms {
    OrderTerms {
        good_till: Some(NOW + HOUR),
        price_match: Some(PriceMatch::Queue5),
        self_trade_prevention: SelfTradePrevention::ExpireBoth,
    }
}

fn id(text: &str) -> ClientOrderId {
    ClientOrderId::new(text).unwrap()
}
