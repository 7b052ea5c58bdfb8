//! The order life of the simulated exchange beyond placing and cancelling: changes, dates,
//! self-trade prevention, matched prices, the dead-man's switch.

use std::time::Duration;

use lobd::domain::{
    Exposure, OrderKind, OrderStatus, Price, Quantity, Rejection, Side, StopSize, TimeInForce,
    Timestamp,
};
use lobd::sim::{
    AccountId, AccountSettings, Amendment, Exchange, ExchangeEvent, Execution, FillQuery,
    Liquidity, OrderRecord, OrderTerms, PriceMatch, Rules, SelfTradePrevention, StopTerms,
};
use proptest::prelude::*;

use crate::sim_exchange::{
    at, code, drained, duel, exchange, executions, limit, market, name, order, price, quantity,
    reducing, stop, symbol, timed,
};

fn change(side: Side, to: &str, much: &str) -> Amendment {
    Amendment {
        side,
        price: price(to),
        quantity: quantity(much),
        price_match: None,
        modify_id: None,
    }
}

fn amend(
    exchange: &mut Exchange,
    account: AccountId,
    id: &str,
    change: &Amendment,
) -> Result<OrderRecord, Rejection> {
    exchange.amend(exchange.now(), account, (symbol(), name(id)), change)
}

fn preventing(prevention: SelfTradePrevention) -> OrderTerms {
    OrderTerms { prevention, ..OrderTerms::default() }
}

#[test]
fn a_change_moves_the_order_and_costs_its_place_in_the_queue() {
    let (mut exchange, one, two) = duel();
    exchange.place(at(1), one, &limit("mine", Side::Buy, "59980", "1")).unwrap();
    exchange.place(at(1), two, &limit("theirs", Side::Buy, "59980", "1")).unwrap();
    drained(&mut exchange);
    let smaller = Amendment { modify_id: Some(7), ..change(Side::Buy, "59980", "0.5") };
    let changed = amend(&mut exchange, one, "mine", &smaller).unwrap();
    assert_eq!(
        (changed.report.status, changed.report.quantity),
        (OrderStatus::New, quantity("0.5"))
    );
    assert_eq!((changed.amended, changed.modify_id), (1, Some(7)));
    let events = drained(&mut exchange);
    assert_eq!(executions(&events, one), [(Execution::Amended, OrderStatus::New, 0)]);
    let third = exchange.open_account(&AccountSettings::default());
    exchange.place(at(1), third, &market("sell", Side::Sell, "1")).unwrap();
    let mine = exchange.query(one, symbol(), name("mine")).unwrap();
    assert!(mine.report.filled_quantity.is_zero(), "who came later is served first now");
    let kept = exchange.amendments(one, symbol(), name("mine")).unwrap();
    assert_eq!((kept[0].quantity, kept[0].count), ((quantity("1"), quantity("0.5")), 1));
}

#[test]
fn a_change_to_a_crossing_price_trades_at_once() {
    let (mut exchange, one, _) = duel();
    exchange.place(at(1), one, &limit("a", Side::Buy, "59980", "2")).unwrap();
    drained(&mut exchange);
    let changed = amend(&mut exchange, one, "a", &change(Side::Buy, "60040", "2")).unwrap();
    assert_eq!(changed.report.status, OrderStatus::PartiallyFilled);
    let events = executions(&drained(&mut exchange), one);
    assert_eq!(events[0].0, Execution::Amended);
    assert_eq!(events[1], (Execution::Trade, OrderStatus::PartiallyFilled, 0));
    assert_eq!(exchange.best_prices(symbol()).map(|best| best.0.price), None, "no ask is left");
    assert_eq!(exchange.depth(symbol(), 1).unwrap().bids[0].price, price("60040"));
}

