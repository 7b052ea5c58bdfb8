//! How orders end: by their owner, by their terms, by their date; and what their end brings.

use crate::domain::{OrderId, OrderStatus};

use super::alarms::Alarm;
use super::events::{Execution, ExpiryReason};
use super::exchange::Exchange;
use super::orders::OrderRecord;

impl Exchange {
    /// Ends a working order: out of the book, filed, reported.
    pub(super) fn end(
        &mut self,
        at: usize,
        mut order: OrderRecord,
        status: OrderStatus,
        expiry: ExpiryReason,
    ) -> OrderRecord {
        self.listings[at].source.cancel(order.key());
        order.report.status = status;
        order.report.update_time = self.now;
        self.orders.update(order);
        let is_cancel = status == OrderStatus::Canceled;
        let execution = if is_cancel { Execution::Canceled } else { Execution::Expired };
        self.push_order(&order, execution, expiry);
        self.conclude(&order);
        self.after_book_change(at);
        order
    }

    /// Does what the end of an order brings: its date is off, the stop that became it is finished.
    pub(super) fn conclude(&mut self, order: &OrderRecord) {
        if let Some(date) = order.terms.good_till {
            self.alarms.clear(date, Alarm::OrderDate(order.report.order_id));
        }
        if let Some(stop) = order.stop {
            self.finish_stop(stop, order);
        }
    }

    /// Ends an order whose date has come.
    pub(super) fn end_at_date(&mut self, id: OrderId) {
        let Some(order) = self.orders.get(id).filter(|order| !order.report.status.is_terminal())
        else {
            return;
        };
        let (order, symbol) = (*order, order.report.symbol);
        if let Some(at) = self.find(symbol) {
            self.end(at, order, OrderStatus::Expired, ExpiryReason::None);
        }
    }
}
