//! The one list of all faults: how each is typed, what it means, what may follow it. Parsing and
//! `lobd exchange --help` are made of it.

use std::fmt::Write as _;

use crate::domain::Symbol;

use super::super::words;
use super::fault::{self, Fault, FaultFeed, Loss, Overload};
use super::span::Span;

/// How a fault may be narrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Strikes requests: which ones, when, and how often.
    Requests,
    /// Strikes occasions: when and how often.
    Occasions,
    /// Strikes what waits: when, and how many; neither every so many nor by chance.
    Waiting,
    /// Is so or is not: when.
    State,
    /// Happens once: when.
    Act,
}

/// One row of the list.
pub(super) struct Entry {
    pub(super) name: &'static str,
    /// What follows the name, as people type it; empty if nothing may.
    pub(super) value: &'static str,
    pub(super) reach: Reach,
    pub(super) meaning: &'static str,
    /// Makes the fault of what follows the name; `None` if that is not understood.
    pub(super) read: fn(Option<&str>) -> Option<Fault>,
}

const fn entry(
    name: &'static str,
    value: &'static str,
    reach: Reach,
    meaning: &'static str,
    read: fn(Option<&str>) -> Option<Fault>,
) -> Entry {
    Entry { name, value, reach, meaning, read }
}

use Reach::{Act, Occasions, Requests, State, Waiting};

