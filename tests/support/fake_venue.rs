//! A server that answers as a test tells it to: what no honest exchange would do on demand.

use std::sync::{Arc, Mutex};

use lobd::clock::{Clock, SystemClock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) head: String,
}

/// What to do with a request.
pub(crate) enum Reply {
    /// Answer with a status, header lines (each ended by CR LF) and a body.
    Answer(u16, &'static str, String),
    /// Write these bytes, whatever they are, and close the connection.
    Raw(Vec<u8>),
    /// Write these bytes and then nothing more.
    Stall(Vec<u8>),
    /// Close the connection without a word.
    HangUp,
    /// Never answer.
    Silence,
}

/// A server on loopback; stops when dropped.
pub(crate) struct FakeVenue {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    accepting: JoinHandle<()>,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::Answer(status, "", body.to_owned())
    }
}

/// The answer that tells the time, which every client asks for first.
pub(crate) fn server_time() -> Reply {
    let now = SystemClock::start().now().millis();
    Reply::json(200, &format!(r#"{{"serverTime":{now}}}"#))
}

impl Seen {
    /// The value of a query parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

impl FakeVenue {
    pub(crate) async fn start(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (seen, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(answer));
        let record = Arc::clone(&seen);
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (record, answer) = (Arc::clone(&record), Arc::clone(&answer));
                tokio::spawn(async move { serve(socket, &record, &*answer).await });
            }
        });
        Self { url, seen, accepting }
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The requests to a path so far.
    pub(crate) fn seen_at(&self, path: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.path == path).collect()
    }
}

impl Drop for FakeVenue {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// One request a connection: the client opens a new one for the next.
async fn serve(
    mut socket: TcpStream,
    record: &Mutex<Vec<Seen>>,
    answer: &(dyn Fn(&Seen) -> Reply + Sync),
) {
    let Some(seen) = read_request(&mut socket).await else { return };
    record.lock().unwrap().push(seen.clone());
    match answer(&seen) {
        Reply::Answer(status, headers, body) => {
            let head = format!(
                "HTTP/1.1 {status} Told\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = socket.write_all(head.as_bytes()).await;
            let _ = socket.write_all(body.as_bytes()).await;
            let _ = socket.shutdown().await;
        }
        Reply::Raw(bytes) => {
            let _ = socket.write_all(&bytes).await;
            let _ = socket.shutdown().await;
        }
        Reply::Stall(bytes) => {
            let _ = socket.write_all(&bytes).await;
            std::future::pending::<()>().await;
        }
        Reply::HangUp => {}
        Reply::Silence => std::future::pending().await,
    }
}

async fn read_request(socket: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let mut line = head.lines().next()?.split(' ');
    let (method, target) = (line.next()?.to_owned(), line.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    Some(Seen { method, path, query, head })
}
