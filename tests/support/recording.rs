//! Market data recorded inside the test's process, over real sockets, with every message kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lobd::actors::{
    Actor, FrameConsumers, MarketData, MarketFeed, Recorder, RulesHandle, RulesNews, RulesReaders,
    RulesWatch,
};
use lobd::binance::{
    BinanceVenue, Dialer, MarketMessage, MarketStreamSettings, MarketStreams, RestClient,
    RestSettings,
};
use lobd::book::{MarketEvent, PublicTrade, Reason, Row, Validity};
use lobd::clock::SharedClock;
use lobd::domain::{
    Environment, Instrument, Market, Second, SelfTradePrevention, Timestamp, TradeId,
};
use lobd::sandbox::{RunningSandbox, listings};
use lobd::store::{InstrumentKey, Tape, tape_path};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::loopback::DEADLINE;
use super::venue::symbol;

/// A recording under way; ends when dropped.
pub(crate) struct Recording {
    folder: TempDir,
    pub(crate) rest: Arc<RestClient>,
    told: Arc<Mutex<Vec<MarketMessage>>>,
    durable: watch::Receiver<Option<Second>>,
    _running: Vec<AbortOnDropHandle<()>>,
}

fn client(sandbox: &RunningSandbox, clock: SharedClock) -> Arc<RestClient> {
    let settings = RestSettings {
        environment: Environment::Sandbox,
        base_url: sandbox.rest_url.clone(),
        credentials: None,
        receive_window: Duration::from_secs(5),
        timeout: DEADLINE,
        self_trade_prevention: SelfTradePrevention::default(),
    };
    Arc::new(RestClient::new(settings, clock).unwrap())
}

fn run(mut actor: impl Actor) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        actor.run(&CancellationToken::new()).await.unwrap();
    }))
}

impl Recording {
    /// Records BTCUSDT of an exchange, over streams set up as the test wants them.
    pub(crate) fn start(
        sandbox: &RunningSandbox,
        clock: &SharedClock,
        set_up: impl FnOnce(&mut MarketStreamSettings),
    ) -> Self {
        let instrument = listings::instrument("BTCUSDT").unwrap();
        Self::start_under(sandbox, clock, instrument, set_up)
    }

