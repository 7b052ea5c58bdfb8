//! One writer per account and data folder, one training at a time (promises I13 and I18): the other
//! one is refused and told who is at work, and nobody dead keeps anybody out.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use lobd::app::DataFolder;
use lobd::app::demo::{DemoSettings, prepare};
use lobd::domain::{OrderStatus, Timestamp};
use lobd::store::TrainingLock;

use crate::support::constant_model;
use crate::support::process::{Home, Running, eventually};
use crate::support::venue::{Venue, quiet_market};

/// `lobd` as the user of another home would run it.
fn beside(home: &Home, other: &Home, arguments: &[&str]) -> Command {
    let mut command = home.lobd(arguments);
    command.env("XDG_RUNTIME_DIR", other.path());
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_on_the_account_is_refused_whatever_its_folder_until_the_first_is_dead() {
    let venue = Venue::start(quiet_market()).await;
    let (first, second) = (Home::with(&venue.variables()), Home::with(&venue.variables()));
    let mut holder = first.spawn(&["run"]);
    first.status_when("the first runs", |_| true).await;
    let refused = beside(&second, &first, &["run"]).output().unwrap();
    let said = stderr(&refused);
    assert_eq!(refused.status.code(), Some(9), "{said}");
    let folder = first.data().display().to_string();
    assert!(said.contains(&folder) && said.contains("(process "), "{said}");
    let left: Vec<_> = std::fs::read_dir(second.data()).unwrap().collect();
    assert_eq!(left.len(), 1, "only its lock: {left:?}");

    let mut recorder = second.start(beside(&second, &first, &["record"]));
    let records = async || second.records_already() && !second.valid_seconds().is_empty();
    eventually("who only records is let in", records).await;
    recorder.terminate();
    assert_eq!(recorder.exit().await, Some(0), "{}", second.log());

    holder.kill();
    let mut next = second.start(beside(&second, &first, &["run"]));
    second.status_when("the second runs", |_| true).await;
    next.terminate();
    assert_eq!(next.exit().await, Some(0), "{}", second.log());
}

/// Promises I3 and I18 across machines: where no lease is shared, orders tell.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_elsewhere_on_the_account_is_seen_at_the_start_and_halts_this_one() {
    let venue = Venue::start(quiet_market()).await;
    let mut variables = venue.variables();
    variables.push(("ENTRY_STYLE", "join".to_owned())); // nobody trades here, so it stays
    variables.push(("ENTRY_LIFE_SECONDS", "60".to_owned()));
    let (here, elsewhere) = (Home::with(&variables), Home::with(&variables));
    constant_model::promote(&elsewhere.data(), 50.0);
    let _other = elsewhere.spawn(&["run"]);
    elsewhere
        .status_when("an entry works", |status| {
            status["symbols"][0]["working_orders"][0]["state"] == "working"
        })
        .await;
    constant_model::promote(&here.data(), 50.0);
    let mut daemon = here.spawn(&["run"]);
    let status = here.status_when("halted", |status| !status["halted"].is_null()).await;
    let reason = status["halted"].as_str().unwrap();
    assert!(reason.contains("another lobd trades this account"), "{reason}");
    assert_eq!(status["symbols"][0]["totals"]["entries"], 0, "nothing was opened before");
    let working = venue.orders().await;
    let working = working.iter().filter(|order| order.report.status == OrderStatus::New).count();
    assert_eq!(working, 1, "what is another's stays as it is");
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", here.log());
}

/// A home with half an hour on its tape.
fn with_a_tape() -> Home {
    let home = Home::new();
    home.write_settings("LOBD_SANDBOX_API_KEY=key\nLOBD_SANDBOX_API_SECRET=secret\n");
    let settings = DemoSettings {
        data_dir: home.data(),
        seed: 7,
        history: std::time::Duration::from_hours(1),
    };
    prepare(&settings, Timestamp::from_seconds(1_800_000_000), &mut |_| ()).unwrap();
    home
}

#[test]
fn of_two_trainings_one_is_told_that_the_other_is_under_way() {
    let home = with_a_tape();
    let current = || current_model(&home);
    let before = current();
    let lock = TrainingLock::acquire(&DataFolder::new(&home.data()).models()).unwrap();
    let ours = format!("(process {})", std::process::id());
    home.fails(&["train"], 9, &["another training", &ours, "under way"]);
    home.fails(&["train", "--promote"], 9, &["another training", &ours]);
    let asked = home.run(&["retrain"]);
    assert_eq!(asked.status.code(), Some(9), "{}", stderr(&asked));
    assert_eq!(current(), before);
    drop(lock);
    home.succeeds(&["train"]);
    assert!(!home.data().join("nowhere").exists());
    home.fails(&["train", "--data-dir", "nowhere"], 1, &["tape"]);
    assert!(!home.path().join("nowhere").exists(), "nothing is created where nothing is");
}

fn current_model(home: &Home) -> String {
    let models = DataFolder::new(&home.data()).models();
    let folders = std::fs::read_dir(models).unwrap().map(|entry| entry.unwrap().path());
    let pointers = folders.map(|folder| folder.join("current")).filter(|path| path.exists());
    pointers.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// Puts a program in the place of `nice`, under which a training runs.
fn trains_by(home: &Home, script: &str, arguments: &[&str]) -> Command {
    let programs = home.path().join("programs");
    std::fs::create_dir_all(&programs).unwrap();
    let nice = programs.join("nice");
    std::fs::write(&nice, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&nice, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = home.lobd(arguments);
    command.env("PATH", format!("{}:/usr/bin:/bin", programs.display()));
    command.stdin(Stdio::null());
    command
}

/// Promises I13 and I21: a training that is killed, or hangs, is nothing to the daemon.
#[tokio::test(flavor = "multi_thread")]
async fn a_training_that_is_killed_or_hangs_leaves_the_daemon_and_its_model_alone() {
    let venue = Venue::start(quiet_market()).await;
    let home = Home::with(&venue.variables());
    let model = constant_model::promote(&home.data(), 0.0);
    let before = current_model(&home);
    let mut daemon = home.spawn(&["run"]);
    let predicts =
        |status: &serde_json::Value| status["symbols"][0]["prediction"]["model"] == model.as_str();
    home.status_when("the model answers", predicts).await;

    // As the system does when memory is short.
    let killed = trains_by(&home, "kill -KILL $$", &["retrain"]).output().unwrap();
    let said = stderr(&killed);
    assert_eq!(killed.status.code(), Some(1), "{said}");
    assert!(said.contains("killed by signal 9") && said.contains("model in charge"), "{said}");

    let pid = home.path().join("pid");
    let hangs = format!("echo $$ > {}; exec sleep 1000", pid.display());
    let ended = trains_by(&home, &hangs, &["retrain", "--limit-seconds", "1"]).output().unwrap();
    let said = stderr(&ended);
    assert_eq!(ended.status.code(), Some(5), "{said}");
    assert!(said.contains("more than 1 s") && said.contains("model in charge"), "{said}");
    let process = format!("/proc/{}", std::fs::read_to_string(&pid).unwrap().trim());
    assert!(!Path::new(&process).exists(), "it was ended");

    assert_eq!(current_model(&home), before);
    let asked = venue.clock.now().second().unix();
    home.status_when("the model answers on", |status| {
        predicts(status) && status["symbols"][0]["prediction"]["second"].as_i64() > Some(asked)
    })
    .await;
    ends_well(&mut daemon, &home).await;
}

async fn ends_well(daemon: &mut Running, home: &Home) {
    daemon.terminate();
    assert_eq!(daemon.exit().await, Some(0), "{}", home.log());
}
