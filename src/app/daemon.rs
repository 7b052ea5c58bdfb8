//! The daemon: checks the account, builds the actors, connects their mailboxes, ends them in order.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::actors::{
    ClockOffsetMeter, FrameConsumers, Gateway, GatewayMailbox, MarketData, MarketFeed,
    MarketStreamActor, ModelError, Operator, OperatorError, PredictorActor, PredictorHandle,
    Recorder, RecorderHandle, Records, RulesHandle, RulesNews, RulesReaders, RulesWatch,
    Supervisor, SupervisorError, Trader, TraderHandle, UserData, UserFeed, UserStreamActor,
    WallClockWatch, gateway_mailbox, trader_mailbox,
};
use crate::binance::{
    BinanceError, BinanceVenue, MarketStreamSettings, MarketStreams, OrderSocket, UserStream,
    UserStreamSettings,
};
use crate::clock::SharedClock;
use crate::config::{OrderTransport, Settings};
use crate::domain::{Instrument, Market, RunId, Second, Symbol};
use crate::engine::{EngineStatus, Event, OperatorRequest, Started};
use crate::store::{AccountLease, Disk, FolderLock, StoreError, Tape};

use super::certified::countdown_proof;
use super::folder::DataFolder;
use super::folder_watch::FolderWatch;
use super::holdings::{lease, open_emergency, register};
use super::machine::Machine;
use super::surroundings::{Ground, Surroundings};
use super::watchdog::{Watchdog, Watched};

/// How long a trader may take to halt before the daemon ends without it.
const HALT_PATIENCE: Duration = Duration::from_secs(5);

/// Acknowledged orders on their way to the watch over the user stream.
const ACKNOWLEDGED_CAPACITY: usize = 64;
/// Changed rules on their way to market data: more than one is rare.
const RULES_CAPACITY: usize = 8;

/// What the daemon does besides recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Records only; needs no key.
    Record,
    /// Records, predicts and trades.
    Trade,
}

