//! The venue's own spelling of a market message, read in one pass over its bytes.
//!
//! Compact JSON as the venue writes it: no blanks, no escapes, scalars, levels, and one envelope.
//! Whatever else JSON allows is left to the general reader ([`Fields::read`]), with which this one
//! agrees wherever it answers; the fuzz target `market_frame` and a property hold them together.

use crate::book::Level;
use crate::domain::plain_decimal::read_quoted;
use crate::domain::{Price, Quantity};

use super::fields::{Fields, Slot};

/// Digits of a whole number that surely fit 64 bits.
const MOST_DIGITS: usize = 19;

/// Reads a message into the fields; `None` if any of it is spelled otherwise, which says nothing
/// about it: the general reader then reads the same fields again in the same order, so that
/// nothing read here has to be forgotten.
pub(super) fn read<'de>(fields: &mut Fields<'de, '_>, text: &'de str) -> Option<()> {
    let mut scan = Scan { text, at: 0 };
    scan.object(fields, true)?;
    (scan.at == text.len()).then_some(())
}

struct Scan<'de> {
    text: &'de str,
    at: usize,
}

impl<'de> Scan<'de> {
    fn object(&mut self, fields: &mut Fields<'de, '_>, is_envelope: bool) -> Option<()> {
        self.skip(b'{')?;
        if self.take(b'}') {
            return Some(());
        }
        loop {
            self.skip(b'"')?;
            let name = self.string()?;
            self.skip(b':')?;
            match name {
                "data" if is_envelope => self.object(fields, false)?,
                "data" => return None,
                "b" | "bids" => fields.bid = self.levels_or_value(fields.bids)?,
                "a" | "asks" => fields.ask = self.levels_or_value(fields.asks)?,
                "s" | "symbol" => fields.name_symbol(self.value()?),
                name => {
                    let value = self.value()?;
                    if let Some(slot) = fields.scalar(name) {
                        *slot = value;
                    }
                }
            }
            if !self.take(b',') {
                return self.skip(b'}');
            }
        }
    }

    fn levels_or_value(&mut self, levels: &mut Vec<Level>) -> Option<Slot<'de>> {
        if !self.take(b'[') {
            return self.value();
        }
        levels.clear();
        if !self.take(b']') {
            loop {
                levels.push(self.level()?);
                if !self.take(b',') {
                    break;
                }
            }
            self.skip(b']')?;
        }
        Some(Slot::Levels)
    }

    /// `["7403.89","0.002"]`
    fn level(&mut self) -> Option<Level> {
        self.skip_all(*b"[\"")?;
        let price = Price::from_units(self.decimal()?).ok()?;
        self.skip_all(*b"\",\"")?;
        let quantity = Quantity::from_units(self.decimal()?).ok()?;
        self.skip_all(*b"\"]")?;
        Some(Level { price, quantity })
    }

    fn decimal(&mut self) -> Option<i64> {
        let (units, length) = read_quoted(self.left()).or_else(|| self.long_decimal())?;
        self.at += length;
        Some(units)
    }

    /// A decimal of more digits than are read at once, or near the end of the message.
    fn long_decimal(&self) -> Option<(i64, usize)> {
        let length = self.left().iter().position(|byte| *byte == b'"')?;
        let text = self.text.get(self.at..self.at + length)?;
        // A number spelled with escapes is none here either.
        crate::domain::decimal::parse_units(text).ok().map(|units| (units, length))
    }

    fn value(&mut self) -> Option<Slot<'de>> {
        match self.left().first()? {
            b'"' => {
                self.at += 1;
                self.string().map(Slot::Text)
            }
            b'0'..=b'9' => self.number().map(Slot::Number),
            b't' => self.skip_all(*b"true").map(|()| Slot::Flag(true)),
            b'f' => self.skip_all(*b"false").map(|()| Slot::Flag(false)),
            b'n' => self.skip_all(*b"null").map(|()| Slot::Absent),
            _ => None,
        }
    }

    /// A text without escapes, after its opening quote.
    fn string(&mut self) -> Option<&'de str> {
        let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..b' ');
        let length = self.left().iter().position(is_special)?;
        let found = self.text.get(self.at..self.at + length)?;
        self.at += length;
        self.skip(b'"').map(|()| found)
    }

    /// A whole number without a sign; one with a point or an exponent is left to the general reader
    /// by what follows it.
    fn number(&mut self) -> Option<u64> {
        let left = self.left();
        let length = left.iter().position(|byte| !byte.is_ascii_digit())?;
        let is_plain = length == 1 || left[0] != b'0';
        if length > MOST_DIGITS || !is_plain || !matches!(left[length], b',' | b'}') {
            return None;
        }
        let join = |number: u64, digit: &u8| number * 10 + u64::from(digit - b'0');
        let number = left[..length].iter().fold(0, join);
        self.at += length;
        Some(number)
    }

    fn left(&self) -> &'de [u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.left().first() == Some(&byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn skip(&mut self, byte: u8) -> Option<()> {
        self.take(byte).then_some(())
    }

    fn skip_all<const LENGTH: usize>(&mut self, bytes: [u8; LENGTH]) -> Option<()> {
        let found = self.left().first_chunk::<LENGTH>()?;
        (*found == bytes).then(|| self.at += LENGTH)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DEPTH: &str = r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1571889248277,"T":1571889248276,"s":"BTCUSDT","st":1,"U":390497796,"u":390497878,"pu":390497794,"b":[["7403.89","0.002"],["7403.00","0"]],"a":[["7405.96","3.340"],["123456789.12345678","12345678901.5"]]}}"#;
    const MARK: &str = r#"{"e":"markPriceUpdate","E":1789117371000,"s":"ETHUSDT","p":"2475.24000000","nq":null,"m":true,"T":0}"#;

    /// What a reader makes of a text: every field and level; `None` if it refuses.
    fn outcome<'de>(
        text: &'de str,
        read: impl for<'buffer> FnOnce(&mut Fields<'de, 'buffer>, &'de str) -> bool,
    ) -> Option<String> {
        let (mut bids, mut asks) = (Vec::new(), Vec::new());
        let mut fields = Fields::new(&mut bids, &mut asks);
        read(&mut fields, text).then(|| format!("{fields:?}"))
    }

    fn compact(text: &str) -> Option<String> {
        outcome(text, |fields, text| read(fields, text).is_some())
    }

    fn general(text: &str) -> Option<String> {
        outcome(text, |fields, text| fields.read_any(text).is_ok())
    }

    #[test]
    fn the_venues_spelling_is_read_compactly_and_another_generally() {
        for text in [DEPTH, MARK, r#"{"result":null,"id":1}"#] {
            assert!(compact(text).is_some(), "{text}");
            assert_eq!(compact(text), general(text));
            let spaced = text.replace(':', ": ");
            assert_eq!((compact(&spaced), general(&spaced).is_some()), (None, true));
        }
    }

    proptest! {
        #[test]
        fn what_is_read_compactly_is_read_the_same_generally(
            which in 0..2_usize, at in any::<prop::sample::Index>(), byte in any::<u8>(),
            other in any::<prop::sample::Index>(), cut in any::<bool>(),
        ) {
            let mut bytes = [DEPTH, MARK][which].as_bytes().to_vec();
            let (at, other) = (at.index(bytes.len()), other.index(bytes.len()));
            if cut { bytes.swap(at, other) } else { bytes[at] = byte }
            let damaged = String::from_utf8_lossy(&bytes).into_owned();
            if let Some(compact) = compact(&damaged) {
                prop_assert_eq!(Some(compact), general(&damaged));
            }
        }
    }
}
