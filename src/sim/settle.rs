//! From matches to money: fills booked, orders advanced, everyone told.

use crate::book::{MarketEvent, PublicTrade};
use crate::domain::{Amount, Fill, OrderId, OrderStatus, Price, Quantity, Rate, Side, TradeId};

use super::accounts::{AccountId, quote_asset};
use super::events::{
    AccountEvent, AccountReason, ExchangeEvent, Execution, ExpiryReason, OrderEvent,
    PositionChange, Told,
};
use super::exchange::{Exchange, Matches};
use super::liquidity::Source;
use super::margin::MarginType;
use super::matching::{Match, OrderKey};
use super::orders::OrderRecord;

/// One side of a match.
pub(super) struct Party {
    key: OrderKey,
    account: AccountId,
    side: Side,
    is_maker: bool,
}

impl Party {
    /// The side of an order that the exchange itself fills.
    pub(super) const fn forced(order: &OrderRecord) -> Self {
        let (account, side) = (order.account, order.report.side);
        Self { key: order.key(), account, side, is_maker: false }
    }
}

/// What one side of a match books.
#[derive(Clone, Copy)]
pub(super) struct Trade {
    pub(super) id: TradeId,
    pub(super) price: Price,
    pub(super) quantity: Quantity,
    pub(super) execution: Execution,
}

impl Exchange {
    /// Books matches in the order in which they happened.
    pub(super) fn settle(&mut self, at: usize, matches: &Matches) {
        let mut touched: Vec<AccountId> = Vec::new();
        for (place, found) in matches.iter().enumerate() {
            let listing = &mut self.listings[at];
            let trade_id = listing.take_trade_id();
            let price = listing.grid.price(found.price_ticks);
            let quantity = listing.grid.quantity(found.lots);
            let execution = Execution::Trade;
            let trade = Trade { id: trade_id, price, quantity, execution };
            for party in self.parties(found).into_iter().flatten() {
                self.book_fill(at, &party, &trade);
                // The taker's turn comes once its order rests or has ended.
                if party.is_maker && !touched.contains(&party.account) {
                    touched.push(party.account);
                }
            }
            let is_last_at_price = matches.get(place + 1).is_none_or(|next| {
                (next.taker, next.price_ticks) != (found.taker, found.price_ticks)
            });
            if is_last_at_price {
                self.publish_trade(at, &matches[..=place], trade_id);
            }
        }
        for account in touched {
            self.enforce_reduce_only(at, account);
        }
        if !matches.is_empty() {
            self.after_book_change(at);
        }
    }

    /// The accounts behind a match, the maker first; background is nobody.
    fn parties(&self, found: &Match) -> [Option<Party>; 2] {
        [(found.maker, true), (found.taker, false)].map(|(key, is_maker)| {
            let order = self.orders.get(OrderId(key.0))?;
            Some(Party { key, account: order.account, side: order.report.side, is_maker })
        })
    }

    pub(super) fn book_fill(&mut self, at: usize, party: &Party, trade: &Trade) {
        let symbol = self.listings[at].symbol();
        let Some(mut order) = self.orders.get(OrderId(party.key.0)).copied() else { return };
        let (now, Trade { price, quantity, execution, .. }) = (self.now, *trade);
        let held = self.held_side(party.account, symbol);
        let Some(account) = self.account_mut(party.account) else { return };
        let fees = account.fees;
        let (rate, expiry) = match execution {
            Execution::Calculated(_) => (Rate::ZERO, ExpiryReason::Liquidation),
            Execution::New
            | Execution::Trade
            | Execution::Canceled
            | Execution::Expired
            | Execution::Amended => {
                (if party.is_maker { fees.maker } else { fees.taker }, ExpiryReason::None)
            }
        };
        let fill = Fill {
            symbol,
            trade_id: trade.id,
            order_id: order.report.order_id,
            client_order_id: Some(order.report.client_order_id),
            side: party.side,
            price,
            quantity,
            commission: Amount::ZERO,
            commission_asset: quote_asset(),
            realized_pnl: Amount::ZERO,
            is_maker: party.is_maker,
            time: now,
        };
        let fill = account.book(fill, rate);
        order.fill(price, quantity, now);
        self.orders.update(order);
        self.events.push(ExchangeEvent::Order(OrderEvent {
            time: now,
            account: party.account,
            execution,
            order,
            fill: Some(fill),
            expiry,
        }));
        self.tell_account(party.account, Told::position(AccountReason::Order, symbol));
        if order.report.status.is_terminal() {
            self.conclude(&order);
        }
        self.end_with_position(party.account, symbol, held);
        let is_spent = order.remaining.is_zero() && !order.report.status.is_terminal();
        if is_spent && party.is_maker {
            self.end(at, order, OrderStatus::Expired, ExpiryReason::ReduceOnly);
        }
    }

