//! Margin as an account of the simulated exchange meets it: brackets, pools, liquidation, funding.

use lobd::book::{MarkPrice, MarketEvent};
use lobd::domain::{
    Amount, ClientOrderId, Exposure, Instrument, OrderKind, OrderRequest, OrderStatus, Price,
    Quantity, Rate, Rejection, Rounding, Side, Symbol, TimeInForce, Timestamp,
};
use lobd::sim::{
    AccountEvent, AccountId, AccountReason, AccountSettings, Exchange, ExchangeEvent,
    ExchangeSettings, Execution, ExpiryReason, Forced, IncomeKind, IncomeQuery, InstrumentSettings,
    Liquidity, MarginCallEvent, MarginType, OrderEvent,
};
use proptest::prelude::*;

use crate::sim_exchange::bitcoin;

/// A while before funding is due.
const START: i64 = 1_700_000_000;

/// The second after it at which funding is due.
const FUNDING: i64 = 6_400;

const KINDS: [IncomeKind; 5] = [
    IncomeKind::Transfer,
    IncomeKind::RealizedPnl,
    IncomeKind::Commission,
    IncomeKind::FundingFee,
    IncomeKind::InsuranceClear,
];

fn symbol() -> Symbol {
    Symbol::new("BTCUSDT").unwrap()
}

/// Another instrument on the same grid.
fn ether() -> Instrument {
    Instrument { symbol: Symbol::new("ETHUSDT").unwrap(), ..bitcoin() }
}

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(START + second)
}

fn limit(id: &str, side: Side, at: Price, much: &str) -> OrderRequest {
    OrderRequest {
        client_order_id: ClientOrderId::new(id).unwrap(),
        symbol: symbol(),
        side,
        quantity: much.parse().unwrap(),
        kind: OrderKind::Limit { price: at, time_in_force: TimeInForce::GoodTilCanceled },
        reduce_only: false,
    }
}

fn market(id: &str, side: Side, much: &str) -> OrderRequest {
    OrderRequest { kind: OrderKind::Market, ..limit(id, side, Price::ZERO, much) }
}

/// A trader with 10,000 and the one who makes the market, with as much as it takes.
struct Duel {
    exchange: Exchange,
    one: AccountId,
    maker: AccountId,
    second: i64,
}

impl Duel {
    fn new() -> Self {
        Self::starting(0)
    }

    fn starting(second: i64) -> Self {
        let liquidity = Liquidity::Accounts;
        let instruments = [bitcoin(), ether()]
            .map(|instrument| InstrumentSettings { instrument, liquidity: liquidity.clone() });
        let settings = ExchangeSettings { instruments: instruments.to_vec(), seed: 7 };
        let mut exchange = Exchange::new(&settings, at(second)).unwrap();
        let one = exchange.open_account(&AccountSettings::default());
        let rich = AccountSettings { balance: amount("100000000"), ..AccountSettings::default() };
        let maker = exchange.open_account(&rich);
        let mut duel = Self { exchange, one, maker, second };
        duel.quote("60000", "10");
        duel
    }

    /// Moves the whole market, and waits until the mark price has followed.
    fn quote(&mut self, mid: &str, much: &str) {
        self.quote_at(symbol(), mid, much);
    }

    fn quote_at(&mut self, symbol: Symbol, mid: &str, much: &str) {
        let now = at(self.second);
        let mid = price(mid).units();
        self.exchange.cancel_all(now, self.maker, symbol).unwrap();
        for (id, side, offset) in [("bid", Side::Buy, -1), ("ask", Side::Sell, 1)] {
            let offset = offset * 100_000_000;
            let order = limit(id, side, Price::from_units(mid + offset).unwrap(), much);
            let order = OrderRequest { symbol, ..order };
            // Far from the last mark price the percent filter refuses: in steps then.
            let _ = self.exchange.place(now, self.maker, &order);
        }
        self.wait(6);
    }

    fn wait(&mut self, seconds: i64) {
        self.second += seconds;
        self.exchange.advance(at(self.second));
    }

    fn buy(&mut self, much: &str) {
        let now = at(self.second);
        let order = self.exchange.place(now, self.one, &market("in", Side::Buy, much)).unwrap();
        assert_eq!(order.report.status, OrderStatus::Filled);
    }

