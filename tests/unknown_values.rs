//! Values the venue may add to its enumerations: one row that holds one hides no other, and none
//! is taken for filled, gone or flat (exchange-api.md 4.4, 4.6).

use std::collections::BTreeMap;

use lobd::binance::{ApiVersion, BinanceVenue};
use lobd::domain::{AlgoOrderId, IncomeKind, OrderId, OrderStatus, StopStatus, Timestamp, TradeId};
use lobd::venue::Venue;

use crate::gateway::{bitcoin, client, order, venue};
use crate::support::fake_venue::{FakeVenue, Reply, Seen};

const ORDER: &str = r#"{"orderId":7,"symbol":"BTCUSDT","status":"NEW","clientOrderId":"lobd-1",
    "price":"60000.1","origQty":"0.010","executedQty":"0.010","type":"LIMIT","side":"BUY"}"#;
const STOP: &str = r#"{"algoId":7,"clientAlgoId":"lobd-2","orderType":"STOP_MARKET","side":"SELL",
    "symbol":"BTCUSDT","quantity":"0.010","algoStatus":"NEW","triggerPrice":"59000.0"}"#;
const POSITION: &str = r#"{"symbol":"BTCUSDT","positionSide":"BOTH","positionAmt":"-0.010",
    "entryPrice":"60000.1","markPrice":"60000.0"}"#;
const TRADE: &str = r#"{"symbol":"BTCUSDT","id":70,"orderId":7,"side":"BUY","price":"60000.1",
    "qty":"0.010","maker":true,"time":1}"#;
const INCOME: &str = r#"{"symbol":"","incomeType":"TRANSFER","income":"1","asset":"USDT","time":1,
    "tranId":1}"#;

/// Three rows of which the middle one is changed.
fn rows(row: &str, from: &str, to: &str) -> String {
    assert!(row.contains(from), "{from}");
    format!("[{row},{},{row}]", row.replace(from, to))
}

/// A venue that lists, everywhere, a row with a status of a later year between two of today.
async fn later_venue() -> FakeVenue {
    venue(|seen: &Seen| match seen.path.as_str() {
        "/fapi/v1/order" => Reply::json(200, &ORDER.replace("NEW", "HALF_DONE")),
        "/fapi/v1/algoOrder" => Reply::json(200, &STOP.replace("NEW", "ASLEEP")),
        "/fapi/v1/openOrders" | "/fapi/v1/allOrders" | "/fapi/v1/forceOrders" => {
            Reply::json(200, &rows(ORDER, "NEW", "HALF_DONE"))
        }
        "/fapi/v1/openAlgoOrders" | "/fapi/v1/allAlgoOrders" => {
            Reply::json(200, &rows(STOP, "NEW", "ASLEEP"))
        }
        "/fapi/v2/positionRisk" | "/fapi/v3/positionRisk" => {
            Reply::json(200, &format!("[{}]", POSITION.replace("BOTH", "NETTED")))
        }
        "/fapi/v1/userTrades" => Reply::json(200, &rows(TRADE, "BUY", "LEND")),
        "/fapi/v1/income" => Reply::json(200, &rows(INCOME, "TRANSFER", "LOYALTY")),
        _ => Reply::json(200, "[]"),
    })
    .await
}

#[tokio::test]
async fn an_order_of_an_unknown_status_stays_in_its_list_and_is_not_ended() {
    let fake = later_venue().await;
    let client = client(&fake.url);
    let since = client.now();
    let lists = [
        client.working_orders(Some(bitcoin())).await.unwrap(),
        client.order_history(bitcoin(), Some(OrderId(1)), since).await.unwrap(),
        client.forced_orders(None, None).await.unwrap(),
    ];
    for list in lists {
        let statuses: Vec<_> = list.iter().map(|order| order.status).collect();
        assert_eq!(statuses, [OrderStatus::New, OrderStatus::Unknown, OrderStatus::New]);
        assert!(!list[1].status.is_terminal());
    }
    let placed = BinanceVenue::new(client).place(&order()).await.unwrap();
    assert_eq!(placed.status, OrderStatus::Unknown);
}

#[tokio::test]
async fn a_conditional_order_of_an_unknown_status_stays_in_its_list() {
    let fake = later_venue().await;
    let client = client(&fake.url);
    let since = client.now();
    let expected = [StopStatus::New, StopStatus::Unknown, StopStatus::New];
    let stops = client.waiting_stops(Some(bitcoin())).await.unwrap();
    assert_eq!(stops.iter().map(|stop| stop.status).collect::<Vec<_>>(), expected);
    let lists = [
        client.waiting_conditionals(None).await.unwrap(),
        client.conditional_history(bitcoin(), Some(AlgoOrderId(1)), since).await.unwrap(),
    ];
    for list in lists {
        assert_eq!(list.iter().map(|stop| stop.status).collect::<Vec<_>>(), expected);
    }
    let asked = client.query_protective_stop(order().client_order_id).await.unwrap();
    assert_eq!(asked.status, StopStatus::Unknown);
}

#[tokio::test]
async fn a_position_whose_side_has_an_unknown_name_is_held() {
    let fake = later_venue().await;
    let client = client(&fake.url);
    let held = "-0.010".parse().unwrap();
    assert_eq!(client.open_positions().await.unwrap()[0].exposure, held);
    assert_eq!(client.position_of(bitcoin()).await.unwrap().exposure, held);
    let risks = client.position_risks(ApiVersion::V2).await.unwrap();
    assert_eq!(risks[0].report.exposure, held);
}

#[tokio::test]
async fn a_row_that_means_nothing_without_its_value_is_left_out_alone() {
    let fake = later_venue().await;
    let client = client(&fake.url);
    let since = client.now();
    assert_eq!(client.trade_history(bitcoin(), Some(TradeId(1)), since).await.unwrap().len(), 2);
    let fake = venue(|_| Reply::json(200, &rows(ORDER, "BUY", "LEND"))).await;
    let client = crate::gateway::client(&fake.url);
    assert_eq!(client.working_orders(Some(bitcoin())).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_payment_of_an_unknown_kind_keeps_its_name() {
    let fake = later_venue().await;
    let client = client(&fake.url);
    let (from, to) = (Timestamp::from_millis(0), client.now());
    let incomes = client.income_history(None, from, to).await.unwrap();
    let kinds: Vec<_> = incomes.iter().map(|income| income.kind.as_str()).collect();
    assert_eq!(kinds, ["TRANSFER", "LOYALTY", "TRANSFER"]);
    assert_eq!(incomes[1].kind, IncomeKind::Other("LOYALTY".to_owned()));
}

/// Promise I3: reconciliation sees everything that may still fill or trigger.
#[tokio::test]
async fn an_account_with_such_rows_is_told_whole() {
    let fake = later_venue().await;
    let venue = BinanceVenue::new(client(&fake.url));
    let wanted = BTreeMap::from([(bitcoin(), Some(TradeId(1)))]);
    let account = venue.account(&wanted, venue.rest().now()).await.unwrap();
    assert_eq!((account.open_orders.len(), account.open_stops.len()), (3, 3));
    assert_eq!(account.positions.len(), 1);
}
