//! The venue refuses our key: revoked, expired, or barred from this address.
//!
//! What rests at the venue stays: a position keeps its stop. Nothing else can be done before a
//! person has put the key right, so trading halts and says which key; `lobd resume` is taken once
//! the account has answered again.

use crate::domain::Failure;

use super::cycle::Cycle;
use super::{Event, Running, Turn};

/// The venue's codes for a key, an address or a signature that it does not take.
const KEY_REFUSED: [i32; 5] = [-1002, -1022, -2014, -2015, -2017];

impl Running {
    /// Halts when an answer says that the key is refused; an account that answers has taken it.
    pub(super) fn watch_key(&mut self, turn: &mut Turn, event: &Event) {
        if let Event::Account(_) = event {
            self.conditions.refused_key = None;
        }
        let Some(Failure::Rejected(refusal)) = event.failure() else { return };
        if !KEY_REFUSED.contains(&refusal.code) {
            return;
        }
        let environment = self.cycles.values().next().map(Cycle::environment);
        let key = environment.map_or_else(String::new, |it| format!(" of the {it} environment"));
        let reason = format!("the venue refuses the API key{key}: {refusal}");
        self.conditions.refused_key = Some(reason.clone());
        self.halt(
            turn,
            format!(
                "{reason}; positions stay under their stops at the venue, and nothing can be \
                 cancelled or closed until the key is put right"
            ),
        );
    }
}
