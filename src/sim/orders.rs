//! Every ordinary order the exchange has accepted: working, and the newest of the finished.
//!
//! Does not match and does not judge. Invariants: **1** a client id names at most one working order
//! of an account and symbol; **2** a finished order never works again; **3** memory is bounded:
//! beyond [`FINISHED_KEPT`] the oldest finished order is forgotten, as the venue forgets.

use std::collections::{BTreeMap, VecDeque};

use crate::domain::{
    AlgoOrderId, Amount, ClientOrderId, OrderId, OrderKind, OrderReport, OrderRequest, OrderStatus,
    Price, Quantity, Side, Symbol, Timestamp,
};

use super::matching::{AccountId, OrderKey};
use super::position::notional;
use super::terms::OrderTerms;

/// Finished orders kept for queries, over all accounts: about 15 MB.
pub const FINISHED_KEPT: usize = 50_000;

/// Above 2^53, as at the venue: a client that keeps ids in floats fails here and not with money.
const FIRST_ORDER_ID: u64 = 10_000_000_000_000_001;

/// Names an ordinary order in a request: by the venue's id or by the client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderName {
    /// The id the exchange gave.
    Id(OrderId),
    /// The id the client gave; of several orders the newest.
    Client(ClientOrderId),
}

/// An ordinary order with all that the venue's answers tell of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderRecord {
    /// Where it stands.
    pub report: OrderReport,
    /// Its kind and time in force.
    pub kind: OrderKind,
    /// What its request left open.
    pub terms: OrderTerms,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// Price × quantity of its fills.
    pub filled_notional: Amount,
    /// The conditional order that became it, if one did.
    pub stop: Option<AlgoOrderId>,
    /// Whose it is.
    pub account: AccountId,
    /// How often its owner has changed it.
    pub amended: u32,
    /// The owner's name for the newest change.
    pub modify_id: Option<u64>,
    /// What it may still fill; less than ordered − filled once reduce-only has clipped it.
    pub(super) remaining: Quantity,
    /// Its turn among orders of one price: rises with every entry into the book.
    pub(super) entered: u64,
}

/// An order about to be accepted.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewOrder<'a> {
    pub(super) account: AccountId,
    pub(super) request: &'a OrderRequest,
    pub(super) terms: OrderTerms,
    /// The conditional order that becomes it, if one does.
    pub(super) stop: Option<AlgoOrderId>,
}

impl OrderRecord {
    /// Its key in the matching book.
    pub(super) const fn key(&self) -> OrderKey {
        OrderKey(self.report.order_id.0)
    }

    /// Books one trade.
    pub(super) fn fill(&mut self, price: Price, quantity: Quantity, now: Timestamp) {
        let report = &mut self.report;
        report.filled_quantity =
            report.filled_quantity.checked_add(quantity).unwrap_or(report.quantity);
        self.filled_notional = self.filled_notional.saturating_add(notional(price, quantity));
        self.remaining = self.remaining.saturating_sub(quantity);
        report.average_price = average(self.filled_notional, report.filled_quantity);
        report.update_time = now;
        report.status = if report.filled_quantity >= report.quantity {
            OrderStatus::Filled
        } else {
            OrderStatus::PartiallyFilled
        };
    }
}

/// Notional over quantity, rounded half up to 1e-8.
fn average(filled: Amount, quantity: Quantity) -> Option<Price> {
    let quantity = i128::from(quantity.units());
    let one = i128::from(crate::domain::decimal::UNITS_PER_ONE);
    let units = (i128::from(filled.units()) * one + quantity / 2).checked_div(quantity)?;
    Price::from_units(i64::try_from(units).ok()?).ok()
}

/// The exchange's record of orders.
#[derive(Debug)]
pub(super) struct Orders {
    next_id: u64,
    entries: u64,
    records: BTreeMap<OrderId, OrderRecord>,
    /// Working orders, oldest first.
    open: BTreeMap<(AccountId, Symbol), Vec<OrderId>>,
    /// The newest order of each client id.
    by_client: BTreeMap<(AccountId, Symbol, ClientOrderId), OrderId>,
    finished: VecDeque<OrderId>,
}

