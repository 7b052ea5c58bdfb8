//! The simulated exchange over recordings: where our orders stand in other people's queues.

use std::path::PathBuf;

use lobd::binance::market_data::MarketDataParser;
use lobd::book::{
    DepthSnapshot, DepthUpdate, Flow, Level, MarketDataDecoder, MarketEvent, PublicTrade, Row,
    Snapshot, TradeFlow, Validity,
};
use lobd::domain::{
    ClientOrderId, OrderKind, OrderRequest, OrderStatus, Price, Quantity, Second, Side, Symbol,
    TimeInForce, Timestamp, TradeId,
};
use lobd::sim::{
    AccountId, AccountSettings, Exchange, ExchangeEvent, ExchangeSettings, FillQuery,
    InstrumentSettings, Liquidity, OrderName, SimError,
};
use lobd::store::import::Recording;

use crate::sim_exchange::bitcoin;
use crate::support;

fn symbol() -> Symbol {
    Symbol::new("BTCUSDT").unwrap()
}

fn exchange(liquidity: Liquidity) -> (Exchange, AccountId) {
    opened_at(Timestamp::from_seconds(0), liquidity)
}

fn opened_at(start: Timestamp, liquidity: Liquidity) -> (Exchange, AccountId) {
    let instruments = vec![InstrumentSettings { instrument: bitcoin(), liquidity }];
    let settings = ExchangeSettings { instruments, seed: 1 };
    let mut exchange = Exchange::new(&settings, start).unwrap();
    let account = exchange.open_account(&AccountSettings::default());
    (exchange, account)
}

fn level(price: &str, quantity: &str) -> Level {
    Level { price: price.parse().unwrap(), quantity: quantity.parse().unwrap() }
}

fn order(id: &str, side: Side, much: &str, kind: OrderKind) -> OrderRequest {
    OrderRequest {
        client_order_id: ClientOrderId::new(id).unwrap(),
        symbol: symbol(),
        side,
        quantity: much.parse().unwrap(),
        kind,
        reduce_only: false,
    }
}

fn post_only(id: &str, side: Side, price: Price, much: &str) -> OrderRequest {
    order(id, side, much, OrderKind::Limit { price, time_in_force: TimeInForce::PostOnly })
}

fn filled(exchange: &Exchange, account: AccountId, id: &str) -> Quantity {
    let name = OrderName::Client(ClientOrderId::new(id).unwrap());
    exchange.query(account, symbol(), name).unwrap().report.filled_quantity
}

fn recorded_snapshot() -> MarketEvent {
    MarketEvent::Snapshot(DepthSnapshot {
        symbol: symbol(),
        last_update_id: 10,
        bids: vec![level("60000", "2"), level("59999", "5")],
        asks: vec![level("60000.1", "1"), level("60000.2", "4")],
    })
}

fn recorded_update(id: u64, bids: Vec<Level>, asks: Vec<Level>) -> MarketEvent {
    MarketEvent::Depth(DepthUpdate {
        symbol: symbol(),
        event_time: Timestamp::default(),
        transaction_time: None,
        first_update_id: id,
        final_update_id: id,
        previous_final_update_id: Some(id - 1),
        bids,
        asks,
    })
}

fn recorded_trade(price: &str, quantity: &str, buyer_is_maker: bool) -> MarketEvent {
    MarketEvent::Trade(PublicTrade {
        symbol: symbol(),
        trade_id: TradeId(1),
        price: price.parse().unwrap(),
        quantity: quantity.parse().unwrap(),
        buyer_is_maker,
        is_book_trade: true,
        trade_time: Timestamp::default(),
    })
}

#[test]
fn on_a_tape_an_order_waits_behind_what_was_displayed_when_it_came() {
    let (mut exchange, account) = exchange(Liquidity::Tape);
    let now = Timestamp::from_seconds(1);
    let feed = |exchange: &mut Exchange, event: &MarketEvent| {
        exchange.feed(now, event).unwrap();
    };
    feed(&mut exchange, &recorded_snapshot());
    let price = "60000".parse().unwrap();
    exchange.place(now, account, &post_only("a", Side::Buy, price, "0.5")).unwrap();
    feed(&mut exchange, &recorded_trade("60000", "1.5", false));
    assert!(filled(&exchange, account, "a").is_zero(), "buyers do not fill a buyer");
    feed(&mut exchange, &recorded_trade("60000", "1.5", true));
    feed(&mut exchange, &recorded_update(11, vec![level("60000", "0.5")], vec![]));
    assert!(filled(&exchange, account, "a").is_zero(), "0.5 are still ahead");
    feed(&mut exchange, &recorded_trade("60000", "0.7", true));
    assert_eq!(filled(&exchange, account, "a"), "0.2".parse().unwrap());
    feed(&mut exchange, &recorded_trade("59999", "0.001", true));
    assert_eq!(filled(&exchange, account, "a"), "0.5".parse().unwrap(), "traded through");
    let fills = exchange.fills(account, symbol(), &FillQuery::default());
    assert!(fills.iter().all(|fill| fill.is_maker && fill.price == price));
}

