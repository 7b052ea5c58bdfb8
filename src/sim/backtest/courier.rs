//! Carries commands to the exchange and its answers back, each way taking its time.
//!
//! Turns answers into the very events that the live gateway and user stream make of them: an
//! acknowledgement or refusal for every request, and every order, trade and stop event of the
//! account. Does not decide and does not lose anything. Invariant: what one stream sent earlier
//! never arrives later than what it sent after.

use std::collections::BTreeMap;

use crate::domain::{
    AccountReport, ClientOrderId, Failure, Income, IncomeKind, Rejection, Symbol, Timestamp,
    TradeId,
};
use crate::engine::{Command, Event};
use crate::sim::accounts::AccountId;
use crate::sim::events::ExchangeEvent;
use crate::sim::exchange::Exchange;
use crate::sim::income::{self, IncomeQuery};
use crate::sim::latency::Latency;
use crate::sim::orders::{OrderName, OrderRecord};
use crate::sim::reports::FillQuery;
use crate::sim::stops::{StopName, StopTerms};

use super::ledger::Ledger;

/// A message on its way.
enum Message {
    /// To the exchange, with the moment of its sending.
    Request(Timestamp, Box<Command>),
    /// To the engine.
    Event(Event),
}

/// Messages on their way between the engine and the exchange.
pub(super) struct Courier {
    account: AccountId,
    latency: Latency,
    /// By arrival, then in the order of sending.
    messages: BTreeMap<(Timestamp, u64), Message>,
    sent: u64,
    /// When the newest event of the user stream arrives.
    stream: Timestamp,
    drained: Vec<ExchangeEvent>,
}

impl Courier {
    pub(super) fn new(account: AccountId, start: Timestamp, latency: Latency) -> Self {
        let (messages, drained) = (BTreeMap::new(), Vec::new());
        Self { account, latency, messages, sent: 0, stream: start, drained }
    }

    /// When the next message arrives; [`Timestamp::MAX`] if none is on its way.
    pub(super) fn next_time(&self) -> Timestamp {
        self.messages.first_key_value().map_or(Timestamp::MAX, |((at, _), _)| *at)
    }

    /// Sends a command on its way.
    pub(super) fn send(&mut self, now: Timestamp, command: Command, ledger: &mut Ledger) {
        if let Command::Notify(notice) = &command {
            ledger.notice(notice);
            return;
        }
        let arrival = now + self.latency.next_entry();
        self.post(arrival, Message::Request(now, Box::new(command)));
    }

    /// Lets the next message arrive: an event for the engine, or a request at the exchange.
    pub(super) fn step(&mut self, exchange: &mut Exchange, ledger: &mut Ledger) -> Option<Event> {
        let ((now, _), message) = self.messages.pop_first()?;
        let (asked_at, command) = match message {
            Message::Event(event) => return Some(event),
            Message::Request(asked_at, command) => (asked_at, command),
        };
        let answer = self.carry_out(now, asked_at, &command, exchange);
        self.collect(exchange, ledger);
        if let Some(answer) = answer {
            ledger.answer(&answer);
            let arrival = now + self.latency.next_response();
            self.post(arrival, Message::Event(answer));
        }
        None
    }

    /// Takes what the exchange has told the account since last asked, and sends it on its way.
    pub(super) fn collect(&mut self, exchange: &mut Exchange, ledger: &mut Ledger) {
        let mut drained = std::mem::take(&mut self.drained);
        exchange.drain(&mut drained);
        let account = self.account;
        for event in drained.drain(..).filter(|event| event.account() == Some(account)) {
            let arrival = (event.time() + self.latency.next_response()).max(self.stream);
            self.stream = arrival;
            match event {
                ExchangeEvent::Order(event) => {
                    let fill = event.fill;
                    self.post(arrival, Message::Event(Event::Order(event.order.report)));
                    if let Some(fill) = fill {
                        ledger.fill(&fill);
                        self.post(arrival, Message::Event(Event::Fill(fill)));
                    }
                }
                ExchangeEvent::Stop(event) => {
                    self.post(arrival, Message::Event(Event::Stop(event.stop.report)));
                }
                // The engine keeps its own ledger; live, this event is not passed on either.
                ExchangeEvent::Account(_)
                | ExchangeEvent::MarginCall(_)
                | ExchangeEvent::Market { .. }
                | ExchangeEvent::Liquidation { .. } => {}
            }
        }
        self.drained = drained;
    }

    fn post(&mut self, arrival: Timestamp, message: Message) {
        self.sent += 1;
        self.messages.insert((arrival, self.sent), message);
    }