/// Every fault.
pub(super) const CATALOGUE: [Entry; 30] = [
    entry("lose-request", "[=cut|silence]", Requests, "never reaches the exchange", |value| {
        loss(value).map(Fault::LoseRequest)
    }),
    entry("lose-response", "[=cut|silence]", Requests, "done, and never answered", |value| {
        loss(value).map(Fault::LoseResponse)
    }),
    entry("delay", "=SPAN", Requests, "reaches the exchange later", |value| {
        span(value).map(Fault::Delay)
    }),
    entry("delay-response", "=SPAN", Requests, "done at once, answered later", |value| {
        span(value).map(Fault::DelayResponse)
    }),
    entry(
        "http-503",
        "=unknown|unknown-executed|unknown-lost|unavailable|internal|throttled",
        Requests,
        "one of the venue's 503s; whether `unknown` was done, the seed decides",
        |value| overload(value?).map(Fault::Http503),
    ),
    entry("timeout-after-acceptance", "", Requests, "done, and answered with -1007", |value| {
        none(value).map(|()| Fault::TimeoutAfterAcceptance)
    }),
    entry("slow-trickle", "=SPAN", Requests, "the answer byte by byte, each so late", |value| {
        span(value).map(Fault::SlowTrickle)
    }),
    entry("ban", "", State, "418 to every request until `for` is over", |value| {
        none(value).map(|()| Fault::Ban)
    }),
    entry("revoke-key", "", State, "-2015 to every request that carries a key", |value| {
        none(value).map(|()| Fault::RevokeKey)
    }),
    entry("hide-order", "=SPAN", Occasions, "-2013 while an order is younger", |value| {
        span(value).map(Fault::HideOrder)
    }),
    entry("hide-stop", "=SPAN", Occasions, "-2013 while a stop is younger", |value| {
        span(value).map(Fault::HideStop)
    }),
    entry("vanish-stop", "=SPAN", Waiting, "a stop of that age is gone, untold", |value| {
        span(value).map(Fault::VanishStop)
    }),
    entry("reject-stop", "", Waiting, "a stop triggers and its order is refused", |value| {
        none(value).map(|()| Fault::RejectStop)
    }),
    entry("drop-user-event", "[=EVENT]", Occasions, "an account event is not sent", |value| {
        event(value).map(Fault::DropUserEvent)
    }),
    entry("duplicate-user-event", "[=EVENT]", Occasions, "it is sent twice", |value| {
        event(value).map(Fault::DuplicateUserEvent)
    }),
    entry(
        "reorder-user-events",
        "=SPAN",
        Occasions,
        "those of so long are sent together, in another order",
        |value| span(value).map(Fault::ReorderUserEvents),
    ),
    entry("drop-depth", "[=SYMBOL]", Occasions, "a diff is missing: a gap in `pu`", |value| {
        Some(Fault::DropDepth(value.map(Symbol::new).transpose().ok()?))
    }),
    entry("freeze", "=public|market|private|all", State, "open sockets without frames", |value| {
        feed(value?).map(Fault::Freeze)
    }),
    entry(
        "slow-frames",
        "=public|market|private|all,SPAN",
        State,
        "frames byte by byte, each so late",
        |value| {
            let (slowed, pause) = value?.split_once(',')?;
            Some(Fault::SlowFrames(feed(slowed)?, span(Some(pause))?))
        },
    ),
    entry("refuse-sockets", "", State, "a socket is closed once it is open", |value| {
        none(value).map(|()| Fault::RefuseSockets)
    }),
    entry("shift-time", "=+SPAN|-SPAN", State, "its clock is so far off", |value| {
        shift(value?).map(Fault::ShiftTime)
    }),
    entry("cut-sockets", "", Act, "every socket is cut", |value| {
        none(value).map(|()| Fault::Act(fault::Act::CutSockets))
    }),
    entry("expire-listen-key", "[=silently]", Act, "the user stream's key ends", |value| {
        let is_told = match value {
            None => true,
            Some("silently") => false,
            Some(_) => return None,
        };
        Some(Fault::Act(fault::Act::ExpireListenKey { is_told }))
    }),
    entry(
        "reset-account",
        "[=renumbered]",
        Act,
        "orders, positions, history gone, untold; trades numbered from one again",
        |value| {
            let is_renumbered = match value {
                None => false,
                Some("renumbered") => true,
                Some(_) => return None,
            };
            Some(Fault::Act(fault::Act::ResetAccount { is_renumbered }))
        },
    ),
    entry("liquidate", "=SYMBOL", Act, "what is held is liquidated, healthy or not", |value| {
        Some(Fault::Act(fault::Act::Liquidate(Symbol::new(value?).ok()?)))
    }),
    entry("deleverage", "=SYMBOL", Act, "what is held is closed by auto-deleveraging", |value| {
        Some(Fault::Act(fault::Act::Deleverage(Symbol::new(value?).ok()?)))
    }),
    entry("charge-funding", "=SYMBOL", Act, "funding is paid, whatever the hour", |value| {
        Some(Fault::Act(fault::Act::ChargeFunding(Symbol::new(value?).ok()?)))
    }),
    entry("hedge-mode", "", Act, "a person sets a flat account to hedge mode", |value| {
        none(value).map(|()| Fault::Act(fault::Act::HedgeMode))
    }),
    entry(
        "change-status",
        "=SYMBOL,TRADING|PRE_SETTLE|SETTLING|CLOSE",
        Act,
        "a symbol is closed, or opened again",
        |value| {
            let (symbol, status) = value?.split_once(',')?;
            let status = words::parse_trading_status(status)?;
            Some(Fault::Act(fault::Act::ChangeStatus(Symbol::new(symbol).ok()?, status)))
        },
    ),
    entry(
        "change-filters",
        "=SYMBOL[,tick=T][,step=S][,min-notional=N]",
        Act,
        "coarser grids, another smallest order",
        |value| Some(Fault::Act(fault::Act::ChangeFilters(value?.parse().ok()?))),
    ),
];

