//! The venue of the engine's stories: one symbol, one account, one price on each side.

use std::collections::BTreeMap;
use std::time::Duration;

use lobd::domain::{
    AccountReport, AccountTerms, Amount, BalanceReport, ClientOrderId, Exposure, Fill, Income,
    OrderId, OrderKind, OrderReport, OrderRequest, OrderStatus, PositionReport, Price, Quantity,
    Rejection, Side, StopReport, StopRequest, StopSize, StopStatus, SymbolTerms, TimeInForce,
    Timestamp, TradeId,
};
use lobd::engine::Event;

use super::given::{parse, symbol};

#[derive(Debug, Clone, Copy)]
pub(super) struct VenueOrder {
    request: OrderRequest,
    pub(super) report: OrderReport,
}

/// The venue: one symbol, one account, one price on each side.
#[derive(Debug)]
pub(crate) struct Venue {
    pub(super) orders: BTreeMap<ClientOrderId, VenueOrder>,
    pub(super) stops: BTreeMap<ClientOrderId, StopReport>,
    pub(crate) fills: Vec<Fill>,
    pub(crate) exposure: Exposure,
    entry_price: Price,
    pub(crate) best_bid: Price,
    pub(crate) best_ask: Price,
    /// Where the mark price stands if not at the mid.
    pub(crate) mark_apart: Option<Price>,
    /// Where it would liquidate, if it says so.
    pub(crate) liquidation_price: Option<Price>,
    /// When its countdown runs out, if it runs.
    pub(crate) countdown_ends_at: Option<Timestamp>,
    /// What moved its wallet, as far as it tells.
    pub(crate) income: Vec<Income>,
    /// What it holds, as far as it tells.
    pub(crate) balances: Vec<BalanceReport>,
    /// How it says the account is set up.
    pub(crate) terms: AccountTerms,
    next_id: u64,
    /// Every id ever seen, to catch one used twice.
    pub(crate) placed: Vec<ClientOrderId>,
}

impl Default for Venue {
    fn default() -> Self {
        let usual = SymbolTerms { leverage: 20, is_isolated: false };
        let symbols = BTreeMap::from([(super::symbol(), usual)]);
        Self {
            orders: BTreeMap::new(),
            stops: BTreeMap::new(),
            fills: Vec::new(),
            exposure: Exposure::ZERO,
            entry_price: Price::ZERO,
            best_bid: Price::ZERO,
            best_ask: Price::ZERO,
            mark_apart: None,
            liquidation_price: None,
            countdown_ends_at: None,
            income: Vec::new(),
            balances: Vec::new(),
            terms: AccountTerms { is_hedged: false, has_multi_assets: false, symbols },
            next_id: 0,
            placed: Vec::new(),
        }
    }
}

