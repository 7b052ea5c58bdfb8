//! The network between a daemon and the exchange, in memory: five lines with weather of their own.
//!
//! A request that has left arrives even if its sender is gone by then; one whose sender's life was
//! over before it left never does. Each order that leaves is looked up in what is durable at that
//! moment (I1).

mod line;
mod pipe;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::sleep;

pub(super) use line::{LineState, Weather};

use crate::binance::{Carrier, Frames, HttpAnswer, HttpRequest, NoAnswer, Underway};
use crate::domain::{Symbol, Timestamp};
use crate::sandbox::{Arrived, Control, InProcess, Outcome, Port};
use crate::sim::Exchange;

use line::{Fate, Line};

use super::book_truth::Sides;
use super::life::Life;
use super::orders_seen::order_in_request;

/// How long a refused attempt takes.
const REFUSAL: Duration = Duration::from_millis(1);

/// The lines there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Link {
    /// Requests.
    Rest,
    /// Books.
    Public,
    /// Trades and mark prices.
    Market,
    /// The account's events.
    User,
    /// Orders over WebSocket.
    Orders,
}

/// The network; it outlives every daemon.
#[derive(Clone)]
pub(super) struct Network {
    lines: [Line; 5],
    port: Port,
    /// Looks at what the exchange has just told.
    control: Control,
    symbol: Symbol,
    tally: Arc<Mutex<Tally>>,
}

/// What passed over it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) requests: u64,
    pub(super) lost: u64,
    pub(super) sockets: u64,
    /// Requests on their way at once, at most.
    pub(super) most_underway: usize,
    underway: usize,
    /// Answers that say that we asked too much.
    pub(super) throttled: Vec<String>,
    /// Books told in answer to a question, between those that are published.
    pub(super) books: Vec<(Timestamp, Sides)>,
}

/// The network as one daemon sees it.
pub(super) struct Access {
    network: Network,
    life: Life,
}

impl Link {
    pub(super) const ALL: [Self; 5] =
        [Self::Rest, Self::Public, Self::Market, Self::User, Self::Orders];

    fn of(path: &str) -> Self {
        if path.starts_with("/public") {
            Self::Public
        } else if path.starts_with("/market") {
            Self::Market
        } else if path.starts_with("/private") {
            Self::User
        } else {
            Self::Orders
        }
    }

    const fn index(self) -> usize {
        self as usize
    }
}

impl Network {
    pub(super) fn new(seed: u64, exchange: &InProcess, symbol: Symbol) -> Self {
        let lines = Link::ALL.map(|link| Line::new(seed.wrapping_add(link.index() as u64)));
        let (port, control) = (exchange.port(), exchange.control.clone());
        Self { lines, port, control, symbol, tally: Arc::default() }
    }

    /// The network for one life of the daemon.
    pub(super) fn access(&self, life: Life) -> Access {
        Access { network: self.clone(), life }
    }

    fn line(&self, link: Link) -> &Line {
        &self.lines[link.index()]
    }

    pub(super) fn state(&self, link: Link) -> LineState {
        self.line(link).state()
    }

    pub(super) fn set_state(&self, link: Link, state: LineState) {
        self.line(link).set_state(state);
    }

    pub(super) fn set_weather(&self, link: Link, weather: Weather) {
        self.line(link).set_weather(weather);
    }

    pub(super) fn cut_sockets(&self, link: Link) {
        self.line(link).cut_sockets();
    }

    /// What went out so far on each line, in its order, hashed.
    pub(super) fn digests(&self) -> [u64; 5] {
        Link::ALL.map(|link| self.line(link).digest())
    }

