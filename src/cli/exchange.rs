//! `lobd exchange`: the loopback Binance alone.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::domain::{FeeRates, Rate, Timestamp};
use crate::sandbox::faults::{self, FaultSpec};
use crate::sandbox::{
    AdminError, AdminSocket, RunningSandbox, SandboxAccount, SandboxError, SandboxSettings, Server,
    Tape, listings,
};
use crate::sim::{
    Exchange, ExchangeSettings, InstrumentSettings, Liquidity, Rules, SimError, default_fees,
    demo_fees,
};

use super::{CommandError, Context, Exit};

/// The market's life before the first client: mark price and trades are there at once.
const LIFE_BEFORE: Duration = Duration::from_mins(1);

/// As recorded at the venue (exchange-api.md 5.5).
const RECORDED_TRIGGER_LAG_MS: u64 = 17;

/// More accounts than this are hardly needed on one machine.
const MOST_ACCOUNTS: i64 = 1_000;

/// Serves the simulated exchange as a Binance USD-M futures venue on loopback, until Ctrl-C.
///
/// Prints one line of JSON when ready, `{"rest":…,"ws":…,"api_key":…,"api_secret":…}`; with more
/// accounts than one, also `"accounts":[{"api_key":…,"api_secret":…},…]` for the others. The keys
/// come from the seed and are no secrets.
///
/// Example: `lobd exchange --symbols BTCUSDT,ETHUSDT --seed 7`
#[derive(Debug, clap::Args)]
#[command(after_long_help = faults_help())]
pub(super) struct Args {
    /// Where REST is served; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where streams are served [default: the address of REST, at a free port].
    #[arg(long, value_name = "ADDRESS")]
    listen_streams: Option<SocketAddr>,
    /// Listen on addresses others can reach; whoever reaches them can trade.
    #[arg(long)]
    allow_remote: bool,
    /// What is traded, of BTCUSDT, ETHUSDT, BNBUSDT, XRPUSDT, LTCUSDT, and SIM01USDT to SIM99USDT,
    /// which are like BTCUSDT.
    #[arg(long, value_name = "SYMBOLS", value_delimiter = ',', default_value = "BTCUSDT")]
    symbols: Vec<String>,
    /// The root of all randomness: the same seed makes the same market.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many accounts trade on it, each with keys of its own.
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..=MOST_ACCOUNTS))]
    accounts: i64,
    /// A raw recording of one symbol that is the market instead of the seeded one.
    #[arg(long, value_name = "FILE", conflicts_with = "symbols")]
    tape: Option<PathBuf>,
    /// How long a touched conditional order is TRIGGERING before its order is there.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = RECORDED_TRIGGER_LAG_MS)]
    trigger_lag_ms: u64,
    /// Let a countdown that has run out cancel conditional orders too; the venue says nothing of it.
    #[arg(long)]
    countdown_cancels_stops: bool,
    /// What goes wrong, from the start; may be given several times. The list is below (`--help`).
    #[arg(long = "fault", value_name = "SPEC")]
    faults: Vec<FaultSpec>,
    /// A Unix socket at which faults are switched on and off; how is said below (`--help`).
    #[arg(long, value_name = "PATH")]
    admin: Option<PathBuf>,
    /// The account's fees.
    #[arg(long, value_enum, default_value_t = FeeTier::Default)]
    fee_tier: FeeTier,
    /// The maker fee in basis points, instead of the tier's.
    #[arg(long, value_name = "BPS", value_parser = parse_bps)]
    maker_fee_bps: Option<Rate>,
    /// The taker fee in basis points, instead of the tier's.
    #[arg(long, value_name = "BPS", value_parser = parse_bps)]
    taker_fee_bps: Option<Rate>,
}

/// Named fees.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum FeeTier {
    /// Maker 2, taker 5 bps: what a new account pays at the venue.
    Default,
    /// Maker 0, taker 1 bps: the demo account's own.
    Demo,
}

/// The line that says where to connect.
#[derive(Serialize)]
struct Ready<'a> {
    rest: &'a str,
    ws: &'a str,
    api_key: &'a str,
    api_secret: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    accounts: Vec<Keys<'a>>,
}

/// The keys of one more account.
#[derive(Serialize)]
struct Keys<'a> {
    api_key: &'a str,
    api_secret: &'a str,
}

/// Runs `lobd exchange`.
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let shutdown = CancellationToken::new();
    let mut interrupt = listen_for(SignalKind::interrupt())?;
    let mut terminate = listen_for(SignalKind::terminate())?;
    let clock = context.clock();
    let now = clock.now();
    let mut settings = settings(args);
    settings.tape =
        args.tape.as_deref().map(|path| Tape::load(path, now)).transpose().map_err(|error| {
            CommandError::new(Exit::InputOutput, error)
                .remedy("a recording is lines of `<receive time> <exchange JSON>`, gzipped or not")
        })?;
    let exchange = exchange(args, settings.tape.as_ref(), now)?;
    let mut sandbox = Server::start(exchange, settings, clock, &shutdown)
        .await
        .map_err(|error| not_started(&error))?;
    let admin = serve_admin(args, &sandbox, &shutdown).await?;
    context.output().json(&Ready::of(&sandbox))?;
    tokio::select! {
        biased;
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = sandbox.stopped() => {
            let message = "the exchange has stopped by itself; its log says why";
            return Err(CommandError::message(Exit::Failure, message));
        }
    }
    shutdown.cancel();
    sandbox.stopped().await;
    if let Some(admin) = admin {
        // Its file is gone once it has ended.
        let _ = admin.await;
    }
    Ok(())
}

