//! Reads the fields of one market message, whatever its kind, in one pass.
//!
//! The kind (`e`) may stand anywhere in the object, and one name means different things in
//! different kinds (`b` is a list of bids, a price, or an order id). So every name is read into
//! one slot by what it holds, and the parser asks for what its kind must have.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::book::Level;
use crate::domain::Symbol;

use super::compact;

/// What a field holds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) enum Slot<'de> {
    /// It is absent, null, or nothing a market message holds there.
    #[default]
    Absent,
    Number(u64),
    Text(&'de str),
    Flag(bool),
    /// The levels went into the buffer of their side.
    Levels,
}

/// The fields of one message; levels go into the buffers lent.
#[derive(Debug)]
pub(super) struct Fields<'de, 'buffer> {
    /// `stream` of a combined frame.
    pub(super) stream: Slot<'de>,
    /// `e`
    pub(super) kind: Slot<'de>,
    /// `s` or `symbol`
    pub(super) symbol: Option<Symbol>,
    /// `E`
    pub(super) event_time: Slot<'de>,
    /// `T`
    pub(super) transaction_time: Slot<'de>,
    /// `U`
    pub(super) first_update_id: Slot<'de>,
    /// `u`
    pub(super) final_update_id: Slot<'de>,
    /// `pu`
    pub(super) previous_final_update_id: Slot<'de>,
    /// `lastUpdateId`
    pub(super) last_update_id: Slot<'de>,
    /// `t`
    pub(super) trade_id: Slot<'de>,
    /// `p`
    pub(super) price: Slot<'de>,
    /// `q`
    pub(super) quantity: Slot<'de>,
    /// `m`
    pub(super) buyer_is_maker: Slot<'de>,
    /// `X`
    pub(super) origin: Slot<'de>,
    /// `b`, `bids`
    pub(super) bid: Slot<'de>,
    /// `B`
    pub(super) bid_quantity: Slot<'de>,
    /// `a`, `asks`
    pub(super) ask: Slot<'de>,
    /// `A`
    pub(super) ask_quantity: Slot<'de>,
    pub(super) bids: &'buffer mut Vec<Level>,
    pub(super) asks: &'buffer mut Vec<Level>,
}

impl<'de, 'buffer> Fields<'de, 'buffer> {
    /// Empty fields over cleared buffers.
    pub(super) fn new(bids: &'buffer mut Vec<Level>, asks: &'buffer mut Vec<Level>) -> Self {
        bids.clear();
        asks.clear();
        let absent = Slot::Absent;
        Self {
            stream: absent,
            kind: absent,
            symbol: None,
            event_time: absent,
            transaction_time: absent,
            first_update_id: absent,
            final_update_id: absent,
            previous_final_update_id: absent,
            last_update_id: absent,
            trade_id: absent,
            price: absent,
            quantity: absent,
            buyer_is_maker: absent,
            origin: absent,
            bid: absent,
            bid_quantity: absent,
            ask: absent,
            ask_quantity: absent,
            bids,
            asks,
        }
    }

    /// Reads one message, raw or in the envelope of a combined stream.
    pub(super) fn read(&mut self, text: &'de str) -> Result<(), serde_json::Error> {
        compact::read(self, text).map_or_else(|| self.read_any(text), Ok)
    }

    /// Reads one message in every spelling that JSON allows.
    pub(super) fn read_any(&mut self, text: &'de str) -> Result<(), serde_json::Error> {
        let mut source = serde_json::Deserializer::from_str(text);
        FieldsSeed(self).deserialize(&mut source)?;
        source.end()
    }

    /// Takes over a symbol, if it is one.
    pub(super) fn name_symbol(&mut self, slot: Slot<'_>) {
        let found = if let Slot::Text(text) = slot { text.parse().ok() } else { None };
        self.symbol = found.or(self.symbol);
    }

    /// Where a scalar field of this name goes; `None` if no message we follow has it.
    pub(super) fn scalar(&mut self, name: &str) -> Option<&mut Slot<'de>> {
        Some(match name {
            "stream" => &mut self.stream,
            "e" => &mut self.kind,
            "E" => &mut self.event_time,
            "T" => &mut self.transaction_time,
            "U" => &mut self.first_update_id,
            "u" => &mut self.final_update_id,
            "pu" => &mut self.previous_final_update_id,
            "lastUpdateId" => &mut self.last_update_id,
            "t" => &mut self.trade_id,
            "p" => &mut self.price,
            "q" => &mut self.quantity,
            "m" => &mut self.buyer_is_maker,
            "X" => &mut self.origin,
            "B" => &mut self.bid_quantity,
            "A" => &mut self.ask_quantity,
            _ => return None,
        })
    }
}

