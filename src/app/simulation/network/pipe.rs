//! Two ends of a WebSocket in memory: what goes in at one comes out at the other, later.
//!
//! As the library does over TCP, an end answers pings by itself. Invariants: **1** frames keep their
//! order; **2** what is on the way is bounded: beyond that the sender waits; **3** a line that holds
//! delivers nothing and loses nothing; one that is cut loses what is on its way.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::{Sink, Stream};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::super::life::Life;
use super::super::orders_seen::order_in_message;
use super::line::Line;

/// Frames on their way in one direction; a slow reader makes the sender wait.
const MOST_UNDERWAY: usize = 2_048;

/// One end.
pub(super) struct End {
    pipe: Arc<Mutex<Pipe>>,
    side: usize,
    line: Line,
    /// Whose end it is; the exchange's is nobody's.
    life: Option<Life>,
    timer: Pin<Box<Sleep>>,
    timer_at: Option<Instant>,
}

/// Both directions.
#[derive(Default)]
struct Pipe {
    ways: [Way; 2],
    is_cut: bool,
}

/// What is on its way to one end.
#[derive(Default)]
struct Way {
    underway: VecDeque<(Instant, Message)>,
    is_closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// Whose cutting a line is to hear of.
#[derive(Clone)]
pub(super) struct Cutter(std::sync::Weak<Mutex<Pipe>>);

/// An open socket: the client's end, the exchange's, and what cuts it.
pub(super) fn pipe(over: &Line, life: Life) -> (End, End, Cutter) {
    let pipe = Arc::new(Mutex::new(Pipe::default()));
    let end = |side, owner| End {
        pipe: Arc::clone(&pipe),
        side,
        line: over.clone(),
        life: owner,
        timer: Box::pin(sleep_until(Instant::now())),
        timer_at: None,
    };
    let cutter = Cutter(Arc::downgrade(&pipe));
    (end(0, Some(life)), end(1, None), cutter)
}

impl Cutter {
    /// Cuts the socket, without a word. `false` if it is no more.
    pub(super) fn cut(&self) -> bool {
        let Some(pipe) = self.0.upgrade() else { return false };
        let mut pipe = lock(&pipe);
        pipe.is_cut = true;
        pipe.wake();
        true
    }

    /// Has both ends look again: the line has changed.
    pub(super) fn nudge(&self) -> bool {
        let Some(pipe) = self.0.upgrade() else { return false };
        lock(&pipe).wake();
        true
    }
}

fn lock(pipe: &Mutex<Pipe>) -> MutexGuard<'_, Pipe> {
    pipe.lock().unwrap_or_else(PoisonError::into_inner)
}

fn reset() -> Error {
    Error::Io(io::ErrorKind::ConnectionReset.into())
}

impl Pipe {
    fn wake(&mut self) {
        for way in &mut self.ways {
            way.reader.take().into_iter().chain(way.writer.take()).for_each(Waker::wake);
        }
    }
}

impl Way {
    /// Puts a frame on its way behind those before it.
    fn push(&mut self, line: &Line, message: Message) {
        line.note(&[bytes_of(&message)]);
        let arrives = Instant::now() + line.delay();
        let after_the_last = self.underway.back().map_or(arrives, |(last, _)| arrives.max(*last));
        self.underway.push_back((after_the_last, message));
        self.reader.take().into_iter().for_each(Waker::wake);
    }
}

/// What a frame carries; a frame without any is told by its place among the others.
fn bytes_of(message: &Message) -> &[u8] {
    match message {
        Message::Text(text) => text.as_bytes(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes,
        Message::Close(_) | Message::Frame(_) => &[],
    }
}

impl End {
    /// Whether its owner's life is over: nothing of it has an effect any more.
    fn is_dead(&self) -> bool {
        self.life.as_ref().is_some_and(Life::is_over)
    }

    /// Has the reader woken when the next frame is due.
    fn wait_until(&mut self, due: Instant, context: &mut Context<'_>) {
        if self.timer_at != Some(due) {
            self.timer.as_mut().reset(due);
            self.timer_at = Some(due);
        }
        // One that is over wakes at once: the look that follows finds the frame.
        if self.timer.as_mut().poll(context).is_ready() {
            self.timer_at = None;
            context.waker().wake_by_ref();
        }
    }
}

impl Stream for End {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.is_dead() {
            return Poll::Pending;
        }
        let pipe = Arc::clone(&this.pipe);
        let mut pipe = lock(&pipe);
        if pipe.is_cut {
            return Poll::Ready(Some(Err(reset())));
        }
        let [first, second] = &mut pipe.ways;
        let (way, back) = if this.side == 0 { (first, second) } else { (second, first) };
        way.reader = Some(context.waker().clone());
        if this.line.is_held() {
            return Poll::Pending;
        }
        match way.underway.front() {
            Some((due, _)) if *due > Instant::now() => {
                let due = *due;
                this.wait_until(due, context);
                Poll::Pending
            }
            Some(_) => {
                let message = way.underway.pop_front().map(|(_, message)| message);
                way.writer.take().into_iter().for_each(Waker::wake);
                if let Some(Message::Ping(payload)) = &message {
                    back.push(&this.line, Message::Pong(payload.clone()));
                }
                Poll::Ready(message.map(Ok))
            }
            None if way.is_closed => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

impl Sink<Message> for End {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut pipe = lock(&self.pipe);
        if pipe.is_cut || pipe.ways[self.side].is_closed {
            return Poll::Ready(Err(reset()));
        }
        let way = &mut pipe.ways[1 - self.side];
        if way.underway.len() < MOST_UNDERWAY {
            return Poll::Ready(Ok(()));
        }
        way.writer = Some(context.waker().clone());
        Poll::Pending
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        let order = message.to_text().ok().and_then(order_in_message);
        if let (Some(life), Some(order)) = (&self.life, order) {
            life.before_request();
            if !life.is_over() {
                life.must_have_recorded(&order);
            }
        }
        if !self.is_dead() {
            lock(&self.pipe).ways[1 - self.side].push(&self.line, message);
        }
        if let Some(life) = &self.life {
            life.after_request();
        }
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    /// The other end reads what is on its way, and then the end.
    fn drop(&mut self) {
        let mut pipe = lock(&self.pipe);
        let [first, second] = &mut pipe.ways;
        let (mine, other) = if self.side == 0 { (first, second) } else { (second, first) };
        mine.is_closed = true;
        other.is_closed = true;
        other.reader.take().into_iter().chain(mine.writer.take()).for_each(Waker::wake);
        other.writer.take().into_iter().for_each(Waker::wake);
    }
}
