//! Compares the book with the venue's own best prices at the same update id.
//!
//! A depth update and a best-price message seldom end on one id; when they do, the book rebuilt
//! from diffs and the book the venue sees must agree in price and quantity. Decides nothing: it
//! counts, for whoever judges a recording or a connection.

use std::collections::VecDeque;

use crate::domain::Side;

use super::sequence::BookSync;
use super::snapshot::Level;
use super::update::BookTicker;

/// Best prices kept for the other message: more than arrive between two depth updates.
const RECENT: usize = 512;

/// How often the book could be compared with the venue's best prices, and how often they agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProofCount {
    /// Comparisons at one update id.
    pub compared: u64,
    /// Those in which prices and quantities of both sides agreed.
    pub equal: u64,
}

/// Counts agreements; either message may come first.
#[derive(Debug, Clone, Default)]
pub(super) struct BestPriceProof {
    count: ProofCount,
    /// The venue's statements not yet compared, and the book's, each with its update id.
    venue: VecDeque<(u64, [Level; 2])>,
    book: VecDeque<(u64, [Level; 2])>,
}

impl BestPriceProof {
    pub(super) const fn count(&self) -> ProofCount {
        self.count
    }

    /// The book was lost: what it said proves nothing about the next one.
    pub(super) fn restart(&mut self) {
        self.book.clear();
    }

    /// The venue stated its best prices.
    pub(super) fn on_ticker(&mut self, ticker: &BookTicker) {
        let best = [ticker.bid, ticker.ask];
        match take(&mut self.book, ticker.update_id) {
            Some(of_book) => self.compare(best, of_book),
            None => push(&mut self.venue, ticker.update_id, best),
        }
    }

    /// The book was brought to its update id by an update.
    pub(super) fn on_applied(&mut self, sync: &BookSync) {
        let (bid, ask) = (sync.book().best(Side::Buy), sync.book().best(Side::Sell));
        let (Some(bid), Some(ask)) = (bid, ask) else { return };
        match take(&mut self.venue, sync.update_id()) {
            Some(of_venue) => self.compare(of_venue, [bid, ask]),
            None => push(&mut self.book, sync.update_id(), [bid, ask]),
        }
    }

    fn compare(&mut self, of_venue: [Level; 2], of_book: [Level; 2]) {
        self.count.compared += 1;
        self.count.equal += u64::from(of_venue == of_book);
    }
}

/// Takes the entry of an update id; ids only grow, so that the newest are searched first.
fn take(entries: &mut VecDeque<(u64, [Level; 2])>, id: u64) -> Option<[Level; 2]> {
    let newer = entries.iter().rev().take_while(|(held, _)| *held > id).count();
    let at = entries.len().checked_sub(newer + 1)?;
    let (held, best) = *entries.get(at)?;
    (held == id).then(|| {
        entries.drain(..=at);
        best
    })
}

fn push(entries: &mut VecDeque<(u64, [Level; 2])>, id: u64, best: [Level; 2]) {
    if entries.len() >= RECENT {
        entries.pop_front();
    }
    entries.push_back((id, best));
}
