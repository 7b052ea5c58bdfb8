//! Everything the engine can ask for. A command is durable before it is carried out.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::domain::{
    ClientOrderId, Exposure, OrderRequest, StopRequest, Symbol, Timestamp, TradeId,
};
use crate::trading::{Approved, Resolution};

/// One thing the outside is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Command {
    /// Place an ordinary order.
    Place(Approved<OrderRequest>),
    /// Cancel an ordinary order.
    Cancel {
        /// What it trades.
        symbol: Symbol,
        /// Which order.
        client_order_id: ClientOrderId,
    },
    /// Ask where an ordinary order stands.
    Query {
        /// What it trades.
        symbol: Symbol,
        /// Which order.
        client_order_id: ClientOrderId,
    },
    /// Place a protective stop.
    PlaceStop(Approved<StopRequest>),
    /// Cancel a protective stop.
    CancelStop {
        /// What it protects.
        symbol: Symbol,
        /// Which order.
        client_order_id: ClientOrderId,
    },
    /// Ask where a protective stop stands.
    QueryStop {
        /// What it protects.
        symbol: Symbol,
        /// Which order.
        client_order_id: ClientOrderId,
    },
    /// Ask for the position in one symbol.
    QueryPosition {
        /// Which symbol.
        symbol: Symbol,
    },
    /// Ask for the whole account.
    QueryAccount {
        /// The newest trade known, per traded symbol: ask for what came after.
        fills_after: BTreeMap<Symbol, Option<TradeId>>,
    },
    /// Ask what moved the account's wallet.
    QueryIncome {
        /// From this moment on.
        since: Timestamp,
    },
    /// Ask how the account is set up.
    QueryTerms {
        /// For which symbols.
        symbols: Vec<Symbol>,
    },
    /// Tell people.
    Notify(Notice),
    /// Remember that the venue's position was taken over: the ledger goes on from it.
    TakeOver {
        /// In which symbol.
        symbol: Symbol,
        /// What is held from here on.
        exposure: Exposure,
        /// The newest trade that is known to be in it.
        last_trade: Option<TradeId>,
        /// When the venue was asked: what happened before is in it.
        asked_at: Timestamp,
    },
    /// Have the venue cancel a symbol's ordinary orders after so long, unless it is told again
    /// before; zero takes that back.
    SetCountdown {
        /// Which symbol.
        symbol: Symbol,
        /// After how long.
        after: Duration,
    },
    /// Remember by what a hidden outcome is known.
    Resolved {
        /// What was traded.
        symbol: Symbol,
        /// How it came to light.
        resolution: Resolution,
    },
}

/// Something people should know, as data; the outside words it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// How urgent it is.
    pub severity: Severity,
    /// What it is about, if one symbol.
    pub symbol: Option<Symbol>,
    /// What happened.
    pub text: String,
}

/// How urgent a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Severity {
    /// State changed.
    Info,
    /// Look at it tomorrow.
    Warning,
    /// A person should act now.
    Alarm,
}
