//! Owns clock, journal and engine: the one place where an event becomes a decision.
//!
//! Each event is appended to the journal and handled; if commands come out, one commit makes both
//! durable before any command leaves (I1). Without commands there is no wait: one commit a second.
//! When the journal fails, only what makes risk smaller may leave, by way of the emergency file; the
//! journal is tried again once a second. When it is slow, no entry leaves: its prediction is old.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::SharedClock;
use crate::domain::{Failure, Timestamp};
use crate::engine::{Command, EngineStatus, Event, OperatorRequest, TradingEngine};
use crate::fail_point;
use crate::store::{EmergencyFile, Journal, StoreError, command_kind, event_kind};

mod pace;

use super::gateway::GatewayHandle;
use super::in_place::in_place;
use super::supervisor::{Actor, ActorFailure};
use pace::CommitPace;

mod housekeeping;

use housekeeping::Housekeeping;

/// Events waiting for the engine: a burst of fills and a few seconds of frames. Senders wait when
/// it is full, so a slow disk shows as lateness, never as loss.
const MAILBOX_CAPACITY: usize = 1_024;

/// How long a shutdown may take before the position is left to its stop at the venue.
const SHUTDOWN_BUDGET: Duration = Duration::from_secs(30);

/// The trader has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the trader has ended")]
pub struct TraderEnded;

/// What the engine says to a request of the operator: done, or why not.
type Verdict = Result<(), String>;

/// Something that happened, and where to say what came of it if somebody waits for that.
#[derive(Debug)]
struct Mail {
    event: Event,
    answer: Option<oneshot::Sender<Verdict>>,
}

/// Address of a running [`Trader`]; cheap to clone.
#[derive(Debug, Clone)]
pub struct TraderHandle(mpsc::Sender<Mail>);

impl TraderHandle {
    /// Tells the engine what happened, waiting while its mailbox is full.
    ///
    /// # Errors
    /// [`TraderEnded`].
    pub async fn tell(&self, event: Event) -> Result<(), TraderEnded> {
        self.0.send(Mail { event, answer: None }).await.map_err(|_| TraderEnded)
    }

    /// Hands the operator's request to the engine and waits for its verdict.
    ///
    /// # Errors
    /// [`TraderEnded`].
    pub async fn request(&self, request: OperatorRequest) -> Result<Verdict, TraderEnded> {
        let (answer, answered) = oneshot::channel();
        let mail = Mail { event: Event::Operator(request), answer: Some(answer) };
        self.0.send(mail).await.map_err(|_| TraderEnded)?;
        answered.await.map_err(|_| TraderEnded)
    }
}

/// The receiving end of a [`TraderHandle`], for [`Trader::new`].
#[derive(Debug)]
pub struct TraderMailbox(mpsc::Receiver<Mail>);

/// Makes the trader's address before the trader, which needs its gateway first.
#[must_use]
pub fn trader_mailbox() -> (TraderHandle, TraderMailbox) {
    let (sender, receiver) = mpsc::channel(MAILBOX_CAPACITY);
    (TraderHandle(sender), TraderMailbox(receiver))
}

/// Where the trader writes before anything leaves.
pub struct Records {
    /// The journal.
    pub journal: Journal,
    /// What is left when the journal fails.
    pub emergency: EmergencyFile,
}

/// Feeds the engine, in order, and carries its commands to the gateway once they are durable.
pub struct Trader {
    mailbox: mpsc::Receiver<Mail>,
    clock: SharedClock,
    records: Records,
    engine: TradingEngine,
    gateway: GatewayHandle,
    status: watch::Sender<EngineStatus>,
    /// Whether the journal's last commit succeeded.
    is_journal_healthy: bool,
    /// How long its commits take.
    pace: CommitPace,
    /// What the engine was told of both.
    told_healthy: bool,
    /// Entries that were decided and did not leave, as the engine is to be told.
    unsent: Vec<Event>,
    /// Why the journal needs a person, until the engine has halted for it.
    breakage: Option<String>,
    /// The halt as the journal has it: what differs from it is written until it no longer does.
    persisted_halt: Option<String>,
    /// Until when a shutdown may take, once it was asked for.
    ends_by: Option<Timestamp>,
    housekeeping: Housekeeping,
}

