//! Funding, transfers and the wallet: the ledger equals the venue in money too.

use std::time::Duration;

use lobd::domain::{Amount, BalanceReport, Income, IncomeKind, Timestamp};
use lobd::engine::{AccountChange, Command, Event, LedgerSummary, OperatorRequest};

use crate::engine_world::{World, parse, symbol};

/// Longer than any row is waited for.
const SETTLED: u64 = 120_000;

fn row(id: u64, time: Timestamp, kind: IncomeKind, amount: &str) -> Income {
    let symbol = (kind != IncomeKind::Transfer).then(symbol);
    Income {
        kind,
        symbol,
        amount: parse(amount),
        asset: parse("USDT"),
        time,
        transaction_id: id,
        trade_id: None,
    }
}

fn wallet(amount: &str) -> Vec<BalanceReport> {
    let wallet_balance: Amount = parse(amount);
    vec![BalanceReport { asset: parse("USDT"), wallet_balance, available_balance: wallet_balance }]
}

/// A world at rest whose wallet is agreed on, and old enough that every movement is a later one.
fn agreed() -> World {
    let mut world = World::unstarted(crate::engine_world::Venue::default());
    world.venue.balances = wallet("5000");
    world.start(1, LedgerSummary::default());
    world.run_for(SETTLED);
    world
}

fn questions(world: &World) -> usize {
    let is_question =
        |(_, command): &&(Timestamp, Command)| matches!(command, Command::QueryIncome { .. });
    world.sent.iter().filter(is_question).count()
}

#[test]
fn funding_is_booked_once_however_often_it_is_told() {
    let mut world = agreed();
    world.venue.income.push(row(1, world.now, IncomeKind::FundingFee, "-1.5"));
    world.venue.balances = wallet("4998.5");
    for _ in 0..3 {
        world.tell(Event::AccountChanged(AccountChange::Wallet));
        world.run_for(40_000);
    }
    assert_eq!(world.cycle().totals.funding, parse("-1.5"));
    assert_eq!(world.status().realized_today, parse("-1.5"));
    assert_eq!((world.status().halted, world.status().discrepancies_total), (None, 0));
}

#[test]
fn a_row_that_an_earlier_run_booked_is_not_booked_again() {
    let mut world = agreed();
    let paid = row(1, world.now, IncomeKind::FundingFee, "-1.5");
    world.venue.income.push(paid.clone());
    let ledger = LedgerSummary {
        realized_today: parse("-1.5"),
        income_since: Some(paid.time.earlier_by(Duration::from_mins(10))),
        income_known: vec![paid.id()],
        ..LedgerSummary::default()
    };
    world.restart(2, ledger);
    world.run_for(5_000);
    assert_eq!(world.status().realized_today, parse("-1.5"));
    assert_eq!(world.cycle().totals.funding, Amount::ZERO, "it is none of this run's");
}

#[test]
fn what_was_paid_between_two_runs_counts_for_the_day() {
    let mut world = agreed();
    let began = world.now;
    world.run_for(5_000);
    world.venue.income.push(row(1, world.now, IncomeKind::FundingFee, "-1.5"));
    world.run_for(5_000);
    let ledger = LedgerSummary { income_since: Some(began), ..LedgerSummary::default() };
    world.restart(2, ledger);
    world.run_for(5_000);
    assert_eq!(world.status().realized_today, parse("-1.5"));
}

#[test]
fn a_large_funding_halts_like_any_loss() {
    let mut world = agreed();
    world.venue.income.push(row(1, world.now, IncomeKind::FundingFee, "-201"));
    world.venue.balances = wallet("4799");
    world.tell(Event::AccountChanged(AccountChange::Wallet));
    world.run_for(5_000);
    assert!(world.status().halted.is_some_and(|reason| reason.contains("201")));
}

#[test]
fn a_transfer_by_the_operator_is_recognised_and_never_halts() {
    let mut world = agreed();
    world.venue.balances = wallet("3000");
    world.venue.income.push(row(1, world.now, IncomeKind::Transfer, "-2000"));
    let before = questions(&world);
    world.run_for(SETTLED);
    assert_eq!((world.status().halted, world.status().discrepancies_total), (None, 0));
    assert_eq!(world.status().realized_today, Amount::ZERO, "it is no loss");
    assert_eq!(questions(&world), before + 1, "asked because the wallet differed");
}

#[test]
fn a_wallet_that_nothing_explains_halts_with_its_reason_and_is_taken_over() {
    let mut world = agreed();
    world.venue.balances = wallet("4990");
    let before = questions(&world);
    world.run_for(SETTLED);
    let halted = world.status().halted.unwrap();
    assert!(halted.contains("wallet in USDT: ledger 5000, venue 4990"), "{halted}");
    assert_eq!(world.status().discrepancies_total, 1);
    assert!(questions(&world) - before <= 4, "seldom, at thirty each");
    world.tell(Event::Operator(OperatorRequest::Resume));
    world.run_for(SETTLED);
    assert_eq!((world.status().halted, world.status().discrepancies_total), (None, 1));
}

#[test]
fn in_quiet_times_income_is_asked_for_once_an_hour() {
    let mut world = agreed();
    let before = questions(&world);
    world.run_for(3 * 3_600_000);
    assert_eq!(questions(&world) - before, 3);
}
