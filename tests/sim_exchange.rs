//! The simulated exchange as its accounts see it: matching, refusals, stops, money.

use std::time::Duration;

use lobd::book::MarketEvent;
use lobd::domain::{
    Amount, ClientOrderId, Environment, Exposure, Filters, Instrument, Market, OrderKind,
    OrderRequest, OrderStatus, Price, Quantity, Rate, Rejection, Side, StopRequest, StopSize,
    StopStatus, Symbol, TimeInForce, Timestamp,
};
use lobd::sim::market::MarketSettings;
use lobd::sim::{
    AccountId, AccountSettings, AdverseAct, Adversity, Exchange, ExchangeEvent, ExchangeSettings,
    Execution, ExpiryReason, FillQuery, IncomeKind, InstrumentSettings, Liquidity, OrderName,
    OrderRecord, StopName, StopTerms, WorkingPrice,
};
use proptest::prelude::*;

const START: i64 = 1_700_000_000;

pub(crate) fn symbol() -> Symbol {
    Symbol::new("BTCUSDT").unwrap()
}

pub(crate) fn price(text: &str) -> Price {
    text.parse().unwrap()
}

pub(crate) fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(START + second)
}

pub(crate) fn bitcoin() -> Instrument {
    Instrument {
        environment: Environment::Sandbox,
        market: Market::Usdm,
        symbol: symbol(),
        filters: Filters {
            tick_size: price("0.1"),
            step_size: quantity("0.001"),
            min_price: price("556.8"),
            max_price: price("4529764"),
            min_quantity: quantity("0.001"),
            max_quantity: quantity("1000"),
            max_market_quantity: quantity("120"),
            min_notional: "50".parse().unwrap(),
            multiplier_up: "1.05".parse().unwrap(),
            multiplier_down: "0.95".parse().unwrap(),
            max_open_orders: 20,
        },
    }
}

pub(crate) fn exchange(liquidity: Liquidity) -> Exchange {
    let instruments = vec![InstrumentSettings { instrument: bitcoin(), liquidity }];
    Exchange::new(&ExchangeSettings { instruments, seed: 7 }, at(0)).unwrap()
}

/// Two accounts and nobody else, with a mark price of 60,000: each quotes 40 away from it.
pub(crate) fn duel() -> (Exchange, AccountId, AccountId) {
    let mut exchange = exchange(Liquidity::Accounts);
    let rich = AccountSettings { balance: "1000000".parse().unwrap(), ..Default::default() };
    let (one, two) = (exchange.open_account(&rich), exchange.open_account(&rich));
    exchange.place(at(0), two, &limit("bid", Side::Buy, "59960", "1")).unwrap();
    exchange.place(at(0), two, &limit("ask", Side::Sell, "60040", "1")).unwrap();
    exchange.advance(at(1));
    assert_eq!(exchange.mark_price(symbol()).unwrap().price, price("60000"));
    exchange.drain(&mut Vec::new());
    (exchange, one, two)
}

pub(crate) fn order(id: &str, side: Side, much: &str, kind: OrderKind) -> OrderRequest {
    OrderRequest {
        client_order_id: ClientOrderId::new(id).unwrap(),
        symbol: symbol(),
        side,
        quantity: quantity(much),
        kind,
        reduce_only: false,
    }
}

pub(crate) fn limit(id: &str, side: Side, at: &str, much: &str) -> OrderRequest {
    timed(id, side, at, much, TimeInForce::GoodTilCanceled)
}

pub(crate) fn timed(id: &str, side: Side, at: &str, much: &str, life: TimeInForce) -> OrderRequest {
    order(id, side, much, OrderKind::Limit { price: price(at), time_in_force: life })
}

pub(crate) fn market(id: &str, side: Side, much: &str) -> OrderRequest {
    order(id, side, much, OrderKind::Market)
}

pub(crate) fn reducing(request: OrderRequest) -> OrderRequest {
    OrderRequest { reduce_only: true, ..request }
}

pub(crate) fn name(id: &str) -> OrderName {
    OrderName::Client(ClientOrderId::new(id).unwrap())
}

