//! Wiring: builds the actors, connects their mailboxes; whole jobs that several commands share.

pub mod manual;
pub mod training;
