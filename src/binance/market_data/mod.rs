//! Market messages to domain types: depth, trades, best prices, mark price.
//!
//! One pass over the text, without a value tree: see [`MarketDataParser`]. The venue's own spelling
//! takes a short way (`compact`), any other JSON the general one (`fields`). Orders and account
//! events are not read here. Invariants: **1** numbers become fixed point without passing through
//! a float; **2** names are matched with their case (`e` is not `E`), unknown names are skipped,
//! `st`, `ps`, `nq`, `ap` among them; **3** any text gives an event, nothing, or a typed error,
//! never a panic; **4** once warm, a depth update allocates nothing.

mod compact;
mod fields;
mod parser;

pub use parser::MarketDataParser;
