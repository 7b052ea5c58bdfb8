//! Any text as a frame of the user data stream: no panic, and nothing reads as filled by accident.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lobd::binance::parse::{UserEvent, parse_user_events};
use lobd::domain::OrderStatus;

fuzz_target!(|text: &str| {
    for event in parse_user_events(text) {
        match event {
            UserEvent::Order(order) => {
                let is_filled = matches!(order.status, OrderStatus::Filled);
                assert!(!is_filled || spells(text, "FILLED"), "{order:?} of {text}");
            }
            UserEvent::Fill(fill) => assert!(spells(text, "TRADE"), "{fill:?} of {text}"),
            UserEvent::Unreadable(error) => assert!(error.to_string().len() < 1_000, "{error}"),
            _ => {}
        }
    }
});

/// Whether the word stands in the text, or may do so in escapes.
fn spells(text: &str, word: &str) -> bool {
    text.contains(word) || text.contains("\\u")
}
