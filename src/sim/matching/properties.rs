//! The book against a naive model of itself: one list of waiting quantity per side.

use proptest::prelude::*;

use super::{AccountId, Incoming, LevelChange, Match, MatchingBook, OrderKey, Owner, Side};

/// Quantity waiting at a price; background has the background key.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    key: OrderKey,
    ticks: i64,
    lots: i64,
}

/// Each side in order of priority: better price first, then earlier.
#[derive(Debug, Default)]
struct Model {
    bids: Vec<Waiting>,
    asks: Vec<Waiting>,
}

#[derive(Debug, Clone, Copy)]
enum Operation {
    Submit { is_buy: bool, ticks: i64, lots: i64 },
    Market { is_buy: bool, lots: i64 },
    Cancel { nth: usize },
    Reduce { nth: usize, lots: i64 },
    Reenter { nth: usize, ticks: i64, lots: i64 },
    Background { is_buy: bool, ticks: i64, lots: i64 },
}

fn operation() -> impl Strategy<Value = Operation> {
    let (ticks, lots) = (95..106_i64, 1..30_i64);
    prop_oneof![
        4 => (any::<bool>(), ticks.clone(), lots.clone())
            .prop_map(|(is_buy, ticks, lots)| Operation::Submit { is_buy, ticks, lots }),
        1 => (any::<bool>(), lots.clone())
            .prop_map(|(is_buy, lots)| Operation::Market { is_buy, lots }),
        1 => any::<usize>().prop_map(|nth| Operation::Cancel { nth }),
        1 => (any::<usize>(), lots.clone())
            .prop_map(|(nth, lots)| Operation::Reduce { nth, lots }),
        2 => (any::<usize>(), ticks.clone(), lots.clone())
            .prop_map(|(nth, ticks, lots)| Operation::Reenter { nth, ticks, lots }),
        4 => (any::<bool>(), ticks, 0..30_i64)
            .prop_map(|(is_buy, ticks, lots)| Operation::Background { is_buy, ticks, lots }),
    ]
}

proptest! {
    #[test]
    fn invariants_1_2_3_the_book_agrees_with_the_naive_model(
        operations in proptest::collection::vec(operation(), 1..200),
    ) {
        let (mut book, mut model) = (MatchingBook::new(), Model::default());
        let (mut matches, mut changes) = (Vec::new(), Vec::new());
        let mut mirror = std::collections::BTreeMap::new();
        for (index, operation) in operations.iter().enumerate() {
            matches.clear();
            let key = OrderKey(index as u64 + 1);
            let expected = apply(&mut book, &mut model, *operation, key, &mut matches);
            let found: Vec<_> =
                matches.iter().map(|one| (one.maker, one.price_ticks, one.lots)).collect();
            prop_assert_eq!(found, expected, "after {:?}", operation);
            agree(&book, &model)?;

            book.take_changes(&mut changes);
            for LevelChange { side, ticks, lots } in changes.iter().copied() {
                mirror.insert((side, ticks), lots);
            }
            mirror.retain(|_, lots| *lots > 0);
            prop_assert_eq!(&mirror, &levels_of(&book), "changes rebuild the book");
        }
    }
}

/// Applies an operation to both and returns the trades the model expects.
fn apply(
    book: &mut MatchingBook,
    model: &mut Model,
    operation: Operation,
    key: OrderKey,
    matches: &mut Vec<Match>,
) -> Vec<(OrderKey, i64, i64)> {
    let side = |is_buy| if is_buy { Side::Buy } else { Side::Sell };
    let owner = Owner::Account(AccountId(1));
    match operation {
        Operation::Submit { is_buy, ticks, lots } => {
            let mut incoming =
                Incoming { key, owner, side: side(is_buy), limit: Some(ticks), lots };
            let (expected, open) = model.take(&incoming);
            incoming.lots = book.take(&incoming, matches);
            assert_eq!(incoming.lots, open, "unfilled lots");
            book.rest(incoming);
            model.join(incoming.side, key, ticks, open);
            expected
        }
        Operation::Market { is_buy, lots } => {
            let incoming = Incoming { key, owner, side: side(is_buy), limit: None, lots };
            let (expected, open) = model.take(&incoming);
            assert_eq!(book.take(&incoming, matches), open, "unfilled lots");
            expected
        }
        Operation::Cancel { nth } => {
            if let Some(waiting) = model.nth_order(nth) {
                assert_eq!(book.cancel(waiting.key), Some(waiting.lots));
                assert_eq!(book.cancel(waiting.key), None, "it is gone");
                model.reduce(waiting.key, waiting.lots);
            }
            Vec::new()
        }
        Operation::Reduce { nth, lots } => {
            if let Some(waiting) = model.nth_order(nth) {
                let left = (waiting.lots - lots).max(0);
                assert_eq!(book.reduce(waiting.key, lots), Some(left));
                model.reduce(waiting.key, lots);
            }
            Vec::new()
        }
        // What a change of an order does: out of the book, and in again at the back.
        Operation::Reenter { nth, ticks, lots } => {
            let Some(waiting) = model.nth_order(nth) else { return Vec::new() };
            let key = waiting.key;
            let is_bid = model.bids.iter().any(|one| one.key == key);
            let side = side(is_bid);
            assert_eq!(book.cancel(key), Some(waiting.lots));
            model.reduce(key, waiting.lots);
            let mut incoming = Incoming { key, owner, side, limit: Some(ticks), lots };
            let (expected, open) = model.take(&incoming);
            incoming.lots = book.take(&incoming, matches);
            assert_eq!(incoming.lots, open, "unfilled lots");
            book.rest(incoming);
            model.join(side, key, ticks, open);
            expected
        }
        Operation::Background { is_buy, ticks, lots } => {
            if !book.would_take(side(is_buy), ticks) {
                book.set_background(side(is_buy), ticks, lots);
                model.set_background(side(is_buy), ticks, lots);
            }
            Vec::new()
        }
    }
}