pub(crate) fn stop(id: &str, side: Side, trigger: &str, closes: StopSize) -> StopRequest {
    StopRequest {
        client_order_id: ClientOrderId::new(id).unwrap(),
        symbol: symbol(),
        side,
        trigger_price: price(trigger),
        size: closes,
    }
}

pub(crate) fn code(answer: Result<OrderRecord, Rejection>) -> i32 {
    answer.map_or_else(|refused| refused.code, |order| panic!("accepted: {order:?}"))
}

pub(crate) fn drained(exchange: &mut Exchange) -> Vec<ExchangeEvent> {
    let mut events = Vec::new();
    exchange.drain(&mut events);
    events
}

/// What happened to the orders of an account: execution, status, expiry code.
pub(crate) fn executions(
    events: &[ExchangeEvent],
    account: AccountId,
) -> Vec<(Execution, OrderStatus, u8)> {
    let of_order = |event: &ExchangeEvent| match event {
        ExchangeEvent::Order(event) if event.account == account => {
            Some((event.execution, event.order.report.status, event.expiry.code()))
        }
        ExchangeEvent::Order(_)
        | ExchangeEvent::Market { .. }
        | ExchangeEvent::Account(_)
        | ExchangeEvent::Stop(_)
        | ExchangeEvent::MarginCall(_)
        | ExchangeEvent::Liquidation { .. } => None,
    };
    events.iter().filter_map(of_order).collect()
}

#[test]
fn every_broken_rule_is_refused_with_its_code_and_leaves_no_trace() {
    let (mut exchange, one, _) = duel();
    let mut refuse = |request: &OrderRequest| code(exchange.place(at(1), one, request));
    let unlisted = OrderRequest {
        symbol: Symbol::new("NOSUCH").unwrap(),
        ..limit("a", Side::Buy, "59000", "1")
    };
    assert_eq!(refuse(&unlisted), -1121);
    for (price, much, expected) in [
        ("59000.05", "1", -4014),
        ("100", "1", -4013),
        ("5000000", "1", -4002),
        ("63000.1", "1", -4016),
        ("59000", "0", -4003),
        ("59000", "0.0015", -1111),
        ("59000", "1001", -4005),
        ("57000", "0.0005", -4004),
        ("59000", "900", -2019),
    ] {
        assert_eq!(refuse(&limit("a", Side::Buy, price, much)), expected, "{price} {much}");
    }
    assert_eq!(refuse(&limit("a", Side::Sell, "56999.9", "1")), -4024);
    assert_eq!(refuse(&market("a", Side::Buy, "121")), -4005);
    assert_eq!(refuse(&reducing(limit("a", Side::Buy, "59000", "1"))), -2022);
    assert_eq!(refuse(&timed("a", Side::Buy, "60040", "1", TimeInForce::PostOnly)), -5022);
    assert_eq!(refuse(&timed("a", Side::Buy, "60040", "2", TimeInForce::FillOrKill)), -5021);
    assert!(exchange.open_orders(one, None).is_empty());
    assert!(drained(&mut exchange).is_empty());
    assert_eq!(code(exchange.query(one, symbol(), name("a"))), -2013);
    assert_eq!(code(exchange.cancel(at(1), one, symbol(), name("a"))), -2011);
    assert_eq!(exchange.set_leverage(one, symbol(), 126).unwrap_err().code, -4028);
}

#[test]
fn a_notional_below_the_smallest_is_refused_unless_it_reduces() {
    let mut instrument = bitcoin();
    instrument.filters.min_notional = "100".parse().unwrap();
    let instruments = vec![InstrumentSettings { instrument, liquidity: Liquidity::Accounts }];
    let settings = ExchangeSettings { instruments, seed: 1 };
    let mut exchange = Exchange::new(&settings, at(0)).unwrap();
    let (one, two) = (
        exchange.open_account(&AccountSettings::default()),
        exchange.open_account(&AccountSettings::default()),
    );
    assert_eq!(code(exchange.place(at(0), one, &limit("a", Side::Buy, "60000", "0.001"))), -4164);
    exchange.place(at(0), two, &limit("b", Side::Sell, "60000", "0.003")).unwrap();
    exchange.place(at(0), one, &limit("c", Side::Buy, "60000", "0.003")).unwrap();
    let close = reducing(limit("d", Side::Sell, "60100", "0.001"));
    assert!(exchange.place(at(0), one, &close).is_ok());
}

