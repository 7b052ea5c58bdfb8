//! A venue whose name leads nowhere: the error names it, nothing counts as sent, and once the name
//! leads to the venue again the streams are there (promises I2 and I16). A name that leads to
//! somebody else is in `tls_failures`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use lobd::binance::{
    BinanceError, BinanceVenue, Carrier, Dialer, Frames, HttpAnswer, HttpRequest, MarketMessage,
    MarketStreamSettings, MarketStreams, Network, NoAnswer, Underway,
};
use lobd::clock::SystemClock;
use lobd::domain::{Failure, Market};
use lobd::venue::Venue;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::gateway::{bitcoin, client, order};
use crate::support::loopback::{Loopback, wait_for};

/// By the standard (RFC 6761), it never leads anywhere.
const NOWHERE: &str = "nowhere.invalid";

#[tokio::test]
async fn a_name_that_leads_nowhere_is_named_and_nothing_counts_as_sent() {
    let client = client(&format!("http://{NOWHERE}:1"));
    let error = client.measure_clock().await.unwrap_err();
    assert!(matches!(error, BinanceError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains(NOWHERE), "{error}");
    let venue = BinanceVenue::new(client);
    let failure = venue.place(&order()).await.unwrap_err();
    assert!(matches!(failure, Failure::NotSent { .. }), "{failure:?}");
}

/// This machine's sockets, under a name that at first leads nowhere.
struct Resolver {
    failures_left: AtomicU32,
}

impl Carrier for Resolver {
    fn ask(&self, _: HttpRequest) -> Underway<Result<HttpAnswer, NoAnswer>> {
        Box::pin(async { Err(NoAnswer::NotSent("nothing is asked here".to_owned())) })
    }

    fn connect(&self, url: &str) -> Underway<Result<Box<dyn Frames>, String>> {
        let left = self
            .failures_left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        let url = url.to_owned();
        Box::pin(async move {
            if left.is_ok() {
                let looked_up = tokio::net::lookup_host((NOWHERE, 1)).await.map(|_| ());
                return Err(looked_up.unwrap_err().to_string());
            }
            match tokio_tungstenite::connect_async(url).await {
                Ok((stream, _)) => Ok(Box::new(stream) as Box<dyn Frames>),
                Err(error) => Err(error.to_string()),
            }
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_come_once_the_name_leads_to_the_venue_again() {
    let venue = Loopback::start().await;
    let resolver = Arc::new(Resolver { failures_left: AtomicU32::new(2) });
    let url = venue.sandbox.ws_url.clone();
    let settings = MarketStreamSettings::new(url, Market::Usdm, vec![bitcoin()], 1);
    let dialer = Dialer::new(Arc::new(SystemClock::start()));
    let dialer = dialer.over(Network::Simulated(Arc::clone(&resolver) as Arc<dyn Carrier>));
    let (streams, mut mailbox) = MarketStreams::new(settings, dialer);
    let running = tokio::spawn(async move { streams.run(&CancellationToken::new()).await });
    let _running = AbortOnDropHandle::new(running);
    let mut reasons = Vec::new();
    wait_for(&mut mailbox, |message| {
        if let MarketMessage::Disconnected { reason, .. } = message {
            reasons.push(reason.clone());
        }
        matches!(message, MarketMessage::Connected { .. }).then_some(())
    })
    .await;
    assert!(
        !reasons.is_empty() && reasons.iter().all(|reason| reason.contains("lookup")),
        "{reasons:?}"
    );
    assert_eq!(resolver.failures_left.load(Ordering::SeqCst), 0);
}
