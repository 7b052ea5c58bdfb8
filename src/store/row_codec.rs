//! One row of the tape as bytes: ticks and steps, varint, level after level as differences.
//!
//! Exact: whatever [`encode`] accepts, [`decode`] gives back unchanged (the symbol is the
//! instrument's and not stored). Does not know where rows are stored. Layout 2, in order:
//!
//! | field | bytes |
//! |---|---|
//! | layout, validity with its reason, flags | 1, 1, 1 |
//! | `age_ms`, `mark_age_ms` | varint |
//! | snapshot: level counts, best bid in ticks, spread, which levels follow at one tick, the other distances, quantities in steps | varint |
//! | mark price as distance from the best bid, nothing if it is the mid | varint of 1e-8 |
//! | updates, squared mid changes, order flow imbalance in steps | varint |
//! | mid high and low in half ticks from the best bid | varint |
//! | trades: flags, count, buy and sell steps, notional, lowest sell, highest buy | varint |
//! | CRC-32 of all before it; layout 1 has none | 4 |

use thiserror::Error;

use crate::book::{DEPTH, Flow, Level, Reason, Row, Snapshot, TradeFlow, Validity};
use crate::domain::{Amount, Exposure, Filters, Instrument, Price, Quantity, Symbol};

use super::varint::{Reader, put_signed, put_unsigned};

/// The layout written; older ones stay readable.
const LAYOUT: u8 = 2;
/// The same without a checksum.
pub(super) const UNCHECKED_LAYOUT: u8 = 1;

const HAS_SNAPSHOT: u8 = 1;
const HAS_MARK: u8 = 1 << 1;
const MARK_IS_MID: u8 = 1 << 2;
const HAS_MID_HIGH: u8 = 1 << 3;
const HAS_MID_LOW: u8 = 1 << 4;
/// Mids are in 1e-8 because half ticks do not hold them.
const MIDS_IN_UNITS: u8 = 1 << 5;
const HAS_TRADES: u8 = 1 << 6;

const HAS_LOWEST_SELL: u8 = 1;
const HAS_HIGHEST_BUY: u8 = 1 << 1;
/// The notional is in 1e-8 because tick × step does not hold it.
const NOTIONAL_IN_UNITS: u8 = 1 << 2;

/// The price and quantity grid rows are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowGrid {
    /// The price grid.
    pub tick_size: Price,
    /// The quantity grid.
    pub step_size: Quantity,
}

impl RowGrid {
    /// The grid of orders under these filters.
    #[must_use]
    pub const fn under(filters: &Filters) -> Self {
        Self { tick_size: filters.tick_size, step_size: filters.step_size }
    }

    /// The coarsest grid that holds this one and that of the filters: what rested before the venue
    /// changed them rests on.
    #[must_use]
    pub fn joined(self, filters: &Filters) -> Self {
        let tick = common_divisor(self.tick_size.units(), filters.tick_size.units());
        let step = common_divisor(self.step_size.units(), filters.step_size.units());
        Self {
            tick_size: Price::from_units(tick).unwrap_or(filters.tick_size),
            step_size: Quantity::from_units(step).unwrap_or(filters.step_size),
        }
    }

    /// The instrument with this grid for that of its orders.
    #[must_use]
    pub fn of(self, instrument: &Instrument) -> Instrument {
        let Self { tick_size, step_size } = self;
        let filters = Filters { tick_size, step_size, ..instrument.filters.clone() };
        Instrument { filters, ..instrument.clone() }
    }
}

const fn common_divisor(mut one: i64, mut other: i64) -> i64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

/// Why a row cannot be written or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RowError {
    /// A price is not a multiple of the tick size.
    #[error("price {0} is not a multiple of the tick size {1}")]
    OffTick(Price, Price),
    /// A quantity is not a multiple of the step size.
    #[error("quantity {0} is not a multiple of the step size {1}")]
    OffStep(Quantity, Quantity),
    /// The grid has no tick or step.
    #[error("the instrument has no tick or step size")]
    NoGrid,
    /// The bytes end too early.
    #[error("the bytes end too early")]
    Truncated,
    /// Bytes follow where the row should end.
    #[error("bytes follow the end of the row")]
    Excess,
    /// The bytes are not those that were written.
    #[error("its checksum is not that of what is stored")]
    Checksum,
    /// The layout is one this program does not know.
    #[error("row layout {0} is unknown")]
    Layout(u8),
    /// A field holds what no row can hold.
    #[error("field {0} is out of range")]
    Invalid(&'static str),
}