    fn carry_out(
        &self,
        now: Timestamp,
        asked_at: Timestamp,
        command: &Command,
        exchange: &mut Exchange,
    ) -> Option<Event> {
        let account = self.account;
        match command {
            Command::Place(order) => {
                let order = order.get();
                let failed = |id, failure| Event::PlaceFailed { client_order_id: id, failure };
                let answer = exchange.place(now, account, order);
                Some(of_order(answer, order.client_order_id, failed))
            }
            Command::Cancel { symbol, client_order_id } => {
                let failed = |id, failure| Event::CancelFailed { client_order_id: id, failure };
                let name = OrderName::Client(*client_order_id);
                let answer = exchange.cancel(now, account, *symbol, name);
                Some(of_order(answer, *client_order_id, failed))
            }
            Command::Query { symbol, client_order_id } => {
                let failed = |id, failure| Event::QueryFailed { client_order_id: id, failure };
                let name = OrderName::Client(*client_order_id);
                let answer = exchange.query(account, *symbol, name);
                Some(of_order(answer, *client_order_id, failed))
            }
            Command::QueryPosition { symbol } => Some(match exchange.position(account, *symbol) {
                Ok(report) => Event::Position { asked_at, report },
                Err(refusal) => {
                    let failure = Failure::Rejected(refusal);
                    Event::PositionFailed { symbol: *symbol, failure }
                }
            }),
            Command::QueryAccount { fills_after } => {
                let report = self.account_report(asked_at, fills_after, exchange);
                Some(Event::Account(Box::new(report)))
            }
            Command::PlaceStop(_) | Command::CancelStop { .. } | Command::QueryStop { .. } => {
                self.carry_out_stop(now, command, exchange)
            }
            Command::SetCountdown { symbol, after } => {
                let symbol = *symbol;
                Some(match exchange.set_countdown(now, account, symbol, *after) {
                    Ok(()) => Event::CountdownSet { symbol },
                    Err(refusal) => {
                        let failure = Failure::Rejected(refusal);
                        Event::CountdownFailed { symbol, failure }
                    }
                })
            }
            Command::QueryIncome { since } => {
                let rows = self.income(*since, exchange);
                Some(Event::Income { asked_at, rows })
            }
            // Nobody changes the account of a backtest.
            Command::QueryTerms { .. }
            | Command::Notify(_)
            | Command::TakeOver { .. }
            | Command::Resolved { .. } => None,
        }
    }

    /// What moved the wallet, as the venue would tell it.
    fn income(&self, since: Timestamp, exchange: &Exchange) -> Vec<Income> {
        let query = IncomeQuery { symbol: None, kind: None, since, until: Timestamp::MAX };
        let asset = exchange.balance(self.account).asset;
        let told = |row: &income::Income| Income {
            kind: match row.kind {
                income::IncomeKind::Transfer => IncomeKind::Transfer,
                income::IncomeKind::RealizedPnl => IncomeKind::RealizedPnl,
                income::IncomeKind::Commission => IncomeKind::Commission,
                income::IncomeKind::FundingFee => IncomeKind::FundingFee,
                income::IncomeKind::InsuranceClear => IncomeKind::InsuranceClear,
            },
            symbol: row.symbol,
            amount: row.amount,
            asset,
            time: row.time,
            transaction_id: row.transaction_id,
            trade_id: row.trade_id,
        };
        exchange.income(self.account, query).map(told).collect()
    }

    fn carry_out_stop(
        &self,
        now: Timestamp,
        command: &Command,
        exchange: &mut Exchange,
    ) -> Option<Event> {
        let account = self.account;
        match command {
            Command::PlaceStop(stop) => {
                let request = stop.get();
                let client_order_id = request.client_order_id;
                let answer = exchange.place_stop(now, account, request, StopTerms::default());
                Some(match answer {
                    Ok(stop) => Event::Stop(stop.report),
                    Err(refusal) => {
                        let failure = Failure::Rejected(refusal);
                        Event::PlaceStopFailed { client_order_id, failure }
                    }
                })
            }
            Command::CancelStop { client_order_id, .. } => {
                let client_order_id = *client_order_id;
                let name = StopName::Client(client_order_id);
                // The venue's answer carries no state: the stream tells that it is gone.
                let refusal = exchange.cancel_stop(now, account, name).err()?;
                let failure = Failure::Rejected(refusal);
                Some(Event::CancelStopFailed { client_order_id, failure })
            }
            Command::QueryStop { client_order_id, .. } => {
                let client_order_id = *client_order_id;
                Some(match exchange.query_stop(account, StopName::Client(client_order_id)) {
                    Ok(stop) => Event::StopAnswer(stop.report),
                    Err(refusal) => {
                        let failure = Failure::Rejected(refusal);
                        Event::QueryStopFailed { client_order_id, failure }
                    }
                })
            }
            Command::Place(_)
            | Command::Cancel { .. }
            | Command::Query { .. }
            | Command::QueryPosition { .. }
            | Command::QueryAccount { .. }
            | Command::QueryIncome { .. }
            | Command::QueryTerms { .. }
            | Command::Notify(_)
            | Command::TakeOver { .. }
            | Command::Resolved { .. }
            | Command::SetCountdown { .. } => None,
        }
    }

    fn account_report(
        &self,
        asked_at: Timestamp,
        fills_after: &BTreeMap<Symbol, Option<TradeId>>,
        exchange: &Exchange,
    ) -> AccountReport {
        let fills = fills_after.iter().flat_map(|(symbol, after)| {
            let from_id = Some(after.map_or(TradeId(0), |after| TradeId(after.0 + 1)));
            let query = FillQuery { from_id, limit: usize::MAX, ..FillQuery::default() };
            exchange.fills(self.account, *symbol, &query)
        });
        let orders = exchange.open_orders(self.account, None);
        let mut positions = exchange.positions(self.account);
        positions.retain(|position| !position.exposure.is_zero());
        AccountReport {
            asked_at,
            positions,
            open_orders: orders.into_iter().map(|order| order.report).collect(),
            open_stops: exchange
                .open_stops(self.account, None)
                .into_iter()
                .map(|stop| stop.report)
                .collect(),
            fills: fills.collect(),
            balances: vec![exchange.balance(self.account)],
        }
    }
}

/// The event that an answer about an ordinary order becomes.
fn of_order(
    answer: Result<OrderRecord, Rejection>,
    id: ClientOrderId,
    failed: impl FnOnce(ClientOrderId, Failure) -> Event,
) -> Event {
    match answer {
        Ok(OrderRecord { report, .. }) => Event::Order(report),
        Err(refusal) => failed(id, Failure::Rejected(refusal)),
    }
}
