//! The whole application under seeded faults in virtual time, as `lobd simulate` runs it.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lobd::app::simulation::{Outcome, SimulationSettings, simulate};

const TEN_MINUTES: Duration = Duration::from_mins(10);

/// Seeds that once broke a promise, with what was wrong. A change of what is drawn gives a seed
/// another life: what each found has a test of its own beside the code that was mended.
const FOUND: &[(u64, &str)] = &[
    (6, "a journal opened after a failed sync built on records that were not durable"),
    (56, "the account's stream waited up to a minute before it connected again"),
    (80, "the same, after the exchange had refused sockets"),
    (2_178, "the exchange never told of what it held back when a fault was cleared"),
    (10_303, "a fill of which no stream told was found with the account's next report only"),
    (11_140, "an order filled on after a restart missed its earlier fills, and a halt stayed"),
];

fn run(seed: u64) -> Outcome {
    simulate(&SimulationSettings { seed, length: TEN_MINUTES })
}

#[test]
fn the_same_seed_goes_the_same_way_and_another_does_not() {
    let (first, again) = (run(9), run(9));
    assert_eq!(first, again);
    assert!(first.counts.events > 500 && first.counts.trades > 0, "{:?}", first.counts);
    assert_ne!(run(11).hash, first.hash);
}

/// Promise I15 of the simulation itself: nothing drawn by the process (hashing, wake-ups, ids of
/// the system) reaches it. Seeds 2 and 14 went two ways once.
#[test]
fn the_same_seeds_go_the_same_way_in_another_process() {
    let begin = |first: &str| -> Child {
        Command::new(env!("CARGO_BIN_EXE_lobd"))
            .args(["simulate", "--json", "--seeds", "2", "--first-seed", first])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let told = |process: Child| -> serde_json::Value {
        let told = process.wait_with_output().unwrap().stdout;
        let mut summary: serde_json::Value = serde_json::from_slice(&told).unwrap();
        // The one figure of real time.
        summary.as_object_mut().unwrap().remove("simulated_seconds_per_second").unwrap();
        summary
    };
    for first_seed in ["1", "13"] {
        let processes = [begin(first_seed), begin(first_seed), begin(first_seed)];
        let [first, second, third] = processes.map(told);
        assert_eq!(first["histories"].as_object().unwrap().len(), 2);
        assert_eq!(first, second);
        assert_eq!(first, third);
    }
}

#[test]
fn seeds_that_found_something_keep_every_promise() {
    for (seed, what) in FOUND {
        let outcome = run(*seed);
        assert_eq!(outcome.failure, None, "{what}");
    }
}

#[test]
fn two_dozen_seeds_keep_every_promise() {
    let mut counts = lobd::app::simulation::Counts::default();
    for seed in 1_001..1_025 {
        let outcome = run(seed);
        if let Some(failure) = outcome.failure {
            panic!("{failure}; again: lobd simulate --seeds 1 --first-seed {seed} --minutes 10");
        }
        counts.add(&outcome.counts);
    }
    // What never happened was not tested.
    assert!(counts.restarts > 20 && counts.lost > 100, "{counts:?}");
    assert!(counts.trades > 300 && counts.valid_seconds > 8_000, "{counts:?}");
}