#[test]
fn on_a_tape_takers_walk_the_displayed_book_and_leave_a_hole_until_it_changes() {
    let (mut exchange, account) = exchange(Liquidity::Tape);
    let now = Timestamp::from_seconds(1);
    exchange.feed(now, &recorded_snapshot()).unwrap();
    let taken = exchange.place(now, account, &order("a", Side::Buy, "2", OrderKind::Market));
    let average = taken.unwrap().report.average_price.unwrap();
    assert_eq!(average, "60000.15".parse().unwrap(), "1 at .1 and 1 at .2");
    let (_, ask) = exchange.best_prices(symbol()).unwrap();
    assert_eq!(ask, level("60000.2", "3"));
    let again = recorded_update(11, vec![], vec![level("60000.1", "1")]);
    exchange.feed(now, &again).unwrap();
    assert_eq!(exchange.best_prices(symbol()).unwrap().1, level("60000.1", "1"));
    let crossing = recorded_update(12, vec![level("60003", "1")], vec![]);
    let price = "60002".parse().unwrap();
    exchange.place(now, account, &post_only("b", Side::Sell, price, "0.1")).unwrap();
    exchange.feed(now, &crossing).unwrap();
    assert!(filled(&exchange, account, "b").is_zero(), "a crossed recording proves nothing");
    let row = quiet_row();
    assert_eq!(
        exchange.feed_second(Second::from_unix(2), &row),
        Err(SimError::NotFed(symbol())),
        "a tape is not fed seconds"
    );
}

fn quiet_row() -> Row {
    let asks = (0..10).map(|rank| level(&format!("{}", 60_001 + rank), "1"));
    let bids = (0..10).map(|rank| level(&format!("{}", 60_000 - rank), "1"));
    Row {
        symbol: symbol(),
        snapshot: Some(Snapshot::new(bids, asks).unwrap()),
        flow: Flow::default(),
        mark_price: Some("60000.5".parse().unwrap()),
        validity: Validity::Valid,
        age_ms: 0,
        mark_age_ms: 0,
    }
}

/// A second in which aggressors sold, down to a price.
fn selling_row(volume: &str, lowest: &str) -> Row {
    let trades = TradeFlow {
        count: 1,
        sell_volume: volume.parse().unwrap(),
        lowest_sell: Some(lowest.parse().unwrap()),
        ..TradeFlow::default()
    };
    Row { flow: Flow { trades, ..Flow::default() }, ..quiet_row() }
}

#[test]
fn in_seconds_only_volume_that_reached_the_price_moves_an_order_forward() {
    let (mut exchange, account) = exchange(Liquidity::Seconds);
    let mut second = 100;
    let mut feed = |exchange: &mut Exchange, row: Row| {
        second += 1;
        exchange.feed_second(Second::from_unix(second), &row).unwrap();
    };
    feed(&mut exchange, quiet_row());
    let now = exchange.now();
    let price = |text: &str| text.parse().unwrap();
    exchange.place(now, account, &post_only("a", Side::Buy, price("59999"), "0.4")).unwrap();
    exchange.place(now, account, &post_only("far", Side::Sell, price("60100"), "0.1")).unwrap();
    exchange.place(now, account, &post_only("best", Side::Buy, price("60000.5"), "0.1")).unwrap();
    feed(&mut exchange, selling_row("50", "60000"));
    assert!(filled(&exchange, account, "a").is_zero(), "trades did not reach 59999");
    assert_eq!(filled(&exchange, account, "best"), "0.1".parse().unwrap(), "nobody was ahead");
    feed(&mut exchange, selling_row("1.2", "59999"));
    assert_eq!(filled(&exchange, account, "a"), "0.2".parse().unwrap(), "1 was ahead");
    feed(&mut exchange, selling_row("0.001", "59998.9"));
    assert_eq!(filled(&exchange, account, "a"), "0.4".parse().unwrap(), "traded through");
    assert!(filled(&exchange, account, "far").is_zero());
    let mut events = Vec::new();
    exchange.drain(&mut events);
    assert!(!events.iter().any(|event| matches!(event, ExchangeEvent::Market { .. })));
}