impl Trader {
    /// A trader whose engine has not started; its first event must be [`Event::Started`].
    #[must_use]
    pub fn new(
        mailbox: TraderMailbox,
        clock: SharedClock,
        records: Records,
        gateway: GatewayHandle,
    ) -> (Self, watch::Receiver<EngineStatus>) {
        let (status, watched) = watch::channel(EngineStatus::default());
        let trader = Self {
            mailbox: mailbox.0,
            clock,
            records,
            engine: TradingEngine::default(),
            gateway,
            status,
            is_journal_healthy: true,
            pace: CommitPace::default(),
            told_healthy: true,
            unsent: Vec::new(),
            breakage: None,
            persisted_halt: None,
            ends_by: None,
            housekeeping: Housekeeping::new(None),
        };
        (trader, watched)
    }

    /// Keeps closed days of the journal for so many days instead of for ever.
    #[must_use]
    pub fn keeping_days(mut self, keep_days: Option<u32>) -> Self {
        self.housekeeping = Housekeeping::new(keep_days);
        self
    }

    fn open(&mut self, Mail { event, answer }: Mail) {
        self.step_in_place(event);
        if let Some(answer) = answer {
            let refusal = self.engine.refusal().map(ToOwned::to_owned);
            // Whoever asked may have gone; the engine has decided all the same.
            let _ = answer.send(refusal.map_or(Ok(()), Err));
        }
    }

    /// The journal's fsync blocks; other tasks of this thread go elsewhere meanwhile.
    fn step_in_place(&mut self, event: Event) {
        in_place(|| self.step(event));
    }

    /// Handles an event, and after it what it showed of the journal. Each of these is journalled like
    /// any other event, or a replay would decide differently.
    fn step(&mut self, event: Event) {
        self.handle(event);
        let is_healthy = self.is_journal_healthy && !self.pace.is_slow();
        if is_healthy != self.told_healthy {
            self.told_healthy = is_healthy;
            self.handle(Event::Journal { is_healthy });
        }
        for event in std::mem::take(&mut self.unsent) {
            self.handle(event);
        }
        let is_halted = self.status.borrow().halted.is_some();
        if let Some(reason) = self.breakage.take().filter(|_| !is_halted) {
            self.handle(Event::Operator(OperatorRequest::Halt { reason }));
        }
    }

    /// Appends, decides, commits, and only then sends.
    fn handle(&mut self, event: Event) {
        let now = self.clock.now();
        let is_second = matches!(event, Event::Second(_));
        fail_point::pass(format_args!("{} received", event_kind(&event)));
        let appended = self.append(now, &event);
        let commands = self.engine.handle(now, event);
        pass_each(&commands, "decided");
        // Only a commit proves the journal: without one nothing is learnt of it, and nothing sent.
        if appended.is_err() || !commands.is_empty() || is_second {
            match appended.and_then(|()| self.make_durable(&commands, is_second)) {
                Ok(is_late) => self.on_commit(commands, is_late),
                Err(error) => self.on_journal_failure(now, &error, commands),
            }
        }
        self.publish(now);
        if is_second {
            self.housekeeping.on_second(now);
        }
    }

    /// Commits; tells whether it took too long for an entry to leave. A journal that has failed is
    /// tried with each second only: what protects a position does not wait for a broken disk.
    fn make_durable(&mut self, commands: &[Command], is_second: bool) -> Result<bool, StoreError> {
        let journal = &mut self.records.journal;
        if !self.is_journal_healthy && !is_second {
            journal.hold(commands)?;
            return Err(StoreError::Suspended { path: journal.path().to_owned() });
        }
        let (began, reopenings) = (self.clock.now(), journal.reopenings());
        journal.commit(commands)?;
        if journal.reopenings() > reopenings {
            tracing::error!(
                "a write to the journal failed; it was opened anew and nothing is lost"
            );
        }
        Ok(self.pace.note(began, self.clock.now()))
    }

