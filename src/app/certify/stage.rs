//! Where a case is tried: sends requests, hears the account's events, keeps what was said.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use crate::binance::{Access, BinanceError, Method, Probe, RawStream, RestClient};
use crate::config::{Credentials, Urls};
use crate::domain::{Instrument, Symbol};
use crate::sign::{Secret, Signer};

use super::came::Came;
use super::case::Shortfall;
use super::evidence::{Evidence, Expectation, Said};
use super::spot_venue::SpotVenue;

/// How long an event may be awaited.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Parameters of a request, in the order in which they are sent.
pub(super) type Parameters = Vec<(&'static str, String)>;

/// The surroundings of a trial.
pub(super) struct Stage {
    rest: Arc<RestClient>,
    urls: Urls,
    spot: SpotVenue,
    credentials: Option<Credentials>,
    instrument: Instrument,
    /// Makes this run's order ids its own.
    run: String,
    named: u32,
    evidence: Vec<Said>,
    secrets: Vec<Secret>,
    user: Option<RawStream>,
    /// The account's events since the case began.
    heard: Vec<Value>,
    step: Step,
}

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Market {
    /// USD-M futures.
    Futures,
    /// Spot.
    Spot,
}

/// Held while a request is under way, so that nobody gives a case up in the middle of it.
pub(super) type Step = Arc<Mutex<()>>;

impl Stage {
    /// A stage for one instrument; `run` begins every order id.
    pub(super) fn new(
        rest: Arc<RestClient>,
        (urls, spot): (Urls, SpotVenue),
        instrument: Instrument,
        run: String,
        credentials: Option<Credentials>,
    ) -> Self {
        let keys = credentials.iter();
        let secrets = keys.flat_map(|keys| [keys.api_key.clone(), keys.api_secret.clone()]);
        Self {
            rest,
            urls,
            spot,
            secrets: secrets.collect(),
            credentials,
            instrument,
            run,
            named: 0,
            evidence: Vec::new(),
            user: None,
            heard: Vec::new(),
            step: Step::default(),
        }
    }

    pub(super) const fn rest(&self) -> &Arc<RestClient> {
        &self.rest
    }

    pub(super) const fn instrument(&self) -> &Instrument {
        &self.instrument
    }

    pub(super) const fn symbol(&self) -> Symbol {
        self.instrument.symbol
    }

    pub(super) const fn spot_venue(&self) -> &SpotVenue {
        &self.spot
    }

    /// Base URL of the streams.
    pub(super) fn streams_url(&self) -> &str {
        self.urls.streams.trim_end_matches('/')
    }

    /// Where orders are taken over a socket.
    pub(super) fn socket_interface_url(&self) -> String {
        format!("{}/ws-fapi/v1", self.urls.order_socket.trim_end_matches('/'))
    }

    /// Signs parameters as the socket interface wants it: sorted by name, not percent-encoded.
    pub(super) fn sign_by_name(
        &mut self,
        parameters: Parameters,
    ) -> Result<BTreeMap<String, String>, Shortfall> {
        let no_key = || Shortfall("no key is set for this environment".to_owned());
        let keys = self.credentials.as_ref().ok_or_else(no_key)?;
        let mut named: BTreeMap<String, String> =
            parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        named.insert("apiKey".to_owned(), keys.api_key.expose().to_owned());
        named.insert("timestamp".to_owned(), self.rest.now().millis().to_string());
        let text: Vec<String> =
            named.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let signature = Signer::new(&keys.api_secret).sign(&text.join("&"));
        self.keep_secret(&signature);
        named.insert("signature".to_owned(), signature);
        Ok(named)
    }

    /// An order id that no other order has.
    pub(super) fn new_id(&mut self) -> String {
        self.named += 1;
        format!("{}-{}", self.run, self.named)
    }

    /// Forgets what earlier cases were told.
    pub(super) fn begin(&mut self) {
        self.evidence.clear();
        self.heard.clear();
    }

    /// What was sent and what came since the case began.
    pub(super) fn take_evidence(&mut self) -> Vec<Evidence> {
        self.evidence.drain(..).map(Evidence::from).collect()
    }

    /// Keeps what was seen elsewhere than in an answer.
    pub(super) fn saw(&mut self, what: impl Into<String>, came: &str) -> Expectation {
        let (sent, came) = (self.redact(what.into()), self.redact(came.to_owned()));
        let said = Said::new(sent, &came);
        let expectation = said.expectation();
        self.evidence.push(said);
        expectation
    }

    /// Whoever holds it knows that no request is under way.
    pub(super) fn step(&self) -> Step {
        Arc::clone(&self.step)
    }

    /// A text that must not be seen in the report from now on.
    pub(super) fn keep_secret(&mut self, text: &str) -> Secret {
        let secret = Secret::new(text.to_owned());
        self.secrets.push(secret.clone());
        secret
    }

    /// A public question.
    pub(super) async fn public(
        &mut self,
        path: &str,
        parameters: Parameters,
    ) -> Result<Came, Shortfall> {
        self.send(Method::GET, path, parameters, Access::Public).await
    }

    /// A signed question.
    pub(super) async fn account(
        &mut self,
        path: &str,
        parameters: Parameters,
    ) -> Result<Came, Shortfall> {
        self.send(Method::GET, path, parameters, Access::Signed).await
    }

    pub(super) async fn post(
        &mut self,
        path: &str,
        parameters: Parameters,
    ) -> Result<Came, Shortfall> {
        self.send(Method::POST, path, parameters, Access::Signed).await
    }

    pub(super) async fn put(
        &mut self,
        path: &str,
        parameters: Parameters,
    ) -> Result<Came, Shortfall> {
        self.send(Method::PUT, path, parameters, Access::Signed).await
    }

    pub(super) async fn delete(
        &mut self,
        path: &str,
        parameters: Parameters,
    ) -> Result<Came, Shortfall> {
        self.send(Method::DELETE, path, parameters, Access::Signed).await
    }

    /// Sends a request and keeps what was said. One held back by our own budget waits its turn.
    pub(super) async fn send(
        &mut self,
        method: Method,
        path: &str,
        parameters: Parameters,
        access: Access,
    ) -> Result<Came, Shortfall> {
        let probe = Probe {
            orders: u32::from(places(&method, path)),
            weight: weight_of(path),
            method,
            path: path.to_owned(),
            parameters,
            access,
        };
        self.ask(Market::Futures, &probe).await
    }

    /// Sends a probe to one of the markets and keeps what was said.
    pub(super) async fn ask(&mut self, market: Market, probe: &Probe) -> Result<Came, Shortfall> {
        let sent = describe(probe);
        let answer = loop {
            let asked = {
                let _under_way = self.step.lock().await;
                match market {
                    Market::Futures => self.rest.probe(probe).await,
                    Market::Spot => self.spot.probe(probe).await,
                }
            };
            match asked {
                Err(BinanceError::HeldBack { until, .. }) => {
                    sleep(until.since(self.rest.now())).await;
                }
                answer => break answer,
            }
        };
        match answer {
            Ok(answer) => {
                let text = self.redact(answer.body);
                let expectation = self.saw(sent, &format!("{} {text}", answer.status));
                let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
                let (status, counters) = (answer.status, answer.counters);
                Ok(Came { status, counters, body, expectation })
            }
            Err(error) => {
                self.saw(sent, &error.to_string()).is("an answer");
                Err(Shortfall(format!("no answer: {error}")))
            }
        }
    }

    /// Opens the account's stream, unless it is open.
    pub(super) async fn listen(&mut self) -> Result<(), Shortfall> {
        if self.user.is_some() {
            return Ok(());
        }
        let under_way = self.step.lock().await;
        let key = self.rest.start_listen_key().await;
        drop(under_way);
        let key = key.map_err(|error| Shortfall(format!("no listen key: {error}")))?;
        self.secrets.push(key.clone());
        let url = format!("{}/private/ws/{}", self.streams_url(), key.expose());
        self.user = Some(RawStream::open(&url).await.map_err(Shortfall)?);
        Ok(())
    }

    /// Lets go of the account's stream; the next case that listens opens another.
    pub(super) fn hang_up(&mut self) {
        self.user = None;
    }

    /// The next event of the account, of those told since the case began, that is as wanted.
    pub(super) async fn event(
        &mut self,
        what: &str,
        is_wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value, Shortfall> {
        self.listen().await?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = self.heard.iter().find(|event| is_wanted(event)) {
                let found = found.clone();
                self.saw("listened to the account's stream", &found.to_string())
                    .is(format!("the event {what}"));
                return Ok(found);
            }
            let Some(stream) = &mut self.user else { break };
            let Some(text) = stream.next(deadline).await else { break };
            let text = self.redact(text);
            let mut event = serde_json::from_str(&text).unwrap_or(Value::Null);
            // Wrapped or not: the path decides (exchange-api.md 1.2).
            if event.get("data").is_some() {
                event = event["data"].take();
            }
            self.heard.push(event);
        }
        self.user = None;
        let told: Vec<&str> = self.heard.iter().filter_map(|event| event["e"].as_str()).collect();
        let why = format!("{what}: not told within {} s, but {told:?}", PATIENCE.as_secs());
        self.saw("listened to the account's stream", "none").is(format!("the event {what}"));
        Err(Shortfall(why))
    }

    /// The account's events since the case began, in the order in which they were told.
    pub(super) fn heard(&self) -> &[Value] {
        &self.heard
    }

    /// A text without anything that must not be seen.
    pub(super) fn redact(&self, mut text: String) -> String {
        for secret in self.secrets.iter().filter(|secret| !secret.is_empty()) {
            text = text.replace(secret.expose(), "***");
        }
        text
    }
}

fn describe(probe: &Probe) -> String {
    let Probe { method, path, parameters, access, .. } = probe;
    let shown: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let how = match *access {
        Access::Public => String::new(),
        Access::Key => ", key only".to_owned(),
        Access::Signed => ", signed".to_owned(),
        Access::SignedBody => ", signed, in the body".to_owned(),
        Access::Tampered(tamper) => format!(", tampered: {tamper:?}"),
    };
    format!("{method} {path} {}{how}", shown.join(" "))
}

fn places(method: &Method, path: &str) -> bool {
    let is_order = ["/fapi/v1/order", "/fapi/v1/batchOrders", "/fapi/v1/algoOrder"].contains(&path);
    is_order && (*method == Method::POST || *method == Method::PUT)
}

/// What a path weighs at most; the venue's own count corrects it (exchange-api.md 2.1, 4.0).
fn weight_of(path: &str) -> u32 {
    match path {
        "/fapi/v1/order" | "/fapi/v1/algoOrder" | "/fapi/v1/time" | "/fapi/v1/ping" => 1,
        "/fapi/v1/income"
        | "/fapi/v1/positionSide/dual"
        | "/fapi/v1/multiAssetsMargin"
        | "/fapi/v1/feeBurn" => 30,
        "/fapi/v1/depth"
        | "/fapi/v1/rpiDepth"
        | "/fapi/v1/commissionRate"
        | "/fapi/v1/aggTrades"
        | "/fapi/v1/forceOrders" => 20,
        "/fapi/v1/countdownCancelAll" | "/fapi/v1/premiumIndex" => 10,
        _ => 5,
    }
}
