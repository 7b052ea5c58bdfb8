//! What goes wrong in a simulation, and when: all of it drawn from the seed before it begins.
//!
//! Each seed is unlucky in some kinds of trouble only, so that combinations differ from seed to seed
//! and a kind that hides another cannot do so everywhere. One in eight has no trouble at all.

use std::time::Duration;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::network::{LineState, Link, Weather};
use crate::domain::Side;
use crate::store::DiskFault;

/// Nothing goes wrong before trading has begun.
const PEACE_AT_FIRST: Duration = Duration::from_secs(20);

/// Nothing goes wrong at the end, so that everything can be put right.
pub(super) const PEACE_AT_LAST: Duration = Duration::from_mins(2);

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Planned {
    pub(super) at: Duration,
    pub(super) lasts: Duration,
    pub(super) trouble: Trouble,
}

/// What can go wrong.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Trouble {
    /// Lines that hold or are down.
    Lines(Vec<Link>, LineState),
    /// A line on which things are slow or lost.
    Weather(Link, Weather),
    /// Sockets cut, on a line that stays up.
    Cut(Link),
    /// A fault of the exchange, as it is typed.
    Venue(String),
    /// A disk that refuses.
    Disk(DiskFault),
    /// The daemon dies.
    Crash(Crash),
    /// The daemon is asked to end, and started again.
    Terminate,
    /// The wall clock is stepped by so many milliseconds, and set right afterwards.
    Wall(i64),
    /// Somebody trades on the account by hand.
    Person(Act),
    /// The market moves by so many hundredths of a percent.
    Push(f64),
}

/// How the daemon dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crash {
    pub(super) moment: Moment,
    /// Whether the machine loses what is not durable, too.
    pub(super) is_power_lost: bool,
}

/// When exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    Now,
    /// During this change or sync of its disk.
    DiskOperation(u64),
    /// Before this request leaves.
    BeforeRequest(u64),
    /// As soon as this request has left.
    AfterRequest(u64),
}

/// What a person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Closes the position.
    Close,
    /// Cancels one of our orders.
    CancelOrder,
    /// Cancels our stop.
    CancelStop,
    /// Leaves an order of their own far from the market.
    Order(Side),
}

/// The kinds a seed may be unlucky in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Lines,
    Swizzle,
    Weather,
    Cut,
    VenueRequests,
    VenueStreams,
    VenueActs,
    Disk,
    Crash,
    Terminate,
    Wall,
    Person,
    Push,
}

const KINDS: [Kind; 13] = [
    Kind::Lines,
    Kind::Swizzle,
    Kind::Weather,
    Kind::Cut,
    Kind::VenueRequests,
    Kind::VenueStreams,
    Kind::VenueActs,
    Kind::Disk,
    Kind::Crash,
    Kind::Terminate,
    Kind::Wall,
    Kind::Person,
    Kind::Push,
];

/// Faults of the exchange that befall requests; `{for}` is how long each lasts.
const REQUEST_FAULTS: &[&str] = &[
    "lose-request:POST /fapi/v1/order",
    "lose-request=silence:POST /fapi/v1/order",
    "lose-response:POST /fapi/v1/order",
    "lose-response=silence:POST /fapi/v1/order",
    "lose-response:POST /fapi/v1/algoOrder",
    "lose-response=silence:POST /fapi/v1/algoOrder",
    "lose-request:POST /fapi/v1/algoOrder",
    "lose-request:DELETE /fapi/v1/order",
    "lose-response=silence:DELETE /fapi/v1/order",
    "lose-response:GET /fapi/v1/order",
    "lose-response:probability=0.3",
    "delay=2s:POST /fapi/v1/order",
    "delay=4s:probability=0.3",
    "delay-response=3s:POST /fapi/v1/order",
    "delay-response=8s:POST /fapi/v1/algoOrder",
    "http-503=unknown",
    "http-503=unknown-executed:POST /fapi/v1/order",
    "http-503=unknown-lost:POST /fapi/v1/order",
    "http-503=unavailable",
    "http-503=internal",
    "http-503=throttled",
    "timeout-after-acceptance",
    "hide-order=5s",
    "hide-order=20s",
    "hide-stop=5s",
    "hide-stop=20s",
    "vanish-stop=1s:times=2",
    "reject-stop",
];

