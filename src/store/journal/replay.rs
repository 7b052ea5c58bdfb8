//! Running a journal again: the same events must lead to the same commands, byte for byte (I15).

use crate::domain::Timestamp;
use crate::engine::{Command, Event, TradingEngine};

use super::record::{self, Record};
use super::upkeep::day_of;
use super::{Journal, StoreError};

/// What a replay of one run found.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Replay {
    /// The number of the first event replayed.
    pub begins_at: i64,
    /// Events replayed.
    pub events: u64,
    /// Commands that came out as they were journalled.
    pub commands: u64,
    /// The first event at which something else came out.
    pub difference: Option<Difference>,
}

/// The first event whose commands are not those journalled.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// The event's number.
    pub sequence: i64,
    /// What kind of event.
    pub event: &'static str,
    /// The commands journalled, in hexadecimal.
    pub expected: Vec<String>,
    /// The commands that came out now: what they are, and in hexadecimal.
    pub got: Vec<(String, String)>,
}

/// One event or command of an order's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The number of the event it is, or that led to it.
    pub sequence: i64,
    /// When the engine learnt of that event.
    pub now: Timestamp,
    /// Whether it was decided here rather than told by the outside.
    pub is_command: bool,
    /// What it was.
    pub text: String,
}

impl Journal {
    /// Runs the engine again over a run's events and compares what comes out, byte for byte, up to
    /// the first difference.
    ///
    /// # Errors
    /// [`StoreError::CorruptEvent`], [`StoreError::NoBeginning`] or a failure to read.
    pub fn replay(&self, epoch: u32) -> Result<Replay, StoreError> {
        self.replay_since(epoch, None)
    }

