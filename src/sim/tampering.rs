//! What a venue does that nobody asked for and no event tells, for whoever tests against it.
//!
//! Nothing here happens unless it is called. Invariant: the book's own grid never changes; new
//! filters are multiples of it.

use crate::domain::{AlgoOrderId, Filters, Symbol};

use super::accounts::{Account, AccountId};
use super::exchange::Exchange;
use super::settings::{AccountSettings, SimError};

/// Triggers to refuse, and those refused since last asked.
#[derive(Debug, Default)]
pub(super) struct TriggerRefusals {
    left: u32,
    refused: u64,
}

impl TriggerRefusals {
    /// Whether the order of a stop that triggers now is to be refused.
    pub(super) fn takes_one(&mut self) -> bool {
        let refuses = self.left > 0;
        if refuses {
            self.left -= 1;
            self.refused += 1;
        }
        refuses
    }
}

impl Exchange {
    /// Lets a waiting stop be gone; `false` if none of that id waits.
    pub fn vanish_stop(&mut self, account: AccountId, id: AlgoOrderId) -> bool {
        self.stops.forget_open(account, id)
    }

    /// Refuses the orders of the next so many stops that trigger.
    pub const fn refuse_triggers(&mut self, count: u32) {
        self.trigger_refusals.left = count;
    }

    /// How many triggered stops were refused for it since last asked.
    pub const fn take_refused_triggers(&mut self) -> u64 {
        std::mem::replace(&mut self.trigger_refusals.refused, 0)
    }

    /// Makes an account what it was when it was opened: no orders, stops, positions or history.
    pub fn reset_account(&mut self, id: AccountId, settings: &AccountSettings) {
        for listing in &mut self.listings {
            for order in self.orders.open(id, listing.instrument.symbol) {
                listing.source.cancel(order.key());
            }
        }
        self.orders.forget_account(id);
        self.stops.forget_account(id);
        if let Some(account) = self.account_mut(id) {
            *account = Account::new(settings);
        }
    }

    /// Whether a symbol's filters may become these.
    ///
    /// # Errors
    /// [`SimError::NotFed`] for an unknown symbol, [`SimError::FinerGrid`] for a tick or step that
    /// is no multiple of the one the book is kept in.
    pub fn fits_filters(&self, symbol: Symbol, filters: &Filters) -> Result<(), SimError> {
        let at = self.find(symbol).ok_or(SimError::NotFed(symbol))?;
        if self.listings[at].grid.holds(filters) {
            Ok(())
        } else {
            Err(SimError::FinerGrid(symbol))
        }
    }

