//! Decimals in the spelling depth messages are made of, read sixteen bytes at once.
//!
//! Only digits with or without one point, ended by a quote; whatever is spelled otherwise is left
//! to [`parse_units`](super::decimal::parse_units), with which this agrees wherever it answers.

/// Bytes read at once; a number and its quote must lie within them.
const BLOCK: usize = 16;

/// Powers of ten by how many of eight places are missing.
const POWERS: [u64; 9] = [100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];

/// Every byte of a block the same.
const fn all(byte: u8) -> u128 {
    u128::from_ne_bytes([byte; BLOCK])
}

/// Reads the decimal that `bytes` begin with, up to a quote: its units of 1e-8, and its length
/// without the quote. `None` says nothing about the number.
///
/// # Examples
/// ```
/// # use lobd::domain::plain_decimal::read_quoted;
/// assert_eq!(read_quoted(b"7403.89\",\"0.002\"]"), Some((740_389_000_000, 7)));
/// assert_eq!(read_quoted(b"7.0E-4\",\"0.002\"],"), None);
/// ```
#[must_use]
pub fn read_quoted(bytes: &[u8]) -> Option<(i64, usize)> {
    let block = u128::from_le_bytes(*bytes.first_chunk::<BLOCK>()?);
    let length = position(block, b'"');
    let point = position(block, b'.').min(length);
    let places = length.saturating_sub(point + 1);
    let digits = length - usize::from(point < length);
    if length == BLOCK || digits == 0 {
        return None;
    }
    // Digits only: what follows the point moves down onto it, then the last digit up to the end.
    let after = block >> 8;
    let joined = (block & below(point)) | (after & !below(point));
    let values = (joined ^ all(b'0')) & below(digits);
    if (values | values.wrapping_add(all(0x76))) & all(0x80) != 0 {
        return None;
    }
    let value = sixteen_digits(values << (8 * (BLOCK - digits)));
    let units = value.checked_mul(*POWERS.get(places)?)?;
    Some((i64::try_from(units).ok()?, length))
}

/// The place of the first such byte; the block's length if there is none.
const fn position(block: u128, byte: u8) -> usize {
    let different = block ^ all(byte);
    let equal = different.wrapping_sub(all(1)) & !different & all(0x80);
    (equal.trailing_zeros() / 8) as usize
}

/// A mask of the first bytes.
const fn below(bytes: usize) -> u128 {
    if bytes >= BLOCK { u128::MAX } else { (1 << (8 * bytes)) - 1 }
}

/// The number that sixteen digit values spell, the most significant first: neighbours are joined
/// to pairs, pairs to fours, fours to eights.
#[expect(clippy::cast_possible_truncation, reason = "halves of the block")]
const fn sixteen_digits(values: u128) -> u64 {
    let (high, low) = (eight_digits(values as u64), eight_digits((values >> 64) as u64));
    high * 100_000_000 + low
}

/// # Source
/// J. Mula, "Faster integer parsing" (2019); the masks keep every other group.
const fn eight_digits(values: u64) -> u64 {
    let pairs = (values.wrapping_mul(10) + (values >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    (fours.wrapping_mul(10_000) + (fours >> 32)) & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::decimal::parse_units;
    use super::*;

    #[test]
    fn what_is_no_plain_number_is_left_to_the_general_reader() {
        for text in ["", ".", "-1", "1.2.3", "1e3", "1 ", "0.000000001", "12345678901234567", "٣"]
        {
            let bytes = format!("{text}\",\"0.00200000\"],[");
            assert_eq!(read_quoted(bytes.as_bytes()), None, "{text}");
        }
        assert_eq!(read_quoted(b"1\""), None, "fewer bytes than are read at once");
    }

    proptest! {
        #[test]
        fn a_plain_number_is_read_as_by_the_general_reader(
            text in "[0-9]{0,9}[.]?[0-9]{0,8}", after in "[ -~]{16}",
        ) {
            match read_quoted(format!("{text}\"{after}").as_bytes()) {
                Some((units, length)) => {
                    prop_assert_eq!(Ok(units), parse_units(&text));
                    prop_assert_eq!(length, text.len());
                }
                None => prop_assert!(text.len() > 15 || parse_units(&text).is_err(), "{}", text),
            }
        }

        #[test]
        fn arbitrary_bytes_agree_with_the_general_reader(bytes in prop::collection::vec(
            prop_oneof![Just(b'"'), Just(b'.'), b'0'..=b'9', any::<u8>()], 16..40)) {
            if let Some((units, length)) = read_quoted(&bytes) {
                let text = std::str::from_utf8(&bytes[..length]).unwrap();
                prop_assert_eq!(Ok(units), parse_units(text));
                prop_assert_eq!(bytes[length], b'"');
            }
        }
    }
}
