//! Writes every frame it has accepted to the tape, in the order of acceptance.
//!
//! A failing disk costs seconds, which then show as a gap; it never stops trading.

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::book::Frame;
use crate::domain::Second;
use crate::store::{StoreError, Tape};

use super::supervisor::{Actor, ActorFailure};

/// A minute of seconds: a stalled disk shows as lost seconds, not as memory.
const MAILBOX_CAPACITY: usize = 60;

/// Address of a running [`Recorder`]; cheap to clone.
#[derive(Debug, Clone)]
pub struct RecorderHandle(mpsc::Sender<Frame>);

impl RecorderHandle {
    /// Hands a frame over; a recorder a minute behind loses it, and says so.
    pub fn record(&self, frame: Frame) {
        if let Err(error) = self.0.try_send(frame) {
            let frame = error.into_inner();
            tracing::error!(second = %frame.second, "the recorder is behind; the second is lost");
        }
    }
}

/// Writes frames to the tape, `batch` seconds a commit.
pub struct Recorder {
    mailbox: mpsc::Receiver<Frame>,
    tape: Tape,
    batch: usize,
    waiting: Vec<Frame>,
    durable: watch::Sender<Option<Second>>,
    taken: watch::Sender<Option<Second>>,
}

impl Recorder {
    /// A recorder to one tape, and its address.
    #[must_use]
    pub fn new(tape: Tape, batch: u32) -> (RecorderHandle, Self) {
        let (sender, mailbox) = mpsc::channel(MAILBOX_CAPACITY);
        let batch = usize::try_from(batch).unwrap_or(1).max(1);
        let (durable, taken) = (watch::channel(None).0, watch::channel(None).0);
        let waiting = Vec::with_capacity(batch);
        (RecorderHandle(sender), Self { mailbox, tape, batch, waiting, durable, taken })
    }

    /// The newest second that is durable.
    #[must_use]
    pub fn durable(&self) -> watch::Receiver<Option<Second>> {
        self.durable.subscribe()
    }

    /// The newest second it has taken, durable or waiting for the rest of its batch: proof of life
    /// between two commits.
    #[must_use]
    pub fn taken(&self) -> watch::Receiver<Option<Second>> {
        self.taken.subscribe()
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let written = tokio::task::block_in_place(|| self.tape.append_batch(&self.waiting));
        if written.is_ok() {
            self.durable.send_replace(self.waiting.last().map(|frame| frame.second));
        }
        // A batch that could not be written is lost with its error told, so that the next can be.
        self.waiting.clear();
        written
    }
}

impl Actor for Recorder {
    /// Runs until shut down or until the last handle is dropped; writes what was accepted either
    /// way.
    async fn run(&mut self, shutdown: &CancellationToken) -> Result<(), ActorFailure> {
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled(), if !self.mailbox.is_closed() => self.mailbox.close(),
                received = self.mailbox.recv() => match received {
                    Some(frame) => {
                        let second = frame.second;
                        self.waiting.push(frame);
                        if self.waiting.len() >= self.batch {
                            self.flush().map_err(ActorFailure::new)?;
                        }
                        self.taken.send_replace(Some(second));
                    }
                    None => break,
                },
            }
        }
        self.flush().map_err(ActorFailure::new)?;
        self.tape.checkpoint().map_err(ActorFailure::new)
    }
}