    /// What passed so far.
    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries a request to the exchange, whether or not anybody still waits for the answer.
    async fn carry(self, asked: HttpRequest, fate: Fate, answer: oneshot::Sender<Answer>) {
        let line = self.line(Link::Rest).clone();
        sleep(fate.out).await;
        if line.until_released().await == LineState::Down || fate.is_request_lost {
            self.tally().lost += 1;
            return;
        }
        let HttpRequest { method, path, query, body, api_key } = asked;
        let what = format!("{method} {path}");
        let outcome = self.port.ask(Arrived { method, path, query, body, api_key }).await;
        if what == "GET /fapi/v1/depth" {
            self.note_book().await;
        }
        match outcome {
            Outcome::Silent => {}
            Outcome::Cut => {
                let _ = answer.send(Err(NoAnswer::Lost("connection closed".to_owned())));
            }
            Outcome::Answered { status, headers, body, after } => {
                line.note(&[&status.to_le_bytes(), body.as_bytes()]);
                if status == 429 || status == 418 {
                    self.tally().throttled.push(format!("{status} to {what}"));
                }
                sleep(after + fate.back).await;
                if line.until_released().await == LineState::Down || fate.is_answer_lost {
                    self.tally().lost += 1;
                } else {
                    // Whoever asked may have given up.
                    let _ = answer.send(Ok(HttpAnswer::new(status, &headers, body)));
                }
            }
        }
    }

    async fn note_book(&self) {
        let symbol = self.symbol;
        let look = move |exchange: &mut Exchange, _| {
            let depth = exchange.depth(symbol, crate::book::DEPTH)?;
            Some((exchange.now(), (depth.bids, depth.asks)))
        };
        if let Some(Some(told)) = self.control.with_exchange(look).await {
            self.tally().books.push(told);
        }
    }

    async fn ask(self, life: Life, asked: HttpRequest) -> Answer {
        life.before_request();
        if life.is_over() {
            return std::future::pending().await;
        }
        if let Some(order) = order_in_request(&asked) {
            life.must_have_recorded(&order);
        }
        let rest = self.line(Link::Rest);
        let HttpRequest { method, path, query, body, .. } = &asked;
        rest.note(&[method.as_bytes(), path.as_bytes(), query.as_bytes(), body.as_bytes()]);
        let fate = rest.fate();
        if rest.state() == LineState::Down && fate.is_refused_early {
            sleep(REFUSAL).await;
            return Err(NoAnswer::NotSent("connection refused".to_owned()));
        }
        let (answer, answered) = oneshot::channel();
        let _passing = self.begin();
        let network = self.clone();
        tokio::spawn(network.carry(asked, fate, answer));
        life.after_request();
        let outcome = answered.await;
        if life.is_over() {
            return std::future::pending().await;
        }
        match outcome {
            Ok(answer) => answer,
            // Nothing will come: on a line that is down one hears so, else one waits.
            Err(_) if self.state(Link::Rest) == LineState::Down => {
                Err(NoAnswer::Lost("connection reset".to_owned()))
            }
            Err(_) => std::future::pending().await,
        }
    }

    fn begin(&self) -> Waiting {
        let mut tally = self.tally();
        tally.requests += 1;
        tally.underway += 1;
        tally.most_underway = tally.most_underway.max(tally.underway);
        drop(tally);
        Waiting(self.clone())
    }

    async fn connect(self, life: Life, url: String) -> Result<Box<dyn Frames>, String> {
        if life.is_over() {
            return std::future::pending().await;
        }
        let address = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let at = address.find('/').unwrap_or(address.len());
        let (path, query) = address[at..].split_once('?').unwrap_or((&address[at..], ""));
        let route = self.line(Link::of(path)).clone();
        if route.state() == LineState::Down {
            sleep(REFUSAL).await;
            return Err("connection refused".to_owned());
        }
        sleep(route.delay() + route.delay()).await;
        if route.until_released().await == LineState::Down {
            return Err("connection reset".to_owned());
        }
        let (ours, theirs, cutter) = pipe::pipe(&route, life);
        route.hold(cutter);
        self.tally().sockets += 1;
        let (port, path, query) = (self.port.clone(), path.to_owned(), query.to_owned());
        tokio::spawn(async move { port.converse((&path, &query), theirs).await });
        Ok(Box::new(ours))
    }
}

/// A request whose sender waits for an answer.
struct Waiting(Network);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.tally().underway -= 1;
    }
}

type Answer = Result<HttpAnswer, NoAnswer>;

impl Carrier for Access {
    fn ask(&self, request: HttpRequest) -> Underway<Answer> {
        Box::pin(self.network.clone().ask(self.life.clone(), request))
    }

    fn connect(&self, url: &str) -> Underway<Result<Box<dyn Frames>, String>> {
        Box::pin(self.network.clone().connect(self.life.clone(), url.to_owned()))
    }
}