    fn events(&mut self) -> Vec<ExchangeEvent> {
        let mut events = Vec::new();
        self.exchange.drain(&mut events);
        events
    }

    fn orders_of(&self, events: &[ExchangeEvent]) -> Vec<OrderEvent> {
        let of_one = |event: &ExchangeEvent| {
            let ExchangeEvent::Order(event) = event else { return None };
            (event.account == self.one).then(|| event.clone())
        };
        events.iter().filter_map(of_one).collect()
    }

    fn accounts_of(&self, events: &[ExchangeEvent]) -> Vec<AccountEvent> {
        let of_one = |event: &ExchangeEvent| {
            let ExchangeEvent::Account(event) = event else { return None };
            (event.account == self.one).then(|| event.clone())
        };
        events.iter().filter_map(of_one).collect()
    }

    fn calls_of(&self, events: &[ExchangeEvent]) -> Vec<MarginCallEvent> {
        let of_one = |event: &ExchangeEvent| {
            let ExchangeEvent::MarginCall(event) = event else { return None };
            (event.account == self.one).then(|| event.clone())
        };
        events.iter().filter_map(of_one).collect()
    }

    fn wallet(&self) -> Amount {
        self.exchange.margin(self.one).wallet
    }

    fn income(&self, kind: IncomeKind) -> Amount {
        self.exchange.income_total(self.one, kind)
    }
}

fn code<T: std::fmt::Debug>(answer: Result<T, Rejection>) -> i32 {
    answer.unwrap_err().code
}

#[test]
fn leverage_is_bounded_by_brackets_position_and_margin() {
    let Duel { mut exchange, one, second, .. } = Duel::new();
    let set = |exchange: &mut Exchange, leverage| exchange.set_leverage(one, symbol(), leverage);
    assert_eq!(code(set(&mut exchange, 126)), -4028);
    assert_eq!(code(set(&mut exchange, 0)), -4028);
    assert_eq!(set(&mut exchange, 125), Ok(amount("50000")));
    let large = market("large", Side::Buy, "1");
    assert_eq!(code(exchange.place(at(second), one, &large)), -2027, "60,000 is too much at 125");
    assert_eq!(set(&mut exchange, 50), Ok(amount("12000000")));
    exchange.place(at(second), one, &market("in", Side::Buy, "3")).unwrap();
    assert_eq!(code(set(&mut exchange, 125)), -2027, "180,000 is held");
    assert_eq!(code(set(&mut exchange, 10)), -2028, "18,000 would be bound");
    assert_eq!(set(&mut exchange, 20), Ok(amount("100000000")));
    assert_eq!(exchange.leverage(one, symbol()), Some(20));
}

#[test]
fn what_stands_behind_a_position_changes_only_while_nothing_is_at_stake() {
    let mut duel = Duel::new();
    let (one, now) = (duel.one, at(duel.second));
    let exchange = &mut duel.exchange;
    let set = |exchange: &mut Exchange, kind| exchange.set_margin_type(one, symbol(), kind);
    assert_eq!(code(set(exchange, MarginType::Crossed)), -4046);
    exchange.place(now, one, &limit("far", Side::Buy, price("58000"), "0.1")).unwrap();
    assert_eq!(code(set(exchange, MarginType::Isolated)), -4047);
    exchange.cancel_all(now, one, symbol()).unwrap();
    exchange.set_multi_assets(one, true).unwrap();
    assert_eq!(code(exchange.set_multi_assets(one, true)), -4171);
    assert_eq!(code(set(exchange, MarginType::Isolated)), -4168);
    exchange.set_multi_assets(one, false).unwrap();
    exchange.drain(&mut Vec::new());
    set(exchange, MarginType::Isolated).unwrap();
    assert_eq!(code(exchange.set_multi_assets(one, true)), -4167);
    exchange.place(now, one, &market("in", Side::Buy, "0.1")).unwrap();
    assert_eq!(code(set(exchange, MarginType::Crossed)), -4048);
    assert_eq!(code(exchange.set_hedge_mode(one, false)), -4059);
    assert_eq!(code(exchange.set_hedge_mode(one, true)), -4068);
    let events = duel.events();
    let told = duel.accounts_of(&events);
    assert_eq!(told[0].reason, AccountReason::MarginTypeChange);
    assert_eq!(told[0].position.unwrap().margin_type, MarginType::Isolated);
}

