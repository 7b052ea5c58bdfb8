//! Faults on the way of a call of the WebSocket API, over real sockets: what the client makes of
//! each, and that REST is what remains.
//!
//! The same faults as those of requests, with the same meaning (`faults_requests`): an order whose
//! fate is hidden is never called refused, found again under its name, and never doubled (I2).

use std::sync::Arc;
use std::time::Duration;

use lobd::binance::{BinanceVenue, OrderSocket, RestClient, SocketFailure};
use lobd::domain::{Failure, OrderId, OrderKind, OrderRequest, OrderStatus, Side};
use lobd::venue::Venue;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::support::faulted::{Daemon, fired, longest_naked, report, switch_on};
use crate::support::loopback::{DEADLINE, Loopback, bitcoin};
use crate::support::order_faults::{
    IMPATIENT, WINDOW, each_503_is_told_apart, resting, what_is_lost_on_its_way_is_unknown,
    what_lost_its_answer_is_unknown_and_there,
};
use crate::support::process::eventually;

/// How long a position may be without a stop (promise I4), and a little for the machine.
const NAKED_LIMIT: Duration = Duration::from_millis(3_500);

/// A loopback exchange, and a client whose orders go through a socket that is open.
struct Desk {
    loopback: Loopback,
    rest: Arc<RestClient>,
    socket: OrderSocket,
    venue: BinanceVenue,
    _running: AbortOnDropHandle<()>,
}

impl Desk {
    async fn open(patience: Duration) -> Self {
        let loopback = Loopback::start().await;
        let rest = loopback.client(patience, WINDOW);
        rest.measure_clock().await.unwrap();
        let (socket, mut connection) =
            OrderSocket::new(Arc::clone(&rest), &loopback.sandbox.ws_url, 1);
        let running = tokio::spawn(async move { connection.run(&CancellationToken::new()).await });
        let venue = BinanceVenue::new(Arc::clone(&rest)).with_order_socket(socket.clone());
        let running = AbortOnDropHandle::new(running);
        let desk = Self { loopback, rest, socket, venue, _running: running };
        desk.is_taken().await;
        desk
    }

    /// Waits until the client's socket takes orders.
    async fn is_taken(&self) {
        let probe = resting("probe").client_order_id;
        eventually("the socket takes orders", async || {
            let asked = self.socket.query_order(bitcoin(), probe).await;
            !matches!(asked, Err(SocketFailure::NotTaken(_)))
        })
        .await;
    }

    async fn switch_on(&self, fault: &str) -> u32 {
        switch_on(&self.loopback.sandbox.control, fault).await
    }

    async fn fired(&self, number: u32) -> u64 {
        fired(&self.loopback.sandbox.control, number).await
    }

    /// What placing an order through the socket, and by no other way, fails with.
    async fn failure(&self, order: &OrderRequest) -> Failure {
        match self.socket.place_order(order).await {
            Err(SocketFailure::Failed(error)) => error.into(),
            other => panic!("it left by the socket and failed: {other:?}"),
        }
    }

    /// How many orders the exchange has seen.
    async fn orders(&self) -> usize {
        let all = self.loopback.sandbox.control.with_exchange(|exchange, account| {
            exchange.all_orders(account, bitcoin(), OrderId(0), 1_000).len()
        });
        all.await.unwrap()
    }
}

/// What placing an order comes to under a fault, and whether it is at the venue afterwards.
async fn placing_under(fault: &str) -> (Failure, bool) {
    let desk = Desk::open(IMPATIENT).await;
    let number = desk.switch_on(fault).await;
    let failure = desk.failure(&resting("a-1")).await;
    assert_eq!(desk.fired(number).await, 1, "{fault}");
    let found = desk.orders().await;
    assert!(found <= 1, "an order is sent once, whatever comes of it");
    let asked = desk.venue.query(bitcoin(), resting("a-1").client_order_id).await;
    assert_eq!(asked.is_ok(), found == 1, "{asked:?}");
    (failure, found == 1)
}

/// Promise I2.
#[tokio::test]
async fn a_call_lost_on_its_way_is_unknown_and_not_at_the_venue() {
    what_is_lost_on_its_way_is_unknown(placing_under).await;
}

/// Promise I2.
#[tokio::test]
async fn a_call_whose_answer_is_lost_is_unknown_and_its_order_found_by_name() {
    what_lost_its_answer_is_unknown_and_there(placing_under).await;
}

/// Promise I2: what was surely not done may be tried again, and nothing else.
#[tokio::test]
async fn each_503_in_an_envelope_is_told_from_the_others() {
    each_503_is_told_apart(placing_under).await;
}

/// Promise I4: what protects passes where new risk does not.
#[tokio::test]
async fn protection_from_overload_lets_calls_that_reduce_risk_pass() {
    let desk = Desk::open(DEADLINE).await;
    let entry = OrderRequest { kind: OrderKind::Market, ..resting("entry") };
    desk.socket.place_order(&entry).await.unwrap();
    let number = desk.switch_on("http-503=throttled").await;
    let close = OrderRequest { side: Side::Sell, reduce_only: true, ..entry };
    let close = OrderRequest { client_order_id: resting("close").client_order_id, ..close };
    assert_eq!(desk.socket.place_order(&close).await.unwrap().status, OrderStatus::Filled);
    assert_eq!(desk.fired(number).await, 0);
    assert!(matches!(desk.failure(&resting("more")).await, Failure::Throttled { .. }));
}

