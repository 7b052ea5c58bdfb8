//! Writes every frame it has accepted to the tape, in the order of acceptance.
//!
//! A failing disk costs seconds, which then show as a gap; it never stops trading. Rules that the
//! venue changed open a new version of the instrument, between two seconds.

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::book::Frame;
use crate::domain::{Instrument, Second};
use crate::fail_point;
use crate::store::{StoreError, Tape};

use super::in_place::in_place;
use super::pulse::Pulse;
use super::supervisor::{Actor, ActorFailure};

/// A minute of seconds: a stalled disk shows as lost seconds, not as memory.
const MAILBOX_CAPACITY: usize = 60;

/// What a recorder is told.
#[derive(Debug)]
enum Mail {
    /// A second to write.
    Frame(Frame),
    /// What follows is of this instrument under these rules.
    Rules(Box<Instrument>),
}

/// Address of a running [`Recorder`]; cheap to clone.
#[derive(Debug, Clone)]
pub struct RecorderHandle(mpsc::Sender<Mail>);

impl RecorderHandle {
    /// Hands a frame over; a recorder a minute behind loses it, and says so.
    pub fn record(&self, frame: Frame) {
        let second = frame.second;
        if self.0.try_send(Mail::Frame(frame)).is_err() {
            tracing::error!(%second, "the recorder is behind; the second is lost");
        }
    }

    /// Says that the frames that follow are under these rules, waiting while the mailbox is full.
    pub async fn obey(&self, instrument: Instrument) {
        // A recorder that has ended writes nothing that could be under the wrong rules.
        let _ = self.0.send(Mail::Rules(Box::new(instrument))).await;
    }
}

/// Writes frames to the tape, `batch` seconds a commit.
pub struct Recorder {
    mailbox: mpsc::Receiver<Mail>,
    tape: Tape,
    batch: usize,
    waiting: Vec<Frame>,
    /// Rules that the tape could not take yet, and from when on they hold; what is under them is
    /// not written before.
    unregistered: Vec<(Instrument, Second)>,
    durable: watch::Sender<Option<Second>>,
    /// The newest second taken in.
    taken: Option<Second>,
    /// Whether a failure to write ends it: where recording is all there is to do.
    is_vital: bool,
    pulse: Pulse,
}

impl Recorder {
    /// A recorder to one tape, and its address. One that is not vital outlives every failure to
    /// write, and records again once the disk takes it.
    #[must_use]
    pub fn new(tape: Tape, batch: u32, is_vital: bool) -> (RecorderHandle, Self) {
        let (sender, mailbox) = mpsc::channel(MAILBOX_CAPACITY);
        let batch = usize::try_from(batch).unwrap_or(1).max(1);
        let (durable, _) = watch::channel(None);
        let taken = None;
        let waiting = Vec::with_capacity(batch);
        let unregistered = Vec::new();
        let pulse = Pulse::default();
        let recorder =
            Self { mailbox, tape, batch, waiting, unregistered, durable, taken, is_vital, pulse };
        (RecorderHandle(sender), recorder)
    }

    /// The newest second that is durable.
    #[must_use]
    pub fn durable(&self) -> watch::Receiver<Option<Second>> {
        self.durable.subscribe()
    }

