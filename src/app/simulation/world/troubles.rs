//! What goes wrong, begun and ended at its moment.

use std::time::Duration;

use super::super::network::{LineState, Weather};
use super::super::person;
use super::super::plan::{Crash, Moment, Planned, Trouble};
use super::super::setting::BEGINNING;
use super::{Active, World};
use crate::domain::Rate;
use crate::sim::{AdverseAct, Adversity, Exchange};

/// How long a crash that waits for its moment may wait.
const CRASH_PATIENCE: Duration = Duration::from_secs(30);

impl World {
    /// Begins what is due.
    pub(super) async fn begin_troubles(&mut self, now: Duration) {
        while self.planned.front().is_some_and(|planned| planned.at <= now) {
            let Some(Planned { lasts, trouble, .. }) = self.planned.pop_front() else { return };
            self.counts.troubles += 1;
            let seconds = now.as_secs_f64();
            let told = format!("{seconds:.1} s for {:.1} s: {trouble:?}", lasts.as_secs_f64());
            tracing::info!("{told}");
            self.calm.tell(told);
            let ends = now + lasts;
            self.calm.disturb(ends, trouble.hinders_protection());
            let fault = self.begin(&trouble, (now, lasts)).await;
            self.active.push(Active { ends, trouble, fault });
        }
    }

    async fn begin(
        &mut self,
        trouble: &Trouble,
        (now, lasts): (Duration, Duration),
    ) -> Option<u32> {
        match trouble {
            Trouble::Lines(links, state) => {
                for link in links {
                    self.network.set_state(*link, *state);
                }
            }
            Trouble::Weather(link, weather) => self.network.set_weather(*link, *weather),
            Trouble::Cut(link) => self.network.cut_sockets(*link),
            Trouble::Venue(fault) => {
                if fault.starts_with("freeze") {
                    self.books.freeze(BEGINNING + now, BEGINNING + now + lasts);
                }
                let spec = fault.parse().ok()?;
                return self.exchange.control.add_fault(spec).await.ok();
            }
            Trouble::Disk(fault) => {
                if let Some(daemon) = &self.daemon {
                    daemon.life.disk.set_fault(Some(*fault));
                }
            }
            Trouble::Crash(crash) => self.plan_crash(*crash, now),
            Trouble::Terminate => {
                if let Some(daemon) = &self.daemon {
                    daemon.terminate();
                }
            }
            Trouble::Wall(millis) => self.ground.wall.step_millis(*millis),
            Trouble::Person(act) => {
                let (symbol, act, number) = (self.instrument.symbol, *act, self.counts.troubles);
                let does = move |exchange: &mut Exchange, account| {
                    person::act(exchange, (account, symbol), act, number);
                };
                let _ = self.exchange.control.with_exchange(does).await;
            }
            Trouble::Push(bps) => {
                let (symbol, act) =
                    (self.instrument.symbol, AdverseAct::Push(Rate::from_bps(*bps)));
                let pushes = move |exchange: &mut Exchange, _| {
                    let (at, span) = (exchange.now(), Duration::from_secs(5));
                    exchange.set_adversity(&[Adversity { symbol, at, span, act }]);
                };
                let _ = self.exchange.control.with_exchange(pushes).await;
            }
        }
        None
    }

    fn plan_crash(&mut self, crash: Crash, now: Duration) {
        let Some(daemon) = &self.daemon else { return };
        self.crash = Some((crash, now + CRASH_PATIENCE));
        // Its moment may be long in coming.
        self.calm.disturb(now + CRASH_PATIENCE, true);
        match crash.moment {
            Moment::Now => daemon.life.disk.end(),
            Moment::DiskOperation(number) => daemon.life.disk.die_after(number),
            Moment::BeforeRequest(number) => daemon.life.die_before_request(number),
            Moment::AfterRequest(number) => daemon.life.die_after_request(number),
        }
    }

    pub(super) async fn end_troubles(&mut self, now: Duration) {
        let (over, active) =
            std::mem::take(&mut self.active).into_iter().partition(|one| one.ends <= now);
        self.active = active;
        let over: Vec<Active> = over;
        for Active { trouble, fault, .. } in over {
            if let Some(number) = fault {
                self.exchange.control.clear_fault(number).await;
            }
            self.end(&trouble);
        }
    }

    fn end(&self, trouble: &Trouble) {
        match trouble {
            Trouble::Lines(links, _) => {
                for link in links {
                    // One that another trouble still holds stays so.
                    let held = self.active.iter().find_map(|one| one.trouble.holds(*link));
                    self.network.set_state(*link, held.unwrap_or(LineState::Up));
                }
            }
            Trouble::Weather(link, _) => self.network.set_weather(*link, Weather::default()),
            Trouble::Disk(_) => {
                if let Some(daemon) = &self.daemon {
                    daemon.life.disk.set_fault(None);
                }
            }
            Trouble::Wall(_) => self.ground.wall.correct(),
            Trouble::Venue(_)
            | Trouble::Cut(_)
            | Trouble::Crash(_)
            | Trouble::Terminate
            | Trouble::Person(_)
            | Trouble::Push(_) => {}
        }
    }
}
