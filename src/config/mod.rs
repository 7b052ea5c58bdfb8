//! Settings from `.env` and the environment: typed, range-checked, all problems reported at once.
//!
//! `.env.example` is the schema for people, [`VARIABLES`] the one for the program; a test keeps the
//! two equal. Nothing here enters the process environment. The process environment wins over the
//! file, so that one value can be tried without editing it.
//!
//! Invariants: the environment (sandbox, testnet, production) is always explicit; production wants
//! a second, unmistakable setting; keys of one environment never reach another (I20, I9).

mod reader;
mod variables;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use crate::domain::{Environment, SelfTradePrevention, Symbol};
use crate::sign::Secret;
use crate::trading::TradingSettings;

pub use variables::{VARIABLES, Variable};

use reader::Reader;

/// Settings by name, as read from the file and the environment.
pub type Variables = BTreeMap<String, String>;

/// Everything the operator can set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whose money.
    pub environment: Environment,
    /// Folder of tape, journal, models and control socket.
    pub data_dir: PathBuf,
    /// What is recorded, in order; ordered and without duplicates.
    pub symbols: Vec<Symbol>,
    /// Where the venue is.
    pub urls: Urls,
    /// The key of this environment; `None` if it is not set (recording needs none).
    pub credentials: Option<Credentials>,
    /// How long after its timestamp a signed request may still be accepted.
    pub recv_window: Duration,
    /// How the account's stream is asked for.
    pub user_stream_form: UserStreamForm,
    /// Which way orders go to the venue.
    pub order_transport: OrderTransport,
    /// Which order goes when two of ours would trade with each other.
    pub self_trade_prevention: SelfTradePrevention,
    /// Seconds that share one commit of the tape.
    pub record_batch: u32,
    /// For how many days events are kept; `None` is for ever.
    pub journal_keep_days: Option<u32>,
    /// How long after its promotion a model may trade.
    pub model_max_age: Duration,
    /// What is logged.
    pub log_filter: String,
    /// The numbers of the trading cycle.
    pub trading: TradingSettings,
}

/// Where the venue is: scheme, host and port, without a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urls {
    /// The REST interface.
    pub rest: String,
    /// The streams; routes (`/public`, `/market`, `/private`) are added to it.
    pub streams: String,
    /// Where orders are taken over WebSocket.
    pub order_socket: String,
}

/// How the account's stream is asked for (exchange-api.md 1.2): both forms were seen to work and
/// to stay silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserStreamForm {
    /// `/private/ws/<key>`.
    Path,
    /// `/private/ws?listenKey=<key>&events=…`.
    Query,
}

/// Which way orders go to the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderTransport {
    /// One HTTP request each.
    Rest,
    /// A WebSocket that stays open, and REST while it is not.
    WebSocket,
}

/// An API key of one environment.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Names the account.
    pub api_key: Secret,
    /// Signs its requests.
    pub api_secret: Secret,
}

/// Why there are no settings.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The settings file cannot be read.
    #[error("cannot read the settings file {path}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A line of the settings file is no `NAME=value`.
    #[error("the settings file {path} is malformed: {what}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong, without quoting a value that may be a secret.
        what: String,
    },
    /// The settings file holds secrets and others may read it.
    #[error(
        "the settings file {path} holds secrets and others may read it (mode {mode:o}); run: chmod 600 {path}"
    )]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// One or more settings are wrong.
    #[error("{}", problems.join("; "))]
    Invalid {
        /// Every problem found, each naming its setting.
        problems: Vec<String>,
    },
}

/// Reads the settings file and lays the process environment over it.
///
/// Without `file`, `./.env` is read if it is there.
///
/// # Errors
/// [`ConfigError`] if the file is missing though named, malformed, or exposes secrets.
pub fn read_variables(file: Option<&Path>) -> Result<Variables, ConfigError> {
    let default = Path::new(".env");
    let path = file.or_else(|| default.is_file().then_some(default));
    let mut variables = path.map_or_else(|| Ok(Variables::new()), reader::read_file)?;
    if let Some(path) = path {
        refuse_unknown_names(path, &variables)?;
    }
    variables.extend(reader::process_environment());
    Ok(variables)
}

