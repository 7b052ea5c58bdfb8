//! Starting and stopping the loopback exchange, and the handle for those in the same process.

use std::net::SocketAddr;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::SharedClock;
use crate::domain::Timestamp;
use crate::sign::Secret;
use crate::sim::{AccountId, Exchange};

use super::faults::{FaultRefused, FaultReport, FaultSpec};
use super::floor::Floor;
use super::listen_key::ListenKeys;
use super::mailbox::{FloorHandle, FloorTask};
use super::rest;
use super::settings::{SandboxAccount, SandboxSettings};
use super::streams::session;

/// Why a loopback exchange does not start.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// The address is reachable from elsewhere and that was not asked for.
    #[error("{0} is not a loopback address; anyone who reaches it could trade")]
    NotLoopback(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A fault that is to be on from the start cannot be.
    #[error("the fault {fault} cannot be switched on")]
    Fault {
        /// What was asked for.
        fault: String,
        /// Why not.
        #[source]
        source: FaultRefused,
    },
}

/// Starts loopback exchanges.
#[derive(Debug)]
pub struct Server;

/// A loopback exchange that is being served; dropping it stops it.
#[derive(Debug)]
pub struct RunningSandbox {
    /// Base URL of REST.
    pub rest_url: String,
    /// Base URL of the streams; clients append the route.
    pub ws_url: String,
    /// Base URL of the spot market's streams; its REST interface is under the same base as ours.
    pub spot_ws_url: String,
    /// The account's API key.
    pub api_key: String,
    /// The account's API secret.
    pub api_secret: Secret,
    /// The accounts beside it; the first of them has the account id that follows its.
    pub others: Vec<SandboxAccount>,
    /// The way in for those in the same process.
    pub control: Control,
    stop: CancellationToken,
    floor: JoinHandle<Floor>,
    servers: [JoinHandle<()>; 2],
}

/// A handle for tests and the demo: sees and moves the exchange from inside the process.
#[derive(Debug, Clone)]
pub struct Control {
    floor: FloorHandle,
}

impl Server {
    /// Serves an exchange, opening its accounts, until `shutdown` or until the answer is dropped.
    ///
    /// The exchange's time follows `clock`; one that is behind it first catches up.
    ///
    /// # Errors
    /// [`SandboxError`] if an address is not loopback or cannot be listened on, or a fault cannot be
    /// switched on.
    pub async fn start(
        exchange: Exchange,
        settings: SandboxSettings,
        clock: SharedClock,
        shutdown: &CancellationToken,
    ) -> Result<RunningSandbox, SandboxError> {
        let rest = listen(settings.listen, settings.allow_remote).await?;
        let streams = listen(settings.listen_streams, settings.allow_remote).await?;
        let (rest_url, ws_url) = (url("http", &rest), url("ws", &streams));
        let socket_rules = [settings.sockets, settings.spot_sockets];
        let stop = shutdown.child_token();
        let mut floor = Floor::new(exchange, &settings);
        for spec in settings.faults {
            let fault = spec.to_string();
            floor.add_fault(spec).map_err(|source| SandboxError::Fault { fault, source })?;
        }
        let (handle, task) = FloorTask::new(floor, clock);
        let floor = tokio::spawn(task.run(stop.clone()));
        let served = serve_rest(rest, handle.clone(), stop.clone());
        let accepting = session::accept(streams, handle.clone(), socket_rules, stop.clone());
        Ok(RunningSandbox {
            rest_url,
            spot_ws_url: format!("{ws_url}/spot"),
            ws_url,
            api_key: settings.api_key,
            api_secret: settings.api_secret,
            others: settings.others,
            control: Control::new(handle),
            stop,
            floor,
            servers: [tokio::spawn(served), tokio::spawn(accepting)],
        })
    }
}

async fn listen(address: SocketAddr, allow_remote: bool) -> Result<TcpListener, SandboxError> {
    if !allow_remote && !address.ip().is_loopback() {
        return Err(SandboxError::NotLoopback(address));
    }
    TcpListener::bind(address).await.map_err(|source| SandboxError::Listen { address, source })
}

fn url(scheme: &str, listener: &TcpListener) -> String {
    listener.local_addr().map_or_else(|_| String::new(), |address| format!("{scheme}://{address}"))
}

async fn serve_rest(listener: TcpListener, floor: FloorHandle, stop: CancellationToken) {
    let lines = rest::line::Lines::new(listener);
    let served = axum::serve(lines, rest::http::service(floor))
        .with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = served.await {
        tracing::error!(%error, "the exchange's REST interface has stopped");
    }
}