    /// The same from the newest checkpoint before a moment on; without one of this lobd, or without
    /// a moment, from the beginning of the run.
    ///
    /// # Errors
    /// As [`Journal::replay`].
    pub fn replay_since(&self, epoch: u32, since: Option<Timestamp>) -> Result<Replay, StoreError> {
        let mut replay = Replay::default();
        self.again(epoch, since, |record, commands| {
            if replay.events == 0 {
                replay.begins_at = record.sequence;
            }
            let got = commands
                .iter()
                .map(record::command_bytes)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|detail| self.unreadable(record.sequence, detail))?;
            replay.events += 1;
            if got == record.commands {
                replay.commands += got.len() as u64;
                return Ok(true);
            }
            replay.difference = Some(Difference {
                sequence: record.sequence,
                event: record::event_kind(&record.event),
                expected: record.commands.iter().map(hex::encode).collect(),
                got: commands
                    .iter()
                    .map(|command| format!("{command:?}"))
                    .zip(got.iter().map(hex::encode))
                    .collect(),
            });
            Ok(false)
        })?;
        Ok(replay)
    }

    /// Everything that was told or decided about one order, by running its run again.
    ///
    /// # Errors
    /// [`StoreError::CorruptEvent`] or a failure to read.
    pub fn explain(&self, epoch: u32, client_order_id: &str) -> Result<Vec<Step>, StoreError> {
        // Ids are shown in quotes, so that no id is taken for the head of a longer one.
        let quoted = format!("{client_order_id:?}");
        let mut steps = Vec::new();
        self.again(epoch, None, |record, commands| {
            let (sequence, now) = (record.sequence, record.now);
            // A second of the market concerns every order and names none.
            let event = (!matches!(record.event, Event::Second(_)))
                .then(|| (false, format!("{:?}", record.event)));
            let decided = commands.iter().map(|command| (true, format!("{command:?}")));
            steps.extend(event.into_iter().chain(decided).filter_map(|(is_command, text)| {
                text.contains(&quoted).then_some(Step { sequence, now, is_command, text })
            }));
            Ok(true)
        })?;
        Ok(steps)
    }

    /// Feeds a run's events to an engine for as long as `visit` says so, beginning with the newest
    /// checkpoint before a moment, or with the run.
    fn again(
        &self,
        epoch: u32,
        since: Option<Timestamp>,
        mut visit: impl FnMut(&Record, &[Command]) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let (mut engine, after) = self.beginning(epoch, since)?;
        for record in self.records_after(epoch, after) {
            let record = record?;
            let commands = engine.handle(record.now, record.event.clone());
            if !visit(&record, &commands)? {
                break;
            }
        }
        Ok(())
    }

    /// The engine that a replay begins with, and the last event that is in it.
    pub(super) fn beginning(
        &self,
        epoch: u32,
        since: Option<Timestamp>,
    ) -> Result<(TradingEngine, i64), StoreError> {
        let (first, last) = self.span_of(epoch)?;
        let anchor = self.anchor()?;
        if last <= anchor {
            return Ok((TradingEngine::default(), last)); // nothing of it is left
        }
        // The head of the run is gone: only a checkpoint stands for it.
        let is_headless = first <= anchor;
        let mut begins = (TradingEngine::default(), first - 1);
        let mut is_found = !is_headless;
        for checkpoint in self.checkpoints(epoch)? {
            let is_wanted = (is_headless && !is_found)
                || since.is_some_and(|since| day_of(since) >= checkpoint.day);
            if let Some(engine) = is_wanted.then(|| checkpoint.engine()).flatten() {
                begins = (engine, checkpoint.sequence);
                is_found = true;
            }
        }
        if is_found { Ok(begins) } else { Err(self.headless(epoch, anchor)) }
    }

    fn headless(&self, epoch: u32, anchor: i64) -> StoreError {
        StoreError::NoBeginning { path: self.path.clone(), run: epoch, dropped: anchor }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::{Amount, ClientOrderId, Failure, FeeRates, Rate, RunId};
    use crate::engine::{LedgerSummary, Started, TradedInstrument};
    use crate::store::tape::tests::{bitcoin, instrument};
    use crate::trading::{EntryStyle, RiskLimits, ShutdownPolicy, TradingSettings};

    fn settings() -> TradingSettings {
        let amount = |text: &str| -> Amount { text.parse().unwrap() };
        let rate = |text: &str| -> Rate { text.parse().unwrap() };
        TradingSettings {
            signal_spread_multiple: rate("1"),
            edge_margin: rate("0"),
            order_notional: amount("6000"),
            entry_style: EntryStyle::Join,
            entry_life: Duration::from_secs(10),
            stop_loss: amount("10"),
            venue_stop_multiple: rate("1.5"),
            stop_loss_max_trial: 3,
            stop_loss_trial_wait: Duration::from_secs(1),
            stop_loss_budget: Duration::from_secs(5),
            max_holding: Duration::from_mins(1),
            limits: RiskLimits {
                position_notional: amount("12000"),
                account_notional: amount("60000"),
                order_notional: amount("12000"),
                open_orders: 50,
                orders_per_minute: 60,
                price_collar: rate("0.01"),
                daily_loss: amount("200"),
                drawdown: amount("9000"),
                consecutive_losses: 1_000,
                liquidation_distance: rate("0.02"),
                unprotected_in_a_row: 1_000,
                unprotected_per_hour: 1_000,
                mid_jump: "0.01".parse().unwrap(),
                mid_jump_pause: Duration::from_secs(10),
            },
            mark_price_max_age: Duration::from_secs(3),
            reconcile_interval: Duration::from_secs(5),
            countdown: Duration::from_mins(1),
            shutdown_policy: ShutdownPolicy::Protect,
        }
    }

    pub(in crate::store::journal) fn started(run: RunId) -> Event {
        let fees = FeeRates { maker: Rate::ZERO, taker: Rate::ZERO };
        let instrument = instrument("BTCUSDT", "0.1");
        Event::Started(Box::new(Started {
            run,
            version: "0.1.0".to_owned(),
            settings: settings(),
            instruments: vec![TradedInstrument { instrument, fees, model: None }],
            ledger: LedgerSummary::default(),
            countdown: crate::engine::CountdownProof::Uncertified,
        }))
    }

    /// Journals a run as the trader does: event, decision, commit of both.
    fn journalled(folder: &tempfile::TempDir) -> (Journal, RunId) {
        let mut journal = Journal::open(&folder.path().join("journal.db")).unwrap();
        let at = |second: i64| Timestamp::from_seconds(1_700_000_000 + second);
        let run = journal.start_run(at(0), "0.1.0").unwrap();
        let mut engine = TradingEngine::default();
        let failed = Event::PlaceFailed {
            client_order_id: ClientOrderId::new("lobd-1").unwrap(),
            failure: Failure::NotSent { reason: "test".to_owned() },
        };
        let mut events = vec![started(run), failed];
        events.extend((1..60).flat_map(|second| {
            [Event::Second(Box::new(bitcoin(1_700_000_000 + second))), Event::Tick]
        }));
        for (second, event) in (0..).zip(events) {
            journal.append(at(second), &event).unwrap();
            let commands = engine.handle(at(second), event);
            if !commands.is_empty() {
                journal.commit(&commands).unwrap();
            }
        }
        journal.commit(&[]).unwrap();
        (journal, run)
    }

    #[test]
    fn invariant_15_the_same_journal_gives_the_same_commands_byte_for_byte() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, run) = journalled(&folder);
        let replay = journal.replay(run.epoch).unwrap();
        assert_eq!(replay.difference, None);
        assert_eq!(replay.events, 120);
        assert!(replay.commands > 0, "the account was asked for");
        journal.verify().unwrap();
    }

    #[test]
    fn the_first_difference_is_named_with_both_sides() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, run) = journalled(&folder);
        let statement = "UPDATE commands SET payload = x'07' WHERE seq = (SELECT min(seq) FROM \
                         commands WHERE seq > 20) AND position = 0";
        assert_eq!(journal.connection.execute(statement, []).unwrap(), 1);
        let difference = journal.replay(run.epoch).unwrap().difference.unwrap();
        assert!(difference.sequence > 20);
        assert_eq!(difference.expected[0], "07");
        assert!(!difference.got.is_empty());
    }

    #[test]
    fn an_order_is_explained_by_what_was_told_and_decided() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, run) = journalled(&folder);
        let steps = journal.explain(run.epoch, "lobd-1").unwrap();
        assert!(!steps[0].is_command && steps[0].text.contains("NotSent"), "{steps:?}");
        assert!(journal.explain(run.epoch, "lobd-").unwrap().is_empty(), "no prefix matches");
    }
}
