//! Conditional orders waiting for their trigger.
//!
//! Does not trigger by itself: the exchange asks with each price. Invariants: **1** a client id
//! names at most one waiting stop of an account; **2** a stop leaves its waiting state once; **3**
//! beyond [`FINISHED_KEPT`] the oldest finished stop is forgotten; those underway are bounded by the
//! orders they became.

use std::collections::{BTreeMap, VecDeque};

use crate::domain::{
    AlgoOrderId, ClientOrderId, OrderKind, Price, Rate, Side, StopReport, StopRequest, StopStatus,
    Symbol, Timestamp,
};

use super::events::ChildFills;
use super::matching::AccountId;
use super::terms::OrderTerms;
use super::trailing;

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

/// On which condition a conditional order triggers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StopCondition {
    /// The price runs away: a buy from below, a sell from above.
    #[default]
    StopLoss,
    /// The price comes our way: a buy from above, a sell from below.
    TakeProfit,
    /// The price turns back by `callback` from the best it has reached since it was activated.
    Trailing {
        /// The price that activates it; `None` activates it at once.
        activation: Option<Price>,
        /// How far back it triggers, as a fraction of the best price.
        callback: Rate,
    },
}

/// What a stop request leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopTerms {
    /// On which condition it triggers.
    pub condition: StopCondition,
    /// The kind of order it becomes.
    pub becomes: OrderKind,
    /// Which price triggers it.
    pub working_price: WorkingPrice,
    /// Whether the order it becomes may only reduce the position; a closing stop always may only.
    pub reduce_only: bool,
    /// Whether it waits while mark price and last trade are too far apart.
    pub price_protect: bool,
    /// Whether it waits only while the position lives that there was (`GTE_GTC`).
    pub ends_with_position: bool,
    /// The terms of the order it becomes; its date ends the waiting too.
    pub order: OrderTerms,
}

impl Default for StopTerms {
    /// A protective stop: a market order by the mark price, reduce-only.
    fn default() -> Self {
        Self {
            condition: StopCondition::StopLoss,
            becomes: OrderKind::Market,
            working_price: WorkingPrice::Mark,
            reduce_only: true,
            price_protect: false,
            ends_with_position: false,
            order: OrderTerms::default(),
        }
    }
}

/// A conditional order with all that the venue's answers tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopRecord {
    /// Where it stands; the trigger price of a trailing stop moves, and is zero until activated.
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
    /// The best price a trailing stop has seen since it was activated.
    pub extreme: Option<Price>,
}

impl StopRecord {
    /// Whether a price touches the trigger.
    pub(super) fn is_touched_by(&self, price: Price) -> bool {
        let report = &self.report;
        match self.terms.condition {
            StopCondition::StopLoss | StopCondition::TakeProfit => {
                is_touched(self.terms.condition, report.side, report.trigger_price, price)
            }
            StopCondition::Trailing { .. } => {
                self.extreme.is_some()
                    && is_touched(StopCondition::StopLoss, report.side, report.trigger_price, price)
            }
        }
    }

    /// Lets a trailing stop see a price; whether that activated it.
    fn follow(&mut self, price: Price) -> bool {
        let StopCondition::Trailing { activation, callback } = self.terms.condition else {
            return false;
        };
        let side = self.report.side;
        let was_activated = self.extreme.is_some();
        if !was_activated && !trailing::is_activated_by(side, activation, price) {
            return false;
        }
        let extreme = self.extreme.map_or(price, |best| trailing::extreme(side, best, price));
        self.extreme = Some(extreme);
        self.report.trigger_price = trailing::trigger_price(side, extreme, callback);
        !was_activated
    }
}

/// Whether `price` triggers a stop of this condition and side; a trailing one is none of these.
pub(super) fn is_touched(
    condition: StopCondition,
    side: Side,
    trigger_price: Price,
    price: Price,
) -> bool {
    match (condition, side) {
        (StopCondition::StopLoss, Side::Buy) | (StopCondition::TakeProfit, Side::Sell) => {
            price >= trigger_price
        }
        (StopCondition::StopLoss, Side::Sell) | (StopCondition::TakeProfit, Side::Buy) => {
            price <= trigger_price
        }
        (StopCondition::Trailing { .. }, Side::Buy | Side::Sell) => false,
    }
}

/// Which of an account's conditional orders in a symbol are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopQuery {
    /// From this one on.
    pub from: AlgoOrderId,
    /// Accepted not before.
    pub since: Timestamp,
    /// Accepted not after.
    pub until: Timestamp,
}

/// A new price that stops are held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Touch {
    pub(super) symbol: Symbol,
    pub(super) working_price: WorkingPrice,
    pub(super) price: Price,
    /// Whether mark price and last trade are close enough for protected stops.
    pub(super) is_calm: bool,
}

impl Touch {
    fn concerns(&self, stop: &StopRecord) -> bool {
        stop.report.symbol == self.symbol && stop.terms.working_price == self.working_price
    }
}

