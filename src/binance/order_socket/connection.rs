//! Holds the connection: writes requests, hands out answers, comes back after a loss.
//!
//! Decides nothing about orders. Invariants: **1** while there is no connection that has answered
//! once, every request is given back at once as not sent: an open socket proves nothing; **2** what
//! was written and not answered when a connection ends is told lost; **3** a connection is replaced
//! before the venue ends it, and only while nothing waits; **4** no request is dropped untold;
//! **5** no request waits behind what the venue says, however much that is.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::answer::id_of;
use super::message::{self, Parameters};
use super::pending::Pending;
use crate::binance::backoff::Backoff;
use crate::binance::rate::Cost;
use crate::binance::rest::RestClient;
use crate::binance::socket::{Frame, Socket};

/// Where the venue takes orders over WebSocket.
const PATH: &str = "/ws-fapi/v1";
/// The venue ends a connection after 24 h; it is replaced before.
const LIFE: Duration = Duration::from_hours(23);
/// A question that costs little and that any answer to, even a refusal, proves the service.
const PROOF: &str = r#"{"id":"0","method":"ticker.price","params":{"symbol":"BTCUSDT"}}"#;
/// The id of that question; requests are counted from 1.
const PROOF_ID: u64 = 0;
/// What opening a connection weighs (exchange-api.md 3.3), and the question with it.
const CONNECT_COST: Cost = Cost {
    weight: 0,
    socket_weight: 5 + 1,
    orders: 0,
    order_requests: 0,
    funding_questions: 0,
    is_protective: true,
};

/// A request handed over.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) method: &'static str,
    pub(super) parameters: Parameters,
    pub(super) reply: oneshot::Sender<Told>,
}

/// What became of a request.
#[derive(Debug)]
pub(super) enum Told {
    /// Its answer, as it came.
    Answer(String),
    /// Nothing was sent.
    NotSent(String),
    /// It may have been sent, and its answer will not come.
    Lost(String),
}

/// The connection of an [`OrderSocket`](super::OrderSocket); runs until shut down.
pub struct OrderConnection {
    rest: Arc<RestClient>,
    url: String,
    jitter_seed: u64,
    mailbox: mpsc::Receiver<Asked>,
    pending: Pending<oneshot::Sender<Told>>,
}

/// Nobody will ask any more.
struct NobodyAsks;

impl OrderConnection {
    pub(super) fn new(
        rest: Arc<RestClient>,
        base_url: &str,
        jitter_seed: u64,
        mailbox: mpsc::Receiver<Asked>,
    ) -> Self {
        let url = format!("{}{PATH}", base_url.trim_end_matches('/'));
        Self { rest, url, jitter_seed, mailbox, pending: Pending::new() }
    }

    /// Holds the connection until `shutdown`, or until nobody asks any more. From `shutdown` on
    /// nothing is taken; what was taken before gets its answer.
    pub async fn run(&mut self, shutdown: &CancellationToken) {
        self.hold(shutdown).await;
        self.mailbox.close();
        while let Ok(asked) = self.mailbox.try_recv() {
            tell(asked.reply, Told::NotSent("the order socket ends".to_owned()));
        }
    }

    async fn hold(&mut self, shutdown: &CancellationToken) {
        let mut backoff = Backoff::new(self.jitter_seed);
        loop {
            let opened = Instant::now();
            let Ok(ended) = Box::pin(self.connect_and_serve(shutdown)).await else { return };
            if shutdown.is_cancelled() {
                return;
            }
            let pause = match ended {
                Ended::Replaced => continue,
                Ended::Lost(reason) => {
                    tracing::warn!(reason, "order socket lost; orders go by REST meanwhile");
                    backoff.next_delay(opened.elapsed())
                }
            };
            if self.apart(sleep(pause), shutdown).await.is_err() {
                return;
            }
        }
    }

    async fn connect_and_serve(
        &mut self,
        shutdown: &CancellationToken,
    ) -> Result<Ended, NobodyAsks> {
        if let Err(error) = self.rest.admit(CONNECT_COST) {
            return Ok(Ended::Lost(error.to_string()));
        }
        let (url, network) = (self.url.clone(), self.rest.network().clone());
        let patience = self.rest.settings().timeout;
        let opening = Box::pin(async move {
            let proven = timeout(patience, prove(Socket::open(&network, &url).await?)).await;
            proven.map_err(|_| "it opened and does not answer".to_owned())?
        });
        match self.apart(opening, shutdown).await? {
            Ok(socket) => self.serve(socket, shutdown).await,
            Err(reason) => Ok(Ended::Lost(reason)),
        }
    }

