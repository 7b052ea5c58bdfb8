//! The HTTP client: signs, counts, sends, and says what became of it.
//!
//! Deliberately knows no endpoint; these are typed in `market`, `orders`, `account` and beside
//! them. Invariants: **1** nothing is resent but a request refused for its timestamp, which was
//! surely not placed, once, under a new timestamp; **2** no request goes out that the rate budget
//! has no room for; **3** the order socket spends from the same budget and signs by the same key.

mod probe;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::codes::INVALID_TIMESTAMP;
use super::error::{BinanceError, ErrorAnswer, Operation, classify, classify_transport};
use super::first_look::FirstLook;
use super::http::{Answered, Outgoing, header_number};
use super::key_hold::KeyHold;
use super::network::{HttpTransport, Network};
use super::offsets::{ClockOffsets, OffsetBoard};
use super::order_requests::OrderTerms;
use super::parse::{ParseError, RateLimitKind, RateLimitRule, read_json};
use super::rate::{Cost, RateBudget};
use super::request::{Request, Security};
use super::restraint::Restraint;
use super::server_time::{ClockOffset, TimeSample, best_offset};
use super::wire;
use crate::clock::SharedClock;
use crate::config::Credentials;
use crate::domain::{Environment, SelfTradePrevention, Timestamp};
use crate::sign::{Secret, Signer};
use hyper::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

pub use probe::{Access, Probe, ProbeAnswer, Tamper};

/// The best of this many questions for the time is taken.
const TIME_SAMPLES: usize = 5;
/// How long a refused request waits for a measurement that another one asked for.
const MEASUREMENT_PATIENCE: Duration = Duration::from_secs(1);
/// A clock that is farther off tells no time: the answer is wrong, or our clock is.
const FARTHEST_CLOCK: Duration = Duration::from_hours(24);
/// After an answer of a firewall nothing is asked for so long.
const PAUSE_WHEN_BARRED: Duration = Duration::from_mins(1);

const USED_WEIGHT_1M: HeaderName = HeaderName::from_static("x-mbx-used-weight-1m");
const ORDER_COUNT_1M: HeaderName = HeaderName::from_static("x-mbx-order-count-1m");
const ORDER_COUNT_10S: HeaderName = HeaderName::from_static("x-mbx-order-count-10s");
/// The venue counts wrongly in the answers of these (exchange-api.md 2.1).
const MISCOUNTED_PATHS: [&str; 2] = ["/fapi/v1/ticker/bookTicker", "/fapi/v2/ticker/price"];

/// Where and as whom to ask.
#[derive(Debug, Clone)]
pub struct RestSettings {
    /// Whose money; stamped on instruments.
    pub environment: Environment,
    /// Scheme, host and port.
    pub base_url: String,
    /// The account; public questions need none.
    pub credentials: Option<Credentials>,
    /// How long after its timestamp a signed request may still be accepted.
    pub receive_window: Duration,
    /// How long to wait for a whole answer.
    pub timeout: Duration,
    /// Which order goes when two of ours would trade with each other.
    pub self_trade_prevention: SelfTradePrevention,
}

/// A client of the venue's REST interface.
pub struct RestClient {
    http: HttpTransport,
    settings: RestSettings,
    identity: Option<Identity>,
    clock: SharedClock,
    offsets: OffsetBoard,
    doubt: Mutex<Restraint>,
    key_hold: Mutex<KeyHold>,
    budget: Mutex<RateBudget>,
    pub(super) first_look: FirstLook,
}

/// Whose requests they are, and what signs them.
pub(super) struct Identity {
    pub(super) api_key: Secret,
    api_key_header: HeaderValue,
    pub(super) signer: Signer,
}

impl Identity {
    pub(super) fn new(credentials: &Credentials) -> Result<Self, BinanceError> {
        let api_key = credentials.api_key.clone();
        let mut header = HeaderValue::from_str(api_key.expose()).map_err(|_| {
            let problem = "the API key holds characters that no key has; copy it anew";
            BinanceError::Configuration(problem.to_owned())
        })?;
        header.set_sensitive(true);
        let signer = Signer::new(&credentials.api_secret);
        Ok(Self { api_key, api_key_header: header, signer })
    }
}

