//! Which requests wait for their answer. Pure.
//!
//! Invariants: **1** an id is given once; **2** at most [`MOST`] wait; **3** each that was taken in
//! is given back once: answered, given up, or lost.

use std::collections::BTreeMap;

/// The engine has a handful of requests under way; so many mean that the venue hangs.
pub(super) const MOST: usize = 64;

/// Requests by the id their answers will carry.
#[derive(Debug)]
pub(super) struct Pending<R> {
    waiting: BTreeMap<u64, R>,
    last_id: u64,
}

impl<R> Pending<R> {
    /// Nothing waits.
    pub(super) const fn new() -> Self {
        Self { waiting: BTreeMap::new(), last_id: 0 }
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes a request in and gives it an id; gives it back if too many wait.
    pub(super) fn take_in(&mut self, request: R) -> Result<u64, R> {
        if self.waiting.len() >= MOST {
            return Err(request);
        }
        self.last_id += 1;
        self.waiting.insert(self.last_id, request);
        Ok(self.last_id)
    }

    /// The request an answer belongs to; `None` if it was given up or never asked.
    pub(super) fn answered(&mut self, id: u64) -> Option<R> {
        self.waiting.remove(&id)
    }

    /// Forgets those that nobody waits for any more.
    pub(super) fn forget(&mut self, is_given_up: impl Fn(&R) -> bool) {
        self.waiting.retain(|_, request| !is_given_up(request));
    }

    /// Gives all back: their connection is lost.
    pub(super) fn lost(&mut self) -> Vec<R> {
        std::mem::take(&mut self.waiting).into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_given_back_once_by_its_own_id() {
        let mut pending = Pending::new();
        let ids: Vec<u64> = (0..3).map(|name| pending.take_in(name).unwrap()).collect();
        assert_eq!(pending.answered(ids[1]), Some(1));
        assert_eq!(pending.answered(ids[1]), None, "an answer that comes twice");
        assert_eq!(pending.answered(999), None);
        pending.forget(|name| *name == 0);
        assert_eq!(pending.lost(), [2]);
        assert!(pending.is_empty());
        assert!(pending.take_in(4).unwrap() > ids[2], "an id is given once");
    }

    #[test]
    fn invariant_2_what_waits_is_bounded() {
        let mut pending = Pending::new();
        assert!((0..MOST).all(|name| pending.take_in(name).is_ok()));
        assert_eq!(pending.take_in(7_777), Err(7_777));
        pending.forget(|name| *name == 3);
        assert!(pending.take_in(7_777).is_ok());
    }
}
