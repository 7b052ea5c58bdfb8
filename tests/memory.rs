//! What a running daemon takes from the system by its nature, whatever happens to it (promise I10).

use std::fs;

use crate::support::constant_model;
use crate::support::process::Home;
use crate::support::venue::{Venue, quiet_market};

/// glibc reserves so much, at a multiple of it, for each pool besides the first one.
const POOL_BYTES: u64 = 64 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn the_threads_share_one_pool_of_memory() {
    let venue = Venue::start(quiet_market()).await;
    let home = Home::with(&venue.variables());
    constant_model::promote(&home.data(), 50.0);
    let mut daemon = home.spawn(&["run"]);
    home.status_when("a position under its stop", |status| {
        !status["symbols"][0]["stop_price"].is_null()
    })
    .await;
    let map = fs::read_to_string(format!("/proc/{}/maps", daemon.id())).unwrap();
    assert_eq!(pools(&map), 0, "besides the first one:\n{map}");
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", home.log());
}

/// How many pools a memory map shows: each is a part in use and, up to a multiple of its size, one
/// that is reserved.
fn pools(map: &str) -> usize {
    let lines: Vec<_> = map.lines().filter_map(stretch).collect();
    let is_pool = |pair: &&[(u64, u64, &str)]| {
        let ((start, used_to, used), (from, end, reserved)) = (pair[0], pair[1]);
        let is_one = start % POOL_BYTES == 0 && used_to == from && end == start + POOL_BYTES;
        is_one && used == "rw-p" && reserved == "---p"
    };
    lines.windows(2).filter(is_pool).count()
}

/// Where a line's stretch of memory begins and ends, and what may be done with it.
fn stretch(line: &str) -> Option<(u64, u64, &str)> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    Some((number(start)?, number(end)?, rest.split(' ').next()?))
}

#[test]
fn a_pool_is_known_by_where_it_lies() {
    let map = "7f0000000000-7f0000021000 rw-p 00000000 00:00 0 \n\
               7f0000021000-7f0004000000 ---p 00000000 00:00 0 \n\
               7f0005000000-7f0005021000 rw-p 00000000 00:00 0 \n";
    assert_eq!(pools(map), 1);
}
