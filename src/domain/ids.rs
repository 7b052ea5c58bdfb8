//! Identifiers, and who assigned them.
//!
//! Ours are functions, not draws: [`ClientOrderId::derive`] depends only on the run and a sequence
//! number, so that a replay or a retry names the same order by the same id.

use serde::{Deserialize, Serialize};

use super::text::inline_text;

inline_text! {
    /// An order's name given by us, unique for ever: `^[\.A-Z\:/a-z0-9_-]{1,36}$`
    /// (exchange-api.md 4.1).
    ClientOrderId, 36, is_client_order_id_character, "client order id"
}

inline_text! {
    /// Names a model artefact: its kind and the head of its content hash, like `ols-3fa92c51`.
    ModelId, 32, is_model_id_character, "model id"
}

fn is_client_order_id_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | ':' | '/' | '_' | '-')
}

fn is_model_id_character(character: char) -> bool {
    character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-'
}

/// Which installation and which start of it: the part of an order id that no other run shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunId {
    /// Drawn once when the journal is created, so that two data folders never share ids.
    pub installation: u32,
    /// Counts the starts of this installation.
    pub epoch: u32,
}

impl ClientOrderId {
    /// The id of the `sequence`-th order of a run.
    ///
    /// # Examples
    /// ```
    /// # use lobd::domain::{ClientOrderId, RunId};
    /// let run = RunId { installation: 0x7f3a_9c01, epoch: 12 };
    /// assert_eq!(ClientOrderId::derive(run, 345).as_str(), "lobd-7f3a9c01-12-345");
    /// ```
    #[must_use]
    pub fn derive(run: RunId, sequence: u32) -> Self {
        let text = format!("lobd-{:08x}-{}-{sequence}", run.installation, run.epoch);
        debug_assert!(text.len() <= 36, "at most 4 + 1 + 8 + 1 + 10 + 1 + 10 bytes");
        Self::new(&text).unwrap_or_else(|_| unreachable!("derived ids use the venue's alphabet"))
    }

    /// Which installation of `lobd` derived this id, if one did.
    #[must_use]
    pub fn installation(&self) -> Option<u32> {
        let (installation, rest) = self.as_str().strip_prefix("lobd-")?.split_once('-')?;
        let is_derived = installation.len() == 8 && rest.contains('-');
        u32::from_str_radix(installation, 16).ok().filter(|_| is_derived)
    }

    /// Whether this id was derived by the given installation, in this run or an earlier one.
    #[must_use]
    pub fn is_of_installation(&self, installation: u32) -> bool {
        self.installation() == Some(installation)
    }
}

/// Defines an integer id assigned by the venue.
macro_rules! venue_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default,
            Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(formatter)
            }
        }
    };
}

venue_id! {
    /// An ordinary order's id, assigned by the venue; exceeds 2^53.
    OrderId
}
venue_id! {
    /// A conditional (algo) order's id, assigned by the venue.
    AlgoOrderId
}
venue_id! {
    /// A trade's id, assigned by the venue; unique within one symbol.
    TradeId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_fit_the_venue_and_name_their_installation() {
        let run = RunId { installation: u32::MAX, epoch: u32::MAX };
        let id = ClientOrderId::derive(run, u32::MAX);
        assert!(id.as_str().len() <= 36);
        assert!(id.is_of_installation(u32::MAX) && !id.is_of_installation(1));
        for foreign in ["lobd-1", "web_1", "lobd-0000000g-1-1", "lobd-1-00000001-1"] {
            assert_eq!(ClientOrderId::new(foreign).unwrap().installation(), None, "{foreign}");
        }
    }

    #[test]
    fn characters_outside_the_alphabet_are_refused() {
        assert!(ClientOrderId::new("with space").is_err());
        assert!(ClientOrderId::new("").is_err());
        assert!(ClientOrderId::new(&"x".repeat(37)).is_err());
    }
}
