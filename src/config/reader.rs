//! Reads and checks single settings, collecting every problem instead of stopping at the first.

use std::ffi::OsString;
use std::fmt::Display;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::domain::{Amount, Environment, Rate, SelfTradePrevention, Symbol};
use crate::sign::Secret;
use crate::trading::{EntryStyle, RiskLimits, ShutdownPolicy, TradingSettings};

use super::variables::{FOREIGN_NAMES, NEEDED_BY_ANY, OWN_PREFIXES, VARIABLES};
use super::{ConfigError, Credentials, OrderTransport, Urls, UserStreamForm, Variables};

/// Hosts of the venue, by environment (exchange-api.md 1.1).
const PRODUCTION_URLS: [&str; 3] =
    ["https://fapi.binance.com", "wss://fstream.binance.com", "wss://ws-fapi.binance.com"];
const TESTNET_URLS: [&str; 3] = [
    "https://demo-fapi.binance.com",
    "wss://demo-fstream.binance.com",
    "wss://testnet.binancefuture.com",
];

/// Reads a settings file into variables, without touching the process environment.
pub(super) fn read_file(path: &Path) -> Result<Variables, ConfigError> {
    let lines = dotenvy::from_path_iter(path).map_err(|error| {
        if let dotenvy::Error::Io(source) = error {
            return ConfigError::Unreadable { path: path.to_owned(), source };
        }
        malformed(path, &error)
    })?;
    let mut variables = Variables::new();
    for line in lines {
        let (name, value) = line.map_err(|error| malformed(path, &error))?;
        variables.insert(name, value);
    }
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    refuse_exposed_secrets(path, &variables, credentials.as_deref())?;
    Ok(variables)
}

/// dotenvy quotes the line, which may hold a secret; only the place is told.
fn malformed(path: &Path, error: &dotenvy::Error) -> ConfigError {
    let what = if let dotenvy::Error::LineParse(_, at) = error {
        format!("a line that is no NAME=value, at byte {at} of the line")
    } else {
        "a line that is no NAME=value".to_owned()
    };
    ConfigError::Malformed { path: path.to_owned(), what }
}

/// Permission bits by which somebody else could read or change a file.
const OTHERS: u32 = 0o077;
/// Of these, what a file handed over by systemd may show: since version 254 its access list stands
/// in the group's bits, though no group may read it.
const CREDENTIAL_GROUP: u32 = 0o040;