#[test]
fn isolated_margin_is_tied_added_to_and_taken_from_within_bounds() {
    let mut duel = Duel::new();
    let one = duel.one;
    let add = |exchange: &mut Exchange, text| exchange.move_margin(one, symbol(), amount(text));
    assert_eq!(code(add(&mut duel.exchange, "5")), -4049, "on cross margin");
    duel.exchange.set_margin_type(one, symbol(), MarginType::Isolated).unwrap();
    assert_eq!(code(add(&mut duel.exchange, "5")), -4054, "nothing is held");
    duel.buy("1");
    assert_eq!(code(duel.exchange.set_leverage(one, symbol(), 10)), -4161);
    let holding = duel.exchange.holding(one, symbol()).unwrap();
    assert_eq!(holding.isolated_wallet, amount("3000.05"), "60,001 at 20 times");
    assert_eq!(holding.position_margin, amount("3000"));
    let margin = duel.exchange.margin(one);
    assert_eq!(margin.wallet, amount("9969.9995"), "a fee of 30.0005");
    assert_eq!(margin.cross_wallet, amount("6969.9495"));
    assert_eq!(margin.available, margin.cross_wallet, "the position's margin is tied already");

    assert_eq!(code(add(&mut duel.exchange, "6969.95")), -4050);
    assert_eq!(code(add(&mut duel.exchange, "-1")), -4051, "all of it is needed");
    let before = holding.report.liquidation_price.unwrap();
    add(&mut duel.exchange, "1000").unwrap();
    let after = duel.exchange.holding(one, symbol()).unwrap();
    assert!(after.report.liquidation_price.unwrap() < before, "more margin, further away");
    assert_eq!(duel.exchange.margin(one).available, amount("5969.9495"));
    add(&mut duel.exchange, "-999").unwrap();
    let events = duel.events();
    let told = duel.accounts_of(&events).pop().unwrap();
    assert_eq!(told.reason, AccountReason::MarginTransfer);
    assert_eq!(told.position.unwrap().isolated_wallet, amount("3001.05"));
}

#[test]
fn a_position_is_lost_at_the_price_that_was_told_after_a_warning() {
    let mut duel = Duel::new();
    duel.buy("3");
    let order = limit("resting", Side::Sell, price("62000"), "0.001");
    duel.exchange.place(at(duel.second), duel.one, &order).unwrap();
    let told = duel.exchange.position(duel.one, symbol()).unwrap().liquidation_price.unwrap();
    assert!(told > price("56900") && told < price("57100"), "{told}");
    duel.events();

    duel.quote("57500", "0.5");
    let beside = |units: i64| {
        let on_grid = told.round_to_tick(bitcoin().filters.tick_size, Rounding::Down).unwrap();
        on_grid.checked_offset(units * 100_000_000).unwrap().to_string()
    };
    duel.quote(&beside(5), "0.5");
    let events = duel.events();
    let calls = duel.calls_of(&events);
    assert_eq!(calls.len(), 1, "warned once");
    assert_eq!(calls[0].cross_wallet, Some(duel.wallet()));
    assert_eq!(calls[0].holdings[0].report.exposure, "3".parse().unwrap());
    assert!(!duel.exchange.position(duel.one, symbol()).unwrap().exposure.is_zero());

    duel.quote(&beside(-2), "0.5");
    assert_eq!(duel.exchange.position(duel.one, symbol()).unwrap().exposure, Exposure::ZERO);
    let events = duel.events();
    let orders = duel.orders_of(&events);
    let expired = &orders[0];
    assert_eq!(expired.order.report.client_order_id, order.client_order_id);
    assert_eq!((expired.execution, expired.expiry.code()), (Execution::Expired, 5));
    assert!(orders[1].order.report.client_order_id.to_string().starts_with("autoclose-"));
    assert_eq!(orders[1].execution, Execution::New);
    assert_eq!(orders[2].execution, Execution::Trade, "half a bitcoin is bid for");
    assert_eq!(orders[3].execution, Execution::Calculated(Forced::Liquidation));
    assert_eq!(orders[3].expiry, ExpiryReason::Liquidation);
    let taken_over = orders[3].fill.unwrap();
    assert_eq!(taken_over.quantity, "2.5".parse().unwrap());
    assert_eq!(taken_over.commission, Amount::ZERO);
    assert_eq!(orders[3].order.report.status, OrderStatus::Filled);
    assert!(events.iter().any(|event| matches!(event, ExchangeEvent::Liquidation { .. })));
    let forced: Vec<_> = duel.exchange.forced_orders(duel.one).collect();
    assert_eq!((forced.len(), forced[0].cause), (1, Forced::Liquidation));
    assert!(duel.income(IncomeKind::InsuranceClear) < Amount::ZERO, "the fee");
    assert!(duel.wallet() >= Amount::ZERO && duel.wallet() < amount("100"), "{}", duel.wallet());
}