/// Promise I2: a call arrives even if its socket has gone, once, and is found by its name.
#[tokio::test]
async fn a_call_that_arrives_after_the_client_gave_up_is_found_by_its_name() {
    let desk = Desk::open(IMPATIENT).await;
    desk.switch_on("delay=600ms:POST:times=1").await;
    let failure = desk.failure(&resting("a-1")).await;
    assert!(matches!(failure, Failure::Unknown { .. }), "{failure:?}");
    desk.switch_on("cut-sockets").await;
    let id = resting("a-1").client_order_id;
    let asked = desk.venue.query(bitcoin(), id).await;
    assert!(matches!(&asked, Err(Failure::Rejected(refused)) if refused.code == -2013));
    eventually("it arrives", async || desk.venue.query(bitcoin(), id).await.is_ok()).await;
    assert_eq!(desk.orders().await, 1);
}

/// Promise I2: a socket that is cut loses answers and no order, and the next one is taken by
/// whichever way is open.
#[tokio::test]
async fn after_a_cut_the_next_order_goes_by_the_way_that_is_open_and_the_socket_comes_back() {
    let desk = Desk::open(DEADLINE).await;
    let number = desk.switch_on("lose-response:POST:times=1").await;
    assert!(matches!(desk.venue.place(&resting("a-1")).await, Err(Failure::Unknown { .. })));
    assert_eq!(desk.fired(number).await, 1);
    desk.venue.place(&resting("a-2")).await.unwrap();
    desk.is_taken().await;
    desk.socket.place_order(&resting("a-3")).await.unwrap();
    assert_eq!(desk.orders().await, 3);
}

/// Promise I2: "no such order" is not believed at once.
#[tokio::test]
async fn an_order_hides_from_questions_over_the_socket_too() {
    let desk = Desk::open(DEADLINE).await;
    let hidden = desk.switch_on("hide-order=800ms").await;
    desk.socket.place_order(&resting("a-1")).await.unwrap();
    let id = resting("a-1").client_order_id;
    let Err(SocketFailure::Failed(denied)) = desk.socket.query_order(bitcoin(), id).await else {
        panic!("it was seen");
    };
    assert_eq!((denied.code(), desk.fired(hidden).await), (Some(-2013), 1));
    eventually("it is seen", async || desk.socket.query_order(bitcoin(), id).await.is_ok()).await;
}

/// Promise I12: a ban told over the socket is heeded on both ways, and no socket opens meanwhile.
#[tokio::test]
async fn a_ban_told_over_the_socket_silences_both_ways_until_its_moment() {
    let desk = Desk::open(DEADLINE).await;
    let number = desk.switch_on("ban:for=1500ms").await;
    assert!(matches!(desk.failure(&resting("a-1")).await, Failure::Throttled { .. }));
    eventually("the ban ends", async || desk.venue.open_orders(bitcoin()).await.is_ok()).await;
    assert_eq!(desk.fired(number).await, 1, "nothing was asked meanwhile");
    desk.venue.place(&resting("a-1")).await.unwrap();
    assert_eq!(desk.orders().await, 1);
}

/// Promise I10: an answer byte by byte is read whole by whoever waits.
#[tokio::test]
async fn an_answer_to_a_call_that_trickles_is_read_whole_by_whoever_waits() {
    let desk = Desk::open(DEADLINE).await;
    let slow = desk.switch_on("slow-trickle=1ms:POST:times=1").await;
    let placed = desk.socket.place_order(&resting("a-1")).await.unwrap();
    assert_eq!(
        (placed.client_order_id, desk.fired(slow).await),
        (resting("a-1").client_order_id, 1)
    );
    assert_eq!(desk.rest.working_orders(Some(bitcoin())).await.unwrap().len(), 1);
}

/// Promises I2 and I4: a daemon whose orders go by the socket resolves what that hides, by REST and
/// under the same name.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_hidden_by_the_socket_is_one_position_under_its_stop() {
    const ENTRY: &str = "POST /fapi/v1/order:times=1";
    for (fault, entries) in [
        ("lose-response", 1),
        ("lose-response=silence", 1),
        ("timeout-after-acceptance", 1),
        ("http-503=unavailable", 2),
        ("lose-request", 2),
    ] {
        let daemon = by_socket(&format!("{fault}:{ENTRY}")).await;
        let status = daemon.is_protected().await;
        assert_eq!(status["symbols"][0]["totals"]["entries"], entries, "{fault}");
        assert_eq!(daemon.entries().await.len(), 1, "{fault}");
        assert_eq!(status["discrepancies_total"], 0, "{fault}");
        assert_eq!(report(daemon.control(), 1).await.fired, 1, "{fault}");
        assert_eq!(daemon.stops().await.len(), 1, "{fault}");
        daemon.ends_well().await;
    }
}

/// Promises I2 and I4.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_hidden_by_the_socket_is_found_and_not_placed_twice() {
    let daemon = by_socket("lose-response:POST /fapi/v1/algoOrder:times=1").await;
    let status = daemon.is_protected().await;
    assert!(longest_naked(&status) <= NAKED_LIMIT, "{status}");
    assert_eq!(daemon.stops().await.len(), 1);
    assert!(daemon.home.log().contains("order socket lost"), "it went by the socket");
    daemon.ends_well().await;
}

/// A daemon whose order socket is open, long before its first prediction.
async fn by_socket(fault: &str) -> Daemon {
    let settings = [("ORDER_TRANSPORT", "websocket")];
    let daemon = Daemon::start_with(&[fault], &settings).await;
    eventually("its socket is open", async || daemon.home.log().contains("order socket open"))
        .await;
    daemon
}
