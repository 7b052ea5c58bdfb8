//! Which faults are on, since when, and how often each struck.
//!
//! Pure: time is an argument, chance comes from one seed. Invariants: **1** a fault strikes only in
//! its window, past what it skips, and no oftener than it may; **2** of several that could strike,
//! the one switched on first does; **3** at most [`MOST_FAULTS`] are kept.

use rand::RngExt as _;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use thiserror::Error;

use crate::domain::{Symbol, Timestamp};

use super::fault::{Act, Fault};
use super::spec::FaultSpec;

/// Faults kept at once, those that are over included: a person's or a script's list.
const MOST_FAULTS: usize = 256;

/// One fault and what it has done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultReport {
    /// Its number, by which it is switched off.
    pub number: u32,
    /// What was asked for.
    pub spec: String,
    /// How often it struck.
    pub fired: u64,
    /// Whether it may still strike, now or later.
    pub is_on: bool,
}

/// Why a fault is not switched on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FaultRefused {
    /// There are too many.
    #[error("{MOST_FAULTS} faults are kept already; clear some first")]
    TooMany,
    /// The exchange does not list the symbol.
    #[error("the exchange does not list {0}")]
    NotListed(Symbol),
    /// A filter cannot be so.
    #[error("{0}")]
    Filters(String),
    /// The exchange is no more.
    #[error("the exchange has stopped")]
    Stopped,
}

/// The faults that were asked for.
#[derive(Debug)]
pub(in crate::sandbox) struct Plan {
    armed: Vec<Armed>,
    numbered: u32,
    chance: ChaCha8Rng,
}

#[derive(Debug)]
struct Armed {
    number: u32,
    spec: FaultSpec,
    begins: Timestamp,
    ends: Timestamp,
    met: u32,
    fired: u64,
}

impl Armed {
    fn is_spent(&self) -> bool {
        let most = if self.spec.fault.is_act() { Some(1) } else { self.spec.times };
        most.is_some_and(|times| self.fired >= u64::from(times))
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.is_spent() || self.ends <= now
    }

    fn is_live(&self, now: Timestamp) -> bool {
        self.begins <= now && !self.is_over(now)
    }

    /// Whether this occasion is one to strike at.
    fn strikes(&mut self, chance: &mut ChaCha8Rng) -> bool {
        self.met = self.met.saturating_add(1);
        if self.spec.skip.is_some_and(|skip| self.met <= skip) {
            return false;
        }
        let by_chance = self
            .spec
            .probability
            .is_none_or(|probability| chance.random_range(0..1_000_000) < probability.millionths());
        self.fired += u64::from(by_chance);
        by_chance
    }
}

impl Plan {
    pub(in crate::sandbox) fn new(seed: u64) -> Self {
        let chance = ChaCha8Rng::seed_from_u64(seed);
        Self { armed: Vec::new(), numbered: 0, chance }
    }

    /// Whether nothing was ever asked for, or all of it was cleared.
    pub(in crate::sandbox) const fn is_quiet(&self) -> bool {
        self.armed.is_empty()
    }

    /// Switches a fault on; what is over makes room.
    pub(in crate::sandbox) fn add(
        &mut self,
        now: Timestamp,
        spec: FaultSpec,
    ) -> Result<u32, FaultRefused> {
        if self.armed.len() >= MOST_FAULTS {
            self.armed.retain(|armed| !armed.is_over(now));
        }
        if self.armed.len() >= MOST_FAULTS {
            return Err(FaultRefused::TooMany);
        }
        self.numbered += 1;
        let begins = spec.at.map_or(now, |at| now + at.duration());
        let ends = spec.lasts.map_or(Timestamp::MAX, |lasts| begins + lasts.duration());
        let (number, met, fired) = (self.numbered, 0, 0);
        self.armed.push(Armed { number, spec, begins, ends, met, fired });
        Ok(number)
    }

    /// Switches a fault off; `false` if there is none of that number.
    pub(in crate::sandbox) fn clear(&mut self, number: u32) -> bool {
        let before = self.armed.len();
        self.armed.retain(|armed| armed.number != number);
        self.armed.len() < before
    }

    /// Switches all of them off.
    pub(in crate::sandbox) fn clear_all(&mut self) {
        self.armed.clear();
    }

    /// All of them, in the order in which they were switched on.
    pub(in crate::sandbox) fn reports(&self, now: Timestamp) -> Vec<FaultReport> {
        self.armed
            .iter()
            .map(|armed| FaultReport {
                number: armed.number,
                spec: armed.spec.to_string(),
                fired: armed.fired,
                is_on: !armed.is_over(now),
            })
            .collect()
    }

    /// An occasion: the first fault that is meant and strikes, as `meant` sees it.
    pub(super) fn strike<T>(
        &mut self,
        now: Timestamp,
        meant: impl Fn(&FaultSpec) -> Option<T>,
    ) -> Option<T> {
        self.armed.iter_mut().filter(|armed| armed.is_live(now)).find_map(|armed| {
            let found = meant(&armed.spec)?;
            armed.strikes(&mut self.chance).then_some(found)
        })
    }

    /// What is so at the moment, as `meant` sees it, with when it ends.
    pub(super) fn standing<T>(
        &self,
        now: Timestamp,
        meant: impl Fn(&Fault) -> Option<T>,
    ) -> impl Iterator<Item = (T, Timestamp)> {
        self.armed
            .iter()
            .filter(move |armed| armed.is_live(now))
            .filter_map(move |armed| Some((meant(&armed.spec.fault)?, armed.ends)))
    }