#[test]
fn a_client_id_is_free_again_once_its_order_is_done_and_open_orders_are_limited() {
    let (mut exchange, one, _) = duel();
    let request = limit("a", Side::Buy, "59000", "0.01");
    exchange.place(at(1), one, &request).unwrap();
    assert_eq!(code(exchange.place(at(1), one, &request)), -4116);
    exchange.cancel(at(1), one, symbol(), name("a")).unwrap();
    exchange.place(at(1), one, &request).unwrap();
    for count in 1..20 {
        let id = format!("n{count}");
        exchange.place(at(1), one, &limit(&id, Side::Buy, "59000", "0.01")).unwrap();
    }
    assert_eq!(code(exchange.place(at(1), one, &limit("z", Side::Buy, "59000", "0.01"))), -2025);
    assert_eq!(exchange.cancel_all(at(1), one, symbol()), Ok(20));
    assert!(exchange.open_orders(one, Some(symbol())).is_empty());
}

#[test]
fn each_time_in_force_ends_in_its_own_way() {
    let (mut exchange, one, two) = duel();
    let ioc = timed("ioc", Side::Buy, "60040", "1.5", TimeInForce::ImmediateOrCancel);
    let answer = exchange.place(at(1), one, &ioc).unwrap();
    assert_eq!(answer.report.status, OrderStatus::Expired);
    assert_eq!(answer.report.filled_quantity, quantity("1"));
    assert_eq!(answer.report.average_price, Some(price("60040")));
    let events = drained(&mut exchange);
    assert_eq!(
        executions(&events, one),
        [
            (Execution::New, OrderStatus::New, 0),
            (Execution::Trade, OrderStatus::PartiallyFilled, 0),
            (Execution::Expired, OrderStatus::Expired, 2),
        ]
    );
    assert_eq!(executions(&events, two), [(Execution::Trade, OrderStatus::Filled, 0)]);
    let answer = exchange.place(at(1), one, &market("m", Side::Buy, "1")).unwrap();
    assert_eq!(answer.report.status, OrderStatus::Expired, "nobody sells any more");
    assert_eq!(executions(&drained(&mut exchange), one)[1].2, 9);
    let kill = timed("fok", Side::Sell, "59960", "1", TimeInForce::FillOrKill);
    assert_eq!(exchange.place(at(1), one, &kill).unwrap().report.status, OrderStatus::Filled);
    assert_eq!(exchange.position(one, symbol()).unwrap().exposure, Exposure::ZERO);
}

#[test]
fn fees_and_profit_reach_the_wallet_by_tier_and_role() {
    let (mut exchange, one, two) = duel();
    exchange.place(at(1), one, &market("in", Side::Buy, "0.5")).unwrap();
    exchange.place(at(1), one, &market("out", Side::Sell, "0.5")).unwrap();
    // Bought 0.5 at 60040 and sold at 59960: 40 lost, and 5 bps of 30020 and 29980 paid.
    let expected: Amount = "999930".parse().unwrap();
    assert_eq!(exchange.balance(one).wallet_balance, expected);
    assert_eq!(exchange.balance(two).wallet_balance, "1000028".parse().unwrap(), "maker: 2 bps");
    let fills = exchange.fills(one, symbol(), &FillQuery::default());
    assert_eq!(fills.len(), 2);
    assert!(fills[0].trade_id < fills[1].trade_id && fills.iter().all(|fill| !fill.is_maker));
    let since = FillQuery { from_id: Some(fills[1].trade_id), ..FillQuery::default() };
    assert_eq!(exchange.fills(one, symbol(), &since), fills[1..]);
    let trades = exchange.recent_trades(symbol(), 10);
    assert_eq!(trades[0].trade_id, fills[0].trade_id, "a trade has one id for all who see it");
}