    /// Waits for something without a connection: whatever is asked meanwhile is not sent.
    async fn apart<T>(
        &mut self,
        waiting: impl Future<Output = T>,
        shutdown: &CancellationToken,
    ) -> Result<T, NobodyAsks> {
        tokio::pin!(waiting);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Err(NobodyAsks),
                asked = self.mailbox.recv() => {
                    let asked = asked.ok_or(NobodyAsks)?;
                    tell(asked.reply, Told::NotSent("the order socket is not open".to_owned()));
                }
                outcome = &mut waiting => return Ok(outcome),
            }
        }
    }

    async fn serve(
        &mut self,
        mut socket: Socket,
        shutdown: &CancellationToken,
    ) -> Result<Ended, NobodyAsks> {
        tracing::info!("order socket open");
        let end_of_life = sleep(LIFE);
        tokio::pin!(end_of_life);
        let mut is_open = true;
        while is_open || !self.pending.is_empty() {
            tokio::select! {
                biased;
                () = shutdown.cancelled(), if is_open => {
                    self.mailbox.close();
                    is_open = false;
                }
                asked = self.mailbox.recv(), if is_open => match asked {
                    Some(asked) => {
                        if let Err(reason) = self.write(&mut socket, asked).await {
                            self.tell_lost(&reason);
                            return Ok(Ended::Lost(reason));
                        }
                    }
                    None => is_open = false,
                },
                () = &mut end_of_life, if self.pending.is_empty() => return Ok(Ended::Replaced),
                frame = socket.next() => match frame {
                    Frame::Text(text) => self.hand_out(&text),
                    Frame::Alive => self.pending.forget(oneshot::Sender::is_closed),
                    Frame::Closed(reason) => {
                        self.tell_lost(&reason);
                        return Ok(Ended::Lost(reason));
                    }
                },
            }
        }
        Err(NobodyAsks)
    }

    /// Writes a request; an error means that the connection is broken.
    async fn write(&mut self, socket: &mut Socket, asked: Asked) -> Result<(), String> {
        self.pending.forget(oneshot::Sender::is_closed);
        let Asked { method, parameters, reply } = asked;
        if reply.is_closed() {
            return Ok(()); // nobody waits for it any more
        }
        match self.pending.take_in(reply) {
            Ok(id) => socket.say(message::json(id, method, &parameters)).await,
            Err(reply) => {
                tell(reply, Told::NotSent("too many requests wait for their answer".to_owned()));
                Ok(())
            }
        }
    }

    fn hand_out(&mut self, text: &str) {
        if let Some(reply) = id_of(text).and_then(|id| self.pending.answered(id)) {
            tell(reply, Told::Answer(text.to_owned()));
        } else {
            // Given up before, or an answer to what could not be read: the user stream will tell.
            tracing::warn!(bytes = text.len(), "an answer that nobody waits for");
        }
    }

    fn tell_lost(&mut self, reason: &str) {
        for reply in self.pending.lost() {
            tell(reply, Told::Lost(format!("the order socket was lost: {reason}")));
        }
    }
}

/// Asks something and waits for the answer.
async fn prove(mut socket: Socket) -> Result<Socket, String> {
    socket.say(PROOF.to_owned()).await?;
    loop {
        match socket.next().await {
            Frame::Text(text) if id_of(&text) == Some(PROOF_ID) => return Ok(socket),
            Frame::Text(_) | Frame::Alive => {}
            Frame::Closed(reason) => return Err(reason),
        }
    }
}

/// Why a connection is no more.
enum Ended {
    /// It broke, or never came about.
    Lost(String),
    /// It was given up for a new one.
    Replaced,
}

/// Whoever asked may have given up: then nobody is left to be told.
fn tell(reply: oneshot::Sender<Told>, told: Told) {
    let _ = reply.send(told);
}

impl std::fmt::Debug for OrderConnection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("OrderConnection").finish_non_exhaustive()
    }
}
