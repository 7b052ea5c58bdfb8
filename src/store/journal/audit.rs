//! What an audit holds against the venue: every order that was decided, every trade that was booked.

use std::collections::{BTreeMap, BTreeSet};

use super::Journal;
use super::rows::StoredEvents;
use crate::domain::{Symbol, TradeId};
use crate::store::error::StoreError;

/// How our names begin, wherever they stand in a command's bytes.
const BEGINNING: &[u8] = b"lobd-";

/// A booked trade, in the journal's own numbers: units of 1e-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookedTrade {
    /// How much, negative if sold.
    pub signed_quantity: i64,
    /// At which price.
    pub price: i64,
    /// What was paid for it.
    pub commission: i64,
}

impl Journal {
    /// The names of all orders and stops that were decided on days still kept, whatever became of
    /// them: what went out by way of the emergency file and was found there included.
    ///
    /// # Errors
    /// A failure to read.
    pub fn decided(&self) -> Result<BTreeSet<String>, StoreError> {
        let fail = |source| StoreError::database(&self.path, source);
        let mut names = BTreeSet::new();
        for event in StoredEvents::between(&self.connection, &self.path, (0, i64::MAX)) {
            let placed = event?.commands.into_iter().filter(|(kind, _)| kind.starts_with("place"));
            names.extend(placed.filter_map(|(_, payload)| name_in(&payload)));
        }
        let mut statement =
            self.connection.prepare("SELECT command FROM emergencies").map_err(fail)?;
        let mut rows = statement.query([]).map_err(fail)?;
        while let Some(row) = rows.next().map_err(fail)? {
            let payload = row.get_ref(0).and_then(|value| Ok(value.as_blob()?)).map_err(fail)?;
            names.extend(name_in(payload));
        }
        Ok(names)
    }

    /// Every trade of a symbol that was booked.
    ///
    /// # Errors
    /// A failure to read.
    pub fn booked(&self, symbol: Symbol) -> Result<BTreeMap<TradeId, BookedTrade>, StoreError> {
        let fail = |source| StoreError::database(&self.path, source);
        let mut statement = self
            .connection
            .prepare(
                "SELECT trade_id, CASE side WHEN 'BUY' THEN quantity_e8 ELSE -quantity_e8 END, \
                 price_e8, commission_e8 FROM fills WHERE symbol = ?1 ORDER BY life",
            )
            .map_err(fail)?;
        let rows = statement.query_map([symbol.as_str()], |row| {
            let trade = BookedTrade {
                signed_quantity: row.get(1)?,
                price: row.get(2)?,
                commission: row.get(3)?,
            };
            Ok((TradeId(row.get::<_, i64>(0)?.cast_unsigned()), trade))
        });
        rows.and_then(Iterator::collect).map_err(fail)
    }
}

/// The name of ours in a command's bytes; it stands there as text, behind its length.
pub(super) fn name_in(payload: &[u8]) -> Option<String> {
    let at = payload.windows(BEGINNING.len()).position(|bytes| bytes == BEGINNING)?;
    let length = usize::from(*payload.get(at.checked_sub(1)?)?);
    let name = payload.get(at..at + length)?;
    String::from_utf8(name.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ClientOrderId, RunId};
    use crate::engine::Command;

    #[test]
    fn a_name_is_found_in_the_bytes_of_its_command() {
        let run = RunId { installation: 7, epoch: 12 };
        let client_order_id = ClientOrderId::derive(run, 345);
        let symbol = Symbol::new("BTCUSDT").unwrap();
        let command = Command::Cancel { symbol, client_order_id };
        let bytes = postcard::to_stdvec(&command).unwrap();
        assert_eq!(name_in(&bytes).as_deref(), Some(client_order_id.as_str()));
        assert_eq!(name_in(b"no name"), None);
        assert_eq!(name_in(b"lobd-"), None);
    }
}
