//! Any bytes as a row of the tape or an event of the journal: no panic, and what can be read is
//! written and read back unchanged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lobd::domain::{Price, Quantity, Symbol};
use lobd::engine::Event;
use lobd::store::{RowGrid, decode, encode};

fuzz_target!(|bytes: &[u8]| {
    let Ok(symbol) = Symbol::new("BTCUSDT") else { return };
    for grid in grids() {
        let Ok(row) = decode(bytes, symbol, grid) else { continue };
        let mut written = Vec::new();
        assert_eq!(encode(&row, grid, &mut written), Ok(()), "{row:?}");
        assert_eq!(decode(&written, symbol, grid).as_ref(), Ok(&row));
    }
    event_reads_back(bytes);
});

/// A coarse grid, the finest one, and one whose half ticks are not whole.
fn grids() -> impl Iterator<Item = RowGrid> {
    [("0.1", "0.001"), ("0.00000001", "0.00000001"), ("0.00000003", "7")].into_iter().filter_map(
        |(tick, step)| {
            let (tick_size, step_size) =
                (tick.parse::<Price>().ok()?, step.parse::<Quantity>().ok()?);
            Some(RowGrid { tick_size, step_size })
        },
    )
}

fn event_reads_back(bytes: &[u8]) {
    let Ok(value) = postcard::from_bytes::<Event>(bytes) else { return };
    let written = postcard::to_stdvec(&value).unwrap_or_default();
    let again =
        postcard::from_bytes::<Event>(&written).and_then(|value| postcard::to_stdvec(&value));
    assert_eq!(again.ok(), Some(written));
}
