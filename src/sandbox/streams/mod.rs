//! The WebSocket side: routes, subscriptions, and the frames of the market and of the account.

mod control;
mod hub;
mod market_frames;
mod merge;
mod route;
pub(super) mod session;
mod user_frames;

pub(super) use hub::{Hub, Opening, SocketId};
pub(super) use market_frames::MarketFrames;
pub(super) use user_frames::{UserFrames, leverage};
