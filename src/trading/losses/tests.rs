//! Each kind of loss is told from the others, and a day from the next.

use std::time::Duration;

use super::*;
use crate::domain::Rate;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

pub(in crate::trading) fn limits() -> RiskLimits {
    RiskLimits {
        position_notional: Amount::ZERO,
        account_notional: Amount::ZERO,
        order_notional: Amount::ZERO,
        open_orders: 0,
        orders_per_minute: 0,
        price_collar: Rate::ZERO,
        daily_loss: usdt("100"),
        drawdown: usdt("60"),
        consecutive_losses: 3,
        liquidation_distance: Rate::ZERO,
        unprotected_in_a_row: 1_000,
        unprotected_per_hour: 1_000,
        mid_jump: "0.01".parse().unwrap(),
        mid_jump_pause: Duration::from_secs(10),
    }
}

fn usdt(text: &str) -> Amount {
    text.parse().unwrap()
}

#[test]
fn invariant_1_the_day_s_profit_begins_anew_at_midnight() {
    let mut watch = LossWatch::carried_over(NOW, usdt("-40"));
    assert_eq!(watch.observe(NOW, usdt("-10"), None), usdt("-50"));
    let tomorrow = NOW + Duration::from_hours(24);
    assert_eq!(watch.realized_today(tomorrow, usdt("-10")), Amount::ZERO, "before it is observed");
    assert_eq!(watch.observe(tomorrow, usdt("-10"), None), Amount::ZERO);
    assert_eq!(watch.observe(tomorrow, usdt("-15"), None), usdt("-5"));
}

#[test]
fn a_day_s_loss_is_what_was_realised() {
    let mut watch = LossWatch::carried_over(NOW, usdt("-40"));
    let realized = watch.observe(NOW, usdt("-59"), None);
    assert_eq!(watch.check(&limits(), realized), Ok(()));
    let realized = watch.observe(NOW, usdt("-60"), None);
    assert_eq!(watch.check(&limits(), realized), Err(LossBreach::Daily(usdt("100"))));
}

#[test]
fn a_drawdown_counts_from_the_highest_with_what_is_not_realised() {
    let mut watch = LossWatch::carried_over(NOW, Amount::ZERO);
    let mut check = |realized, unrealized: Option<&str>| {
        let realized = watch.observe(NOW, usdt(realized), unrealized.map(usdt));
        watch.check(&limits(), realized)
    };
    assert_eq!(check("30", Some("20")), Ok(()), "the highest: 50");
    assert_eq!(check("30", Some("-39")), Ok(()), "59 below it");
    assert_eq!(check("30", None), Ok(()), "no price, no new fall");
    assert_eq!(check("30", Some("-40")), Err(LossBreach::Drawdown(usdt("60"))));
    assert_eq!(check("30", None), Err(LossBreach::Drawdown(usdt("60"))), "it stands");
    assert_eq!(check("30", Some("0")), Ok(()), "what came back is not lost");
}

#[test]
fn invariant_2_the_highest_stands_until_midnight_or_a_person_resumes() {
    let mut watch = LossWatch::carried_over(NOW, Amount::ZERO);
    watch.observe(NOW, usdt("50"), Some(Amount::ZERO));
    let fallen = watch.observe(NOW, usdt("-10"), Some(Amount::ZERO));
    assert_eq!(watch.check(&limits(), fallen), Err(LossBreach::Drawdown(usdt("60"))));
    let mut resumed = watch.clone();
    resumed.forgive();
    assert_eq!(resumed.check(&limits(), fallen), Ok(()));
    let lower = resumed.observe(NOW, usdt("-70"), Some(Amount::ZERO));
    assert_eq!(resumed.check(&limits(), lower), Err(LossBreach::Drawdown(usdt("60"))));
    let tomorrow = NOW + Duration::from_hours(24);
    let anew = watch.observe(tomorrow, usdt("-10"), Some(Amount::ZERO));
    assert_eq!(watch.check(&limits(), anew), Ok(()));
}

#[test]
fn losses_in_a_row_end_with_a_trip_that_did_not_lose() {
    let mut watch = LossWatch::carried_over(NOW, Amount::ZERO);
    let mut after = |trips: &[&str]| {
        for profit in trips {
            watch.on_round_trip(usdt(profit));
        }
        watch.check(&limits(), Amount::ZERO)
    };
    assert_eq!(after(&["-1", "-1", "0", "-1", "-1"]), Ok(()));
    assert_eq!(after(&["-0.01"]), Err(LossBreach::InARow(3)));
    assert_eq!(after(&["2"]), Ok(()));
}
