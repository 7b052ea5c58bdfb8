//! Short texts held inline, so that ids and symbols are `Copy` and allocate nothing.

use std::fmt;

/// Defines a short UTF-8 text of at most `$capacity` bytes, checked by `$check` on construction.
macro_rules! inline_text {
    ($(#[$doc:meta])* $name:ident, $capacity:literal, $check:path, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            bytes: [u8; $capacity],
            length: u8,
        }

        impl $name {
            /// Checks and takes over a text.
            ///
            /// # Errors
            /// [`TextError`](crate::domain::TextError) if it is empty, too long or holds a
            /// character that may not be there.
            pub fn new(text: &str) -> Result<Self, crate::domain::text::TextError> {
                let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
                if length == 0 || usize::from(length) > $capacity || !text.chars().all($check) {
                    return Err(crate::domain::text::TextError::new($what, $capacity, text));
                }
                let mut bytes = [0; $capacity];
                bytes[..text.len()].copy_from_slice(text.as_bytes());
                Ok(Self { bytes, length })
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                std::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.pad(self.as_str())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "{:?}", self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::domain::text::TextError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(source)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use inline_text;

/// A text that cannot be the id or symbol it was meant to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextError {
    what: &'static str,
    capacity: usize,
    text: String,
}

impl TextError {
    pub(crate) fn new(what: &'static str, capacity: usize, text: &str) -> Self {
        Self { what, capacity, text: text.chars().take(50).collect() }
    }
}

impl fmt::Display for TextError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "not a {} of 1 to {} bytes: {:?}", self.what, self.capacity, self.text)
    }
}

impl std::error::Error for TextError {}
