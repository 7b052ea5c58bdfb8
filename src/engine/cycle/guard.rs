//! The dead-man's switch over entries (step 3): the venue cancels them once nobody is there.
//!
//! It guards entries alone. A call that fails keeps from new entries until one is answered, for a
//! guard that may not be there is none; it never keeps from protecting or closing, and an entry that
//! works is left to its short life.

use crate::domain::Failure;
use crate::engine::Severity;

use super::{Command, Cycle, Desk};

impl Cycle {
    /// Keeps the countdown running while an entry works or may work, and takes it back after. Over
    /// orders of others it never runs: they are not ours to have cancelled.
    pub(super) fn guard_entries(&mut self, desk: &mut Desk<'_>) {
        let Some(length) = desk.countdown else { return };
        let has_entry = self.blotter.live().any(|order| !order.request.reduce_only);
        let is_wanted = has_entry && !self.has_foreign_orders;
        let is_leaving = desk.is_leaving || self.has_foreign_orders;
        let after = self.countdown.follow(desk.now, length, (is_wanted, is_leaving));
        if let Some(after) = after {
            desk.send(Command::SetCountdown { symbol: self.symbol(), after });
        }
    }

    /// The venue did as it was asked, or may not have done so.
    pub(in crate::engine) fn on_countdown(
        &mut self,
        desk: &mut Desk<'_>,
        failure: Option<&Failure>,
    ) {
        let Some(failure) = failure else { return self.countdown.on_set() };
        if self.countdown.is_proven() {
            let text = format!("the dead-man's switch is not answered, no entries: {failure}");
            desk.notify(Severity::Warning, self.symbol(), text);
        }
        self.countdown.on_failed(desk.now, failure);
    }

    /// Whether a process that ends leaves no countdown behind that it could take back.
    pub(in crate::engine) const fn is_guard_left(&self) -> bool {
        self.countdown.may_be_left()
    }
}
