//! What the tape holds rows of: instruments, their versions, and the names people use for them.

use std::collections::BTreeSet;

use crate::domain::{Environment, Instrument, Market, Second, Symbol};

use super::error::StoreError;
use super::row_codec::RowGrid;

/// One version of an instrument on one tape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstrumentId(pub(super) i64);

/// An instrument whatever its version: whose money, which market, which symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstrumentKey {
    /// Whose money.
    pub environment: Environment,
    /// Which market of the venue.
    pub market: Market,
    /// The venue's symbol.
    pub symbol: Symbol,
}

/// An instrument with the filters it had from some second on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstrumentVersion {
    /// Names it on this tape.
    pub id: InstrumentId,
    /// The instrument and its filters.
    pub instrument: Instrument,
    /// The grid its rows are counted in: the filters' own, or a finer one where orders of an earlier
    /// version may still rest.
    pub grid: RowGrid,
    /// Counts from 1 per instrument.
    pub version: u32,
    /// The first second for which it was registered.
    pub valid_from: Second,
}

impl InstrumentKey {
    /// The key of an instrument.
    #[must_use]
    pub const fn of(instrument: &Instrument) -> Self {
        Self {
            environment: instrument.environment,
            market: instrument.market,
            symbol: instrument.symbol,
        }
    }
}

impl std::fmt::Display for InstrumentKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(&format!("{}:{}:{}", self.environment, self.market, self.symbol))
    }
}

impl InstrumentVersion {
    /// The instrument whatever its version.
    #[must_use]
    pub const fn key(&self) -> InstrumentKey {
        InstrumentKey::of(&self.instrument)
    }

    /// The instrument with the grid of its rows for the grid of its orders: what keeps its book.
    #[must_use]
    pub fn as_recorded(&self) -> Instrument {
        self.grid.of(&self.instrument)
    }
}

/// Finds the one instrument that `asked` names: `BTCUSDT`, `usdm:BTCUSDT` or
/// `production:usdm:BTCUSDT`; the parts before the symbol may come in any order.
pub(super) fn resolve(
    asked: &str,
    known: &BTreeSet<InstrumentKey>,
) -> Result<InstrumentKey, StoreError> {
    let (qualifiers, symbol) = match asked.rsplit_once(':') {
        Some((qualifiers, symbol)) => (qualifiers.split(':').collect(), symbol),
        None => (Vec::new(), asked),
    };
    let matches: Vec<InstrumentKey> = known
        .iter()
        .filter(|key| {
            let names = [key.environment.to_string(), key.market.to_string()];
            key.symbol.as_str() == symbol
                && qualifiers.iter().all(|part| names.iter().any(|name| name == part))
        })
        .copied()
        .collect();
    match matches[..] {
        [key] => Ok(key),
        [] => Err(StoreError::UnknownSymbol {
            asked: asked.to_owned(),
            known: known.iter().map(ToString::to_string).collect(),
        }),
        _ => {
            Err(StoreError::Ambiguous { asked: asked.to_owned(), candidates: candidates(&matches) })
        }
    }
}

/// The shortest names that tell the matches apart.
fn candidates(matches: &[InstrumentKey]) -> Vec<String> {
    let is_one_environment =
        matches.windows(2).all(|pair| pair[0].environment == pair[1].environment);
    matches
        .iter()
        .map(|key| {
            if is_one_environment {
                format!("{}:{}", key.market, key.symbol)
            } else {
                key.to_string()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(environment: Environment, market: Market, symbol: &str) -> InstrumentKey {
        InstrumentKey { environment, market, symbol: Symbol::new(symbol).unwrap() }
    }

    #[test]
    fn a_symbol_suffices_where_it_is_unique_and_candidates_are_named_where_not() {
        let perpetual = key(Environment::Production, Market::Usdm, "BTCUSDT");
        let spot = key(Environment::Production, Market::Spot, "BTCUSDT");
        let ether = key(Environment::Production, Market::Usdm, "ETHUSDT");
        let known = BTreeSet::from([perpetual, spot, ether]);
        assert_eq!(resolve("ETHUSDT", &known).unwrap(), ether);
        assert_eq!(resolve("spot:BTCUSDT", &known).unwrap(), spot);
        assert_eq!(resolve("production:usdm:BTCUSDT", &known).unwrap(), perpetual);
        let Err(StoreError::Ambiguous { candidates, .. }) = resolve("BTCUSDT", &known) else {
            panic!("two instruments have that symbol");
        };
        assert_eq!(candidates, ["usdm:BTCUSDT", "spot:BTCUSDT"]);
        assert!(matches!(
            resolve("testnet:BTCUSDT", &known),
            Err(StoreError::UnknownSymbol { known, .. }) if known.len() == 3
        ));
    }
}