#[test]
fn a_cross_loss_takes_every_position_with_it_the_worst_first() {
    let mut duel = Duel::new();
    let ether = ether().symbol;
    duel.quote_at(ether, "60000", "10");
    duel.buy("2");
    let other = OrderRequest { symbol: ether, ..market("other", Side::Buy, "1") };
    duel.exchange.place(at(duel.second), duel.one, &other).unwrap();
    let told = duel.exchange.position(duel.one, symbol()).unwrap().liquidation_price.unwrap();
    let on_grid = told.round_to_tick(bitcoin().filters.tick_size, Rounding::Down).unwrap();
    let beside = |units: i64| on_grid.checked_offset(units * 100_000_000).unwrap().to_string();
    duel.quote("57100", "10");
    duel.quote(&beside(2), "10");
    assert_eq!(duel.exchange.forced_orders(duel.one).count(), 0, "above {told}");
    duel.quote(&beside(-2), "10");
    let closed: Vec<Symbol> =
        duel.exchange.forced_orders(duel.one).map(|forced| forced.order.report.symbol).collect();
    assert_eq!(closed, [symbol(), ether]);
    assert!(duel.wallet() >= Amount::ZERO && duel.wallet() < amount("1"), "{}", duel.wallet());
}

#[test]
fn a_gap_beyond_bankruptcy_costs_the_insurance_fund_and_never_more_than_the_wallet() {
    let mut duel = Duel::new();
    duel.buy("3");
    // Nobody bids on the way down.
    for mid in ["57500", "55000", "52500"] {
        duel.quote(mid, "0.001");
    }
    assert_eq!(duel.exchange.position(duel.one, symbol()).unwrap().exposure, Exposure::ZERO);
    assert!(duel.wallet() >= Amount::ZERO && duel.wallet() < amount("1"), "{}", duel.wallet());
    assert_eq!(duel.exchange.margin(duel.one).available, duel.wallet());
}

#[test]
fn a_fee_that_nothing_is_left_for_is_the_insurance_funds_to_pay() {
    let mut duel = Duel::new();
    duel.buy("3");
    duel.quote("57500", "10");
    // Sold at a third of a dollar above bankruptcy: one dollar is left for a fee of 85.
    duel.quote("56699", "10");
    assert_eq!(duel.exchange.position(duel.one, symbol()).unwrap().exposure, Exposure::ZERO);
    let cleared = duel.income(IncomeKind::InsuranceClear);
    assert!(cleared > amount("80") && cleared < amount("85"), "{cleared}");
    assert_eq!(duel.wallet(), Amount::ZERO);
    let events = duel.events();
    let told = duel.accounts_of(&events).pop().unwrap();
    assert_eq!((told.reason, told.balance_change), (AccountReason::InsuranceClear, cleared));
}

