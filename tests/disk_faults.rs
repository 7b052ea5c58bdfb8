//! The data folder of a running daemon is full, read-only, gone or another; no descriptors are left.
//!
//! A disk of the test's own is a small tmpfs in a mount namespace, which a user may make without
//! being root. Where the system forbids that, a test says `skipped` on stderr and passes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::constant_model;
use crate::support::process::{Home, Running, eventually};
use crate::support::venue::{Venue, quiet_market};

/// A daemon on an exchange in this process.
struct Daemon {
    venue: Venue,
    home: Home,
    process: Running,
}

impl Daemon {
    /// One that holds a position under its stop.
    async fn holding() -> Self {
        let venue = Venue::start(quiet_market()).await;
        let home = Home::with(&venue.variables());
        constant_model::promote(&home.data(), 50.0);
        let process = home.spawn(&["run"]);
        let daemon = Self { venue, home, process };
        daemon.home.status_when("a position under its stop", is_protected).await;
        daemon
    }

    /// It must halt for what was done to its folder, leave the position under its stop, and end.
    async fn ends_for_its_folder(mut self, words: &str) {
        assert_eq!(self.process.exit().await, Some(74), "{}", self.home.log());
        let log = self.home.log();
        assert!(log.contains("halted: ") && log.contains(words), "{log}");
        assert!(log.contains("put it back or restore it from a backup"), "{log}");
        assert!(!self.venue.exposure().await.is_zero(), "{log}");
        assert_eq!(self.venue.stops().await.len(), 1, "{log}");
    }
}

