//! The trading cycle as pure state machines: events in, commands out; no clock, no I/O.
//!
//! | machine | answers |
//! |---|---|
//! | [`signal`] | is the predicted move worth its costs? |
//! | [`prices`] | where do entry, take-profit and stop stand? |
//! | [`risk`] | may this be sent? ([`Approved`]) |
//! | [`LossWatch`] | has too much been lost? |
//! | [`UnprotectedWatch`] | does the venue take stops at all? |
//! | [`order`], [`Blotter`] | where does each order stand, and what may still fill? |
//! | [`Resolution`] | by what is a hidden outcome known? |
//! | [`Position`] | what is held, at which price, with which profit? |
//! | [`protection`] | does a stop at the venue cover it? |
//! | [`Countdown`] | who cancels an entry once nobody is there? |
//! | [`stop_loss`] | how is it closed for certain? |
//! | [`reconcile`] | does the venue agree? |
//!
//! The machines know nothing of each other beyond reading; `engine/` composes them.
//!
//! Invariants: **1** exposure plus in-flight never exceeds the limit; **2** an open position has one
//! live protective stop, or a close in flight, within the bound; **3** a client order id is used
//! once; an unknown outcome is queried, never resent; **4** a terminal order stays terminal, except
//! cancelled → filled; **5** position is a function of the set of trade ids; **6** after a halt every
//! command reduces exposure; **7** no signal from stale or gapped data; **8** same journal, same
//! commands.

mod approved;
mod blotter;
mod countdown;
mod doubt;
mod inquiry;
mod limits;
mod losses;
pub mod order;
mod position;
pub mod prices;
pub mod protection;
pub mod reconcile;
pub mod risk;
mod settings;
pub mod signal;
pub mod stop_loss;
mod unprotected;
mod wallet;
mod why_not;

pub use approved::Approved;
pub use blotter::Blotter;
pub use countdown::Countdown;
pub use doubt::{Doubt, Outcome, Proof, Resolution};
pub use inquiry::{Inquiry, LONGEST_ACCEPTANCE};
pub use limits::RiskLimits;
pub use losses::{LossBreach, LossWatch};
pub use position::{LastTrade, Position, is_priced_in};
pub use settings::{EntryStyle, ShutdownPolicy, TradingSettings};
pub use unprotected::{UnprotectedBreach, UnprotectedWatch};
pub use wallet::{UNEXPLAINED_LIMIT, Wallet, WalletDifference};
pub use why_not::WhyNot;