impl Orders {
    pub(super) const fn new() -> Self {
        Self {
            next_id: FIRST_ORDER_ID,
            entries: 0,
            records: BTreeMap::new(),
            open: BTreeMap::new(),
            by_client: BTreeMap::new(),
            finished: VecDeque::new(),
        }
    }

    /// Leaves so many ids out.
    pub(super) const fn skip_ids(&mut self, count: u64) {
        self.next_id = self.next_id.saturating_add(count);
    }

    /// Accepts an order as NEW.
    pub(super) fn accept(&mut self, now: Timestamp, order: NewOrder<'_>) -> OrderRecord {
        let (account, request) = (order.account, order.request);
        let order_id = OrderId(self.next_id);
        self.next_id += 1;
        let entered = self.next_entry();
        let drafted = Self::draft(now, order);
        let report = OrderReport { order_id, ..drafted.report };
        let record = OrderRecord { report, entered, ..drafted };
        self.records.insert(order_id, record);
        self.open.entry((account, request.symbol)).or_default().push(order_id);
        self.by_client.insert((account, request.symbol, request.client_order_id), order_id);
        record
    }

    /// An order as it would be accepted, without an id.
    pub(super) fn draft(now: Timestamp, order: NewOrder<'_>) -> OrderRecord {
        let NewOrder { account, request, terms, stop } = order;
        let report = OrderReport {
            symbol: request.symbol,
            client_order_id: request.client_order_id,
            order_id: OrderId::default(),
            side: request.side,
            price: request.kind.price(),
            quantity: request.quantity,
            filled_quantity: Quantity::ZERO,
            average_price: None,
            status: OrderStatus::New,
            reduce_only: request.reduce_only,
            update_time: now,
        };
        OrderRecord {
            report,
            kind: request.kind,
            terms,
            created_at: now,
            filled_notional: Amount::ZERO,
            stop,
            account,
            amended: 0,
            modify_id: None,
            remaining: request.quantity,
            entered: 0,
        }
    }

    /// The turn of an order that enters the book now.
    pub(super) const fn next_entry(&mut self) -> u64 {
        self.entries += 1;
        self.entries
    }

    /// Replaces the record of an order, and files it as finished once its status is terminal.
    pub(super) fn update(&mut self, record: OrderRecord) {
        let id = record.report.order_id;
        self.records.insert(id, record);
        if !record.report.status.is_terminal() {
            return;
        }
        if let Some(open) = self.open.get_mut(&(record.account, record.report.symbol)) {
            open.retain(|open| *open != id);
        }
        self.finished.push_back(id);
        if self.finished.len() > FINISHED_KEPT {
            self.forget_oldest();
        }
    }

    /// Forgets every order of an account, working or not.
    pub(super) fn forget_account(&mut self, account: AccountId) {
        self.records.retain(|_, record| record.account != account);
        self.open.retain(|(owner, _), _| *owner != account);
        self.by_client.retain(|(owner, ..), _| *owner != account);
        let records = &self.records;
        self.finished.retain(|id| records.contains_key(id));
    }

    fn forget_oldest(&mut self) {
        let Some(record) = self.finished.pop_front().and_then(|id| self.records.remove(&id)) else {
            return;
        };
        let name = (record.account, record.report.symbol, record.report.client_order_id);
        if self.by_client.get(&name) == Some(&record.report.order_id) {
            self.by_client.remove(&name);
        }
    }

    pub(super) fn get(&self, id: OrderId) -> Option<&OrderRecord> {
        self.records.get(&id)
    }

    pub(super) fn find(
        &self,
        account: AccountId,
        symbol: Symbol,
        name: OrderName,
    ) -> Option<&OrderRecord> {
        let id = match name {
            OrderName::Id(id) => id,
            OrderName::Client(id) => *self.by_client.get(&(account, symbol, id))?,
        };
        self.get(id).filter(|found| found.account == account && found.report.symbol == symbol)
    }