/// Serves the admin socket, if one is wanted, until `shutdown`.
async fn serve_admin(
    args: &Args,
    sandbox: &RunningSandbox,
    shutdown: &CancellationToken,
) -> Result<Option<JoinHandle<()>>, CommandError> {
    let Some(path) = &args.admin else { return Ok(None) };
    let listening = AdminSocket::listen(path, sandbox.control.clone()).await;
    let socket = listening.map_err(|error| match error {
        AdminError::Taken(_) => CommandError::new(Exit::Usage, error),
        AdminError::Listen { .. } => CommandError::new(Exit::InputOutput, error)
            .remedy("choose a path in a folder that can be written, of at most 100 letters"),
    })?;
    Ok(Some(tokio::spawn(socket.run(shutdown.clone()))))
}

/// How faults are typed, and how the admin socket is spoken to.
fn faults_help() -> String {
    format!(
        "{}\nThe admin socket (mode 0600) takes one JSON request a line and answers each with one \
         line:\n  \
         {{\"add\":\"SPEC\"}}  {{\"clear\":NUMBER}}  \"clear_all\"  \"list\"\n  \
         {{\"faults\":[{{\"number\":1,\"spec\":\"SPEC\",\"fired\":0,\"is_on\":true}}]}} or \
         {{\"error\":\"…\"}}\n\
         Example: echo '\"list\"' | nc -U -q1 PATH",
        faults::guide()
    )
}

impl<'a> Ready<'a> {
    fn of(sandbox: &'a RunningSandbox) -> Self {
        Self {
            rest: &sandbox.rest_url,
            ws: &sandbox.ws_url,
            api_key: &sandbox.api_key,
            api_secret: sandbox.api_secret.expose(),
            accounts: sandbox.others.iter().map(Keys::of).collect(),
        }
    }
}

impl<'a> Keys<'a> {
    fn of(account: &'a SandboxAccount) -> Self {
        Self { api_key: &account.api_key, api_secret: account.api_secret.expose() }
    }
}

fn settings(args: &Args) -> SandboxSettings {
    let mut settings = SandboxSettings::for_seed(args.seed);
    settings.listen = args.listen;
    settings.listen_streams =
        args.listen_streams.unwrap_or_else(|| SocketAddr::new(args.listen.ip(), 0));
    settings.allow_remote = args.allow_remote;
    settings.rules = Rules {
        trigger_lag: Duration::from_millis(args.trigger_lag_ms),
        countdown_cancels_stops: args.countdown_cancels_stops,
    };
    settings.faults.clone_from(&args.faults);
    let FeeRates { maker, taker } = match args.fee_tier {
        FeeTier::Default => default_fees(),
        FeeTier::Demo => demo_fees(),
    };
    settings.account.fees = FeeRates {
        maker: args.maker_fee_bps.unwrap_or(maker),
        taker: args.taker_fee_bps.unwrap_or(taker),
    };
    settings.with_accounts(args.seed, usize::try_from(args.accounts).unwrap_or(1))
}

/// An exchange that has lived a little, so that its first client finds a market.
fn exchange(args: &Args, tape: Option<&Tape>, now: Timestamp) -> Result<Exchange, CommandError> {
    let (instruments, start) = if let Some(tape) = tape {
        let symbol = tape.symbol();
        let instrument =
            listings::instrument(symbol.as_str()).ok_or_else(|| not_listed(symbol.as_str()))?;
        (vec![InstrumentSettings { instrument, liquidity: Liquidity::Tape }], now)
    } else {
        let seeded = |symbol: &String| listings::seeded(symbol).ok_or_else(|| not_listed(symbol));
        let instruments: Result<Vec<_>, _> = args.symbols.iter().map(seeded).collect();
        (instruments?, now.earlier_by(LIFE_BEFORE))
    };
    let settings = ExchangeSettings { instruments, seed: args.seed };
    let unusable = |error: SimError| CommandError::new(Exit::Usage, error);
    let mut exchange = Exchange::new(&settings, start).map_err(unusable)?;
    // Whoever traded on the exchange that ran here before remembers its ids.
    exchange.skip_ids_before(now);
    exchange.advance(now);
    exchange.drain(&mut Vec::new());
    Ok(exchange)
}

fn not_listed(symbol: &str) -> CommandError {
    let listed: Vec<&str> = listings::symbols().collect();
    CommandError::message(Exit::Usage, format!("the exchange cannot list {symbol}"))
        .remedy(format!("choose from {}, and SIM01USDT to SIM99USDT", listed.join(", ")))
}

fn not_started(error: &SandboxError) -> CommandError {
    match error {
        SandboxError::NotLoopback(_) => CommandError::new(Exit::Usage, error)
            .remedy("listen on 127.0.0.1, or say --allow-remote"),
        SandboxError::Listen { .. } => CommandError::new(Exit::InputOutput, error)
            .remedy("choose another port, or port 0 for a free one"),
        SandboxError::Fault { .. } => {
            CommandError::new(Exit::Usage, error).remedy("`lobd exchange --help` lists the faults")
        }
    }
}

fn listen_for(kind: SignalKind) -> Result<tokio::signal::unix::Signal, CommandError> {
    signal(kind).map_err(|error| CommandError::new(Exit::InputOutput, error))
}

/// Basis points between −10 (a rebate) and 100.
fn parse_bps(text: &str) -> Result<Rate, String> {
    match text.parse::<f64>() {
        Ok(bps) if (-10.0..=100.0).contains(&bps) => Ok(Rate::from_bps(bps)),
        Ok(_) | Err(_) => Err("not a number of basis points between -10 and 100".to_owned()),
    }
}
