//! The tape as files other tools read: CSV with exact decimals, and the field's `(N, 43)` array.
//!
//! Rows stream through; nothing is held but the minute a forward return looks ahead. The file
//! appears whole or not at all.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::Path;

use crate::book::{DEPTH, Level, Row, Validity, measures};
use crate::domain::{Price, Second};

use super::atomic::AtomicFile;
use super::error::StoreError;

/// Columns of the array: time, ten levels of four numbers, two forward returns.
pub const ARRAY_COLUMNS: usize = 1 + 4 * DEPTH + 2;

/// How far ahead the two forward returns look, in seconds.
pub const RETURN_HORIZONS: [i64; 2] = [10, 60];

/// Magic, version 1.0 and a header of fixed size, so that the row count can be filled in last.
const NPY_MAGIC: &[u8] = b"\x93NUMPY\x01\x00";
/// With the ten bytes before it a multiple of 64, as the format asks.
const NPY_HEADER_BYTES: u16 = 118;

/// Writes every row as a line of exact decimals; returns how many.
///
/// # Errors
/// What the rows fail with, [`StoreError::DiskFull`] or [`StoreError::Io`]; no file is left then.
pub fn write_csv(
    rows: impl Iterator<Item = Result<(Second, Row), StoreError>>,
    path: &Path,
) -> Result<u64, StoreError> {
    let mut file = AtomicFile::create(path)?;
    let mut line = csv_header();
    let mut count = 0;
    for found in rows {
        let (second, row) = found?;
        file.write(line.as_bytes())?;
        line.clear();
        csv_line(second, &row, &mut line);
        count += 1;
    }
    file.write(line.as_bytes())?;
    file.commit()?;
    Ok(count)
}

/// Writes the valid seconds as a `(N, 43)` array of f64 in C order; returns N.
///
/// - **Columns:** Unix time in seconds; for each of ten levels, best first, ask price, ask
///   quantity, bid price, bid quantity; log return of the mid 10 s and 60 s ahead.
/// - **Units:** quote and base asset; returns in bps.
/// - **Missing:** NaN for a level the book does not hold and for a return whose later second is not
///   valid.
///
/// # Errors
/// As [`write_csv`].
pub fn write_npy(
    rows: impl Iterator<Item = Result<(Second, Row), StoreError>>,
    path: &Path,
) -> Result<u64, StoreError> {
    let mut file = AtomicFile::create(path)?;
    file.write(&npy_head(0))?;
    let mut count = 0;
    let mut waiting: VecDeque<ArrayRow> = VecDeque::new();
    for found in rows {
        let (second, row) = found?;
        let Some(row) = ArrayRow::new(second, &row) else { continue };
        for earlier in &mut waiting {
            earlier.look_at(&row);
        }
        let is_complete =
            |earlier: &ArrayRow| second.seconds_since(earlier.second) >= RETURN_HORIZONS[1];
        while waiting.front().is_some_and(is_complete)
            && let Some(complete) = waiting.pop_front()
        {
            file.write(&complete.bytes())?;
        }
        waiting.push_back(row);
        count += 1;
    }
    for last in waiting {
        file.write(&last.bytes())?;
    }
    file.rewrite_head(&npy_head(count))?;
    file.commit()?;
    Ok(count)
}

struct ArrayRow {
    second: Second,
    mid: f64,
    values: [f64; ARRAY_COLUMNS],
}

impl ArrayRow {
    #[expect(clippy::cast_precision_loss, reason = "Unix seconds fit 53 bits")]
    fn new(second: Second, row: &Row) -> Option<Self> {
        let snapshot = row.valid_snapshot()?;
        let mut values = [f64::NAN; ARRAY_COLUMNS];
        values[0] = second.unix() as f64;
        for (offset, levels) in [(1, snapshot.asks()), (3, snapshot.bids())] {
            for (index, level) in levels.iter().enumerate() {
                values[4 * index + offset] = level.price.to_f64();
                values[4 * index + offset + 1] = level.quantity.to_f64();
            }
        }
        Some(Self { second, mid: measures::mid_price(snapshot).to_f64(), values })
    }

    fn look_at(&mut self, later: &Self) {
        let ahead = later.second.seconds_since(self.second);
        for (index, horizon) in RETURN_HORIZONS.into_iter().enumerate() {
            if ahead == horizon {
                self.values[ARRAY_COLUMNS - 2 + index] = (later.mid / self.mid).ln() * 10_000.0;
            }
        }
    }

    fn bytes(&self) -> Vec<u8> {
        self.values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }
}

