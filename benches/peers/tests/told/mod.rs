//! What the client's user stream tells, kept in the order in which it came.

use std::any::Any;
use std::str::FromStr;

use binance_sdk::config::ConfigurationWebsocketStreams;
use binance_sdk::derivatives_trading_usds_futures::DerivativesTradingUsdsFuturesWsStreams;
use binance_sdk::derivatives_trading_usds_futures::rest_api::RestApi;
use binance_sdk::derivatives_trading_usds_futures::websocket_streams::{
    AccountUpdateA, AlgoUpdateO, OrderTradeUpdateO, UserDataStreamEventsResponse,
};
use rust_decimal::Decimal;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use crate::exchange::DEADLINE;

/// The events of one account.
pub struct Told {
    events: UnboundedReceiver<UserDataStreamEventsResponse>,
    orders: Vec<OrderTradeUpdateO>,
    algos: Vec<AlgoUpdateO>,
    accounts: Vec<AccountUpdateA>,
    /// The connection and its subscription: dropped, they would end.
    _stream: Box<dyn Any>,
}

impl Told {
    /// Opens the client's user stream.
    pub async fn listen(rest: &RestApi, ready: &Value) -> Self {
        let key = rest.start_user_data_stream().await.unwrap().data().await.unwrap();
        let configuration = ConfigurationWebsocketStreams::builder()
            .ws_url(ready["ws"].as_str().unwrap().to_owned())
            .build()
            .unwrap();
        let streams = DerivativesTradingUsdsFuturesWsStreams::from_config(configuration);
        let connected = timeout(DEADLINE, streams.connect()).await.unwrap().unwrap();
        let stream = connected.user_data(key.listen_key.unwrap(), None).await.unwrap();
        let (sender, events) = unbounded_channel();
        stream.on_message(move |event: UserDataStreamEventsResponse| {
            // The test may have ended.
            let _ = sender.send(event);
        });
        let (orders, algos, accounts) = (Vec::new(), Vec::new(), Vec::new());
        Self { events, orders, algos, accounts, _stream: Box::new((connected, stream)) }
    }

    /// The events of an order, which are these executions and no others so far.
    pub async fn executions(&mut self, name: &str, wanted: &[&str]) -> Vec<OrderTradeUpdateO> {
        loop {
            let of_it = self.orders.iter().filter(|order| order.c.as_deref() == Some(name));
            let events: Vec<OrderTradeUpdateO> = of_it.cloned().collect();
            if events.len() >= wanted.len() {
                let told: Vec<&str> =
                    events.iter().map(|order| order.x.as_deref().unwrap()).collect();
                assert_eq!(told, wanted, "{name}");
                return events;
            }
            self.hear(name).await;
        }
    }

    /// Waits until an order is filled by trades that add up.
    pub async fn filled(&mut self, name: &str, quantity: Decimal) {
        self.filled_when(name, quantity, |order| order.c.as_deref() == Some(name)).await;
    }

    /// The same, of an order that the venue named.
    pub async fn filled_by_id(&mut self, id: i64, quantity: Decimal) {
        self.filled_when(&id.to_string(), quantity, |order| order.i == Some(id)).await;
    }

    async fn filled_when(
        &mut self,
        what: &str,
        quantity: Decimal,
        is_it: impl Fn(&OrderTradeUpdateO) -> bool,
    ) {
        loop {
            let trades = self
                .orders
                .iter()
                .filter(|order| is_it(order) && order.x.as_deref() == Some("TRADE"));
            let (mut filled, mut status) = (Decimal::ZERO, None);
            for trade in trades {
                filled += Decimal::from_str(trade.l.as_deref().unwrap()).unwrap();
                status = trade.x_uppercase.as_deref();
            }
            if status == Some("FILLED") {
                assert_eq!(filled, quantity, "{what}");
                return;
            }
            self.hear(what).await;
        }
    }

    /// The events of a conditional order, which are these states and no others so far.
    pub async fn algo_states(&mut self, name: &str, wanted: &[&str]) -> Vec<AlgoUpdateO> {
        loop {
            let of_it = self.algos.iter().filter(|order| order.caid.as_deref() == Some(name));
            let events: Vec<AlgoUpdateO> = of_it.cloned().collect();
            if events.len() >= wanted.len() {
                let told: Vec<&str> =
                    events.iter().map(|order| order.x_uppercase.as_deref().unwrap()).collect();
                assert_eq!(told, wanted, "{name}");
                return events;
            }
            self.hear(name).await;
        }
    }

    /// The newest change of the account.
    pub async fn account(&mut self) -> AccountUpdateA {
        loop {
            if let Some(update) = self.accounts.last() {
                return update.clone();
            }
            self.hear("ACCOUNT_UPDATE").await;
        }
    }

    async fn hear(&mut self, what: &str) {
        let heard = timeout(DEADLINE, self.events.recv()).await;
        let event = heard.unwrap_or_else(|_| panic!("not told in time: {what}")).unwrap();
        match event {
            UserDataStreamEventsResponse::OrderTradeUpdate(update) => {
                self.orders.extend(update.o.map(|order| *order));
            }
            UserDataStreamEventsResponse::AlgoUpdate(update) => {
                self.algos.extend(update.o.map(|order| *order));
            }
            UserDataStreamEventsResponse::AccountUpdate(update) => {
                self.accounts.extend(update.a.map(|account| *account));
            }
            UserDataStreamEventsResponse::TradeLite(_) => {}
            // What the client cannot read as the type it knows comes as bare JSON.
            other => panic!("not an event the client knows: {other:?}"),
        }
    }
}
