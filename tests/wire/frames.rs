//! Stream frames: what the market's and the user's readers make of each.

use lobd::binance::market_data::MarketDataParser;
use lobd::binance::parse::UserEvent;
use lobd::binance::wire;
use lobd::book::{MarketDataDecoder, MarketEvent};
use lobd::domain::TradeId;

use super::{Fixtures, symbol};

fn decode(text: &str) -> Option<MarketEvent> {
    MarketDataParser::new().decode(text).unwrap_or_else(|error| panic!("{error}: {text}")).cloned()
}

#[test]
fn the_markets_frames_become_events() {
    let Some(fixtures) = Fixtures::find() else { return };
    let Some(MarketEvent::Trade(trade)) = decode(&fixtures.frame("AggTrades")) else { panic!() };
    assert_eq!((trade.trade_id, trade.buyer_is_maker), (TradeId(5_933_014), true));
    let Some(MarketEvent::Depth(update)) = decode(&fixtures.frame("Book")) else { panic!() };
    assert_eq!((update.first_update_id, update.final_update_id), (157, 160));
    assert_eq!(update.previous_final_update_id, Some(149));
    let Some(MarketEvent::BookTicker(best)) = decode(&fixtures.frame("BookTicker")) else {
        panic!()
    };
    assert_eq!((best.update_id, best.bid.price), (400_900_217, "25.3519".parse().unwrap()));
    for frame in
        [fixtures.frame("MarkPrice"), fixtures.text("ozakboy/ws_markprice_prod_20260911.json")]
    {
        let Some(MarketEvent::MarkPrice(mark)) = decode(&frame) else { panic!("{frame}") };
        let expected = if mark.symbol == symbol("ETHUSDT") { "2475.24" } else { "11794.15" };
        assert_eq!(mark.price, expected.parse().unwrap());
    }
    assert_eq!(decode(&fixtures.frame("PartialBook")), None, "it looks like a diff and is none");
}

#[test]
fn frames_of_other_streams_are_nobodys_business() {
    let Some(fixtures) = Fixtures::find() else { return };
    for name in [
        "AssetIndex",
        "CompositIndex",
        "ContKlines",
        "Klines",
        "Liquidations",
        "MiniTicker",
        "SymbolUpdates",
        "Ticker",
    ] {
        let frame = fixtures.frame(name);
        assert!(!matches!(MarketDataParser::new().decode(&frame), Ok(Some(_))), "{name}");
        // A list of several is no event either: whoever sees one reconciles.
        let is_nothing = |event: &UserEvent| matches!(event, UserEvent::Unreadable(_));
        assert!(fixtures.events(name).iter().all(is_nothing), "{name} is no event of the account");
    }
    for text in fixtures.frame("Concurrent").split("\n=2") {
        assert_eq!(decode(text), None, "two connections at once");
    }
    for name in
        ["ozakboy/ws_kline_closed_testnet_20260911.json", "notes_20260930/ws_kline_open_prod.json"]
    {
        assert_eq!(decode(&fixtures.text(name)), None, "{name}");
    }
    for name in ["GridUpdate", "StrategyUpdate"] {
        assert!(fixtures.events(name).is_empty(), "{name}");
    }
}

#[test]
fn a_trade_told_early_names_the_trade_that_will_be_booked() {
    let Some(fixtures) = Fixtures::find() else { return };
    let frame: serde_json::Value = serde_json::from_str(&fixtures.frame("TradeUpdate")).unwrap();
    let early: wire::TradeLite = serde_json::from_value(frame["data"].clone()).unwrap();
    assert_eq!((early.trade_id, early.order_id), (109_100_866, 8_886_774));
    assert_eq!((early.last_price.as_str(), early.last_quantity.as_str()), ("64089.20", "0.040"));
}
