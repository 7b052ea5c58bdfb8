//! An uninterrupted span of one plan's data, over one connection after another.
//!
//! A rotation opens the successor beside the connection in charge, and [`Handover`] says when it
//! takes over: before the venue's 24 hours are over, when the venue is about to close, or when a
//! stream was proven frozen. Invariants: **1** one connection at a time is told, and a switch is told
//! before the first message after it; **2** a rotation that fails costs nothing: the connection in
//! charge goes on, and another is tried later.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use super::backoff::Backoff;
use super::handover::{Handover, Told, Verdict};
use super::line::{Command, Line, NobodyListens};
use super::link::{Link, Received};
use super::panics::panic_on;
use super::stream_plan::Stream;
use super::streams::MarketMessage;
use crate::book::MarketEvent;
use crate::domain::Timestamp;

/// The connection in charge, and what is known of its streams.
pub(super) struct Span<'a> {
    line: &'a mut Line,
    link: Link,
    successor: Successor,
    told: Told,
    /// Streams of which the connection in charge may still repeat what its predecessor told.
    catching_up: BTreeSet<Stream>,
    first_frames_at: Option<Timestamp>,
    rotation_at: Timestamp,
    /// The stream for whose sake the rotation is, if it is for one.
    frozen: Option<Stream>,
    retry: Backoff,
}

/// A connection on its way to take over.
enum Successor {
    None,
    Opening(AbortOnDropHandle<Result<Link, String>>),
    Proving(Box<Link>, Handover),
}

enum Step {
    Command(Command),
    Current(Received),
    Opened(Result<Box<Link>, String>),
    Next(Received),
    Timer,
}

impl<'a> Span<'a> {
    /// A span that begins with a connection just opened.
    pub(super) fn new(line: &'a mut Line, first: Link) -> Self {
        let seed = first.opened.nanos().cast_unsigned();
        Self {
            first_frames_at: Some(first.opened + line.around.first_frames),
            rotation_at: first.opened + line.around.rotation.after,
            line,
            link: first,
            successor: Successor::None,
            told: Told::default(),
            catching_up: BTreeSet::new(),
            frozen: None,
            retry: Backoff::new(seed),
        }
    }

    /// Tells what comes until it ends; the answer is why it did.
    pub(super) async fn run(mut self) -> Result<String, NobodyListens> {
        let (receive_time, route) = (self.now(), self.line.plan.route);
        let symbols = self.line.plan.symbols.clone();
        self.tell(MarketMessage::Connected { receive_time, route, symbols }).await?;
        loop {
            match self.step().await {
                Step::Command(command) => self.obey(command),
                Step::Current(Received::Closed(reason)) => {
                    if !matches!(self.successor, Successor::Proving(..)) {
                        return Ok(reason);
                    }
                    tracing::info!(reason, "closed while its successor was being proven");
                    self.switch().await?;
                }
                Step::Current(received) => self.on_current(received).await?,
                Step::Opened(opened) => self.on_opened(opened),
                Step::Next(received) => self.on_next(received),
                Step::Timer => self.on_timer().await?,
            }
            self.judge().await?;
        }
    }

    /// Waits for the next thing to happen. Every branch is cancel-safe.
    async fn step(&mut self) -> Step {
        let rotation = match &self.successor {
            Successor::None => self.rotation_at,
            Successor::Opening(_) => Timestamp::MAX,
            Successor::Proving(_, handover) => handover.deadline(),
        };
        let due = self.first_frames_at.map_or(rotation, |at| at.min(rotation));
        let timer = sleep(due.since(self.now()));
        tokio::select! {
            biased;
            Some(command) = self.line.commands.recv() => Step::Command(command),
            received = self.link.next() => Step::Current(received),
            step = self.successor.next() => step,
            () = timer => Step::Timer,
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Question(stream) => {
                if self.line.plan.streams().any(|held| held == stream) {
                    self.link.list();
                }
            }
            Command::Replace(stream) => {
                if self.line.plan.streams().any(|held| held == stream) {
                    tracing::warn!(%stream, "the stream is frozen; its connection is replaced");
                    self.frozen = Some(stream);
                    self.rotation_at = self.now();
                    if let Successor::Proving(_, handover) = &mut self.successor {
                        handover.waive(stream);
                    }
                }
            }
            Command::Add { symbols, left } => {
                let before = self.line.plan.symbols.len();
                let unplaced = self.line.plan.take_in(&symbols);
                let mut added = self.line.plan.clone();
                added.symbols.drain(..before);
                self.link.subscribe(added.streams());
                self.first_frames_at = Some(self.now() + self.line.around.first_frames);
                // A successor on its way was opened for the symbols before.
                self.successor = Successor::None;
                // Whoever asked may have gone.
                let _ = left.send(unplaced);
            }
        }
    }

