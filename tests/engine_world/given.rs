//! What every story of the engine begins with: one instrument, one model, the settings.

use std::time::Duration;

use lobd::domain::{
    Environment, FeeRates, Filters, Instrument, Market, ModelId, Rate, RunId, Second, Symbol,
};
use lobd::engine::{LedgerSummary, ModelInCharge, Started, TradedInstrument};
use lobd::trading::{EntryStyle, RiskLimits, ShutdownPolicy, TradingSettings};

pub(crate) fn parse<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}

pub(crate) fn symbol() -> Symbol {
    parse("BTCUSDT")
}

pub(crate) fn model() -> ModelId {
    parse("ols-3fa92c51")
}

pub(crate) fn settings() -> TradingSettings {
    TradingSettings {
        signal_spread_multiple: parse("1.5"),
        edge_margin: Rate::ZERO,
        order_notional: parse("6000"),
        entry_style: EntryStyle::Join,
        entry_life: Duration::from_secs(10),
        stop_loss: parse("10"),
        venue_stop_multiple: parse("1.5"),
        stop_loss_max_trial: 3,
        stop_loss_trial_wait: Duration::from_secs(1),
        stop_loss_budget: Duration::from_secs(5),
        max_holding: Duration::from_mins(1),
        limits: RiskLimits {
            position_notional: parse("6500"),
            account_notional: parse("60000"),
            order_notional: parse("12000"),
            open_orders: 50,
            orders_per_minute: 30,
            price_collar: parse("0.01"),
            daily_loss: parse("200"),
            drawdown: parse("9000"),
            consecutive_losses: 1_000,
            liquidation_distance: parse("0.02"),
            unprotected_in_a_row: 1_000,
            unprotected_per_hour: 1_000,
            mid_jump: parse("0.01"),
            mid_jump_pause: Duration::from_secs(10),
        },
        mark_price_max_age: Duration::from_secs(3),
        reconcile_interval: Duration::from_secs(5),
        countdown: Duration::from_mins(1),
        shutdown_policy: ShutdownPolicy::Protect,
    }
}

pub(crate) fn instrument() -> Instrument {
    Instrument {
        environment: Environment::Sandbox,
        market: Market::Usdm,
        symbol: symbol(),
        filters: Filters {
            tick_size: parse("0.1"),
            step_size: parse("0.001"),
            min_price: parse("0.1"),
            max_price: parse("1000000"),
            min_quantity: parse("0.001"),
            max_quantity: parse("1000"),
            max_market_quantity: parse("120"),
            min_notional: parse("50"),
            multiplier_up: parse("1.05"),
            multiplier_down: parse("0.95"),
            max_open_orders: 200,
        },
    }
}

pub(crate) fn started(epoch: u32, ledger: LedgerSummary) -> Started {
    Started {
        run: RunId { installation: 7, epoch },
        version: "test".to_owned(),
        settings: settings(),
        instruments: vec![TradedInstrument {
            instrument: instrument(),
            fees: FeeRates { maker: Rate::ZERO, taker: parse("0.0001") },
            model: Some(ModelInCharge {
                model: model(),
                expires_at: Second::from_unix(i64::MAX / 2_000_000_000),
                spread_multiple: parse("1"),
            }),
        }],
        ledger,
        countdown: lobd::engine::CountdownProof::Uncertified,
    }
}
