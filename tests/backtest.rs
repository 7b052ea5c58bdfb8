//! The engine over recorded seconds: what a backtest trades, counts and costs.

use std::collections::BTreeMap;
use std::time::Duration;

use lobd::book::{Frame, FrameCutter, MarketEvent};
use lobd::domain::{Amount, FeeRates, ModelId, Prediction, Rate, Second, Symbol, Timestamp};
use lobd::engine::{ModelInCharge, TradedInstrument};
use lobd::sim::market::MarketSettings;
use lobd::sim::{
    AccountSettings, BacktestReport, BacktestSettings, Exchange, ExchangeEvent, ExchangeSettings,
    InstrumentSettings, LatencySettings, Liquidity, backtest, demo_fees,
};
use lobd::trading::{EntryStyle, RiskLimits, ShutdownPolicy, TradingSettings};

use crate::sim_exchange::bitcoin;

const START: i64 = 1_700_000_000;

/// A recorded stretch of the seeded market, with what its participants expected at each second.
struct Tape {
    frames: Vec<Frame>,
    expected: BTreeMap<Second, Rate>,
}

fn record(seconds: i64) -> Tape {
    let symbol = Symbol::new("BTCUSDT").unwrap();
    let liquidity = Liquidity::Seeded(Box::new(MarketSettings::bitcoin_perpetual()));
    let instruments = vec![InstrumentSettings { instrument: bitcoin(), liquidity }];
    let start = Timestamp::from_seconds(START);
    let settings = ExchangeSettings { instruments, seed: 7 };
    let mut exchange = Exchange::new(&settings, start).unwrap();
    let mut cutter = FrameCutter::new([&bitcoin()]);
    let mut tape = Tape { frames: Vec::new(), expected: BTreeMap::new() };
    let mut events = Vec::new();
    assert!(cutter.due(start).is_none());
    cutter.on_event(start, &MarketEvent::Snapshot(exchange.depth(symbol, 1_000).unwrap()));
    for step in 1..=seconds * 10 {
        exchange.advance(Timestamp::from_millis(START * 1_000 + step * 100));
        if step % 10 == 0 {
            let expected = exchange.expected_move(symbol, Duration::from_secs(10)).unwrap();
            tape.expected.insert(Second::from_unix(START + step / 10), expected);
        }
        exchange.drain(&mut events);
        for event in events.drain(..) {
            let ExchangeEvent::Market { time, event } = event else { continue };
            while let Some(frame) = cutter.due(time) {
                tape.frames.push(frame);
            }
            cutter.on_event(time, &event);
        }
    }
    tape
}

fn settings(fees: FeeRates) -> BacktestSettings {
    let amount = |text: &str| text.parse::<Amount>().unwrap();
    let model = ModelInCharge {
        model: model(),
        expires_at: Second::from_unix(START + 10_000_000),
        spread_multiple: "1".parse().unwrap(),
    };
    BacktestSettings {
        trading: TradingSettings {
            signal_spread_multiple: "1.5".parse().unwrap(),
            edge_margin: Rate::ZERO,
            order_notional: amount("6000"),
            entry_style: EntryStyle::Join,
            entry_life: Duration::from_secs(10),
            stop_loss: amount("10"),
            venue_stop_multiple: "1.5".parse().unwrap(),
            stop_loss_max_trial: 3,
            stop_loss_trial_wait: Duration::from_secs(1),
            stop_loss_budget: Duration::from_secs(5),
            max_holding: Duration::from_mins(1),
            limits: RiskLimits {
                position_notional: amount("6500"),
                account_notional: amount("60000"),
                order_notional: amount("12000"),
                open_orders: 50,
                orders_per_minute: 30,
                price_collar: "0.01".parse().unwrap(),
                daily_loss: amount("2000"),
                drawdown: amount("9000"),
                consecutive_losses: 1_000,
                liquidation_distance: "0.02".parse().unwrap(),
                unprotected_in_a_row: 1_000,
                unprotected_per_hour: 1_000,
                mid_jump: "0.01".parse().unwrap(),
                mid_jump_pause: Duration::from_secs(10),
            },
            mark_price_max_age: Duration::from_secs(3),
            reconcile_interval: Duration::from_secs(5),
            countdown: Duration::from_mins(1),
            shutdown_policy: ShutdownPolicy::Protect,
        },
        instruments: vec![TradedInstrument { instrument: bitcoin(), fees, model: Some(model) }],
        account: AccountSettings { fees, ..AccountSettings::default() },
        latency: LatencySettings::usual(),
        seed: 3,
    }
}

fn model() -> ModelId {
    ModelId::new("ols-3fa92c51").unwrap()
}

fn run(tape: &Tape, settings: &BacktestSettings) -> BacktestReport {
    let predict = |frame: &Frame| {
        let expected_move = tape.expected.get(&frame.second).copied().unwrap_or_default();
        vec![Prediction {
            second: frame.second,
            symbol: bitcoin().symbol,
            model: model(),
            expected_move,
            error: Rate::from_bps(3.5),
            in_range: true,
        }]
    };
    backtest(settings, tape.frames.iter().cloned(), predict).unwrap()
}

#[test]
fn the_engine_trades_the_tape_and_every_figure_agrees_with_the_exchange() {
    let tape = record(3_600);
    assert!(tape.frames.len() > 3_590, "{} frames", tape.frames.len());
    let settings = settings(demo_fees());
    let report = run(&tape, &settings);
    assert_eq!(report.halted, None);
    assert_eq!(report.discrepancies, 0, "ledger and exchange agree throughout");
    assert!(report.round_trips >= 10, "{} round trips", report.round_trips);
    assert!(report.fills >= 2 * report.round_trips);
    assert_eq!(report.pnl_after_fees, report.pnl_before_fees.saturating_add(-report.fees));
    assert!(report.pnl_at_default_fees < report.pnl_after_fees, "the demo's tier is cheaper");
    assert_eq!(report.equity.len(), 60);
    assert!(report.win_rate.is_some_and(|rate| (0.0..=1.0).contains(&rate)));
    assert!(report.naked < Duration::from_millis(150) * u32::try_from(report.fills).unwrap());
    assert_eq!(run(&tape, &settings), report, "the same again");
}

#[test]
fn nothing_predicted_is_nothing_traded() {
    let tape = record(60);
    let report = backtest(&settings(demo_fees()), tape.frames, |_| Vec::new()).unwrap();
    assert_eq!((report.fills, report.round_trips, report.entries), (0, 0, 0));
    assert_eq!((report.pnl_after_fees, report.win_rate), (Amount::ZERO, None));
    let empty = backtest(&settings(demo_fees()), [], |_| Vec::new()).unwrap();
    assert_eq!(empty.seconds, 0);
}