#[test]
fn an_isolated_loss_leaves_the_rest_of_the_wallet_alone() {
    let mut duel = Duel::new();
    duel.exchange.set_margin_type(duel.one, symbol(), MarginType::Isolated).unwrap();
    duel.buy("1");
    let rest = duel.exchange.margin(duel.one).cross_wallet;
    duel.quote("57500", "0.001");
    duel.quote("57000", "0.001");
    let holding = duel.exchange.holding(duel.one, symbol()).unwrap();
    assert_eq!((holding.report.exposure, holding.isolated_wallet), (Exposure::ZERO, Amount::ZERO));
    let lost = rest.saturating_add(-duel.wallet());
    assert!(lost.units().abs() <= 1, "{lost}");
}

#[test]
fn deleveraging_closes_at_the_mark_price_under_its_own_name() {
    let mut duel = Duel::new();
    duel.buy("2");
    duel.quote("60600", "10");
    assert_eq!(duel.exchange.deleveraging_quantile(duel.one, symbol()), 4, "first in the queue");
    assert_eq!(duel.exchange.deleveraging_quantile(duel.maker, symbol()), 0, "it loses");
    duel.events();
    let half: Quantity = "0.5".parse().unwrap();
    let now = at(duel.second);
    let order = duel.exchange.deleverage(now, duel.one, symbol(), Some(half)).unwrap();
    assert_eq!(order.report.client_order_id.to_string(), "adl_autoclose");
    assert_eq!(order.report.average_price, Some(price("60600")));
    let events = duel.events();
    let orders = duel.orders_of(&events);
    assert_eq!(orders[1].execution, Execution::Calculated(Forced::Deleveraging));
    assert_eq!(duel.income(IncomeKind::RealizedPnl), amount("299.5"), "599 × 0.5");
    let left = duel.exchange.position(duel.one, symbol()).unwrap().exposure;
    assert_eq!(left, "1.5".parse().unwrap());
    duel.exchange.liquidate(now, duel.one, symbol()).unwrap();
    assert_eq!(duel.exchange.position(duel.one, symbol()).unwrap().exposure, Exposure::ZERO);
    assert_eq!(code(duel.exchange.liquidate(now, duel.one, symbol())), -2022);
}

#[test]
fn funding_is_paid_by_longs_to_shorts_at_its_hour() {
    let mut duel = Duel::new();
    duel.buy("1");
    let outlook = duel.exchange.funding(symbol()).unwrap();
    assert_eq!(outlook.rate, "0.0001".parse().unwrap(), "a calm market pays the interest");
    assert_eq!(outlook.next_time, at(FUNDING));
    duel.events();
    let due = outlook.next_time;
    duel.exchange.advance(Timestamp::from_nanos(due.nanos() - 1));
    assert_eq!(duel.income(IncomeKind::FundingFee), Amount::ZERO);
    duel.exchange.advance(due);
    assert_eq!(duel.income(IncomeKind::FundingFee), amount("-6"));
    let received = duel.exchange.income_total(duel.maker, IncomeKind::FundingFee);
    assert_eq!(received, amount("6"));
    let paid: Vec<_> = duel.exchange.funding_paid(symbol()).collect();
    assert_eq!((paid.len(), paid[0].time, paid[0].mark_price), (1, due, price("60000")));
    let events = duel.events();
    let told = duel.accounts_of(&events);
    assert_eq!((told[0].reason, told[0].funded), (AccountReason::FundingFee, Some(symbol())));
    assert_eq!((told[0].balance_change, told[0].position), (amount("-6"), None));
    let next = duel.exchange.funding(symbol()).unwrap().next_time;
    assert_eq!(next.since(due).as_secs(), 8 * 3_600);
    duel.exchange.set_funding_interval(symbol(), 1).unwrap();
    let outlook = duel.exchange.funding(symbol()).unwrap();
    assert_eq!(outlook.next_time.since(due).as_secs(), 3_600);
    assert!(outlook.is_adjusted && outlook.interest < "0.0001".parse::<Rate>().unwrap());
    assert_eq!(code(duel.exchange.set_funding_interval(symbol(), 7)), -1130);
}

#[test]
fn funding_of_an_isolated_position_comes_out_of_its_own_margin() {
    let mut duel = Duel::new();
    duel.exchange.set_margin_type(duel.one, symbol(), MarginType::Isolated).unwrap();
    duel.buy("1");
    let before = duel.exchange.margin(duel.one);
    duel.events();
    duel.exchange.advance(at(FUNDING));
    let after = duel.exchange.margin(duel.one);
    assert_eq!(after.cross_wallet, before.cross_wallet);
    assert_eq!(after.wallet, before.wallet.saturating_add(amount("-6")));
    let events = duel.events();
    let told = duel.accounts_of(&events);
    assert_eq!(told[0].position.unwrap().isolated_wallet, amount("2994.05"));
}

