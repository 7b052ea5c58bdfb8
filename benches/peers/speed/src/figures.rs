//! Figures as they are told, and the verdict on them.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// This thread's processor time so far.
pub fn thread_time() -> Duration {
    let told = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(told.tv_sec).unwrap();
    Duration::new(seconds, u32::try_from(told.tv_nsec).unwrap())
}

/// A time in microseconds.
pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The value that so many percent of all do not exceed; sorts them.
pub fn percentile(values: &mut [Duration], percent: usize) -> Duration {
    values.sort_unstable();
    values[(values.len() * percent / 100).min(values.len() - 1)]
}

/// The middle of all.
pub fn median(values: &mut [Duration]) -> Duration {
    percentile(values, 50)
}

/// Which promises were kept.
#[derive(Default)]
pub struct Verdict {
    broken: usize,
}

impl Verdict {
    /// Says whether a promise was kept.
    pub fn check(&mut self, promise: &str, is_kept: bool) {
        println!("  {} {promise}", if is_kept { "ok  " } else { "FAIL" });
        self.broken += usize::from(!is_kept);
    }

    /// Ends the process with an error if one was not.
    pub fn end(self) {
        if self.broken > 0 {
            eprintln!("{} of the limits broken", self.broken);
            std::process::exit(1);
        }
    }
}