fn agree(book: &MatchingBook, model: &Model) -> Result<(), TestCaseError> {
    let (bid, ask) = (book.best(Side::Buy), book.best(Side::Sell));
    if let (Some((bid, _)), Some((ask, _))) = (bid, ask) {
        prop_assert!(bid < ask, "crossed: {} >= {}", bid, ask);
    }
    for side in [Side::Buy, Side::Sell] {
        let waiting = model.side(side);
        for (ticks, lots) in book.levels(side) {
            let here = waiting.iter().filter(|one| one.ticks == ticks);
            prop_assert_eq!(here.map(|one| one.lots).sum::<i64>(), lots);
        }
        let total: i64 = book.levels(side).map(|(_, lots)| lots).sum();
        prop_assert_eq!(waiting.iter().map(|one| one.lots).sum::<i64>(), total);
        for (position, one) in waiting.iter().enumerate() {
            if one.key != OrderKey::BACKGROUND {
                let ahead = waiting[..position].iter().filter(|other| other.ticks == one.ticks);
                let ahead = ahead.map(|other| other.lots).sum::<i64>();
                prop_assert_eq!(book.lots_ahead(one.key), Some(ahead));
                prop_assert_eq!(book.remaining_lots(one.key), Some(one.lots));
            }
        }
    }
    Ok(())
}

fn levels_of(book: &MatchingBook) -> std::collections::BTreeMap<(Side, i64), i64> {
    let of = |side| book.levels(side).map(move |(ticks, lots)| ((side, ticks), lots));
    of(Side::Buy).chain(of(Side::Sell)).collect()
}

impl Model {
    fn side(&self, side: Side) -> &Vec<Waiting> {
        if side == Side::Buy { &self.bids } else { &self.asks }
    }

    fn side_mut(&mut self, side: Side) -> &mut Vec<Waiting> {
        if side == Side::Buy { &mut self.bids } else { &mut self.asks }
    }

    fn take(&mut self, incoming: &Incoming) -> (Vec<(OrderKey, i64, i64)>, i64) {
        let sign = incoming.side.sign();
        let (mut trades, mut open) = (Vec::new(), incoming.lots);
        for one in self.side_mut(incoming.side.opposite()) {
            if open == 0 || incoming.limit.is_some_and(|limit| sign * (limit - one.ticks) < 0) {
                break;
            }
            let lots = open.min(one.lots);
            one.lots -= lots;
            open -= lots;
            trades.push((one.key, one.ticks, lots));
        }
        self.tidy();
        (trades, open)
    }

    fn join(&mut self, side: Side, key: OrderKey, ticks: i64, lots: i64) {
        let waiting = self.side_mut(side);
        let better = |one: &Waiting| side.sign() * (one.ticks - ticks) >= 0;
        let place = waiting.iter().position(|one| !better(one)).unwrap_or(waiting.len());
        waiting.insert(place, Waiting { key, ticks, lots });
        self.tidy();
    }

    fn set_background(&mut self, side: Side, ticks: i64, lots: i64) {
        let waiting = self.side_mut(side);
        let is_here = |one: &&mut Waiting| one.key == OrderKey::BACKGROUND && one.ticks == ticks;
        let now: i64 = waiting.iter_mut().filter(is_here).map(|one| one.lots).sum();
        let mut excess = now - lots;
        for one in waiting.iter_mut().rev().filter(is_here) {
            let withdrawn = one.lots.min(excess.max(0));
            one.lots -= withdrawn;
            excess -= withdrawn;
        }
        self.join(side, OrderKey::BACKGROUND, ticks, (lots - now).max(0));
    }

    fn reduce(&mut self, key: OrderKey, lots: i64) {
        for one in self.bids.iter_mut().chain(&mut self.asks).filter(|one| one.key == key) {
            one.lots -= lots;
        }
        self.tidy();
    }

    fn nth_order(&self, nth: usize) -> Option<Waiting> {
        let orders = self.bids.iter().chain(&self.asks);
        let orders: Vec<_> = orders.filter(|one| one.key != OrderKey::BACKGROUND).collect();
        orders.get(nth % orders.len().max(1)).map(|one| **one)
    }

    /// Drops what is used up and joins background runs that nothing separates any more.
    fn tidy(&mut self) {
        for waiting in [&mut self.bids, &mut self.asks] {
            waiting.retain(|one| one.lots > 0);
            waiting.dedup_by(|next, one| {
                let is_one_run = next.key == OrderKey::BACKGROUND
                    && one.key == OrderKey::BACKGROUND
                    && next.ticks == one.ticks;
                one.lots += if is_one_run { next.lots } else { 0 };
                is_one_run
            });
        }
    }
}