    /// A journal that works again first takes what has waited, so that there is room once more.
    fn append(&mut self, now: Timestamp, event: &Event) -> Result<(), StoreError> {
        let journal = &mut self.records.journal;
        match journal.append(now, event) {
            Err(StoreError::Backlog { .. }) => {
                journal.commit(&[])?;
                journal.append(now, event).map(|_| ())
            }
            appended => appended.map(|_| ()),
        }
    }

    fn send(&mut self, commands: Vec<Command>) {
        for command in commands {
            if let Err(refused) = self.gateway.carry_out(command) {
                tracing::error!(command = ?refused, "the gateway is choked; the command was not sent");
            }
        }
    }

    /// The journal now holds all that went through the emergency file as well.
    fn on_commit(&mut self, commands: Vec<Command>, is_late: bool) {
        if !std::mem::replace(&mut self.is_journal_healthy, true) {
            tracing::warn!("the journal works again");
            if let Err(error) = self.records.emergency.clear() {
                tracing::error!(%error, "the emergency file could not be cleared");
            }
        }
        pass_each(&commands, "durable");
        let (entries, others) = commands.into_iter().partition(|it| is_late && is_entry(it));
        self.give_up(entries, "its record took too long to become durable");
        self.send(others);
    }

    /// Entries that do not leave: the engine is told, so that it waits for no answer.
    fn give_up(&mut self, entries: Vec<Command>, why: &str) {
        for entry in entries {
            tracing::warn!(?entry, "not sent: {why}");
            let failure = Failure::NotSent { reason: why.to_owned() };
            self.unsent.extend(super::gateway::failed(&entry, failure));
        }
    }

    /// What makes risk smaller goes out by way of the emergency file; nothing else leaves.
    fn on_journal_failure(&mut self, now: Timestamp, error: &StoreError, commands: Vec<Command>) {
        if !matches!(error, StoreError::Suspended { .. }) {
            tracing::error!(%error, "the journal failed; only protection leaves from here on");
        }
        self.is_journal_healthy = false;
        if !error.may_pass() {
            self.breakage = Some(format!("the journal cannot be written: {error}"));
        }
        let (entries, others): (Vec<_>, Vec<_>) = commands.into_iter().partition(is_entry);
        self.give_up(entries, "the journal has failed");
        for command in others {
            match self.records.emergency.write(now, std::slice::from_ref(&command)) {
                Ok(()) => self.send(vec![command]),
                Err(error) => tracing::error!(%error, ?command, "not sent: the journal has failed"),
            }
        }
    }

    /// Shows the engine's state; what latches or must be remembered goes to the journal as well.
    fn publish(&mut self, now: Timestamp) {
        let status = self.engine.status();
        let (was_halted, known) = {
            let before = self.status.borrow();
            (before.halted.clone(), before.discrepancies.clone())
        };
        // A journal that has failed is tried again only once a commit has proven it.
        if self.is_journal_healthy || status.halted != was_halted {
            self.latch(status.halted.as_deref());
        }
        for text in status.discrepancies.iter().filter(|text| !known.contains(text)) {
            if let Err(error) = self.records.journal.record_discrepancy(now, None, text) {
                tracing::error!(%error, discrepancy = text, "the discrepancy was not recorded");
            }
        }
        self.status.send_replace(status);
    }

