//! What happened, hashed: two simulations of one seed must agree to the last byte.

use sha2::{Digest, Sha256};

use crate::book::Row;
use crate::domain::{Fill, Second};
use crate::sim::OrderRecord;
use crate::store::Record;

/// A running hash of everything that happened.
#[derive(Debug, Default)]
pub(super) struct History(Sha256);

impl History {
    /// The exchange accepted an order.
    pub(super) fn accepted(&mut self, order: &OrderRecord) {
        let report = &order.report;
        self.take("order", report.client_order_id.as_str().as_bytes());
        self.take("at", &order.created_at.nanos().to_le_bytes());
    }

    /// A trade happened.
    pub(super) fn traded(&mut self, fill: &Fill) {
        self.take("trade", &fill.trade_id.0.to_le_bytes());
        self.take("at", &fill.time.nanos().to_le_bytes());
        self.take("price", &fill.price.units().to_le_bytes());
        self.take("quantity", &fill.quantity.on(fill.side).units().to_le_bytes());
    }

    /// An event was journalled, with what it led to.
    pub(super) fn journalled(&mut self, record: &Record) {
        self.take("event", &record.sequence.to_le_bytes());
        self.take("now", &record.now.nanos().to_le_bytes());
        for command in &record.commands {
            self.take("command", command);
        }
    }

    /// A second was recorded.
    pub(super) fn recorded(&mut self, second: Second, row: &Row) {
        self.take("second", &second.unix().to_le_bytes());
        if let Some(snapshot) = &row.snapshot {
            for level in snapshot.bids().iter().chain(snapshot.asks()) {
                self.take("price", &level.price.units().to_le_bytes());
                self.take("quantity", &level.quantity.units().to_le_bytes());
            }
        }
    }

    /// So it went out on the lines, and so the disk was used.
    pub(super) fn passed(&mut self, lines: [u64; 5], disk: u64) {
        for line in lines {
            self.take("line", &line.to_le_bytes());
        }
        self.take("disk", &disk.to_le_bytes());
    }

    /// The hash of it all.
    pub(super) fn hash(self) -> String {
        hex::encode(self.0.finalize())
    }

    fn take(&mut self, what: &str, bytes: &[u8]) {
        self.0.update(what.as_bytes());
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }
}
