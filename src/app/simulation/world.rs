//! The world of a simulation: exchange, network and machine, what goes wrong, and who looks on.

mod ending;
mod lives;
mod troubles;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::time::{Instant, sleep_until};

use super::audit::Evidence;
use super::book_truth::BookTruth;
use super::calm::Calm;
use super::checks::{self, Checks, Seen, Silence};
use super::clock::{TrueClock, WallOffset};
use super::daemon::{Ground, Running};
use super::history::History;
use super::network::{LineState, Link, Network};
use super::plan::{self, Crash, Planned, Trouble};
use super::report::{Broken, Counts, Failure, Outcome, broken};
use super::setting::{BEGINNING, Setting};
use super::truth::{Read, Truth, is_ours};
use super::{SimulationSettings, model};
use crate::clock::SharedClock;
use crate::domain::{Exposure, Fill, Instrument, Second, Timestamp, TradeId};
use crate::engine::OperatorRequest;
use crate::sandbox::InProcess;
use crate::store::MemoryDisk;

/// How often the world looks: as often as the exchange publishes its book.
const LOOK: Duration = Duration::from_millis(100);
/// After so long a halt is lifted by a person, once nothing is wrong.
const HALT_LIFTED_AFTER: Duration = Duration::from_secs(25);
/// A second is on the tape so soon after its end.
const RECORDING_DELAY: Duration = Duration::from_secs(6);

const PANIC: &str = "nothing panics";
const START: &str = "I16 a daemon that nothing hinders stays up";

/// Everything there is.
struct World {
    seed: u64,
    length: Duration,
    began: Instant,
    instrument: Instrument,
    exchange: InProcess,
    network: Network,
    ground: Ground,
    daemon: Option<Running>,
    /// The disk, while no daemon runs, and when the next one starts.
    resting: Option<(MemoryDisk, Duration)>,
    planned: VecDeque<Planned>,
    active: Vec<Active>,
    crash: Option<(Crash, Duration)>,
    chance: ChaCha8Rng,
    calm: Calm,
    checks: Checks,
    read: Read,
    books: BookTruth,
    fills: BTreeMap<TradeId, Fill>,
    offsets: BTreeSet<i64>,
    durable: Option<(Second, Duration)>,
    /// The newest second on the tape, whichever life wrote it.
    newest: Option<Second>,
    silence: Silence,
    halted_since: Option<Duration>,
    position: Exposure,
    /// Whether anything is held or rests at the exchange.
    is_open: bool,
    history: History,
    counts: Counts,
}

/// Something that is going wrong.
struct Active {
    ends: Duration,
    trouble: Trouble,
    /// Its number at the exchange.
    fault: Option<u32>,
}

/// Runs a simulation on the present runtime, whose time is paused.
pub(super) async fn run(settings: &SimulationSettings) -> Outcome {
    let mut world = match World::new(settings) {
        Ok(world) => world,
        Err(reason) => return Outcome::not_begun(settings.seed, &reason),
    };
    let lived = world.live().await;
    let at = world.elapsed();
    let ended = match lived {
        Ok(()) => world.finish().await,
        Err(broken) => Err(broken),
    };
    let failure = ended.err().map(|Broken { promise, text }| Failure {
        seed: settings.seed,
        at,
        promise,
        text,
        troubles: world.calm.lately(),
    });
    world.outcome(failure)
}