    /// Changes a symbol's filters for what comes from now on; what rests stays.
    ///
    /// # Errors
    /// As [`Self::fits_filters`].
    pub fn set_filters(&mut self, symbol: Symbol, filters: Filters) -> Result<(), SimError> {
        self.fits_filters(symbol, &filters)?;
        let at = self.find(symbol).ok_or(SimError::NotFed(symbol))?;
        self.listings[at].instrument.filters = filters;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::book::{DepthSnapshot, Level, MarkPrice, MarketEvent};
    use crate::domain::{
        ClientOrderId, Environment, Instrument, Market, OrderId, OrderKind, OrderRequest, Price,
        Side, StopRequest, StopSize, StopStatus, Timestamp,
    };
    use crate::sim::{
        ExchangeEvent, ExchangeSettings, InstrumentSettings, Liquidity, StopName, StopTerms,
    };

    fn symbol() -> Symbol {
        Symbol::new("BTCUSDT").unwrap()
    }

    fn filters() -> Filters {
        Filters {
            tick_size: "0.1".parse().unwrap(),
            step_size: "0.001".parse().unwrap(),
            min_price: "0".parse().unwrap(),
            max_price: "1000000".parse().unwrap(),
            min_quantity: "0.001".parse().unwrap(),
            max_quantity: "1000".parse().unwrap(),
            max_market_quantity: "100".parse().unwrap(),
            min_notional: "5".parse().unwrap(),
            multiplier_up: "1.05".parse().unwrap(),
            multiplier_down: "0.95".parse().unwrap(),
            max_open_orders: 200,
        }
    }

    /// One account, long 1 at 1000.1 in a book of one level a side.
    fn holding() -> (Exchange, AccountId) {
        let (environment, market) = (Environment::Sandbox, Market::Usdm);
        let instrument = Instrument { environment, market, symbol: symbol(), filters: filters() };
        let instruments = vec![InstrumentSettings { instrument, liquidity: Liquidity::Tape }];
        let settings = ExchangeSettings { instruments, seed: 1 };
        let mut exchange = Exchange::new(&settings, Timestamp::from_seconds(1)).unwrap();
        let account = exchange.open_account(&AccountSettings::default());
        let level = |price: &str| Level { price: price.parse().unwrap(), quantity: ten() };
        let snapshot = DepthSnapshot {
            symbol: symbol(),
            last_update_id: 1,
            bids: vec![level("1000")],
            asks: vec![level("1000.1")],
        };
        feed(&mut exchange, &MarketEvent::Snapshot(snapshot));
        mark(&mut exchange, "1000");
        order(&mut exchange, account, "entry", OrderKind::Market);
        (exchange, account)
    }

    fn ten() -> crate::domain::Quantity {
        "10".parse().unwrap()
    }

    fn feed(exchange: &mut Exchange, event: &MarketEvent) {
        let now = exchange.now() + Duration::from_millis(1);
        exchange.feed(now, event).unwrap();
    }

    fn mark(exchange: &mut Exchange, price: &str) {
        let (price, event_time) = (price.parse().unwrap(), exchange.now());
        feed(exchange, &MarketEvent::MarkPrice(MarkPrice { symbol: symbol(), price, event_time }));
    }

    fn order(exchange: &mut Exchange, account: AccountId, name: &str, kind: OrderKind) {
        let request = OrderRequest {
            client_order_id: ClientOrderId::new(name).unwrap(),
            symbol: symbol(),
            side: Side::Buy,
            quantity: "1".parse().unwrap(),
            kind,
            reduce_only: false,
        };
        exchange.place(exchange.now(), account, &request).unwrap();
    }

    fn stop(exchange: &mut Exchange, account: AccountId, name: &str) -> AlgoOrderId {
        let request = StopRequest {
            client_order_id: ClientOrderId::new(name).unwrap(),
            symbol: symbol(),
            side: Side::Sell,
            trigger_price: "990".parse().unwrap(),
            size: StopSize::ClosePosition,
        };
        let terms = StopTerms::default();
        exchange.place_stop(exchange.now(), account, &request, terms).unwrap().report.algo_order_id
    }

    fn resting() -> OrderKind {
        let time_in_force = crate::domain::TimeInForce::GoodTilCanceled;
        OrderKind::Limit { price: "990".parse().unwrap(), time_in_force }
    }

    fn told(exchange: &mut Exchange) -> usize {
        let mut events = Vec::new();
        exchange.drain(&mut events);
        events.iter().filter(|event| !matches!(event, ExchangeEvent::Market { .. })).count()
    }

    #[test]
    fn a_vanished_stop_is_unknown_and_nobody_was_told() {
        let (mut exchange, account) = holding();
        let id = stop(&mut exchange, account, "s");
        told(&mut exchange);
        assert!(exchange.vanish_stop(account, id) && !exchange.vanish_stop(account, id));
        assert_eq!(told(&mut exchange), 0);
        assert_eq!(exchange.query_stop(account, StopName::Id(id)).unwrap_err().code, -2013);
        stop(&mut exchange, account, "s"); // its name is free again
    }

    #[test]
    fn so_many_triggered_stops_are_refused_and_counted() {
        let (mut exchange, account) = holding();
        let (first, second) =
            (stop(&mut exchange, account, "a"), stop(&mut exchange, account, "b"));
        exchange.refuse_triggers(1);
        mark(&mut exchange, "989");
        let status = |id| exchange.query_stop(account, StopName::Id(id)).unwrap().report.status;
        assert_eq!((status(first), status(second)), (StopStatus::Rejected, StopStatus::Finished));
        assert_eq!((exchange.take_refused_triggers(), exchange.take_refused_triggers()), (1, 0));
        assert!(exchange.position(account, symbol()).unwrap().exposure.is_zero());
    }

    #[test]
    fn a_reset_account_is_as_it_was_opened_and_nobody_was_told() {
        let (mut exchange, account) = holding();
        order(&mut exchange, account, "resting", resting());
        stop(&mut exchange, account, "s");
        told(&mut exchange);
        let settings = AccountSettings::default();
        exchange.reset_account(account, &settings);
        assert_eq!(told(&mut exchange), 0);
        assert!(exchange.position(account, symbol()).unwrap().exposure.is_zero());
        assert_eq!(exchange.balance(account).wallet_balance, settings.balance);
        assert!(exchange.open_stops(account, None).is_empty());
        assert!(exchange.all_orders(account, symbol(), OrderId(0), 9).is_empty());
        order(&mut exchange, account, "resting", resting());
        assert_eq!(exchange.open_orders(account, None).len(), 1);
    }

    #[test]
    fn new_filters_are_coarser_and_judge_what_comes() {
        let (mut exchange, account) = holding();
        let tick = |text: &str| Filters { tick_size: text.parse().unwrap(), ..filters() };
        let finer = exchange.set_filters(symbol(), tick("0.25"));
        assert_eq!(finer, Err(SimError::FinerGrid(symbol())));
        exchange.set_filters(symbol(), tick("5")).unwrap();
        let off_grid: Price = "991".parse().unwrap();
        let time_in_force = crate::domain::TimeInForce::GoodTilCanceled;
        let request = OrderRequest {
            client_order_id: ClientOrderId::new("a").unwrap(),
            symbol: symbol(),
            side: Side::Buy,
            quantity: "1".parse().unwrap(),
            kind: OrderKind::Limit { price: off_grid, time_in_force },
            reduce_only: false,
        };
        let refused = exchange.place(exchange.now(), account, &request).unwrap_err();
        assert_eq!(refused.code, -4014);
        order(&mut exchange, account, "b", resting());
    }
}
