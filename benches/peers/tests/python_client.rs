//! The venue's official Python client, unchanged but for its base URL, served by `lobd exchange`.
//!
//! Skipped with a message where there is no `python3` or its package cannot be had.

mod exchange;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use exchange::{DEADLINE, start_exchange};

/// What the script imports, at the version it was written for.
const PACKAGE: &str = "binance-futures-connector==4.2.0";

/// A package index out of reach must not hold the tests up for longer.
const INSTALLATION: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn the_official_python_client_trades_on_the_loopback_exchange() {
    let Some(python) = python_with_package().await else {
        println!("skipped: no python3 with {PACKAGE}, and it cannot be installed here");
        return;
    };
    let (_exchange, ready) = start_exchange().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/order_life.py");
    let mut life = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = life.stdin.take().unwrap();
    input.write_all(format!("{ready}\n").as_bytes()).await.unwrap();
    let ended = timeout(DEADLINE, life.wait_with_output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(said.trim(), "served");
}

/// An interpreter of its own under `target/`, with the package installed once.
async fn python_with_package() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    let python = folder.join("bin/python");
    if !has_package(&python).await {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder)).await?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", PACKAGE])).await?;
    }
    has_package(&python).await.then_some(python)
}

async fn has_package(python: &Path) -> bool {
    run(Command::new(python).args(["-c", "import binance.um_futures"])).await.is_some()
}

/// Runs a command to its end; `None` if there is no such program, it fails, or it takes too long.
async fn run(command: &mut Command) -> Option<()> {
    let command = command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let status = timeout(INSTALLATION, command.status()).await.ok()?.ok()?;
    status.success().then_some(())
}