impl Venue {
    pub(super) fn set_countdown(&mut self, now: Timestamp, after: Duration) {
        self.countdown_ends_at = (!after.is_zero()).then(|| now + after);
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn place(
        &mut self,
        now: Timestamp,
        request: &OrderRequest,
    ) -> Result<Vec<Event>, Rejection> {
        assert!(!self.placed.contains(&request.client_order_id), "an id was used twice");
        self.placed.push(request.client_order_id);
        let closing = self.exposure.side().map(Side::opposite);
        if request.reduce_only && closing != Some(request.side) {
            return Err(refusal(-2022));
        }
        let crossing = self.taken_price(request);
        let is_post_only =
            matches!(request.kind, OrderKind::Limit { time_in_force: TimeInForce::PostOnly, .. });
        if crossing.is_some() && is_post_only {
            return Err(refusal(-5022));
        }
        let report = OrderReport {
            symbol: request.symbol,
            client_order_id: request.client_order_id,
            order_id: OrderId(self.id()),
            side: request.side,
            price: request.kind.price(),
            quantity: request.quantity,
            filled_quantity: Quantity::ZERO,
            average_price: None,
            status: OrderStatus::New,
            reduce_only: request.reduce_only,
            update_time: now,
        };
        let order = VenueOrder { request: *request, report };
        self.orders.insert(request.client_order_id, order);
        let mut events = vec![Event::Order(report)];
        if let Some(price) = crossing {
            events.extend(self.fill(
                now,
                request.client_order_id,
                request.quantity,
                (price, false),
            ));
        }
        Ok(events)
    }

    fn taken_price(&self, request: &OrderRequest) -> Option<Price> {
        let opposite = match request.side {
            Side::Buy => self.best_ask,
            Side::Sell => self.best_bid,
        };
        let takes = match (request.kind, request.side) {
            (OrderKind::Market, _) => true,
            (OrderKind::Limit { price, .. }, Side::Buy) => price >= opposite,
            (OrderKind::Limit { price, .. }, Side::Sell) => price <= opposite,
        };
        takes.then_some(opposite)
    }

    /// Fills part of an order; returns what the user stream tells.
    pub(super) fn fill(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        quantity: Quantity,
        (price, is_maker): (Price, bool),
    ) -> Vec<Event> {
        let trade_id = TradeId(self.id());
        let Some(order) = self.orders.get_mut(&id) else { return Vec::new() };
        if order.report.status.is_terminal() {
            return Vec::new();
        }
        let mut left = order.request.quantity.saturating_sub(order.report.filled_quantity);
        if order.request.reduce_only {
            left = left.min(self.exposure.quantity());
        }
        let traded = left.min(quantity);
        if traded.is_zero() {
            order.report.status = OrderStatus::Expired;
            return vec![Event::Order(order.report)];
        }
        let filled = order.report.filled_quantity.checked_add(traded).unwrap();
        order.report.filled_quantity = filled;
        order.report.update_time = now;
        let has_reduced_all = order.request.reduce_only && traded == self.exposure.quantity();
        order.report.status = if filled >= order.request.quantity {
            OrderStatus::Filled
        } else if has_reduced_all {
            OrderStatus::Expired
        } else {
            OrderStatus::PartiallyFilled
        };
        let (report, side) = (order.report, order.request.side);
        let fill = self.book(now, (trade_id, report.order_id, Some(id)), (side, traded), price);
        let fill = Fill { is_maker, ..fill };
        self.fills.pop();
        self.fills.push(fill);
        vec![Event::Fill(fill), Event::Order(report)]
    }

    fn book(
        &mut self,
        now: Timestamp,
        (trade_id, order_id, client_order_id): (TradeId, OrderId, Option<ClientOrderId>),
        (side, quantity): (Side, Quantity),
        price: Price,
    ) -> Fill {
        let before = self.exposure;
        self.exposure = before.checked_add(quantity.on(side)).unwrap();
        if before.is_zero() || before.side() != self.exposure.side() {
            self.entry_price = price;
        }
        let fill = Fill {
            symbol: symbol(),
            trade_id,
            order_id,
            client_order_id,
            side,
            price,
            quantity,
            commission: Amount::ZERO,
            commission_asset: parse("USDT"),
            realized_pnl: Amount::ZERO,
            is_maker: false,
            time: now,
        };
        self.fills.push(fill);
        fill
    }

    /// A trade somebody else made on our account.
    pub(crate) fn outsider_trades(
        &mut self,
        now: Timestamp,
        side: Side,
        quantity: Quantity,
    ) -> Fill {
        let (trade_id, order_id) = (TradeId(self.id()), OrderId(self.id()));
        let name = Some(parse("web_by-hand"));
        let price = self.best_bid;
        self.book(now, (trade_id, order_id, name), (side, quantity), price)
    }

    /// An order somebody else left in the book.
    pub(crate) fn outsider_orders(&mut self, now: Timestamp, side: Side) {
        let kind =
            OrderKind::Limit { price: parse("50000"), time_in_force: TimeInForce::GoodTilCanceled };
        let request = OrderRequest {
            client_order_id: parse("web_by-hand"),
            symbol: symbol(),
            side,
            quantity: parse("0.01"),
            kind,
            reduce_only: false,
        };
        let _ = self.place(now, &request);
    }

    pub(super) fn cancel(&mut self, id: ClientOrderId) -> Result<OrderReport, Rejection> {
        match self.orders.get_mut(&id) {
            Some(order) if !order.report.status.is_terminal() => {
                order.report.status = OrderStatus::Canceled;
                Ok(order.report)
            }
            Some(_) | None => Err(refusal(-2011)),
        }
    }

    pub(super) fn place_stop(
        &mut self,
        now: Timestamp,
        request: &StopRequest,
    ) -> Result<StopReport, Rejection> {
        assert!(!self.placed.contains(&request.client_order_id), "an id was used twice");
        self.placed.push(request.client_order_id);
        let report = StopReport {
            symbol: request.symbol,
            client_order_id: request.client_order_id,
            algo_order_id: lobd::domain::AlgoOrderId(self.id()),
            side: request.side,
            trigger_price: request.trigger_price,
            size: request.size,
            status: StopStatus::New,
            child_order_id: None,
            reason: None,
            update_time: now,
        };
        if self.is_touched(&report) {
            return Err(refusal(-2021));
        }
        self.stops.insert(request.client_order_id, report.clone());
        Ok(report)
    }

    fn is_touched(&self, stop: &StopReport) -> bool {
        let mark_price = self.mark_price();
        match stop.side {
            Side::Sell => mark_price <= stop.trigger_price,
            Side::Buy => mark_price >= stop.trigger_price,
        }
    }

    pub(crate) fn mark_price(&self) -> Price {
        self.mark_apart.unwrap_or_else(|| self.best_bid.midpoint(self.best_ask))
    }

    /// The price moves: resting orders it goes through fill, stops it touches trigger.
    pub(super) fn move_to(
        &mut self,
        now: Timestamp,
        best_bid: Price,
        best_ask: Price,
    ) -> Vec<Event> {
        (self.best_bid, self.best_ask) = (best_bid, best_ask);
        let mut events = Vec::new();
        for id in self.working() {
            let request = self.orders[&id].request;
            let price = request.kind.price().unwrap();
            let is_through = match request.side {
                Side::Buy => price >= best_ask,
                Side::Sell => price <= best_bid,
            };
            if is_through {
                events.extend(self.fill(now, id, request.quantity, (price, true)));
            }
        }
        let touched: Vec<StopReport> =
            self.waiting_stops().filter(|stop| self.is_touched(stop)).cloned().collect();
        for stop in touched {
            events.extend(self.trigger(now, stop));
        }
        events
    }

    fn trigger(&mut self, now: Timestamp, mut stop: StopReport) -> Vec<Event> {
        let StopSize::Quantity(quantity) = stop.size else { return Vec::new() };
        let quantity = quantity.min(self.exposure.quantity());
        let order_id = OrderId(self.id());
        stop.status = StopStatus::Finished;
        stop.child_order_id = Some(order_id);
        self.stops.insert(stop.client_order_id, stop.clone());
        if self.exposure.side() != Some(stop.side.opposite()) {
            return vec![Event::Stop(stop)];
        }
        let price = match stop.side {
            Side::Sell => self.best_bid,
            Side::Buy => self.best_ask,
        };
        let ids = (TradeId(self.id()), order_id, None);
        let fill = self.book(now, ids, (stop.side, quantity), price);
        vec![Event::Stop(stop), Event::Fill(fill)]
    }

    /// Orders that work at the venue.
    pub(crate) fn working(&self) -> Vec<ClientOrderId> {
        let working = self.orders.values().filter(|order| !order.report.status.is_terminal());
        working.map(|order| order.request.client_order_id).collect()
    }

    /// Requests of orders that work at the venue.
    pub(crate) fn working_requests(&self) -> Vec<OrderRequest> {
        self.working().iter().map(|id| self.orders[id].request).collect()
    }

    /// What this side's opening orders may still fill.
    pub(crate) fn may_fill(&self, side: Side) -> Exposure {
        let opening = self.orders.values().filter(|order| {
            let request = &order.request;
            !order.report.status.is_terminal() && !request.reduce_only && request.side == side
        });
        opening.fold(Exposure::ZERO, |sum, order| {
            let left = order.request.quantity.saturating_sub(order.report.filled_quantity);
            sum.checked_add(left.on(side)).unwrap()
        })
    }

    /// Stops that wait at the venue.
    pub(crate) fn waiting_stops(&self) -> impl Iterator<Item = &StopReport> {
        self.stops.values().filter(|stop| stop.status == StopStatus::New)
    }

    /// Says this of every working order from now on; returns what the user stream tells.
    pub(crate) fn call_orders(&mut self, status: OrderStatus) -> Vec<Event> {
        let working = self.orders.values_mut().filter(|order| !order.report.status.is_terminal());
        let call = |order: &mut VenueOrder| {
            order.report.status = status;
            Event::Order(order.report)
        };
        working.map(call).collect()
    }

    /// Says this of every stop from now on; returns what the user stream tells.
    pub(crate) fn call_stops(&mut self, status: StopStatus) -> Vec<Event> {
        let call = |stop: &mut StopReport| {
            stop.status = status;
            Event::Stop(stop.clone())
        };
        self.stops.values_mut().map(call).collect()
    }

    /// A stop that is silently gone.
    pub(crate) fn lose_stops(&mut self) {
        self.stops.clear();
    }

    /// The stops that wait are touched, and nothing comes of it.
    pub(crate) fn touch_stops(&mut self) -> Vec<Event> {
        let waiting = self.stops.values_mut().filter(|stop| stop.status == StopStatus::New);
        let touch = |stop: &mut StopReport| {
            stop.status = StopStatus::Triggered;
            Event::Stop(stop.clone())
        };
        waiting.map(touch).collect()
    }

    pub(crate) fn position(&self, now: Timestamp) -> PositionReport {
        let mark_price = self.mark_price();
        PositionReport {
            symbol: symbol(),
            exposure: self.exposure,
            entry_price: self.entry_price,
            mark_price,
            unrealized_pnl: Amount::profit(self.exposure, self.entry_price, mark_price).unwrap(),
            liquidation_price: self.liquidation_price,
            update_time: now,
        }
    }

    pub(super) fn account(&self, now: Timestamp, after: Option<TradeId>) -> AccountReport {
        let has_position = !self.exposure.is_zero();
        AccountReport {
            asked_at: now,
            positions: has_position.then(|| self.position(now)).into_iter().collect(),
            open_orders: self.working().iter().map(|id| self.orders[id].report).collect(),
            open_stops: self.waiting_stops().cloned().collect(),
            fills: self
                .fills
                .iter()
                .filter(|fill| after.is_none_or(|after| fill.trade_id > after))
                .map(|fill| Fill { client_order_id: None, ..*fill })
                .collect(),
            balances: self.balances.clone(),
        }
    }
}

pub(super) fn refusal(code: i32) -> Rejection {
    Rejection { code, reason: "test".to_owned() }
}
