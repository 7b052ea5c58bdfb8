//! Raw recordings of the real venue become exactly the seconds they hold.
//!
//! The book rebuilt from diffs must equal the venue's own best prices at every update id that both
//! name, and the seconds must equal those made by an independent program (`one-second/`).

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use lobd::binance::market_data::MarketDataParser;
use lobd::book::{Frame, Level, ProofCount, Row, Validity};
use lobd::domain::{Market, Second};
use lobd::store::import::{ImportError, ImportOptions, ImportSummary, import};

use crate::support;

const FUTURES_2023: [&str; 2] = [
    "binance-btcusdt-2023-04-05/usdm_btcusdt_20230404.dat.gz",
    "binance-btcusdt-2023-04-05/usdm_btcusdt_20230405.dat.gz",
];
const SPOT_2023: &str = "binance-btcusdt-2023-04-05/spot_btcusdt_20230405.dat.gz";
const NEXO: [&str; 2] = [
    "binance-nexousdt-spot-2024-07/spot_nexousdt_20240723.dat.gz",
    "binance-nexousdt-spot-2024-07/spot_nexousdt_20240724.dat.gz",
];

#[test]
fn futures_of_2023_match_the_venue_over_midnight_and_two_files() {
    let Some(data) = support::market_data() else { return };
    let (rows, summary) = replay(&data, &FUTURES_2023);
    assert_eq!(summary.proof, all_equal(1_565));
    assert_eq!((summary.messages.depth_updates, summary.messages.trades), (16_110, 12_935));
    assert_eq!((summary.messages.gaps, summary.messages.refused), (0, 0));
    assert_eq!(summary.messages.mark_prices, 514);
    assert_eq!(summary.instrument.market, Market::Usdm);
    assert_eq!(summary.instrument.filters.tick_size, "0.1".parse().unwrap());
    assert_eq!(summary.instrument.filters.step_size, "0.001".parse().unwrap());
    let trades: u32 = rows.values().map(|row| row.flow.trades.count).sum();
    // The last second is not whole, and one print was the insurance fund's.
    assert!((12_900..12_935).contains(&trades), "{trades} trades of the book");
    let highest = rows.values().filter_map(|row| row.flow.trades.highest_buy).max();
    assert!(highest < Some("28200".parse().unwrap()), "the insurance fund's 28722.5 is no trade");
    compare_with_one_second(&data, "usdm_btcusdt_20230404-05.csv.xz", &rows, 514);
}

#[test]
fn a_clock_behind_the_exchange_is_survived_on_futures_coin_margined_and_spot() {
    let Some(data) = support::market_data() else { return };
    for (name, market, proofs, depth_updates, seconds) in [
        ("usdm_btcusdt_20240808", Market::Usdm, 629, 6_551, 344),
        // One more of its pairs stands before the snapshot.
        ("cm_btcusd_perp_20240808", Market::Coinm, 1_124, 26_847, 343),
        ("cm_ethusd_perp_20240808", Market::Coinm, 1_345, 22_909, 343),
        ("spot_btcusdt_20240808", Market::Spot, 564, 3_451, 345),
        ("spot_ethusdt_20240808", Market::Spot, 577, 3_434, 345),
    ] {
        let file = format!("hftbacktest-binance-2024-08-08/{name}.gz");
        let (rows, summary) = replay(&data, &[&file]);
        assert_eq!(summary.proof, all_equal(proofs), "{name}");
        assert_eq!(summary.messages.depth_updates, depth_updates, "{name}");
        assert_eq!((summary.messages.gaps, summary.messages.refused), (0, 0), "{name}");
        assert_eq!(summary.instrument.market, market, "{name}");
        assert!(summary.messages.negative_latencies >= depth_updates, "{name}: clock behind");
        let developed = data.join(format!("one-second/{name}.dev.csv.xz"));
        let dev = if developed.exists() { ".dev" } else { "" };
        compare_with_one_second(&data, &format!("{name}{dev}.csv.xz"), &rows, seconds);
    }
}