#[test]
fn an_account_never_trades_with_itself() {
    let (mut exchange, one, two) = duel();
    exchange.place(at(1), one, &limit("mine", Side::Sell, "60030", "1")).unwrap();
    exchange.place(at(1), two, &limit("theirs", Side::Sell, "60030", "1")).unwrap();
    drained(&mut exchange);
    let answer = exchange.place(at(1), one, &limit("buy", Side::Buy, "60040", "1")).unwrap();
    assert_eq!(answer.report.status, OrderStatus::Filled);
    let events = executions(&drained(&mut exchange), one);
    assert_eq!(events[1], (Execution::Expired, OrderStatus::ExpiredInMatch, 1));
    assert_eq!(exchange.fills(one, symbol(), &FillQuery::default()).len(), 1);
}

#[test]
fn reduce_only_orders_are_clipped_and_end_with_the_position() {
    let (mut exchange, one, _) = duel();
    exchange.place(at(1), one, &market("in", Side::Buy, "0.5")).unwrap();
    let answer =
        exchange.place(at(1), one, &reducing(limit("tp", Side::Sell, "60100", "0.8"))).unwrap();
    assert_eq!(answer.report.status, OrderStatus::New);
    let ask = exchange.depth(symbol(), 10).unwrap().asks[1];
    assert_eq!((ask.price, ask.quantity), (price("60100"), quantity("0.5")), "clipped");
    let rival = reducing(limit("rival", Side::Sell, "60200", "0.1"));
    assert_eq!(code(exchange.place(at(1), one, &rival)), -2022, "nothing is left for it");
    drained(&mut exchange);
    exchange.place(at(1), one, &market("half", Side::Sell, "0.3")).unwrap();
    let ask = exchange.depth(symbol(), 10).unwrap().asks[1];
    assert_eq!(ask.quantity, quantity("0.2"));
    let more = reducing(market("rest", Side::Sell, "0.4"));
    let answer = exchange.place(at(1), one, &more).unwrap();
    assert_eq!(answer.report.filled_quantity, quantity("0.2"));
    assert_eq!(exchange.position(one, symbol()).unwrap().exposure, Exposure::ZERO);
    let expired: Vec<_> = executions(&drained(&mut exchange), one)
        .into_iter()
        .filter(|event| event.2 == ExpiryReason::ReduceOnly.code())
        .collect();
    assert_eq!(expired.len(), 2, "take-profit and the rest of the market order");
    assert!(exchange.open_orders(one, None).is_empty());
}

#[test]
fn a_stop_waits_for_the_mark_price_and_closes_the_position() {
    let (mut exchange, one, two) = duel();
    exchange.place(at(1), one, &market("in", Side::Buy, "0.5")).unwrap();
    let touched = stop("now", Side::Sell, "60000", StopSize::ClosePosition);
    let refused = exchange.place_stop(at(1), one, &touched, StopTerms::default());
    assert_eq!(refused.unwrap_err().code, -2021);
    let request = stop("sl", Side::Sell, "59900", StopSize::ClosePosition);
    exchange.place_stop(at(1), one, &request, StopTerms::default()).unwrap();
    let again = exchange.place_stop(at(1), one, &request, StopTerms::default());
    assert_eq!(again.unwrap_err().code, -4116);
    drained(&mut exchange);
    exchange.cancel_all(at(1), two, symbol()).unwrap();
    exchange.place(at(1), two, &limit("bid2", Side::Buy, "59700", "1")).unwrap();
    exchange.place(at(1), two, &limit("ask2", Side::Sell, "59702", "1")).unwrap();
    exchange.advance(at(10));
    let statuses: Vec<StopStatus> = drained(&mut exchange)
        .iter()
        .filter_map(|event| match event {
            ExchangeEvent::Stop(event) => Some(event.stop.report.status),
            ExchangeEvent::Order(_)
            | ExchangeEvent::Account(_)
            | ExchangeEvent::Market { .. }
            | ExchangeEvent::MarginCall(_)
            | ExchangeEvent::Liquidation { .. } => None,
        })
        .collect();
    assert_eq!(statuses, [StopStatus::Triggering, StopStatus::Triggered, StopStatus::Finished]);
    let id = StopName::Client(ClientOrderId::new("sl").unwrap());
    let done = exchange.query_stop(one, id).unwrap();
    assert_eq!(done.child.filled_quantity, quantity("0.5"));
    assert_eq!(done.child.average_price, price("59700"));
    let child = OrderName::Id(done.report.child_order_id.unwrap());
    let child = exchange.query(one, symbol(), child).unwrap();
    assert_eq!(child.report.client_order_id, done.report.client_order_id);
    assert_eq!(exchange.position(one, symbol()).unwrap().exposure, Exposure::ZERO);
    assert_eq!(exchange.cancel_stop(at(10), one, id).unwrap_err().code, -2011);
}