impl RunningSandbox {
    /// Stops serving and gives the exchange back as it was at the end.
    ///
    /// Connections still open are cut. `None` only if the exchange's task panicked.
    pub async fn stop(mut self) -> Option<Exchange> {
        self.stop.cancel();
        for server in &self.servers {
            server.abort();
        }
        (&mut self.floor).await.ok().map(|floor| floor.exchange)
    }

    /// Waits until it stops.
    pub async fn stopped(&mut self) {
        self.stop.cancelled().await;
        let _ = (&mut self.floor).await;
    }
}

impl Drop for RunningSandbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Control {
    pub(super) const fn new(floor: FloorHandle) -> Self {
        Self { floor }
    }

    /// Runs a function on the exchange, brought up to the present, and publishes what it does;
    /// `None` once the exchange has stopped.
    pub async fn with_exchange<T: Send + 'static>(
        &self,
        visit: impl FnOnce(&mut Exchange, AccountId) -> T + Send + 'static,
    ) -> Option<T> {
        self.floor.visit(move |floor| visit(&mut floor.exchange, floor.account)).await
    }

    /// How far the time that clients are told is ahead of the exchange's own, in nanoseconds; `None`
    /// once it has stopped.
    pub async fn time_shift_nanos(&self) -> Option<i64> {
        self.floor.visit(|floor| floor.server_time().nanos() - floor.now().nanos()).await
    }

    /// The exchange's time; `None` once it has stopped.
    pub async fn now(&self) -> Option<Timestamp> {
        self.floor.visit(|floor| floor.now()).await
    }

    /// Switches a fault on and gives its number; an act whose moment is now has happened then.
    ///
    /// # Errors
    /// [`FaultRefused`].
    pub async fn add_fault(&self, spec: FaultSpec) -> Result<u32, FaultRefused> {
        let added = self.floor.visit(move |floor| floor.add_fault(spec)).await;
        added.unwrap_or(Err(FaultRefused::Stopped))
    }

    /// Switches a fault off; `false` if there is none of that number.
    pub async fn clear_fault(&self, number: u32) -> bool {
        self.floor.visit(move |floor| floor.clear_faults(Some(number))).await.unwrap_or(false)
    }

    /// Switches every fault off.
    pub async fn clear_faults(&self) {
        // A stopped exchange has none.
        let _ = self.floor.visit(|floor| floor.clear_faults(None)).await;
    }

    /// The faults that were asked for, with how often each struck.
    pub async fn faults(&self) -> Vec<FaultReport> {
        let reports = self.floor.visit(|floor| floor.faults.reports(floor.now())).await;
        reports.unwrap_or_default()
    }

    /// Cuts every open stream without a word, as a broken line would.
    pub async fn cut_streams(&self) {
        // A stopped exchange has none.
        let _ = self.floor.visit(|floor| floor.hub.cut_all()).await;
    }

    /// Cuts the open streams that carry one a test points at.
    pub async fn cut_streams_with(&self, is_meant: impl Fn(&str) -> bool + Send + 'static) {
        let _ = self.floor.visit(move |floor| floor.hub.cut(is_meant)).await;
    }

    /// Mutes a stream for the sockets open now, as the venue's frozen streams are: they stay
    /// subscribed and hear nothing of it.
    pub async fn mute_stream(&self, name: &str) {
        let name = name.to_owned();
        let _ = self.floor.visit(move |floor| floor.hub.mute(|stream| stream == name)).await;
    }

    /// Mutes the account's events for the sockets open now.
    pub async fn mute_account(&self) {
        let mute = |floor: &mut Floor| {
            let key = floor.active_key(floor.account);
            floor.hub.mute(|stream| key.as_deref() == Some(stream));
        };
        let _ = self.floor.visit(mute).await;
    }

    /// How many streams are open.
    pub async fn open_streams(&self) -> usize {
        self.floor.visit(|floor| floor.hub.len()).await.unwrap_or(0)
    }

    /// Ends every listen key, as the venue does after an hour without a keep-alive.
    pub async fn expire_listen_key(&self) {
        let _ = self
            .floor
            .visit(|floor| {
                let keys = floor.listen_keys.values_mut();
                let closed: Vec<String> = keys.filter_map(ListenKeys::close).collect();
                for key in closed {
                    floor.tell_expired(&key);
                }
            })
            .await;
    }
}