impl World {
    fn new(settings: &SimulationSettings) -> Result<Self, String> {
        let SimulationSettings { seed, length } = *settings;
        let setting = Setting::of(seed)?;
        let daemon_settings = setting.daemon(seed)?;
        let Setting { instrument, exchange, sandbox } = setting;
        let truth = TrueClock::starting_at(BEGINNING);
        let shared: SharedClock = Arc::new(truth);
        let exchange = InProcess::start(exchange, &sandbox, shared);
        let network = Network::new(seed, &exchange, instrument.symbol);
        let model = model::artifact(instrument.symbol).map_err(|error| error.to_string())?;
        let position_limit = daemon_settings.trading.limits.position_notional;
        let ground = Ground {
            settings: daemon_settings,
            model,
            truth,
            wall: WallOffset::default(),
            network: network.clone(),
        };
        Ok(Self {
            seed,
            length,
            began: Instant::now(),
            planned: plan::draw(seed, length, instrument.symbol.as_str()).into(),
            instrument,
            exchange,
            network,
            ground,
            daemon: None,
            resting: Some((MemoryDisk::new(seed), Duration::ZERO)),
            active: Vec::new(),
            crash: None,
            chance: ChaCha8Rng::seed_from_u64(!seed),
            calm: Calm::default(),
            checks: Checks::new(position_limit),
            read: Read::default(),
            books: BookTruth::default(),
            fills: BTreeMap::new(),
            offsets: BTreeSet::new(),
            durable: None,
            newest: None,
            silence: Silence::default(),
            halted_since: None,
            position: Exposure::default(),
            is_open: false,
            history: History::default(),
            counts: Counts::default(),
        })
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Lives until the end, or until a promise is broken.
    async fn live(&mut self) -> Result<(), Broken> {
        let mut at = Duration::ZERO;
        while at < self.length {
            at += LOOK;
            sleep_until(self.began + at).await;
            self.look().await?;
            self.end_troubles(at).await;
            self.begin_troubles(at).await;
            self.tend(at).await?;
            self.check(at)?;
            self.lift_halt(at).await;
        }
        Ok(())
    }

    /// Reads the exchange's truth and checks what can be checked of it alone.
    async fn look(&mut self) -> Result<(), Broken> {
        let now = self.elapsed();
        let (symbol, read) = (self.instrument.symbol, self.read);
        let look = move |exchange: &mut crate::sim::Exchange, account| {
            Truth::read(exchange, (account, symbol), read)
        };
        let Some(Some((truth, read))) = self.exchange.control.with_exchange(look).await else {
            return broken(PANIC, "the exchange is no more");
        };
        self.read = read;
        self.books.publish(truth.now, &truth.book);
        for (at, book) in self.network.tally().books.drain(..) {
            self.books.tell(at, &book);
        }
        for order in &truth.new_orders {
            self.history.accepted(order);
            self.counts.orders += u64::from(is_ours(order.report.client_order_id.as_str()));
        }
        for fill in &truth.new_fills {
            self.history.traded(fill);
            self.fills.insert(fill.trade_id, *fill);
            self.counts.trades += 1;
        }
        (self.position, self.is_open) = (truth.position, truth.is_open());
        self.note_silence();
        let offset_nanos = self.offset_nanos().await;
        self.observe(now, offset_nanos, &truth)
    }

    /// The daemon's clock less the venue's, as it may know of it: where the venue's is off as well, the
    /// daemon has measured that or not yet.
    async fn offset_nanos(&self) -> i64 {
        let offset_nanos = self.daemon.as_ref().map_or(0, |daemon| daemon.offset_nanos);
        if offset_nanos == 0 {
            return 0;
        }
        let shift_nanos = self.exchange.control.time_shift_nanos().await.unwrap_or(0);
        let told_nanos = offset_nanos - shift_nanos;
        if told_nanos.unsigned_abs() < offset_nanos.unsigned_abs() {
            told_nanos
        } else {
            offset_nanos
        }
    }

    fn note_silence(&mut self) {
        let lasts = |link, so_far: Duration| match self.network.state(link) {
            LineState::Up => Duration::ZERO,
            LineState::Held | LineState::Down => so_far + LOOK,
        };
        self.silence = Silence {
            public: lasts(Link::Public, self.silence.public),
            user: lasts(Link::User, self.silence.user),
        };
    }

    fn observe(&mut self, now: Duration, offset_nanos: i64, truth: &Truth) -> Result<(), Broken> {
        let silence = self.silence;
        let (durable, newest) = (self.durable, self.newest);
        let daemon = self.daemon.as_mut().filter(|daemon| !daemon.life.is_over());
        let Some(daemon) = daemon else {
            return self.checks.observe(now, truth, (None, silence), &self.calm);
        };
        let its_time = Timestamp::from_nanos((BEGINNING + now).nanos() + daemon.offset_nanos);
        let up_at = daemon.up_at.unwrap_or(now);
        // After a life whose clock was ahead nothing is stored until time has caught up (I19).
        let catches_up = newest.is_some_and(|newest| its_time <= newest.end() + RECORDING_DELAY);
        let recorded_at = durable.map_or(up_at, |(_, at)| at);
        let recorded_ago =
            if catches_up { Duration::ZERO } else { now.saturating_sub(recorded_at) };
        let Some(handles) = daemon.handles(now) else {
            return self.checks.observe(now, truth, (None, silence), &self.calm);
        };
        let status = handles.status.borrow();
        let seen =
            Seen { status: &status, up_for: now.saturating_sub(up_at), offset_nanos, recorded_ago };
        self.checks.observe(now, truth, (Some(&seen), silence), &self.calm)
    }

    /// Checks what the network counted, and follows what the daemon reports durable.
    fn check(&mut self, now: Duration) -> Result<(), Broken> {
        {
            let tally = self.network.tally();
            checks::traffic(tally.most_underway, &tally.throttled)?;
        }
        if let Some(order) = self.daemon.as_ref().and_then(|daemon| daemon.life.first_unrecorded())
        {
            let text = format!("{order} left before it was durable");
            return broken("I1 no order leaves before its record is durable", text);
        }
        let Some(handles) = self.daemon.as_mut().and_then(|daemon| daemon.handles(now)) else {
            return Ok(());
        };
        let newest = *handles.durable.borrow();
        if let Some(second) = newest
            && self.durable.is_none_or(|(known, _)| known != second)
        {
            self.durable = Some((second, now));
            self.newest = self.newest.max(Some(second));
        }
        Ok(())
    }

    /// A person lifts a halt once nothing is wrong any more.
    async fn lift_halt(&mut self, now: Duration) {
        let Some(handles) = self.daemon.as_mut().and_then(|daemon| daemon.handles(now)) else {
            return;
        };
        let halted = handles.status.borrow().halted.clone();
        let operator = handles.operator.clone();
        let Some(reason) = halted else {
            self.halted_since = None;
            return;
        };
        let since = *self.halted_since.get_or_insert(now);
        if now.saturating_sub(since) >= HALT_LIFTED_AFTER && self.calm.lasts(now) > LOOK {
            self.halted_since = None;
            self.counts.halts += 1;
            tracing::info!(reason, "a person lifts the halt");
            if let Some(operator) = operator {
                // One that has ended is restarted halted.
                let _ = operator.request(OperatorRequest::Resume).await;
            }
        }
    }

    fn evidence(&self) -> Evidence<'_> {
        Evidence {
            instrument: &self.instrument,
            accepted: self.checks.accepted(),
            fills: &self.fills,
            books: &self.books,
            offsets: &self.offsets,
            durable: self.durable.map(|(second, _)| second),
        }
    }

    fn outcome(mut self, failure: Option<Failure>) -> Outcome {
        let tally = self.network.tally();
        (self.counts.requests, self.counts.lost) = (tally.requests, tally.lost);
        drop(tally);
        let living = self.daemon.as_ref().map(|daemon| &daemon.life.disk);
        let disk = living.or(self.resting.as_ref().map(|(disk, _)| disk));
        let disk = disk.map(MemoryDisk::digest).unwrap_or_default();
        self.history.passed(self.network.digests(), disk);
        tracing::debug!(seed = self.seed, "over");
        Outcome { failure, hash: self.history.hash(), counts: self.counts }
    }
}
