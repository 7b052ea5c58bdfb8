//! One open connection of market data: frames to events, control messages in between.
//!
//! Reads combined and raw frames alike. Tells what comes, decides nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::sleep;

use super::control::{Answer, Control};
use super::line::Surroundings;
use super::market_data::MarketDataParser;
use super::socket::{Frame, Socket};
use super::stream_plan::{ConnectionPlan, Stream};
use crate::book::{MarketDataDecoder, MarketEvent};
use crate::clock::SharedClock;
use crate::domain::Timestamp;

/// A connection that is open.
pub(super) struct Link {
    socket: Socket,
    control: Control,
    parser: MarketDataParser,
    clock: SharedClock,
    /// When it was opened.
    pub(super) opened: Timestamp,
    /// Streams that have not sent a frame yet.
    silent: BTreeSet<Stream>,
}

/// What a connection yields.
#[derive(Debug)]
pub(super) enum Received {
    Event(MarketEvent),
    /// A market message that cannot be read.
    Unreadable(String),
    /// A sign of life.
    Alive,
    /// The venue lists these streams.
    Listed(Vec<String>),
    /// The venue is about to close the connection.
    ClosingSoon,
    /// The end, and why.
    Closed(String),
}

impl Link {
    /// Opens a connection for a plan, within the process's budget.
    pub(super) async fn open(plan: ConnectionPlan, around: Surroundings) -> Result<Self, String> {
        let socket = around.dialer.dial(&plan.url(&around.base_url)).await?;
        let mut control = Control::default();
        control.subscribe(&plan.beyond_url());
        let (clock, parser) = (around.clock, MarketDataParser::new());
        let (opened, silent) = (clock.now(), plan.streams().collect());
        Ok(Self { socket, control, parser, clock, opened, silent })
    }

    /// Subscribes to further streams.
    pub(super) fn subscribe(&mut self, streams: impl Iterator<Item = Stream>) {
        let names: Vec<_> = streams
            .inspect(|stream| {
                self.silent.insert(*stream);
            })
            .map(|stream| stream.to_string())
            .collect();
        self.control.subscribe(&names);
    }

    /// Asks which streams the venue delivers on this connection.
    pub(super) fn list(&mut self) {
        self.control.list();
    }

    /// The streams that have sent nothing yet.
    pub(super) fn silent(&self) -> impl Iterator<Item = Stream> + '_ {
        self.silent.iter().copied()
    }

    /// The next thing it says. Cancel-safe: a frame is either told or still to come.
    pub(super) async fn next(&mut self) -> Received {
        loop {
            let now = self.clock.now();
            if self.control.is_overdue(now) {
                return Received::Closed("a control message was not answered".to_owned());
            }
            if let Some(message) = self.control.due(now)
                && let Err(reason) = self.socket.say(message).await
            {
                return Received::Closed(reason);
            }
            let turn = self.control.next_deadline();
            let wait = turn.map_or(Duration::MAX, |turn| turn.since(now));
            let frame = tokio::select! {
                biased;
                frame = self.socket.next() => frame,
                () = sleep(wait), if turn.is_some() => continue,
            };
            if let Some(received) = self.read(frame) {
                return received;
            }
        }
    }

    fn read(&mut self, frame: Frame) -> Option<Received> {
        let text = match frame {
            Frame::Closed(reason) => return Some(Received::Closed(reason)),
            Frame::Alive => return Some(Received::Alive),
            Frame::Text(text) => text,
        };
        match self.control.hear(&text) {
            Some(Answer::Subscribed) => return Some(Received::Alive),
            Some(Answer::Listed(names)) => return Some(Received::Listed(names)),
            Some(Answer::Refused(reason)) => return Some(Received::Closed(reason)),
            None => {}
        }
        match self.parser.decode(&text) {
            Ok(Some(event)) => {
                if !self.silent.is_empty()
                    && let Some(stream) = Stream::of(event)
                {
                    self.silent.remove(&stream);
                }
                Some(Received::Event(event.clone()))
            }
            Ok(None) if is_farewell(&text) => Some(Received::ClosingSoon),
            Ok(None) => None,
            Err(error) => Some(Received::Unreadable(error.to_string())),
        }
    }
}

/// Whether the venue says that it is about to close: spot does before maintenance
/// (exchange-api.md 10).
fn is_farewell(text: &str) -> bool {
    text.contains(r#""serverShutdown""#)
}