#[test]
fn a_day_of_a_quiet_spot_market_is_valid_throughout() {
    let Some(data) = support::market_data() else { return };
    let (rows, summary) = replay(&data, &NEXO);
    assert_eq!(summary.proof, all_equal(12_198));
    assert_eq!((summary.messages.gaps, summary.messages.refused), (0, 0));
    assert_eq!(
        (summary.seconds.stale, summary.seconds.missing),
        (0, 0),
        "silence is not staleness"
    );
    assert!(rows.values().any(|row| row.age_ms > 40_000), "silences up to 43 s");
    assert_eq!(summary.instrument.filters.tick_size, "0.001".parse().unwrap());
    compare_with_one_second(&data, "spot_nexousdt_20240723-24.dev.csv.xz", &rows, 87_616);
}

#[test]
fn a_recording_without_a_snapshot_is_never_trusted() {
    let Some(data) = support::market_data() else { return };
    let (rows, summary) = replay(&data, &[SPOT_2023]);
    assert!(summary.seconds.missing > 100 && summary.messages.trades > 0);
    assert_eq!((summary.seconds.valid, summary.seconds.stale), (0, 0));
    assert!(rows.values().all(|row| row.snapshot.is_none()));
    assert_eq!(summary.proof, ProofCount::default());
}

#[test]
fn a_later_file_is_replayed_alone_from_a_rebuilt_snapshot() {
    let Some(data) = support::market_data() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (initial, file, market) in [
        ("usdm_btcusdt_20230405.init.json.xz", FUTURES_2023[1], Market::Usdm),
        ("spot_nexousdt_20240724.init.json.xz", NEXO[1], Market::Spot),
    ] {
        let line = unpack(&data.join("init-snapshots").join(initial));
        let first = folder.path().join("init.json");
        std::fs::write(&first, line).unwrap();
        let mut frames = 0;
        let summary = import_files(&[first, data.join(file)], &mut |_| frames += 1).unwrap();
        assert_eq!(summary.instrument.market, market);
        assert_eq!((summary.messages.gaps, summary.messages.refused), (0, 0), "{initial}");
        assert_eq!(summary.proof.compared, summary.proof.equal, "{initial}");
        assert_eq!(summary.seconds.valid, frames, "{initial}");
        assert!(summary.proof.compared > 1_000, "{initial}: {:?}", summary.proof);
    }
}

#[test]
fn a_truncated_recording_keeps_its_whole_seconds_and_names_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let line = |second: i64, id: u64| {
        let millis = 1_700_000_000_000 + second * 1_000;
        format!(
            "{millis}000 {{\"e\":\"depthUpdate\",\"E\":{millis},\"s\":\"BTCUSDT\",\"U\":{id},\
             \"u\":{id},\"b\":[[\"100\",\"{id}\"]],\"a\":[]}}\n"
        )
    };
    let snapshot = "1700000000000000 {\"lastUpdateId\":1,\"bids\":[[\"100\",\"1\"]],\
                    \"asks\":[[\"101\",\"1\"]]}\n";
    let whole: String = std::iter::once(snapshot.to_owned())
        .chain((1..500).map(|second| line(second, second.unsigned_abs() + 1)))
        .collect();
    let plain = folder.path().join("half-line.dat");
    std::fs::write(&plain, &whole[..whole.len() - 20]).unwrap();
    let zipped = folder.path().join("cut.gz");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(whole.as_bytes()).unwrap();
    let bytes = encoder.finish().unwrap();
    std::fs::write(&zipped, &bytes[..bytes.len() / 2]).unwrap();
    for (file, least) in [(plain, 498), (zipped, 10)] {
        let mut frames: Vec<Frame> = Vec::new();
        let error = import_files(std::slice::from_ref(&file), &mut |frame| frames.push(frame));
        let Err(ImportError::Truncated { file: named, line }) = error else { panic!("{error:?}") };
        assert_eq!(named, file);
        assert!(frames.len() >= least, "{} frames of {}", frames.len(), file.display());
        assert!(frames.iter().all(|frame| frame.rows[0].validity == Validity::Valid));
        let message = ImportError::Truncated { file: named, line }.to_string();
        assert!(
            message.contains(&format!("line {line}")) && message.contains("fetch"),
            "{message}"
        );
    }
}

