//! The spot market's data, which shares hosts and limits with the futures in nothing
//! (exchange-api.md 10).

use std::sync::Arc;
use std::time::Duration;

use crate::binance::{
    Access, BinanceError, Method, Probe, ProbeAnswer, RawStream, SpotClient, SpotSettings,
};
use crate::clock::SharedClock;
use crate::config::Urls;
use crate::domain::Environment;

use super::came::Came;
use super::case::Shortfall;
use super::stage::{Market, Parameters, Stage};

/// How long a whole answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where the spot market is.
#[derive(Clone)]
pub(super) struct SpotVenue {
    client: Arc<SpotClient>,
    streams: String,
}

impl SpotVenue {
    /// The environment's own; the exchange we carry serves both markets.
    pub(super) fn of(
        environment: Environment,
        futures: &Urls,
        clock: SharedClock,
    ) -> Result<Self, BinanceError> {
        let (base_url, streams) = match environment {
            Environment::Sandbox => {
                let streams = futures.streams.trim_end_matches('/');
                (futures.rest.clone(), format!("{streams}/spot"))
            }
            Environment::Testnet => (
                "https://testnet.binance.vision".to_owned(),
                "wss://stream.testnet.binance.vision".to_owned(),
            ),
            Environment::Production => (
                "https://data-api.binance.vision".to_owned(),
                "wss://data-stream.binance.vision".to_owned(),
            ),
        };
        let settings = SpotSettings { environment, base_url, timeout: TIMEOUT };
        Ok(Self { client: Arc::new(SpotClient::new(settings, clock)?), streams })
    }

    pub(super) async fn probe(&self, probe: &Probe) -> Result<ProbeAnswer, BinanceError> {
        self.client.probe(probe).await
    }
}

impl Stage {
    /// A public question to the spot market; `weight` is what it counts for.
    pub(super) async fn spot(
        &mut self,
        path: &str,
        parameters: Parameters,
        weight: u32,
    ) -> Result<Came, Shortfall> {
        let probe = Probe {
            method: Method::GET,
            path: path.to_owned(),
            parameters,
            access: Access::Public,
            weight,
            orders: 0,
        };
        self.ask(Market::Spot, &probe).await
    }

    /// Opens a stream of the spot market by the path and query after the host.
    pub(super) async fn open_spot_stream(&mut self, path: &str) -> Result<RawStream, Shortfall> {
        let base = self.spot_venue().streams.clone();
        self.open_at(&base, path).await
    }
}
