//! What the specification leaves open is never assumed in silence: each point marked `[?]`, and each
//! row of its section 12, has a case that finds out, a setting that decides, or a rule of ours that
//! holds either way.
//!
//! Coinbase (section 9) is another venue, and tested where it is spoken to.

use std::collections::BTreeSet;

use lobd::app::certify;

use crate::support::specification;

/// What deals with an open point.
enum Cover {
    /// Cases that find out.
    Cases(&'static [&'static str]),
    /// A setting of `.env.example`.
    Setting(&'static str),
    /// What holds whichever it is: where, and a word of it.
    Either(&'static str, &'static str),
}

use Cover::{Cases, Either, Setting};

/// Points marked in the text: words of the line, and what deals with it.
const MARKED: [(&str, Cover); 15] = [
    ("| WebSocket API |", Setting("LOBD_ORDER_SOCKET_URL")),
    ("order.modify lists an optional `reduceOnly`", Cases(&["C-281"])),
    ("at most one per symbol per 1000 ms", Cases(&["C-284"])),
    ("| connections per IP |", Cases(&["C-285"])),
    ("string allowed on newer servers", Cases(&["C-286"])),
    // Keys of that kind are not taken: what is signed is signed by HMAC.
    ("| Ed25519 |", Cases(&["C-050", "C-053"])),
    ("| POST /fapi/v1/order/test |", Cases(&["C-283"])),
    ("v2 balance/account/positionRisk at weight 10", Cases(&["C-282"])),
    ("FAQ says an amend resets STP to NONE", Cases(&["C-280"])),
    ("`commission` in userTrades", Cases(&["C-193"])),
    ("Whether it also cancels algo orders", Cases(&["C-181"])),
    ("closePosition is not honoured by the algo endpoint", Cases(&["C-182", "C-185", "C-186"])),
    ("The child order's own ORDER_TRADE_UPDATE", Cases(&["C-183"])),
    // Provoking it would be bad manners.
    ("| 429 (-1003, or -1015 for orders)", Either("src/binance/error.rs", "retry_after")),
    ("Default VIP 0 USD-M USDT contracts", Cases(&["C-068"])),
];

/// The same for rows that name a symbol's filters: exchangeInfo is asked.
const MARKED_FILTERS: (&str, Cover) = ("| DOGEUSDT |", Cases(&["C-003"]));

/// The rows of section 12 by number.
const LISTED: [(u32, Cover); 18] = [
    (1, Setting("LOBD_ORDER_SOCKET_URL")),
    (2, Cases(&["C-228", "C-229", "C-233"])),
    (3, Cases(&["C-050", "C-053"])),
    (4, Cases(&["C-282"])),
    (6, Cases(&["C-122", "C-280"])),
    (7, Cases(&["C-181"])),
    (8, Cases(&["C-281"])),
    (9, Either("src/binance/error.rs", "retry_after")),
    (10, Cases(&["C-285"])),
    (11, Cases(&["C-283", "C-284"])),
    (12, Cases(&["C-068"])),
    (13, Cases(&["C-110", "C-112"])),
    (15, Cases(&["C-003"])),
    (16, Cases(&["C-183"])),
    (17, Either("tests/faults_daemon.rs", "are_booked_once")),
    (18, Setting("LOBD_REST_URL")),
    (19, Cases(&["C-182", "C-185", "C-186"])),
    // The canary when the exchange changes is the whole of it.
    (20, Cases(&["C-001", "C-100", "C-200"])),
];

#[test]
fn every_open_point_of_the_text_is_dealt_with_once() {
    let Some(specification) = specification() else { return };
    let marked = open_lines(&specification);
    assert!(marked.len() > 10, "{marked:?}");
    let covers: Vec<&(&str, Cover)> =
        MARKED.iter().chain(std::iter::once(&MARKED_FILTERS)).collect();
    for line in &marked {
        let found = covers.iter().filter(|(words, _)| line.contains(words)).count();
        assert_eq!(found, 1, "{line}");
    }
    for (words, cover) in covers {
        assert!(marked.iter().any(|line| line.contains(words)), "no such open point: {words}");
        check(words, cover);
    }
}

#[test]
fn every_row_of_what_is_not_confirmed_is_dealt_with() {
    let Some(specification) = specification() else { return };
    let section = specification.split_once("## 12. ").unwrap().1;
    let number = |line: &str| line.strip_prefix("| ")?.split(' ').next()?.parse::<u32>().ok();
    let of_this_venue = section.lines().filter(|line| !line.contains("Coinbase"));
    let rows: BTreeSet<u32> = of_this_venue.filter_map(number).collect();
    let covered: BTreeSet<u32> = LISTED.iter().map(|(number, _)| *number).collect();
    assert_eq!(rows, covered);
    for (number, cover) in &LISTED {
        check(&format!("12.{number}"), cover);
    }
}

/// The lines that are marked `[?]`, without the explanation of the mark and without Coinbase.
fn open_lines(specification: &str) -> Vec<&str> {
    let (before, coinbase) = specification.split_once("\n## 9. ").unwrap();
    let after = coinbase.split_once("\n## 10. ").unwrap().1;
    let is_open = |line: &&str| line.contains("[?]") && !line.contains("**[?]**");
    before.lines().chain(after.lines()).filter(is_open).collect()
}

#[track_caller]
fn check(point: &str, cover: &Cover) {
    let text = |path: &str| std::fs::read_to_string(path).unwrap();
    match cover {
        Cases(ids) => {
            let known = certify::all();
            for id in *ids {
                assert!(known.iter().any(|case| case.id == *id), "{point}: there is no case {id}");
            }
        }
        Setting(name) => {
            let line = format!("\n{name}=");
            assert!(text(".env.example").contains(&line), "{point}: there is no setting {name}");
        }
        Either(path, word) => assert!(text(path).contains(word), "{point}: {path} has no {word}"),
    }
}