/// Appends a row's bytes to `out`.
///
/// # Errors
/// [`RowError::OffTick`], [`RowError::OffStep`] or [`RowError::NoGrid`]; `out` then holds nothing
/// of use past its former length.
pub fn encode(row: &Row, grid: RowGrid, out: &mut Vec<u8>) -> Result<(), RowError> {
    grid.check()?;
    let first = out.len();
    let base = row.snapshot.map_or(Price::ZERO, |snapshot| snapshot.best_bid().price);
    let mids = grid.mids(&row.flow, base);
    out.extend([LAYOUT, validity_byte(row.validity), flags(row, mids.is_none())]);
    put_unsigned(row.age_ms.into(), out);
    put_unsigned(row.mark_age_ms.into(), out);
    if let Some(snapshot) = &row.snapshot {
        encode_snapshot(snapshot, grid, out)?;
    }
    if let Some(mark) = row.mark_price.filter(|_| !mark_is_mid(row)) {
        put_signed(mark.units() - base.units(), out);
    }
    put_unsigned(row.flow.updates.into(), out);
    put_unsigned(row.flow.squared_mid_changes, out);
    put_signed(grid.signed_steps(row.flow.order_flow_imbalance)?, out);
    let in_units =
        [row.flow.mid_high, row.flow.mid_low].map(|mid| mid.map(|mid| mid.units() - base.units()));
    for distance in mids.unwrap_or(in_units).into_iter().flatten() {
        put_signed(distance, out);
    }
    if row.flow.trades != TradeFlow::default() {
        encode_trades(&row.flow.trades, grid, base, out)?;
    }
    let checksum = crc32fast::hash(&out[first..]);
    out.extend(checksum.to_le_bytes());
    Ok(())
}

/// Reads a row back. Arbitrary bytes give an error, never a panic.
///
/// # Errors
/// [`RowError`] saying where the bytes stop making sense.
pub fn decode(bytes: &[u8], symbol: Symbol, grid: RowGrid) -> Result<Row, RowError> {
    grid.check()?;
    let bytes = checked(bytes)?;
    let validity = decode_validity(bytes)?;
    let mut fields = Fields { reader: Reader::new(bytes.get(2..).unwrap_or_default()), grid };
    let flags = fields.byte()?;
    let age_ms = fields.small()?;
    let mark_age_ms = fields.small()?;
    let snapshot = if flags & HAS_SNAPSHOT == 0 { None } else { Some(fields.snapshot()?) };
    let base = snapshot.map_or(Price::ZERO, |snapshot| snapshot.best_bid().price);
    let mark_price = match (flags & HAS_MARK != 0, flags & MARK_IS_MID != 0, &snapshot) {
        (false, false, _) => None,
        (true, false, _) => Some(fields.price_from(base, "mark price")?),
        (true, true, Some(snapshot)) => Some(mid(snapshot)),
        (false, true, _) | (true, true, None) => return Err(RowError::Invalid("flags")),
    };
    let mut flow = Flow {
        updates: fields.small()?,
        squared_mid_changes: fields.unsigned()?,
        order_flow_imbalance: fields.exposure()?,
        ..Flow::default()
    };
    let is_exact = flags & MIDS_IN_UNITS != 0;
    flow.mid_high = fields.mid(base, flags & HAS_MID_HIGH != 0, is_exact)?;
    flow.mid_low = fields.mid(base, flags & HAS_MID_LOW != 0, is_exact)?;
    if flags & HAS_TRADES != 0 {
        flow.trades = fields.trades(base)?;
    }
    if !fields.reader.is_empty() {
        return Err(RowError::Excess);
    }
    Ok(Row { symbol, snapshot, flow, mark_price, validity, age_ms, mark_age_ms })
}

/// A row's fields, its layout the first, once its checksum has proven right.
fn checked(bytes: &[u8]) -> Result<&[u8], RowError> {
    match *bytes.first().ok_or(RowError::Truncated)? {
        UNCHECKED_LAYOUT => Ok(bytes),
        LAYOUT => {
            let (fields, checksum) = bytes.split_last_chunk().ok_or(RowError::Truncated)?;
            let is_right = crc32fast::hash(fields) == u32::from_le_bytes(*checksum);
            is_right.then_some(fields).ok_or(RowError::Checksum)
        }
        layout => Err(RowError::Layout(layout)),
    }
}

