//! What the benches of sockets share: an exchange to trade on, figures, and verdicts.

pub mod figures;
pub mod served;
