//! The table of settings: name, example value, default, effect. `.env.example` says the same.

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What `.env.example` sets it to.
    pub example: &'static str,
    /// What it is when absent or empty; `None` where nothing is assumed.
    pub default: Option<&'static str>,
}

impl Variable {
    /// Whether what it is set to is nobody else's business.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.name.ends_with("_API_KEY") || self.name.ends_with("_API_SECRET")
    }
}

const fn setting(name: &'static str, default: &'static str) -> Variable {
    Variable { name, example: default, default: Some(default) }
}

const fn without_default(name: &'static str, example: &'static str) -> Variable {
    Variable { name, example, default: None }
}

/// Every setting there is. Units and effects stand in `.env.example`.
pub const VARIABLES: &[Variable] = &[
    without_default("LOBD_ENVIRONMENT", "testnet"),
    without_default("LOBD_ALLOW_PRODUCTION", ""),
    without_default("LOBD_SANDBOX_API_KEY", ""),
    without_default("LOBD_SANDBOX_API_SECRET", ""),
    without_default("LOBD_TESTNET_API_KEY", ""),
    without_default("LOBD_TESTNET_API_SECRET", ""),
    without_default("LOBD_PRODUCTION_API_KEY", ""),
    without_default("LOBD_PRODUCTION_API_SECRET", ""),
    without_default("LOBD_REST_URL", ""),
    without_default("LOBD_STREAM_URL", ""),
    without_default("LOBD_ORDER_SOCKET_URL", ""),
    setting("LOBD_USER_STREAM_FORM", "path"),
    setting("LOBD_DATA_DIR", "./data"),
    setting("LOBD_SYMBOLS", "BTCUSDT"),
    setting("LOBD_LOG", "info"),
    setting("RECV_WINDOW_MS", "5000"),
    setting("ORDER_TRANSPORT", "rest"),
    setting("SELF_TRADE_PREVENTION", "expire_maker"),
    setting("RECORD_BATCH", "1"),
    setting("JOURNAL_KEEP_DAYS", "400"),
    setting("MODEL_MAX_AGE_HOURS", "72"),
    setting("SIGNAL_SPREAD_MULTIPLE", "1"),
    without_default("EDGE_MARGIN_BPS", ""),
    setting("ORDER_NOTIONAL_USDT", "6000"),
    setting("ENTRY_STYLE", "join"),
    setting("ENTRY_LIFE_SECONDS", "10"),
    setting("STOP_LOSS_USDT", "10"),
    setting("VENUE_STOP_MULTIPLE", "1.5"),
    setting("STOP_LOSS_MAX_TRIAL", "3"),
    setting("STOP_LOSS_TRIAL_MS", "1000"),
    setting("STOP_LOSS_BUDGET_MS", "5000"),
    setting("MAX_HOLDING_SECONDS", "60"),
    setting("MAX_POSITION_USDT", "12000"),
    setting("MAX_ACCOUNT_POSITION_USDT", "60000"),
    setting("MAX_ORDER_USDT", "12000"),
    setting("MAX_OPEN_ORDERS", "50"),
    setting("MAX_ORDERS_PER_MINUTE", "60"),
    setting("MAX_DAILY_LOSS_USDT", "200"),
    setting("MAX_DRAWDOWN_USDT", "300"),
    setting("MAX_CONSECUTIVE_LOSSES", "10"),
    setting("MIN_LIQUIDATION_DISTANCE_BPS", "200"),
    setting("MAX_UNPROTECTED_IN_A_ROW", "2"),
    setting("MAX_UNPROTECTED_PER_HOUR", "3"),
    setting("PRICE_COLLAR_BPS", "100"),
    setting("MAX_MID_JUMP_BPS", "100"),
    setting("MID_JUMP_PAUSE_SECONDS", "10"),
    setting("MARK_PRICE_MAX_AGE_MS", "3000"),
    setting("RECONCILE_SECONDS", "5"),
    setting("COUNTDOWN_SECONDS", "60"),
    setting("SHUTDOWN_POLICY", "protect"),
];

/// What any program needs of its surroundings, and a child of ours therefore inherits.
pub(super) const NEEDED_BY_ANY: &[&str] = &["PATH", "HOME", "LANG", "TERM", "TZ", "TMPDIR"];

/// Prefixes that belong to `lobd`: an unknown name that begins so is a typing mistake.
pub(super) const OWN_PREFIXES: &[&str] = &[
    "LOBD_",
    "STOP_LOS",
    "SIGNAL_",
    "ENTRY_",
    "MAX_POSITION_",
    "MAX_ACCOUNT_",
    "MAX_HOLDING_",
    "MAX_ORDER",
    "MAX_OPEN_",
    "MAX_DAILY_",
    "MAX_DRAWDOWN",
    "MAX_CONSECUTIVE_",
    "MAX_UNPROTECTED_",
    "MAX_MID_JUMP",
    "MID_JUMP_",
    "MIN_LIQUIDATION_",
    "ORDER_NOTIONAL",
    "ORDER_TRANSPORT",
    "SELF_TRADE_",
    "VENUE_STOP",
    "EDGE_MARGIN",
    "RECV_WINDOW",
    "RECORD_BATCH",
    "JOURNAL_KEEP",
    "MODEL_MAX_AGE",
    "PRICE_COLLAR",
    "MARK_PRICE_MAX",
    "RECONCILE_",
    "COUNTDOWN_",
    "SHUTDOWN_POLICY",
];

/// Names read elsewhere, by the tests or at a fail point: they are no settings.
pub(super) const FOREIGN_NAMES: &[&str] = &[
    "LOBD_TEST_DATA",
    "LOBD_TEST_FIXTURES",
    "LOBD_BINARY",
    // A build without fail points refuses it, rather than let somebody wait for one.
    #[cfg(feature = "fail-points")]
    "LOBD_FAIL_POINT",
];
