//! One side of an order book: quantities by rung, in pages of sixty-four.
//!
//! A rung is a price in ticks, counted so that the better price is the greater rung; the ladder
//! knows no side. Near the touch nearly every page exists, so a page is found by counting back from
//! the last; where pages are missing it is searched for. Changing a quantity moves nothing else.
//!
//! Invariants: **1** page numbers ascend strictly; **2** a rung's bit is set exactly if its quantity
//! is not zero; **3** `best` is the greatest rung whose bit is set; **4** a change on a known page
//! allocates nothing.

use crate::domain::Quantity;

/// Rungs of one page: as many as a word has bits.
const PAGE_RUNGS: usize = 64;

/// The binary logarithm of it.
const PAGE_BITS: u32 = PAGE_RUNGS.trailing_zeros();

/// Pages reserved: a thousand levels from the snapshot at usual distances, and a day's wandering.
const RESERVED_PAGES: usize = 128;

/// The quantities of one side, by rung.
#[derive(Debug, Clone)]
pub(super) struct Ladder {
    /// The rungs of a page are its number times sixty-four and the next sixty-three.
    numbers: Vec<i64>,
    pages: Vec<Page>,
    best: Option<i64>,
}

#[derive(Debug, Clone)]
struct Page {
    /// Bit n is set if rung n holds something.
    occupied: u64,
    quantities: [Quantity; PAGE_RUNGS],
}

impl Default for Ladder {
    fn default() -> Self {
        Self {
            numbers: Vec::with_capacity(RESERVED_PAGES),
            pages: Vec::with_capacity(RESERVED_PAGES),
            best: None,
        }
    }
}

impl Ladder {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.numbers.clear();
        self.pages.clear();
        self.best = None;
    }

    /// Sets the quantity of a rung; zero empties it.
    pub(super) fn set(&mut self, rung: i64, quantity: Quantity) {
        let at = match self.find(rung >> PAGE_BITS) {
            Ok(at) => at,
            Err(_) if quantity.is_zero() => return,
            Err(at) => {
                self.numbers.insert(at, rung >> PAGE_BITS);
                self.pages.insert(at, Page::EMPTY);
                at
            }
        };
        let page = &mut self.pages[at];
        let index = index_on_page(rung);
        page.quantities[index] = quantity;
        if quantity.is_zero() {
            page.occupied &= !(1 << index);
            if self.best == Some(rung) {
                self.best = self.best_from(at);
            }
        } else {
            page.occupied |= 1 << index;
            self.best = self.best.max(Some(rung));
        }
    }

    /// The greatest rung that holds something, and its quantity.
    pub(super) fn best(&self) -> Option<(i64, Quantity)> {
        let rung = self.best?;
        let at = self.find(rung >> PAGE_BITS).ok()?;
        Some((rung, self.pages[at].quantities[index_on_page(rung)]))
    }

    /// Every rung that holds something and its quantity, the greatest rung first.
    pub(super) fn rungs(&self) -> impl Iterator<Item = (i64, Quantity)> {
        self.numbers.iter().zip(&self.pages).rev().flat_map(|(number, page)| {
            page.indices()
                .map(move |index| (rung_of(*number, index), page.quantities[index as usize]))
        })
    }

    /// Where the page of a number is, or where it would have to be.
    fn find(&self, number: i64) -> Result<usize, usize> {
        let Some((last, lower)) = self.numbers.split_last() else { return Err(0) };
        let back = usize::try_from(last.wrapping_sub(number)).unwrap_or(usize::MAX);
        match lower.len().checked_sub(back) {
            Some(at) if self.numbers[at] == number => Ok(at),
            Some(_) | None => self.numbers.binary_search(&number),
        }
    }

    /// The greatest rung that holds something on this page or a lower one.
    fn best_from(&self, at: usize) -> Option<i64> {
        let known = self.numbers[..=at].iter().zip(&self.pages[..=at]).rev();
        let mut occupied = known.filter(|(_, page)| page.occupied != 0);
        occupied
            .next()
            .and_then(|(number, page)| page.indices().next().map(|index| rung_of(*number, index)))
    }
}

impl Page {
    const EMPTY: Self = Self { occupied: 0, quantities: [Quantity::ZERO; PAGE_RUNGS] };

    /// The indices that hold something, the greatest first.
    fn indices(&self) -> impl Iterator<Item = u32> + use<> {
        let mut left = self.occupied;
        std::iter::from_fn(move || {
            let index = left.checked_ilog2()?;
            left &= !(1 << index);
            Some(index)
        })
    }
}

/// A rung's place on its page.
fn index_on_page(rung: i64) -> usize {
    usize::try_from(rung & !(-1 << PAGE_BITS)).unwrap_or_default()
}

fn rung_of(number: i64, index: u32) -> i64 {
    (number << PAGE_BITS) | i64::from(index)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_ladder_equals_a_naive_map_after_any_changes(
            changes in prop::collection::vec(
                (prop_oneof![-300..300_i64, any::<i64>()], 0..4_i64), 0..200),
        ) {
            let (mut ladder, mut naive) = (Ladder::default(), BTreeMap::new());
            for (rung, quantity) in changes {
                let quantity = Quantity::from_units(quantity).unwrap();
                ladder.set(rung, quantity);
                naive.insert(rung, quantity);
                naive.retain(|_, quantity| !quantity.is_zero());
                let best = naive.last_key_value().map(|(rung, quantity)| (*rung, *quantity));
                prop_assert_eq!(ladder.best(), best);
            }
            let expected: Vec<_> = naive.into_iter().rev().collect();
            prop_assert_eq!(ladder.rungs().collect::<Vec<_>>(), expected);
            ladder.clear();
            prop_assert_eq!((ladder.best(), ladder.rungs().count()), (None, 0));
        }
    }
}