fn npy_head(rows: u64) -> Vec<u8> {
    let described =
        format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({rows}, {ARRAY_COLUMNS}), }}");
    let mut head = NPY_MAGIC.to_vec();
    head.extend(NPY_HEADER_BYTES.to_le_bytes());
    head.extend(
        format!("{described:<width$}\n", width = usize::from(NPY_HEADER_BYTES) - 1).bytes(),
    );
    head
}

fn csv_header() -> String {
    let mut header = "second,time,validity,reason,age_ms".to_owned();
    for level in 1..=DEPTH {
        // Writing to a string cannot fail.
        let _ = write!(
            header,
            ",ask_price_{level},ask_quantity_{level},bid_price_{level},bid_quantity_{level}"
        );
    }
    header.push_str(
        ",updates,mid_high,mid_low,squared_mid_changes,order_flow_imbalance,trades,buy_volume,\
         sell_volume,notional,lowest_sell,highest_buy,mark_price,mark_age_ms\n",
    );
    header
}

fn csv_line(second: Second, row: &Row, line: &mut String) {
    let (validity, reason) = match row.validity {
        Validity::Valid => ("VALID", String::new()),
        Validity::Stale(reason) => ("STALE", reason.to_string()),
        Validity::Missing(reason) => ("MISSING", reason.to_string()),
    };
    let (flow, trades) = (&row.flow, &row.flow.trades);
    // Writing to a string cannot fail.
    let _ = write!(line, "{},{second},{validity},{reason},{}", second.unix(), row.age_ms);
    let (asks, bids) =
        row.snapshot.as_ref().map_or((&[][..], &[][..]), |book| (book.asks(), book.bids()));
    for index in 0..DEPTH {
        for levels in [asks, bids] {
            let _ = match levels.get(index) {
                Some(Level { price, quantity }) => write!(line, ",{price},{quantity}"),
                None => write!(line, ",,"),
            };
        }
    }
    let price = |price: Option<Price>| price.map(|price| price.to_string()).unwrap_or_default();
    let _ = writeln!(
        line,
        ",{},{},{},{},{},{},{},{},{},{},{},{},{}",
        flow.updates,
        price(flow.mid_high),
        price(flow.mid_low),
        flow.squared_mid_changes,
        flow.order_flow_imbalance,
        trades.count,
        trades.buy_volume,
        trades.sell_volume,
        trades.notional,
        price(trades.lowest_sell),
        price(trades.highest_buy),
        price(row.mark_price),
        row.mark_age_ms,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tape::tests::row;

    type Rows = Vec<Result<(Second, Row), StoreError>>;

    fn rows(seconds: impl IntoIterator<Item = i64>) -> Rows {
        let at = |second: i64| {
            let bid = if second >= 110 { "60060" } else { "60000" };
            let ask = if second >= 110 { "60060.1" } else { "60000.1" };
            Ok((Second::from_unix(second), row("BTCUSDT", bid, ask)))
        };
        seconds.into_iter().map(at).collect()
    }

    #[test]
    fn the_array_reads_back_with_its_forward_returns() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.npy");
        // Second 160 is not there, so second 100 has no 60-s return.
        let seconds = (100..=159).chain(161..=165);
        assert_eq!(write_npy(rows(seconds).into_iter(), &path).unwrap(), 65);
        let array: ndarray::Array2<f64> = ndarray_npy::read_npy(&path).unwrap();
        assert_eq!(array.shape(), [65, ARRAY_COLUMNS]);
        assert_eq!(array.row(0).to_vec()[..5], [100.0, 60_000.1, 1.5, 60_000.0, 1.5]);
        assert!(array[[0, 5]].is_nan(), "a level that is not there");
        let expected = (60_060.05_f64 / 60_000.05).ln() * 10_000.0;
        assert!((array[[0, 41]] - expected).abs() < 1e-9);
        assert!(array[[0, 42]].is_nan(), "the later second is missing");
        assert!((array[[1, 42]] - expected).abs() < 1e-9);
        assert!(array[[64, 41]].is_nan(), "the end has no later second");
        assert_eq!(array.column(0).to_vec()[63..], [164.0, 165.0]);
    }

    #[test]
    fn csv_is_exact_and_a_failure_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.csv");
        assert_eq!(write_csv(rows([100]).into_iter(), &path).unwrap(), 1);
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].starts_with("100,1970-01-01T00:01:40Z,VALID,,12,60000.1,1.5,60000,1.5,"));
        assert_eq!(lines[0].split(',').count(), lines[1].split(',').count());
        let mut failing = rows([100]);
        failing.push(Err(StoreError::WritingStatement));
        let other = folder.path().join("other.csv");
        assert!(write_csv(failing.into_iter(), &other).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
