//! A commit of the journal beside a bare write and fdatasync of as many bytes on the same disk.
//!
//! Run: `cargo bench --bench journal`. `TMPDIR` says which disk.

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use lobd::domain::{ClientOrderId, Failure, Symbol, Timestamp};
use lobd::engine::{Command, Event};
use lobd::store::Journal;

/// Commits measured, each beside a bare write.
const ROUNDS: usize = 1_000;
/// Commits before them: statements are prepared, the log has its length.
const WARM_UP: usize = 200;
/// The log is written out after so many commits, outside the measurement, as the trader does.
const LOG_COMMITS: usize = 64;
/// Events that wait for one commit together.
const GROUP: usize = 16;
/// What both write: an event of this size with one command.
const EVENT_BYTES: usize = 400;
/// What a commit may cost beside a bare write, at the median and at the 99th percentile.
const LIMIT: f64 = 2.0;

/// What was measured, in order.
#[derive(Default)]
struct Times {
    one: Vec<Duration>,
    group: Vec<Duration>,
    bare: Vec<Duration>,
    appended: Vec<Duration>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("lobd-bench-journal-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let measured = measure(&folder);
    std::fs::remove_dir_all(&folder)?;
    judge(measured?)
}

fn measure(folder: &Path) -> Result<Times, Box<dyn Error>> {
    let mut journal = Journal::open(&folder.join("journal.db"))?;
    let run = journal.start_run(Timestamp::from_seconds(1), "bench")?;
    let symbol = Symbol::new("BTCUSDT")?;
    let command = Command::Cancel { symbol, client_order_id: ClientOrderId::derive(run, 1) };
    let bare = Bare::new(&folder.join("bare"))?;
    let mut times = Times::default();
    for round in 0..WARM_UP + ROUNDS {
        let one = timed(|| commit(&mut journal, 1, &command))?;
        let group = timed(|| commit(&mut journal, GROUP, &command))?;
        let written = timed(|| bare.overwrite(round))?;
        let appended = timed(|| bare.append())?;
        if round % LOG_COMMITS == 0 {
            journal.checkpoint()?;
        }
        if round >= WARM_UP {
            times.one.push(one);
            times.group.push(group);
            times.bare.push(written);
            times.appended.push(appended);
        }
    }
    Ok(times)
}

#[expect(clippy::print_stdout, reason = "the figures are what this is run for")]
fn judge(mut times: Times) -> Result<(), Box<dyn Error>> {
    let mut is_over = false;
    for percent in [50, 99] {
        let at = |times: &mut Vec<Duration>| {
            times.sort_unstable();
            times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e6
        };
        let (one, group) = (at(&mut times.one), at(&mut times.group));
        let (bare, appended) = (at(&mut times.bare), at(&mut times.appended));
        let ratio = one / bare;
        is_over |= ratio > LIMIT;
        println!(
            "p{percent}: commit {one:.0} µs, bare write in place {bare:.0} µs: {ratio:.2}, limit \
             {LIMIT}; {GROUP} events in one commit {group:.0} µs; bare append {appended:.0} µs"
        );
    }
    if is_over { Err("FAIL: a commit is over the limit".into()) } else { Ok(()) }
}

fn commit(journal: &mut Journal, events: usize, command: &Command) -> Result<(), Box<dyn Error>> {
    let event = Event::AccountFailed(Failure::NotSent { reason: "x".repeat(EVENT_BYTES) });
    for _ in 0..events {
        journal.append(Timestamp::from_seconds(2), &event)?;
    }
    Ok(journal.commit(std::slice::from_ref(command))?)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn timed(work: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<Duration, Box<dyn Error>> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed())
}

/// Files written by hand: one in place, whose length does not change, and one at its end.
struct Bare {
    placed: File,
    growing: File,
}

impl Bare {
    const PLACES: usize = 1_024;

    fn new(path: &Path) -> Result<Self, Box<dyn Error>> {
        let placed = OpenOptions::new().create_new(true).write(true).open(path)?;
        placed.write_all_at(&vec![1; EVENT_BYTES * Self::PLACES], 0)?;
        placed.sync_all()?;
        let growing = path.with_extension("growing");
        let growing = OpenOptions::new().create_new(true).append(true).open(growing)?;
        Ok(Self { placed, growing })
    }

    fn overwrite(&self, round: usize) -> Result<(), Box<dyn Error>> {
        let at = (round % Self::PLACES * EVENT_BYTES) as u64;
        self.placed.write_all_at(&[2; EVENT_BYTES], at)?;
        Ok(self.placed.sync_data()?)
    }

    fn append(&self) -> Result<(), Box<dyn Error>> {
        (&self.growing).write_all(&[3; EVENT_BYTES])?;
        Ok(self.growing.sync_data()?)
    }
}
