//! Several orders in one request: each is answered by itself, in the order in which they were sent.
//!
//! Nothing is undone when one of them is refused, and the answer is 200 even if all are
//! (exchange-api.md 4.2).

use serde_json::Value;

use super::super::floor::Floor;
use super::super::parameters::Parameters;
use super::super::refusal::Refusal;
use super::{Answer, amend, orders};

/// Orders in one request.
const MOST_ORDERS: usize = 5;

/// Cancellations in one request.
const MOST_CANCELLATIONS: usize = 10;

pub(super) fn place(floor: &mut Floor, parameters: &Parameters) -> Answer {
    each(floor, &batch(parameters, "place")?, orders::place)
}

pub(super) fn amend(floor: &mut Floor, parameters: &Parameters) -> Answer {
    each(floor, &batch(parameters, "modify")?, amend::amend)
}

pub(super) fn cancel(floor: &mut Floor, parameters: &Parameters) -> Answer {
    let symbol = parameters.symbol()?;
    floor.card(symbol)?;
    parameters.only(&["symbol", "orderIdList", "origClientOrderIdList"])?;
    let (list, name) = match parameters.text("orderIdList")? {
        Some(_) => ("orderIdList", "orderId"),
        None if parameters.text("origClientOrderIdList")?.is_some() => {
            ("origClientOrderIdList", "origClientOrderId")
        }
        None => return Err(Refusal::one_of("orderIdList", "origClientOrderIdList")),
    };
    let named = parameters.list(list)?;
    if named.is_empty() || named.len() > MOST_CANCELLATIONS {
        return Err(Refusal::batch_size("cancel"));
    }
    let wanted: Vec<Value> = named
        .into_iter()
        .map(|id| serde_json::json!({ "symbol": symbol.as_str(), name: id }))
        .collect();
    each(floor, &wanted, orders::cancel)
}

fn batch(parameters: &Parameters, kind: &str) -> Result<Vec<Value>, Refusal> {
    parameters.only(&["batchOrders"])?;
    let wanted = parameters.list("batchOrders")?;
    if wanted.is_empty() || wanted.len() > MOST_ORDERS {
        return Err(Refusal::batch_size(kind));
    }
    Ok(wanted)
}

/// Does one thing for each element; a refusal is that element's answer.
fn each(floor: &mut Floor, wanted: &[Value], act: fn(&mut Floor, &Parameters) -> Answer) -> Answer {
    let mut answers = Vec::with_capacity(wanted.len());
    for one in wanted {
        let answer = match one {
            Value::Object(members) => {
                Parameters::of_object(members).and_then(|parameters| act(floor, &parameters))
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Err(Refusal::bad_value("batchOrders")),
        };
        answers.push(answer.unwrap_or_else(|refusal| refusal.body()));
    }
    Ok(format!("[{}]", answers.join(",")))
}