#[test]
fn a_change_that_cannot_be_is_refused_and_leaves_the_order_as_it_was() {
    let (mut exchange, one, two) = duel();
    exchange.place(at(1), one, &limit("a", Side::Buy, "59980", "1")).unwrap();
    let before = exchange.query(one, symbol(), name("a")).unwrap();
    drained(&mut exchange);
    for (changed, expected) in [
        (change(Side::Buy, "59980", "1"), -5027),
        (change(Side::Sell, "59981", "1"), -1117),
        (change(Side::Buy, "59980.05", "1"), -4014),
        (change(Side::Buy, "63000.1", "1"), -4016),
        (change(Side::Buy, "59980", "0.0015"), -1111),
        (change(Side::Buy, "59980", "400"), -2019),
    ] {
        assert_eq!(code(amend(&mut exchange, one, "a", &changed)), expected, "{changed:?}");
    }
    assert_eq!(code(amend(&mut exchange, two, "a", &change(Side::Buy, "59980", "2"))), -2013);
    assert_eq!(exchange.query(one, symbol(), name("a")).unwrap(), before);
    assert!(drained(&mut exchange).is_empty());
    exchange.cancel(at(1), one, symbol(), name("a")).unwrap();
    assert_eq!(code(amend(&mut exchange, one, "a", &change(Side::Buy, "59980", "2"))), -2013);
}

#[test]
fn a_change_that_leaves_nothing_or_would_make_a_post_only_order_take_cancels_it() {
    let (mut exchange, one, two) = duel();
    exchange.place(at(1), one, &limit("a", Side::Buy, "59980", "1")).unwrap();
    exchange.place(at(1), two, &market("hit", Side::Sell, "0.4")).unwrap();
    let changed = amend(&mut exchange, one, "a", &change(Side::Buy, "59980", "0.4")).unwrap();
    assert_eq!(changed.report.status, OrderStatus::Canceled);
    assert_eq!(changed.report.filled_quantity, quantity("0.4"));

    exchange
        .place(at(1), one, &timed("b", Side::Buy, "59980", "1", TimeInForce::PostOnly))
        .unwrap();
    let changed = amend(&mut exchange, one, "b", &change(Side::Buy, "60040", "1")).unwrap();
    assert_eq!(changed.report.status, OrderStatus::Canceled);
    assert!(changed.report.filled_quantity.is_zero());
}

#[test]
fn a_reduce_only_order_is_changed_within_its_position() {
    let (mut exchange, one, _) = duel();
    exchange.place(at(1), one, &market("in", Side::Buy, "0.5")).unwrap();
    exchange.place(at(1), one, &reducing(limit("tp", Side::Sell, "60100", "0.2"))).unwrap();
    amend(&mut exchange, one, "tp", &change(Side::Sell, "60090", "0.9")).unwrap();
    let ask = exchange.depth(symbol(), 10).unwrap().asks[1];
    assert_eq!((ask.price, ask.quantity), (price("60090"), quantity("0.5")), "clipped");
}

#[test]
fn an_order_is_changed_fewer_than_ten_thousand_times() {
    let (mut exchange, one, _) = duel();
    exchange.place(at(1), one, &limit("a", Side::Buy, "59980", "1")).unwrap();
    for count in 1..10_000 {
        let to = if count % 2 == 0 { "59980" } else { "59979" };
        assert!(amend(&mut exchange, one, "a", &change(Side::Buy, to, "1")).is_ok(), "{count}");
        drained(&mut exchange);
    }
    assert_eq!(code(amend(&mut exchange, one, "a", &change(Side::Buy, "59970", "1"))), -5026);
}

#[test]
fn an_order_with_a_date_ends_at_its_date_and_not_before() {
    let (mut exchange, one, _) = duel();
    let date = at(700);
    let terms = OrderTerms { good_till: Some(date), ..OrderTerms::default() };
    exchange.place_on(at(1), one, &limit("a", Side::Buy, "59000", "1"), terms).unwrap();
    exchange.place_on(at(1), one, &limit("b", Side::Buy, "59000", "1"), terms).unwrap();
    exchange.cancel(at(2), one, symbol(), name("b")).unwrap();
    exchange.advance(date.earlier_by(Duration::from_millis(1)));
    assert_eq!(exchange.open_orders(one, None).len(), 1);
    drained(&mut exchange);
    exchange.advance(date);
    let events = drained(&mut exchange);
    assert_eq!(executions(&events, one), [(Execution::Expired, OrderStatus::Expired, 0)]);
    assert!(exchange.open_orders(one, None).is_empty());
}

