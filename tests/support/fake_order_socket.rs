//! A WebSocket that takes orders as a test tells it to.

use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::task::AbortOnDropHandle;

use super::loopback::DEADLINE;

/// What to do with a request.
pub(crate) enum Answer {
    /// Say these texts, in this order.
    Say(Vec<String>),
    /// Say this text once the gate is open.
    SayWhen(watch::Receiver<bool>, String),
    /// End the connection without a word.
    HangUp,
    /// Never answer, but stay.
    Silence,
}

impl Answer {
    /// The usual answer: a status, and a field (`result` or `error`) with its JSON.
    pub(crate) fn to(request: &Value, status: u16, field: &str, json: &str) -> Self {
        Self::Say(vec![answer(request, status, field, json)])
    }
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self::Say(vec![text])
    }
}

/// One answer as the venue words it.
pub(crate) fn answer(request: &Value, status: u16, field: &str, json: &str) -> String {
    format!(
        r#"{{"id":{},"status":{status},"{field}":{json},"rateLimits":[{{"rateLimitType":"ORDERS",
        "interval":"SECOND","intervalNum":10,"limit":300,"count":17}}]}}"#,
        request["id"]
    )
}

/// A server on loopback; stops when dropped.
pub(crate) struct FakeOrderSocket {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Value>>>,
    connections: watch::Receiver<usize>,
    _accepting: AbortOnDropHandle<()>,
}

impl FakeOrderSocket {
    /// Takes requests; the client's proof of service is answered, and nowhere recorded.
    pub(crate) async fn start(answer: impl Fn(&Value) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_with(move |request| match request["method"].as_str() {
            Some("ticker.price") => self::answer(request, 200, "result", "{}").into(),
            _ => answer(request),
        })
        .await
    }

    /// Opens to everyone and answers nothing.
    pub(crate) async fn start_mute() -> Self {
        Self::start_with(|_| Answer::Silence).await
    }

    async fn start_with(answer: impl Fn(&Value) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (count, connections) = watch::channel(0);
        let (record, answer) = (Arc::clone(&seen), Arc::new(answer));
        let accepting = tokio::spawn(async move {
            let mut serving = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let (record, answer) = (Arc::clone(&record), Arc::clone(&answer));
                let count = count.clone();
                serving.spawn(async move { serve(socket, &record, &*answer, &count).await });
            }
        });
        Self { url, seen, connections, _accepting: AbortOnDropHandle::new(accepting) }
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until so many connections were opened.
    pub(crate) async fn opened(&self, connections: usize) {
        let mut opened = self.connections.clone();
        let wait = opened.wait_for(|count| *count >= connections);
        tokio::time::timeout(DEADLINE, wait).await.unwrap().unwrap();
    }
}

async fn serve(
    socket: TcpStream,
    record: &Mutex<Vec<Value>>,
    answer: &(dyn Fn(&Value) -> Answer + Sync),
    count: &watch::Sender<usize>,
) {
    let Ok(mut socket) = accept_async(socket).await else { return };
    count.send_modify(|count| *count += 1);
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let request: Value = serde_json::from_str(&text).unwrap();
        if request["method"] != "ticker.price" {
            record.lock().unwrap().push(request.clone());
        }
        match answer(&request) {
            Answer::Say(texts) => {
                for text in texts {
                    let _ = socket.send(Message::text(text)).await;
                }
            }
            Answer::SayWhen(mut gate, text) => {
                let _ = gate.wait_for(|is_open| *is_open).await;
                let _ = socket.send(Message::text(text)).await;
            }
            Answer::HangUp => return,
            Answer::Silence => {}
        }
    }
}