/// Faults of the exchange that befall streams and clocks.
const STREAM_FAULTS: &[&str] = &[
    "drop-user-event:probability=0.8",
    "drop-user-event=ORDER_TRADE_UPDATE",
    "drop-user-event=ALGO_UPDATE",
    "duplicate-user-event",
    "reorder-user-events=400ms",
    "reorder-user-events=2s",
    "drop-depth:times=1",
    "drop-depth:probability=0.05",
    "freeze=public",
    "freeze=market",
    "freeze=private",
    "freeze=all",
    "refuse-sockets",
    "shift-time=+1500ms",
    "shift-time=-3s",
];

/// What the exchange does once.
const VENUE_ACTS: &[&str] =
    &["cut-sockets", "expire-listen-key", "expire-listen-key=silently", "liquidate={symbol}"];

/// Draws what goes wrong in so long a simulation.
pub(super) fn draw(seed: u64, length: Duration, symbol: &str) -> Vec<Planned> {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let last = length.saturating_sub(PEACE_AT_LAST);
    if chance.random_range(0..8) == 0 || last <= PEACE_AT_FIRST {
        return Vec::new();
    }
    let kinds: Vec<Kind> = KINDS.into_iter().filter(|_| chance.random_bool(0.4)).collect();
    // Seconds between two troubles: from one at a time to several at once.
    let mean_s = [8_u64, 20, 45][chance.random_range(0..3)];
    let mut planned = Vec::new();
    let mut at = PEACE_AT_FIRST;
    loop {
        at += Duration::from_millis(chance.random_range(100..mean_s * 2_000));
        let Some(kind) = kinds.choose(&mut chance) else { break };
        if at >= last {
            break;
        }
        for one in troubles(*kind, at, symbol, &mut chance) {
            let lasts = one.lasts.min(last.saturating_sub(one.at));
            planned.push(Planned { lasts, ..one });
        }
    }
    planned.retain(|one| one.at < last);
    planned.sort_by_key(|one| one.at);
    planned
}

fn troubles(kind: Kind, at: Duration, symbol: &str, chance: &mut ChaCha8Rng) -> Vec<Planned> {
    let lasts = Duration::from_millis(match chance.random_range(0..4) {
        0 => chance.random_range(100..1_500),
        1 | 2 => chance.random_range(1_500..12_000),
        _ => chance.random_range(12_000..45_000),
    });
    let one = |trouble| vec![Planned { at, lasts, trouble }];
    match kind {
        Kind::Lines => {
            let links = Link::ALL.into_iter().filter(|_| chance.random_bool(0.4)).collect();
            one(Trouble::Lines(links, line_state(chance)))
        }
        Kind::Swizzle => swizzle(at, chance),
        Kind::Weather => {
            let link = *Link::ALL.choose(chance).unwrap_or(&Link::Rest);
            one(Trouble::Weather(link, weather(chance)))
        }
        Kind::Cut => one(Trouble::Cut(*Link::ALL.choose(chance).unwrap_or(&Link::User))),
        Kind::VenueRequests => one(venue(REQUEST_FAULTS, symbol, chance)),
        Kind::VenueStreams => one(venue(STREAM_FAULTS, symbol, chance)),
        Kind::VenueActs => one(venue(VENUE_ACTS, symbol, chance)),
        Kind::Disk => {
            let faults = [DiskFault::Full, DiskFault::Write, DiskFault::Sync];
            one(Trouble::Disk(faults[chance.random_range(0..3)]))
        }
        Kind::Crash => one(Trouble::Crash(crash(chance))),
        Kind::Terminate => one(Trouble::Terminate),
        Kind::Wall => {
            let millis = [-2_500, -700, 300, 900, 1_700, 60_000];
            one(Trouble::Wall(millis[chance.random_range(0..millis.len())]))
        }
        Kind::Person => one(Trouble::Person(act(chance))),
        Kind::Push => one(Trouble::Push(chance.random_range(-60.0..60.0))),
    }
}