    /// The same, under rules that may not be the exchange's any more.
    pub(crate) fn start_under(
        sandbox: &RunningSandbox,
        clock: &SharedClock,
        instrument: Instrument,
        set_up: impl FnOnce(&mut MarketStreamSettings),
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let mut tape = Tape::open(&tape_path(folder.path())).unwrap();
        tape.register(&instrument, clock.now().second()).unwrap();
        let (recorder_handle, recorder) = Recorder::new(tape, 1, true);
        let durable = recorder.durable();
        let url = sandbox.ws_url.clone();
        let mut settings = MarketStreamSettings::new(url, Market::Usdm, vec![symbol()], 2);
        set_up(&mut settings);
        let (streams, mut source) = MarketStreams::new(settings, Dialer::new(Arc::clone(clock)));
        let (forward, mailbox) = mpsc::channel(1_024);
        let told = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&told);
        let forwarding = tokio::spawn(async move {
            while let Some(message) = source.recv().await {
                keep.lock().unwrap().push(message.clone());
                if forward.send(message).await.is_err() {
                    return;
                }
            }
        });
        let rest = client(sandbox, Arc::clone(clock));
        let (market_data, changes) = mpsc::channel(1);
        let (doubt, known) = (RulesHandle::default(), vec![instrument.clone()]);
        let readers = RulesReaders { market_data, trader: None };
        let rules =
            RulesWatch::new(Arc::clone(&rest), (known, BTreeMap::new()), doubt.clone(), readers);
        let market_data = MarketData::new(
            MarketFeed { mailbox, streams: streams.handle() },
            Arc::new(BinanceVenue::new(Arc::clone(&rest))),
            Arc::clone(clock),
            &[instrument],
            FrameConsumers { recorder: recorder_handle, trading: None },
        )
        .told_of_rules(RulesNews { changes, doubt });
        let streaming = tokio::spawn(async move { streams.run(&CancellationToken::new()).await });
        let running = vec![
            run(recorder),
            run(market_data),
            run(rules),
            AbortOnDropHandle::new(forwarding),
            AbortOnDropHandle::new(streaming),
        ];
        Self { folder, rest, told, durable, _running: running }
    }

    /// Every message of the streams so far.
    pub(crate) fn messages(&self) -> Vec<MarketMessage> {
        self.told.lock().unwrap().clone()
    }

    /// Every event of the market so far, with the moment of its arrival.
    pub(crate) fn events(&self) -> Vec<(Timestamp, MarketEvent)> {
        let event = |message| {
            let MarketMessage::Event { receive_time, event } = message else { return None };
            Some((receive_time, event))
        };
        self.messages().into_iter().filter_map(event).collect()
    }

    /// Waits, second by second, until the recording is as wanted; its rows.
    pub(crate) async fn when(
        &self,
        what: &str,
        is_wanted: impl Fn(&[(Second, Row)]) -> bool,
    ) -> Vec<(Second, Row)> {
        let mut durable = self.durable.clone();
        let mut rows = Vec::new();
        let wanted = async {
            loop {
                durable.changed().await.expect("the recorder goes on");
                rows = self.rows();
                if is_wanted(&rows) {
                    return;
                }
            }
        };
        let came = tokio::time::timeout(DEADLINE, wanted).await;
        let seen: Vec<_> = rows.iter().map(|(second, row)| (second.unix(), row.validity)).collect();
        assert!(came.is_ok(), "not in time: {what}; {seen:?}; {:#?}", self.notable_messages());
        rows
    }

    /// The messages that are no daily business.
    fn notable_messages(&self) -> Vec<MarketMessage> {
        let is_notable = |message: &MarketMessage| {
            !matches!(
                message,
                MarketMessage::Event { .. }
                    | MarketMessage::Beat { .. }
                    | MarketMessage::Alive { .. }
            )
        };
        self.messages().into_iter().filter(is_notable).collect()
    }

    /// What is recorded so far.
    pub(crate) fn tape(&self) -> Tape {
        Tape::open_read_only(&tape_path(self.folder.path())).unwrap()
    }

    /// The rows that are durable.
    pub(crate) fn rows(&self) -> Vec<(Second, Row)> {
        let tape = self.tape();
        let key: InstrumentKey = tape.resolve("BTCUSDT").unwrap();
        let all = Second::from_unix(0)..Second::from_unix(i64::from(u32::MAX));
        tape.scan(&key, all).map(Result::unwrap).collect()
    }

    /// The exchange's own trades with these ids, both included.
    pub(crate) async fn exchange_trades(&self, first: TradeId, last: TradeId) -> Vec<PublicTrade> {
        let mut trades = self.rest.aggregate_trades(symbol(), Some(first.0), 1_000).await.unwrap();
        trades.retain(|trade| trade.trade_id <= last);
        trades
    }
}

/// From the first valid row on.
pub(crate) fn from_first_valid(rows: &[(Second, Row)]) -> &[(Second, Row)] {
    let first = rows.iter().position(|(_, row)| row.validity == Validity::Valid);
    first.map_or(&[], |first| &rows[first..])
}

/// Whether the newest row is stale for this reason.
pub(crate) fn ends_stale(rows: &[(Second, Row)], reason: Reason) -> bool {
    rows.last().is_some_and(|(_, row)| row.validity == Validity::Stale(reason))
}

/// Whether the newest row is valid.
pub(crate) fn ends_valid(rows: &[(Second, Row)]) -> bool {
    rows.last().is_some_and(|(_, row)| row.validity == Validity::Valid)
}
