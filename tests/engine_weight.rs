//! What the engine's questions cost when it sees least (promise I12).

use std::time::Duration;

use lobd::domain::{
    AccountReport, AlgoOrderId, Amount, FeeRates, Instrument, PositionReport, Rate, StopReport,
    StopRequest, StopStatus, Symbol, Timestamp,
};
use lobd::engine::{Command, Event, Feed, LedgerSummary, TradedInstrument, TradingEngine};

use crate::engine_world::{instrument, parse, started};

const SYMBOLS: [&str; 5] = ["ADAUSDT", "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"];

/// Positions held in every symbol, without a user stream and without a market: every question that
/// the engine has is asked, and answered at once.
fn weight_of_a_blind_minute() -> (u32, u32) {
    let mut engine = TradingEngine::default();
    let start = Timestamp::from_seconds(1_800_000_000);
    let mut now = start;
    let mut inbox = vec![Event::Started(Box::new({
        let mut started = started(1, LedgerSummary::default());
        started.instruments = SYMBOLS.map(traded).into();
        started
    }))];
    inbox.push(Event::Feed { feed: Feed::Market, is_live: true });
    let (mut accounts, mut positions, mut stops) = (0, 0, Vec::new());
    while now < start + Duration::from_mins(2) {
        let is_counted = now >= start + Duration::from_mins(1);
        let events = std::mem::take(&mut inbox);
        for event in if events.is_empty() { vec![Event::Tick] } else { events } {
            for command in engine.handle(now, event) {
                if let Command::QueryAccount { .. } = &command {
                    accounts += u32::from(is_counted);
                    inbox.push(Event::Account(Box::new(account(now, &stops))));
                } else if let Command::QueryPosition { symbol } = command {
                    positions += u32::from(is_counted);
                    inbox.push(Event::Position { asked_at: now, report: position(symbol, now) });
                } else if let Command::PlaceStop(request) = &command {
                    stops.push(stop(request.get(), now));
                    inbox.extend(stops.last().cloned().map(Event::Stop));
                }
            }
        }
        if inbox.is_empty() {
            let step = now + Duration::from_millis(1);
            now = engine.next_deadline().map_or(step, |(at, _)| at.max(step));
        }
    }
    (accounts * (10 + 7 * 5), positions * 5)
}

fn traded(symbol: &str) -> TradedInstrument {
    TradedInstrument {
        instrument: Instrument { symbol: parse(symbol), ..instrument() },
        fees: FeeRates { maker: Rate::ZERO, taker: Rate::ZERO },
        model: None,
    }
}

fn position(symbol: Symbol, now: Timestamp) -> PositionReport {
    PositionReport {
        symbol,
        exposure: parse("0.1"),
        entry_price: parse("60000"),
        mark_price: parse("60000"),
        unrealized_pnl: Amount::ZERO,
        liquidation_price: None,
        update_time: now,
    }
}

fn stop(request: &StopRequest, now: Timestamp) -> StopReport {
    StopReport {
        symbol: request.symbol,
        client_order_id: request.client_order_id,
        algo_order_id: AlgoOrderId(1),
        side: request.side,
        trigger_price: request.trigger_price,
        size: request.size,
        status: StopStatus::New,
        child_order_id: None,
        reason: None,
        update_time: now,
    }
}

fn account(now: Timestamp, stops: &[StopReport]) -> AccountReport {
    AccountReport {
        asked_at: now,
        positions: SYMBOLS.map(|symbol| position(parse(symbol), now)).into(),
        open_orders: Vec::new(),
        open_stops: stops.to_vec(),
        fills: Vec::new(),
        balances: Vec::new(),
    }
}

#[test]
fn five_symbols_held_blind_leave_weight_for_cancels_in_every_minute() {
    let (accounts, positions) = weight_of_a_blind_minute();
    assert!(accounts > 0 && positions > 0, "it looks: {accounts} and {positions}");
    assert!(accounts <= 960, "half of the usable weight: {accounts}");
    assert!(accounts + positions <= 1_920 - 200, "{accounts} and {positions}");
}
