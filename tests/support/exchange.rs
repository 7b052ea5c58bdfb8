//! `lobd exchange` as a process of its own, and what a test asks of it.

use std::path::Path;
use std::sync::Arc;

use lobd::app::rest_settings;
use lobd::binance::RestClient;
use lobd::clock::SystemClock;
use lobd::config::{Settings, Variables};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::process::{DEADLINE, Home, Running, until};
use super::venue::eager_settings;

/// A running exchange with one account at the demo tier; it ends with its test.
pub(crate) struct Exchange {
    ready: Value,
    home: Home,
    process: Running,
}

impl Exchange {
    /// The exchange of a seed, with these arguments besides.
    pub(crate) async fn start(seed: u64, arguments: &[&str]) -> Self {
        let home = Home::new();
        let seed = seed.to_string();
        let fixed = ["exchange", "--fee-tier", "demo", "--admin", "admin.sock", "--seed", &seed];
        let process = home.spawn(&[&fixed, arguments].concat());
        let ready = until(async || {
            let log = home.log();
            log.lines().find_map(|line| serde_json::from_str(line).ok())
        });
        let ready = tokio::time::timeout(DEADLINE, ready).await.unwrap();
        Self { ready, home, process }
    }

    /// A daemon's settings: it enters at the first prediction and holds.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let said = |name: &str| self.ready[name].as_str().unwrap().to_owned();
        let mut variables = vec![
            ("LOBD_REST_URL", said("rest")),
            ("LOBD_STREAM_URL", said("ws")),
            ("LOBD_SANDBOX_API_KEY", said("api_key")),
            ("LOBD_SANDBOX_API_SECRET", said("api_secret")),
        ];
        variables.extend(eager_settings());
        variables
    }

    /// A client of the same account.
    pub(crate) fn client(&self) -> RestClient {
        let named = |(name, value): (&'static str, String)| (name.to_owned(), value);
        let variables: Variables = self.variables().into_iter().map(named).collect();
        let settings = Settings::from_variables(&variables).unwrap();
        RestClient::new(rest_settings(&settings), Arc::new(SystemClock::start())).unwrap()
    }

    /// A line to its admin socket.
    pub(crate) async fn admin(&self) -> Admin {
        Admin::connect(&self.home.path().join("admin.sock")).await
    }

    pub(crate) const fn process(&self) -> &Running {
        &self.process
    }
}

/// The admin socket's other end: faults are switched on and off by it.
pub(crate) struct Admin(BufReader<UnixStream>);

impl Admin {
    async fn connect(path: &Path) -> Self {
        Self(BufReader::new(UnixStream::connect(path).await.unwrap()))
    }

    pub(crate) async fn add(&mut self, fault: &str) {
        self.ask(&json!({ "add": fault }).to_string()).await;
    }

    pub(crate) async fn clear_all(&mut self) {
        self.ask("\"clear_all\"").await;
    }

    async fn ask(&mut self, request: &str) {
        self.0.write_all(format!("{request}\n").as_bytes()).await.unwrap();
        let mut line = String::new();
        let read = self.0.read_line(&mut line);
        tokio::time::timeout(DEADLINE, read).await.unwrap().unwrap();
        assert!(line.contains("\"faults\""), "{request}: {line}");
    }
}