/// How faults are typed, for people.
#[must_use]
pub fn guide() -> String {
    let mut text = String::from(
        "A fault SPEC is NAME[=VALUE][:QUALIFIER]…, for example\n  \
         lose-response:POST /fapi/v1/order:times=1\n  \
         http-503=unknown:probability=0.2\n  \
         freeze=public:at=10s:for=5s\n\n\
         SPAN is 300ms, 5s, 2m or 1h. Qualifiers, each where it makes sense:\n  \
         METHOD PATH      only such requests; METHOD or PATH alone will do\n  \
         at=SPAN          from so long after it is switched on\n  \
         for=SPAN         so long\n  \
         skip=N           not the first N times\n  \
         times=N          so often at most\n  \
         probability=P    by chance, from the exchange's seed\n",
    );
    for (reach, title) in [
        (
            Requests,
            "Requests, over HTTP or as calls: METHOD PATH, at, for, skip, times, probability",
        ),
        (Occasions, "Occasions: at, for, skip, times, probability"),
        (Waiting, "Waiting stops: at, for, times"),
        (State, "States: at, for"),
        (Act, "Acts, at once or later: at"),
    ] {
        let _ = writeln!(text, "\n{title}");
        for entry in CATALOGUE.iter().filter(|entry| entry.reach == reach) {
            let typed = format!("{}{}", entry.name, entry.value);
            let gap = if typed.len() > 34 { "\n    " } else { "" };
            let _ = writeln!(text, "  {typed:<34}{gap}  {}", entry.meaning);
        }
    }
    text
}

/// A fault that takes no value.
fn none(value: Option<&str>) -> Option<()> {
    value.is_none().then_some(())
}

fn span(value: Option<&str>) -> Option<Span> {
    value?.parse().ok()
}

fn loss(value: Option<&str>) -> Option<Loss> {
    match value {
        None | Some("cut") => Some(Loss::Cut),
        Some("silence") => Some(Loss::Silence),
        Some(_) => None,
    }
}

fn overload(value: &str) -> Option<Overload> {
    use Overload::{Internal, Throttled, Unavailable, Unknown, UnknownExecuted, UnknownLost};
    [Unknown, UnknownExecuted, UnknownLost, Unavailable, Internal, Throttled]
        .into_iter()
        .find(|overload| overload.to_string() == value)
}

fn feed(value: &str) -> Option<FaultFeed> {
    [FaultFeed::Public, FaultFeed::Market, FaultFeed::Private, FaultFeed::All]
        .into_iter()
        .find(|feed| feed.to_string() == value)
}

/// The name of an account event, in the venue's letters; `Some(None)` if none is given.
#[expect(clippy::option_option, reason = "not understood is not the same as not given")]
fn event(value: Option<&str>) -> Option<Option<String>> {
    let is_letter = |letter: u8| letter.is_ascii_alphabetic() || letter == b'_';
    match value {
        None => Some(None),
        Some(name) if !name.is_empty() && name.bytes().all(is_letter) => {
            Some(Some(name.to_owned()))
        }
        Some(_) => None,
    }
}

fn shift(value: &str) -> Option<i64> {
    let (sign, span) = match value.split_at_checked(1)? {
        ("-", span) => (-1, span),
        ("+", span) => (1, span),
        _ => return None,
    };
    let millis = i64::try_from(span.parse::<Span>().ok()?.millis()).ok()?;
    Some(sign * millis)
}

/// A fault of a row, with some value.
#[cfg(test)]
pub(super) fn example(entry: &Entry) -> Option<Fault> {
    let values = [
        None,
        Some("300ms"),
        Some("unknown"),
        Some("public"),
        Some("public,1ms"),
        Some("+2s"),
        Some("BTCUSDT"),
        Some("BTCUSDT,tick=0.5"),
        Some("BTCUSDT,CLOSE"),
    ];
    values.into_iter().find_map(entry.read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_makes_the_fault_of_its_name() {
        for row in &CATALOGUE {
            let fault = example(row).unwrap();
            assert_eq!(fault.name(), row.name);
            assert_eq!(fault.is_act(), row.reach == Act, "{}", row.name);
            assert_eq!((row.read)(Some("no such value!")), None, "{}", row.name);
        }
    }

    #[test]
    fn the_guide_names_every_fault() {
        let guide = guide();
        for row in &CATALOGUE {
            assert!(guide.contains(&format!("  {}{}", row.name, row.value)), "{}", row.name);
        }
    }
}