#[test]
fn each_mode_of_self_trade_prevention_ends_what_it_says() {
    for (mode, mine, incoming) in [
        (SelfTradePrevention::ExpireMaker, OrderStatus::ExpiredInMatch, OrderStatus::Filled),
        (SelfTradePrevention::ExpireTaker, OrderStatus::New, OrderStatus::ExpiredInMatch),
        (SelfTradePrevention::ExpireBoth, OrderStatus::ExpiredInMatch, OrderStatus::ExpiredInMatch),
    ] {
        let (mut exchange, one, two) = duel();
        exchange.place(at(1), two, &limit("first", Side::Sell, "60030", "0.5")).unwrap();
        exchange.place(at(1), one, &limit("mine", Side::Sell, "60030", "1")).unwrap();
        let buy = limit("buy", Side::Buy, "60040", "1.5");
        exchange.place_on(at(1), one, &buy, preventing(mode)).unwrap();
        let status = |id| exchange.query(one, symbol(), name(id)).unwrap().report;
        assert_eq!(status("mine").status, mine, "{mode:?}");
        assert_eq!(status("buy").status, incoming, "{mode:?}");
        let least = quantity("0.5");
        assert!(status("buy").filled_quantity >= least, "{mode:?}: what was ahead is taken");
    }
}

#[test]
fn an_immediate_order_stopped_by_its_own_account_says_both_reasons() {
    let (mut exchange, one, _) = duel();
    exchange.place(at(1), one, &limit("mine", Side::Sell, "60030", "1")).unwrap();
    drained(&mut exchange);
    let take = timed("take", Side::Buy, "60040", "1", TimeInForce::ImmediateOrCancel);
    exchange.place_on(at(1), one, &take, preventing(SelfTradePrevention::ExpireTaker)).unwrap();
    let events = executions(&drained(&mut exchange), one);
    assert_eq!(events[1], (Execution::Expired, OrderStatus::ExpiredInMatch, 3));
}

#[test]
fn a_fill_or_kill_order_counts_only_what_others_offer() {
    let (mut exchange, one, two) = duel();
    exchange.place(at(1), one, &limit("mine", Side::Sell, "60030", "1")).unwrap();
    let kill = |much| timed("k", Side::Buy, "60040", much, TimeInForce::FillOrKill);
    assert_eq!(code(exchange.place(at(1), one, &kill("1.5"))), -5021);
    assert_eq!(
        exchange.query(one, symbol(), name("mine")).unwrap().report.status,
        OrderStatus::New
    );
    exchange.place(at(1), two, &limit("more", Side::Sell, "60040", "0.5")).unwrap();
    let filled = exchange.place(at(1), one, &kill("1.5")).unwrap();
    assert_eq!(filled.report.status, OrderStatus::Filled);
}

#[test]
fn a_matched_price_is_that_of_the_level_named() {
    let (mut exchange, one, two) = duel();
    for level in 1..=4 {
        let (bid, ask) = (59_960 - level, 60_040 + level);
        let id = |side| format!("{side}{level}");
        exchange.place(at(1), two, &limit(&id("b"), Side::Buy, &bid.to_string(), "1")).unwrap();
        exchange.place(at(1), two, &limit(&id("a"), Side::Sell, &ask.to_string(), "1")).unwrap();
    }
    let matched = |side, which| exchange.matched_price(symbol(), side, which);
    assert_eq!(matched(Side::Buy, PriceMatch::Queue), Ok(price("59960")));
    assert_eq!(matched(Side::Buy, PriceMatch::Queue5), Ok(price("59956")));
    assert_eq!(matched(Side::Buy, PriceMatch::Opponent), Ok(price("60040")));
    assert_eq!(matched(Side::Sell, PriceMatch::Opponent5), Ok(price("59956")));
    assert_eq!(matched(Side::Sell, PriceMatch::Queue10).unwrap_err().code, -5041);
    assert!(exchange.open_orders(one, None).is_empty());
}