#[test]
fn a_stop_with_nothing_to_close_is_rejected_with_the_reason() {
    let (mut exchange, one, two) = duel();
    let request = stop("sl", Side::Buy, "60100", StopSize::Quantity(quantity("0.1")));
    exchange.place_stop(at(1), one, &request, StopTerms::default()).unwrap();
    let contract = StopTerms { working_price: WorkingPrice::Contract, ..StopTerms::default() };
    let waiting = stop("other", Side::Buy, "70000", StopSize::ClosePosition);
    exchange.place_stop(at(1), one, &waiting, contract).unwrap();
    exchange.cancel_all(at(1), two, symbol()).unwrap();
    exchange.place(at(1), two, &limit("bid2", Side::Buy, "60300", "1")).unwrap();
    exchange.place(at(1), two, &limit("ask2", Side::Sell, "60302", "1")).unwrap();
    exchange.advance(at(10));
    let id = StopName::Client(ClientOrderId::new("sl").unwrap());
    let done = exchange.query_stop(one, id).unwrap();
    assert_eq!(done.report.status, StopStatus::Rejected);
    assert_eq!(done.report.reason.as_deref(), Some("ReduceOnly Order is rejected."));
    assert_eq!(exchange.open_stops(one, None).len(), 1);
    assert_eq!(exchange.cancel_all_stops(at(10), one, symbol()), Ok(1));
}

#[test]
fn no_more_than_200_stops_wait() {
    let (mut exchange, one, _) = duel();
    let mut place = |count: usize| {
        let id = format!("s{count}");
        let request = stop(&id, Side::Sell, "59000", StopSize::Quantity(quantity("0.001")));
        exchange.place_stop(at(1), one, &request, StopTerms::default())
    };
    assert!((0..200).all(|count| place(count).is_ok()));
    assert_eq!(place(200).unwrap_err().code, -4045);
}

fn seeded() -> Exchange {
    exchange(Liquidity::Seeded(Box::new(MarketSettings::bitcoin_perpetual())))
}

#[test]
fn depth_messages_chain_and_rebuild_the_book_that_best_prices_tell_of() {
    let mut exchange = seeded();
    let start = exchange.depth(symbol(), 1000).unwrap();
    let one = exchange.open_account(&AccountSettings::default());
    drained(&mut exchange);
    let mut book: std::collections::BTreeMap<Price, Quantity> =
        start.bids.iter().map(|level| (level.price, level.quantity)).collect();
    let (mut last, mut messages) = (None, 0);
    for step in 1..200 {
        let now = Timestamp::from_millis(START * 1000 + step * 100);
        let bid = exchange.best_prices(symbol()).unwrap().0.price;
        let request = OrderRequest {
            kind: OrderKind::Limit { price: bid, time_in_force: TimeInForce::GoodTilCanceled },
            ..limit(&format!("o{step}"), Side::Buy, "60000", "0.001")
        };
        let _ = exchange.place(now.earlier_by(Duration::from_millis(50)), one, &request);
        exchange.advance(now);
        for event in drained(&mut exchange) {
            let ExchangeEvent::Market { event: MarketEvent::Depth(update), .. } = event else {
                continue;
            };
            assert!(last.is_none() || update.previous_final_update_id == last);
            assert!(update.first_update_id <= update.final_update_id);
            assert!(update.first_update_id > update.previous_final_update_id.unwrap());
            last = Some(update.final_update_id);
            messages += 1;
            for level in update.bids {
                book.insert(level.price, level.quantity);
            }
        }
        book.retain(|_, quantity| !quantity.is_zero());
        let best = exchange.best_prices(symbol()).unwrap().0;
        assert_eq!(book.last_key_value().unwrap(), (&best.price, &best.quantity));
    }
    assert!(messages > 150, "{messages} depth messages in 20 s");
}