    /// Makes the journal hold the halt, or its end: the next run begins with it (I11).
    fn latch(&mut self, halted: Option<&str>) {
        if halted == self.persisted_halt.as_deref() {
            return;
        }
        match self.records.journal.set_halted(halted) {
            Ok(()) => self.persisted_halt = halted.map(ToOwned::to_owned),
            Err(error) => tracing::error!(%error, "the halt could not be remembered yet"),
        }
    }

    /// Whether a shutdown that was asked for is done, or has had its time.
    fn may_stop(&self) -> bool {
        self.ends_by.is_some_and(|by| self.engine.status().may_stop || self.clock.now() >= by)
    }

    async fn run_to_end(&mut self, shutdown: &CancellationToken) {
        while !self.may_stop() {
            let due = self.engine.next_deadline().map(|(at, _)| at);
            let house = self.housekeeping.due_at();
            let wake = self.ends_by.into_iter().chain(due).chain(house).min();
            let wait = wake.map_or(Duration::from_secs(1), |at| at.since(self.clock.now()));
            tokio::select! {
                biased;
                () = shutdown.cancelled(), if self.ends_by.is_none() => {
                    self.ends_by = Some(self.clock.now() + SHUTDOWN_BUDGET);
                    self.step_in_place(Event::Shutdown);
                }
                // Cancel-safe: an event is either received whole or stays in the mailbox.
                received = self.mailbox.recv() => match received {
                    Some(mail) => self.open(mail),
                    None => return,
                },
                () = tokio::time::sleep(wait) => {
                    if due.is_some_and(|at| at <= self.clock.now()) {
                        self.step_in_place(Event::Tick);
                    }
                    in_place(|| self.keep_house_if_due());
                }
            }
        }
    }
}

/// The fail points `<command> decided` and `<command> durable`.
fn pass_each(commands: &[Command], step: &str) {
    for command in commands {
        fail_point::pass(format_args!("{} {step}", command_kind(command)));
    }
}

/// Whether a command could open risk.
fn is_entry(command: &Command) -> bool {
    matches!(command, Command::Place(order) if !order.get().reduce_only)
}

impl Actor for Trader {
    /// Runs until the engine says that a shutdown is done, or its budget is spent.
    async fn run(&mut self, shutdown: &CancellationToken) -> Result<(), ActorFailure> {
        self.run_to_end(shutdown).await;
        self.records.journal.commit(&[]).map_err(ActorFailure::new)?;
        self.latch(self.engine.status().halted.as_deref());
        self.records.journal.checkpoint().map_err(ActorFailure::new)
    }
}

