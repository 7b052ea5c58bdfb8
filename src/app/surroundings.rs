//! What a daemon finds before it starts: the venue, its rules, our account, the models in charge.
//!
//! Everything that may be refused is refused here, before anything is written.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::actors::{Loaded, ModelSource};
use crate::binance::parse::ExchangeRules;
use crate::binance::{BinanceVenue, Dialer, RestClient, RestSettings, wire};
use crate::clock::SharedClock;
use crate::config::Settings;
use crate::domain::{Environment, Instrument, Symbol};
use crate::engine::{ModelInCharge, TradedInstrument};
use crate::store::Journal;

use super::daemon::{DaemonError, Mode};
use super::folder::DataFolder;
use super::machine::Machine;
use super::turn::Turn;

/// The venue answers in milliseconds; after so long an answer is not to be expected any more.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// What the venue says of itself and of our account before anything starts.
pub(super) struct Surroundings {
    pub(super) rest: Arc<RestClient>,
    pub(super) venue: Arc<BinanceVenue>,
    pub(super) instruments: Vec<Instrument>,
    /// Those of them that are not open for trading, with the venue's word for it.
    pub(super) closed: BTreeMap<Symbol, String>,
    pub(super) dialer: Dialer,
    pub(super) machine: Machine,
    turn: Turn,
}

/// What trading stands on: the journal, the models in charge, what is traded at which fees.
pub(super) struct Ground {
    pub(super) journal: Journal,
    pub(super) models: Vec<(ModelSource, Option<Loaded>)>,
    pub(super) instruments: Vec<TradedInstrument>,
}

impl Ground {
    /// Reads it all; nothing is written.
    pub(super) async fn read(
        settings: &Settings,
        folder: &DataFolder,
        around: &mut Surroundings,
    ) -> Result<Self, DaemonError> {
        let models = load_models(settings, folder, around)?;
        let instruments = around.traded_instruments(&in_charge(&models)).await?;
        Ok(Self {
            journal: Journal::open_on(&around.machine.disk, &folder.journal())?,
            models,
            instruments,
        })
    }
}

impl Surroundings {
    /// Asks the venue whether everything is as the settings say.
    pub(super) async fn explore(
        settings: &Settings,
        mode: Mode,
        (clock, machine): (SharedClock, Machine),
    ) -> Result<Self, DaemonError> {
        if mode == Mode::Trade && settings.credentials.is_none() {
            return Err(DaemonError::NoCredentials(settings.environment));
        }
        let dialer = Dialer::new(Arc::clone(&clock)).over(machine.network.clone());
        let rest = RestClient::new(rest_settings(settings), clock)?.over(machine.network.clone());
        let rest = Arc::new(rest);
        if mode == Mode::Trade {
            rest.begin_first_look();
        }
        let mut turn = Turn::new(Arc::clone(&rest));
        turn.ask(|| rest.measure_clock()).await?;
        let rules = turn.ask(|| rest.exchange_info()).await?;
        let (instruments, closed) = listed(&settings.symbols, &rules)?;
        if mode == Mode::Trade {
            let account = turn.ask(|| rest.account_configuration()).await?;
            check_account(settings.environment, &account)?;
        }
        let venue = Arc::new(BinanceVenue::new(Arc::clone(&rest)));
        Ok(Self { rest, venue, instruments, closed, dialer, machine, turn })
    }

    async fn traded_instruments(
        &mut self,
        in_charge: &BTreeMap<Symbol, ModelInCharge>,
    ) -> Result<Vec<TradedInstrument>, DaemonError> {
        let Self { rest, turn, instruments, .. } = self;
        let mut traded = Vec::with_capacity(instruments.len());
        for instrument in instruments.iter() {
            let fees = turn.ask(|| rest.commission_rates(instrument.symbol)).await?;
            let model = in_charge.get(&instrument.symbol).copied();
            traded.push(TradedInstrument { instrument: instrument.clone(), fees, model });
        }
        Ok(traded)
    }
}

/// Whether the account is one to trade on. What its key alone may do this interface does not say.
fn check_account(
    environment: Environment,
    account: &wire::AccountConfiguration,
) -> Result<(), DaemonError> {
    if !account.can_trade {
        return Err(DaemonError::MayNotTrade);
    }
    if account.dual_side_position {
        return Err(DaemonError::HedgeMode);
    }
    if environment == Environment::Production && account.can_withdraw {
        tracing::warn!(
            "the account may withdraw, and the venue does not say here whether this key may: give \
             it no right but trading, and only from this machine's address"
        );
    }
    Ok(())
}

/// What is to be traded, and what of it is closed: what is held in it is protected all the same.
fn listed(
    symbols: &[Symbol],
    rules: &ExchangeRules,
) -> Result<(Vec<Instrument>, BTreeMap<Symbol, String>), DaemonError> {
    let (mut instruments, mut closed) = (Vec::with_capacity(symbols.len()), BTreeMap::new());
    for symbol in symbols {
        let open = rules.instruments.iter().find(|listed| listed.symbol == *symbol);
        let is_meant = |(listed, _): &&(Instrument, String)| {
            listed.symbol == *symbol && listed.filters.check_usable().is_ok()
        };
        let shut = rules.closed.iter().find(is_meant);
        if let (None, Some((_, status))) = (open, shut) {
            tracing::warn!(%symbol, status, "not open for trading");
            closed.insert(*symbol, status.clone());
        }
        let unknown =
            DaemonError::UnknownSymbol { symbol: *symbol, listed: rules.instruments.len() };
        instruments.push(open.or(shut.map(|(found, _)| found)).cloned().ok_or(unknown)?);
    }
    Ok((instruments, closed))
}

/// The models in charge, by symbol.
fn in_charge(models: &[(ModelSource, Option<Loaded>)]) -> BTreeMap<Symbol, ModelInCharge> {
    let loaded = models.iter().filter_map(|(source, loaded)| {
        Some((source.instrument.symbol, loaded.as_ref()?.in_charge))
    });
    loaded.collect()
}

/// How the client is to reach the venue of these settings.
#[must_use]
pub fn rest_settings(settings: &Settings) -> RestSettings {
    RestSettings {
        environment: settings.environment,
        base_url: settings.urls.rest.clone(),
        credentials: settings.credentials.clone(),
        receive_window: settings.recv_window,
        timeout: REQUEST_TIMEOUT,
        self_trade_prevention: settings.self_trade_prevention,
    }
}

fn load_models(
    settings: &Settings,
    folder: &DataFolder,
    around: &Surroundings,
) -> Result<Vec<(ModelSource, Option<Loaded>)>, DaemonError> {
    around
        .instruments
        .iter()
        .map(|instrument| {
            let source = ModelSource {
                instrument: instrument.clone(),
                shelf: around.machine.shelf(folder, instrument),
                max_age: settings.model_max_age,
            };
            let symbol = instrument.symbol;
            let loaded = source.load().map_err(|source| DaemonError::Model { symbol, source })?;
            if loaded.is_none() {
                tracing::warn!(%symbol, "no model is promoted; it is recorded and not traded");
            }
            Ok((source, loaded))
        })
        .collect()
}