/// A busy minute of a seeded market and a trader, as text.
fn transcript(seed: u64) -> String {
    use std::fmt::Write as _;
    let liquidity = Liquidity::Seeded(Box::new(MarketSettings::bitcoin_perpetual()));
    let instruments = vec![InstrumentSettings { instrument: bitcoin(), liquidity }];
    let mut exchange = Exchange::new(&ExchangeSettings { instruments, seed }, at(0)).unwrap();
    let one = exchange.open_account(&AccountSettings::default());
    let mut text = String::new();
    for second in 1..60 {
        let side = if second % 2 == 0 { Side::Buy } else { Side::Sell };
        let _ = exchange.place(at(second), one, &market(&format!("m{second}"), side, "0.05"));
        for event in drained(&mut exchange) {
            writeln!(text, "{event:?}").unwrap();
        }
    }
    text
}

#[test]
fn invariant_1_the_same_seed_and_calls_give_the_same_events() {
    let (one, two, other) = (transcript(7), transcript(7), transcript(8));
    assert!(one == two, "same seed");
    assert!(one != other, "another seed");
    assert!(one.lines().count() > 1_000);
}

#[test]
fn invariant_2_times_never_fall_even_when_the_clock_is_moved() {
    let mut exchange = seeded();
    exchange.advance(at(5));
    exchange.shift_time(Duration::from_millis(3_600_123));
    let live = at(3605) + Duration::from_millis(123);
    assert_eq!(exchange.now(), live);
    assert!(exchange.next_wake() > live && exchange.next_wake() < live + Duration::from_secs(1));
    exchange.advance(live + Duration::from_secs(5));
    let events = drained(&mut exchange);
    assert!(events.windows(2).all(|two| two[0].time() <= two[1].time()));
    assert!(events.iter().filter(|event| event.time() > live).count() > 100);
    assert!(!events.iter().any(|event| event.time() > at(5) && event.time() < live));
}

#[test]
fn a_scripted_push_moves_the_market_and_a_pull_empties_a_side() {
    let mut exchange = seeded();
    let act = |second, act| Adversity {
        symbol: symbol(),
        at: at(second),
        span: Duration::from_secs(10),
        act,
    };
    exchange.set_adversity(&[
        act(5, AdverseAct::Push(Rate::from_bps(-60.0))),
        act(20, AdverseAct::Pull(Side::Buy)),
    ]);
    exchange.advance(at(5));
    let before = exchange.best_prices(symbol()).unwrap().0.price;
    exchange.advance(at(15));
    let moved = exchange.best_prices(symbol()).unwrap().0.price.relative_to(before).bps();
    assert!((-90.0..-30.0).contains(&moved), "{moved} bps");
    for second in 20..30 {
        exchange.advance(at(second));
        assert!(exchange.depth(symbol(), 5).unwrap().bids.is_empty(), "second {second}");
    }
    exchange.advance(at(33));
    assert!(!exchange.depth(symbol(), 5).unwrap().bids.is_empty());
}

/// One thing a random trader does.
#[derive(Debug, Clone, Copy)]
struct Deed {
    who: usize,
    is_buy: bool,
    offset: i64,
    steps: i64,
    kind: u8,
    reduce_only: bool,
}

fn deed() -> impl Strategy<Value = Deed> {
    (0..3_usize, any::<bool>(), -8..8_i64, 1..40_i64, 0..6_u8, any::<bool>()).prop_map(
        |(who, is_buy, offset, steps, kind, reduce_only)| Deed {
            who,
            is_buy,
            offset,
            steps,
            kind,
            reduce_only,
        },
    )
}

fn request_of(deed: Deed, count: usize) -> OrderRequest {
    let time_in_force = match deed.kind {
        0..=2 => TimeInForce::GoodTilCanceled,
        3 => TimeInForce::ImmediateOrCancel,
        4 => TimeInForce::PostOnly,
        _ => TimeInForce::FillOrKill,
    };
    let limit = Price::from_units(6_000_000_000_000 + deed.offset * 10_000_000).unwrap();
    let kind = match deed.kind {
        5 if deed.steps % 2 == 0 => OrderKind::Market,
        _ => OrderKind::Limit { price: limit, time_in_force },
    };
    let side = if deed.is_buy { Side::Buy } else { Side::Sell };
    OrderRequest {
        quantity: Quantity::from_units(deed.steps * 100_000).unwrap(),
        reduce_only: deed.reduce_only && count.is_multiple_of(3),
        ..order(&format!("d{count}"), side, "0.001", kind)
    }
}

