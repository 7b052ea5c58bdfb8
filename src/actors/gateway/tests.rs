//! What becomes of requests that panic and of requests that hang.

use std::collections::BTreeMap;

use super::super::supervisor::{Supervisor, SupervisorError};
use super::super::trader::trader_mailbox;
use super::*;
use crate::book::{DepthSnapshot, PublicTrade};
use crate::clock::SystemClock;
use crate::domain::{
    AccountReport, AccountTerms, ClientOrderId, Fill, Income, OrderReport, OrderRequest,
    PositionReport, StopReport, StopRequest, Symbol, TradeId,
};
use crate::venue::Answer;

/// A venue that never answers a question for a position and breaks on any other.
struct Broken;

fn breaks<T>() -> Answer<T> {
    panic!("suspect state in a request")
}

impl Venue for Broken {
    async fn place(&self, _: &OrderRequest) -> Answer<OrderReport> {
        breaks()
    }
    async fn cancel(&self, _: Symbol, _: ClientOrderId) -> Answer<OrderReport> {
        breaks()
    }
    async fn cancel_all(&self, _: Symbol) -> Answer<()> {
        breaks()
    }
    async fn query(&self, _: Symbol, _: ClientOrderId) -> Answer<OrderReport> {
        breaks()
    }
    async fn place_stop(&self, _: &StopRequest) -> Answer<StopReport> {
        breaks()
    }
    async fn cancel_stop(&self, _: ClientOrderId) -> Answer<()> {
        breaks()
    }
    async fn query_stop(&self, _: ClientOrderId) -> Answer<StopReport> {
        breaks()
    }
    async fn set_countdown(&self, _: Symbol, _: Duration) -> Answer<()> {
        breaks()
    }
    async fn open_orders(&self, _: Symbol) -> Answer<Vec<OrderReport>> {
        breaks()
    }
    async fn open_stops(&self, _: Symbol) -> Answer<Vec<StopReport>> {
        breaks()
    }
    async fn position(&self, _: Symbol) -> Answer<PositionReport> {
        std::future::pending().await
    }
    async fn fills(&self, _: Symbol, _: Option<TradeId>, _: Timestamp) -> Answer<Vec<Fill>> {
        breaks()
    }
    async fn account(
        &self,
        _: &BTreeMap<Symbol, Option<TradeId>>,
        _: Timestamp,
    ) -> Answer<AccountReport> {
        breaks()
    }
    async fn income(&self, _: Timestamp, _: Timestamp) -> Answer<Vec<Income>> {
        breaks()
    }
    async fn account_terms(&self, _: &[Symbol]) -> Answer<AccountTerms> {
        breaks()
    }
    async fn depth(&self, _: Symbol) -> Answer<DepthSnapshot> {
        breaks()
    }
    async fn public_trades(&self, _: Symbol, _: Option<TradeId>) -> Answer<Vec<PublicTrade>> {
        breaks()
    }
}

fn gateway() -> (GatewayHandle, Gateway<Broken>) {
    let (handle, mailbox) = gateway_mailbox();
    let clock = Arc::new(SystemClock::start());
    (handle, Gateway::new(Arc::new(Broken), clock, mailbox, trader_mailbox().0))
}

fn symbol() -> Symbol {
    Symbol::new("BTCUSDT").unwrap()
}

/// Promise I16: a panic in a request is no request that failed.
#[tokio::test]
async fn a_panic_in_a_request_ends_the_run() {
    let (handle, gateway) = gateway();
    let mut supervisor = Supervisor::new();
    supervisor.spawn("gateway", gateway, CancellationToken::new());
    let id = ClientOrderId::new("one").unwrap();
    handle.carry_out(Command::Query { symbol: symbol(), client_order_id: id }).unwrap();
    let error = supervisor.next().await.unwrap().unwrap_err();
    assert!(matches!(error, SupervisorError::Panicked(_)), "{error}");
    assert!(error.to_string().contains("suspect state in a request"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn requests_that_hang_keep_it_from_nothing_and_it_ends_without_them() {
    let (handle, gateway) = gateway();
    let pulse = gateway.pulse();
    let mut supervisor = Supervisor::new();
    supervisor.spawn("gateway", gateway, CancellationToken::new());
    for _ in 0..IN_FLIGHT_MAX {
        handle.carry_out(Command::QueryPosition { symbol: symbol() }).unwrap();
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(pulse.beats() >= 10, "{}", pulse.beats());
    drop(handle);
    assert_eq!(supervisor.next().await.unwrap().unwrap(), "gateway");
}
