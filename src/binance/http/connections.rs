//! The connections to one host, and an exchange on one of them.
//!
//! A connection is driven by whoever waits for its answer, in the same task: no task of its own, no
//! channel between two threads, no second awakening. While nobody waits, nobody reads: a connection
//! that ended meanwhile is noticed before the next request is given to it. Invariant: a request goes
//! to another connection only if the one before took no byte of it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls_platform_verifier::ConfigVerifierExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tower_service::Service;

use super::HttpFailure;
#[cfg(feature = "fail-points")]
use super::passing_line::PassingLine;
use crate::binance::error::{BinanceError, innermost};
use crate::binance::rest::install_tls_provider;

/// A connection that takes longer will not come.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that waited longer is not used again.
const LONGEST_WAIT: Duration = Duration::from_secs(90);
/// A connection that waits is asked so often whether it still lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// So many questions without an answer are its end.
const KEEP_ALIVE_RETRIES: u32 = 3;
/// What was sent and not acknowledged for so long ends the connection.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

type Body = Full<Bytes>;
#[cfg(not(feature = "fail-points"))]
type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;
#[cfg(feature = "fail-points")]
type Stream = PassingLine<MaybeHttpsStream<TokioIo<TcpStream>>>;

/// Connections to one host, as many as there were requests at once.
pub(super) struct Connections {
    https: HttpsConnector<HttpConnector>,
    address: Uri,
    patience: Duration,
    /// The one used last is used next.
    waiting: Mutex<Vec<(Instant, Connection)>>,
}

impl Connections {
    /// None yet; a request waits for one no longer than its own time.
    pub(super) fn new(
        address: Uri,
        is_encrypted: bool,
        time: Duration,
    ) -> Result<Self, BinanceError> {
        Ok(Self {
            https: https_connector(is_encrypted)?,
            address,
            patience: CONNECT_TIMEOUT.min(time),
            waiting: Mutex::default(),
        })
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn ask(
        &self,
        mut request: Request<Body>,
    ) -> Result<(Response<Incoming>, Connection), HttpFailure> {
        while let Some(mut connection) = self.take() {
            match connection.ask(request).await {
                Ok(response) => return Ok((response, connection)),
                Err(Unanswered { reason, untaken: None }) => return Err(HttpFailure::Lost(reason)),
                Err(Unanswered { untaken: Some(untaken), .. }) => request = *untaken,
            }
        }
        let mut connection = self.connect().await.map_err(HttpFailure::NotSent)?;
        match connection.ask(request).await {
            Ok(response) => Ok((response, connection)),
            Err(Unanswered { reason, untaken: None }) => Err(HttpFailure::Lost(reason)),
            Err(Unanswered { reason, untaken: Some(_) }) => Err(HttpFailure::NotSent(reason)),
        }
    }

    /// Keeps a connection for the next request, if its last answer was read and it goes on.
    pub(super) fn keep(&self, mut connection: Connection) {
        if connection.is_ready() {
            let now = Instant::now();
            let mut waiting = self.waiting();
            waiting.retain(|(since, _)| now.duration_since(*since) < LONGEST_WAIT);
            waiting.push((now, connection));
        }
    }

    fn take(&self) -> Option<Connection> {
        let (since, connection) = self.waiting().pop()?;
        (since.elapsed() < LONGEST_WAIT).then_some(connection)
    }

    /// The lock is held for a few instructions and never across an await.
    fn waiting(&self) -> MutexGuard<'_, Vec<(Instant, Connection)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects, TLS included, within a time: later nothing was sent.
    async fn connect(&self) -> Result<Connection, String> {
        let mut https = self.https.clone();
        let connecting = async {
            poll_fn(|context| https.poll_ready(context)).await?;
            https.call(self.address.clone()).await
        };
        let stream = timeout(self.patience, connecting)
            .await
            .map_err(|late| innermost(&late))?
            .map_err(|error| innermost(&*error))?;
        #[cfg(feature = "fail-points")]
        let stream = PassingLine::over(stream);
        let (sender, driver) = http1::handshake(stream).await.map_err(|error| innermost(&error))?;
        Ok(Connection { sender, driver: Driver(Some(Box::pin(driver))) })
    }
}

/// An HTTP/1.1 connection that serves one request at a time.
pub(super) struct Connection {
    sender: SendRequest<Body>,
    driver: Driver,
}

/// A request without an answer, and the request itself if no byte of it was taken.
struct Unanswered {
    reason: String,
    untaken: Option<Box<Request<Body>>>,
}

impl Connection {
    async fn ask(&mut self, request: Request<Body>) -> Result<Response<Incoming>, Unanswered> {
        if !self.is_ready() {
            let reason = "the connection ended".to_owned();
            return Err(Unanswered { reason, untaken: Some(Box::new(request)) });
        }
        self.driver.drive(self.sender.try_send_request(request)).await.map_err(|mut failure| {
            let untaken = failure.take_message().map(Box::new);
            Unanswered { reason: innermost(failure.error()), untaken }
        })
    }

