//! What the venue leaves undocumented or does with a delay, as choices of whoever runs an exchange.

use std::time::Duration;

/// Choices of whoever runs an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// How long a touched stop is TRIGGERING before its order reaches the matching engine.
    pub trigger_lag: Duration,
    /// Whether a countdown that has run out cancels conditional orders too; undocumented.
    pub countdown_cancels_stops: bool,
}

impl Rules {
    /// The lag recorded at the venue (exchange-api.md 5.5); the countdown leaves stops alone.
    #[must_use]
    pub const fn recorded() -> Self {
        Self { trigger_lag: Duration::from_millis(17), countdown_cancels_stops: false }
    }
}