/// The exchange's record of conditional orders.
#[derive(Debug)]
pub(super) struct Stops {
    next_id: u64,
    /// Waiting for their trigger, oldest first.
    open: BTreeMap<AlgoOrderId, StopRecord>,
    /// Triggered, their order on its way or working.
    underway: BTreeMap<AlgoOrderId, StopRecord>,
    finished: BTreeMap<AlgoOrderId, StopRecord>,
    order_of_finish: VecDeque<AlgoOrderId>,
    by_client: BTreeMap<(AccountId, ClientOrderId), AlgoOrderId>,
}

impl Stops {
    pub(super) const fn new() -> Self {
        Self {
            next_id: FIRST_ALGO_ORDER_ID,
            open: BTreeMap::new(),
            underway: BTreeMap::new(),
            finished: BTreeMap::new(),
            order_of_finish: VecDeque::new(),
            by_client: BTreeMap::new(),
        }
    }

    /// Leaves so many ids out.
    pub(super) const fn skip_ids(&mut self, count: u64) {
        self.next_id = self.next_id.saturating_add(count);
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
        let record = StopRecord {
            report,
            terms,
            created_at: now,
            triggered_at: None,
            child: ChildFills::default(),
            account,
            extreme: None,
        };
        self.open.insert(algo_order_id, record.clone());
        self.by_client.insert((account, request.client_order_id), algo_order_id);
        record
    }

    /// Takes a waiting stop out: it triggers or is cancelled.
    pub(super) fn take(&mut self, id: AlgoOrderId) -> Option<StopRecord> {
        self.open.remove(&id)
    }

    /// Keeps a triggered stop until its order has ended.
    pub(super) fn keep_underway(&mut self, record: StopRecord) {
        self.underway.insert(record.report.algo_order_id, record);
    }

    /// Takes out a triggered stop.
    pub(super) fn take_underway(&mut self, id: AlgoOrderId) -> Option<StopRecord> {
        self.underway.remove(&id)
    }

    /// Files a stop whose story is over.
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

    /// Forgets a waiting stop of an account; `false` if none of that id waits.
    pub(super) fn forget_open(&mut self, account: AccountId, id: AlgoOrderId) -> bool {
        let found = self.open.get(&id).filter(|stop| stop.account == account);
        let Some(name) = found.map(|stop| (account, stop.report.client_order_id)) else {
            return false;
        };
        self.by_client.remove(&name);
        self.open.remove(&id).is_some()
    }

    /// Forgets every stop of an account, waiting or not.
    pub(super) fn forget_account(&mut self, account: AccountId) {
        self.open.retain(|_, stop| stop.account != account);
        self.finished.retain(|_, stop| stop.account != account);
        self.by_client.retain(|(owner, _), _| *owner != account);
        let finished = &self.finished;
        self.order_of_finish.retain(|id| finished.contains_key(id));
    }

    pub(super) fn find(&self, account: AccountId, name: StopName) -> Option<&StopRecord> {
        let id = match name {
            StopName::Id(id) => id,
            StopName::Client(id) => *self.by_client.get(&(account, id))?,
        };
        let found = [&self.open, &self.underway, &self.finished]
            .into_iter()
            .find_map(|known| known.get(&id))?;
        (found.account == account).then_some(found)
    }

    /// Waiting stops of an account, oldest first.
    pub(super) fn open(&self, account: AccountId) -> impl Iterator<Item = &StopRecord> {
        self.open.values().filter(move |stop| stop.account == account)
    }

    /// All stops known of an account in a symbol, oldest first.
    pub(super) fn all(
        &self,
        account: AccountId,
        symbol: Symbol,
        query: StopQuery,
    ) -> Vec<StopRecord> {
        let known = [&self.open, &self.underway, &self.finished];
        let mut found: Vec<StopRecord> = known
            .into_iter()
            .flat_map(|known| known.range(query.from..))
            .map(|(_, stop)| stop)
            .filter(|stop| stop.account == account && stop.report.symbol == symbol)
            .filter(|stop| (query.since..=query.until).contains(&stop.created_at))
            .cloned()
            .collect();
        found.sort_by_key(|stop| stop.report.algo_order_id);
        found
    }

    /// Lets every trailing stop see a price; those that it activated, oldest first.
    pub(super) fn follow(&mut self, touch: &Touch) -> Vec<StopRecord> {
        self.open
            .values_mut()
            .filter(|stop| touch.concerns(stop))
            .filter_map(|stop| stop.follow(touch.price).then(|| stop.clone()))
            .collect()
    }

    /// The oldest waiting stop that this price triggers.
    pub(super) fn next_touched(&self, touch: &Touch) -> Option<AlgoOrderId> {
        self.open
            .values()
            .find(|stop| {
                touch.concerns(stop)
                    && (touch.is_calm || !stop.terms.price_protect)
                    && stop.is_touched_by(touch.price)
            })
            .map(|stop| stop.report.algo_order_id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}
