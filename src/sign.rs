//! HMAC-SHA256 of a request's text, pure; known to the client and to the loopback exchange.
//!
//! Deliberately knows no request: what the signed text is made of, and where its signature goes, is
//! the business of each side of the protocol (exchange-api.md 3.1).
//!
//! Invariants: **1** a secret is never shown, neither by `Debug` nor by `Display`; **2** signatures
//! are compared in constant time; **3** the same text under the same secret has the same signature.

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use sha2::Sha256;

/// All but `A-Z a-z 0-9 - _ . ~`: what the venue wants percent-encoded before it is signed.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A text that must not be seen: an API secret, a listen key.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes over a text that must not be seen.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself: for the wire only, never for a log.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("***")
    }
}

/// Signs texts with one secret; holds the keyed state, so that each text costs only its own length.
#[derive(Clone)]
pub struct Signer {
    keyed: Hmac<Sha256>,
}

impl Signer {
    /// Prepares the keyed state of a secret.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        let keyed = Hmac::new_from_slice(secret.expose().as_bytes())
            .unwrap_or_else(|_| unreachable!("HMAC takes keys of every length"));
        Self { keyed }
    }

    /// The signature of a text: 64 lower-case hexadecimal digits.
    ///
    /// # Source
    /// RFC 2104; exchange-api.md 3.1.
    ///
    /// # Examples
    /// ```
    /// # use lobd::sign::{Secret, Signer};
    /// let signer = Signer::new(&Secret::new("Jefe".to_owned()));
    /// assert_eq!(
    ///     signer.sign("what do ya want for nothing?"),
    ///     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    /// );
    /// ```
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        hex::encode(self.keyed_with(&[text.as_bytes()]).finalize().into_bytes())
    }

    /// Whether `signature` (hexadecimal, either case) signs the parts put one after the other.
    ///
    /// Takes the same time wherever a wrong signature differs.
    #[must_use]
    pub fn verify(&self, parts: &[&[u8]], signature: &str) -> bool {
        hex::decode(signature)
            .is_ok_and(|bytes| self.keyed_with(parts).verify_slice(&bytes).is_ok())
    }

    fn keyed_with(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut state = self.keyed.clone();
        for part in parts {
            state.update(part);
        }
        state
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Signer(***)")
    }
}

/// A value as it goes on the wire and into the signed text: everything but unreserved characters
/// percent-encoded, hexadecimal digits upper-case.
///
/// # Examples
/// ```
/// # use lobd::sign::percent_encode;
/// assert_eq!(percent_encode("a b+~").to_string(), "a%20b%2B~");
/// ```
#[must_use]
pub fn percent_encode(value: &str) -> PercentEncode<'_> {
    utf8_percent_encode(value, RESERVED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        Signer::new(&Secret::new("Jefe".to_owned()))
    }

    #[test]
    fn rfc_4231_case_2_is_signed_as_published() {
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signer().sign("what do ya want for nothing?"), expected);
    }

    #[test]
    fn a_signature_is_verified_in_either_case_over_joined_parts() {
        let signature = signer().sign("queryBody");
        assert!(signer().verify(&[b"query", b"Body"], &signature));
        assert!(signer().verify(&[b"queryBody"], &signature.to_uppercase()));
        assert!(!signer().verify(&[b"queryBodY"], &signature));
        for malformed in ["", "00", "not hexadecimal", &signature[1..]] {
            assert!(!signer().verify(&[b"queryBody"], malformed), "{malformed:?}");
        }
    }

    #[test]
    fn invariant_1_a_secret_is_never_shown() {
        let secret = Secret::new("swordfish".to_owned());
        assert_eq!(format!("{secret:?} {:?}", Signer::new(&secret)), "*** Signer(***)");
        assert_eq!(secret.expose(), "swordfish");
    }

    #[test]
    fn only_unreserved_characters_stay_themselves() {
        assert_eq!(percent_encode("azAZ09-_.~").to_string(), "azAZ09-_.~");
        assert_eq!(percent_encode("[\"a\"] +１").to_string(), "%5B%22a%22%5D%20%2B%EF%BC%91");
    }
}