    async fn on_current(&mut self, received: Received) -> Result<(), NobodyListens> {
        let (receive_time, route) = (self.now(), self.line.plan.route);
        let message = match received {
            Received::Event(event) => {
                if self.is_repeated(&event) {
                    return Ok(());
                }
                self.told.note(&event);
                if let Successor::Proving(_, handover) = &mut self.successor {
                    handover.on_old(&event, &self.told);
                }
                MarketMessage::Event { receive_time, event }
            }
            Received::Unreadable(reason) => {
                MarketMessage::Unreadable { receive_time, route, reason }
            }
            Received::Listed(names) => {
                let names: BTreeSet<String> = names.into_iter().collect();
                let is_lacking = |stream: &Stream| !names.contains(&stream.to_string());
                let lacking = self.line.plan.streams().filter(is_lacking).collect();
                let symbols = self.line.plan.symbols.clone();
                MarketMessage::Listed { receive_time, route, symbols, lacking }
            }
            Received::ClosingSoon => {
                tracing::info!(route = route.as_str(), "the venue is about to close a connection");
                self.rotation_at = receive_time;
                return Ok(());
            }
            Received::Alive | Received::Closed(_) => MarketMessage::Alive { receive_time, route },
        };
        self.tell(message).await
    }

    /// Whether a message of the connection in charge is one its predecessor told already.
    fn is_repeated(&mut self, event: &MarketEvent) -> bool {
        let is_settled = Stream::of(event).is_none_or(|stream| !self.catching_up.contains(&stream));
        if is_settled {
            return false;
        }
        let is_beyond = self.told.is_beyond(event);
        if let (true, Some(stream)) = (is_beyond, Stream::of(event)) {
            self.catching_up.remove(&stream);
        }
        !is_beyond
    }

    fn on_opened(&mut self, opened: Result<Box<Link>, String>) {
        match opened {
            Ok(next) => {
                let deadline = self.now() + self.line.around.rotation.proving;
                let streams = self.line.plan.streams();
                let handover = Handover::new(streams, self.frozen, deadline);
                self.successor = Successor::Proving(next, handover);
            }
            Err(reason) => self.postpone(&reason),
        }
    }

    fn on_next(&mut self, received: Received) {
        match received {
            Received::Event(event) => {
                if let Successor::Proving(_, handover) = &mut self.successor {
                    handover.on_new(event);
                }
            }
            Received::Alive | Received::Listed(_) => {}
            Received::ClosingSoon => self.postpone("it is about to close"),
            Received::Unreadable(reason) | Received::Closed(reason) => self.postpone(&reason),
        }
    }

    async fn on_timer(&mut self) -> Result<(), NobodyListens> {
        let now = self.now();
        if self.first_frames_at.is_some_and(|at| at <= now) {
            self.first_frames_at = None;
            let silent: Vec<_> = self.link.silent().collect();
            for stream in silent {
                self.tell(MarketMessage::Silent { receive_time: now, stream }).await?;
            }
        }
        if matches!(self.successor, Successor::None) && self.rotation_at <= now {
            let (plan, around) = (self.line.plan.clone(), self.line.around.clone());
            let opening = tokio::spawn(Link::open(plan, around));
            self.successor = Successor::Opening(AbortOnDropHandle::new(opening));
        }
        Ok(())
    }

    /// Lets the successor take over, wait, or go.
    async fn judge(&mut self) -> Result<(), NobodyListens> {
        let Successor::Proving(_, handover) = &self.successor else { return Ok(()) };
        match handover.verdict(self.now(), &self.told) {
            Verdict::Wait => Ok(()),
            Verdict::Switch => self.switch().await,
            Verdict::Abandon(stream) => {
                self.postpone(&format!("{stream} is silent on it"));
                Ok(())
            }
        }
    }

    /// Puts the successor in charge and tells what it brought beyond what is told.
    async fn switch(&mut self) -> Result<(), NobodyListens> {
        let successor = std::mem::replace(&mut self.successor, Successor::None);
        let Successor::Proving(next, handover) = successor else { return Ok(()) };
        self.link = *next;
        let (receive_time, route) = (self.now(), self.line.plan.route);
        self.rotation_at = self.link.opened + self.line.around.rotation.after;
        self.frozen = None;
        self.catching_up = self.line.plan.streams().collect();
        tracing::info!(route = route.as_str(), "market stream switched to its successor");
        let symbols = self.line.plan.symbols.clone();
        self.tell(MarketMessage::Switched { receive_time, route, symbols }).await?;
        for event in handover.into_held() {
            if self.is_repeated(&event) {
                continue;
            }
            self.told.note(&event);
            self.tell(MarketMessage::Event { receive_time, event }).await?;
        }
        Ok(())
    }

    /// Gives a successor up; another is tried later.
    fn postpone(&mut self, reason: &str) {
        tracing::warn!(reason, "a successor connection was given up");
        self.successor = Successor::None;
        self.rotation_at = self.now() + self.retry.next_delay(Duration::ZERO);
    }

    fn now(&self) -> Timestamp {
        self.line.around.clock.now()
    }

    async fn tell(&self, message: MarketMessage) -> Result<(), NobodyListens> {
        self.line.around.tell(message).await
    }
}

impl Successor {
    /// The next thing it says; never, while there is none. Cancel-safe.
    async fn next(&mut self) -> Step {
        match self {
            Self::None => std::future::pending().await,
            Self::Opening(opening) => {
                let opened = panic_on(opening.await).unwrap_or_else(|error| Err(error.to_string()));
                Step::Opened(opened.map(Box::new))
            }
            Self::Proving(link, _) => Step::Next(link.next().await),
        }
    }
}
