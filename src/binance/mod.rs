//! The client side of Binance USD-M futures: wire, parsing, REST, streams. The only room that
//! knows its JSON.
//!
//! [`wire`] mirrors the JSON, [`parse`] gives it meaning. [`RestClient`] asks, by files named for
//! what is asked; [`OrderSocket`] says the same of orders over WebSocket; [`BinanceVenue`] trades
//! through both. [`SpotClient`] reads the spot market. [`codes`] and [`BinanceError`] decide what a
//! failure means, [`RateBudget`] what may go out. Invariants: an outcome class is decided once, here; secrets, signed URLs and listen keys appear
//! in no message; the venue's request limits are never exceeded.

mod account;
mod account_settings;
mod backoff;
mod batches;
pub mod codes;
mod conditional;
mod connection_budget;
mod control;
mod error;
mod feed_watch;
mod first_look;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gateway;
mod handover;
mod history;
mod http;
mod key_hold;
mod line;
mod link;
mod market;
pub mod market_data;
mod market_history;
mod network;
mod offsets;
mod order_requests;
mod order_socket;
mod orders;
mod pages;
mod panics;
pub mod parse;
mod rate;
mod raw_stream;
mod request;
mod rest;
mod restraint;
mod server_time;
mod socket;
mod span;
mod spot;
mod stream_plan;
mod streams;
mod user_overlap;
mod user_span;
mod user_stream;
pub mod wire;

pub use account::ApiVersion;
pub use account_settings::{MarginDirection, PositionMode};
pub use backoff::Backoff;
pub use batches::{AmendmentBatch, Batch, BatchSize, CancelBatch, OrderBatch, Outcomes};
pub use connection_budget::{ConnectionBudget, Dialer};
pub use error::{BinanceError, ErrorAnswer, Operation, classify, classify_element};
pub use feed_watch::{FeedWatch, Question, SETTLED_WITHIN};
pub use gateway::BinanceVenue;
pub use hyper::Method;
pub use market_history::BarInterval;
pub use network::{Carrier, Frames, HttpAnswer, HttpRequest, Network, NoAnswer, Underway};
pub use offsets::ClockOffsets;
pub use order_requests::{
    Amendment, ConditionalKind, ConditionalLimit, ConditionalRequest, OrderTerms, PriceMatch,
    TriggerPrice,
};
pub use order_socket::{OrderConnection, OrderSocket, SocketFailure};
pub use orders::ForcedKind;
pub(crate) use panics::panic_on;
pub use rate::{Cost, RateBudget};
pub use raw_stream::RawStream;
pub use rest::{Access, Probe, ProbeAnswer, RestClient, RestSettings, Tamper};
pub use restraint::Restraint;
pub use server_time::{ClockOffset, TimeSample, best_offset};
pub use socket::{LIFE_LIMIT, PING_INTERVAL};
pub use spot::{SpotClient, SpotSettings};
pub use stream_plan::{ConnectionPlan, Route, Stream, StreamKind, plan};
pub use streams::{
    MarketMessage, MarketStreamSettings, MarketStreams, NoRoom, Rotation, StreamsHandle,
};
pub use user_stream::{UserMessage, UserStream, UserStreamHandle, UserStreamSettings};
