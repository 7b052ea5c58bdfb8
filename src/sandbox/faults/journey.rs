//! The way of a request to the floor and of its answer back, with what may befall it.

use std::time::Duration;

use crate::domain::Timestamp;

use super::super::calls::Call;
use super::super::floor::Floor;
use super::super::gate::Security;
use super::super::parameters::Parameters;
use super::super::refusal::Refusal;
use super::super::rest::{self, Reply, Request};
use super::fault::{Fault, Loss, Overload, only};
use super::hiding::{Hidden, hide};
use super::span::Span;
use super::spec::FaultSpec;

/// A ban without a term is said to last so long, again and again.
const BAN_WITHOUT_TERM: Duration = Duration::from_mins(1);

/// Where ordinary orders are asked for.
const ORDER_PATHS: [&str; 4] =
    ["/fapi/v1/order", "/fapi/v1/openOrder", "/fapi/v1/openOrders", "/fapi/v1/allOrders"];

/// Where conditional orders are asked for.
const STOP_PATHS: [&str; 3] =
    ["/fapi/v1/algoOrder", "/fapi/v1/openAlgoOrders", "/fapi/v1/allAlgoOrders"];

/// A request, by whichever way it was sent.
#[derive(Debug)]
pub(in crate::sandbox) enum Asked {
    /// Over HTTP.
    Request(Request),
    /// Over a socket of the WebSocket API.
    Call(Call),
}

impl Asked {
    /// Its method and path; those that would ask the same over HTTP if it is a call.
    fn request_line(&self) -> (&str, &str) {
        match self {
            Self::Request(request) => (&request.method, &request.path),
            Self::Call(call) => call.request_line(),
        }
    }

    fn parameters(&self) -> Result<Parameters, Refusal> {
        match self {
            Self::Request(request) => Parameters::parse(&request.query, &request.body),
            Self::Call(call) => call.parameters(),
        }
    }
}

/// Whether a request has been on its way for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) enum Arrival {
    /// It was just sent.
    Prompt,
    /// It was delayed, and is so only once.
    Delayed,
}

/// A request that has been sent.
#[derive(Debug)]
pub(in crate::sandbox) enum Sent {
    /// It has met its fate.
    Served(Served),
    /// It is still on its way, for so long.
    Underway(Asked, Duration),
}

/// What became of a request.
#[derive(Debug)]
pub(in crate::sandbox) enum Served {
    /// The floor has dealt with it.
    Answered(Reply, Delivery),
    /// It never arrived.
    Lost(Loss),
}

/// How an answer travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::sandbox) struct Delivery {
    /// So much later.
    pub(in crate::sandbox) wait: Duration,
    /// With this pause before each byte of the body.
    pub(in crate::sandbox) byte_pause: Option<Duration>,
    /// Not at all.
    pub(in crate::sandbox) loss: Option<Loss>,
}

impl Floor {
    /// Answers a request, or lets befall it what is asked for.
    pub(in crate::sandbox) fn receive(
        &mut self,
        now: Timestamp,
        asked: Asked,
        arrival: Arrival,
    ) -> Sent {
        if self.faults.is_quiet() {
            let reply = self.answer_asked(now, &asked);
            let reply = self.ready(&asked, reply);
            return Sent::Served(Served::Answered(reply, Delivery::default()));
        }
        self.catch_up(now);
        if arrival == Arrival::Prompt {
            if let Some(loss) = self.strikes(&asked, only!(LoseRequest)) {
                return Sent::Served(Served::Lost(loss));
            }
            if let Some(late) = self.strikes(&asked, only!(Delay)) {
                return Sent::Underway(asked, late.duration());
            }
        }
        let reply = self.answer_disturbed(now, &asked);
        let wait = self.strikes(&asked, only!(DelayResponse));
        let byte_pause = self.strikes(&asked, only!(SlowTrickle));
        let delivery = Delivery {
            wait: wait.map(Span::duration).unwrap_or_default(),
            byte_pause: byte_pause.map(Span::duration),
            loss: self.strikes(&asked, only!(LoseResponse)),
        };
        let reply = self.ready(&asked, reply);
        Sent::Served(Served::Answered(reply, delivery))
    }

    fn answer_asked(&mut self, now: Timestamp, asked: &Asked) -> Reply {
        match asked {
            Asked::Request(request) => self.serve(now, request),
            Asked::Call(call) => self.serve_call(now, call),
        }
    }

    /// An answer as it goes back: to a call in its envelope.
    fn ready(&mut self, asked: &Asked, reply: Reply) -> Reply {
        match asked {
            Asked::Request(_) => reply,
            Asked::Call(call) => Reply { body: self.envelope(call, &reply), ..reply },
        }
    }

    /// The first fault that strikes this request, as `meant` sees it.
    fn strikes<T>(&mut self, asked: &Asked, meant: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let now = self.now();
        self.faults.strike(now, |spec| {
            let found = meant(&spec.fault)?;
            covers(spec, asked).then_some(found)
        })
    }