#[test]
fn a_tested_order_is_judged_and_not_placed() {
    let (mut exchange, one, _) = duel();
    let good = limit("a", Side::Buy, "59000", "1");
    let mut test = |request| exchange.test_order(at(1), one, request, OrderTerms::default());
    assert_eq!(test(&good).unwrap().report.status, OrderStatus::New);
    let bad = limit("a", Side::Buy, "59000", "900");
    assert_eq!(code(test(&bad)), -2019);
    assert!(exchange.open_orders(one, None).is_empty() && drained(&mut exchange).is_empty());
}

#[test]
fn an_account_that_falls_silent_loses_its_orders_and_by_choice_its_stops() {
    for cancels_stops in [false, true] {
        let (mut exchange, one, two) = duel();
        let rules = Rules { countdown_cancels_stops: cancels_stops, ..Rules::default() };
        exchange.set_rules(rules);
        exchange.place(at(1), one, &limit("a", Side::Buy, "59000", "1")).unwrap();
        let protect = stop("s", Side::Sell, "58000", StopSize::Quantity(quantity("0.1")));
        exchange.place_stop(at(1), one, &protect, StopTerms::default()).unwrap();
        let ten = Duration::from_secs(10);
        exchange.set_countdown(at(1), one, symbol(), ten).unwrap();
        exchange.set_countdown(at(8), one, symbol(), ten).unwrap();
        exchange.advance(at(17));
        assert_eq!(exchange.open_orders(one, None).len(), 1, "renewed in time");
        exchange.advance(at(18));
        assert!(exchange.open_orders(one, None).is_empty());
        assert_eq!(exchange.open_stops(one, None).is_empty(), cancels_stops);
        assert_eq!(exchange.open_orders(two, None).len(), 2, "only its own");
    }
}

#[test]
fn a_countdown_of_zero_is_no_countdown() {
    let (mut exchange, one, _) = duel();
    exchange.place(at(1), one, &limit("a", Side::Buy, "59000", "1")).unwrap();
    exchange.set_countdown(at(1), one, symbol(), Duration::from_secs(10)).unwrap();
    exchange.set_countdown(at(2), one, symbol(), Duration::ZERO).unwrap();
    exchange.advance(at(60));
    assert_eq!(exchange.open_orders(one, None).len(), 1);
}

/// One thing a random trader does to the order it placed some deeds ago, or with a new one.
#[derive(Debug, Clone, Copy)]
struct Deed {
    who: usize,
    is_buy: bool,
    offset: i64,
    steps: i64,
    kind: u8,
    reduce_only: bool,
    back: usize,
}

fn deed() -> impl Strategy<Value = Deed> {
    let what =
        (0..3_usize, any::<bool>(), -8..8_i64, 1..40_i64, 0..8_u8, any::<bool>(), 1..12_usize);
    what.prop_map(|(who, is_buy, offset, steps, kind, reduce_only, back)| Deed {
        who,
        is_buy,
        offset,
        steps,
        kind,
        reduce_only,
        back,
    })
}

impl Deed {
    fn side(self) -> Side {
        if self.is_buy { Side::Buy } else { Side::Sell }
    }

    fn price(self) -> Price {
        Price::from_units(6_000_000_000_000 + self.offset * 10_000_000).unwrap()
    }

    fn quantity(self) -> Quantity {
        Quantity::from_units(self.steps * 100_000).unwrap()
    }

    fn time_in_force(self) -> TimeInForce {
        match self.kind {
            5 => TimeInForce::ImmediateOrCancel,
            6 => TimeInForce::PostOnly,
            7 => TimeInForce::FillOrKill,
            _ => TimeInForce::GoodTilCanceled,
        }
    }

    fn terms(self, now: Timestamp) -> OrderTerms {
        let prevention = match self.steps % 3 {
            0 => SelfTradePrevention::ExpireTaker,
            1 => SelfTradePrevention::ExpireMaker,
            _ => SelfTradePrevention::ExpireBoth,
        };
        let good_till = (self.kind == 4).then(|| now + Duration::from_secs(20));
        OrderTerms { prevention, good_till, price_match: None }
    }
}