    /// The order of that name, if it still works.
    pub(super) fn find_working(
        &self,
        account: AccountId,
        symbol: Symbol,
        name: OrderName,
    ) -> Option<&OrderRecord> {
        self.find(account, symbol, name).filter(|order| !order.report.status.is_terminal())
    }

    /// Working orders of an account in a symbol, oldest first.
    pub(super) fn open(
        &self,
        account: AccountId,
        symbol: Symbol,
    ) -> impl Iterator<Item = &OrderRecord> {
        self.open
            .get(&(account, symbol))
            .into_iter()
            .flatten()
            .filter_map(|id| self.records.get(id))
    }

    /// Working orders of an account on one side, in the order in which the book would fill them.
    pub(super) fn by_priority(
        &self,
        account: AccountId,
        symbol: Symbol,
        side: Side,
    ) -> Vec<OrderRecord> {
        let mut orders: Vec<OrderRecord> =
            self.open(account, symbol).filter(|order| order.report.side == side).copied().collect();
        orders.sort_by_key(|order| {
            // A market order goes before any price.
            let price = order.report.price.map(|price| -side.sign() * price.units());
            (price, order.entered)
        });
        orders
    }

    /// All orders known of an account in a symbol from an id on, oldest first.
    pub(super) fn all(
        &self,
        account: AccountId,
        symbol: Symbol,
        from: OrderId,
    ) -> impl Iterator<Item = &OrderRecord> {
        self.records
            .range(from..)
            .map(|(_, record)| record)
            .filter(move |record| record.account == account && record.report.symbol == symbol)
    }

    /// Working quantity of a side that may open risk.
    pub(super) fn open_quantity(&self, account: AccountId, symbol: Symbol, side: Side) -> Quantity {
        self.open(account, symbol)
            .filter(|order| order.report.side == side && !order.report.reduce_only)
            .fold(Quantity::ZERO, |sum, order| sum.checked_add(order.remaining).unwrap_or(sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::TimeInForce;

    fn accept(orders: &mut Orders, id: &str) -> OrderRecord {
        let (account, terms) = (AccountId(1), OrderTerms::default());
        let order = NewOrder { account, request: &request(id), terms, stop: None };
        orders.accept(Timestamp::default(), order)
    }

    fn request(id: &str) -> OrderRequest {
        OrderRequest {
            client_order_id: ClientOrderId::new(id).unwrap(),
            symbol: Symbol::new("BTCUSDT").unwrap(),
            side: Side::Buy,
            quantity: "0.003".parse().unwrap(),
            kind: OrderKind::Limit {
                price: "60000".parse().unwrap(),
                time_in_force: TimeInForce::GoodTilCanceled,
            },
            reduce_only: false,
        }
    }

    #[test]
    fn a_client_id_names_the_newest_of_its_orders() {
        let (mut orders, account) = (Orders::new(), AccountId(1));
        let mut first = accept(&mut orders, "a");
        first.report.status = OrderStatus::Canceled;
        orders.update(first);
        let second = accept(&mut orders, "a");
        let name = OrderName::Client(ClientOrderId::new("a").unwrap());
        let found = orders.find(account, first.report.symbol, name).unwrap();
        assert_eq!(found.report.order_id, second.report.order_id);
        assert_eq!(orders.open(account, first.report.symbol).count(), 1);
        assert!(orders.find(AccountId(2), first.report.symbol, name).is_none(), "another's");
    }

    #[test]
    fn the_average_price_is_weighted_by_quantity() {
        let mut orders = Orders::new();
        let mut record = accept(&mut orders, "a");
        let (price, quantity) = (|t: &str| t.parse().unwrap(), |t: &str| t.parse().unwrap());
        record.fill(price("60000"), quantity("0.001"), Timestamp::default());
        assert_eq!(record.report.status, OrderStatus::PartiallyFilled);
        record.fill(price("60003"), quantity("0.002"), Timestamp::default());
        assert_eq!(record.report.average_price, Some(price("60002")));
        assert_eq!(record.report.status, OrderStatus::Filled);
    }
}