    fn answer_disturbed(&mut self, now: Timestamp, asked: &Asked) -> Reply {
        if let Some(until) = self.banned_until() {
            self.count_ban();
            return Reply::refused(&Refusal::banned(until));
        }
        if self.is_key_revoked(asked) {
            return Reply::refused(&Refusal::unknown_key());
        }
        let is_exempt = !may_add_risk(asked);
        let overload = self.strikes(asked, |fault| {
            only!(Http503)(fault).filter(|kind| !(is_exempt && *kind == Overload::Throttled))
        });
        if let Some(overload) = overload {
            return self.answer_overloaded(now, asked, overload);
        }
        let reply = self.answer_asked(now, asked);
        if reply.status != 200 {
            return reply;
        }
        let is_late = |fault: &Fault| (*fault == Fault::TimeoutAfterAcceptance).then_some(());
        if self.strikes(asked, is_late).is_some() {
            return Reply::refused(&Refusal::backend_timeout());
        }
        self.hide_the_young(asked, reply)
    }

    fn answer_overloaded(&mut self, now: Timestamp, asked: &Asked, overload: Overload) -> Reply {
        let (is_executed, refusal) = match overload {
            Overload::Unknown => (self.faults.toss(), Refusal::unknown_error()),
            Overload::UnknownExecuted => (true, Refusal::unknown_error()),
            Overload::UnknownLost => (false, Refusal::unknown_error()),
            Overload::Unavailable => (false, Refusal::unavailable()),
            Overload::Internal => (false, Refusal::disconnected()),
            Overload::Throttled => (false, Refusal::throttled()),
        };
        if is_executed {
            // Whatever came of it, nobody is told.
            let _ = self.answer_asked(now, asked);
        }
        Reply::refused(&refusal)
    }

    /// When a ban that is on ends, by the clock the client sees.
    pub(in crate::sandbox) fn banned_until(&self) -> Option<Timestamp> {
        let (now, shown) = (self.now(), self.server_time());
        let bans = self.faults.standing(now, |fault| (*fault == Fault::Ban).then_some(()));
        let ends = bans.map(|((), ends)| ends).max()?;
        let left = if ends == Timestamp::MAX { BAN_WITHOUT_TERM } else { ends.since(now) };
        Some(shown + left)
    }

    /// Whether a request needs the key that is revoked; each one that does is counted.
    fn is_key_revoked(&mut self, asked: &Asked) -> bool {
        let now = self.now();
        let is_meant = |fault: &Fault| *fault == Fault::RevokeKey;
        let is_on = self.faults.standing(now, |fault| is_meant(fault).then_some(())).next();
        let (method, path) = asked.request_line();
        let needs_key = rest::endpoint_at(method, path)
            .is_some_and(|endpoint| endpoint.security() != Security::Public);
        let is_revoked = is_on.is_some() && needs_key;
        if is_revoked {
            self.faults.count(now, 1, is_meant);
        }
        is_revoked
    }

    fn count_ban(&mut self) {
        let now = self.now();
        self.faults.count(now, 1, |fault| *fault == Fault::Ban);
    }

    fn hide_the_young(&mut self, asked: &Asked, reply: Reply) -> Reply {
        let (method, path) = asked.request_line();
        let is_asked = |paths: &[&str]| method == "GET" && paths.contains(&path);
        let (of_orders, of_stops) = (is_asked(&ORDER_PATHS), is_asked(&STOP_PATHS));
        if !of_orders && !of_stops {
            return reply;
        }
        let now = self.now();
        // An answer that hides nothing is no occasion.
        let hidden = self.faults.strike(now, |spec| {
            let kind = if of_orders { only!(HideOrder) } else { only!(HideStop) };
            let age = kind(&spec.fault)?;
            let hidden = hide(&reply.body, now.earlier_by(age.duration()).millis());
            (hidden != Hidden::Nothing).then_some(hidden)
        });
        match hidden {
            None | Some(Hidden::Nothing) => reply,
            Some(Hidden::All) => {
                let refusal = Refusal::no_such_order();
                Reply { status: refusal.status, body: refusal.body(), ..reply }
            }
            Some(Hidden::Rows(body)) => Reply { body, ..reply },
        }
    }
}

fn covers(spec: &FaultSpec, asked: &Asked) -> bool {
    let (method, path) = asked.request_line();
    spec.requests.as_ref().is_none_or(|pattern| pattern.covers(method, path))
}

/// Whether a request is a new order that protection from overload refuses: reduce-only and closing
/// ones are exempt (exchange-api.md 7.2, class C).
fn may_add_risk(asked: &Asked) -> bool {
    let line = asked.request_line();
    let is_new_order = matches!(line, ("POST", "/fapi/v1/order" | "/fapi/v1/batchOrders"));
    let is_exempt = asked.parameters().is_ok_and(|parameters| {
        ["reduceOnly", "closePosition"]
            .into_iter()
            .any(|name| matches!(parameters.flag(name), Ok(Some(true))))
    });
    is_new_order && !is_exempt
}
