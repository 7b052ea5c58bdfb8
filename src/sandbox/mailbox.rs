//! The floor's mailbox, and the loop that lets the exchange live in real time.
//!
//! Messages: *ask and answer* for requests and for the control handle, *every message counts* for
//! sockets. Nothing else touches the floor, so there is no lock.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::clock::SharedClock;
use crate::domain::Timestamp;

use super::faults::{Arrival, Asked, Delivery, Loss, Sent, Served};
use super::floor::Floor;
use super::rest::Request;
use super::streams::{Opening, SocketId};
use super::underway::{CallAnswer, Underway, WayBack};

/// Requests waiting at once: far beyond what the rate limits admit, small in memory.
const MAILBOX_CAPACITY: usize = 1_024;

/// How often the exchange is brought up to the present when nobody asks.
const TICK: Duration = Duration::from_millis(20);

/// A look at the floor, or a change of it, from inside the process.
type Visit = Box<dyn FnOnce(&mut Floor) + Send>;

enum Message {
    Serve(Request, oneshot::Sender<Served>),
    Open(Opening, oneshot::Sender<Option<SocketId>>),
    Control(SocketId, String),
    Close(SocketId),
    Visit(Visit),
}

/// Address of the floor; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct FloorHandle(mpsc::Sender<Message>);

impl FloorHandle {
    /// Answers a request; `None` once the exchange has stopped.
    pub(super) async fn serve(&self, request: Request) -> Option<Served> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Message::Serve(request, answer)).await.ok()?;
        answered.await.ok()
    }

    /// Takes a socket in; `None` if it may not stay, or once the exchange has stopped.
    pub(super) async fn open(&self, opening: Opening) -> Option<SocketId> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Message::Open(opening, answer)).await.ok()?;
        answered.await.ok()?
    }

    /// Passes on a socket's control message.
    pub(super) async fn control(&self, id: SocketId, text: String) {
        // A stopped exchange closes the socket by itself.
        let _ = self.0.send(Message::Control(id, text)).await;
    }

    /// Says that a socket has closed.
    pub(super) async fn close(&self, id: SocketId) {
        let _ = self.0.send(Message::Close(id)).await;
    }

    /// Runs a function on the floor; `None` once the exchange has stopped.
    pub(super) async fn visit<T: Send + 'static>(
        &self,
        visit: impl FnOnce(&mut Floor) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let visit: Visit = Box::new(move |floor| {
            // Whoever asked may have gone.
            let _ = answer.send(visit(floor));
        });
        self.0.send(Message::Visit(visit)).await.ok()?;
        answered.await.ok()
    }
}

/// Owns the floor.
pub(super) struct FloorTask {
    floor: Floor,
    mailbox: mpsc::Receiver<Message>,
    clock: SharedClock,
    /// What a fault holds up on its way.
    underway: Underway,
}

impl FloorTask {
    pub(super) fn new(floor: Floor, clock: SharedClock) -> (FloorHandle, Self) {
        let (sender, mailbox) = mpsc::channel(MAILBOX_CAPACITY);
        (FloorHandle(sender), Self { floor, mailbox, clock, underway: Underway::default() })
    }

    /// Runs until `shutdown` or until the last handle is dropped; gives the floor back.
    pub(super) async fn run(mut self, shutdown: CancellationToken) -> Floor {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Every branch is cancel-safe: `recv` and `tick` lose nothing when dropped.
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                _ = tick.tick() => self.tick(self.clock.now()),
                message = self.mailbox.recv() => match message {
                    Some(message) => self.handle(message),
                    None => break,
                },
            }
        }
        self.floor.hub.cut_all();
        self.floor
    }

    fn tick(&mut self, now: Timestamp) {
        self.floor.catch_up(now);
        for (asked, back) in self.underway.arrived_requests(now) {
            self.receive(now, asked, back, Arrival::Delayed);
        }
        for answer in self.underway.arrived_answers(now) {
            self.floor.hub.answer(answer);
        }
    }

    fn receive(&mut self, now: Timestamp, asked: Asked, back: WayBack, arrival: Arrival) {
        match (self.floor.receive(now, asked, arrival), back) {
            (Sent::Underway(asked, time), back) => {
                self.underway.hold_request(now + time, asked, back);
            }
            (Sent::Served(served), WayBack::Http(answer)) => {
                // Whoever asked may have gone; what was asked has happened all the same.
                let _ = answer.send(served);
            }
            (Sent::Served(served), WayBack::Socket(id)) => self.answer_call(now, id, served),
        }
    }

    fn answer_call(&mut self, now: Timestamp, socket: SocketId, served: Served) {
        match served {
            Served::Lost(loss) | Served::Answered(_, Delivery { loss: Some(loss), .. }) => {
                if loss == Loss::Cut {
                    self.floor.hub.cut_off(socket);
                }
            }
            Served::Answered(reply, Delivery { wait, byte_pause, loss: None }) => {
                let answer = CallAnswer { socket, text: reply.body, byte_pause };
                if wait.is_zero() {
                    self.floor.hub.answer(answer);
                } else {
                    self.underway.hold_answer(now + wait, answer);
                }
            }
        }
    }

    fn handle(&mut self, message: Message) {
        let now = self.clock.now();
        match message {
            Message::Serve(request, answer) => {
                let (asked, back) = (Asked::Request(request), WayBack::Http(answer));
                self.receive(now, asked, back, Arrival::Prompt);
            }
            Message::Open(opening, answer) => {
                let id = self.floor.admits_socket().then(|| self.floor.open(now, opening));
                let _ = answer.send(id);
            }
            Message::Control(id, text) => {
                if let Some(call) = self.floor.control(id, &text) {
                    self.receive(now, Asked::Call(call), WayBack::Socket(id), Arrival::Prompt);
                }
            }
            Message::Close(id) => self.floor.hub.close(id),
            Message::Visit(visit) => {
                self.floor.catch_up(now);
                visit(&mut self.floor);
                self.floor.publish();
            }
        }
    }
}
