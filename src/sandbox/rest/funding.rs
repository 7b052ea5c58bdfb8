//! Funding that was paid, and symbols with hours of their own (exchange-api.md 2.2, 8.2).

use serde::Serialize;

use crate::domain::Symbol;
use crate::sim::FundingPayment;

use super::super::floor::Floor;
use super::super::parameters::Parameters;
use super::super::words;
use super::{Answer, to_json};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payment {
    symbol: Symbol,
    funding_rate: String,
    funding_time: i64,
    mark_price: String,
    rate_type: &'static str,
}

impl Payment {
    fn new(payment: &FundingPayment) -> Self {
        Self {
            symbol: payment.symbol,
            funding_rate: words::padded(payment.rate.units(), 8),
            funding_time: payment.time.millis(),
            mark_price: words::padded(payment.mark_price.units(), 8),
            rate_type: "Regular",
        }
    }
}

/// Oldest first: from the start asked for, else the newest.
pub(super) fn rates(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.optional_symbol()?;
    let asked: Vec<Symbol> = match symbol {
        Some(symbol) => vec![floor.card(symbol)?.instrument.symbol],
        None => floor.cards.keys().copied().collect(),
    };
    let (since, until) = (parameters.moment("startTime")?, parameters.moment("endTime")?);
    let limit = parameters.limit(100, 1_000)?;
    let mut paid: Vec<&FundingPayment> = asked
        .iter()
        .flat_map(|symbol| floor.exchange.funding_paid(*symbol))
        .filter(|payment| since.is_none_or(|since| payment.time >= since))
        .filter(|payment| until.is_none_or(|until| payment.time <= until))
        .collect();
    paid.sort_by_key(|payment| (payment.time, payment.symbol));
    let first = if since.is_some() { 0 } else { paid.len().saturating_sub(limit) };
    let rows: Vec<Payment> = paid.into_iter().skip(first).take(limit).map(Payment::new).collect();
    to_json(&rows)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Adjusted {
    symbol: Symbol,
    adjusted_funding_rate_cap: String,
    adjusted_funding_rate_floor: String,
    funding_interval_hours: u32,
    disclaimer: bool,
    update_time: i64,
}

/// Only symbols that are not paid at the usual hours.
pub(super) fn adjusted(floor: &mut Floor, _: &Parameters) -> Answer {
    let update_time = floor.now().millis();
    let outlooks = floor.cards.keys().filter_map(|symbol| {
        Some((*symbol, floor.exchange.funding(*symbol).filter(|funding| funding.is_adjusted)?))
    });
    let rows: Vec<Adjusted> = outlooks
        .map(|(symbol, funding)| Adjusted {
            symbol,
            adjusted_funding_rate_cap: words::padded(funding.cap.units(), 8),
            adjusted_funding_rate_floor: words::padded(-funding.cap.units(), 8),
            funding_interval_hours: funding.interval_hours,
            disclaimer: false,
            update_time,
        })
        .collect();
    to_json(&rows)
}