impl RestClient {
    /// Prepares a client; nothing is sent.
    ///
    /// # Errors
    /// [`BinanceError::Configuration`] if the URL or the key cannot be used.
    pub fn new(settings: RestSettings, clock: SharedClock) -> Result<Self, BinanceError> {
        Self::with_budget(settings, clock, RateBudget::documented())
    }

    pub(super) fn with_budget(
        settings: RestSettings,
        clock: SharedClock,
        budget: RateBudget,
    ) -> Result<Self, BinanceError> {
        Ok(Self {
            http: HttpTransport::new(&settings.base_url, settings.timeout)?,
            identity: settings.credentials.as_ref().map(Identity::new).transpose()?,
            settings,
            clock,
            offsets: OffsetBoard::default(),
            doubt: Mutex::new(Restraint::default()),
            key_hold: Mutex::new(KeyHold::default()),
            budget: Mutex::new(budget),
            first_look: FirstLook::default(),
        })
    }

    /// Asks over another network than this machine's sockets.
    #[must_use]
    pub fn over(self, network: Network) -> Self {
        Self { http: self.http.over(network), ..self }
    }

    /// The network that it asks over.
    pub(super) const fn network(&self) -> &Network {
        self.http.network()
    }

    /// Whose money.
    #[must_use]
    pub const fn environment(&self) -> Environment {
        self.settings.environment
    }

    /// The moment by our clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The venue's clock less ours, once measured.
    #[must_use]
    pub fn clock_offset(&self) -> Option<ClockOffset> {
        self.offsets.offset()
    }

    /// The same, to be waited for: every measurement is told, whoever asked for it.
    #[must_use]
    pub fn clock_offsets(&self) -> ClockOffsets {
        self.offsets.follow()
    }

    /// What is used of a request limit in its current window, and the limit.
    #[must_use]
    pub fn usage(&self, kind: RateLimitKind, window: Duration) -> Option<(u32, u32)> {
        lock(&self.budget).usage(kind, window)
    }

