//! The one port: what the daemon asks of a venue, whichever it is.
//!
//! Every method's failure carries its outcome class ([`Failure`]): could not ask, was refused, may
//! have happened, was asked to be silent.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use crate::book::{DepthSnapshot, PublicTrade};
use crate::domain::{
    AccountReport, AccountTerms, ClientOrderId, Failure, Fill, Income, OrderReport, OrderRequest,
    PositionReport, StopReport, StopRequest, Symbol, Timestamp, TradeId,
};

/// The result of asking the venue for something.
pub type Answer<T> = Result<T, Failure>;

/// The most trades in one answer of [`Venue::public_trades`].
pub const PUBLIC_TRADES_MAX: u32 = 1_000;

/// A venue's trading interface, implemented over REST and the order socket.
pub trait Venue: Send + Sync + 'static {
    /// Places an ordinary order; the answer is its acknowledgement.
    fn place(&self, order: &OrderRequest) -> impl Future<Output = Answer<OrderReport>> + Send;

    /// Cancels an ordinary order; the answer is its last state.
    fn cancel(
        &self,
        symbol: Symbol,
        id: ClientOrderId,
    ) -> impl Future<Output = Answer<OrderReport>> + Send;

    /// Cancels every ordinary order of a symbol.
    fn cancel_all(&self, symbol: Symbol) -> impl Future<Output = Answer<()>> + Send;

    /// Asks where an ordinary order stands.
    fn query(
        &self,
        symbol: Symbol,
        id: ClientOrderId,
    ) -> impl Future<Output = Answer<OrderReport>> + Send;

    /// Places a protective stop (a conditional market order on mark price).
    fn place_stop(&self, stop: &StopRequest) -> impl Future<Output = Answer<StopReport>> + Send;

    /// Cancels a protective stop; the venue's answer carries no state, so none is returned.
    fn cancel_stop(&self, id: ClientOrderId) -> impl Future<Output = Answer<()>> + Send;

    /// Asks where a protective stop stands.
    fn query_stop(&self, id: ClientOrderId) -> impl Future<Output = Answer<StopReport>> + Send;

    /// Has the venue cancel every ordinary order of a symbol after so long, unless asked again
    /// before; zero takes that back.
    fn set_countdown(
        &self,
        symbol: Symbol,
        after: Duration,
    ) -> impl Future<Output = Answer<()>> + Send;

    /// Working ordinary orders of a symbol.
    fn open_orders(&self, symbol: Symbol) -> impl Future<Output = Answer<Vec<OrderReport>>> + Send;

    /// Waiting conditional orders of a symbol.
    fn open_stops(&self, symbol: Symbol) -> impl Future<Output = Answer<Vec<StopReport>>> + Send;

    /// The position in a symbol; a flat one is reported as zero.
    fn position(&self, symbol: Symbol) -> impl Future<Output = Answer<PositionReport>> + Send;

    /// Our trades in a symbol after `after` (or since `since` if no trade is known), oldest first,
    /// all pages.
    fn fills(
        &self,
        symbol: Symbol,
        after: Option<TradeId>,
        since: Timestamp,
    ) -> impl Future<Output = Answer<Vec<Fill>>> + Send;

    /// The whole account: positions, orders, stops, balances, and fills after the given trades.
    fn account(
        &self,
        fills_after: &BTreeMap<Symbol, Option<TradeId>>,
        since: Timestamp,
    ) -> impl Future<Output = Answer<AccountReport>> + Send;

    /// What moved the account's wallet from one moment on, before another, oldest first.
    fn income(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Future<Output = Answer<Vec<Income>>> + Send;

    /// How the account is set up, as a whole and for these symbols.
    fn account_terms(
        &self,
        symbols: &[Symbol],
    ) -> impl Future<Output = Answer<AccountTerms>> + Send;

    /// A whole order book of up to 1,000 levels a side.
    fn depth(&self, symbol: Symbol) -> impl Future<Output = Answer<DepthSnapshot>> + Send;

    /// Aggregated public trades from an id on, in order, at most [`PUBLIC_TRADES_MAX`]; with none,
    /// the newest.
    fn public_trades(
        &self,
        symbol: Symbol,
        from: Option<TradeId>,
    ) -> impl Future<Output = Answer<Vec<PublicTrade>>> + Send;
}