    /// Tells an account how it stands. Funding of a cross position tells of the money alone.
    pub(super) fn tell_account(&mut self, account: AccountId, told: Told) {
        let Some(found) = self.account(account) else { return };
        let change = |symbol| {
            let report = self.position(account, symbol).ok()?;
            let position = found.position(symbol);
            Some(PositionChange {
                report,
                break_even_price: position.break_even_price(),
                realized_pnl: position.realized(),
                margin_type: found.margin_type(symbol),
                isolated_wallet: found.isolated_wallet(symbol),
            })
        };
        let is_funding = told.reason == AccountReason::FundingFee;
        let position = told
            .symbol
            .and_then(change)
            .filter(|change| !is_funding || change.margin_type == MarginType::Isolated);
        self.events.push(ExchangeEvent::Account(AccountEvent {
            time: self.now,
            account,
            reason: told.reason,
            balance: self.balance(account),
            cross_wallet: found.cross_wallet(),
            balance_change: told.balance_change,
            funded: told.symbol.filter(|_| is_funding),
            position,
        }));
    }

    /// Publishes what one taker traded at one price as one trade; its id is that of its last match,
    /// so that ids (previous trade's, this one's] are its own. A recording is not added to.
    fn publish_trade(&mut self, at: usize, matches: &Matches, trade_id: TradeId) {
        let Some(last) = matches.last() else { return };
        let time = self.now;
        let listing = &mut self.listings[at];
        match listing.source {
            Source::Live(_) => {}
            Source::Tape(_) | Source::Seconds(_) => return,
        }
        let lots = matches
            .iter()
            .rev()
            .take_while(|found| (found.taker, found.price_ticks) == (last.taker, last.price_ticks))
            .map(|found| found.lots)
            .sum();
        let trade = PublicTrade {
            symbol: listing.symbol(),
            trade_id,
            price: listing.grid.price(last.price_ticks),
            quantity: listing.grid.quantity(lots),
            buyer_is_maker: last.taker_side == Side::Sell,
            is_book_trade: true,
            trade_time: time,
        };
        listing.keep_trade(trade);
        self.push_market(MarketEvent::Trade(trade));
    }

    /// Clips or expires reduce-only orders so that, filled in the order of their priority, none
    /// can flip the position: each has room for what better-placed own orders would leave.
    pub(super) fn enforce_reduce_only(&mut self, at: usize, account: AccountId) {
        let symbol = self.listings[at].symbol();
        let position =
            self.account(account).map(|found| found.position(symbol)).unwrap_or_default();
        for side in [Side::Buy, Side::Sell] {
            let orders = self.orders.by_priority(account, symbol, side);
            if !orders.iter().any(|order| order.report.reduce_only) {
                continue;
            }
            let mut room = position.reducible(side);
            for order in orders {
                if order.report.reduce_only && room.is_zero() {
                    self.end(at, order, OrderStatus::Expired, ExpiryReason::ReduceOnly);
                } else if order.report.reduce_only && order.remaining > room {
                    self.clip(at, order, room);
                }
                room = room.saturating_sub(order.remaining);
            }
        }
    }

    fn clip(&mut self, at: usize, mut order: OrderRecord, room: Quantity) {
        let listing = &mut self.listings[at];
        let lots = listing.grid.lots(order.remaining.saturating_sub(room));
        listing.source.reduce(order.key(), lots);
        order.remaining = room;
        self.orders.update(order);
        self.after_book_change(at);
    }

    /// Tells the best prices if the last action changed them. A recording tells its own.
    pub(super) fn after_book_change(&mut self, at: usize) {
        let listing = &mut self.listings[at];
        let (symbol, grid) = (listing.symbol(), listing.grid);
        let ticker = match &mut listing.source {
            Source::Live(live) => live.changed(symbol, grid),
            Source::Tape(_) | Source::Seconds(_) => None,
        };
        if let Some(ticker) = ticker {
            self.push_market(MarketEvent::BookTicker(ticker));
        }
    }

    pub(super) fn push_market(&mut self, event: MarketEvent) {
        self.events.push(ExchangeEvent::Market { time: self.now, event });
    }
}