#[test]
fn what_is_no_recording_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("other.csv");
    let refuse = |text: &str| {
        std::fs::write(&file, text).unwrap();
        import_files(std::slice::from_ref(&file), &mut |_| ()).unwrap_err().to_string()
    };
    assert!(refuse("time,price\n1,2\n").contains("no depth update"));
    assert!(refuse("").contains("no depth update"));
    let depth = |micros: i64| {
        format!(
            "{micros} {{\"e\":\"depthUpdate\",\"E\":1,\"s\":\"BTCUSDT\",\"U\":1,\"u\":1,\
             \"b\":[],\"a\":[]}}\n"
        )
    };
    let (day, next_day) = (depth(1_700_000_000_000_000), depth(1_700_086_400_000_000));
    let out_of_order = refuse(&format!("{next_day}{day}"));
    assert!(out_of_order.contains("line 2") && out_of_order.contains("in order"), "{out_of_order}");
    let malformed = refuse(&format!("{day}{}", day.replace("\"U\"", "\"V\"")));
    assert!(malformed.contains("line 2") && malformed.contains("`U`"), "{malformed}");
    let missing = import_files(&[folder.path().join("absent")], &mut |_| ()).unwrap_err();
    assert!(matches!(missing, ImportError::Open { .. }), "{missing}");
    assert!(matches!(import_files(&[], &mut |_| ()), Err(ImportError::NoFile)));
}

fn all_equal(count: u64) -> ProofCount {
    ProofCount { compared: count, equal: count }
}

fn import_files(
    files: &[PathBuf],
    sink: &mut dyn FnMut(Frame),
) -> Result<ImportSummary, ImportError> {
    let mut parser = MarketDataParser::new();
    import(files, &ImportOptions::default(), &mut parser, &mut |_, frame| {
        sink(frame);
        Ok(())
    })
}

fn replay(data: &Path, files: &[&str]) -> (BTreeMap<Second, Row>, ImportSummary) {
    let files: Vec<_> = files.iter().map(|file| data.join(file)).collect();
    let mut rows = BTreeMap::new();
    let summary = import_files(&files, &mut |mut frame| {
        let row = frame.rows.pop().unwrap();
        assert_eq!(rows.insert(frame.second, row), None, "seconds increase strictly");
    });
    (rows, summary.unwrap())
}

fn unpack(file: &Path) -> String {
    let mut text = String::new();
    let packed = std::fs::File::open(file).unwrap();
    let packed = std::io::BufReader::new(packed);
    lzma_rust2::XzReader::new(packed, true).read_to_string(&mut text).unwrap();
    text
}

/// Every second that both have must hold the same ten levels, exactly.
fn compare_with_one_second(
    data: &Path,
    name: &str,
    rows: &BTreeMap<Second, Row>,
    expected_seconds: usize,
) {
    let text = unpack(&data.join("one-second").join(name));
    let mut compared = 0;
    for line in text.lines().skip(1) {
        let mut cells = line.split(',');
        let millis: i64 = cells.next().unwrap().parse().unwrap();
        let Some(row) = rows.get(&Second::from_unix(millis / 1_000)) else { continue };
        let cells: Vec<_> = cells.collect();
        let levels = |from: usize| -> Vec<Level> {
            let whole = (from..from + 10).take_while(|at| !cells[*at].is_empty());
            let level = |at: usize| Level {
                price: cells[at].parse().unwrap(),
                quantity: cells[at + 10].parse().unwrap(),
            };
            whole.map(level).collect()
        };
        let snapshot = row.valid_snapshot().unwrap_or_else(|| panic!("{name} {millis}: {row:?}"));
        assert_eq!(snapshot.bids(), levels(0), "{name}: bids of {millis}");
        assert_eq!(snapshot.asks(), levels(20), "{name}: asks of {millis}");
        compared += 1;
    }
    assert_eq!(compared, expected_seconds, "{name}: seconds both have");
}