    /// Whether it takes seconds in, be they durable at once or waiting for their batch.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    fn take_in(&mut self, frame: Frame) -> Result<(), StoreError> {
        let second = frame.second;
        self.waiting.push(frame);
        self.taken = Some(second);
        self.pulse.beat();
        if self.waiting.len() < self.batch {
            return Ok(());
        }
        let flushed = self.flush();
        self.bear(flushed, "seconds could not be recorded and are lost")
    }

    /// What waits is under the rules so far: it is written before the new ones hold.
    fn obey(&mut self, instrument: Instrument) -> Result<(), StoreError> {
        let flushed = self.flush();
        self.bear(flushed, "seconds could not be recorded and are lost")?;
        let valid_from = self.taken.map_or(Second::from_unix(0), Second::next);
        self.unregistered.retain(|(other, _)| other.symbol != instrument.symbol);
        self.unregistered.push((instrument, valid_from));
        let registered = self.register();
        self.bear(registered, "the new rules could not be recorded yet")
    }

    fn register(&mut self) -> Result<(), StoreError> {
        while let Some((instrument, valid_from)) = self.unregistered.last() {
            self.tape.register(instrument, *valid_from)?;
            self.unregistered.pop();
        }
        Ok(())
    }

    /// Where trading is what matters, a failure is told and outlived.
    fn bear(&self, outcome: Result<(), StoreError>, what: &str) -> Result<(), StoreError> {
        match outcome {
            Err(error) if !self.is_vital => {
                let second = self.taken;
                tracing::error!(%error, ?second, "{what}");
                Ok(())
            }
            outcome => outcome,
        }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let written =
            self.register().and_then(|()| in_place(|| self.tape.append_batch(&self.waiting)));
        if written.is_ok() {
            fail_point::pass(format_args!("frame durable"));
            self.durable.send_replace(self.waiting.last().map(|frame| frame.second));
            fail_point::pass(format_args!("frame reported"));
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
                    Some(Mail::Frame(frame)) => self.take_in(frame).map_err(ActorFailure::new)?,
                    Some(Mail::Rules(rules)) => self.obey(*rules).map_err(ActorFailure::new)?,
                    None => break,
                },
            }
        }
        self.flush().map_err(ActorFailure::new)?;
        self.tape.checkpoint().map_err(ActorFailure::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::FrameCutter;
    use crate::domain::Timestamp;
    use crate::sandbox::listings;

    #[test]
    fn a_disk_that_was_full_for_long_is_recorded_to_again() {
        let folder = tempfile::tempdir().unwrap();
        let instrument = listings::instrument("BTCUSDT").unwrap();
        let mut tape = Tape::open(&folder.path().join("tape.db")).unwrap();
        tape.register(&instrument, Second::from_unix(0)).unwrap();
        let (_handle, mut recorder) = Recorder::new(tape, 1, false);
        let mut cutter = FrameCutter::new([&instrument]);
        assert!(cutter.due(Timestamp::from_seconds(100)).is_none(), "the grid begins here");
        let mut frame = |unix| cutter.due(Timestamp::from_seconds(unix)).unwrap();
        recorder.tape.refuse_writes(true);
        for unix in 101..120 {
            recorder.take_in(frame(unix)).unwrap();
        }
        assert_eq!(*recorder.durable().borrow(), None);
        recorder.tape.refuse_writes(false);
        let first_again = frame(120);
        let second = first_again.second;
        recorder.take_in(first_again).unwrap();
        assert_eq!(*recorder.durable().borrow(), Some(second));
    }

    #[test]
    fn new_rules_open_a_version_between_two_seconds_also_after_a_full_disk() {
        let folder = tempfile::tempdir().unwrap();
        let before = listings::instrument("BTCUSDT").unwrap();
        let mut after = before.clone();
        after.filters.tick_size = "0.01".parse().unwrap();
        let mut tape = Tape::open(&folder.path().join("tape.db")).unwrap();
        tape.register(&before, Second::from_unix(0)).unwrap();
        let (_handle, mut recorder) = Recorder::new(tape, 600, false);
        let mut cutter = FrameCutter::new([&before]);
        assert!(cutter.due(Timestamp::from_seconds(100)).is_none(), "the grid begins here");
        let mut frame = |unix| cutter.due(Timestamp::from_seconds(unix)).unwrap();
        recorder.take_in(frame(101)).unwrap();
        recorder.obey(after.clone()).unwrap();
        assert_eq!(*recorder.durable().borrow(), Some(Second::from_unix(101)), "under the old");
        let version = recorder.tape.versions()[1].clone();
        assert_eq!((version.instrument, version.valid_from), (after, Second::from_unix(102)));

        let mut again = before.clone();
        again.filters.min_notional = "200".parse().unwrap();
        recorder.tape.refuse_writes(true);
        recorder.obey(again).unwrap();
        assert_eq!(recorder.tape.versions().len(), 2);
        recorder.tape.refuse_writes(false);
        recorder.take_in(frame(102)).unwrap();
        recorder.flush().unwrap();
        assert_eq!(recorder.tape.versions().len(), 3, "registered before what is under it");
        assert_eq!(*recorder.durable().borrow(), Some(Second::from_unix(102)));
    }

    #[test]
    fn a_recorder_that_waits_for_a_large_batch_still_shows_that_it_advances() {
        let folder = tempfile::tempdir().unwrap();
        let tape = Tape::open(&folder.path().join("tape.db")).unwrap();
        let (_handle, mut recorder) = Recorder::new(tape, 600, true);
        recorder.take_in(Frame { second: Second::from_unix(7), rows: Vec::new() }).unwrap();
        assert_eq!(recorder.pulse().beats(), 1);
        assert_eq!(*recorder.durable().borrow(), None);
    }
}
