//! The venue's error codes as data (exchange-api.md 7.1): what each says about the request's
//! outcome, and what to do about it.

use Effect::{AlreadyPlaced, AlreadySo, Gone, NotDone, NotVisible, Throttled, Underway, Unknown};

/// What an error code says about the request it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Surely not done.
    NotDone,
    /// Perhaps done: ask.
    Unknown,
    /// An earlier copy was done: ask for it.
    AlreadyPlaced,
    /// Surely not done, and the venue wants silence.
    Throttled,
    /// Not done, for its target is filled, cancelled, expired or was never accepted: ask for it.
    Gone,
    /// Not done, for its target is not visible: not yet, no more, or never.
    NotVisible,
    /// Not done, for its target is just being turned into something else: its events will tell.
    Underway,
    /// Nothing was to be done: a success by another name.
    AlreadySo,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeRule {
    /// The venue's code.
    pub code: i32,
    /// What it says about placing an order.
    pub on_place: Effect,
    /// What it says about cancelling or changing one.
    pub on_change: Effect,
    /// What it means, in a word or two.
    pub meaning: &'static str,
    /// What the operator can do.
    pub remedy: &'static str,
}

/// The key's and the secret's codes: nothing will work until the operator sees to them.
pub const KEY_REFUSED: [i32; 5] = [-1002, -1022, -2014, -2015, -2017];

/// The clock's code: not done; measured anew, the request may go out once more.
pub const INVALID_TIMESTAMP: i32 = -1021;

/// The venue takes only what protects (exchange-api.md 7.2, class C).
pub const OVERLOADED: i32 = -1008;

/// Codes by which an order broke a filter that may have changed since it was read.
const FILTER_BROKEN: [i32; 14] = [
    -1013, -1111, -4001, -4002, -4003, -4004, -4005, -4013, -4014, -4016, -4023, -4024, -4131,
    -4164,
];

/// Whether a refusal calls for reading the filters anew.
#[must_use]
pub fn is_filter_broken(code: i32) -> bool {
    FILTER_BROKEN.contains(&code)
}

/// Codes by which the venue says that a symbol is not open for trading, or not for new positions.
const SYMBOL_CLOSED: [i32; 4] = [-1122, -4140, -4141, -5024];

/// Whether a refusal says that the symbol is not open.
#[must_use]
pub fn is_symbol_closed(code: i32) -> bool {
    SYMBOL_CLOSED.contains(&code)
}

/// Whether a code says that there is nothing to change: a success by another name.
#[must_use]
pub fn is_already_so(code: i32) -> bool {
    rule(code).is_some_and(|rule| rule.on_change == AlreadySo)
}

/// The rule of a code, if it is documented.
#[must_use]
pub fn rule(code: i32) -> Option<&'static CodeRule> {
    CODES.iter().find(|rule| rule.code == code)
}

/// Every rule, from the greatest code to the least.
#[must_use]
pub const fn all() -> &'static [CodeRule] {
    CODES
}

const fn row(
    code: i32,
    on_place: Effect,
    on_change: Effect,
    meaning: &'static str,
    remedy: &'static str,
) -> CodeRule {
    CodeRule { code, on_place, on_change, meaning, remedy }
}

/// A code that says that all is as it is asked to be.
const fn already_so(code: i32, meaning: &'static str) -> CodeRule {
    row(code, NotDone, AlreadySo, meaning, "nothing to do")
}

/// A code by which nothing was done, whatever was asked.
const fn refused(code: i32, meaning: &'static str, remedy: &'static str) -> CodeRule {
    row(code, NotDone, NotDone, meaning, remedy)
}

const BUG: &str = "this is a defect of the program; report it with the log";
const FILTERS: &str = "the symbol's filters changed; a running daemon reads them anew by itself";
const KEY: &str = "check key, secret, IP restriction, permission and environment in .env";
const MARGIN: &str = "lower ORDER_NOTIONAL_USDT or add margin";
const WAIT: &str = "wait; it lifts by itself";
const REPRICE: &str = "choose a price nearer to the mark price";
const MODE: &str = "set the account to one-way mode with no open position or order";

