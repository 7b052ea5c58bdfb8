//! Data at rest survives what happens to machines: kills, full disks, second instances, damage.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use lobd::store::{FolderLock, Tape, tape_path};

/// Five and a half hours: several transactions of an hour each.
const SECONDS: usize = 20_000;

/// A recording of one futures symbol: a snapshot, then one depth update a second.
fn write_recording(folder: &Path) -> PathBuf {
    let mut text = String::new();
    let start = 1_700_000_000_000_000_u64;
    let levels = |side: i64, best: i64| -> String {
        let levels: Vec<String> =
            (0..10).map(|level| format!("[\"{}.5\",\"2.000\"]", best + side * level)).collect();
        levels.join(",")
    };
    let (bids, asks) = (levels(-1, 60_000), levels(1, 60_001));
    writeln!(text, "{start} {{\"lastUpdateId\":100,\"bids\":[{bids}],\"asks\":[{asks}]}}").unwrap();
    for index in 0..=SECONDS as u64 {
        let (micros, millis) = (start + index * 1_000_000 + 500, start / 1_000 + index * 1_000);
        let (id, previous) = (100 + index, 99 + index);
        let quantity = 1 + index % 7;
        writeln!(
            text,
            "{micros} {{\"e\":\"depthUpdate\",\"E\":{millis},\"T\":{millis},\"s\":\"BTCUSDT\",\
             \"U\":{id},\"u\":{id},\"pu\":{previous},\"b\":[[\"60000.5\",\"{quantity}.000\"]],\
             \"a\":[]}}"
        )
        .unwrap();
    }
    let path = folder.join("recording.dat");
    std::fs::write(&path, text).unwrap();
    path
}

/// `lobd` on a data folder of its own, where no settings file lies about.
fn lobd(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lobd"));
    command.env_clear().current_dir(folder).arg("--data-dir").arg(folder.join("data"));
    command
}

fn import(folder: &Path, recording: &Path) -> Command {
    let mut command = lobd(folder);
    command.args(["data", "import", "--format", "binance-depth", "--json"]).arg(recording);
    command
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

#[track_caller]
fn fails(output: &Output, code: i32, message: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    let errors: Vec<&str> = stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "one line says it all: {stderr}");
    assert!(errors[0].contains(message), "{message:?} is not in {stderr}");
}

#[track_caller]
fn succeeds(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn rows(folder: &Path) -> u64 {
    let tape = Tape::open_read_only(&tape_path(&folder.join("data"))).unwrap();
    let key = tape.resolve("BTCUSDT").unwrap();
    tape.check_pages().unwrap();
    tape.span(&key).unwrap().unwrap().rows
}

#[test]
fn what_was_reported_stored_survives_a_kill_and_the_import_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let recording = write_recording(folder.path());
    let mut child = import(folder.path(), &recording)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let first = BufReader::new(child.stderr.take().unwrap()).lines().next().unwrap().unwrap();
    assert!(first.starts_with("stored up to "), "{first}");
    child.kill().unwrap();
    child.wait().unwrap();
    let survived = rows(folder.path());
    assert!(survived >= 3_600, "the first hour was reported stored, {survived} rows are there");
    assert_eq!(
        survived % 3_600 * u64::from(survived < SECONDS as u64),
        0,
        "whole transactions only"
    );
    let told = succeeds(&run(&mut import(folder.path(), &recording)));
    assert!(told.contains(&format!("\"skipped\":{survived}")), "{told}");
    assert_eq!(rows(folder.path()), SECONDS as u64);
    let told = succeeds(&run(lobd(folder.path()).args(["data", "gaps"])));
    assert!(told.contains("no gaps"), "{told}");
}

#[test]
fn a_full_disk_is_one_clear_line_and_nothing_is_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let recording = write_recording(folder.path());
    let mut shell = Command::new("sh");
    // A limit on the size of files stands in for the disk's end; the signal that comes with it is
    // ignored, so that the write fails as it does on a full disk.
    let script = "trap '' XFSZ; ulimit -f 1600; exec \"$0\" \"$@\"";
    shell.current_dir(folder.path()).args(["-c", script, env!("CARGO_BIN_EXE_lobd")]);
    shell.arg("--data-dir").arg(folder.path().join("data"));
    shell.args(["data", "import", "--format", "binance-depth"]).arg(&recording);
    fails(&run(&mut shell), 74, "no space left for");
    assert_eq!(rows(folder.path()) % 3_600, 0, "whole transactions only");
    succeeds(&run(&mut import(folder.path(), &recording)));
    assert_eq!(rows(folder.path()), SECONDS as u64);
}

