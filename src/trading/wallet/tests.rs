//! The wallet as people check it by hand, asset by asset.

use super::*;
use crate::domain::{BalanceReport, IncomeKind, OrderId, Side, TradeId};

const START: i64 = 1_800_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(START + second)
}

fn symbol() -> Symbol {
    Symbol::new("BTCUSDT").unwrap()
}

fn asset(name: &str) -> Asset {
    Asset::new(name).unwrap()
}

fn report(second: i64, balances: &[(&str, &str)]) -> AccountReport {
    let balance = |(name, amount): &(&str, &str)| BalanceReport {
        asset: asset(name),
        wallet_balance: amount.parse().unwrap(),
        available_balance: Amount::ZERO,
    };
    AccountReport {
        asked_at: at(second),
        positions: Vec::new(),
        open_orders: Vec::new(),
        open_stops: Vec::new(),
        fills: Vec::new(),
        balances: balances.iter().map(balance).collect(),
    }
}

fn income(second: i64, kind: IncomeKind, amount: &str) -> Income {
    Income {
        kind,
        symbol: None,
        amount: amount.parse().unwrap(),
        asset: asset("USDT"),
        time: at(second),
        transaction_id: 1,
        trade_id: None,
    }
}

fn fill(second: i64, fee: (&str, &str)) -> Fill {
    Fill {
        symbol: symbol(),
        trade_id: TradeId(1),
        order_id: OrderId(1),
        client_order_id: None,
        side: Side::Sell,
        price: "60000".parse().unwrap(),
        quantity: "0.1".parse().unwrap(),
        commission: fee.0.parse().unwrap(),
        commission_asset: asset(fee.1),
        realized_pnl: "12".parse().unwrap(),
        is_maker: true,
        time: at(second),
    }
}

/// A wallet agreed on at the start.
fn agreed(balances: &[(&str, &str)]) -> Wallet {
    let mut wallet = Wallet::default();
    assert!(shown(&mut wallet, 0, balances).is_empty());
    wallet
}

fn shown(wallet: &mut Wallet, second: i64, balances: &[(&str, &str)]) -> Vec<WalletDifference> {
    wallet.compare((at(second), Some(at(second))), &[symbol()], &report(second, balances))
}

#[test]
fn fills_fees_and_income_explain_what_the_wallet_holds() {
    let mut wallet = agreed(&[("USDT", "5000")]);
    wallet.on_fill(&fill(70, ("2", "USDT")));
    assert!(shown(&mut wallet, 75, &[("USDT", "5010")]).is_empty());
    assert!(!wallet.wants_income());
    wallet.on_income(&income(80, IncomeKind::FundingFee, "-0.6"));
    wallet.on_income(&income(80, IncomeKind::Transfer, "-1000"));
    assert!(shown(&mut wallet, 200, &[("USDT", "4009.4")]).is_empty());
    assert!(!wallet.wants_income());
}

#[test]
fn a_fee_in_another_asset_is_taken_from_that_one() {
    let mut wallet = agreed(&[("BNB", "3"), ("USDT", "5000")]);
    wallet.on_fill(&fill(10, ("0.1", "BNB")));
    assert!(shown(&mut wallet, 11, &[("BNB", "2.9"), ("USDT", "5012")]).is_empty());
    wallet.on_fill(&fill(30, ("0.1", "BNB")));
    assert!(shown(&mut wallet, 31, &[("BNB", "2.8"), ("USDT", "5024")]).is_empty());
    assert!(!wallet.wants_income());
    assert!(shown(&mut wallet, 32, &[("USDT", "5024")]).is_empty());
    assert!(wallet.wants_income(), "what is not listed is nothing");
}

#[test]
fn what_nothing_explains_for_too_long_is_told_once_and_taken_over() {
    let mut wallet = agreed(&[("USDT", "5000")]);
    assert!(shown(&mut wallet, 5, &[("USDT", "4990")]).is_empty());
    assert!(wallet.wants_income());
    assert!(shown(&mut wallet, 94, &[("USDT", "4990")]).is_empty());
    let [told] = shown(&mut wallet, 95, &[("USDT", "4990")]).try_into().unwrap();
    assert_eq!(told.ledger, "5000".parse().unwrap());
    assert!(told.to_string().contains("wallet in USDT: ledger 5000, venue 4990"), "{told}");
    assert_eq!(wallet.confirmed_total(), 1);
    assert!(shown(&mut wallet, 96, &[("USDT", "4990")]).is_empty(), "twice is once");
    assert_eq!((wallet.confirmed().count(), wallet.confirmed_total()), (0, 1));
}

#[test]
fn a_row_that_comes_late_explains_in_time() {
    let mut wallet = agreed(&[("USDT", "5000")]);
    assert!(shown(&mut wallet, 105, &[("USDT", "4999.4")]).is_empty());
    wallet.on_income(&income(100, IncomeKind::FundingFee, "-0.6"));
    assert!(shown(&mut wallet, 300, &[("USDT", "4999.4")]).is_empty());
    assert!(!wallet.wants_income());
}

#[test]
fn invariant_2_what_may_be_in_the_first_balance_begins_it_anew() {
    let mut wallet = agreed(&[("USDT", "5000")]);
    wallet.on_income(&income(20, IncomeKind::FundingFee, "-0.6"));
    assert!(shown(&mut wallet, 30, &[("USDT", "5000")]).is_empty());
    assert!(!wallet.wants_income(), "it was in it, or came with the new one");
    wallet.on_income(&income(-100, IncomeKind::FundingFee, "-0.6"));
    assert!(shown(&mut wallet, 31, &[("USDT", "5000")]).is_empty());
    assert!(!wallet.wants_income(), "what is older was in it");
}

#[test]
fn what_the_venue_could_not_tell_of_yet_is_waited_for_however_long() {
    let mut wallet = agreed(&[("USDT", "100")]);
    let moved = report(10, &[("USDT", "90")]);
    for (now, told_until) in [(10, None), (200, None), (300, Some(10)), (400, Some(74))] {
        let told_until = told_until.map(at);
        assert_eq!(wallet.compare((at(now), told_until), &[symbol()], &moved), [], "{now}");
    }
    assert_eq!(wallet.compare((at(401), Some(at(75))), &[symbol()], &moved).len(), 1);
}