fn is_protected(status: &Value) -> bool {
    let one = &status["symbols"][0];
    one["phase"] == "holding" && !one["stop_price"].is_null() && status["is_reconciled"] == true
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_that_is_deleted_halts_and_ends_and_the_stop_stays() {
    let daemon = Daemon::holding().await;
    fs::remove_dir_all(daemon.home.data()).unwrap();
    daemon.ends_for_its_folder("data is not the one that was opened").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_is_replaced_by_a_copy_halts_and_ends_and_the_stop_stays() {
    let daemon = Daemon::holding().await;
    let journal = daemon.home.data().join("journal.db");
    let copy = daemon.home.path().join("copy");
    fs::copy(&journal, &copy).unwrap();
    fs::rename(&copy, &journal).unwrap();
    daemon.ends_for_its_folder("journal.db is not the one that was opened").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_file_descriptors_it_lives_on_and_goes_on_once_they_are_free() {
    let mut daemon = Daemon::holding().await;
    // Fewer than are open: no other can be opened.
    limit_descriptors(&daemon.process, "4");
    eventually("the operator is not answered", async || daemon.home.status().await.is_none()).await;
    eventually("it says why", async || daemon.home.log().contains("Too many open files")).await;
    // Longer than an actor is restarted for without progress.
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    limit_descriptors(&daemon.process, "1024");
    daemon.home.status_when("protected and reconciled again", is_protected).await;
    assert_eq!(daemon.venue.stops().await.len(), 1);
    daemon.home.succeeds(&["flatten"]);
    eventually("flat", async || daemon.venue.exposure().await.is_zero()).await;
    daemon.process.terminate();
    assert_eq!(daemon.process.exit().await, Some(0), "{}", daemon.home.log());
    daemon.home.succeeds(&["journal", "verify"]);
}

fn limit_descriptors(process: &Running, soft: &str) {
    let limit = format!("--nofile={soft}:");
    let pid = process.id().to_string();
    let set = Command::new("prlimit").args(["--pid", &pid, &limit]).status().unwrap();
    assert!(set.success());
}

/// Runs `lobd` with its data folder on a disk of its own: what it is to be mounted with, and what
/// is done to it before.
fn on_a_disk_of_its_own(home: &Home, options: &str, prepare: &str, lobd: &[&str]) -> Command {
    let data = home.data();
    let script =
        format!("mount -t tmpfs -o {options} lobd \"$DATA\" && {{ {prepare}; }} && exec \"$@\"");
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", &script, "sh"]);
    command.arg(env!("CARGO_BIN_EXE_lobd")).args(lobd);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("DATA", data);
    command.current_dir(home.path());
    command
}

/// Whether a disk of one's own can be had here.
fn may_mount() -> bool {
    let home = Home::new();
    fs::create_dir_all(home.data()).unwrap();
    let mut command = on_a_disk_of_its_own(&home, "size=1m", "true", &["--version"]);
    let may = command.output().is_ok_and(|output| output.status.success());
    if !may {
        eprintln!("skipped: this system lets nobody mount a disk in a namespace of his own");
    }
    may
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_read_only_disk_it_does_not_start_and_says_why() {
    if !may_mount() {
        return;
    }
    let venue = Venue::start(quiet_market()).await;
    let home = Home::with(&venue.variables());
    fs::create_dir_all(home.data()).unwrap();
    let remount = "mount -o remount,ro \"$DATA\"";
    for command in ["run", "record"] {
        let output = on_a_disk_of_its_own(&home, "size=1m", remount, &[command]);
        let output = tokio::process::Command::from(output).output().await.unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(74), "{stderr}");
        assert!(stderr.contains("Read-only file system"), "{stderr}");
    }
    assert!(venue.orders().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_no_entry_leaves_what_protects_does_and_it_goes_on_with_space() {
    if !may_mount() {
        return;
    }
    let venue = Venue::start(quiet_market()).await;
    let home = Home::with(&venue.variables());
    constant_model::promote(&home.data(), 50.0);
    let models = home.data().join("models");
    let kept = home.path().join("models");
    fs::rename(&models, &kept).unwrap();
    let restore = "cp -r models \"$DATA\"/";
    let mut process = home.start(on_a_disk_of_its_own(&home, "size=16m", restore, &["run"]));
    let inside = Inside::of(&process, &home.data());
    inside.becomes("a position under its stop", is_protected).await;
    inside.fill();
    inside.becomes("it opens nothing", |status| status["state"] == "reducing").await;
    assert!(home.log().contains("no space left for"), "{}", home.log());
    // What was rewritten without needing space: the preallocated file takes the close.
    inside.lobd(&home, "flatten");
    eventually("closed by way of the emergency file", async || venue.exposure().await.is_zero())
        .await;
    assert!(!home.log().contains("not sent: the journal has failed"), "{}", home.log());
    let left = fs::read(inside.data.join("emergency.bin")).unwrap();
    assert!(left.iter().any(|byte| *byte != 0), "it was recorded before it left");
    let entries = || async {
        let orders = venue.orders().await.into_iter();
        orders.filter(|order| !order.report.reduce_only && order.stop.is_none()).count()
    };
    assert_eq!(entries().await, 1, "nothing was opened meanwhile");
    inside.free();
    inside.lobd(&home, "resume");
    inside.becomes("it trades again", is_protected).await;
    assert_eq!(entries().await, 2);
    process.terminate();
    assert_eq!(process.exit().await, Some(0), "{}", home.log());
}

/// The data folder of a process as that process sees it.
struct Inside {
    data: PathBuf,
    root: PathBuf,
}

impl Inside {
    fn of(process: &Running, data: &Path) -> Self {
        let root = PathBuf::from(format!("/proc/{}/root", process.id()));
        Self { data: root.join(data.strip_prefix("/").unwrap()), root }
    }

    /// Leaves no byte.
    fn fill(&self) {
        let zeros = fs::File::open("/dev/zero").unwrap();
        let mut filler = fs::File::create(self.data.join("filler")).unwrap();
        let mut source = std::io::Read::take(zeros, 1 << 30);
        assert!(std::io::copy(&mut source, &mut filler).is_err(), "{:?} is full", self.root);
    }

    fn free(&self) {
        fs::remove_file(self.data.join("filler")).unwrap();
    }

    /// Asks the running daemon something that must be granted.
    fn lobd(&self, home: &Home, request: &str) {
        let mut command = home.lobd(&[request]);
        let output = command.arg("--data-dir").arg(&self.data).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    async fn becomes(&self, what: &str, is_wanted: impl Fn(&Value) -> bool) {
        eventually(what, async || {
            Home::status_in(&self.data).await.is_some_and(|it| is_wanted(&it))
        })
        .await;
    }
}
