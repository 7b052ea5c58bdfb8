//! Each reason why a move is no signal, and the bar it must exceed.

use std::time::Duration;

use super::*;
use crate::domain::Amount;
use crate::trading::{EntryStyle, RiskLimits, ShutdownPolicy};

fn settings() -> TradingSettings {
    TradingSettings {
        signal_spread_multiple: "2".parse().unwrap(),
        edge_margin: "0.0001".parse().unwrap(),
        order_notional: "6000".parse().unwrap(),
        entry_style: EntryStyle::Join,
        entry_life: Duration::from_secs(10),
        stop_loss: "10".parse().unwrap(),
        venue_stop_multiple: "1.5".parse().unwrap(),
        stop_loss_max_trial: 3,
        stop_loss_trial_wait: Duration::from_secs(1),
        stop_loss_budget: Duration::from_secs(5),
        max_holding: Duration::from_mins(1),
        limits: RiskLimits {
            position_notional: Amount::ZERO,
            account_notional: Amount::ZERO,
            order_notional: Amount::ZERO,
            open_orders: 50,
            orders_per_minute: 30,
            price_collar: Rate::ZERO,
            daily_loss: Amount::ZERO,
            drawdown: Amount::ZERO,
            consecutive_losses: 1_000,
            liquidation_distance: Rate::ZERO,
            unprotected_in_a_row: 1_000,
            unprotected_per_hour: 1_000,
            mid_jump: "0.01".parse().unwrap(),
            mid_jump_pause: Duration::from_secs(10),
        },
        mark_price_max_age: Duration::from_secs(3),
        reconcile_interval: Duration::from_secs(5),
        countdown: Duration::from_mins(1),
        shutdown_policy: ShutdownPolicy::Protect,
    }
}

/// Judges a move (in bps) on second 100 at `millis` after its end.
fn judge(bps: f64, millis: u64, change: fn(&mut SignalInputs<'_>)) -> Result<Signal, WhyNot> {
    let settings = settings();
    let fees = FeeRates { maker: "0.0002".parse().unwrap(), taker: "0.0005".parse().unwrap() };
    let model: ModelId = "ols-3fa92c51".parse().unwrap();
    let quote = Quote { best_bid: "60000".parse().unwrap(), best_ask: "60000.1".parse().unwrap() };
    let second = Second::from_unix(100);
    let mut inputs = SignalInputs {
        settings: &settings,
        fees: &fees,
        model: Some((model, Second::from_unix(1_000), "1".parse().unwrap())),
        quote: Some(quote),
        second: Some(second),
    };
    change(&mut inputs);
    let prediction = Prediction {
        second,
        symbol: "BTCUSDT".parse().unwrap(),
        model,
        expected_move: Rate::from_bps(bps),
        error: Rate::ZERO,
        in_range: true,
    };
    assess(second.end() + Duration::from_millis(millis), &prediction, &inputs)
}

#[test]
fn a_move_must_exceed_both_fees_and_the_margin() {
    let reason = |bps| judge(bps, 50, |_| {}).map(|signal| signal.side);
    assert_eq!(reason(8.0), Err(WhyNot::MoveTooSmall), "2 + 5 + 1 bps is not exceeded");
    assert_eq!(reason(8.01), Ok(Side::Buy));
    assert_eq!(reason(-8.01), Ok(Side::Sell));
}

#[test]
fn a_wide_spread_or_the_model_s_own_threshold_raises_the_bar() {
    let wide = judge(9.0, 50, |inputs| {
        inputs.quote =
            Some(Quote { best_bid: "60000".parse().unwrap(), best_ask: "60030".parse().unwrap() });
    });
    assert_eq!(wide, Err(WhyNot::MoveTooSmall), "twice a spread of 5 bps");
    let strict = judge(9.0, 50, |inputs| {
        inputs.model = inputs.model.map(|(id, until, _)| (id, until, "1000".parse().unwrap()));
    });
    assert_eq!(strict, Err(WhyNot::MoveTooSmall), "a thousand spreads of 0.0167 bps");
}

#[test]
fn what_is_stale_unknown_or_expired_is_no_signal() {
    let reason = |millis, change| judge(20.0, millis, change).unwrap_err();
    assert_eq!(reason(10_000, |_| {}), WhyNot::PredictionStale);
    assert_eq!(reason(50, |inputs| inputs.quote = None), WhyNot::BookInvalid);
    assert_eq!(reason(50, |inputs| inputs.model = None), WhyNot::NoModel);
    let newer = |inputs: &mut SignalInputs<'_>| inputs.second = Some(Second::from_unix(101));
    assert_eq!(reason(50, newer), WhyNot::PredictionStale, "a newer second is known");
    let expired = |inputs: &mut SignalInputs<'_>| {
        inputs.model = inputs.model.map(|(id, _, multiple)| (id, Second::from_unix(100), multiple));
    };
    assert_eq!(reason(50, expired), WhyNot::ModelExpired);
    let other = |inputs: &mut SignalInputs<'_>| {
        let name = "lasso-00000000".parse().unwrap();
        inputs.model = inputs.model.map(|(_, until, multiple)| (name, until, multiple));
    };
    assert_eq!(reason(50, other), WhyNot::OtherModel);
}

#[test]
fn the_predicted_mid_is_the_mid_moved_by_the_prediction() {
    let signal = judge(10.0, 50, |_| {}).unwrap();
    assert_eq!(signal.predicted_mid, "60060.05005".parse().unwrap());
    assert_eq!(signal.expires_at, Timestamp::from_seconds(110));
}