fn decode_validity(fields: &[u8]) -> Result<Validity, RowError> {
    let byte = *fields.get(1).ok_or(RowError::Truncated)?;
    let reason = match byte & 0x0f {
        0 => Reason::NoSnapshot,
        1 => Reason::SequenceGap,
        2 => Reason::CrossedBook,
        3 => Reason::OffGrid,
        4 => Reason::EmptySide,
        5 => Reason::Disconnected,
        6 => Reason::NoProofOfLife,
        7 => Reason::NotRunning,
        8 => Reason::FrozenStream,
        9 => Reason::MissedTrades,
        10 => Reason::LateUpdates,
        _ => return Err(RowError::Invalid("reason")),
    };
    match byte >> 4 {
        0 if byte == 0 => Ok(Validity::Valid),
        1 => Ok(Validity::Stale(reason)),
        2 => Ok(Validity::Missing(reason)),
        _ => Err(RowError::Invalid("validity")),
    }
}

const fn validity_byte(validity: Validity) -> u8 {
    match validity {
        Validity::Valid => 0,
        Validity::Stale(reason) => 0x10 | reason_code(reason),
        Validity::Missing(reason) => 0x20 | reason_code(reason),
    }
}

const fn reason_code(reason: Reason) -> u8 {
    match reason {
        Reason::NoSnapshot => 0,
        Reason::SequenceGap => 1,
        Reason::CrossedBook => 2,
        Reason::OffGrid => 3,
        Reason::EmptySide => 4,
        Reason::Disconnected => 5,
        Reason::NoProofOfLife => 6,
        Reason::NotRunning => 7,
        Reason::FrozenStream => 8,
        Reason::MissedTrades => 9,
        Reason::LateUpdates => 10,
    }
}

fn flags(row: &Row, mids_in_units: bool) -> u8 {
    let flag = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
    flag(row.snapshot.is_some(), HAS_SNAPSHOT)
        | flag(row.mark_price.is_some(), HAS_MARK)
        | flag(mark_is_mid(row), MARK_IS_MID)
        | flag(row.flow.mid_high.is_some(), HAS_MID_HIGH)
        | flag(row.flow.mid_low.is_some(), HAS_MID_LOW)
        | flag(mids_in_units, MIDS_IN_UNITS)
        | flag(row.flow.trades != TradeFlow::default(), HAS_TRADES)
}

fn mid(snapshot: &Snapshot) -> Price {
    snapshot.best_bid().price.midpoint(snapshot.best_ask().price)
}

fn mark_is_mid(row: &Row) -> bool {
    row.snapshot.is_some_and(|snapshot| row.mark_price == Some(mid(&snapshot)))
}

fn encode_snapshot(snapshot: &Snapshot, grid: RowGrid, out: &mut Vec<u8>) -> Result<(), RowError> {
    let (bids, asks) = (snapshot.bids(), snapshot.asks());
    // At most ten levels a side, so a count fits four bits.
    let count = |levels: &[Level]| u8::try_from(levels.len()).unwrap_or(0);
    out.push((count(bids) << 4) | count(asks));
    let bid = grid.ticks(snapshot.best_bid().price)?;
    let ask = grid.ticks(snapshot.best_ask().price)?;
    put_unsigned(bid.cast_unsigned(), out);
    put_unsigned((ask - bid).cast_unsigned(), out);
    let mut adjacent = 0_u64;
    let mut distances = [0_u64; 2 * DEPTH];
    let mut count = 0;
    for levels in [bids, asks] {
        for pair in levels.windows(2) {
            let distance = grid.ticks(pair[1].price)?.abs_diff(grid.ticks(pair[0].price)?);
            adjacent |= u64::from(distance == 1) << count;
            distances[count] = distance;
            count += 1;
        }
    }
    put_unsigned(adjacent, out);
    for distance in distances.into_iter().take(count).filter(|distance| *distance != 1) {
        put_unsigned(distance, out);
    }
    for level in bids.iter().chain(asks) {
        put_unsigned(grid.steps(level.quantity)?.cast_unsigned(), out);
    }
    Ok(())
}