#[test]
fn a_second_writer_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let recording = write_recording(folder.path());
    let _lock = FolderLock::acquire(&folder.path().join("data")).unwrap();
    let output = run(&mut import(folder.path(), &recording));
    fails(&output, 9, "is in use by another lobd (process ");
}

#[test]
fn a_truncated_recording_keeps_what_came_before_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let recording = write_recording(folder.path());
    let whole = std::fs::read(&recording).unwrap();
    std::fs::write(&recording, &whole[..whole.len() / 2]).unwrap();
    let output = run(&mut import(folder.path(), &recording));
    fails(&output, 74, "recording.dat is cut off at line ");
    let kept = rows(folder.path());
    assert!((9_000..11_000).contains(&kept), "{kept} rows of half the file");
    std::fs::write(&recording, &whole).unwrap();
    succeeds(&run(&mut import(folder.path(), &recording)));
    assert_eq!(rows(folder.path()), SECONDS as u64);
}

#[test]
fn a_newer_and_a_damaged_database_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let recording = write_recording(folder.path());
    succeeds(&run(&mut import(folder.path(), &recording)));
    let path = tape_path(&folder.path().join("data"));
    let set_layout = |layout: i64| {
        let database = rusqlite::Connection::open(&path).unwrap();
        database.pragma_update(None, "user_version", layout).unwrap();
    };
    set_layout(99);
    for mut command in [import(folder.path(), &recording), lobd(folder.path())] {
        if command.get_args().count() == 2 {
            command.args(["sql", "SELECT 1"]);
        }
        fails(&run(&mut command), 78, "has layout 99");
    }
    set_layout(1);
    assert_eq!(rows(folder.path()), SECONDS as u64);
    let garbage = vec![0x5a; 100_000];
    std::fs::write(&path, &garbage).unwrap();
    fails(&run(&mut import(folder.path(), &recording)), 74, "tape.db is damaged");
    fails(&run(lobd(folder.path()).args(["data", "check"])), 74, "tape.db is damaged");
    assert_eq!(std::fs::read(&path).unwrap(), garbage, "evidence is not overwritten");
}

#[test]
fn a_damaged_row_is_found_and_named_by_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let recording = write_recording(folder.path());
    succeeds(&run(&mut import(folder.path(), &recording)));
    let path = tape_path(&folder.path().join("data"));
    {
        let database = rusqlite::Connection::open(&path).unwrap();
        let statement = "UPDATE seconds SET book = x'01ff' WHERE second = 1700000777";
        assert_eq!(database.execute(statement, []).unwrap(), 1);
    }
    let output = run(lobd(folder.path()).args(["data", "check"]));
    fails(&output, 8, "production:usdm:BTCUSDT at 2023-11-14T22:26:17Z is damaged");
}

#[test]
fn exports_read_back_as_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let recording = write_recording(folder.path());
    succeeds(&run(&mut import(folder.path(), &recording)));
    let file = folder.path().join("out.npy");
    let span = ["--from", "2023-11-14T22:13:21Z", "--to", "2023-11-14T22:15:01Z"];
    let mut command = lobd(folder.path());
    command.args(["data", "export", "--format", "npy", "--symbol", "BTCUSDT", "--out"]);
    succeeds(&run(command.arg(&file).args(span)));
    let array: ndarray::Array2<f64> = ndarray_npy::read_npy(&file).unwrap();
    assert_eq!(array.shape(), [100, 43]);
    assert_eq!(array.row(0).to_vec()[..4], [1_700_000_001.0, 60_001.5, 2.0, 60_000.5]);
    let mut command = lobd(folder.path());
    command.args(["data", "export", "--format", "csv", "--symbol", "ETHUSDT", "--out", "x.csv"]);
    fails(&run(&mut command), 2, "no instrument \"ETHUSDT\" on the tape");
    assert!(!folder.path().join("x.csv").exists());
}

#[test]
fn sql_reads_decoded_views_and_refuses_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let recording = write_recording(folder.path());
    succeeds(&run(&mut import(folder.path(), &recording)));
    let query = "SELECT count(*) AS n, min(bid_price_1) AS bid, max(ask_price_10) AS ask FROM book";
    let told = succeeds(&run(lobd(folder.path()).args(["sql", "--json", query])));
    assert_eq!(told.trim(), r#"{"ask":60010.5,"bid":60000.5,"n":20000}"#);
    let output = run(lobd(folder.path()).args(["sql", "DELETE FROM main.seconds"]));
    fails(&output, 2, "only statements that read");
    let empty = tempfile::tempdir().unwrap();
    fails(&run(lobd(empty.path()).args(["sql", "SELECT 1"])), 1, "there is no tape");
    assert!(!empty.path().join("data").exists(), "looking creates nothing");
}
