//! Faults of the exchange as a process: on its command line, and over its admin socket.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixStream};

use crate::support::process::{DEADLINE, Home, Running, until};

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_listed_added_counted_and_cleared_at_run_time() {
    let exchange = Exchange::start(&["--fault", "delay=1ms:GET /fapi/v1/ping:times=2"]).await;
    let mut admin = Admin::connect(&exchange.admin).await;
    let fault = |spec: &str, fired: u64, is_on: bool| (spec.to_owned(), fired, is_on);
    let delay = "delay=1ms:GET /fapi/v1/ping:times=2";
    assert_eq!(admin.ask("\"list\"").await, [fault(delay, 0, true)]);
    exchange.ping().await;
    assert_eq!(admin.ask("\"list\"").await, [fault(delay, 1, true)]);
    exchange.ping().await;
    let lost = "lose-response:GET /fapi/v1/ping";
    let both = admin.ask(&json!({ "add": lost }).to_string()).await;
    assert_eq!(both, [fault(delay, 2, false), fault(lost, 0, true)]);
    assert_eq!(exchange.ping().await, "", "carried out, and not a byte of an answer");
    assert_eq!(admin.ask("{\"clear\":1}").await, [fault(lost, 1, true)]);
    assert_eq!(admin.ask("\"clear_all\"").await, []);
    assert!(exchange.ping().await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_admin_socket_does_not_understand_it_says_and_goes_on() {
    let exchange = Exchange::start(&[]).await;
    let mode = std::fs::metadata(&exchange.admin).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut admin = Admin::connect(&exchange.admin).await;
    for (line, words) in [
        ("not json", "not a request"),
        ("{\"add\":\"loose-request\"}", "no fault is named"),
        ("{\"add\":\"delay=soon\"}", "delay=SPAN"),
        ("{\"add\":\"drop-depth=NOSUCHUSDT\"}", "does not list NOSUCHUSDT"),
        ("{\"add\":\"change-filters=BTCUSDT,tick=0.25\"}", "grid"),
        ("{\"clear\":7}", "no fault number 7"),
        ("{\"drop\":1}", "not a request"),
    ] {
        let answer = admin.answer(line).await;
        assert!(answer["error"].as_str().unwrap().contains(words), "{line}: {answer}");
    }
    assert_eq!(admin.ask("\"list\"").await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_socket_is_gone_with_its_exchange_and_a_dead_one_is_replaced() {
    let mut first = Exchange::start(&[]).await;
    first.home.fails(&["exchange", "--admin", "admin.sock"], 2, &["admin.sock", "taken"]);
    first.process.kill();
    assert!(first.admin.exists(), "a killed process cannot tidy up");
    let admin = first.admin.to_str().unwrap().to_owned();
    let mut second = Exchange::start(&["--admin", &admin]).await;
    assert_eq!(Admin::connect(&first.admin).await.ask("\"list\"").await, []);
    second.process.terminate();
    assert_eq!(second.process.exit().await, Some(0), "{}", second.home.log());
    assert!(!first.admin.exists());
}

#[test]
fn a_fault_that_cannot_be_is_refused_before_the_exchange_starts() {
    let home = Home::new();
    let output = home.run(&["exchange", "--fault", "loose-request"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("no fault is named \"loose-request\""), "{said}");
    home.fails(&["exchange", "--fault", "drop-depth=NOSUCHUSDT"], 2, &["NOSUCHUSDT", "--help"]);
    std::fs::write(home.path().join("file"), "mine").unwrap();
    home.fails(&["exchange", "--admin", "file"], 2, &["file is taken"]);
    assert_eq!(std::fs::read_to_string(home.path().join("file")).unwrap(), "mine");
}

#[test]
fn the_help_lists_every_fault_and_how_the_admin_socket_is_spoken_to() {
    let help = Home::new().succeeds(&["exchange", "--help"]);
    for word in ["lose-request", "change-filters", "probability=P", "\"clear_all\"", "0600"] {
        assert!(help.contains(word), "{word}");
    }
}

/// `lobd exchange` as a process, with its admin socket.
struct Exchange {
    home: Home,
    process: Running,
    admin: std::path::PathBuf,
    address: String,
}

impl Exchange {
    /// Started with an admin socket of its own, unless the arguments name one.
    async fn start(arguments: &[&str]) -> Self {
        let home = Home::new();
        let admin = home.path().join("admin.sock");
        let mut all = vec!["exchange"];
        if !arguments.contains(&"--admin") {
            all.extend(["--admin", "admin.sock"]);
        }
        all.extend(arguments);
        let process = home.spawn(&all);
        let ready = until(async || {
            home.log().lines().find_map(|line| serde_json::from_str::<Value>(line).ok())
        });
        let ready = tokio::time::timeout(DEADLINE, ready).await.unwrap();
        let address = ready["rest"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
        Self { home, process, admin, address }
    }

    /// What comes back on a new connection.
    async fn ping(&self) -> String {
        use tokio::io::AsyncReadExt;
        let mut socket = TcpStream::connect(&self.address).await.unwrap();
        let request = "GET /fapi/v1/ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = socket.read_to_string(&mut answer);
        tokio::time::timeout(DEADLINE, read).await.unwrap().unwrap();
        answer
    }
}

struct Admin(BufReader<UnixStream>);

impl Admin {
    async fn connect(path: &Path) -> Self {
        Self(BufReader::new(UnixStream::connect(path).await.unwrap()))
    }

    async fn answer(&mut self, request: &str) -> Value {
        self.0.write_all(format!("{request}\n").as_bytes()).await.unwrap();
        let mut line = String::new();
        let read = self.0.read_line(&mut line);
        tokio::time::timeout(DEADLINE, read).await.unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// The faults after a request, with how often each struck and whether it is on.
    async fn ask(&mut self, request: &str) -> Vec<(String, u64, bool)> {
        let answer = self.answer(request).await;
        let faults = answer["faults"].as_array().unwrap_or_else(|| panic!("{answer}"));
        let row = |fault: &Value| {
            let spec = fault["spec"].as_str().unwrap().to_owned();
            (spec, fault["fired"].as_u64().unwrap(), fault["is_on"].as_bool().unwrap())
        };
        faults.iter().map(row).collect()
    }
}
