//! Orders that must be refused, each for its own reason. None of them may ever be placed.

use super::super::case::{Case, Check, HOLDS, Shortfall, learned, not_tried};
use super::super::facts::{with, without};
use super::super::stage::{Parameters, Stage};
use crate::domain::{Rate, Rounding, Side};

const ORDER: &str = "/fapi/v1/order";

pub(super) const CASES: &[Case] = &[
    Case::trades("C-130", "a price off the tick is refused", "7.1", |stage| {
        Box::pin(refused(stage, &[-4014, -1111], off_tick))
    }),
    Case::trades("C-131", "a quantity off the step is refused", "7.1", |stage| {
        Box::pin(refused(stage, &[-4023, -1111], off_step))
    }),
    Case::trades("C-132", "a notional below the smallest is refused with -4164", "7.1", |stage| {
        Box::pin(too_small(stage))
    }),
    Case::trades(
        "C-133",
        "a price far above the mark price is refused with -4016",
        "7.1",
        |stage| Box::pin(too_dear(stage)),
    ),
    Case::trades("C-134", "a quantity of nothing is refused", "7.1", |stage| {
        Box::pin(refused(stage, &[-4003, -1102, -1106], |order| with(order, "quantity", "0")))
    }),
    Case::trades("C-135", "a market order with a price is refused with -1106", "4.1", |stage| {
        Box::pin(refused(stage, &[-1106], |order| {
            with(without(order, "timeInForce"), "type", "MARKET")
        }))
    }),
    Case::trades("C-136", "a limit order without a price is refused with -1102", "4.1", |stage| {
        Box::pin(refused(stage, &[-1102], |order| without(order, "price")))
    }),
    Case::trades(
        "C-137",
        "a limit order without time in force is refused with -1102",
        "4.1",
        |stage| Box::pin(refused(stage, &[-1102], |order| without(order, "timeInForce"))),
    ),
    Case::trades("C-138", "a time in force that is none is refused", "7.1", |stage| {
        Box::pin(refused(stage, &[-1115], |order| with(order, "timeInForce", "SOON")))
    }),
    Case::trades("C-139", "a side that is none is refused", "7.1", |stage| {
        Box::pin(refused(stage, &[-1117], |order| with(order, "side", "HOLD")))
    }),
    Case::trades("C-140", "an order type that is none is refused", "7.1", |stage| {
        Box::pin(refused(stage, &[-1116], |order| with(order, "type", "WISH")))
    }),
    Case::trades("C-141", "an id with a blank in it is refused", "4.1", |stage| {
        Box::pin(refused(stage, &[-4015, -1100, -1105], |order| {
            with(order, "newClientOrderId", "not an id")
        }))
    }),
    Case::trades("C-142", "an id of 37 characters is refused", "4.1", |stage| {
        Box::pin(refused(stage, &[-4015, -1100, -1105], |order| {
            with(order, "newClientOrderId", "i".repeat(37))
        }))
    }),
    Case::trades("C-143", "reduce-only without a position is refused with -2022", "7.1", |stage| {
        Box::pin(refused(stage, &[-2022], |order| with(order, "reduceOnly", "true")))
    }),
    Case::trades(
        "C-144",
        "a position side in one-way mode is refused with -4061",
        "4.1",
        |stage| Box::pin(refused(stage, &[-4061], |order| with(order, "positionSide", "LONG"))),
    ),
    Case::trades("C-145", "a stop on /order is sent elsewhere with -4120", "4.6", |stage| {
        Box::pin(stop_on_order(stage))
    }),
    Case::trades("C-146", "more than the margin can carry is refused", "7.1", |stage| {
        Box::pin(beyond_margin(stage))
    }),
];

/// A buy that would rest, before something is made wrong with it.
async fn sound(stage: &mut Stage) -> Result<Parameters, Shortfall> {
    let best = stage.best().await?;
    let price = stage.resting_price(Side::Buy, best);
    let (quantity, id) = (stage.smallest_quantity(price), stage.new_id());
    Ok(stage.limit_order(Side::Buy, (quantity, price), &id))
}

/// Places what must be refused; cancels it if it is not.
async fn must_be_refused(stage: &mut Stage, order: Parameters, codes: &[i64]) -> Check {
    let id = order.iter().find(|(name, _)| *name == "newClientOrderId").cloned();
    let came = stage.post(ORDER, order).await?;
    if came.status == 200
        && let Some((_, id)) = id
    {
        stage.cancel(&id).await?;
    }
    came.refused(codes)?;
    HOLDS
}

async fn refused(stage: &mut Stage, codes: &[i64], spoil: fn(Parameters) -> Parameters) -> Check {
    let order = spoil(sound(stage).await?);
    must_be_refused(stage, order, codes).await
}

fn more_digits(order: Parameters, name: &'static str) -> Parameters {
    let value = order.iter().find(|(found, _)| *found == name).map_or("", |(_, value)| value);
    let point = if value.contains('.') { "" } else { "." };
    let longer = format!("{value}{point}00000001");
    with(order, name, longer)
}

fn off_tick(order: Parameters) -> Parameters {
    more_digits(order, "price")
}

fn off_step(order: Parameters) -> Parameters {
    more_digits(order, "quantity")
}

async fn too_small(stage: &mut Stage) -> Check {
    let order = sound(stage).await?;
    let Some((quantity, price)) = stage.too_little().await? else {
        return not_tried("the smallest quantity is worth enough at every price");
    };
    must_be_refused(stage, with(with(order, "quantity", quantity), "price", price), &[-4164]).await
}

async fn too_dear(stage: &mut Stage) -> Check {
    let order = sound(stage).await?;
    let mark = stage.mark().await?;
    let filters = &stage.instrument().filters;
    let beyond = Rate::from_bps((filters.multiplier_up.bps() - 10_000.0) + 100.0);
    let price =
        mark.moved_by(beyond).and_then(|p| p.round_to_tick(filters.tick_size, Rounding::Up));
    let price = price.map_err(|error| Shortfall(error.to_string()))?;
    must_be_refused(stage, with(with(order, "price", price), "timeInForce", "GTX"), &[-4016]).await
}

async fn stop_on_order(stage: &mut Stage) -> Check {
    let order = without(without(sound(stage).await?, "timeInForce"), "price");
    let mark = stage.mark().await?;
    let stop = with(with(order, "type", "STOP_MARKET"), "stopPrice", mark);
    must_be_refused(stage, stop, &[-4120]).await
}

async fn beyond_margin(stage: &mut Stage) -> Check {
    let order = sound(stage).await?;
    let largest = stage.instrument().filters.max_quantity;
    let id = order.iter().find(|(name, _)| *name == "newClientOrderId").cloned();
    let came = stage.post(ORDER, with(order, "quantity", largest)).await?;
    if came.status == 200 {
        if let Some((_, id)) = id {
            stage.cancel(&id).await?;
        }
        return not_tried("this account can carry the largest order there is");
    }
    let code = came.refused(&[-2018, -2019, -2027, -2028])?;
    learned(format!("it is refused with {code}"))
}