#[test]
fn in_seconds_only_the_share_of_the_volume_after_the_arrival_counts() {
    let (mut exchange, account) = exchange(Liquidity::Seconds);
    exchange.feed_second(Second::from_unix(101), &quiet_row()).unwrap();
    let now = Timestamp::from_millis(101_750);
    let best = "60000".parse().unwrap();
    exchange.place(now, account, &post_only("a", Side::Buy, best, "1")).unwrap();
    exchange.feed_second(Second::from_unix(102), &selling_row("5.2", "60000")).unwrap();
    assert_eq!(filled(&exchange, account, "a"), "0.3".parse().unwrap(), "a quarter of 5.2, less 1");
}

#[test]
fn in_seconds_takers_use_up_the_last_book_and_ten_levels_are_all_there_is() {
    let (mut exchange, account) = exchange(Liquidity::Seconds);
    exchange.feed_second(Second::from_unix(101), &quiet_row()).unwrap();
    let now = exchange.now();
    let mut buy = |id: &str, much: &str| {
        exchange.place(now, account, &order(id, Side::Buy, much, OrderKind::Market)).unwrap().report
    };
    assert_eq!(buy("a", "0.6").average_price, Some("60001".parse().unwrap()));
    assert_eq!(buy("b", "0.6").average_price, Some("60001.33333333".parse().unwrap()));
    let rest = buy("c", "1.9");
    assert_eq!(rest.status, OrderStatus::Filled);
}

/// Feeds a recorded file; `act` sees the exchange before each message.
fn replay(
    file: PathBuf,
    mut act: impl FnMut(&mut Exchange, AccountId, &MarketEvent),
) -> (Exchange, AccountId, usize) {
    let mut recording = Recording::open(&[file]).unwrap();
    let start = recording.next_line().unwrap().unwrap().receive_time;
    let (mut exchange, account) = opened_at(start, Liquidity::Tape);
    let mut parser = MarketDataParser::new();
    parser.name_snapshots(symbol());
    let (mut drained, mut messages) = (Vec::new(), 0);
    while let Some(line) = recording.next_line().unwrap() {
        let time = line.receive_time;
        let Some(event) = parser.decode(line.text).unwrap() else { continue };
        act(&mut exchange, account, event);
        exchange.feed(time, event).unwrap();
        messages += 1;
        exchange.drain(&mut drained);
        drained.clear();
    }
    (exchange, account, messages)
}

#[test]
fn a_post_only_order_is_filled_by_the_real_market_of_2024() {
    let Some(data) = support::market_data() else { return };
    let file = data.join("hftbacktest-binance-2024-08-08/usdm_btcusdt_20240808.gz");
    let mut placed: Vec<(ClientOrderId, Price)> = Vec::new();
    let (exchange, account, messages) = replay(file, |exchange, account, event| {
        // One order at the best bid with every twentieth snapshot of best prices.
        let MarketEvent::BookTicker(ticker) = event else { return };
        if ticker.update_id % 200 != 0 || placed.len() == 20 {
            return;
        }
        let Some((bid, _)) = exchange.best_prices(symbol()) else { return };
        let id = format!("o{}", placed.len());
        let request = post_only(&id, Side::Buy, bid.price, "0.002");
        if exchange.place(exchange.now(), account, &request).is_ok() {
            placed.push((request.client_order_id, bid.price));
        }
    });
    assert!(messages > 25_000, "{messages}");
    assert!(placed.len() > 5, "{}", placed.len());
    let fills = exchange.fills(account, symbol(), &FillQuery::default());
    assert!(!fills.is_empty(), "a market that moves 38 bps fills bids");
    for fill in &fills {
        let (_, price) = placed.iter().find(|(id, _)| Some(*id) == fill.client_order_id).unwrap();
        assert!(fill.is_maker && fill.price == *price, "{fill:?}");
    }
}
