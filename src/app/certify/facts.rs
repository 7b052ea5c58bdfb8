//! The market as it is, and orders made to measure for it.

use crate::domain::{Amount, Price, Quantity, Rate, Rounding, Side};

use super::came::{decimal, first};
use super::case::Shortfall;
use super::stage::{Parameters, Stage};

/// The best prices of the moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Best {
    pub(super) bid: Price,
    pub(super) ask: Price,
}

impl Stage {
    /// The best prices.
    pub(super) async fn best(&mut self) -> Result<Best, Shortfall> {
        let symbol = self.symbol_parameter();
        let ticker = self.public("/fapi/v1/ticker/bookTicker", symbol).await?.accepted()?;
        Ok(Best { bid: decimal(&ticker, "bidPrice")?, ask: decimal(&ticker, "askPrice")? })
    }

    /// The mark price.
    pub(super) async fn mark(&mut self) -> Result<Price, Shortfall> {
        let symbol = self.symbol_parameter();
        let premium = self.public("/fapi/v1/premiumIndex", symbol).await?.accepted()?;
        decimal(&premium, "markPrice")
    }

    /// What is held: the signed quantity as the venue writes it, without sign, and its side.
    pub(super) async fn held(&mut self) -> Result<Option<(Side, Quantity)>, Shortfall> {
        let symbol = self.symbol_parameter();
        let rows = self.account("/fapi/v3/positionRisk", symbol).await?.accepted()?;
        if super::came::rows(&rows)?.is_empty() {
            return Ok(None);
        }
        let exposure: crate::domain::Exposure = decimal(first(&rows)?, "positionAmt")?;
        Ok(exposure.side().map(|side| (side, exposure.quantity())))
    }

    pub(super) fn symbol_parameter(&self) -> Parameters {
        vec![("symbol", self.symbol().to_string())]
    }

    /// A price so far from the market that it rests, and near enough to be allowed: 1 % away, or
    /// half of what the filter allows.
    pub(super) fn resting_price(&self, side: Side, best: Best) -> Price {
        let filters = &self.instrument().filters;
        let one_percent = Rate::from_bps(100.0);
        let (from, away, rounding) = match side {
            Side::Buy => (best.bid, -one_percent.bps(), Rounding::Down),
            Side::Sell => (best.ask, one_percent.bps(), Rounding::Up),
        };
        let moved = from.moved_by(Rate::from_bps(away)).unwrap_or(from);
        moved.round_to_tick(filters.tick_size, rounding).unwrap_or(from)
    }

    /// The smallest quantity that may be ordered at a price, and at prices 3 % below it.
    pub(super) fn smallest_quantity(&self, price: Price) -> Quantity {
        let filters = &self.instrument().filters;
        let floor = price.moved_by(Rate::from_bps(-300.0)).unwrap_or(price);
        let wanted = filters.min_notional.quantity_at(floor).unwrap_or(filters.min_quantity);
        let rounded = wanted.round_to_step(filters.step_size, Rounding::Up);
        let step = filters.step_size;
        let more = rounded.unwrap_or(filters.min_quantity).checked_add(step).unwrap_or(step);
        more.max(filters.min_quantity)
    }

    /// The smallest quantity and a price at which a buy of it is worth less than an order must be:
    /// near the market, or below it, for a buy may be as cheap as it likes (exchange-api.md 2.3).
    pub(super) async fn too_little(&mut self) -> Result<Option<(Quantity, Price)>, Shortfall> {
        let best = self.best().await?;
        let filters = &self.instrument().filters;
        let mut price = self.resting_price(Side::Buy, best);
        while filters.check_notional(price, filters.min_quantity).is_ok() {
            let lower = price.moved_by(Rate::from_bps(-1_000.0));
            let lower = lower.and_then(|it| it.round_to_tick(filters.tick_size, Rounding::Down));
            match lower {
                Ok(lower) if lower >= filters.min_price && lower < price => price = lower,
                Ok(_) | Err(_) => return Ok(None),
            }
        }
        Ok(Some((filters.min_quantity, price)))
    }

    /// A limit order, good till cancelled; `id` names it.
    pub(super) fn limit_order(
        &self,
        side: Side,
        (quantity, price): (Quantity, Price),
        id: &str,
    ) -> Parameters {
        vec![
            ("symbol", self.symbol().to_string()),
            ("side", side.to_string()),
            ("type", "LIMIT".to_owned()),
            ("timeInForce", "GTC".to_owned()),
            ("quantity", quantity.to_string()),
            ("price", price.to_string()),
            ("newClientOrderId", id.to_owned()),
        ]
    }

    /// A market order that answers with its result.
    pub(super) fn market_order(&self, side: Side, quantity: Quantity, id: &str) -> Parameters {
        vec![
            ("symbol", self.symbol().to_string()),
            ("side", side.to_string()),
            ("type", "MARKET".to_owned()),
            ("quantity", quantity.to_string()),
            ("newClientOrderId", id.to_owned()),
            ("newOrderRespType", "RESULT".to_owned()),
        ]
    }

    /// A stop that sells at the market once the mark price falls to `price`.
    pub(super) fn sell_stop(&self, (quantity, price): (Quantity, Price), id: &str) -> Parameters {
        vec![
            ("algoType", "CONDITIONAL".to_owned()),
            ("symbol", self.symbol().to_string()),
            ("side", Side::Sell.to_string()),
            ("type", "STOP_MARKET".to_owned()),
            ("quantity", quantity.to_string()),
            ("triggerPrice", price.to_string()),
            ("workingType", "MARK_PRICE".to_owned()),
            ("clientAlgoId", id.to_owned()),
        ]
    }

    /// A buy order that rests below the market, placed; its id.
    pub(super) async fn resting_buy(&mut self) -> Result<String, Shortfall> {
        let best = self.best().await?;
        let price = self.resting_price(Side::Buy, best);
        let (quantity, id) = (self.smallest_quantity(price), self.new_id());
        let order = self.limit_order(Side::Buy, (quantity, price), &id);
        self.post("/fapi/v1/order", order).await?.accepted()?;
        Ok(id)
    }

    /// Cancels an order of ours that should be working.
    pub(super) async fn cancel(&mut self, id: &str) -> Result<serde_json::Value, Shortfall> {
        let named = self.named_order(id);
        self.delete("/fapi/v1/order", named).await?.accepted()
    }

    /// Names an order by the id we gave it.
    pub(super) fn named_order(&self, id: &str) -> Parameters {
        vec![("symbol", self.symbol().to_string()), ("origClientOrderId", id.to_owned())]
    }
}

/// Replaces one parameter.
pub(super) fn with(
    mut parameters: Parameters,
    name: &'static str,
    value: impl std::fmt::Display,
) -> Parameters {
    match parameters.iter_mut().find(|(found, _)| *found == name) {
        Some((_, old)) => *old = value.to_string(),
        None => parameters.push((name, value.to_string())),
    }
    parameters
}

/// Leaves one parameter out.
pub(super) fn without(mut parameters: Parameters, name: &str) -> Parameters {
    parameters.retain(|(found, _)| *found != name);
    parameters
}

/// Whether an amount is not nothing.
pub(super) fn is_something(amount: Amount) -> bool {
    amount != Amount::ZERO
}