/// Why the daemon could not start or had to end.
#[derive(Debug, Error)]
pub enum DaemonError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The venue could not be asked, or refused.
    #[error(transparent)]
    Venue(#[from] BinanceError),
    /// The venue does not list a symbol.
    #[error("the venue does not list {symbol}; it lists {listed} symbols; check LOBD_SYMBOLS")]
    UnknownSymbol {
        /// Which symbol.
        symbol: Symbol,
        /// How many there are.
        listed: usize,
    },
    /// There is no key for the environment.
    #[error("no key is set for the {0} environment; set LOBD_*_API_KEY and _SECRET")]
    NoCredentials(crate::domain::Environment),
    /// The account, or its key, has no right to trade.
    #[error("the account may not trade (canTrade is false)")]
    MayNotTrade,
    /// The account is in hedge mode.
    #[error("the account is in hedge mode; switch it to one-way mode")]
    HedgeMode,
    /// The current model cannot be used.
    #[error("the current model of {symbol} cannot be used")]
    Model {
        /// Whose model.
        symbol: Symbol,
        /// What is wrong with it.
        source: ModelError,
    },
    /// The control socket cannot be made.
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// An actor was given up or panicked.
    #[error(transparent)]
    Supervisor(#[from] SupervisorError),
}

/// What is needed to start.
pub struct DaemonSettings {
    /// The operator's settings.
    pub settings: Settings,
    /// What to do.
    pub mode: Mode,
    /// The machine's clock.
    pub clock: SharedClock,
    /// The data folder, if it was taken already.
    pub lock: Option<FolderLock>,
}

/// A running daemon.
pub struct Daemon {
    supervisor: Supervisor,
    /// Ends the trader, which ends in its own time.
    ends_trading: CancellationToken,
    /// Ends everything else.
    ends_rest: CancellationToken,
    is_trading: bool,
    status: watch::Receiver<EngineStatus>,
    durable: watch::Receiver<Option<Second>>,
    /// The loops without which it would be half a daemon.
    watched: Vec<Watched>,
    run: Option<RunId>,
    rules: RulesHandle,
    /// Seeds the jitter of every reconnecting connection, and no two processes alike: the moment
    /// of the start by the clock that is handed in.
    jitter_seed: u64,
    operator: Option<TraderHandle>,
    folder_watch: FolderWatch,
    _lock: FolderLock,
    _lease: Option<AccountLease>,
}

impl Daemon {
    /// Checks venue and account, opens the data folder, and starts every actor.
    ///
    /// # Errors
    /// [`DaemonError`]; nothing is left running or half-written.
    pub async fn start(wanted: DaemonSettings) -> Result<Self, DaemonError> {
        Self::start_on(Machine::default(), wanted).await
    }

    /// Starts on another machine than this one.
    ///
    /// # Errors
    /// As [`Daemon::start`].
    pub async fn start_on(
        machine: Machine,
        mut wanted: DaemonSettings,
    ) -> Result<Self, DaemonError> {
        let held = wanted.lock.take();
        let DaemonSettings { settings, mode, clock, .. } = &wanted;
        let mode = *mode;
        let folder = DataFolder::new(&settings.data_dir);
        let lock = held.map_or_else(|| FolderLock::acquire_on(&machine.disk, folder.path()), Ok)?;
        let lease = lease(&machine.disk, settings, mode)?;
        let mut around =
            Surroundings::explore(settings, mode, (Arc::clone(clock), machine)).await?;
        // Whatever may be refused is read before anything is written.
        let ground = match mode {
            Mode::Record => None,
            Mode::Trade => Some(Ground::read(settings, &folder, &mut around).await?),
        };
        let mut tape = Tape::open_on(&around.machine.disk, &folder.tape())?;
        let on_tape = register(&mut tape, &around.instruments, clock.now().second())?;
        let (recorder_handle, recorder) =
            Recorder::new(tape, settings.record_batch, mode == Mode::Record);
        let durable = recorder.durable();
        let recording = match mode {
            Mode::Record => Watched::pulse("recorder", recorder.pulse()),
            Mode::Trade => Watched::patiently("recorder", recorder.pulse()),
        };
        let mut daemon = Self {
            supervisor: Supervisor::new(),
            ends_trading: CancellationToken::new(),
            ends_rest: CancellationToken::new(),
            is_trading: mode == Mode::Trade,
            status: watch::channel(EngineStatus::default()).1,
            durable,
            watched: vec![recording],
            run: None,
            rules: RulesHandle::default(),
            jitter_seed: clock.now().nanos().cast_unsigned(),
            operator: None,
            folder_watch: FolderWatch::default(),
            _lock: lock,
            _lease: lease,
        };
        let trading = match ground {
            None => None,
            Some(ground) => Some(daemon.start_trading(&wanted, &folder, (&around, ground)).await?),
        };
        daemon.start_market_data(&wanted, (&around, &on_tape), recorder_handle, trading);
        daemon.supervisor.spawn("recorder", recorder, daemon.ends_rest.clone());
        let watch = WallClockWatch::new(Arc::clone(clock));
        daemon.supervisor.spawn("wall clock", watch, daemon.ends_rest.clone());
        daemon.folder_watch = FolderWatch::over(&around.machine.disk, &folder);
        Ok(daemon)
    }

    async fn start_trading(
        &mut self,
        wanted: &DaemonSettings,
        folder: &DataFolder,
        (around, ground): (&Surroundings, Ground),
    ) -> Result<(TraderHandle, PredictorHandle), DaemonError> {
        let DaemonSettings { settings, clock, .. } = wanted;
        let Ground { mut journal, models, instruments } = ground;
        let now = clock.now();
        let ledger = journal.ledger(now)?;
        let external = journal.external(&ledger)?;
        let run = journal.start_run(now, env!("CARGO_PKG_VERSION"))?;
        self.run = Some(run);
        let emergency = open_emergency(&around.machine.disk, folder, &mut journal)?;
        let proven = around.machine.countdown;
        let started = Started {
            run,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            settings: settings.trading.clone(),
            instruments,
            ledger,
            countdown: proven.unwrap_or_else(|| countdown_proof(settings, folder, now)),
        };
        let (trader_handle, trader_mail) = trader_mailbox();
        let (gateway_handle, gateway_mail) = gateway_mailbox();
        let records = Records { journal, emergency };
        let (trader, status) = Trader::new(trader_mail, Arc::clone(clock), records, gateway_handle);
        let trader = trader.keeping_days(settings.journal_keep_days);
        self.status = status;
        // The first event of a run; the mailbox is empty, so this cannot wait.
        let _ = trader_handle.tell(Event::Started(Box::new(started))).await;
        for symbol in external {
            let _ = trader_handle.tell(Event::External { symbol }).await;
        }
        for (symbol, status) in &around.closed {
            let closed = Some(status.clone());
            let _ = trader_handle.tell(Event::Listing { symbol: *symbol, closed }).await;
        }
        let predictors =
            models.into_iter().map(|(source, loaded)| (source, loaded.map(|it| it.predictor)));
        let (predictor_handle, predictor) =
            PredictorActor::new(predictors.collect(), trader_handle.clone());
        self.watched.push(Watched::trader(self.status.clone()));
        self.watched.push(Watched::patiently("predictor", predictor.pulse()));
        self.supervisor.spawn("trader", trader, self.ends_trading.clone());
        self.supervisor.spawn("predictor", predictor, self.ends_rest.clone());
        self.start_account(wanted, around, gateway_mail, &trader_handle);
        self.operator = Some(trader_handle.clone());
        // A simulation's operator is in the same process.
        if matches!(around.machine.disk, Disk::Machine) {
            let operator =
                Operator::listen(&folder.control(), trader_handle.clone(), self.status.clone())?;
            self.supervisor.spawn("operator", operator, self.ends_rest.clone());
        }
        Ok((trader_handle, predictor_handle))
    }

    fn start_account(
        &mut self,
        DaemonSettings { settings, clock, .. }: &DaemonSettings,
        around: &Surroundings,
        gateway_mail: GatewayMailbox,
        trader: &TraderHandle,
    ) {
        let venue = self.order_venue(settings, around);
        let gateway = Gateway::new(venue, Arc::clone(clock), gateway_mail, trader.clone());
        let mut stream_settings =
            UserStreamSettings::new(settings.urls.streams.clone(), self.jitter_seed);
        stream_settings.form = settings.user_stream_form;
        let (user_stream, mailbox) =
            UserStream::new(Arc::clone(&around.rest), stream_settings, around.dialer.clone());
        let (watch, acknowledged) = mpsc::channel(ACKNOWLEDGED_CAPACITY);
        let gateway = gateway.watched_by(watch).doubting_rules(self.rules.clone());
        let feed = UserFeed { mailbox, acknowledged, stream: user_stream.handle() };
        let user_data = UserData::new(feed, Arc::clone(clock), trader.clone());
        let meter = ClockOffsetMeter::new(Arc::clone(&around.rest), trader.clone());
        self.watched.push(Watched::pulse("gateway", gateway.pulse()));
        self.watched.push(Watched::pulse("user data", user_data.pulse()));
        let ends = &self.ends_rest;
        self.supervisor.spawn("gateway", gateway, ends.clone());
        self.supervisor.spawn("user stream", UserStreamActor::new(user_stream), ends.clone());
        self.supervisor.spawn("user data", user_data, ends.clone());
        self.supervisor.spawn("clock offset", meter, ends.clone());
    }

    /// The venue by the way orders are to go.
    fn order_venue(&mut self, settings: &Settings, around: &Surroundings) -> Arc<BinanceVenue> {
        match settings.order_transport {
            OrderTransport::Rest => Arc::clone(&around.venue),
            OrderTransport::WebSocket => {
                let rest = Arc::clone(&around.rest);
                let (url, seed) = (&settings.urls.order_socket, self.jitter_seed.wrapping_add(1));
                let (socket, connection) = OrderSocket::new(Arc::clone(&rest), url, seed);
                self.supervisor.spawn("order socket", connection, self.ends_rest.clone());
                Arc::new(BinanceVenue::new(rest).with_order_socket(socket))
            }
        }
    }

    fn start_market_data(
        &mut self,
        DaemonSettings { settings, clock, .. }: &DaemonSettings,
        (around, on_tape): (&Surroundings, &[Instrument]),
        recorder: RecorderHandle,
        trading: Option<(TraderHandle, PredictorHandle)>,
    ) {
        let trader = trading.as_ref().map(|(trader, _)| trader.clone());
        let (market_rules, changes) = mpsc::channel(RULES_CAPACITY);
        let (base_url, symbols) = (settings.urls.streams.clone(), settings.symbols.clone());
        // The connections of a plan take this seed and those that follow.
        let jitter_seed = self.jitter_seed.wrapping_add(2);
        let stream_settings =
            MarketStreamSettings::new(base_url, Market::Usdm, symbols, jitter_seed);
        let (streams, mailbox) = MarketStreams::new(stream_settings, around.dialer.clone());
        let market_data = MarketData::new(
            MarketFeed { mailbox, streams: streams.handle() },
            Arc::clone(&around.venue),
            Arc::clone(clock),
            on_tape,
            FrameConsumers { recorder, trading },
        )
        .told_of_rules(RulesNews { changes, doubt: self.rules.clone() });
        let readers = RulesReaders { market_data: market_rules, trader };
        let (rest, known) = (Arc::clone(&around.rest), around.instruments.clone());
        let known = (known, around.closed.clone());
        let rules = RulesWatch::new(rest, known, self.rules.clone(), readers);
        self.watched.push(Watched::pulse("market data", market_data.pulse()));
        let ends = &self.ends_rest;
        self.supervisor.spawn("market stream", MarketStreamActor::new(streams), ends.clone());
        self.supervisor.spawn("market data", market_data, ends.clone());
        self.supervisor.spawn("rules", rules, ends.clone());
    }

    /// A copy of what the engine knows, kept fresh; of a recording daemon it stays empty.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<EngineStatus> {
        self.status.clone()
    }

    /// The newest second that is durable on the tape.
    #[must_use]
    pub fn durable(&self) -> watch::Receiver<Option<Second>> {
        self.durable.clone()
    }

    /// Which run of the journal this is, when trading.
    #[must_use]
    pub const fn run(&self) -> Option<RunId> {
        self.run
    }

    /// Where an operator in the same process asks for something; `None` when only recording.
    #[must_use]
    pub fn operator(&self) -> Option<TraderHandle> {
        self.operator.clone()
    }

    /// Runs until `shutdown`, then ends the trader and after it everything else.
    ///
    /// # Errors
    /// [`DaemonError::Supervisor`] if an actor was given up or panicked, [`StoreError::Replaced`] if
    /// the data folder is no longer the one that was opened; the rest is ended in order all the same.
    pub async fn run_until(mut self, shutdown: &CancellationToken) -> Result<(), DaemonError> {
        let mut watchdog = Watchdog::start(std::mem::take(&mut self.watched));
        let mut failure: Option<DaemonError> = None;
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled(), if !self.ends_trading.is_cancelled() => {
                    self.end_trading();
                }
                ended = self.supervisor.next() => match ended {
                    None => break,
                    Some(Ok(name)) => {
                        watchdog.forget(name);
                        self.on_ended(name);
                    }
                    Some(Err(error)) => {
                        if let SupervisorError::GivenUp { actor, .. } = &error {
                            watchdog.forget(actor);
                        }
                        if self.must_end(&error) {
                            failure.get_or_insert(error.into());
                        }
                    }
                },
                lost = self.folder_watch.lost() => {
                    self.on_folder_lost(&lost).await;
                    failure.get_or_insert(lost.into());
                }
                () = watchdog.feed() => {}
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// Nothing is decided any more that a later run would not know of: halted, and ended in order.
    async fn on_folder_lost(&self, lost: &StoreError) {
        tracing::error!(error = %lost, "the data folder is lost; trading halts and the daemon ends");
        if let Some(trader) = &self.operator {
            let halt = OperatorRequest::Halt { reason: lost.to_string() };
            // Halted before it is asked to end. A trader that has ended, or is stuck in a call to
            // the disk, decides nothing more.
            let _ = timeout(HALT_PATIENCE, trader.request(halt)).await;
        }
        self.end_trading();
    }

    fn end_trading(&self) {
        Watchdog::stopping();
        self.ends_trading.cancel();
        if !self.is_trading {
            self.ends_rest.cancel();
        }
    }

    /// What the loss of an actor means: without a recorder trading goes on, with a gap; without any
    /// other, trading ends in its own time; after a panic everything ends at once.
    fn must_end(&self, error: &SupervisorError) -> bool {
        tracing::error!(%error, "an actor is gone");
        match error {
            SupervisorError::GivenUp { actor: "recorder", .. } if self.is_trading => return false,
            SupervisorError::GivenUp { actor: "trader", .. } | SupervisorError::Panicked(_) => {
                self.ends_trading.cancel();
                self.ends_rest.cancel();
            }
            SupervisorError::GivenUp { .. } => self.end_trading(),
        }
        true
    }

    fn on_ended(&self, name: &str) {
        tracing::debug!(actor = name, "ended");
        if name == "trader" {
            self.ends_rest.cancel();
        }
    }
}
