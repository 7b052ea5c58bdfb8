//! How an account is set up: what a person may change at the venue while it is traded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::instrument::Symbol;

/// How an account is set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountTerms {
    /// Whether it holds a long and a short position a symbol.
    pub is_hedged: bool,
    /// Whether several assets serve as margin.
    pub has_multi_assets: bool,
    /// What is set for each symbol asked for.
    pub symbols: BTreeMap<Symbol, SymbolTerms>,
}

/// What is set for one symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SymbolTerms {
    /// The leverage.
    pub leverage: u32,
    /// Whether a position has margin of its own.
    pub is_isolated: bool,
}

impl AccountTerms {
    /// What is other than in `before`, in words; a symbol that only one of them knows is left out.
    #[must_use]
    pub fn changes_since(&self, before: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        if self.has_multi_assets != before.has_multi_assets {
            let now = if self.has_multi_assets { "on" } else { "off" };
            changes.push(format!("multi-assets mode was switched {now}"));
        }
        for (symbol, now) in &self.symbols {
            let Some(before) = before.symbols.get(symbol) else { continue };
            if now.leverage != before.leverage {
                let (from, to) = (before.leverage, now.leverage);
                changes.push(format!("the leverage of {symbol} went from {from} to {to}"));
            }
            if now.is_isolated != before.is_isolated {
                let to = if now.is_isolated { "isolated" } else { "crossed" };
                changes.push(format!("the margin of {symbol} became {to}"));
            }
        }
        changes
    }
}