fn encode_trades(
    trades: &TradeFlow,
    grid: RowGrid,
    base: Price,
    out: &mut Vec<u8>,
) -> Result<(), RowError> {
    let notional = grid
        .notional_unit()
        .filter(|unit| trades.notional.units() % unit == 0)
        .map(|unit| trades.notional.units() / unit);
    let base_ticks = grid.ticks(base)?;
    let mut flags = 0;
    if trades.lowest_sell.is_some() {
        flags |= HAS_LOWEST_SELL;
    }
    if trades.highest_buy.is_some() {
        flags |= HAS_HIGHEST_BUY;
    }
    if notional.is_none() {
        flags |= NOTIONAL_IN_UNITS;
    }
    out.push(flags);
    put_unsigned(trades.count.into(), out);
    put_unsigned(grid.steps(trades.buy_volume)?.cast_unsigned(), out);
    put_unsigned(grid.steps(trades.sell_volume)?.cast_unsigned(), out);
    put_signed(notional.unwrap_or(trades.notional.units()), out);
    for price in [trades.lowest_sell, trades.highest_buy].into_iter().flatten() {
        put_signed(grid.ticks(price)? - base_ticks, out);
    }
    Ok(())
}

impl RowGrid {
    fn check(self) -> Result<(), RowError> {
        if self.tick_size.is_zero() || self.step_size.is_zero() {
            return Err(RowError::NoGrid);
        }
        Ok(())
    }

    fn ticks(self, price: Price) -> Result<i64, RowError> {
        price.ticks(self.tick_size).ok_or(RowError::OffTick(price, self.tick_size))
    }

    fn steps(self, quantity: Quantity) -> Result<i64, RowError> {
        quantity.steps(self.step_size).ok_or(RowError::OffStep(quantity, self.step_size))
    }

    fn signed_steps(self, exposure: Exposure) -> Result<i64, RowError> {
        let steps = self.steps(exposure.quantity())?;
        Ok(if exposure < Exposure::ZERO { -steps } else { steps })
    }

    /// What one tick times one step is worth in 1e-8, if that is a whole number.
    fn notional_unit(self) -> Option<i64> {
        let product = i128::from(self.tick_size.units()) * i128::from(self.step_size.units());
        let one = i128::from(crate::domain::decimal::UNITS_PER_ONE);
        (product % one == 0).then(|| i64::try_from(product / one).ok()).flatten()
    }

    fn half_ticks(self, price: Price) -> Option<i64> {
        let doubled = price.units().checked_mul(2)?;
        (doubled % self.tick_size.units() == 0).then(|| doubled / self.tick_size.units())
    }

    /// The mids' distances from `base` in half ticks, unless one of them is between half ticks.
    fn mids(self, flow: &Flow, base: Price) -> Option<[Option<i64>; 2]> {
        let base = self.half_ticks(base)?;
        let mut distances = [None; 2];
        for (distance, mid) in distances.iter_mut().zip([flow.mid_high, flow.mid_low]) {
            if let Some(mid) = mid {
                *distance = Some(self.half_ticks(mid)? - base);
            }
        }
        Some(distances)
    }
}

/// Reads fields in order and turns counts back into values.
struct Fields<'a> {
    reader: Reader<'a>,
    grid: RowGrid,
}

