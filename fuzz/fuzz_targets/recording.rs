//! Any bytes as a raw recording, plain or gzipped: no panic, seconds in order, and none that is
//! valid with a crossed book. The loopback exchange's own reader takes the same file.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use lobd::binance::market_data::MarketDataParser;
use lobd::book::Validity;
use lobd::domain::{Second, Timestamp};
use lobd::sandbox::Tape;
use lobd::store::import::{ImportOptions, import};

/// One file a process, in memory where the system has such a place.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
    folder.join(format!("lobd-fuzz-recording-{}", std::process::id()))
});

fuzz_target!(|bytes: &[u8]| {
    if std::fs::write(&*FILE, bytes).is_err() {
        return;
    }
    let mut last: Option<Second> = None;
    let outcome = import(
        &[FILE.clone()],
        &ImportOptions::default(),
        &mut MarketDataParser::new(),
        &mut |instrument, frame| {
            assert!(last.is_none_or(|last| last < frame.second), "{last:?} {:?}", frame.second);
            last = Some(frame.second);
            for row in frame.rows.iter().filter(|row| row.validity == Validity::Valid) {
                assert_eq!(row.symbol, instrument.symbol);
                assert!(row.snapshot.is_some());
            }
            Ok(())
        },
    );
    if let Err(error) = outcome {
        assert!(error.to_string().len() < 2_000, "{error}");
    }
    let _ = Tape::load(&FILE, Timestamp::from_seconds(1_700_000_000));
    let _ = std::fs::remove_file(&*FILE);
});
