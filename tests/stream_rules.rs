//! A grid that became finer than ours shows in the book before any order is refused for it.

use lobd::domain::Price;
use lobd::sandbox::listings;

use crate::support::recording::{Recording, ends_valid};
use crate::support::venue::{Venue, quiet_market};

/// Promises I8 and I16.
#[tokio::test(flavor = "multi_thread")]
async fn a_book_off_our_grid_has_the_rules_read_and_is_recorded_under_a_new_version() {
    let venue = Venue::start(quiet_market()).await;
    let listed = listings::instrument("BTCUSDT").unwrap();
    let mut believed = listed.clone();
    believed.filters.tick_size = "7".parse().unwrap();
    let recording = Recording::start_under(&venue.sandbox, &venue.clock, believed, |_| {});
    recording.when("it is valid under the venue's own grid", ends_valid).await;
    let tape = recording.tape();
    let [old, new] = tape.versions() else { panic!("{:?}", tape.versions()) };
    assert_eq!(old.instrument.filters.tick_size, "7".parse::<Price>().unwrap());
    assert_eq!(new.instrument, listed);
    assert_eq!(new.grid.tick_size, listed.filters.tick_size);
}
