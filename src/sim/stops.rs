//! Conditional orders waiting for their trigger.
//!
//! Does not trigger by itself: the exchange asks with each price. Invariants: **1** a client id
//! names at most one waiting stop of an account; **2** a stop leaves its waiting state once; **3**
//! beyond [`FINISHED_KEPT`] the oldest finished stop is forgotten.

use std::collections::{BTreeMap, VecDeque};

use crate::domain::{
    AlgoOrderId, ClientOrderId, Price, Side, StopReport, StopRequest, StopStatus, Symbol, Timestamp,
};

use super::events::ChildFills;
use super::matching::AccountId;

/// Finished stops kept for queries, over all accounts: about 10 MB.
const FINISHED_KEPT: usize = 20_000;

/// Waiting stops an account may have over all symbols (exchange-api.md 4.6).
pub(super) const MAX_OPEN_STOPS: usize = 200;

/// A counter of its own: algo ids and order ids are never confused.
const FIRST_ALGO_ORDER_ID: u64 = 1_000_000_000_000_001;

/// Names a conditional order in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopName {
    /// The id the exchange gave.
    Id(AlgoOrderId),
    /// The id the client gave; of several the newest.
    Client(ClientOrderId),
}

/// Which price triggers a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkingPrice {
    /// The mark price.
    Mark,
    /// The last traded price.
    Contract,
}

/// What a stop request leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopTerms {
    /// Which price triggers it.
    pub working_price: WorkingPrice,
    /// Whether the order it becomes may only reduce the position; a closing stop always may only.
    pub reduce_only: bool,
}

impl Default for StopTerms {
    /// A protective stop: mark price, reduce-only.
    fn default() -> Self {
        Self { working_price: WorkingPrice::Mark, reduce_only: true }
    }
}

/// A conditional order with all that the venue's answers tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopRecord {
    /// Where it stands.
    pub report: StopReport,
    /// What its request left open.
    pub terms: StopTerms,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it triggered.
    pub triggered_at: Option<Timestamp>,
    /// What the order it became has traded, once triggered.
    pub child: ChildFills,
    /// Whose it is.
    pub account: AccountId,
}

impl StopRecord {
    /// Whether a price touches the trigger: a buy from below, a sell from above.
    pub(super) fn is_touched_by(&self, price: Price) -> bool {
        is_touched(self.report.side, self.report.trigger_price, price)
    }
}

/// Whether `price` triggers a stop of this side.
pub(super) fn is_touched(side: Side, trigger_price: Price, price: Price) -> bool {
    match side {
        Side::Buy => price >= trigger_price,
        Side::Sell => price <= trigger_price,
    }
}

/// The exchange's record of conditional orders.
#[derive(Debug)]
pub(super) struct Stops {
    next_id: u64,
    /// Waiting for their trigger, oldest first.
    open: BTreeMap<AlgoOrderId, StopRecord>,
    finished: BTreeMap<AlgoOrderId, StopRecord>,
    order_of_finish: VecDeque<AlgoOrderId>,
    by_client: BTreeMap<(AccountId, ClientOrderId), AlgoOrderId>,
}

impl Stops {
    pub(super) const fn new() -> Self {
        Self {
            next_id: FIRST_ALGO_ORDER_ID,
            open: BTreeMap::new(),
            finished: BTreeMap::new(),
            order_of_finish: VecDeque::new(),
            by_client: BTreeMap::new(),
        }
    }

    pub(super) fn accept(
        &mut self,
        now: Timestamp,
        account: AccountId,
        request: &StopRequest,
        terms: StopTerms,
    ) -> StopRecord {
        let algo_order_id = AlgoOrderId(self.next_id);
        self.next_id += 1;
        let report = StopReport {
            symbol: request.symbol,
            client_order_id: request.client_order_id,
            algo_order_id,
            side: request.side,
            trigger_price: request.trigger_price,
            size: request.size,
            status: StopStatus::New,
            child_order_id: None,
            reason: None,
            update_time: now,
        };
        let child = ChildFills::default();
        let record =
            StopRecord { report, terms, created_at: now, triggered_at: None, child, account };
        self.open.insert(algo_order_id, record.clone());
        self.by_client.insert((account, request.client_order_id), algo_order_id);
        record
    }

    /// Takes a waiting stop out: it triggers or is cancelled.
    pub(super) fn take(&mut self, id: AlgoOrderId) -> Option<StopRecord> {
        self.open.remove(&id)
    }

    /// Files a stop that waits no more.
    pub(super) fn file(&mut self, record: StopRecord) {
        let id = record.report.algo_order_id;
        if self.finished.insert(id, record).is_none() {
            self.order_of_finish.push_back(id);
        }
        if self.order_of_finish.len() > FINISHED_KEPT
            && let Some(oldest) = self.order_of_finish.pop_front()
            && let Some(record) = self.finished.remove(&oldest)
        {
            let name = (record.account, record.report.client_order_id);
            if self.by_client.get(&name) == Some(&oldest) {
                self.by_client.remove(&name);
            }
        }
    }

    pub(super) fn find(&self, account: AccountId, name: StopName) -> Option<&StopRecord> {
        let id = match name {
            StopName::Id(id) => id,
            StopName::Client(id) => *self.by_client.get(&(account, id))?,
        };
        let found = self.open.get(&id).or_else(|| self.finished.get(&id))?;
        (found.account == account).then_some(found)
    }

    /// Waiting stops of an account, oldest first.
    pub(super) fn open(&self, account: AccountId) -> impl Iterator<Item = &StopRecord> {
        self.open.values().filter(move |stop| stop.account == account)
    }

    /// The oldest waiting stop of a symbol that this price triggers.
    pub(super) fn next_touched(
        &self,
        symbol: Symbol,
        working_price: WorkingPrice,
        price: Price,
    ) -> Option<AlgoOrderId> {
        self.open
            .values()
            .find(|stop| {
                stop.report.symbol == symbol
                    && stop.terms.working_price == working_price
                    && stop.is_touched_by(price)
            })
            .map(|stop| stop.report.algo_order_id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}
