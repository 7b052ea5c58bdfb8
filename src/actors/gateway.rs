//! Carries the engine's commands to the venue and the venue's answers back as events.
//!
//! Decides nothing: each command is one request (reconciliation is several reads), each outcome one
//! event with its class. Nothing is retried here: an unknown outcome is the engine's to resolve.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::binance::{codes, panic_on};
use crate::clock::SharedClock;
use crate::domain::{Failure, Timestamp};
use crate::engine::{Command, Event, Notice, Severity};
use crate::venue::Venue;

use super::ack_watch::Acknowledged;
use super::pulse::{Pulse, Rhythm};
use super::rules::RulesHandle;
use super::supervisor::{Actor, ActorFailure};
use super::trader::TraderHandle;

/// Requests that may be under way at once; the engine asks for a handful. More means that the
/// venue hangs, and asking more would not help.
const IN_FLIGHT_MAX: usize = 128;

/// Commands waiting to be started: the gateway starts each at once, so this only bridges a moment.
const MAILBOX_CAPACITY: usize = 256;

/// How long the end waits for answers nobody will decide upon any more: a request has five seconds,
/// and what asks for several things ends with the first that fails.
const LAST_ANSWERS: Duration = Duration::from_secs(6);

/// How far back fills are asked for where no earlier trade is known.
const FILLS_SINCE: Duration = Duration::from_hours(24);

/// How far ahead of the moment of a question for income its end lies.
const INCOME_AHEAD: Duration = Duration::from_mins(1);

/// Address of a running [`Gateway`].
#[derive(Debug, Clone)]
pub struct GatewayHandle(mpsc::Sender<Command>);

impl GatewayHandle {
    /// Hands a command over; gives it back if the gateway is choked or gone.
    ///
    /// # Errors
    /// The command itself, which was certainly not sent.
    pub fn carry_out(&self, command: Command) -> Result<(), Box<Command>> {
        self.0.try_send(command).map_err(|error| Box::new(error.into_inner()))
    }
}

/// Turns commands into requests, each in a task of its own.
pub struct Gateway<V> {
    mailbox: mpsc::Receiver<Command>,
    venue: Arc<V>,
    clock: SharedClock,
    trader: TraderHandle,
    requests: JoinSet<()>,
    acknowledged: Option<mpsc::Sender<Acknowledged>>,
    rules: Option<RulesHandle>,
    pulse: Pulse,
}

impl<V: Venue> Gateway<V> {
    /// A gateway to one venue that listens at `mailbox`.
    #[must_use]
    pub fn new(
        venue: Arc<V>,
        clock: SharedClock,
        mailbox: GatewayMailbox,
        trader: TraderHandle,
    ) -> Self {
        let requests = JoinSet::new();
        let (acknowledged, rules, pulse) = (None, None, Pulse::default());
        Self { mailbox: mailbox.0, venue, clock, trader, requests, acknowledged, rules, pulse }
    }

    /// Tells also whoever watches whether the user stream tells of acknowledged orders.
    #[must_use]
    pub fn watched_by(mut self, acknowledged: mpsc::Sender<Acknowledged>) -> Self {
        self.acknowledged = Some(acknowledged);
        self
    }

    /// Has the venue's rules read anew when an order breaks them.
    #[must_use]
    pub fn doubting_rules(self, rules: RulesHandle) -> Self {
        Self { rules: Some(rules), ..self }
    }

    /// Whether it goes round; what a request waits for keeps it from nothing.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    fn start(&mut self, command: Command) {
        match &command {
            Command::Notify(notice) => return announce(notice),
            // The journal has them, and they are for nobody else.
            Command::TakeOver { .. } | Command::Resolved { .. } => return,
            Command::Place(_)
            | Command::Cancel { .. }
            | Command::Query { .. }
            | Command::PlaceStop(_)
            | Command::CancelStop { .. }
            | Command::QueryStop { .. }
            | Command::QueryPosition { .. }
            | Command::QueryAccount { .. }
            | Command::QueryIncome { .. }
            | Command::QueryTerms { .. }
            | Command::SetCountdown { .. } => {}
        }
        let (venue, trader, asked_at) =
            (Arc::clone(&self.venue), self.trader.clone(), self.clock.now());
        let is_choked = self.requests.len() >= IN_FLIGHT_MAX;
        let (acknowledged, clock) = (self.acknowledged.clone(), Arc::clone(&self.clock));
        let rules = self.rules.clone();
        self.requests.spawn(async move {
            let event = if is_choked {
                failed(&command, Failure::NotSent { reason: "too many requests under way".into() })
            } else {
                perform(&*venue, asked_at, &command).await
            };
            if let (Command::Place(_), Some(Event::Order(report)), Some(watch)) =
                (&command, &event, acknowledged)
            {
                // A watch too busy to be told has enough to watch.
                let order = report.client_order_id;
                let _ = watch.try_send(Acknowledged { at: clock.now(), order });
            }
            if let (Some(rules), Some(event)) = (rules, &event)
                && doubts_the_rules(event)
            {
                rules.doubt();
            }
            if let Some(event) = event {
                // The trader ends last; without it nobody is left to be told.
                let _ = trader.tell(event).await;
            }
        });
    }
}