#[cfg(unix)]
pub(super) fn refuse_exposed_secrets(
    path: &Path,
    variables: &Variables,
    credentials: Option<&Path>,
) -> Result<(), ConfigError> {
    use std::os::unix::fs::PermissionsExt;
    let is_credential = credentials.is_some_and(|folder| path.starts_with(folder));
    let allowed = if is_credential { CREDENTIAL_GROUP } else { 0 };
    let holds_secret =
        variables.iter().any(|(name, value)| name.ends_with("_API_SECRET") && !value.is_empty());
    let metadata = std::fs::metadata(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let mode = metadata.permissions().mode() & 0o777;
    if holds_secret && mode & OTHERS & !allowed != 0 {
        return Err(ConfigError::Exposed { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn refuse_exposed_secrets(
    _: &Path,
    _: &Variables,
    _: Option<&Path>,
) -> Result<(), ConfigError> {
    Ok(())
}

/// The variables of the process environment that are settings, or are meant to be.
pub(super) fn process_environment() -> Variables {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| {
            VARIABLES.iter().any(|variable| variable.name == name) || is_own_prefix(name)
        })
        .collect()
}

/// What a child process inherits: the settings without the secrets, and what any program needs.
pub(super) fn environment_without_secrets() -> impl Iterator<Item = (OsString, OsString)> {
    let is_harmless = |name: &str| {
        VARIABLES.iter().any(|variable| variable.name == name && !variable.is_secret())
            || NEEDED_BY_ANY.contains(&name)
    };
    std::env::vars_os().filter(move |(name, _)| name.to_str().is_some_and(is_harmless))
}

fn is_own_prefix(name: &str) -> bool {
    OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Reads settings one by one. A problem is noted and a harmless value returned in its place;
/// [`Reader::finish`] lets nothing out if any problem was noted.
pub(super) struct Reader<'a> {
    variables: &'a Variables,
    problems: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(variables: &'a Variables) -> Self {
        let problems = variables
            .keys()
            .filter(|name| is_own_prefix(name) && !FOREIGN_NAMES.contains(&name.as_str()))
            .filter(|name| !VARIABLES.iter().any(|variable| variable.name == name.as_str()))
            .map(|name| format!("{name} is no setting of lobd"))
            .collect();
        Self { variables, problems }
    }

    pub(super) fn finish<T>(self, settings: T) -> Result<T, ConfigError> {
        if self.problems.is_empty() {
            return Ok(settings);
        }
        Err(ConfigError::Invalid { problems: self.problems })
    }

    /// The value set, else the default, else nothing.
    fn lookup(&self, name: &str) -> Option<&'a str> {
        debug_assert!(VARIABLES.iter().any(|variable| variable.name == name), "{name} is listed");
        let set = self.variables.get(name).map(String::as_str).filter(|text| !text.is_empty());
        set.or_else(|| VARIABLES.iter().find(|variable| variable.name == name)?.default)
    }

    fn problem(&mut self, name: &str, what: impl Display) {
        self.problems.push(format!("{name} {what}"));
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.lookup(name).unwrap_or_default().to_owned()
    }

    fn parsed<T: FromStr>(&mut self, name: &str, meant: &str) -> Option<T> {
        let text = self.lookup(name)?;
        let value = text.parse().ok();
        if value.is_none() {
            self.problem(name, format_args!("must be {meant}, not {text:?}"));
        }
        value
    }

    pub(super) fn integer(&mut self, name: &str, range: RangeInclusive<u32>) -> u32 {
        let lowest = *range.start();
        let value = self.parsed(name, "a whole number").unwrap_or(lowest);
        if !range.contains(&value) {
            let (from, to) = range.into_inner();
            self.problem(name, format_args!("must be {from} to {to}, not {value}"));
        }
        value
    }

    pub(super) fn millis(&mut self, name: &str, range: RangeInclusive<u32>) -> Duration {
        Duration::from_millis(u64::from(self.integer(name, range)))
    }

    fn seconds(&mut self, name: &str, range: RangeInclusive<u32>) -> Duration {
        Duration::from_secs(u64::from(self.integer(name, range)))
    }

    /// A number of days for which something is kept; 0 keeps it for ever.
    pub(super) fn days_kept(&mut self, name: &str) -> Option<u32> {
        Some(self.integer(name, 0..=36_500)).filter(|days| *days > 0)
    }

    pub(super) fn hours(&mut self, name: &str, range: RangeInclusive<u32>) -> Duration {
        Duration::from_secs(3_600 * u64::from(self.integer(name, range)))
    }

    fn positive_amount(&mut self, name: &str) -> Amount {
        let amount = self.parsed(name, "an amount of USDT like 10.5").unwrap_or(Amount::ZERO);
        if amount <= Amount::ZERO {
            self.problem(name, format_args!("must be above zero, not {amount}"));
        }
        amount
    }

    fn rate(&mut self, name: &str, lowest: &str) -> Rate {
        let value = self.parsed(name, "a decimal number").unwrap_or(Rate::ZERO);
        if lowest.parse::<Rate>().is_ok_and(|bound| value < bound) {
            self.problem(name, format_args!("must be at least {lowest}, not {value}"));
        }
        value
    }

    /// A number of basis points as a fraction; exact, since 1e-8 / 1e-4 leaves four places.
    fn bps(&mut self, name: &str) -> Rate {
        let points = self.rate(name, "0");
        points.times(Rate::from_bps(1.0))
    }

    pub(super) fn environment(&mut self) -> Environment {
        let environment = match self.lookup("LOBD_ENVIRONMENT") {
            Some("sandbox") => Environment::Sandbox,
            Some("testnet") => Environment::Testnet,
            Some("production") => Environment::Production,
            Some(other) => {
                let what = format!("must be sandbox, testnet or production, not {other:?}");
                self.problem("LOBD_ENVIRONMENT", what);
                Environment::Sandbox
            }
            None => {
                self.problem("LOBD_ENVIRONMENT", "is not set: sandbox, testnet or production");
                Environment::Sandbox
            }
        };
        let allowed = self.lookup("LOBD_ALLOW_PRODUCTION") == Some("yes");
        if environment == Environment::Production && !allowed {
            self.problem("LOBD_ALLOW_PRODUCTION", "must be yes to trade real money");
        }
        environment
    }

    pub(super) fn symbols(&mut self, name: &str) -> Vec<Symbol> {
        let text = self.lookup(name).unwrap_or_default();
        let mut symbols = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match Symbol::new(part) {
                Ok(symbol) => symbols.push(symbol),
                Err(error) => self.problem(name, format_args!("holds {error}")),
            }
        }
        symbols.sort_unstable();
        symbols.dedup();
        if symbols.is_empty() {
            self.problem(name, "must name at least one symbol, like BTCUSDT");
        }
        symbols
    }

    pub(super) fn urls(&mut self, environment: Environment) -> Urls {
        let rest = self.url("LOBD_REST_URL", environment, ["http://", "https://"], 0);
        let streams = self.url("LOBD_STREAM_URL", environment, ["ws://", "wss://"], 1);
        let name = "LOBD_ORDER_SOCKET_URL";
        // The sandbox takes orders where its streams are.
        let is_implied = environment == Environment::Sandbox && self.lookup(name).is_none();
        let order_socket = if is_implied {
            streams.clone()
        } else {
            self.url(name, environment, ["ws://", "wss://"], 2)
        };
        Urls { rest, streams, order_socket }
    }

    pub(super) fn user_stream_form(&mut self) -> UserStreamForm {
        match self.lookup("LOBD_USER_STREAM_FORM") {
            Some("path") => UserStreamForm::Path,
            Some("query") => UserStreamForm::Query,
            other => {
                let what = format!("must be path or query: {other:?}");
                self.problem("LOBD_USER_STREAM_FORM", what);
                UserStreamForm::Path
            }
        }
    }

    pub(super) fn order_transport(&mut self) -> OrderTransport {
        match self.lookup("ORDER_TRANSPORT") {
            Some("rest") => OrderTransport::Rest,
            Some("websocket") => OrderTransport::WebSocket,
            other => {
                let what = format!("must be rest or websocket: {other:?}");
                self.problem("ORDER_TRANSPORT", what);
                OrderTransport::Rest
            }
        }
    }

    pub(super) fn self_trade_prevention(&mut self) -> SelfTradePrevention {
        match self.lookup("SELF_TRADE_PREVENTION") {
            Some("expire_maker") => SelfTradePrevention::ExpireMaker,
            Some("expire_taker") => SelfTradePrevention::ExpireTaker,
            Some("expire_both") => SelfTradePrevention::ExpireBoth,
            other => {
                let what = format!("must be expire_maker, expire_taker or expire_both: {other:?}");
                self.problem("SELF_TRADE_PREVENTION", what);
                SelfTradePrevention::default()
            }
        }
    }

    fn url(
        &mut self,
        name: &str,
        environment: Environment,
        schemes: [&str; 2],
        which: usize,
    ) -> String {
        let default = match environment {
            Environment::Production => PRODUCTION_URLS[which],
            Environment::Testnet => TESTNET_URLS[which],
            Environment::Sandbox => "",
        };
        let url = self.lookup(name).unwrap_or(default).trim_end_matches('/').to_owned();
        if url.is_empty() {
            if self.lookup("LOBD_ENVIRONMENT").is_some() {
                self.problem(name, "is not set: on the sandbox, what `lobd exchange` prints");
            }
            return url;
        }
        let Some((scheme, host)) = split_url(&url, schemes) else {
            self.problem(name, format_args!("must begin with {} or {}", schemes[0], schemes[1]));
            return url;
        };
        let is_plain = scheme == schemes[0];
        let is_production_host =
            ["fapi", "ws-fapi", "fstream"].iter().any(|name| host.starts_with(name));
        let is_production_host = is_production_host && host.ends_with(".binance.com");
        match environment {
            Environment::Sandbox if !is_loopback(host) => {
                self.problem(name, "must be a loopback address on the sandbox");
            }
            Environment::Testnet if is_production_host => {
                self.problem(name, "names the production venue, but the environment is testnet");
            }
            Environment::Production if !is_production_host && !is_loopback(host) => {
                self.problem(name, "does not name the production venue");
            }
            Environment::Testnet | Environment::Production if is_plain && !is_loopback(host) => {
                self.problem(name, "would send the key unencrypted");
            }
            Environment::Sandbox | Environment::Testnet | Environment::Production => {}
        }
        url
    }

    pub(super) fn credentials(&mut self, environment: Environment) -> Option<Credentials> {
        let (key_name, secret_name) = match environment {
            Environment::Sandbox => ("LOBD_SANDBOX_API_KEY", "LOBD_SANDBOX_API_SECRET"),
            Environment::Testnet => ("LOBD_TESTNET_API_KEY", "LOBD_TESTNET_API_SECRET"),
            Environment::Production => ("LOBD_PRODUCTION_API_KEY", "LOBD_PRODUCTION_API_SECRET"),
        };
        match (self.lookup(key_name), self.lookup(secret_name)) {
            (Some(key), Some(secret)) => Some(Credentials {
                api_key: Secret::new(key.to_owned()),
                api_secret: Secret::new(secret.to_owned()),
            }),
            (Some(_), None) => {
                self.problem(secret_name, format_args!("is not set, but {key_name} is"));
                None
            }
            (None, Some(_)) => {
                self.problem(key_name, format_args!("is not set, but {secret_name} is"));
                None
            }
            (None, None) => None,
        }
    }

    pub(super) fn trading(&mut self, environment: Environment) -> TradingSettings {
        TradingSettings {
            signal_spread_multiple: self.rate("SIGNAL_SPREAD_MULTIPLE", "0"),
            edge_margin: self.edge_margin(environment),
            order_notional: self.positive_amount("ORDER_NOTIONAL_USDT"),
            entry_style: self.entry_style(),
            entry_life: self.seconds("ENTRY_LIFE_SECONDS", 1..=3_600),
            stop_loss: self.positive_amount("STOP_LOSS_USDT"),
            venue_stop_multiple: self.rate("VENUE_STOP_MULTIPLE", "1"),
            stop_loss_max_trial: self.integer("STOP_LOSS_MAX_TRIAL", 0..=100),
            stop_loss_trial_wait: self.millis("STOP_LOSS_TRIAL_MS", 100..=60_000),
            stop_loss_budget: self.millis("STOP_LOSS_BUDGET_MS", 0..=60_000),
            max_holding: self.seconds("MAX_HOLDING_SECONDS", 1..=86_400),
            limits: self.limits(),
            mark_price_max_age: self.millis("MARK_PRICE_MAX_AGE_MS", 500..=60_000),
            reconcile_interval: self.seconds("RECONCILE_SECONDS", 1..=3_600),
            countdown: self.seconds("COUNTDOWN_SECONDS", 0..=600),
            shutdown_policy: self.shutdown_policy(),
        }
    }

    fn limits(&mut self) -> RiskLimits {
        RiskLimits {
            position_notional: self.positive_amount("MAX_POSITION_USDT"),
            account_notional: self.positive_amount("MAX_ACCOUNT_POSITION_USDT"),
            order_notional: self.positive_amount("MAX_ORDER_USDT"),
            open_orders: self.integer("MAX_OPEN_ORDERS", 1..=10_000),
            orders_per_minute: self.integer("MAX_ORDERS_PER_MINUTE", 1..=1_000),
            price_collar: self.bps("PRICE_COLLAR_BPS"),
            daily_loss: self.positive_amount("MAX_DAILY_LOSS_USDT"),
            drawdown: self.positive_amount("MAX_DRAWDOWN_USDT"),
            consecutive_losses: self.integer("MAX_CONSECUTIVE_LOSSES", 1..=1_000),
            liquidation_distance: self.bps("MIN_LIQUIDATION_DISTANCE_BPS"),
            unprotected_in_a_row: self.integer("MAX_UNPROTECTED_IN_A_ROW", 1..=1_000),
            unprotected_per_hour: self.integer("MAX_UNPROTECTED_PER_HOUR", 1..=1_000),
            mid_jump: self.bps("MAX_MID_JUMP_BPS"),
            mid_jump_pause: self.seconds("MID_JUMP_PAUSE_SECONDS", 1..=3_600),
        }
    }

    /// Unset it is nothing on the sandbox, whose tier is its own, and one basis point elsewhere.
    fn edge_margin(&mut self, environment: Environment) -> Rate {
        if self.lookup("EDGE_MARGIN_BPS").is_some() {
            return self.bps("EDGE_MARGIN_BPS");
        }
        match environment {
            Environment::Sandbox => Rate::ZERO,
            Environment::Testnet | Environment::Production => Rate::from_bps(1.0),
        }
    }

    fn entry_style(&mut self) -> EntryStyle {
        match self.lookup("ENTRY_STYLE") {
            Some("join") => EntryStyle::Join,
            Some("improve") => EntryStyle::Improve,
            Some("cross") => EntryStyle::Cross,
            other => {
                self.problem(
                    "ENTRY_STYLE",
                    format_args!("must be join, improve or cross: {other:?}"),
                );
                EntryStyle::Join
            }
        }
    }

    fn shutdown_policy(&mut self) -> ShutdownPolicy {
        match self.lookup("SHUTDOWN_POLICY") {
            Some("protect") => ShutdownPolicy::Protect,
            Some("flatten") => ShutdownPolicy::Flatten,
            other => {
                self.problem(
                    "SHUTDOWN_POLICY",
                    format_args!("must be protect or flatten: {other:?}"),
                );
                ShutdownPolicy::Protect
            }
        }
    }
}

/// Splits a URL without a path into scheme and host (the port dropped).
fn split_url<'u>(url: &'u str, schemes: [&'u str; 2]) -> Option<(&'u str, &'u str)> {
    let scheme = schemes.into_iter().find(|scheme| url.starts_with(scheme))?;
    let authority = &url[scheme.len()..];
    if authority.is_empty() || authority.contains(['/', '@', '?', '#']) {
        return None;
    }
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        Some(_) | None => authority,
    };
    Some((scheme, host))
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
