//! Any frames, one a line, to the client's end of a socket: control answers and answers of the order
//! socket. No panic, no answer twice, and nothing reads as done that does not say so.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lobd::binance::fuzzing::{AskingClient, read_order_answer};

/// Messages that were asked: no more can be answered, but a refusal without an id.
const ASKED: usize = 2;

fuzz_target!(|text: &str| {
    let mut client = AskingClient::default();
    let mut answered = 0;
    for line in text.lines() {
        if let Some(told) = client.hear(line) {
            assert!(told.len() < 200, "{told}");
            answered += usize::from(!told.contains("refused"));
        }
        match read_order_answer(line) {
            Ok((_, status, is_done)) => assert!(!is_done || (200..300).contains(&status)),
            Err(why) => assert!(why.len() < 2_000, "{why}"),
        }
    }
    assert!(answered <= ASKED, "{answered} answers to {ASKED} questions");
});