fn line_state(chance: &mut ChaCha8Rng) -> LineState {
    if chance.random_bool(0.5) { LineState::Held } else { LineState::Down }
}

/// Lines that go one by one and come back in another order.
fn swizzle(at: Duration, chance: &mut ChaCha8Rng) -> Vec<Planned> {
    let state = line_state(chance);
    Link::ALL
        .into_iter()
        .filter(|_| chance.random_bool(0.7))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|link| {
            let at = at + Duration::from_millis(chance.random_range(0..4_000));
            let lasts = Duration::from_millis(chance.random_range(1_000..20_000));
            Planned { at, lasts, trouble: Trouble::Lines(vec![link], state) }
        })
        .collect()
}

fn weather(chance: &mut ChaCha8Rng) -> Weather {
    let shares = [0.0, 0.0, 0.1, 0.5];
    Weather {
        slower: Duration::from_millis([0, 50, 400, 2_000][chance.random_range(0..4)]),
        lost_requests: shares[chance.random_range(0..4)],
        lost_answers: shares[chance.random_range(0..4)],
    }
}

fn venue(faults: &[&str], symbol: &str, chance: &mut ChaCha8Rng) -> Trouble {
    let fault = faults.choose(chance).copied().unwrap_or("cut-sockets");
    Trouble::Venue(fault.replace("{symbol}", symbol))
}

fn crash(chance: &mut ChaCha8Rng) -> Crash {
    let moment = match chance.random_range(0..4) {
        0 => Moment::Now,
        1 => Moment::DiskOperation(chance.random_range(1..200)),
        2 => Moment::BeforeRequest(chance.random_range(1..40)),
        _ => Moment::AfterRequest(chance.random_range(1..40)),
    };
    Crash { moment, is_power_lost: chance.random_bool(0.5) }
}

fn act(chance: &mut ChaCha8Rng) -> Act {
    match chance.random_range(0..5) {
        0 => Act::Close,
        1 => Act::CancelOrder,
        2 => Act::CancelStop,
        3 => Act::Order(Side::Buy),
        _ => Act::Order(Side::Sell),
    }
}

impl Trouble {
    /// The state in which it keeps a line.
    pub(super) fn holds(&self, link: Link) -> Option<LineState> {
        if let Self::Lines(links, state) = self
            && links.contains(&link)
        {
            return Some(*state);
        }
        None
    }

    /// Whether it can keep the daemon from protecting, resolving or knowing what it holds.
    pub(super) fn hinders_protection(&self) -> bool {
        match self {
            Self::Lines(links, _) => {
                links.iter().any(|link| matches!(link, Link::Rest | Link::User | Link::Orders))
            }
            Self::Weather(link, _) | Self::Cut(link) => {
                matches!(link, Link::Rest | Link::User | Link::Orders)
            }
            Self::Venue(fault) => fault != "freeze=public" && !fault.starts_with("drop-depth"),
            Self::Disk(_) | Self::Crash(_) | Self::Terminate | Self::Wall(_) => true,
            Self::Person(_) | Self::Push(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_plans_the_same_and_every_kind_is_planned_by_some_seed() {
        let length = Duration::from_mins(10);
        assert_eq!(draw(5, length, "X"), draw(5, length, "X"));
        let all: Vec<_> = (0..200).flat_map(|seed| draw(seed, length, "X")).collect();
        let kinds: std::collections::BTreeSet<_> = all
            .iter()
            .map(|one| format!("{:?}", one.trouble).split('(').next().map(ToOwned::to_owned))
            .collect();
        assert_eq!(kinds.len(), 10, "{kinds:?}");
        assert!((0..200).any(|seed| draw(seed, length, "X").is_empty()));
    }

    #[test]
    fn the_end_is_peaceful_and_every_fault_of_the_exchange_can_be_read() {
        let length = Duration::from_mins(10);
        for one in (0..200).flat_map(|seed| draw(seed, length, "BTCUSDT")) {
            assert!(one.at + one.lasts + PEACE_AT_LAST <= length, "{one:?}");
            if let Trouble::Venue(fault) = &one.trouble {
                fault.parse::<crate::sandbox::faults::FaultSpec>().unwrap();
            }
        }
    }
}
