//! The venue to be certified: one that is somewhere, or the exchange we carry.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::app::rest_settings;
use crate::binance::wire::SymbolConfiguration;
use crate::binance::{BinanceError, RestClient};
use crate::clock::SharedClock;
use crate::config::{Credentials, Settings, Urls};
use crate::domain::{
    ClientOrderId, Environment, Instrument, OrderKind, OrderRequest, Quantity, SelfTradePrevention,
    Side, Symbol, Timestamp,
};
use crate::sandbox::{RunningSandbox, SandboxError, SandboxSettings, Server, listings};
use crate::sim::{Exchange, ExchangeSettings, SimError};

use super::spot_venue::SpotVenue;
use super::stage::Stage;

/// The exchange's life before the first request: mark price and trades are there at once.
const LIFE_BEFORE: Duration = Duration::from_mins(2);
/// How long clearing waits for a venue that wants silence.
const LONGEST_SILENCE: Duration = Duration::from_mins(3);

/// Why there is nothing to certify.
#[derive(Debug, Error)]
pub enum GroundError {
    /// The venue could not be asked, or refused.
    #[error(transparent)]
    Venue(#[from] BinanceError),
    /// The exchange we carry does not start.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The exchange we carry cannot be made.
    #[error(transparent)]
    Exchange(#[from] SimError),
    /// The venue does not list the symbol.
    #[error("the venue does not list {0}; choose another with --symbol")]
    NotListed(Symbol),
    /// Something is there that certifying might disturb.
    #[error("the account is not at rest in {symbol}: {what}; close it, or use --read-only")]
    NotAtRest {
        /// In which symbol.
        symbol: Symbol,
        /// What is there.
        what: String,
    },
}

/// A venue that can be reached, and one of its instruments.
pub struct Ground {
    /// Asks it.
    pub rest: Arc<RestClient>,
    /// Where its streams are.
    pub urls: Urls,
    /// Whose account.
    pub credentials: Option<Credentials>,
    /// What is traded.
    pub instrument: Instrument,
    spot: SpotVenue,
    /// Leverage and margin type as they were found, where the account could be asked.
    found: Option<SymbolConfiguration>,
    /// The exchange we carry, while it is the venue.
    _sandbox: Option<RunningSandbox>,
}

impl Ground {
    /// The venue of the operator's settings.
    ///
    /// # Errors
    /// [`GroundError`].
    pub async fn reach(
        settings: &Settings,
        symbol: Symbol,
        clock: SharedClock,
    ) -> Result<Self, GroundError> {
        let rest = RestClient::new(rest_settings(settings), Arc::clone(&clock))?;
        let spot = SpotVenue::of(settings.environment, &settings.urls, clock)?;
        let (urls, credentials) = (settings.urls.clone(), settings.credentials.clone());
        Self::survey(rest, (urls, spot), credentials, symbol, None).await
    }

    /// The exchange we carry, started for this alone on loopback.
    ///
    /// # Errors
    /// [`GroundError`].
    pub async fn carry(symbol: Symbol, seed: u64, clock: SharedClock) -> Result<Self, GroundError> {
        let listed = listings::seeded(symbol.as_str()).ok_or(GroundError::NotListed(symbol))?;
        let now = clock.now();
        let settings = ExchangeSettings { instruments: vec![listed], seed };
        let mut exchange = Exchange::new(&settings, now.earlier_by(LIFE_BEFORE))?;
        exchange.advance(now);
        exchange.drain(&mut Vec::new());
        let settings = SandboxSettings::for_seed(seed);
        let shutdown = CancellationToken::new();
        let sandbox = Server::start(exchange, settings, Arc::clone(&clock), &shutdown).await?;
        let streams = sandbox.ws_url.clone();
        let order_socket = streams.clone();
        let urls = Urls { rest: sandbox.rest_url.clone(), streams, order_socket };
        let credentials = Credentials {
            api_key: crate::sign::Secret::new(sandbox.api_key.clone()),
            api_secret: sandbox.api_secret.clone(),
        };
        let rest = crate::binance::RestSettings {
            environment: Environment::Sandbox,
            base_url: urls.rest.clone(),
            credentials: Some(credentials.clone()),
            receive_window: Duration::from_secs(5),
            timeout: Duration::from_secs(5),
            self_trade_prevention: SelfTradePrevention::default(),
        };
        let rest = RestClient::new(rest, Arc::clone(&clock))?;
        let spot = SpotVenue::of(Environment::Sandbox, &urls, clock)?;
        Self::survey(rest, (urls, spot), Some(credentials), symbol, Some(sandbox)).await
    }

    async fn survey(
        rest: RestClient,
        (urls, spot): (Urls, SpotVenue),
        credentials: Option<Credentials>,
        symbol: Symbol,
        sandbox: Option<RunningSandbox>,
    ) -> Result<Self, GroundError> {
        rest.measure_clock().await?;
        let rules = rest.exchange_info().await?;
        let found = rules.instruments.into_iter().find(|listed| listed.symbol == symbol);
        let instrument = found.ok_or(GroundError::NotListed(symbol))?;
        // Who has no key, or a wrong one, changes no setting either.
        let found = match &credentials {
            Some(_) => rest.symbol_configuration(symbol).await.ok().flatten(),
            None => None,
        };
        let rest = Arc::new(rest);
        Ok(Self { rest, urls, credentials, instrument, spot, found, _sandbox: sandbox })
    }

    /// A stage for its cases, whose order ids begin with `run`.
    pub(super) fn stage(&self, run: &str) -> Stage {
        Stage::new(
            Arc::clone(&self.rest),
            (self.urls.clone(), self.spot.clone()),
            self.instrument.clone(),
            run.to_owned(),
            self.credentials.clone(),
        )
    }

    /// Holds if nothing of anybody's is there that certifying might disturb.
    ///
    /// # Errors
    /// [`GroundError::NotAtRest`], or [`GroundError::Venue`] if the account cannot be asked.
    pub async fn must_be_at_rest(&self) -> Result<(), GroundError> {
        self.must_be_at_rest_by(self.rest.now() + LONGEST_SILENCE).await
    }

    async fn must_be_at_rest_by(&self, latest: Timestamp) -> Result<(), GroundError> {
        let (rest, symbol) = (&self.rest, self.instrument.symbol);
        let position = self.in_turn(latest, async || rest.position_of(symbol).await).await?;
        let orders = self.in_turn(latest, async || rest.working_orders(Some(symbol)).await).await?;
        let waiting = async || rest.waiting_conditionals(Some(symbol)).await;
        let waiting = self.in_turn(latest, waiting).await?;
        let what = if position.exposure != crate::domain::Exposure::ZERO {
            format!("a position of {}", position.exposure)
        } else if !orders.is_empty() {
            format!("{} open orders", orders.len())
        } else if !waiting.is_empty() {
            format!("{} waiting conditional orders", waiting.len())
        } else {
            return Ok(());
        };
        Err(GroundError::NotAtRest { symbol, what })
    }

    /// Leaves nothing behind: no order, no conditional order, no position, no setting changed. What
    /// can be cleared is, even if something else cannot.
    ///
    /// # Errors
    /// [`GroundError`]: what could not be cleared is to be cleared by hand.
    pub async fn clear(&self) -> Result<(), GroundError> {
        let (rest, symbol) = (&self.rest, self.instrument.symbol);
        // All of it together: a person waits for the report.
        let latest = rest.now() + LONGEST_SILENCE;
        let orders = self.in_turn(latest, async || rest.cancel_all_orders(symbol).await).await;
        let conditionals = self.in_turn(latest, async || rest.cancel_all_stops(symbol).await).await;
        let position = self.close_position(latest).await;
        let settings = self.restore_settings(latest).await;
        orders?;
        conditionals?;
        position?;
        settings?;
        self.must_be_at_rest_by(latest).await
    }

    /// What the operator is told when clearing failed.
    pub(super) fn not_cleared(&self, error: &GroundError) -> String {
        let symbol = self.instrument.symbol;
        format!(
            "{symbol} may not be at rest: {error}; see `lobd orders` and `lobd position`, and \
             clear it by hand"
        )
    }

    /// Sets leverage and margin type to what they were.
    async fn restore_settings(&self, latest: Timestamp) -> Result<(), BinanceError> {
        let (rest, symbol) = (&self.rest, self.instrument.symbol);
        let Some(found) = &self.found else { return Ok(()) };
        let asked = async || rest.symbol_configuration(symbol).await;
        let Some(left) = self.in_turn(latest, asked).await? else { return Ok(()) };
        if left.leverage != found.leverage {
            let set = async || rest.set_leverage(symbol, found.leverage).await;
            self.in_turn(latest, set).await?;
        }
        if left.margin_type != found.margin_type {
            let is_isolated = found.margin_type == "ISOLATED";
            let set = async || rest.set_margin_type(symbol, is_isolated).await;
            self.in_turn(latest, set).await?;
        }
        Ok(())
    }

    async fn close_position(&self, latest: Timestamp) -> Result<(), GroundError> {
        let (rest, symbol) = (&self.rest, self.instrument.symbol);
        let held = self.in_turn(latest, async || rest.position_of(symbol).await).await?.exposure;
        let Some(side) = held.side() else { return Ok(()) };
        let order = closing(symbol, side.opposite(), held.quantity(), rest.now().millis())?;
        self.in_turn(latest, async || rest.place_order(&order).await).await?;
        Ok(())
    }

    /// Asks; a question that our own budget or the venue's wish for silence holds back, and so was
    /// not sent, waits its turn if that comes before `latest`.
    async fn in_turn<T>(
        &self,
        latest: Timestamp,
        ask: impl AsyncFn() -> Result<T, BinanceError>,
    ) -> Result<T, BinanceError> {
        loop {
            match ask().await {
                Err(BinanceError::HeldBack { until, .. } | BinanceError::Throttled { until })
                    if until < latest =>
                {
                    tracing::warn!(%until, "the account is cleared once the venue may be asked");
                    sleep(until.since(self.rest.now())).await;
                }
                answer => return answer,
            }
        }
    }
}

/// A market order that closes what a failed case left open.
fn closing(
    symbol: Symbol,
    side: Side,
    quantity: Quantity,
    now_ms: i64,
) -> Result<OrderRequest, GroundError> {
    let client_order_id = ClientOrderId::new(&format!("certify-clear-{now_ms}"))
        .map_err(|error| BinanceError::Configuration(error.to_string()))?;
    let kind = OrderKind::Market;
    Ok(OrderRequest { client_order_id, symbol, side, quantity, kind, reduce_only: true })
}
