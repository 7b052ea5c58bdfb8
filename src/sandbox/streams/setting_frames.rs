//! Frames that tell of an account's own settings (exchange-api.md 5.4, `ACCOUNT_CONFIG_UPDATE`).

use crate::domain::Symbol;

/// A setting that was changed.
#[derive(Debug, Clone, Copy)]
pub(in crate::sandbox) enum Setting {
    /// The leverage of a symbol.
    Leverage(Symbol, u32),
    /// Whether several assets back positions together.
    MultiAssets(bool),
}

impl Setting {
    pub(in crate::sandbox) fn frame(self, time_ms: i64) -> String {
        let what = match self {
            Self::Leverage(symbol, leverage) => {
                format!(r#""ac":{{"s":"{symbol}","l":{leverage}}}"#)
            }
            Self::MultiAssets(is_on) => format!(r#""ai":{{"j":{is_on}}}"#),
        };
        format!(r#"{{"e":"ACCOUNT_CONFIG_UPDATE","E":{time_ms},"T":{time_ms},{what}}}"#)
    }
}