impl Fields<'_> {
    fn byte(&mut self) -> Result<u8, RowError> {
        self.reader.byte().ok_or(RowError::Truncated)
    }

    fn unsigned(&mut self) -> Result<u64, RowError> {
        self.reader.unsigned().ok_or(RowError::Truncated)
    }

    fn signed(&mut self) -> Result<i64, RowError> {
        self.reader.signed().ok_or(RowError::Truncated)
    }

    fn natural(&mut self) -> Result<i64, RowError> {
        self.reader.natural().ok_or(RowError::Truncated)
    }

    fn small(&mut self) -> Result<u32, RowError> {
        u32::try_from(self.unsigned()?).map_err(|_| RowError::Invalid("count or age"))
    }

    fn price(&self, ticks: Option<i64>, field: &'static str) -> Result<Price, RowError> {
        ticks
            .and_then(|ticks| ticks.checked_mul(self.grid.tick_size.units()))
            .and_then(|units| Price::from_units(units).ok())
            .ok_or(RowError::Invalid(field))
    }

    fn quantity(&mut self) -> Result<Quantity, RowError> {
        self.natural()?
            .checked_mul(self.grid.step_size.units())
            .and_then(|units| Quantity::from_units(units).ok())
            .ok_or(RowError::Invalid("quantity"))
    }

    fn exposure(&mut self) -> Result<Exposure, RowError> {
        self.signed()?
            .checked_mul(self.grid.step_size.units())
            .and_then(|units| Exposure::from_units(units).ok())
            .ok_or(RowError::Invalid("order flow imbalance"))
    }

    fn price_from(&mut self, base: Price, field: &'static str) -> Result<Price, RowError> {
        base.checked_offset(self.signed()?).map_err(|_| RowError::Invalid(field))
    }

    fn mid(
        &mut self,
        base: Price,
        is_there: bool,
        in_units: bool,
    ) -> Result<Option<Price>, RowError> {
        if !is_there {
            return Ok(None);
        }
        if in_units {
            return self.price_from(base, "mid").map(Some);
        }
        let distance = self.signed()?;
        let doubled = self
            .grid
            .half_ticks(base)
            .and_then(|base| base.checked_add(distance))
            .and_then(|half_ticks| half_ticks.checked_mul(self.grid.tick_size.units()))
            .filter(|doubled| doubled % 2 == 0);
        let price = doubled.and_then(|doubled| Price::from_units(doubled / 2).ok());
        price.map(Some).ok_or(RowError::Invalid("mid"))
    }

    fn snapshot(&mut self) -> Result<Snapshot, RowError> {
        let counts = self.byte()?;
        let (bids, asks) = (usize::from(counts >> 4), usize::from(counts & 0x0f));
        if !(1..=DEPTH).contains(&bids) || !(1..=DEPTH).contains(&asks) {
            return Err(RowError::Invalid("level count"));
        }
        let bid = self.natural()?;
        let spread = self.natural()?;
        let mut adjacent = self.unsigned()?;
        let mut levels = [Level::default(); 2 * DEPTH];
        let ask = bid.checked_add(spread);
        for (first, count, best, sign) in [(0, bids, Some(bid), -1), (bids, asks, ask, 1)] {
            let mut ticks = best;
            for (index, level) in levels[first..first + count].iter_mut().enumerate() {
                if index > 0 {
                    let distance = if adjacent & 1 == 1 { 1 } else { self.natural()? };
                    adjacent >>= 1;
                    ticks = ticks.and_then(|ticks| ticks.checked_add(sign * distance));
                }
                level.price = self.price(ticks, "level price")?;
            }
        }
        for level in &mut levels[..bids + asks] {
            level.quantity = self.quantity()?;
        }
        let (bid_levels, rest) = levels.split_at(bids);
        Snapshot::new(bid_levels.iter().copied(), rest[..asks].iter().copied())
            .map_err(|_| RowError::Invalid("snapshot"))
    }

    fn trades(&mut self, base: Price) -> Result<TradeFlow, RowError> {
        let flags = self.byte()?;
        let count = self.small()?;
        let (buy_volume, sell_volume) = (self.quantity()?, self.quantity()?);
        let unit = if flags & NOTIONAL_IN_UNITS == 0 { self.grid.notional_unit() } else { Some(1) };
        let notional = self.signed()?;
        let notional = unit
            .and_then(|unit| notional.checked_mul(unit))
            .and_then(|units| Amount::from_units(units).ok())
            .ok_or(RowError::Invalid("notional"))?;
        let base_ticks = self.grid.ticks(base)?;
        let mut price = |is_there: bool| -> Result<Option<Price>, RowError> {
            if !is_there {
                return Ok(None);
            }
            let distance = self.signed()?;
            self.price(base_ticks.checked_add(distance), "trade price").map(Some)
        };
        let lowest_sell = price(flags & HAS_LOWEST_SELL != 0)?;
        let highest_buy = price(flags & HAS_HIGHEST_BUY != 0)?;
        Ok(TradeFlow { count, buy_volume, sell_volume, notional, lowest_sell, highest_buy })
    }
}

#[cfg(test)]
#[path = "row_codec_tests.rs"]
mod tests;
