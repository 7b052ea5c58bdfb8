//! Closes a position by hand: the engine's stop-loss procedure, carried out over REST.
//!
//! The same machine decides as in the daemon ([`StopLoss`]); this only carries out and asks, once
//! every 200 ms. Meant for an account whose daemon does not run: two hands on one position would
//! disturb each other. Invariants: **1** every order is reduce-only, so nothing can flip the
//! position; **2** a failed or unknown request is followed by asking for the position.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::manual::{ManualDesk, ManualError, closing_side, manual_order_id};
use crate::binance::{BinanceError, RestClient};
use crate::domain::{
    Amount, Exposure, Instrument, OrderKind, PositionReport, Side, Symbol, TimeInForce,
};
use crate::trading::stop_loss::{CloseCause, Situation, StopLoss, StopLossAction, StopLossEvent};
use crate::trading::{TradingSettings, prices, risk};

/// How often the closing order is looked at.
const POLL: Duration = Duration::from_millis(200);
/// A position not closed by then needs a person.
const PATIENCE: Duration = Duration::from_mins(1);

/// What closing a position took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// What was held at the start.
    pub exposure: Exposure,
    /// What is held now; zero unless patience ran out.
    pub remaining: Exposure,
    /// Limit orders tried.
    pub trials: u32,
    /// Market orders sent.
    pub strikes: u32,
    /// How long it took.
    pub duration: Duration,
}

/// Closes positions.
pub struct Closer {
    rest: Arc<RestClient>,
    settings: TradingSettings,
    instrument: Instrument,
}

struct Run {
    machine: StopLoss,
    situation: Situation,
    closing: Closing,
    sequence: u16,
}

impl Closer {
    /// A closer of positions in one symbol.
    ///
    /// # Errors
    /// [`ManualError::UnknownSymbol`], or the venue's error.
    pub async fn new(
        rest: Arc<RestClient>,
        settings: TradingSettings,
        symbol: Symbol,
    ) -> Result<Self, ManualError> {
        let desk = ManualDesk::new(Arc::clone(&rest), settings.limits.clone());
        let instrument = desk.instrument(symbol).await?;
        Ok(Self { rest, settings, instrument })
    }

    /// Cancels working orders, closes the position, then cancels its stops.
    ///
    /// # Errors
    /// The venue's error if it does not answer at the start or at the end; on the way the
    /// procedure goes on until the position is closed or patience runs out.
    pub async fn close(&self) -> Result<Closing, BinanceError> {
        let began = self.rest.now();
        let position = self.rest.position_of(self.symbol()).await?;
        let mut run = self.run_of(&position);
        let mut events = vec![StopLossEvent::Begin(CloseCause::Flatten)];
        while self.rest.now().since(began) < PATIENCE {
            let event = events.pop().unwrap_or(StopLossEvent::Tick);
            let action = run.machine.handle(self.rest.now(), event, &run.situation);
            if let Some(action) = action {
                events.extend(self.carry_out(&mut run, action).await);
            } else if !run.machine.is_active() {
                break;
            } else if events.is_empty() {
                sleep(POLL).await;
                events.extend(self.look_at_orders().await);
            }
        }
        run.closing.remaining = self.rest.position_of(self.symbol()).await?.exposure;
        if run.closing.remaining.is_zero() {
            self.rest.cancel_all_stops(self.symbol()).await?;
        }
        run.closing.duration = self.rest.now().since(began);
        Ok(run.closing)
    }

    const fn symbol(&self) -> Symbol {
        self.instrument.symbol
    }

    fn run_of(&self, position: &PositionReport) -> Run {
        Run {
            machine: StopLoss::default(),
            situation: Situation {
                exposure: position.exposure,
                has_quote: true,
                is_past_backstop: self.is_past_backstop(position),
                is_symbol_closed: false,
                max_trial: self.settings.stop_loss_max_trial,
                trial_wait: self.settings.stop_loss_trial_wait,
                budget: self.settings.stop_loss_budget,
            },
            closing: Closing {
                exposure: position.exposure,
                remaining: position.exposure,
                trials: 0,
                strikes: 0,
                duration: Duration::ZERO,
            },
            sequence: 0,
        }
    }