/// A misspelt limit would leave the default in force: every name in the file must be known.
fn refuse_unknown_names(path: &Path, variables: &Variables) -> Result<(), ConfigError> {
    let is_known = |name: &str| VARIABLES.iter().any(|variable| variable.name == name);
    let unknown = variables.keys().filter(|name| !is_known(name));
    let problem = |name: &String| format!("{name} in {} is no setting of lobd", path.display());
    let problems: Vec<String> = unknown.map(problem).collect();
    if problems.is_empty() { Ok(()) } else { Err(ConfigError::Invalid { problems }) }
}

/// What a child process of ours inherits of the environment: nothing that is secret.
pub fn environment_without_secrets() -> impl Iterator<Item = (OsString, OsString)> {
    reader::environment_without_secrets()
}

/// Where a user's programs keep what lives no longer than the machine runs: `XDG_RUNTIME_DIR`, else
/// the folder for temporary files.
#[must_use]
pub fn runtime_dir() -> PathBuf {
    let set = std::env::var_os("XDG_RUNTIME_DIR").filter(|path| Path::new(path).is_absolute());
    set.map_or_else(std::env::temp_dir, PathBuf::from)
}

/// The data folder, needed even by commands that need no other setting.
#[must_use]
pub fn data_dir(variables: &Variables) -> PathBuf {
    variables
        .get("LOBD_DATA_DIR")
        .filter(|text| !text.is_empty())
        .map_or_else(|| PathBuf::from("./data"), PathBuf::from)
}

/// The numbers of the trading cycle alone: simulated trading needs no venue and no key.
///
/// # Errors
/// [`ConfigError::Invalid`] with every problem found among them.
pub fn trading_settings(
    variables: &Variables,
    environment: Environment,
) -> Result<TradingSettings, ConfigError> {
    let mut reader = Reader::new(variables);
    let settings = reader.trading(environment);
    reader.finish(settings)
}

