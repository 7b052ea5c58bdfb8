//! A panic anywhere is the end of the process, at once and said (promise I16); what it says holds no
//! secret (I9).

use std::process::{Command, Stdio};

use lobd::telemetry;

/// As long as a signature.
const CANARY: &str = "4f1d0c9ab27e8653104f1d0c9ab27e8653104f1d0c9ab27e8653104f1d0c9ab2";

/// A process as the daemon is one, in which a task that nobody waits for panics.
#[test]
#[ignore = "it ends the process: `a_panic_anywhere_ends_the_process_at_once` runs it in its own"]
fn in_a_process_of_its_own() {
    telemetry::start("info", false).unwrap();
    telemetry::end_on_panic(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::spawn(async {
            let nobody_waits = tokio::task::spawn_blocking(|| {
                assert!(CANARY.is_empty(), "GET /fapi/v1/order?signature={CANARY}: broken");
            });
            let _ = nobody_waits.await;
        });
        std::future::pending::<()>().await;
    });
}

#[test]
fn a_panic_anywhere_ends_the_process_at_once() {
    let myself = std::env::current_exe().unwrap();
    let output = Command::new(myself)
        .args(["--exact", "panics::in_a_process_of_its_own", "--ignored", "--nocapture"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let last = said.lines().last().unwrap_or_default();
    for words in ["ERROR", "panicked", "panics.rs", "signature=***: broken", "ends with code 1"] {
        assert!(last.contains(words), "{words:?} is not in {last}");
    }
    assert!(!said.contains(&CANARY[..16]), "{said}");
}