/// Makes the one request a command stands for; the event tells its outcome.
async fn perform<V: Venue>(venue: &V, asked_at: Timestamp, command: &Command) -> Option<Event> {
    let outcome = match command {
        Command::Place(order) => venue.place(order.get()).await.map(Event::Order).map(Some),
        Command::Cancel { symbol, client_order_id } => {
            venue.cancel(*symbol, *client_order_id).await.map(Event::Order).map(Some)
        }
        Command::Query { symbol, client_order_id } => {
            venue.query(*symbol, *client_order_id).await.map(Event::OrderAnswer).map(Some)
        }
        Command::PlaceStop(stop) => venue.place_stop(stop.get()).await.map(Event::Stop).map(Some),
        // The answer carries no state: the user stream or an inquiry tells it.
        Command::CancelStop { client_order_id, .. } => {
            venue.cancel_stop(*client_order_id).await.map(|()| None)
        }
        Command::QueryStop { client_order_id, .. } => {
            venue.query_stop(*client_order_id).await.map(Event::StopAnswer).map(Some)
        }
        Command::QueryPosition { symbol } => {
            let report = venue.position(*symbol).await;
            report.map(|report| Some(Event::Position { asked_at, report }))
        }
        Command::SetCountdown { symbol, after } => {
            let done = venue.set_countdown(*symbol, *after).await;
            done.map(|()| Some(Event::CountdownSet { symbol: *symbol }))
        }
        Command::QueryAccount { fills_after } => {
            let report = venue.account(fills_after, asked_at.earlier_by(FILLS_SINCE)).await;
            report.map(|report| Some(Event::Account(Box::new(report))))
        }
        Command::QueryIncome { since } => {
            // What is paid while the question is on its way is told by the answer as well.
            let rows = venue.income(*since, asked_at + INCOME_AHEAD).await;
            rows.map(|rows| Some(Event::Income { asked_at, rows }))
        }
        Command::QueryTerms { symbols } => {
            venue.account_terms(symbols).await.map(Event::Terms).map(Some)
        }
        Command::Notify(_) | Command::TakeOver { .. } | Command::Resolved { .. } => return None,
    };
    outcome.unwrap_or_else(|failure| failed(command, failure))
}

/// The event that tells a command's failure.
pub(super) fn failed(command: &Command, failure: Failure) -> Option<Event> {
    Some(match command {
        Command::Place(order) => {
            Event::PlaceFailed { client_order_id: order.get().client_order_id, failure }
        }
        Command::Cancel { client_order_id, .. } => {
            Event::CancelFailed { client_order_id: *client_order_id, failure }
        }
        Command::Query { client_order_id, .. } => {
            Event::QueryFailed { client_order_id: *client_order_id, failure }
        }
        Command::PlaceStop(stop) => {
            Event::PlaceStopFailed { client_order_id: stop.get().client_order_id, failure }
        }
        Command::CancelStop { client_order_id, .. } => {
            Event::CancelStopFailed { client_order_id: *client_order_id, failure }
        }
        Command::QueryStop { client_order_id, .. } => {
            Event::QueryStopFailed { client_order_id: *client_order_id, failure }
        }
        Command::QueryPosition { symbol } => Event::PositionFailed { symbol: *symbol, failure },
        Command::SetCountdown { symbol, .. } => Event::CountdownFailed { symbol: *symbol, failure },
        Command::QueryAccount { .. } => Event::AccountFailed(failure),
        Command::QueryIncome { .. } => Event::IncomeFailed(failure),
        Command::QueryTerms { .. } => Event::TermsFailed(failure),
        Command::Notify(_) | Command::TakeOver { .. } | Command::Resolved { .. } => return None,
    })
}

/// Whether the venue refused an order for a rule that it may have changed, or for its symbol being
/// closed.
fn doubts_the_rules(event: &Event) -> bool {
    let (Event::PlaceFailed { failure, .. } | Event::PlaceStopFailed { failure, .. }) = event
    else {
        return false;
    };
    let is_doubt = |code| codes::is_filter_broken(code) || codes::is_symbol_closed(code);
    matches!(failure, Failure::Rejected(refusal) if is_doubt(refusal.code))
}

/// Tells people, in the log.
fn announce(notice: &Notice) {
    let symbol = notice.symbol.map(|symbol| symbol.to_string()).unwrap_or_default();
    match notice.severity {
        Severity::Info => tracing::info!(%symbol, "{}", notice.text),
        Severity::Warning => tracing::warn!(%symbol, "{}", notice.text),
        Severity::Alarm => tracing::error!(%symbol, "{}", notice.text),
    }
}

/// The receiving end of a [`GatewayHandle`], for [`Gateway::new`].
#[derive(Debug)]
pub struct GatewayMailbox(mpsc::Receiver<Command>);

#[cfg(test)]
impl GatewayMailbox {
    /// What waits to be carried out.
    pub(super) fn take(&mut self) -> Vec<Command> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}

/// Makes the gateway's address before the gateway: trader and gateway know each other.
#[must_use]
pub fn gateway_mailbox() -> (GatewayHandle, GatewayMailbox) {
    let (sender, receiver) = mpsc::channel(MAILBOX_CAPACITY);
    (GatewayHandle(sender), GatewayMailbox(receiver))
}

impl<V: Venue> Actor for Gateway<V> {
    /// Runs until every handle is dropped: what the trader committed to is always sent, and what is
    /// on its way then waited for, within bounds.
    async fn run(&mut self, _shutdown: &CancellationToken) -> Result<(), ActorFailure> {
        let mut rhythm = Rhythm::start();
        loop {
            tokio::select! {
                biased;
                () = rhythm.due() => self.pulse.beat(),
                Some(finished) = self.requests.join_next() => {
                    panic_on(finished).map_err(ActorFailure::new)?;
                }
                received = self.mailbox.recv() => match received {
                    Some(command) => self.start(command),
                    None => break,
                },
            }
        }
        let rest = async {
            while let Some(finished) = self.requests.join_next().await {
                panic_on(finished).map_err(ActorFailure::new)?;
            }
            Ok(())
        };
        // What was asked and not answered by then, the next start asks again.
        timeout(LAST_ANSWERS, rest).await.unwrap_or(Ok(()))
    }
}

#[cfg(test)]
mod tests;