#[cfg(test)]
mod failing_disk_tests;
#[cfg(test)]
mod failing_journal_tests;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::gateway::gateway_mailbox;
    use super::*;
    use crate::book::Frame;
    use crate::clock::{Clock as _, ManualClock};
    use crate::config::Settings;
    use crate::domain::Second;
    use crate::engine::{LedgerSummary, Started};

    fn started(run: crate::domain::RunId) -> Event {
        let variables = [
            ("LOBD_ENVIRONMENT", "sandbox"),
            ("LOBD_REST_URL", "http://127.0.0.1:1"),
            ("LOBD_STREAM_URL", "ws://127.0.0.1:1"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings = Settings::from_variables(&variables.into_iter().collect()).unwrap();
        Event::Started(Box::new(Started {
            run,
            version: "test".to_owned(),
            settings: settings.trading,
            instruments: Vec::new(),
            ledger: LedgerSummary::default(),
            countdown: crate::engine::CountdownProof::Uncertified,
        }))
    }

    fn second(unix: i64) -> Event {
        Event::Second(Box::new(Frame { second: Second::from_unix(unix), rows: Vec::new() }))
    }

    /// A trader whose run has begun, on a journal of its own.
    fn begun(folder: &std::path::Path) -> (Trader, Arc<ManualClock>, crate::domain::RunId) {
        let mut journal = Journal::open(&folder.join("journal.db")).unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(100)));
        let run = journal.start_run(clock.now(), "test").unwrap();
        let (emergency, _) = EmergencyFile::open(&folder.join("emergency")).unwrap();
        let (gateway, mail) = gateway_mailbox();
        drop(mail); // nobody carries anything out
        let records = Records { journal, emergency };
        let shared: SharedClock = Arc::clone(&clock) as SharedClock;
        let (mut trader, _) = Trader::new(trader_mailbox().1, shared, records, gateway);
        trader.step(started(run));
        (trader, clock, run)
    }

    #[test]
    fn a_halt_and_its_end_are_latched_once_the_journal_works_again() {
        let folder = tempfile::tempdir().unwrap();
        let (mut trader, clock, _) = begun(folder.path());
        let latched = || {
            let journal = Journal::open_read_only(&folder.path().join("journal.db")).unwrap();
            journal.ledger(Timestamp::from_seconds(200)).unwrap().halted
        };
        let halt = OperatorRequest::Halt { reason: "the disk is full".to_owned() };
        let wishes = [(halt, Some("the disk is full")), (OperatorRequest::Resume, None)];
        for (number, (wish, expected)) in (0_i64..).zip(wishes) {
            let before = latched();
            trader.records.journal.refuse_writes(true);
            trader.step(Event::Operator(wish));
            trader.step(second(100 + 2 * number));
            assert_eq!(latched(), before, "nothing can be written");
            trader.records.journal.refuse_writes(false);
            clock.advance(Duration::from_secs(1));
            trader.step(second(101 + 2 * number));
            assert_eq!(latched().as_deref(), expected);
        }
    }

    #[test]
    fn a_new_day_begins_with_a_checkpoint_and_the_old_one_is_packed_in_quiet_moments() {
        let folder = tempfile::tempdir().unwrap();
        let (mut trader, clock, run) = begun(folder.path());
        let held = || {
            let path = folder.path().join("journal.db");
            let journal = Journal::open_read_only(&path).unwrap();
            let checkpoints = journal.verify().unwrap().checkpoints_of_others;
            (checkpoints, journal.rows_left())
        };
        let at_half_past = |trader: &mut Trader, unix| {
            trader.step(second(unix));
            trader.keep_house_if_due();
            let before = held();
            clock.advance(Duration::from_millis(500));
            trader.keep_house_if_due();
            (before, held())
        };
        assert_eq!(at_half_past(&mut trader, 100), ((0, 2), (0, 2)), "the day is not over");
        clock.advance(Duration::from_hours(24));
        let (before, after) = at_half_past(&mut trader, 86_500);
        assert_eq!((before, after), ((0, 3), (1, 1)), "half a second later and not at once");
        clock.advance(Duration::from_secs(1));
        assert_eq!(at_half_past(&mut trader, 86_501).1.0, 1, "one a day");
        trader.records.journal.commit(&[]).unwrap();
        assert_eq!(trader.records.journal.replay(run.epoch).unwrap().difference, None);
    }

    #[test]
    fn a_journal_that_fails_and_recovers_is_told_once_each_way_and_replays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let (mut trader, clock, run) = begun(folder.path());
        trader.records.journal.refuse_writes(true);
        for unix in 100..110 {
            clock.advance(Duration::from_secs(1));
            trader.step(second(unix));
            trader.step(Event::Tick);
            assert!(!trader.told_healthy, "an event without a commit proves nothing");
        }
        trader.records.journal.refuse_writes(false);
        clock.advance(Duration::from_secs(1));
        trader.step(second(110));
        assert!(trader.told_healthy);
        trader.records.journal.commit(&[]).unwrap();
        let journal = Journal::open_read_only(&path).unwrap();
        let records: Vec<_> = journal.records(run.epoch).map(Result::unwrap).collect();
        let told = |record: &&crate::store::Record| matches!(record.event, Event::Journal { .. });
        assert_eq!(records.iter().filter(told).count(), 2);
        assert_eq!(journal.replay(run.epoch).unwrap().difference, None);
    }
}