/// Does a deed at its second, with what must hold of the answer alone.
fn act(
    exchange: &mut Exchange,
    account: AccountId,
    deed: Deed,
    count: usize,
) -> Result<(), TestCaseError> {
    let now = at(i64::try_from(count).unwrap());
    if deed.kind < 2 {
        let earlier = name(&format!("d{}", count.saturating_sub(deed.back)));
        let change = Amendment {
            side: deed.side(),
            price: deed.price(),
            quantity: deed.quantity(),
            price_match: None,
            modify_id: None,
        };
        let _ = exchange.amend(now, account, (symbol(), earlier), &change);
        return Ok(());
    }
    let kind = OrderKind::Limit { price: deed.price(), time_in_force: deed.time_in_force() };
    let mut request = order(&format!("d{count}"), deed.side(), "0.001", kind);
    request.quantity = deed.quantity();
    request.reduce_only = deed.reduce_only && count.is_multiple_of(3);
    let answer = exchange.place_on(now, account, &request, deed.terms(now));
    if let (TimeInForce::FillOrKill, Ok(filled)) = (deed.time_in_force(), answer) {
        prop_assert_eq!(filled.report.status, OrderStatus::Filled, "all or nothing");
    }
    Ok(())
}

/// What must hold of what happened: no reduce-only flip, no trade with oneself.
fn check_events(events: &[ExchangeEvent], held: &mut [Exposure; 3]) -> Result<(), TestCaseError> {
    let mut traded = std::collections::BTreeSet::new();
    for event in events {
        let ExchangeEvent::Order(event) = event else { continue };
        let Some(fill) = event.fill else { continue };
        prop_assert!(traded.insert((fill.trade_id, event.account)), "met itself: {:?}", fill);
        let who = usize::try_from(event.account.0).unwrap();
        let after = held[who].checked_add(fill.quantity.on(fill.side)).unwrap();
        if event.order.report.reduce_only {
            prop_assert_eq!(held[who].side(), Some(fill.side.opposite()));
            prop_assert!(after.side() != Some(fill.side), "a reduce-only order flipped");
        }
        held[who] = after;
    }
    Ok(())
}

/// What must hold of the working orders and the book at any moment.
fn check_orders(exchange: &Exchange, accounts: &[AccountId]) -> Result<(), TestCaseError> {
    let depth = exchange.depth(symbol(), 100).unwrap();
    if let (Some(bid), Some(ask)) = (depth.bids.first(), depth.asks.first()) {
        prop_assert!(bid.price < ask.price, "the book is never crossed");
    }
    let all = FillQuery { limit: usize::MAX, ..FillQuery::default() };
    for account in accounts {
        let fills = exchange.fills(*account, symbol(), &all);
        let mut sum = Exposure::ZERO;
        for fill in &fills {
            sum = sum.checked_add(fill.quantity.on(fill.side)).unwrap();
        }
        prop_assert_eq!(sum, exchange.position(*account, symbol()).unwrap().exposure);
        for order in exchange.open_orders(*account, None) {
            prop_assert!(order.terms.good_till.is_none_or(|date| date > exchange.now()));
            prop_assert!(order.report.filled_quantity < order.report.quantity);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn changed_dated_and_prevented_orders_keep_the_invariants_too(
        deeds in prop::collection::vec(deed(), 1..120),
    ) {
        let mut exchange = exchange(Liquidity::Accounts);
        let accounts: Vec<AccountId> =
            (0..3).map(|_| exchange.open_account(&AccountSettings::default())).collect();
        let mut held = [Exposure::ZERO; 3];
        for (count, deed) in deeds.into_iter().enumerate() {
            act(&mut exchange, accounts[deed.who], deed, count)?;
            check_events(&drained(&mut exchange), &mut held)?;
            check_orders(&exchange, &accounts)?;
        }
    }
}