    /// Waits for what this connection brings, such as the body of an answer.
    pub(super) async fn bring<T>(&mut self, brought: impl Future<Output = T>) -> T {
        self.driver.drive(brought).await
    }

    /// Whether the last exchange is over and another one may follow. Nobody is to be woken for it:
    /// what is sent next wakes whoever the connection knows, and that would be its own sender.
    fn is_ready(&mut self) -> bool {
        self.driver.advance(&mut Context::from_waker(Waker::noop()));
        self.sender.is_ready()
    }
}

/// What reads and writes; nothing once it has ended, so that whoever waits for it hears of it.
struct Driver(Option<Pin<Box<http1::Connection<Stream, Body>>>>);

impl Driver {
    /// Drives the connection until something comes that only it can bring.
    async fn drive<T>(&mut self, brought: impl Future<Output = T>) -> T {
        let mut brought = pin!(brought);
        poll_fn(|context| {
            self.advance(context);
            // It is looked at after every step of the connection: it need not wake anybody.
            brought.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        })
        .await
    }

    fn advance(&mut self, context: &mut Context<'_>) {
        if let Some(connection) = &mut self.0
            && connection.as_mut().poll(context).is_ready()
        {
            // Why it ended is told to whoever waits for an answer.
            self.0 = None;
        }
    }
}

fn https_connector(is_encrypted: bool) -> Result<HttpsConnector<HttpConnector>, BinanceError> {
    install_tls_provider();
    let tls = if is_encrypted {
        rustls::ClientConfig::with_platform_verifier().map_err(|error| {
            BinanceError::Configuration(format!("no TLS for the venue: {error}"))
        })?
    } else {
        // On loopback no certificate is needed: work also where the machine has none.
        rustls::ClientConfig::builder()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth()
    };
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEP_ALIVE));
    tcp.set_keepalive_interval(Some(KEEP_ALIVE));
    tcp.set_keepalive_retries(Some(KEEP_ALIVE_RETRIES));
    #[cfg(target_os = "linux")]
    tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    Ok(builder.enable_http1().wrap_connector(tcp))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::task::yield_now;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(10);

    /// Connections to a server of which each line answers two requests and hangs up on the third;
    /// and how many lines and requests it saw.
    async fn served() -> (Connections, tokio::sync::watch::Receiver<(u32, u32)>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (tell, told) = tokio::sync::watch::channel((0, 0));
        tokio::spawn(async move {
            loop {
                let mut line = listener.accept().await.unwrap().0;
                tell.send_modify(|seen| seen.0 += 1);
                for number in 1..=3 {
                    if line.read(&mut [0; 1_024]).await.unwrap() == 0 {
                        break;
                    }
                    tell.send_modify(|seen| seen.1 += 1);
                    if number < 3 {
                        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                        line.write_all(answer).await.unwrap();
                    }
                }
            }
        });
        (Connections::new(address.parse().unwrap(), false, DEADLINE).unwrap(), told)
    }

    async fn ask(connections: &Connections) -> Result<u16, HttpFailure> {
        let request = Request::post("/").header("host", "venue").body(Body::default()).unwrap();
        let (response, connection) = timeout(DEADLINE, connections.ask(request)).await.unwrap()?;
        connections.keep(connection);
        Ok(response.status().as_u16())
    }

    #[tokio::test]
    async fn a_connection_serves_again_and_what_it_took_goes_nowhere_else() {
        let (connections, told) = served().await;
        assert_eq!(ask(&connections).await.unwrap(), 200);
        assert_eq!(ask(&connections).await.unwrap(), 200);
        assert_eq!(*told.borrow(), (1, 2), "both by one connection");
        let lost = ask(&connections).await;
        assert!(matches!(lost, Err(HttpFailure::Lost(_))), "{lost:?}");
        assert_eq!(*told.borrow(), (1, 3), "sent once");
        assert_eq!(ask(&connections).await.unwrap(), 200);
        assert_eq!(*told.borrow(), (2, 4), "by a new connection");
    }

    #[tokio::test]
    async fn a_connection_that_ended_while_it_waited_is_not_asked() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let connections = Connections::new(address.parse().unwrap(), false, DEADLINE).unwrap();
        let server = async || {
            let mut line = listener.accept().await.unwrap().0;
            let _ = line.read(&mut [0; 1_024]).await.unwrap();
            line.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            line
        };
        let (line, answered) = tokio::join!(server(), ask(&connections));
        assert_eq!(answered.unwrap(), 200);
        drop(line);
        let mut connection = connections.take().expect("it was kept");
        let ending = async {
            while connection.is_ready() {
                yield_now().await;
            }
        };
        timeout(DEADLINE, ending).await.expect("its end is noticed");
        connections.waiting().push((Instant::now(), connection));
        let (_line, answered) = tokio::join!(server(), ask(&connections));
        assert_eq!(answered.unwrap(), 200, "the request went by another one");
    }
}