/// Reads an object into the fields it holds.
struct FieldsSeed<'fields, 'de, 'buffer>(&'fields mut Fields<'de, 'buffer>);

impl<'de> DeserializeSeed<'de> for FieldsSeed<'_, 'de, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FieldsSeed<'_, 'de, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(Name(name)) = map.next_key()? {
            match &*name {
                "data" => map.next_value_seed(FieldsSeed(self.0))?,
                "s" | "symbol" => {
                    let text = map.next_value_seed(SlotSeed { levels: None })?;
                    self.0.name_symbol(text);
                }
                "b" | "bids" => {
                    self.0.bid = map.next_value_seed(SlotSeed { levels: Some(self.0.bids) })?;
                }
                "a" | "asks" => {
                    self.0.ask = map.next_value_seed(SlotSeed { levels: Some(self.0.asks) })?;
                }
                other => match self.0.scalar(other) {
                    Some(slot) => *slot = map.next_value_seed(SlotSeed { levels: None })?,
                    None => {
                        map.next_value::<IgnoredAny>()?;
                    }
                },
            }
        }
        Ok(())
    }

    /// Array streams (`!markPrice@arr`) are not followed.
    fn visit_seq<S: SeqAccess<'de>>(self, mut elements: S) -> Result<(), S::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// A field name, borrowed unless it is spelled with escapes.
struct Name<'de>(Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Cow<'de, str>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a field name")
            }
            fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(name))
            }
            fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(name.to_owned()))
            }
        }
        source.deserialize_str(NameVisitor).map(Self)
    }
}

/// Reads one value by what it is; levels only where they may stand.
struct SlotSeed<'buffer> {
    levels: Option<&'buffer mut Vec<Level>>,
}

impl<'de> DeserializeSeed<'de> for SlotSeed<'_> {
    type Value = Slot<'de>;
    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Slot<'de>, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for SlotSeed<'_> {
    type Value = Slot<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Slot<'de>, E> {
        Ok(Slot::Flag(flag))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Slot<'de>, E> {
        Ok(Slot::Number(number))
    }

    fn visit_i64<E: Error>(self, _negative: i64) -> Result<Slot<'de>, E> {
        Ok(Slot::Absent)
    }

    fn visit_f64<E: Error>(self, _float: f64) -> Result<Slot<'de>, E> {
        Ok(Slot::Absent)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Slot<'de>, E> {
        Ok(Slot::Text(text))
    }

    /// No number, name or time of the venue is spelled with escapes.
    fn visit_str<E: Error>(self, _escaped: &str) -> Result<Slot<'de>, E> {
        Ok(Slot::Absent)
    }

    fn visit_unit<E: Error>(self) -> Result<Slot<'de>, E> {
        Ok(Slot::Absent)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut elements: S) -> Result<Slot<'de>, S::Error> {
        let Some(levels) = self.levels else {
            while elements.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Slot::Absent);
        };
        levels.clear();
        while let Some(PriceQuantity(level)) = elements.next_element()? {
            levels.push(level);
        }
        Ok(Slot::Levels)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Slot<'de>, M::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Slot::Absent)
    }
}

/// `["7403.89", "0.002"]`; further elements, as older answers have, are skipped.
struct PriceQuantity(Level);

impl<'de> serde::Deserialize<'de> for PriceQuantity {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct PairVisitor;
        impl<'de> Visitor<'de> for PairVisitor {
            type Value = Level;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a price and a quantity as texts")
            }
            fn visit_seq<S: SeqAccess<'de>>(self, mut pair: S) -> Result<Level, S::Error> {
                let missing = |at| S::Error::invalid_length(at, &"a price and a quantity");
                let price = pair.next_element()?.ok_or_else(|| missing(0))?;
                let quantity = pair.next_element()?.ok_or_else(|| missing(1))?;
                while pair.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Level { price, quantity })
            }
        }
        source.deserialize_seq(PairVisitor).map(Self)
    }
}