#[test]
fn a_recording_wakes_for_funding_and_pays_it_at_the_recorded_mark_price() {
    let instruments =
        vec![InstrumentSettings { instrument: bitcoin(), liquidity: Liquidity::Tape }];
    let settings = ExchangeSettings { instruments, seed: 7 };
    let mut exchange = Exchange::new(&settings, at(0)).unwrap();
    let mark = MarkPrice { symbol: symbol(), price: price("60000"), event_time: at(1) };
    exchange.feed(at(1), &MarketEvent::MarkPrice(mark)).unwrap();
    let wake = exchange.next_wake();
    assert_eq!(wake, exchange.funding(symbol()).unwrap().next_time);
    exchange.advance(wake);
    assert_eq!(exchange.funding_paid(symbol()).count(), 1);
    assert!(exchange.next_wake() > wake);
}

#[test]
fn money_in_and_out_is_told_and_bounded_by_what_is_free() {
    let mut duel = Duel::new();
    let (now, one) = (at(duel.second), duel.one);
    duel.buy("3");
    duel.quote("60100", "10");
    let margin = duel.exchange.margin(one);
    assert!(margin.cross_unrealized_pnl > Amount::ZERO);
    assert!(margin.max_withdraw < margin.available, "profit not realised stays");
    let beyond = margin.max_withdraw.saturating_add(amount("0.00000001"));
    assert_eq!(code(duel.exchange.transfer(now, one, -beyond)), -4050);
    duel.exchange.transfer(now, one, -margin.max_withdraw).unwrap();
    duel.events();
    duel.exchange.transfer(now, one, amount("500")).unwrap();
    let events = duel.events();
    let told = duel.accounts_of(&events);
    assert_eq!((told[0].reason, told[0].balance_change), (AccountReason::Deposit, amount("500")));
    let all = IncomeQuery {
        symbol: None,
        kind: Some(IncomeKind::Transfer),
        since: Timestamp::default(),
        until: Timestamp::MAX,
    };
    let ids: Vec<u64> = duel.exchange.income(one, all).map(|row| row.transaction_id).collect();
    assert_eq!(ids, [1, 2]);
}

/// One thing that happens to a random trader.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Trade { who: usize, is_buy: bool, steps: i64 },
    Rest { who: usize, is_buy: bool, offset: i64, steps: i64 },
    Leverage { who: usize, leverage: u32 },
    Margin { who: usize, isolated: bool },
    Move { who: usize, cents: i64 },
    Transfer { who: usize, cents: i64 },
    Quote { percent: i64, steps: i64 },
    Wait,
}

fn deed() -> impl Strategy<Value = Deed> {
    let who = 0..3_usize;
    prop_oneof![
        6 => (who.clone(), any::<bool>(), 1..4_000_i64)
            .prop_map(|(who, is_buy, steps)| Deed::Trade { who, is_buy, steps }),
        3 => (who.clone(), any::<bool>(), -20..20_i64, 1..400_i64)
            .prop_map(|(who, is_buy, offset, steps)| Deed::Rest { who, is_buy, offset, steps }),
        2 => (who.clone(), 1..126_u32).prop_map(|(who, leverage)| Deed::Leverage { who, leverage }),
        2 => (who.clone(), any::<bool>()).prop_map(|(who, isolated)| Deed::Margin { who, isolated }),
        2 => (who.clone(), -90_000..90_000_i64).prop_map(|(who, cents)| Deed::Move { who, cents }),
        1 => (who, -400_000..400_000_i64).prop_map(|(who, cents)| Deed::Transfer { who, cents }),
        5 => (-4..5_i64, 500..9_000_i64).prop_map(|(percent, steps)| Deed::Quote { percent, steps }),
        1 => Just(Deed::Wait),
    ]
}