    fn is_past_backstop(&self, position: &PositionReport) -> bool {
        let backstop = self.settings.stop_loss.times(self.settings.venue_stop_multiple);
        backstop.is_ok_and(|backstop: Amount| -position.unrealized_pnl >= backstop)
    }

    /// Carries an action out; what comes of it is told to the machine. A failure tells nothing:
    /// the machine's own patience then asks for the position.
    async fn carry_out(&self, run: &mut Run, action: StopLossAction) -> Option<StopLossEvent> {
        match action {
            StopLossAction::CancelOrders => self.cancel_orders().await,
            StopLossAction::AskPosition => self.ask_position(run).await,
            StopLossAction::Limit(exposure) => {
                run.closing.trials += 1;
                let kind = self.passive_limit(run, exposure).await?;
                self.send(run, exposure, kind).await
            }
            StopLossAction::Market { exposure, .. } => {
                run.closing.strikes += 1;
                self.send(run, exposure, OrderKind::Market).await
            }
        }
    }

    async fn cancel_orders(&self) -> Option<StopLossEvent> {
        if let Err(error) = self.rest.cancel_all_orders(self.symbol()).await {
            tracing::warn!(%error, "orders not cancelled");
        }
        self.look_at_orders().await
    }

    async fn ask_position(&self, run: &mut Run) -> Option<StopLossEvent> {
        let asked_at = self.rest.now();
        match self.rest.position_of(self.symbol()).await {
            Ok(position) => {
                run.situation.exposure = position.exposure;
                run.situation.is_past_backstop = self.is_past_backstop(&position);
                Some(StopLossEvent::Position { exposure: position.exposure, asked_at })
            }
            Err(error) => {
                tracing::warn!(%error, "position not read");
                None
            }
        }
    }

    /// The best price of the side on which a closing order rests.
    async fn passive_limit(&self, run: &mut Run, exposure: Exposure) -> Option<OrderKind> {
        let book = self.rest.order_book(self.symbol(), 5).await.ok();
        let side = closing_side(exposure)?;
        let best = book.as_ref().and_then(|book| match side {
            Side::Sell => book.asks.first(),
            Side::Buy => book.bids.first(),
        });
        run.situation.has_quote = best.is_some();
        let price = prices::joining(side, best?.price, self.instrument.filters.tick_size).ok()?;
        Some(OrderKind::Limit { price, time_in_force: TimeInForce::GoodTilCanceled })
    }

    async fn send(
        &self,
        run: &mut Run,
        exposure: Exposure,
        kind: OrderKind,
    ) -> Option<StopLossEvent> {
        run.sequence = run.sequence.wrapping_add(1);
        let id = manual_order_id(self.rest.now(), std::process::id(), run.sequence);
        let instrument = (self.symbol(), &self.instrument.filters);
        let order = match risk::approve_close(id, instrument, exposure, kind) {
            Ok(approved) => *approved.get(),
            Err(refusal) => {
                tracing::warn!(%refusal, "closing order not sent");
                return None;
            }
        };
        match self.rest.place_order(&order).await {
            Ok(report) if report.status.is_terminal() => Some(StopLossEvent::OrdersGone),
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(%error, "closing order failed");
                None
            }
        }
    }

    /// Whether anything still works: asks for the list, which knows foreign orders too.
    async fn look_at_orders(&self) -> Option<StopLossEvent> {
        let working = self.rest.working_orders(Some(self.symbol())).await.ok()?;
        if !working.is_empty() {
            return None;
        }
        Some(StopLossEvent::OrdersGone)
    }
}

impl Closing {
    /// Whether the position is closed.
    #[must_use]
    pub const fn is_flat(&self) -> bool {
        self.remaining.is_zero()
    }
}
