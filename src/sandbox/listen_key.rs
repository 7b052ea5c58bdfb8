//! The key of the user stream: one at a time, an hour long unless kept alive (exchange-api.md 4.7).

use std::time::Duration;

use crate::domain::Timestamp;
use crate::sign::{Secret, Signer};

use super::refusal::Refusal;

/// How long a key lives from its last keep-alive.
const LIFE: Duration = Duration::from_hours(1);

/// The listen keys of one account.
#[derive(Debug)]
pub(super) struct ListenKeys {
    signer: Signer,
    issued: u64,
    active: Option<(String, Timestamp)>,
}

impl ListenKeys {
    /// Keys are derived from the account's secret, so that the same run gives the same keys.
    pub(super) fn new(api_secret: &Secret) -> Self {
        Self { signer: Signer::new(api_secret), issued: 0, active: None }
    }

    /// The active key, extended; a new one if there is none.
    pub(super) fn open(&mut self, now: Timestamp) -> &str {
        let key = if let Some((key, _)) = self.active.take() {
            key
        } else {
            self.issued += 1;
            self.signer.sign(&format!("listen key {}", self.issued))
        };
        &self.active.insert((key, now + LIFE)).0
    }

    /// Extends the active key.
    pub(super) fn keep_alive(&mut self, now: Timestamp) -> Result<&str, Refusal> {
        let (key, expires) = self.active.as_mut().ok_or_else(Refusal::listen_key)?;
        *expires = now + LIFE;
        Ok(key)
    }

    /// Ends the active key and gives it, so that its listeners can be told.
    pub(super) fn close(&mut self) -> Option<String> {
        self.active.take().map(|(key, _)| key)
    }

    /// Ends the active key if its hour is over.
    pub(super) fn expire(&mut self, now: Timestamp) -> Option<String> {
        match &self.active {
            Some((_, expires)) if *expires <= now => self.close(),
            Some(_) | None => None,
        }
    }

    /// The key whose listeners hear the account.
    pub(super) fn active(&self) -> Option<&str> {
        self.active.as_ref().map(|(key, _)| key.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_lives_an_hour_from_its_last_keep_alive() {
        let at = Timestamp::from_seconds;
        let mut keys = ListenKeys::new(&Secret::new("secret".to_owned()));
        let first = keys.open(at(0)).to_owned();
        assert_eq!(keys.open(at(10)), first, "the active one comes back");
        assert_eq!(keys.expire(at(3_609)), None, "extended by the second POST");
        assert!(keys.keep_alive(at(3_000)).is_ok());
        assert_eq!(keys.expire(at(6_600)), Some(first.clone()));
        assert_eq!(keys.keep_alive(at(6_601)).unwrap_err().code, -1125);
        assert_ne!(keys.open(at(6_602)), first);
    }
}