impl Settings {
    /// Checks every variable and builds the settings.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] with every problem found.
    pub fn from_variables(variables: &Variables) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(variables);
        let environment = reader.environment();
        let settings = Self {
            environment,
            data_dir: data_dir(variables),
            symbols: reader.symbols("LOBD_SYMBOLS"),
            urls: reader.urls(environment),
            credentials: reader.credentials(environment),
            recv_window: reader.millis("RECV_WINDOW_MS", 1..=5_000),
            user_stream_form: reader.user_stream_form(),
            order_transport: reader.order_transport(),
            self_trade_prevention: reader.self_trade_prevention(),
            record_batch: reader.integer("RECORD_BATCH", 1..=600),
            journal_keep_days: reader.days_kept("JOURNAL_KEEP_DAYS"),
            model_max_age: reader.hours("MODEL_MAX_AGE_HOURS", 1..=8_760),
            log_filter: reader.text("LOBD_LOG"),
            trading: reader.trading(environment),
        };
        reader.finish(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn problems(pairs: &[(&str, &str)]) -> String {
        Settings::from_variables(&variables(pairs)).unwrap_err().to_string()
    }

    #[test]
    fn the_example_file_is_the_schema_and_loads() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".env.example");
        let file = reader::read_file(&path).unwrap();
        let named: Vec<_> = file.keys().map(String::as_str).collect();
        let mut known: Vec<_> = VARIABLES.iter().map(|variable| variable.name).collect();
        known.sort_unstable();
        assert_eq!(named, known, "the same settings in .env.example and in the program");
        for variable in VARIABLES {
            assert_eq!(file[variable.name], variable.example, "{}", variable.name);
        }
        let settings = Settings::from_variables(&file).unwrap();
        assert_eq!(settings.environment, Environment::Testnet);
        assert!(settings.credentials.is_none(), "the example holds no secrets");
    }

    #[test]
    fn the_environment_has_no_default() {
        assert!(problems(&[]).contains("LOBD_ENVIRONMENT"));
    }

    #[test]
    fn production_wants_a_second_setting() {
        let production = ("LOBD_ENVIRONMENT", "production");
        assert!(problems(&[production]).contains("LOBD_ALLOW_PRODUCTION"));
        let allowed = variables(&[production, ("LOBD_ALLOW_PRODUCTION", "yes")]);
        assert!(Settings::from_variables(&allowed).is_ok());
    }

    #[test]
    fn keys_and_hosts_of_one_environment_never_reach_another() {
        let settings = Settings::from_variables(&variables(&[
            ("LOBD_ENVIRONMENT", "testnet"),
            ("LOBD_PRODUCTION_API_KEY", "k"),
            ("LOBD_PRODUCTION_API_SECRET", "s"),
        ]))
        .unwrap();
        assert!(settings.credentials.is_none());
        let crossed =
            [("LOBD_ENVIRONMENT", "testnet"), ("LOBD_REST_URL", "https://fapi.binance.com")];
        assert!(problems(&crossed).contains("LOBD_REST_URL"));
        let sandbox = [
            ("LOBD_ENVIRONMENT", "sandbox"),
            ("LOBD_REST_URL", "http://example.com"),
            ("LOBD_STREAM_URL", "ws://127.0.0.1:1"),
        ];
        assert!(problems(&sandbox).contains("loopback"));
    }

    #[test]
    fn orders_go_by_rest_unless_set_and_on_the_sandbox_by_the_streams_port() {
        let sandbox = [
            ("LOBD_ENVIRONMENT", "sandbox"),
            ("LOBD_REST_URL", "http://127.0.0.1:1"),
            ("LOBD_STREAM_URL", "ws://127.0.0.1:2"),
        ];
        let settings = Settings::from_variables(&variables(&sandbox)).unwrap();
        assert_eq!(settings.order_transport, OrderTransport::Rest);
        assert_eq!(settings.user_stream_form, UserStreamForm::Path);
        assert_eq!(settings.urls.order_socket, "ws://127.0.0.1:2");
        let testnet = [("LOBD_ENVIRONMENT", "testnet"), ("ORDER_TRANSPORT", "websocket")];
        let settings = Settings::from_variables(&variables(&testnet)).unwrap();
        assert_eq!(settings.order_transport, OrderTransport::WebSocket);
        assert_eq!(settings.urls.order_socket, "wss://testnet.binancefuture.com");
        let by_query = [testnet[0], ("LOBD_USER_STREAM_FORM", "query")];
        let settings = Settings::from_variables(&variables(&by_query)).unwrap();
        assert_eq!(settings.user_stream_form, UserStreamForm::Query);
        assert!(problems(&[testnet[0], ("LOBD_USER_STREAM_FORM", "ring")]).contains("query"));
        let crossed = [testnet[0], ("LOBD_ORDER_SOCKET_URL", "wss://ws-fapi.binance.com")];
        assert!(problems(&crossed).contains("LOBD_ORDER_SOCKET_URL"));
        assert!(problems(&[testnet[0], ("ORDER_TRANSPORT", "pigeon")]).contains("websocket"));
    }

    #[test]
    fn the_resting_order_goes_unless_set_otherwise_when_two_of_ours_meet() {
        let testnet = ("LOBD_ENVIRONMENT", "testnet");
        let prevention = |pairs: &[(&str, &str)]| {
            Settings::from_variables(&variables(pairs)).unwrap().self_trade_prevention
        };
        assert_eq!(prevention(&[testnet]), SelfTradePrevention::ExpireMaker);
        let taker = ("SELF_TRADE_PREVENTION", "expire_taker");
        assert_eq!(prevention(&[testnet, taker]), SelfTradePrevention::ExpireTaker);
        let both = ("SELF_TRADE_PREVENTION", "expire_both");
        assert_eq!(prevention(&[testnet, both]), SelfTradePrevention::ExpireBoth);
        let none = ("SELF_TRADE_PREVENTION", "none");
        assert!(problems(&[testnet, none]).contains("expire_maker"));
    }

    /// Denials are believed after the longest window of acceptance; a longer one would make an
    /// order accepted late a stranger (exchange-api.md 7.3).
    #[test]
    fn no_window_of_acceptance_is_longer_than_inquiries_reckon_with() {
        let wide = [("LOBD_ENVIRONMENT", "testnet"), ("RECV_WINDOW_MS", "5001")];
        assert!(problems(&wide).contains("RECV_WINDOW_MS"));
        let widest = [wide[0], ("RECV_WINDOW_MS", "5000")];
        let settings = Settings::from_variables(&variables(&widest)).unwrap();
        assert!(settings.recv_window <= crate::trading::LONGEST_ACCEPTANCE);
    }

    #[test]
    fn all_problems_are_reported_together() {
        let text = problems(&[
            ("LOBD_ENVIRONMENT", "testnet"),
            ("STOP_LOSS_USDT", "ten"),
            ("RECORD_BATCH", "0"),
            ("STOP_LOS_USDT", "10"),
            ("LOBD_SYMBOLS", "BTC USDT"),
        ]);
        for name in ["STOP_LOSS_USDT", "RECORD_BATCH", "STOP_LOS_USDT", "LOBD_SYMBOLS"] {
            assert!(text.contains(name), "{name} in {text}");
        }
    }

    #[test]
    fn a_secret_is_never_quoted() {
        let secret = "s3cr3t-value";
        let text =
            problems(&[("LOBD_ENVIRONMENT", "testnet"), ("LOBD_TESTNET_API_SECRET", secret)]);
        assert!(!text.contains(secret), "{text}");
        let settings = Settings::from_variables(&variables(&[
            ("LOBD_ENVIRONMENT", "testnet"),
            ("LOBD_TESTNET_API_KEY", "key"),
            ("LOBD_TESTNET_API_SECRET", secret),
        ]));
        assert!(!format!("{settings:?}").contains(secret));
    }

    #[cfg(unix)]
    #[test]
    fn a_settings_file_with_secrets_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings");
        std::fs::write(&path, "LOBD_TESTNET_API_SECRET=abc\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(reader::read_file(&path), Err(ConfigError::Exposed { .. })));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(reader::read_file(&path).is_ok());
        assert!(reader::read_file(&folder.path().join("none")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_credential_of_systemd_may_show_its_access_list_in_the_groups_bits() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lobd.env");
        let secret = variables(&[("LOBD_TESTNET_API_SECRET", "abc")]);
        std::fs::write(&path, "").unwrap();
        let refused = |mode, credentials: Option<&Path>| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            reader::refuse_exposed_secrets(&path, &secret, credentials).is_err()
        };
        assert!(!refused(0o440, Some(folder.path())));
        assert!(refused(0o440, None), "any other file");
        assert!(refused(0o444, Some(folder.path())), "all the world may read it");
        assert!(refused(0o460, Some(folder.path())), "the group may change it");
    }

    #[test]
    fn a_name_in_the_file_that_is_no_setting_is_refused_however_it_begins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings");
        std::fs::write(&path, "LOBD_ENVIRONMENT=testnet\nMAX_POSITON_USDT=1\n").unwrap();
        let error = read_variables(Some(&path)).unwrap_err().to_string();
        assert!(error.contains("MAX_POSITON_USDT") && error.contains("settings"), "{error}");
        std::fs::write(&path, "LOBD_ENVIRONMENT=testnet\nMAX_POSITION_USDT=1\n").unwrap();
        assert!(read_variables(Some(&path)).is_ok());
    }

    #[test]
    fn a_malformed_line_is_named_without_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings");
        std::fs::write(&path, "LOBD_ENVIRONMENT=testnet\nthis is 'not a setting\n").unwrap();
        let error = reader::read_file(&path).unwrap_err();
        assert!(matches!(error, ConfigError::Malformed { .. }));
        assert!(!error.to_string().contains("not a setting"), "{error}");
    }
}
