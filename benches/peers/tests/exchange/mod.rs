//! `lobd exchange`, started from the built binary.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Nothing on loopback takes so long.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Starts the built binary and waits for its one line of JSON.
pub async fn start_exchange() -> (Child, Value) {
    let mut exchange = Command::new(binary())
        .args(["exchange", "--symbols", "BTCUSDT", "--seed", "7"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("lobd starts");
    let mut lines = BufReader::new(exchange.stdout.take().unwrap()).lines();
    let ready = timeout(DEADLINE, lines.next_line()).await.unwrap().unwrap().unwrap();
    (exchange, serde_json::from_str(&ready).unwrap())
}

/// `LOBD_BINARY`, else what was built last beside this package.
fn binary() -> PathBuf {
    if let Ok(named) = std::env::var("LOBD_BINARY") {
        return named.into();
    }
    let target = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target");
    let built = ["release", "debug"].map(|profile| target.join(profile).join("lobd"));
    let newest = built
        .into_iter()
        .filter(|path| path.is_file())
        .max_by_key(|path| path.metadata().and_then(|found| found.modified()).ok());
    newest.expect("no lobd binary: run `cargo build` in the repository's root, or set LOBD_BINARY")
}
