//! What is traded in a simulation, where, and by which settings.

use super::life::FOLDER;
use crate::config::{Settings, Variables};
use crate::domain::{Instrument, Timestamp};
use crate::sandbox::{SandboxSettings, listings};
use crate::sim::market::MarketSettings;
use crate::sim::{
    AccountSettings, Exchange, ExchangeSettings, InstrumentSettings, Liquidity, demo_fees,
};

/// Every simulation begins here: 2026-01-01T00:00:00Z.
pub(super) const BEGINNING: Timestamp = Timestamp::from_seconds(1_767_225_600);

/// A market of few events, so that a minute takes milliseconds.
const SYMBOL: &str = "XRPUSDT";

/// The exchange of a seed, the instrument it lists, and how it serves.
pub(super) struct Setting {
    pub(super) instrument: Instrument,
    pub(super) exchange: Exchange,
    pub(super) sandbox: SandboxSettings,
}

impl Setting {
    /// Makes it; the error says what is wrong with this file.
    pub(super) fn of(seed: u64) -> Result<Self, String> {
        let instrument = listings::instrument(SYMBOL).ok_or("the symbol is not listed")?;
        let liquidity = Liquidity::Seeded(Box::new(MarketSettings::xrp_perpetual()));
        let listed = InstrumentSettings { instrument: instrument.clone(), liquidity };
        let settings = ExchangeSettings { instruments: vec![listed], seed };
        let exchange = Exchange::new(&settings, BEGINNING).map_err(|error| error.to_string())?;
        let account = AccountSettings { fees: demo_fees(), ..AccountSettings::default() };
        let sandbox = SandboxSettings { account, ..SandboxSettings::for_seed(seed) };
        Ok(Self { instrument, exchange, sandbox })
    }

    /// The daemon's settings: the defaults of the sandbox, half of the seeds over the order socket.
    pub(super) fn daemon(&self, seed: u64) -> Result<Settings, String> {
        let transport = if seed.is_multiple_of(2) { "rest" } else { "websocket" };
        let pairs = [
            ("LOBD_ENVIRONMENT", "sandbox"),
            ("LOBD_REST_URL", "http://127.0.0.1"),
            ("LOBD_STREAM_URL", "ws://127.0.0.1"),
            ("LOBD_ORDER_SOCKET_URL", "ws://127.0.0.1"),
            ("LOBD_SANDBOX_API_KEY", &self.sandbox.api_key),
            ("LOBD_SANDBOX_API_SECRET", self.sandbox.api_secret.expose()),
            ("LOBD_SYMBOLS", SYMBOL),
            ("ORDER_TRANSPORT", transport),
        ];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut settings = Settings::from_variables(&pairs.into_iter().collect::<Variables>())
            .map_err(|error| error.to_string())?;
        settings.data_dir = FOLDER.into();
        Ok(settings)
    }
}