fn check_books(exchange: &Exchange, accounts: &[AccountId]) -> Result<(), TestCaseError> {
    let depth = exchange.depth(symbol(), 100).unwrap();
    if let (Some(bid), Some(ask)) = (depth.bids.first(), depth.asks.first()) {
        prop_assert!(bid.price < ask.price, "the book is never crossed");
    }
    let all = FillQuery { limit: usize::MAX, ..FillQuery::default() };
    let (mut total, mut fees, mut net) = (Amount::ZERO, Amount::ZERO, Exposure::ZERO);
    for account in accounts {
        let fills = exchange.fills(*account, symbol(), &all);
        let sum = fills
            .iter()
            .try_fold(Exposure::ZERO, |sum, fill| sum.checked_add(fill.quantity.on(fill.side)));
        let position = exchange.position(*account, symbol()).unwrap();
        prop_assert_eq!(sum, Ok(position.exposure), "position is the sum of fills");
        let realized: Amount = fills.iter().map(|fill| fill.realized_pnl).sum();
        let paid: Amount = fills.iter().map(|fill| fill.commission).sum();
        let wallet = Amount::from_units(1_000_000_000_000).unwrap();
        let wallet = wallet.saturating_add(realized).saturating_add(-paid);
        let balance = exchange.balance(*account);
        prop_assert_eq!(balance.wallet_balance, wallet, "wallet = first + realised − fees");
        let income = |kind| exchange.income_total(*account, kind);
        prop_assert_eq!(income(IncomeKind::RealizedPnl), realized, "income tells the profit");
        prop_assert_eq!(income(IncomeKind::Commission), -paid, "income tells the fees");
        total = total.saturating_add(realized).saturating_add(position.unrealized_pnl);
        fees = fees.saturating_add(paid);
        net = net.checked_add(position.exposure).unwrap();
    }
    prop_assert_eq!(net, Exposure::ZERO, "every long has its short");
    prop_assert!(total.units().abs() <= 4, "profits sum to zero but for rounding: {}", total);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn invariants_3_to_5_hold_whatever_the_accounts_do(
        deeds in prop::collection::vec(deed(), 1..120),
    ) {
        let mut exchange = exchange(Liquidity::Accounts);
        let accounts: Vec<AccountId> =
            (0..3).map(|_| exchange.open_account(&AccountSettings::default())).collect();
        let mut exposures = [Exposure::ZERO; 3];
        for (count, deed) in deeds.into_iter().enumerate() {
            let (account, request) = (accounts[deed.who], request_of(deed, count));
            let _ = exchange.place(at(i64::try_from(count).unwrap()), account, &request);
            for event in drained(&mut exchange) {
                let ExchangeEvent::Order(event) = event else { continue };
                let Some(fill) = event.fill else { continue };
                let who = usize::try_from(event.account.0).unwrap();
                let before = exposures[who];
                let after = before.checked_add(fill.quantity.on(fill.side)).unwrap();
                if event.order.report.reduce_only {
                    prop_assert_eq!(before.side(), Some(fill.side.opposite()));
                    prop_assert!(after.side() != Some(fill.side), "a reduce-only order flipped");
                }
                exposures[who] = after;
            }
            check_books(&exchange, &accounts)?;
        }
    }
}

#[test]
fn a_later_order_with_a_better_price_takes_the_room_of_a_reduce_only_order() {
    let (mut exchange, one, two) = duel();
    exchange.place(at(1), one, &market("in", Side::Buy, "0.5")).unwrap();
    exchange.place(at(1), one, &reducing(limit("tp", Side::Sell, "60020", "0.5"))).unwrap();
    exchange.place(at(1), one, &limit("plain", Side::Sell, "60010", "0.3")).unwrap();
    exchange.place(at(1), two, &limit("sweep", Side::Buy, "60020", "0.9")).unwrap();
    assert_eq!(exchange.position(one, symbol()).unwrap().exposure, Exposure::ZERO);
}