    /// How often faults that are meant may still strike.
    pub(super) fn left(&self, now: Timestamp, is_meant: impl Fn(&Fault) -> bool) -> u32 {
        let meant = |armed: &&Armed| armed.is_live(now) && is_meant(&armed.spec.fault);
        let left = |armed: &Armed| {
            let fired = u32::try_from(armed.fired).unwrap_or(u32::MAX);
            armed.spec.times.map_or(u32::MAX, |times| times.saturating_sub(fired))
        };
        self.armed.iter().filter(meant).map(left).fold(0, u32::saturating_add)
    }

    /// Counts what faults that are meant have done, the first to its limit, then the next.
    pub(super) fn count(
        &mut self,
        now: Timestamp,
        mut struck: u64,
        is_meant: impl Fn(&Fault) -> bool,
    ) {
        // One that has ended since may have done it before.
        let meant = |armed: &&mut Armed| armed.begins <= now && is_meant(&armed.spec.fault);
        for armed in self.armed.iter_mut().filter(meant) {
            let room = armed.spec.times.map_or(u64::MAX, |times| u64::from(times) - armed.fired);
            let counted = struck.min(room);
            armed.fired += counted;
            struck -= counted;
        }
    }

    /// Acts whose moment has come; each is given once.
    pub(super) fn take_due_acts(&mut self, now: Timestamp) -> Vec<Act> {
        let mut due = Vec::new();
        for armed in self.armed.iter_mut().filter(|armed| armed.is_live(now)) {
            if let Fault::Act(act) = &armed.spec.fault {
                due.push(act.clone());
                armed.fired = 1;
            }
        }
        due
    }

    /// A fair coin.
    pub(super) fn toss(&mut self) -> bool {
        self.chance.random_range(0..2_u32) == 0
    }

    /// A number below `bound`, which is not zero.
    pub(super) fn draw(&mut self, bound: usize) -> usize {
        self.chance.random_range(0..bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn plan(specs: &[&str]) -> Plan {
        let mut plan = Plan::new(7);
        for spec in specs {
            plan.add(at(0), spec.parse().unwrap()).unwrap();
        }
        plan
    }

    fn delays(plan: &mut Plan, moments: impl IntoIterator<Item = i64>) -> Vec<i64> {
        let is_delay = |spec: &FaultSpec| matches!(spec.fault, Fault::Delay(_)).then_some(());
        moments.into_iter().filter(|now| plan.strike(at(*now), is_delay).is_some()).collect()
    }

    #[test]
    fn invariant_1_a_fault_strikes_in_its_window_past_what_it_skips_and_so_often() {
        let mut windowed = plan(&["delay=1s:at=2s:for=3s"]);
        let moments = [0, 1_999, 2_000, 4_999, 5_000, 9_000];
        assert_eq!(delays(&mut windowed, moments), [2_000, 4_999]);
        assert!(!windowed.reports(at(5_000))[0].is_on);
        let mut counted = plan(&["delay=1s:skip=2:times=3"]);
        assert_eq!(delays(&mut counted, 0..10), [2, 3, 4]);
        assert_eq!(counted.reports(at(10))[0].fired, 3);
    }

    #[test]
    fn invariant_2_of_several_the_first_strikes_until_it_is_spent() {
        let mut plan = plan(&["delay=1s:times=1", "delay=2s"]);
        let which = |spec: &FaultSpec| {
            if let Fault::Delay(span) = spec.fault { Some(span.millis()) } else { None }
        };
        let struck: Vec<_> = (0..3).filter_map(|now| plan.strike(at(now), which)).collect();
        assert_eq!(struck, [1_000, 2_000, 2_000]);
        assert!(plan.clear(1) && !plan.clear(1));
        assert_eq!(plan.reports(at(3)).len(), 1);
    }

    #[test]
    fn invariant_3_what_is_over_makes_room_and_beyond_the_most_nothing_is_taken() {
        let mut plan = plan(&["cut-sockets"; MOST_FAULTS]);
        assert_eq!(plan.add(at(0), "ban".parse().unwrap()), Err(FaultRefused::TooMany));
        assert_eq!(plan.take_due_acts(at(0)).len(), MOST_FAULTS);
        assert_eq!(plan.take_due_acts(at(1)), [], "each is given once");
        assert!(plan.add(at(2), "ban".parse().unwrap()).is_ok());
        plan.clear_all();
        assert!(plan.is_quiet());
    }

    #[test]
    fn chance_is_that_of_the_seed() {
        let struck = |seed| {
            let mut plan = Plan::new(seed);
            plan.add(at(0), "delay=1s:probability=0.25".parse().unwrap()).unwrap();
            delays(&mut plan, 0..1_000)
        };
        assert_eq!(struck(1), struck(1));
        assert_ne!(struck(1), struck(2));
        assert!((200..300).contains(&struck(1).len()), "{}", struck(1).len());
    }

    #[test]
    fn what_is_counted_from_outside_fills_one_fault_after_the_other() {
        let mut plan = plan(&["reject-stop:times=2", "reject-stop:times=1", "vanish-stop=0s"]);
        let is_meant = |fault: &Fault| *fault == Fault::RejectStop;
        assert_eq!(plan.left(at(0), is_meant), 3);
        plan.count(at(0), 2, is_meant);
        plan.count(at(0), 1, is_meant);
        assert_eq!(plan.left(at(0), is_meant), 0);
        let fired: Vec<u64> = plan.reports(at(0)).iter().map(|report| report.fired).collect();
        assert_eq!(fired, [2, 1, 0]);
    }
}
