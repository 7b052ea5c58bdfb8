//! The WebSocket side: routes, subscriptions, and the frames of the market and of the account.

mod account_frames;
mod aggregates;
mod candle_frames;
mod control;
mod hub;
mod liquidation_frames;
mod market_frames;
mod merge;
pub(super) mod pace;
mod route;
pub(super) mod session;
mod setting_frames;
mod spot_frames;
mod user_frames;

#[cfg(fuzzing)]
pub(super) use hub::Frame;
pub(super) use hub::{Hub, Opening, SocketId};
pub(super) use liquidation_frames::publish_liquidation;
pub(super) use market_frames::MarketFrames;
pub(super) use route::{Address, Route};
pub(super) use setting_frames::Setting;
pub(super) use user_frames::UserFrames;

/// A socket about to be taken in at an address, without a network; `None` if it is none.
#[cfg(fuzzing)]
pub(super) fn opening(
    path: &str,
    query: &str,
    outbox: tokio::sync::mpsc::Sender<Frame>,
) -> Option<Opening> {
    let address = route::Address::parse(path, query)?;
    let (cut, pace) = (tokio_util::sync::CancellationToken::new(), pace::Pace::default());
    Some(Opening { address, outbox, cut, pace })
}
