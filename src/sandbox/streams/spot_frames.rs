//! Frames of the spot streams (exchange-api.md 10): the same books and trades without what only
//! futures have: no `pu`, no `T` of a diff, no name in a partial book.

use serde::Serialize;

use crate::book::{BookTicker, DepthUpdate, Level, PublicTrade};
use crate::domain::{Symbol, Timestamp};
use crate::sim::Exchange;

use super::super::rest::spot;
use super::hub::Hub;
use super::market_frames::to_text;
use super::merge::Merge;
use super::route::Route;

/// How often the slower of the two depth streams comes.
const SLOWER_MS: i64 = 1_000;

/// The depths of partial streams.
const PARTIAL_DEPTHS: [usize; 3] = [5, 10, 20];

/// Makes the spot frames of one symbol.
#[derive(Debug)]
pub(super) struct SpotFrames {
    symbol: Symbol,
    lower: String,
    slower: Merge,
}

impl SpotFrames {
    pub(super) const fn new(symbol: Symbol, lower: String) -> Self {
        Self { symbol, lower, slower: Merge::new(SLOWER_MS) }
    }

    pub(super) fn depth(&mut self, hub: &mut Hub, exchange: &Exchange, update: &DepthUpdate) {
        self.send_depth(hub, exchange, "@100ms", update);
        self.slower.add(update);
    }

    /// Sends merged depth whose time has come.
    pub(super) fn flush(&mut self, hub: &mut Hub, exchange: &Exchange, now: Timestamp) {
        if let Some(update) = self.slower.take_due(now) {
            self.send_depth(hub, exchange, "", &update);
        }
    }

    fn send_depth(&self, hub: &mut Hub, exchange: &Exchange, suffix: &str, update: &DepthUpdate) {
        let name = format!("{}@depth{suffix}", self.lower);
        hub.publish(Route::Spot, &name, || {
            to_text(&DepthFrame {
                e: "depthUpdate",
                event_time: update.event_time.millis(),
                s: self.symbol,
                // Spot ids have no holes: a diff begins where the one before it ended.
                first: update
                    .previous_final_update_id
                    .map_or(update.first_update_id, |previous| previous + 1),
                last: update.final_update_id,
                b: levels(&update.bids),
                a: levels(&update.asks),
            })
        });
        for depth in PARTIAL_DEPTHS {
            let name = format!("{}@depth{depth}{suffix}", self.lower);
            hub.publish(Route::Spot, &name, || {
                let book = exchange.depth(self.symbol, depth);
                let (bids, asks) = book.as_ref().map_or((&[][..], &[][..]), |book| {
                    (book.bids.as_slice(), book.asks.as_slice())
                });
                to_text(&PartialFrame {
                    last_update_id: update.final_update_id,
                    bids: levels(bids),
                    asks: levels(asks),
                })
            });
        }
    }

    pub(super) fn trade(&self, hub: &mut Hub, time: Timestamp, trade: &PublicTrade) {
        let frame = |e, ids: &[(&'static str, u64)]| {
            let mut frame = serde_json::json!({
                "e": e,
                "E": time.millis(),
                "s": self.symbol.as_str(),
                "p": spot::price(trade.price),
                "q": spot::quantity(trade.quantity),
                "T": trade.trade_time.millis(),
                "m": trade.buyer_is_maker,
                "M": true,
            });
            for (name, id) in ids {
                frame[*name] = (*id).into();
            }
            frame.to_string()
        };
        let id = trade.trade_id.0;
        hub.publish(Route::Spot, &format!("{}@trade", self.lower), || frame("trade", &[("t", id)]));
        hub.publish(Route::Spot, &format!("{}@aggTrade", self.lower), || {
            frame("aggTrade", &[("a", id), ("f", id), ("l", id)])
        });
    }

    pub(super) fn book_ticker(&self, hub: &mut Hub, ticker: &BookTicker) {
        hub.publish(Route::Spot, &format!("{}@bookTicker", self.lower), || {
            let (bid, ask) = (spot::level_text(&ticker.bid), spot::level_text(&ticker.ask));
            to_text(&TickerFrame {
                u: ticker.update_id,
                s: self.symbol,
                b: bid.0,
                bid_quantity: bid.1,
                a: ask.0,
                ask_quantity: ask.1,
            })
        });
    }
}

fn levels(levels: &[Level]) -> Vec<(String, String)> {
    levels.iter().map(spot::level_text).collect()
}

#[derive(Serialize)]
struct DepthFrame {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    s: Symbol,
    #[serde(rename = "U")]
    first: u64,
    #[serde(rename = "u")]
    last: u64,
    b: Vec<(String, String)>,
    a: Vec<(String, String)>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PartialFrame {
    last_update_id: u64,
    bids: Vec<(String, String)>,
    asks: Vec<(String, String)>,
}

#[derive(Serialize)]
struct TickerFrame {
    u: u64,
    s: Symbol,
    b: String,
    #[serde(rename = "B")]
    bid_quantity: String,
    a: String,
    #[serde(rename = "A")]
    ask_quantity: String,
}
