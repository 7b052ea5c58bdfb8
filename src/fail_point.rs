//! Named places at which a test kills the process or lets it hang. Without the feature
//! `fail-points`, which only tests have, they compile to nothing.
//!
//! `LOBD_FAIL_POINT=NAME[:N][=kill|pause]` chooses one: at its N-th passage, the first unless said
//! otherwise, the process sends itself SIGKILL, or the thread that passes stands still for ever. The
//! crate `fail` can do neither: it panics, returns or sleeps, and what unwinds or exits tidies up,
//! which a kill does not. What a point is called is said where it stands.

use std::fmt::Arguments;

#[cfg(feature = "fail-points")]
pub use armed::{is_due, strike};

/// Passes the point of this name.
#[cfg(feature = "fail-points")]
pub fn pass(point: Arguments<'_>) {
    if is_due(point) {
        strike();
    }
}

/// Passes the point of this name: nothing happens in a build without fail points.
#[cfg(not(feature = "fail-points"))]
#[inline(always)]
#[expect(clippy::inline_always, reason = "nothing is left of it, not even its argument")]
pub const fn pass(_point: Arguments<'_>) {}

#[cfg(feature = "fail-points")]
mod armed {
    use std::fmt::Arguments;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    const VARIABLE: &str = "LOBD_FAIL_POINT";

    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

    /// The one point that strikes.
    #[derive(Debug)]
    struct Armed {
        point: String,
        /// Passages until it does, this one included.
        passages_left: AtomicU64,
        act: Act,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Act {
        Kill,
        Pause,
    }

    /// Whether this passage of the point is the one at which to [`strike`].
    pub fn is_due(point: Arguments<'_>) -> bool {
        let Some(armed) = armed() else { return false };
        // Nothing is formatted but where a point is armed: that is a test that waits for it.
        armed.point == point.to_string() && armed.passages_left.fetch_sub(1, Ordering::Relaxed) == 1
    }

    /// Ends the process as the system's own SIGKILL would, or stands still.
    pub fn strike() {
        let Some(armed) = armed() else { return };
        tracing::error!(point = armed.point, act = ?armed.act, "a fail point strikes");
        if armed.act == Act::Kill {
            // It cannot be refused to oneself.
            let _ = kill_process(getpid(), Signal::KILL);
        }
        loop {
            std::thread::park();
        }
    }

    fn armed() -> Option<&'static Armed> {
        ARMED.get_or_init(read).as_ref()
    }

    fn read() -> Option<Armed> {
        let text = std::env::var_os(VARIABLE)?;
        let armed = text.to_str().and_then(parse);
        if armed.is_none() {
            tracing::error!(?text, "{VARIABLE} is not NAME[:N][=kill|pause]; no point strikes");
        }
        armed
    }

    fn parse(text: &str) -> Option<Armed> {
        let (place, act) = match text.rsplit_once('=') {
            Some((place, "kill")) => (place, Act::Kill),
            Some((place, "pause")) => (place, Act::Pause),
            Some(_) => return None,
            None => (text, Act::Kill),
        };
        let (point, passages) = match place.rsplit_once(':') {
            Some((point, number)) => (point, number.parse().ok().filter(|number| *number > 0)?),
            None => (place, 1),
        };
        let passages_left = AtomicU64::new(passages);
        (!point.is_empty()).then(|| Armed { point: point.to_owned(), passages_left, act })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_point_is_typed_as_its_name_a_passage_and_an_act() {
            let read = |text| {
                let armed = parse(text)?;
                Some((armed.point, armed.passages_left.into_inner(), armed.act))
            };
            let expected = |point: &str, passages, act| Some((point.to_owned(), passages, act));
            assert_eq!(read("fill received"), expected("fill received", 1, Act::Kill));
            let third = "sent POST /fapi/v1/order:3";
            assert_eq!(read(third), expected("sent POST /fapi/v1/order", 3, Act::Kill));
            assert_eq!(read("second received:8=pause"), {
                expected("second received", 8, Act::Pause)
            });
            for wrong in ["", "place durable=abort", "place durable:0", "place durable:x", ":2"] {
                assert_eq!(read(wrong), None, "{wrong:?}");
            }
        }
    }
}
