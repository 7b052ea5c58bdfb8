//! Faults that strike an order on its way, whichever way it goes, and what each must come to.

use std::time::Duration;

use lobd::domain::{ClientOrderId, Failure, OrderKind, OrderRequest, Side, TimeInForce};

use super::loopback::bitcoin;

/// A client that gives up long before a test does.
pub(crate) const IMPATIENT: Duration = Duration::from_millis(300);

/// The venue's usual window of acceptance.
pub(crate) const WINDOW: Duration = Duration::from_secs(5);

/// A resting buy far from the market.
pub(crate) fn resting(name: &str) -> OrderRequest {
    OrderRequest {
        client_order_id: ClientOrderId::new(name).unwrap(),
        symbol: bitcoin(),
        side: Side::Buy,
        quantity: "0.010".parse().unwrap(),
        kind: post_only("59000"),
        reduce_only: false,
    }
}

/// A limit that only makes.
pub(crate) fn post_only(price: &str) -> OrderKind {
    OrderKind::Limit { price: price.parse().unwrap(), time_in_force: TimeInForce::PostOnly }
}

/// Promise I2: an order that was lost before the venue had it is unknown, and not there.
///
/// `placing` places one order under a fault: how it failed, and whether the venue has it.
pub(crate) async fn what_is_lost_on_its_way_is_unknown(
    placing: impl AsyncFn(&str) -> (Failure, bool),
) {
    for fault in ["lose-request:POST:times=1", "lose-request=silence:/fapi/v1/order:times=1"] {
        let (failure, is_placed) = placing(fault).await;
        assert!(matches!(failure, Failure::Unknown { .. }), "{fault}: {failure:?}");
        assert!(!is_placed, "{fault}");
    }
}

/// Promise I2: an order whose answer was lost is unknown, and there.
pub(crate) async fn what_lost_its_answer_is_unknown_and_there(
    placing: impl AsyncFn(&str) -> (Failure, bool),
) {
    for fault in [
        "lose-response:POST /fapi/v1/order:times=1",
        "lose-response=silence:POST:times=1",
        "delay-response=1s:POST:times=1",
        "timeout-after-acceptance:POST /fapi/v1/order:times=1",
        "http-503=unknown-executed:POST:times=1",
        "slow-trickle=20ms:POST:times=1",
    ] {
        let (failure, is_placed) = placing(fault).await;
        assert!(matches!(failure, Failure::Unknown { .. }), "{fault}: {failure:?}");
        assert!(is_placed, "{fault}");
    }
}

/// Promise I2: what was surely not done may be tried again, and nothing else.
pub(crate) async fn each_503_is_told_apart(placing: impl AsyncFn(&str) -> (Failure, bool)) {
    let (failure, is_placed) = placing("http-503=unknown-lost:POST:times=1").await;
    assert!(matches!(failure, Failure::Unknown { .. }) && !is_placed, "{failure:?}");
    for fault in ["http-503=unavailable:POST:times=1", "http-503=internal:POST:times=1"] {
        let (failure, is_placed) = placing(fault).await;
        assert!(matches!(failure, Failure::NotSent { .. }) && !is_placed, "{fault}: {failure:?}");
    }
    let (failure, is_placed) = placing("http-503=throttled:times=1").await;
    assert!(matches!(failure, Failure::Throttled { .. }) && !is_placed, "{failure:?}");
}