const CODES: &[CodeRule] = &[
    row(-1000, Unknown, Unknown, "unknown error", "reconcile"),
    // Not done if the status is 503 (7.2); the HTTP status is looked at first.
    row(-1001, Unknown, Unknown, "disconnected", "query once, then resend"),
    refused(-1002, "not authorised", KEY),
    row(-1003, Throttled, Throttled, "too many requests", WAIT),
    row(-1006, Unknown, Unknown, "unexpected response inside the venue", "reconcile"),
    row(-1007, Unknown, Unknown, "timeout inside the venue", "reconcile"),
    row(OVERLOADED, Throttled, Throttled, "server overload", WAIT),
    refused(-1013, "invalid message", FILTERS),
    refused(-1014, "unknown order composition", BUG),
    row(-1015, Throttled, Throttled, "too many orders", WAIT),
    refused(-1016, "service shutting down", WAIT),
    refused(INVALID_TIMESTAMP, "timestamp outside the receive window", "set the machine's clock"),
    refused(-1022, "invalid signature", "check the secret in .env"),
    refused(-1023, "start time after end time", BUG),
    refused(-1100, "illegal characters", BUG),
    refused(-1101, "too many parameters", BUG),
    refused(-1102, "mandatory parameter missing", BUG),
    refused(-1103, "unknown parameter", BUG),
    refused(-1104, "unread parameter", BUG),
    refused(-1105, "empty parameter", BUG),
    refused(-1106, "parameter not required", BUG),
    refused(-1111, "too many decimal places", FILTERS),
    refused(-1115, "invalid time in force", BUG),
    refused(-1116, "invalid order type", BUG),
    refused(-1117, "invalid side", BUG),
    refused(-1120, "invalid interval", BUG),
    refused(-1121, "unknown symbol", "check the spelling, like BTCUSDT, and the environment"),
    refused(-1122, "symbol not open", "wait or take another symbol"),
    refused(-1125, "listen key does not exist", WAIT),
    refused(-1127, "interval too long", BUG),
    refused(-1128, "bad combination of parameters", BUG),
    refused(-1130, "bad parameter value", BUG),
    refused(-1135, "request is no JSON", BUG),
    refused(-1136, "invalid response type", BUG),
    refused(-2007, "callback rate out of range", "set a rate from 0.1 to 20 per cent"),
    refused(-2010, "new order rejected", "read the venue's text"),
    row(-2011, NotDone, Gone, "unknown order", "query it: filled, cancelled or never accepted"),
    row(-2012, NotDone, Unknown, "cancel-all failed", "look at the open orders, cancel singly"),
    row(-2013, NotDone, NotVisible, "order does not exist", "too young, too old or never accepted"),
    refused(-2014, "API key has a bad format", KEY),
    refused(-2015, "API key, IP or permission refused", KEY),
    refused(-2017, "API key locked", KEY),
    refused(-2018, "balance not sufficient", MARGIN),
    refused(-2019, "margin not sufficient", MARGIN),
    refused(-2020, "unable to fill", "try a smaller quantity or a limit order"),
    refused(-2021, "would trigger immediately", "choose a trigger beyond the mark price"),
    refused(-2022, "reduce-only refused", "look at the position and at rival orders"),
    refused(-2023, "account is being liquidated", "look at the account now"),
    refused(-2024, "position not sufficient", "look at the position"),
    refused(-2025, "too many open orders", "cancel some"),
    refused(-2026, "reduce-only not supported for the type", BUG),
    refused(-2027, "beyond the largest position at this leverage", MARGIN),
    refused(-2028, "leverage too small for the margin", MARGIN),
    refused(-4000, "invalid order status", BUG),
    refused(-4001, "price below zero", FILTERS),
    refused(-4002, "price above the highest", FILTERS),
    refused(-4003, "quantity not above zero", FILTERS),
    refused(-4004, "quantity below the smallest", FILTERS),
    refused(-4005, "quantity above the largest", FILTERS),
    refused(-4013, "price below the lowest", FILTERS),
    refused(-4014, "price off the tick grid", FILTERS),
    refused(-4015, "bad client order id", BUG),
    refused(-4016, "price too far above the mark price", REPRICE),
    refused(-4023, "quantity off the step grid", FILTERS),
    refused(-4024, "price too far below the mark price", REPRICE),
    refused(-4028, "invalid leverage", "set a leverage the symbol allows"),
    refused(-4045, "too many conditional orders", "cancel some"),
    already_so(-4046, "margin type already so"),
    refused(-4047, "margin type fixed by open orders", "cancel them first"),
    refused(-4048, "margin type fixed by a position", "close it first"),
    refused(-4049, "margin moves only to and from isolated positions", "isolate it first"),
    refused(-4050, "free margin not sufficient", MARGIN),
    refused(-4051, "isolated margin not sufficient", "take less out, or reduce the position"),
    refused(-4054, "no position to move margin to", "look at the position"),
    refused(-4055, "amount not above zero", BUG),
    already_so(-4059, "position mode already so"),
    refused(-4060, "invalid position side", MODE),
    refused(-4061, "position side does not match the account's mode", MODE),
    refused(-4062, "improper reduce-only", MODE),
    refused(-4067, "position mode fixed by open orders", "cancel them first"),
    refused(-4068, "position mode fixed by a position", "close it first"),
    refused(-4082, "invalid batch size", BUG),
    row(-4083, Unknown, Unknown, "batch failed", "reconcile"),
    refused(-4087, "only reduce-only orders allowed", "look at the account's notices"),
    refused(-4088, "no permission to place orders", KEY),
    refused(-4109, "account inactive", "fund the account"),
    row(-4116, AlreadyPlaced, NotDone, "client order id is in use", "query it"),
    row(-4117, NotDone, Underway, "conditional order is being triggered", "wait for its events"),
    refused(-4118, "margin check failed for reduce-only", "cancel orders of the same side"),
    refused(-4120, "conditional order on the plain endpoint", BUG),
    refused(-4131, "no counterparty within the price bound", "use a limit order"),
    refused(-4135, "invalid activation price", BUG),
    refused(-4137, "quantity with closePosition", BUG),
    refused(-4138, "reduceOnly with closePosition", BUG),
    refused(-4140, "symbol not open for new positions", "take another symbol"),
    refused(-4141, "symbol closed", "take another symbol"),
    refused(-4142, "would trigger immediately", "choose a trigger beyond the mark price"),
    refused(-4161, "leverage cannot be lowered with an isolated position", "close it first"),
    refused(-4164, "notional too small", "raise the quantity"),
    refused(-4167, "multi-assets mode barred by isolated positions", "close them first"),
    refused(-4168, "isolated margin barred by multi-assets mode", "leave that mode first"),
    already_so(-4171, "multi-assets mode already so"),
    refused(-4183, "limit price beyond the stop bound", REPRICE),
    refused(-4184, "limit price beyond the stop bound", REPRICE),
    refused(-4192, "cooling-off period", "wait for its end"),
    refused(-4210, "stop price above the bound", REPRICE),
    refused(-4211, "stop price below the bound", REPRICE),
    refused(-4400, "quantitative rule: only reduce-only orders", "lower the order rate; wait"),
    refused(-4401, "large position: only reduce-only orders", "reduce the position"),
    refused(-4402, "not available in this region", "the venue does not serve this place"),
    refused(-4403, "leverage limited in this region", "lower the leverage"),
    refused(-4531, "position mode blocked for now", WAIT),
    refused(-5000, "no such address", "check the URL settings"),
    refused(-5021, "fill-or-kill could not fill", "a normal outcome"),
    refused(-5022, "post-only order would take", "a normal outcome; reprice"),
    refused(-5024, "symbol not trading", "order unchanged"),
    refused(-5025, "only limit orders can be modified", BUG),
    refused(-5026, "too many modifications", "cancel and place anew"),
    refused(-5027, "nothing to modify", "nothing to do"),
    refused(-5028, "outside the receive window at the matching engine", "set the machine's clock"),
    refused(-5029, "notional too small after the change", "order unchanged"),
    refused(-5037, "invalid price match", BUG),
    refused(-5038, "price match not for this order type", BUG),
    refused(-5039, "invalid self-trade prevention", BUG),
    refused(-5040, "invalid good-till date", BUG),
    refused(-5041, "no depth to match the price", "use a limit price"),
    refused(-5043, "an earlier change is pending", "wait for it"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_names_every_code_once() {
        assert!(CODES.windows(2).all(|pair| pair[0].code > pair[1].code));
    }

    #[test]
    fn codes_that_hide_the_outcome_are_never_called_refusals() {
        for code in [-1000, -1001, -1006, -1007, -4083] {
            assert_eq!(rule(code).unwrap().on_place, Unknown, "{code}");
        }
        assert_eq!(rule(-2012).unwrap().on_change, Unknown);
        assert_eq!(rule(-4116).unwrap().on_place, AlreadyPlaced);
        assert!(rule(-9999).is_none());
    }
}