fn carry_out(duel: &mut Duel, accounts: &[AccountId], deed: Deed, count: usize) {
    let now = at(duel.second);
    let side = |is_buy| if is_buy { Side::Buy } else { Side::Sell };
    let cents = |cents: i64| Amount::from_units(cents * 1_000_000).unwrap();
    let quantity = |steps: i64| Quantity::from_units(steps * 100_000).unwrap();
    let id = format!("d{count}");
    let exchange = &mut duel.exchange;
    let mark = exchange.mark_price(symbol()).unwrap().price;
    // Most of these are refused in some states; what must hold, holds all the same.
    match deed {
        Deed::Trade { who, is_buy, steps } => {
            let order =
                OrderRequest { quantity: quantity(steps), ..market(&id, side(is_buy), "0.001") };
            let _ = exchange.place(now, accounts[who], &order);
        }
        Deed::Rest { who, is_buy, offset, steps } => {
            let tick = mark.units() / 10_000_000 + offset * 100;
            let at = Price::from_units(tick * 10_000_000).unwrap();
            let order =
                OrderRequest { quantity: quantity(steps), ..limit(&id, side(is_buy), at, "0.001") };
            let _ = exchange.place(now, accounts[who], &order);
        }
        Deed::Leverage { who, leverage } => {
            let _ = exchange.set_leverage(accounts[who], symbol(), leverage);
        }
        Deed::Margin { who, isolated } => {
            let kind = if isolated { MarginType::Isolated } else { MarginType::Crossed };
            let _ = exchange.set_margin_type(accounts[who], symbol(), kind);
        }
        Deed::Move { who, cents: much } => {
            let _ = exchange.move_margin(accounts[who], symbol(), cents(much));
        }
        Deed::Transfer { who, cents: much } => {
            let _ = exchange.transfer(now, accounts[who], cents(much));
        }
        Deed::Quote { percent, steps } => {
            let tick = mark.units() / 100 * (100 + percent) / 10_000_000;
            let mid = Price::from_units(tick * 10_000_000).unwrap();
            duel.quote(&mid.to_string(), &quantity(steps).to_string());
        }
        Deed::Wait => duel.wait(30),
    }
}

fn check_money(duel: &Duel, account: AccountId, first: Amount) -> Result<(), TestCaseError> {
    let exchange = &duel.exchange;
    let income: Amount = KINDS.iter().map(|kind| exchange.income_total(account, *kind)).sum();
    let margin = exchange.margin(account);
    prop_assert_eq!(margin.wallet, first.saturating_add(income), "wallet = first + income");
    let all = IncomeQuery {
        symbol: None,
        kind: None,
        since: Timestamp::default(),
        until: Timestamp::MAX,
    };
    let rows: Amount = exchange.income(account, all).map(|row| row.amount).sum();
    prop_assert_eq!(rows, income, "no row is missing");
    let holding = exchange.holding(account, symbol()).unwrap();
    prop_assert_eq!(
        margin.cross_wallet.saturating_add(holding.isolated_wallet),
        margin.wallet,
        "cross and isolated wallets are the wallet"
    );
    if holding.report.exposure.is_zero() {
        prop_assert_eq!(holding.isolated_wallet, Amount::ZERO, "nothing is tied to nothing");
        prop_assert!(margin.wallet >= Amount::ZERO, "lost more than there was: {}", margin.wallet);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn invariants_3_and_6_wallets_are_their_income_and_never_end_below_zero(
        deeds in prop::collection::vec(deed(), 1..80),
    ) {
        let mut duel = Duel::starting(FUNDING - 60);
        let rich = AccountSettings { balance: amount("20000"), ..AccountSettings::default() };
        let others = [duel.exchange.open_account(&rich), duel.exchange.open_account(&rich)];
        let accounts = [duel.one, others[0], others[1]];
        for (count, deed) in deeds.into_iter().enumerate() {
            carry_out(&mut duel, &accounts, deed, count);
            check_money(&duel, duel.one, amount("10000"))?;
            check_money(&duel, others[0], amount("20000"))?;
            check_money(&duel, others[1], amount("20000"))?;
            check_money(&duel, duel.maker, amount("100000000"))?;
            duel.events();
        }
    }
}