    /// Measures the venue's clock: to be done every few minutes.
    ///
    /// # Errors
    /// The last question's error if none was answered.
    pub async fn measure_clock(&self) -> Result<ClockOffset, BinanceError> {
        let mut samples = Vec::with_capacity(TIME_SAMPLES);
        let mut failure = None;
        for _ in 0..TIME_SAMPLES {
            match self.time_sample().await {
                Ok(sample) => samples.push(sample),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        match (best_offset(&samples), failure) {
            (Some(offset), _) => {
                lock(&self.budget).set_clock_offset(self.now(), offset.nanos);
                self.offsets.tell(offset);
                Ok(offset)
            }
            (None, Some(error)) => Err(error),
            (None, None) => Ok(ClockOffset::default()),
        }
    }

    async fn time_sample(&self) -> Result<TimeSample, BinanceError> {
        let sent = self.now();
        let body = self.send_once(&Request::public("/fapi/v1/time", 1)).await?;
        let received = self.now();
        let time: wire::ServerTime = read_json("server time", &body)?;
        let server = Timestamp::from_millis(time.server_time);
        if server.since(received).max(received.since(server)) > FARTHEST_CLOCK {
            let detail = format!("{server} is not believed, at {received} by this machine's clock");
            let error = ParseError::Field { what: "server time", field: "serverTime", detail };
            tracing::warn!(%error, "check this machine's clock");
            return Err(error.into());
        }
        Ok(TimeSample { sent, received, server })
    }

    pub(super) fn set_rate_limits(&self, rules: &[RateLimitRule]) {
        lock(&self.budget).set_rules(rules);
    }

    /// Sends a request and reads its answer.
    pub(super) async fn send<T: serde::de::DeserializeOwned>(
        &self,
        what: &'static str,
        request: &Request,
    ) -> Result<T, BinanceError> {
        let body = self.send_in_time(request).await?;
        Ok(read_json(what, &body)?)
    }

    /// Sends a request; the answer is its body as it came. One refused for its timestamp goes out
    /// once more after the clock is measured anew, for it was surely not processed.
    pub(super) async fn send_in_time(&self, request: &Request) -> Result<String, BinanceError> {
        if request.security != Security::Signed {
            return self.send_once(request).await;
        }
        self.know_the_time().await?;
        let mut offsets = self.clock_offsets();
        match self.send_once(request).await {
            Err(error) if self.is_late(request, &error, &mut offsets).await => {
                self.send_once(request).await
            }
            outcome => outcome,
        }
    }

    /// Measures the venue's clock if that was never done.
    pub(super) async fn know_the_time(&self) -> Result<(), BinanceError> {
        if self.clock_offset().is_none() && self.identity.is_some() {
            self.measure_clock().await?;
        }
        Ok(())
    }

    /// Whether a request was refused for its timestamp and may go out once more, because the clock
    /// was measured since. One refusal has it measured at once; many do not have it measured each.
    pub(super) async fn is_late(
        &self,
        request: &Request,
        error: &BinanceError,
        offsets: &mut ClockOffsets,
    ) -> bool {
        if error.code() != Some(INVALID_TIMESTAMP) {
            return false;
        }
        if offsets.has_changed() {
            return true;
        }
        if lock(&self.doubt).lets_through(self.now()) {
            tracing::warn!(path = request.path, "timestamp refused, measuring the clock anew");
            return self.measure_clock().await.is_ok();
        }
        tokio::time::timeout(MEASUREMENT_PATIENCE, offsets.next()).await.is_ok()
    }

    async fn send_once(&self, request: &Request) -> Result<String, BinanceError> {
        let identity = match request.security {
            Security::Public => None,
            Security::Key | Security::Signed => Some(self.identity()?),
        };
        let venue_now = self.admit(self.first_look.cost_of(request))?;
        let query = self.query(request, identity, venue_now);
        let outgoing = Outgoing {
            method: request.method.clone(),
            target: with_query(request.path, &query),
            api_key: identity.map(|identity| identity.api_key_header.clone()),
            form: None,
        };
        let answered = self.ask((request.operation, request.path), outgoing).await?;
        if (200..300).contains(&answered.status) {
            if identity.is_some() {
                lock(&self.key_hold).on_taken();
            }
            return Ok(answered.body);
        }
        let retry_after = header_number(&answered.headers, &RETRY_AFTER);
        let answer = ErrorAnswer { status: answered.status, retry_after, body: &answered.body };
        Err(self.judge(request.operation, answer))
    }

    /// Sends a request of a path that was admitted; any answer is one, and what it counts is
    /// believed.
    async fn ask(
        &self,
        (operation, path): (Operation, &str),
        outgoing: Outgoing,
    ) -> Result<Answered, BinanceError> {
        let answered = self.http.send(outgoing, |headers| self.observe(path, headers)).await;
        answered.map_err(|failure| classify_transport(operation, self.http.host(), &failure))
    }

    /// A request's query as it goes out at a moment of the venue's time.
    pub(super) fn query(
        &self,
        request: &Request,
        identity: Option<&Identity>,
        venue_now: Timestamp,
    ) -> String {
        let signer = identity.map(|identity| &identity.signer);
        request.query_at(venue_now, self.settings.receive_window, signer)
    }

    /// Who asks; nobody for a while once the venue has refused the key.
    pub(super) fn identity(&self) -> Result<&Identity, BinanceError> {
        if let Some(until) = lock(&self.key_hold).held_until(self.now()) {
            return Err(BinanceError::KeyHeld { until });
        }
        self.identity.as_ref().ok_or(BinanceError::NoCredentials)
    }

    /// Counts a request in, or says why it may not go out; the answer is the venue's time.
    pub(super) fn admit(&self, cost: Cost) -> Result<Timestamp, BinanceError> {
        lock(&self.budget).admit(self.now(), cost)?;
        Ok(self.venue_now())
    }

    /// What an answer that is no success means; silence that it asks for is kept from now on.
    pub(super) fn judge(&self, operation: Operation, answer: ErrorAnswer<'_>) -> BinanceError {
        self.heed(classify(operation, self.venue_now(), answer))
    }

    /// Keeps silent when the venue or its firewall wants it. Once told, that lasts by our clock,
    /// whatever becomes of the venue's.
    pub(super) fn heed(&self, error: BinanceError) -> BinanceError {
        let error = self.in_our_time(error);
        if error.is_key_refused() {
            lock(&self.key_hold).on_refused(self.now());
        }
        match &error {
            BinanceError::Throttled { until } => lock(&self.budget).be_silent_until(*until),
            BinanceError::Overloaded { .. } => {
                let until = lock(&self.budget).note_overload(self.now());
                return BinanceError::Overloaded { until };
            }
            BinanceError::Barred { status: 403 | 451, .. } => {
                lock(&self.budget).be_silent_until(self.now() + PAUSE_WHEN_BARRED);
            }
            BinanceError::Barred { .. }
            | BinanceError::Unreachable { .. }
            | BinanceError::HeldBack { .. }
            | BinanceError::KeyHeld { .. }
            | BinanceError::NotProcessed { .. }
            | BinanceError::Rejected { .. }
            | BinanceError::Unknown { .. }
            | BinanceError::Unreadable(_)
            | BinanceError::NoCredentials
            | BinanceError::Configuration(_) => {}
        }
        error
    }

    /// An answer speaks of the venue's time; the budget and whoever waits reckon by our clock.
    fn in_our_time(&self, error: BinanceError) -> BinanceError {
        let offset = self.clock_offset().map_or(0, |offset| offset.nanos);
        let ours = |until: Timestamp| Timestamp::from_nanos(until.nanos().saturating_sub(offset));
        match error {
            BinanceError::Throttled { until } => BinanceError::Throttled { until: ours(until) },
            BinanceError::Overloaded { until } => BinanceError::Overloaded { until: ours(until) },
            BinanceError::Unreachable { .. }
            | BinanceError::HeldBack { .. }
            | BinanceError::KeyHeld { .. }
            | BinanceError::NotProcessed { .. }
            | BinanceError::Barred { .. }
            | BinanceError::Rejected { .. }
            | BinanceError::Unknown { .. }
            | BinanceError::Unreadable(_)
            | BinanceError::NoCredentials
            | BinanceError::Configuration(_) => error,
        }
    }

    fn observe(&self, path: &str, headers: &HeaderMap) {
        if MISCOUNTED_PATHS.contains(&path) {
            return;
        }
        let now = self.now();
        let counters = [
            (USED_WEIGHT_1M, RateLimitKind::RequestWeight, 60),
            (ORDER_COUNT_1M, RateLimitKind::Orders, 60),
            (ORDER_COUNT_10S, RateLimitKind::Orders, 10),
        ];
        for (name, kind, seconds) in counters {
            if let Some(used) = header_number(headers, &name) {
                let used = u32::try_from(used).unwrap_or(u32::MAX);
                lock(&self.budget).observe(now, kind, Duration::from_secs(seconds), used);
            }
        }
    }

    /// Believes what the order socket's answers count.
    pub(super) fn believe(&self, kind: RateLimitKind, window: Duration, used: u32) {
        lock(&self.budget).observe(self.now(), kind, window, used);
    }

    /// The terms of an order that says nothing of its own.
    pub(super) fn terms(&self) -> OrderTerms {
        let self_trade_prevention = self.settings.self_trade_prevention;
        OrderTerms { self_trade_prevention, ..OrderTerms::default() }
    }

    /// How the client is set up.
    pub(super) const fn settings(&self) -> &RestSettings {
        &self.settings
    }

    pub(super) fn venue_now(&self) -> Timestamp {
        let offset = self.clock_offset().map_or(0, |offset| offset.nanos);
        Timestamp::from_nanos(self.now().nanos().saturating_add(offset))
    }
}

impl std::fmt::Debug for RestClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RestClient")
            .field("host", &self.http.host())
            .finish_non_exhaustive()
    }
}

/// A path with its query, where there is one.
fn with_query(path: &str, query: &str) -> String {
    let separator = if query.is_empty() { "" } else { "?" };
    [path, separator, query].concat()
}

/// Makes ring the process's TLS, once; a provider installed before is kept.
pub(super) fn install_tls_provider() {
    // `Err` says that another one is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The lock is held for a few instructions and never across an await; a panic elsewhere does not
/// make the counters wrong.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
